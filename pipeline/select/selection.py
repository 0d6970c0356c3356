"""TRIPLES to CANDIDATES and FACTS: what each category considers, and what of it it takes.

Every draw is by ticket, a hash of the seed and the row's key, so that it does not depend on row order and moves little
when rows come or go. A category fills itself relation by relation in turn, which evens out the relations, and takes
one object for each question and a few facts for each subject. It takes more than it may hold: later stages lose some,
and the draw that counts (`edits/draw.py`) comes after them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.core import schema
from pipeline.core.seeded import draw_key_sql
from pipeline.core.settings import Settings
from pipeline.core.tables import Database
from pipeline.language.plausibility import Spared
from pipeline.select.categories import Category

_SPARED = pa.schema(
    [("relation", pa.string()), ("subject_type", pa.string()), ("reason", pa.string()), ("if_several", pa.bool_())]
)


@dataclass(frozen=True)
class Measured:
    """The tables that selection reads; None where a run has none."""

    triples: Path
    news: Path | None
    popularity: Path | None
    frequency: Path
    degree: Path
    names: Path | None
    models: Path | None


def open_views(
    database: Database, measured: Measured, hops: Sequence[tuple[str, str, str]], spared: Iterable[Spared] = ()
) -> None:
    """Let the tables stand as views of their names, empty where a run has none.

    Two more views: `hops` holds the paths of two relations that may be asked (`Templates.hops`), `spared` the subjects
    of which no counterfactual is made (`Plausibility.spared`).
    """
    database.rows("spared", pa.Table.from_pylist([row._asdict() for row in spared], _SPARED))
    columns = (pa.array(column, pa.string()) for column in zip(*hops, strict=True))
    database.rows("hops", pa.table(dict(zip(("relation", "subject_type", "next"), columns, strict=True))))
    for name, path, kind in (
        ("triples", measured.triples, schema.TRIPLES),
        ("news", measured.news, schema.NEWS),
        ("popularity", measured.popularity, schema.POPULARITY),
        ("frequency", measured.frequency, schema.FREQUENCY),
        ("degree", measured.degree, schema.DEGREE),
        ("names", measured.names, schema.NAMES),
        ("models", measured.models, schema.MODELS),
    ):
        if path is None:
            database.rows(name, kind.empty_table())
        else:
            database.view(name, path)


_HEADS = """
WITH drawn AS (
    SELECT id FROM (SELECT DISTINCT subject_id AS id FROM triples WHERE reason IS NULL) ORDER BY {head} LIMIT {heads}
),
one_each AS (
    SELECT t.subject_id AS id, t.relation, t.subject_type, t.object_key, t.object_count, {claim} AS ticket
    FROM triples t JOIN drawn ON drawn.id = t.subject_id WHERE t.reason IS NULL
    QUALIFY row_number() OVER (PARTITION BY t.subject_id, t.relation ORDER BY t.object_key) = 1
),
claimed AS (FROM one_each QUALIFY row_number() OVER (PARTITION BY id ORDER BY ticket) <= {facts})
SELECT e.id, e.label, coalesce(t.types, []) AS types, coalesce(c.claims, []) AS claims
FROM drawn
JOIN entities e USING (id)
LEFT JOIN (
    SELECT id, list(DISTINCT type ORDER BY type) AS types
    FROM (SELECT id, unnest(type_ids) AS class_id FROM entities WHERE id IN (FROM drawn)) JOIN types USING (class_id)
    GROUP BY id
) t USING (id)
LEFT JOIN (
    SELECT id, list({{
            relation: relation, subject_type: subject_type, object_key: object_key, object_count: object_count,
            tense: CASE WHEN past.id IS NOT NULL THEN 'past' WHEN undated.id IS NOT NULL THEN 'unknown'
                ELSE 'present' END
        }} ORDER BY ticket) AS claims
    FROM claimed LEFT JOIN past USING (id) LEFT JOIN undated USING (id) GROUP BY id
) c USING (id)
ORDER BY e.id
"""


def find_heads(screened: Path, entities: Path, settings: Settings, database: Database, out: Path) -> Path:
    """Write HEADS: the candidate heads, which are the subjects of all eligible triples, with what they are called.

    Beyond `likelihood.max_heads` a seeded draw decides which are taken, and another one in which facts they are named.

    Args:
        screened: The folder of TRIPLES, TYPES, PAST and UNDATED.
        entities: ENTITIES of the newer state.
        settings: How many heads, how many facts of each, and the seed.
        database: A session to work in.
        out: The file to write.
    """
    for name in ("triples", "types", "past", "undated"):
        database.view(name, screened / f"{name}.parquet")
    database.view("entities", entities)
    sql = _HEADS.format(
        head=draw_key_sql(settings.seed, "'head'", "id"),
        claim=draw_key_sql(settings.seed, "'claim'", "t.subject_id", "t.relation"),
        heads=settings.likelihood.max_heads,
        facts=settings.likelihood.facts,
    )
    return database.write(sql, out, schema.HEADS)


_SAMPLED = """
WITH considered AS ({candidates}),
drawn AS (
    SELECT *, CASE WHEN {drawn_first} THEN '0' ELSE '1' END || {draw_key} AS ticket,
        coalesce(middle_relation, '') || '/' || relation AS question
    FROM considered
),
unique_questions AS (
    SELECT *, row_number() OVER (PARTITION BY reason, subject_id, question ORDER BY ticket) AS turn FROM drawn
),
unique_steps AS (
    SELECT *, row_number() OVER (PARTITION BY reason, turn > 1, middle_id, relation ORDER BY ticket) AS step_turn
    FROM unique_questions
),
unique_subjects AS (
    SELECT * EXCLUDE (reason), CASE WHEN reason IS NOT NULL THEN reason
        WHEN turn > 1 THEN 'same_question'
        WHEN middle_id IS NOT NULL AND step_turn > {per_step} THEN 'same_step' END AS first_reason,
        row_number() OVER (PARTITION BY first_reason, subject_id ORDER BY ticket) AS place_in_subject
    FROM unique_steps
),
in_relations AS (
    SELECT *, CASE WHEN first_reason IS NOT NULL THEN first_reason
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
    SELECT *, row_number() OVER (PARTITION BY early_reason ORDER BY place, ticket) AS rank,
        count(*) FILTER (early_reason IS NULL OR early_reason IN ('same_step', 'subject_quota'))
            OVER (PARTITION BY stratum, question) AS pool_rows
    FROM in_strata
)
SELECT '{category}' AS category, subject_id, middle_relation, middle_id, relation, object_key, object_id, statement_id,
    object_count, lt_type, pool_rows, detail,
    CASE WHEN early_reason IS NOT NULL THEN early_reason WHEN rank > {size} THEN 'over_quota' END AS reason
FROM ranked
ORDER BY subject_id, middle_relation NULLS FIRST, middle_id, relation, object_key, statement_id
"""


# Only one of them can be kept in a scope, but a third ends in another split, and as many have no target.
_PATHS_A_STEP = 3


def select(category: Category, settings: Settings, database: Database, out: Path) -> Path:
    """Write CANDIDATES of one category: every row it considered, with the reason why it was not taken or with none."""
    key = ("'" + category.name + "'", "subject_id", "middle_relation", "relation", "object_key")
    sql = _SAMPLED.format(
        category=category.name,
        candidates=category.candidates(settings),
        drawn_first=category.drawn_first,
        draw_key=draw_key_sql(settings.seed, *key),
        per_subject=settings.balance.with_reserve(category.per_subject(settings)),
        size=settings.balance.with_reserve(category.size(settings)),
        per_step=_PATHS_A_STEP,
    )
    return database.write(sql, out, schema.CANDIDATES)
