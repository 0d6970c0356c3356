"""Which counterfactuals are possible, and not true after all, by the rules of `templates/plausibility.yaml`.

The rules speak of moments (birth and death, inception and dissolution, publication), of sexes, of peers and of names in
descriptions. They are data; this module lays them down as small tables and asks DuckDB. A pair of subject and object is
a row of the table `pairs`: `pair`, `subject_id`, `relation`, `object_id`, `object_key`.
"""

from collections.abc import Sequence

import pyarrow as pa

from pipeline.core.tables import Database
from pipeline.core.times import middle_sql
from pipeline.language.plausibility import Plausibility, RelationRules
from pipeline.language.templates import Dating

_HUMAN, _SEX, _CITIZENSHIP, OCCUPATION = 5, 21, 27, 106
_DAYS = 365.25
_LONGEST_LIFE = 110  # years after which a person without a date of death is taken to be dead
_LEVELS = 4  # steps up a chain of classes, parts and places within which two things may be the same answer
SHORT_NAME = 4  # shorter names stand in descriptions by chance

_RULE_YEARS = pa.schema(
    [
        ("relation", pa.string()),
        ("start", pa.string()),
        ("finish", pa.string()),
        ("least", pa.int64()),
        ("most", pa.int64()),
        ("people", pa.bool_()),
    ]
)
_RULE_FLAGS = pa.schema(
    [
        ("relation", pa.string()),
        ("sex", pa.int64()),
        ("living", pa.bool_()),
        ("by_sex", pa.bool_()),
        ("by_citizenship", pa.bool_()),
        ("by_occupation", pa.bool_()),
        ("like_truth", pa.bool_()),
        ("near", pa.int64()),
    ]
)
_DEMONYMS = pa.schema([("id", pa.int64()), ("word", pa.string())])

# "American actor (1907-1979)", "(born 1956)"; of works the year that they open with: "2006 film by Alfonso Cuarón".
_LIFE_IN_WORDS = r"\((?:c\. ?)?([0-9]{4}) ?[–-] ?(?:c\. ?)?([0-9]{4})?\)"
_BORN_IN_WORDS = r"\bborn (?:in )?([0-9]{4})\b"
_YEAR_IN_WORDS = r"^(1[5-9][0-9]{2}|20[0-9]{2})\b"
# Of states and other things: "between 1804 and 1867", "from 1852 to 1870", "(1701–1918)".
_SPAN_IN_WORDS = r"\b([0-9]{3,4}) ?(?:–|-|to|and|until) ?([0-9]{3,4})\b"

_LIFESPANS = """
CREATE OR REPLACE TEMP TABLE lifespans AS
WITH dated AS (
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
worded AS (
    SELECT id, list_contains(type_ids, {human}) AS is_human,
        CASE WHEN list_contains(type_ids, {human}) THEN coalesce({life_start}, {born})
            ELSE coalesce({year}, {span_start}) END AS start_year,
        CASE WHEN list_contains(type_ids, {human}) THEN {life_end} ELSE {span_end} END AS end_year
    FROM entities
)
SELECT w.id, w.is_human, p.id IS NOT NULL AS is_past,
    coalesce(s.start_day, {start_of_year}) AS start_day,
    coalesce(s.latest_start, {start_of_year}) AS latest_start,
    coalesce(s.end_day, {end_of_year},
        CASE WHEN w.is_human AND p.id IS NOT NULL THEN coalesce(s.start_day, {start_of_year}) + {life} END) AS end_day,
    coalesce(s.earliest_end, {end_of_year}) AS earliest_end
FROM worded w LEFT JOIN spans s ON s.id = w.id LEFT JOIN past p ON p.id = w.id
"""

_TRAITS = """
CREATE OR REPLACE TEMP TABLE traits AS
SELECT subject_id AS id, property_id, object_id AS value FROM statements
WHERE property_id IN ({sex}, {citizenship}, {occupation}) AND is_best AND object_id IS NOT NULL
"""

# Chains that lead up: classes, wholes, places that contain; and single steps aside: the same thing, a successor.
_RELATED = """
CREATE OR REPLACE TEMP TABLE related AS
WITH RECURSIVE links AS (
    SELECT subject_id AS id, object_id AS other FROM statements
    WHERE property_id IN ({related}) AND rank <> 'deprecated' AND object_id IS NOT NULL
),
chain(id, other, level) AS (
    SELECT id, other, 1 FROM links WHERE id IN (SELECT object_id FROM triples)
    UNION
    SELECT chain.id, links.other, level + 1 FROM chain JOIN links ON links.id = chain.other WHERE level < {levels}
)
SELECT DISTINCT id, other FROM chain
"""

# Concepts have no dates: an occupation is as old as the oldest person who has it.
_FIRST_HOLDERS = """
CREATE OR REPLACE TEMP TABLE first_holders AS
SELECT t.relation, t.object_id, min(l.start_day) AS object_first
FROM triples t JOIN lifespans l ON l.id = t.subject_id
WHERE t.object_id IS NOT NULL GROUP BY ALL
"""

_MOMENTS = """
CREATE OR REPLACE TEMP VIEW moments AS
SELECT p.pair, p.relation, p.subject_id, p.object_id,
    s.start_day AS subject_start, s.end_day AS subject_end, s.is_past AS subject_is_past,
    s.is_human AS subject_is_human,
    coalesce(o.start_day, CASE WHEN p.object_id IS NULL AND contains(p.object_key, '/') THEN {day} END) AS object_start,
    coalesce(o.latest_start, CASE WHEN NOT o.is_human THEN {undated} END) AS assumed_start,
    f.object_first, o.end_day AS object_end, o.earliest_end, o.is_past AS object_is_past, o.is_human AS object_is_human
FROM (SELECT *, split_part(object_key, '/', 1) AS time, try_cast(split_part(object_key, '/', 2) AS TINYINT) AS precision
      FROM pairs) p
LEFT JOIN lifespans s ON s.id = p.subject_id
LEFT JOIN lifespans o ON o.id = p.object_id
LEFT JOIN first_holders f ON f.relation = p.relation AND f.object_id = p.object_id
"""

_PICK = (
    "CASE r.{side} WHEN 'subject_start' THEN m.subject_start WHEN 'subject_end' THEN m.subject_end "
    "WHEN 'object_start' THEN m.{object_start} WHEN 'object_first' THEN m.object_first ELSE m.{object_end} END"
)


def _days_apart(object_start: str, object_end: str) -> str:
    """The SQL expression for the days between the two moments of a rule."""
    finish, start = (
        _PICK.format(side=s, object_start=object_start, object_end=object_end) for s in ("finish", "start")
    )
    return f"{finish} - {start}"


_KNOWN = _days_apart("object_start", "object_end")
_ASSUMED = _days_apart("assumed_start", "earliest_end")  # where states disagree, a target fits all that they say

IMPOSSIBLE = f"""
SELECT DISTINCT m.pair FROM moments m JOIN rule_years r USING (relation)
WHERE (m.object_is_human OR NOT r.people) AND {_KNOWN} NOT BETWEEN r.least AND r.most
UNION
SELECT m.pair FROM moments m JOIN rule_flags f USING (relation)
WHERE f.living AND NOT m.subject_is_past AND m.object_is_past
UNION
SELECT m.pair FROM moments m JOIN rule_flags f USING (relation)
WHERE f.sex IS NOT NULL AND EXISTS (SELECT 1 FROM traits t WHERE t.id = m.object_id AND t.property_id = {_SEX})
  AND NOT EXISTS (SELECT 1 FROM traits t WHERE t.id = m.object_id AND t.property_id = {_SEX} AND t.value = f.sex)
"""
"""Pairs that break a rule by what is known of them."""

UNPROVEN = f"""
SELECT DISTINCT m.pair FROM moments m JOIN rule_years r USING (relation)
WHERE (m.object_is_human OR NOT r.people) AND {_ASSUMED} NOT BETWEEN r.least AND r.most
   OR 'object_start' IN (r.start, r.finish) AND m.object_is_human AND m.object_start IS NULL
   OR 'subject_start' IN (r.start, r.finish) AND m.subject_start IS NULL
        AND ('object_end' IN (r.start, r.finish) AND (m.object_end IS NOT NULL OR m.object_is_past)
             OR 'object_start' IN (r.start, r.finish)
                AND (m.object_start IS NOT NULL OR m.subject_is_human AND m.assumed_start IS NOT NULL)
             OR 'object_first' IN (r.start, r.finish))
   OR 'subject_end' IN (r.start, r.finish) AND m.subject_end IS NULL
        AND (m.subject_is_past OR m.subject_is_human AND m.subject_start IS NULL) AND m.assumed_start IS NOT NULL
   OR 'object_end' IN (r.start, r.finish) AND m.object_end IS NULL AND m.object_is_past
UNION
SELECT m.pair FROM moments m JOIN rule_flags f USING (relation)
WHERE f.sex IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM traits t WHERE t.id = m.object_id AND t.property_id = {_SEX} AND t.value = f.sex)
"""
"""Pairs of which a rule cannot be shown to hold: a date or a sex is missing. True facts may be so, targets may not."""

# What a subject shares with its peers; its class if it is not a person.
_FEATURES = f"""
SELECT h.id, h.relation, concat_ws('|',
    CASE WHEN f.by_sex THEN sex.value END, CASE WHEN f.by_citizenship THEN state.value END,
    CASE WHEN f.by_occupation THEN job.value END) AS feature
FROM {{holders}} h JOIN lifespans l ON l.id = h.id AND l.is_human JOIN rule_flags f ON f.relation = h.relation
LEFT JOIN traits sex ON f.by_sex AND sex.id = h.id AND sex.property_id = {_SEX}
LEFT JOIN traits state ON f.by_citizenship AND state.id = h.id AND state.property_id = {_CITIZENSHIP}
LEFT JOIN traits job ON f.by_occupation AND job.id = h.id AND job.property_id = {OCCUPATION}
WHERE (NOT f.by_sex OR sex.value IS NOT NULL) AND (NOT f.by_citizenship OR state.value IS NOT NULL)
    AND (NOT f.by_occupation OR job.value IS NOT NULL)
UNION ALL
SELECT h.id, h.relation, 'Q' || unnest(e.type_ids)
FROM {{holders}} h JOIN lifespans l ON l.id = h.id AND NOT l.is_human JOIN entities e ON e.id = h.id
"""


def features(holders: str) -> str:
    """The query for what items share with their peers, by relation.

    Args:
        holders: A table with the columns `id` and `relation`.
    """
    return _FEATURES.format(holders=holders)


def lay_down_rules(plausibility: Plausibility, names: Sequence[str], dating: Dating, database: Database) -> None:
    """Make the tables that the rules are asked with.

    They are `rule_years`, `rule_flags`, `demonyms`, `lifespans`, `traits`, `related` and `first_holders`.

    Args:
        plausibility: The rules.
        names: Every relation, with rules or without.
        dating: Which properties say when something began and ended.
        database: A session with the views `statements`, `entities`, `past` and `triples`.
    """
    _rules(plausibility, names, database)
    database.run(
        _LIFESPANS.format(
            day=middle_sql("time", "precision"),
            existence=", ".join(map(str, sorted(dating.existence))),
            end=", ".join(map(str, sorted(dating.end))),
            human=_HUMAN,
            life=int(_LONGEST_LIFE * _DAYS),
            life_start=_year(_LIFE_IN_WORDS, 1),
            life_end=_year(_LIFE_IN_WORDS, 2),
            born=_year(_BORN_IN_WORDS, 1),
            year=_year(_YEAR_IN_WORDS, 1),
            span_start=_year(_SPAN_IN_WORDS, 1),
            span_end=_year(_SPAN_IN_WORDS, 2),
            start_of_year=_day_of("w.start_year"),
            end_of_year=_day_of("w.end_year"),
        )
    )
    database.run(_TRAITS.format(sex=_SEX, citizenship=_CITIZENSHIP, occupation=OCCUPATION))
    related = ", ".join(map(str, plausibility.related)) or "0"
    database.run(_RELATED.format(related=related, levels=_LEVELS))
    database.run(_FIRST_HOLDERS)


def set_pairs(sql: str, database: Database) -> None:
    """Let a query stand as the view `pairs`, which IMPOSSIBLE and UNPROVEN judge."""
    database.run(f"CREATE OR REPLACE TEMP TABLE pairs AS {sql}")
    undated = "(SELECT date_diff('day', DATE '0001-01-01', make_date(year, 1, 1)) FROM undated)"
    database.run(_MOMENTS.format(day=middle_sql("p.time", "p.precision"), undated=undated))


def _rules(plausibility: Plausibility, names: Sequence[str], database: Database) -> None:
    years = [
        {"relation": name, "start": rule.start, "finish": rule.end, "least": _days(rule.least, -1)}
        | {"most": _days(rule.most, 1), "people": rule.people}
        for name, rules in plausibility.relations.items()
        for rule in rules.years
    ]
    flags: list[dict[str, object]] = []
    for name in names:
        rules = plausibility.relations.get(name, RelationRules())
        flags.append({"relation": name, "sex": rules.sex, "living": rules.living})
        flags[-1] |= {f"by_{trait}": trait in rules.peers for trait in ("sex", "citizenship", "occupation")}
        flags[-1] |= {"like_truth": rules.like_truth, "near": rules.near}
    demonyms = [{"id": item, "word": word} for item, words in plausibility.demonyms.items() for word in words]
    database.rows("rule_years", pa.Table.from_pylist(years, _RULE_YEARS))
    database.rows("rule_flags", pa.Table.from_pylist(flags, _RULE_FLAGS))
    database.rows("undated", pa.table({"year": pa.array([plausibility.undated_since], pa.int32())}))
    database.rows("demonyms", pa.Table.from_pylist(demonyms, _DEMONYMS))


def _year(pattern: str, group: int) -> str:
    """The SQL expression for a year in a description."""
    return f"try_cast(nullif(regexp_extract(description, '{pattern}', {group}), '') AS INT)"


def _day_of(year: str) -> str:
    """The SQL expression for the day in the middle of a year, as `times.middle` counts days."""
    return f"date_diff('day', DATE '0001-01-01', make_date({year}, 7, 2)) + 1"


def _days(years: int | None, side: int) -> int:
    """Years as days; an open end lies beyond all dates. A year of leeway is a matter of precision."""
    if years is None:
        return side * 10**9
    return round(years * _DAYS) + side * round(_DAYS / 2)
