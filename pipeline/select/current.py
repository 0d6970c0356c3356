"""Statements that may be over although nothing says so, and counts that their own statements do not confirm.

Offices, marriages, currencies and capitals change. A statement of one holds today only if it is the latest of its
subject and started lately, or if another statement confirms it. Subjects of the past keep all of theirs: what is said
of them is said in the past tense.
"""

from collections.abc import Iterable

from pipeline.core.settings import ScreeningSettings
from pipeline.core.tables import Database
from pipeline.language.relations import Relation

_NUMBER_OF_CHILDREN = "P1971"
_CHILD = 40
COUNTRY = 17

# The latest start counts whatever its rank, and also if that value is over by now: what it replaced is over too.
_DATED = """
WITH limits(relation, years) AS (FROM (VALUES {limits})),
started AS (
    SELECT c.*, years,
        max(start_day) OVER (PARTITION BY subject_id, relation) AS latest,
        count(DISTINCT object_key) OVER (PARTITION BY subject_id, relation, start_day) AS beside
    FROM claims c JOIN limits USING (relation)
    WHERE (form_reason IS NULL OR form_reason IN ('not_best_rank', 'ended')) AND subject_id NOT IN (SELECT id FROM past)
)
SELECT statement_id, latest IS NOT NULL AND start_day IS DISTINCT FROM latest AS is_replaced
FROM started WHERE form_reason IS NULL AND NOT coalesce(
    start_day = latest AND beside = 1 AND (
        (SELECT day FROM today) - start_day <= years * 365
        OR rank = 'preferred' AND list_contains([{chosen}], relation)), false)
"""

# A seat is what a relation and its inverse state of a territory and a place, each its own way round. The place must be
# in the country that the territory is, or is in.
_AGREED = """
WITH pairs(relation, inverse) AS (FROM (VALUES {pairs})),
seats AS (
    SELECT relation, subject_id AS holder, object_id AS held, statement_id, true AS is_forward,
        start_day IS NOT NULL OR rank = 'preferred' AS is_chosen
    FROM claims JOIN pairs USING (relation) WHERE form_reason IS NULL
    UNION ALL
    SELECT p.relation, object_id, subject_id, statement_id, false, false
    FROM claims c JOIN pairs p ON p.inverse = c.relation WHERE form_reason IS NULL
),
counted AS (
    SELECT relation, holder, held, count(DISTINCT is_forward) + bool_or(is_chosen)::INT AS weight
    FROM seats GROUP BY ALL
),
ranked AS (
    SELECT *, max(weight) OVER (PARTITION BY relation, holder) AS top,
        count(*) OVER (PARTITION BY relation, holder, weight) AS beside
    FROM counted
),
countries AS (
    SELECT subject_id AS id, list(object_id) AS countries FROM statements
    WHERE property_id = {country} AND is_best AND object_id IS NOT NULL GROUP BY ALL
)
SELECT statement_id, weight < top AS is_replaced
FROM seats JOIN ranked USING (relation, holder, held)
LEFT JOIN countries h ON h.id = holder LEFT JOIN countries p ON p.id = held
WHERE holder NOT IN (SELECT id FROM past)
    AND (weight < top OR beside > 1 OR is_forward AND weight = 1
        OR NOT coalesce(list_contains(p.countries, holder) OR list_has_any(p.countries, h.countries), true))
"""

# People have more children while they live. Of the dead, counts without any listed child are mostly of stepchildren, or
# of a namesake; others may leave out unknown children in the list, but list no more than they count. Dozens are an
# estimate.
_COUNTED = """
WITH listed AS (
    SELECT subject_id, count(DISTINCT object_id) AS children FROM statements
    WHERE property_id = {child} AND rank <> 'deprecated' AND object_id IS NOT NULL GROUP BY ALL
)
SELECT statement_id FROM claims LEFT JOIN listed USING (subject_id)
WHERE relation = '{number}' AND form_reason IS NULL
    AND NOT coalesce(subject_id IN (SELECT id FROM past)
        AND try_cast(object_key AS BIGINT) BETWEEN children AND {most}, false)
"""


def make_doubted(relations: Iterable[Relation], settings: ScreeningSettings, database: Database) -> None:
    """Make the tables `doubted` (statement, whether another one replaced it) and `uncounted` (statement).

    Args:
        relations: Those of which some are confirmed by their inverse.
        settings: Which relations change, and for how long their values last.
        database: A session with `claims`, `past`, `today` and the view `statements`.
    """
    limits = ", ".join(f"('{name}', {years})" for name, years in sorted(settings.current_years.items()))
    chosen = ", ".join(f"'{name}'" for name in settings.current_if_preferred)
    pairs = ", ".join(
        f"('{relation.id}', '{relation.inverse}')" for relation in relations if relation.id in settings.confirmed
    )
    dated = _DATED.format(limits=limits, chosen=chosen)
    agreed = _AGREED.format(pairs=pairs, country=COUNTRY)
    database.run(
        f"""CREATE TEMP TABLE doubted AS
        SELECT statement_id, bool_or(is_replaced) AS is_replaced FROM (({dated}) UNION ALL ({agreed})) GROUP BY ALL"""
    )
    counted = _COUNTED.format(child=_CHILD, number=_NUMBER_OF_CHILDREN, most=settings.most_children)
    database.run(f"CREATE TEMP TABLE uncounted AS {counted}")
