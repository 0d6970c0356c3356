"""Matches the statements of two states of an item: by id in any case, then removed and added ones by value.

Values are compared by their keys (`values.snak_key`): hashes, key order and redundant fields change when a statement
is entered again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pipeline.core import times
from pipeline.sources.diff.item_statements import Claim
from pipeline.sources.entities.model import END, START, WholeSnak, WholeStatement
from pipeline.sources.entities.values import snak_key, whole_snak_columns

Difference = tuple[str, Claim | None, Claim | None]  # kind, older side, newer side
QualifierDate = tuple[int | None, str | None, int | None, int | None]  # property, time, precision, calendar
NO_DATE: QualifierDate = (None, None, None, None)


def find_differences(before: dict[str, Claim], after: dict[str, Claim]) -> Iterator[Difference]:
    """Kind and both sides of every difference."""
    for key, claim in before.items():
        if key in after:
            for kind in _kinds(claim, after[key]):
                yield kind, claim, after[key]
    removed = _by_property(claim for key, claim in before.items() if key not in after)
    added = _by_property(claim for key, claim in after.items() if key not in before)
    for property_id in dict.fromkeys((*removed, *added)):
        yield from _unmatched(removed[property_id], added[property_id])


def _by_property(claims: Iterable[Claim]) -> defaultdict[int, list[Claim]]:
    groups: defaultdict[int, list[Claim]] = defaultdict(list)
    for claim in claims:
        groups[claim.property_id].append(claim)
    return groups


def _unmatched(removed: list[Claim], added: list[Claim]) -> Iterator[Difference]:
    """Removed and added statements of one property: with the same value, one in place of another, or by themselves."""
    for claim in list(added):
        twin = next((other for other in removed if other.value == claim.value), None)
        if twin is not None:
            removed.remove(twin)
            added.remove(claim)
            yield "recreated", twin, claim
    if len(removed) == len(added) == 1:
        yield "swapped", removed[0], added[0]
        return
    for claim in removed:
        yield "removed", claim, None
    for claim in added:
        yield "added", None, claim


def _kinds(left: Claim, right: Claim) -> list[str]:
    """The kinds of differences between two texts of one statement; with a new value, the rest is not compared."""
    if left.value != right.value or left.property_id != right.property_id:
        return ["revalued"]
    kinds = ["rank"] if left.statement.rank != right.statement.rank else []
    if _snak_groups(left.statement.qualifiers) != _snak_groups(right.statement.qualifiers):
        kinds.append("qualifier")
    if _references(left.statement) != _references(right.statement):
        kinds.append("reference")
    return kinds


def _snak_groups(groups: dict[str, list[WholeSnak]] | list[Any]) -> dict[str, Counter[tuple[object, ...]]]:
    if not isinstance(groups, dict):
        return {}
    return {name: Counter(map(snak_key, snaks)) for name, snaks in groups.items()}


def _references(statement: WholeStatement) -> Counter[tuple[object, ...]]:
    groups = (_snak_groups(reference.snaks) for reference in statement.references)
    return Counter(
        tuple(sorted((name, key, count) for name, snaks in group.items() for key, count in snaks.items()))
        for group in groups
    )


def find_successions(differences: Iterable[Difference], gap_days: tuple[int, int]) -> dict[str, Claim]:
    """For added statements, by id, the earlier value that they replaced.

    That value was current in the older state and has got an end, shortly before the new one starts. A property has at
    most one succession: of several added statements, the one that starts closest to the end.
    """
    ends, starts = _by_property(_with_new_end(differences)), _by_property(_added(differences))
    found: dict[str, Claim] = {}
    for property_id in ends.keys() & starts.keys():
        pairs = [
            (abs(gap), right.statement.id, left.statement.id, left)
            for left in ends[property_id]
            for right in starts[property_id]
            if (gap := days_between(left, right)) is not None and gap_days[0] <= gap <= gap_days[1]
        ]
        if pairs:
            _, successor, _, predecessor = min(pairs, key=lambda pair: pair[:3])
            found[successor] = predecessor
    return found


def _with_new_end(differences: Iterable[Difference]) -> Iterator[Claim]:
    for kind, left, right in differences:
        if kind == "qualifier" and left and right and gains_end(left, right):
            yield right


def _added(differences: Iterable[Difference]) -> Iterator[Claim]:
    for kind, _, right in differences:
        if kind in ("added", "swapped") and right:
            yield right


def days_between(left: Claim, right: Claim) -> int | None:
    """Days from the end of one statement to the start of another; None if either is unknown."""
    end = times.span(*qualifier_date(left, END)[1:3])
    start = times.span(*qualifier_date(right, START)[1:3])
    return times.middle(start) - times.middle(end) if start and end else None


def gains_end(left: Claim, right: Claim) -> bool:
    """Whether a statement got an end between the two states."""
    return END in right.statement.qualifiers and END not in left.statement.qualifiers


def qualifier_date(claim: Claim | None, name: str) -> QualifierDate:
    """The first date among the qualifiers of a property."""
    for snak in qualifier_snaks(claim, name):
        kind, *_, time, precision, calendar = whole_snak_columns(snak)
        if kind == "time":
            return int(name[1:]), time, precision, calendar
    return NO_DATE


def qualifier_snaks(claim: Claim | None, name: str) -> Sequence[WholeSnak]:
    """The qualifiers of a property."""
    qualifiers = claim.statement.qualifiers if claim else []
    return qualifiers.get(name, ()) if isinstance(qualifiers, dict) else ()
