"""The changes of a week of a real Wikibase, recorded, against the key of what was edited.

Unmodified pywikibot asks over real sockets; the server plays the recorded rows, revisions and items.
"""

import math
import re
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from pipeline.core.errors import BudgetSpent
from pipeline.core.schema import CHANGE_CLASSES
from pipeline.sandbox.history import trouble
from pipeline.sandbox.server import FAULTS, Faults
from tests import replay
from tests.entities import Json
from tests.live import Harvested, harvest_window, window

WEEK = window("2026-11-08T00:00:00Z", "2026-11-15T00:00:00Z")
NEW = {"world_change", "replaced", "new_item", "late_entry", "added_undated", "correction"}
# What the key calls a difference, and what our classes, which also say when it became true, may call it.
CLASSES = {
    "added": {"world_change", "replaced", "late_entry", "added_undated"},
    "replaced": {"correction"},
    "removed": {"removal"},
    "rank_only": {"rank_flip"},
    "qualifier_only": {"qualifier_edit", "ended"},
    "reference_only": {"reference_edit"},
    "recreated_same_value": {"guid_churn"},
    "merged": {"merge"},
    "new_item": {"new_item"},
}
Row = tuple[str, str | None, str]  # item, property, value


@pytest.fixture(scope="module")
def key() -> list[Json]:
    return replay.key()


@pytest.fixture(scope="module")
def harvested(key: list[Json], tmp_path_factory: pytest.TempPathFactory) -> Harvested:
    return harvest_window(replay.recorded_history(), WEEK, tmp_path_factory.mktemp("harvest"))


def as_in_key(value: str) -> str:
    """Our short form of a value as the key writes it."""
    value = re.sub(r"^([^|]+)\|(Q\d+)$", r"\1 \2", value)
    return re.sub(r"^([a-z-]{2,12}):(?!//)(.*)$", r"\2@\1", value, flags=re.DOTALL)


def rows(changes: list[Json], side: str) -> list[tuple[Row, Json]]:
    return [
        ((f"Q{one['subject_id']}", f"P{one['property_id']}", as_in_key(one[f"{side}_value"])), one)
        for one in changes
        if one["property_id"] and one[f"{side}_statement_id"]
    ]


def news(key: list[Json]) -> Counter[Row]:
    kinds = ("added", "replaced", "new_item")
    return Counter(
        (one["item"], one["property"], one["value"]) for one in key if one["property"] and one["class"] in kinds
    )


def test_recent_statements_are_all_found_and_nothing_else_is(key: list[Json], harvested: Harvested) -> None:
    found = Counter(
        row for row, one in rows(harvested.changes, "new") if one["is_new_value"] and one["change_class"] in NEW
    )
    assert found == news(key)
    assert len(found) > 130


def test_classes_agree_with_the_key(key: list[Json], harvested: Harvested) -> None:
    sides = {side: rows(harvested.changes, side) for side in ("old", "new")}
    checked = Counter[str]()
    for one in key:
        if one["property"] and one["class"] in CLASSES:
            side = "old" if one["class"] == "removed" or one["how"].endswith("left this item") else "new"
            if one["how"] == "made in the window, then merged":
                side = "old"
            row = (one["item"], one["property"], one["value"])
            classes = {change["change_class"] for found, change in sides[side] if found == row}
            assert classes and classes <= CLASSES[one["class"]], one
            checked[one["class"]] += 1
    assert set(checked) == set(CLASSES)


def test_every_change_is_in_the_key(key: list[Json], harvested: Harvested) -> None:
    known = {(one["item"], one["property"], one[side]) for one in key for side in ("value", "old_value")}
    for side in ("old", "new"):
        for row, change in rows(harvested.changes, side):
            assert row in known, change
            assert change["change_class"] in CHANGE_CLASSES


def test_what_agrees_at_both_ends_gives_no_change(key: list[Json], harvested: Harvested) -> None:
    """Reverted by undo, rollback or hand; restored; added and removed: base and head agree, so it is not news."""
    found = {row for row, one in rows(harvested.changes, "new") if one["change_class"] in NEW}
    for one in key:
        if one["class"] in ("reverted", "restored") and one["property"]:
            wrong = one["wrong_value"] if "wrong_value" in one else one["value"]
            assert (one["item"], one["property"], wrong) not in found or "came and went" not in one["how"]


def test_the_window_begins_after_its_start_and_holds_its_end(harvested: Harvested) -> None:
    meta = replay.read(replay.RECORDED / "history-meta.json")
    new = {row for row, one in rows(harvested.changes, "new") if one["change_class"] in NEW}
    for edge in meta["edge"]:
        row = (edge["item"], edge["property"], edge["value"])
        assert (row in new) is edge["in_window"]


def test_revisions_are_those_of_the_key(key: list[Json], harvested: Harvested) -> None:
    ends = {one["item"]: (one["base_revid"], one["head_revid"]) for one in key}
    for change in harvested.changes:
        base, head = ends[f"Q{change['subject_id']}"]
        if change["change_class"] != "merge" or change["head_revision"]:
            assert change["base_revision"] == base
            assert change["head_revision"] == head


def test_deleted_items_are_counted_and_restored_ones_asked_for_their_history(harvested: Harvested) -> None:
    assert (harvested.counts["gone"], harvested.counts["restored"]) == (4, 2)
    assert {one["subject_id"] for one in harvested.changes}.isdisjoint({130000503, 130000506, 131000620, 131000629})


def test_no_more_is_asked_than_the_method_needs(harvested: Harvested) -> None:
    """One page of changes, both ends of every item in batches of 50, a history for each restored item, a later look.

    pywikibot itself asks five times what wiki it is talking to.
    """
    revisions = sum(2 if one["base"] else 1 for one in spans(harvested))
    looked_at = {
        change["subject_id"] for change in harvested.changes if change["is_new_value"] and change["head_revision"]
    }
    least = 1 + math.ceil(revisions / 50) + harvested.counts["restored"] + math.ceil(len(looked_at) / 50)
    assert harvested.limiter.traffic.sent == len(harvested.seen.requests) == least + 5
    asked = [parameters for _, parameters in harvested.seen.requests]
    assert sum("maxlag" in parameters for parameters in asked) >= least


def spans(harvested: Harvested) -> list[Json]:
    from pipeline.core.tables import read_table

    found = read_table(harvested.folder / "harvest" / "spans.parquet").to_pylist()
    return [one for one in found if one["fate"] != "gone" and one["head"]]


def test_every_request_is_polite(harvested: Harvested) -> None:
    assert list(harvested.seen.agents) == [harvested.limiter.user_agent]
    assert list(harvested.seen.encodings) == ["gzip"]
    assert harvested.seen.open_most == 1


def test_faults_change_nothing(harvested: Harvested, tmp_path: Path) -> None:
    faults = Faults(dict.fromkeys(FAULTS, 0.1), seed=3)
    troubled = harvest_window(replay.recorded_history(), WEEK, tmp_path, faults)
    assert troubled.changes == harvested.changes
    assert troubled.limiter.traffic.failed > 3
    assert troubled.limiter.traffic.sent == len(troubled.seen.requests)


def test_rows_out_of_order_and_twice_change_nothing(harvested: Harvested, tmp_path: Path) -> None:
    history = replay.recorded_history()
    history.disorder = 0.1
    assert harvest_window(history, WEEK, tmp_path).changes == harvested.changes


def test_suppressed_summaries_change_nothing(harvested: Harvested, tmp_path: Path) -> None:
    history = replay.recorded_history()
    trouble(history, {"suppressed": 0.1})
    again = harvest_window(history, WEEK, tmp_path).changes
    assert [changed_apart_from_edits(one) for one in again] == [
        changed_apart_from_edits(one) for one in harvested.changes
    ]


def changed_apart_from_edits(change: Json) -> Json:
    """A change without what summaries say of it."""
    return {name: value for name, value in change.items() if name not in ("rcids", "tags", "first_seen")}


def test_a_run_out_of_budget_goes_on_where_it_stopped(harvested: Harvested, tmp_path: Path) -> None:
    history = replay.recorded_history()
    with pytest.raises(BudgetSpent):
        harvest_window(history, WEEK, tmp_path, budget=9)
    again = harvest_window(history, WEEK, tmp_path)
    assert again.changes == harvested.changes
    assert again.limiter.traffic.sent < harvested.limiter.traffic.sent
    assert not any("recentchanges" in asked.get("list", "") for _, asked in again.seen.requests)


def first_news(harvested: Harvested) -> Json:
    """A statement that came by an edit to an item that was there before."""
    return next(
        one for one in harvested.changes if one["change_class"] == "added_undated" and one["new_value"][0] == "Q"
    )


def classes(harvested: Harvested, change: Json) -> set[str]:
    wanted = change["subject_id"], change["new_statement_id"]
    return {one["change_class"] for one in harvested.changes if (one["subject_id"], one["new_statement_id"]) == wanted}


def test_what_went_after_the_window_is_no_news(harvested: Harvested, tmp_path: Path) -> None:
    history, news = replay.recorded_history(), first_news(harvested)
    claims = history.entities[f"Q{news['subject_id']}"]["claims"]
    name = f"P{news['property_id']}"
    claims[name] = [one for one in claims[name] if one["id"] != news["new_statement_id"]]
    again = harvest_window(history, WEEK, tmp_path)
    assert classes(again, news) == {"reverted"}
    assert len(again.changes) == len(harvested.changes)


def test_what_came_to_an_item_that_is_gone_by_now_is_no_news(harvested: Harvested, tmp_path: Path) -> None:
    history, news = replay.recorded_history(), first_news(harvested)
    item = f"Q{news['subject_id']}"
    history.entities = {name: entity for name, entity in history.entities.items() if name != item}
    assert classes(harvest_window(history, WEEK, tmp_path), news) == {"reverted"}


def test_what_only_reverted_edits_brought_is_no_news(harvested: Harvested, tmp_path: Path) -> None:
    history, news = replay.recorded_history(), first_news(harvested)
    for row in history.changes:
        if row["title"] == f"Q{news['subject_id']}":
            row["tags"] = [*row["tags"], "mw-reverted"]
    assert classes(harvest_window(history, WEEK, tmp_path), news) == {"reverted"}


@pytest.mark.parametrize("end", ["base_revision", "head_revision"])
def test_for_a_hidden_end_the_revision_before_it_stands_in(harvested: Harvested, tmp_path: Path, end: str) -> None:
    history = replay.recorded_history()
    item = next(
        one["subject_id"]
        for one in harvested.changes
        if history.revisions.get(one[end] or 0, {}).get("parentid", 0) > 0 and one["base_revision"]
    )
    hidden = next(one[end] for one in harvested.changes if one["subject_id"] == item)
    history.revisions[hidden]["slots"] = {"main": {"texthidden": True}}
    again = harvest_window(history, WEEK, tmp_path)
    parent = history.revisions[hidden]["parentid"]
    assert {one[end] for one in again.changes if one["subject_id"] == item} <= {parent}
    others = [[one for one in run.changes if one["subject_id"] != item] for run in (harvested, again)]
    assert others[0] == others[1]


def test_revisions_that_a_lagging_server_misses_are_asked_for_again(harvested: Harvested, tmp_path: Path) -> None:
    history = replay.recorded_history()
    history.lagging = {one["head_revision"] for one in harvested.changes[::10] if one["head_revision"]}
    again = harvest_window(history, WEEK, tmp_path)
    assert again.changes == harvested.changes
    assert again.limiter.traffic.sent == harvested.limiter.traffic.sent + 1


def test_an_item_whose_revision_was_deleted_since_is_left_out(harvested: Harvested, tmp_path: Path) -> None:
    history, news = replay.recorded_history(), first_news(harvested)
    del history.revisions[news["head_revision"]]
    again = harvest_window(history, WEEK, tmp_path)
    assert again.counts["deleted_since"] == 1
    assert {one["subject_id"] for one in harvested.changes} - {one["subject_id"] for one in again.changes} == {
        news["subject_id"]
    }


def test_a_change_names_the_edits_that_brought_it_and_their_moment(key: list[Json], harvested: Harvested) -> None:
    """The edit from which the value stood is always among them.

    Beside it stands no edit that the key does not name, unless the summaries of both say nothing of properties.
    """
    found = dict(rows(harvested.changes, "new"))
    edits = {row["rcid"]: row for row in replay.recorded_history().changes}
    checked = Counter[str]()
    for one in key:
        if one["property"] and one["class"] in ("added", "replaced", "new_item"):
            change = found[one["item"], one["property"], one["value"]]
            brought = [edits[rcid] for rcid in change["rcids"]]
            revisions = {edit["revid"] for edit in brought}
            assert one["since_revid"] in revisions, one
            assert {edit["title"] for edit in brought} == {one["item"]}
            assert change["tags"] == sorted({tag for edit in brought for tag in edit["tags"]})
            assert written(change["first_seen"]) == max(edit["timestamp"] for edit in brought) >= one["since_timestamp"]
            is_sure = revisions <= set(one["revids"]) and written(change["first_seen"]) == one["since_timestamp"]
            assert is_sure or not any("Property:" in edit["comment"] for edit in brought), one
            checked["sure" if is_sure else "one of several"] += 1
    assert checked["one of several"] < 0.05 * checked.total()
    assert checked["sure"] > 130


def written(moment: datetime) -> str:
    """A time as the wiki writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def test_only_edits_that_recent_changes_forgot_are_not_named(key: list[Json], harvested: Harvested) -> None:
    """Those of pages that were deleted and restored; a change of an item as a whole has no edits of its own."""
    forgotten = {one["item"] for one in key if one["how"] == "page deleted, then restored"}
    for change in harvested.changes:
        assert change["rcids"] == sorted(set(change["rcids"]))
        if change["property_id"]:
            assert bool(change["rcids"]) is (f"Q{change['subject_id']}" not in forgotten), change
        else:
            assert (change["rcids"], change["tags"]) == ([], [])


def test_an_edit_with_a_hidden_summary_may_have_brought_anything_that_no_other_is_known_to_have(
    key: list[Json], tmp_path: Path
) -> None:
    history = replay.recorded_history()
    for row in history.changes:
        row.pop("comment", None)
        row["commenthidden"] = True
    found = dict(rows(harvest_window(history, WEEK, tmp_path).changes, "new"))
    revisions = {row["rcid"]: row["revid"] for row in history.changes}
    for one in key:
        if one["property"] and one["class"] in ("added", "replaced", "new_item"):
            change = found[one["item"], one["property"], one["value"]]
            assert one["since_revid"] in {revisions[rcid] for rcid in change["rcids"]}
            assert written(change["first_seen"]) >= one["since_timestamp"]
