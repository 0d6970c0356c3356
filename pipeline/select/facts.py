"""CANDIDATES to FACTS: what the categories took, with signals, provenance and, for popular facts, a target.

A fact of a counterfactual category is changed to an object that is not true (decision 7): one that the same relation
holds elsewhere, of a class that the true object has too, and true of the subject under none of its names. It is drawn
by ticket, so a fact keeps its target as long as that object is in the pool and no newcomer draws a lower one.
"""

from pathlib import Path

from pipeline.core import schema
from pipeline.core.seeded import draw_key_sql
from pipeline.core.settings import Settings
from pipeline.core.tables import Database
from pipeline.select.categories import CATEGORIES

# A literal has no classes; dates of one precision and century count as one kind, and so do numbers of as many digits.
_KIND_OF_LITERAL = """
CASE WHEN contains({key}, '/')
    THEN -1 * (
        split_part({key}, '/', 2)::BIGINT * 10000
        + try_cast(regexp_extract({key}, '^([+-]?[0-9]+)', 1) AS BIGINT) // 100
    )
    ELSE length({key}) END
"""

_POOL = """
CREATE OR REPLACE TEMP TABLE pool AS
WITH objects AS (SELECT DISTINCT relation, object_key, object_id FROM triples WHERE reason IS NULL),
kinds AS (
    SELECT relation, object_key, object_id, unnest(e.type_ids) AS kind
    FROM objects o JOIN entities e ON e.id = o.object_id
    UNION ALL
    SELECT relation, object_key, object_id, {literal} FROM objects WHERE object_id IS NULL
)
SELECT k.*, e.label FROM kinds k LEFT JOIN entities e ON e.id = k.object_id
QUALIFY row_number() OVER (PARTITION BY relation, kind ORDER BY {draw_key}) <= {size}
"""

# An item under any of its names, whatever the case.
_NAMES = "lower(unnest(list_append(e.aliases, e.label)))"

_TARGETS = """
CREATE OR REPLACE TEMP TABLE targets AS
WITH asked AS (
    SELECT c.*, coalesce(middle_id, subject_id) AS holder_id,
        coalesce(middle_relation, '') || '/' || relation AS question,
        lower(s.label) AS subject_label
    FROM chosen c JOIN entities s ON s.id = c.subject_id
    WHERE c.category IN ({categories})
),
kinds AS (
    SELECT a.*, unnest(e.type_ids) AS kind FROM asked a JOIN entities e ON e.id = a.object_id
    UNION ALL
    SELECT a.*, {literal} FROM asked a WHERE object_id IS NULL
),
true_names AS (
    SELECT t.subject_id AS holder_id, t.relation, {names} AS name
    FROM triples t JOIN entities e ON e.id = t.object_id
    WHERE t.is_true AND t.subject_id IN (SELECT holder_id FROM asked)
),
pool_names AS (
    SELECT relation, object_id AS target_id, {names} AS name
    FROM (SELECT DISTINCT relation, object_id FROM pool) p JOIN entities e ON e.id = p.object_id
),
namesakes AS (SELECT DISTINCT holder_id, relation, target_id FROM true_names JOIN pool_names USING (relation, name)),
offers AS (
    SELECT DISTINCT k.category, k.subject_id, k.question, k.holder_id, k.relation, p.object_key AS target_key,
        p.object_id AS target_id, p.label, k.subject_label
    FROM kinds k JOIN pool p ON p.relation = k.relation AND p.kind = k.kind AND p.object_key <> k.object_key
)
SELECT category, subject_id, question, target_key, target_id FROM offers o
WHERE target_id IS DISTINCT FROM subject_id AND target_id IS DISTINCT FROM holder_id
  AND (label IS NULL OR NOT contains(subject_label, lower(label)))
  AND NOT EXISTS (
      SELECT 1 FROM triples t
      WHERE t.is_true AND t.subject_id = o.holder_id AND t.relation = o.relation AND t.object_key = o.target_key)
  AND NOT EXISTS (
      SELECT 1 FROM namesakes n
      WHERE n.holder_id = o.holder_id AND n.relation = o.relation AND n.target_id = o.target_id)
QUALIFY row_number() OVER (PARTITION BY category, subject_id, question ORDER BY {draw_key}) = 1
"""

_FACTS = """
SELECT c.category, c.subject_id, c.middle_relation, c.middle_id, c.relation, c.object_key, c.object_id, c.statement_id,
    c.object_count, c.lt_type, t.target_key, t.target_id,
    h.change_class, h.old_value, h.base_revision, h.head_revision, h.first_seen,
    coalesce(h.rcids, []) AS rcids, coalesce(h.tags, []) AS tags, h.event_time, h.event_precision, h.event_calendar_id,
    coalesce(f.frequency, 0) AS frequency,
    coalesce(d.in_degree, 0) AS in_degree, coalesce(d.out_degree, 0) AS out_degree,
    p.page_views, p.page_views_percentile,
    l.log_likelihood_sum, l.log_likelihood_mean, l.log_likelihood_per_byte, l.threshold AS log_likelihood_threshold,
    i.value AS log_likelihood_in_facts, i.threshold AS log_likelihood_in_facts_threshold,
    a.log_likelihood_sum AS log_likelihood_alone, l.token_count AS lm_token_count,
    m.model AS lm_model, m.revision AS lm_revision, m.dtype AS lm_dtype, m.tokenizer AS lm_tokenizer
FROM chosen c
LEFT JOIN targets t ON t.category = c.category AND t.subject_id = c.subject_id
    AND t.question = coalesce(c.middle_relation, '') || '/' || c.relation
LEFT JOIN changes h ON c.category = 'recent' AND lower(h.new_statement_id) = lower(c.statement_id)
    AND h.is_new_value
LEFT JOIN frequency f ON f.id = c.subject_id
LEFT JOIN degree d ON d.id = c.subject_id
LEFT JOIN popularity p ON p.id = c.subject_id
LEFT JOIN judged_names l ON l.id = c.subject_id AND l.carrier_class = 'neutral'
LEFT JOIN judged_names i ON i.id = c.subject_id AND i.carrier_class = 'fact'
LEFT JOIN judged_names a ON a.id = c.subject_id AND a.carrier_class = 'alone'
LEFT JOIN models m ON l.id IS NOT NULL
QUALIFY row_number() OVER (
    PARTITION BY c.category, c.subject_id, c.middle_relation, c.relation ORDER BY h.change_class
) = 1
ORDER BY c.category, c.subject_id, c.middle_relation NULLS FIRST, c.relation
"""


def collect_facts(candidates: Path, entities: Path, settings: Settings, database: Database, out: Path) -> Path:
    """Write FACTS.

    Args:
        candidates: CANDIDATES, a file a category.
        entities: ENTITIES of the newer state.
        settings: Seed and pool size.
        database: A session with the views of `selection.open_views` and `thresholds.find_thresholds`.
        out: The file to write.
    """
    database.view("entities", entities)
    database.view("candidates", candidates)
    database.run("CREATE OR REPLACE TEMP TABLE chosen AS SELECT * FROM candidates WHERE reason IS NULL")
    literal = _KIND_OF_LITERAL.format(key="object_key")
    pool_ticket = draw_key_sql(settings.seed, "'pool'", "k.relation", "k.object_key")
    database.run(_POOL.format(literal=literal, draw_key=pool_ticket, size=settings.popular.target_pool))
    target_ticket = draw_key_sql(settings.seed, "'target'", "subject_id", "question", "target_key")
    counterfactual = ", ".join(f"'{name}'" for name, category in CATEGORIES.items() if category.is_counterfactual)
    database.run(_TARGETS.format(literal=literal, names=_NAMES, draw_key=target_ticket, categories=counterfactual))
    return database.write(_FACTS, out, schema.FACTS)
