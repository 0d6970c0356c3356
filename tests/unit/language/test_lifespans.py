"""Lifetimes in descriptions: where a span of years begins to be that of a life, and where it ceases to be one.

Real descriptions stand in `tests/unit/select/test_screening.py`, which also holds the tables against this module.
"""

import pytest

from pipeline.language.lifespans import Lifespan, lifespan
from pipeline.language.template_parts import DescriptionWords

WORDS = DescriptionWords(offices=("queen",), activities=("active",), students=("historian",), ages=("ancient",))
OLDEST, LIFE, THIS_YEAR = 120, 55, 2021


def read(description: str) -> Lifespan:
    return lifespan(description, WORDS, THIS_YEAR, oldest=OLDEST, life=LIFE)


@pytest.mark.parametrize(
    ("description", "born"),
    [
        ("poet (1900–1911)", None),  # a career
        ("poet (1900–1912)", 1900),
        ("poet (1850–1970)", 1850),  # the greatest age that people reach
        ("poet (1850–1971)", None),
        ("queen (1900–1954)", None),  # a reign
        ("queen (1900–1955)", 1900),
        ("historian of art (1900–1954)", None),  # of the art of these years
        ("historian (1900–1955)", 1900),
        ("actor, active 1931–2001", None),
        ("poet (1980–2021)", 1980),
        ("poet (1980–2022)", None),  # a year to come
        ("poet, born 1931", 1931),
    ],
)
def test_two_years_are_those_of_a_life_if_people_live_as_long(description: str, born: int | None) -> None:
    assert read(description).born == born


@pytest.mark.parametrize(
    ("description", "has_died"),
    [
        ("queen (1890–1900)", True),  # a reign that ended longer ago than people live
        ("queen (1890–1901)", False),
        ("historian of trade (1800–1850)", False),  # is no part of what they study
        ("historian of the 18th century", False),
        ("historian of ancient Rome", False),
        ("historian, died 1999", True),
        ("19th-century poet", True),
        ("20th-century poet", False),
        ("poet of the 3rd century BC", True),
        ("statesman, 80 BC", True),
        ("ancient poet", True),
        ("poet of ancient times", False),
        ("poet", False),
    ],
)
def test_what_ended_longer_ago_than_people_live_is_of_the_dead(description: str, has_died: bool) -> None:
    assert read(description).has_died is has_died
