"""SUBGRAPH as tables: cut out of the newer state by SQL, then read into memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core import schema
from pipeline.core.seeded import draw_key_sql
from pipeline.core.tables import Database, read_table
from pipeline.language.names import is_english_name
from pipeline.language.subgraph import Item, Subgraph, Triple
from pipeline.language.templates import Templates

_SEEDS = """
CREATE TEMP TABLE seeds AS
SELECT DISTINCT unnest([subject_id, middle_id, object_id, target_id, old_id]) AS id FROM (
    SELECT *, try_cast(regexp_extract(old_value, '^Q([0-9]+)$', 1) AS BIGINT) AS old_id FROM facts)
"""

# Triples of the seeds; triples whose object is a subject or an object of a fact; other triples of the same relation.
_TRIPLES = """
CREATE TEMP TABLE near AS
WITH used AS (SELECT DISTINCT relation FROM facts),
ends AS (SELECT DISTINCT unnest([subject_id, object_id]) AS id FROM facts),
fit AS (SELECT * FROM triples WHERE reason IS NULL AND object_count = 1)
SELECT * FROM triples WHERE is_true AND subject_id IN (FROM seeds)
UNION ALL
(SELECT f.* FROM fit f JOIN ends ON ends.id = f.object_id
 QUALIFY row_number() OVER (PARTITION BY f.relation, f.object_id ORDER BY {by_object}) <= {pool})
UNION ALL
(SELECT f.* FROM fit f JOIN used USING (relation)
 QUALIFY row_number() OVER (PARTITION BY f.relation ORDER BY {by_relation}) <= {pool})
"""

_WRITTEN_TRIPLES = """
SELECT DISTINCT subject_id, relation, object_key, object_id, statement_id, object_count, is_homonym,
    reason IS NULL AS is_eligible
FROM near ORDER BY subject_id, relation, object_key, statement_id
"""

_WRITTEN_ITEMS = """
SELECT e.id, e.label, e.label_language, e.aliases, e.description, e.type_ids,
    coalesce(t.types, []) AS types, e.sitelinks, e.statement_count,
    CASE WHEN p.id IS NOT NULL THEN 'past' WHEN u.id IS NOT NULL THEN 'unknown' ELSE 'present' END AS tense
FROM entities e
LEFT JOIN (
    SELECT id, list(DISTINCT type ORDER BY type) AS types
    FROM (SELECT id, unnest(type_ids) AS class_id FROM entities WHERE id IN (FROM named)) JOIN types USING (class_id)
    GROUP BY id
) t ON t.id = e.id
LEFT JOIN past p ON p.id = e.id
LEFT JOIN undated u ON u.id = e.id
WHERE e.id IN (FROM named) AND e.label IS NOT NULL
ORDER BY e.id
"""


@dataclass(frozen=True)
class SubgraphSource:
    """The tables that a subgraph is cut from."""

    facts: Path
    entities: Path
    triples: Path
    types: Path
    past: Path
    undated: Path


def make_subgraph(source: SubgraphSource, pool: int, seed: int, database: Database, out: Path) -> Path:
    """Write SUBGRAPH_ITEMS and SUBGRAPH_TRIPLES as `items.parquet` and `triples.parquet`.

    Args:
        source: Where from.
        pool: How many triples to keep with an item as their object, and how many of a relation.
        seed: The seed of the run.
        database: A session to work in.
        out: The folder to write.
    """
    for view in ("facts", "triples", "entities", "types", "past", "undated"):
        database.view(view, getattr(source, view))
    database.run(_SEEDS)
    by_object = draw_key_sql(seed, "'leading'", "f.relation", "f.subject_id", "f.object_key")
    by_relation = draw_key_sql(seed, "'beside'", "f.relation", "f.subject_id", "f.object_key")
    database.run(_TRIPLES.format(by_object=by_object, by_relation=by_relation, pool=pool))
    database.run(
        """
        CREATE TEMP TABLE named AS
        SELECT id FROM seeds UNION SELECT subject_id FROM near UNION SELECT object_id FROM near"""
    )
    database.write(_WRITTEN_TRIPLES, out / "triples.parquet", schema.SUBGRAPH_TRIPLES)
    database.write(_WRITTEN_ITEMS, out / "items.parquet", schema.SUBGRAPH_ITEMS)
    return out


def load_subgraph(folder: Path, templates: Templates) -> Subgraph:
    """Read a subgraph into memory."""
    items = [_item(row) for row in read_table(folder / "items.parquet").to_pylist()]
    triples = [Triple(**row) for row in read_table(folder / "triples.parquet").to_pylist()]
    return Subgraph({item.id: item for item in items}, triples, templates)


def _item(row: Mapping[str, Any]) -> Item:
    is_person = not {"person", "character"}.isdisjoint(row["types"])
    return Item(
        id=row["id"],
        label=row["label"],
        label_language=row["label_language"],
        aliases=tuple(alias for alias in row["aliases"] if is_english_name(alias, row["label"], is_person=is_person)),
        description=row["description"],
        type_ids=tuple(row["type_ids"]),
        types=frozenset(row["types"]),
        sitelinks=row["sitelinks"],
        statement_count=row["statement_count"],
        tense=row["tense"],
    )
