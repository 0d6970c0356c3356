"""Robust edits: opposite sentences before a prompt, a short and a long form of it, and no answer given away."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from pipeline.core import reasons
from pipeline.core.edit_record import Edit, Prefix
from pipeline.core.settings import RobustSettings
from pipeline.edits.edits import FactRow, edited_fact
from pipeline.edits.probes import add_probes
from pipeline.edits.variants import make_variants
from pipeline.language.leaks import mentions_any
from pipeline.language.prompts import word_fact
from pipeline.language.subgraph import Subgraph
from pipeline.language.templates import VariantGrammar
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

SETTINGS = RobustSettings(size=1000, max_prefix_words=30, short_words=9, long_words=13)
GRAMMARS = {grammar.attribute: grammar for grammar in TEMPLATES.variants}
OPPOSITES = {"length": ("short", "long"), "context": ("relevant", "irrelevant"), "sentiment": ("positive", "negative")}


def base(mini: Mini, fact: FactRow, subgraph: Subgraph | None = None, **columns: object) -> Edit:
    """The edit of a fact with its probes."""
    subgraph = subgraph or mini.subgraph
    return add_probes(
        mini.edit(fact, subgraph, **columns), subgraph, mini.settings.probes, 1, lambda _: True, lambda _: True
    )


def varied(edit: Edit, subgraph: Subgraph, *, seed: int = 1, settings: RobustSettings = SETTINGS) -> Edit:
    (made,), _ = make_variants([edit], subgraph, settings, seed)
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
    assert len(found) > 30
    return found


# Opposites


def test_a_robust_edit_has_a_sentence_of_either_pole_of_each_attribute(mini: Mini) -> None:
    for edit in robust(mini):
        assert {name: (p["pole"], q["pole"]) for name, (p, q) in pairs(edit).items()} == OPPOSITES


@pytest.mark.parametrize("attribute", OPPOSITES)
def test_the_two_stand_in_the_same_line_of_the_grammar_with_the_same_words_in_their_slots(
    attribute: str, mini: Mini
) -> None:
    fact = mini.fact(INTI, "P19", PORT_ANSEL)
    for seed in range(20):
        found = pairs(varied(base(mini, fact), mini.subgraph, seed=seed))[attribute]
        (line,) = lines_of(GRAMMARS[attribute], found)
        first, second = (sentences[line] for sentences in GRAMMARS[attribute].poles.values())
        assert found[0]["level"] == found[1]["level"] == first.level
        for slot in (set(first.slots) & set(second.slots)) - {"subject", "topic"}:
            words = [word for word in GRAMMARS[attribute].slots[slot] if word in found[0]["text"]]
            assert any(word in found[1]["text"] for word in words)


def lines_of(grammar: VariantGrammar, pair: tuple[Prefix, Prefix]) -> list[int]:
    """The lines of a grammar that a pair of sentences can come from."""
    patterns = [
        [re.sub(r"\\\{\w+\\\}", ".+", re.escape(sentence.text)) for sentence in sentences]
        for sentences in grammar.poles.values()
    ]
    return [
        line
        for line, both in enumerate(zip(*patterns, strict=True))
        if all(re.fullmatch(pattern, prefix["text"]) for pattern, prefix in zip(both, pair, strict=True))
    ]


def test_sentences_are_drawn_from_all_over_the_grammar(mini: Mini) -> None:
    edit = base(mini, mini.fact(INTI, "P19", PORT_ANSEL))
    for attribute in OPPOSITES:
        drawn = {pairs(varied(edit, mini.subgraph, seed=seed))[attribute][0]["text"] for seed in range(60)}
        assert len(drawn) > 25


def test_a_prefix_is_a_sentence_that_loaders_do_not_cut(mini: Mini) -> None:
    for edit in robust(mini):
        for prefix in edit["prefixes"]:
            assert len(prefix["text"].split(" ")) <= 30
            assert re.fullmatch(r"[A-Z][^{}]*[^.]\.", prefix["text"]), prefix["text"]


@pytest.mark.parametrize("most", [8, 12])
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


@pytest.mark.parametrize("word", ["notes", "question", "somebody", "desk"])
@pytest.mark.parametrize("column", ["target_new", "target_new_aliases", "ground_truth", "answers"])
def test_no_sentence_names_an_answer_under_any_name(column: str, word: str, mini: Mini) -> None:
    """The words are common in the grammars."""
    edit = base(mini, mini.change(INTI, "P19", PORT_ANSEL, SALTHOLM))
    answers = {"target_new_aliases": ["Notes and more", word.upper()], "answers": [["x", word]]}.get(column, word)
    assert mentions_any(" ".join(drawn_texts(edit, mini.subgraph)), [word])
    named = cast(Edit, {**edit, column: answers})
    assert not mentions_any(" ".join(drawn_texts(named, mini.subgraph)), [word])


def test_prefixes_do_not_mention_sensitive_relations(mini: Mini) -> None:
    """A sentence may mention Finn, but has no feelings about his religion."""
    edit = base(mini, mini.fact(FINN, "P140", TIDISM))
    texts = drawn_texts(edit, mini.subgraph)
    assert any("Finn Rooke" in text for text in texts)
    assert not any("relig" in text.lower() for text in texts)


def test_sentiment_prefixes_do_not_mention_a_death(mini: Mini) -> None:
    """Sentences of other attributes may speak of the place of death; those with feelings do not."""
    edit = base(mini, mini.fact(FINN, "P20", SALTHOLM))
    sentences = drawn(edit, mini.subgraph)
    with_feelings = [prefix["text"] for prefix in sentences if prefix["attribute"] == "sentiment"]
    assert any("place of death" in prefix["text"] for prefix in sentences)
    assert with_feelings
    assert not any("death" in text for text in with_feelings)


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
    assert any("the country home to the place of birth of Ada Rooke" in text for text in about)
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
    assert not any("the Netherlands" in text or re.search("(?<!the )Ostrava", text) for text in texts)


# Short and long


def test_there_is_a_short_and_a_long_form(mini: Mini) -> None:
    edit = varied(base(mini, mini.change(IBEN, "P106", PAINTER, WRITER)), mini.subgraph)
    short, long = edit["length_forms"]
    assert (short["pole"], long["pole"]) == ("short", "long")
    assert long["rephrase"].endswith(", an occupation of Iben Rooke is that of")
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
        assert len(long.replace(name, "X").split()) >= SETTINGS.long_words


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


def test_a_long_form_goes_on_in_mid_sentence(mini: Mini) -> None:
    for edit in robust(mini):
        for form in edit["length_forms"][1:]:
            lead_in, _, rest = form["rephrase"].partition(", ")
            assert lead_in[0].isupper()
            assert rest.startswith(("the ", "a ", "an ", "one of ", edit["subject"])) or not rest[0].isupper(), rest


def test_a_lead_in_that_names_an_answer_is_not_taken(mini: Mini) -> None:
    edit = base(mini, mini.change(IBEN, "P106", PAINTER, WRITER), target_new="almanac", target_new_aliases=["summary"])
    for seed in range(40):
        forms = varied(edit, mini.subgraph, seed=seed)["length_forms"]
        texts = [form["rephrase"] + form["locality_prompt"] for form in forms]
        assert not any(mentions_any(text, ["almanac", "summary"]) for text in texts)


# What a variant is


def test_a_variant_is_its_base_edit_in_other_surroundings(mini: Mini) -> None:
    by_case = {edit["case_id"]: edit for edit in mini.edits}
    changing = {"case_id", "category", "base_case_id", "rephrases", "prefixes", "length_forms"}
    for edit in robust(mini):
        original = by_case[cast(str, edit["base_case_id"])]
        assert original["category"] != "robust"
        assert {key for key in edit if edit[key] != original[key]} == changing  # type: ignore[literal-required]
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
    made, _ = make_variants([*others, edit], mini.subgraph, SETTINGS, 1)
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


def usual(mini: Mini) -> Edit:
    return base(mini, mini.fact(INTI, "P19", PORT_ANSEL))


@pytest.mark.parametrize(
    ("reason", "make", "changed"),
    [
        ("no_locality", without_locality, {}),
        ("no_locality", forgetful, {}),
        ("no_prefix", usual, {"max_prefix_words": 3}),
        ("no_length_form", usual, {"short_words": 3}),
        ("no_length_form", usual, {"long_words": 40}),
        ("over_quota", usual, {"size": 0}),
    ],
)
def test_an_edit_that_cannot_be_varied_is_dropped_with_a_reason(
    reason: str, make: Callable[[Mini], Edit], changed: dict[str, int], mini: Mini
) -> None:
    edit = make(mini)
    made, (drop,) = make_variants([edit], mini.subgraph, SETTINGS.model_copy(update=changed), 1)
    assert made == []
    assert (drop.category, drop.stage, drop.reason, drop.detail) == ("robust", "variants", reason, edit["case_id"])


def test_every_reason_of_variants_is_met_above() -> None:
    assert set(reasons.VARIANTS) == {"no_locality", "no_prefix", "no_length_form", "over_quota"}


def test_a_full_category_draws_by_seed_whom_to_leave_out(mini: Mini) -> None:
    edits = [edit for edit in mini.edits if edit["category"] == "long_tail"]
    settings = SETTINGS.model_copy(update={"size": 10})
    kept = [
        {edit["base_case_id"] for edit in make_variants(edits, mini.subgraph, settings, seed)[0]} for seed in (1, 1, 2)
    ]
    assert len(kept[0]) == 10
    assert kept[0] == kept[1] != kept[2]
    again, _ = make_variants(edits[::-1], mini.subgraph, settings, 1)
    assert {edit["base_case_id"] for edit in again} == kept[0]


@pytest.mark.parametrize("pole", ["short", "long"])
def test_a_form_needs_both_its_rephrase_and_its_locality(pole: str, mini: Mini) -> None:
    """The sentences about the edit and about another relation of its subject differ in length: a bound lies between."""
    edit = base(mini, mini.fact(INTI, "P19", PORT_ANSEL))
    edit["rephrases"] = ["Inti Ñandú:"] * 2
    edit["locality"] = [probe for probe in edit["locality"] if probe["relation_id"] == "P21"]
    open_bounds = SETTINGS.model_copy(update={"short_words": 99, "long_words": 0})
    short, long = varied(edit, mini.subgraph, settings=open_bounds)["length_forms"]
    form, bound = (short, "short_words") if pole == "short" else (long, "long_words")
    texts = form["rephrase"], form["locality_prompt"]
    rephrase, locality = (len(text.replace("Inti Ñandú", "X").split()) for text in texts)
    for words in (rephrase, locality):
        settings = open_bounds.model_copy(update={bound: words})
        made, drops = make_variants([edit], mini.subgraph, settings, 1)
        fits = words == (max if pole == "short" else min)(rephrase, locality)
        assert (len(made), [drop.reason for drop in drops]) == ((1, []) if fits else (0, ["no_length_form"]))
    assert rephrase != locality


@pytest.mark.parametrize("column", ["answers", "neighbour"])
def test_no_lead_in_names_a_true_answer_or_that_of_the_locality(column: str, mini: Mini) -> None:
    edit = base(mini, mini.change(IBEN, "P106", PAINTER, WRITER))
    if column == "answers":
        edit["answers"] = [["x", "almanac"], ["summary"]]
    for probe in edit["locality"] if column == "neighbour" else ():
        probe["ground_truth"] = [["x", "almanac"], ["summary"]]
    for seed in range(40):
        forms = varied(edit, mini.subgraph, seed=seed)["length_forms"]
        assert not any(
            mentions_any(form["rephrase"] + form["locality_prompt"], ["almanac", "summary"]) for form in forms
        )


def test_one_lead_in_is_too_few_for_two_long_forms(mini: Mini) -> None:
    lead_ins = mini.subgraph.templates.phrases.lead_ins
    for count, made in ((1, 0), (2, 1)):
        phrases = mini.subgraph.templates.phrases.model_copy(update={"lead_ins": lead_ins[:count]})
        templates = mini.subgraph.templates.model_copy(update={"phrases": phrases})
        subgraph = Subgraph(mini.subgraph.items, mini.subgraph.triples, templates)
        found, drops = make_variants([base(mini, mini.fact(INTI, "P19", PORT_ANSEL))], subgraph, SETTINGS, 1)
        assert (len(found), [drop.reason for drop in drops]) == (made, ["no_length_form"] * (1 - made))


def test_a_drop_names_the_edit_that_could_not_be_varied(mini: Mini) -> None:
    two_hops = mini.edit(mini.change(ADA, "P17", VERDANIA, OSTRAVA, middle=("P19", LOWMERE)))
    birth = mini.edit(mini.fact(IBEN, "P569", "+1999-00-00T00:00:00Z/9"))
    _, drops = make_variants([two_hops, birth], mini.subgraph, SETTINGS, 1)
    assert {(drop.subject_id, drop.relation_id, drop.object_id) for drop in drops} == {
        (f"Q{ADA}", "P19/P17", f"Q{OSTRAVA}"),
        (f"Q{IBEN}", "P569", "1999"),
    }
