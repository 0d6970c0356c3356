"""Differences to CHANGES: the dates in the two states decide the class of each.

A date is after the older state when most of the days that its precision leaves open are: a bare "2015" counts as
after 4 January 2015 and as before 9 November 2015. The rules are in `_CLASS`; the first match wins.
"""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from pipeline.core import schema
from pipeline.core.tables import Database
from pipeline.core.times import middle_sql
from pipeline.language.template_parts import Dating

_YEAR = 5  # letters of "+2019"

# Days are counted from 1 January of the year 1, as `times.span` does.
_CLASS = """
CASE
    WHEN d.item_kind <> 'kept' AND d.merged_into IS NOT NULL THEN 'merge'
    WHEN d.item_kind = 'removed' THEN 'item_deleted'
    WHEN d.item_kind = 'added' THEN 'new_item'
    WHEN d.kind = 'recreated' THEN 'guid_churn'
    WHEN d.kind = 'rank' THEN 'rank_flip'
    WHEN d.kind = 'reference' THEN 'reference_edit'
    WHEN d.kind = 'qualifier' THEN CASE WHEN d.gains_end THEN 'ended' ELSE 'qualifier_edit' END
    WHEN d.kind = 'removed' THEN 'removal'
    WHEN d.kind = 'revalued' THEN CASE WHEN d.is_retargeted THEN 'merge' ELSE 'correction' END
    WHEN d.is_moved THEN 'merge'
    WHEN d.came_day > d.cut_day THEN CASE WHEN d.is_succession THEN 'replaced' ELSE 'world_change' END
    WHEN d.kind = 'swapped' THEN 'correction'
    WHEN d.came_day <= d.cut_day OR d.over_day <= d.cut_day THEN 'late_entry'
    ELSE 'added_undated'
END
"""


def _date(prefix: str) -> str:
    """The four columns of a date as one value, so that a CASE can choose among dates."""
    return f"struct_pack(p := {prefix}property_id, t := {prefix}time, q := {prefix}precision, c := {prefix}calendar_id)"


_CHANGES = f"""
WITH dated AS (
    SELECT d.*, m.target_id AS merged_into,
        d.replaced_statement_id IS NOT NULL AND s.property_id IS NOT NULL AS is_succession,
        r.gone_id IS NOT NULL AS is_retargeted,
        v.id IS NOT NULL AS is_moved,
        -- when it became true: its own date; the event it names; the birth of its value; a date of its subject
        CASE
            WHEN d.date_day IS NOT NULL THEN d.date_day
            WHEN event.day IS NOT NULL THEN event.day
            WHEN value.day > moment.day THEN value.day
            ELSE subject.day
        END AS came_day,
        CASE
            WHEN d.date_day IS NOT NULL THEN {_date("d.date_")}
            WHEN event.day IS NOT NULL THEN {_date("event.")}
            WHEN value.day > moment.day THEN {_date("value.")}
            ELSE {_date("subject.")}
        END AS event_date,
        -- when it was over at the latest: its end, or the end of its subject
        coalesce(d.end_day, finish.day) AS over_day,
        moment.day AS cut_day
    FROM (
        SELECT *, {middle_sql("date_time", "date_precision")} AS date_day,
            {middle_sql("end_time", "end_precision")} AS end_day
        FROM differences
    ) d
    JOIN moments moment ON moment.id = d.subject_id
    LEFT JOIN successive s ON s.property_id = d.property_id
    LEFT JOIN merges m ON m.gone_id = d.subject_id
    LEFT JOIN merges r ON r.gone_id = d.old_object_id AND r.target_id = d.new_object_id
    LEFT JOIN moved v ON v.id = d.subject_id AND v.property_id = d.property_id AND v.value = d.new_value
    LEFT JOIN existence event ON event.id = d.event_id
    LEFT JOIN existence value ON value.id = d.new_object_id
    LEFT JOIN subject_dates subject ON subject.id = d.subject_id AND subject.dated_property_id = d.property_id
    LEFT JOIN finish ON finish.id = d.subject_id
),
classed AS (SELECT *, {_CLASS} AS change_class FROM dated d)
SELECT subject_id, property_id, change_class,
    CASE WHEN change_class = 'replaced' THEN replaced_statement_id
         WHEN kind = 'swapped' AND change_class <> 'correction' THEN NULL ELSE old_statement_id END AS old_statement_id,
    new_statement_id,
    CASE WHEN change_class = 'replaced' THEN replaced_value
         WHEN kind = 'swapped' AND change_class <> 'correction' THEN NULL ELSE old_value END AS old_value,
    CASE WHEN property_id IS NULL AND merged_into IS NOT NULL THEN 'Q' || merged_into ELSE new_value END AS new_value,
    is_new_value, event_date.t AS event_time, event_date.q AS event_precision, event_date.c AS event_calendar_id,
    event_date.p AS event_property_id, base_revision, head_revision, first_seen,
    []::BIGINT[] AS rcids, []::VARCHAR[] AS tags, former_statement_id, former_value, former_way
FROM classed
UNION ALL
SELECT subject_id, property_id, 'removal', old_statement_id, NULL, old_value, NULL, false, NULL, NULL, NULL, NULL,
    base_revision, head_revision, first_seen, [], [], NULL, NULL, NULL
FROM classed WHERE kind = 'swapped' AND change_class <> 'correction'
ORDER BY subject_id, property_id NULLS FIRST, new_statement_id NULLS FIRST, old_statement_id NULLS FIRST, change_class
"""


@dataclass(frozen=True)
class ComparedStates:
    """Two compared states: the tables from which classes are decided."""

    differences: Path  # DIFFERENCES
    merges: Path  # MERGES
    statements: tuple[Path, ...]  # STATEMENTS of the newer state, at least those that date what differences name
    cut: datetime | None  # the date of the older state; None if no item of it has an edit time
    end: datetime | None = None  # the date of the newer state
    older: Path | None = None  # REVISIONS of the older state: an item that was edited after the cut has its own


def classify(states: ComparedStates, dating: Dating, database: Database, out: Path) -> Path:
    """Write CHANGES: every difference with its class and its date.

    Args:
        states: The two states, compared.
        dating: Which properties date an item or a statement.
        database: A session to work in.
        out: The CHANGES file to write.
    """
    database.view("differences", states.differences)
    database.view("merges", states.merges)
    database.view("statements", *states.statements)
    _make_moments(states, database)
    _make_dates(database, dating)
    successive = ", ".join(f"({number})" for number in sorted(dating.successive))
    database.run(f"CREATE TEMP TABLE successive AS FROM (VALUES {successive}) AS t(property_id)")
    database.run(
        """CREATE TEMP TABLE moved AS SELECT DISTINCT m.target_id AS id, d.property_id, d.old_value AS value
        FROM differences d JOIN merges m ON m.gone_id = d.subject_id WHERE d.property_id IS NOT NULL"""
    )
    return database.write(_CHANGES, out, schema.CHANGES)


def _make_moments(states: ComparedStates, database: Database) -> None:
    """Table `moments`: the day of the older state of each item, which is that of its own edit if it is after the cut.

    An edit after the newer state was made is an error of a clock.
    """
    day = str(states.cut.toordinal()) if states.cut else "NULL"
    own = "SELECT NULL::BIGINT AS id, NULL::BIGINT AS day WHERE false"
    if states.older and states.cut:
        database.view("older", states.older)
        until = f"AND epoch_ms(modified) <= {_milliseconds(states.end)}" if states.end else ""
        own = f"""SELECT id, epoch_ms(modified) // 86400000 + {date(1970, 1, 1).toordinal()} AS day
            FROM older WHERE epoch_ms(modified) > {_milliseconds(states.cut)} {until}"""
    database.run(
        f"""CREATE TEMP TABLE moments AS SELECT d.id, coalesce(own.day, {day}::BIGINT) AS day
        FROM (SELECT DISTINCT subject_id AS id FROM differences) d LEFT JOIN ({own}) own USING (id)"""
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _make_dates(database: Database, dating: Dating) -> None:
    """Tables `existence` and `finish` (a date an item) and `subject_dates` (one an item and dated property)."""
    database.run(
        f"""CREATE TEMP TABLE dates AS
        SELECT subject_id AS id, property_id, time, precision, calendar_id, {middle_sql("time", "precision")} AS day
        FROM statements WHERE value_kind = 'time' AND rank <> 'deprecated'"""
    )
    earliest = (
        "SELECT {columns} FROM dates {where} "
        "QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY day, property_id, time, precision) = 1"
    )
    for table, properties in (("existence", dating.existence), ("finish", dating.end)):
        where = f"WHERE day IS NOT NULL AND property_id IN ({', '.join(map(str, properties))})"
        database.run(f"CREATE TEMP TABLE {table} AS " + earliest.format(columns="*", where=where, key="id"))
    pairs = ", ".join(f"({dated}, {by})" for dated, by in sorted(dating.by_subject.items()))
    where = (
        f"JOIN (VALUES {pairs}) AS by_subject(dated_property_id, by_id) ON by_id = property_id WHERE day IS NOT NULL"
    )
    by_year = ", ".join(map(str, sorted(dating.by_year))) or "NULL"
    database.run(
        "CREATE TEMP TABLE subject_dates AS " + earliest.format(columns="*", where=where, key="id, dated_property_id")
    )
    database.run(  # the day stays: it still decides whether that is after the older state
        f"""UPDATE subject_dates SET time = left(time, {_YEAR}) || '-00-00T00:00:00Z', precision = 9
        WHERE dated_property_id IN ({by_year}) AND precision > 9"""
    )
