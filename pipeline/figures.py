"""The figures of a release, as PNG; nothing else knows matplotlib.

The same manifest and edits give the same bytes: fonts are those that ship with matplotlib, sizes are fixed, and no
setting of a user's own matplotlibrc counts. A figure is as wide as the text of a README, and its title says what it
shows. Tables of bars are drawn on a sheet measured in inches; only distributions have axes with ticks.
"""

import logging
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.manifest import Manifest
from pipeline.records import Edit
from pipeline.report import EVERY_CATEGORY, Signal, categories_of, funnel, in_percent, in_words, signal_of, threshold_of
from pipeline.schema import CHANGE_CLASSES
from pipeline.tables import whole_file
from pipeline.templates import RELATION_COUNT

if TYPE_CHECKING:
    # Imported when the first figure is drawn: commands that draw nothing should not wait for it.
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 150
_WIDTH = 6.0  # inches: 900 pixels
_MARGIN = 0.12

_INK, _GREY, _PALE, _HAIR = "#222222", "#666666", "#cfcfcf", "#ebebeb"
_COLOURS = {  # after Okabe and Ito: told apart by colour-blind readers
    "recent": "#D55E00",
    "popular": "#0072B2",
    "long_tail": "#009E73",
    "robust": "#AA4C84",
    EVERY_CATEGORY: "#444444",
}
_TINTS = {"recent": "#F3CBAE", "popular": "#B3D3E7", "long_tail": "#B0DFD1", "robust": "#E3C6D8"}
_STYLE = {
    "font.family": "DejaVu Sans",
    "text.color": _INK,
    "axes.edgecolor": _GREY,
    "axes.labelcolor": _GREY,
    "axes.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "xtick.color": _GREY,
    "xtick.labelsize": 7,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.6,
}


def draw_figures(manifest: Manifest, edits: Sequence[Edit], folder: Path) -> list[Path]:
    """Draw the figures of a release.

    Args:
        manifest: Its manifest.
        edits: Its rows.
        folder: Where to; made if it is not there.

    Returns:
        The PNG files, in the order of their names. A figure with nothing to show is not drawn.

    Raises:
        StorageError: The disk refused a write.
    """
    paths: list[Path] = []
    with house_style():
        for name, draw in sorted(FIGURES.items()):
            if (figure := draw(manifest, edits)) is not None:
                paths.append(folder / f"{name}.png")
                with whole_file(paths[-1]) as part:
                    # Left alone, matplotlib writes its version into the file.
                    figure.savefig(part, format="png", dpi=_DPI, metadata={"Software": None})
    return paths


@contextmanager
def house_style() -> Iterator[None]:
    """Matplotlib's own defaults and our style, whatever a user has set."""
    # It tells of a cache that it builds or cannot write: nothing that a user of editmill could act upon.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


@dataclass(frozen=True)
class _Sheet:
    """A figure on which places are told in inches from its upper left corner."""

    figure: "Figure"
    axes: "Axes"
    top: float  # where its title ends
    height: float

    def text(self, x: float, y: float, text: str, size: float = 7.5, colour: str = _INK, **how: str) -> None:
        """Write a line with its middle at y."""
        self.axes.text(x, y, text, fontsize=size, color=colour, **({"va": "center_baseline"} | how))

    def bar(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Draw a bar from x on, with its middle at y."""
        self.axes.barh(y, width, height, x, color=colour, linewidth=0)

    def panel(self, x: float, y: float, width: float, height: float) -> "Axes":
        """Axes of their own, with the upper left corner at (x, y)."""
        bottom = 1 - (y + height) / self.height
        return self.figure.add_axes((x / _WIDTH, bottom, width / _WIDTH, height / self.height), yticks=[])


def _sheet(title: str, note: str, body: float) -> _Sheet:
    """A sheet with its title, a note that tells how to read it, and so many inches below."""
    from matplotlib.figure import Figure

    titles, notes = textwrap.wrap(title, 64), textwrap.wrap(note, 100)
    top = _MARGIN + 0.19 * len(titles) + 0.13 * len(notes) + 0.16
    height = top + body + _MARGIN
    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, _WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    sheet = _Sheet(figure, axes, top, height)
    for place, line in enumerate(titles):
        sheet.text(_MARGIN, _MARGIN + 0.09 + 0.19 * place, line, 10, weight="bold")
    for place, line in enumerate(notes):
        sheet.text(_MARGIN, _MARGIN + 0.1 + 0.19 * len(titles) + 0.13 * place, line, 7, _GREY)
    return sheet


# Distributions: a panel for each category and signal


def _frequency(manifest: Manifest, edits: Sequence[Edit]) -> "Figure | None":
    threshold = threshold_of(manifest, "frequency")
    signal = signal_of("statements that mention the subject", edits, lambda edit: edit["frequency"], threshold)
    told = "Half of the long-tail subjects are mentioned at most {} times, half of the popular ones at most {} times"
    title = _contrast(signal, told, "How often the subjects of edits are mentioned")
    note = "Subjects of each category by the number of statements that mention them; logarithmic axis."
    return _distributions(title, note, [signal])


def _degree(manifest: Manifest, edits: Sequence[Edit]) -> "Figure | None":
    threshold = threshold_of(manifest, "degree")
    signals = [
        signal_of("in-degree", edits, lambda edit: edit["in_degree"]),
        signal_of("out-degree", edits, lambda edit: edit["out_degree"]),
        signal_of("in- and out-degree", edits, lambda edit: edit["in_degree"] + edit["out_degree"], threshold),
    ]
    told = "Half of the long-tail subjects have at most {} neighbours, half of the popular ones at most {}"
    title = _contrast(signals[-1], told, "How many neighbours the subjects of edits have")
    note = "Subjects of each category by the number of distinct items that they are joined to; logarithmic axes."
    return _distributions(title, note, signals)


def _likelihood(manifest: Manifest, edits: Sequence[Edit]) -> "Figure | None":
    if manifest.model is None:
        return None
    threshold = threshold_of(manifest, "log_likelihood_mean")
    label = "mean log-likelihood of the subject's name, nats per token"
    signal = signal_of(label, edits, lambda edit: edit["log_likelihood_mean"], threshold, is_count=False)
    told = "The median name of a long-tail subject gets {} nats per token, that of a popular subject {}"
    title = _contrast(signal, told, "How likely a language model finds the names of subjects")
    note = f"Scored subjects of each category by the score that {manifest.model.name} gives their names."
    return _distributions(title, note, [signal])


def _contrast(signal: Signal, told: str, otherwise: str) -> str:
    """A title that sets long-tail subjects against popular ones, if the release has both."""
    if not {"long_tail", "popular"} <= set(signal.values):
        return otherwise
    return told.format(signal.median("long_tail"), signal.median("popular"))


def _distributions(title: str, note: str, signals: Sequence[Signal]) -> "Figure | None":
    """A row for each category, a column for each signal."""
    categories = list(signals[0].values)
    if not categories:
        return None
    told = " Full colour: at or below the long-tail threshold." if signals[-1].threshold is not None else ""
    left, gap, row = 1.2, 0.18, 0.8
    sheet = _sheet(title, note + told, row * len(categories) + 0.56)
    top, width = sheet.top + 0.14, (_WIDTH - left - 2 * _MARGIN - gap * (len(signals) - 1)) / len(signals)
    for place, category in enumerate(categories):
        y = top + row * place
        sheet.text(_MARGIN, y + 0.44, in_words(category), 8.5, _COLOURS[category], weight="bold")
        sheet.text(_MARGIN, y + 0.6, f"{len(signals[0].values[category]):,} subjects", 7, _GREY)
    for column, signal in enumerate(signals):
        x = left + column * (width + gap)
        places = [top + row * place for place in range(len(categories))]
        panels = [sheet.panel(x, y, width, row - 0.1) for y in places]
        _fill(dict(zip(categories, panels, strict=True)), signal)
    return sheet.figure


def _fill(panels: Mapping[str, "Axes"], signal: Signal) -> None:
    """Draw a signal into its panels, all with the same bins and scales."""
    shares = {category: signal.shares(category) for category in panels}
    for category, panel in panels.items():
        for bar, share in zip(signal.bars, shares[category], strict=True):
            colour = _COLOURS[category] if bar.is_below else _TINTS[category]
            panel.bar(bar.start, share, bar.width, align="edge", color=colour, edgecolor="white", linewidth=0.6)
        panel.set_ylim(0, 1.35 * max(map(max, shares.values())))
        panel.set_xlim(signal.bars[0].start - 0.05, signal.bars[-1].start + signal.bars[-1].width)
        told = f"median {signal.median(category)}"
        if signal.threshold is not None:
            told += f"\n{signal.share_below(category)} long tail"
            panel.axvline(signal.limit, color=_INK, linewidth=0.8, linestyle=(0, (3, 2)))
        panel.text(1, 1, told, transform=panel.transAxes, ha="right", va="top", fontsize=7, color=_GREY)
        if signal.ticks:
            panel.set_xticks(list(signal.ticks), list(signal.ticks.values()))
        panel.tick_params(labelbottom=False)
    first, last = list(panels.values())[0], list(panels.values())[-1]
    last.tick_params(labelbottom=True)
    last.set_xlabel(signal.label)
    if signal.threshold is not None:
        place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "ha": "center", "fontsize": 7}
        first.annotate(f"threshold {signal.written(signal.threshold)}", (signal.limit, 1), (0, 3), **place)
