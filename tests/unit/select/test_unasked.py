"""What screening leaves out of the questions although it is true: short lists of answers, footage, generic awards."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline.core.tables import Database
from pipeline.language.templates import load_templates
from pipeline.select.unasked import add_generic, make_footage, make_unlisted
from tests.unit.select.dated_items import FILM, HUMAN, MEDAL, Held, open_tables

TEMPLATES = load_templates()
OCCUPATION, STATE = 28640, 6256
ACTOR, FILM_ACTOR, PRODUCER = 101, 102, 103
FRANCE, ITALY, NOWHERE = 142, 38, 201
NAMES = {ACTOR: ["actor", "actress"], FILM_ACTOR: ["film actor"], PRODUCER: ["producer"]}


def open_claims(database: Database, held: list[Held], said: Mapping[int, str], classes: Mapping[int, int]) -> None:
    """The table `claims` of some statements, beside those that say what is a kind of what."""
    kinds = {ACTOR: OCCUPATION, FILM_ACTOR: OCCUPATION, PRODUCER: OCCUPATION}
    items = {**dict.fromkeys(item for one in held for item in (one[0], one[2])), **kinds, **classes}
    open_tables(database, {item: kind or HUMAN for item, kind in items.items()}, [], held, said, names=NAMES)
    database.run(
        """CREATE TEMP TABLE claims AS SELECT row_number() OVER () AS statement_id, subject_id, relation, object_id,
            NULL AS form_reason FROM triples"""
    )


@pytest.mark.parametrize(
    ("said", "held", "is_unlisted"),
    [
        ("American actor and producer", {ACTOR}, True),
        ("American actor and producer", {ACTOR, PRODUCER}, False),
        ("American actress", {ACTOR}, False),  # by another name
        ("American actress", {PRODUCER}, True),
        ("American film actor", {ACTOR}, True),
        ("American actor", {FILM_ACTOR}, False),  # who acts in films is an actor
        ("American actor, son of the producer Tom", {ACTOR}, False),  # the father was
    ],
)
def test_an_occupation_that_the_description_says_must_be_an_answer(
    said: str, held: set[int], is_unlisted: bool, tmp_path: Path
) -> None:
    with Database(tmp_path, "200MB") as database:
        others: list[Held] = [(2, "P106", job) for job in (ACTOR, FILM_ACTOR, PRODUCER)]
        open_claims(database, [*((1, "P106", job) for job in sorted(held)), *others], {1: said}, {})
        make_unlisted(TEMPLATES.plausibility, database)
        found = {row["subject_id"] for row in database.table("FROM unlisted").to_pylist()}
    assert found == ({1} if is_unlisted else set())


@pytest.mark.parametrize(
    ("said", "held", "is_unlisted"),
    [
        ("French-Italian film director", {FRANCE}, True),
        ("French-Italian film director", {FRANCE, ITALY}, False),
        ("Italian painter", {NOWHERE}, False),  # nobody knows what its people are called
        ("historian of the Italian Renaissance", {FRANCE}, False),
    ],
)
def test_a_state_that_the_description_says_must_be_an_answer(
    said: str, held: set[int], is_unlisted: bool, tmp_path: Path
) -> None:
    with Database(tmp_path, "200MB") as database:
        classes: dict[int, int] = dict.fromkeys((FRANCE, ITALY, NOWHERE), STATE)
        open_claims(database, [(1, "P27", state) for state in sorted(held)], {1: said}, classes)
        make_unlisted(TEMPLATES.plausibility, database)
        assert database.table("FROM unlisted").num_rows == int(is_unlisted)


@pytest.mark.parametrize(
    ("work", "who", "is_footage"),
    [
        ("2002 documentary film", "American actor", True),
        ("2004 film by Michael Moore", "American politician; U.S. Secretary of State", True),
        ("1980 film", "American actor and politician", False),
        ("1980 film", "American actor", False),
    ],
)
def test_who_is_seen_in_footage_plays_no_role(work: str, who: str, is_footage: bool, tmp_path: Path) -> None:
    with Database(tmp_path, "200MB") as database:
        open_claims(database, [(1, "P161", 2)], {1: work, 2: who}, {1: FILM})
        make_footage(TEMPLATES.plausibility.footage, database)
        assert database.table("FROM footage").num_rows == int(is_footage)


def test_an_award_of_which_others_are_kinds_says_too_little(tmp_path: Path) -> None:
    oscars, best_actor, best_film, order, grade, doctor = range(301, 307)
    awards = (oscars, best_actor, best_film, order, grade, doctor)
    with Database(tmp_path, "200MB") as database:
        classes = {award: MEDAL for award in awards}
        open_claims(database, [(1, "P166", award) for award in awards], {}, classes)
        database.run("CREATE TEMP TABLE coarse (relation VARCHAR, id BIGINT)")
        kinds = [(best_actor, 31, oscars), (best_film, 31, oscars), (grade, 361, order), (doctor, 31, MEDAL)]
        rows = ", ".join(f"({one}, {number}, {other})" for one, number, other in kinds)
        database.run(
            f"""CREATE OR REPLACE TEMP VIEW statements AS
            SELECT subject_id, property_id, 'normal' AS rank, object_id
            FROM (VALUES {rows}) AS t(subject_id, property_id, object_id)"""
        )
        add_generic(TEMPLATES.relations.values(), database)
        assert database.table("FROM coarse").to_pylist() == [{"relation": "P166", "id": oscars}]
