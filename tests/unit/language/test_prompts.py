"""From a fact to its sentences: which wording fits which item, over one hop and over two."""

from dataclasses import replace

import pytest

from pipeline.edits.edits import edited_fact
from pipeline.language.names import Name
from pipeline.language.prompts import Fact, FactSentences, Hop, word_fact, word_triple
from pipeline.language.subgraph import Subgraph, Triple
from tests.minikg import (
    ADA,
    ANSEL,
    FINN,
    GREY_TIDE,
    IBEN,
    INTI,
    KOLYA,
    LOWMERE,
    NILS,
    NORRLAND,
    OSTRAVA,
    REACHHOLM,
    TOVE_OF_OSTRAVA,
    TOVE_OF_VERDANIA,
    VERDANIA,
    Mini,
)


@pytest.fixture(scope="module")
def subgraph(mini: Mini) -> Subgraph:
    return mini.subgraph


def one_hop(subgraph: Subgraph, number: int, relation: str, count: int = 1, key: str | None = None) -> FactSentences:
    found = word_fact(Fact(number, relation, key, count), subgraph)
    assert found is not None
    return found


def two_hops(subgraph: Subgraph, subject: int, first: str, middle: int, second: str) -> FactSentences:
    found = word_fact(Fact(subject, second, first_hop=Hop(first, middle)), subgraph)
    assert found is not None
    return found


# One hop


@pytest.mark.parametrize(
    ("number", "relation", "prompt"),
    [
        (LOWMERE, "P17", "The name of the country in which Lowmere is located is"),
        (GREY_TIDE, "P17", "Grey Tide originated in a country called"),
        (OSTRAVA, "P36", "The capital of the Ostrava Isles is"),
        (NORRLAND, "P36", "The capital of Norrland Reach was"),
        (ADA, "P106", "An occupation of Ada Rooke is that of"),
        (FINN, "P106", "An occupation of Finn Rooke was that of"),
        (INTI, "P19", "The name of the place where Inti Ñandú was born is"),
    ],
)
def test_the_wording_suits_the_kind_and_the_time_of_the_subject(
    subgraph: Subgraph, number: int, relation: str, prompt: str
) -> None:
    assert one_hop(subgraph, number, relation).prompt == prompt


def test_the_first_fitting_type_of_the_relation_is_the_domain(subgraph: Subgraph) -> None:
    assert one_hop(subgraph, LOWMERE, "P17").domain == "settlement"
    assert one_hop(subgraph, GREY_TIDE, "P17").domain == "film"


def test_several_objects_are_asked_for_in_the_plural(subgraph: Subgraph) -> None:
    one, two = one_hop(subgraph, ADA, "P106"), one_hop(subgraph, ADA, "P106", count=2)
    assert (one.prompt, two.prompt) == (
        "An occupation of Ada Rooke is that of",
        "One of the occupations of Ada Rooke is that of",
    )
    assert (one.question, two.question) == (
        "What has Ada Rooke worked as?",
        "What are the occupations of Ada Rooke?",
    )
    assert (one.template_id, two.template_id) == ("P106/0/one", "P106/0/several")
    assert one.template_version == two.template_version == subgraph.templates.relations["P106"].version


def test_a_relation_that_takes_one_object_has_no_plural(subgraph: Subgraph) -> None:
    assert one_hop(subgraph, VERDANIA, "P36", count=2).prompt == "The capital of Verdania is"


@pytest.mark.parametrize(
    ("key", "prompt"),
    [
        ("+1970-03-11T00:00:00Z/11", "The date of birth of Ada Rooke is"),
        ("+1970-03-11T10:00:00Z/14", "The date of birth of Ada Rooke is"),
        ("+1970-03-00T00:00:00Z/10", "The month and year of birth of Ada Rooke are"),
        ("+1970-00-00T00:00:00Z/9", "The year of birth of Ada Rooke is"),
    ],
)
def test_a_date_is_asked_for_with_the_precision_it_has(subgraph: Subgraph, key: str, prompt: str) -> None:
    assert one_hop(subgraph, ADA, "P569", key=key).prompt == prompt


@pytest.mark.parametrize("key", ["+1970-00-00T00:00:00Z/8", "+1900-00-00T00:00:00Z/7", None])
def test_a_date_coarser_than_a_year_has_no_wording(subgraph: Subgraph, key: str | None) -> None:
    assert word_fact(Fact(ADA, "P569", key), subgraph) is None


def test_a_subject_of_another_type_has_no_wording(subgraph: Subgraph) -> None:
    assert word_fact(Fact(VERDANIA, "P26"), subgraph) is None


def test_an_alias_can_replace_the_label(subgraph: Subgraph) -> None:
    found = word_fact(Fact(ADA, "P106"), subgraph, alias="Ada W. Rooke")
    assert found is not None
    assert found.prompt == "An occupation of Ada W. Rooke is that of"


def test_rephrases_that_do_not_suit_the_subject_are_left_out(subgraph: Subgraph) -> None:
    plain, with_comma = one_hop(subgraph, INTI, "P19"), one_hop(subgraph, ANSEL, "P19")
    assert any("Inti Ñandú's" in text for text in (*plain.rephrases, *plain.question_rephrases))
    assert not any("Reef's" in text for text in (*with_comma.rephrases, *with_comma.question_rephrases))
    assert len(with_comma.rephrases) >= 2
    assert all("Ansel, Lord of the Reef" in text for text in with_comma.rephrases)


def test_namesakes_are_disambiguated_by_their_descriptions(subgraph: Subgraph) -> None:
    for number, told in (
        (TOVE_OF_VERDANIA, "Tove Lind (landscape painter)"),
        (TOVE_OF_OSTRAVA, "Tove Lind (Olympic swimmer)"),
    ):
        (triple,) = subgraph.triples_of(number, "P27")
        found = word_triple(triple, subgraph)
        assert found is not None
        assert found.prompt == f"The name of a country of citizenship of {told} is"


def test_namesakes_with_the_same_answer_are_not_disambiguated(subgraph: Subgraph) -> None:
    (triple,) = subgraph.triples_of(TOVE_OF_VERDANIA, "P106")
    found = word_triple(triple, subgraph)
    assert found is not None
    assert found.prompt == "An occupation of Tove Lind is known to be that of"


# Two hops


def test_two_hops_nest_the_noun_phrase_of_the_first_in_the_prompt_of_the_second(subgraph: Subgraph) -> None:
    found = two_hops(subgraph, ADA, "P19", LOWMERE, "P17")
    assert found.prompt == "The name of the country in which the place of birth of Ada Rooke is located is"
    assert found.question == "In which country is the place of birth of Ada Rooke located?"
    assert found.rephrases[0] == "The place of birth of Ada Rooke is situated in a country called"
    assert found.template_id == "P19/0/one+P17/0/one"
    assert found.template_version.count("+") == 1
    assert found.domain == "person"


def test_between_two_hops_the_maker_of_a_work_is_the_one(subgraph: Subgraph) -> None:
    assert one_hop(subgraph, GREY_TIDE, "P57").noun_phrase.text == "a director of Grey Tide"
    found = two_hops(subgraph, GREY_TIDE, "P57", FINN, "P19")
    assert found.prompt == "The name of the place where the director of Grey Tide was born is"


@pytest.mark.parametrize(
    ("middle", "prompt"),
    [
        (ADA, "The director of Grey Tide is a citizen of a country called"),
        (FINN, "The director of Grey Tide was a citizen of a country called"),
        (TOVE_OF_OSTRAVA, "The name of a country of citizenship of the director of Grey Tide is"),
    ],
)
def test_the_middle_entity_decides_the_tense_of_the_second_hop(subgraph: Subgraph, middle: int, prompt: str) -> None:
    assert two_hops(subgraph, GREY_TIDE, "P57", middle, "P27").prompt == prompt


def test_a_noun_phrase_takes_no_possessive(subgraph: Subgraph) -> None:
    found = two_hops(subgraph, ADA, "P19", LOWMERE, "P17")
    assert not any("Rooke's" in text for text in (*found.rephrases, *found.question_rephrases))


@pytest.mark.parametrize(
    ("subject", "first", "middle", "second"),
    [
        (ADA, "P36", KOLYA, "P27"),  # a middle entity of another type
        (ADA, "P27", VERDANIA, "P35"),  # the head of state of a country of citizenship: nobody's bridge
        (NILS, "P27", NORRLAND, "P36"),  # a country that is no more
        (LOWMERE, "P17", VERDANIA, "P35"),  # who governs a town's country is stale before it is read
        (IBEN, "P22", FINN, "P21"),  # the gender of a father is plain
        (REACHHOLM, "P17", NORRLAND, "P36"),  # a country that is no more
        (NILS, "P19", NORRLAND, "P17"),  # a place that is no more
    ],
)
def test_a_path_that_nobody_asks_has_no_wording(
    subgraph: Subgraph, subject: int, first: str, middle: int, second: str
) -> None:
    assert word_fact(Fact(subject, second, first_hop=Hop(first, middle)), subgraph) is None


def test_a_place_in_several_countries_is_no_bridge_to_one(subgraph: Subgraph) -> None:
    assert word_fact(Fact(ADA, "P17", object_count=2, first_hop=Hop("P19", LOWMERE)), subgraph) is None


def test_over_two_hops_a_namesake_carries_its_description(subgraph: Subgraph) -> None:
    born = Triple(TOVE_OF_OSTRAVA, "P19", f"Q{LOWMERE}", LOWMERE, "born", 1, is_homonym=True, is_eligible=True)
    with_birth = replace(subgraph, triples=[*subgraph.triples, born])
    found = two_hops(with_birth, TOVE_OF_OSTRAVA, "P19", LOWMERE, "P17")
    assert "the place of birth of Tove Lind (Olympic swimmer) is" in found.prompt


# Sentences made from sentences


@pytest.mark.parametrize(
    ("number", "relation", "prompt"),
    [
        (ADA, "P106", "As far as I know, an occupation of Ada Rooke is that of"),
        (OSTRAVA, "P36", "As far as I know, the capital of the Ostrava Isles is"),
    ],
)
def test_a_prompt_goes_on_in_lower_case_in_mid_sentence(
    subgraph: Subgraph, number: int, relation: str, prompt: str
) -> None:
    sentences = one_hop(subgraph, number, relation)
    assert f"As far as I know, {sentences.in_mid_sentence(sentences.prompt)}" == prompt


@pytest.mark.parametrize(
    ("number", "prompt"),
    [
        (ADA, "Besides that of writer, one of the occupations of Ada Rooke is"),
        (FINN, "Besides that of writer, one of the occupations of Finn Rooke was"),
    ],
)
def test_the_prompt_for_other_objects_names_the_known_one(subgraph: Subgraph, number: int, prompt: str) -> None:
    besides = subgraph.templates.phrases.besides
    assert one_hop(subgraph, number, "P106", count=2).prompt_for_others("writer", besides) == prompt


def test_a_topic_is_all_objects_together(subgraph: Subgraph) -> None:
    assert one_hop(subgraph, ADA, "P106", count=2).topic == "the occupations of Ada Rooke"
    assert one_hop(subgraph, OSTRAVA, "P36").topic == "the capital of the Ostrava Isles"


# Edits, worded again


def test_an_edit_worded_again_has_the_same_words(mini: Mini) -> None:
    """Robust variants and probes word an edit from its record; the edit itself was worded from its fact."""
    for edit in mini.edits:
        again = word_fact(edited_fact(edit, mini.subgraph), mini.subgraph)
        assert again is not None
        assert again.prompt == edit["prompt"]
        assert again.template_id == edit["template_id"]


def test_an_object_that_two_statements_name_is_one_object(mini: Mini) -> None:
    """Ada was mayor twice, and mayor is still the one position she held."""
    assert len(mini.subgraph.triples_of(ADA, "P39")) == 2
    assert mini.subgraph.object_count(ADA, "P39") == 1
    edit = {
        **next(edit for edit in mini.edits if edit["hops"] == 1),
        "subject_id": f"Q{ADA}",
        "relation_id": "P39",
        "path": [{"relation_id": "P39", "object_id": "Q1411"}],
    }
    found = word_fact(edited_fact(edit, mini.subgraph), mini.subgraph)  # type: ignore[arg-type]
    assert found is not None
    assert found.template_id == "P39/0/one"


def test_an_edit_can_be_worded_by_an_alias(mini: Mini) -> None:
    edit = next(edit for edit in mini.edits if edit["subject_id"] == f"Q{ADA}" and edit["hops"] == 1)
    found = word_fact(edited_fact(edit, mini.subgraph), mini.subgraph, alias="Ada Sølvi Rooke")
    assert found is not None
    assert found.subject == Name("Ada Sølvi Rooke")
