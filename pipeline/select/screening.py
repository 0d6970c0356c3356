"""STATEMENTS to TRIPLES: which statements of the 48 relations are fit for any category, and why the others are not.

The rules run in a fixed order, cheap ones first, and the first that rejects a statement gives its reason. Types go by
class path (P31, then P279 upwards), never by words in labels; items are joined by id, never by label.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.core import schema
from pipeline.core.settings import ScreeningSettings
from pipeline.core.tables import Database
from pipeline.core.times import middle_sql
from pipeline.language.name_form import no_name_sql
from pipeline.language.names import LONGEST_DESCRIPTION
from pipeline.language.relations import Relation
from pipeline.language.template_parts import META
from pipeline.language.templates import Templates
from pipeline.select.current import make_doubted
from pipeline.select.implausible import believed
from pipeline.select.past import make_past
from pipeline.select.unasked import add_generic, make_footage, make_unlisted

_SUBCLASS = 279

# A reader takes a late Julian day for one of ours: Jefferson was born on 2 April by the one calendar, 13 by the other.
_JULIAN, _GREGORIAN = 1985786, "+1582-10-15"

_CITIZENSHIP = 27
_OLD_STYLE = pa.schema([("state", pa.int64()), ("until", pa.string())])
_NEVER = pa.schema([("relation", pa.string()), ("id", pa.int64())])
_KNOWN_ERRORS = pa.schema([("subject_id", pa.int64()), ("relation", pa.string()), ("object_key", pa.string())])

_VALUE_KINDS = {"item": "item", "date": "time", "number": "quantity"}


def make_types(statements: Path, templates: Templates, max_depth: int, database: Database, out: Path) -> Path:
    """Write TYPES: every class under the classes of each type.

    Args:
        statements: STATEMENTS, with P279.
        templates: Where the types are.
        max_depth: How many P279 steps to follow.
        database: A session to work in.
        out: The file to write.
    """
    roots = [(int(item[1:]), name) for name, kind in templates.types.items() for item in kind.classes]
    rows = [{"class_id": number, "type": name} for number, name in roots]
    database.view("statements", statements)
    database.rows("roots", pa.Table.from_pylist(rows, schema.TYPES))  # VALUES would give them 32 bits
    database.run("CREATE TEMP TABLE reached AS SELECT DISTINCT * FROM roots")
    database.run("CREATE TEMP TABLE edge AS FROM reached")
    for _ in range(max_depth):  # level by level, so that loops in P279 end
        database.run(
            f"""CREATE OR REPLACE TEMP TABLE edge AS
            SELECT DISTINCT s.subject_id AS class_id, edge.type
            FROM statements s JOIN edge ON s.object_id = edge.class_id
            WHERE s.property_id = {_SUBCLASS} AND s.rank <> 'deprecated'
              AND (s.subject_id, edge.type) NOT IN (FROM reached)"""
        )
        database.run("INSERT INTO reached FROM edge")
    return database.write("SELECT * FROM reached ORDER BY class_id, type", out, schema.TYPES)


@dataclass(frozen=True)
class Ingested:
    """The tables that screening reads."""

    statements: Path
    entities: Path
    types: Path


def screen(
    tables: Ingested,
    templates: Templates,
    settings: ScreeningSettings,
    excluded_ids: Iterable[int],
    database: Database,
    out: Path,
) -> Path:
    """Write TRIPLES, every statement of a relation with the reason that rejects it or with none, PAST and UNDATED.

    Args:
        tables: What was read of the newer state.
        templates: The relations, types, dating rules and rules of plausibility.
        settings: Limits and lists of qualifiers.
        excluded_ids: Items that must not be subjects.
        database: A session to work in.
        out: A folder; `triples.parquet`, `past.parquet` and `undated.parquet` appear in it.
    """
    database.view("statements", tables.statements)
    database.view("entities", tables.entities)
    database.view("types", tables.types)
    make_past(templates.dating, settings, database)
    judge(templates, settings, excluded_ids, database)
    database.write("SELECT id FROM past ORDER BY id", out / "past.parquet", schema.PAST)
    database.write("SELECT id FROM undated ORDER BY id", out / "undated.parquet", schema.UNDATED)
    database.run(f"CREATE TEMP TABLE namesakes AS {NAMESAKES}")
    database.run(f"CREATE TEMP TABLE triples AS {TRIPLES.format(also='')}")
    sql = f"FROM ({believed(templates, settings, database)}) {ORDER}"
    return database.write(sql, out / "triples.parquet", schema.TRIPLES)


@dataclass(frozen=True)
class OtherClaims:
    """What the rules of a bucket ask of the claims of all, as SQL."""

    claimed: str  # the view of the statements that are claims, or that decide which of these still hold
    kept: str  # the condition for claims that are judged
    generic: str  # the query for objects of which others are kinds
    occupations: str  # the query for the occupations that somebody has


def make_claims(
    templates: Templates, settings: ScreeningSettings, excluded_ids: Iterable[int], database: Database, claimed: str
) -> None:
    """Make the table `claims` of the statements of a view that have a relation, in a session as for `judge`."""
    _make_parameters(database, templates, excluded_ids)
    database.run(f"CREATE TEMP TABLE claims AS {_claims_sql(settings, claimed)}")


def judge(
    templates: Templates,
    settings: ScreeningSettings,
    excluded_ids: Iterable[int],
    database: Database,
    others: OtherClaims | None = None,
) -> None:
    """Make the table `judged`: claims with the reasons that their own form, their ends and their labels give.

    Args:
        templates: The relations.
        settings: Limits and lists of qualifiers.
        excluded_ids: Items that must not be subjects.
        database: A session with the views or tables `statements`, `entities`, `types`, `past` and `today`.
        others: What other claims say, if the session has those of a bucket.
    """
    relations, rules = templates.relations.values(), templates.plausibility
    make_claims(templates, settings, excluded_ids, database, others.claimed if others else "statements")
    make_doubted(relations, settings, database)
    if others:
        database.run(f"DELETE FROM claims WHERE NOT ({others.kept})")
    _make_typed(database)
    add_generic(relations, database, others.generic if others else None)
    make_unlisted(rules, database, others.occupations if others else None)
    make_footage(rules.footage, database)
    judged = _JUDGED.format(**_label_rules(settings))
    database.run(
        f"CREATE TEMP TABLE judged AS SELECT *, lower(subject_label) AS name, {_DESCRIPTION} AS plain FROM ({judged})"
    )


_BY_LABEL = r"""
SELECT id, label FROM entities SEMI JOIN names
ON rtrim(regexp_replace(trim(lower(label)), '\s+', ' ', 'g'), ' .:?!') = names.name
"""


def find_named(names: Iterable[str], entities: Path, database: Database) -> dict[int, str]:
    """Items with their labels that have one of these names, whatever its case, spacing and final punctuation."""
    database.view("entities", entities)
    database.rows("names", pa.table({"name": pa.array(sorted(name.lower() for name in names), pa.string())}))
    return {int(row["id"]): str(row["label"]) for row in database.table(_BY_LABEL).to_pylist()}


def _make_parameters(database: Database, templates: Templates, excluded_ids: Iterable[int]) -> None:
    relations = templates.relations.values()
    rows = ", ".join(_relation_row(relation) for relation in relations)
    columns = "relation, property_id, filter_property, filter_value, value_kind, is_single, is_sensitive, unfit_objects"
    database.run(f"CREATE TEMP TABLE relations AS FROM (VALUES {rows}) AS t({columns})")
    roles: Mapping[str, list[tuple[str, str, int]]] = {
        "subject_role": [(r.id, kind, place) for r in relations for place, kind in enumerate(r.subject_types)],
        "object_role": [(r.id, kind, place) for r in relations for place, kind in enumerate(r.object_types)],
        "no_role": [(r.id, kind, place) for r in relations for place, kind in enumerate(r.no_subject)],
        "coarse_role": [(r.id, kind, place) for r in relations for place, kind in enumerate(r.coarse)],
        "kin_role": [(r.id, kind, int(p[1:])) for r in relations for kind, shared in r.kin.items() for p in shared],
        "ending": [(r.id, kind, place) for r in relations for place, kind in enumerate(r.ends_with_object)],
    }
    for table, entries in roles.items():
        values = ", ".join(f"('{relation}', '{kind}', {place})" for relation, kind, place in entries)
        database.run(f"CREATE TEMP TABLE {table} AS FROM (VALUES {values}) AS t(relation, type, place)")
    old = [{"state": state, "until": f"+{one.until}"} for one in templates.dating.old_style for state in one.states]
    database.rows("old_style", pa.Table.from_pylist(old, _OLD_STYLE))
    never = [{"relation": relation.id, "id": int(item[1:])} for relation in relations for item in relation.never]
    database.rows("never", pa.Table.from_pylist(never, _NEVER))
    errors = [error._asdict() for error in sorted(templates.false_statements)]
    database.rows("known_errors", pa.Table.from_pylist(errors, _KNOWN_ERRORS))
    database.run("CREATE TEMP TABLE excluded (id BIGINT)")
    if ids := ", ".join(f"({item})" for item in sorted(excluded_ids)):
        database.run(f"INSERT INTO excluded VALUES {ids}")


def _relation_row(relation: Relation) -> str:
    chosen = relation.object_filter
    filter_property, filter_value = (chosen.property[1:], chosen.value[1:]) if chosen else ("NULL", "NULL")
    kind = _VALUE_KINDS[relation.value]
    single, sensitive = relation.cardinality == "one", relation.sensitive
    unfit = "'" + relation.unfit_objects.replace("'", "''") + "'" if relation.unfit_objects else "NULL"
    return (
        f"('{relation.id}', {relation.property_id}, {filter_property}, {filter_value}, '{kind}', {single}, {sensitive},"
        f" {unfit})"
    )


def _list(names: Iterable[str]) -> str:
    return "[" + ", ".join(name[1:] for name in names) + "]"


def _claims_sql(settings: ScreeningSettings, claimed: str) -> str:
    """Every statement of a relation, with the reason that its own form gives."""
    return f"""
    SELECT s.subject_id, r.relation, s.object_id, s.statement_id, r.is_single, r.is_sensitive, r.value_kind,
        s.rank, {middle_sql("s.start_time", "s.start_precision")} AS start_day,
        r.unfit_objects,
        CASE r.value_kind
            WHEN 'item' THEN 'Q' || s.object_id
            WHEN 'time' THEN s.time || '/' || s.precision
            ELSE ltrim(s.amount, '+') END AS object_key,
        CASE
            WHEN s.rank = 'deprecated' THEN 'deprecated'
            WHEN NOT s.is_best THEN 'not_best_rank'
            WHEN s.value_kind <> r.value_kind THEN 'no_value'
            WHEN r.value_kind = 'quantity' AND (s.unit_id IS NOT NULL OR NOT regexp_full_match(s.amount, '[+]?[0-9]+'))
                THEN 'no_value'
            WHEN list_has_any(s.qualifier_ids, {_list(settings.ending)}) THEN 'ended'
            WHEN {middle_sql("s.start_time", "s.start_precision")} > (
                SELECT date_diff('day', DATE '0001-01-01', max(modified)::DATE) + 1 FROM entities) THEN 'not_started'
            WHEN list_has_any(s.qualifier_ids, {_list(settings.restricting)}) THEN 'restricted'
            WHEN list_has_any(s.qualifier_ids, {_list(settings.doubting)}) THEN 'doubtful'
            WHEN s.object_id = s.subject_id THEN 'self_reference'
            WHEN (r.relation, s.object_id) IN (SELECT relation, id FROM never) THEN 'never_true'
        END AS form_reason,
        s.value_kind = 'time' AND (s.precision < 9 OR NOT regexp_matches(s.time, '^[+-]?[0-9]+-[0-9][0-9]-[0-9][0-9]T')
            OR (s.precision >= 11 AND regexp_matches(s.time, '-00T|-01-01T'))  -- New Year's Day stands in for a year
            OR (s.precision >= 10 AND regexp_matches(s.time, '-00-[0-9][0-9]T'))
            OR (s.precision >= 11 AND s.calendar_id = {_JULIAN} AND s.time > '{_GREGORIAN}')
            OR (s.precision >= 11 AND s.time BETWEEN '{_GREGORIAN}' AND old.until)) AS is_coarse
    FROM {claimed} s JOIN relations r USING (property_id)
    LEFT JOIN (
        SELECT p.subject_id, max(until) AS until FROM statements p JOIN old_style o ON o.state = p.object_id
        WHERE p.property_id = {_CITIZENSHIP} GROUP BY ALL
    ) old ON s.value_kind = 'time' AND old.subject_id = s.subject_id
    LEFT JOIN (
        SELECT DISTINCT subject_id, property_id, object_id FROM statements WHERE is_best AND value_kind = 'item'
    ) f ON f.subject_id = s.object_id AND f.property_id = r.filter_property AND f.object_id = r.filter_value
    WHERE r.filter_property IS NULL OR f.subject_id IS NOT NULL
    """


_REFUSED = """
CREATE TEMP TABLE refused AS
SELECT DISTINCT c.relation, c.subject_id AS id FROM claims c
JOIN item_types i ON i.id = c.subject_id JOIN no_role n ON n.relation = c.relation AND n.type = i.type
"""

# A word of five letters or more is enough: "Alien" and "Aliens" begin alike.
_UNRELATED = """
CREATE TEMP TABLE unrelated AS
WITH asked AS (
    SELECT c.statement_id, c.relation, st.type, c.subject_id, c.object_id,
        lower(s.label) AS one, lower(o.label) AS other
    FROM claims c JOIN subject_typed st ON st.id = c.subject_id AND st.relation = c.relation
    JOIN entities s ON s.id = c.subject_id JOIN entities o ON o.id = c.object_id
    WHERE (c.relation, st.type) IN (SELECT relation, type FROM kin_role)
),
kin AS (
    SELECT DISTINCT a.statement_id FROM asked a JOIN kin_role k ON k.relation = a.relation AND k.type = a.type
    JOIN statements m ON m.subject_id = a.subject_id AND m.property_id = k.place
    JOIN statements n ON n.subject_id = a.object_id AND n.property_id = k.place AND n.object_id = m.object_id
)
SELECT statement_id FROM asked WHERE statement_id NOT IN (FROM kin) AND NOT list_has_any(
    regexp_extract_all(one, '\\b\\w{5}'), regexp_extract_all(other, '\\b\\w{5}'))
"""

# A town that is a state too is no less a town.
_COARSE = """
CREATE TEMP TABLE coarse AS
SELECT c.relation, c.object_id AS id FROM (SELECT DISTINCT relation, object_id FROM claims) c
JOIN item_types i ON i.id = c.object_id LEFT JOIN coarse_role o ON o.relation = c.relation AND o.type = i.type
GROUP BY ALL HAVING bool_or(o.type IS NOT NULL) AND NOT bool_or(i.type = 'settlement')
"""


def _make_typed(database: Database) -> None:
    """Tables `subject_typed` and `object_typed`: the first fitting type of each item in each relation."""
    database.run(
        """CREATE TEMP TABLE item_types AS
        SELECT DISTINCT e.id, t.type FROM (SELECT id, unnest(type_ids) AS class_id FROM entities
            WHERE id IN (SELECT subject_id FROM claims UNION SELECT object_id FROM claims)) e
        JOIN types t USING (class_id)"""
    )
    for role in ("subject", "object"):
        database.run(
            f"""CREATE TEMP TABLE {role}_typed AS
            SELECT c.id, c.relation, arg_min(o.type, o.place) AS type
            FROM (SELECT DISTINCT {role}_id AS id, relation FROM claims) c
            JOIN item_types i USING (id) JOIN {role}_role o ON o.relation = c.relation AND o.type = i.type
            GROUP BY ALL"""
        )
    database.run(_REFUSED)
    database.run(_COARSE)
    database.run(_UNRELATED)
    database.run(f"CREATE TEMP TABLE meta AS SELECT DISTINCT id FROM item_types WHERE type = '{META}'")


def _label_rules(settings: ScreeningSettings) -> dict[str, str]:
    """SQL conditions under which the label of the subject or object is no name."""
    unfit = (
        "({no_name} OR regexp_matches({0}, '^(List|Lists|Index|Outline) of [a-z]')"
        " OR regexp_matches({0}, ' \\([a-z0-9][^()]*\\)$')"  # told from its namesakes: "1917 (film)"
        " OR regexp_matches({0}, '^(\\S+ ){{4,}}\\S+[.!?;:]$'))"  # a sentence, as titles of articles are
    )
    limits = settings.min_label_characters, settings.max_label_characters
    rules = {
        f"{role}_unfit": unfit.format(f"{role}.label", no_name=no_name_sql(f"{role}.label", *limits))
        for role in ("subject", "object")
    }
    return rules | {
        "allow_sensitive_living": str(settings.allow_sensitive_living).lower(),
    }


# A living person is not married to a dead one, and a city is in no country that is no more.
_JUDGED = """
WITH lasting AS (
    SELECT c.* REPLACE (CASE
        WHEN form_reason IS NULL AND ending.type IS NOT NULL AND gone.id IS NOT NULL AND past.id IS NULL THEN 'ended'
        WHEN form_reason IS NULL AND known.subject_id IS NOT NULL THEN 'known_error'
        WHEN form_reason IS NULL AND doubted.is_replaced THEN 'may_be_over'
        ELSE form_reason END AS form_reason)
    FROM claims c
    LEFT JOIN subject_typed st ON st.id = c.subject_id AND st.relation = c.relation
    LEFT JOIN ending ON ending.relation = c.relation AND ending.type = st.type
    LEFT JOIN past gone ON gone.id = c.object_id
    LEFT JOIN past ON past.id = c.subject_id
    LEFT JOIN doubted USING (statement_id)
    LEFT JOIN known_errors known ON known.subject_id = c.subject_id AND known.relation = c.relation
        AND known.object_key = c.object_key
),
counted AS (
    SELECT c.*,
        form_reason IS NULL AS is_true,
        count(DISTINCT CASE WHEN form_reason IS NULL THEN object_key END)
            OVER (PARTITION BY subject_id, relation) AS object_count,
        row_number() OVER (PARTITION BY subject_id, relation, object_key, form_reason IS NULL ORDER BY statement_id)
            AS place
    FROM lasting c
)
SELECT c.*, st.type AS subject_type, ot.type AS object_type, subject.label AS subject_label, subject.description,
    CASE
        WHEN form_reason IS NOT NULL THEN form_reason
        WHEN is_coarse THEN 'precision'
        WHEN excluded.id IS NOT NULL THEN 'excluded'
        WHEN subject.label IS NULL THEN 'subject_unlabelled'
        WHEN subject_meta.id IS NOT NULL THEN 'subject_meta'
        WHEN {subject_unfit} THEN 'subject_label_unfit'
        WHEN st.type IS NULL OR refused.id IS NOT NULL THEN 'subject_type'
        WHEN value_kind = 'item' AND object.id IS NULL THEN 'object_missing'
        WHEN value_kind = 'item' AND object.label IS NULL THEN 'object_unlabelled'
        WHEN object_meta.id IS NOT NULL THEN 'object_meta'
        WHEN value_kind = 'item' AND {object_unfit} THEN 'object_label_unfit'
        WHEN value_kind = 'item' AND ot.type IS NULL THEN 'object_type'
        WHEN regexp_full_match(object.label, unfit_objects) THEN 'object_unworded'
        WHEN contains(lower(subject.label), lower(object.label)) THEN 'label_leak'
        WHEN coarse.id IS NOT NULL THEN 'coarse'
        WHEN is_single AND object_count > 1 THEN 'several_values'
        WHEN is_sensitive AND past.id IS NULL AND NOT {allow_sensitive_living} THEN 'sensitive_living'
        WHEN doubted.statement_id IS NOT NULL THEN 'may_be_over'
        WHEN unrelated.statement_id IS NOT NULL THEN 'unrelated'
        WHEN uncounted.statement_id IS NOT NULL THEN 'uncounted'
        WHEN footage.statement_id IS NOT NULL THEN 'footage'
        WHEN unlisted.subject_id IS NOT NULL THEN 'unlisted'
        WHEN place > 1 THEN 'duplicate'
    END AS early_reason
FROM counted c
LEFT JOIN entities subject ON subject.id = c.subject_id
LEFT JOIN entities object ON object.id = c.object_id
LEFT JOIN subject_typed st ON st.id = c.subject_id AND st.relation = c.relation
LEFT JOIN object_typed ot ON ot.id = c.object_id AND ot.relation = c.relation
LEFT JOIN meta subject_meta ON subject_meta.id = c.subject_id
LEFT JOIN meta object_meta ON object_meta.id = c.object_id
LEFT JOIN past ON past.id = c.subject_id
LEFT JOIN excluded ON excluded.id = c.subject_id
LEFT JOIN refused ON refused.relation = c.relation AND refused.id = c.subject_id
LEFT JOIN coarse ON coarse.relation = c.relation AND coarse.id = c.object_id
LEFT JOIN unrelated ON unrelated.statement_id = c.statement_id
LEFT JOIN doubted ON doubted.statement_id = c.statement_id
LEFT JOIN uncounted ON uncounted.statement_id = c.statement_id
LEFT JOIN footage ON footage.statement_id = c.statement_id
LEFT JOIN unlisted ON unlisted.subject_id = c.subject_id AND unlisted.relation = c.relation
"""

# What `names.plain_description` makes of a description, but for the case of its letters.
_PLAIN = r"regexp_replace(trim(regexp_replace(description, ' *\([^()]*\)', '', 'g')), '\s+', ' ', 'g')"
_DESCRIPTION = f"""CASE WHEN length({_PLAIN}) <= {LONGEST_DESCRIPTION} AND NOT regexp_matches({_PLAIN}, '\\b[QPL][0-9]')
    THEN {_PLAIN} END"""

# Namesakes: subjects of one relation with one label and different objects. A description tells them apart if each has
# its own.
NAMESAKES = """
WITH held AS (
    SELECT relation, name, subject_id, any_value(plain) AS description,
        list(DISTINCT object_key ORDER BY object_key) AS objects
    FROM judged WHERE is_true AND name IS NOT NULL AND subject_type IS NOT NULL
    GROUP BY ALL
)
SELECT relation, name, count(DISTINCT objects) > 1 AS differ,
    count(DISTINCT lower(description)) = count(*) AS described
FROM held GROUP BY ALL HAVING count(*) > 1
"""
"""The query for names that several subjects of a relation have, of the table or view `judged`."""

TRIPLES = """
SELECT j.subject_id, j.relation, object_key, object_id, statement_id, subject_type, object_type, object_count,
    coalesce(n.differ, false) AS is_homonym, is_true,{also}
    CASE WHEN early_reason IS NOT NULL THEN early_reason WHEN n.differ AND NOT n.described THEN 'homonym' END AS reason
FROM judged j LEFT JOIN namesakes n ON n.relation = j.relation AND n.name = j.name
"""
"""The query for TRIPLES, and other columns of `judged`, before it is said which of them are believed."""

ORDER = "ORDER BY subject_id, relation, object_key NULLS FIRST, statement_id"
