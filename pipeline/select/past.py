"""PAST and UNDATED: whom and what sentences speak of in the past tense, and of whom no tense is sure to be right.

Dates of death and dissolution say so, and so do old dates of birth and of work. Many items hold neither: then the
next of kin, the works of a person, the end of the state of which they were a citizen, the class of a historical
state, or the words of a description do ("defunct game developer"). Of a person about whom nothing says anything,
sentences must be true either way.
"""

from collections.abc import Iterable

from pipeline.core.settings import ScreeningSettings
from pipeline.core.tables import Database
from pipeline.core.times import middle_sql
from pipeline.language import lifespans
from pipeline.language.relations import PERSON
from pipeline.language.template_parts import Dating, DescriptionWords

_HUMAN = 5
_KIN = {"father": 22, "mother": 25, "spouse": 26, "child": 40, "sibling": 3373}
_CITIZENSHIP = 27
_SLIP = 1  # years by which a description and a statement may differ and still mean the same birth

TODAY = """
CREATE TEMP TABLE today AS
SELECT date_diff('day', DATE '0001-01-01', max(modified)::DATE) AS day, year(max(modified)) AS this_year FROM entities
"""
"""Makes the table `today` of the view `entities`."""

# Ages in days of what was born, was at work, or ended at a known time; of people, with the years of their birth.
_DATED = """
CREATE TEMP TABLE humans AS
SELECT DISTINCT id FROM (SELECT id, unnest(type_ids) AS class_id FROM entities) JOIN types USING (class_id)
WHERE type = '{person}';
CREATE TEMP TABLE dated AS
SELECT subject_id AS id, property_id IN ({births}) AS is_birth, property_id IN ({activities}) AS is_activity,
    property_id IN ({ends}) AS is_end,
    (SELECT day FROM today) - {day} AS age,
    try_cast(regexp_extract(time, '^[+]?([0-9]{{1,5}})-', 1) AS INT) AS in_year
FROM statements WHERE property_id IN ({births}, {activities}, {ends}) AND rank <> 'deprecated'
    AND value_kind = 'time'
"""

# What descriptions of people say: `lifespans.lifespan` in SQL, and the year of birth that a statement gives beside it.
_DESCRIBED = """
CREATE TEMP TABLE described AS
WITH births AS (SELECT id, min(in_year) AS birth FROM dated WHERE is_birth GROUP BY id),
read AS (
    SELECT e.id, birth, description, (SELECT this_year FROM today) AS this_year,
        try_cast(coalesce(nullif(regexp_extract(description, '{in_brackets}', 1), ''),
            regexp_extract(description, '{at_the_end}', 1)) AS INT) AS first,
        try_cast(coalesce(nullif(regexp_extract(description, '{in_brackets}', 2), ''),
            regexp_extract(description, '{at_the_end}', 2)) AS INT) AS last,
        try_cast(regexp_extract(description, '{century}', 1) AS INT) AS century,
        try_cast(regexp_extract(description, '{born}', 1) AS INT) AS born,
        regexp_matches(description, '{died}') AS died,
        regexp_matches(lower(description), '{offices}') AS is_office,
        regexp_matches(lower(description), '{activities}') AS is_work,
        regexp_matches(lower(description), '{students}') AS is_student,
        regexp_matches(description, '{before_christ}') OR regexp_matches(lower(description), '{ages}') AS is_ancient
    FROM entities e LEFT JOIN births USING (id)
    WHERE id IN (FROM humans) AND description IS NOT NULL
),
judged AS (
    SELECT *, coalesce(first <= last AND last <= this_year, false) AS is_span,
        coalesce(first BETWEEN birth - {slip} AND birth + {slip}, false) AS is_birth,
        coalesce(abs(first - birth) > {slip}, false) AS is_other
    FROM read
)
SELECT id, born,
    died
    OR is_span AND (
        NOT is_student AND this_year - last > {oldest}
        OR last - first BETWEEN {shortest} AND {oldest} AND NOT is_work AND NOT is_other
            AND (NOT is_office AND NOT is_student OR last - first >= {life} OR is_birth))
    OR NOT is_student AND (is_ancient OR coalesce(this_year - (100 * century - {margin}) > {oldest}, false)) AS has_died
FROM judged
"""

# Who is of which age at least because of somebody else, in days beyond the age of the other's birth or end.
_RELATIVES = """
CREATE TEMP TABLE relatives AS
WITH kin AS (
    SELECT subject_id, property_id, object_id FROM statements
    WHERE property_id IN ({father}, {mother}, {spouse}, {child}, {sibling}) AND rank <> 'deprecated'
        AND object_id IS NOT NULL
),
pairs AS (
    SELECT object_id AS id, subject_id AS other, 0 AS since_birth, 0 AS since_end
    FROM kin WHERE property_id IN ({father}, {mother})
    UNION ALL SELECT subject_id, object_id, 0, 0 FROM kin WHERE property_id = {child}
    UNION ALL SELECT subject_id, object_id, {gap}, 365 FROM kin WHERE property_id IN ({father}, {mother})
    UNION ALL SELECT object_id, subject_id, {gap}, 365 FROM kin WHERE property_id = {child}
    UNION ALL SELECT subject_id, object_id, {gap}, CASE property_id WHEN {spouse} THEN 0 ELSE {gap} END
        FROM kin WHERE property_id IN ({spouse}, {sibling})
    UNION ALL SELECT object_id, subject_id, {gap}, CASE property_id WHEN {spouse} THEN 0 ELSE {gap} END
        FROM kin WHERE property_id IN ({spouse}, {sibling})
)
SELECT DISTINCT pairs.id FROM pairs JOIN dated ON dated.id = pairs.other
WHERE NOT is_activity AND age > {lifetime} + CASE WHEN is_birth THEN since_birth ELSE since_end END
"""

# People who held an office, were a citizen or made a work longer ago than people live.
_ACTIVE = """
CREATE TEMP TABLE active AS
WITH held AS (
    SELECT unnest([subject_id, object_id]) AS id,
        (SELECT day FROM today) - least({start}, {finish}, {point}) AS age
    FROM statements WHERE rank <> 'deprecated' AND coalesce(start_time, end_time, point_in_time) IS NOT NULL
),
made AS (
    SELECT s.object_id AS id, (SELECT day FROM today) - {date} AS age
    FROM statements s JOIN (VALUES {works}) AS w(property_id, date_property) USING (property_id)
    JOIN statements d ON d.subject_id = s.subject_id AND d.property_id = w.date_property
        AND d.value_kind = 'time' AND d.rank <> 'deprecated'
    WHERE s.rank <> 'deprecated' AND s.object_id IS NOT NULL
)
SELECT DISTINCT id FROM (FROM held UNION ALL FROM made) WHERE age > {lifetime} AND id IN (FROM humans)
"""

# A date of birth says more than a date of somebody else, or of work, which may be mistaken.
_PAST = """
CREATE TEMP TABLE past AS
SELECT subject_id AS id FROM statements
WHERE property_id IN ({ends}) AND rank <> 'deprecated' AND value_kind <> 'novalue'
UNION SELECT id FROM dated WHERE is_birth AND age > {lifetime}
UNION SELECT s.subject_id FROM statements s JOIN dated ON dated.id = s.object_id
WHERE s.rank <> 'deprecated' AND s.property_id = {citizenship} AND is_end AND age > {lifetime}
UNION SELECT id FROM (
    FROM relatives UNION FROM active UNION SELECT id FROM dated WHERE is_activity AND age > {lifetime})
WHERE id NOT IN (SELECT id FROM dated WHERE is_birth AND age <= {lifetime})
UNION SELECT id FROM described WHERE has_died
UNION SELECT id FROM bygone_states
UNION SELECT id FROM bygone_things
"""

_UNDATED = """
CREATE TEMP TABLE undated AS
SELECT id FROM humans WHERE id NOT IN (FROM past)
    AND id NOT IN (SELECT id FROM dated WHERE is_birth AND age <= {youth})
    AND id NOT IN (SELECT id FROM described, today WHERE this_year - born <= {young_years})
"""

# Towns were states, too, and still stand.
_BYGONE_STATES = """
CREATE TEMP TABLE bygone_states AS
WITH likely AS (
    SELECT id, unnest(type_ids) AS class_id, list_has_any(type_ids, {classes}) AS is_of_the_past FROM entities
    WHERE list_has_any(type_ids, {classes})
       OR NOT list_contains(type_ids, {human}) AND regexp_matches(description, '{years}')
)
SELECT id FROM likely JOIN types USING (class_id)
GROUP BY id
HAVING NOT bool_or(type = 'settlement') AND (bool_or(is_of_the_past) OR bool_or(type IN ('country', 'territory')))
"""


# What people called former may still stand as somebody's subsidiary or home, and a dissolved town as part of a city.
# Where nothing says what a thing is, a name such as "Kingdom of Hanover" does.
_BYGONE_THINGS = """
CREATE TEMP TABLE bygone_things AS
SELECT id FROM entities
WHERE id NOT IN (FROM humans) AND (
    regexp_matches(lower(description), '{gone}') AND NOT regexp_matches(lower(description), '{standing}')
        AND NOT list_has_any(type_ids, (SELECT coalesce(list(class_id), []) FROM types WHERE type = 'settlement'))
    OR description IS NULL AND len(type_ids) = 0 AND regexp_matches(label, '{names}'))
"""


def make_past(dating: Dating, settings: ScreeningSettings, database: Database) -> None:
    """Make the tables `past` and `undated`, of item ids.

    Args:
        dating: Which properties begin or end something, which classes are of the past, and what words say.
        settings: How long people live.
        database: A session with the views `statements`, `entities` and `types`.
    """
    sql = {
        "births": _listed(dating.birth),
        "activities": _listed(dating.activity),
        "ends": _listed({*dating.end, *dating.death}),
        "day": middle_sql("time", "precision"),
        "lifetime": settings.assume_dead_after_years * 365,
        "person": PERSON,
        "human": _HUMAN,
        "citizenship": _CITIZENSHIP,
    }
    database.run(TODAY)
    database.run(_DATED.format(**sql))
    database.run(_DESCRIBED.format(**_description_patterns(dating.descriptions), **_description_limits(settings)))
    database.run(_RELATIVES.format(**_KIN, gap=settings.years_between_kin * 365, **sql))
    database.run(_ACTIVE.format(**_activity_terms(dating), **sql))
    states = {"classes": list(dating.ended_classes), "human": _HUMAN, "years": lifespans.SPAN_OF_A_THING}
    database.run(_BYGONE_STATES.format(**states))
    gone = dating.gone
    words = {
        "gone": lifespans.gone_pattern(gone.first, gone.anywhere),
        "standing": lifespans.standing_pattern(gone.first, gone.but),
    }
    database.run(_BYGONE_THINGS.format(names=gone.names, **words))
    database.run(_PAST.format(**sql))
    young_years = settings.assume_alive_within_years
    database.run(_UNDATED.format(youth=young_years * 365, young_years=young_years))


def links_sql(dating: Dating, settings: ScreeningSettings, today: str) -> str:
    """The query for the statements that say something about the age of their object, from the view `statements`.

    They are those of kin and of works, and those whose own dates are longer ago than people live.

    Args:
        dating: Which properties name the makers of works.
        settings: How long people live.
        today: The day of the state as SQL, as the table `today` has it.
    """
    terms = _activity_terms(dating)
    return f"""
    SELECT * FROM statements WHERE rank <> 'deprecated' AND object_id IS NOT NULL AND (
        property_id IN ({_listed({*_KIN.values(), *dating.by_subject})})
        OR coalesce(start_time, end_time, point_in_time) IS NOT NULL
            AND {today} - least({terms["start"]}, {terms["finish"]}, {terms["point"]})
                > {settings.assume_dead_after_years * 365})
    """


def asked_properties() -> frozenset[int]:
    """The properties whose objects' dates say something about the age of the subject."""
    return frozenset((*_KIN.values(), _CITIZENSHIP))


def _listed(properties: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(properties)))


def _description_patterns(words: DescriptionWords) -> dict[str, str]:
    return {
        "in_brackets": lifespans.SPAN_IN_BRACKETS,
        "at_the_end": lifespans.SPAN_AT_THE_END,
        "century": lifespans.CENTURY,
        "born": lifespans.BORN,
        "died": lifespans.DIED,
        "before_christ": lifespans.BEFORE_CHRIST,
        "offices": lifespans.words_pattern(words.offices),
        "activities": lifespans.words_pattern(words.activities),
        "students": lifespans.words_pattern(words.students),
        "ages": lifespans.age_pattern(words.ages),
    }


def _description_limits(settings: ScreeningSettings) -> dict[str, int]:
    return {
        "oldest": settings.assume_dead_after_years,
        "life": settings.years_of_a_life,
        "shortest": lifespans.SHORTEST_LIFE,
        "margin": lifespans.CENTURY_MARGIN,
        "slip": _SLIP,
    }


def _activity_terms(dating: Dating) -> dict[str, str]:
    """The dates of statements, and the works whose date is one at which the object of a property was at work."""
    works = ", ".join(f"({work}, {date})" for work, date in sorted(dating.by_subject.items()))
    return {
        "start": middle_sql("start_time", "start_precision"),
        "finish": middle_sql("end_time", "end_precision"),
        "point": middle_sql("point_in_time", "point_precision"),
        "date": middle_sql("d.time", "d.precision"),
        "works": works,
    }
