"""Old answers: what an item answered in the older state and answers no more."""

from collections.abc import Iterable
from typing import Any

import pytest

from pipeline.sources.diff.former import find_former
from pipeline.sources.diff.item_statements import read_statements, read_text
from tests.entities import UNKNOWN, Json, at, item, line, statement, to

GAP = (-60, 400)
HARBOUR, LIGHT, GULL, TERN = 11, 12, 13, 14


def holds(value: int, prop: str = "P6", **more: Any) -> Json:
    return statement(prop, to(value), key=f"{prop}-{value}", **more)


def old_answers(old: Iterable[Json], new: Iterable[Json]) -> dict[str, tuple[str, str]]:
    """Old answer and why it is none any more, by the id of the statement that took its place."""
    before, after = (read_statements(read_text(line(item(1, *claims)))).claims for claims in (old, new))
    return {name: (found.claim.text, found.way) for name, found in find_former(before, after, GAP).items()}


CAME = holds(LIGHT, start=at("2020-05-02"))
CAME_ID = "Q1$P6-12"


@pytest.mark.parametrize(
    ("now", "way"),
    [
        ([holds(HARBOUR, end=at("2020-05-01")), CAME], "ended"),
        ([holds(HARBOUR, end=UNKNOWN), CAME], "ended"),
        ([holds(HARBOUR, qualifiers={"P1366": to(LIGHT)}), CAME], "ended"),
        ([holds(HARBOUR), {**CAME, "rank": "preferred"}], "outranked"),
        ([CAME], "removed"),
        ([{**holds(HARBOUR), "rank": "deprecated"}, CAME], "removed"),
    ],
)
def test_an_answer_that_gives_way_is_the_old_answer(now: list[Json], way: str) -> None:
    assert old_answers([holds(HARBOUR)], now) == {CAME_ID: ("Q11", way)}


def test_a_value_that_changes_under_one_id_gives_way_too() -> None:
    assert old_answers([{**holds(HARBOUR), "id": CAME["id"]}], [CAME]) == {CAME_ID: ("Q11", "removed")}


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param([holds(HARBOUR)], [holds(HARBOUR), CAME], id="still an answer"),
        pytest.param([], [CAME], id="none before"),
        pytest.param(
            [holds(HARBOUR, end=at("1999"))], [holds(HARBOUR, end=at("1999")), CAME], id="over before already"
        ),
        pytest.param([{**holds(HARBOUR), "rank": "deprecated"}], [CAME], id="never an answer"),
        pytest.param([holds(HARBOUR)], [holds(HARBOUR, end=at("2012")), CAME], id="over for years"),
        pytest.param([holds(HARBOUR)], [holds(HARBOUR, end=at("2022")), CAME], id="on for years"),
        pytest.param([holds(HARBOUR), holds(GULL)], [CAME], id="two that went"),
        pytest.param([holds(HARBOUR)], [CAME, holds(TERN)], id="two that came"),
        pytest.param([holds(HARBOUR)], [{**CAME, "rank": "deprecated"}], id="nothing came"),
        pytest.param([holds(HARBOUR, "P35")], [CAME], id="another property"),
    ],
)
def test_otherwise_there_is_none(before: list[Json], now: list[Json]) -> None:
    assert old_answers(before, now) == {}


@pytest.mark.parametrize(
    ("end", "is_near"),
    [("2020-07-01", True), ("2020-07-02", False), ("2019-03-29", True), ("2019-03-28", False)],
    ids=["60 days after the start", "61 days after it", "400 days before it", "401 days before it"],
)
def test_the_old_answer_ends_within_some_days_of_the_start_of_the_new_one(end: str, is_near: bool) -> None:
    now = [holds(HARBOUR, end=at(end)), CAME]
    assert old_answers([holds(HARBOUR)], now) == ({CAME_ID: ("Q11", "ended")} if is_near else {})


def test_what_stays_beside_both_does_not_matter() -> None:
    now = [holds(GULL), holds(HARBOUR, end=at("2020-05-01")), CAME]
    assert old_answers([holds(GULL), holds(HARBOUR)], now) == {CAME_ID: ("Q11", "ended")}
