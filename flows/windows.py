"""Windows and names that follow from the time for which a run was scheduled, however late it runs and however often."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.core.errors import InputError

LAG = timedelta(hours=24)
"""Younger edits are left to the next window: most vandalism is undone within a day (the live source asks for this)."""


@dataclass(frozen=True)
class Span:
    """A window of edits; its start is not in it, its end is."""

    start: datetime
    end: datetime


def window_of(scheduled: datetime, days: int) -> Span:
    """The window of a run: whole hours, ending a day before the time it was scheduled for.

    >>> window_of(datetime(2026, 11, 16, 6, 30, tzinfo=UTC), 7)
    Span(start=datetime.datetime(2026, 11, 8, 6, 0, tzinfo=datetime.timezone.utc), \
end=datetime.datetime(2026, 11, 15, 6, 0, tzinfo=datetime.timezone.utc))
    """
    end = scheduled.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - LAG
    return Span(end - timedelta(days=days), end)


def release_name(scheduled: datetime) -> str:
    """The name of a release made for a day.

    >>> release_name(datetime(2026, 11, 16, 6, 30, tzinfo=UTC))
    'v2026.11.16'
    """
    return f"v{scheduled.astimezone(UTC):%Y.%m.%d}"


_DUMP = re.compile(r"wikidata-(\d{8})-all\.json(\.gz|\.bz2|\.zst)?")


def last_dumps(folder: Path, scheduled: datetime) -> tuple[Path, Path | None]:
    """The newest dump of a folder that is not younger than a run's time, and the one before it.

    Raises:
        InputError: There is none.
    """
    found = _newest(folder.iterdir() if folder.is_dir() else (), release_name(scheduled))
    if not found:
        raise InputError(
            "There is no dump", str(folder), "Put dumps there as Wikimedia names them: wikidata-20261116-all.json.gz."
        )
    return found[0], found[1] if len(found) > 1 else None


def _newest(files: Iterable[Path], latest: str) -> list[Path]:
    """One file a day, the newest first."""
    days = {match[1]: path for path in sorted(files) if (match := _DUMP.fullmatch(path.name))}
    return [days[day] for day in sorted(days, reverse=True) if f"v{day[:4]}.{day[4:6]}.{day[6:]}" <= latest]
