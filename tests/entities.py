"""Tiny entities in the form of the dump, said shortly: `item(42, statement("P39", to(11696), start=at("2016-05-01")))`.

A statement's id is its item and its property, unless it is given a key; items with the same statement in two dumps
therefore hold the same statement id, as Wikidata does.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]

GREGORIAN = "http://www.wikidata.org/entity/Q1985727"
UNKNOWN: Json = {"snaktype": "somevalue"}
NOTHING: Json = {"snaktype": "novalue"}
QUALIFIERS = {"start": "P580", "end": "P582", "on": "P585", "event": "P805"}


def value(kind: str, content: object) -> Json:
    """A value of any type."""
    return {"snaktype": "value", "datavalue": {"type": kind, "value": content}}


def to(item_id: int) -> Json:
    """A link to an item."""
    return value("wikibase-entityid", {"entity-type": "item", "numeric-id": item_id, "id": f"Q{item_id}"})


def at(date: str, calendar: str = GREGORIAN) -> Json:
    """A date as precise as it is written: "20C", "2010s", "2016", "2016-05" or "2016-05-01"; "-0044" is 44 BC."""
    precision = {"s": 8, "C": 7}.get(date[-1])
    sign = "-" if date.startswith("-") else "+"
    year, *rest = date.removeprefix("-").rstrip("sC").split("-")
    month, day = [*rest, "00", "00"][:2]
    if precision == 7:
        year = f"{int(year) * 100:04d}"
    time = f"{sign}{year:0>4}-{month}-{day}T00:00:00Z"
    return moment(time, precision or 9 + len(rest), calendar)


def moment(time: str, precision: int, calendar: str = GREGORIAN) -> Json:
    """A time as the dump writes it."""
    fields = {"time": time, "precision": precision, "calendarmodel": calendar, "before": 0, "after": 0, "timezone": 0}
    return value("time", fields)


def amount(number: str, unit: int | None = None) -> Json:
    """A quantity, "+5" of some unit."""
    return value("quantity", {"amount": number, "unit": f"http://www.wikidata.org/entity/Q{unit}" if unit else "1"})


def text(words: str) -> Json:
    """A string."""
    return value("string", words)


def said(language: str, words: str) -> Json:
    """A text in a language."""
    return value("monolingualtext", {"language": language, "text": words})


def snaks(values: Mapping[str, Json | list[Json]]) -> dict[str, list[Json]]:
    """Snaks by property, as qualifiers and references hold them."""
    lists = {name: given if isinstance(given, list) else [given] for name, given in values.items()}
    return {name: [{**one, "property": name} for one in given] for name, given in lists.items()}


def statement(
    prop: str,
    main: Json,
    key: str = "",
    rank: str = "normal",
    qualifiers: Mapping[str, Json | list[Json]] | None = None,
    references: Iterable[Mapping[str, Json | list[Json]]] = (),
    **named: Json,
) -> Json:
    """A statement; `start`, `end`, `on` and `event` are short for the qualifiers P580, P582, P585 and P805."""
    qualified = {**(qualifiers or {}), **{QUALIFIERS[name]: given for name, given in named.items()}}
    found: Json = {"id": key or prop, "type": "statement", "rank": rank, "mainsnak": {**main, "property": prop}}
    if qualified:
        found |= {"qualifiers": snaks(qualified), "qualifiers-order": list(qualified)}
    if references:
        found["references"] = [{"hash": "0", "snaks": snaks(one), "snaks-order": list(one)} for one in references]
    return found


def item(item_id: int, *statements: Json, label: str = "", **more: object) -> Json:
    """An item with these statements, and whatever else is given as the dump writes it."""
    claims: dict[str, list[Json]] = {}
    for one in statements:
        claims.setdefault(one["mainsnak"]["property"], []).append({**one, "id": f"Q{item_id}${one['id']}"})
    labels = {"en": {"language": "en", "value": label}} if label else {}
    start: Json = {"type": "item", "id": f"Q{item_id}", "labels": labels, "descriptions": {}, "aliases": {}}
    return {**start, "claims": claims, "sitelinks": {}, **more}


def line(entity: Json) -> bytes:
    """An entity as a line of a dump, without its comma."""
    return json.dumps(entity, ensure_ascii=False).encode()


def array(lines: Iterable[bytes]) -> bytes:
    """Lines framed as the dumps of Wikimedia frame them."""
    return b"[\n" + b",\n".join(lines) + b"\n]\n"


def write_dump(path: Path, entities: Iterable[Json]) -> Path:
    """A dump of these entities."""
    path.write_bytes(array(map(line, entities)))
    return path
