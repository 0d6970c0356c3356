"""Exclusions: what a file keeps out of every split, whatever form it has."""

import json
from functools import partial
from pathlib import Path

import pytest

from pipeline.core.errors import InputError
from pipeline.core.settings import SplitsSettings
from pipeline.edits.consistency import claims_of
from pipeline.edits.exclusions import Exclusions, normalised, read_exclusions
from pipeline.edits.splits import assign_splits
from pipeline.language.subgraph import Subgraph
from pipeline.release.exports import export_files, write_json
from tests.limits import ROOMY
from tests.minikg import TEMPLATES
from tests.samples import EDITS

EXPORTED = export_files(EDITS).files
SHARES = SplitsSettings(train=0.8, validation=0.1, test=0.1)


def read(folder: Path, text: str) -> Exclusions:
    path = folder / "exclude"
    path.write_text(text, encoding="utf-8")
    return read_exclusions(path)


def test_a_list_holds_an_id_a_subject_or_a_prompt_on_each_line(tmp_path: Path) -> None:
    found = read(tmp_path, "Q42\nAda Rooke\n\n  The capital of Verdania is  \nQ1101\n")
    assert found.ids == {42, 1101}
    assert found.holds("Ada Rooke")
    assert found.holds("The capital of Verdania is")
    assert not found.holds("Q42")
    assert not found.holds("")


@pytest.mark.parametrize(
    "text",
    [
        "the capital of verdania is",
        "The  capital of\tVerdania is",
        "The capital of Verdania is:",
        "The capital of Verdania is ?",
        " The capital of Verdania is. ",
        "THE CAPITAL OF VERDANIA IS",
    ],
)
def test_case_spacing_and_final_punctuation_make_no_difference(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text).holds("The capital of Verdania is")
    assert normalised(text) == "the capital of verdania is"


@pytest.mark.parametrize("entry", ["q42", "Q042", "Q42b", "P42", "Q 42"])
def test_what_only_looks_like_an_id_is_a_text(entry: str, tmp_path: Path) -> None:
    found = read(tmp_path, entry)
    assert not found.ids
    assert found.holds(entry)


def test_a_byte_order_mark_does_not_hide_the_first_line(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeffQ42\nQ43\n").ids == {42, 43}
    assert read(tmp_path, '\ufeff[{"subject_id": "Q42"}]').ids == {42}


def test_an_empty_file_excludes_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "") == read(tmp_path, "\n \n") == read(tmp_path, "[]") == Exclusions()


# JSON


@pytest.mark.parametrize("path", EXPORTED)
def test_a_file_of_ours_keeps_its_edits_out_of_another_release(path: str, tmp_path: Path) -> None:
    records = EXPORTED[path]
    assert records
    write_json(records, tmp_path / "exclude.json")
    exclusions = read_exclusions(tmp_path / "exclude.json")
    exported = {str(record["subject"]) for record in records}
    edits = [edit for edit in EDITS if edit["category"] != "robust"]
    kept, drops = assign_splits(
        edits, partial(claims_of, subgraph=Subgraph({}, (), TEMPLATES)), exclusions, 1, SHARES, ROOMY
    )
    assert exported.isdisjoint(edit["subject"] for edit in kept)
    assert any(drop.reason == "excluded" for drop in drops)


@pytest.mark.parametrize("path", EXPORTED)
def test_even_without_its_subjects_a_file_keeps_its_prompts_out(path: str, tmp_path: Path) -> None:
    records = [{key: value for key, value in record.items() if key != "subject"} for record in EXPORTED[path]]
    write_json(records, tmp_path / "exclude.json")
    exclusions = read_exclusions(tmp_path / "exclude.json")
    prompts = {str(record.get("prompt", record.get("src"))) for record in records}
    assert all(map(exclusions.holds, prompts))


@pytest.mark.parametrize(
    "record",
    [
        pytest.param({"subject": "Ada Rooke"}, id="flat"),
        pytest.param({"subject": "Ada Rooke", "src": "Who?", "alt": "x", "answers": ["y"]}, id="MEND zsRE"),
        pytest.param({"requested_rewrite": {"prompt": "{} is", "subject": "Ada Rooke"}}, id="ROME CounterFact"),
        pytest.param({"requested_rewrite": [{"subject": "Ada Rooke"}], "questions": ["x"]}, id="MQuAKE"),
        pytest.param({"concept": "ada rooke", "text": "A passage"}, id="WikiBio"),
        pytest.param({"ent": "Ada Rooke", "pos": ["x"]}, id="ConvSent"),
        pytest.param({"K_F": [{"question": "Ada Rooke"}]}, id="Sanitation"),
        pytest.param({"a1": {"edit": {"prompt": "x", "subject": "Ada Rooke"}}}, id="UniEdit"),
        pytest.param({"rephrase": "Ada Rooke?"}, id="a rephrase"),
    ],
)
@pytest.mark.parametrize("as_list", [True, False], ids=["in a list", "alone"])
def test_subjects_and_prompts_are_found_at_any_depth(record: dict[str, object], as_list: bool, tmp_path: Path) -> None:
    assert read(tmp_path, json.dumps([record] if as_list else record)).holds("Ada Rooke")


def test_ids_stand_under_subject_keys_too(tmp_path: Path) -> None:
    found = read(tmp_path, json.dumps([{"edit": {"subject_id": "Q42", "target_id": "Q43"}}]))
    assert found.ids == {42}


def test_answers_targets_and_locality_answers_are_no_exclusions(tmp_path: Path) -> None:
    record = {
        "target_new": "Lowmere",
        "ground_truth": "Greenport",
        "locality_ground_truth": "Saltholm",
        "cond": "a >> b",
    }
    assert read(tmp_path, json.dumps([record])) == Exclusions()


# Files that cannot be read


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'[{"subject": "Ada"', "not JSON"),
        (b'{"subject": "Ada"}\n{"subject": "Finn"}\n', "not JSON"),  # one record a line
        (b"Ada\xff", "cannot be read"),
    ],
)
def test_a_damaged_file_is_refused_by_name(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "exclude.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=told) as caught:
        read_exclusions(path)
    assert caught.value.where == str(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read.*Check --exclude"):
        read_exclusions(tmp_path / "nowhere.txt")
