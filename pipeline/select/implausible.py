"""Which true statements cannot be true: their dates break the rules of `templates/plausibility.yaml`.

Wikidata has some of its own errors (a medal for one who died before it was founded), and statements that readers take
for errors (a student of a university by its later item). Such a statement is no fact, no answer and no context. Honours
for the dead may be true all the same: nothing asks about them, and they stay answers.
"""

from pipeline.core.settings import ScreeningSettings
from pipeline.core.tables import Database
from pipeline.language.templates import Templates
from pipeline.select.plausibility import OUT_OF_TIME, lay_down_flags, lay_down_rules, set_pairs

# Pairs that break a rule, unless so many of one object do that its own dates are wrong.
_IMPLAUSIBLE = """
CREATE OR REPLACE TEMP TABLE implausible AS
WITH broken AS (SELECT p.* FROM pairs p SEMI JOIN ({broken}) b USING (pair)),
holders AS (SELECT relation, object_id, count(*) AS pairs FROM pairs GROUP BY ALL),
wrong AS (
    SELECT relation, object_id FROM broken JOIN holders USING (relation, object_id)
    GROUP BY ALL HAVING count(*) > 1 AND count(*) > {share} * any_value(pairs)
)
SELECT b.pair AS row FROM broken b ANTI JOIN wrong w USING (relation, object_id)
"""

# The same of triples that were judged a bucket at a time, each with the flag `is_out_of_time`.
_WRONG = """
WITH often AS (
    SELECT relation, object_id FROM judged WHERE is_out_of_time GROUP BY ALL HAVING count(*) > 1
)
SELECT relation, object_id FROM judged SEMI JOIN often USING (relation, object_id)
WHERE is_true AND relation IN (SELECT relation FROM rule_years)
GROUP BY ALL HAVING count(*) FILTER (is_out_of_time) > {share} * count(*)
"""

_OUT_OF_TIME = f"""
CREATE OR REPLACE TEMP TABLE out_of_time AS SELECT p.pair AS row FROM pairs p SEMI JOIN ({OUT_OF_TIME}) b USING (pair)
"""

_BELIEVED = """
SELECT t.* REPLACE (
    t.is_true AND (i.row IS NULL OR t.relation IN ({posthumous})) AS is_true,
    (t.object_count - coalesce(f.objects, 0))::INTEGER AS object_count,
    CASE WHEN t.reason IS NULL AND i.row IS NOT NULL THEN 'implausible' ELSE t.reason END AS reason)
FROM (SELECT *, rowid AS row FROM triples) t
LEFT JOIN implausible i USING (row)
LEFT JOIN (
    SELECT subject_id, relation, count(DISTINCT object_key) AS objects
    FROM (SELECT *, rowid AS row FROM triples) JOIN implausible USING (row)
    WHERE relation NOT IN ({posthumous}) GROUP BY ALL
) f ON f.subject_id = t.subject_id AND f.relation = t.relation
"""


def believed(templates: Templates, settings: ScreeningSettings, database: Database) -> str:
    """The query for TRIPLES, without order, in which statements that break a rule are not true.

    Args:
        templates: Relations, rules and dating.
        settings: How long people live.
        database: A session with the table `triples` and the views or tables `statements`, `entities` and `past`.
    """
    _set_pairs(templates, settings, database)
    database.run(_IMPLAUSIBLE.format(broken=OUT_OF_TIME, share=templates.plausibility.wrong_date))
    return believed_sql(templates)


def believed_sql(templates: Templates) -> str:
    """The query for TRIPLES, without order, from the tables `triples` and `implausible`."""
    relations = templates.plausibility.relations
    posthumous = ", ".join(f"'{name}'" for name, rule in relations.items() if rule.posthumous)
    return _BELIEVED.format(posthumous=posthumous or "''")


def find_out_of_time(templates: Templates, settings: ScreeningSettings, database: Database) -> None:
    """Make the table `out_of_time`: the rows of `triples` that break a rule, in a session as for `believed`."""
    _set_pairs(templates, settings, database)
    database.run(_OUT_OF_TIME)


def wrong_sql(templates: Templates, database: Database) -> str:
    """The query for the objects whose own dates are wrong, from the view `judged` of triples of all buckets."""
    lay_down_flags(templates.plausibility, list(templates.relations), database)
    return _WRONG.format(share=templates.plausibility.wrong_date)


def _set_pairs(templates: Templates, settings: ScreeningSettings, database: Database) -> None:
    rules, names = templates.plausibility, list(templates.relations)
    lay_down_rules(rules, names, templates.dating, settings, database, trusts_spans=False)
    set_pairs(
        "SELECT rowid AS pair, subject_id, relation, object_id, object_key FROM triples "
        "WHERE is_true AND relation IN (SELECT relation FROM rule_years)",
        database,
    )
