"""A few items with dates, as the tables that the rules of plausibility read."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import pyarrow as pa

from pipeline.core import schema
from pipeline.core.tables import Database

HUMAN, MEDAL, FILM, DOCUMENTARY = 5, 131647, 11424, 93204
Held = tuple[int, str, int]


def open_tables(
    database: Database,
    classes: Mapping[int, int],
    dates: Iterable[tuple[int, int, int]],
    held: Iterable[Held],
    said: Mapping[int, str] | None = None,
    literals: Iterable[tuple[int, str, str]] = (),
    names: Mapping[int, Sequence[str]] | None = None,
) -> None:
    """Items with classes, dates (item, property, year), statements, descriptions and names, as screening sees them."""
    blank = dict.fromkeys(schema.ENTITIES.names)
    entities = [
        {
            **blank,
            "id": item,
            "label": (names or {}).get(item, (f"item {item}",))[0],
            "type_ids": [kind],
            "aliases": (names or {}).get(item, ("",))[1:],
            "modified": datetime(2021, 7, 2, tzinfo=UTC),
        }
        | {"description": (said or {}).get(item)}
        for item, kind in classes.items()
    ]
    blank = dict.fromkeys(schema.STATEMENTS.names)
    statements = [
        {**blank, "subject_id": item, "property_id": number, "rank": "normal", "is_best": True, "value_kind": "time"}
        | {"time": f"+{year:04d}-00-00T00:00:00Z", "precision": 9}
        for item, number, year in dates
    ]
    blank = dict.fromkeys(schema.TRIPLES.names)
    triples = [
        {**blank, "subject_id": subject, "relation": relation, "object_id": held_id, "object_key": f"Q{held_id}"}
        | {"object_count": 1, "is_homonym": False, "is_true": True}
        for subject, relation, held_id in held
    ]
    triples += [
        {**blank, "subject_id": subject, "relation": relation, "object_key": key}
        | {"object_count": 1, "is_homonym": False, "is_true": True}
        for subject, relation, key in literals
    ]
    links = {"P106": 106, "P27": 27, "P21": 21}
    statements += [
        {**dict.fromkeys(schema.STATEMENTS.names), "subject_id": subject, "property_id": links[relation]}
        | {"rank": "normal", "is_best": True, "value_kind": "item", "object_id": held_id}
        for subject, relation, held_id in held
        if relation in links
    ]
    database.rows("entities", pa.Table.from_pylist(entities, schema.ENTITIES))
    database.rows("statements", pa.Table.from_pylist(statements, schema.STATEMENTS))
    database.rows("past", schema.PAST.empty_table())
    database.rows("given", pa.Table.from_pylist(triples, schema.TRIPLES))
    database.run("CREATE TEMP TABLE triples AS FROM given")
