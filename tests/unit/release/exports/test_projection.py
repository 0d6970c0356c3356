"""What all formats have in common: order, counts of what is left out, and the texts that no file may hold."""

import pytest

from pipeline.release.exports.projection import LACKS, ExportFile, is_sound, project
from pipeline.release.exports.statement import FlatRecord, first_answer, flat_cloze, neighbour
from tests.samples import BIRTHPLACE, EDITS, EMPLOYER, RECENT_TEST, RECENT_TRAIN, changed, changed_probe, probe

FILE: ExportFile[FlatRecord] = ExportFile("some/file.json", ("recent",), ("train", "test"), flat_cloze)


def test_a_file_takes_the_edits_of_its_categories_and_splits_in_the_order_of_case_id() -> None:
    export = project(reversed(EDITS), [FILE])
    assert [record["case_id"] for record in export.files["some/file.json"]] == ["recent-0001", "recent-0003"]


@pytest.mark.parametrize(
    ("lack", "columns"),
    [
        ("no_prompt", {"prompt": ""}),
        ("subject_not_once", {"prompt": "The employer of mara quellin is"}),
        ("subject_not_once", {"prompt": "The employer of Mara Quellin, not Mara Quellin, is"}),
        ("subject_not_once", {"prompt": "The {employer} of Mara Quellin is"}),
        ("subject_not_once", {"prompt": "The employer of {} is"}),
        ("no_rephrase", {"rephrases": []}),
        ("no_locality", {"locality": []}),
        ("no_locality", {"locality": [probe("Neighborhood", EMPLOYER, "Ada Rooke")]}),
        ("no_locality", {"locality": [probe("Forgetfulness", EMPLOYER, "Ada Rooke", ["Harrow Press"])]}),
        ("unusable_text", {"prompt": "The employer of Mara Quellin is "}),
        ("unusable_text", {"target_new": ""}),
        ("unusable_text", {"rephrases": [" "]}),
        ("unusable_text", {"ground_truth": "\n"}),
    ],
)
def test_an_edit_that_lacks_something_is_left_out_and_counted(lack: str, columns: dict[str, object]) -> None:
    spoilt = changed(RECENT_TRAIN, **columns)
    export = project([spoilt, RECENT_TEST], [FILE])
    assert export.left_out["some/file.json"] == {lack: 1}
    assert [record["case_id"] for record in export.files["some/file.json"]] == ["recent-0003"]
    assert lack in LACKS


def test_edits_that_a_file_is_not_for_are_not_counted_as_left_out() -> None:
    export = project([changed(RECENT_TRAIN, split="validation", rephrases=[])], [FILE])
    assert export.files["some/file.json"] == []
    assert export.left_out["some/file.json"] == {}


def test_the_same_relation_of_another_subject_is_the_first_choice_of_locality() -> None:
    other_relation = probe("Relation_Specificity", BIRTHPLACE, "Mara Quellin", ["Lowmere"])
    other_subject = probe("Neighborhood", EMPLOYER, "Ada Rooke", ["Harrow Press"])
    assert neighbour([other_relation, other_subject]) == other_subject
    assert neighbour([other_relation, changed_probe(other_subject, ground_truth=[[]])]) == other_relation
    assert neighbour([changed_probe(other_relation, kind="Forgetfulness")]) is None


def test_the_first_answer_is_a_preferred_name_never_an_alias() -> None:
    assert first_answer([["Harrow Press", "Harrow"], ["Tidewater Institute"]]) == "Harrow Press"
    assert first_answer([[], ["Tidewater Institute"]]) == ""


@pytest.mark.parametrize("value", ["", " a", "a\n", [], [[]], [["a"], []], {}, {"a": None}, {"a": [""]}, None, 1.5])
def test_no_file_may_hold(value: object) -> None:
    assert not is_sound(value)
