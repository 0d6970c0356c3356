"""The JSON of an entity: its forms as types, and what its values say.

Decoding is typed: what is not declared is skipped by the decoder without becoming an object. Empty maps may be `[]`
instead of `{}`; unknown data types pass as kind "other".
"""

import functools
import hashlib
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from pipeline import times

TYPE, SUBCLASS = "P31", "P279"
LINK = "wikibase-entityid"
START, END, POINT, EVENT = "P580", "P582", "P585", "P805"

MAX_ITEM, MAX_PROPERTY = 2**63 - 1, 2**31 - 1  # what the columns of our tables hold
Revision = Annotated[int, Meta(ge=0, le=MAX_ITEM)]


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
    """A value, some unknown value, or none."""

    snaktype: str
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
    """An item or another entity, without its terms."""

    id: str
    claims: dict[str, list[Statement]] | list[Any] = []
    lastrevid: Revision | None = None
    modified: datetime | None = None


_LETTERS = {"item": "Q", "property": "P"}
# What comes of a line that is no entity, or holds an id or a value of an unexpected form.
UNREADABLE = (msgspec.MsgspecError, ValueError, KeyError, TypeError, AttributeError)


def named_item(value: DataValue | None) -> int:
    """The number of the item that a value names, or 0."""
    if value is None or value.type != LINK:
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
def number(name: str | bytes, most: int = MAX_ITEM) -> int:
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
            object_id = named_item(snak.datavalue)
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


def snak_key(snak: Snak) -> tuple[object, ...]:
    """What a snak says, without how it was typed: equal for equal values; its parts are text, so keys have an order."""
    if snak.datavalue is None:
        return (snak.snaktype,)
    value, kind = snak.datavalue.value, snak.datavalue.type
    try:
        return _value_key(kind, value)
    except UNREADABLE:  # not the form of its type
        return (kind, _as_json(value))


def _value_key(kind: str, value: Any) -> tuple[object, ...]:
    match kind:
        case "wikibase-entityid":
            return (kind, entity_name(value))
        case "time":
            moment = times.parts(value["time"]) or value["time"]  # dumps before 2016 write years in 11 digits
            return (kind, str(moment), str(value["precision"]), str(item_number(value.get("calendarmodel", ""))))
        case "quantity":
            bounds = (str(value.get("lowerBound")), str(value.get("upperBound")))
            return (kind, value["amount"].lstrip("+"), value["unit"].rpartition("/")[2], *bounds)
        case "monolingualtext":
            return (kind, value["language"], value["text"])
        case "globecoordinate":
            fields = ("latitude", "longitude", "precision", "globe")
            return (kind, *(str(value.get(name)) for name in fields))
        case _:
            return (kind, _as_json(value))


def _as_json(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value, order="sorted").decode()


def value_text(snak: Snak) -> str:
    """A value written short: item id, time/precision, amount|unit item, language:text, string, somevalue, novalue."""
    if snak.datavalue is None or snak.snaktype != "value":
        return snak.snaktype
    value, kind = snak.datavalue.value, snak.datavalue.type
    try:
        return _short(kind, value)
    except UNREADABLE:  # not the form of its type
        return _as_json(value)


def _short(kind: str, value: Any) -> str:
    match kind:
        case "wikibase-entityid":
            return entity_name(value)
        case "time":
            return f"{value['time']}/{value['precision']}"
        case "quantity":
            unit = item_number(value["unit"])
            return f"{value['amount']}|Q{unit}" if unit else value["amount"]
        case "monolingualtext":
            return f"{value['language']}:{value['text']}"
        case "globecoordinate":
            return f"{value['latitude']},{value['longitude']}"
        case _:
            return _as_json(value)


def state(revision: int | None, line: bytes) -> int:
    """A number that differs when the item differs: its revision or, in dumps without revisions, a hash of its line."""
    if revision is not None:
        return revision
    return int.from_bytes(hashlib.blake2b(line, digest_size=8).digest(), signed=True)


_decode = msgspec.json.Decoder(Entity).decode


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
    return {named_item(snak.datavalue) for snak in snaks} - {0}
