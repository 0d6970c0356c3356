"""Targets: for each counterfactual fact, one object that is not true (decision 7) and could be.

It is one that the same relation has for a peer of the subject, of a class that the true object has too, that breaks
no rule of `templates/plausibility.yaml`, and that is not true of the subject under another name, as a part or a class,
or by its own description. It is drawn by key, so a fact keeps its target as long as that object is in the pool and no
newcomer draws a lower one.
"""

import re

import pyarrow as pa

from pipeline.core.seeded import draw_key_sql
from pipeline.core.settings import Settings
from pipeline.core.tables import Database
from pipeline.core.times import middle_sql
from pipeline.language.plausibility import Plausibility
from pipeline.language.templates import Templates
from pipeline.select.categories import CATEGORIES
from pipeline.select.moments import DAYS
from pipeline.select.plausibility import (
    IMPOSSIBLE,
    OCCUPATION,
    OUT_OF_TIME,
    UNPROVEN,
    features,
    lay_down_rules,
    set_pairs,
)
from pipeline.select.rivals import UNRIVALLED, find_rivals

_SHORTEST_FAMILY_NAME = 3

_DEMONYMS = pa.schema([("id", pa.int64()), ("word", pa.string())])
_KIND_WORDS = pa.schema([("relation", pa.string()), ("word", pa.string())])

# A literal has no classes; dates of one precision and century count as one kind, and so do numbers of as many digits.
_KIND_OF_LITERAL = """
CASE WHEN contains({key}, '/')
    THEN -1 * (
        split_part({key}, '/', 2)::BIGINT * 10000
        + try_cast(regexp_extract({key}, '^([+-]?[0-9]+)', 1) AS BIGINT) // 100
    )
    ELSE length({key}) END
"""

_ASKED = """
CREATE OR REPLACE TEMP TABLE asked AS
SELECT row_number() OVER (ORDER BY category, c.subject_id, c.middle_relation, c.relation, c.object_key) AS ask,
    c.*, coalesce(middle_id, subject_id) AS holder_id, coalesce(middle_relation, '') || '/' || relation AS question,
    lower(s.label) AS subject_label, lower(concat_ws(' ', s.description, h.description)) AS description
FROM chosen c JOIN entities s ON s.id = c.subject_id JOIN entities h ON h.id = coalesce(c.middle_id, c.subject_id)
WHERE c.category IN ({categories})
"""

# Objects that the relation has elsewhere, by what they are and by what their subjects share with their peers.
_POOL = """
CREATE OR REPLACE TEMP TABLE pool AS
WITH holders AS (
    SELECT DISTINCT subject_id AS id, relation FROM triples
    WHERE reason IS NULL AND relation IN (SELECT relation FROM asked)
),
features AS ({features}),
wanted AS (SELECT DISTINCT relation, feature FROM asked_features),
objects AS (
    SELECT DISTINCT t.relation, f.feature, t.object_key, t.object_id
    FROM triples t JOIN features f ON f.id = t.subject_id AND f.relation = t.relation
    JOIN wanted w ON w.relation = f.relation AND w.feature = f.feature
    WHERE t.reason IS NULL
),
kinds AS (
    SELECT relation, feature, object_key, object_id, unnest(e.type_ids) AS kind
    FROM objects o JOIN entities e ON e.id = o.object_id
    UNION ALL
    SELECT relation, feature, object_key, object_id, {literal} FROM objects WHERE object_id IS NULL
)
SELECT * FROM kinds k
QUALIFY row_number() OVER (PARTITION BY relation, feature, kind ORDER BY {draw_key}) <= {size}
"""

_OFFERS = """
CREATE OR REPLACE TEMP TABLE offers AS
WITH kinds AS (
    SELECT a.ask, a.relation, a.object_key, unnest(e.type_ids) AS kind
    FROM asked a JOIN entities e ON e.id = a.object_id
    UNION ALL
    SELECT a.ask, a.relation, a.object_key, {literal} FROM asked a WHERE object_id IS NULL
),
offered AS (
    SELECT DISTINCT k.ask, p.object_key AS target_key, p.object_id AS target_id
    FROM kinds k JOIN asked_features f ON f.ask = k.ask
    JOIN pool p ON p.relation = k.relation AND p.kind = k.kind AND p.feature = f.feature
        AND p.object_key <> k.object_key
)
SELECT row_number() OVER (ORDER BY o.ask, o.target_key) AS pair, o.*, a.holder_id AS subject_id, a.relation,
    o.target_id AS object_id, o.target_key AS object_key, {draw_key} AS ticket
FROM offered o JOIN asked a USING (ask)
QUALIFY row_number() OVER (PARTITION BY o.ask ORDER BY {draw_key}) <= {tries}
"""

# An item under any of its names, whatever the case.
_NAMES = "lower(unnest(list_append(e.aliases, e.label)))"


def same_date(one: str, other: str) -> str:
    """The SQL expression for two dates that are the same as far as the coarser of them says.

    Wikidata writes a year as "+1881-00-00T00:00:00Z/9", or as its first day with that precision.
    """
    precision = f"least(lpad(split_part({one}, '/', 2), 2, '0'), lpad(split_part({other}, '/', 2), 2, '0'))"
    letters = f"CASE {precision} WHEN '09' THEN 5 WHEN '10' THEN 8 ELSE 11 END"
    is_date = f"contains({one}, '/') AND contains({other}, '/')"
    return f"({is_date} AND left({one}, {letters}) = left({other}, {letters}))"


_SAME_DATE = same_date("o.target_key", "t.object_key")

# Pairs of a question and an offer whose object is true after all, or may be.
_TRUE_AFTER_ALL = """
WITH true_objects AS (
    SELECT DISTINCT a.ask, t.object_key, t.object_id
    FROM asked a JOIN triples t ON t.subject_id = a.holder_id AND t.relation = a.relation AND t.is_true
),
true_names AS (SELECT ask, {names} AS name FROM true_objects t JOIN entities e ON e.id = t.object_id),
target_names AS (
    SELECT target_id, {names} AS name
    FROM (SELECT DISTINCT target_id FROM offers) o JOIN entities e ON e.id = o.target_id
),
words AS (
    SELECT target_id, name FROM target_names WHERE length(name) >= {short}
    UNION SELECT id, word FROM demonyms
),
described AS (
    SELECT DISTINCT ask, unnest(regexp_extract_all(description, '{letters}')) AS word FROM asked
),
labelled AS (
    SELECT DISTINCT target_id, unnest(regexp_extract_all(lower(e.label), '{letters}')) AS word
    FROM (SELECT DISTINCT target_id FROM offers) o JOIN entities e ON e.id = o.target_id
)
SELECT pair FROM offers JOIN true_objects USING (ask) WHERE target_key = true_objects.object_key
UNION
SELECT pair FROM offers o JOIN true_objects t USING (ask) WHERE {same_date}
UNION
SELECT pair FROM offers JOIN true_names USING (ask) JOIN target_names USING (target_id, name)
UNION  -- a class, a whole or a part of it, the same thing under another item, its successor
SELECT pair FROM offers o JOIN true_objects t USING (ask) JOIN related r
    ON r.id = t.object_id AND r.other = o.target_id
UNION
SELECT pair FROM offers o JOIN true_objects t USING (ask) JOIN related r
    ON r.id = o.target_id AND r.other = t.object_id
UNION  -- its own description says so
SELECT pair FROM offers o JOIN asked a USING (ask) JOIN words w USING (target_id) WHERE contains(a.description, w.name)
UNION  -- or a word of the same stem does: "philosopher" for philosophy, "actor" for voice actor
SELECT pair FROM offers o JOIN described d USING (ask) JOIN labelled l USING (target_id)
WHERE left(d.word, {short}) = left(l.word, {short})
    AND starts_with(d.word, left(l.word, greatest({short}, least(length(d.word), length(l.word)) - {suffix})))
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

# Items that a statement joins to those that are asked about, either way.
_JOINED = """
CREATE OR REPLACE TEMP TABLE joined AS
WITH holders AS (SELECT DISTINCT holder_id AS id FROM asked)
SELECT DISTINCT h.id, t.object_id AS other FROM holders h JOIN triples t ON t.subject_id = h.id
WHERE t.is_true AND t.object_id IS NOT NULL
UNION
SELECT DISTINCT h.id, t.subject_id FROM holders h JOIN triples t ON t.object_id = h.id WHERE t.is_true
"""

# Awards and the like whose names say that they go to things of one kind.
_OF_KIND = r"""
CREATE OR REPLACE TEMP TABLE of_kind AS
SELECT o.relation, o.target_id AS id, k.word FROM (SELECT DISTINCT relation, target_id FROM offers) o
JOIN kind_words k USING (relation) JOIN entities e ON e.id = o.target_id
WHERE regexp_matches(lower(e.label), '\b' || k.word || '\b')
"""

# All names but the first, of the label and the aliases: "Jean Kennedy Smith" is a Kennedy.
_FAMILY_NAMES = r"""
CREATE OR REPLACE TEMP TABLE family_names AS
WITH ids AS (
    SELECT unnest([target_id, a.holder_id, a.object_id]) AS id
    FROM offers o JOIN asked a USING (ask) JOIN rule_flags f ON f.relation = a.relation AND f.other_family
),
named AS (SELECT id, unnest(list_append(aliases, label)) AS name FROM entities SEMI JOIN ids USING (id)),
words AS (
    SELECT id, unnest(regexp_extract_all(lower(name), '[\s-](\p{{L}}{{{shortest},}})', 1)) AS name FROM named
)
SELECT id, list(DISTINCT name ORDER BY name) AS names FROM words
WHERE name NOT IN ('the', 'von', 'van', 'der', 'and') GROUP BY id
"""

_ENDS = """
CREATE OR REPLACE TEMP TABLE ends AS
SELECT pair, target_id, unnest(list_distinct([a.subject_id, a.holder_id])) AS item
FROM offers o JOIN asked a USING (ask)
"""

# Pairs that cannot be asked, or go round in a circle. Each part is a query of its own.
_UNFIT = r"""
SELECT pair FROM offers o JOIN asked a USING (ask) LEFT JOIN entities e ON e.id = o.target_id
WHERE target_id IN (a.subject_id, a.holder_id) OR contains(a.subject_label, lower(e.label))
UNION
SELECT pair FROM ends JOIN statements s ON s.subject_id = target_id AND s.object_id = item
WHERE s.rank <> 'deprecated'
UNION
SELECT pair FROM ends JOIN statements s ON s.object_id = target_id AND s.subject_id = item
WHERE s.rank <> 'deprecated'
UNION  -- what a work or a place is joined to has the target: a film has awards of its director, a sequel its cast
SELECT o.pair FROM offers o JOIN asked a USING (ask) JOIN joined j ON j.id = a.holder_id
JOIN lifespans l ON l.id = a.holder_id AND NOT l.is_human
JOIN triples t ON t.subject_id = j.other AND t.relation = a.relation AND t.object_key = o.target_key AND t.is_true
UNION  -- an actor takes the place of an actor
SELECT pair FROM offers o JOIN asked a USING (ask) JOIN rule_flags f ON f.relation = a.relation AND f.like_truth
WHERE pair NOT IN (
    SELECT pair FROM offers o JOIN asked a USING (ask)
    JOIN traits t ON t.id = o.target_id AND t.property_id = {occupation}
    JOIN traits v ON v.id = a.object_id AND v.property_id = {occupation} AND v.value = t.value)
UNION  -- an award for documentaries goes to none but documentaries
SELECT pair FROM offers o JOIN asked a USING (ask) JOIN of_kind k ON k.relation = a.relation AND k.id = o.target_id
WHERE NOT contains(a.description, k.word)
UNION  -- who bears the family's name may belong to it
SELECT o.pair FROM offers o JOIN asked a USING (ask) JOIN rule_flags f ON f.relation = a.relation AND f.other_family
JOIN family_names n ON n.id = o.target_id JOIN family_names h ON h.id IN (a.holder_id, a.object_id)
WHERE list_has_any(n.names, h.names)
UNION  -- what has changed its object in the past, and what accuses
SELECT pair FROM offers o JOIN rule_flags f ON f.relation = o.relation
WHERE NOT f.of_past AND o.subject_id IN (SELECT id FROM past) OR list_contains(f.not_targets, o.target_id)
UNION  -- a living child is left alone
SELECT pair FROM offers o JOIN lifespans l ON l.id = o.target_id AND l.is_human AND NOT l.is_past
WHERE l.about_start > (SELECT date_diff('day', DATE '0001-01-01', max(modified)::DATE) FROM entities) - {adult}
UNION
SELECT pair FROM offers o JOIN asked a USING (ask) JOIN rule_flags f ON f.relation = a.relation
WHERE f.near IS NOT NULL AND o.target_id IS NULL
  AND abs({year_of_target} - {year_of_object}) > f.near
"""

# Where the target is when the subject began: what that makes of every other statement about the subject.
_OTHERWISE = """
WITH dated AS (
    SELECT o.pair, o.relation, o.subject_id AS id, {day} AS day
    FROM (SELECT *, split_part(target_key, '/', 1) AS time,
            try_cast(split_part(target_key, '/', 2) AS TINYINT) AS precision FROM offers WHERE target_id IS NULL) o
    JOIN rule_flags f ON f.relation = o.relation AND f.is_start
)
SELECT d.pair, t.subject_id, t.relation, t.object_id, t.object_key, d.day AS subject_start,
    NULL::BIGINT AS object_start
FROM dated d JOIN triples t ON t.subject_id = d.id WHERE t.is_true AND t.object_id IS NOT NULL
UNION ALL
SELECT d.pair, t.subject_id, t.relation, t.object_id, t.object_key, NULL, d.day
FROM dated d JOIN triples t ON t.object_id = d.id WHERE t.is_true
"""

# Offices, marriages and schools have dates of their own.
_TOO_YOUNG = """
SELECT o.pair FROM (SELECT *, split_part(target_key, '/', 1) AS time,
    try_cast(split_part(target_key, '/', 2) AS TINYINT) AS precision FROM offers WHERE target_id IS NULL) o
JOIN rule_flags f ON f.relation = o.relation AND f.is_start
JOIN statements s ON s.subject_id = o.subject_id
WHERE s.rank <> 'deprecated' AND least({start}, {finish}, {point}) < {day} + {youngest}
"""

# Brothers and sisters are most of a year apart. Where nobody knows when one was born, no date is safe.
_TOO_NEAR_A_SIBLING = """
WITH dated AS (
    SELECT o.pair, o.subject_id AS id, {day} AS day
    FROM (SELECT *, split_part(target_key, '/', 1) AS time,
            try_cast(split_part(target_key, '/', 2) AS TINYINT) AS precision FROM offers WHERE target_id IS NULL) o
    JOIN rule_flags f ON f.relation = o.relation AND f.is_start
),
siblings AS (
    SELECT subject_id AS id, object_id AS sibling FROM statements
    WHERE property_id = 3373 AND rank <> 'deprecated' AND object_id IS NOT NULL
    UNION SELECT subject_id, object_id FROM triples WHERE relation = 'P3373' AND is_true
    UNION SELECT object_id, subject_id FROM triples WHERE relation = 'P3373' AND is_true
    UNION SELECT c.subject_id, d.subject_id FROM triples c JOIN triples d USING (relation, object_id)
    WHERE relation IN ('P22', 'P25') AND c.is_true AND d.is_true AND c.subject_id <> d.subject_id
    UNION SELECT c.object_id, d.object_id FROM triples c JOIN triples d USING (relation, subject_id)
    WHERE relation = 'P40' AND c.is_true AND d.is_true AND c.object_id <> d.object_id
)
SELECT d.pair FROM dated d JOIN siblings s USING (id) LEFT JOIN lifespans l ON l.id = s.sibling
WHERE coalesce(abs(l.start_day - d.day) < {between_births}, true)
"""

_TARGETS = """
CREATE OR REPLACE TEMP TABLE targets AS
SELECT a.category, a.subject_id, a.question, o.target_key, o.target_id
FROM offers o JOIN asked a USING (ask)
WHERE pair NOT IN (SELECT pair FROM rejected)
QUALIFY row_number() OVER (PARTITION BY ask ORDER BY ticket, target_key) = 1
"""


def choose_targets(templates: Templates, settings: Settings, database: Database) -> None:
    """Make the table `targets`: for each counterfactual, one object that is possible and not true.

    Args:
        templates: Relations and rules.
        settings: Seed and pool size.
        database: A session with the views `statements`, `entities`, `past`, `triples` and `chosen`, the facts.
    """
    rules = templates.plausibility
    lay_down_rules(rules, list(templates.relations), templates.dating, settings.screening, database)
    counterfactual = ", ".join(f"'{name}'" for name, category in CATEGORIES.items() if category.is_counterfactual)
    database.run(_ASKED.format(categories=counterfactual))
    _make_offers(settings, database)
    _reject(rules, database)
    database.run(_TARGETS)


def _make_offers(settings: Settings, database: Database) -> None:
    database.run("CREATE OR REPLACE TEMP TABLE askers AS SELECT DISTINCT holder_id AS id, relation FROM asked")
    database.run(
        f"""CREATE OR REPLACE TEMP TABLE asked_features AS
        SELECT ask, a.relation, f.feature
        FROM asked a JOIN ({features("askers")}) f ON f.id = a.holder_id AND f.relation = a.relation"""
    )
    literal = _KIND_OF_LITERAL.format(key="object_key")
    popular = settings.popular
    draw = draw_key_sql(settings.seed, "'pool'", "k.relation", "k.object_key")
    database.run(_POOL.format(features=features("holders"), literal=literal, draw_key=draw, size=popular.target_pool))
    draw = draw_key_sql(settings.seed, "'target'", "a.subject_id", "a.question", "o.target_key")
    database.run(_OFFERS.format(literal=literal, draw_key=draw, tries=popular.target_tries))


def _reject(rules: Plausibility, database: Database) -> None:
    """Make the table `rejected`: the offers that are true after all, or cannot be."""
    demonyms = [{"id": item, "word": word} for item, words in rules.demonyms.items() for word in words]
    words = [{"relation": name, "word": word} for name, of in rules.relations.items() for word in of.kind_words]
    database.rows("kind_words", pa.Table.from_pylist(words, _KIND_WORDS))
    database.rows("demonyms", pa.Table.from_pylist(demonyms, _DEMONYMS))
    database.run(_RELATED.format(related=", ".join(map(str, rules.related)) or "0", levels=rules.levels))
    database.run(_JOINED)
    find_rivals(database)
    dates = {
        "day": middle_sql("o.time", "o.precision"),
        "start": middle_sql("s.start_time", "s.start_precision"),
        "finish": middle_sql("s.end_time", "s.end_precision"),
        "point": middle_sql("s.point_in_time", "s.point_precision"),
        "youngest": round(rules.youngest * DAYS),
        "between_births": round(rules.between_births * DAYS),
    }
    set_pairs(_OTHERWISE.format(**dates), database, moments="")
    database.run(f"CREATE OR REPLACE TEMP TABLE untimely_dates AS {OUT_OF_TIME}")
    set_pairs("FROM offers", database)
    database.run(_OF_KIND)
    database.run(_FAMILY_NAMES.format(shortest=_SHORTEST_FAMILY_NAME))
    word = rf"\p{{L}}{{{rules.short_name},}}"
    queries = (
        _TRUE_AFTER_ALL.format(
            names=_NAMES, short=rules.short_name, suffix=rules.suffix, letters=word, same_date=_SAME_DATE
        ),
        *_parts(
            _UNFIT,
            adult=round(rules.adult * DAYS),
            occupation=OCCUPATION,
            year_of_target=_year("o.target_key"),
            year_of_object=_year("a.object_key"),
        ),
        UNRIVALLED,
        _TOO_YOUNG.format(**dates),
        _TOO_NEAR_A_SIBLING.format(**dates),
        "FROM untimely_dates",
        IMPOSSIBLE,
        UNPROVEN,
    )
    database.run(_ENDS)
    database.run("CREATE OR REPLACE TEMP TABLE rejected (pair BIGINT)")
    for query in queries:  # one by one: all at once, their tables would be in memory together
        database.run(f"INSERT INTO rejected SELECT pair FROM ({query}) EXCEPT FROM rejected")


def _parts(sql: str, **terms: object) -> list[str]:
    """The queries that a union is made of."""
    return re.split(r"^UNION\b.*$", sql.format(**terms), flags=re.MULTILINE)


def _year(key: str) -> str:
    """The SQL expression for the year of a date, or the number itself."""
    return f"try_cast(regexp_extract({key}, '^([+-]?[0-9]+)', 1) AS BIGINT)"
