"""Aliases that a reader accepts: real aliases of the slice and of the full sample, kept and refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.plain_text import plain_text
from pipeline.core.reasons import ALIASES
from pipeline.language.aliases import Named, Naming, alias_fault
from pipeline.language.name_form import is_code_form, is_name
from pipeline.language.templates import load_templates
from tests.minikg import CODED, FINN, IBEN, Mini

RULES = load_templates().aliases
NAMING = Naming(RULES, 2, 80)


def fault(alias: str, label: str, *, is_person: bool = False, stated: str = "", shared: str = "") -> str | None:
    """Why an alias is no answer."""
    named = Named(label, is_person, frozenset({stated} - {""}), frozenset({shared} - {""}))
    return alias_fault(plain_text(alias), named, NAMING)


@pytest.mark.parametrize(
    ("label", "alias"),
    [
        ("Germany", "Federal Republic of Germany"),
        ("Italy", "Italian Republic"),
        ("New York City", "City of New York"),
        ("Perth", "Perth, Western Australia"),
        ("Camden", "Camden, NJ"),
        ("Washington, D.C.", "Washington DC"),
        ("Kraków", "Krakow"),
        ("Lviv", "L'viv"),
        ("English", "English language"),
        ("Catholicism", "Catholic faith"),
        ("University of Cambridge", "Cambridge University"),
        ("Harvard University", "Harvard"),
        ("Juilliard School", "The Juilliard School"),
        ("University of California, Los Angeles", "UCLA"),
        ("Blackpool F.C.", "Blackpool Football Club"),
        ("Warner Bros.", "Warner Brothers"),
        ("Academy Award for Best Director", "Academy Award for Best Directing"),
        ("Golden Globe Award", "Golden Globes"),
        ("film actor", "movie actor"),
        ("association football manager", "soccer manager"),
        ("theatre director", "theater director"),
        ("songwriter", "song writer"),
        ("male", "human male"),
        ("physics", "Physics"),
    ],
)
def test_a_reader_accepts_other_forms_of_a_name(label: str, alias: str) -> None:
    assert fault(alias, label) is None


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
        ("Episcopal Church", "Gu fakes"),
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
    ("label", "alias", "reason"),
    [
        ("John F. Kennedy", "John Fitzgerald Kennedy", None),
        ("John F. Kennedy", "President Kennedy", None),
        ("John F. Kennedy", "Kennedy", None),
        ("John F. Kennedy", "JFK", "code"),
        ("Duke Ellington", 'Edward Kennedy "Duke" Ellington', None),
        ("Joseph P. Kennedy Jr.", "Joseph P. Kennedy", "other_words"),
        ("Henry VIII of England", "King Henry VIII", None),
        ("Henry VIII of England", "King Henry", "other_words"),
        ("Baudouin I of Belgium", "King of the Belgians", "other_words"),
        ("Catherine of Aragon", "Aragon", "other_words"),
        ("Michael Jordan", "Captain Marvel", "other_words"),
        ("Michael Jordan", "His Airness", "other_words"),
        ("Herb Alpert", "Herb Alpert & the Tijuana Band", "other_words"),
        ("T. E. Lawrence", "of Arabia Lawrence", "foreign_or_note"),
        ("Shohei Imamura", "今村昌平", "foreign_or_note"),
        ("Albert Einstein", "Einstein, Albert", "foreign_or_note"),
        ("George Harrison", "00013482508 IPI", "foreign_or_note"),
        ("Steve Clark", "https://steveclark.com", "no_name"),
    ],
)
def test_a_person_is_known_by_a_word_of_the_name(label: str, alias: str, reason: str | None) -> None:
    assert fault(alias, label, is_person=True) == reason


def test_a_statement_makes_any_name_an_answer_but_no_code() -> None:
    assert fault("Mark Sinclair", "Vin Diesel", is_person=True) == "other_words"
    assert fault("Mark Sinclair", "Vin Diesel", is_person=True, stated="Mark Sinclair") is None
    assert fault("DE", "Germany", stated="DE") == "code"
    assert fault("USSR", "Soviet Union") == "code"
    assert fault("USSR", "Soviet Union", stated="Union of Soviet Socialist Republics") is None


def test_the_name_of_another_item_is_no_answer() -> None:
    assert fault("Jordan", "Michael Jordan", is_person=True) is None
    assert fault("Jordan", "Michael Jordan", is_person=True, shared="jordan") == "shared"


@pytest.mark.parametrize("alias", ["L7", "P51", "Q5"])
def test_an_alias_that_looks_like_an_id_is_no_answer(alias: str) -> None:
    assert fault(alias, "Verdania") == "no_name"


LETTERS = st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"])
LABELS = st.sampled_from(["Czech Republic", "日本", "film actor", "Ada Rooke", "UCLA", "Č R", "日本 国"])


@given(st.one_of(st.text(LETTERS, max_size=4), st.text(max_size=12), LABELS, LABELS.map(lambda s: s[:3])), LABELS)
@pytest.mark.parametrize("is_person", [True, False])
def test_every_alias_gets_a_verdict_and_every_answer_passes_the_check(is_person: bool, text: str, label: str) -> None:
    alias = plain_text(text)
    found = alias_fault(alias, Named(label, is_person), NAMING)
    assert found is None or found in set(ALIASES) - {"answer"}
    if found is None:
        assert is_name(alias, 2, 80)
        assert not is_code_form(alias)


def test_codes_stand_in_a_column_of_their_own(mini: Mini) -> None:
    edit = next(edit for edit in mini.edits if edit["target_new"] == "Verdania")
    assert edit["target_new_codes"] == ["VER"]
    assert edit["target_new_aliases"] == ["Republic of Verdania", "Verdania Proper"]


def test_what_is_no_answer_still_gives_an_item_away(mini: Mini) -> None:
    verdania = next(item for item in mini.subgraph.items.values() if item.label == "Verdania")
    assert {"VER", "L7", "P51", "Land of Two Rivers"} <= set(verdania.all_names)


def test_a_name_that_two_of_a_kind_have_is_an_answer_for_neither(mini: Mini) -> None:
    for number in (FINN, IBEN):
        assert "Captain Rooke" in mini.subgraph.items[number].other_names


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
    ],
)
def test_a_misspelling_is_no_answer(label: str, alias: str) -> None:
    assert fault(alias, label) == "misspelling"


def test_another_way_to_write_a_name_is_no_misspelling() -> None:
    assert [fault(alias, label) for label, alias in (("Montreal", "Montréal"), ("Joel Coen", "Joel David Coen"))] == [
        None
    ] * 2


def test_an_alias_with_a_second_sentence_is_a_note() -> None:
    assert fault("David James Arquette. Nice", "David Arquette") == "foreign_or_note"
