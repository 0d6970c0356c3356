"""Entity JSON to rows: the hot loop, pure, bytes in and tuples out.

One line of a dump becomes statements of the wanted properties, one entity row, and counts of mentions and neighbours
over all properties. Decoding is typed: what is not declared here is skipped by the decoder without becoming an object.
Empty maps may be `[]` instead of `{}`; unknown data types pass as kind "other".
"""

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

TYPE, SUBCLASS = "P31", "P279"
_LINK = "wikibase-entityid"
START, END, POINT, EVENT = "P580", "P582", "P585", "P805"

_MAX_ITEM, _MAX_PROPERTY = 2**63 - 1, 2**31 - 1  # what the columns of our tables hold
Revision = Annotated[int, Meta(ge=0, le=_MAX_ITEM)]


class DataValue(Struct, gc=False):
    """A value; its form depends on the type, and is looked at only for the kinds we read."""

    type: str
    value: Any  # str, or a map whose keys the type decides; never leaves this module


class _Time(Struct, gc=False):
    time: str
    precision: Annotated[int, Meta(ge=0, le=14)]
    calendarmodel: str = ""


class _Quantity(Struct, gc=False):
    amount: str
    unit: str


class _Text(Struct, gc=False):
    text: str


class Snak(Struct, gc=False):
    """A property with a value, with some unknown value, or with none."""

    snaktype: str
    property: str
    datavalue: DataValue | None = None


class Reference(Struct, gc=False):
    """A source of a statement."""

    snaks: dict[str, list[Snak]] | list[Any] = []


class Statement(Struct, gc=False):
    """One claim."""

    id: str
    mainsnak: Snak
    rank: str = "normal"
    qualifiers: dict[str, list[Snak]] | list[Any] = []
    references: list[Reference] = []


class Term(Struct, gc=False):
    """A text in a language."""

    value: str


class Terms(Struct, gc=False):
    """Labels or descriptions, of which only two languages are decoded."""

    en: Term | None = None
    mul: Term | None = None


class AliasTerms(Struct, gc=False):
    """Aliases, likewise."""

    en: list[Term] = []
    mul: list[Term] = []


class Sitelink(Struct, gc=False):
    """A page about the item on some wiki."""

    title: str


class Entity(Struct, gc=False):
    """One line of a dump."""

    id: str
    type: str = "item"
    labels: Terms | list[Any] = []
    descriptions: Terms | list[Any] = []
    aliases: AliasTerms | list[Any] = []
    claims: dict[str, list[Statement]] | list[Any] = []
    sitelinks: dict[str, Raw] | list[Any] = []
    lastrevid: Revision | None = None
    modified: datetime | None = None


StatementRow = tuple[Any, ...]  # the columns of schema.STATEMENTS, in order
EntityRow = tuple[Any, ...]  # the columns of schema.ENTITIES, in order
TitleRow = tuple[int, str, str]  # item, wiki, title

_LETTERS = {"item": "Q", "property": "P"}
# What comes of a line that is no entity, or holds an id or a value of an unexpected form.
UNREADABLE = (msgspec.MsgspecError, ValueError, KeyError, TypeError, AttributeError)

_decode = msgspec.json.Decoder(Entity).decode
_decode_sitelink = msgspec.json.Decoder(Sitelink).decode


@dataclass
class Rows:
    """What has been read so far."""

    statements: list[StatementRow] = field(default_factory=list[StatementRow])
    entities: list[EntityRow] = field(default_factory=list[EntityRow])
    titles: list[TitleRow] = field(default_factory=list[TitleRow])
    mentions: list[int] = field(default_factory=list[int])  # items, once for each statement of another that has them
    neighbours: list[int] = field(default_factory=list[int])  # items, once for every item that has them as neighbour
    neighbour_of: list[int] = field(default_factory=list[int])  # and that item

    def lengths(self) -> tuple[int, ...]:
        """Where each list ends now, to come back to with `cut`."""
        return tuple(map(len, self._lists()))

    def cut(self, lengths: tuple[int, ...]) -> None:
        """Forget what was added since: an entity that turns out unreadable half-way leaves no trace."""
        for rows, length in zip(self._lists(), lengths, strict=True):
            del rows[length:]

    def _lists(self) -> tuple[list[Any], ...]:
        return self.statements, self.entities, self.titles, self.mentions, self.neighbours, self.neighbour_of


@dataclass(frozen=True)
class Wanted:
    """What to keep: statements of these properties, titles of these wikis ("enwiki")."""

    properties: frozenset[str]
    wikis: frozenset[str]


def read_entity(line: bytes, wanted: Wanted, rows: Rows) -> None:
    """Add one line of a dump to the rows.

    Args:
        line: One entity as JSON, without the comma that ends its line.
        wanted: What to keep.
        rows: Where to add it.

    Raises:
        Exception: One of `UNREADABLE`; the rows may then hold a part of the entity.
    """
    entity = _decode(line)
    claims = entity.claims if isinstance(entity.claims, dict) else {}
    is_item = entity.id.startswith("Q")
    subject = number(entity.id) if is_item else 0
    neighbours: set[int] = set()
    mentions, kept = rows.mentions, rows.statements
    for property_name, statements in claims.items():
        best = _best_rank(statements)
        property_id = number(property_name, _MAX_PROPERTY) if is_item and property_name in wanted.properties else 0
        for statement in statements:
            object_id = _object_id(statement.mainsnak.datavalue)
            if statement.qualifiers or statement.references:
                mentions += _mentioned(statement, object_id) - {0, subject}
            elif object_id and object_id != subject:
                mentions.append(object_id)
            if statement.rank == best:
                neighbours.add(object_id)
            if property_id:
                kept.append(_statement_row(subject, property_id, statement, best, object_id))
    if is_item:
        neighbours -= {0, subject}
        rows.neighbours += neighbours
        rows.neighbour_of += [subject] * len(neighbours)
        rows.entities.append(_entity_row(subject, entity, claims, state(entity.lastrevid, line)))
        rows.titles += _titles(subject, entity, wanted.wikis)


def named_items(line: bytes) -> set[int]:
    """The items that an entity names as the value or the event of a statement.

    Raises:
        Exception: One of `UNREADABLE`.
    """
    claims = _decode(line).claims
    statements = [one for group in claims.values() for one in group] if isinstance(claims, dict) else []
    snaks = [statement.mainsnak for statement in statements]
    for statement in statements:
        if isinstance(statement.qualifiers, dict):
            snaks += statement.qualifiers.get(EVENT, ())
    return {_object_id(snak.datavalue) for snak in snaks} - {0}


def _best_rank(statements: list[Statement]) -> str:
    for statement in statements:
        if statement.rank == "preferred":
            return "preferred"
    return "normal"


def _object_id(value: DataValue | None) -> int:
    """The number of the item that a value names, or 0."""
    if value is None or value.type != _LINK:
        return 0
    name = value.value.get("id") or entity_name(value.value)
    return number(name) if name[:1] == "Q" else 0


def entity_name(value: dict[str, Any]) -> str:
    """The id of the entity that a value names; dumps before 2017 give its number alone.

    >>> entity_name({"entity-type": "property", "numeric-id": 31})
    'P31'
    """
    return value.get("id") or f"{_LETTERS.get(value['entity-type'], '')}{value['numeric-id']}"


@functools.lru_cache(1 << 16)  # the same few thousand items and properties are named again and again
def number(name: str, most: int = _MAX_ITEM) -> int:
    """The number of an id.

    >>> number("Q42")
    42

    Raises:
        ValueError: It has none, or one that no table can hold.
    """
    found = int(name[1:])
    if not 0 < found <= most:
        raise ValueError(f"{name!r} is no id")
    return found


def _mentioned(statement: Statement, object_id: int) -> set[int]:
    """Every item that a statement mentions, in any position, each once (decision 8); 0 stands for "no item"."""
    found = {object_id}
    for by_property in (statement.qualifiers, *[reference.snaks for reference in statement.references]):
        if isinstance(by_property, dict):
            for snaks in by_property.values():
                for snak in snaks:
                    value = snak.datavalue
                    if value is not None and value.type == _LINK:  # asked here too: most values are none
                        found.add(_object_id(value))
    return found


def _statement_row(subject: int, property_id: int, statement: Statement, best: str, object_id: int) -> StatementRow:
    rank, qualifiers = statement.rank, statement.qualifiers
    row = (subject, property_id, statement.id, rank, rank == best)
    row += ("item", object_id, *_NO_LITERAL) if object_id else snak_value(statement.mainsnak)
    return row + (_qualifier_columns(qualifiers) if qualifiers and isinstance(qualifiers, dict) else _NO_QUALIFIERS)


_NO_LITERAL = (None,) * 6
_NO_QUALIFIERS: tuple[Any, ...] = (*(None,) * 7, [])


def _qualifier_columns(qualifiers: dict[str, list[Snak]]) -> tuple[Any, ...]:
    return (
        *_qualifier_time(qualifiers, START),
        *_qualifier_time(qualifiers, END),
        *_qualifier_time(qualifiers, POINT),
        next((_object_id(snak.datavalue) or None for snak in qualifiers.get(EVENT, ())), None),
        sorted(number(name, _MAX_PROPERTY) for name in qualifiers),
    )


def snak_value(
    snak: Snak,
) -> tuple[str, int | None, str | None, str | None, int | None, str | None, int | None, int | None]:
    """Value kind, object id, text, amount, unit id, time, precision and calendar id of a snak.

    Raises:
        msgspec.ValidationError: The value has not the form of its type.
    """
    if snak.datavalue is None or snak.snaktype != "value":
        kind = "other" if snak.snaktype == "value" else snak.snaktype
        return (kind, None, None, None, None, None, None, None)
    value = snak.datavalue.value
    match snak.datavalue.type:
        case "wikibase-entityid":
            object_id = _object_id(snak.datavalue)
            return ("item" if object_id else "other", object_id or None, None, None, None, None, None, None)
        case "time":
            moment = msgspec.convert(value, _Time)
            calendar = item_number(moment.calendarmodel)
            return ("time", None, None, None, None, moment.time, moment.precision, calendar)
        case "quantity":
            quantity = msgspec.convert(value, _Quantity)
            return ("quantity", None, None, quantity.amount, item_number(quantity.unit), None, None, None)
        case "string":
            return ("string", None, msgspec.convert(value, str), None, None, None, None, None)
        case "monolingualtext":
            return ("monolingual", None, msgspec.convert(value, _Text).text, None, None, None, None, None)
        case _:
            return ("other", None, None, None, None, None, None, None)


def item_number(iri: str) -> int | None:
    """The number at the end of an item's address; None for the unit "1" and other addresses.

    >>> item_number("http://www.wikidata.org/entity/Q1985727")
    1985727
    """
    name = iri.rpartition("/")[2]
    return number(name) if name[:1] == "Q" and name[1:].isdigit() else None


def _qualifier_time(qualifiers: dict[str, list[Snak]], property_name: str) -> tuple[str | None, int | None]:
    for snak in qualifiers.get(property_name, ()):
        kind, *_, time, precision, _ = snak_value(snak)
        if kind == "time":
            return time, precision
    return None, None


def state(revision: int | None, line: bytes) -> int:
    """A number that differs when the item differs: its revision or, in dumps without revisions, a hash of its line."""
    if revision is not None:
        return revision
    return int.from_bytes(hashlib.blake2b(line, digest_size=8).digest(), signed=True)


def _entity_row(subject: int, entity: Entity, claims: dict[str, list[Statement]], item_state: int) -> EntityRow:
    label, language = _label(entity.labels)
    types = claims.get(TYPE, [])
    best = _best_rank(types)
    sitelinks = entity.sitelinks if isinstance(entity.sitelinks, dict) else {}
    enwiki = sitelinks.get("enwiki")
    return (
        subject,
        label,
        language,
        _aliases(entity.aliases, label),
        entity.descriptions.en.value if isinstance(entity.descriptions, Terms) and entity.descriptions.en else None,
        [kind for statement in types if statement.rank == best and (kind := _object_id(statement.mainsnak.datavalue))],
        len(sitelinks),
        _decode_sitelink(enwiki).title if enwiki else None,
        sum(map(len, claims.values())),
        item_state,
        entity.lastrevid,
        entity.modified,
    )


def _label(labels: Terms | list[Any]) -> tuple[str | None, str | None]:
    """English, else the default for all languages, else nothing (decision 25)."""
    if isinstance(labels, Terms):
        if labels.en:
            return labels.en.value, "en"
        if labels.mul:
            return labels.mul.value, "mul"
    return None, None


def _aliases(aliases: AliasTerms | list[Any], label: str | None) -> list[str]:
    """English aliases, then those for all languages, in their own order, without the label and without repeats."""
    if not isinstance(aliases, AliasTerms):
        return []
    texts = dict.fromkeys(term.value for term in (*aliases.en, *aliases.mul))
    texts.pop(label or "", None)
    return list(texts)


def _titles(subject: int, entity: Entity, wikis: frozenset[str]) -> Iterator[TitleRow]:
    if isinstance(entity.sitelinks, dict):
        for wiki in sorted(wikis & entity.sitelinks.keys()):
            yield subject, wiki, _decode_sitelink(entity.sitelinks[wiki]).title
