"""What values say, by their datatype: the columns of a row, a key to compare, and a short text.

A new datatype gets a case in `snak_columns`, `_value_key` and `_short`; without one its kind is "other" and its JSON is
compared as a whole.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from pipeline.core import times
from pipeline.core.plain_text import plain_text
from pipeline.sources.entities.model import (
    UNREADABLE,
    ColumnSnak,
    ColumnValue,
    DataValue,
    Snak,
    WholeSnak,
    item_number,
    named_item,
    old_name,
)


class _Time(Struct, gc=False):
    time: str
    precision: Annotated[int, Meta(ge=0, le=14)]
    calendarmodel: str = ""


class _Quantity(Struct, gc=False):
    amount: str
    unit: str


class _Text(Struct, gc=False):
    text: str


# Value kind, object id, text, amount, unit id, time, precision and calendar id.
SnakColumns = tuple[str, int | None, str | None, str | None, int | None, str | None, int | None, int | None]


def snak_columns(snak: ColumnSnak) -> SnakColumns:
    """The columns of a snak.

    Raises:
        msgspec.ValidationError: The value does not have the form of its type.
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
            return ("string", None, plain_text(msgspec.convert(value, str)), None, None, None, None, None)
        case "monolingualtext":
            text = msgspec.convert(value, _Text, from_attributes=True).text
            return ("monolingual", None, plain_text(text), None, None, None, None, None)
        case _:
            return ("other", None, None, None, None, None, None, None)


def whole_snak_columns(snak: WholeSnak) -> SnakColumns:
    """The same, of a snak with all of its value."""
    if snak.datavalue is None:
        return snak_columns(Snak(snak.snaktype))
    value: ColumnValue = msgspec.convert(snak.datavalue.value, ColumnValue)
    return snak_columns(Snak(snak.snaktype, DataValue(snak.datavalue.type, value)))


def snak_key(snak: WholeSnak) -> tuple[object, ...]:
    """A key that is equal for equal values, however they were typed in; its parts are text, so keys can be sorted."""
    if snak.datavalue is None:
        return (snak.snaktype,)
    value, kind = snak.datavalue.value, snak.datavalue.type
    try:
        return _value_key(kind, value)
    except UNREADABLE:  # it does not have the form of its type
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


def value_text(snak: WholeSnak) -> str:
    """A value as a short text: item id, time/precision, amount|unit item, language:text, string, somevalue, novalue."""
    if snak.datavalue is None or snak.snaktype != "value":
        return snak.snaktype
    value, kind = snak.datavalue.value, snak.datavalue.type
    try:
        return _short(kind, value)
    except UNREADABLE:  # it does not have the form of its type
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


def entity_name(value: dict[str, Any]) -> str:
    """The id of the entity that a link names."""
    return value.get("id") or old_name(value.get("entity-type"), value.get("numeric-id"))
