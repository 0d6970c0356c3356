"""When items began and ended: birth and death, inception and dissolution, publication.

Dates of statements say so first, then the years in descriptions (`language/lifespans.py`). The table `lifespans` holds
a row for each item that a triple names: its days, the longest span that its statements leave (`start_day` to
`end_day`), and the shortest one (`latest_start` to `earliest_end`), which differ where they disagree. Of people it
holds the first and the last work, and about when they were born and died (`about_start`, `about_end`). `said_year` is
the year in which the description has something begin.
"""

from collections.abc import Iterable

from pipeline.core.settings import ScreeningSettings
from pipeline.core.tables import Database
from pipeline.core.times import middle_sql
from pipeline.language import lifespans
from pipeline.language.plausibility import Plausibility
from pipeline.language.template_parts import Dating

HUMAN = 5
DAYS = 365.25  # of a year

_LIFESPANS = """
CREATE OR REPLACE TEMP TABLE dated_lifespans AS
WITH named AS (SELECT subject_id AS id FROM triples UNION SELECT object_id FROM triples WHERE object_id IS NOT NULL),
dated AS (
    SELECT subject_id AS id, {day} AS day, property_id IN ({existence}) AS is_start
    FROM statements
    WHERE property_id IN ({existence}, {end}) AND rank <> 'deprecated' AND value_kind = 'time' AND precision >= 9
        AND NOT starts_with(time, '-')  -- years before 1 are not told apart
),
spans AS (
    SELECT id, min(day) FILTER (WHERE is_start) AS start_day, max(day) FILTER (WHERE is_start) AS latest_start,
        max(day) FILTER (WHERE NOT is_start) AS end_day, min(day) FILTER (WHERE NOT is_start) AS earliest_end
    FROM dated GROUP BY id
),
read AS (
    SELECT id, type_ids, coalesce(list_contains(type_ids, {human}), false) AS is_human,
        {life_first} AS first, {life_last} AS last, {born} AS born, {year} AS year,
        {span_first} AS span_first, {span_last} AS span_last,
        coalesce(span_first <= span_last, false) AS is_span,  -- a death before the birth says nothing
        coalesce(regexp_matches(lower(description), '{not_of_a_life}'), false) AS may_be_a_reign
    FROM entities WHERE id IN (FROM named)
),
judged AS (
    SELECT *, coalesce(
        last - first BETWEEN CASE WHEN may_be_a_reign THEN {life} ELSE {shortest} END AND {longest}, false) AS is_life
    FROM read
),
worded AS (
    SELECT id, type_ids, is_human,
        CASE WHEN is_human AND is_life THEN first WHEN is_human THEN born
            WHEN {trusts_spans} AND is_span THEN coalesce(year, span_first) ELSE year END AS start_year,
        CASE WHEN is_human AND is_life THEN last
            WHEN NOT is_human AND {trusts_spans} AND is_span THEN span_last END AS end_year
    FROM judged
)
SELECT w.id, w.is_human, w.type_ids, p.id IS NOT NULL AS is_past, w.start_year AS said_year,
    coalesce(s.start_day, {start_of_year}) AS start_day,
    coalesce(s.latest_start, {start_of_year}) AS latest_start,
    coalesce(s.end_day, {end_of_year},
        CASE WHEN w.is_human AND p.id IS NOT NULL THEN coalesce(s.start_day, {start_of_year}) + {longest_days} END)
        AS end_day,
    coalesce(s.earliest_end, {end_of_year}) AS earliest_end
FROM worded w LEFT JOIN spans s ON s.id = w.id LEFT JOIN past p ON p.id = w.id
"""

# Of whom no statement gives the birth, their works, their offices and their kin show it to some years.
_ESTIMATED = """
CREATE OR REPLACE TEMP TABLE lifespans AS
WITH worked AS (
    SELECT t.object_id AS id, min(w.start_day) AS first_work, max(w.start_day) AS last_work
    FROM triples t JOIN dated_lifespans w ON w.id = t.subject_id
    WHERE t.relation IN ({works}) AND t.object_id IS NOT NULL AND NOT w.is_human GROUP BY ALL
),
seen AS (
    SELECT id, first_work - {first_work} AS day FROM worked
    UNION ALL
    SELECT subject_id, least({start}, {point}) - {first_work} FROM statements
    WHERE rank <> 'deprecated' AND coalesce(start_time, point_in_time) IS NOT NULL
    UNION ALL
    SELECT t.subject_id, l.start_day + {generation} * CASE t.relation WHEN 'P40' THEN -1 WHEN 'P26' THEN 0 ELSE 1 END
    FROM triples t JOIN dated_lifespans l ON l.id = t.object_id WHERE t.relation IN ('P22', 'P25', 'P26', 'P40')
),
estimated AS (SELECT id, min(day) AS day FROM seen WHERE day IS NOT NULL GROUP BY ALL)
SELECT l.*, w.first_work, w.last_work,
    coalesce(l.start_day, CASE WHEN l.is_human THEN e.day END) AS about_start,
    coalesce(l.earliest_end, CASE WHEN l.is_human AND (l.is_past OR coalesce(l.start_day, e.day) + {longest_days} < (
            SELECT date_diff('day', DATE '0001-01-01', max(modified)::DATE) + 1 FROM entities))
        THEN coalesce(l.start_day, e.day) + {life} END) AS about_end
FROM dated_lifespans l LEFT JOIN worked w ON w.id = l.id LEFT JOIN estimated e ON e.id = l.id
"""


def find_lifespans(
    rules: Plausibility, dating: Dating, settings: ScreeningSettings, database: Database, *, trusts_spans: bool
) -> None:
    """Make the table `lifespans`.

    Args:
        rules: At what age people work, have children and die, about.
        dating: Which properties say when something began and ended, and which words are not about lives.
        settings: How long people live.
        database: A session with the views `statements`, `entities`, `past` and `triples`.
        trusts_spans: Whether spans of years in the descriptions of things count: "(1871–1918)" may be those of a state
            that gave the order, and "(927–1649, 1660–1707)" are two.
    """
    words = dating.descriptions
    database.run(
        _LIFESPANS.format(
            day=middle_sql("time", "precision"),
            existence=_listed(dating.existence),
            end=_listed(dating.end),
            human=HUMAN,
            life_first=_first_year(1, lifespans.SPAN_IN_BRACKETS, lifespans.SPAN_AT_THE_END),
            life_last=_first_year(2, lifespans.SPAN_IN_BRACKETS, lifespans.SPAN_AT_THE_END),
            born=_first_year(1, lifespans.BORN),
            year=_first_year(1, lifespans.YEAR_AT_THE_START),
            span_first=_first_year(1, lifespans.SPAN_OF_A_THING),
            span_last=_first_year(2, lifespans.SPAN_OF_A_THING),
            trusts_spans=str(trusts_spans).lower(),
            not_of_a_life=lifespans.words_pattern((*words.offices, *words.activities, *words.students)),
            life=settings.years_of_a_life,
            shortest=lifespans.SHORTEST_LIFE,
            longest=settings.assume_dead_after_years,
            longest_days=round(settings.assume_dead_after_years * DAYS),
            start_of_year=middle_of("w.start_year"),
            end_of_year=middle_of("w.end_year"),
        )
    )
    database.run(
        _ESTIMATED.format(
            works=", ".join(f"'P{number}'" for number in sorted(dating.by_subject)),
            start=middle_sql("start_time", "start_precision"),
            point=middle_sql("point_in_time", "point_precision"),
            first_work=round(rules.first_work * DAYS),
            generation=round(rules.generation * DAYS),
            life=round(rules.usual_life * DAYS),
            longest_days=round(settings.assume_dead_after_years * DAYS),
        )
    )


def year_sql(day: str) -> str:
    """The SQL expression for the year of a day, as `times.middle` counts days."""
    return f"year(DATE '0001-01-01' + CAST({day} - 1 AS INTEGER))"


def _listed(properties: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(properties)))


def _first_year(group: int, *patterns: str) -> str:
    """The SQL expression for the year in a description that the first pattern which fits has in a group."""
    found = (f"try_cast(nullif(regexp_extract(description, '{pattern}', {group}), '') AS INT)" for pattern in patterns)
    return f"coalesce({', '.join(found)}, NULL)"


def middle_of(year: str) -> str:
    """The SQL expression for the day in the middle of a year, as `times.middle` counts days."""
    return f"date_diff('day', DATE '0001-01-01', make_date({year}, 7, 2)) + 1"
