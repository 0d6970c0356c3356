"""Times of Wikibase: what days they leave open, in Python and in SQL alike."""

import functools
from collections.abc import Iterable, Sequence
from datetime import date

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.core.times import YEAR, is_within, is_within_sql, middle, middle_sql, parts, span
from tests.times import MALFORMED, precisions, time_of, times


def days(time: str, precision: int) -> tuple[str, str]:
    found = span(time, precision)
    assert found is not None
    return date.fromordinal(found[0]).isoformat(), date.fromordinal(found[1]).isoformat()


@functools.cache
def connection() -> duckdb.DuckDBPyConnection:
    """One for all tests here: to open one takes longer than to ask it."""
    return duckdb.connect()


def in_sql(pairs: Iterable[Sequence[object]]) -> list[int | None]:
    """The middles of times with their precisions as DuckDB computes them."""
    stored, precision = zip(*pairs, strict=True)
    table = pa.table({"t": pa.array(stored, pa.string()), "p": pa.array(precision, pa.int8())})
    rows = connection().from_arrow(table).project(f"{middle_sql('t', 'p')} AS day").fetchall()
    return [day for (day,) in rows]


@pytest.mark.parametrize(
    ("time", "precision", "first", "last"),
    [
        ("+1952-03-11T00:00:00Z", 11, "1952-03-11", "1952-03-11"),
        ("+1952-03-11T00:00:00Z", 14, "1952-03-11", "1952-03-11"),
        ("+1952-03-00T00:00:00Z", 10, "1952-03-01", "1952-03-31"),
        ("+1952-02-11T00:00:00Z", 10, "1952-02-01", "1952-02-29"),
        ("+1952-12-00T00:00:00Z", 10, "1952-12-01", "1952-12-31"),
        ("+1952-03-11T00:00:00Z", 9, "1952-01-01", "1952-12-31"),
        ("+00000001952-03-11T00:00:00Z", 9, "1952-01-01", "1952-12-31"),
        ("+1952-00-00T00:00:00Z", 8, "1950-01-01", "1959-12-31"),
        ("+1952-00-00T00:00:00Z", 7, "1901-01-01", "2000-12-31"),
        ("+2000-00-00T00:00:00Z", 7, "1901-01-01", "2000-12-31"),
        ("+2001-00-00T00:00:00Z", 7, "2001-01-01", "2100-12-31"),
        ("+2000-00-00T00:00:00Z", 6, "1001-01-01", "2000-12-31"),
        ("+2001-00-00T00:00:00Z", 6, "2001-01-01", "3000-12-31"),
        ("+1952-03-00T00:00:00Z", 11, "1952-03-01", "1952-03-31"),
        ("+1952-00-00T00:00:00Z", 11, "1952-01-01", "1952-12-31"),
        ("+1952-00-11T00:00:00Z", 10, "1952-01-01", "1952-12-31"),
        ("+1712-02-30T00:00:00Z", 11, "1712-02-29", "1712-02-29"),
        ("+2015-04-31T00:00:00Z", 11, "2015-04-30", "2015-04-30"),
    ],
)
def test_a_time_leaves_open_the_days_of_its_precision(time: str, precision: int, first: str, last: str) -> None:
    assert days(time, precision) == (first, last)


@pytest.mark.parametrize("precision", range(6))
def test_beyond_millennia_ten_thousand_years_are_left_open(precision: int) -> None:
    found = span("-66000000-00-00T00:00:00Z", precision)
    assert found is not None
    assert (found[1] - found[0] + 1) / 365.2425 == pytest.approx(10_000)


@pytest.mark.parametrize("precision", range(15))
def test_times_before_christ_and_far_ahead_keep_their_order(precision: int) -> None:
    ordered = [time_of(year, 1, 1) for year in (-13_798_000_000, -66_000_000, -44_000, 44_000, 10**10)]
    spans = [span(time, precision) for time in ordered]
    middles = [middle(found) for found in spans if found]
    assert middles == sorted(middles)
    assert len(middles) == 5
    assert middles[2] < 0 < date.max.toordinal() < middles[3]


@example("-0063-12-00T00:00:00Z", 10)  # its year ended a day before it, by rounding
@given(times, precisions)
def test_a_span_is_never_empty_and_coarser_precision_never_narrows_it(time: str, precision: int) -> None:
    found, coarser = span(time, precision), span(time, max(precision - 1, 6))
    assert found is not None
    assert coarser is not None
    assert found[0] <= middle(found) <= found[1]
    if precision > 6 and precision != 8:  # the decade from 2000 on begins in the century up to 2000
        assert coarser[0] <= found[0] <= found[1] <= coarser[1]


@given(st.dates(), st.dates())
def test_days_are_counted_as_the_calendar_counts_them(one: date, other: date) -> None:
    def day(when: date) -> int:
        found = span(time_of(when.year, when.month, when.day), 11)
        assert found is not None
        return middle(found)

    assert day(one) == one.toordinal()
    assert day(other) - day(one) == (other - one).days


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(times, precisions), min_size=1, max_size=100))
def test_sql_finds_the_same_middle_to_a_day(pairs: list[tuple[str, int]]) -> None:
    for (time, precision), day in zip(pairs, in_sql(pairs), strict=True):
        found, when = span(time, precision), parts(time)
        assert found is not None
        assert when is not None
        assert day is not None
        if 1 <= when[0] <= 9999 and precision > 5:
            assert abs(day - middle(found)) <= 1, (time, precision)
        else:  # clipped, but on the same side of any cut
            for cut in (date(100, 1, 1).toordinal(), date(2015, 1, 4).toordinal(), date(9000, 1, 1).toordinal()):
                assert (day > cut) == (middle(found) > cut), (time, precision)


def test_sql_finds_the_same_middle_for_every_day_of_a_leap_year_and_every_year_of_a_century() -> None:
    calendar = [(time_of(2016, month, day), 11) for month in range(13) for day in range(32)]
    century = [(time_of(year, 0, 0), precision) for year in range(1950, 2051) for precision in (6, 7, 8, 9)]
    pairs = [*calendar, *century]
    for (time, precision), day in zip(pairs, in_sql(pairs), strict=True):
        found = span(time, precision)
        assert found is not None
        assert day is not None
        assert abs(day - middle(found)) <= 1, (time, precision)


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_time_has_no_days_in_either_language(text: str) -> None:
    assert parts(text) is None
    assert span(text, 11) is None
    assert in_sql([(text, 11)]) == [None]


def test_a_time_or_a_precision_that_is_missing_gives_no_days() -> None:
    assert span(None, 11) is span("+2016-01-01T00:00:00Z", None) is None
    assert in_sql([(None, 11), ("+2016-01-01T00:00:00Z", None), (None, None)]) == [None, None, None]


# Inside a window


Case = tuple[str, int, tuple[int | None, int | None]]
"""A time, its precision, and the first day and the last of a window."""


def within_sql(cases: Sequence[Case]) -> list[bool]:
    """What DuckDB finds in the windows; it takes longer to understand the question than to answer it."""
    columns = ((time, precision, start, end) for time, precision, (start, end) in cases)
    types = (pa.string(), pa.int8(), pa.int64(), pa.int64())
    arrays = [pa.array(column, kind) for column, kind in zip(zip(*columns, strict=True), types, strict=True)]
    table = pa.table(arrays, ["t", "p", "s", "e"])
    return [found for (found,) in connection().from_arrow(table).project(is_within_sql("t", "p", "s", "e")).fetchall()]


modern = st.builds(time_of, st.integers(2010, 2026), st.integers(0, 12), st.integers(0, 31))
windows = st.tuples(st.integers(733_000, 740_000), st.integers(0, 3_000)).map(lambda pair: (pair[0], sum(pair)))


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(modern, precisions, windows), min_size=10, max_size=40))
def test_python_and_sql_agree_what_lies_in_a_window(cases: list[tuple[str, int, tuple[int, int]]]) -> None:
    for (time, precision, window), told in zip(cases, within_sql(cases), strict=True):
        found = span(time, precision)
        assert told == (found is not None and precision >= YEAR and is_within(found, window)), (time, precision)


@given(st.integers(1, 4_000), st.integers(0, 400), windows)
def test_what_lies_in_a_window_has_most_of_its_days_so_far_in_it(
    first: int, more: int, window: tuple[int, int]
) -> None:
    start, end = window
    days = range(start - 2_000 + first, start - 2_000 + first + more + 1)
    so_far = [day for day in days if day <= end]
    inside = [day for day in so_far if day > start]
    assert is_within((days[0], days[-1]), window) == (2 * len(inside) > len(so_far))


def test_a_window_that_is_not_known_holds_nothing_and_one_without_an_end_has_none() -> None:
    day = ("+2018-05-01T00:00:00Z", 11)
    assert within_sql([(*day, (None, 740_000)), (*day, (733_000, None))]) == [False, True]
