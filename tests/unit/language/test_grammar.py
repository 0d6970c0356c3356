"""Sentences from templates: possessives, tense and capitals."""

import re

import pytest

from pipeline.language.grammar import can_fill, fill, possessive
from pipeline.language.names import Name, name_in_text
from pipeline.language.relations import Tense
from pipeline.language.templates import load_templates

RULES = load_templates().names
TENSES: tuple[Tense, ...] = ("present", "past", "unknown")


@pytest.mark.parametrize(
    ("text", "owned"),
    [
        ("France", "France's"),
        ("Tom Hanks", "Tom Hanks's"),
        ("the Netherlands", "the Netherlands'"),
        ("the Ottoman Empire", "the Ottoman Empire's"),
        ("Everton F.C.", "Everton F.C.'s"),
        ("Theophilus", "Theophilus's"),
        ("The Isley Brothers", "The Isley Brothers'"),
        ("the 113th United States Congress", "the 113th United States Congress's"),
        ("the Chicago Bulls", "the Chicago Bulls'"),
    ],
)
def test_possessives(text: str, owned: str) -> None:
    assert possessive(text) == owned


@pytest.mark.parametrize(
    ("subject", "takes_possessive"),
    [
        (name_in_text("Ada Rooke", ["person"], RULES), True),
        (name_in_text("Ansel, Lord of the Reef", ["person"], RULES), False),
        (name_in_text("Tove Lind", ["person"], RULES, description="landscape painter"), False),
        (Name("the mother of Ada Rooke", is_phrase=True), False),
        (name_in_text("Sammy Davis Jr.", ["person"], RULES), True),
        (name_in_text("k.d. lang", ["person"], RULES), True),
        (name_in_text("Tom Hanks", ["person"], RULES), True),
        (name_in_text("Friends", ["series"], RULES), False),
        (name_in_text("The Hours", ["film"], RULES), True),
        (name_in_text("Yahoo!", ["company"], RULES), False),
        (name_in_text("Where Are You?", ["film"], RULES), False),
        (name_in_text("Macy's", ["company"], RULES), False),
        (name_in_text('"Heroes"', ["music"], RULES), False),
        (name_in_text("Robin Hood: Prince of Thieves", ["film"], RULES), False),
        (name_in_text("The Man Who Shot Liberty Valance", ["film"], RULES), False),
    ],
    ids=lambda value: getattr(value, "text", None),
)
def test_phrases_names_with_a_comma_and_descriptions_take_no_possessive(subject: Name, takes_possessive: bool) -> None:
    assert can_fill("{subject's} capital is", subject) is takes_possessive
    assert can_fill("The capital of {subject} is", subject)


@pytest.mark.parametrize(
    ("template", "present", "past"),
    [
        ("The capital of {subject} [is|was]", "The capital of Kelda is", "The capital of Kelda was"),
        (
            "{subject} [has|had] a capital that [is|was]",
            "Kelda has a capital that is",
            "Kelda had a capital that was",
        ),
        ("Whom [has|did] {subject} [married|marry]?", "Whom has Kelda married?", "Whom did Kelda marry?"),
        ("{subject} [has been|was] in", "Kelda has been in", "Kelda was in"),
        ("{subject} [|once ]lay in", "Kelda lay in", "Kelda once lay in"),
        ("{subject} was founded by", "Kelda was founded by", "Kelda was founded by"),
        ("{subject} [is|was|is said to have been] in", "Kelda is in", "Kelda was in"),
    ],
)
def test_past_subjects_take_the_past_tense(template: str, present: str, past: str) -> None:
    assert fill(template, Name("Kelda")) == present
    assert fill(template, Name("Kelda"), "past") == past


def test_an_unknown_tense_takes_words_of_its_own_or_the_present() -> None:
    assert fill("{subject} [has|had|is known to have had] a sister", Name("Ada"), "unknown").startswith("Ada is known")
    assert fill("{subject} [has|had] a capital", Name("Kelda"), "unknown") == "Kelda has a capital"


@pytest.mark.parametrize(
    ("template", "subject", "sentence"),
    [
        ("{subject} has", "the Netherlands", "The Netherlands has"),
        ("{subject's} capital is", "the Netherlands", "The Netherlands' capital is"),
        ("{subject} has", "one of the children of Ada Rooke", "One of the children of Ada Rooke has"),
        ("{subject} was founded by", "eBay", "eBay was founded by"),
        ("{subject's} founder is", "eBay", "eBay's founder is"),
        ("{subject} is played on", "theremin", "theremin is played on"),
        ("the founder of {subject} is", "eBay", "The founder of eBay is"),
        ("The mayor of {subject} is", "The Hague", "The mayor of The Hague is"),
    ],
)
def test_sentences_begin_with_a_capital_unless_they_begin_with_a_name(
    template: str, subject: str, sentence: str
) -> None:
    assert fill(template, Name(subject)) == sentence


def test_a_question_about_a_title_with_a_question_mark_ends_with_one_mark() -> None:
    assert fill("Who directed {subject}?", Name("Where Are You?")) == "Who directed Where Are You?"
    assert fill("Who directed {subject}?", Name("Mamma Mia!")) == "Who directed Mamma Mia!?"


@pytest.mark.parametrize("strange", ["[x|y] of {subject}", "{subject's}", r"\1 \g<0>", "100 % {known}"])
def test_a_name_is_printed_as_it_is_whatever_it_looks_like(strange: str) -> None:
    assert fill("The head of {subject} is", Name(strange)) == f"The head of {strange} is"


ODD = [
    "k.d. lang",
    "the pillows",
    "The The",
    "...And Justice for All",
    "(500) Days of Summer",
    '"Heroes"',
    "'Til Tuesday",
    "Where Are You?",
    "Yahoo!",
    "Macy's",
    "Sammy Davis Jr.",
    "U.S.",
    "Pine Bluff, Arkansas",
    "2,4-dinitrophenol",
    "Quercus robur",
    "Emil von Behring–Kitasato",
    "x" * 80,
]


@pytest.mark.parametrize("label", ODD, ids=lambda label: label[:20])
def test_odd_names_appear_once_and_unchanged_in_every_sentence(label: str) -> None:
    for relation in load_templates().relations.values():
        subject = name_in_text(label, relation.subject_types[:1], RULES)
        for wording in relation.wordings:
            for forms in (wording, *([wording.several] if wording.several else [])):
                sentences = (forms.prompt, *forms.rephrases, forms.question, *forms.question_rephrases)
                fitting = [sentence for sentence in sentences if can_fill(sentence, subject)]
                assert sum(sentence in fitting for sentence in forms.rephrases) >= 2
                for text in (fill(sentence, subject, tense) for sentence in fitting for tense in TENSES):
                    assert text.lower().count(label.lower().rstrip("?")) == 1, text
                    assert not re.search(r"  |\?\?|'s's|''|[!?\"]'s", text), text
                    assert not re.search(r"\bthe the\b", text.lower().replace(label.lower(), "")), text
