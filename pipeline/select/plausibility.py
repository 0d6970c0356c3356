"""Which statements are possible, by the rules of `templates/plausibility.yaml`.

The rules speak of moments (`select/moments.py`), of sexes and of peers. They are data; this module lays them down as
small tables and asks DuckDB. A pair of subject and object is a row of the table `pairs`: `pair`, `subject_id`,
`relation`, `object_id`, `object_key`, and `subject_start` and `object_start` where another day is to stand in.
"""

from collections.abc import Sequence

import pyarrow as pa

from pipeline.core.settings import ScreeningSettings
from pipeline.core.tables import Database
from pipeline.core.times import middle_sql
from pipeline.language.plausibility import Plausibility, RelationRules
from pipeline.language.template_parts import Dating
from pipeline.select.moments import DAYS, find_lifespans, middle_of

_SEX, _CITIZENSHIP, OCCUPATION = 21, 27, 106

_RULE_YEARS = pa.schema(
    [
        ("relation", pa.string()),
        ("start", pa.string()),
        ("finish", pa.string()),
        ("least", pa.int64()),
        ("most", pa.int64()),
        ("target_least", pa.int64()),
        ("target_most", pa.int64()),
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
        ("other_family", pa.bool_()),
        ("near", pa.int64()),
        ("is_start", pa.bool_()),
        ("of_past", pa.bool_()),
        ("not_targets", pa.list_(pa.int64())),
        ("era", pa.int64()),
        ("era_by_start", pa.bool_()),
        ("once_years", pa.int64()),
        ("once_share", pa.float64()),
    ]
)

_BEGUN = pa.schema([("id", pa.int64()), ("year", pa.int64())])
_LEEWAY = round(DAYS / 2)

_TRAITS = """
CREATE OR REPLACE TEMP TABLE traits AS
SELECT subject_id AS id, property_id, object_id AS value FROM statements
WHERE property_id IN ({sex}, {citizenship}, {occupation}) AND is_best AND object_id IS NOT NULL
"""

_MOMENTS = """
CREATE OR REPLACE TEMP VIEW moments AS
SELECT p.pair, p.relation, p.subject_id, p.object_id,
    coalesce(p.subject_start, s.start_day) AS subject_start, s.end_day AS subject_end,
    s.is_past OR s.is_human AND s.about_end IS NOT NULL AS subject_is_past,
    s.is_human AS subject_is_human, s.about_start AS subject_about,
    coalesce(p.object_start, o.start_day, CASE WHEN p.object_id IS NULL AND contains(p.object_key, '/') THEN {day} END)
        AS object_start,
    coalesce(p.object_start, b.day, o.latest_start, CASE WHEN NOT o.is_human AND f.era IS NULL THEN {undated} END)
        AS assumed_start,
    o.end_day AS object_end, o.earliest_end, o.is_past AS object_is_past, o.is_human AS object_is_human,
    o.first_work, o.last_work, {idle} AS idle
FROM (SELECT *, split_part(object_key, '/', 1) AS time, try_cast(split_part(object_key, '/', 2) AS TINYINT) AS precision
      FROM pairs) p
LEFT JOIN rule_flags f USING (relation)
LEFT JOIN lifespans s ON s.id = p.subject_id
LEFT JOIN lifespans o ON o.id = p.object_id
LEFT JOIN begun b ON b.id = p.object_id
"""

_PICK = (
    "CASE r.{side} WHEN 'subject_start' THEN m.subject_start WHEN 'subject_end' THEN m.subject_end "
    "WHEN 'object_start' THEN m.{object_start} ELSE m.{object_end} END"
)


def _days_apart(object_start: str, object_end: str) -> str:
    """The SQL expression for the days between the two moments of a rule."""
    finish, start = (
        _PICK.format(side=s, object_start=object_start, object_end=object_end) for s in ("finish", "start")
    )
    return f"{finish} - {start}"


_KNOWN = _days_apart("object_start", "object_end")
_ASSUMED = _days_apart("assumed_start", "earliest_end")  # where states disagree, a target fits all that they say

_OF_RULE = "FROM moments m JOIN rule_years r USING (relation) WHERE (m.object_is_human OR NOT r.people)"

OUT_OF_TIME = f"SELECT DISTINCT m.pair {_OF_RULE} AND {_KNOWN} NOT BETWEEN r.least AND r.most"
"""Pairs whose dates break a rule for true facts."""

UNTIMELY = f"SELECT DISTINCT m.pair {_OF_RULE} AND {_KNOWN} NOT BETWEEN r.target_least AND r.target_most"
"""Pairs whose dates break a rule for targets."""

IMPOSSIBLE = f"""
FROM ({OUT_OF_TIME})
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
FROM ({UNTIMELY})
UNION
SELECT DISTINCT m.pair FROM moments m JOIN rule_years r USING (relation)
WHERE (m.object_is_human OR NOT r.people) AND {_ASSUMED} NOT BETWEEN r.target_least AND r.target_most
   OR 'object_start' IN (r.start, r.finish) AND m.object_is_human AND m.object_start IS NULL
        AND (m.subject_is_human OR NOT coalesce(m.first_work <= m.subject_start + m.idle, false))
   OR 'object_end' IN (r.start, r.finish) AND m.object_is_human AND m.object_end IS NULL AND NOT m.subject_is_human
        AND m.last_work < m.subject_start - m.idle
   OR 'subject_start' IN (r.start, r.finish) AND m.subject_start IS NULL
        AND ('object_end' IN (r.start, r.finish) AND (m.object_end IS NOT NULL OR m.object_is_past)
             OR 'object_start' IN (r.start, r.finish)
                AND (m.object_start IS NOT NULL OR m.subject_is_human AND m.assumed_start IS NOT NULL))
   OR 'subject_end' IN (r.start, r.finish) AND m.subject_end IS NULL
        AND (m.subject_is_past OR m.subject_is_human AND m.subject_about IS NULL) AND m.assumed_start IS NOT NULL
   OR 'object_end' IN (r.start, r.finish) AND m.object_end IS NULL AND m.object_is_past
UNION
SELECT m.pair FROM moments m JOIN rule_flags f USING (relation)
WHERE f.sex IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM traits t WHERE t.id = m.object_id AND t.property_id = {_SEX} AND t.value = f.sex)
"""
"""Pairs of which a rule cannot be shown to hold: a date or a sex is missing. True facts may be so, targets may not."""

# The span of years in which something began or ended; what still is has an end of its own. Nobody knows when somebody
# lived of whom there is no date at all.
_ERA = """CASE WHEN f.era_by_start THEN (l.about_start // f.era)::VARCHAR
        WHEN l.is_past OR l.is_human AND l.about_end IS NOT NULL THEN (l.about_end // f.era)::VARCHAR
        WHEN NOT l.is_human OR l.about_start IS NOT NULL THEN 'now' END"""

# What a subject shares with its peers; its class if it is not a person.
_FEATURES = f"""
SELECT h.id, h.relation, concat_ws('|',
    CASE WHEN f.by_sex THEN sex.value END, CASE WHEN f.by_citizenship THEN state.value END,
    CASE WHEN f.by_occupation THEN job.value END, CASE WHEN f.era IS NOT NULL THEN {_ERA} END) AS feature
FROM {{holders}} h JOIN lifespans l ON l.id = h.id AND l.is_human JOIN rule_flags f ON f.relation = h.relation
LEFT JOIN traits sex ON f.by_sex AND sex.id = h.id AND sex.property_id = {_SEX}
LEFT JOIN traits state ON f.by_citizenship AND state.id = h.id AND state.property_id = {_CITIZENSHIP}
LEFT JOIN traits job ON f.by_occupation AND job.id = h.id AND job.property_id = {OCCUPATION}
WHERE (NOT f.by_sex OR sex.value IS NOT NULL) AND (NOT f.by_citizenship OR state.value IS NOT NULL)
    AND (NOT f.by_occupation OR job.value IS NOT NULL) AND (f.era IS NULL OR {_ERA} IS NOT NULL)
UNION ALL
SELECT h.id, h.relation, concat_ws('|', 'Q' || unnest(l.type_ids), CASE WHEN f.era IS NOT NULL THEN {_ERA} END)
FROM {{holders}} h JOIN lifespans l ON l.id = h.id AND NOT l.is_human JOIN rule_flags f ON f.relation = h.relation
WHERE f.era IS NULL OR {_ERA} IS NOT NULL
"""


def features(holders: str) -> str:
    """The query for what items share with their peers, by relation.

    Args:
        holders: A table with the columns `id` and `relation`.
    """
    return _FEATURES.format(holders=holders)


def lay_down_rules(
    plausibility: Plausibility,
    names: Sequence[str],
    dating: Dating,
    settings: ScreeningSettings,
    database: Database,
    *,
    trusts_spans: bool = True,
) -> None:
    """Make the tables of the rules, `rule_years`, `rule_flags` and `rule_limits`, and `lifespans` and `traits`.

    Args:
        plausibility: The rules.
        names: Every relation, with rules or without.
        dating: Which properties say when something began and ended.
        settings: How long people live.
        database: A session with the views `statements`, `entities`, `past` and `triples`.
        trusts_spans: Whether spans of years in the descriptions of things count.
    """
    lay_down_flags(plausibility, names, database)
    find_lifespans(plausibility, dating, settings, database, trusts_spans=trusts_spans)
    database.run(_TRAITS.format(sex=_SEX, citizenship=_CITIZENSHIP, occupation=OCCUPATION))


def set_pairs(sql: str, database: Database, moments: str = "NULL AS subject_start, NULL AS object_start") -> None:
    """Let a query stand as the table `pairs`, which the queries of this module judge.

    Args:
        sql: The query.
        database: A session with the tables of `lay_down_rules`.
        moments: Days that stand in for those of subject and object, where the query itself does not give them.
    """
    columns = f", {moments}" if moments else ""
    database.run(f"CREATE OR REPLACE TEMP TABLE pairs AS SELECT *{columns} FROM ({sql})")
    undated = "(SELECT date_diff('day', DATE '0001-01-01', make_date(undated_since, 1, 1)) FROM rule_limits)"
    idle = "(SELECT idle FROM rule_limits)"
    database.run(_MOMENTS.format(day=middle_sql("p.time", "p.precision"), undated=undated, idle=idle))


def lay_down_flags(plausibility: Plausibility, names: Sequence[str], database: Database) -> None:
    """Make the tables of the rules alone, `rule_years`, `rule_flags` and `rule_limits`."""
    years = [
        {"relation": name, "start": rule.start, "finish": rule.end, "people": rule.people}
        | {"least": _days(rule.least, -1), "most": _days(rule.most, 1)}
        | {"target_least": _days(_stricter(rule.target_least, rule.least), -1, _LEEWAY)}
        | {"target_most": _days(_stricter(rule.target_most, rule.most), 1, _LEEWAY)}
        for name, rules in plausibility.relations.items()
        for rule in rules.years
    ]
    flags = [_flags(name, plausibility.relations.get(name, RelationRules())) for name in names]
    database.rows("rule_years", pa.Table.from_pylist(years, _RULE_YEARS))
    database.rows("rule_flags", pa.Table.from_pylist(flags, _RULE_FLAGS))
    begun = [{"id": item, "year": year} for item, year in plausibility.begun.items()]
    database.rows("begun_years", pa.Table.from_pylist(begun, _BEGUN))
    database.run(f"CREATE OR REPLACE TEMP TABLE begun AS SELECT id, {middle_of('year')} AS day FROM begun_years")
    limits = {"undated_since": plausibility.undated_since, "idle": round(plausibility.idle * DAYS)}
    database.rows("rule_limits", pa.Table.from_pylist([limits]))


def _flags(name: str, rules: RelationRules) -> dict[str, object]:
    era, once = rules.era, rules.once_a_year
    return {
        **{"relation": name, "sex": rules.sex, "living": rules.living},
        **{f"by_{trait}": trait in rules.peers for trait in ("sex", "citizenship", "occupation")},
        **{"like_truth": rules.like_truth, "other_family": rules.other_family},
        **{"near": rules.near, "is_start": rules.is_start, "of_past": rules.of_past},
        "not_targets": list(rules.not_targets),
        **{"era": round(era.years * DAYS) if era else None, "era_by_start": era is not None and era.by == "start"},
        **{"once_years": once.years if once else None, "once_share": once.share if once else None},
    }


def _stricter(own: int | None, shared: int | None) -> int | None:
    return shared if own is None else own


def _days(years: int | None, side: int, leeway: int = -_LEEWAY) -> int:
    """Years as days; an open end lies beyond all dates. A year may be off by half a year, to the good of true facts."""
    return side * 10**9 if years is None else round(years * DAYS) - side * leeway
