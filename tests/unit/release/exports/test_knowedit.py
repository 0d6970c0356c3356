"""KnowEdit's files."""

import pytest

from pipeline.release.exports import knowedit
from tests.samples import EDITS, POPULAR_TEST, RECENT_TRAIN, changed, changed_probe

FILES = knowedit.records(EDITS).files
RECENT_TRAIN_FILE = "knowedit/wiki_recent/recent_train.json"


@pytest.mark.parametrize(
    ("path", "case_ids"),
    [
        ("wiki_recent/recent_train.json", ["recent-0001", "recent-0002"]),
        ("wiki_recent/recent_test.json", ["recent-0003"]),
        ("wiki_counterfact/train_cf.json", ["popular-0004", "popular-0005", "popular-0006"]),
        ("wiki_counterfact/test_cf.json", ["popular-0007"]),
        ("ZsRE/ZsRE-test-all.json", ["popular-0007"]),
    ],
)
def test_train_files_take_the_validation_edits_too(path: str, case_ids: list[str]) -> None:
    assert [record["case_id"] for record in FILES[f"knowedit/{path}"]] == case_ids


def test_a_recent_record() -> None:
    assert FILES[RECENT_TRAIN_FILE][0] == {
        "case_id": "recent-0001",
        "subject": "Mara Quellin",
        "prompt": "The employer of Mara Quellin is",
        "target_new": "Tidewater Institute",
        "rephrase": "Mara Quellin works for",
        "portability": {
            "Reasoning": [
                {"prompt": "The capital of the country of Mara Quellin is", "ground_truth": [["Port Ansel"]]}
            ],
            "Subject_Aliasing": [
                {"prompt": "The employer of M. Quellin is", "ground_truth": [["Tidewater Institute", "TWI"]]}
            ],
        },
        "locality": {
            "Relation_Specificity": [
                {"prompt": "The place of birth of Mara Quellin is", "ground_truth": [["Lowmere"]]},
            ]
        },
        "locality_kind": "Relation_Specificity",
    }


def test_where_nothing_about_the_subject_must_stay_other_subjects_stand_in() -> None:
    neighbours = [probe for probe in RECENT_TRAIN["locality"] if probe["kind"] == "Neighborhood"]
    record = knowedit.records([changed(RECENT_TRAIN, locality=neighbours)]).files[RECENT_TRAIN_FILE][0]
    assert record["locality_kind"] == "Neighborhood"
    assert record["locality"] == {
        "Relation_Specificity": [
            {"prompt": "The employer of Ada Rooke is", "ground_truth": [["Harrow Press", "Harrow"]]}
        ]
    }


def test_what_an_edit_has_no_items_of_is_absent_not_empty() -> None:
    plain = knowedit.records([changed(RECENT_TRAIN, rephrases=[], portability=[])]).files[RECENT_TRAIN_FILE][0]
    assert list(plain) == ["case_id", "subject", "prompt", "target_new", "locality", "locality_kind"]


def test_one_to_many_relations_bring_forgetfulness() -> None:
    locality = FILES["knowedit/wiki_recent/recent_test.json"][0]["locality"]
    assert list(locality) == ["Relation_Specificity", "Forgetfulness"]


def test_a_counterfact_record_names_the_old_object() -> None:
    record = FILES["knowedit/wiki_counterfact/test_cf.json"][0]
    assert (record["target_new"], record.get("ground_truth")) == ("Saltholm", "Greenport")


def test_a_zsre_record_asks_its_edit_and_its_portability_but_states_its_locality() -> None:
    assert FILES["knowedit/ZsRE/ZsRE-test-all.json"][0] == {
        "case_id": "popular-0007",
        "subject": "Finn Rooke",
        "prompt": "Where was Finn Rooke born?",
        "target_new": "Saltholm",
        "ground_truth": ["Greenport"],
        "rephrase_prompt": "What is the place of birth of Finn Rooke?",
        "cond": "Greenport >> Saltholm || Where was Finn Rooke born?",
        "portability": {
            "Reasoning": [
                {
                    "prompt": "What is the official language of the town of birth of Finn Rooke?",
                    "ground_truth": [["Ostravan"]],
                }
            ]
        },
        "locality": {
            "Relation_Specificity": [{"prompt": "The employer of Finn Rooke is", "ground_truth": [["Harrow Press"]]}]
        },
        "locality_kind": "Relation_Specificity",
    }


def test_portability_that_cannot_be_asked_is_stated() -> None:
    statement = changed_probe(POPULAR_TEST["portability"][0], question="")
    export = knowedit.records([changed(POPULAR_TEST, portability=[statement])])
    stated = "The official language of the town of birth of Finn Rooke is"
    assert export.files["knowedit/ZsRE/ZsRE-test-all.json"][0].get("portability") == {
        "Reasoning": [{"prompt": stated, "ground_truth": [["Ostravan"]]}]
    }


@pytest.mark.parametrize(
    ("lack", "columns"),
    [
        ("answer_kept", {"edit_kind": "insertion"}),
        ("no_locality", {"locality": []}),
        ("no_rephrase", {"question_rephrases": []}),
        ("no_prompt", {"question": ""}),
        ("unusable_text", {"locality": [changed_probe(POPULAR_TEST["locality"][0], ground_truth=[[]])]}),
        ("unusable_text", {"locality": [changed_probe(POPULAR_TEST["locality"][0], ground_truth=[["Lowmere", ""]])]}),
    ],
)
def test_edits_that_the_loaders_would_stumble_over_are_left_out(lack: str, columns: dict[str, object]) -> None:
    export = knowedit.records([changed(POPULAR_TEST, **columns)])
    assert export.left_out["knowedit/ZsRE/ZsRE-test-all.json"] == {lack: 1}
    assert export.files["knowedit/ZsRE/ZsRE-test-all.json"] == []
