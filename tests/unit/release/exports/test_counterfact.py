"""CounterFact in EasyEdit's shape."""

from pipeline.release.exports import counterfact
from tests.samples import EDITS

FILES = counterfact.records(EDITS).files


def test_each_split_has_its_file_of_one_hop_counterfactual_edits() -> None:
    assert {path: [record["case_id"] for record in records] for path, records in FILES.items()} == {
        "counterfact/counterfact-train.json": ["popular-0004"],
        "counterfact/counterfact-val.json": ["popular-0006"],
        "counterfact/counterfact-edit.json": ["popular-0007"],
    }


def test_an_edit_over_two_hops_is_left_out_and_counted() -> None:
    assert counterfact.records(EDITS).left_out["counterfact/counterfact-train.json"] == {"two_hops": 1}


def test_a_record_has_the_eight_fields_all_text() -> None:
    assert FILES["counterfact/counterfact-edit.json"] == [
        {
            "case_id": "popular-0007",
            "subject": "Finn Rooke",
            "prompt": "The place of birth of Finn Rooke is",
            "target_new": "Saltholm",
            "ground_truth": "Greenport",
            "rephrase_prompt": "Finn Rooke was born in",
            "locality_prompt": "The place of birth of Mara Quellin is",
            "locality_ground_truth": "Lowmere",
        }
    ]
