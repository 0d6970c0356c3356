"""What can be no name: the same in Python, for the checks of a release, and in SQL, for screening."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.plain_text import plain_text
from pipeline.language.name_form import is_code_form, is_name, no_name_sql

_PIECES = ("Q5", "P51", "L7", "é", "x", " ", "-", "[", "1", "www.", "http://", "Ж", "今", "🇩🇪", "(film)", "'", "_")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("L7", False),
        ("P51", False),
        ("Audi Q5", False),
        ("P-51 Mustang", True),
        ("Q-Tip", True),
        ("MP3", True),
        ("L0", True),
        ("Boeing 747", True),
        ("1917", False),
        ("§ 218", False),
        ("O", False),
        ("x" * 81, False),
        ("Ithica [sic]", False),
        ("https://lyon.fr", False),
        ("www.lyon.fr", False),
        ("🇩🇪", False),
        ("Ō", False),
        ("日本", True),
    ],
)
def test_an_id_an_address_or_a_note_is_no_name(text: str, is_one: bool) -> None:
    assert is_name(text, 2, 80) is is_one


@given(st.lists(st.one_of(st.sampled_from(_PIECES), st.text(max_size=3)), max_size=6).map("".join).map(plain_text))
def test_screening_refuses_whatever_the_checks_refuse(text: str) -> None:
    (refused,) = duckdb.execute(f"SELECT {no_name_sql('name', 2, 80)} FROM (SELECT ? AS name)", [text]).fetchall()[0]
    assert refused or is_name(text, 2, 80)


@pytest.mark.parametrize("text", ["Lyon", "MP3", "Q-Tip", "Ō P", "Ada's 3 L", "Saint-Étienne", "日本"])
def test_screening_takes_what_is_a_name(text: str) -> None:
    assert duckdb.execute(f"SELECT {no_name_sql('name', 2, 80)} FROM (SELECT ? AS name)", [text]).fetchall() == [
        (not is_name(text, 2, 80),)
    ]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("m", True), ("DE", True), ("de", True), ("U. S. A.", True), ("🇩🇪", False), ("Kay", False), ("USSR", False)],
)
def test_up_to_three_letters_are_a_code(text: str, is_one: bool) -> None:
    assert is_code_form(text) is is_one
