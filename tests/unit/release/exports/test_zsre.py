"""zsRE in MEND's shape."""

from hypothesis import given

from pipeline.core.edit_record import Edit
from pipeline.release.exports import zsre
from tests.samples import EDITS, POPULAR_TEST, RECENT_VALIDATION, changed, changed_probe, spoilt_releases

FILES = zsre.records(EDITS).files
EVAL = "zsre/zsre_mend_eval.json"


def test_train_and_test_edits_that_change_an_answer_go_in_but_no_variants_and_no_validation_edits() -> None:
    assert {path: [record["case_id"] for record in records] for path, records in FILES.items()} == {
        "zsre/zsre_mend_train.json": ["popular-0004", "popular-0005"],
        "zsre/zsre_mend_eval.json": ["popular-0007"],
    }


def test_a_record() -> None:
    assert FILES[EVAL][0] == {
        "case_id": "popular-0007",
        "subject": "Finn Rooke",
        "src": "Where was Finn Rooke born?",
        "pred": "Greenport",
        "rephrase": "What is the place of birth of Finn Rooke?",
        "alt": "Saltholm",
        "answers": ["Greenport", "Green Port"],
        "loc": "nq question: Where was Mara Quellin born",  # without the mark that ROME's loader adds
        "loc_ans": "Lowmere",
        "cond": "Greenport >> Saltholm || Where was Finn Rooke born?",
    }


def test_a_recent_edit_goes_in_if_its_old_answer_is_known() -> None:
    replaced = changed(RECENT_VALIDATION, split="test")
    (record,) = zsre.records([replaced]).files[EVAL]
    assert (record["pred"], record["alt"]) == ("Edda Winter", "Bruno Hald")
    learnt = changed(replaced, edit_kind="insertion", ground_truth="Bruno Hald")
    assert zsre.records([learnt]).left_out[EVAL] == {"answer_kept": 1}


def test_a_target_that_is_another_name_of_the_old_answer_changes_nothing() -> None:
    same = changed(POPULAR_TEST, target_new="green port")
    assert zsre.records([same]).left_out[EVAL] == {"answer_kept": 1}


@given(spoilt_releases)
def test_no_record_has_the_old_answer_for_the_new_one(edits: list[Edit]) -> None:
    for records in zsre.records(edits).files.values():
        for record in records:
            assert record["alt"].casefold() not in {name.casefold() for name in (record["pred"], *record["answers"])}


def test_the_answers_are_names_of_the_old_object_alone() -> None:
    replaced = changed(RECENT_VALIDATION, split="test", answers=[["Bruno Hald", "B. Hald"]])
    assert zsre.records([replaced]).files[EVAL][0]["answers"] == ["Edda Winter"]
    under_an_alias = changed(POPULAR_TEST, ground_truth="Green Port")
    assert zsre.records([under_an_alias]).files[EVAL][0]["answers"] == ["Green Port", "Greenport"]


def test_only_probes_that_can_be_asked_serve() -> None:
    mute = [changed_probe(probe, question="") for probe in POPULAR_TEST["locality"]]
    second_best = changed(POPULAR_TEST, locality=[mute[0], POPULAR_TEST["locality"][1]])
    assert zsre.records([second_best]).files[EVAL][0]["loc"] == "nq question: Who is the employer of Finn Rooke"
    assert zsre.records([changed(POPULAR_TEST, locality=mute)]).left_out[EVAL] == {"no_locality": 1}
