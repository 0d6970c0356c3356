"""Verdicts: they hold for the very words that were read, in whatever release these stand."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.release.audit.faults import load_faults
from pipeline.release.audit.verdicts import (
    VerdictFile,
    VerdictRow,
    held_by,
    read_verdicts,
    require_any,
    to_json,
    what_became,
    words_hash,
)
from tests.samples import EDITS, POPULAR_TRAIN, RECENT_TRAIN, ROBUST_TRAIN, changed, changed_probe

FAULTS = load_faults()
KINDS = [fault.kind for fault in FAULTS]


def verdict(edit: Any, *faults: str, **fields: Any) -> VerdictRow:
    return VerdictRow(edit["case_id"], words_hash(edit), list(faults), **fields)


def file(*rows: VerdictRow, reader: str = "a person") -> VerdictFile:
    return VerdictFile("v1", list(rows), reader)


# Which words they hold for


@pytest.mark.parametrize(
    "columns",
    [
        {"prompt": "The seat of {} is"},
        {"target_new": "Elsewhere"},
        {"target_new_aliases": ["Elsewhere"]},
        {"ground_truth": "Elsewhere"},
        {"question_rephrases": []},
        {"subject_description": "a namesake"},
        {"subject_id": "Q5"},  # the same words of somebody else
        {"rephrases": ["Elsewhere is"]},
        {"answers": [["Elsewhere"]]},
        {"event_time": "+1999-00-00T00:00:00Z"},
        {"locality": [changed_probe(POPULAR_TRAIN["locality"][0], prompt="The mayor of {} is")]},
        {"locality": [changed_probe(POPULAR_TRAIN["locality"][0], ground_truth=[["Nobody"]])]},
        {"locality": []},
        {"portability": []},
    ],
    ids=lambda columns: next(iter(columns)),
)
def test_other_words_have_another_hash(columns: dict[str, Any]) -> None:
    original = POPULAR_TRAIN if POPULAR_TRAIN["portability"] or "portability" not in columns else RECENT_TRAIN
    assert words_hash(changed(original, **columns)) != words_hash(original)


def test_prefixes_and_forms_are_words_too() -> None:
    hashes = {words_hash(changed(ROBUST_TRAIN, **columns)) for columns in ({}, {"prefixes": []}, {"length_forms": []})}
    assert len(hashes) == 3


def test_numbers_and_splits_are_no_words() -> None:
    other = changed(POPULAR_TRAIN, split="test", in_degree=5, page_views=7, template_version="f00")
    assert words_hash(other) == words_hash(POPULAR_TRAIN)


def test_what_is_news_depends_on_the_window() -> None:
    later = datetime(2031, 1, 1, tzinfo=UTC)
    assert words_hash(changed(RECENT_TRAIN, window_start=later)) != words_hash(RECENT_TRAIN)
    timeless = changed(POPULAR_TRAIN, change_class=None)
    assert words_hash(changed(timeless, window_start=later)) == words_hash(timeless)


def test_a_verdict_holds_for_a_row_that_is_word_for_word_the_same() -> None:
    mended = changed(POPULAR_TRAIN, target_new="Elsewhere")
    gone = changed(POPULAR_TRAIN, case_id="popular-gone")
    read = file(verdict(POPULAR_TRAIN, "false"), verdict(RECENT_TRAIN), verdict(gone), reader="Ada")
    held = held_by([mended, RECENT_TRAIN], [read])
    assert [(row.case_id, row.faults, row.reader) for row in held.rows] == [(RECENT_TRAIN["case_id"], [], "Ada")]
    assert (held.changed, held.unknown, held.disputed) == (1, 1, 0)
    assert what_became(held, "v2") == (
        "Verdicts: 1 on rows of v2, word for word; 1 on rows with other words; 1 on rows that it does not have."
    )


def test_rows_that_were_not_judged_count_nowhere() -> None:
    row = msgspec.structs.replace(verdict(POPULAR_TRAIN), faults=None)
    held = held_by(EDITS, [file(row)])
    assert (held.rows, held.changed, held.unknown) == ([], 0, 0)


def test_verdicts_that_belong_to_another_release_are_refused() -> None:
    held = held_by([RECENT_TRAIN], [file(verdict(POPULAR_TRAIN))])
    with pytest.raises(InputError, match="0 on rows of v1, word for word; 1 on rows that it does not have"):
        require_any(held, "v1")


# More than one reader


def test_a_fault_that_one_reader_finds_is_a_fault() -> None:
    held = held_by(
        EDITS,
        [
            file(verdict(POPULAR_TRAIN), reader="Ada"),
            file(verdict(POPULAR_TRAIN, "harmful", note="he lives"), reader="Bo"),
        ],
    )
    (together,) = held.verdicts.values()
    assert (together.faults, together.notes, together.readers) == ({"harmful"}, ("he lives",), ("Ada", "Bo"))
    assert held.disputed == 1
    assert "Rows on which readers disagree: 1" in what_became(held, "v1")


def test_a_file_given_twice_counts_once() -> None:
    once = file(verdict(POPULAR_TRAIN, "false"))
    held = held_by(EDITS, [once, once])
    assert (len(held.rows), held.disputed) == (1, 0)


# Files


rows_of_files = st.builds(
    VerdictRow,
    case_id=st.text(max_size=9),
    words=st.text("0123456789abcdef", min_size=16, max_size=16),
    faults=st.none() | st.lists(st.sampled_from(KINDS), max_size=3),
    note=st.text(max_size=9),
    reader=st.text(max_size=9),
)


@given(st.builds(VerdictFile, st.text(max_size=9), st.lists(rows_of_files, max_size=4), st.text(max_size=9)))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, written: VerdictFile) -> None:
    path = tmp_path_factory.mktemp("verdicts") / "verdicts.json"
    path.write_text(to_json(written), encoding="utf-8")
    assert read_verdicts(path, FAULTS) == written


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "These are not verdicts: Input data was truncated"),
        (b"\xff", "These are not verdicts"),
        (b"[]", "These are not verdicts: Expected `object`, got `array`"),
        (b'{"release": "v1"}', "missing required field `verdicts`"),
        (b'{"release": "v1", "verdicts": [{"case_id": "a", "words": "b"}]}', "missing required field `faults`"),
        (b'{"release": "v1", "verdicts": [], "seed": 3}', "unknown field `seed`"),
        (
            b'{"release": "v1", "verdicts": [{"case_id": "a", "words": "b", "faults": ["ugly"]}]}',
            "Unknown kinds of fault: ugly .*Use false, impossible",
        ),
    ],
)
def test_what_is_no_file_of_verdicts_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "verdicts.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_verdicts(path, FAULTS)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="The verdicts cannot be read: No such file"):
        read_verdicts(tmp_path / "none.json", FAULTS)
