"""Recent changes to SPANS: which items a window may have changed, from which revision to which.

A window lies after T0 and up to T1, T1 counted in. The list is walked once from T0 to T1; whenever the walk has left an
hour behind, what it found is put on disk, so that a run that was killed goes on from the last such hour.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.core import schema
from pipeline.core.progress import Advance
from pipeline.core.settings import LiveSettings
from pipeline.core.tables import Database, write_rows
from pipeline.sources.live.wiki import Answer, Wiki

_ITEM = re.compile(r"(?:[^:]+:)?Q([1-9]\d*)")
_STAMP = "%Y%m%dT%H%M%SZ"
_Row = tuple[Any, ...]  # the columns of schema.RECENT_CHANGES, in order
_TIME = 5  # the place of `time` in them

# Summaries of edits that touch no statement (wikidata.md, summary grammar); what does not say so may touch any.
NO_STATEMENT = (
    r"^/\* (wbsetlabel|wbsetdescription|wbsetaliases|wbsetsitelink|wblinktitles|clientsitelink)-"
    r"|^/\* wbeditentity-update-languages(-short)?:"
)
# Summaries that name the one property whose statements the edit touched.
NAMES_PROPERTY = (
    r"^/\* wb(createclaim|setclaim|setclaimvalue|removeclaims|setreference|removereferences|setqualifier"
    r"|removequalifiers)-?[a-z-]*:.*\[\[Property:P"
)


@dataclass(frozen=True)
class Window:
    """After its start and up to its end, the end counted in."""

    start: datetime
    end: datetime

    @property
    def name(self) -> str:
        """How files of it are called."""
        return f"{self.start:{_STAMP}}-{self.end:{_STAMP}}"


def sweep(wiki: Wiki, window: Window, store: Path, settings: LiveSettings, advance: Advance) -> list[Path]:
    """Walk the recent changes of a window, except for what an earlier run walked.

    Args:
        wiki: The repository.
        window: What to walk.
        store: A folder of RECENT_CHANGES, a file a part of the walk, named after what it covers.
        settings: How far out of order rows may come.
        advance: Told the seconds of the window that are done.

    Returns:
        The files that cover the window.
    """
    covered = list(_covered(store, window))
    cursor = window.start
    for part, _ in covered:
        cursor = max(cursor, part.end)
    advance((cursor - window.start).total_seconds())
    files = [path for _, path in covered]
    waiting: list[_Row] = []
    latest: deque[datetime] = deque(maxlen=settings.late_rows)
    for change in wiki.recent_changes(cursor, window.end) if cursor < window.end else ():
        row = _row(change)
        if row is None or not cursor < row[_TIME] <= window.end:
            continue
        latest.append(row[_TIME])
        hour = min(latest).replace(minute=0, second=0, microsecond=0)
        if hour > cursor and len(waiting) >= 2 * settings.late_rows:
            files.append(_flush(Window(cursor, hour), waiting, store))
            advance((hour - cursor).total_seconds())
            cursor = hour
        waiting.append(row)
    if cursor < window.end:
        files.append(_flush(Window(cursor, window.end), waiting, store))
        advance((window.end - cursor).total_seconds())
    return files


def _flush(part: Window, waiting: list[_Row], store: Path) -> Path:
    """Write the rows of a part of the walk, and keep those of later parts."""
    done = sorted({row[0]: row for row in waiting if row[_TIME] <= part.end}.values())
    waiting[:] = [row for row in waiting if row[_TIME] > part.end]
    return write_rows(done, store / f"{part.name}.parquet", schema.RECENT_CHANGES)


def _covered(store: Path, window: Window) -> Iterator[tuple[Window, Path]]:
    """Parts of earlier walks that follow one another without a gap from the start of the window on."""
    parts = sorted(((_part(path), path) for path in store.glob("*.parquet")), key=lambda one: (one[0].start, one[1]))
    cursor = window.start
    for part, path in parts:
        if part.start <= cursor < part.end <= window.end:
            yield part, path
            cursor = part.end


def _part(path: Path) -> Window:
    start, end = path.stem.split("-")
    return Window(*(datetime.strptime(text, _STAMP).replace(tzinfo=UTC) for text in (start, end)))


def _row(change: Answer) -> _Row | None:
    """A row of the answer, whichever format version it came in; None if it is about no item."""
    title = _ITEM.fullmatch(str(change.get("title", "")))
    if title is None:
        return None
    hidden = "commenthidden" in change or "suppressed" in change
    action = f"{change.get('logtype')}/{change.get('logaction')}" if change["type"] == "log" else None
    return (
        int(change["rcid"]),
        int(title[1]),
        str(change["type"]),
        int(change.get("revid", 0)),
        int(change.get("old_revid", 0)),
        datetime.fromisoformat(str(change["timestamp"])),
        None if hidden else str(change.get("comment", "")),
        list(change.get("tags", ())),
        change.get("bot", False) is not False,
        change.get("anon", False) is not False or change.get("temp", False) is not False,
        action,
    )


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
    """Let `changes` stand for the rows of a window, each once."""
    union = " UNION ALL ".join(f"FROM part_{place}" for place in range(len(files)))
    for place, path in enumerate(files):
        database.view(f"part_{place}", path)
    database.run(
        f"""CREATE OR REPLACE TEMP TABLE changes AS SELECT * FROM ({union})
        WHERE time > TIMESTAMPTZ '{window.start.isoformat()}' AND time <= TIMESTAMPTZ '{window.end.isoformat()}'
        QUALIFY row_number() OVER (PARTITION BY rcid ORDER BY item_id) = 1"""
    )


def find_spans(database: Database, out: Path) -> Path:
    """Write SPANS of the rows that `open_changes` opened."""
    return database.write(_SPANS, out, schema.SPANS)
