"""Draws the charts of a release as PNG files; no other module imports matplotlib.

The same charts give the same bytes: fonts are those that ship with matplotlib, sizes are fixed, and no setting of a
user's own matplotlibrc counts. A figure is as wide as the text of a README. Places on it are in inches from its
upper left corner; only histograms have axes with ticks.
"""

import logging
import math
import textwrap
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.resources import data_cards_folder
from pipeline.core.tables import whole_file
from pipeline.release.charts import Chart, Funnel, Histograms, Rows, Span, Spans, Stage, Table, main_reasons
from pipeline.release.histograms import MINUS, Signal, step_of
from pipeline.release.summary import EVERY_CATEGORY, in_words

if TYPE_CHECKING:
    # Imported when the first figure is drawn: commands that draw nothing should not wait for it.
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 150
_WIDTH = 6.0  # inches: 900 pixels
_MARGIN = 0.12

_INK, _GREY, _PALE, _STRIPE = "#222222", "#666666", "#cfcfcf", "#f6f6f6"
_COLOURS = {  # after Okabe and Ito: colour-blind readers can distinguish them
    "recent": "#D55E00",
    "popular": "#0072B2",
    "long_tail": "#009E73",
    "robust": "#AA4C84",
    EVERY_CATEGORY: "#444444",
}
_TINTS = {"recent": "#F3CBAE", "popular": "#B3D3E7", "long_tail": "#B0DFD1", "robust": "#E3C6D8"}


def draw_figures(charts: Mapping[str, Chart], folder: Path) -> list[Path]:
    """Draw the figures of a release.

    Args:
        charts: Its charts by name (`make_charts`).
        folder: Where to; made if it is not there.

    Returns:
        The PNG files, in the order of the charts.

    Raises:
        StorageError: The disk refused a write.
    """
    paths: list[Path] = []
    with house_style():
        for name, chart in charts.items():
            paths.append(folder / f"{name}.png")
            with whole_file(paths[-1]) as part:
                # Left alone, matplotlib writes its version into the file.
                draw(chart).savefig(part, format="png", dpi=_DPI, metadata={"Software": None})
    return paths


@contextmanager
def house_style() -> Generator[None]:
    """Matplotlib's own defaults and our style, whatever a user has set."""
    # It logs that it builds a cache or cannot write one: a user of editmill can do nothing about that.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    import matplotlib

    style = data_cards_folder() / "figures.mplstyle"
    with matplotlib.rc_context(matplotlib.rc_params_from_file(style, use_default_template=True)):
        yield


def draw(chart: Chart) -> "Figure":
    """Draw a chart in the current style."""
    match chart:
        case Histograms():
            return _draw_histograms(chart)
        case Table():
            return _draw_table(chart)
        case Rows():
            return _draw_rows(chart)
        case Funnel():
            return _draw_funnel(chart)
        case Spans():
            return _draw_spans(chart)


@dataclass(frozen=True)
class _Sheet:
    """A figure on which places are in inches from its upper left corner."""

    figure: "Figure"
    axes: "Axes"
    top: float  # where its title ends
    height: float

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 7.5,
        colour: str = _INK,
        *,
        ha: str = "left",
        weight: str = "normal",
    ) -> None:
        """Write a line with its middle at y."""
        self.axes.text(x, y, text, fontsize=size, color=colour, ha=ha, va="center_baseline", weight=weight)

    def bar(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Draw a bar from x on, with its middle at y."""
        self.axes.barh(y, width, height, x, color=colour, linewidth=0)

    def panel(self, x: float, y: float, width: float, height: float) -> "Axes":
        """Axes of their own, with the upper left corner at (x, y)."""
        bottom = 1 - (y + height) / self.height
        return self.figure.add_axes((x / _WIDTH, bottom, width / _WIDTH, height / self.height), yticks=[])


def _sheet(title: str, note: str, body: float) -> _Sheet:
    """A sheet with its title, its note, and so many inches below them."""
    from matplotlib.figure import Figure

    titles, notes = _lines(title, 70), _lines(note, 108)
    below_titles = _MARGIN + 0.1 + 0.19 * len(titles)
    top = below_titles + 0.13 * len(notes) + 0.12
    height = top + body + _MARGIN
    figure = Figure(figsize=(_WIDTH, height), dpi=_DPI)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, _WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    sheet = _Sheet(figure, axes, top, height)
    for place, line in enumerate(titles):
        sheet.text(_MARGIN, _MARGIN + 0.09 + 0.19 * place, line, 10, weight="bold")
    for place, line in enumerate(notes):
        sheet.text(_MARGIN, below_titles + 0.13 * place, line, 7, _GREY)
    return sheet


def _lines(text: str, width: int) -> list[str]:
    """A text in as few lines as the width allows, of about the same length."""
    count = len(textwrap.wrap(text, width, break_on_hyphens=False))
    wrapped = (textwrap.wrap(text, narrow, break_on_hyphens=False) for narrow in range(width // 2, width + 1))
    return next(lines for lines in wrapped if len(lines) == count)


def _draw_histograms(chart: Histograms) -> "Figure":
    """A row for each category, a column for each signal."""
    categories = list(chart.signals[0].values)
    left, gap, row = 1.2, 0.18, 0.8
    sheet = _sheet(chart.title, chart.note, row * len(categories) + 0.5)
    top = sheet.top + 0.1
    width = (_WIDTH - left - 2 * _MARGIN - gap * (len(chart.signals) - 1)) / len(chart.signals)
    for place, category in enumerate(categories):
        y = top + row * place
        sheet.text(_MARGIN, y + 0.3, in_words(category), 8.5, _COLOURS[category], weight="bold")
        sheet.text(_MARGIN, y + 0.46, f"{len(chart.signals[0].values[category]):,} subjects", 7, _GREY)
        if chart.signals[-1].threshold is not None:
            sheet.text(_MARGIN, y + 0.6, f"{chart.signals[-1].share_below(category)} at or below", 7, _GREY)
    for column, signal in enumerate(chart.signals):
        x = left + column * (width + gap)
        panels = {name: sheet.panel(x, top + row * place, width, row - 0.1) for place, name in enumerate(categories)}
        _fill(panels, signal)
    return sheet.figure


def _fill(panels: Mapping[str, "Axes"], signal: Signal) -> None:
    """Draw a signal into the panels of its categories, all with the same bins and scales."""
    heights = {category: signal.heights(category) for category in panels}
    first, last = list(panels.values())[0], list(panels.values())[-1]
    for category, panel in panels.items():
        for bar, height in zip(signal.bars, heights[category], strict=True):
            colour = _COLOURS[category] if bar.is_below else _TINTS[category]
            panel.bar(bar.start, height, bar.width, align="edge", color=colour, edgecolor="white", linewidth=0.6)
        panel.set_ylim(0, 1.35 * max(map(max, heights.values())))
        start, end = signal.bars[0].start, signal.bars[-1].start + signal.bars[-1].width
        panel.set_xlim(start - 0.02 * (end - start), end + 0.02 * (end - start))
        if signal.threshold is not None:
            panel.axvline(signal.limit, color=_INK, linewidth=0.8, linestyle=(0, (3, 2)))
        label = panel.text(1, 1, f"median {signal.median(category)}", transform=panel.transAxes, ha="right", va="top")
        label.set(fontsize=7, color=_GREY, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
        panel.set_xticks(list(signal.ticks), list(signal.ticks.values()))
        panel.tick_params(labelbottom=panel is last)
    last.set_xlabel(signal.label)
    if signal.threshold is not None:
        label, (start, end) = f"threshold {signal.written(signal.threshold)}", first.get_xlim()
        place = (signal.limit - start) / (end - start)
        side = "left" if place < 0.1 else "right" if place > 0.9 else "center"
        first.text(place, 1.04, label, transform=first.transAxes, ha=side, va="bottom", fontsize=7)


def _draw_table(chart: Table) -> "Figure":
    """A row for each name, with a bar and a number in the column of each category."""
    left, row, head = 1.72, 0.165, 0.36
    sheet = _sheet(chart.title, chart.note, head + row * len(chart.names))
    column = (_WIDTH - left - _MARGIN) / len(chart.counts)
    ys = {key: sheet.top + head + row * (place + 0.5) for place, key in enumerate(chart.names)}
    for place, (key, name) in enumerate(chart.names.items()):
        if place % 2:
            sheet.bar(_MARGIN, ys[key], _WIDTH - 2 * _MARGIN, row, _STRIPE)
        sheet.text(left - 0.1, ys[key], name, 7, ha="right")
    for place, (category, counts) in enumerate(chart.counts.items()):
        x = left + place * column
        sheet.text(x, sheet.top + 0.06, in_words(category), 8.5, _COLOURS[category], weight="bold")
        sheet.text(x, sheet.top + 0.2, f"{counts.total():,} edits", 7, _GREY)
        scale = (column - 0.45) / max(counts.values())
        for key, y in ys.items():
            if counts[key]:
                width = max(counts[key] * scale, 0.01)
                sheet.bar(x, y, width, row * 0.62, _COLOURS[category])
                sheet.text(x + width + 0.04, y, f"{counts[key]:,}", 6.5)
    return sheet.figure


def _draw_rows(chart: Rows) -> "Figure":
    """One bar under the other, with its name to the left and its meaning below."""
    left, row = 1.15, 0.3
    sheet = _sheet(chart.title, chart.note, row * len(chart.rows))
    scale = (_WIDTH - left - 0.65) / max(found.number for found in chart.rows)
    for place, found in enumerate(chart.rows):
        y = sheet.top + row * place + 0.06
        sheet.text(left - 0.1, y, found.name, ha="right", weight="bold" if found.is_marked else "normal")
        sheet.bar(left, y, found.number * scale, 0.12, _COLOURS["recent"] if found.is_marked else _PALE)
        sheet.text(left + found.number * scale + 0.05, y, f"{found.number:,}", 7)
        sheet.text(left, y + 0.13, found.about, 6.5, _GREY)
    return sheet.figure


def _draw_funnel(chart: Funnel) -> "Figure":
    """A block for each category with a bar for each of its stages."""
    row, head = 0.36, 0.32
    rows = sum(map(len, chart.stages.values()))
    sheet = _sheet(chart.title, chart.note, row * rows + head * len(chart.stages) - 0.12)
    y = sheet.top + 0.06
    for category, stages in chart.stages.items():
        sheet.text(_MARGIN, y, in_words(category), 8.5, _COLOURS[category], weight="bold")
        y += head - 0.1
        for stage in stages:
            _draw_stage(sheet, y, stage, _COLOURS[category])
            y += row
        y += 0.1
    return sheet.figure


def _draw_stage(sheet: _Sheet, y: float, stage: Stage, colour: str) -> None:
    left, right, gap = 0.85, _WIDTH - 1.72, 0.008
    scale = (right - left) / max(stage.taken_in, 1)
    x = left + stage.kept * scale
    sheet.text(left - 0.1, y, stage.name, ha="right")
    sheet.bar(left, y, x - left, 0.13, colour)
    for count in stage.dropped.values():
        sheet.bar(x + gap, y, max(count * scale - gap, 0), 0.13, _PALE)
        x += count * scale
    sheet.text(right + 0.08, y, f"{stage.kept:,} of {stage.taken_in:,}", 7)
    sheet.text(left, y + 0.15, main_reasons(stage.dropped), 6.5, _GREY)


def _draw_spans(chart: Spans) -> "Figure":
    """A row for each length of names, a panel for each class of sentences."""
    left, gap, row, head = 1.15, 0.25, 0.3, 0.42
    lengths = list(dict.fromkeys(span.name for spans in chart.panels.values() for span in spans))
    sheet = _sheet(chart.title, chart.note, head + row * len(lengths) + 0.25)
    _name_categories(sheet, left)
    ys = {name: 0.5 + place for place, name in enumerate(lengths)}
    for name, place in ys.items():
        sheet.text(left - 0.1, sheet.top + head + row * place, f"{name} bytes", 7, ha="right")
    width = (_WIDTH - left - _MARGIN - gap * (len(chart.panels) - 1)) / len(chart.panels)
    for place, (sentences, spans) in enumerate(chart.panels.items()):
        x = left + place * (width + gap)
        sheet.text(x, sheet.top + head - 0.12, sentences, 7.5, weight="bold")
        panel = sheet.panel(x, sheet.top + head, width, row * len(lengths))
        panel.set_ylim(len(lengths), 0)
        for span in spans:
            _draw_span(panel, ys[span.name], span)
        _scale(panel)
    return sheet.figure


def _scale(panel: "Axes") -> None:
    """Ticks at round numbers where there is something to see, and room for a number to the right of it."""
    start, end = panel.get_xlim()
    step = step_of(end - start, 4)
    ticks = [place * step for place in range(math.ceil(start / step), math.floor(end / step) + 1)]
    decimals = 2 if step < 0.1 else 1 if step < 1 else 0
    panel.set_xticks(ticks, [f"{tick:.{decimals}f}".replace("-", MINUS) for tick in ticks])
    panel.set_xlim(start, end + 0.2 * (end - start))


def _name_categories(sheet: _Sheet, x: float) -> None:
    for category in ("popular", "long_tail"):
        sheet.bar(x, sheet.top + 0.06, 0.2, 0.08, _COLOURS[category])
        sheet.text(x + 0.26, sheet.top + 0.06, in_words(category), 7.5, _COLOURS[category], weight="bold")
        x += 1.1


def _draw_span(panel: "Axes", y: float, span: Span) -> None:
    for category, shift in (("popular", -0.2), ("long_tail", 0.2)):
        if category in span.middles:
            low, median, high = span.middles[category]
            panel.barh(y + shift, high - low, 0.26, low, color=_TINTS[category], linewidth=0)
            panel.plot([median, median], [y + shift - 0.13, y + shift + 0.13], color=_COLOURS[category], linewidth=2)
    panel.plot([span.threshold, span.threshold], [y - 0.42, y + 0.42], color=_INK, linewidth=1)
    written = f"{span.threshold:.2f}".replace("-", MINUS)
    panel.text(1, y, written, transform=panel.get_yaxis_transform(), ha="right", va="center", fontsize=7)
