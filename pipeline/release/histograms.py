"""The histogram of a signal: bins that end at the threshold, on a logarithmic axis for counts."""

import math
import statistics
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, get_args

from pipeline.core.edit_record import Category, Edit
from pipeline.release.summary import in_percent

_MANY = 5_000  # with counts beyond, bins double, and not every power of ten is written out
MINUS = "\N{MINUS SIGN}"


class Bar(NamedTuple):
    """A bin of a histogram, in the units of the axis."""

    start: float
    width: float
    is_below: bool  # at or below the threshold


@dataclass(frozen=True)
class Signal:
    """A signal of the subjects of each category, and its histogram.

    Bins hold their upper end and one of them ends at the threshold, so that no bar is partly above it. Counts have
    a logarithmic axis, with a separate bin for zero.

    Attributes:
        label: What is measured.
        values: One value a subject, for each category that has any.
        threshold: The highest value of a long-tail subject, if there is such a limit.
        is_count: Whether values are counts.
    """

    label: str
    values: Mapping[str, Sequence[float]]
    threshold: float | None
    is_count: bool

    @classmethod
    def of(
        cls,
        label: str,
        edits: Iterable[Edit],
        value: Callable[[Edit], float | None],
        threshold: float | None = None,
        *,
        is_count: bool = True,
    ) -> "Signal":
        """A signal of the subjects of some edits, each subject counted once in its category."""
        found = {(edit["category"], edit["subject_id"]): value(edit) for edit in edits}
        values: dict[str, list[float]] = {name: [] for name in get_args(Category)}
        for (category, _), measured in found.items():
            if measured is not None:
                values[category].append(measured)
        return cls(label, {name: some for name, some in values.items() if some}, threshold, is_count)

    def written(self, value: float) -> str:
        """A value as text."""
        return f"{value:,.0f}" if self.is_count else f"{value:.2f}".replace("-", MINUS)

    def median(self, category: str) -> str:
        """The median; with an even number of subjects the lower of the two middle values."""
        return self.written(statistics.median_low(self.values[category]))

    def share_below(self, category: str) -> str:
        """The share of subjects at or below the threshold."""
        values, threshold = self.values[category], self.threshold or 0
        return in_percent(sum(value <= threshold for value in values), len(values))

    @property
    def limit(self) -> float:
        """The threshold in the units of the axis; infinity if there is none."""
        if self.threshold is None:
            return math.inf
        return math.log10(self.threshold + 0.5) if self.is_count else self.threshold

    @cached_property
    def bars(self) -> Sequence[Bar]:
        """The bins; their heights differ between categories."""
        places = [math.log10(edge) for edge in self._edges] if self.is_count else self._edges
        ends = zip(places, places[1:], strict=False)
        bars = [Bar(start, end - start, end <= self.limit + 1e-9) for start, end in ends]
        return [Bar(min(places[0] - 0.42, -0.75), 0.3, True), *bars] if self._has_zero else bars

    def heights(self, category: str) -> Sequence[float]:
        """The share of subjects in each bin for its width on the axis, so that areas compare."""
        counts = [0] * len(self._edges)
        for value in self.values[category]:
            counts[bisect_left(self._edges, value)] += 1
        shown = counts if self._has_zero else counts[1:]
        return [count / sum(counts) / bar.width for count, bar in zip(shown, self.bars, strict=True)]

    @property
    def ticks(self) -> Mapping[float, str]:
        """The places of the ticks on the axis, with their labels."""
        start, end = self._edges[0], self._edges[-1]
        if self.is_count:
            zero = {self.bars[0].start + 0.15: "0"} if self._has_zero else {}
            powers = range(math.ceil(math.log10(end)))
            every = 2 if len(powers) > 4 else 1
            return zero | {float(power): "" if power % every else _short(10**power) for power in powers}
        step = step_of(end - start, 8)
        places = [place * step for place in range(math.ceil(start / step), math.floor(end / step) + 1)]
        return {place: f"{place:.{2 if step < 0.1 else 1 if step < 1 else 0}f}".replace("-", MINUS) for place in places}

    @cached_property
    def _has_zero(self) -> bool:
        return self.is_count and any(0 in values for values in self.values.values())

    @cached_property
    def _edges(self) -> Sequence[float]:
        marked = [] if self.threshold is None else [self.threshold]  # to be seen, wherever the subjects are
        low, high = min([*marked, *map(min, self.values.values())]), max([*marked, *map(max, self.values.values())])
        if self.is_count:
            factor = 2 if high > _MANY else math.sqrt(2)
            edges = _halved(16.5 if self.threshold is None else self.threshold + 0.5, factor)
            while edges[-1] < high:  # in steps that never skip a whole number
                edges.append(edges[-1] * (2 if edges[-1] < 4 else factor))
            return edges
        anchor, width = self.threshold or 0.0, step_of(high - low, 30)
        first, last = math.ceil((low - anchor) / width) - 1, math.ceil((high - anchor) / width)
        return [anchor + step * width for step in range(first, last + 1)]


def _halved(edge: float, factor: float) -> list[float]:
    """Edges from below 1 up to the given one; each two have a whole number between them."""
    return [edge] if edge < 1 else [*_halved(edge / (factor if edge > 6 else 2), factor), edge]


def step_of(span: float, most: int) -> float:
    """The smallest round number that goes into a span at most this many times."""
    steps = (factor * 10.0**power for power in range(-2, 6) for factor in (1, 2, 5))
    return next(step for step in steps if span / step <= most)


def _short(power: int) -> str:
    """A power of ten for an axis: 1, 10, 100, 1k, 10k, 1M."""
    for factor, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if power >= factor:
            return f"{power // factor}{unit}"
    return str(power)
