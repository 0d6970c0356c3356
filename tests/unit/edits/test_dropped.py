"""DROPPED: every rejected row with what it was, in one order whatever order it came in, and counts that add up."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pyarrow as pa

from pipeline.core import schema
from pipeline.core.edit_record import Edit
from pipeline.core.tables import Database, read_table, write_records
from pipeline.edits import dropped
from pipeline.edits.edits import Drop
from tests.measured import Row, triple
from tests.minikg import Mini

HELD = [
    triple(2, "P27", 1, reason="ended"),
    triple(10, "P27", 1, reason="homonym"),
    triple(10, "P27", 3, reason="homonym", object_key=None),
    triple(10, "P106", 2, reason="duplicate", statement_id="b"),
    triple(10, "P106", 2, reason="duplicate", statement_id="a"),
    triple(10, "P19", 2),
]
CONSIDERED: list[Row] = [
    {
        "category": category,
        "middle_relation": middle,
        "reason": reason,
        "detail": detail,
        **triple(subject, "P36", held),
    }
    for category, subject, middle, held, reason, detail in (
        ("recent", 2, None, 4, "class_not_selected", "merge"),
        ("popular", 10, "P27", 3, "over_quota", "Q7"),
        ("popular", 10, None, 3, "over_quota", None),
        ("popular", 9, None, 5, "over_quota", None),
        ("popular", 9, None, 4, "same_question", None),
        ("popular", 8, None, 4, None, None),
        ("long_tail", 8, None, 4, None, None),
    )
]


def table(rows: Sequence[Row], columns: pa.Schema, folder: Path) -> Path:
    """A table of a few rows."""
    filled = [{name: row.get(name) for name in columns.names} for row in rows]
    return write_records(filled, folder / "rows.parquet", columns)


def written(path: Path) -> list[tuple[object, ...]]:
    """The rows of DROPPED, as tuples."""
    return [tuple(row.values()) for row in read_table(path).to_pylist()]


def test_what_screening_rejects_is_written_in_the_order_of_its_keys(tmp_path: Path) -> None:
    for name, rows in (("one", HELD), ("other", HELD[::-1])):
        with Database(tmp_path / "scratch", "100MB") as database:
            path = dropped.write_screening_drops(table(rows, schema.TRIPLES, tmp_path), database, tmp_path / name)
        assert written(path) == [
            (None, "Q2", "P27", "Q1", "Q2$P27-1", "screening", "ended", None),
            (None, "Q10", "P106", "Q2", "a", "screening", "duplicate", None),
            (None, "Q10", "P106", "Q2", "b", "screening", "duplicate", None),
            (None, "Q10", "P27", None, "Q10$P27-3", "screening", "homonym", None),
            (None, "Q10", "P27", "Q1", "Q10$P27-1", "screening", "homonym", None),
        ]


def test_what_selection_did_not_take_is_written_with_its_path_and_detail(tmp_path: Path) -> None:
    for name, rows in (("one", CONSIDERED), ("other", CONSIDERED[::-1])):
        with Database(tmp_path / "scratch", "100MB") as database:
            path = dropped.write_selection_drops(table(rows, schema.CANDIDATES, tmp_path), database, tmp_path / name)
        assert written(path) == [
            ("popular", "Q9", "P36", "Q4", "Q9$P36-4", "selection", "same_question", None),
            ("popular", "Q9", "P36", "Q5", "Q9$P36-5", "selection", "over_quota", None),
            ("popular", "Q10", "P27/P36", "Q3", "Q10$P36-3", "selection", "over_quota", "Q7"),
            ("popular", "Q10", "P36", "Q3", "Q10$P36-3", "selection", "over_quota", None),
            ("recent", "Q2", "P36", "Q4", "Q2$P36-4", "selection", "class_not_selected", "merge"),
        ]


def test_tables_of_kept_and_rejected_rows_are_counted_by_reason(tmp_path: Path) -> None:
    with Database(tmp_path / "scratch", "100MB") as database:
        (screened,) = dropped.count_table(table(HELD, schema.TRIPLES, tmp_path), "screening", database)
        selected = dropped.count_table(table(CONSIDERED, schema.CANDIDATES, tmp_path), "selection", database)
    assert (screened.stage, screened.category, screened.taken_in, screened.kept) == ("screening", None, 6, 1)
    assert list(screened.dropped.items()) == [("duplicate", 2), ("ended", 1), ("homonym", 2)]
    assert [(one.category, one.taken_in, one.kept, dict(one.dropped)) for one in selected] == [
        ("long_tail", 1, 1, {}),
        ("popular", 5, 1, {"over_quota": 3, "same_question": 1}),
        ("recent", 1, 0, {"class_not_selected": 1}),
    ]


def test_drops_of_later_stages_are_written_and_counted_in_one_order(tmp_path: Path) -> None:
    drops = [
        Drop("recent", "Q1", "P36", "Q2", "s", "splits", reason) for reason in ("conflict", "excluded", "conflict")
    ]
    drops.append(Drop("popular", "Q1", "P36", None, "s", "splits", "conflict"))
    for name, rows in (("one", drops), ("other", drops[::-1])):
        ordered = written(dropped.write_drops(rows, tmp_path / name))
        assert [(row[0], row[6]) for row in ordered] == [
            ("popular", "conflict"),
            ("recent", "conflict"),
            ("recent", "conflict"),
            ("recent", "excluded"),
        ]
        counts = dropped.count_stage("splits", Counter(recent=5, popular=1, long_tail=2), Counter(recent=2), rows)
        assert [(one.category, one.taken_in, one.kept, list(one.dropped.items())) for one in counts] == [
            ("long_tail", 2, 0, []),
            ("popular", 1, 0, [("conflict", 1)]),
            ("recent", 5, 2, [("conflict", 2), ("excluded", 1)]),
        ]


def test_an_edit_that_is_dropped_keeps_what_it_was(mini: Mini) -> None:
    """Of an edit over two hops both relations are named; a value without an id stands for itself."""
    one = next(edit for edit in mini.edits if edit["hops"] == 1 and edit["target_new_id"])
    two = next(edit for edit in mini.edits if edit["hops"] == 2)
    for edit, relations in (
        (one, one["relation_id"]),
        (two, f"{two['path'][0]['relation_id']}/{two['relation_id']}"),
    ):
        assert dropped.drop_edit(edit, "splits", "conflict", "popular-1") == (
            *(edit["category"], edit["subject_id"], relations, edit["target_new_id"], edit["statement_id"]),
            *("splits", "conflict", "popular-1"),
        )
    date = cast(Edit, {**one, "target_new_id": None, "target_new": "4 May 1901"})
    assert dropped.drop_edit(date, "splits", "conflict").object_id == "4 May 1901"


def many(folder: Path) -> Path:
    """Rejected rows: 3 of a rare reason, 40 and 60 of two frequent ones."""
    rows = [
        triple(subject, "P27", subject, reason=reason, statement_id=f"s{subject}")
        for reason, subjects in (("homonym", range(1, 4)), ("ended", range(10, 50)), ("object_type", range(100, 160)))
        for subject in subjects
    ]
    with Database(folder / "scratch", "100MB") as database:
        return dropped.write_screening_drops(table(rows, schema.TRIPLES, folder), database, folder / "all.parquet")


def nearest(limit: int, folder: Path, subjects: Sequence[str] = (), seed: int = 1) -> list[tuple[object, ...]]:
    with Database(folder / "scratch", "100MB") as database:
        drops, out = many(folder), folder / "listed.parquet"
        return written(dropped.write_nearest(drops, subjects, limit, seed, database, out))


def test_few_rejected_rows_are_all_listed(tmp_path: Path) -> None:
    nearest(103, tmp_path)
    assert (tmp_path / "listed.parquet").read_bytes() == (tmp_path / "all.parquet").read_bytes()


def test_of_many_rejected_rows_a_part_is_listed_with_every_reason(tmp_path: Path) -> None:
    rows = nearest(53, tmp_path)
    assert Counter(row[6] for row in rows) == {"homonym": 3, "ended": 25, "object_type": 25}
    assert rows == [row for row in written(tmp_path / "all.parquet") if row in rows]  # in their order
    assert rows == nearest(53, tmp_path)
    assert rows != nearest(53, tmp_path, seed=2)


def test_rows_about_subjects_of_the_release_are_listed_first(tmp_path: Path) -> None:
    subjects = ["Q49", "Q110", "Q111", "Q7777"]
    listed = {row[1] for row in nearest(9, tmp_path, subjects)}
    assert listed >= {"Q49", "Q110", "Q111"}
    assert len(listed) == 9


def test_a_release_without_edits_lists_nothing(tmp_path: Path) -> None:
    assert nearest(0, tmp_path) == []
