"""RECENT_CHANGES to SPANS: which items a window may have changed, and their base and head revisions."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from pipeline.core import schema
from pipeline.core.tables import Database
from pipeline.sources.live.edit_summaries import NO_STATEMENT
from pipeline.sources.live.window import Window

_SPANS = f"""
WITH edits AS (
    SELECT item_id, min(parent) AS base, max(revision) AS head,
        arg_max(parent, revision) FILTER (comment LIKE '/* wbmergeitems-to:%') AS before_merge,
        bool_or(kind = 'new' OR comment IS NULL OR NOT regexp_matches(comment, '{NO_STATEMENT}')) AS may_matter
    FROM changes WHERE kind IN ('edit', 'new') GROUP BY item_id
), logs AS (
    SELECT item_id, arg_max(log_action, rcid) AS action
    FROM changes WHERE log_action IN ('delete/delete', 'delete/restore') GROUP BY item_id
)
SELECT item_id, coalesce(base, 0) AS base, coalesce(head, 0) AS head, before_merge,
    CASE action WHEN 'delete/delete' THEN 'gone' WHEN 'delete/restore' THEN 'restored' ELSE 'kept' END AS fate
FROM edits FULL JOIN logs USING (item_id)
WHERE may_matter OR action IS NOT NULL
ORDER BY item_id
"""


def open_changes(files: list[Path], window: Window, database: Database) -> None:
    """Create the table `changes`: the rows of a window from files of RECENT_CHANGES, each row once."""
    database.run(
        f"""CREATE OR REPLACE TEMP TABLE changes AS {_rows_of(files, window, database)}
        QUALIFY row_number() OVER (PARTITION BY rcid ORDER BY item_id) = 1"""
    )


def _rows_of(files: list[Path], window: Window, database: Database) -> str:
    """A query for the rows of a window; a row may come from several files."""
    union = " UNION ALL ".join(f"FROM part_{place}" for place in range(len(files)))
    for place, path in enumerate(files):
        database.view(f"part_{place}", path)
    return f"""SELECT * FROM ({union})
        WHERE time > TIMESTAMPTZ '{window.start.isoformat()}' AND time <= TIMESTAMPTZ '{window.end.isoformat()}'"""


def find_spans(database: Database, out: Path) -> Path:
    """Write SPANS of the table `changes` that `open_changes` created."""
    return database.write(_SPANS, out, schema.SPANS)


def find_gaps(
    files: list[Path], window: Window, now: datetime, retention_days: int, database: Database
) -> list[list[str]]:
    """Parts of the window that the wiki no longer lists, each as a start and an end.

    Args:
        files: RECENT_CHANGES that cover the window.
        window: The window.
        now: The current time of the wiki.
        retention_days: For how many days the wiki keeps recent changes.
        database: A session to work in.
    """
    kept_from = now - timedelta(days=retention_days)
    earliest = database.table(f"SELECT min(time) AS t FROM ({_rows_of(files, window, database)})").column("t")
    first = cast(datetime | None, earliest.to_pylist()[0])
    begins = first or window.end
    if window.start < kept_from <= begins:
        return [[window.start.isoformat(), min(begins, window.end).astimezone(UTC).isoformat()]]
    return []
