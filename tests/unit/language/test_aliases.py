"""Aliases that a reader accepts: real aliases of the slice and of the full sample, kept and refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.plain_text import plain_text
from pipeline.core.reasons import ALIASES
from pipeline.language.aliases import Kind, Named, Naming, alias_fault, kind_of
from pipeline.language.name_form import is_code_form, is_name
from pipeline.language.templates import load_templates
from tests.minikg import CODED, FINN, IBEN, TOVE_OF_OSTRAVA, Mini

RULES = load_templates().aliases
NAMING = Naming(RULES, 2, 80)


def fault(
    alias: str, label: str, kind: Kind = "thing", *, stated: str = "", pen_name: str = "", shared: str = ""
) -> str | None:
    """Why an alias is no answer."""
    names = (frozenset({name} - {""}) for name in (stated, pen_name, shared))
    return alias_fault(plain_text(alias), Named(label, kind, *names), NAMING)


@pytest.mark.parametrize(
    ("label", "alias", "kind"),
    [
        ("Germany", "Federal Republic of Germany", "place"),
        ("People's Republic of China", "China", "place"),
        ("Italy", "Italian Republic", "place"),
        ("New York City", "City of New York", "place"),
        ("Perth", "Perth, Western Australia", "place"),
        ("Washington, D.C.", "Washington DC", "place"),
        ("Kraków", "Krakow", "place"),
        ("Gießen", "Giessen", "place"),
        ("University of Hong Kong", "Hong Kong University", "thing"),
        ("University of St Andrews", "St Andrews University", "thing"),
        ("United Kingdom of Great Britain", "UKGB", "place"),
        ("English", "English language", "thing"),
        ("University of Cambridge", "Cambridge University", "thing"),
        ("Harvard University", "Harvard", "thing"),
        ("Juilliard School", "The Juilliard School", "thing"),
        ("University of California, Los Angeles", "UCLA", "thing"),
        ("Blackpool F.C.", "Blackpool Football Club", "thing"),
        ("Warner Bros.", "Warner Brothers", "thing"),
        ("film actor", "movie actor", "thing"),
        ("association football manager", "soccer manager", "thing"),
        ("theatre director", "theater director", "thing"),
        ("songwriter", "song writer", "thing"),
        ("jazz", "jazz music", "thing"),
        ("Tango & Cash", "Tango and Cash", "work"),
    ],
)
def test_a_reader_accepts_other_forms_of_a_name(label: str, alias: str, kind: Kind) -> None:
    assert fault(alias, label, kind) is None


@pytest.mark.parametrize(
    ("label", "alias"),
    [
        ("male", "m"),
        ("Czech Republic", "ČR"),
        ("Germany", "DE"),
        ("Germany", "GER"),
        ("French", "fr"),
        ("British English", "en-GB"),
        ("Massachusetts", "US-MA"),
        ("United States of America", "U. S. A."),
        ("United States of America", "the US"),
        ("Cornell University", "CUI"),
        ("Ayumi Hamasaki", "CREA"),
        ("Ireland", "IE"),
        ("United Kingdom", "G B R"),
    ],
)
def test_a_code_is_no_answer(label: str, alias: str) -> None:
    assert fault(alias, label) == "code"


@pytest.mark.parametrize(
    ("label", "alias"),
    [
        ("male", "sterner sex"),
        ("author", "contributor"),
        ("composer", "bass player"),
        ("film director", "director"),
        ("film producer", "producer"),
        ("actor", "actress"),
        ("actor", "actors"),
        ("physics", "physical"),
        ("model", "fashion model"),
        ("Chicago", "The Windy City"),
        ("Los Angeles", "La La Land"),
        ("Catholic Church", "Church"),
        ("Golden Globe Award", "Golden Globes"),
        ("singer-songwriter", "singersongwriter"),
        ("Presbyterianism", "Presbyterianism, Presbyterian Church"),
        ("Royal College of Art", "Royal College of Art, RCA"),
        ("Padma Vibhushan", "Padma Vibhushan in Medicine"),
        ("Order of the Elephant", "Order of the White Elephant"),
        ("Florida State University", "Florida State Seminoles"),
        ("Ireland", "Southern Ireland"),
        ("Kingdom of Italy", "Italy"),
        ("British India", "India"),
        ("Canada", "British North America"),
        ("Harvard University", "Harvard Graduate School"),
        ("Columbia University", "Columbia College"),
        ("Los Angeles Rams", "Cleveland Rams"),
        ("Budapest", "Buda"),
        ("San Francisco", "San Francisco County"),
        ("UNICEF Goodwill Ambassador", "Goodwill Ambassador"),
        ("Milan", "Milan Records"),
        ("The Queen", "Queen"),
        ("Academy Award for Best Actor", "Best Actor"),
    ],
)
def test_a_nickname_a_wider_term_or_another_thing_is_no_answer(label: str, alias: str) -> None:
    assert fault(alias, label) == "other_words"


@pytest.mark.parametrize(
    ("label", "alias", "kind"),
    [
        ("Moscow", "Moscovite", "place"),
        ("Soviet Union", "The Soviets", "place"),
        ("Manhattan", "Mannahatta", "place"),
        ("Brazil", "Federativa Republica do Brasil", "place"),
        ("Honolulu", "Honolulu CDP", "place"),
        ("Cape Town", "Cape", "place"),
        ("Kansas City", "Kansas", "place"),
        ("Democratic Republic of the Congo", "Congo", "place"),
        ("Camden", "Camden, NJ", "place"),
        ("Switzerland", "Helvetic Republic", "place"),
        ("Italian Somaliland", "Italian Republic", "place"),
        ("Blade Runner 2049", "Blade Runner 2049 3D", "work"),
        ("The Pianist", "Der Pianist", "work"),
        ("Les Misérables", "Miserables", "work"),
        ("The Talented Mr. Ripley", "Talented Mr Ripley", "work"),
        ("Man of Steel", "The Man of Steel", "work"),
        ("Moscow", "Moscow, Soviet Union", "place"),
        ("Moscow", "Moscow, Russian SFSR", "place"),
        ("Hamburg", "Hamburg, Freie und Hansestadt", "place"),
        ("Sydney", "Sydney, NSW, Australia", "place"),
        ("Ireland", "Ireland, Republic of", "place"),
        ("All Souls College", "All Souls College, Boundary Wall With Queens College", "place"),
        ("London", "London ON", "place"),
        ("New York University", "University of New York", "thing"),
        ("University of Miami", "Miami University", "thing"),
        ("University of York", "York University", "thing"),
        ("School of the Art Institute of Chicago", "Chicago Art Institute School", "thing"),
        ("female", "female person", "thing"),
        ("male", "human male", "thing"),
        ("Star Trek", "Star Trek 09", "work"),
    ],
)
def test_what_comes_or_goes_makes_another_name(label: str, alias: str, kind: Kind) -> None:
    assert fault(alias, label, kind) is not None


@pytest.mark.parametrize(
    ("label", "alias"),
    [
        ("John F. Kennedy", "John Fitzgerald Kennedy"),
        ("John F. Kennedy", "Kennedy"),
        ("T. E. Lawrence", "Thomas Edward Lawrence"),
        ("Bill Clinton", "William Jefferson Clinton"),
        ("Ed Wood", "Edward Davis Wood Jr."),
        ("Henry VIII of England", "King Henry VIII"),
        ("Henry VIII of England", "Henry VIII"),
        ("Paul McCartney", "Sir Paul McCartney"),
        ("Gilbert Bécaud", "Gilbert Becaud"),
        ("Vladimir Putin", "Vladimir Vladimirovich Putin"),
        ("Iben Rooke", "Iben Sølvi Rooke"),
        ("Bruce Willis", "Walter Bruce Willis"),  # called by the second of two given names
        ("James Remar", "William James Remar"),
        ("Jon Huntsman, Jr.", "Jon Meade Huntsman, Jr."),
        ("Walt Disney", "Walter Elias Disney"),
    ],
)
def test_a_person_is_known_by_given_and_family_name(label: str, alias: str) -> None:
    assert fault(alias, label, "person") is None


def test_a_stated_name_without_middle_names_refuses_none() -> None:
    assert fault("Andrew Mark Cuomo", "Andrew Cuomo", "person", stated="Andrew Cuomo") is None
    assert fault("Andrew Mark Cuomo", "Andrew Cuomo", "person", stated="Andrew Peter Cuomo") == "other_words"


@pytest.mark.parametrize(
    ("label", "alias", "reason"),
    [
        ("Al Green", "Reverend Al Green", "other_words"),
        ("Grover Cleveland", "Stephen Grover Cleveland Jr.", "other_words"),  # his father was Richard
        ("Herb Alpert", "Herbert «Herb» Alpert", "foreign_or_note"),
        ("Xi Jinping", "General Secretary Xi Jinping", "other_words"),
        ("John F. Kennedy Jr.", "William John F. Kennedy", "other_words"),
        ("Madonna", "Mary Madonna", "other_words"),
        ("Grant Wood", "Thomas Mary James Grant Wood", "other_words"),
        ("Juan Carlos I", "Charles Juan Carlos I", "other_words"),
        ("John F. Kennedy", "JFK", "code"),
        ("Abdullah of Saudi Arabia", "King Abdullah", "other_words"),
        ("Tim Conway", "Tim Daniel Conway", "other_words"),
        ("Jim Carrey", "Jim Eugene Carrey", "other_words"),
        ("Terrence Malick", "Terrence Terry Malick", "other_words"),
        ("Jean Kennedy Smith", "Jean Ann Smith", "other_words"),
        ("Grover Cleveland", "Grover Cleveland Jr.", "other_words"),
        ("Barack Obama", "Barack Obama II", "other_words"),
        ("Jerry Duplessis", "Jerry 'Wonda' Duplessis", "foreign_or_note"),
        ("Vladimir Lenin", "Vladimir Il'ich Lenin", "foreign_or_note"),
        ("George H. W. Bush", "George H.W.Bush", "misspelling"),
        ("Ronald Reagan", "Ronald W Reagan", "misspelling"),
        ("Ludwig I of Bavaria", "LUDWIG I", "misspelling"),
        ("John F. Kennedy", "President Kennedy", "other_words"),
        ("Duke Ellington", 'Edward Kennedy "Duke" Ellington', "foreign_or_note"),
        ("Joseph P. Kennedy Jr.", "Joseph P. Kennedy", "other_words"),
        ("Joseph P. Kennedy", "Joseph P. Kennedy Sr.", "other_words"),
        ("Robert De Niro", "Robert Jr. De Niro", "other_words"),
        ("Henry VIII of England", "King Henry", "other_words"),
        ("Charles II of Spain", "Charles II roi d'Espagne", "foreign_or_note"),
        ("Queen Victoria", "Queen of Great Britain Victoria", "other_words"),
        ("Baudouin I of Belgium", "King of the Belgians", "other_words"),
        ("Catherine of Aragon", "Aragon", "other_words"),
        ("Theresa May", "PM Theresa May", "other_words"),
        ("Martin Van Buren", "Buren", "other_words"),
        ("Boutros Boutros-Ghali", "Ghali", "other_words"),
        ("Franz Liszt", "Franz von Liszt", "other_words"),
        ("Herman Boerhaave", "Boerh.", "foreign_or_note"),
        ("George H. W. Bush", "George H. W", "misspelling"),
        ("Richard Nixon", "Dick Nixon", "other_words"),
        ("John Travolta", "Jonathan Travolta", "other_words"),
        ("Michelle Obama", "Michael LaVaughn Obama", "other_words"),
        ("Jane Fonda", "Hanoi Jane", "other_words"),
        ("Lana Wachowski", "Laurence Wachowski", "other_words"),
        ("Josip Broz Tito", "Josip Brotz Tito", "misspelling"),
        ("Jim Carrey", "Jim Eugene Carey", "other_words"),
        ("Prince", "Artist Formerly Known as Prince", "foreign_or_note"),
        ("Herb Alpert", "Herb Alpert & the Tijuana Band", "other_words"),
        ("T. E. Lawrence", "of Arabia Lawrence", "other_words"),
        ("Shohei Imamura", "今村昌平", "foreign_or_note"),
        ("Albert Einstein", "Einstein, Albert", "foreign_or_note"),
        ("George Harrison", "00013482508 IPI", "foreign_or_note"),
        ("Steve Clark", "https://steveclark.com", "no_name"),
    ],
)
def test_a_nickname_a_title_or_a_clipped_name_is_no_name_of_a_person(label: str, alias: str, reason: str) -> None:
    assert fault(alias, label, "person") == reason


def test_a_stated_full_name_decides_which_middle_names_there_are() -> None:
    assert fault("Timothy William Burton", "Tim Burton", "person") is None
    assert fault("Timothy William Burton", "Tim Burton", "person", stated="Timothy Walter Burton") == "other_words"
    assert fault("Timothy Walter Burton", "Tim Burton", "person", stated="Timothy Walter Burton") is None


def test_a_stated_name_keeps_a_middle_name_beside_a_short_one_and_a_junior() -> None:
    assert fault("Chris Joseph Columbus", "Chris Columbus", "person", stated="Chris Joseph Columbus") is None
    assert fault("Danny Aiello Jr.", "Danny Aiello", "person", stated="Danny Aiello Jr.") is None


def test_a_stage_name_has_no_fuller_form() -> None:
    assert fault("Robert Dylan", "Bob Dylan", "person", pen_name="Bob Dylan") == "other_words"
    assert fault("JK Rowling", "J. K. Rowling", "person", pen_name="J. K. Rowling") is None


def test_a_stated_pen_name_is_an_answer_and_a_former_name_is_none() -> None:
    assert fault("Mark Twain", "Samuel Clemens", "person", pen_name="Mark Twain") is None
    assert fault("Mark Sinclair", "Vin Diesel", "person", stated="Mark Sinclair") == "other_words"


def test_a_stated_name_explains_initials_and_confirms_the_name_of_a_state() -> None:
    assert fault("DE", "Germany", "place", stated="DE") == "code"
    assert fault("USSR", "Soviet Union", "place") == "code"
    assert fault("USSR", "Soviet Union", "place", stated="Union of Soviet Socialist Republics") is None
    assert fault("Budapešť", "Budapest", "place", stated="Budapešť") == "foreign_or_note"


def test_the_name_of_another_item_is_no_answer() -> None:
    assert fault("Jordan", "Michael Jordan", "person") is None
    assert fault("Jordan", "Michael Jordan", "person", shared="jordan") == "shared"


def test_types_decide_which_rules_aliases_follow() -> None:
    kinds = [kind_of(types, RULES) for types in (["person"], ["settlement", "territory"], ["film"], ["award"], [])]
    assert kinds == ["person", "place", "work", "thing", "thing"]


@pytest.mark.parametrize("alias", ["L7", "P51", "Q5"])
def test_an_alias_that_looks_like_an_id_is_no_answer(alias: str) -> None:
    assert fault(alias, "Verdania") == "no_name"


LETTERS = st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"])
LABELS = st.sampled_from(["Czech Republic", "日本", "film actor", "Ada Rooke", "UCLA", "Č R", "日本 国"])


@given(st.one_of(st.text(LETTERS, max_size=4), st.text(max_size=12), LABELS, LABELS.map(lambda s: s[:3])), LABELS)
@pytest.mark.parametrize("kind", ["person", "place", "work", "thing"])
def test_every_alias_gets_a_verdict_and_every_answer_passes_the_check(kind: Kind, text: str, label: str) -> None:
    alias = plain_text(text)
    found = alias_fault(alias, Named(label, kind), NAMING)
    assert found is None or found in set(ALIASES) - {"answer"}
    if found is None:
        assert is_name(alias, 2, 80)
        assert not is_code_form(alias)


def test_codes_stand_in_a_column_of_their_own(mini: Mini) -> None:
    edit = next(edit for edit in mini.edits if edit["target_new"] == "Verdania")
    assert edit["target_new_codes"] == ["VER"]
    assert edit["target_new_aliases"] == ["Republic of Verdania"]


def test_what_is_no_answer_still_gives_an_item_away(mini: Mini) -> None:
    verdania = next(item for item in mini.subgraph.items.values() if item.label == "Verdania")
    assert {"VER", "L7", "P51", "Verdania Proper", "Land of Two Rivers"} <= set(verdania.all_names)


def test_a_name_that_two_of_a_kind_have_is_an_answer_for_neither(mini: Mini) -> None:
    for number in (FINN, IBEN):
        assert "Captain Rooke" in mini.subgraph.items[number].other_names


def test_a_family_name_that_another_person_bears_is_no_answer(mini: Mini) -> None:
    assert "Lind" in mini.subgraph.items[TOVE_OF_OSTRAVA].other_names


def test_an_item_whose_label_is_no_name_stands_in_no_answer(mini: Mini) -> None:
    assert CODED not in mini.subgraph.items


def test_the_release_counts_what_became_of_each_alias(mini: Mini) -> None:
    counts = mini.built.manifest.aliases
    judged = {"answer": 0, "code": 0, "other": 0}
    for item in mini.subgraph.items.values():
        judged["answer"] += len(item.aliases)
        judged["code"] += len(item.codes)
        judged["other"] += len(item.other_names)
    assert (counts["answer"], counts["code"]) == (judged["answer"], judged["code"])
    assert sum(counts.values()) == sum(judged.values())
    assert set(counts) <= set(ALIASES)


@pytest.mark.parametrize(
    ("label", "alias"),
    [
        ("Connecticut", "Conneticut"),
        ("William Shakespeare", "William Shackspeare"),
        ("Joel Coen", "Joel Cohen"),
        ("Linda Hamilton", "Hamilton Linda"),
        ("Edinburgh", "Edinburg"),
        ("physics", "Physics"),
        ("television producer", "Television Producer"),
        ("Square Enix", "SQUARE ENIX CO., LTD."),
        ("SNK", "SNK CORPORATION"),
        ("Hitler: The Rise of Evil", "Hitler:The Rise of Evil"),
    ],
)
def test_a_misspelling_is_no_answer(label: str, alias: str) -> None:
    assert fault(alias, label) == "misspelling"


def test_a_misspelt_word_beside_another_word_is_another_name() -> None:
    assert fault("Ethan Cohen", "Joel Coen") == "other_words"


def test_another_way_to_write_a_name_is_no_misspelling() -> None:
    assert fault("Krakow", "Kraków", "place") is None
    assert fault("Joel David Coen", "Joel Coen", "person") is None


def test_an_alias_with_a_second_sentence_is_a_note() -> None:
    assert fault("David James Arquette. Nice", "David Arquette", "person") == "foreign_or_note"
