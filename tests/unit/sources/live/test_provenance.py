"""Which edits made a difference, read off their summaries."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.core import schema
from pipeline.core.tables import Database, read_table, write_records
from pipeline.sources.live.provenance import find_provenance
from tests.entities import Json

ITEM = 42
CREATED = "/* wbsetclaim-create:2||1 */ [[Property:P106]]: [[Q36180]]"
UPDATED = "/* wbsetclaim-update:2||1 */ [[Property:P106]]: [[Q36180]]"
BATCH = "/* wbeditentity-update:0| */"
UNDOING = "Undo revision 7 by [[Special:Contributions/ExampleUser|ExampleUser]]"
Comment = str | None


def difference(kind: str = "added", new: object = 36180, old: object = None, property_id: int = 106) -> Json:
    """A difference of a statement; an item is given by its number, any other value as its text."""

    def side(name: str, value: object) -> Json:
        text = f"Q{value}" if isinstance(value, int) else value
        given = {f"{name}_value": text, f"{name}_object_id": value if isinstance(value, int) else None}
        return given | {f"{name}_statement_id": f"Q42${name}" if value else None}

    return {"subject_id": ITEM, "property_id": property_id, "kind": kind} | side("new", new) | side("old", old)


def moment(place: int) -> datetime:
    return datetime(2026, 11, 9, 12, place, tzinfo=UTC)


def edit(place: int, comment: Comment, item: int = ITEM) -> Json:
    """An edit with the number, the minute and the tag of its place."""
    row: Json = dict.fromkeys(schema.RECENT_CHANGES.names)
    tags = ["all", f"tag {place}"]
    return row | {
        "rcid": place,
        "item_id": item,
        "kind": "edit",
        "time": moment(place),
        "comment": comment,
        "tags": tags,
    }


def provenance(folder: Path, differences: Iterable[Json], edits: Iterable[Json]) -> Mapping[str, Json]:
    """PROVENANCE by statement."""
    empty: Json = dict.fromkeys(schema.DIFFERENCES.names)
    rows = [empty | one for one in differences]
    with Database(folder / "scratch", "200MB") as database:
        database.view("differences", write_records(rows, folder / "differences.parquet", schema.DIFFERENCES))
        database.view("changes", write_records(list(edits), folder / "changes.parquet", schema.RECENT_CHANGES))
        found = read_table(find_provenance(database, folder / "provenance.parquet")).to_pylist()
    return {row["statement_id"].removeprefix("Q42$"): row for row in found}


Case = tuple[Json, list[Comment], list[int]]
CASES: Mapping[str, Case] = {
    "the summary that names property and item": (difference(), [BATCH, CREATED, UNDOING], [1]),
    "items of a namespace": (difference(), ["/* wbcreateclaim-create:1| */ [[Property:P106]]: [[Item:Q36180]]"], [0]),
    "with a word of the user's": (difference(), [BATCH, f"{CREATED}, #quickstatements"], [1]),
    "another item came": (difference(), [CREATED.replace("Q36180", "Q361"), BATCH], [1]),
    "another property": (difference(), [CREATED.replace("P106", "P10"), BATCH], [1]),
    "updates after the creation": (difference(), [CREATED, UPDATED, UPDATED], [0]),
    "an update alone": (difference(), [BATCH, UPDATED], [1]),
    "a new value of a statement": (difference("revalued", 36180, 5), [CREATED, UPDATED], [1]),
    "a string": (
        difference(new="123"),
        [f"/* wbcreateclaim-create:1| */ [[Property:P106]]: {text}" for text in ("1234", "123", "12")],
        [1],
    ),
    "a date, which is written for people": (
        difference(new="+1952-03-11T00:00:00Z/11"),
        [f"/* wbcreateclaim-create:1| */ [[Property:P106]]: {day} March 1952" for day in (11, 12)],
        [0, 1],
    ),
    "batches before undoings": (difference(), [UNDOING, BATCH, BATCH, UNDOING], [1, 2]),
    "undoings if there is nothing else": (difference(), [UNDOING, "unsourced", ""], [0, 1, 2]),
    "labels never": (difference(), ["/* wbsetlabel-set:1|en */ Douglas", BATCH], [1]),
    "hidden summaries before silent ones": (difference(), [None, BATCH], [0]),
    "hidden summaries after clear ones": (difference(), [None, CREATED], [1]),
    "a removal": (
        difference("removed", None, 36180),
        ["/* wbremoveclaims-remove:1| */ [[Property:P106]]: [[Q36180]]", CREATED],
        [0],
    ),
    "a rank": (difference("rank", 36180, 36180), [BATCH, UPDATED], [1]),
    "a qualifier, which its summary names instead": (
        difference("qualifier", 36180, 36180),
        ["/* wbsetqualifier-add:1| */ [[Property:P580]]: 1 May 1990", CREATED],
        [0],
    ),
    "a reference": (
        difference("reference", 36180, 36180),
        ["/* wbsetreference-add:2| */ [[Property:P106]]: [[Q36180]]", BATCH],
        [0],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_those_edits_are_named_whose_summaries_say_most(case: str, tmp_path: Path) -> None:
    change, comments, expected = CASES[case]
    edits = [edit(place, comment) for place, comment in enumerate(comments)]
    (row,) = provenance(tmp_path, [change], edits).values()
    assert row["rcids"] == expected
    assert row["tags"] == ["all", *(f"tag {place}" for place in expected)]
    assert row["first_seen"] == moment(expected[-1])


def test_both_sides_of_an_exchange_have_edits_of_their_own(tmp_path: Path) -> None:
    removed = "/* wbremoveclaims-remove:1| */ [[Property:P106]]: [[Q5]]"
    found = provenance(tmp_path, [difference("swapped", 36180, 5)], [edit(0, removed), edit(1, CREATED)])
    assert {name: row["rcids"] for name, row in found.items()} == {"old": [0], "new": [1]}


def test_a_statement_that_differs_in_two_ways_has_the_edits_of_both(tmp_path: Path) -> None:
    changes = [difference(kind, 36180, 36180) for kind in ("rank", "reference")]
    edits = [edit(0, "/* wbsetreference-add:2| */ [[Property:P106]]: [[Q36180]]"), edit(1, UPDATED)]
    assert provenance(tmp_path, changes, edits)["new"]["rcids"] == [0, 1]


def test_without_an_edit_there_is_nothing_to_name(tmp_path: Path) -> None:
    whole_item: Json = {"subject_id": ITEM, "kind": "added"}
    log = edit(1, None) | {"kind": "log"}
    assert provenance(tmp_path, [difference(), whole_item], [edit(0, CREATED, item=7), log]) == {}
