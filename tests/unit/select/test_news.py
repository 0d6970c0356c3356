"""News: what an event inside the window made true, by the two states of a handful of items."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.core import schema
from pipeline.core.tables import Database, read_table, write_rows
from pipeline.select.news import Window, find_news
from pipeline.sources.entities.rows import Rows, Wanted, read_entity
from tests.entities import Json, at, item, line, to
from tests.minikg import says
from tests.states import DATING, NEW_EDIT, OLD_EDIT, between

WINDOW = Window(datetime(2015, 1, 4, 21, tzinfo=UTC), datetime(2021, 7, 2, 19, tzinfo=UTC))
COUNTRY, CURRENCY, HEAD, TEAM, AWARD, BIRTH, BEGINNING, DEATH, GENDER = (
    "P17",
    "P112",
    "P6",
    "P54",
    "P166",
    "P569",
    "P571",
    "P570",
    "P21",
)


def news(old: list[Json], new: list[Json], folder: Path, window: Window = WINDOW) -> list[Json]:
    """The rows of NEWS about statements that came, between two handfuls of items."""
    between(old, new, folder, OLD_EDIT, NEW_EDIT)
    rows = Rows()
    wanted = Wanted(frozenset(f"P{number}" for number in DATING.properties), frozenset())
    for one in new:
        read_entity(line(one), wanted, rows)
    statements = write_rows(rows.statements, folder / "statements.parquet", schema.STATEMENTS)
    with Database(folder / "scratch", "200MB") as database:
        out = find_news(folder / "work/changes.parquet", statements, window, DATING, database, folder / "news.parquet")
    return [row for row in read_table(out).to_pylist() if row["new_statement_id"] and row["is_new_value"]]


def found(rows: list[Json], prop: str) -> tuple[str, bool, int | None]:
    """Class, whether it is inside the window, and what dates it."""
    (row,) = (row for row in rows if row["property_id"] == int(prop[1:]))
    return row["change_class"], row["is_in_window"], row["event_property_id"]


@pytest.mark.parametrize(
    ("beginning", "expected"),
    [
        (says(BEGINNING, at("2018-05-01")), ("new_item", True, 571)),
        (says(BEGINNING, at("2018")), ("new_item", True, 571)),
        (says(BEGINNING, at("1935-05-01")), ("newly_described", False, 571)),
        (says(BEGINNING, at("2021-08-01")), ("newly_described", False, 571)),  # after the window
        (says(GENDER, to(5)), ("newly_described", False, None)),  # no date at all
        (says(DEATH, at("2018-05-01")), ("newly_described", False, None)),  # an end is no beginning
        ({**says(BEGINNING, at("2018-05-01")), "rank": "deprecated"}, ("newly_described", False, None)),
    ],
)
def test_an_undated_fact_of_a_new_item_is_news_if_the_item_began_in_the_window(
    beginning: Json, expected: tuple[str, bool, int | None], tmp_path: Path
) -> None:
    rows = news([item(1)], [item(1), item(2, beginning, says(CURRENCY, to(30)))], tmp_path)
    assert found(rows, CURRENCY) == expected


def test_where_a_new_item_lies_is_no_news(tmp_path: Path) -> None:
    """A merged region lies where its parts lay."""
    new = item(2, says(BEGINNING, at("2018-05-01")), says(COUNTRY, to(30)))
    assert found(news([item(1)], [item(1), new], tmp_path), COUNTRY) == ("newly_described", False, None)


def test_an_event_of_the_window_is_news_of_an_old_item_that_is_new_to_wikidata(tmp_path: Path) -> None:
    new = item(2, says(BIRTH, at("1935-05-01")), says(AWARD, to(7), on=at("2018-05-01")))
    rows = news([item(1)], [item(1), new], tmp_path)
    assert found(rows, AWARD) == ("new_item", True, 585)
    assert found(rows, BIRTH) == ("newly_described", False, 569)


@pytest.mark.parametrize(("last", "is_news"), [(11, True), (6, False)])  # 7 of the 11 days so far, 2 of 6
def test_a_year_is_news_if_most_of_its_days_so_far_are_in_the_window(last: int, is_news: bool, tmp_path: Path) -> None:
    window = WINDOW._replace(end=datetime(2015, 1, last, 21, tzinfo=UTC))
    rows = news([item(1)], [item(1, says(AWARD, to(7), on=at("2015")))], tmp_path, window)
    assert found(rows, AWARD) == ("world_change", is_news, 585)


@pytest.mark.parametrize("window", [Window(None, WINDOW.end), Window(None, None)])
def test_without_a_window_nothing_is_news(window: Window, tmp_path: Path) -> None:
    new = item(2, says(BEGINNING, at("2018-05-01")), says(COUNTRY, to(30)))
    rows = news([item(1)], [item(1, says(AWARD, to(7), on=at("2018-05-01"))), new], tmp_path, window)
    assert {row["is_in_window"] for row in rows} == {False}


def test_without_an_end_the_window_is_open(tmp_path: Path) -> None:
    rows = news([item(1)], [item(1, says(AWARD, to(7), on=at("2018-05-01")))], tmp_path, WINDOW._replace(end=None))
    assert found(rows, AWARD) == ("world_change", True, 585)


LIGHT = says(HEAD, to(12), start=at("2018-05-02"))
JOINS = says(TEAM, to(12), start=at("2018-05-02"))


@pytest.mark.parametrize(
    ("before", "now", "old_value"),
    [
        pytest.param([says(HEAD, to(11))], [says(HEAD, to(11), end=at("2018-05-01")), LIGHT], "Q11", id="ended"),
        pytest.param([says(HEAD, to(11))], [LIGHT], "Q11", id="overwritten"),
        pytest.param([says(HEAD, to(11))], [says(HEAD, to(11)), {**LIGHT, "rank": "preferred"}], "Q11", id="outranked"),
        pytest.param([{**says(HEAD, to(11)), "id": LIGHT["id"]}], [LIGHT], "Q11", id="under one id"),
        pytest.param([says(TEAM, to(11))], [says(TEAM, to(11), end=at("2018-05-01")), JOINS], "Q11", id="a club"),
        pytest.param([says(TEAM, to(11))], [JOINS], None, id="a club that somebody took out"),
        pytest.param([says(TEAM, to(11))], [says(TEAM, to(11)), JOINS], None, id="two clubs"),
    ],
)
def test_a_spell_takes_the_place_of_the_one_before(
    before: list[Json], now: list[Json], old_value: str | None, tmp_path: Path
) -> None:
    (row,) = news([item(1, *before)], [item(1, *now)], tmp_path)
    assert (row["change_class"], row["old_value"]) == ("replaced" if old_value else "world_change", old_value)


def test_one_child_does_not_take_the_place_of_another(tmp_path: Path) -> None:
    child = item(12, says(BIRTH, at("2018-05-01")))
    old, new = item(1, says("P40", to(11))), item(1, says("P40", to(12)))
    rows = news([old], [new, child], tmp_path)
    assert found(rows, "P40") == ("world_change", True, 569)
    assert [row["old_value"] for row in rows if row["property_id"] == 40] == [None]


def test_a_value_that_is_corrected_takes_the_place_of_a_spell_only_as_a_spell(tmp_path: Path) -> None:
    now = says(HEAD, to(12), on=at("2018-05-02"))
    (row,) = news([item(1, {**says(HEAD, to(11)), "id": now["id"]})], [item(1, now)], tmp_path)
    assert (row["change_class"], row["is_in_window"], row["former_way"]) == ("correction", True, "removed")


@pytest.mark.parametrize(
    ("first", "expected"), [("2016-02-28", ("2016-02-28", True)), ("2005-02-27", ("2005-02-27", False))]
)
def test_an_award_won_twice_is_held_since_the_first_time(
    first: str, expected: tuple[str, bool], tmp_path: Path
) -> None:
    wins = [says(AWARD, to(7), on=at(first)), {**says(AWARD, to(7), on=at("2018-03-04")), "id": "Q1$again"}]
    rows = news([item(1)], [item(1, *wins)], tmp_path)
    assert {(row["event_time"][1:11], row["is_in_window"]) for row in rows} == {expected}


def test_a_burial_is_dated_by_the_year_of_the_death(tmp_path: Path) -> None:
    rows = news([item(1)], [item(1, says(DEATH, at("2018-05-01")), says("P119", to(7)))], tmp_path)
    (row,) = (row for row in rows if row["property_id"] == 119)
    assert (row["event_time"], row["event_precision"], row["is_in_window"]) == ("+2018-00-00T00:00:00Z", 9, True)
