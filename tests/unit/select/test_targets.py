"""Targets are of the subject's own time, and fit all else that is said of it."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.core import schema
from pipeline.core.settings import load_settings
from pipeline.core.tables import Database
from pipeline.language.templates import load_templates
from pipeline.select.targets import choose_targets
from tests.unit.select.dated_items import FILM, HUMAN, Held, open_tables

ACTOR, STATE, GERMANY = 33999, 6256, 183


def targets(asked: Held | tuple[int, str, str], database: Database) -> set[str]:
    """Every target that some of twenty seeds draws for a popular fact."""
    subject, relation, held = asked
    key, item = (held, None) if isinstance(held, str) else (f"Q{held}", held)
    row = {**dict.fromkeys(schema.CANDIDATES.names), "category": "popular", "subject_id": subject}
    row |= {"relation": relation, "object_key": key, "object_id": item}
    database.rows("chosen", pa.Table.from_pylist([row], schema.CANDIDATES))
    found: set[str] = set()
    for seed in range(20):
        choose_targets(load_templates(), load_settings().model_copy(update={"seed": seed}), database)
        found |= {one["target_key"] for one in database.table("SELECT target_key FROM targets").to_pylist()}
    return found


def cast(films: dict[int, int], held: Iterable[Held], births: dict[int, int], path: Path) -> set[str]:
    """The targets for the cast of film 1, in which actor 100 plays."""
    actors = sorted({actor for _, _, actor in held})
    with Database(path, "200MB") as database:
        dates = [(film, 577, year) for film, year in films.items()] + [(one, 569, year) for one, year in births.items()]
        jobs = [(actor, "P106", ACTOR) for actor in actors]
        classes = {**dict.fromkeys(films, FILM), **dict.fromkeys(actors, HUMAN), ACTOR: 28640}
        open_tables(database, classes, dates, [*held, *jobs])
        return targets((1, "P161", 100), database)


def test_an_actor_of_another_time_is_no_target(tmp_path: Path) -> None:
    films = {1: 1957, 2: 1955, 3: 2001}
    held = [(1, "P161", 100), (2, "P161", 101), (3, "P161", 102)]
    assert cast(films, held, {100: 1920, 101: 1925, 102: 1930}, tmp_path) == {"Q101"}


def test_an_actor_of_unknown_birth_is_a_target_between_films_that_are_known(tmp_path: Path) -> None:
    films = {1: 1955, 2: 1950, 3: 1959, 4: 1950, 5: 1959}
    held = [(1, "P161", 100), (2, "P161", 101), (3, "P161", 101), (4, "P161", 102), (5, "P161", 103)]
    assert cast(films, held, {100: 1920}, tmp_path) == {"Q101"}  # one came later, one may have died before


def test_a_living_child_is_no_target(tmp_path: Path) -> None:
    films = {1: 2018, 2: 2018, 3: 2018}
    held = [(1, "P161", 100), (2, "P161", 101), (3, "P161", 102)]
    assert cast(films, held, {100: 1985, 101: 2008, 102: 1990}, tmp_path) == {"Q102"}


@pytest.mark.parametrize(("child_born", "found"), [(1958, {1943}), (1980, {1943, 1946})])
def test_a_birth_date_is_near_and_fits_the_children(child_born: int, found: set[int], tmp_path: Path) -> None:
    mother, child = 1, 2
    births = {mother: 1945, child: child_born, 10: 1943, 11: 1946, 12: 1949}
    keys = {one: f"+{year}-00-00T00:00:00Z/9" for one, year in births.items()}
    with Database(tmp_path, "200MB") as database:
        open_tables(
            database,
            dict.fromkeys(births, HUMAN),
            [(one, 569, year) for one, year in births.items()],
            [(mother, "P40", child)],
            literals=[(one, "P569", key) for one, key in keys.items()],
        )
        assert targets((mother, "P569", keys[mother]), database) == {f"+{year}-00-00T00:00:00Z/9" for year in found}


@pytest.mark.parametrize(("link", "found"), [("P3373", {1943}), ("P25", {1943}), ("P26", {1943, 1946})])
def test_siblings_are_not_born_within_a_year(link: str, found: set[int], tmp_path: Path) -> None:
    one, other = 1, 2
    births = {one: 1945, other: 1946, 10: 1943, 11: 1946}
    keys = {item: f"+{year}-00-00T00:00:00Z/9" for item, year in births.items()}
    of_a_mother = [(one, "P25", 3), (other, "P25", 3)]
    with Database(tmp_path, "200MB") as database:
        open_tables(
            database,
            dict.fromkeys([*births, 3], HUMAN),
            [(item, 569, year) for item, year in births.items()],
            of_a_mother if link == "P25" else [(one, link, other)],
            literals=[(item, "P569", key) for item, key in keys.items()],
        )
        assert targets((one, "P569", keys[one]), database) == {f"+{year}-00-00T00:00:00Z/9" for year in found}


def test_no_birth_date_is_safe_beside_a_sibling_of_unknown_birth(tmp_path: Path) -> None:
    births = {1: 1945, 10: 1943}
    keys = {item: f"+{year}-00-00T00:00:00Z/9" for item, year in births.items()}
    with Database(tmp_path, "200MB") as database:
        open_tables(
            database,
            dict.fromkeys([*births, 2], HUMAN),
            [(item, 569, year) for item, year in births.items()],
            [(1, "P3373", 2)],
            literals=[(item, "P569", key) for item, key in keys.items()],
        )
        assert targets((1, "P569", keys[1]), database) == set()


def citizenships(subject: dict[int, int], states: dict[int, tuple[int, int]], path: Path) -> set[str]:
    """The targets for the citizenship of person 1, of whom some dates are known; each state has a citizen of 1938."""
    people = range(11, 11 + len(states))
    with Database(path, "200MB") as database:
        dates = [(1, number, year) for number, year in subject.items()]
        dates += [(one, number, year) for one in people for number, year in ((569, 1870), (570, 1938))]
        dates += [
            (state, number, year)
            for state, span in states.items()
            for number, year in zip((571, 576), span, strict=True)
        ]
        held = [(1, "P27", 100), *((one, "P27", state) for one, state in zip(people, states, strict=True))]
        open_tables(
            database,
            {1: HUMAN, 100: STATE, **dict.fromkeys(people, HUMAN), **dict.fromkeys(states, STATE)},
            dates,
            held,
        )
        return targets((1, "P27", 100), database)


@pytest.mark.parametrize(
    ("died", "found"),
    [
        (1933, {"Q201"}),  # the other state began in the year of the death
        (1936, {"Q201"}),  # or shortly before it
        (1944, {"Q201", "Q202"}),
    ],
)
def test_a_state_that_began_when_somebody_was_about_to_die_is_no_target(
    died: int, found: set[str], tmp_path: Path
) -> None:
    states = {201: (1900, 1950), 202: (1933, 1950)}
    assert citizenships({569: 1872, 570: died}, states, tmp_path) == found


def test_a_school_that_only_women_went_to_is_no_target_for_a_man(tmp_path: Path) -> None:
    man, another, woman = 1, 2, 3
    male, female, school = 6581097, 6581072, 3914
    people = (man, another, woman)
    with Database(tmp_path, "200MB") as database:
        open_tables(
            database,
            {**dict.fromkeys(people, HUMAN), **dict.fromkeys((100, 201, 202), school)},
            [(one, 569, 1940) for one in people],
            [
                *((man, "P21", male), (another, "P21", male), (woman, "P21", female)),
                *((man, "P69", 100), (another, "P69", 201), (woman, "P69", 202)),
            ],
        )
        assert targets((man, "P69", 100), database) == {"Q201"}


def test_nobody_is_made_a_citizen_of_a_state_of_criminals(tmp_path: Path) -> None:
    states = {201: (1900, 1950), 7318: (1900, 1950)}
    assert citizenships({569: 1872, 570: 1944}, states, tmp_path) == {"Q201"}


def test_a_state_that_wikidata_does_not_date_began_when_the_rules_say(tmp_path: Path) -> None:
    with Database(tmp_path, "200MB") as database:
        held = [(1, "P27", 100), (2, "P27", 201), (3, "P27", GERMANY)]
        dates = [(one, number, year) for one in (1, 2, 3) for number, year in ((569, 1790), (570, 1860))]
        open_tables(database, {1: HUMAN, 2: HUMAN, 3: HUMAN, 100: STATE, 201: STATE, GERMANY: STATE}, dates, held)
        assert targets((1, "P27", 100), database) == {"Q201"}


def test_of_whom_there_is_no_date_at_all_no_state_is_a_target(tmp_path: Path) -> None:
    with Database(tmp_path, "200MB") as database:
        held = [(1, "P27", 100), (2, "P27", 201)]
        open_tables(database, {1: HUMAN, 2: HUMAN, 100: STATE, 201: STATE}, [(2, 569, 1950)], held)
        assert targets((1, "P27", 100), database) == set()
        assert targets((2, "P27", 201), database) == set()  # nor is what only such people hold


def test_who_bears_a_name_of_the_family_among_others_is_no_target(tmp_path: Path) -> None:
    """Jean Kennedy Smith is a sister of John F. Kennedy, and by an alias another one may be of the family."""
    names = {1: ["John F. Kennedy"], 10: ["Robert F. Kennedy"], 11: ["Jean Kennedy Smith"], 12: ["Jean Smith"]}
    names |= {13: ["Lady Bird", "Ann Kennedy"]}
    with Database(tmp_path, "200MB") as database:
        held = [(1, "P3373", 10), *((100 + one, "P3373", one) for one in (11, 12, 13))]
        people = [1, 10, 11, 12, 13, 111, 112, 113]
        nation = [(one, "P27", 30) for one in people]
        open_tables(
            database,
            {**dict.fromkeys(people, HUMAN), 30: STATE},
            [(one, 569, 1920) for one in people],
            [*held, *nation],
            names=names,
        )
        assert targets((1, "P3373", 10), database) == {"Q12"}


@pytest.mark.parametrize(("links", "found"), [([], {"Q101", "Q102"}), ([(100, 300), (300, 101)], {"Q102"})])
def test_what_a_chain_of_items_joins_to_the_truth_is_no_target(
    links: list[tuple[int, int]], found: set[str], tmp_path: Path
) -> None:
    """An alter ego of an alter ego may be the same."""
    films, actors = (1, 2, 3), (100, 101, 102)
    held = [(film, "P161", actor) for film, actor in zip(films, actors, strict=True)]
    classes = {**dict.fromkeys(films, FILM), **dict.fromkeys(actors, HUMAN), ACTOR: 28640}
    dates = [*((film, 577, 1957) for film in films), *((actor, 569, 1920) for actor in actors)]
    with Database(tmp_path, "200MB") as database:
        open_tables(database, classes, dates, [*held, *((actor, "P106", ACTOR) for actor in actors)])
        blank = {**dict.fromkeys(schema.STATEMENTS.names), "property_id": 460, "rank": "normal"}
        rows = [{**blank, "subject_id": one, "object_id": other} for one, other in links]
        rows += database.table("FROM statements").to_pylist()
        database.rows("statements", pa.Table.from_pylist(rows, schema.STATEMENTS))
        assert targets((1, "P161", 100), database) == found
