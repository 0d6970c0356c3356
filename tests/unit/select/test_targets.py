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

ACTOR = 33999


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
