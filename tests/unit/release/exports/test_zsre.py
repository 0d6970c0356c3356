"""zsRE in MEND's shape."""

from pipeline.release.exports import zsre
from tests.samples import EDITS, POPULAR_TEST, RECENT_VALIDATION, changed, changed_probe

FILES = zsre.records(EDITS).files
EVAL = "zsre/zsre_mend_eval.json"


def test_train_and_test_edits_go_in_but_no_variants_and_no_validation_edits() -> None:
    assert {path: [record["case_id"] for record in records] for path, records in FILES.items()} == {
        "zsre/zsre_mend_train.json": ["long_tail-0008", "popular-0004", "popular-0005", "recent-0001"],
        "zsre/zsre_mend_eval.json": ["long_tail-0009", "popular-0007", "recent-0003"],
    }


def test_a_record() -> None:
    assert FILES[EVAL][1] == {
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
