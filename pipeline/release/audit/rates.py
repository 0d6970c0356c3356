"""From verdicts to rates: the share of faulty rows of each category, by kind, with intervals."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist
from typing import get_args

from pipeline.core.edit_record import Category, Edit
from pipeline.core.manifest import AuditedCategory, AuditSummary, FaultRate
from pipeline.release.audit.faults import Fault
from pipeline.release.audit.sample import Stratum, stratum
from pipeline.release.audit.verdicts import Verdict
from pipeline.release.summary import in_percent

CONFIDENCE = 0.95
"""How often an interval holds the true share."""

_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)  # so many standard deviations around the middle
_DIGITS = 6  # of a share: more would differ between machines, and mean nothing


def wilson(hits: float, trials: float, z: float = _Z) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927, Journal of the American Statistical Association 22, 209-212).

    Args:
        hits: How often it happened; need not be whole.
        trials: Of how many times, above 0.
        z: Standard deviations; the default belongs to CONFIDENCE.

    >>> [round(end, 4) for end in wilson(0, 50)], [round(end, 4) for end in wilson(5, 50)]
    ([0.0, 0.0713], [0.0435, 0.2136])
    """
    share, square = hits / trials, z * z
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    half = z / (1 + square / trials) * math.sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    return (max(0.0, middle - half) if hits else 0.0), (min(1.0, middle + half) if hits < trials else 1.0)


def summarize(
    edits: Sequence[Edit], verdicts: Mapping[str, Verdict], faults: Sequence[Fault], stale: int = 0
) -> AuditSummary:
    """The rates of a release, by category.

    Rare relations are read more often than they occur, so each row read stands for as many rows as its relation has,
    divided by those read of it. The interval is Wilson's for as many rows as the weights are worth (Kish's effective
    sample size), which is what Franco et al. 2019 (Journal of Survey Statistics and Methodology 7) find sound for
    stratified samples. It leaves out that a small category may be read nearly whole, so it is rather too wide.

    Args:
        edits: Every row of the release.
        verdicts: Those that hold for it, by `case_id`.
        faults: Every kind.
        stale: How many verdicts do not hold.
    """
    sizes = Counter(map(stratum, edits))
    read = [(stratum(edit), verdicts[edit["case_id"]]) for edit in edits if edit["case_id"] in verdicts]
    readers = Counter(name for _, verdict in read for name in verdict.readers)
    present = {category for category, _ in sizes}
    return AuditSummary(
        readers=dict(sorted(readers.items())),
        stale=stale,
        categories=tuple(
            _category(category, sizes, [one for one in read if one[0][0] == category], faults)
            for category in get_args(Category)
            if category in present
        ),
    )


def _category(
    category: str, sizes: Mapping[Stratum, int], read: Sequence[tuple[Stratum, Verdict]], faults: Sequence[Fault]
) -> AuditedCategory:
    hard = {fault.kind for fault in faults if fault.hard}
    counts = Counter(key for key, _ in read)
    weighted = [(sizes[key] / counts[key], verdict) for key, verdict in read]
    rows = sum(size for key, size in sizes.items() if key[0] == category)

    def rate(is_hit: Callable[[frozenset[str]], bool]) -> FaultRate:
        return _rate([(weight, is_hit(verdict.faults)) for weight, verdict in weighted])

    return AuditedCategory(
        category=category,
        rows=rows,
        read=len(read),
        covered=round(sum(sizes[key] for key in counts) / rows, _DIGITS),
        any=rate(bool),
        hard=rate(lambda found: bool(found & hard)),
        kinds={
            fault.kind: rate(lambda found, kind=fault.kind: kind in found)
            for fault in faults
            if any(fault.kind in verdict.faults for _, verdict in read)
        },
    )


def _rate(hits: Sequence[tuple[float, bool]]) -> FaultRate:
    """The share of rows that are hit, each counted with its weight."""
    if not hits:
        return FaultRate(rows=0, share=0.0, low=0.0, high=1.0)
    total = math.fsum(weight for weight, _ in hits)
    share = math.fsum(weight for weight, hit in hits if hit) / total
    worth = total * total / math.fsum(weight * weight for weight, _ in hits)
    low, high = wilson(share * worth, worth)
    rows = sum(hit for _, hit in hits)
    return FaultRate(rows=rows, share=round(share, _DIGITS), low=round(low, _DIGITS), high=round(high, _DIGITS))


def written(summary: AuditSummary, faults: Sequence[Fault]) -> str:
    """The rates for a terminal: a table of categories, then one of the kinds that were found."""
    head = ["category", "read", "of", "any fault", "share (95 %)", "hard", "share (95 %)"]
    lines = [head, *(_line(one) for one in summary.categories)]
    found = [fault for fault in faults if any(fault.kind in one.kinds for one in summary.categories)]
    kinds = [["kind", *(one.category for one in summary.categories)]]
    kinds += [[fault.name, *(cell(one, fault.kind) for one in summary.categories)] for fault in found]
    notes = ["", unread_relations(summary)] if unread_relations(summary) else []
    return "\n".join([*_columns(lines), *(["", *_columns(kinds)] if found else []), *notes])


def unread_relations(summary: AuditSummary) -> str:
    """What the shares do not speak of, in a sentence; empty if a row of every relation was read."""
    partly = [one for one in summary.categories if 0 < one.covered < 1]
    if not partly:
        return ""
    listed = ", ".join(f"{in_percent(one.covered, 1)} of {one.category}" for one in partly)
    return f"Of some relations no row was read. The shares stand for the others: {listed}."


def _line(one: AuditedCategory) -> list[str]:
    numbers = [f"{one.read:,}", f"{one.rows:,}"]
    if not one.read:
        return [one.category, *numbers, "", "", "", ""]
    return [one.category, *numbers, str(one.any.rows), interval(one.any), str(one.hard.rows), interval(one.hard)]


def cell(one: AuditedCategory, kind: str) -> str:
    """How often a kind of fault was found in a category."""
    rate = one.kinds.get(kind)
    return f"{rate.rows}: {interval(rate)}" if rate else "0" if one.read else ""


def interval(rate: FaultRate) -> str:
    """A share and its interval in percent.

    >>> interval(FaultRate(rows=1, share=0.02, low=0.0035, high=0.105))
    '2.0 (0.4–10.5)'
    """
    return f"{100 * rate.share:.1f} ({100 * rate.low:.1f}–{100 * rate.high:.1f})"


def _columns(lines: Sequence[Sequence[str]]) -> list[str]:
    first, *others = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join([name.ljust(first), *(cell.rjust(width) for cell, width in zip(cells, others, strict=True))]).rstrip()
        for name, *cells in lines
    ]
