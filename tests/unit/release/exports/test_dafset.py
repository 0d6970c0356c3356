"""DAFSet's training files."""

from collections.abc import Mapping
from typing import cast

from pipeline.release.exports import dafset
from tests.samples import EDITS, POPULAR_TRAIN, ROBUST_TRAIN, changed

FILES = dafset.records(EDITS).files


def case_ids(path: str) -> list[str]:
    return [record["case_id"] for record in FILES[path]]


def test_a_record_states_the_edit_a_rephrase_and_the_same_relation_of_another_subject() -> None:
    assert FILES["dafset/recent.json"] == [
        {
            "case_id": "recent-0001",
            "subject": "Mara Quellin",
            "prompt": "The employer of Mara Quellin is",
            "target_new": "Tidewater Institute",
            "ground_truth": "Tidewater Institute",
            "rephrase_prompt": "Mara Quellin works for",
            "locality_prompt": "The employer of Ada Rooke is",
            "locality_ground_truth": "Harrow Press",
        }
    ]


def test_only_train_edits_go_in_and_each_category_has_its_file() -> None:
    assert case_ids("dafset/popular.json") == ["popular-0004", "popular-0005"]
    assert case_ids("dafset/long_tail.json") == ["long_tail-0008"]
    assert case_ids("dafset/robust.json") == ["robust-0010", "robust-0010", "robust-0011"]


def test_the_counterfact_like_file_holds_the_one_hop_edits_of_popular_subjects() -> None:
    assert case_ids("dafset/cf_train.json") == ["popular-0004"]
    insertion = changed(POPULAR_TRAIN, edit_kind="insertion")
    assert dafset.records([insertion]).files["dafset/cf_train.json"] == []


def test_the_zsre_like_file_asks_what_the_others_state_and_holds_edits_that_change_an_answer() -> None:
    assert case_ids("dafset/zsre_train.json") == ["popular-0004", "popular-0005"]
    asked = FILES["dafset/zsre_train.json"][0]
    assert asked["prompt"] == "What is the capital of Verdania?"
    assert asked["rephrase_prompt"] == "Which city is the capital of Verdania?"
    assert asked["locality_prompt"] == "What is the capital of Ostrava Isles?"
    assert asked["locality_ground_truth"] == "Saltholm"


def robust(path: str = "dafset/robust.json") -> list[Mapping[str, object]]:
    return [cast(Mapping[str, object], record) for record in FILES[path]]


def test_a_robust_edit_gives_a_record_in_short_and_one_in_long_wording() -> None:
    short, long, ordinary = robust()
    assert [record["length"] for record in (short, long, ordinary)] == ["short", "long", "ordinary"]
    assert short["rephrase_prompt"] == "Iben Sølvi works for"
    assert long["locality_prompt"] == "The organisation that pays the wages of Ada Rooke at the end of every month is"
    assert short["prompt"] == long["prompt"] == "The employer of Iben Sølvi is"
    assert ordinary["rephrase_prompt"] == "Verdania has its capital in"
    assert ordinary["locality_prompt"] == "The capital of Ostrava Isles is"


def test_prefixes_and_what_they_vary_run_parallel() -> None:
    record = robust()[2]
    assert record["prefix"] == ["What a splendid day this has been.", "What a dreadful day this has been."]
    assert record["prefix_meta"] == [
        {"attribute": "sentiment", "pole": "positive", "level": 2},
        {"attribute": "sentiment", "pole": "negative", "level": 2},
    ]


def test_only_prefixes_that_fit_any_prompt_go_in() -> None:
    """The loader puts any of them before the locality prompt, which is about another subject."""
    given = {prefix["text"]: prefix["about"] for prefix in ROBUST_TRAIN["prefixes"]}
    assert set(given.values()) == {"subject", "another", "nothing"}
    assert robust()[0]["prefix"] == [text for text, about in given.items() if about != "subject"]
    about_relation = [{**prefix, "about": "relation"} for prefix in ROBUST_TRAIN["prefixes"]]
    export = dafset.records([changed(ROBUST_TRAIN, prefixes=about_relation)])
    assert export.left_out["dafset/robust.json"] == {"no_prefix": 1}


def test_prefixes_that_the_loader_would_alter_stay_behind() -> None:
    texts = ["It rained", "", " ".join(["rain"] * 30) + " fell.", "It rained."]
    prefixes = [{**ROBUST_TRAIN["prefixes"][0], "text": text} for text in texts]
    export = dafset.records([changed(ROBUST_TRAIN, prefixes=prefixes)])
    assert [cast(Mapping[str, object], row)["prefix"] for row in export.files["dafset/robust.json"]] == [
        ["It rained."],
        ["It rained."],
    ]
    export = dafset.records([changed(ROBUST_TRAIN, prefixes=prefixes[:3])])
    assert export.left_out["dafset/robust.json"] == {"no_prefix": 1}


def test_a_length_form_without_an_answer_leaves_the_edit_out() -> None:
    forms = [{**form, "locality_ground_truth": []} for form in ROBUST_TRAIN["length_forms"]]
    export = dafset.records([changed(ROBUST_TRAIN, length_forms=forms)])
    assert export.left_out["dafset/robust.json"] == {"unusable_text": 1}
