"""What two states of an item show: which statements differ, and of which class each difference is.

The first part compares two texts; the second follows tiny dumps through merging and classing, one class at a time.
"""

from datetime import date, timedelta
from pathlib import Path

import pytest

from pipeline.core import schema
from pipeline.core.errors import InputError
from pipeline.core.parallel import InlineExecutor
from pipeline.core.schema import CHANGE_CLASSES
from pipeline.core.tables import read_table
from pipeline.sources.diff import comparison
from pipeline.sources.diff.entity_diff import compare
from pipeline.sources.diff.item_statements import has_all_statements
from pipeline.sources.diff.names import terms
from pipeline.sources.entities.model import DataValue, Snak
from pipeline.sources.entities.values import snak_key, value_text
from tests.entities import (
    NOTHING,
    UNKNOWN,
    Json,
    amount,
    at,
    item,
    line,
    moment,
    said,
    statement,
    text,
    to,
    value,
    write_dump,
)
from tests.states import NEW_EDIT, OLD_EDIT, SETTINGS, between, compare_dumps

GLOBE = {"latitude": 1.5, "longitude": -2, "precision": None, "globe": "http://www.wikidata.org/entity/Q2"}
GAP_DAYS = SETTINGS.changes.replaced_gap_days


def differences(old: Json | None, new: Json | None) -> list[Json]:
    """The rows of DIFFERENCES between two states of Q1."""
    rows = compare(1, line(old) if old else None, line(new) if new else None, GAP_DAYS)
    return [dict(zip(schema.DIFFERENCES.names, row, strict=True)) for row in rows]


def kinds(old: Json | None, new: Json | None) -> list[str]:
    return [row["kind"] for row in differences(old, new)]


def mayor(main: Json, key: str = "", **more: Json) -> Json:
    return statement("P6", main, key, **more)


# Matching statements


def test_the_same_text_has_no_differences() -> None:
    entity = item(1, mayor(to(2), start=at("2010"), references=[{"P248": to(3), "P813": at("2014-01-01")}]))
    assert differences(entity, entity) == []


def test_statements_are_matched_by_id_whatever_its_case() -> None:
    old, new = item(1, mayor(to(2), "4F5D")), item(1, mayor(to(3), "4f5d"))
    new["claims"]["P6"][0]["id"] = "q1$4f5d"
    assert kinds(old, new) == ["revalued"]


def test_statements_under_empty_ids_are_matched_by_place() -> None:
    old, new = item(1, mayor(to(2)), mayor(to(3))), item(1, mayor(to(2)), mayor(to(4)))
    for entity in (old, new):
        for one in entity["claims"]["P6"]:
            one["id"] = ""
    (row,) = differences(old, new)
    assert (row["kind"], row["old_value"], row["new_value"]) == ("revalued", "Q3", "Q4")


def test_a_value_typed_again_under_another_id_is_recreated() -> None:
    (row,) = differences(item(1, mayor(to(2), "a")), item(1, mayor(to(2), "b")))
    assert (row["kind"], row["old_statement_id"], row["new_statement_id"]) == ("recreated", "Q1$a", "Q1$b")
    assert not row["is_new_value"]


def test_one_statement_in_place_of_one_is_swapped() -> None:
    (row,) = differences(item(1, mayor(to(2), "a")), item(1, mayor(to(3), "b")))
    assert (row["kind"], row["old_value"], row["new_value"], row["is_new_value"]) == ("swapped", "Q2", "Q3", True)


def test_several_statements_that_went_and_came_are_removed_and_added() -> None:
    old, new = item(1, mayor(to(2), "a"), mayor(to(3), "b")), item(1, mayor(to(4), "c"))
    assert sorted(kinds(old, new)) == ["added", "removed", "removed"]


def test_a_statement_of_another_property_takes_no_place() -> None:
    old, new = item(1, mayor(to(2), "a")), item(1, statement("P35", to(2), "b"))
    assert sorted(kinds(old, new)) == ["added", "removed"]
    assert [row["is_new_value"] for row in differences(old, new) if row["kind"] == "added"] == [True]


def test_a_value_that_the_item_held_in_another_statement_is_not_new() -> None:
    old = item(1, mayor(to(2), "a"))
    (row,) = differences(old, item(1, mayor(to(2), "a"), mayor(to(2), "b", start=at("2020"))))
    assert (row["kind"], row["is_new_value"]) == ("added", False)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (mayor(to(2)), mayor(to(2), rank="preferred"), ["rank"]),
        (mayor(to(2)), mayor(to(2), start=at("2010")), ["qualifier"]),
        (mayor(to(2)), mayor(to(2), references=[{"P248": to(3)}]), ["reference"]),
        (
            mayor(to(2)),
            mayor(to(2), rank="deprecated", end=UNKNOWN, references=[{}]),
            ["rank", "qualifier", "reference"],
        ),
        (mayor(to(2)), mayor(to(3), rank="preferred", start=at("2010")), ["revalued"]),
        (mayor(UNKNOWN), mayor(NOTHING), ["revalued"]),
    ],
)
def test_what_differs_in_one_statement_is_told_apart(old: Json, new: Json, expected: list[str]) -> None:
    assert kinds(item(1, old), item(1, new)) == expected


def test_order_of_qualifiers_and_references_says_nothing() -> None:
    sources: list[dict[str, Json]] = [{"P248": to(5), "P813": at("2014")}, {"P143": to(6)}]
    in_reverse: list[dict[str, Json]] = [{"P143": to(6)}, {"P813": at("2014"), "P248": to(5)}]
    old = mayor(to(2), qualifiers={"P580": at("2010"), "P1365": [to(7), to(8)]}, references=sources)
    new = mayor(to(2), qualifiers={"P1365": [to(8), to(7)], "P580": at("2010")}, references=in_reverse)
    assert kinds(item(1, old), item(1, new)) == []


def test_a_reference_given_twice_differs_from_one_given_once() -> None:
    once, twice = [{"P248": to(5)}], [{"P248": to(5)}] * 2
    assert kinds(item(1, mayor(to(2), references=once)), item(1, mayor(to(2), references=twice))) == ["reference"]


def test_labels_descriptions_and_sitelinks_are_no_statement_differences() -> None:
    link = {"enwiki": {"site": "enwiki", "title": "One"}}
    assert differences(item(1, mayor(to(2))), item(1, mayor(to(2)), label="one", sitelinks=link)) == []


def test_differences_come_in_the_order_of_the_text() -> None:
    """Sets of ids would give an order that changes from process to process, and with it the bytes of the table."""
    old = item(1, *(statement("P39", to(number), f"id-{number}") for number in range(2, 40)))
    new = item(1, *(statement("P39", to(number + 100), f"id-{number}") for number in range(39, 1, -1)))
    assert [row["old_value"] for row in differences(old, new)] == [f"Q{number}" for number in range(2, 40)]


def test_an_item_that_came_or_went_gives_a_row_of_its_own_and_one_a_statement() -> None:
    here = item(1, mayor(to(2)), statement("P35", to(3)))
    assert [(row["kind"], row["property_id"]) for row in differences(None, here)] == [
        ("added", None),
        ("added", 6),
        ("added", 35),
    ]
    assert [(row["kind"], row["property_id"]) for row in differences(here, None)] == [
        ("removed", None),
        ("removed", 6),
        ("removed", 35),
    ]
    assert {row["item_kind"] for row in differences(None, here)} == {"added"}


def test_both_revisions_and_the_time_of_the_newer_are_told() -> None:
    old = item(1, mayor(to(2)), lastrevid=100, modified=OLD_EDIT)
    (row,) = differences(old, item(1, mayor(to(3)), lastrevid=200, modified=NEW_EDIT))
    assert (row["base_revision"], row["head_revision"], row["first_seen"].year) == (100, 200, 2021)


# What a value says


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (to(42), value("wikibase-entityid", {"entity-type": "item", "numeric-id": 42})),
        (to(42), value("wikibase-entityid", {"id": "Q42", "entity-type": "item", "hash": "x"})),
        (
            value("wikibase-entityid", {"entity-type": "property", "id": "P31"}),
            value("wikibase-entityid", {"entity-type": "property", "numeric-id": 31}),
        ),
        (at("2013-12-07"), moment("+00000002013-12-07T00:00:00Z", 11)),
        (amount("+5"), amount("5")),
        (amount("+5", 11573), value("quantity", {"amount": "+5", "unit": "https://wikidata.org/entity/Q11573"})),
        (
            value("globecoordinate", {"latitude": 1.5, "longitude": 2, "precision": None, "globe": "x"}),
            value(
                "globecoordinate", {"globe": "x", "precision": None, "longitude": 2, "latitude": 1.5, "altitude": None}
            ),
        ),
        (value("new", {"a": 1, "b": 2}), value("new", {"b": 2, "a": 1})),
    ],
)
def test_values_that_say_the_same_are_equal(one: Json, other: Json) -> None:
    assert kinds(item(1, mayor(one)), item(1, mayor(other))) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (to(42), to(43)),
        (to(31), value("wikibase-entityid", {"entity-type": "property", "numeric-id": 31})),
        (at("2013"), at("2013-12")),
        (at("0044"), at("-0044")),
        (at("2013"), at("2013", "http://www.wikidata.org/entity/Q1985786")),
        (amount("+5"), amount("-5")),
        (amount("+5"), amount("+5", 11573)),
        (amount("+5"), value("quantity", {"amount": "+5", "unit": "1", "lowerBound": "+4", "upperBound": "+6"})),
        (said("en", "Bonheur"), said("fr", "Bonheur")),
        (text("Q42"), to(42)),
        (text("a"), text("A")),
        (UNKNOWN, NOTHING),
        (UNKNOWN, text("somevalue")),
        (moment("soon", 9), moment("later", 9)),
        *(
            (value("globecoordinate", GLOBE), value("globecoordinate", GLOBE | {field: other}))
            for field, other in (("latitude", 7), ("longitude", 7), ("precision", 7), ("globe", "x"))
        ),
    ],
)
def test_values_that_say_different_things_are_not(one: Json, other: Json) -> None:
    assert kinds(item(1, mayor(one)), item(1, mayor(other))) == ["revalued"]


@pytest.mark.parametrize(
    ("main", "written"),
    [
        (to(42), "Q42"),
        (value("wikibase-entityid", {"entity-type": "property", "numeric-id": 31}), "P31"),
        (at("2013-12"), "+2013-12-00T00:00:00Z/10"),
        (amount("+5"), "+5"),
        (amount("+5", 11573), "+5|Q11573"),
        (said("fr", "Bonheur"), "fr:Bonheur"),
        (text("Bonheur"), "Bonheur"),
        (value("globecoordinate", {"latitude": 1.5, "longitude": -2, "globe": "x"}), "1.5,-2"),
        (value("new", {"b": 2, "a": 1}), '{"a":1,"b":2}'),
        (UNKNOWN, "somevalue"),
        (NOTHING, "novalue"),
    ],
)
def test_values_are_written_short(main: Json, written: str) -> None:
    datavalue = DataValue(**main["datavalue"]) if "datavalue" in main else None
    assert value_text(Snak(main["snaktype"], datavalue)) == written


def test_keys_of_all_kinds_can_be_sorted_together() -> None:
    mains = [to(42), at("2013"), amount("+5"), said("fr", "x"), text("x"), value("new", {"a": None}), UNKNOWN]
    keys = [snak_key(Snak(m["snaktype"], DataValue(**m["datavalue"]) if "datavalue" in m else None)) for m in mains]
    assert len(set(keys)) == len(sorted(keys)) == len(mains)


# Names and merges


def test_names_of_an_item_that_is_gone_are_those_in_all_languages() -> None:
    gone = item(
        1,
        label="Ali",
        aliases={"de": [{"language": "de", "value": "Der Größte"}]},
        sitelinks={"frwiki": {"site": "frwiki", "title": "Ali"}},
    )
    assert list(terms(1, line(gone), None)) == [(1, "Ali", True), (1, "Der Größte", True), (1, "frwiki:Ali", True)]


def test_names_of_an_item_that_stayed_are_its_main_ones_and_those_it_gained() -> None:
    old = item(1, label="Ali", aliases={"de": [{"language": "de", "value": "Alt"}]})
    gained = {"de": [{"language": "de", "value": "Alt"}, {"language": "de", "value": "Neu"}]}
    assert list(terms(1, line(old), line({**old, "aliases": gained}))) == [(1, "Ali", False), (1, "Neu", False)]


def test_a_new_item_has_its_main_names_only() -> None:
    new = item(1, label="Ali", aliases={"de": [{"language": "de", "value": "Alt"}], "mul": [{"value": "Clay"}]})
    assert list(terms(1, None, line(new))) == [(1, "Ali", False), (1, "Clay", False)]


def test_names_are_compared_as_a_reader_sees_them() -> None:
    gone = item(1, label="Ali\u200e", aliases={"de": [{"language": "de", "value": "Der\u00a0Gr\u006f\u0308\u00dfte"}]})
    assert list(terms(1, line(gone), None)) == [(1, "Ali", True), (1, "Der Größte", True)]


def test_what_only_the_older_dump_says_dates_nothing(tmp_path: Path) -> None:
    """Of a corrected birth date the new one counts, of a death date that was taken back none."""
    born, died = (
        statement("P569", moment("+1920-05-01T00:00:00Z", 11)),
        statement("P570", moment("+1950-05-01T00:00:00Z", 11)),
    )
    late = statement("P569", moment("+2016-05-01T00:00:00Z", 11))
    place, country = statement("P19", to(64)), statement("P27", to(30))
    rows = classes(between([item(1, born), item(2, died)], [item(1, late, place), item(2, country)], tmp_path))
    assert (rows[("Q1 P19", "Q64")], rows[("Q2 P27", "Q30")]) == ("world_change", "added_undated")


def test_a_name_alone_does_not_make_a_merge(tmp_path: Path) -> None:
    john, namesake = item(400, label="John Smith"), item(401, label="John Smith")
    rows = between([john, namesake], [item(401, statement("P27", to(30)), label="John Smith")], tmp_path)
    assert classes(rows)[("Q400", None)] == "item_deleted"


def test_a_value_of_an_odd_form_hides_no_other_change(tmp_path: Path) -> None:
    odd = statement("P1082", value("quantity", {"amount": "+5"}))
    rows = between([item(1, odd)], [item(1, odd, statement("P27", to(30)))], tmp_path)
    assert [(row["property_id"], row["new_value"]) for row in rows] == [(27, "Q30")]


def test_a_merge_leaves_every_statement_in_its_target() -> None:
    source = item(1, mayor(to(3)), statement("P35", to(4)))
    assert has_all_statements(
        line(item(2, statement("P35", to(4), "x"), mayor(to(3), "y"), mayor(to(9)))), line(source)
    )
    assert not has_all_statements(line(item(2, mayor(to(3)))), line(source))
    assert has_all_statements(line(item(2)), line(item(1)))
    assert not has_all_statements(b"{", line(source))


# Classes, one by one


def classes(rows: list[Json]) -> dict[tuple[str, str | None], str]:
    """The class of each change, by its item with its property, and its value."""
    found: dict[tuple[str, str | None], str] = {}
    for row in rows:
        prop = f" P{row['property_id']}" if row["property_id"] else ""
        found[f"Q{row['subject_id']}{prop}", row["new_value"] or row["old_value"]] = row["change_class"]
    return found


def came(one: Json, tmp_path: Path, *others: Json, before: tuple[Json, ...] = (), **edits: str) -> Json:
    """The change that a statement coming to Q1 makes, where other items stand in the newer state."""
    rows = between([item(1, *before), item(9)], [item(1, *before, one), item(9), *others], tmp_path, **edits)
    (row,) = [row for row in rows if row["subject_id"] == 1]
    assert row["change_class"] in CHANGE_CLASSES
    return row


def test_a_start_after_the_older_state_is_a_world_change(tmp_path: Path) -> None:
    row = came(statement("P39", to(9), start=at("2016-05-01")), tmp_path)
    assert row["change_class"] == "world_change"
    assert (row["event_time"], row["event_precision"]) == ("+2016-05-01T00:00:00Z", 11)
    assert (row["event_property_id"], row["event_calendar_id"]) == (580, 1985727)
    assert (row["old_statement_id"], row["new_statement_id"], row["new_value"]) == (None, "Q1$P39", "Q9")
    assert (row["base_revision"], row["head_revision"], row["is_new_value"]) == (100, 200, True)


def test_a_point_in_time_after_the_older_state_is_a_world_change(tmp_path: Path) -> None:
    row = came(statement("P1082", amount("+1313271"), on=at("2016-01")), tmp_path)
    assert (row["change_class"], row["event_property_id"], row["event_precision"]) == ("world_change", 585, 10)


def test_of_a_start_and_a_point_in_time_the_later_counts(tmp_path: Path) -> None:
    row = came(statement("P39", to(9), start=at("2009"), on=at("2018")), tmp_path)
    assert (row["change_class"], row["event_property_id"]) == ("world_change", 585)


def test_a_date_after_the_older_state_as_value_is_a_world_change(tmp_path: Path) -> None:
    row = came(statement("P570", at("2016-06-03")), tmp_path)
    assert (row["change_class"], row["event_property_id"]) == ("world_change", 570)


def test_an_event_after_the_older_state_is_a_world_change(tmp_path: Path) -> None:
    ceremony = item(900, statement("P585", at("2016-02-28")))
    row = came(statement("P166", to(9), event=to(900)), tmp_path, ceremony)
    assert (row["change_class"], row["event_time"], row["event_property_id"]) == (
        "world_change",
        "+2016-02-28T00:00:00Z",
        585,
    )


def test_a_value_that_did_not_exist_before_is_a_world_change(tmp_path: Path) -> None:
    film = item(901, statement("P577", at("2017-10-05")), statement("P571", at("2016-07")))
    row = came(statement("P800", to(901)), tmp_path, film)
    assert (row["change_class"], row["event_property_id"]) == ("world_change", 571)  # the first of its dates


def test_a_value_that_existed_before_dates_nothing(tmp_path: Path) -> None:
    film = item(901, statement("P577", at("2010")))
    assert came(statement("P800", to(901)), tmp_path, film)["change_class"] == "added_undated"


def test_a_deprecated_date_dates_nothing(tmp_path: Path) -> None:
    film = item(901, statement("P577", at("2017"), rank="deprecated"))
    assert came(statement("P800", to(901)), tmp_path, film)["change_class"] == "added_undated"


def test_a_place_of_death_came_with_the_death(tmp_path: Path) -> None:
    rows = between(
        [item(1), item(2)],
        [
            item(1, statement("P570", at("2016-06-03")), statement("P20", to(3))),
            item(2, statement("P570", at("1997")), statement("P20", to(3))),
        ],
        tmp_path,
    )
    assert classes(rows) == {
        ("Q1 P570", "+2016-06-03T00:00:00Z/11"): "world_change",
        ("Q1 P20", "Q3"): "world_change",
        ("Q2 P570", "+1997-00-00T00:00:00Z/9"): "late_entry",
        ("Q2 P20", "Q3"): "late_entry",
    }


@pytest.mark.parametrize(
    ("old_edit", "date", "change_class"),
    [
        ("2015-01-04T21:13:56Z", "2015", "world_change"),
        ("2015-06-30T00:00:00Z", "2015", "world_change"),
        ("2015-07-04T00:00:00Z", "2015", "late_entry"),
        ("2015-11-09T00:00:00Z", "2015", "late_entry"),
        ("2015-11-09T00:00:00Z", "2016", "world_change"),
        ("2015-11-09T00:00:00Z", "2015-11", "world_change"),
        ("2015-11-20T00:00:00Z", "2015-11", "late_entry"),
        ("2015-11-09T00:00:00Z", "2015-11-09", "late_entry"),
        ("2015-11-09T23:59:59Z", "2015-11-10", "world_change"),
        ("2014-12-01T00:00:00Z", "2010s", "world_change"),
        ("2015-11-09T00:00:00Z", "2010s", "late_entry"),
        ("2015-11-09T00:00:00Z", "21C", "world_change"),
        ("2015-11-09T00:00:00Z", "20C", "late_entry"),
        ("2015-11-09T00:00:00Z", "-0044", "late_entry"),
    ],
)
def test_a_date_is_after_the_older_state_only_when_most_of_what_it_may_mean_is(
    old_edit: str, date: str, change_class: str, tmp_path: Path
) -> None:
    row = came(statement("P39", to(9), start=at(date)), tmp_path, old_edit=old_edit)
    assert row["change_class"] == change_class


def test_the_older_state_ends_with_the_last_edit_of_any_of_its_items(tmp_path: Path) -> None:
    edits = {1: "2014-03-01T00:00:00Z", 2: "2015-11-09T00:00:00Z", 3: "2013-01-01T00:00:00Z"}
    old = [item(number, modified=edit) for number, edit in edits.items()]
    new = [item(1, statement("P39", to(9), start=at("2015-06"))), item(2), item(3)]
    assert classes(between(old, new, tmp_path)) == {("Q1 P39", "Q9"): "late_entry"}


def test_a_date_before_the_older_state_is_a_late_entry(tmp_path: Path) -> None:
    row = came(statement("P39", to(9), start=at("2009-01-20")), tmp_path)
    assert (row["change_class"], row["event_time"]) == ("late_entry", "+2009-01-20T00:00:00Z")


def test_an_end_before_the_older_state_is_a_late_entry_even_with_no_start(tmp_path: Path) -> None:
    row = came(statement("P39", to(9), end=at("1999")), tmp_path)
    assert (row["change_class"], row["event_time"]) == ("late_entry", None)


def test_whatever_is_entered_of_a_dead_person_is_a_late_entry(tmp_path: Path) -> None:
    dead = statement("P570", at("1980-12-08"))
    assert came(statement("P106", to(9)), tmp_path, before=(dead,))["change_class"] == "late_entry"


def test_a_statement_without_evidence_is_undated(tmp_path: Path) -> None:
    row = came(statement("P106", to(9)), tmp_path)
    assert (row["change_class"], row["event_time"], row["event_property_id"]) == ("added_undated", None, None)


def test_a_malformed_date_dates_nothing(tmp_path: Path) -> None:
    row = came(statement("P39", to(9), start=moment("+2016-13-45T00:00:00Z", 11)), tmp_path)
    assert row["change_class"] == "added_undated"


def holder_change(tmp_path: Path, end: str, start: str, prop: str = "P6") -> list[Json]:
    return between(
        [item(1, statement(prop, to(2), "old", start=at("2010")))],
        [
            item(
                1,
                statement(prop, to(2), "old", start=at("2010"), end=at(end)),
                statement(prop, to(3), "new", start=at(start)),
            )
        ],
        tmp_path,
    )


@pytest.mark.parametrize(
    ("end", "start"),
    [("2016-05-09", "2016-05-09"), ("2016-05-09", "2017-06-01"), ("2016-05-09", "2016-03-20"), ("2016", "2016-05-09")],
    ids=["the same day", "after a year", "overlapping", "an end known to the year"],
)
def test_a_value_that_starts_where_the_one_before_ended_replaced_it(end: str, start: str, tmp_path: Path) -> None:
    rows = holder_change(tmp_path, end, start)
    assert classes(rows) == {("Q1 P6", "Q2"): "ended", ("Q1 P6", "Q3"): "replaced"}
    (row,) = [row for row in rows if row["change_class"] == "replaced"]
    assert (row["old_statement_id"], row["old_value"]) == ("Q1$old", "Q2")
    assert (row["new_statement_id"], row["new_value"]) == ("Q1$new", "Q3")
    assert row["event_time"] == at(start)["datavalue"]["value"]["time"]


@pytest.mark.parametrize(("end", "start"), [("2016-05-09", "2017-06-20"), ("2016-05-09", "2016-03-01")])
def test_a_value_that_starts_long_after_or_before_replaced_nothing(end: str, start: str, tmp_path: Path) -> None:
    assert classes(holder_change(tmp_path, end, start)) == {("Q1 P6", "Q2"): "ended", ("Q1 P6", "Q3"): "world_change"}


@pytest.mark.parametrize(
    ("gap", "replaces"),
    [(GAP_DAYS[0] - 1, False), (GAP_DAYS[0], True), (GAP_DAYS[1], True), (GAP_DAYS[1] + 1, False)],
)
def test_the_days_between_two_values_include_both_ends_of_the_range(gap: int, replaces: bool) -> None:
    start = at((date(2016, 5, 9) + timedelta(days=gap)).isoformat())
    old, come = mayor(to(2), "old"), mayor(to(3), "new", start=start)
    rows = differences(item(1, old), item(1, mayor(to(2), "old", end=at("2016-05-09")), come))
    (row,) = [row for row in rows if row["kind"] == "added"]
    assert (row["replaced_statement_id"], row["replaced_value"]) == (("Q1$old", "Q2") if replaces else (None, None))


@pytest.mark.parametrize(("end", "start"), [(at("2016-05-09"), UNKNOWN), (UNKNOWN, at("2016-05-09"))])
def test_an_unknown_date_on_either_side_replaces_nothing(end: Json, start: Json, tmp_path: Path) -> None:
    come = statement("P6", to(3), "new", start=start, on=at("2016-05-09"))
    rows = between(
        [item(1, statement("P6", to(2), "old"))], [item(1, statement("P6", to(2), "old", end=end), come)], tmp_path
    )
    assert classes(rows) == {("Q1 P6", "Q2"): "ended", ("Q1 P6", "Q3"): "world_change"}


def test_a_property_with_many_values_at_a_time_replaces_nothing(tmp_path: Path) -> None:
    rows = holder_change(tmp_path, "2016-05-09", "2016-05-09", prop="P463")
    assert classes(rows) == {("Q1 P463", "Q2"): "ended", ("Q1 P463", "Q3"): "world_change"}


def test_a_succession_older_than_the_window_is_a_late_entry(tmp_path: Path) -> None:
    rows = holder_change(tmp_path, "2012-05-09", "2012-05-09")
    assert classes(rows) == {("Q1 P6", "Q2"): "ended", ("Q1 P6", "Q3"): "late_entry"}
    assert {row["old_value"] for row in rows if row["change_class"] == "late_entry"} == {None}


def test_of_several_successors_the_one_closest_to_the_end_replaced(tmp_path: Path) -> None:
    ended = statement("P6", to(2), "a", end=at("2016-05-09"))
    later = statement("P6", to(4), "c", start=at("2016-09-01"), end=at("2017-01-01"))
    rows = between(
        [item(1, statement("P6", to(2), "a"))],
        [item(1, ended, later, statement("P6", to(3), "b", start=at("2016-05-20")))],
        tmp_path,
    )
    assert classes(rows) == {("Q1 P6", "Q2"): "ended", ("Q1 P6", "Q3"): "replaced", ("Q1 P6", "Q4"): "world_change"}


def test_a_statement_that_received_an_end_is_ended(tmp_path: Path) -> None:
    for number, end in enumerate([at("2016"), UNKNOWN]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (row,) = between([item(1, mayor(to(2)))], [item(1, mayor(to(2), end=end))], folder)
        assert (row["change_class"], row["old_statement_id"], row["new_statement_id"]) == ("ended", "Q1$P6", "Q1$P6")


@pytest.mark.parametrize(
    ("old", "new", "change_class"),
    [
        (mayor(to(2)), mayor(to(2), start=at("2010")), "qualifier_edit"),
        (mayor(to(2), end=at("2016")), mayor(to(2), end=at("2017")), "qualifier_edit"),
        (mayor(to(2), end=at("2016")), mayor(to(2)), "qualifier_edit"),
        (mayor(to(2)), mayor(to(2), rank="preferred"), "rank_flip"),
        (mayor(to(2)), mayor(to(2), references=[{"P248": to(3)}]), "reference_edit"),
        (mayor(to(2), "a"), mayor(to(2), "b"), "guid_churn"),
        (mayor(to(2), "a"), mayor(to(2), "b", rank="preferred", start=at("2016")), "guid_churn"),
        (mayor(to(2)), mayor(to(3)), "correction"),
        (mayor(to(2)), mayor(to(3), start=at("2016")), "correction"),
        (mayor(to(2), "a"), mayor(to(3), "b"), "correction"),
        (mayor(to(2), "a"), mayor(to(3), "b", start=at("2010")), "correction"),
        (statement("P569", at("1952")), statement("P569", at("1952-03-11")), "correction"),
    ],
    ids=[
        "a start added",
        "an end moved",
        "an end taken back",
        "a rank",
        "a reference",
        "typed again",
        "typed again, and better",
        "another value, same id",
        "another value of a later date, same id",
        "deleted and added again",
        "deleted and added again with an old date",
        "a date made more precise",
    ],
)
def test_a_difference_within_one_statement_or_between_two_has_its_class(
    old: Json, new: Json, change_class: str, tmp_path: Path
) -> None:
    (row,) = between([item(1, old)], [item(1, new)], tmp_path)
    assert row["change_class"] == change_class
    assert row["old_statement_id"].startswith("Q1$")
    assert row["new_statement_id"].startswith("Q1$")


def test_one_statement_can_change_in_several_ways(tmp_path: Path) -> None:
    rows = between([item(1, mayor(to(2)))], [item(1, mayor(to(2), rank="preferred", start=at("2010")))], tmp_path)
    assert [row["change_class"] for row in rows] == ["qualifier_edit", "rank_flip"]


def test_a_new_value_in_place_of_one_is_no_correction_when_it_is_of_later_date(tmp_path: Path) -> None:
    rows = between([item(1, mayor(to(2), "a"))], [item(1, mayor(to(3), "b", start=at("2016-05-09")))], tmp_path)
    assert [(row["change_class"], row["old_value"], row["new_value"]) for row in rows] == [
        ("removal", "Q2", None),
        ("world_change", None, "Q3"),
    ]


def test_a_statement_that_went_is_a_removal(tmp_path: Path) -> None:
    (row,) = between([item(1, mayor(to(2)))], [item(1)], tmp_path)
    assert (row["change_class"], row["old_value"], row["new_value"]) == ("removal", "Q2", None)


def test_an_item_that_is_gone_was_deleted_unless_it_is_found_merged(tmp_path: Path) -> None:
    rows = between([item(1), item(5, mayor(to(2)))], [item(1)], tmp_path)
    assert classes(rows) == {("Q5", None): "item_deleted", ("Q5 P6", "Q2"): "item_deleted"}


def test_everything_of_a_new_item_is_new(tmp_path: Path) -> None:
    rows = between([item(1)], [item(1), item(5, mayor(to(2), start=at("2010")))], tmp_path)
    assert classes(rows) == {("Q5", None): "new_item", ("Q5 P6", "Q2"): "new_item"}


def test_a_merge_is_known_by_a_name_and_by_the_statements_it_left(tmp_path: Path) -> None:
    double = item(5, statement("P27", to(30)), label="Cassius Clay")
    kept = item(1, statement("P106", to(9)), label="Muhammad Ali")
    merged = item(
        1,
        statement("P106", to(9)),
        statement("P27", to(30), "moved"),
        statement("P69", to(8), start=at("2016")),
        label="Muhammad Ali",
        aliases={"en": [{"language": "en", "value": "Cassius Clay"}]},
    )
    rows = between([kept, double], [merged], tmp_path)
    assert classes(rows) == {
        ("Q5", "Q1"): "merge",
        ("Q5 P27", "Q30"): "merge",
        ("Q1 P27", "Q30"): "merge",
        ("Q1 P69", "Q8"): "world_change",
    }


def test_a_name_alone_is_no_merge(tmp_path: Path) -> None:
    rows = between(
        [item(5, statement("P27", to(30)), label="John Smith"), item(1, statement("P106", to(9)), label="John Smith")],
        [item(1, statement("P106", to(8)), label="John Smith")],
        tmp_path,
    )
    assert classes(rows)[("Q5", None)] == "item_deleted"
    assert classes(rows)[("Q5 P27", "Q30")] == "item_deleted"


def test_a_merge_is_known_by_links_that_were_turned(tmp_path: Path) -> None:
    rows = between(
        [item(5, statement("P27", to(30))), item(1, statement("P27", to(30))), item(7, statement("P26", to(5)))],
        [item(1, statement("P27", to(30)), label="Ali"), item(7, statement("P26", to(1)))],
        tmp_path,
    )
    assert classes(rows) == {("Q5", "Q1"): "merge", ("Q5 P27", "Q30"): "merge", ("Q7 P26", "Q1"): "merge"}


def test_of_several_targets_the_one_that_links_were_turned_to_counts_then_the_first(tmp_path: Path) -> None:
    kept = [item(number, mayor(to(number)), label="Ali") for number in (3, 1, 2)]
    shared = statement("P35", to(4))
    now = [item(number, mayor(to(number + 1)), shared, label="Ali") for number in (3, 1, 2)]
    link, retargeted = item(7, statement("P26", to(5))), item(7, statement("P26", to(2)))
    for name, rest, rest_now, target in (("linked", [link], [retargeted], "Q2"), ("named", [], [], "Q1")):
        (tmp_path / name).mkdir()
        rows = between([item(5, shared, label="Ali"), *kept, *rest], [*now, *rest_now], tmp_path / name)
        assert ("Q5", target) in classes(rows)


def test_what_else_changes_at_a_merge_keeps_its_own_class(tmp_path: Path) -> None:
    double, elsewhere = item(5, statement("P27", to(30)), label="Ali"), item(7, statement("P26", to(5)))
    merged = item(1, statement("P27", to(30), "moved"), statement("P27", to(31), "own"), label="Ali")
    rows = between([double, item(1, label="Ali"), elsewhere], [merged, item(7, statement("P26", to(8)))], tmp_path)
    assert classes(rows) == {
        ("Q5", "Q1"): "merge",
        ("Q5 P27", "Q30"): "merge",
        ("Q1 P27", "Q30"): "merge",
        ("Q1 P27", "Q31"): "added_undated",
        ("Q7 P26", "Q8"): "correction",
    }


def test_a_statement_that_two_merged_items_left_is_one_change(tmp_path: Path) -> None:
    doubles = [item(number, statement("P27", to(30)), label="Ali") for number in (5, 6)]
    merged = item(1, statement("P27", to(30), "moved"), label="Ali")
    rows = between([item(1, label="Ali"), *doubles], [merged], tmp_path)
    assert [(row["change_class"], row["new_value"]) for row in rows if row["subject_id"] == 1] == [("merge", "Q30")]
    assert [row["new_value"] for row in rows if row["property_id"] is None] == ["Q1", "Q1"]


def test_a_turned_link_is_a_correction_while_its_old_value_still_stands(tmp_path: Path) -> None:
    rows = between(
        [item(5), item(1), item(7, statement("P26", to(5)))],
        [item(5), item(1), item(7, statement("P26", to(1)))],
        tmp_path,
    )
    assert classes(rows) == {("Q7 P26", "Q1"): "correction"}


def test_namesakes_that_both_stay_are_not_merged(tmp_path: Path) -> None:
    """Though one of them holds all that the other held, and a link was turned from one to the other."""
    country, job = statement("P27", to(30)), statement("P106", to(9))
    namesakes = [item(number, country, label="Ali") for number in (5, 1)]
    now = [item(number, country, job, label="Ali") for number in (5, 1)]
    rows = between([*namesakes, item(7, statement("P26", to(5)))], [*now, item(7, statement("P26", to(1)))], tmp_path)
    assert classes(rows)[("Q7 P26", "Q1")] == "correction"
    assert read_table(tmp_path / "work" / "merges.parquet").num_rows == 0


# Two dumps


def test_items_of_equal_revision_are_passed_over_unread(tmp_path: Path) -> None:
    same = item(1, mayor(to(2)), lastrevid=100)
    rows = between([same, item(5)], [{**same, "claims": {}}, item(5, mayor(to(6)))], tmp_path)
    assert {row["subject_id"] for row in rows} == {5}


def test_dumps_without_revisions_are_compared_by_their_lines(tmp_path: Path) -> None:
    old = write_dump(tmp_path / "old.json", [item(1, mayor(to(2))), item(3, mayor(to(2)))])
    new = write_dump(tmp_path / "new.json", [item(3, mayor(to(2))), item(1, mayor(to(4)))])
    rows = compare_dumps(old, new, tmp_path / "work")
    assert [(row["subject_id"], row["change_class"], row["base_revision"]) for row in rows] == [(1, "correction", None)]
    assert [row["id"] for row in read_table(tmp_path / "work" / "second" / "older" / "texts").to_pylist()] == [1]


def test_a_dump_of_before_2016_differs_from_a_later_one_only_where_it_says_something_else(tmp_path: Path) -> None:
    """Ids of values were numbers, years had eleven digits, empty maps were lists."""
    early = item(
        1,
        statement("P31", value("wikibase-entityid", {"entity-type": "item", "numeric-id": 5})),
        statement("P569", moment("+00000001952-03-11T00:00:00Z", 11)),
    )
    late = item(1, statement("P31", to(5)), statement("P569", at("1952-03-11")), statement("P106", to(9)))
    assert classes(between([{**early, "aliases": []}], [late], tmp_path)) == {("Q1 P106", "Q9"): "added_undated"}


@pytest.mark.parametrize("side", ["old", "new"])
def test_properties_and_lexemes_are_not_compared(side: str, tmp_path: Path) -> None:
    more = [{**item(6, mayor(to(2))), "id": "P6", "type": "property"}, {"id": "L7", "type": "lexeme", "claims": []}]
    old, new = ([*more, item(1)], [item(1)]) if side == "old" else ([item(1)], [*more, item(1)])
    assert between(old, new, tmp_path) == []


def test_the_order_of_the_dumps_is_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        between([item(1)], [item(1)], tmp_path, old_edit=NEW_EDIT, new_edit=OLD_EDIT)
    assert "The older dump ends at 2021-07-02 19:34, after the newer one (2015-01-04 21:13)" in caught.value.what
    assert (caught.value.where, caught.value.remedy) == (
        "--old, --new",
        "Exchange them, or give the dates of both dumps with --old-date and --new-date.",
    )


def test_a_dump_compared_with_itself_has_no_changes(tmp_path: Path) -> None:
    same = write_dump(tmp_path / "dump.json", [item(1, mayor(to(2)), lastrevid=100, modified=OLD_EDIT)])
    assert compare_dumps(same, same, tmp_path / "work") == []


def test_an_older_dump_that_is_empty_or_none_is_refused(tmp_path: Path) -> None:
    """Against nothing, every fact would be recent."""
    new = write_dump(tmp_path / "new.json", [item(1)])
    for content, complaint in ((b"", "is empty"), (b"[\n]\n", "no items"), (b"?\n" * 101, "More than 100 lines")):
        (tmp_path / "old.json").write_bytes(content)
        with pytest.raises(InputError, match=complaint) as caught:
            compare_dumps(tmp_path / "old.json", new, tmp_path / complaint)
        assert str(tmp_path / "old.json") in caught.value.where


def test_unreadable_lines_of_the_older_dump_are_passed_over(tmp_path: Path) -> None:
    new = write_dump(tmp_path / "new.json", [item(1, mayor(to(3)), lastrevid=2)])
    lines = [line(item(1, mayor(to(2)), lastrevid=1)), b"{", b'{"id":"Qx"}', b'{"id":"Q5","lastrevid":-1}']
    (tmp_path / "old.json").write_bytes(b"\n".join(lines))
    assert [row["change_class"] for row in compare_dumps(tmp_path / "old.json", new, tmp_path / "work")] == [
        "correction"
    ]


def test_an_item_that_one_state_has_in_unreadable_form_shows_no_difference(tmp_path: Path) -> None:
    odd = item(1, mayor(to(2)), statement("P39", value("time", {"year": 2016})), label="One")
    rows = between([odd, item(5, mayor(to(2)))], [item(1, mayor(to(3))), item(5, mayor(to(3)))], tmp_path)
    assert classes(rows) == {("Q5 P6", "Q3"): "correction"}


def test_finished_buckets_are_kept_and_the_others_made_again(tmp_path: Path) -> None:
    between([item(1, mayor(to(2)))], [item(1, mayor(to(3)))], tmp_path)
    work = tmp_path / "work"
    table = work / "differences" / "000000.parquet"
    whole = table.read_bytes()

    def again() -> None:
        texts = comparison.Texts(work / "older" / "texts", work / "newer" / "texts", work / "changed.parquet")
        comparison.compare_texts(texts, work, "100MB", GAP_DAYS, InlineExecutor())

    table.write_bytes(b"untouched")
    again()
    assert table.read_bytes() == b"untouched"
    (work / "terms" / "000000.parquet").unlink()  # killed before the last table of the bucket was written
    again()
    assert table.read_bytes() == whole


@pytest.mark.parametrize(("files", "buckets"), [(256, 5), (2, 6), (3, 6)])
def test_the_differences_do_not_depend_on_the_number_of_buckets_and_files(
    files: int, buckets: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If more buckets than files may be open, some share one."""
    old = [item(number, mayor(to(number)), lastrevid=number) for number in range(1, 20)]
    new = [item(number, mayor(to(number + 1)), lastrevid=number + 100) for number in range(5, 24)]
    paths = write_dump(tmp_path / "old.json", old), write_dump(tmp_path / "new.json", new)
    whole = compare_dumps(*paths, tmp_path / "whole")
    monkeypatch.setattr(comparison, "_BUCKET_ITEMS", 4)
    monkeypatch.setattr(comparison, "_MOST_FILES", files)
    assert compare_dumps(*paths, tmp_path / "parts") == whole
    assert len(list((tmp_path / "parts" / "differences").iterdir())) == buckets
    assert not (tmp_path / "parts" / "scratch" / "spread").exists()  # copies of the texts


def test_the_tables_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    old = [item(number, mayor(to(number + 1)), lastrevid=number) for number in range(1, 60)]
    new = [item(number, mayor(to(number + 2)), lastrevid=number + 100) for number in range(60, 2, -1)]
    paths = write_dump(tmp_path / "old.json", old), write_dump(tmp_path / "new.json", new)
    for workers in (1, 3):
        compare_dumps(*paths, tmp_path / str(workers), workers)
    scans = ("older/revisions", "older/texts", "newer/texts", "newer/dates")
    for table in (*scans, "differences", "terms", "changes.parquet", "merges.parquet"):
        assert read_table(tmp_path / "1" / table).equals(read_table(tmp_path / "3" / table))


def test_every_class_has_a_case_above() -> None:
    # "reverted" is one that two states cannot show: test_live_changes.py has it.
    covered = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in CHANGE_CLASSES if f'"{name}"' not in covered] == []


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_that_ended_on_one_day_the_first_id_gave_way_whatever_their_order(order: int) -> None:
    """So are two successors that start on one day told apart: the bytes of CHANGES depend on neither order."""
    end, start = at("2016-05-09"), at("2016-05-20")
    old = [mayor(to(2), "a"), mayor(to(3), "b")][::order]
    now = [mayor(to(2), "a", end=end), mayor(to(3), "b", end=end)][::order]
    come = [mayor(to(4), "c", start=start), mayor(to(5), "d", start=start)][::order]
    found = {row["new_value"]: row["replaced_value"] for row in differences(item(1, *old), item(1, *now, *come))}
    assert (found["Q4"], found["Q5"]) == ("Q2", None)


def test_the_day_of_the_older_state_itself_is_before_the_change(tmp_path: Path) -> None:
    """A value that came to be on that day dates nothing, and what was over on it is a late entry."""
    film = item(901, statement("P577", at(OLD_EDIT[:10])))
    for name, one, change_class in (
        ("value", statement("P800", to(901)), "added_undated"),
        ("end", statement("P39", to(9), end=at(OLD_EDIT[:10])), "late_entry"),
        ("later end", statement("P39", to(9), end=at("2015-01-05")), "added_undated"),
    ):
        (tmp_path / name).mkdir()
        assert came(one, tmp_path / name, film)["change_class"] == change_class


def test_a_statement_that_was_there_before_succeeds_nobody() -> None:
    """It only receives its start."""
    old = [mayor(to(2), "a"), mayor(to(3), "b")]
    now = [mayor(to(2), "a", end=at("2016-05-09")), mayor(to(3), "b", start=at("2016-05-09"))]
    rows = differences(item(1, *old), item(1, *now))
    assert [(row["kind"], row["replaced_statement_id"]) for row in rows] == [("qualifier", None)] * 2
