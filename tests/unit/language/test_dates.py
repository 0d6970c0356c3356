"""Dates in English: at their own precision, or not at all."""

import pytest
from hypothesis import given

from pipeline.core.times import parts
from pipeline.language.dates import date_in_english, other_date_formats
from tests.times import MALFORMED, precisions, times


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_time_has_no_words(text: str) -> None:
    assert date_in_english(text, 11) is None
    assert other_date_formats(text, 11) == []


@pytest.mark.parametrize(
    ("time", "precision", "words"),
    [
        ("+1952-03-11T00:00:00Z", 11, "11 March 1952"),
        ("+1952-03-11T00:00:00Z", 10, "March 1952"),
        ("+1952-03-11T00:00:00Z", 9, "1952"),
        ("+0800-12-25T00:00:00Z", 11, "25 December 800"),
        ("-0044-03-15T00:00:00Z", 11, "15 March 44 BC"),
        ("+12016-00-00T00:00:00Z", 9, "12016"),
        ("+0001-01-01T00:00:00Z", 11, "1 January 1"),
        ("-0001-12-00T00:00:00Z", 10, "December 1 BC"),
        ("+1952-00-00T00:00:00Z", 8, None),
        ("+1952-00-00T00:00:00Z", 10, None),
        ("+1952-03-00T00:00:00Z", 11, None),
        ("+0000-00-00T00:00:00Z", 9, None),
    ],
)
def test_a_date_is_written_at_its_own_precision_or_not_at_all(time: str, precision: int, words: str | None) -> None:
    assert date_in_english(time, precision) == words


@given(times, precisions)
def test_no_more_is_written_than_is_recorded(time: str, precision: int) -> None:
    words = date_in_english(time, precision)
    if words is not None:
        assert precision >= 9
        assert len(words.removesuffix(" BC").split()) == {9: 1, 10: 2}.get(precision, 3)
        assert str(abs((parts(time) or (0,))[0])) in words


@pytest.mark.parametrize(
    ("time", "precision", "words"),
    [
        ("+1952-03-11T00:00:00Z", 11, ["March 11, 1952", "1952-03-11"]),
        ("+0800-12-25T00:00:00Z", 11, ["December 25, 800", "0800-12-25"]),
        ("+0001-01-01T00:00:00Z", 11, ["January 1, 1", "0001-01-01"]),
        ("+2015-12-31T00:00:00Z", 11, ["December 31, 2015", "2015-12-31"]),
        ("+0000-01-01T00:00:00Z", 11, []),
        ("+1952-00-11T00:00:00Z", 11, []),
        ("+1952-03-11T00:00:00Z", 10, []),
        ("+1952-03-00T00:00:00Z", 11, []),
        ("-0044-03-15T00:00:00Z", 11, []),
    ],
)
def test_a_date_with_a_day_has_other_formats(time: str, precision: int, words: list[str]) -> None:
    assert other_date_formats(time, precision) == words
