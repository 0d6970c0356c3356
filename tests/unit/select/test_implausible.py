"""Statements whose dates cannot be true, and awards that another work of the year has."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.settings import load_settings
from pipeline.core.tables import Database
from pipeline.language.templates import load_templates
from pipeline.select.implausible import believed
from pipeline.select.plausibility import lay_down_rules
from pipeline.select.rivals import UNRIVALLED, find_rivals
from tests.unit.select.dated_items import DOCUMENTARY, FILM, HUMAN, MEDAL, Held, open_tables

TEMPLATES, SCREENING = load_templates(), load_settings().screening


def rejected(database: Database) -> set[Held]:
    """The statements that are left out, each of which is no answer any more, but for honours for the dead."""
    rows = database.table(believed(TEMPLATES, SCREENING, database)).to_pylist()
    found = {(row["subject_id"], row["relation"], row["object_id"]) for row in rows if row["reason"] == "implausible"}
    for row in rows:
        is_out = (row["subject_id"], row["relation"], row["object_id"]) in found
        assert row["is_true"] == (not is_out or row["relation"] == "P166")
        assert row["object_count"] == int(row["is_true"])
    return found


def test_a_medal_for_one_who_died_before_it_was_founded_is_left_out(tmp_path: Path) -> None:
    president, engineer, medal = 1, 2, 3
    with Database(tmp_path, "200MB") as database:
        open_tables(
            database,
            {president: HUMAN, engineer: HUMAN, medal: MEDAL},
            [(president, 569, 1773), (president, 570, 1841), (engineer, 569, 1874), (medal, 571, 1930)],
            [(president, "P166", medal), (engineer, "P166", medal)],
        )
        assert rejected(database) == {(president, "P166", medal)}


def test_a_state_that_most_of_its_citizens_are_too_old_for_has_a_wrong_date(tmp_path: Path) -> None:
    state, people = 99, range(1, 9)
    with Database(tmp_path, "200MB") as database:
        dates = [(state, 571, 1978), *((one, number, 1800 + one) for one in people for number in (569, 570))]
        open_tables(
            database,
            {state: 6256, **dict.fromkeys(people, HUMAN)},
            dates,
            [(one, "P27", state) for one in people],
        )
        assert rejected(database) == set()


def test_two_spans_in_the_description_of_a_thing_are_not_its_end(tmp_path: Path) -> None:
    with Database(tmp_path, "200MB") as database:
        said = {2: "order of the kingdom, and later of the empire (1871–1918)"}
        open_tables(database, {1: HUMAN, 2: MEDAL}, [(1, 569, 1919), (1, 570, 2007)], [(1, "P166", 2)], said)
        assert rejected(database) == set()


@settings(max_examples=10, deadline=None)  # of up to 30 pairs each
@given(st.lists(st.tuples(st.integers(1500, 1900), st.integers(-60, 140)), min_size=1, max_size=30))
def test_a_child_is_believed_if_the_rule_for_its_parents_age_holds(born: list[tuple[int, int]]) -> None:
    """Of pairs far from the bounds, which have half a year of leeway."""
    (rule, _) = TEMPLATES.plausibility.relations["P40"].years
    assert rule.least is not None and rule.most is not None
    parents, children = range(1, len(born) + 1), range(1001, len(born) + 1001)
    dates = [(parent, 569, year) for parent, (year, _) in zip(parents, born, strict=True)]
    dates += [(child, 569, year + age) for child, (year, age) in zip(children, born, strict=True)]
    pairs = list(zip(parents, children, strict=True))
    with TemporaryDirectory() as folder, Database(Path(folder), "200MB") as database:
        open_tables(
            database, dict.fromkeys([*parents, *children], HUMAN), dates, [(one, "P40", other) for one, other in pairs]
        )
        wrong = {subject for subject, _, _ in rejected(database)}
    for parent, (_, age) in zip(parents, born, strict=True):
        assert (parent in wrong) == (not rule.least <= age <= rule.most)


YEARS = range(1990, 1996)  # enough to show that the award goes to one film a year


@pytest.mark.parametrize(
    ("year", "kind", "said", "is_false"),
    [
        (1993, FILM, None, True),  # another film of 1993 has it
        (1993, DOCUMENTARY, None, False),  # but none of its kind
        (1999, FILM, None, False),  # nobody is known to have it in 1999
        (1993, FILM, "1992 film", False),  # in which year it came out is not sure
    ],
)
def test_an_award_is_false_if_another_work_of_the_year_has_it(
    year: int, kind: int, said: str | None, is_false: bool, tmp_path: Path
) -> None:
    award, asked, winners = 50, 60, range(1, len(YEARS) + 1)
    with Database(tmp_path, "200MB") as database:
        open_tables(
            database,
            {award: MEDAL, asked: kind, 51: MEDAL, **dict.fromkeys(winners, FILM)},
            [(asked, 577, year), *((film, 577, when) for film, when in zip(winners, YEARS, strict=True))],
            [(asked, "P166", 51), *((film, "P166", award) for film in winners)],
            {asked: said} if said else None,
        )
        names = list(TEMPLATES.relations)
        lay_down_rules(TEMPLATES.plausibility, names, TEMPLATES.dating, SCREENING, database)
        find_rivals(database)
        offer = {"pair": [1], "relation": ["P166"], "subject_id": [asked], "target_id": [award]}
        database.rows("offers", pa.table(offer))
        assert database.table(UNRIVALLED).num_rows == int(not is_false)
