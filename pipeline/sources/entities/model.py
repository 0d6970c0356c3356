"""The JSON of an entity as types, and the ids in it.

Decoding is typed: the decoder skips what is not declared here without making an object of it. Empty maps may be `[]`
instead of `{}`. Statements are declared once, for two ways of decoding their values: rows of tables need a few fields
(`ColumnStatement`), and decoding no more makes parsing fast; comparing needs all of a value (`WholeStatement`).
"""

import functools
import hashlib
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta, Struct

TYPE, SUBCLASS = "P31", "P279"
LINK = "wikibase-entityid"
START, END, POINT, EVENT = "P580", "P582", "P585", "P805"
ENDING = (END, "P1534", "P1366")  # end time, end cause, replaced by: the statement is over

MAX_ITEM, MAX_PROPERTY = 2**63 - 1, 2**31 - 1  # the limits of columns of int64 and int32
Revision = Annotated[int, Meta(ge=0, le=MAX_ITEM)]

Value = TypeVar("Value")  # what values are decoded to
Source = TypeVar("Source")  # what the snaks of references are decoded to


class Entity(Struct, gc=False):
    """What every reader of an entity needs; each adds the keys that it reads."""

    id: str
    lastrevid: Revision | None = None
    modified: datetime | None = None


class DataValue(Struct, Generic[Value], gc=False):
    """A value; its form depends on its type."""

    type: str
    value: Value


class Snak(Struct, Generic[Value], gc=False):
    """A value, an unknown value, or no value."""

    snaktype: str
    datavalue: DataValue[Value] | None = None


class Reference(Struct, Generic[Source], gc=False):
    """A reference of a statement."""

    snaks: dict[str, list[Source]] | list[Any] = []


class Statement(Struct, Generic[Value, Source], gc=False):
    """One statement."""

    id: str
    mainsnak: Snak[Value]
    rank: str = "normal"
    qualifiers: dict[str, list[Snak[Value]]] | list[Any] = []
    references: list[Reference[Source]] = []


class Fields(Struct, gc=False):
    """A value that is a map, with the keys that rows need; their types are checked where they are used."""

    id: Any = None
    entity_type: Any = msgspec.field(default=None, name="entity-type")
    numeric_id: Any = msgspec.field(default=None, name="numeric-id")
    time: Any = None
    precision: Any = None
    calendarmodel: Any = ""
    amount: Any = None
    unit: Any = None
    text: Any = None


ColumnValue = Fields | str | float | bool | list[Any] | None
ColumnSnak = Snak[ColumnValue]


class SourceSnak(Struct, gc=False):
    """A snak of a reference, of which rows need only the link."""

    datavalue: DataValue[ColumnValue] | None = None


ColumnStatement = Statement[ColumnValue, SourceSnak]  # for rows of tables
WholeSnak = Snak[Any]
WholeStatement = Statement[Any, WholeSnak]  # for comparing


class WholeEntity(Entity, gc=False):
    """An entity with its statements, without its terms."""

    claims: dict[str, list[WholeStatement]] | list[Any] = []


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


_LETTERS = {"item": "Q", "property": "P"}
# The errors of a line that is not an entity, or has an id or a value of an unexpected form.
UNREADABLE = (msgspec.MsgspecError, ValueError, KeyError, TypeError, AttributeError)


def named_item(value: DataValue[ColumnValue] | None) -> int:
    """The number of the item that a value names, or 0."""
    return item_of(value.value) if value is not None and value.type == LINK else 0


def item_of(fields: Any) -> int:
    """The number of the item that the fields of a link name, or 0.

    Raises:
        Exception: One of `UNREADABLE`.
    """
    name = fields.id or old_name(fields.entity_type, fields.numeric_id)
    return number(name) if name[:1] == "Q" else 0


def old_name(kind: str | None, number: int | None) -> str:
    """The id of an entity in dumps before 2017, which contain only its type and number.

    >>> old_name("property", 31)
    'P31'

    Raises:
        ValueError: They contain neither.
    """
    if kind is None or number is None:
        raise ValueError("a link names no entity")
    return f"{_LETTERS.get(kind, '')}{number}"


@functools.lru_cache(1 << 16)  # the same few thousand items and properties recur
def number(name: str | bytes, most: int = MAX_ITEM) -> int:
    """The number of an id, whose digits are those of ASCII, without zeros before them.

    >>> number("Q42")
    42

    Raises:
        ValueError: It has none, or one that no table can hold.
    """
    digits = name[1:]
    found = int(digits) if digits.isascii() and digits.isdigit() and digits[:1] not in ("0", b"0") else 0
    if not 0 < found <= most:
        raise ValueError(f"{name!r} is not an id")
    return found


def item_number(iri: str) -> int | None:
    """The number at the end of an item's address; None for the unit "1" and other addresses.

    >>> item_number("http://www.wikidata.org/entity/Q1985727")
    1985727
    """
    name = iri.rpartition("/")[2]
    return number(name) if name[:1] == "Q" and name[1:].isascii() and name[1:].isdigit() else None


def state(revision: int | None, line: bytes | memoryview) -> int:
    """A number that differs when the item differs: its revision or, in dumps without revisions, a hash of its line."""
    if revision is not None:
        return revision
    return int.from_bytes(hashlib.blake2b(line, digest_size=8).digest(), signed=True)


class _Redirect(Struct, gc=False):
    entity: str
    redirect: str


_decode_redirect = msgspec.json.Decoder(_Redirect).decode


def is_redirect(line: bytes) -> bool:
    """Whether a line says that an entity was merged into another: official dumps leave such lines out.

    >>> is_redirect(b'{"entity":"Q50","redirect":"Q51"}')
    True
    """
    try:
        return b'"redirect"' in line and bool(_decode_redirect(line))
    except msgspec.MsgspecError:
        return False
