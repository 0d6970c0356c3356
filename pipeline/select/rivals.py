"""Objects that one subject a year has, such as most awards: if another film of the year won it, this one did not.

Lists of awards are never complete, so that without such a rival an award that Wikidata does not list may be true.
"""

from pipeline.core.tables import Database
from pipeline.select.moments import year_sql

# Objects that go to one subject a year, as their years show, with the subject that has each in a year. The dates of a
# film are those of several countries: its year is sure where the description gives no other.
_RIVALS = """
CREATE OR REPLACE TEMP TABLE rivals AS
WITH winners AS (
    SELECT DISTINCT t.relation, t.object_id, t.subject_id, {year} AS year, l.type_ids
    FROM triples t JOIN rule_flags f ON f.relation = t.relation AND f.once_years IS NOT NULL
    JOIN lifespans l ON l.id = t.subject_id
    WHERE t.is_true AND t.object_id IS NOT NULL AND NOT l.is_human AND l.start_day IS NOT NULL
        AND coalesce(l.said_year = {year}, true)
),
counted AS (SELECT relation, object_id, year, count(*) AS winners FROM winners GROUP BY ALL),
yearly AS (
    SELECT relation, object_id FROM counted JOIN rule_flags f USING (relation) GROUP BY ALL
    HAVING count(*) >= any_value(f.once_years) AND avg((winners = 1)::INT) >= any_value(f.once_share)
)
SELECT w.* FROM winners w SEMI JOIN yearly y ON y.relation = w.relation AND y.object_id = w.object_id
"""

# Pairs whose object may be one more of the subject's: nothing of the same kind is known to have it in its year.
UNRIVALLED = f"""
SELECT o.pair FROM offers o JOIN rule_flags f ON f.relation = o.relation AND f.once_years IS NOT NULL
LEFT JOIN lifespans l ON l.id = o.subject_id
WHERE l.said_year <> {year_sql("l.start_day")} OR NOT EXISTS (
    SELECT 1 FROM rivals r WHERE r.relation = o.relation AND r.object_id = o.target_id AND r.subject_id <> o.subject_id
        AND r.year = {year_sql("l.start_day")} AND list_has_all(l.type_ids, r.type_ids))
"""
"""Pairs of the table `offers` whose object may be one more of the subject's."""


def find_rivals(database: Database) -> None:
    """Make the table `rivals`, in a session with the tables of `plausibility.lay_down_rules`."""
    database.run(_RIVALS.format(year=year_sql("l.start_day")))
