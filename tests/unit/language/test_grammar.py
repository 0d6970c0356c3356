"""Sentences from templates: articles, possessives, tense and capitals."""

import re

import pytest

from pipeline.language.grammar import Name, can_fill, fill, is_name, name, possessive, takes_the
from pipeline.language.templates import NameRule, load_templates

RULES = load_templates().names


@pytest.mark.parametrize(
    ("label", "kind", "in_running_text"),
    [
        ("France", "country", "France"),
        ("Netherlands", "country", "the Netherlands"),
        ("United Kingdom", "country", "the United Kingdom"),
        ("United States of America", "country", "the United States of America"),
        ("Ottoman Empire", "country", "the Ottoman Empire"),
        ("Republic of China (1912–1949)", "country", "the Republic of China (1912–1949)"),
        ("US of A", "country", "the US of A"),
        ("Realm of Denmark", "country", "the Realm of Denmark"),
        ("Hawaii, United States", "territory", "Hawaii, United States"),
        ("Kingdom of Prussia", "country", "the Kingdom of Prussia"),
        ("Prussia", "country", "Prussia"),
        ("The Gambia", "country", "The Gambia"),
        ("Republic", "country", "the Republic"),
        ("Republicans", "country", "Republicans"),
        ("Faroe Islands", "territory", "the Faroe Islands"),
        ("Netherlands", "person", "Netherlands"),
        ("The Hague", "settlement", "The Hague"),
        ("the Bronx", "settlement", "the Bronx"),
        ("University of Oxford", "university", "the University of Oxford"),
        ("Harvard University", "university", "Harvard University"),
        ("BBC", "organisation", "the BBC"),
        ("Boston Red Sox", "franchise", "the Boston Red Sox"),
        ("Manchester United", "team", "Manchester United"),
        ("Nobel Prize in Literature", "award", "the Nobel Prize in Literature"),
        ("Golden Globe Awards", "award", "the Golden Globe Awards"),
        ("Prizefighter", "award", "Prizefighter"),
        ("66th Academy Awards", "event", "the 66th Academy Awards"),
        ("Battle of Hastings", "event", "the Battle of Hastings"),
        ("Royal Academy of Music", "school", "the Royal Academy of Music"),
        ("Tom Hanks", "person", "Tom Hanks"),
        ("Democratic People's Republic of Korea", "country", "the Democratic People's Republic of Korea"),
        ("Netherlands Antilles", "territory", "the Netherlands Antilles"),
        ("Georgian SSR", "country", "the Georgian SSR"),
        ("London Borough of Camden", "territory", "the London Borough of Camden"),
        ("Gaza Strip", "place", "the Gaza Strip"),
        ("Danube", "place", "the Danube"),
        ("Mount Everest", "place", "Mount Everest"),
        ("New York City", "settlement", "New York City"),
        ("Buckingham Palace", "building", "Buckingham Palace"),
        ("Palace of Versailles", "building", "the Palace of Versailles"),
        ("Empire State Building", "building", "the Empire State Building"),
        ("United Nations", "organisation", "the United Nations"),
        ("International Monetary Fund", "organisation", "the International Monetary Fund"),
        ("Coca-Cola Company", "company", "the Coca-Cola Company"),
        ("Boeing", "company", "Boeing"),
        ("John Brown & Company", "company", "John Brown & Company"),
        ("City, University of London", "university", "City, University of London"),
        ("Hebrew University of Jerusalem", "university", "the Hebrew University of Jerusalem"),
        ("Trinity College", "university", "Trinity College"),
        ("Miami Heat", "franchise", "the Miami Heat"),
        ("Los Angeles Times", "periodical", "the Los Angeles Times"),
        ("Nature", "periodical", "Nature"),
        ("Legion of Honour", "award", "the Legion of Honour"),
        ("Officer of the Order of Canada", "award", "Officer of the Order of Canada"),
        ("French Revolution", "event", "the French Revolution"),
        ("World War II", "event", "World War II"),
        ("MTV Video Music Awards 2010", "event", "the MTV Video Music Awards 2010"),
        ("Victorian era", "period", "the Victorian era"),
        ("Duke of Windsor", "person", "the Duke of Windsor"),
        ("14th Dalai Lama", "person", "the 14th Dalai Lama"),
        ("Catherine of Aragon", "person", "Catherine of Aragon"),
    ],
)
def test_names_take_the_article_that_english_gives_them(label: str, kind: str, in_running_text: str) -> None:
    assert name(label, [kind], RULES).text == in_running_text


@pytest.mark.parametrize(
    ("label", "kinds", "in_running_text"),
    [
        ("Fall River", ["settlement", "place"], "Fall River"),
        ("Mississippi River", ["place"], "the Mississippi River"),
        ("Union", ["settlement", "territory"], "Union"),
        ("Christ Church", ["university", "organisation"], "Christ Church"),
        ("Catholic Church", ["religion", "organisation"], "the Catholic Church"),
    ],
)
def test_what_else_a_thing_is_may_decide(label: str, kinds: list[str], in_running_text: str) -> None:
    assert name(label, kinds, RULES).text == in_running_text


@pytest.mark.parametrize("label", ["The Hague", "the Hague", "THE Hague"])
def test_a_name_that_brings_its_article_gets_no_second_one(label: str) -> None:
    rules = [rule.model_copy(update={"names": (label,)}) for rule in RULES]
    assert not takes_the(label, rules[0].types, rules)


def test_a_description_tells_namesakes_apart() -> None:
    told = name("Kingdom of Reef", ["country"], RULES, "historical country")
    assert told == Name("the Kingdom of Reef (historical country)", is_phrase=True)


def test_asides_and_ids_of_a_description_are_left_out() -> None:
    told = name("Kent", ["territory"], RULES, "ceremonial county in England (use Q21694674 for the district)")
    assert told.text == "Kent (ceremonial county in England)"
    assert name("Kent", ["territory"], RULES, "see Q42").text == "Kent"
    assert name("Kent", ["territory"], RULES, "x" * 81).text == "Kent"


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
        (name("Ada Rooke", ["person"], RULES), True),
        (name("Ansel, Lord of the Reef", ["person"], RULES), False),
        (name("Tove Lind", ["person"], RULES, "landscape painter"), False),
        (Name("the mother of Ada Rooke", is_phrase=True), False),
        (name("Sammy Davis Jr.", ["person"], RULES), True),
        (name("k.d. lang", ["person"], RULES), True),
        (name("Tom Hanks", ["person"], RULES), True),
        (name("Friends", ["series"], RULES), False),
        (name("The Hours", ["film"], RULES), True),
        (name("Yahoo!", ["company"], RULES), False),
        (name("Where Are You?", ["film"], RULES), False),
        (name("Macy's", ["company"], RULES), False),
        (name('"Heroes"', ["music"], RULES), False),
        (name("Robin Hood: Prince of Thieves", ["film"], RULES), False),
        (name("The Man Who Shot Liberty Valance", ["film"], RULES), False),
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
    ],
)
def test_the_past_is_spoken_of_in_the_past_tense(template: str, present: str, past: str) -> None:
    assert fill(template, Name("Kelda")) == present
    assert fill(template, Name("Kelda"), past=True) == past


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


def test_a_question_about_a_question_ends_with_one_mark() -> None:
    assert fill("Who directed {subject}?", Name("Where Are You?")) == "Who directed Where Are You?"
    assert fill("Who directed {subject}?", Name("Mamma Mia!")) == "Who directed Mamma Mia!?"


@pytest.mark.parametrize(
    ("alias", "label", "is_one"),
    [
        ("JFK", "John F. Kennedy", True),
        ("J. F. K.", "John F. Kennedy", True),
        ('John "Jack" Kennedy', "John F. Kennedy", True),
        ("Kennedy, John F.", "John F. Kennedy", False),
        ("00013482508 IPI", "George Harrison", False),
        ("Blink-182", "Blink-182", True),
        ("1917", "1917", False),
        ("今村昌平", "Shohei Imamura", False),
        ("भारत", "India", False),
        ("Norvège\u200f", "Norway", False),
        ("🇮🇪", "Ireland", False),
        ("Yitsḥoḳ Bashevis-Zinger", "Isaac Bashevis Singer", True),
        ("α-Tocopherol", "α-tocopherol", True),
        ("love", "Diane Lane", False),
        ("maths", "mathematics", True),
        ("(en)", "English", False),
        ("Dallas (TV series)", "Dallas", False),
        ("Whitehorse; capital", "Whitehorse", False),
        ("Georgia|Sakartvelo", "Georgia", False),
        ("'''Rain'''", "Singin' in the Rain", False),
        ("Edward VIII Edward VIII of the United Kingdom", "Edward VIII", False),
        ("New Duran Duran", "Duran Duran", True),
        ("Pub  House", "Pub", False),
        ("Cliffhanger : Traque", "Cliffhanger", False),
    ],
)
def test_an_alias_is_no_code_no_note_and_no_other_script(alias: str, label: str, is_one: bool) -> None:
    assert is_name(alias, label, is_person=True) is is_one


def test_a_comma_is_part_of_a_place_but_turns_a_person_round() -> None:
    assert is_name("Pine Bluff, Arkansas", "Pine Bluff")
    assert not is_name("Einstein, Albert", "Albert Einstein", is_person=True)
    assert not is_name("Lanka, Sri", "Sri Lanka")
    assert is_name("Ansel, Lord", "Ansel, Lord of the Reef", is_person=True)


@pytest.mark.parametrize("strange", ["[x|y] of {subject}", "{subject's}", r"\1 \g<0>", "100 % {known}"])
def test_a_name_is_printed_as_it_is_whatever_it_looks_like(strange: str) -> None:
    assert fill("The head of {subject} is", Name(strange)) == f"The head of {strange} is"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: "-".join(rule.types)[:40])
def test_no_rule_for_names_lists_a_word_twice(rule: NameRule) -> None:
    for words in (rule.names, rule.first, rule.last, rule.heads):
        assert len(set(words)) == len(words)


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
def test_odd_names_stand_once_and_whole_in_every_sentence(label: str) -> None:
    for relation in load_templates().relations.values():
        subject = name(label, relation.subject_types[:1], RULES)
        for wording in relation.wordings:
            for forms in (wording, *([wording.several] if wording.several else [])):
                sentences = (forms.prompt, *forms.rephrases, forms.question, *forms.question_rephrases)
                fitting = [sentence for sentence in sentences if can_fill(sentence, subject)]
                assert sum(sentence in fitting for sentence in forms.rephrases) >= 2
                for text in (fill(sentence, subject, past=past) for sentence in fitting for past in (False, True)):
                    assert text.lower().count(label.lower().rstrip("?")) == 1, text
                    assert not re.search(r"  |\?\?|'s's|''|[!?\"]'s", text), text
                    assert not re.search(r"\bthe the\b", text.lower().replace(label.lower(), "")), text
