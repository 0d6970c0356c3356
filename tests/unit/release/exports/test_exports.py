"""All formats together, and the JSON files that they become."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings

from pipeline.core.edit_record import Edit
from pipeline.release.exports import EXPORTS, LACKS, export_files, write_exports, write_json
from tests.samples import EDITS, spoilt_releases


def leaves(value: object) -> Iterator[object]:
    """Every value in a record that holds no others, and every empty container."""
    if isinstance(value, Mapping) and value:
        for part in value.values():
            yield from leaves(part)
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for part in value:
            yield from leaves(part)
    else:
        yield value


def test_every_format_writes_into_its_own_folder_only() -> None:
    for name, make in EXPORTS.items():
        export = make(EDITS)
        assert export.files
        assert all(path.startswith(f"{name}/") and path.endswith(".json") for path in export.files)
        assert export.files.keys() == export.left_out.keys()


UNFIT = {"answer_kept", "two_hops"}
"""Why a format has no shape for an edit, whatever it lacks."""


def test_the_sample_edits_fill_every_file_and_none_lacks_what_its_format_requires() -> None:
    export = export_files(EDITS)
    assert all(export.files.values())
    assert {lack for lacks in export.left_out.values() for lack in lacks} == UNFIT


def test_a_release_without_edits_still_has_every_file() -> None:
    assert export_files([]).files == dict.fromkeys(export_files(EDITS).files, [])


@given(spoilt_releases)
def test_no_file_holds_an_empty_or_padded_text_a_null_or_an_empty_list(edits: list[Edit]) -> None:
    for records in export_files(edits).files.values():
        for value in leaves(list(records) or "none"):
            assert isinstance(value, int) or (isinstance(value, str) and value and value == value.strip())


@given(spoilt_releases)
def test_every_edit_that_a_file_is_for_is_in_it_or_counted(edits: list[Edit]) -> None:
    export = export_files(edits)
    as_they_were = export_files(
        [edit for edit in EDITS for spoilt in edits if spoilt["case_id"].startswith(edit["case_id"])]
    )
    for path, records in export.files.items():
        lacks = export.left_out[path]
        present = len({str(record["case_id"]) for record in records})
        assert lacks.keys() <= LACKS.keys()
        wanted = sum(1 for edit in as_they_were.files[path] if edit.get("length") != "long")
        assert present + sum(lacks.values()) == wanted + sum(as_they_were.left_out[path].values())


@given(spoilt_releases)
def test_the_order_of_the_edits_changes_nothing(edits: list[Edit]) -> None:
    shuffled = list(edits)
    random.Random(1).shuffle(shuffled)
    assert export_files(shuffled) == export_files(edits)


def test_a_file_is_one_array_with_a_record_on_each_line(tmp_path: Path) -> None:
    path = tmp_path / "exports" / "some" / "file.json"
    write_json([{"case_id": "recent-0003", "subject": "Zoë Ñandú"}, {"case_id": "recent-0004"}], path)
    assert path.read_bytes() == (
        b'[\n{"case_id": "recent-0003", "subject": "Zo\\u00eb \\u00d1and\\u00fa"},\n{"case_id": "recent-0004"}\n]\n'
    )
    assert list(path.parent.iterdir()) == [path]


def test_a_file_without_records_is_an_empty_array(tmp_path: Path) -> None:
    write_json([], tmp_path / "file.json")
    assert (tmp_path / "file.json").read_text(encoding="ascii") == "[]\n"


def test_a_file_without_records_is_not_written(tmp_path: Path) -> None:
    export = export_files([edit for edit in EDITS if edit["category"] == "long_tail" and edit["split"] == "test"])
    assert write_exports(export, tmp_path) == [path for path, records in export.files.items() if records] == []
    assert list(tmp_path.iterdir()) == []
    assert write_exports(export_files(EDITS), tmp_path) == list(export.files)


@settings(max_examples=25, deadline=None)  # each writes a dozen files and waits for the disk
@given(spoilt_releases)
def test_files_are_ascii_and_read_back_the_same(tmp_path_factory: pytest.TempPathFactory, edits: list[Edit]) -> None:
    path = tmp_path_factory.getbasetemp() / "file.json"
    for records in export_files(edits).files.values():
        write_json(records, path)
        assert json.loads(path.read_text(encoding="ascii")) == records


def test_the_file_that_was_there_survives_a_failed_write(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json([{"case_id": "recent-0001"}], path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json([{"case_id": "recent-0002", "level": float("nan")}], path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
