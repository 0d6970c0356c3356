"""Facts beside an edit: how they read, what the words for their subject may mean, and which names give answers away."""

from dataclasses import replace

import pytest

from pipeline.edits.consistency import find_touched
from pipeline.edits.probes import add_probes
from pipeline.edits.side_facts import Surroundings, anaphor, clauses, names_of_probe_answers, safe_description
from pipeline.language.subgraph import Triple
from tests.minikg import (
    ADA,
    GREENPORT,
    GREY_TIDE,
    IBEN,
    LOWMERE,
    OLE_THE_YOUNGER,
    OSTRAVA,
    TOVE_OF_OSTRAVA,
    VERDANIA,
    Mini,
)

BIRTH = "+1970-03-11T00:00:00Z/11"


def triple(mini: Mini, subject: int, relation: str, key: int | str) -> Triple:
    held = f"Q{key}" if isinstance(key, int) else key
    return next(one for one in mini.subgraph.triples_of(subject, relation) if one.object_key == held)


def test_a_fact_is_a_sentence_by_itself_or_in_mid_sentence(mini: Mini) -> None:
    born = triple(mini, ADA, "P19", LOWMERE)
    alone, within = (clauses(born, mini.subgraph, in_mid_sentence=value) for value in (False, True))
    assert "The birthplace of Ada Rooke is called Lowmere" in alone
    assert "the birthplace of Ada Rooke is called Lowmere" in within
    assert all(text[0].isupper() for text in alone)
    assert clauses(born, mini.subgraph) == alone


def test_a_subject_that_was_named_needs_no_description(mini: Mini) -> None:
    citizen = triple(mini, TOVE_OF_OSTRAVA, "P27", OSTRAVA)
    assert all("Tove Lind (Olympic swimmer)" in text for text in clauses(citizen, mini.subgraph))
    again = clauses(citizen, mini.subgraph, alias="this person")
    assert again
    assert all("this person" in text.lower() and "swimmer" not in text for text in again)


def test_of_a_namesake_without_a_description_nothing_is_stated(mini: Mini) -> None:
    assert clauses(triple(mini, OLE_THE_YOUNGER, "P27", OSTRAVA), mini.subgraph) == []


@pytest.mark.parametrize(
    ("subject", "relation", "key", "words"),
    [
        (ADA, "P19", LOWMERE, "this person"),
        (ADA, "P569", BIRTH, "this person"),
        (ADA, "P40", IBEN, None),  # mother or daughter?
        (VERDANIA, "P36", GREENPORT, None),
        (GREY_TIDE, "P161", ADA, "this film"),
    ],
)
def test_this_person_must_not_mean_an_object_of_the_fact_before(
    subject: int, relation: str, key: int | str, words: str | None, mini: Mini
) -> None:
    assert anaphor(subject, mini.subgraph, [triple(mini, subject, relation, key)]) == words


def test_an_item_stands_beside_an_edit_if_one_of_its_facts_has_a_single_object(mini: Mini) -> None:
    """Of two occupations a sentence would state one only."""
    triples = [one for one in mini.subgraph.triples if one.subject_id != ADA or one.relation == "P106"]
    subgraph = replace(mini.subgraph, triples=triples)
    edit = mini.edit(mini.fact(IBEN, "P25", ADA))
    surroundings = Surroundings(subgraph, find_touched([edit], subgraph), 1, lambda _: "train")
    found = set(surroundings.other_items(edit))
    assert LOWMERE in found
    assert ADA not in found


def test_a_description_that_is_harsh_or_tends_to_answer_is_not_quoted(mini: Mini) -> None:
    tove = mini.subgraph.items[TOVE_OF_OSTRAVA]
    harsh = mini.subgraph.templates.contexts.harsh_words[0]
    assert safe_description(tove, ["P22"], mini.subgraph) == "Olympic swimmer"
    assert safe_description(tove, ["P22", "P106"], mini.subgraph) is None
    assert safe_description(replace(tove, description=f"Olympic {harsh}"), ["P22"], mini.subgraph) is None
    assert safe_description(replace(tove, description=None), ["P22"], mini.subgraph) is None


def test_every_name_that_answers_a_probe_gives_it_away_but_for_that_of_the_subject(mini: Mini) -> None:
    edit = add_probes(
        mini.edit(mini.fact(IBEN, "P25", ADA)), mini.subgraph, mini.settings.probes, 1, lambda _: True, lambda _: True
    )
    probes = (*edit["locality"], *edit["portability"])
    answers = {name for probe in probes for names in probe["ground_truth"] for name in names}
    assert "Iben Rooke" in answers
    found = set(names_of_probe_answers(edit))
    assert found
    assert "Iben Rooke" not in found
    assert {"Iben Rooke", "Iben Sølvi Rooke"} >= answers - found
