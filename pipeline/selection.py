"""TRIPLES to CANDIDATES and FACTS: what each category considers, measures against thresholds, and takes.

Every draw is by ticket, a hash of the seed and the row's key, so that it does not depend on row order and moves little
when rows come or go. A category fills itself relation by relation in turn, which evens out the relations, and takes
one object for each question and a few facts for each subject.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline import schema
from pipeline.categories import Category
from pipeline.choice import ticket_sql
from pipeline.settings import Settings
from pipeline.tables import Database, write_rows
from pipeline.templates import Relation


@dataclass(frozen=True)
class Measured:
    """The tables that selection reads; None where a run has none."""

    triples: Path
    changes: Path | None
    popularity: Path | None
    frequency: Path
    degree: Path
    likelihood: Path | None


def open_views(database: Database, measured: Measured, relations: Mapping[str, Relation]) -> None:
    """Let the tables stand as views of their names, empty where a run has none.

    One more view, `hops`, holds the pairs of relations of which the second may be asked of the object of the first.
    """
    pairs = [(name, other) for name, relation in relations.items() for other in relations if relation.leads_to(other)]
    values = ", ".join(f"('{left}', '{right}')" for left, right in pairs)
    database.run(f"CREATE TEMP TABLE hops AS FROM (VALUES {values}) AS t(relation, next)")
    for name, path, kind in (
        ("triples", measured.triples, schema.TRIPLES),
        ("changes", measured.changes, schema.CHANGES),
        ("popularity", measured.popularity, schema.POPULARITY),
        ("frequency", measured.frequency, schema.FREQUENCY),
        ("degree", measured.degree, schema.DEGREE),
        ("likelihood", measured.likelihood, schema.LIKELIHOOD),
    ):
        if path is None:
            database.rows(name, kind.empty_table())
        else:
            database.view(name, path)


_HEADS = """
SELECT e.id, e.label, coalesce(t.types, []) AS types
FROM (SELECT DISTINCT subject_id AS id FROM triples WHERE reason IS NULL) h
JOIN entities e ON e.id = h.id
LEFT JOIN (
    SELECT id, list(DISTINCT type ORDER BY type) AS types
    FROM (SELECT id, unnest(type_ids) AS class_id FROM entities) JOIN types USING (class_id) GROUP BY id
) t ON t.id = e.id
ORDER BY e.id
"""


def find_heads(screened: Path, entities: Path, database: Database, out: Path) -> Path:
    """Write HEADS: the candidate heads, which are the subjects of all eligible triples, with what they are called."""
    database.view("triples", screened / "triples.parquet")
    database.view("types", screened / "types.parquet")
    database.view("entities", entities)
    return database.write(_HEADS, out, schema.HEADS)


_MEASURES = {
    "frequency": ("frequency", "coalesce(m.frequency, 0)"),
    "degree": ("degree", "coalesce(m.in_degree + m.out_degree, 0)"),
    "log_likelihood_mean": ("likelihood", "m.log_likelihood_mean"),
}


def find_thresholds(database: Database, percentile: float, out: Path) -> Path:
    """Write THRESHOLDS: the nearest-rank percentile of each measure over the candidate heads (decision 10).

    The candidate heads are the subjects of all eligible triples. For each measure the table tells how many heads were
    measured, the threshold, and the share of heads that it really selects: with ties, more than the percentile.
    """
    rows: list[tuple[str, int, float | None, float | None]] = []
    for measure, (view, value) in _MEASURES.items():
        heads = f"""SELECT {value} AS value FROM (SELECT DISTINCT subject_id FROM triples WHERE reason IS NULL) h
            {"JOIN" if view == "likelihood" else "LEFT JOIN"} {view} m ON m.id = h.subject_id"""
        count = database.table(f"SELECT count(*) AS n FROM ({heads})")["n"][0].as_py()
        if not count:
            rows.append((measure, 0, None, None))
            continue
        rank = math.ceil(count * percentile / 100)
        sorted_heads = f"SELECT value FROM ({heads}) ORDER BY value LIMIT 1 OFFSET {rank - 1}"
        threshold = database.table(sorted_heads)["value"][0].as_py()
        taken = database.table(f"SELECT count(*) AS n FROM ({heads}) WHERE value <= {threshold!r}")["n"][0].as_py()
        rows.append((measure, count, float(threshold), taken / count))
    return write_rows(rows, out, schema.THRESHOLDS)


_SAMPLED = """
WITH considered AS ({candidates}),
drawn AS (
    SELECT *, {ticket} AS ticket, coalesce(middle_relation, '') || '/' || relation AS question FROM considered
),
unique_questions AS (
    SELECT *, row_number() OVER (PARTITION BY reason, subject_id, question ORDER BY ticket) AS turn FROM drawn
),
unique_subjects AS (
    SELECT *, row_number() OVER (PARTITION BY reason, turn > 1, subject_id ORDER BY ticket) AS place_in_subject
    FROM unique_questions
),
in_relations AS (
    SELECT *, CASE WHEN reason IS NOT NULL THEN reason
        WHEN turn > 1 THEN 'same_question'
        WHEN place_in_subject > {per_subject} THEN 'subject_quota' END AS early_reason,
    FROM unique_subjects
),
in_turn AS (
    SELECT *, row_number() OVER (PARTITION BY early_reason, stratum, question ORDER BY ticket) AS round
    FROM in_relations
),
in_strata AS (
    SELECT *, row_number() OVER (PARTITION BY early_reason, stratum ORDER BY round, ticket) / share AS place
    FROM in_turn
),
ranked AS (
    SELECT *, row_number() OVER (PARTITION BY early_reason ORDER BY place, ticket) AS rank FROM in_strata
)
SELECT '{category}' AS category, subject_id, middle_relation, middle_id, relation, object_key, object_id, statement_id,
    object_count, lt_type, detail,
    CASE WHEN early_reason IS NOT NULL THEN early_reason WHEN rank > {size} THEN 'over_quota' END AS reason
FROM ranked
ORDER BY subject_id, middle_relation NULLS FIRST, middle_id, relation, object_key, statement_id
"""


def select(category: Category, settings: Settings, database: Database, out: Path) -> Path:
    """Write CANDIDATES of one category: every row it considered, with the reason why it was not taken or with none."""
    key = ("'" + category.name + "'", "subject_id", "middle_relation", "relation", "object_key")
    sql = _SAMPLED.format(
        category=category.name,
        candidates=category.candidates(settings),
        ticket=ticket_sql(settings.seed, *key),
        per_subject=category.per_subject(settings),
        size=category.size(settings),
    )
    return database.write(sql, out, schema.CANDIDATES)
