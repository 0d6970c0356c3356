"""What may be over although nothing says so, and counts that nothing confirms."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest

from pipeline.core import schema
from pipeline.core.settings import load_settings
from pipeline.core.tables import Database
from pipeline.language.templates import load_templates
from pipeline.select.current import make_doubted

TEMPLATES, SCREENING = load_templates(), load_settings().screening
TODAY, YEAR = 738_000, 365
LAND, TOWN, PORT, GONE, OTHER_LAND, ADA, BEA, CARL = 1, 2, 3, 4, 5, 11, 12, 13
HEAD, CURRENCY, CAPITAL, CAPITAL_OF = "P35", "P38", "P36", "P1376"
CLAIMS = pa.schema(
    [("statement_id", pa.string()), ("subject_id", pa.int64()), ("relation", pa.string()), ("object_key", pa.string())]
    + [("object_id", pa.int64()), ("start_day", pa.int64()), ("rank", pa.string()), ("form_reason", pa.string())]
)


class Claim(NamedTuple):
    """A statement; when it started, in days before today."""

    name: str
    relation: str
    held: int
    ago: int | None = None
    subject: int = LAND
    rank: str = "normal"
    reason: str | None = None


class Link(NamedTuple):
    """A statement that no relation reads here."""

    subject: int
    number: int
    held: int | None
    rank: str = "normal"
    is_best: bool = True


Found = tuple[dict[str, bool], set[str]]


def judged(folder: Path, claims: Iterable[Claim], links: Iterable[Link] = ()) -> Found:
    """The doubted statements, with whether another replaced each, and the counts that nothing confirms."""
    rows = [
        {"statement_id": one.name, "subject_id": one.subject, "relation": one.relation, "rank": one.rank}
        | {"object_key": str(one.held) if one.relation == "P1971" else f"Q{one.held}", "form_reason": one.reason}
        | {"object_id": one.held, "start_day": None if one.ago is None else TODAY - one.ago}
        for one in claims
    ]
    blank = dict.fromkeys(schema.STATEMENTS.names)
    statements = [
        {**blank, "subject_id": one.subject, "property_id": one.number, "object_id": one.held}
        | {"rank": one.rank, "is_best": one.is_best}
        for one in links
    ]
    with Database(folder, "200MB") as database:
        database.rows("claims", pa.Table.from_pylist(rows, CLAIMS))
        database.rows("statements", pa.Table.from_pylist(statements, schema.STATEMENTS))
        database.rows("past", pa.table({"id": pa.array([GONE, ADA], pa.int64())}))
        database.run(f"CREATE TEMP TABLE today AS SELECT {TODAY} AS day")
        make_doubted(TEMPLATES.relations.values(), SCREENING, database)
        doubted = {row["statement_id"]: row["is_replaced"] for row in database.table("FROM doubted").to_pylist()}
        return doubted, {row["statement_id"] for row in database.table("FROM uncounted").to_pylist()}


OFFICES = {
    "nobody knows since when": ([Claim("a", HEAD, ADA)], {"a": False}),
    "since four years": ([Claim("a", HEAD, ADA, 4 * YEAR)], {}),
    "since a day more": ([Claim("a", HEAD, ADA, 4 * YEAR + 1)], {"a": False}),
    "another came later": ([Claim("a", HEAD, ADA, 900), Claim("b", HEAD, BEA, 800)], {"a": True}),
    "one without a date beside it": ([Claim("a", HEAD, ADA), Claim("b", HEAD, BEA, 800)], {"a": True}),
    "the later one is over too": (
        [Claim("a", HEAD, ADA, 900), Claim("b", HEAD, BEA, 800, reason="ended")],
        {"a": True},
    ),
    "the later one is not preferred": (
        [Claim("a", HEAD, ADA, 900), Claim("b", HEAD, BEA, 800, reason="not_best_rank")],
        {"a": True},
    ),
    "the later one is wrong": ([Claim("a", HEAD, ADA, 900), Claim("b", HEAD, BEA, 800, reason="deprecated")], {}),
    "two since one day": (
        [Claim("a", HEAD, ADA, 900), Claim("b", HEAD, BEA, 900)],
        {"a": False, "b": False},
    ),
    "one in two statements": ([Claim("a", HEAD, ADA, 900), Claim("b", HEAD, ADA, 900)], {}),
    "somebody of another country": ([Claim("a", HEAD, ADA, 900), Claim("b", HEAD, BEA, 800, OTHER_LAND)], {}),
    "somebody with another office": ([Claim("a", HEAD, ADA, 900), Claim("b", "P6", BEA, 800)], {}),
    "a country that is gone": ([Claim("a", HEAD, ADA, subject=GONE)], {}),
    "preferred, but long ago": ([Claim("a", HEAD, ADA, 9000, rank="preferred")], {"a": False}),
    "a currency of 30 years": ([Claim("a", CURRENCY, 90, 30 * YEAR)], {}),
    "a currency of a day more": ([Claim("a", CURRENCY, 90, 30 * YEAR + 1)], {"a": False}),
    "a preferred currency": ([Claim("a", CURRENCY, 90, 90 * YEAR, rank="preferred")], {}),
    "a preferred currency without a date": ([Claim("a", CURRENCY, 90, rank="preferred")], {"a": False}),
    "what does not change": ([Claim("a", "P30", 90)], {}),
}


@pytest.mark.parametrize(("claims", "doubted"), OFFICES.values(), ids=OFFICES)
def test_what_changes_holds_if_it_is_the_latest_and_started_lately(
    claims: list[Claim], doubted: dict[str, bool], tmp_path: Path
) -> None:
    assert judged(tmp_path, claims) == (doubted, set())


def seat(name: str, held: int, ago: int | None = None, rank: str = "normal") -> Claim:
    return Claim(name, CAPITAL, held, ago, rank=rank)


def back(name: str, place: int, reason: str | None = None, holder: int = LAND) -> Claim:
    """The place says that it is the capital."""
    return Claim(name, CAPITAL_OF, holder, subject=place, reason=reason)


SEATS = {
    "stated by the land alone": ([seat("a", TOWN)], [], {"a": False}),
    "stated by the place alone": ([back("b", TOWN)], [], {}),
    "stated by both": ([seat("a", TOWN), back("b", TOWN)], [], {}),
    "stated by the place, which is no more": ([seat("a", TOWN), back("b", TOWN, "ended")], [], {"a": False}),
    "with its date": ([seat("a", TOWN, 9000)], [], {}),
    "preferred": ([seat("a", TOWN, rank="preferred")], [], {}),
    "beside one that the place confirms": (
        [seat("a", TOWN), seat("b", PORT), back("c", PORT)],
        [],
        {"a": True},
    ),
    "beside one that the place states, too": ([seat("a", TOWN), back("b", PORT)], [], {"a": False, "b": False}),
    "two that both places confirm": (
        [seat("a", TOWN), back("b", TOWN), seat("c", PORT), back("d", PORT)],
        [],
        dict.fromkeys("abcd", False),
    ),
    "two confirmed, one of which is preferred": (
        [seat("a", TOWN, rank="preferred"), back("b", TOWN), seat("c", PORT), back("d", PORT)],
        [],
        {"c": True, "d": True},
    ),
    "of another land": ([seat("a", TOWN), back("b", TOWN), back("c", PORT, holder=OTHER_LAND)], [], {}),
    "of a land that is gone": ([Claim("a", CAPITAL, TOWN, subject=GONE)], [], {}),
    "in the land": ([seat("a", TOWN, 9000)], [Link(TOWN, 17, LAND)], {}),
    "in another land": ([seat("a", TOWN, 9000)], [Link(TOWN, 17, OTHER_LAND), Link(LAND, 17, LAND)], {"a": False}),
    "in another land, by a statement that is not the best": (
        [seat("a", TOWN, 9000)],
        [Link(TOWN, 17, OTHER_LAND, is_best=False), Link(LAND, 17, LAND)],
        {},
    ),
    "in the land of the territory": ([seat("a", TOWN, 9000)], [Link(TOWN, 17, 9), Link(LAND, 17, 9)], {}),
    "in several lands, one of them the land": (
        [seat("a", TOWN, 9000)],
        [Link(TOWN, 17, 8), Link(TOWN, 17, LAND), Link(LAND, 17, 9)],
        {},
    ),
    "in what is no country of anything": (
        [seat("a", TOWN, 9000)],
        [Link(TOWN, 131, OTHER_LAND), Link(LAND, 131, 9)],
        {},
    ),
    "in an unknown land": ([seat("a", TOWN, 9000)], [Link(TOWN, 17, None), Link(LAND, 17, 9)], {}),
}


@pytest.mark.parametrize(("claims", "links", "doubted"), SEATS.values(), ids=SEATS)
def test_a_capital_is_confirmed_by_its_place_and_lies_in_the_country(
    claims: list[Claim], links: list[Link], doubted: dict[str, bool], tmp_path: Path
) -> None:
    assert judged(tmp_path, claims, links) == (doubted, set())


COUNTS = {
    "as many as are listed": (ADA, [Link(ADA, 40, 90), Link(ADA, 40, 91)], True),
    "more than are listed": (ADA, [Link(ADA, 40, 90)], True),
    "fewer than are listed": (ADA, [Link(ADA, 40, number) for number in (90, 91, 92)], False),
    "one child in two statements": (ADA, [Link(ADA, 40, number) for number in (90, 91, 91)], True),
    "one that is deprecated": (
        ADA,
        [*(Link(ADA, 40, 90 + n) for n in range(2)), Link(ADA, 40, 92, "deprecated")],
        True,
    ),
    "one that nobody knows": (ADA, [Link(ADA, 40, 90), Link(ADA, 40, None)], True),
    "nobody is listed": (ADA, [], False),
    "siblings are listed": (ADA, [Link(ADA, 3373, 90)], False),
    "a child of another is listed": (ADA, [Link(BEA, 40, 90)], False),
    "the living may have more": (CARL, [Link(CARL, 40, 90), Link(CARL, 40, 91)], False),
}


@pytest.mark.parametrize(("subject", "links", "is_sure"), COUNTS.values(), ids=COUNTS)
def test_a_number_of_children_is_confirmed_by_their_list(
    subject: int, links: list[Link], is_sure: bool, tmp_path: Path
) -> None:
    assert judged(tmp_path, [Claim("n", "P1971", 2, subject=subject)], links) == ({}, set() if is_sure else {"n"})


@pytest.mark.parametrize(("number", "is_sure"), [(20, True), (21, False)])
def test_dozens_of_children_are_an_estimate(number: int, is_sure: bool, tmp_path: Path) -> None:
    found = judged(tmp_path, [Claim("n", "P1971", number, subject=ADA)], [Link(ADA, 40, 90)])
    assert found == ({}, set() if is_sure else {"n"})


def test_what_was_left_out_before_is_not_judged(tmp_path: Path) -> None:
    left_out = [Claim("a", HEAD, ADA, reason="ended"), Claim("n", "P1971", 2, subject=CARL, reason="no_value")]
    assert judged(tmp_path, left_out) == ({}, set())
