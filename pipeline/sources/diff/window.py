"""The dates of two dumps, and so the window between them.

The date of a dump is where the edit times of its items end. A few lines may lie beyond: wrong clocks, lines that were
appended later. Two signs separate them from the end itself.

One dump: edits become more frequent towards its end, since a later edit hides an earlier one. So a stretch at the end
that holds far fewer edits than the same time before it does not belong to the dump (`end_of_edits`).

Two dumps: what changed between them was edited after the older one was made. Of all days, the date of the older dump
is the one that the fewest items contradict: those of the older dump that were edited later, and those that changed
but were last edited earlier in the newer dump (`end_before_changes`). This is stronger, where enough items changed.
The newer dump ends where the edits of the changed items end, which may be few.

All is counted by days, so it takes no more memory for more items.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import InputError
from pipeline.core.progress import Reporter
from pipeline.core.settings import WindowSettings
from pipeline.core.stage_cache import read_record
from pipeline.core.tables import Database

Numbers = NDArray[np.int64]

WINDOW = "window.json"
_DAY = 86_400_000  # milliseconds
_BUSY = 0.9  # of the days with edits, so many hold no more than a busy day
_ABOUT_AS_MANY = 2  # times as many contradictions say nothing: odd lines and changes are drawn from the same years
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Given:
    """The dates that a user gave, in place of estimates."""

    old: datetime | None = None
    new: datetime | None = None


ESTIMATED = Given()


@dataclass(frozen=True)
class StateDate:
    """The date of a dump and what it rests on."""

    date: datetime | None  # None if no item has an edit time
    is_given: bool
    last_edit: datetime | None  # the greatest edit time
    items: int  # with an edit time
    beyond: int  # items that were last edited more than `odd_days` after the date
    repeated: int = 0  # lines of the dump that do not count
    early: int = 0  # of the older dump: items that changed, yet were last edited more than `odd_days` before the date


@dataclass(frozen=True)
class Window:
    """The dates of two dumps."""

    older: StateDate
    newer: StateDate


@dataclass(frozen=True)
class EditDays:
    """The days on which items were last edited, in order."""

    days: Numbers  # since 1970
    items: Numbers
    last: Numbers  # the last edit of each day, in milliseconds since 1970

    def beyond(self, day: float) -> int:
        """How many items were last edited after a day."""
        return int(self.items[self.days > day].sum())

    def before(self, day: float) -> int:
        """How many items were last edited before a day."""
        return int(self.items[self.days < day].sum())


def find_window(
    folders: tuple[Path, Path], changed: Path, given: Given, settings: WindowSettings, database: Database
) -> Window:
    """The dates of two dumps.

    Args:
        folders: REVISIONS of the older and of the newer dump.
        changed: NUMBERS of the items whose states differ.
        given: What the user knows.
        settings: What counts as odd.
        database: A session to work in.

    Raises:
        InputError: The older dump is not older.
    """
    older, newer = (_edit_days(database, folder) for folder in folders)
    moved, came = _changed_days(database, folders, changed)
    new = _dated(newer, _end_of_changes(newer, came, settings), given.new, settings)
    old = _dated(older, end_before_changes(older, moved, new.date, settings), given.old, settings)
    if old.date and new.date and old.date > new.date:
        raise InputError(
            f"The older dump ends at {old.date:%Y-%m-%d %H:%M}, after the newer one ({new.date:%Y-%m-%d %H:%M})",
            "--old, --new" if not (old.is_given or new.is_given) else "--old-date, --new-date",
            "Exchange them, or give the dates of both dumps with --old-date and --new-date.",
        )
    early = moved.before(_day(old.date) - settings.odd_days) if old.date else 0
    return Window(replace(old, early=early), new)


def state_date(folder: Path, given: datetime | None, settings: WindowSettings, database: Database) -> StateDate:
    """The date of a single dump, by its REVISIONS or ENTITIES."""
    days = _edit_days(database, folder)
    return _dated(days, end_of_edits(days, settings), given, settings)


def end_of_edits(edits: EditDays, settings: WindowSettings) -> datetime | None:
    """Where the edit times of a dump end; None without edit times.

    As long as a stretch of more than `odd_days` at the end holds less than one part in `odd_density` of what the same
    time before it holds, it is left out, the thinnest one first. Of the busiest days before it, no more counts than a
    busy day holds: a robot that edits a third of all items in a night makes the weeks after it thin, not odd.
    """
    if not len(edits.days):
        return None
    sums = np.cumsum(edits.items)
    usual = np.cumsum(np.minimum(edits.items, np.quantile(edits.items, _BUSY)))
    end = len(edits.days) - 1
    while end:
        span = edits.days[end] - edits.days[:end]
        first = np.searchsorted(edits.days, edits.days[:end] - span, side="right")
        before = usual[:end] - np.where(first > 0, usual[first - 1], 0)
        density = np.where(span > settings.odd_days, before / (sums[end] - sums[:end]), 0)
        thinnest = int(density.argmax())
        if density[thinnest] < settings.odd_density:
            break
        end = thinnest
    return _moment(int(edits.last[end]))


def _end_of_changes(newer: EditDays, came: EditDays, settings: WindowSettings) -> datetime | None:
    """The date of the newer dump: where the edits end that came after the older one, however few these are."""
    ends = [found for edits in (came, newer) if (found := end_of_edits(edits, settings))]
    return ends[0] if came.items.sum() >= settings.min_changed else max(ends, default=None)


def end_before_changes(
    older: EditDays, moved: EditDays, newest: datetime | None, settings: WindowSettings
) -> datetime | None:
    """The edit time that the fewest items contradict as the date of the older dump; None without edit times.

    Args:
        older: The edit times of the older dump.
        moved: Those of changed items in the newer dump.
        newest: The date of the newer dump: a later edit time is wrong, whatever the date of the older dump is.
        settings: How few items may contradict, and how many must have changed; else `end_of_edits` decides.
    """
    alone = end_of_edits(older, settings)
    if alone is None or moved.items.sum() < settings.min_changed:
        return alone
    sums, last = np.cumsum(older.items), np.inf if newest is None else _day(newest)
    possible = (older.days <= last) & (sums[-1] - sums <= settings.odd_share * sums[-1])
    later = int(older.items[older.days <= last].sum()) - sums
    at = np.searchsorted(moved.days, older.days, side="left")
    earlier = np.concatenate([[0], np.cumsum(moved.items)])[at]
    against = np.where(possible, later + earlier, np.iinfo(np.int64).max)
    best = int(np.flatnonzero(against == against.min())[-1])
    place = int(np.searchsorted(older.days, _day(alone)))
    if not possible[best] or (possible[place] and against[place] <= _ABOUT_AS_MANY * against[best]):
        return alone
    return _moment(int(older.last[best]))


def _dated(edits: EditDays, found: datetime | None, given: datetime | None, settings: WindowSettings) -> StateDate:
    date = given or found
    last = _moment(int(edits.last[-1])) if len(edits.last) else None
    beyond = edits.beyond(_day(date) + settings.odd_days) if date else 0
    return StateDate(date, given is not None, last, int(edits.items.sum()), beyond)


_BY_DAY = """
SELECT epoch_ms(modified) // {day} AS day, count(*) AS items, max(epoch_ms(modified)) AS last
FROM {table} WHERE modified IS NOT NULL GROUP BY 1 ORDER BY 1
"""


def _edit_days(database: Database, folder: Path, table: str = "edits") -> EditDays:
    database.view(table, folder)
    return _days(database, table)


def _days(database: Database, table: str) -> EditDays:
    found = database.table(_BY_DAY.format(day=_DAY, table=table))
    days, items, last = (column.to_numpy().astype(np.int64) for column in found.columns)
    return EditDays(days, items, last)


def _changed_days(database: Database, folders: tuple[Path, Path], changed: Path) -> tuple[EditDays, EditDays]:
    """When items that were edited between the dumps were last edited: those that both hold, and all."""
    database.view("before", folders[0], among=changed)
    database.view("after", folders[1], among=changed)
    rows = "SELECT after.modified FROM after {} JOIN before USING (id) WHERE {}"
    both = rows.format("", "after.modified > before.modified")
    every = rows.format("LEFT", "before.modified IS NULL OR after.modified > before.modified")
    return _days(database, f"({both})"), _days(database, f"({every})")


def _day(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=_DAY)


def _moment(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)


def warn_odd(state: StateDate, which: str, option: str, settings: WindowSettings, reporter: Reporter) -> None:
    """Report items whose edit times lie far beyond the date of their dump, and changes that lie far before it.

    Args:
        state: The date.
        which: "older" or "newer".
        option: How a user gives the date.
        settings: What counts as far.
        reporter: Where to report it.
    """
    if state.beyond and state.date and state.last_edit:
        problem = (
            f"{state.beyond} of {state.items} items of the {which} dump were last edited more than "
            f"{settings.odd_days} days after {state.date:%Y-%m-%d}, up to {state.last_edit:%Y-%m-%d}. "
        )
        source = "That date was given" if state.is_given else "The other edits end there, so it counts as the date"
        reporter.warn("odd_times", f"{problem}{source}; {option} changes it.", items=state.beyond)
    if state.early and state.date:
        problem = (
            f"{state.early} items differ between the dumps, yet were last edited more than {settings.odd_days} days "
            f"before {state.date:%Y-%m-%d}, the date of the {which} dump. That date may be too late"
        )
        reporter.warn("early_changes", f"{problem}; {option} changes it.", items=state.early)


def write_window(window: Window, folder: Path) -> None:
    """Write the dates into a folder."""
    (folder / WINDOW).write_bytes(msgspec.json.format(msgspec.json.encode(window), indent=1) + b"\n")


def read_window(folder: Path) -> Window:
    """What `write_window` wrote."""
    return read_record(folder / WINDOW, msgspec.json.Decoder(Window).decode)
