"""Robust edits: opposite sentences before a prompt, a short and a long form of it, and no answer given away."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import pytest

from pipeline.core import reasons
from pipeline.core.edit_record import Edit, Prefix
from pipeline.core.settings import RobustSettings
from pipeline.edits.consistency import find_touched, probe_slots
from pipeline.edits.dropped import Drop
from pipeline.edits.edits import FactRow, edited_fact
from pipeline.edits.probes import add_probes
from pipeline.edits.variants import make_variants
from pipeline.language.leaks import mentions_any
from pipeline.language.prompts import word_fact
from pipeline.language.subgraph import Subgraph
from pipeline.language.template_parts import VariantGrammar
from tests.minikg import (
    ADA,
    FINN,
    GREENPORT,
    IBEN,
    INTI,
    LOWMERE,
    OSTRAVA,
    PAINTER,
    PORT_ANSEL,
    SALTHOLM,
    SHELL_COIN,
    TEMPLATES,
    TIDISM,
    VERDANIA,
    WRITER,
    Mini,
)

SETTINGS = RobustSettings(size=1000, max_prefix_words=30, short_words=10, long_words=16, longest_words=40)
UNASKED = {"P166", "P27", "P69", "P112", "P30"}
GRAMMARS = {grammar.attribute: grammar for grammar in TEMPLATES.variants}
OPPOSITES = {"length": ("short", "long"), "context": ("relevant", "irrelevant"), "sentiment": ("positive", "negative")}


def base(mini: Mini, fact: FactRow, subgraph: Subgraph | None = None, **columns: object) -> Edit:
    """The edit of a fact with its probes, of which none asks what a context can state instead."""
    subgraph = subgraph or mini.subgraph
    edit = mini.edit(fact, subgraph, **columns)
    return add_probes(
        edit, subgraph, mini.settings.probes, 1, lambda _: True, lambda p: p["relation_id"] not in UNASKED
    )


def vary(
    edits: Sequence[Edit], subgraph: Subgraph, settings: RobustSettings = SETTINGS, seed: int = 1
) -> tuple[list[Edit], list[Drop]]:
    """The robust edits of some edits, in a world in which every item belongs to their split."""
    return make_variants(edits, subgraph, settings, seed, lambda _: edits[0]["split"])


def varied(edit: Edit, subgraph: Subgraph, *, seed: int = 1, settings: RobustSettings = SETTINGS) -> Edit:
    (made,), _ = vary([edit], subgraph, settings, seed)
    return made


def drawn(edit: Edit, subgraph: Subgraph, settings: RobustSettings = SETTINGS) -> list[Prefix]:
    """What sixty seeds put before an edit's prompt."""
    made = [varied(edit, subgraph, seed=seed, settings=settings) for seed in range(60)]
    return [prefix for one in made for prefix in one["prefixes"]]


def drawn_texts(edit: Edit, subgraph: Subgraph, settings: RobustSettings = SETTINGS) -> list[str]:
    """The sentences of the same."""
    return [prefix["text"] for prefix in drawn(edit, subgraph, settings)]


def renamed(subgraph: Subgraph, number: int, label: str) -> Subgraph:
    """A world in which one item has another label."""
    return Subgraph(
        {**subgraph.items, number: replace(subgraph.items[number], label=label)}, subgraph.triples, subgraph.templates
    )


def pairs(edit: Edit) -> dict[str, tuple[Prefix, Prefix]]:
    """The prefixes by attribute."""
    return {p["attribute"]: (p, q) for p, q in zip(edit["prefixes"][::2], edit["prefixes"][1::2], strict=True)}


def robust(mini: Mini) -> list[Edit]:
    """The robust edits of the mini world."""
    found = [edit for edit in mini.edits if edit["category"] == "robust"]
    assert len(found) > 20
    return found


# Opposites


def test_a_robust_edit_has_a_sentence_of_either_pole_of_each_attribute(mini: Mini) -> None:
    for edit in robust(mini):
        assert {name: (p["pole"], q["pole"]) for name, (p, q) in pairs(edit).items()} == OPPOSITES


@pytest.mark.parametrize("attribute", GRAMMARS)
def test_the_poles_are_drawn_independently(attribute: str, mini: Mini) -> None:
    """The sentence of one pole says nothing about that of the other, but that both are about the same."""
    edit = base(mini, mini.fact(INTI, "P19", PORT_ANSEL))
    drawn_pairs = [pairs(varied(edit, mini.subgraph, seed=seed))[attribute] for seed in range(200)]
    assert all(first["about"] == second["about"] for first, second in drawn_pairs)
    partners: defaultdict[int, set[int]] = defaultdict(set)
    for first, second in drawn_pairs:
        partners[line_of(GRAMMARS[attribute], first)].add(line_of(GRAMMARS[attribute], second))
    assert len(partners) > 35
    assert sum(map(len, partners.values())) > 150


def line_of(grammar: VariantGrammar, prefix: Prefix) -> int:
    """The line of a grammar that a sentence comes from."""
    (found,) = (
        line
        for line, sentence in enumerate(grammar.poles[prefix["pole"]])
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", ".+", re.escape(sentence.text)), prefix["text"])
    )
    return found


# Context


def test_a_relevant_context_says_something_of_the_subject(mini: Mini) -> None:
    for edit in robust(mini):
        relevant, irrelevant = pairs(edit)["context"]
        assert edit["subject"] in relevant["text"]
        assert edit["subject"] not in irrelevant["text"]
        assert (relevant["about"], irrelevant["about"]) == ("subject", "another")
        assert {fact["subject_id"] for fact in relevant["facts"]} <= {edit["subject_id"]}
        assert irrelevant["facts"]
        assert edit["subject_id"] not in {fact["subject_id"] for fact in irrelevant["facts"]}
        assert relevant["level"] == irrelevant["level"] == len(irrelevant["facts"])


def test_facts_beside_a_prompt_are_true_untouched_and_asked_by_no_probe(mini: Mini) -> None:
    true = {(f"Q{t.subject_id}", t.relation, t.object_key) for t in mini.subgraph.triples}
    modified = [edit for edit in mini.edits if edit["edit_kind"] == "modification"]
    changed = find_touched(modified, mini.subgraph)
    for edit in robust(mini):
        asked = {slot for probe in (*edit["locality"], *edit["portability"]) for slot in probe_slots(probe)}
        for sentence in (*edit["prefixes"], *edit["length_forms"]):
            for fact in sentence["facts"]:
                slot = (fact["subject_id"], fact["relation_id"])
                assert (*slot, fact["object_id"]) in true
                assert changed.is_free(slot, edit["split"])
                assert slot not in asked
                assert slot != (edit["subject_id"], edit["relation_id"])


def test_a_fact_that_another_edit_changes_is_not_stated(mini: Mini) -> None:
    edit = usual(mini)
    stated = {
        fact["relation_id"]
        for seed in range(40)
        for fact in pairs(varied(edit, mini.subgraph, seed=seed))["context"][0]["facts"]
    }
    assert stated
    others = [
        mini.edit(mini.change(INTI, relation, triple.object_id or 0, SALTHOLM))
        for relation in sorted(stated)
        for triple in mini.subgraph.triples_of(INTI, relation)
        if triple.object_id
    ]
    assert others
    gone = {other["relation_id"] for other in others}
    for seed in range(40):
        made, _ = vary([edit, *[{**other, "split": edit["split"]} for other in others]], mini.subgraph, seed=seed)
        assert not any(
            fact["relation_id"] in gone and fact["subject_id"] == edit["subject_id"]
            for one in made
            for prefix in one["prefixes"]
            for fact in prefix["facts"]
        )


def test_an_irrelevant_context_is_about_items_that_the_edit_and_its_probes_do_not_name(mini: Mini) -> None:
    edit = usual(mini)
    probes = [*edit["locality"], *edit["portability"]]
    paths = [edit["path"], *(probe["path"] for probe in probes)]
    named = {edit["subject_id"], *(probe["subject_id"] for probe in probes)}
    named |= {step["object_id"] for path in paths for step in path}
    for seed in range(60):
        _, irrelevant = pairs(varied(edit, mini.subgraph, seed=seed))["context"]
        for fact in irrelevant["facts"]:
            assert named.isdisjoint({fact["subject_id"], fact["object_id"]})


def test_a_subject_without_a_fact_to_state_is_described(mini: Mini) -> None:
    """The description stands against one fact about another item."""
    iben = replace(mini.subgraph.items[IBEN], description="maker of clocks")
    triples = [one for one in mini.subgraph.triples if one.subject_id != IBEN or one.relation in ("P21", "P22")]
    subgraph = Subgraph({**mini.subgraph.items, IBEN: iben}, triples, TEMPLATES)
    edit = base(mini, mini.fact(IBEN, "P22", FINN), subgraph)
    for seed in range(8):
        relevant, irrelevant = pairs(varied(edit, subgraph, seed=seed))["context"]
        assert "Iben Rooke" in relevant["text"]
        assert "maker of clocks" in relevant["text"]
        assert relevant["facts"] == []
        assert relevant["level"] == irrelevant["level"] == len(irrelevant["facts"]) == 1


def test_contexts_name_no_answer_of_a_probe(mini: Mini) -> None:
    """But the subject, which the prompt itself names: it answers the inverse question."""
    for edit in robust(mini):
        probes = (*edit["locality"], *edit["portability"])
        answers = [names for probe in probes for names in probe["ground_truth"] if names[0] != edit["subject"]]
        names = [name for names in answers for name in names]
        assert not any(mentions_any(prefix["text"], names) for prefix in pairs(edit)["context"])


def test_sentences_are_drawn_from_all_over_the_grammar(mini: Mini) -> None:
    edit = base(mini, mini.fact(INTI, "P19", PORT_ANSEL))
    for attribute in GRAMMARS:
        drawn = {pairs(varied(edit, mini.subgraph, seed=seed))[attribute][0]["text"] for seed in range(60)}
        assert len(drawn) > 25


def test_a_prefix_is_a_sentence_that_loaders_do_not_cut(mini: Mini) -> None:
    for edit in robust(mini):
        for prefix in edit["prefixes"]:
            assert len(prefix["text"].split(" ")) <= 30
            assert re.fullmatch(r"[A-Z][^{}]*[^.]\.", prefix["text"]), prefix["text"]


@pytest.mark.parametrize("most", [12, 15])
def test_a_pair_with_a_sentence_that_is_too_long_is_not_taken(most: int, mini: Mini) -> None:
    """Pairs of length, whose one sentence is always longer, are left out of the look."""
    grammars = tuple(grammar for grammar in TEMPLATES.variants if grammar.attribute != "length")
    templates = mini.subgraph.templates.model_copy(update={"variants": grammars})
    subgraph = Subgraph(mini.subgraph.items, mini.subgraph.triples, templates)
    settings = SETTINGS.model_copy(update={"max_prefix_words": most})
    edit = base(mini, mini.fact(INTI, "P19", PORT_ANSEL))
    assert max(len(text.split()) for text in drawn_texts(edit, subgraph)) > most
    assert max(len(text.split()) for text in drawn_texts(edit, subgraph, settings)) <= most


def test_a_name_that_ends_in_a_full_stop_ends_the_sentence_too(mini: Mini) -> None:
    subgraph = renamed(mini.subgraph, INTI, "Inti Ñandú Jr.")
    ends = {text[-4:] for text in drawn_texts(base(mini, mini.fact(INTI, "P19", PORT_ANSEL), subgraph), subgraph)}
    assert " Jr." in ends
    assert "Jr.." not in ends


# What may not be said


@pytest.mark.parametrize("word", ["question", "somebody", "table", "page"])
@pytest.mark.parametrize("column", ["target_new", "target_new_aliases", "ground_truth", "answers"])
def test_no_sentence_names_an_answer_under_any_name(column: str, word: str, mini: Mini) -> None:
    """The words are common in the grammars."""
    edit = base(mini, mini.change(INTI, "P19", PORT_ANSEL, SALTHOLM))
    answers = {"target_new_aliases": ["Words and more", word.upper()], "answers": [["x", word]]}.get(column, word)
    assert mentions_any(" ".join(drawn_texts(edit, mini.subgraph)), [word])
    named = cast(Edit, {**edit, column: answers})
    assert not mentions_any(" ".join(drawn_texts(named, mini.subgraph)), [word])


def test_prefixes_do_not_mention_sensitive_relations(mini: Mini) -> None:
    """A context may mention Finn, but no sentence his religion."""
    edit = base(mini, mini.fact(FINN, "P140", TIDISM))
    texts = drawn_texts(edit, mini.subgraph)
    assert any("Finn Rooke" in text for text in texts)
    assert not any("relig" in text.lower() for text in texts)


def test_sentiment_prefixes_do_not_mention_a_death(mini: Mini) -> None:
    edit = base(mini, mini.fact(FINN, "P20", SALTHOLM))
    with_feelings = [prefix for prefix in drawn(edit, mini.subgraph) if prefix["attribute"] == "sentiment"]
    assert with_feelings
    assert not any("death" in prefix["text"] for prefix in with_feelings)
    assert {prefix["about"] for prefix in with_feelings} == {"nothing"}


def test_several_objects_are_one_topic(mini: Mini) -> None:
    texts = drawn_texts(base(mini, mini.fact(ADA, "P40", IBEN)), mini.subgraph)
    assert any("the children of Ada Rooke" in text for text in texts)
    assert not any("one of the children" in text for text in texts)


def test_prefixes_mention_other_relations(mini: Mini) -> None:
    edit = base(mini, mini.fact(FINN, "P106", PAINTER))
    texts = drawn_texts(edit, mini.subgraph)
    assert any("an occupation of Finn Rooke" in text for text in texts)


def test_over_two_hops_sentences_speak_of_the_subject_by_its_name(mini: Mini) -> None:
    edit = base(mini, mini.change(ADA, "P17", VERDANIA, OSTRAVA, middle=("P19", LOWMERE)))
    texts = drawn_texts(edit, mini.subgraph)
    about = {text for text in texts if "Ada Rooke" in text}
    assert any("the country that is home to the place of birth of Ada Rooke" in text for text in about)
    assert any("birth" not in text for text in about)
    assert not any("Verdania" in text for text in about)


@pytest.mark.parametrize("hops", [1, 2], ids=["one hop", "two hops"])
def test_a_name_keeps_its_article_in_mid_sentence(hops: int, mini: Mini) -> None:
    subgraph = renamed(mini.subgraph, ADA, "Netherlands")  # a person, who takes none
    fact = (
        mini.fact(ADA, "P17", VERDANIA, middle=("P19", LOWMERE)) if hops == 2 else mini.fact(OSTRAVA, "P38", SHELL_COIN)
    )
    name = "Netherlands" if hops == 2 else "the Ostrava Isles"
    edit = base(mini, fact, subgraph)
    texts = drawn_texts(edit, subgraph)
    assert any(name in text for text in texts)
    assert not any("the Netherlands" in text or re.search("(?<![tT]he )Ostrava Isles", text) for text in texts)


# Short and long


def test_there_is_a_short_and_a_long_form(mini: Mini) -> None:
    edit = varied(base(mini, mini.change(IBEN, "P106", PAINTER, WRITER)), mini.subgraph)
    short, long = edit["length_forms"]
    assert (short["pole"], long["pole"]) == ("short", "long")
    assert "Iben Rooke" in long["rephrase"]
    assert len(short["rephrase"].split()) < len(long["rephrase"].split())
    assert edit["rephrases"] == [short["rephrase"], long["rephrase"]]


def test_short_and_long_forms_keep_to_their_bins(mini: Mini) -> None:
    """A name counts as one word: who is asked about is not the wording's fault."""
    for edit in robust(mini):
        again = word_fact(edited_fact(edit, mini.subgraph), mini.subgraph)
        assert again is not None
        name = again.subject.text
        short, long = (form["rephrase"] for form in edit["length_forms"])
        assert len(short.replace(name, "X").replace(name[0].upper() + name[1:], "X").split()) <= SETTINGS.short_words
        assert len(long.replace(edit["subject"], "X").split()) >= SETTINGS.long_words
        assert len(long.split()) <= SETTINGS.longest_words


def test_long_forms_are_paraphrases_of_many_kinds(mini: Mini) -> None:
    """No long form is another wording with words before it."""
    edit = usual(mini)
    forms = [varied(edit, mini.subgraph, seed=seed)["length_forms"] for seed in range(80)]
    longs = {long["rephrase"] for _, long in forms}
    assert len(longs) > 30
    assert not any(long.endswith(text) for long in longs for text in (edit["prompt"], *edit["rephrases"]))
    assert any("“" in text for text in longs)
    about = [form["rephrase"] + form["locality_prompt"] for one in robust(mini) for form in one["length_forms"]]
    assert any("this person" in text for text in about)
    assert len({(short["rephrase"], long["rephrase"]) for short, long in forms}) > 60


def test_a_long_form_that_refers_back_is_clear(mini: Mini) -> None:
    """A fact about two persons would leave open who "this person" is."""
    parents = {relation for relation, one in TEMPLATES.relations.items() if "person" in one.object_types}
    for edit in robust(mini):
        for form in edit["length_forms"]:
            if "this person" in form["rephrase"] + form["locality_prompt"]:
                assert not any(fact["relation_id"] in parents for fact in form["facts"])


def long_localities(edit: Edit, subgraph: Subgraph) -> set[str]:
    """Long locality prompts of many draws that state a fact before they ask."""
    forms = [varied(edit, subgraph, seed=seed)["length_forms"][1] for seed in range(80)]
    return {form["locality_prompt"] for form in forms if "this person" in form["locality_prompt"] and form["facts"]}


def test_clauses_in_mid_sentence_start_small(mini: Mini) -> None:
    """Only names keep their capitals: "the life of Ada Rooke began on"."""
    texts = long_localities(usual(mini), mini.subgraph)
    assert any("that the life of Ada Rooke began on" in text for text in texts)
    assert any("among the occupations of Ada Rooke" in text for text in texts)
    for text in texts:
        assert not re.search(r"(?:\bthat|here:|\band) (?:The|One|Among|Some|This|In|An?)\b", text), text


def test_this_person_carries_no_description(mini: Mini) -> None:
    """A name that means somebody better known comes with its description, and only the name."""
    outshone = replace(mini.subgraph.items[ADA], is_outshone=True)
    subgraph = Subgraph({**mini.subgraph.items, ADA: outshone}, mini.subgraph.triples, TEMPLATES)
    texts = {text for text in long_localities(usual(mini), subgraph) if "Ada Rooke" in text}
    assert texts
    assert {text.count("Verdanian writer") for text in texts} == {1}


def test_both_forms_ask_one_locality_with_its_answers(mini: Mini) -> None:
    for edit in robust(mini):
        probes = {(probe["subject_id"], probe["relation_id"]): probe for probe in edit["locality"]}
        for form in edit["length_forms"]:
            probe = probes[form["locality_subject_id"], form["locality_relation_id"]]
            assert form["locality_ground_truth"] == probe["ground_truth"]
            assert probe["kind"] in ("Neighborhood", "Relation_Specificity")


def test_a_neighbour_is_the_locality_of_choice(mini: Mini) -> None:
    """Decision 17: the same relation of another subject where there is one."""
    for edit in robust(mini):
        kinds = [probe["kind"] for probe in edit["locality"]]
        (subject,) = {form["locality_subject_id"] for form in edit["length_forms"]}
        assert (subject != edit["subject_id"]) is ("Neighborhood" in kinds)


@pytest.mark.parametrize("column", ["target_new", "answers", "neighbour"])
def test_no_form_names_an_answer(column: str, mini: Mini) -> None:
    """The words are common in the frames."""
    words = ["engine", "card", "quiz"]

    def texts(edit: Edit) -> str:
        forms = [form for seed in range(40) for form in varied(edit, mini.subgraph, seed=seed)["length_forms"]]
        return " ".join(form["rephrase" if column != "neighbour" else "locality_prompt"] for form in forms)

    edit = base(mini, mini.change(IBEN, "P106", PAINTER, WRITER))
    assert all(mentions_any(texts(edit), [word]) for word in words)
    if column == "target_new":
        edit = cast(Edit, {**edit, "target_new": words[0], "target_new_aliases": words[1:]})
    if column == "answers":
        edit["answers"] = [["x", words[0]], words[1:]]
    for probe in edit["locality"] if column == "neighbour" else ():
        probe["ground_truth"] = [["x", words[0]], words[1:]]
    assert not mentions_any(texts(edit), words)


# What a variant is


def test_a_variant_is_its_base_edit_in_other_surroundings(mini: Mini) -> None:
    by_case = {edit["case_id"]: edit for edit in mini.edits}
    changing = {"case_id", "category", "base_case_id", "rephrases", "prefixes", "length_forms"}
    for edit in robust(mini):
        original = by_case[cast(str, edit["base_case_id"])]
        assert original["category"] != "robust"
        differing = {key for key in edit if edit[key] != original[key]}  # type: ignore[literal-required]
        assert differing - {"pair_id"} == changing
        assert edit["pair_id"] is None
        digest = hashlib.sha256(original["case_id"].encode()).hexdigest()[:16]
        assert edit["case_id"] == f"robust-{digest}"


def test_a_variant_has_no_edits_of_a_wiki(mini: Mini) -> None:
    made = varied(
        base(mini, {**mini.fact(INTI, "P19", PORT_ANSEL), "rcids": [7], "tags": ["wikidata-ui"]}), mini.subgraph
    )
    assert (made["rcids"], made["tags"]) == ([], [])


def test_the_same_seed_makes_the_same_variant_whatever_else_is_varied(mini: Mini) -> None:
    edit = base(mini, mini.fact(INTI, "P19", PORT_ANSEL))
    others = [base(mini, mini.fact(IBEN, "P106", PAINTER)), base(mini, mini.fact(VERDANIA, "P36", GREENPORT))]
    made, _ = vary([*others, edit], mini.subgraph)
    assert varied(edit, mini.subgraph) in made
    assert [one["case_id"] for one in made] == sorted(one["case_id"] for one in made)
    assert varied(edit, mini.subgraph, seed=2)["prefixes"] != varied(edit, mini.subgraph)["prefixes"]


# What cannot be varied


def without_locality(mini: Mini) -> Edit:
    return mini.edit(mini.fact(INTI, "P19", PORT_ANSEL))


def forgetful(mini: Mini) -> Edit:
    edit = base(mini, mini.fact(ADA, "P106", WRITER))
    edit["locality"] = [probe for probe in edit["locality"] if probe["kind"] == "Forgetfulness"]
    return edit


def hushed(mini: Mini) -> Edit:
    """Her probes ask all that a context could state."""
    edit = mini.edit(mini.fact(INTI, "P19", PORT_ANSEL))
    return add_probes(edit, mini.subgraph, mini.settings.probes, 1, lambda _: True, lambda _: True)


def usual(mini: Mini) -> Edit:
    return base(mini, mini.fact(INTI, "P19", PORT_ANSEL))


@pytest.mark.parametrize(
    ("reason", "make", "changed"),
    [
        ("no_locality", without_locality, {}),
        ("no_locality", forgetful, {}),
        ("no_context", hushed, {}),
        ("no_context", usual, {"max_prefix_words": 3}),
        ("no_prefix", usual, {"max_prefix_words": 13}),
        ("no_length_form", usual, {"short_words": 3}),
        ("no_length_form", usual, {"long_words": 40}),
        ("over_quota", usual, {"size": 0}),
    ],
)
def test_an_edit_that_cannot_be_varied_is_dropped_with_a_reason(
    reason: str, make: Callable[[Mini], Edit], changed: dict[str, int], mini: Mini
) -> None:
    edit = make(mini)
    made, (drop,) = vary([edit], mini.subgraph, SETTINGS.model_copy(update=changed))
    assert made == []
    assert (drop.category, drop.stage, drop.reason, drop.detail) == ("robust", "variants", reason, edit["case_id"])


def test_every_reason_of_variants_is_met_above() -> None:
    assert set(reasons.VARIANTS) == {"no_locality", "no_context", "no_prefix", "no_length_form", "over_quota"}


def test_a_full_category_draws_by_seed_whom_to_leave_out(mini: Mini) -> None:
    bases = {edit["base_case_id"] for edit in robust(mini)}
    edits = [edit for edit in mini.edits if edit["case_id"] in bases and edit["split"] == "train"]
    settings = SETTINGS.model_copy(update={"size": 5})
    kept = [{edit["base_case_id"] for edit in vary(edits, mini.subgraph, settings, seed)[0]} for seed in (1, 1, 2)]
    assert len(kept[0]) == 5
    assert kept[0] == kept[1] != kept[2]
    again, _ = vary(edits[::-1], mini.subgraph, settings)
    assert {edit["base_case_id"] for edit in again} == kept[0]


def test_a_drop_names_the_edit_that_could_not_be_varied(mini: Mini) -> None:
    two_hops = mini.edit(mini.change(ADA, "P17", VERDANIA, OSTRAVA, middle=("P19", LOWMERE)))
    birth = mini.edit(mini.fact(IBEN, "P569", "+1999-00-00T00:00:00Z/9"))
    _, drops = vary([two_hops, birth], mini.subgraph)
    assert {(drop.subject_id, drop.relation_id, drop.object_id) for drop in drops} == {
        (f"Q{ADA}", "P19/P17", f"Q{OSTRAVA}"),
        (f"Q{IBEN}", "P569", "1999"),
    }
