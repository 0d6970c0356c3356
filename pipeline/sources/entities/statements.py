"""Statements whole, as comparing items needs them: whom they name, what a value says, and that written short."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from pipeline.core import times
from pipeline.sources.entities.model import EVENT, LINK, UNREADABLE, Revision, item_number, number, old_name


class DataValue(Struct, gc=False):
    """A value with all that it holds."""

    type: str
    value: Any  # str, or a map whose keys the type decides; never leaves this module


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


class Entity(Struct, gc=False):
    """An item or another entity, without its terms."""

    id: str
    claims: dict[str, list[Statement]] | list[Any] = []
    lastrevid: Revision | None = None
    modified: datetime | None = None


_decode = msgspec.json.Decoder(Entity).decode


def named_items(line: bytes) -> set[int]:
    """The items that an entity names as the value or the event of a statement.

    Raises:
        Exception: One of `UNREADABLE`: the line cannot be compared with another.
    """
    claims = _decode(line).claims
    statements = [one for group in claims.values() for one in group] if isinstance(claims, dict) else []
    snaks = [statement.mainsnak for statement in statements]
    for statement in statements:
        if isinstance(statement.qualifiers, dict):
            snaks += statement.qualifiers.get(EVENT, ())
    names = (_entity_name(snak.datavalue.value) for snak in snaks if snak.datavalue and snak.datavalue.type == LINK)
    return {number(name) for name in names if name[:1] == "Q"}


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
            return (kind, _entity_name(value))
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
            return _entity_name(value)
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


def _entity_name(value: dict[str, Any]) -> str:
    return value.get("id") or old_name(value.get("entity-type"), value.get("numeric-id"))
