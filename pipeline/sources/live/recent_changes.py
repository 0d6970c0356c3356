"""Recent changes of a window, fetched once and kept by the hour.

A window starts after T0 and ends with T1. The list is read once from T0 to T1. Whenever the reader is an hour further,
the rows of that hour are written, so that a killed run continues from the last complete hour.
"""

import re
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.core import schema
from pipeline.core.progress import Advance
from pipeline.core.settings import LiveSettings
from pipeline.core.tables import write_rows
from pipeline.sources.live.wiki import Answer, Wiki
from pipeline.sources.live.window import Window

_ITEM = re.compile(r"(?:[^:]+:)?Q([1-9]\d*)")
_Row = tuple[Any, ...]  # the columns of schema.RECENT_CHANGES, in order
_TIME = 5  # the position of `time` in a row


def fetch_recent_changes(
    wiki: Wiki, window: Window, store: Path, settings: LiveSettings, advance: Advance
) -> list[Path]:
    """Fetch the recent changes of a window, except those that an earlier run fetched.

    Args:
        wiki: The repository.
        window: The window.
        store: A folder of RECENT_CHANGES. Each file is named after the part of time that it covers.
        settings: How far out of order rows may be.
        advance: Called with the seconds of the window that are done.

    Returns:
        The files that cover the window.

    Raises:
        ServiceError: The server refuses us or keeps failing.
        BudgetSpent: The run has used its budget of requests.
    """
    covered = list(_covering(store, window))
    cursor = window.start
    for part, _ in covered:
        cursor = max(cursor, part.end)
    advance((cursor - window.start).total_seconds())
    files = [path for _, path in covered]
    pending: list[_Row] = []
    latest: deque[datetime] = deque(maxlen=settings.late_rows)
    for change in wiki.recent_changes(cursor, window.end) if cursor < window.end else ():
        row = _row(change)
        if row is None or not cursor < row[_TIME] <= window.end:
            continue
        latest.append(row[_TIME])
        hour = min(latest).replace(minute=0, second=0, microsecond=0)
        if hour > cursor and len(pending) >= 2 * settings.late_rows:
            files.append(_write_part(Window(cursor, hour), pending, store))
            advance((hour - cursor).total_seconds())
            cursor = hour
        pending.append(row)
    if cursor < window.end:
        files.append(_write_part(Window(cursor, window.end), pending, store))
        advance((window.end - cursor).total_seconds())
    return files


def _write_part(part: Window, pending: list[_Row], store: Path) -> Path:
    """Write the rows of a part of the window, and keep those of later parts in `pending`."""
    done = sorted({row[0]: row for row in pending if row[_TIME] <= part.end}.values())
    pending[:] = [row for row in pending if row[_TIME] > part.end]
    return write_rows(done, store / f"{part.name}.parquet", schema.RECENT_CHANGES)


def _covering(store: Path, window: Window) -> Iterator[tuple[Window, Path]]:
    """Parts that earlier runs fetched and that follow one another without a gap from the start of the window."""
    parts = sorted(
        ((Window.from_name(path.stem), path) for path in store.glob("*.parquet")),
        key=lambda one: (one[0].start, one[1]),
    )
    cursor = window.start
    for part, path in parts:
        if part.start <= cursor < part.end <= window.end:
            yield part, path
            cursor = part.end


def _row(change: Answer) -> _Row | None:
    """A row of RECENT_CHANGES from either format version of the API; None for a page that is not an item."""
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
