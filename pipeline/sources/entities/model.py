"""The JSON of an entity: the forms that rows are made of as types, and what its values say.

Decoding is typed: what is not declared is skipped by the decoder without becoming an object. Empty maps may be `[]`
instead of `{}`; unknown data types pass as kind "other". Statements as a whole are in `statements.py`.
"""

import functools
import hashlib
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

TYPE, SUBCLASS = "P31", "P279"
LINK = "wikibase-entityid"
START, END, POINT, EVENT = "P580", "P582", "P585", "P805"

MAX_ITEM, MAX_PROPERTY = 2**63 - 1, 2**31 - 1  # what the columns of our tables hold
Revision = Annotated[int, Meta(ge=0, le=MAX_ITEM)]


class Fields(Struct, gc=False):
    """A value that is a map, with the keys that rows need; what they hold is looked at where it is used."""

    id: Any = None
    entity_type: Any = msgspec.field(default=None, name="entity-type")
    numeric_id: Any = msgspec.field(default=None, name="numeric-id")
    time: Any = None
    precision: Any = None
    calendarmodel: Any = ""
    amount: Any = None
    unit: Any = None
    text: Any = None


class DataValue(Struct, gc=False):
    """A value; its form depends on the type, and is looked at only for the kinds we read."""

    type: str
    value: Fields | str | float | bool | list[Any] | None


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
    """A value, some unknown value, or none."""

    snaktype: str
    datavalue: DataValue | None = None


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
# What comes of a line that is no entity, or holds an id or a value of an unexpected form.
UNREADABLE = (msgspec.MsgspecError, ValueError, KeyError, TypeError, AttributeError)


def named_item(value: DataValue | None) -> int:
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
    """The id of an entity in dumps before 2017, which give its type and number alone.

    >>> old_name("property", 31)
    'P31'

    Raises:
        ValueError: It gives neither.
    """
    if kind is None or number is None:
        raise ValueError("a link names no entity")
    return f"{_LETTERS.get(kind, '')}{number}"


@functools.lru_cache(1 << 16)  # the same few thousand items and properties are named again and again
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
        raise ValueError(f"{name!r} is no id")
    return found


# Value kind, object id, text, amount, unit id, time, precision and calendar id.
SnakValue = tuple[str, int | None, str | None, str | None, int | None, str | None, int | None, int | None]


def snak_value(snak: Snak) -> SnakValue:
    """What a snak says, a column each.

    Raises:
        msgspec.ValidationError: The value has not the form of its type.
    """
    if snak.datavalue is None or snak.snaktype != "value":
        kind = "other" if snak.snaktype == "value" else snak.snaktype
        return (kind, None, None, None, None, None, None, None)
    value = snak.datavalue.value
    match snak.datavalue.type:
        case "wikibase-entityid":
            object_id = named_item(snak.datavalue)
            return ("item" if object_id else "other", object_id or None, None, None, None, None, None, None)
        case "time":
            moment = msgspec.convert(value, _Time, from_attributes=True)
            calendar = item_number(moment.calendarmodel)
            return ("time", None, None, None, None, moment.time, moment.precision, calendar)
        case "quantity":
            quantity = msgspec.convert(value, _Quantity, from_attributes=True)
            return ("quantity", None, None, quantity.amount, item_number(quantity.unit), None, None, None)
        case "string":
            return ("string", None, msgspec.convert(value, str), None, None, None, None, None)
        case "monolingualtext":
            text = msgspec.convert(value, _Text, from_attributes=True).text
            return ("monolingual", None, text, None, None, None, None, None)
        case _:
            return ("other", None, None, None, None, None, None, None)


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
