"""SUBGRAPH as tables: cut out of the newer state by SQL, then read into memory."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core import schema
from pipeline.core.seeded import draw_key_sql
from pipeline.core.tables import Database, read_table, write_records
from pipeline.language.aliases import Named, Naming, alias_fault, kind_of
from pipeline.language.name_form import no_name_sql
from pipeline.language.subgraph import Item, Subgraph, Triple
from pipeline.language.template_parts import META
from pipeline.language.templates import Templates

_HUMAN = 5

AliasCounts = Counter[str]  # aliases by verdict, a key of `reasons.ALIASES`

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
SELECT DISTINCT n.subject_id, relation, object_key, n.object_id, statement_id, object_count, is_homonym,
    reason IS NULL AS is_eligible, start_time
FROM near n LEFT JOIN statements USING (statement_id) ORDER BY n.subject_id, relation, object_key, statement_id
"""

# Aliases of named items that another item has too which is as well known or of the same kind. Pages about names and
# lists of namesakes are no such item. A family name alone is that of all who bear it.
_SHARED = r"""
CREATE TEMP TABLE shared AS
WITH given AS (
    SELECT id, sitelinks, statement_count, type_ids, unnest(aliases) AS alias FROM entities WHERE id IN (FROM named)
),
wanted AS (SELECT DISTINCT lower(alias) AS name FROM given),
held AS (
    SELECT id, sitelinks, statement_count, type_ids, unnest(list_append(aliases, label)) AS name
    FROM entities WHERE label IS NOT NULL
),
others AS (
    SELECT h.* REPLACE (lower(h.name) AS name) FROM held h SEMI JOIN wanted w ON w.name = lower(h.name)
    WHERE NOT list_has_any(h.type_ids, (SELECT coalesce(list(class_id), []) FROM types WHERE type = '{meta}'))
    UNION ALL
    SELECT id, -1 AS sitelinks, -1 AS statement_count, type_ids, family AS name FROM (
        SELECT *, lower(regexp_extract(label, ' (\S+)$', 1)) AS family FROM entities
        WHERE list_contains(type_ids, {human})
    ) h SEMI JOIN wanted w ON w.name = h.family
)
SELECT g.id, list(DISTINCT lower(g.alias) ORDER BY lower(g.alias)) AS shared
FROM given g JOIN others o ON o.name = lower(g.alias) AND o.id <> g.id
WHERE (o.sitelinks, o.statement_count) >= (g.sitelinks, g.statement_count) OR list_has_any(o.type_ids, g.type_ids)
GROUP BY g.id
"""

# Named items whose label another item has that is better known.
_OUTSHONE = """
CREATE TEMP TABLE outshone AS
WITH own AS (SELECT id, lower(label) AS name, sitelinks FROM entities WHERE id IN (FROM named) AND label IS NOT NULL),
others AS (
    SELECT lower(e.label) AS name, max(e.sitelinks) AS sitelinks
    FROM entities e SEMI JOIN own ON own.name = lower(e.label)
    WHERE NOT list_has_any(e.type_ids, (SELECT coalesce(list(class_id), []) FROM types WHERE type = '{meta}'))
    GROUP BY ALL
)
SELECT id FROM own JOIN others USING (name) WHERE others.sitelinks > own.sitelinks
"""

_STATED = """
CREATE TEMP TABLE stated AS
SELECT subject_id AS id, list(DISTINCT text ORDER BY text) AS stated,
    list(DISTINCT text ORDER BY text) FILTER (property_id IN ({pen_names})) AS pen_names
FROM statements
WHERE property_id IN ({properties}) AND rank <> 'deprecated' AND text <> '' AND subject_id IN (FROM named)
GROUP BY subject_id
"""

_NAMED_ITEMS = """
SELECT e.id, e.label, e.label_language, e.aliases, e.description, e.type_ids,
    coalesce(t.types, []) AS types, e.sitelinks, e.statement_count,
    CASE WHEN p.id IS NOT NULL THEN 'past' WHEN u.id IS NOT NULL THEN 'unknown' ELSE 'present' END AS tense,
    o.id IS NOT NULL AS is_outshone,
    coalesce(s.stated, []) AS stated, coalesce(s.pen_names, []) AS pen_names,
    coalesce(d.shared, []) AS shared
FROM entities e
LEFT JOIN (
    SELECT id, list(DISTINCT type ORDER BY type) AS types
    FROM (SELECT id, unnest(type_ids) AS class_id FROM entities WHERE id IN (FROM named)) JOIN types USING (class_id)
    GROUP BY id
) t ON t.id = e.id
LEFT JOIN past p ON p.id = e.id
LEFT JOIN undated u ON u.id = e.id
LEFT JOIN stated s ON s.id = e.id
LEFT JOIN shared d ON d.id = e.id
LEFT JOIN outshone o ON o.id = e.id
WHERE e.id IN (FROM named) AND e.label IS NOT NULL AND NOT {no_name}
ORDER BY e.id
"""


@dataclass(frozen=True)
class SubgraphSource:
    """The tables that a subgraph is cut from."""

    statements: Path
    facts: Path
    entities: Path
    triples: Path
    types: Path
    past: Path
    undated: Path


def make_subgraph(
    source: SubgraphSource, naming: Naming, pool: int, seed: int, database: Database, out: Path
) -> AliasCounts:
    """Write SUBGRAPH_ITEMS and SUBGRAPH_TRIPLES as `items.parquet` and `triples.parquet`.

    An item whose label is no name stands in no sentence and no answer, as if it had no label.

    Args:
        source: Where from.
        naming: Which names are answers.
        pool: How many triples to keep with an item as their object, and how many of a relation.
        seed: The seed of the run.
        database: A session to work in.
        out: The folder to write.

    Returns:
        How many aliases of these items are answers, and how many are not, by reason.
    """
    for view in ("statements", "facts", "triples", "entities", "types", "past", "undated"):
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
    database.run(_SHARED.format(meta=META, human=_HUMAN))
    database.run(_OUTSHONE.format(meta=META))
    stated, pen_names = (
        ", ".join(name[1:] for name in names) or "0" for names in (naming.rules.statements, naming.rules.pen_names)
    )
    database.run(_STATED.format(properties=stated, pen_names=pen_names))
    items = _NAMED_ITEMS.format(no_name=no_name_sql("e.label", naming.shortest, naming.longest))
    counts: AliasCounts = Counter()
    rows = [_with_judged_aliases(row, naming, counts) for row in database.table(items).to_pylist()]
    write_records(rows, out / "items.parquet", schema.SUBGRAPH_ITEMS)
    return counts


def _with_judged_aliases(row: Mapping[str, Any], naming: Naming, counts: AliasCounts) -> Mapping[str, object]:
    """A row of SUBGRAPH_ITEMS: the aliases divided into answers, codes and other names."""
    names = (frozenset(row[column]) for column in ("stated", "pen_names", "shared"))
    item = Named(row["label"], kind_of(row["types"], naming.rules), *names)
    judged = [(alias, alias_fault(alias, item, naming)) for alias in row["aliases"]]
    counts.update(fault or "answer" for _, fault in judged)
    columns = {name: row[name] for name in schema.SUBGRAPH_ITEMS.names if name in row}
    return columns | {
        "aliases": [alias for alias, fault in judged if fault is None],
        "codes": [alias for alias, fault in judged if fault == "code"],
        "other_names": [alias for alias, fault in judged if fault not in (None, "code")],
    }


def load_subgraph(folder: Path, templates: Templates) -> Subgraph:
    """Read a subgraph into memory."""
    items = [_item(row) for row in read_table(folder / "items.parquet").to_pylist()]
    triples = [Triple(**row) for row in read_table(folder / "triples.parquet").to_pylist()]
    return Subgraph({item.id: item for item in items}, triples, templates)


def _item(row: Mapping[str, Any]) -> Item:
    return Item(
        id=row["id"],
        label=row["label"],
        label_language=row["label_language"],
        aliases=tuple(row["aliases"]),
        codes=tuple(row["codes"]),
        other_names=tuple(row["other_names"]),
        description=row["description"],
        type_ids=tuple(row["type_ids"]),
        types=frozenset(row["types"]),
        sitelinks=row["sitelinks"],
        statement_count=row["statement_count"],
        tense=row["tense"],
        is_outshone=row["is_outshone"],
    )
