"""Two texts of one item to their differences, as rows: pure, statement by statement."""

import functools
import math
from dataclasses import dataclass
from typing import Any

from pipeline.core import times
from pipeline.sources.diff.former import Former, find_former
from pipeline.sources.diff.item_statements import Claim, ItemStatements, read_statements, read_text
from pipeline.sources.diff.matching import (
    NO_DATE,
    QualifierDate,
    find_differences,
    find_successions,
    gains_end,
    qualifier_date,
    qualifier_snaks,
)
from pipeline.sources.entities.model import END, EVENT, POINT, START
from pipeline.sources.entities.values import whole_snak_columns

DifferenceRow = tuple[Any, ...]  # the columns of schema.DIFFERENCES, in order


@dataclass(frozen=True)
class _Pair:
    """Both states of one item."""

    item: int
    before: ItemStatements
    after: ItemStatements

    @property
    def item_kind(self) -> str:
        if self.before.text and self.after.text:
            return "kept"
        return "added" if self.after.text else "removed"

    @functools.cached_property
    def known_values(self) -> set[tuple[int, tuple[object, ...]]]:
        return self.before.values()


def compare(item: int, old: bytes | None, new: bytes | None, replaced_gap_days: tuple[int, int]) -> list[DifferenceRow]:
    """The differences between two texts of an item, as rows of DIFFERENCES.

    Args:
        item: The number of the item.
        old: Its text in the older state; None if it is not there.
        new: Its text in the newer state; None if it is gone.
        replaced_gap_days: The least and the most days from the end of an earlier value to the start of the next.

    Raises:
        Exception: One of `UNREADABLE`: a text is not an entity.
    """
    before, after = (None if text is None else read_text(text) for text in (old, new))
    pair = _Pair(item, read_statements(before, after), read_statements(after, before))
    rows = [] if pair.item_kind == "kept" else [_row(pair, pair.item_kind, None, None, None, None)]
    differences = list(find_differences(pair.before.claims, pair.after.claims))
    successions = find_successions(differences, replaced_gap_days)
    former = find_former(pair.before.claims, pair.after.claims, replaced_gap_days)
    for kind, left, right in differences:
        predecessor = successions.get(right.statement.id) if right else None
        rows.append(_row(pair, kind, left, right, predecessor, former.get(right.statement.id) if right else None))
    return rows


def _row(
    pair: _Pair,
    kind: str,
    left: Claim | None,
    right: Claim | None,
    predecessor: Claim | None,
    former: Former | None,
) -> DifferenceRow:
    claim = right or left
    old_text, new_text = pair.before.text, pair.after.text
    return (
        pair.item,
        claim.property_id if claim else None,
        kind,
        left.statement.id if left else None,
        right.statement.id if right else None,
        left.text if left else None,
        right.text if right else None,
        whole_snak_columns(left.statement.mainsnak)[1] if left else None,
        whole_snak_columns(right.statement.mainsnak)[1] if right else None,
        right is not None and (right.property_id, right.value) not in pair.known_values,
        pair.item_kind,
        left is not None and right is not None and gains_end(left, right),
        *_date(right),
        *qualifier_date(right, END)[1:3],
        _event(right),
        predecessor.statement.id if predecessor else None,
        predecessor.text if predecessor else None,
        former.claim.statement.id if former else None,
        former.claim.text if former else None,
        former.way if former else None,
        old_text.lastrevid if old_text else None,
        new_text.lastrevid if new_text else None,
        new_text.modified if new_text else None,
    )


def _date(claim: Claim | None) -> QualifierDate:
    """When a statement became true, by itself: its value if that is a date, else its start or point in time."""
    if claim is None:
        return NO_DATE
    kind, *_, time, precision, calendar = whole_snak_columns(claim.statement.mainsnak)
    if kind == "time":
        return claim.property_id, time, precision, calendar
    dates = [qualifier_date(claim, name) for name in (START, POINT)]
    # Of a start and a later point in time, the later one counts.
    return max(dates, key=lambda date: times.span(date[1], date[2]) or (-math.inf, 0))


def _event(claim: Claim | None) -> int | None:
    return next((whole_snak_columns(snak)[1] for snak in qualifier_snaks(claim, EVENT)), None)
