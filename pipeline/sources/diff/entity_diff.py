"""Two texts of one item to their differences: pure, statement by statement.

Statements are matched by id, whatever its case; then, among those that went and came, by value. Values are compared
by what they say: hashes, key order and redundant fields move when a statement is typed again.
"""

import functools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from pipeline.core import times
from pipeline.sources.entities import model
from pipeline.sources.entities.model import (
    END,
    EVENT,
    MAX_PROPERTY,
    POINT,
    START,
    UNREADABLE,
    AliasTerms,
    Revision,
    Sitelink,
    SnakValue,
    Term,
    Terms,
    number,
    snak_value,
)
from pipeline.sources.entities.statements import Snak, Statement, snak_key, value_text

_Difference = tuple[str, "_Claim | None", "_Claim | None"]  # kind, older side, newer side
DifferenceRow = tuple[Any, ...]  # the columns of schema.DIFFERENCES, in order
TermRow = tuple[int, str, bool]  # the columns of schema.TERMS, in order


class _Text(msgspec.Struct, gc=False):
    """A text in parts, of which only those that differ from the other text are decoded."""

    id: str
    claims: dict[str, msgspec.Raw] | list[Any] = []
    labels: msgspec.Raw = msgspec.Raw()
    aliases: msgspec.Raw = msgspec.Raw()
    sitelinks: msgspec.Raw = msgspec.Raw()
    lastrevid: Revision | None = None
    modified: datetime | None = None

    @property
    def names(self) -> tuple[msgspec.Raw, ...]:
        return self.labels, self.aliases, self.sitelinks


_decode = msgspec.json.Decoder(_Text).decode
_decode_statements = msgspec.json.Decoder(list[Statement]).decode


class _Names(msgspec.Struct, gc=False):
    """Every name of an item, in any language."""

    labels: dict[str, Term] | list[Any] = []
    aliases: dict[str, list[Term]] | list[Any] = []
    sitelinks: dict[str, Sitelink] | list[Any] = []


_decode_names = msgspec.json.Decoder(_Names).decode


class _MainNames(msgspec.Struct, gc=False):
    """The names in English or for all languages."""

    labels: Terms | list[Any] = []
    aliases: AliasTerms | list[Any] = []


_decode_main_names = msgspec.json.Decoder(_MainNames).decode


@dataclass(frozen=True)
class _Claim:
    """A statement with its property and what it says."""

    property_id: int
    statement: Statement
    value: tuple[object, ...]  # equal for equal values

    @property
    def text(self) -> str:
        return value_text(self.statement.mainsnak)


@dataclass(frozen=True)
class _Item:
    """The statements of one text, by id."""

    text: _Text | None
    claims: dict[str, _Claim]

    def values(self) -> set[tuple[int, tuple[object, ...]]]:
        return {(claim.property_id, claim.value) for claim in self.claims.values()}


@dataclass(frozen=True)
class _Pair:
    """Both states of one item."""

    item: int
    before: _Item
    after: _Item

    @property
    def fate(self) -> str:
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
        replaced_gap_days: How many days before a statement's start an earlier value may have ended.

    Raises:
        Exception: One of `UNREADABLE`: a text is no entity.
    """
    before, after = (None if text is None else _decode(text) for text in (old, new))
    pair = _Pair(item, _item(before, after), _item(after, before))
    rows = [] if pair.fate == "kept" else [_row(pair, pair.fate, None, None, None)]
    differences = list(_differences(pair.before.claims, pair.after.claims))
    successions = _successions(differences, replaced_gap_days)
    for kind, left, right in differences:
        predecessor = successions.get(right.statement.id) if right else None
        rows.append(_row(pair, kind, left, right, predecessor))
    return rows


def _item(text: _Text | None, other: _Text | None = None) -> _Item:
    """The statements of a text, without those of properties that read alike in the other."""
    if text is None:
        return _Item(None, {})
    claims: dict[str, _Claim] = {}
    alike = _groups(other)
    for name, group in _groups(text).items():
        if alike.get(name) != group:
            for place, statement in enumerate(_decode_statements(group)):
                key = statement.id.lower() or f"{name}/{place}"
                claims[key] = _Claim(number(name, MAX_PROPERTY), statement, snak_key(statement.mainsnak))
    return _Item(text, claims)


def _groups(text: _Text | None) -> dict[str, msgspec.Raw]:
    return text.claims if text and isinstance(text.claims, dict) else {}


def _differences(before: dict[str, _Claim], after: dict[str, _Claim]) -> Iterator[_Difference]:
    """Kind and both sides of every difference."""
    for key, claim in before.items():
        if key in after:
            for kind in _kinds(claim, after[key]):
                yield kind, claim, after[key]
    gone = _by_property(claim for key, claim in before.items() if key not in after)
    come = _by_property(claim for key, claim in after.items() if key not in before)
    for property_id in dict.fromkeys((*gone, *come)):
        yield from _unmatched(gone[property_id], come[property_id])


def _by_property(claims: Iterable[_Claim]) -> defaultdict[int, list[_Claim]]:
    groups: defaultdict[int, list[_Claim]] = defaultdict(list)
    for claim in claims:
        groups[claim.property_id].append(claim)
    return groups


def _unmatched(gone: list[_Claim], come: list[_Claim]) -> Iterator[_Difference]:
    """Statements of one property that went or came: the same value again, one in place of one, or plainly so."""
    for claim in list(come):
        twin = next((other for other in gone if other.value == claim.value), None)
        if twin is not None:
            gone.remove(twin)
            come.remove(claim)
            yield "recreated", twin, claim
    if len(gone) == len(come) == 1:
        yield "swapped", gone[0], come[0]
        return
    for claim in gone:
        yield "removed", claim, None
    for claim in come:
        yield "added", None, claim


def _kinds(left: _Claim, right: _Claim) -> list[str]:
    """In what two texts of one statement differ; a new value takes its qualifiers and references along."""
    if left.value != right.value or left.property_id != right.property_id:
        return ["revalued"]
    kinds = ["rank"] if left.statement.rank != right.statement.rank else []
    if _snak_groups(left.statement.qualifiers) != _snak_groups(right.statement.qualifiers):
        kinds.append("qualifier")
    if _references(left.statement) != _references(right.statement):
        kinds.append("reference")
    return kinds


def _snak_groups(groups: dict[str, list[Snak]] | list[Any]) -> dict[str, Counter[tuple[object, ...]]]:
    if not isinstance(groups, dict):
        return {}
    return {name: Counter(map(snak_key, snaks)) for name, snaks in groups.items()}


def _references(statement: Statement) -> Counter[tuple[object, ...]]:
    groups = (_snak_groups(reference.snaks) for reference in statement.references)
    return Counter(
        tuple(sorted((name, key, count) for name, snaks in group.items() for key, count in snaks.items()))
        for group in groups
    )


def _row(
    pair: _Pair, kind: str, left: _Claim | None, right: _Claim | None, predecessor: _Claim | None
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
        _snak_value(left.statement.mainsnak)[1] if left else None,
        _snak_value(right.statement.mainsnak)[1] if right else None,
        right is not None and (right.property_id, right.value) not in pair.known_values,
        pair.fate,
        left is not None and right is not None and _gains_end(left, right),
        *_date(right),
        *_qualifier_date(right, END)[1:3],
        _event(right),
        predecessor.statement.id if predecessor else None,
        predecessor.text if predecessor else None,
        old_text.lastrevid if old_text else None,
        new_text.lastrevid if new_text else None,
        new_text.modified if new_text else None,
    )


_Date = tuple[int | None, str | None, int | None, int | None]  # property, time, precision, calendar
_NO_DATE: _Date = (None, None, None, None)


def _date(claim: _Claim | None) -> _Date:
    """When a statement became true, by its own word: its value if that is a date, else its start or point in time."""
    if claim is None:
        return _NO_DATE
    kind, *_, time, precision, calendar = _snak_value(claim.statement.mainsnak)
    if kind == "time":
        return claim.property_id, time, precision, calendar
    dates = [_qualifier_date(claim, name) for name in (START, POINT)]
    # A statement with a start and a later point in time speaks of the later one.
    return max(dates, key=lambda date: times.span(date[1], date[2]) or (-math.inf, 0))


def _qualifier_date(claim: _Claim | None, name: str) -> _Date:
    for snak in _qualifier(claim, name):
        kind, *_, time, precision, calendar = _snak_value(snak)
        if kind == "time":
            return int(name[1:]), time, precision, calendar
    return _NO_DATE


def _qualifier(claim: _Claim | None, name: str) -> Sequence[Snak]:
    qualifiers = claim.statement.qualifiers if claim else []
    return qualifiers.get(name, ()) if isinstance(qualifiers, dict) else ()


def _event(claim: _Claim | None) -> int | None:
    return next((_snak_value(snak)[1] for snak in _qualifier(claim, EVENT)), None)


def _snak_value(snak: Snak) -> SnakValue:
    return snak_value(msgspec.convert(snak, model.Snak, from_attributes=True))


def _successions(differences: Iterable[_Difference], gap_days: tuple[int, int]) -> dict[str, _Claim]:
    """For statements that came, by id, the earlier value that they took the place of.

    That value was current in the older state and has ended by now, shortly before the new one starts. A property has
    one succession at most: of several statements that came, the one closest in time to the end.
    """
    ends, starts = _by_property(_ended(differences)), _by_property(_came(differences))
    found: dict[str, _Claim] = {}
    for property_id in ends.keys() & starts.keys():
        pairs = [
            (abs(gap), right.statement.id, left.statement.id, left)
            for left in ends[property_id]
            for right in starts[property_id]
            if (gap := _gap(left, right)) is not None and gap_days[0] <= gap <= gap_days[1]
        ]
        if pairs:
            _, successor, _, predecessor = min(pairs, key=lambda pair: pair[:3])
            found[successor] = predecessor
    return found


def _ended(differences: Iterable[_Difference]) -> Iterator[_Claim]:
    for kind, left, right in differences:
        if kind == "qualifier" and left and right and _gains_end(left, right):
            yield right


def _came(differences: Iterable[_Difference]) -> Iterator[_Claim]:
    for kind, _, right in differences:
        if kind in ("added", "swapped") and right:
            yield right


def _gap(left: _Claim, right: _Claim) -> int | None:
    """Days from the end of one statement to the start of another; None if either is unknown."""
    end = times.span(*_qualifier_date(left, END)[1:3])
    start = times.span(*_qualifier_date(right, START)[1:3])
    return times.middle(start) - times.middle(end) if start and end else None


def _gains_end(left: _Claim, right: _Claim) -> bool:
    return END in right.statement.qualifiers and END not in left.statement.qualifiers


def terms(item: int, old: bytes | None, new: bytes | None) -> Iterator[TermRow]:
    """Names by which a merge is recognised.

    Of an item that is gone, all of them; of one that stayed, those in English or for all languages, and all it gained.
    """
    if old is not None and new is None:
        yield from ((item, term, True) for term in sorted(_all_names(old)))
    elif new is not None:
        is_same = old is not None and _decode(old).names == _decode(new).names
        gained = _all_names(new) - _all_names(old) if old is not None and not is_same else set[str]()
        yield from ((item, term, False) for term in sorted(gained | _main_names(new)))


def _all_names(text: bytes) -> set[str]:
    names = _decode_names(text)
    found: set[str] = set()
    if isinstance(names.labels, dict):
        found.update(term.value for term in names.labels.values())
    if isinstance(names.aliases, dict):
        found.update(term.value for group in names.aliases.values() for term in group)
    if isinstance(names.sitelinks, dict):
        found.update(f"{wiki}:{link.title}" for wiki, link in names.sitelinks.items())
    return found


def _main_names(text: bytes) -> set[str]:
    names = _decode_main_names(text)
    labels = (names.labels.en, names.labels.mul) if isinstance(names.labels, Terms) else ()
    aliases = (*names.aliases.en, *names.aliases.mul) if isinstance(names.aliases, AliasTerms) else ()
    return {term.value for term in (*labels, *aliases) if term}


def holds_all(target: bytes, source: bytes) -> bool:
    """Whether an item holds every statement of another, by property and value: what a merge leaves behind."""
    try:
        return _item(_decode(source)).values() <= _item(_decode(target)).values()
    except UNREADABLE:
        return False


def has_statements(text: bytes) -> bool:
    """Whether an item says anything; of one that does not, a name that another has too proves no merge."""
    return bool(_groups(_decode(text)))
