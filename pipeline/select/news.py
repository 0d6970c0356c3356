"""CHANGES to NEWS: which of the statements that came are news, of what date, and what they took the place of.

News is what an event inside the window made true. The class of a change says how the two texts of an item differ; here
it is refined by what the newer state holds about the item:

- A fact of a new item is `new_item` if the fact, or else the item, began inside the window. Other facts of new items,
  such as births of long ago, are `newly_described`: new to Wikidata, and to nobody else.
- A statement is `replaced` too, if the answer that it took the place of is known from both states (`diff/former.py`).
"""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pipeline.core import schema
from pipeline.core.tables import Database
from pipeline.core.times import is_within_sql, middle_sql
from pipeline.language.template_parts import Dating

_START = 580

# The first of the dates that an item has for its own beginning.
_BEGINNINGS = """
CREATE OR REPLACE TEMP TABLE beginnings AS
SELECT subject_id AS id, property_id, time, precision, calendar_id
FROM statements
WHERE value_kind = 'time' AND rank <> 'deprecated' AND property_id IN ({existence})
  AND subject_id IN (SELECT subject_id FROM changes_as_found WHERE change_class = 'new_item') AND {day} IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY subject_id ORDER BY {day}, property_id, time, precision) = 1
"""

# Who wins an award twice has it since the first time: every statement of a new value has the earliest of their dates,
# and none if one of them has none.
# A spell starts on a day; an office, a capital or a currency is held by one at a time, with or without one.
_NEWS = """
WITH changes AS (
    SELECT c.* EXCLUDE (first) REPLACE (
        first.t AS event_time, first.q AS event_precision, first.c AS event_calendar_id, first.p AS event_property_id)
    FROM (
        SELECT *, first_value({date}) OVER (
            PARTITION BY subject_id, property_id, coalesce(new_value, new_statement_id, old_statement_id), is_new_value,
                CASE WHEN NOT is_new_value OR new_value IS NULL THEN new_statement_id END,
                CASE WHEN NOT is_new_value OR new_value IS NULL THEN old_statement_id END
            ORDER BY {event_day} NULLS FIRST, new_statement_id NULLS FIRST, old_statement_id NULLS FIRST, change_class
        ) AS first
        FROM changes_as_found
    ) c
),
dated AS (
    SELECT c.*, {in_window} AS is_in_window, {begins_in_window} AS begins_in_window,
        b.property_id AS begun_by, b.time AS begun, b.precision AS begun_precision, b.calendar_id AS begun_calendar,
        c.property_id IN ({successive}) AS is_successive,
        coalesce(c.event_property_id = {start}, false) AS is_spell
    FROM changes c LEFT JOIN beginnings b ON b.id = c.subject_id AND c.change_class = 'new_item'
),
judged AS (
    SELECT *,
        change_class = 'new_item' AND event_time IS NULL AND begins_in_window AND property_id NOT IN ({lasting})
            AS is_new_with_item,
        former_value IS NOT NULL AND is_in_window
            AND (change_class = 'world_change' AND (is_spell OR is_successive)
                 OR change_class = 'correction' AND old_statement_id = new_statement_id AND is_spell)
            AND (is_successive OR former_way = 'ended') AS is_replacement
    FROM dated
)
SELECT j.* EXCLUDE (is_in_window, begins_in_window, begun_by, begun, begun_precision, begun_calendar, is_successive,
        is_spell, is_new_with_item, is_replacement)
    REPLACE (
        CASE WHEN is_replacement THEN 'replaced'
             WHEN change_class = 'new_item' AND property_id IS NOT NULL AND NOT is_in_window AND NOT is_new_with_item
                THEN 'newly_described'
             ELSE change_class END AS change_class,
        CASE WHEN is_replacement THEN former_statement_id ELSE old_statement_id END AS old_statement_id,
        CASE WHEN is_replacement THEN former_value ELSE old_value END AS old_value,
        CASE WHEN is_new_with_item THEN begun ELSE event_time END AS event_time,
        CASE WHEN is_new_with_item THEN begun_precision ELSE event_precision END AS event_precision,
        CASE WHEN is_new_with_item THEN begun_calendar ELSE event_calendar_id END AS event_calendar_id,
        CASE WHEN is_new_with_item THEN begun_by ELSE event_property_id END AS event_property_id
    ),
    is_in_window OR is_new_with_item AS is_in_window
FROM judged j
ORDER BY subject_id, property_id NULLS FIRST, new_statement_id NULLS FIRST, old_statement_id NULLS FIRST, change_class
"""


class Window(NamedTuple):
    """The time between the two states; None where a state has no times."""

    start: datetime | None
    end: datetime | None


def find_news(changes: Path, statements: Path, window: Window, dating: Dating, database: Database, out: Path) -> Path:
    """Write NEWS.

    Args:
        changes: CHANGES.
        statements: STATEMENTS of the newer state.
        window: The time between the two states.
        dating: Which properties date an item, and which hold one value at a time.
        database: A session to work in.
        out: The file to write.
    """
    database.view("changes_as_found", changes)
    database.view("statements", statements)
    existence = ", ".join(map(str, dating.existence))
    database.run(_BEGINNINGS.format(existence=existence, day=middle_sql("time", "precision")))
    start, end = (_day(moment) for moment in window)
    sql = _NEWS.format(
        date="struct_pack(p := event_property_id, t := event_time, q := event_precision, c := event_calendar_id)",
        event_day=middle_sql("event_time", "event_precision"),
        in_window=is_within_sql("c.event_time", "c.event_precision", start, end),
        begins_in_window=is_within_sql("b.time", "b.precision", start, end),
        lasting=", ".join(map(str, dating.lasting)),
        successive=", ".join(map(str, dating.successive)),
        start=_START,
    )
    return database.write(sql, out, schema.NEWS)


def _day(moment: datetime | None) -> str:
    return str(moment.date().toordinal()) if moment else "NULL::BIGINT"
