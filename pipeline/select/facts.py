"""CANDIDATES to FACTS: what the categories took, with signals, provenance and, for popular facts, a target."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.core import schema
from pipeline.core.settings import Settings
from pipeline.core.tables import Database
from pipeline.language.templates import Templates
from pipeline.select.targets import choose_targets


@dataclass(frozen=True)
class FactSources:
    """The tables of the newer state that facts are checked against, as the views of their names."""

    statements: Path
    entities: Path
    past: Path


_FACTS = """
SELECT c.category, c.subject_id, c.middle_relation, c.middle_id, c.relation, c.object_key, c.object_id, c.statement_id,
    c.object_count, c.lt_type, c.pool_rows, t.target_key, t.target_id,
    h.change_class, h.old_value, h.base_revision, h.head_revision, h.first_seen,
    coalesce(h.rcids, []) AS rcids, coalesce(h.tags, []) AS tags, h.event_time, h.event_precision, h.event_calendar_id,
    'P' || h.event_property_id AS event_property_id,
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
LEFT JOIN news h ON c.category = 'recent' AND lower(h.new_statement_id) = lower(c.statement_id)
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


def collect_facts(
    candidates: Path, sources: FactSources, templates: Templates, settings: Settings, database: Database, out: Path
) -> Path:
    """Write FACTS.

    Args:
        candidates: CANDIDATES, a file a category.
        sources: The tables that say what is true, and when.
        templates: Relations and rules.
        settings: Seed and pool size.
        database: A session with the views of `selection.open_views` and `thresholds.find_thresholds`.
        out: The file to write.
    """
    for name, path in vars(sources).items():
        database.view(name, path)
    database.view("candidates", candidates)
    database.run("CREATE OR REPLACE TEMP TABLE chosen AS SELECT * FROM candidates WHERE reason IS NULL")
    choose_targets(templates, settings, database)
    return database.write(_FACTS, out, schema.FACTS)
