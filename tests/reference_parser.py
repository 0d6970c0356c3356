"""A slow, plain reading of dump lines, written from the description of the format and not from `entity_json`.

It holds whole entities as the json module gives them and looks every field up anew. Where the two readings differ, at
least one of them is wrong.
"""

import json
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipeline.core import schema
from pipeline.sources.entities.rows import Rows

Json = Any


@dataclass
class Reading:
    """What one or more lines say."""

    statements: list[dict[str, Json]] = field(default_factory=list)
    entities: list[dict[str, Json]] = field(default_factory=list)
    titles: set[tuple[int, str, str]] = field(default_factory=set)
    mentions: Counter[int] = field(default_factory=Counter)  # statements that mention an item in any position
    neighbours: set[tuple[int, int]] = field(default_factory=set)  # item, item that a best statement of it has as value


def read(lines: list[bytes], properties: set[str], wikis: set[str]) -> Reading:
    """Read lines that hold one entity each."""
    reading = Reading()
    for line in lines:
        entity = json.loads(line)
        is_item = entity["id"].startswith("Q")
        subject = int(entity["id"][1:]) if is_item else None
        for name, statements in as_map(entity.get("claims")).items():
            for statement in statements:
                _read_statement(reading, subject, statement, statements)
                if is_item and name in properties:
                    reading.statements.append(_statement(subject, name, statement, is_best(statement, statements)))
        if is_item:
            reading.entities.append(_entity(subject, entity))
            links = as_map(entity.get("sitelinks"))
            reading.titles |= {(subject, wiki, links[wiki]["title"]) for wiki in wikis if wiki in links}
    return reading


def as_reading(rows: Rows) -> Reading:
    """Rows of `entity_json` in the same form; an item's state is left out, since it may be a hash."""
    return Reading(
        [dict(zip(schema.STATEMENTS.names, row, strict=True)) for row in rows.statements],
        [
            {name: cell for name, cell in zip(schema.ENTITIES.names, row, strict=True) if name != "state"}
            for row in rows.entities
        ],
        set(rows.titles),
        _mentions(rows),
        set(zip(rows.neighbour_of, rows.neighbours, strict=True)),
    )


def _mentions(rows: Rows) -> Counter[int]:
    """Each statement mentions its subject too, whose number the entities hold."""
    mentions = Counter(rows.mentions)
    for row in rows.entities:
        mentions[row[0]] += row[schema.ENTITIES.get_field_index("statement_count")]
    return +mentions


def as_map(found: Json) -> dict[str, Json]:
    """A map that may be missing, or written as an empty list."""
    return found or {}


def is_best(statement: Json, group: list[Json]) -> bool:
    """Whether a statement is preferred or, where none of its property is, normal."""
    ranks = {other.get("rank", "normal") for other in group}
    return statement.get("rank", "normal") == ("preferred" if "preferred" in ranks else "normal")


def item_of(snak: Json) -> int | None:
    """The item that a snak names."""
    datavalue = snak.get("datavalue")
    if datavalue is None or datavalue["type"] != "wikibase-entityid":
        return None
    named = datavalue["value"]
    if "id" not in named:
        return named["numeric-id"] if named["entity-type"] == "item" else None
    return int(named["id"][1:]) if named["id"].startswith("Q") else None


def all_snaks(statement: Json) -> list[Json]:
    """Main snak, qualifiers and references."""
    maps = [as_map(statement.get("qualifiers"))]
    maps += [as_map(reference.get("snaks")) for reference in statement.get("references", [])]
    return [statement["mainsnak"], *(snak for by_property in maps for group in by_property.values() for snak in group)]


def _read_statement(reading: Reading, subject: int | None, statement: Json, group: list[Json]) -> None:
    named = {item_of(snak) for snak in all_snaks(statement)} | {subject}
    reading.mentions.update(named - {None})
    neighbour = item_of(statement["mainsnak"])
    if subject and neighbour and neighbour != subject and is_best(statement, group):
        reading.neighbours.add((subject, neighbour))


def _statement(subject: int | None, name: str, statement: Json, best: bool) -> dict[str, Json]:
    qualifiers = as_map(statement.get("qualifiers"))
    row = {
        "subject_id": subject,
        "property_id": int(name[1:]),
        "statement_id": statement["id"],
        "rank": statement.get("rank", "normal"),
        "is_best": best,
        **_value(statement["mainsnak"]),
        "event_id": next((item_of(snak) for snak in qualifiers.get("P805", [])), None),
        "qualifier_ids": sorted(int(qualifier[1:]) for qualifier in qualifiers),
    }
    for column, qualifier in (("start_time", "P580"), ("end_time", "P582"), ("point_in_time", "P585")):
        times = [_value(snak) for snak in qualifiers.get(qualifier, [])]
        time = next((value for value in times if value["value_kind"] == "time"), {"time": None, "precision": None})
        row |= {column: time["time"], f"{column.split('_')[0]}_precision": time["precision"]}
    return row


def _value(snak: Json) -> dict[str, Json]:
    columns = "value_kind object_id text amount unit_id time precision calendar_id"
    empty = dict.fromkeys(columns.split())
    if snak["snaktype"] != "value":
        return empty | {"value_kind": snak["snaktype"]}
    kind, value = snak["datavalue"]["type"], snak["datavalue"]["value"]
    if item_of(snak):
        return empty | {"value_kind": "item", "object_id": item_of(snak)}
    if kind == "time":
        calendar = _last_number(value["calendarmodel"])
        return empty | {"value_kind": "time", "calendar_id": calendar} | {k: value[k] for k in ("time", "precision")}
    if kind == "quantity":
        return empty | {"value_kind": kind, "amount": value["amount"], "unit_id": _last_number(value["unit"])}
    if kind == "string":
        return empty | {"value_kind": "string", "text": seen(value)}
    if kind == "monolingualtext":
        return empty | {"value_kind": "monolingual", "text": seen(value["text"])}
    return empty | {"value_kind": "other"}


def _last_number(address: str) -> int | None:
    name = address.split("/")[-1]
    return int(name[1:]) if name.startswith("Q") else None


_SHAPELESS = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0}
_SHAPELESS |= {*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}


def seen(text: str) -> str:
    """A text as a reader sees it."""
    shown = [" " if one.isspace() else one for one in text]
    shown = [one for one in shown if unicodedata.category(one)[0] != "C" and ord(one) not in _SHAPELESS]
    return re.sub(" +", " ", unicodedata.normalize("NFC", "".join(shown))).strip(" ")


def _entity(subject: int | None, entity: Json) -> dict[str, Json]:
    labels, aliases = as_map(entity.get("labels")), as_map(entity.get("aliases"))
    seen_labels = {name: seen(term["value"]) for name, term in labels.items()}
    language = next((name for name in ("en", "mul") if seen_labels.get(name)), None)
    label = seen_labels[language] if language else None
    claims, links = as_map(entity.get("claims")), as_map(entity.get("sitelinks"))
    types = claims.get("P31", [])
    names: list[str] = []
    for term in aliases.get("en", []) + aliases.get("mul", []):
        name = seen(term["value"])
        if name and name != label and name not in names:
            names.append(name)
    modified = entity.get("modified")
    return {
        "id": subject,
        "label": label,
        "label_language": language,
        "aliases": names,
        "description": seen(as_map(entity.get("descriptions")).get("en", {}).get("value", "")) or None,
        "type_ids": [kind for one in types if is_best(one, types) and (kind := item_of(one["mainsnak"]))],
        "sitelinks": len(links),
        "enwiki_title": links["enwiki"]["title"] if "enwiki" in links else None,
        "statement_count": sum(len(group) for group in claims.values()),
        "last_revision": entity.get("lastrevid"),
        "modified": datetime.fromisoformat(modified.replace("Z", "+00:00")) if modified else None,
    }
