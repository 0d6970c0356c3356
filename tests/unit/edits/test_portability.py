"""Portability over one more hop: what an edit's object is known for, where one object of several leads on."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.core.edit_record import Probe
from pipeline.edits.edits import FactRow
from pipeline.language.subgraph import Subgraph, Triple
from tests.minikg import (
    ADA,
    FINN,
    IBEN,
    INTI,
    LOWMERE,
    LOWMERE_COLLEGE,
    NILS,
    OSTRAVA,
    OSTRAVAN,
    RUTH,
    SALTHOLM,
    SHELL_AWARD,
    TEMPLATES,
    TIDE_PRIZE,
    TIDEWATER,
    VERA,
    VERDANIA,
    VERDANIAN,
    Mini,
)
from tests.unit.edits.test_probes import of_kind, probed, said

LEADS_ON: list[tuple[Callable[[Mini], FactRow], str, str]] = [
    (
        lambda mini: mini.change(FINN, "P27", VERDANIA, OSTRAVA),
        "The capital of the country of which Finn Rooke was a citizen is",
        "Saltholm",
    ),
    (
        lambda mini: mini.change(ADA, "P27", VERDANIA, OSTRAVA),
        "Geographically, the country of which Ada Rooke is a citizen is counted as part of the continent called",
        "Australis",
    ),
    (
        lambda mini: mini.fact(ADA, "P69", LOWMERE_COLLEGE),
        "The name of the country in which a school or university attended by Ada Rooke is located is",
        "Verdania",
    ),
    (
        lambda mini: mini.fact(ADA, "P108", TIDEWATER),
        "An employer of Ada Rooke has a base in a country called",
        "Ostrava Isles",
    ),
    (
        lambda mini: mini.change(TIDEWATER, "P17", OSTRAVA, VERDANIA),
        "The capital of the country in which the Tidewater Institute is based is",
        "Greenport",
    ),
]


def after(mini: Mini, fact: FactRow, subgraph: Subgraph | None = None) -> list[Probe]:
    """The probes one hop on from the target of an edit."""
    edit = probed(mini, fact, subgraph=subgraph)
    return [probe for probe in of_kind(edit, "Reasoning") if probe["subject_id"] == edit["subject_id"]]


def with_triples(mini: Mini, *triples: Triple) -> Subgraph:
    return Subgraph(mini.subgraph.items, [*mini.subgraph.triples, *triples], TEMPLATES)


def plain(subject: int, relation: str, item: int, count: int = 1) -> Triple:
    """A triple that speaks for itself."""
    key = f"{subject}{relation}{item}"
    return Triple(subject, relation, f"Q{item}", item, key, count, is_homonym=False, is_eligible=True)


@pytest.mark.parametrize(("fact", "prompt", "answer"), LEADS_ON)
def test_an_edit_leads_on_to_what_its_target_is_known_for(
    fact: Callable[[Mini], FactRow], prompt: str, answer: str, mini: Mini
) -> None:
    assert said(after(mini, fact(mini)))[prompt][0][0] == answer


def test_an_award_leads_to_the_country_it_comes_from(mini: Mini) -> None:
    """Unless there are several awards."""
    fact = mini.fact(INTI, "P166", TIDE_PRIZE)
    origin = plain(TIDE_PRIZE, "P17", VERDANIA)
    assert after(mini, fact, with_triples(mini, origin)) == []
    only = [triple for triple in mini.subgraph.triples if triple.object_id != SHELL_AWARD]
    found = said(after(mini, fact, Subgraph(mini.subgraph.items, [*only, origin], TEMPLATES)))
    assert found["An award received by Inti Ñandú originated in a country called"][0][0] == "Verdania"


@pytest.mark.parametrize(("subject", "relation", "item"), [(FINN, "P3373", RUTH), (LOWMERE_COLLEGE, "P112", ADA)])
def test_people_who_may_be_one_of_several_lead_nowhere(subject: int, relation: str, item: int, mini: Mini) -> None:
    """Other siblings were born elsewhere."""
    assert after(mini, mini.fact(subject, relation, item)) == []


def test_no_language_follows_from_a_country(mini: Mini) -> None:
    """Wikidata lists one of several. An edit of the language states it."""
    found = after(mini, mini.change(LOWMERE, "P17", VERDANIA, OSTRAVA))
    assert {probe["relation_id"] for probe in found} == {"P30", "P36", "P38"}
    edit = probed(mini, mini.change(OSTRAVA, "P37", OSTRAVAN, VERDANIAN))
    assert "The country in which Port Ansel is located has an official language called" in said(
        of_kind(edit, "Reasoning")
    )


def test_of_two_currencies_none_is_asked(mini: Mini) -> None:
    """Even where one of them has no name."""
    triples = [replace(t, object_count=2) if t.relation == "P38" else t for t in mini.subgraph.triples]
    subgraph = Subgraph(mini.subgraph.items, triples, TEMPLATES)
    found = after(mini, mini.change(INTI, "P27", OSTRAVA, VERDANIA), subgraph)
    assert {probe["relation_id"] for probe in found} == {"P30", "P36"}


def test_of_a_person_several_answers_are_asked(mini: Mini) -> None:
    """They do not end: the awards of a father."""
    awards = (plain(FINN, "P166", SHELL_AWARD, 2), plain(FINN, "P166", TIDE_PRIZE, 2))
    (probe,) = [
        probe
        for probe in after(mini, mini.fact(IBEN, "P22", FINN), with_triples(mini, *awards))
        if probe["relation_id"] == "P166"
    ]
    assert len(probe["ground_truth"]) == 2


def test_what_several_objects_are_known_for_does_not_follow_from_one(mini: Mini) -> None:
    twice = with_triples(mini, plain(ADA, "P69", TIDEWATER, 2))
    assert after(mini, mini.fact(ADA, "P69", LOWMERE_COLLEGE), twice) == []


def test_a_country_that_is_no_more_leads_nowhere(mini: Mini) -> None:
    norrland = next(t.object_id for t in mini.subgraph.triples_of(NILS, "P27"))
    assert norrland is not None
    assert after(mini, mini.change(VERA, "P27", VERDANIA, norrland)) == []


def test_what_does_not_speak_for_itself_is_not_asked(mini: Mini) -> None:
    """A value that screening refuses, such as the old capital, or one that is the subject."""
    refused = [
        replace(triple, is_eligible=False) if triple.relation == "P36" else triple for triple in mini.subgraph.triples
    ]
    subgraph = Subgraph(mini.subgraph.items, refused, TEMPLATES)
    found = after(mini, mini.change(FINN, "P27", VERDANIA, OSTRAVA), subgraph)
    assert found
    assert "P36" not in {probe["relation_id"] for probe in found}


def test_nobody_is_asked_about_a_citizenship_that_the_edit_does_not_state(mini: Mini) -> None:
    """Inti may hold another one. Towns of the country are asked for its capital."""
    edit = probed(mini, mini.change(OSTRAVA, "P36", SALTHOLM, LOWMERE))
    before = of_kind(edit, "Reasoning")
    assert {probe["path"][0]["relation_id"] for probe in before if probe["relation_id"] == "P36"} == {"P17"}
    assert "The capital of the country in which Port Ansel is located is" in said(before)
