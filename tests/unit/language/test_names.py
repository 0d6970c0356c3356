"""Names in running text: articles, descriptions of namesakes, and aliases that are names."""

import pytest

from pipeline.language.answers import description_in_text, shown_description
from pipeline.language.names import Name, is_english_name, name_in_text, takes_the
from pipeline.language.template_parts import NameRule
from pipeline.language.templates import load_templates

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
    assert name_in_text(label, [kind], RULES).text == in_running_text


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
def test_another_type_can_decide_about_the_article(label: str, kinds: list[str], in_running_text: str) -> None:
    assert name_in_text(label, kinds, RULES).text == in_running_text


@pytest.mark.parametrize("label", ["The Hague", "the Hague", "THE Hague"])
def test_a_name_that_starts_with_the_gets_no_second_article(label: str) -> None:
    rules = [rule.model_copy(update={"names": (label,)}) for rule in RULES]
    assert not takes_the(label, rules[0].types, rules)


@pytest.mark.parametrize(
    ("label", "in_running_text"),
    [
        ("Parsons The New School for Design", "Parsons The New School for Design"),
        ("Republic of The Gambia", "the Republic of The Gambia"),
    ],
)
def test_an_article_inside_a_name_is_its_own(label: str, in_running_text: str) -> None:
    assert name_in_text(label, ["country", "university"], RULES).text == in_running_text


@pytest.mark.parametrize(
    ("description", "shown"),
    [
        ("35th president of the United States (1917-1963)", True),
        ("31th president of the United States (1917-1963)", False),
        ("6° President of the French Republic (1847-1907)", False),
        ("American composer (1988-1971)", False),
        ("king of Macedon (356–323 BC)", True),
        ("former state in in Northeastern Italy (697–1797)", False),
        ("(1998 Film)", False),
        ("1916 Obituary &amp;#91;1&amp;#93; born in London", False),
        (None, False),
    ],
)
def test_a_description_that_is_wrong_on_its_face_is_not_shown(description: str | None, shown: bool) -> None:
    assert shown_description(description) == (description if shown else None)
    assert shown or description_in_text(description) is None


def test_a_description_disambiguates_a_namesake() -> None:
    name = name_in_text("Kingdom of Reef", ["country"], RULES, description="historical country")
    assert name == Name("the Kingdom of Reef (historical country)", is_phrase=True)


def test_a_description_loses_its_brackets_and_may_not_contain_ids() -> None:
    name = name_in_text(
        "Kent", ["territory"], RULES, description="ceremonial county in England (use Q21694674 for the district)"
    )
    assert name.text == "Kent (ceremonial county in England)"
    assert name_in_text("Kent", ["territory"], RULES, description="see Q42").text == "Kent"
    assert name_in_text("Kent", ["territory"], RULES, description="x" * 81).text == "Kent"


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
def test_codes_notes_and_other_scripts_are_not_english_names(alias: str, label: str, is_one: bool) -> None:
    assert is_english_name(alias, label, is_person=True) is is_one


def test_a_comma_is_fine_in_the_name_of_a_place_but_not_of_a_person() -> None:
    assert is_english_name("Pine Bluff, Arkansas", "Pine Bluff")
    assert not is_english_name("Einstein, Albert", "Albert Einstein", is_person=True)
    assert not is_english_name("Lanka, Sri", "Sri Lanka")
    assert is_english_name("Ansel, Lord", "Ansel, Lord of the Reef", is_person=True)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: "-".join(rule.types)[:40])
def test_rules_for_names_list_each_word_once(rule: NameRule) -> None:
    for words in (rule.names, rule.first, rule.last, rule.heads):
        assert len(set(words)) == len(words)
