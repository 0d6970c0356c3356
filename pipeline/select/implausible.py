"""Which true statements cannot be true: their dates break the rules of `templates/plausibility.yaml`.

Wikidata has some of its own errors (a medal for one who died before it was founded), and statements that readers take
for errors (a student of a university by its later item). Such a statement is no fact, no answer and no context. Honours
for the dead may be true all the same: nothing asks about them, and they stay answers.
"""

from pipeline.core.settings import ScreeningSettings
from pipeline.core.tables import Database
from pipeline.language.templates import Templates
from pipeline.select.plausibility import OUT_OF_TIME, lay_down_rules, set_pairs

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
    rules, names = templates.plausibility, list(templates.relations)
    lay_down_rules(rules, names, templates.dating, settings, database, trusts_spans=False)
    set_pairs(
        "SELECT rowid AS pair, subject_id, relation, object_id, object_key FROM triples "
        "WHERE is_true AND relation IN (SELECT relation FROM rule_years)",
        database,
    )
    database.run(_IMPLAUSIBLE.format(broken=OUT_OF_TIME, share=rules.wrong_date))
    posthumous = ", ".join(f"'{name}'" for name, rule in rules.relations.items() if rule.posthumous)
    return _BELIEVED.format(posthumous=posthumous or "''")
