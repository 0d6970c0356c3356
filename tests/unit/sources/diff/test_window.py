"""The dates of dumps: where edit times end, whatever a few odd lines say."""

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given as for_all
from hypothesis import settings as how_often
from hypothesis import strategies as st

from pipeline.core import schema
from pipeline.core.errors import InputError
from pipeline.core.progress import Reporter
from pipeline.core.settings import load_settings
from pipeline.core.tables import Database, write_rows
from pipeline.sources.diff.window import (
    ESTIMATED,
    Given,
    StateDate,
    Window,
    find_window,
    read_window,
    state_date,
    warn_odd,
    write_window,
)
from tests.entities import at, item, statement, to
from tests.states import NEW_EDIT, between

SETTINGS = load_settings().window
END, NEW_END = datetime(2015, 1, 4, 21, tzinfo=UTC), datetime(2021, 7, 2, 19, tzinfo=UTC)

Edits = dict[int, datetime]


def ago(days: float, end: datetime = END) -> datetime:
    return end - timedelta(days=days)


def uniform(count: int, years: float = 10, end: datetime = END) -> Edits:
    """A dump whose items were last edited at any time, as often ten years ago as today."""
    draw = random.Random(count)
    return {number: ago(draw.uniform(0, years * 365), end) for number in range(1, count)} | {count: end}


def rising(count: int) -> Edits:
    """A dump like Wikidata's: the nearer to its end, the more items were last edited."""
    draw = random.Random(count)
    return {number: ago(draw.expovariate(1 / 200)) for number in range(1, count)} | {count: END}


def bursts(count: int) -> Edits:
    """A robot edits a third of the items within a day, two months before the end."""
    return {**uniform(count), **{number: ago(60 + number / count) for number in range(1, count // 3)}}


def old(count: int) -> Edits:
    """A wiki that has been left for years."""
    return uniform(count, 2, datetime(2009, 5, 5, tzinfo=UTC))


def spread(count: int, first: int = 900_001) -> Edits:
    """Odd lines, last edited at any time in six years after the dump."""
    draw = random.Random(count)
    return {number: END + timedelta(days=draw.randint(40, 2300)) for number in range(first, first + count)}


def together(count: int) -> Edits:
    """Odd lines, all last edited within a day."""
    return {number: NEW_END - timedelta(seconds=number % 1000) for number in range(900_001, 900_001 + count)}


def dated(edits: Edits, folder: Path, given: datetime | None = None) -> StateDate:
    rows = [(number, 1, 1, moment) for number, moment in edits.items()]
    write_rows(rows, folder / "revisions" / "000000.parquet", schema.REVISIONS)
    with Database(folder / "scratch", "200MB") as database:
        return state_date(folder / "revisions", given, SETTINGS, database)


def window(older: Edits, newer: Edits, folder: Path, given: Given = ESTIMATED) -> Window:
    """The window between two dumps; an item changed if its edit times differ."""
    folders = folder / "older", folder / "newer"
    for edits, part in zip((older, newer), folders, strict=True):
        rows = [(number, int(moment.timestamp()), 1, moment) for number, moment in edits.items()]
        write_rows(rows, part / "000000.parquet", schema.REVISIONS)
    changed = [(number,) for number in sorted(older.keys() | newer.keys()) if older.get(number) != newer.get(number)]
    write_rows(changed, folder / "changed.parquet", schema.NUMBERS)
    with Database(folder / "scratch", "200MB") as database:
        return find_window(folders, folder / "changed.parquet", given, SETTINGS, database)


def later(older: Edits, share: float) -> Edits:
    """A newer dump: some items were edited since, at any time."""
    draw = random.Random(len(older))
    days = (NEW_END - END).days
    moved = {number: END + timedelta(days=draw.uniform(0.1, days)) for number in older if draw.random() < share}
    return older | moved | {1_000_000: NEW_END}


# One dump


@pytest.mark.parametrize("edits", [uniform, rising, bursts, old])
@pytest.mark.parametrize("count", [2, 60, 9_670])
def test_the_date_of_a_sound_dump_is_its_last_edit(edits: object, count: int, tmp_path: Path) -> None:
    found = edits(count)  # type: ignore[operator]
    state = dated(found, tmp_path)
    assert state == StateDate(max(found.values()), False, max(found.values()), count, 0)


@pytest.mark.parametrize("edits", [uniform, rising])
@pytest.mark.parametrize("odd", [spread(39), together(39), together(1), {5: datetime(9999, 1, 1, tzinfo=UTC)}])
def test_a_few_odd_lines_do_not_move_the_date(edits: object, odd: Edits, tmp_path: Path) -> None:
    state = dated(edits(9_631) | odd, tmp_path)  # type: ignore[operator]
    assert state.date == END
    assert state.beyond == len(odd)
    assert state.last_edit == max(odd.values())


def test_five_percent_of_odd_lines_do_not_move_it_where_edits_rise(tmp_path: Path) -> None:
    assert dated(rising(9_187) | spread(483), tmp_path).date == END
    assert dated(rising(9_187) | together(483), tmp_path).date == END


def test_an_odd_line_is_seen_among_sixty(tmp_path: Path) -> None:
    assert dated(uniform(60, 2) | together(1), tmp_path).date == END


def test_odd_lines_at_several_times_are_all_left_out(tmp_path: Path) -> None:
    odd = spread(39) | {1_900_001: datetime(2099, 1, 1, tzinfo=UTC), 1_900_002: datetime(2070, 1, 1, tzinfo=UTC)}
    assert dated(rising(9_000) | odd, tmp_path).date == END


def test_without_edit_times_there_is_no_date(tmp_path: Path) -> None:
    write_rows([(1, 1, 1, None)], tmp_path / "revisions" / "000000.parquet", schema.REVISIONS)
    with Database(tmp_path / "scratch", "200MB") as database:
        assert state_date(tmp_path / "revisions", None, SETTINGS, database) == StateDate(None, False, None, 0, 0)


@how_often(max_examples=30, deadline=None)
@for_all(days=st.lists(st.integers(0, 4000), min_size=1, max_size=60))
def test_at_most_a_tenth_of_the_items_lies_beyond_the_date(
    days: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    state = dated({number: ago(day) for number, day in enumerate(days, 1)}, tmp_path_factory.mktemp("days"))
    assert state.date in {ago(day) for day in days}
    assert state.beyond <= len(days) / SETTINGS.odd_density


# Two dumps


@pytest.mark.parametrize("edits", [uniform, rising, bursts])
@pytest.mark.parametrize("share", [0.02, 0.4])
@pytest.mark.parametrize("odd", [{}, spread(39), together(39), spread(150)])
def test_the_window_begins_where_the_older_dump_ends(edits: object, share: float, odd: Edits, tmp_path: Path) -> None:
    older = edits(9_631)  # type: ignore[operator]
    found = window(older | odd, later(older, share) | odd, tmp_path)
    assert (found.older.date, found.newer.date) == (END, NEW_END)
    assert found.older.beyond == len(odd)


def test_what_changed_shows_the_date_where_the_older_dump_alone_misleads(tmp_path: Path) -> None:
    """Eight lines of a hundred are odd: too many to look odd."""
    older = uniform(9_187)
    assert dated(older | spread(800), tmp_path / "alone").date != END
    found = window(older | spread(800), later(older, 0.3) | spread(800), tmp_path / "both")
    assert (found.older.date, found.older.beyond) == (END, 800)


@pytest.mark.parametrize(("changes", "shows_it"), [(SETTINGS.min_changed, True), (SETTINGS.min_changed - 1, False)])
def test_a_few_changes_do_not_show_the_date(changes: int, shows_it: bool, tmp_path: Path) -> None:
    older = uniform(120) | spread(12)
    alone = dated(older, tmp_path / "alone").date
    assert alone != END
    newer = older | dict.fromkeys(range(1, changes + 1), ago(-1))
    found = window(older, newer, tmp_path / "both", Given(new=NEW_END))
    assert found.older.date == (END if shows_it else alone)


def test_two_dumps_of_one_day_are_told_apart(tmp_path: Path) -> None:
    older = uniform(2_000)
    found = window(older, older | dict.fromkeys(range(1, 100), END + timedelta(hours=1)), tmp_path)
    assert (found.older.date, found.newer.date) == (END, END + timedelta(hours=1))


def test_a_thin_end_is_no_error_if_what_changed_shows_it(tmp_path: Path) -> None:
    """A robot made all items at once, and few were edited in the years after."""
    older = {number: datetime(2009, 1, 1, tzinfo=UTC) for number in range(1, 3000)} | {
        number: ago(number - 3000) for number in range(3000, 3060)
    }
    assert window(older, later(older, 0.1), tmp_path).older.date == END


def test_wrong_clocks_of_the_future_do_not_move_it(tmp_path: Path) -> None:
    odd = {number: datetime(2040, 1, 1, tzinfo=UTC) for number in range(1_900_000, 1_900_100)}
    older = uniform(9_000)
    found = window(older | odd, later(older, 0.006) | odd, tmp_path)
    assert (found.older.date, found.newer.date) == (END, NEW_END)


def test_dates_that_are_given_decide(tmp_path: Path) -> None:
    given = Given(datetime(2014, 1, 1, tzinfo=UTC), datetime(2022, 2, 2, tzinfo=UTC))
    found = window(uniform(60), later(uniform(60), 0.5), tmp_path, given)
    assert (found.older.date, found.newer.date) == (given.old, given.new)
    assert (found.older.is_given, found.older.last_edit) == (True, END)


@pytest.mark.parametrize(
    ("given", "option"), [(ESTIMATED, "--old, --new"), (Given(old=datetime(2022, 1, 1, tzinfo=UTC)), "--old-date")]
)
def test_an_older_dump_that_is_newer_is_refused(given: Given, option: str, tmp_path: Path) -> None:
    older, newer = uniform(60), later(uniform(60), 0.5)
    with pytest.raises(InputError, match="after the newer one") as caught:
        window(*((older, newer) if given.old else (newer, older)), tmp_path, given)
    assert option in caught.value.where


def test_a_window_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = Window(StateDate(END, True, NEW_END, 60, 3, 7), StateDate(None, False, None, 0, 0))
    write_window(found, tmp_path)
    assert read_window(tmp_path) == found


def test_odd_edit_times_are_reported_with_their_count(capsys: pytest.CaptureFixture[str]) -> None:
    warn_odd(StateDate(END, False, NEW_END, 9_670, 39), "older", "--old-date", SETTINGS, Reporter("quiet"))
    warn_odd(StateDate(END, False, END, 9_670, 0), "older", "--old-date", SETTINGS, Reporter("quiet"))
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith("39 of 9670 items of the older dump were last edited more than 30 days after 2015-01-04")
    assert "--old-date changes it" in told


def test_a_date_that_changes_contradict_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Most lines of the older dump are odd: nothing in it shows its date, but what changed lies before the estimate."""
    older = {number: ago(number, NEW_END) for number in range(1, 500)}
    new = {1_000 + day: ago(day, NEW_END) for day in range(60)}
    newer = older | new | {number: ago(number - 100, NEW_END) for number in range(200, 300)}
    found = window(older, newer, tmp_path)
    assert found.older.date == ago(1, NEW_END)
    assert found.older.early == 100
    warn_odd(found.older, "older", "--old-date", SETTINGS, Reporter("quiet"))
    told = capsys.readouterr().err
    assert "items differ between the dumps, yet were last edited more than 30 days before" in told
    assert "--old-date changes it" in told


def test_a_sound_pair_has_no_early_changes(tmp_path: Path) -> None:
    assert window(rising(2_000), later(rising(2_000), 0.3), tmp_path).older.early == 0


# What follows for changes


def classes(edits: Sequence[str], date_said: str, folder: Path) -> list[str]:
    """The classes of what came to the first of some items of these older edits."""
    before = [item(number, modified=edit) for number, edit in enumerate(edits, 1)]
    came = item(1, statement("P39", to(9), start=at(date_said)), lastrevid=200)
    folder.mkdir()
    rows = between(before, [came, *before[1:], item(1000)], folder)  # the last one is new
    return [row["change_class"] for row in rows if row["subject_id"] == 1]


def test_an_item_that_was_edited_after_the_window_began_has_a_window_of_its_own(tmp_path: Path) -> None:
    edits = [(date(2014, 12, 31) - timedelta(days=number)).isoformat() + "T00:00:00Z" for number in range(300)]
    odd = ["2018-05-01T00:00:00Z", *edits]
    assert classes(odd, "2017-02", tmp_path / "before") == ["late_entry"]
    assert classes(odd, "2019-02", tmp_path / "after") == ["world_change"]
    assert classes([*edits, odd[0]], "2017-02", tmp_path / "other") == ["world_change"]
    assert classes([NEW_EDIT, *edits], "2019-02", tmp_path / "end") == ["late_entry"]
    assert classes(["2021-07-03T00:00:00Z", *edits], "2019-02", tmp_path / "wrong clock") == ["world_change"]
