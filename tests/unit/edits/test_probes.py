"""Probes: what an edit must leave alone, what must follow from it, and that both can be proved from the newer state."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from pipeline.core.edit_record import Edit, Probe
from pipeline.core.settings import ProbesSettings
from pipeline.edits.edits import FactRow
from pipeline.edits.locality import Uses
from pipeline.edits.probes import add_probes
from pipeline.edits.splits import split_of
from pipeline.language.answers import answers
from pipeline.language.leaks import contains_name
from pipeline.language.subgraph import Subgraph
from tests.minikg import (
    ADA,
    BRUNO,
    EDDA,
    FINN,
    GREENPORT,
    GREY_TIDE,
    HYDROLOGIST,
    IBEN,
    INTI,
    KELDA,
    KOLYA,
    LOWMERE,
    MALE,
    NORRLAND,
    OSTRAVA,
    PAINTER,
    PORT_ANSEL,
    SALTHOLM,
    TEMPLATES,
    TIDE_PRIZE,
    TIDEWATER,
    TOVE_OF_VERDANIA,
    VERA,
    VERDANIA,
    WRITER,
    Mini,
)

PLENTY = ProbesSettings(
    relation_specificity=50,
    forgetfulness=50,
    neighborhood=50,
    subject_aliasing=50,
    reasoning=100,
    logical_generalization=50,
    neighbour_pool=50,
    neighbour_uses=50,
)
COMMON = ProbesSettings(
    relation_specificity=3,
    forgetfulness=2,
    neighborhood=2,
    subject_aliasing=3,
    reasoning=4,
    logical_generalization=3,
    neighbour_pool=50,
    neighbour_uses=50,
)


TRUSTING = TEMPLATES.model_copy(
    update={
        "relations": {
            name: relation.model_copy(update={"weak": False, "described": {}})
            for name, relation in TEMPLATES.relations.items()
        },
        "dating": TEMPLATES.dating.model_copy(update={"misleading": ()}),
    }
)
"""The templates, if no statement were doubtful."""


def everywhere(_: int) -> bool:
    return True


def nowhere(_: int) -> bool:
    return False


def probed(
    mini: Mini,
    fact: FactRow,
    *,
    subgraph: Subgraph | None = None,
    settings: ProbesSettings = PLENTY,
    seed: int = 1,
    is_in_split: Callable[[int], bool] = everywhere,
    trusting: bool = True,
) -> Edit:
    """The edit of a fact with its probes."""
    subgraph = subgraph or mini.subgraph
    subgraph = replace(subgraph, templates=TRUSTING) if trusting else subgraph
    return add_probes(mini.edit(fact, subgraph), subgraph, settings, seed, is_in_split, lambda _: True)


def of_kind(edit: Edit, *kinds: str) -> list[Probe]:
    return [probe for probe in (*edit["locality"], *edit["portability"]) if probe["kind"] in kinds]


def said(probes: Iterable[Probe]) -> dict[str, list[list[str]]]:
    """Prompts with their answers."""
    return {probe["prompt"]: probe["ground_truth"] for probe in probes}


VERDANIA_NAMES = ["Verdania", "Republic of Verdania"]


# Relation_Specificity: other relations of the subject


def test_other_relations_of_the_subject_stay_as_they_are(mini: Mini) -> None:
    edit = probed(mini, mini.fact(ADA, "P27", VERDANIA))
    assert said(of_kind(edit, "Relation_Specificity")) == {
        "The gender of Ada Rooke is": [["female"]],
        "The name of one of the children of Ada Rooke is": [["Iben Rooke", "Iben Sølvi Rooke"], ["Kolya Rooke"]],
        "One of the occupations of Ada Rooke is that of": [["writer"], ["hydrologist"]],
        "The name of an employer of Ada Rooke is": [["Tidewater Institute"]],
        "Ada Rooke was educated at an institution called": [["Tidal College"]],
        "The date of birth of Ada Rooke is": [["11 March 1970", "March 11, 1970", "1970-03-11"]],
    }  # but for her birthplace and her positions, which citizenship touches, and her religion, nobody's business


def test_no_relation_that_the_edit_touches_or_that_touches_it_is_asked_of_the_subject(mini: Mini) -> None:
    relations = TEMPLATES.relations
    found = 0
    for edit in mini.edits:
        steps = {step["relation_id"] for step in edit["path"]}
        for probe in of_kind(edit, "Relation_Specificity"):
            found += 1
            assert probe["subject_id"] == edit["subject_id"]
            assert probe["relation_id"] not in set().union(*(relations[name].touches for name in steps))
            assert edit["relation_id"] not in relations[probe["relation_id"]].touches
    assert found > 50


def test_two_hop_edits_leave_out_both_relations(mini: Mini) -> None:
    edit = probed(mini, mini.fact(ADA, "P17", VERDANIA, middle=("P19", LOWMERE)))
    asked = {probe["relation_id"] for probe in of_kind(edit, "Relation_Specificity")}
    assert asked == {"P21", "P39", "P40", "P106", "P108", "P69", "P569"}


# Forgetfulness: other objects of the same relation


@pytest.mark.parametrize(
    ("fact", "prompt", "answers"),
    [
        (
            lambda mini: mini.fact(ADA, "P106", WRITER),
            "Besides that of writer, one of the occupations of Ada Rooke is",
            [["hydrologist"]],
        ),
        (
            lambda mini: mini.change(ADA, "P106", WRITER, PAINTER),
            "Besides that of painter, one of the occupations of Ada Rooke is",
            [["hydrologist"]],  # writer gives way
        ),
        (
            lambda mini: mini.fact(FINN, "P40", KOLYA),
            "Besides Kolya Rooke, one of the children of Finn Rooke was",
            [["Iben Rooke", "Iben Sølvi Rooke"]],
        ),
    ],
)
def test_other_objects_are_not_forgotten(
    fact: Callable[[Mini], FactRow], prompt: str, answers: list[list[str]], mini: Mini
) -> None:
    (probe,) = of_kind(probed(mini, fact(mini)), "Forgetfulness")
    assert (probe["prompt"], probe["ground_truth"], probe["question"]) == (prompt, answers, "")


@pytest.mark.parametrize(
    "fact",
    [
        pytest.param(lambda mini: mini.fact(VERDANIA, "P36", GREENPORT), id="a relation that takes one object"),
        pytest.param(lambda mini: mini.fact(IBEN, "P106", PAINTER), id="the only object"),
        pytest.param(lambda mini: mini.fact(ADA, "P17", VERDANIA, middle=("P19", LOWMERE)), id="two hops"),
    ],
)
def test_some_edits_have_no_forgetfulness_probe(fact: Callable[[Mini], FactRow], mini: Mini) -> None:
    assert of_kind(probed(mini, fact(mini)), "Forgetfulness") == []


# Neighborhood: the same relation of other subjects


def test_neighbours_have_the_same_relation_but_not_the_target(mini: Mini) -> None:
    edit = probed(mini, mini.change(IBEN, "P106", PAINTER, WRITER))
    neighbours = said(of_kind(edit, "Neighborhood"))
    assert neighbours["An occupation of Finn Rooke was that of"] == [["painter"]]
    assert neighbours["An occupation of Edda Winter is that of"] == [["author"]]
    assert not any("writer" in names for (names, *_) in neighbours.values())
    assert not any("Iben" in prompt or "Ada" in prompt for prompt in neighbours)  # herself; one with several


def test_neighbours_with_the_true_object_come_first(mini: Mini) -> None:
    for seed in range(10):
        edit = probed(mini, mini.change(IBEN, "P106", PAINTER, HYDROLOGIST), settings=COMMON, seed=seed)
        assert [probe["ground_truth"] for probe in of_kind(edit, "Neighborhood")] == [[["painter"]]] * 2


def test_neighbours_are_taken_from_the_split_of_the_edit(mini: Mini) -> None:
    fact = mini.change(IBEN, "P106", PAINTER, WRITER)
    assert of_kind(probed(mini, fact, is_in_split=nowhere), "Neighborhood") == []
    (only,) = of_kind(probed(mini, fact, is_in_split=lambda item: item == FINN), "Neighborhood")
    assert only["subject_id"] == f"Q{FINN}"


def test_a_subject_whose_object_follows_from_the_edit_is_not_a_neighbour(mini: Mini) -> None:
    """Kolya has the same father as his sister, and gets the same new one: it is no locality that hers stays."""
    edit = probed(mini, mini.change(KOLYA, "P22", FINN, BRUNO))
    assert "The name of the father of Iben Rooke is" in said(of_kind(edit, "Logical_Generalization"))
    assert of_kind(edit, "Neighborhood") == []


def test_neither_the_target_nor_the_true_object_is_a_neighbour(mini: Mini) -> None:
    edit = probed(mini, mini.fact(VERA, "P26", BRUNO))
    assert not {probe["subject_id"] for probe in of_kind(edit, "Neighborhood")} & {f"Q{VERA}", f"Q{BRUNO}"}


# Subject_Aliasing


def test_the_edit_holds_under_other_names_of_the_subject(mini: Mini) -> None:
    edit = probed(mini, mini.change(ADA, "P27", VERDANIA, OSTRAVA))
    assert said(of_kind(edit, "Subject_Aliasing")) == {
        "Ada W. Rooke is a citizen of a country called": [["Ostrava Isles"]],
        "Ada Winter Rooke is a citizen of a country called": [["Ostrava Isles"]],
    }


def test_codes_and_malformed_aliases_are_not_used(mini: Mini) -> None:
    """Verdania's other names are "VER", "L7", "P51", "[Verdania]", a mark of direction, and "Land of Two Rivers"."""
    edit = probed(mini, mini.fact(VERDANIA, "P36", GREENPORT))
    assert set(said(of_kind(edit, "Subject_Aliasing"))) == {
        "The capital of the Republic of Verdania is",
    }


@pytest.mark.parametrize(
    ("alias", "is_asked"),
    [
        ("Vee", True),
        ("VE", False),
        ("Ve", False),
        ("VERD", False),
        ("VERDA", True),
        ("V. E. R.", False),
        ("Rep. of Verdania", False),
        ("St. Verdania", True),
        ("verdania", False),  # the label itself
        ("V" * 60, True),
        ("V" * 61, False),
        ("Greenport", False),  # another's name
        ("Republic Of Verdania", True),
        ("The Verdania", False),  # adds but an article
        ("land of Verdania", False),
        ("the Land", True),
        ("Old Greenport Land", False),  # gives away the target
    ],
)
def test_an_alias_must_read_like_a_name(alias: str, is_asked: bool, mini: Mini) -> None:
    verdania = replace(mini.subgraph.items[VERDANIA], aliases=(alias,))
    subgraph = Subgraph({**mini.subgraph.items, VERDANIA: verdania}, mini.subgraph.triples, TEMPLATES)
    edit = probed(mini, mini.fact(VERDANIA, "P36", GREENPORT), subgraph=subgraph)
    assert bool(of_kind(edit, "Subject_Aliasing")) is is_asked


def test_an_alias_that_says_the_true_answer_is_not_used(mini: Mini) -> None:
    verdania = replace(mini.subgraph.items[VERDANIA], aliases=("Greenport Verdania", "Land of Verdania"))
    subgraph = Subgraph({**mini.subgraph.items, VERDANIA: verdania}, mini.subgraph.triples, TEMPLATES)
    edit = probed(mini, mini.change(VERDANIA, "P36", GREENPORT, SALTHOLM), subgraph=subgraph)
    assert [probe["prompt"] for probe in of_kind(edit, "Subject_Aliasing")] == [
        "The capital of the Land of Verdania is"
    ]


@pytest.mark.parametrize(
    ("alias", "is_asked"),
    [("Lord Inti", True), ("Lord of the Reef", False), ("Inti of Ostrava", False)],
)
def test_a_title_without_its_article_is_not_used(alias: str, is_asked: bool, mini: Mini) -> None:
    inti = replace(mini.subgraph.items[INTI], aliases=(alias,))
    subgraph = Subgraph({**mini.subgraph.items, INTI: inti}, mini.subgraph.triples, TEMPLATES)
    edit = probed(mini, mini.fact(INTI, "P19", PORT_ANSEL), subgraph=subgraph)
    assert bool(of_kind(edit, "Subject_Aliasing")) is is_asked


@pytest.mark.parametrize(("alias", "is_asked"), [("Inti of the Reef", True), ("Queen of Ostrava Inti", False)])
def test_a_title_before_the_name_needs_its_article(alias: str, is_asked: bool, mini: Mini) -> None:
    inti = replace(mini.subgraph.items[INTI], label="Inti of Ostrava", aliases=(alias,))
    subgraph = Subgraph({**mini.subgraph.items, INTI: inti}, mini.subgraph.triples, TEMPLATES)
    edit = probed(mini, mini.fact(INTI, "P19", PORT_ANSEL), subgraph=subgraph)
    assert bool(of_kind(edit, "Subject_Aliasing")) is is_asked


def test_an_alias_that_gives_the_same_prompt_is_not_used(mini: Mini) -> None:
    ostrava = replace(mini.subgraph.items[OSTRAVA], aliases=("the Ostrava Isles",))
    subgraph = Subgraph({**mini.subgraph.items, OSTRAVA: ostrava}, mini.subgraph.triples, TEMPLATES)
    assert of_kind(probed(mini, mini.fact(OSTRAVA, "P36", SALTHOLM), subgraph=subgraph), "Subject_Aliasing") == []


def test_aliases_work_over_two_hops(mini: Mini) -> None:
    edit = probed(mini, mini.fact(ADA, "P17", VERDANIA, middle=("P19", LOWMERE)))
    prompts = set(said(of_kind(edit, "Subject_Aliasing")))
    assert "The name of the country in which the place of birth of Ada W. Rooke is located is" in prompts


# Reasoning: one hop on, or one hop before


def reasoning(edit: Edit, *, after: bool) -> list[Probe]:
    """Its Reasoning probes that go on from the target, or those that lead to the subject."""
    return [probe for probe in of_kind(edit, "Reasoning") if (probe["subject_id"] == edit["subject_id"]) is after]


def test_one_hop_after_asks_what_is_true_of_the_target(mini: Mini) -> None:
    edit = probed(mini, mini.change(LOWMERE, "P17", VERDANIA, OSTRAVA))
    found = reasoning(edit, after=True)
    assert said(found) == {
        "The capital of the country in which Lowmere is located is": [["Saltholm"]],
        "Geographically, the country in which Lowmere is located is counted as part of the continent called": [
            ["Australis"]
        ],
        "The country in which Lowmere is located uses a currency called": [["shell coin"]],
    }  # nobody asks for its head of state, and a country may have more languages than are on record
    paths = {tuple(step["object_id"] for step in probe["path"]) for probe in found}
    assert {first for first, _ in paths} == {f"Q{OSTRAVA}"}
    assert (f"Q{OSTRAVA}", f"Q{SALTHOLM}") in paths


def test_answers_that_the_edit_does_not_change_are_not_asked(mini: Mini) -> None:
    """Kelda has the currency of Verdania."""
    edit = probed(mini, mini.change(LOWMERE, "P17", VERDANIA, KELDA))
    assert {probe["relation_id"] for probe in reasoning(edit, after=True)} == {"P36"}


def test_several_objects_allow_no_hop_after(mini: Mini) -> None:
    assert reasoning(probed(mini, mini.fact(ADA, "P40", IBEN)), after=True) == []
    assert reasoning(probed(mini, mini.fact(INTI, "P19", PORT_ANSEL)), after=True) != []


def test_one_object_in_two_statements_allows_a_hop_after(mini: Mini) -> None:
    twice = [
        replace(triple, statement_id="again")
        for triple in mini.subgraph.triples
        if (triple.subject_id, triple.relation) == (INTI, "P19")
    ]
    subgraph = Subgraph(mini.subgraph.items, [*mini.subgraph.triples, *twice], TEMPLATES)
    assert reasoning(probed(mini, mini.fact(INTI, "P19", PORT_ANSEL), subgraph=subgraph), after=True) != []


def test_one_hop_before_does_not_name_the_subject(mini: Mini) -> None:
    edit = probed(mini, mini.change(INTI, "P27", OSTRAVA, VERDANIA))
    assert said(reasoning(edit, after=False)) == {
        "The name of a country of citizenship of the director of Grey Tide is": [VERDANIA_NAMES],
        "The name of a country of citizenship of the director of Low Water is": [VERDANIA_NAMES],
    }
    (path,) = [probe["path"] for probe in reasoning(edit, after=False) if probe["subject_id"] == f"Q{GREY_TIDE}"]
    assert path == [
        {"relation_id": "P57", "object_id": f"Q{INTI}"},
        {"relation_id": "P27", "object_id": f"Q{VERDANIA}"},
    ]


def test_items_one_hop_before_are_taken_from_the_split_of_the_edit(mini: Mini) -> None:
    fact = mini.change(INTI, "P27", OSTRAVA, VERDANIA)
    assert reasoning(probed(mini, fact, is_in_split=nowhere), after=False) == []


def test_no_path_returns_to_its_start(mini: Mini) -> None:
    """Verdania is what Greenport is the capital of, which would ask for the capital of its own capital's country."""
    before = reasoning(probed(mini, mini.change(VERDANIA, "P36", GREENPORT, SALTHOLM)), after=False)
    assert before
    assert not any(probe["path"][0]["relation_id"] == "P1376" for probe in before)
    after = reasoning(probed(mini, mini.change(VERDANIA, "P36", GREENPORT, SALTHOLM)), after=True)
    assert not any(f"Q{VERDANIA}" == probe["path"][1]["object_id"] for probe in after)


def test_two_hop_edits_have_no_reasoning_probes(mini: Mini) -> None:
    edit = probed(mini, mini.fact(ADA, "P17", VERDANIA, middle=("P19", LOWMERE)))
    assert of_kind(edit, "Reasoning") == []


def test_a_date_has_no_hop_after(mini: Mini) -> None:
    edit = probed(mini, mini.fact(IBEN, "P569", "+1999-00-00T00:00:00Z/9"))
    assert reasoning(edit, after=True) == []


def test_open_relations_allow_no_second_hop(mini: Mini) -> None:
    """Kolya's one known sibling is "a sibling", of whom nothing more can be asked."""
    edit = probed(mini, mini.fact(IBEN, "P569", "+1999-00-00T00:00:00Z/9"))
    assert not any("sibling" in prompt for prompt in said(reasoning(edit, after=False)))


def test_obvious_second_hops_are_not_asked(mini: Mini) -> None:
    edit = probed(mini, mini.fact(IBEN, "P22", FINN))
    assert reasoning(edit, after=True)
    assert not any("gender" in prompt for prompt in said(reasoning(edit, after=True)))


# Logical_Generalization: the inverse, then the rules


def test_the_inverse_holds_of_the_target(mini: Mini) -> None:
    """Saltholm stays the capital of the Ostrava Isles, so Verdania is one of two."""
    edit = probed(mini, mini.change(VERDANIA, "P36", GREENPORT, SALTHOLM))
    (inverse,) = [probe for probe in of_kind(edit, "Logical_Generalization") if probe["relation_id"] == "P1376"]
    assert inverse["prompt"] == "The name of one of the countries or regions with Saltholm as their capital is"
    assert inverse["ground_truth"] == [VERDANIA_NAMES]
    assert inverse["path"] == [{"relation_id": "P1376", "object_id": f"Q{VERDANIA}"}]


def test_an_edit_of_a_maker_is_asked_from_its_new_maker(mini: Mini) -> None:
    """No relation lists what somebody directed: the relation of the film is asked the other way round."""
    edit = probed(mini, mini.change(GREY_TIDE, "P57", INTI, ADA))
    (reverse,) = [probe for probe in of_kind(edit, "Logical_Generalization") if probe["relation_id"] == "P57"]
    assert reverse["prompt"] == "One of the works that Ada Rooke directed is called"
    assert reverse["question"] == "Which works did Ada Rooke direct?"
    assert [names[0] for names in reverse["ground_truth"]] == ["Grey Tide"]
    assert (reverse["subject_id"], reverse["path"]) == (
        f"Q{GREY_TIDE}",
        [{"relation_id": "P57", "object_id": f"Q{ADA}"}],
    )


def test_an_inverse_that_takes_one_object_asks_for_the_one(mini: Mini) -> None:
    edit = probed(mini, mini.change(GREENPORT, "P1376", VERDANIA, KELDA))
    assert said(of_kind(edit, "Logical_Generalization"))["The capital of Kelda is"][0][0] == "Greenport"


def test_what_is_symmetric_holds_the_other_way_round(mini: Mini) -> None:
    edit = probed(mini, mini.fact(BRUNO, "P26", VERA))
    assert said(of_kind(edit, "Logical_Generalization")) == {
        "Vera Ostlund is known to have been married to": [["Bruno Hald"]]
    }


def test_over_two_hops_the_inverse_leads_back_to_the_middle_entity(mini: Mini) -> None:
    edit = probed(mini, mini.change(LOWMERE, "P36", GREENPORT, SALTHOLM, middle=("P17", VERDANIA)))
    _, inverse = of_kind(edit, "Logical_Generalization")
    assert (inverse["subject_id"], inverse["ground_truth"][0][0]) == (f"Q{SALTHOLM}", "Verdania")


def test_over_two_hops_the_last_one_is_asked_by_itself(mini: Mini) -> None:
    edit = probed(mini, mini.change(LOWMERE, "P36", GREENPORT, SALTHOLM, middle=("P17", VERDANIA)))
    direct, _ = of_kind(edit, "Logical_Generalization")
    assert (direct["subject_id"], direct["prompt"]) == (f"Q{VERDANIA}", "The capital of Verdania is")
    assert direct["ground_truth"][0][0] == edit["target_new"]
    assert direct["path"] == [{"relation_id": "P36", "object_id": f"Q{SALTHOLM}"}]


@pytest.mark.parametrize(
    ("fact", "prompt", "answer"),
    [
        (
            lambda mini: mini.change(KOLYA, "P22", FINN, BRUNO),
            "The name of the father of Iben Rooke is",
            "Bruno Hald",
        ),
        (
            lambda mini: mini.change(KOLYA, "P25", ADA, EDDA),
            "The name of the mother of Iben Rooke is",
            "Edda Winter",
        ),
        (
            lambda mini: mini.change(IBEN, "P3373", KOLYA, INTI),
            "The name of the father of Inti Ñandú is",
            "Finn Rooke",
        ),
    ],
    ids=["father", "mother", "sibling"],
)
def test_rules_say_what_follows_for_others(
    fact: Callable[[Mini], FactRow], prompt: str, answer: str, mini: Mini
) -> None:
    assert said(of_kind(probed(mini, fact(mini)), "Logical_Generalization"))[prompt][0][0] == answer


def test_a_date_says_its_year(mini: Mini) -> None:
    edit = probed(mini, mini.fact(ADA, "P569", "+1970-03-11T00:00:00Z/11"))
    assert said(of_kind(edit, "Logical_Generalization")) == {"The year of birth of Ada Rooke is": [["1970"]]}


def test_a_year_alone_says_no_more(mini: Mini) -> None:
    edit = probed(mini, mini.fact(IBEN, "P569", "+1999-00-00T00:00:00Z/9"))
    assert of_kind(edit, "Logical_Generalization") == []


@pytest.mark.parametrize(
    ("fact", "relation"),
    [
        (lambda mini: mini.change(LOWMERE, "P17", VERDANIA, OSTRAVA), "P30"),
        (lambda mini: mini.change(VERDANIA, "P36", GREENPORT, SALTHOLM), "P30"),
        (lambda mini: mini.change(ADA, "P17", VERDANIA, OSTRAVA, middle=("P19", LOWMERE)), "P17"),
    ],
    ids=["country", "capital", "place of birth"],
)
def test_no_edit_moves_a_place(fact: Callable[[Mini], FactRow], relation: str, mini: Mini) -> None:
    edit = probed(mini, fact(mini))
    assert relation not in {probe["relation_id"] for probe in of_kind(edit, "Logical_Generalization")}


def test_neighbours_that_many_edits_use_come_last(mini: Mini) -> None:
    """Every edit keeps a neighbour, and each is used so often before any is used again."""
    settings = PLENTY.model_copy(update={"neighborhood": 1, "neighbour_uses": 1, "relation_specificity": 0})
    uses = Uses()
    fact = mini.fact(ADA, "P19", LOWMERE)
    everybody = {probe["subject_id"] for probe in of_kind(probed(mini, fact), "Neighborhood")}
    found: list[str] = []
    for _ in range(2 * len(everybody)):
        edit = add_probes(mini.edit(fact), mini.subgraph, settings, 1, everywhere, lambda _: True, uses)
        (neighbour,) = of_kind(edit, "Neighborhood")
        found.append(neighbour["subject_id"])
    assert len(everybody) > 1
    assert {*found[: len(everybody)]} == everybody
    assert set(Counter(found).values()) == {2}


def test_who_is_used_up_is_not_asked_beside_the_subject_itself(mini: Mini) -> None:
    settings = PLENTY.model_copy(update={"neighbour_uses": 1})
    fact, uses = mini.fact(ADA, "P19", LOWMERE), Uses()
    first, again = (
        add_probes(mini.edit(fact), mini.subgraph, settings, 1, everywhere, lambda _: True, uses) for _ in range(2)
    )
    assert of_kind(first, "Neighborhood")
    assert of_kind(again, "Relation_Specificity") and not of_kind(again, "Neighborhood")


# What is doubtful


def test_a_weak_relation_is_asked_of_a_subject_only_if_its_description_says_so_of_every_object(mini: Mini) -> None:
    """Ada is described as a writer, and not as a hydrologist."""
    asked = {probe["relation_id"] for probe in of_kind(doubting(mini, ADA, "P27", VERDANIA), "Relation_Specificity")}
    assert asked == {"P21", "P40", "P569"}
    lone = replace(mini.subgraph, triples=[t for t in mini.subgraph.triples if t.object_id != HYDROLOGIST])
    found = of_kind(doubting(mini, ADA, "P27", VERDANIA, lone), "Relation_Specificity")
    assert {probe["relation_id"] for probe in found} == {"P21", "P40", "P569", "P106"}


def test_neighbours_of_a_weak_relation_are_described_so(mini: Mini) -> None:
    edit = probed(mini, mini.change(IBEN, "P106", PAINTER, HYDROLOGIST), trusting=False)
    neighbours = of_kind(edit, "Neighborhood")
    assert {probe["subject_id"] for probe in neighbours} == {f"Q{TOVE_OF_VERDANIA}"}  # a "landscape painter"


def test_what_is_doubtful_is_asked_before_an_edit_goes_without_locality(mini: Mini) -> None:
    subgraph, own = mini.subgraph, (IBEN, KOLYA)
    bare = [t for t in subgraph.triples if t.relation == "P106" or t.subject_id not in own]
    nobody = {number: replace(item, description=None) for number, item in subgraph.items.items()}
    edit = doubting(mini, IBEN, "P106", PAINTER, replace(subgraph, items=nobody, triples=bare))
    assert {probe["kind"] for probe in edit["locality"]} == {"Neighborhood"}


def test_only_what_is_said_of_somebody_is_remembered_of_a_weak_relation(mini: Mini) -> None:
    assert of_kind(doubting(mini, ADA, "P106", HYDROLOGIST), "Forgetfulness")  # beside that of writer
    assert not of_kind(doubting(mini, ADA, "P106", WRITER), "Forgetfulness")


def test_states_that_are_gone_are_no_neighbours(mini: Mini) -> None:
    fact = mini.fact(VERDANIA, "P36", GREENPORT)
    trusted, doubted = (
        {probe["subject_id"] for probe in of_kind(probed(mini, fact, trusting=trusting), "Neighborhood")}
        for trusting in (True, False)
    )
    assert trusted - doubted == {f"Q{NORRLAND}"}


def doubting(mini: Mini, subject: int, relation: str, held: int, subgraph: Subgraph | None = None) -> Edit:
    return probed(mini, mini.fact(subject, relation, held), subgraph=subgraph, trusting=False)


def test_what_is_true_already_does_not_follow_from_the_edit(mini: Mini) -> None:
    """Kolya's father is his sister's already."""
    edit = probed(mini, mini.fact(KOLYA, "P22", FINN))
    assert "The name of the father of Iben Rooke is" not in said(of_kind(edit, "Logical_Generalization"))


def test_siblings_are_asked_about_only_in_the_split_of_the_edit(mini: Mini) -> None:
    edit = probed(mini, mini.change(KOLYA, "P22", FINN, BRUNO), is_in_split=nowhere)
    assert not any(probe["subject_id"] == f"Q{IBEN}" for probe in of_kind(edit, "Logical_Generalization"))


# All kinds


def test_every_kind_is_met_in_the_mini_world(mini: Mini) -> None:
    kinds = {probe["kind"] for edit in mini.edits for probe in (*edit["locality"], *edit["portability"])}
    assert kinds == {
        "Relation_Specificity",
        "Forgetfulness",
        "Neighborhood",
        "Reasoning",
        "Subject_Aliasing",
        "Logical_Generalization",
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("relation_specificity", "Relation_Specificity"),
        ("forgetfulness", "Forgetfulness"),
        ("neighborhood", "Neighborhood"),
        ("subject_aliasing", "Subject_Aliasing"),
        ("reasoning", "Reasoning"),
        ("logical_generalization", "Logical_Generalization"),
    ],
)
@pytest.mark.parametrize("most", [0, 1, 2])
def test_there_are_no_more_probes_of_a_kind_than_the_settings_allow(
    name: str, kind: str, most: int, mini: Mini
) -> None:
    settings = PLENTY.model_copy(update={name: most})
    for fact in (mini.change(ADA, "P106", WRITER, PAINTER), mini.change(KOLYA, "P22", FINN, BRUNO)):
        counted = len(of_kind(probed(mini, fact, settings=settings), kind))
        assert counted <= most
        assert counted == min(most, len(of_kind(probed(mini, fact), kind))) or kind == "Reasoning"


def test_no_prompt_is_asked_twice_by_a_kind(mini: Mini) -> None:
    for fact in mini.facts[::3]:
        if fact["target_key"] or fact["category"] != "popular":
            edit = probed(mini, fact)
            for kind in {probe["kind"] for probe in (*edit["locality"], *edit["portability"])}:
                prompts = [probe["prompt"] for probe in of_kind(edit, kind)]
                assert len(set(prompts)) == len(prompts)


def test_probes_are_drawn_by_seed_and_case(mini: Mini) -> None:
    fact = mini.fact(ADA, "P108", TIDEWATER)
    draws = [said(probed(mini, fact, settings=COMMON, seed=seed)["locality"]) for seed in (1, 1, 2, 3, 4)]
    assert draws[0] == draws[1]
    assert any(draw != draws[0] for draw in draws[2:])


def test_no_prompt_contains_its_first_answer(mini: Mini) -> None:
    for edit in mini.edits:
        for probe in (*edit["locality"], *edit["portability"]):
            assert not any(contains_name(probe["prompt"], names[0]) for names in probe["ground_truth"]), probe["prompt"]


def test_locality_and_portability_never_ask_the_same(mini: Mini) -> None:
    """What must stay cannot be what must change."""
    for fact in mini.facts:
        if fact["target_key"] or fact["category"] != "popular":
            edit = probed(mini, fact)
            stays = {(probe["subject_id"], probe["relation_id"]) for probe in edit["locality"]}
            follows = {
                (probe["subject_id"], probe["relation_id"])
                for probe in edit["portability"]
                if probe["kind"] == "Logical_Generalization"
            }
            assert not stays & follows


def test_other_subjects_are_of_the_split_of_the_edit(mini: Mini) -> None:
    seed, shares = mini.built.manifest.seed, mini.settings.splits
    found = 0
    for edit in mini.edits:
        for probe in of_kind(edit, "Neighborhood", "Reasoning"):
            found += 1
            assert split_of(probe["subject_id"], seed, shares) == edit["split"]
    assert found > 30


def test_locality_gives_every_true_object_with_its_aliases(mini: Mini) -> None:
    for edit in mini.edits:
        for probe in of_kind(edit, "Relation_Specificity", "Neighborhood"):
            triples = mini.subgraph.triples_of(int(probe["subject_id"][1:]), probe["relation_id"])
            assert probe["ground_truth"] == answers(triples, mini.subgraph)


def test_a_probe_is_also_asked_as_a_question(mini: Mini) -> None:
    for edit in mini.edits:
        for probe in (*edit["locality"], *edit["portability"]):
            assert probe["question"].endswith("?") or probe["kind"] == "Forgetfulness"


def test_a_namesake_with_the_same_object_is_no_neighbour(mini: Mini) -> None:
    """Its prompt would be that of the edit, with another answer."""
    namesake = replace(mini.subgraph.items[IBEN], label="Finn Rooke")
    subgraph = Subgraph({**mini.subgraph.items, IBEN: namesake}, mini.subgraph.triples, TEMPLATES)
    edit = probed(mini, mini.change(FINN, "P106", PAINTER, WRITER), subgraph=subgraph)
    assert f"Q{IBEN}" not in {probe["subject_id"] for probe in of_kind(edit, "Neighborhood")}
    assert f"Q{IBEN}" in {
        probe["subject_id"]
        for probe in of_kind(probed(mini, mini.change(FINN, "P106", PAINTER, WRITER)), "Neighborhood")
    }


def test_the_known_object_keeps_its_article(mini: Mini) -> None:
    """It is "besides the High Tide Prize", not "besides High Tide Prize"."""
    (probe,) = of_kind(probed(mini, mini.fact(INTI, "P166", TIDE_PRIZE)), "Forgetfulness")
    assert probe["prompt"] == "Besides the High Tide Prize, one of the awards received by Inti Ñandú is known to be"


def test_a_namesake_is_disambiguated_in_probes_too(mini: Mini) -> None:
    edit = probed(mini, mini.change(INTI, "P27", OSTRAVA, VERDANIA))
    prompts = set(said(of_kind(edit, "Neighborhood")))
    assert "The name of a country of citizenship of Tove Lind (Olympic swimmer) is" in prompts
    assert "The name of a country of citizenship of Tove Lind is" not in prompts


def test_a_gender_has_no_hop_after(mini: Mini) -> None:
    edit = probed(mini, mini.fact(INTI, "P21", MALE))
    assert reasoning(edit, after=True) == []


def test_reasoning_is_shared_between_one_hop_on_and_one_hop_before(mini: Mini) -> None:
    """An odd one goes to those that go on, of which there is one here."""
    fact = mini.change(FINN, "P19", GREENPORT, SALTHOLM)
    for most, on, before in ((1, 1, 0), (2, 1, 1), (3, 1, 1), (4, 1, 2)):
        edit = probed(mini, fact, settings=PLENTY.model_copy(update={"reasoning": most}))
        assert (len(reasoning(edit, after=True)), len(reasoning(edit, after=False))) == (on, before)


def test_what_is_not_forgotten_is_proved_by_its_own_statement(mini: Mini) -> None:
    (probe,) = of_kind(probed(mini, mini.fact(ADA, "P106", WRITER)), "Forgetfulness")
    assert probe["path"] == [{"relation_id": "P106", "object_id": f"Q{HYDROLOGIST}"}]
    assert (probe["subject_id"], probe["relation_id"]) == (f"Q{ADA}", "P106")


def with_another(mini: Mini, subject: int, relation: str, held: int, **fields: int) -> Subgraph:
    """A world in which a subject has one more object of a relation."""
    (first, *_) = mini.subgraph.triples_of(subject, relation)
    more = replace(first, object_key=f"Q{held}", object_id=held, statement_id="more", **fields)
    return Subgraph(mini.subgraph.items, [*mini.subgraph.triples, more], TEMPLATES)


def test_of_two_objects_none_is_said_to_follow(mini: Mini) -> None:
    """Somebody with two fathers does not say which of them is the father of a new sibling."""
    fact = mini.change(IBEN, "P3373", KOLYA, INTI)
    both = with_another(mini, IBEN, "P22", BRUNO)
    asked = [
        {p["relation_id"] for p in of_kind(probed(mini, fact, subgraph=world), "Logical_Generalization")}
        for world in (mini.subgraph, both)
    ]
    assert "P22" in asked[0]
    assert "P22" not in asked[1]


def test_what_one_of_several_objects_makes_true_anyway_does_not_follow(mini: Mini) -> None:
    """Finn is the father of Inti already, besides another one."""
    fact = mini.change(IBEN, "P3373", KOLYA, INTI)
    (triple,) = mini.subgraph.triples_of(IBEN, "P22")
    held = [replace(triple, subject_id=INTI, object_key=f"Q{item}", object_id=item) for item in (FINN, BRUNO)]
    subgraph = Subgraph(mini.subgraph.items, [*mini.subgraph.triples, *held], TEMPLATES)
    found = of_kind(probed(mini, fact, subgraph=subgraph), "Logical_Generalization")
    assert "P22" not in {probe["relation_id"] for probe in found}


def test_two_hops_leave_the_same_relation_of_the_subject_itself_alone(mini: Mini) -> None:
    """Kolya is a citizen too: an edit of what his father is a citizen of asks nothing besides it."""
    assert of_kind(probed(mini, mini.fact(KOLYA, "P27", VERDANIA, middle=("P22", FINN))), "Forgetfulness") == []


def test_a_relation_that_takes_one_object_has_no_other_to_remember(mini: Mini) -> None:
    subgraph = with_another(mini, VERDANIA, "P36", SALTHOLM)
    assert of_kind(probed(mini, mini.fact(VERDANIA, "P36", GREENPORT), subgraph=subgraph), "Forgetfulness") == []
