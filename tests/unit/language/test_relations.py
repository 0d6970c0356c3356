"""The templates: what the 48 relations and the other files hold, and which files are refused.

To add a relation is to add a file to `templates/relations`; the first half of these tests then reads it.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from pipeline.core.errors import UsageError
from pipeline.core.resources import templates_folder
from pipeline.language.grammar import can_fill, fill
from pipeline.language.names import Name
from pipeline.language.relations import PERSON, Forms, Relation, Tense
from pipeline.language.template_parts import VariantGrammar, slots_of
from pipeline.language.templates import load_templates

TEMPLATES = load_templates()
RELATIONS = TEMPLATES.relations

NOMINAL = (  # datasets.md 1.7, decision 1: person, then work, place and organisation
    "P25 P22 P7 P9 P3373 P26 P40 P1971 P21 P19 P20 P119 P27 P39 P569"
    " P43 P44 P54 P69 P91 P106 P108 P118 P101 P103 P166 P172 P140 P1340"
    " P155 P156 P50 P98 P57 P58 P161 P86 P17 P6 P35 P30 P36 P38 P37 P85 P1376 P84 P112"
)

TENSES: tuple[Tense, ...] = ("present", "past", "unknown")

relations = pytest.mark.parametrize("relation", RELATIONS.values(), ids=RELATIONS)


def forms_of(relation: Relation) -> Iterator[Forms]:
    for wording in relation.wordings:
        yield wording
        if wording.several:
            yield wording.several
    if relation.current:
        yield relation.current


def sentences(forms: Forms) -> list[str]:
    return [forms.noun, forms.prompt, *forms.rephrases, forms.question, *forms.question_rephrases]


# The relations


def test_the_relations_are_the_nominal_48() -> None:
    assert sorted(RELATIONS) == sorted(NOMINAL.split())
    assert len(RELATIONS) == 48


@pytest.mark.parametrize(
    ("retired", "read", "sex"),
    [
        ("P7", "P3373", "Q6581097"),
        ("P9", "P3373", "Q6581072"),
        ("P43", "P3448", "Q6581097"),
        ("P44", "P3448", "Q6581072"),
    ],
)
def test_retired_relations_are_read_from_an_active_property_by_the_sex_of_its_object(
    retired: str, read: str, sex: str
) -> None:
    relation = RELATIONS[retired]
    assert (relation.status, relation.source_property) == ("retired", read)
    assert relation.object_filter is not None
    assert (relation.object_filter.property, relation.object_filter.value) == ("P21", sex)


def test_no_other_relation_is_retired_or_filtered() -> None:
    special = {name for name, r in RELATIONS.items() if r.status == "retired" or r.object_filter}
    assert special == {"P7", "P9", "P43", "P44"}


def test_relations_that_may_hurt_a_living_person_are_marked_sensitive() -> None:
    assert {name for name, r in RELATIONS.items() if r.sensitive} == {"P91", "P140", "P172"}


@pytest.mark.parametrize(
    ("edited", "impacted"),
    [
        ("P25", {"P7", "P9", "P3373"}),
        ("P22", {"P7", "P9", "P3373"}),
        ("P7", {"P3373"}),
        ("P9", {"P3373"}),
        ("P3373", {"P7", "P9"}),
        ("P40", {"P1971"}),
        ("P17", {"P30", "P37", "P1376", "P38"}),
        ("P1376", {"P17", "P30", "P38", "P37", "P85"}),
        ("P30", {"P17"}),
        ("P172", {"P140"}),
        ("P106", {"P101"}),
        ("P101", {"P106"}),
        ("P6", {"P35"}),
        ("P35", {"P6"}),
    ],
)
def test_an_edit_touches_at_least_what_the_upstream_benchmark_says(edited: str, impacted: set[str]) -> None:
    assert RELATIONS[edited].touches >= impacted | {edited}


@relations
def test_impacts_name_other_relations_once(relation: Relation) -> None:
    assert relation.id not in relation.impacts
    assert len(set(relation.impacts)) == len(relation.impacts)


@relations
def test_an_inverse_can_hold_the_other_way_round(relation: Relation) -> None:
    """It takes the relation's objects as subjects, and if it has an inverse of its own, that is this relation."""
    if relation.partner:
        partner = RELATIONS[relation.partner]
        assert set(relation.object_types) & set(partner.subject_types)
        assert set(relation.subject_types) & set(partner.object_types)
        assert partner.inverse in (relation.id, None)


@pytest.mark.parametrize("rule", TEMPLATES.rules, ids=str)
def test_what_a_rule_concludes_of_the_subject_is_impacted(rule: Any) -> None:
    """Else the same triple could be a locality probe, which must not change, and a portability probe, which must."""
    asked, relation, _ = rule.then
    assert asked != "subject" or relation in RELATIONS[rule.edit].touches


@relations
def test_every_kind_of_subject_and_every_precision_has_a_wording(relation: Relation) -> None:
    precisions = ("day", "month", "year") if relation.value == "date" else (None,)
    for kind in relation.subject_types:
        for precision in precisions:
            assert relation.wording(kind, precision)


@relations
def test_no_wording_is_out_of_reach(relation: Relation) -> None:
    precisions = ("day", "month", "year") if relation.value == "date" else (None,)
    found = {relation.wording(kind, precision) for kind in relation.subject_types for precision in precisions}
    assert {place for place, _ in filter(None, found)} == set(range(len(relation.wordings)))


# Their sentences


@relations
def test_sentences_begin_with_a_capital_or_with_the_subject(relation: Relation) -> None:
    for forms in forms_of(relation):
        for sentence in sentences(forms)[1:]:
            for tense in TENSES:
                worded = fill(sentence, Name("{subject}"), tense)
                assert worded[0].isupper() or worded.startswith("{subject"), worded


@relations
def test_nouns_begin_with_an_article_so_that_they_can_stand_anywhere(relation: Relation) -> None:
    for forms in forms_of(relation):
        assert re.match(r"(the|an?|one of the) [a-z]", forms.noun), forms.noun


# What an object is to its subject: the words that make one object of many "the" one.
ROLES = (
    "affiliation|alma mater|anthem|architect|author|award|brother|cast member|child|citizenship|composer|continent"
    "|countr(?:y|ies)|currency|director|editor|employer|faith|field|founder|husband|institution|language|league|member"
    "|mother tongue|occupation|origin|performer|position|predecessor|profession|religion|role|school|screenwriter"
    "|sibling|sister|son|speaker|spouse|state|stepfather|stepmother|successor|team|territory|university|wife"
)
ONE_OF_MANY = re.compile(
    rf"(?<!one of )(?<!among )\b[tT]he (?!name of |language called|citizenship of a )(?:[a-z]+ ){{0,2}}?(?:{ROLES})\b"
    r"(?!'s| called| named| known| of$)"  # "the position of": the target follows
    rf"|\{{subject's\}} (?:[a-z]+ )?(?:{ROLES}) (?:is|goes|\[)"
)


def definite(forms: Forms) -> list[str]:
    """The sentences that say "the" of one object, or name it by a possessive."""
    return [sentence for sentence in sentences(forms) if ONE_OF_MANY.search(sentence)]


@pytest.mark.parametrize(
    "sentence",
    [
        "The occupation of {subject} is",
        "The official language of {subject} [is|was]",
        "The name of the employer of {subject} is",
        "{subject's} founder is",
        "The school or university that {subject} attended is called",
        "The credit goes to the author of {subject}, who is",
    ],
)
def test_a_definite_article_is_found(sentence: str) -> None:
    assert ONE_OF_MANY.search(sentence)


@relations
def test_one_object_of_many_is_never_the_one(relation: Relation) -> None:
    """A state that holds one occupation of somebody does not prove that there is one."""
    for wording in relation.wordings:
        if not wording.noun.startswith("the "):
            assert not definite(wording)
        else:
            assert relation.cardinality == "one" or wording.single


def test_relations_with_one_object_by_nature_are_few() -> None:
    """Who adds one must be able to say why nobody has two."""
    single = {
        (name, wording.subject) for name, r in RELATIONS.items() for wording in r.wordings if wording.noun[:4] == "the "
    }
    assert {name for name, _ in single} == {
        *("P6", "P35", "P36", "P85"),  # at one time
        *("P17", "P30"),  # towns and buildings
        *("P19", "P20", "P21", "P22", "P25", "P91", "P119", "P569", "P1340", "P1971"),
        *("P155", "P156"),  # works in a series
    }


def test_bridges_are_what_people_ask() -> None:
    """Nothing stale (who governs the country of an actor), nothing plain, nothing that leads back."""
    hops = {(first, second) for first, _, second in TEMPLATES.hops}
    assert not {("P22", "P69"), ("P22", "P106")} & hops  # weak relations
    assert {("P22", "P27"), ("P57", "P19"), ("P85", "P86"), ("P19", "P17"), ("P17", "P36")} <= hops
    changing = {"P6", "P35", "P39", "P54", "P98", "P108", "P118"}
    assert not [hop for hop in hops if changing & {*hop}]
    assert not [hop for hop in hops if hop[0] in {"P27", "P26", "P40", "P106", "P112", "P161", "P3373"}]
    assert not [hop for hop in hops if hop[0] == hop[1] or RELATIONS[hop[0]].partner == hop[1]]


def test_only_probes_go_on_from_one_of_several_objects() -> None:
    """An edit names the school it states, so that a probe can ask on; no edit asks of "a school attended by ..."."""
    edited = {(first, second) for first, _, second in TEMPLATES.hops}
    assert {("P27", "P36"), ("P69", "P17"), ("P166", "P17")} <= TEMPLATES.asked_paths - edited
    assert edited < TEMPLATES.asked_paths


def test_what_can_change_is_asked_of_what_still_stands() -> None:
    for bridge in TEMPLATES.bridges:
        if {"P17", "P36", "P37", "P38", "P85"} & {*bridge.then}:
            assert "middle" in bridge.today
        if bridge.first in {"P17", "P36"} and bridge.edited != "first":
            assert "subject" in bridge.today


@relations
@pytest.mark.parametrize("tense", TENSES)
def test_sentences_contain_no_typing_errors(relation: Relation, tense: Tense) -> None:
    for forms in forms_of(relation):
        for sentence in sentences(forms):
            text = fill(sentence, Name("the Ostrava Isles"), tense)
            assert not re.search(r"  | [,.;:?!]|\b(a|an|the|of|in|is|was) \1\b|\ba [aeiou]|\ban [^aeiouh]", text), text


@relations
def test_every_relation_has_enough_sentences_without_a_possessive(relation: Relation) -> None:
    """Two hops put "the mother of Ada Rooke" for the subject, and names with a comma take no possessive either."""
    phrase = Name("the mother of Ada Rooke", is_phrase=True)
    for forms in forms_of(relation):
        assert all(can_fill(sentence, phrase) for sentence in (forms.noun, forms.prompt, forms.question))
        assert sum(can_fill(sentence, phrase) for sentence in forms.rephrases) >= 2
        assert any(can_fill(sentence, phrase) for sentence in forms.question_rephrases)


@relations
def test_tense_marks_change_the_tense(relation: Relation) -> None:
    for forms in forms_of(relation):
        for sentence in sentences(forms):
            if "|" in sentence:
                assert fill(sentence, Name("X"), "present") != fill(sentence, Name("X"), "past"), sentence


@relations
def test_rephrases_differ_in_every_tense(relation: Relation) -> None:
    for forms in forms_of(relation):
        for tense in TENSES:
            texts = [fill(sentence, Name("X"), tense) for sentence in forms.sentences]
            assert len(set(texts)) == len(texts)


IN_A_TENSE = re.compile(  # what is said of somebody's life, and not of what is known or written about it
    r"(?:^|that |who |whom |which |where |, )\{subject\} (?:is|was|has|had|works|holds|plays|belongs|shares) "
    r"(?!known|listed|born|laid|buried|said|educated|described)"
)


@relations
def test_no_sentence_about_a_person_of_an_unknown_time_says_whether_they_live(relation: Relation) -> None:
    """Plato, about whom a state may say nothing, neither is nor was."""
    for wording in relation.wordings:
        if PERSON in (wording.subject or relation.subject_types):
            for sentence in (one for forms in wording.all_forms for one in forms.sentences):
                worded = fill(sentence, Name("{subject}"), "unknown")
                assert not IN_A_TENSE.search(worded), worded


STIFF = re.compile(  # what is read of the living as of the dead, or that nobody would say
    r"known to have had an? \w+ named|said to be called|on record|\b(country|continent|countries|continents) home to"
    r"|parent with an? \w+ named|on whose payroll"
)


@relations
def test_no_sentence_is_stiff(relation: Relation) -> None:
    for forms in forms_of(relation):
        for tense in TENSES:
            for sentence in sentences(forms):
                worded = fill(sentence, Name("{subject}"), tense)
                assert not STIFF.search(worded), worded


def test_a_church_is_asked_for_by_name() -> None:
    """Somebody is affiliated with the Catholic Church, but with a church called "Catholic Church"."""
    for forms in forms_of(RELATIONS["P140"]):
        for cloze in (forms.prompt, *forms.rephrases):
            assert re.search(r"(called|named|known as|\} is)$", cloze), cloze


@pytest.mark.parametrize(
    ("relation", "label", "fits"),
    [
        ("P39", "Regional council member", False),
        ("P39", "monarch", False),
        ("P39", "mayor of a place in France", False),
        ("P39", "Member of the House of Lords", True),
        ("P39", "monarch of Norway", True),
        ("P106", "acting", False),
        ("P106", "ruler", True),
        ("P140", "congregational church", False),
        ("P140", "Baptists", False),
        ("P140", "Congregationalist polity", False),
        ("P140", "Catholic Church", True),
    ],
)
def test_a_label_that_reads_badly_after_its_prompt_is_unfit(relation: str, label: str, fits: bool) -> None:
    assert (re.fullmatch(RELATIONS[relation].unfit_objects or "", label) is None) is fits


@relations
def test_plural_forms_differ_from_singular_forms(relation: Relation) -> None:
    for wording in relation.wordings:
        if wording.several:
            assert wording.several.noun.startswith("one of the ")
            assert not wording.noun.startswith("one of the ")
            assert wording.several.prompt != wording.prompt
            assert wording.several.question != wording.question


# The other files


def test_carriers_name_the_subject_late_and_after_words_that_do_not_depend_on_it() -> None:
    assert len(set(TEMPLATES.carriers)) >= 4
    for carrier in TEMPLATES.carriers:
        assert carrier.endswith(" {subject}.")
        assert len(carrier.split()) > 4


@pytest.mark.parametrize("grammar", TEMPLATES.variants, ids=lambda grammar: grammar.attribute)
def test_variants_are_distinct_sentences_in_any_form(grammar: VariantGrammar) -> None:
    """No sentence differs from another in its slots alone."""
    texts = [re.sub(r"\{\w+\}", "", one.text) for sentences in grammar.poles.values() for one in sentences]
    assert len(texts) == len(set(texts)) >= 80


@pytest.mark.parametrize("grammar", TEMPLATES.variants, ids=lambda grammar: grammar.attribute)
def test_variants_leave_room_for_long_names_and_topics(grammar: VariantGrammar) -> None:
    longest = {slot: max(len(word.split()) for word in words) for slot, words in grammar.slots.items()}
    for pole in grammar.poles.values():
        for sentence in pole:
            names = [longest.get(slot, 9) for slot in sentence.slots]
            assert len(sentence.text.split()) - len(names) + sum(names) <= 30, sentence.text


def test_most_prefixes_fit_any_prompt() -> None:
    """DAFNet's loader needs some of either pole; only sentiment has sentences that name what is asked."""
    for grammar in TEMPLATES.variants:
        for sentences in grammar.poles.values():
            free = [one for one in sentences if one.about == "nothing"]
            assert len(free) == len(sentences) or (grammar.attribute == "sentiment" and len(free) >= 30)


def test_contexts_state_no_fact_that_may_be_over_or_hurt() -> None:
    relations = set(TEMPLATES.contexts.relations)
    assert relations.isdisjoint({"P6", "P26", "P35", "P39", "P54", "P108", "P118"})
    assert not any(RELATIONS[name].sensitive for name in relations)


def test_every_subject_type_has_a_kind() -> None:
    """Long forms refer back to a subject as "this person"."""
    types = {kind for relation in RELATIONS.values() for kind in relation.subject_types}
    assert {kind for kind in types if TEMPLATES.long_forms.kind_of(kind) is None} == set()


def test_long_forms_come_in_different_builds() -> None:
    builds = [frozenset(slots_of(frame)) - {"answer"} for frame in TEMPLATES.long_forms.frames]
    assert len(TEMPLATES.long_forms.frames) == len(set(TEMPLATES.long_forms.frames)) >= 40
    assert min(builds.count(build) for build in set(builds)) >= 5
    assert len(set(builds)) == 5


def test_length_variants_differ_in_length() -> None:
    (grammar,) = (grammar for grammar in TEMPLATES.variants if grammar.attribute == "length")
    words = {
        (pole, level): [len(one.text.split()) for one in sentences if one.level == level]
        for pole, sentences in grammar.poles.items()
        for level in (1, 2)
    }
    ascending = [words[key] for key in (("short", 2), ("short", 1), ("long", 1), ("long", 2))]
    assert all(max(shorter) <= min(longer) for shorter, longer in pairwise(ascending))


def test_every_attribute_of_decision_18_but_context_has_a_grammar() -> None:
    """Contexts are facts, not sentences of a grammar."""
    assert {grammar.attribute for grammar in TEMPLATES.variants} == {"length", "sentiment"}


def test_no_class_makes_an_item_both_a_page_and_a_thing() -> None:
    pages = set(TEMPLATES.types["meta"].classes)
    assert all(pages.isdisjoint(kind.classes) for name, kind in TEMPLATES.types.items() if name != "meta")


def test_a_relation_has_the_version_of_its_own_file() -> None:
    versions = [relation.version for relation in RELATIONS.values()]
    assert all(re.fullmatch(r"[0-9a-f]{12}", version) for version in (*versions, TEMPLATES.version))
    assert all(one != other for one, other in combinations(versions, 2))


# Files that are refused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the templates, to be spoilt."""
    return shutil.copytree(templates_folder(), tmp_path / "templates")


class Plant(NamedTuple):
    """A value put into a file, and the words by which its refusal is known."""

    file: str
    place: str  # keys and positions, joined by dots
    value: object
    told: str


PROMPT = "The capital of {subject} [is|was]"  # as it stands in the file
FOUR = ["{subject} is", "The x of {subject} is", "The y of {subject} is", "The z of {subject} is"]
WITH_SUBJECT_FIRST = ["{subject} is", "{subject} has", "{subject} was", "The z of {subject} is"]
FORTY = [{"level": 1, "text": f"Sentence {number}."} for number in range(40)]

PLANTS = {
    # a relation
    "an id that is no property": Plant("relations/P36.yaml", "id", "P036", "pattern"),
    "the id of another file": Plant("relations/P36.yaml", "id", "P37", "calls itself P37"),
    "a misspelt key": Plant("relations/P36.yaml", "cardinalty", "one", "not permitted"),
    "an unknown cardinality": Plant("relations/P36.yaml", "cardinality", "few", "'one' or 'many'"),
    "no wording": Plant("relations/P36.yaml", "wordings", [], "at least 1 item"),
    "no subject type": Plant("relations/P36.yaml", "subject", [], "at least 1 item"),
    "items without a type": Plant("relations/P36.yaml", "object", [], "object types are given for item values"),
    "dates with a type": Plant("relations/P569.yaml", "object", ["person"], "object types are given for item values"),
    "dates without precision": Plant("relations/P569.yaml", "wordings.*.precision", [], "name a date precision"),
    "items with precision": Plant("relations/P36.yaml", "wordings.0.precision", ["day"], "name a date precision"),
    "an unknown precision": Plant("relations/P569.yaml", "wordings.0.precision", ["hour"], "'day', 'month' or 'year'"),
    "a living relation read elsewhere": Plant("relations/P36.yaml", "property", "P37", "a retired relation, and only"),
    "a retired relation read from itself": Plant("relations/P36.yaml", "status", "retired", "a retired relation"),
    "a symmetric relation with an inverse": Plant("relations/P36.yaml", "symmetric", True, "needs no inverse"),
    "current forms beside current wordings": Plant(
        "relations/P108.yaml", "past_counts", False, "every wording is current"
    ),
    "no plural forms": Plant("relations/P26.yaml", "wordings.0.several", None, "given for cardinality many"),
    "needless plural forms": Plant("relations/P26.yaml", "cardinality", "one", "given for cardinality many"),
    "wording for other subjects": Plant("relations/P36.yaml", "wordings.0.subject", ["league"], "lacks: ['league']"),
    "a name for what is known without it": Plant("relations/P36.yaml", "known", "that of", "pattern"),
    "the one of many": Plant("relations/P26.yaml", "wordings.0.noun", "the spouse of {subject}", 'is not "the" one'),
    "two tenses for people": Plant(
        "relations/P26.yaml", "wordings.0.prompt", "{subject} [is|was] married to", "words for an unknown tense"
    ),
    "a filter by a word": Plant("relations/P7.yaml", "object_filter.value", "male", "pattern"),
    # its sentences
    "a prompt without its subject": Plant("relations/P36.yaml", "wordings.0.prompt", "It is", "exactly once"),
    "two subjects": Plant("relations/P36.yaml", "wordings.0.prompt", "{subject} of {subject} is", "exactly once"),
    "an unknown slot": Plant("relations/P36.yaml", "wordings.0.prompt", "{subject} has {object}", "stray '{'"),
    "half a tense mark": Plant("relations/P36.yaml", "wordings.0.prompt", "{subject} [is", "stray '['"),
    "four tenses": Plant("relations/P36.yaml", "wordings.0.prompt", "{subject} [is|was|be|do] in", "stray '['"),
    "a space at the end": Plant("relations/P36.yaml", "wordings.0.prompt", "{subject} is ", "right before its target"),
    "a full stop": Plant(
        "relations/P36.yaml", "wordings.0.prompt", "The head of {subject}.", "right before its target"
    ),
    "a question without its mark": Plant("relations/P36.yaml", "wordings.0.question", "Is {subject}", "question mark"),
    "three rephrases": Plant("relations/P36.yaml", "wordings.0.rephrases", FOUR[1:], "at least 4 items"),
    "a rephrase that is the prompt": Plant(
        "relations/P36.yaml", "wordings.0.rephrases", [*FOUR, PROMPT], "stands twice"
    ),
    "one rephrase that starts elsewhere": Plant(
        "relations/P36.yaml", "wordings.0.rephrases", WITH_SUBJECT_FIRST, "must not start with the subject"
    ),
    "one question rephrase": Plant(
        "relations/P36.yaml", "wordings.0.question_rephrases", ["Is {subject}?"], "at least 2 items"
    ),
    # what joins the files
    "an impact on no relation": Plant("relations/P36.yaml", "impacts", ["P1"], "P36 names the unknown relation P1"),
    "an inverse that is none": Plant("relations/P36.yaml", "inverse", "P1", "P36 names the unknown relation P1"),
    "an unknown type": Plant("relations/P36.yaml", "object", ["realm"], "P36 names the unknown type realm"),
    "a rule for no relation": Plant("rules.yaml", "0.edit", "P1", "rules.yaml names the unknown relation P1"),
    "a bridge to no relation": Plant("bridges.yaml", "0.then", ["P1"], "bridges.yaml names the unknown relation P1"),
    "a bridge over one of many": Plant("bridges.yaml", "0.first", "P26", "bridges.yaml: P26 of the type person"),
    "a bridge back": Plant("bridges.yaml", "0.then", ["P40"], "leads back"),
    "a bridge from no subject": Plant("bridges.yaml", "0.subject", ["realm"], "of the type realm"),
    "names of an unknown type": Plant("names.yaml", "0.types", ["realm"], "names.yaml names the unknown type realm"),
    "an error about no relation": Plant("known_errors.yaml", "P1", [], "known_errors.yaml names the unknown relation"),
    "an error listed twice": Plant(
        "known_errors.yaml", "P20", [{"subject": "Q1", "object": "Q2", "why": "no"}] * 2, "lists Q1 with Q2 2 times"
    ),
    "an error without its reason": Plant("known_errors.yaml", "P20.0.why", "", "at least 1 character"),
    # the other files
    "a type without classes": Plant("types.yaml", "person.classes", [], "at least 1 item"),
    "a class by its name": Plant("types.yaml", "person.classes", ["human"], "pattern"),
    "a dating property by number": Plant("dating.yaml", "death", ["20"], "'20' is no property"),
    "besides without the known object": Plant("phrases.yaml", "besides", "Besides {noun}", "{known} and {noun}"),
    "a long form without its request": Plant("long_forms.yaml", "frames", ["What {subject} is"], "cannot be filled"),
    "a long form that asks twice": Plant("long_forms.yaml", "frames", ["{noun} or {noun} is"], "cannot be filled"),
    "a long form with a full stop": Plant("long_forms.yaml", "frames", ["Say {noun}."], "right before its target"),
    "a kind of an unknown type": Plant(
        "long_forms.yaml", "kinds.people", {"hero": "hero"}, "long_forms.yaml names the unknown type hero"
    ),
    "a description of no relation": Plant(
        "long_forms.yaml", "told_by_description", ["P1"], "long_forms.yaml names the unknown relation P1"
    ),
    "words about no relation": Plant(
        "long_forms.yaml", "told_by_words", {"P1": "x"}, "long_forms.yaml names the unknown relation P1"
    ),
    "a misleading name of no type": Plant(
        "dating.yaml", "misleading", ["realm"], "dating.yaml names the unknown type realm"
    ),
    "words for what needs none": Plant("relations/P36.yaml", "described", {"a": ["b"]}, "only where the relation is"),
    "a context of no relation": Plant(
        "contexts.yaml", "relations", ["P1"], "contexts.yaml names the unknown relation P1"
    ),
    "a description without its subject": Plant("contexts.yaml", "descriptions", ["“{description}”."], "once each"),
    "a carrier without its subject": Plant("carriers.yaml", "0", "We spoke.", "exactly once"),
    "a rule about two items": Plant("rules.yaml", "0.given", ["subject", "P3373", "target"], "name `other` once"),
    "too few sentences": Plant("variants/length.yaml", "poles.short", FORTY[1:], "fewer than 40 distinct"),
    "a sentence without its full stop": Plant("variants/length.yaml", "poles.short.0.text", "It rained", "pattern"),
    "a slot without words": Plant(
        "variants/length.yaml", "poles.short.0.text", "A {cat} sat.", "unknown slots: ['cat']"
    ),
    "a third level": Plant("variants/length.yaml", "poles.short.0.level", 3, "1 or 2"),
    "a third pole": Plant("variants/length.yaml", "poles.middling", FORTY, "two opposite poles"),
    "a topic at one pole": Plant("variants/length.yaml", "poles.short.0.text", "So to {topic}.", "about the same"),
}


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
def test_a_file_that_breaks_a_rule_is_refused_by_name(plant: Plant, folder: Path) -> None:
    path = folder / plant.file
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    put(tree, plant.place.split("."), plant.value)
    path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_templates(folder)
    assert plant.told in str(caught.value)
    names_the_file = caught.value.where == str(path)
    names_it_among_several = caught.value.where == str(folder) and path.stem in caught.value.what
    assert names_the_file or names_it_among_several


def put(tree: Any, place: list[str], value: object) -> None:
    """Put a value at a place of a tree; a star stands for every position of a list."""
    key, *rest = place
    keys: list[Any] = list(range(len(tree))) if key == "*" else [int(key) if isinstance(tree, list) else key]
    for one in keys:
        if rest:
            put(tree[one], rest, value)
        else:
            tree[one] = value


def _remove(folder: Path) -> None:
    (folder / "relations" / "P36.yaml").unlink()


def _break(folder: Path) -> None:
    (folder / "relations" / "P36.yaml").write_text("id: [P36\n")


def _misname(folder: Path) -> None:
    (folder / "relations" / "P36.yaml").rename(folder / "relations" / "capital.yaml")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_remove, "there are 47 relations, not 48"),
        (_break, "P36.yaml"),
        (_misname, "capital.yaml"),
    ],
)
def test_relations_must_be_48_readable_files_named_after_their_ids(
    spoil: Callable[[Path], None], told: str, folder: Path
) -> None:
    spoil(folder)
    with pytest.raises(UsageError, match=told):
        load_templates(folder)


def test_another_sentence_is_another_version(folder: Path) -> None:
    path = folder / "relations" / "P36.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("capital city", "chief city"), encoding="utf-8")
    changed = load_templates(folder)
    assert changed.version != TEMPLATES.version
    assert {name for name, r in changed.relations.items() if r.version != RELATIONS[name].version} == {"P36"}
