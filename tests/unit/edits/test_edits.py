"""Edits: how a fact is put into words, what it is to be changed to, and which facts cannot be worded."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pipeline.core import reasons
from pipeline.core.settings import LimitsSettings
from pipeline.edits.edits import FactRow, edited_fact, make_edits
from pipeline.language.prompts import word_fact
from pipeline.language.subgraph import Item, Subgraph
from tests.minikg import (
    ADA,
    BRUNO,
    EDDA,
    FINN,
    GREENPORT,
    GREY_TIDE,
    HARROW_PRESS,
    HYDROLOGIST,
    IBEN,
    INTI,
    KOLYA,
    LOWMERE,
    LOWMERE_COLLEGE,
    MAYOR,
    MERIDIA,
    NOWHERE,
    ORIGIN,
    OSTRAVA,
    PAINTER,
    PORT_ANSEL,
    SALTHOLM,
    SHELL_AWARD,
    TIDE_PRIZE,
    TIDEWATER,
    TOVE_OF_OSTRAVA,
    VERDANIA,
    VERDANIAN,
    WRITER,
    Mini,
)

LIMITS = LimitsSettings(prompt_and_target_bytes=256, dropped_rows_per_edit=10)


# What is asked


def test_an_edit_asks_for_its_object_in_several_ways(mini: Mini) -> None:
    edit = mini.edit(mini.fact(IBEN, "P106", PAINTER))
    assert (edit["prompt"], edit["target_new"]) == ("An occupation of Iben Rooke is that of", "painter")
    assert edit["question"] == "What has Iben Rooke worked as?"
    assert len({edit["prompt"], *edit["rephrases"]}) >= 5
    assert len({edit["question"], *edit["question_rephrases"]}) >= 2


def test_an_edit_records_its_subject_and_relation(mini: Mini) -> None:
    edit = mini.edit(mini.fact(ADA, "P39", MAYOR))
    assert (edit["subject_id"], edit["subject"]) == (f"Q{ADA}", "Ada Rooke")
    assert edit["subject_aliases"] == ["Ada W. Rooke", "Ada Winter Rooke"]
    assert (edit["subject_description"], edit["subject_types"], edit["domain"]) == (
        "Verdanian writer",
        ["Q5"],
        "person",
    )
    assert (edit["relation_id"], edit["relation"]) == ("P39", "position held")
    assert (edit["hops"], edit["path"]) == (1, [{"relation_id": "P39", "object_id": f"Q{MAYOR}"}])
    assert (edit["target_new_id"], edit["template_id"]) == (f"Q{MAYOR}", "P39/0/one")


def test_two_hops_do_not_name_the_middle_entity(mini: Mini) -> None:
    edit = mini.edit(mini.fact(ADA, "P17", VERDANIA, middle=("P19", LOWMERE)))
    assert edit["prompt"] == "The name of the country in which the place of birth of Ada Rooke is located is"
    assert (edit["subject"], edit["relation_id"], edit["hops"], edit["domain"]) == ("Ada Rooke", "P17", 2, "person")
    assert edit["path"] == [
        {"relation_id": "P19", "object_id": f"Q{LOWMERE}"},
        {"relation_id": "P17", "object_id": f"Q{VERDANIA}"},
    ]
    assert edit["answers"] == [["Verdania", "Republic of Verdania"]]  # those of the entity between


def test_a_namesake_is_disambiguated_in_every_sentence(mini: Mini) -> None:
    edit = mini.edit(mini.fact(TOVE_OF_OSTRAVA, "P27", OSTRAVA))
    for text in (edit["prompt"], edit["question"], *edit["rephrases"], *edit["question_rephrases"]):
        assert "Tove Lind (Olympic swimmer)" in text
    assert edit["subject"] == "Tove Lind"


@pytest.mark.parametrize(
    ("subject", "held", "prompt", "target", "aliases"),
    [
        (
            ADA,
            "+1970-03-11T00:00:00Z/11",
            "The date of birth of Ada Rooke is",
            "11 March 1970",
            ["March 11, 1970", "1970-03-11"],
        ),
        (FINN, "+1968-05-00T00:00:00Z/10", "The month and year of birth of Finn Rooke are", "May 1968", []),
        (IBEN, "+1999-00-00T00:00:00Z/9", "The year of birth of Iben Rooke is", "1999", []),
    ],
)
def test_a_date_is_printed_with_the_precision_it_has(
    subject: int, held: str, prompt: str, target: str, aliases: list[str], mini: Mini
) -> None:
    edit = mini.edit(mini.fact(subject, "P569", held))
    assert (edit["prompt"], edit["target_new"], edit["target_new_aliases"]) == (prompt, target, aliases)
    assert edit["target_new_id"] is edit["ground_truth_id"] is None
    assert edit["answers"] == [[target, *aliases]]


def test_a_number_is_printed_in_figures(mini: Mini) -> None:
    edit = mini.edit(mini.fact(ADA, "P1971", "2"))
    assert (edit["prompt"], edit["target_new"], edit["target_new_id"]) == (
        "The number of children of Ada Rooke is",
        "2",
        None,
    )


# What it is to be changed to


@pytest.mark.parametrize(
    ("change_class", "earlier", "truth"),
    [
        ("new_item", None, BRUNO),
        ("world_change", EDDA, BRUNO),
        ("late_entry", EDDA, BRUNO),
        ("replaced", EDDA, EDDA),
        ("correction", EDDA, EDDA),
        ("replaced", None, BRUNO),  # nobody knows by whom
        ("replaced", NOWHERE, BRUNO),  # somebody without a name
        ("replaced", BRUNO, BRUNO),  # by himself
    ],
)
def test_a_recent_fact_is_inserted_unless_it_took_the_place_of_another(
    change_class: str, earlier: int | None, truth: int, mini: Mini
) -> None:
    old_value = f"Q{earlier}" if earlier else None
    fact = mini.fact(VERDANIA, "P6", BRUNO, category="recent", change_class=change_class, old_value=old_value)
    edit = mini.edit(fact)
    assert edit["edit_kind"] == ("insertion" if truth == BRUNO else "modification")
    assert (edit["target_new"], edit["target_new_id"]) == ("Bruno Hald", f"Q{BRUNO}")
    assert (edit["ground_truth"], edit["ground_truth_id"]) == (mini.subgraph.items[truth].label, f"Q{truth}")
    assert edit["answers"] == [["Bruno Hald"]]  # all that is true now


def test_who_changed_employers_is_asked_for_the_one_of_now(mini: Mini) -> None:
    """The old employer would be a right answer to "has worked for"."""
    changed = {"category": "recent", "change_class": "replaced", "old_value": f"Q{HARROW_PRESS}"}
    edit = mini.edit(mini.fact(ADA, "P108", TIDEWATER, **changed))
    assert (edit["edit_kind"], edit["ground_truth"]) == ("modification", "Harrow Press")
    assert edit["prompt"] == "The name of a current employer of Ada Rooke is"
    assert edited_fact(edit, mini.subgraph).is_change
    sentences = word_fact(edited_fact(edit, mini.subgraph), mini.subgraph)
    assert sentences and sentences.prompt == edit["prompt"]


def test_an_old_answer_of_the_same_name_is_none(mini: Mini) -> None:
    """A model could not say which of the two capitals called Greenport it means, whatever else they are called."""
    called = replace(mini.subgraph.items[SALTHOLM], label="Greenport", aliases=("Salt Island",))
    items = {**mini.subgraph.items, SALTHOLM: called}
    namesake = Subgraph(items, mini.subgraph.triples, mini.subgraph.templates)
    fact = mini.fact(VERDANIA, "P36", GREENPORT, category="recent", change_class="replaced", old_value=f"Q{SALTHOLM}")
    assert mini.edit(fact)["edit_kind"] == "modification"
    edit = mini.edit(fact, namesake)
    assert (edit["edit_kind"], edit["ground_truth_id"]) == ("insertion", f"Q{GREENPORT}")


def test_what_an_edit_changes_is_worded_as_the_edit_is(mini: Mini) -> None:
    hops = Counter[int]()
    for edit in mini.edits:
        fact = edited_fact(edit, mini.subgraph)
        sentences = word_fact(fact, mini.subgraph)
        assert fact.object_key == edit["path"][-1]["object_id"]
        assert sentences and (sentences.prompt, sentences.question) == (edit["prompt"], edit["question"])
        hops[edit["hops"]] += 1
    assert set(hops) == {1, 2}


def test_an_alma_mater_stays_one_after_the_next(mini: Mini) -> None:
    changed = {"category": "recent", "change_class": "replaced", "old_value": f"Q{HARROW_PRESS}"}
    edit = mini.edit(mini.fact(ADA, "P69", LOWMERE_COLLEGE, **changed))
    assert (edit["edit_kind"], edit["ground_truth"]) == ("insertion", edit["target_new"])
    assert edit["prompt"] == "Ada Rooke was educated at an institution called"


def test_a_long_tail_fact_is_inserted(mini: Mini) -> None:
    edit = mini.edit(mini.fact(IBEN, "P106", PAINTER))
    assert (edit["edit_kind"], edit["target_new"], edit["ground_truth"]) == ("insertion", "painter", "painter")


def test_a_popular_fact_is_changed_to_a_counterfactual(mini: Mini) -> None:
    edit = mini.edit(mini.change(VERDANIA, "P36", GREENPORT, SALTHOLM))
    assert (edit["edit_kind"], edit["target_new"], edit["ground_truth"]) == ("modification", "Saltholm", "Greenport")
    assert (edit["target_new_id"], edit["ground_truth_id"]) == (f"Q{SALTHOLM}", f"Q{GREENPORT}")
    assert edit["path"] == [{"relation_id": "P36", "object_id": f"Q{GREENPORT}"}]  # the path is what is true
    assert edit["answers"] == [["Greenport", "City of Greenport"]]


@pytest.mark.parametrize(
    ("fact", "old_value", "truth"),
    [
        ((ADA, "P569", "+1970-03-11T00:00:00Z/11"), "+1969-03-11T00:00:00Z/11", "11 March 1969"),
        ((ADA, "P569", "+1970-03-11T00:00:00Z/11"), "+1969-00-00T00:00:00Z/9", "1969"),
        ((ADA, "P1971", "2"), "+3", "3"),
    ],
)
def test_earlier_dates_and_numbers_are_printed_too(
    fact: tuple[int, str, str], old_value: str, truth: str, mini: Mini
) -> None:
    edit = mini.edit(mini.fact(*fact, category="recent", change_class="correction", old_value=old_value))
    assert (edit["edit_kind"], edit["ground_truth"], edit["ground_truth_id"]) == ("modification", truth, None)


# Answers


def test_the_answers_are_all_true_objects_the_target_first(mini: Mini) -> None:
    for held, answers in (
        (WRITER, [["writer"], ["hydrologist"]]),
        (HYDROLOGIST, [["hydrologist"], ["writer"]]),
    ):
        edit = mini.edit(mini.fact(ADA, "P106", held))
        assert edit["answers"] == answers
        assert edit["prompt"] == "One of the occupations of Ada Rooke is that of"


def test_a_false_target_is_not_among_the_answers(mini: Mini) -> None:
    edit = mini.edit(mini.change(ADA, "P106", WRITER, PAINTER))
    assert edit["answers"] == [["writer"], ["hydrologist"]]


def test_an_answer_gives_its_preferred_name_first(mini: Mini) -> None:
    edit = mini.edit(mini.fact(ADA, "P27", VERDANIA))
    assert edit["answers"][0][:2] == ["Verdania", "Republic of Verdania"]
    assert [edit["target_new"], *edit["target_new_aliases"]] == edit["answers"][0]


# Identity and origin


def test_a_case_id_depends_on_category_subject_path_and_target_alone(mini: Mini) -> None:
    fact = mini.fact(IBEN, "P106", PAINTER)
    assert mini.edit(fact)["case_id"] == "long_tail-5986ba030e8f5f18"  # printf 'long_tail|2003|P106|Q1403' | sha256sum
    others: list[FactRow] = [
        {**fact, "category": "recent"},
        mini.fact(IBEN, "P27", VERDANIA),
        mini.fact(FINN, "P106", PAINTER),
        mini.change(IBEN, "P106", PAINTER, WRITER),
        mini.fact(KOLYA, "P27", VERDANIA, middle=("P22", FINN)),
    ]
    assert len({mini.edit(one)["case_id"] for one in (fact, *others)}) == 6


def test_a_case_id_does_not_depend_on_names_statements_or_measurements(mini: Mini) -> None:
    fact = mini.fact(IBEN, "P106", PAINTER)
    renamed = renaming(mini.subgraph, {IBEN: "Iben Rooke Berg", PAINTER: "paintress"})
    later = mini.edit({**fact, "statement_id": "Q2003$new", "frequency": 99, "object_count": 2}, renamed)
    assert later["prompt"] != mini.edit(fact)["prompt"]
    assert later["case_id"] == mini.edit(fact)["case_id"]


def test_the_case_ids_of_the_mini_world_are_distinct(mini: Mini) -> None:
    assert len({edit["case_id"] for edit in mini.edits}) == len(mini.edits) > 60


def test_an_edit_records_its_provenance(mini: Mini) -> None:
    (edit,) = (
        edit for edit in mini.edits if edit["category"] == "recent" and edit["target_new_id"] == f"Q{TIDE_PRIZE}"
    )
    expected: dict[str, object] = {
        "statement_id": f"Q{INTI}$P166-{TIDE_PRIZE}",
        "change_class": "world_change",
        "base_revision": 100,
        "head_revision": 200,
        "first_seen": ORIGIN.window_end,
        "rcids": [],
        "tags": [],
        "event_time": "+2024-06-06T00:00:00Z",
        "event_time_precision": "day",
        "event_time_calendar": "gregorian",
        "source": "dump",
        "window_start": ORIGIN.window_start,
        "window_end": ORIGIN.window_end,
        "label_language": "en",
    }
    assert {name: edit[name] for name in expected} == expected  # type: ignore[literal-required]


def test_an_edit_lists_the_changes_that_made_its_statement(mini: Mini) -> None:
    edit = mini.edit({**mini.fact(INTI, "P166", TIDE_PRIZE), "rcids": [7, 9], "tags": ["wikidata-ui"]})
    assert (edit["rcids"], edit["tags"]) == ([7, 9], ["wikidata-ui"])


def test_an_edit_records_the_language_of_its_subject_label(mini: Mini) -> None:
    assert mini.edit(mini.fact(PORT_ANSEL, "P17", OSTRAVA))["label_language"] == "mul"


def test_an_edit_carries_the_signals_of_its_fact(mini: Mini) -> None:
    signals = {
        "frequency": 7,
        "in_degree": 2,
        "out_degree": 3,
        "page_views": 99,
        "log_likelihood_mean": -4.5,
        "lm_model": "m",
    }
    edit = mini.edit(mini.fact(IBEN, "P106", PAINTER, **signals))
    assert {name: edit[name] for name in signals} == signals  # type: ignore[literal-required]
    assert edit["statement_count"] == mini.subgraph.items[IBEN].statement_count > 5


# Facts that cannot be worded


def renaming(subgraph: Subgraph, labels: dict[int, str]) -> Subgraph:
    """A world in which some items have other labels."""
    items: dict[int, Item] = {number: replace(subgraph.items[number], label=label) for number, label in labels.items()}
    return Subgraph({**subgraph.items, **items}, subgraph.triples, subgraph.templates)


Case = Callable[[Mini], tuple[FactRow, Subgraph]]
UNWORDABLE: dict[str, tuple[str, Case]] = {
    "a popular fact without a target": (
        "no_target",
        lambda mini: (mini.fact(IBEN, "P106", PAINTER, category="popular"), mini.subgraph),
    ),
    "a subject without a name": (
        "no_wording",
        lambda mini: (mini.fact(IBEN, "P106", PAINTER, subject_id=NOWHERE), mini.subgraph),
    ),
    "an object without a name": (
        "no_wording",
        lambda mini: (mini.fact(IBEN, "P106", PAINTER, object_id=NOWHERE), mini.subgraph),
    ),
    "a decade": (
        "no_wording",
        lambda mini: (
            mini.fact(IBEN, "P569", "+1999-00-00T00:00:00Z/9", object_key="+1990-00-00T00:00:00Z/8"),
            mini.subgraph,
        ),
    ),
    "a subject that the relation does not take": (
        "no_wording",
        lambda mini: (mini.fact(IBEN, "P106", PAINTER, subject_id=VERDANIA), mini.subgraph),
    ),
    "a middle entity without a name": (
        "no_wording",
        lambda mini: (mini.fact(ADA, "P17", VERDANIA, middle=("P19", LOWMERE)) | {"middle_id": NOWHERE}, mini.subgraph),
    ),
    "a subject called like a word of the prompt": (
        "subject_not_once",
        lambda mini: (mini.fact(GREY_TIDE, "P57", INTI), renaming(mini.subgraph, {GREY_TIDE: "directed"})),
    ),
    "a subject called like a word of the question": (
        "subject_not_once",
        lambda mini: (mini.fact(GREY_TIDE, "P57", INTI), renaming(mini.subgraph, {GREY_TIDE: "Who"})),
    ),
    "an object called like a word of the prompt": (
        "target_in_prompt",
        lambda mini: (mini.fact(GREY_TIDE, "P57", INTI), renaming(mini.subgraph, {INTI: "Directed"})),
    ),
    "an object called like a word of the question": (
        "target_in_prompt",
        lambda mini: (mini.fact(GREY_TIDE, "P57", INTI), renaming(mini.subgraph, {INTI: "Who"})),
    ),
    "names that are too long": (
        "too_long",
        lambda mini: (mini.fact(GREY_TIDE, "P57", INTI), renaming(mini.subgraph, {INTI: "Ñ" * 120})),
    ),
    "an object that most rephrases give away": (
        "few_rephrases",
        lambda mini: (
            mini.fact(GREY_TIDE, "P57", INTI),
            renaming(mini.subgraph, {INTI: "Or", GREY_TIDE: "Sea, Part I"}),
        ),
    ),
}


@pytest.mark.parametrize(("reason", "case"), UNWORDABLE.values(), ids=UNWORDABLE)
def test_a_fact_that_cannot_be_worded_is_dropped_with_a_reason(reason: str, case: Case, mini: Mini) -> None:
    fact, subgraph = case(mini)
    edits, (drop,) = make_edits([fact], subgraph, ORIGIN, LIMITS)
    assert edits == []
    assert (drop.stage, drop.reason, drop.category) == ("edits", reason, fact["category"])


def test_every_reason_has_its_case() -> None:
    assert {reason for reason, _ in UNWORDABLE.values()} == set(reasons.EDITS)


def test_prompt_and_target_are_measured_together_in_bytes(mini: Mini) -> None:
    length = len("Grey Tide was directed by Inti Ñandú") + 2  # two letters take two bytes each
    for limit, kept in ((length, 1), (length - 1, 0)):
        limits = LimitsSettings(prompt_and_target_bytes=limit, dropped_rows_per_edit=10)
        edits, _ = make_edits([mini.fact(GREY_TIDE, "P57", INTI)], mini.subgraph, ORIGIN, limits)
        assert len(edits) == kept


def test_a_drop_identifies_its_row(mini: Mini) -> None:
    fact = mini.fact(ADA, "P30", MERIDIA, middle=("P27", VERDANIA), category="popular")
    _, (drop,) = make_edits([fact], mini.subgraph, ORIGIN, LIMITS)
    assert (drop.subject_id, drop.relation_id, drop.object_id) == (f"Q{ADA}", "P27/P30", f"Q{MERIDIA}")
    assert drop.statement_id == f"Q{VERDANIA}$P30-{MERIDIA}"


def test_every_fact_is_worded_or_dropped(mini: Mini) -> None:
    edits, drops = make_edits(mini.facts, mini.subgraph, ORIGIN, LIMITS)
    assert len(edits) + len(drops) == len(mini.facts)
    assert drops  # popular facts without a target


# Rephrases


def test_rephrases_that_leak_the_target_are_left_out(mini: Mini) -> None:
    fact = mini.fact(GREY_TIDE, "P57", INTI)
    kept = mini.edit(fact, renaming(mini.subgraph, {INTI: "chair"}))["rephrases"]
    assert not any("chair" in text for text in kept)
    assert len(kept) == len(mini.edit(fact)["rephrases"]) - 1


def test_rephrases_hold_the_subject_as_it_is_written(mini: Mini) -> None:
    for edit in mini.edits:
        assert all(edit["subject"] in text for text in edit["rephrases"])


def test_answers_leave_out_deprecated_and_repeated_statements(mini: Mini) -> None:
    """Saltholm as a capital is deprecated; Inti's awards are two though three statements tell of them."""
    awards: Any = mini.edit(mini.fact(INTI, "P166", SHELL_AWARD))["answers"]
    assert awards == [["Golden Shell Award"], ["High Tide Prize"]]
    assert mini.edit(mini.fact(VERDANIA, "P37", VERDANIAN))["answers"] == [["Verdanian"], ["Ostravan"]]


def test_what_took_the_place_of_itself_is_inserted_whatever_its_other_names(mini: Mini) -> None:
    """Greenport has aliases: a value is compared by its preferred name."""
    fact = mini.fact(VERDANIA, "P36", GREENPORT, category="recent", change_class="replaced", old_value=f"Q{GREENPORT}")
    edit = mini.edit(fact)
    assert (edit["edit_kind"], edit["ground_truth"]) == ("insertion", "Greenport")
