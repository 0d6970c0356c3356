"""Leaks: which texts give a name away."""

import pytest

from pipeline.language.leaks import contains_name, mentions_any


@pytest.mark.parametrize(
    ("text", "names", "found"),
    [
        ("The tide came to Greenport.", ["Greenport"], True),
        ("the tide came to greenport.", ["Greenport"], True),
        ("The Greenporters sang.", ["Greenport"], False),
        ("A pot of tea stood near Port Ansel.", ["Ansel", "Port"], True),
        ("Ask us about it.", ["US", "It"], False),
        ("The US did.", ["US"], True),
        ("He is Inti Ñandú.", ["Ñandú"], True),
        ("Mamma Mia! was on.", ["Mamma Mia!"], True),
        ("(C++)", ["C++"], True),
        ("Nothing here.", [], False),
    ],
)
def test_mentions_any_finds_whole_words_only(text: str, names: list[str], found: bool) -> None:
    assert mentions_any(text, names) is found


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ("The capital of Verdania is", "verdan", True),
        ("Straße", "STRASSE", True),
        ("The capital of Verdania is", "Greenport", False),
    ],
)
def test_contains_name_finds_parts_of_words_in_any_case(text: str, name: str, found: bool) -> None:
    assert contains_name(text, name) is found
