"""LIKELIHOOD_AUC: how well the scores of a model separate popular heads from long-tail ones.

A popular head is one of the most viewed and not rare; a long-tail head is rare and not among the most viewed. Rare is
what is at or below the thresholds of frequency and degree. The area under the ROC curve (AUC) is the share of pairs of
a popular and a long-tail head in which the popular one has the higher score; 0.5 is what chance gives. Spearman's rank
correlation (rho) is with degree, over all heads. Both are also taken within the strata of thresholds, where the length
of a name plays no part.

Of the bundled model more can be told: how it does on heads that it was told nothing about.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import StatisticsError, correlation
from typing import NamedTuple

from pipeline.core import schema
from pipeline.core.settings import Settings
from pipeline.core.tables import Database, write_rows
from pipeline.lm import bundled

_DECIMALS = 4

_HEADS = """
WITH viewed AS (SELECT id FROM popularity ORDER BY page_views DESC, id LIMIT {most})
SELECT n.id, n.carrier_class, n.min_bytes AS stratum, n.value, coalesce(d.in_degree + d.out_degree, 0) AS degree,
    n.id IN (FROM viewed) AS is_viewed,
    coalesce(f.frequency, 0) <= (SELECT threshold FROM thresholds WHERE measure = 'frequency')
        AND coalesce(d.in_degree + d.out_degree, 0) <= (SELECT threshold FROM thresholds WHERE measure = 'degree')
        AS is_rare
FROM judged_names n LEFT JOIN frequency f USING (id) LEFT JOIN degree d USING (id)
WHERE n.threshold IS NOT NULL
ORDER BY n.carrier_class DESC, n.id
"""


class Head(NamedTuple):
    """A scored head."""

    id: int
    carrier_class: str
    stratum: int
    value: float
    degree: int
    is_viewed: bool
    is_rare: bool

    @property
    def is_popular(self) -> bool:
        """Whether it is one of the most viewed and not rare."""
        return self.is_viewed and not self.is_rare

    @property
    def is_long_tail(self) -> bool:
        """Whether it is rare and not among the most viewed."""
        return self.is_rare and not self.is_viewed


def measure_likelihood_auc(database: Database, settings: Settings, out: Path) -> Path:
    """Write LIKELIHOOD_AUC.

    Args:
        database: A session with the views of `selection.open_views` and `thresholds.find_thresholds`.
        settings: How many of the most viewed items count as popular.
        out: The file to write.
    """
    found = database.table(_HEADS.format(most=settings.popular.heads)).to_pylist()
    heads = [Head(**row) for row in found]
    groups: dict[str, Callable[[Head], bool]] = {"all": lambda _: True}
    if bundled.SHOWN_NAME in database.table("SELECT model FROM models")["model"].to_pylist():
        groups["held_out"] = lambda head: bundled.is_held_out(head.id)
    rows = [
        (name, kind, *_measures([head for head in heads if head.carrier_class == kind and takes(head)]))
        for name, takes in groups.items()
        for kind in dict.fromkeys(head.carrier_class for head in heads)
    ]
    return write_rows(rows, out, schema.LIKELIHOOD_AUC)


def _measures(heads: Sequence[Head]) -> tuple[int | float | None, ...]:
    """How many heads there are, and how well they are told apart."""
    strata: defaultdict[int, list[Head]] = defaultdict(list)
    for head in heads:
        strata[head.stratum].append(head)
    measures = (
        _weighted([_auc(heads)]),
        _weighted(map(_auc, strata.values())),
        _weighted([_rho(heads)]),
        _weighted(map(_rho, strata.values())),
    )
    return len(heads), sum(h.is_popular for h in heads), sum(h.is_long_tail for h in heads), *measures


def _auc(heads: Iterable[Head]) -> tuple[float, int]:
    """The area under the ROC curve, and of how many pairs."""
    sides: Mapping[bool, list[float]] = {True: [], False: []}
    for head in heads:
        if head.is_popular or head.is_long_tail:
            sides[head.is_popular].append(head.value)
    return auc(sides[True], sides[False]), len(sides[True]) * len(sides[False])


def _rho(heads: Sequence[Head]) -> tuple[float, int]:
    """The rank correlation with degree, and of how many heads; of none if all have the same score or degree."""
    try:
        return spearman([head.value for head in heads], [float(head.degree) for head in heads]), len(heads)
    except StatisticsError:
        return 0.0, 0


def _weighted(measures: Iterable[tuple[float, int]]) -> float | None:
    """The mean of numbers by their weights; None without any weight."""
    measured = list(measures)
    total = sum(weight for _, weight in measured)
    return round(sum(value * weight for value, weight in measured) / total, _DECIMALS) if total else None


def auc(high: Sequence[float], low: Sequence[float]) -> float:
    """The share of pairs in which the first number is the higher one; pairs that are equal count half.

    >>> auc([3, 2], [1, 2]), auc([], [1])
    (0.875, 0.5)
    """
    in_order = sorted(low)
    below = sum(bisect_left(in_order, value) + bisect_right(in_order, value) for value in high)
    return below / (2 * len(high) * len(low)) if high and low else 0.5


def spearman(left: Sequence[float], right: Sequence[float]) -> float:
    """The correlation of ranks; equal numbers share the mean of their ranks.

    Raises:
        StatisticsError: One side has no two different numbers.

    >>> spearman([1, 2, 3], [10, 30, 20])
    0.5
    """
    return correlation(_ranks(left), _ranks(right))


def _ranks(values: Sequence[float]) -> list[float]:
    in_order = sorted(values)
    return [(bisect_left(in_order, value) + bisect_right(in_order, value) + 1) / 2 for value in values]
