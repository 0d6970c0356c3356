"""Wikibase times: their order and the span of days that a precision leaves open.

A time is "+1952-03-11T00:00:00Z" with a precision; month and day may be 00, years may be negative (-0044 is 44 BC) and
longer than four digits.
"""

import re
from calendar import monthrange
from datetime import date

DAY, MONTH, YEAR, DECADE = 11, 10, 9, 8
PRECISION_NAMES = {DAY: "day", MONTH: "month", YEAR: "year", DECADE: "decade", 7: "century"}
PRECISIONS = {name: precision for precision, name in PRECISION_NAMES.items()}
CALENDAR_NAMES = {1985727: "gregorian", 1985786: "julian"}
_FIRST_YEAR, _LAST_YEAR = 1, 9999  # beyond these, order is kept but days are not counted

_PATTERN = r"([+-]?\d+)-(0\d|1[0-2])-([0-2]\d|3[01])T"  # as Wikibase checks it; Python and DuckDB read it alike
_TIME = re.compile(_PATTERN, re.ASCII)

Span = tuple[int, int]


def parts(time: str) -> tuple[int, int, int] | None:
    """Year, month and day; month and day are 0 where unknown. None if the text is not a time.

    >>> parts("+1952-03-11T00:00:00Z"), parts("-0044-00-00T00:00:00Z"), parts("soon")
    ((1952, 3, 11), (-44, 0, 0), None)
    """
    match = _TIME.match(time)
    if match is None:
        return None
    year, month, day = map(int, match.groups())
    return year, month, day


def span(time: str | None, precision: int | None) -> Span | None:
    """The first and the last day that a time may mean, as day numbers (1 is 1 January of the year 1).

    >>> first, last = span("+2015-00-00T00:00:00Z", 9)
    >>> date.fromordinal(first).isoformat(), date.fromordinal(last).isoformat()
    ('2015-01-01', '2015-12-31')
    """
    found = parts(time) if time else None
    if found is None or precision is None:
        return None
    year, month, day = found
    if precision >= DAY and month and day:
        return _ordinal(year, month, day), _ordinal(year, month, day)
    if precision >= MONTH and month:
        after = (year, month + 1) if month < 12 else (year + 1, 1)
        return _ordinal(year, month, 1), _ordinal(*after, 1) - 1
    start, end = _years(year, precision)
    return _ordinal(start, 1, 1), _ordinal(end + 1, 1, 1) - 1  # as for months: years before 1 are counted by rounding


def _years(year: int, precision: int) -> tuple[int, int]:
    """The first and the last year; centuries and millennia end in their round year: 2000 at precision 7 is the 20th."""
    if precision >= YEAR:
        return year, year
    if precision == DECADE:
        return year - year % 10, year - year % 10 + 9
    length = {7: 100, 6: 1000}.get(precision, 10_000)
    end = -(-year // length) * length
    return end - length + 1, end


def is_within(of: Span, window: Span) -> bool:
    """Whether a span of days is evidence of an event after the first day of a window and up to its last one.

    What the newer state records has happened by its last day. So more than half of the days that the span leaves open
    up to then must lie after the first day: "2015" is news of a window from January 2015 to 2021, and not of a week in
    April 2015.

    >>> year = (date(2015, 1, 1).toordinal(), date(2015, 12, 31).toordinal())
    >>> is_within(year, (date(2015, 1, 4).toordinal(), date(2021, 7, 2).toordinal()))
    True
    >>> is_within(year, (date(2015, 4, 20).toordinal(), date(2015, 4, 27).toordinal()))
    False
    """
    start, end = window
    last = min(of[1], end)
    return 2 * (last - max(of[0] - 1, start)) > last - of[0] + 1 > 0


def is_within_sql(time: str, precision: str, start: str, end: str) -> str:
    """The SQL expression for `is_within(span(...), (start, end))`; a date coarser than a year is not evidence.

    `time` and `precision` are columns, `start` and `end` day numbers; an `end` that is null is not a limit.
    """
    first, last = _bounds_sql(time, precision)
    until = f"least({last}, {end})"  # DuckDB's `least` ignores nulls
    return (
        f"coalesce({precision} >= {YEAR} AND {until} >= {first}"
        f" AND 2 * ({until} - greatest({first} - 1, {start}::BIGINT)) > {until} - {first} + 1"
        f" AND {start} IS NOT NULL, false)"
    )


def _bounds_sql(time: str, precision: str) -> tuple[str, str]:
    """The SQL expressions for the first and the last day of a date that is exact to a year or better."""
    day = middle_sql(time, precision)
    date_ = f"(DATE '0001-01-01' + ({day} - 1)::INTEGER)"
    month = f"regexp_extract({time}, '^{_PATTERN}', 2)"
    unit = f"CASE WHEN {precision} >= {MONTH} AND {month} <> '00' THEN 'month' ELSE 'year' END"
    is_day = f"{precision} >= {DAY} AND {month} <> '00' AND regexp_extract({time}, '^{_PATTERN}', 3) <> '00'"
    first = f"date_trunc({unit}, {date_})::DATE"
    last = (
        f"(CASE WHEN {precision} >= {MONTH} AND {month} <> '00' THEN last_day({date_})"
        f" ELSE make_date(year({date_}), 12, 31) END)"
    )
    return (
        f"(CASE WHEN {is_day} THEN {day} ELSE {_day_sql(first)} END)",
        f"(CASE WHEN {is_day} THEN {day} ELSE {_day_sql(last)} END)",
    )


def middle(of: Span) -> int:
    """The day in the middle of a span."""
    return (of[0] + of[1]) // 2


def _ordinal(year: int, month: int, day: int) -> int:
    if _FIRST_YEAR <= year <= _LAST_YEAR:
        # 30 February stands in Wikidata, and 31 April.
        return date(year, month, min(day, monthrange(year, month)[1])).toordinal()
    return round((year - 1) * 365.2425) + _ordinal(_FIRST_YEAR, month, day)


def middle_sql(time: str, precision: str) -> str:
    """The SQL expression for the middle day of the span of two columns; agrees with `middle(span(...))` to a day.

    Only years 1 to 9999 are exact; others are clipped, which keeps them on the right side of any cut.
    """
    year, month, day = (
        f"try_cast(regexp_extract({time}, '^{_PATTERN}', {group}) AS BIGINT)::{kind}"
        for group, kind in ((1, "BIGINT"), (2, "INTEGER"), (3, "INTEGER"))
    )
    within = f"least(greatest({year}, {_FIRST_YEAR}), {_LAST_YEAR})"
    first = f"make_date({within}, {month}, 1)"
    return (
        f"(CASE WHEN {precision} IS NULL OR {year} IS NULL THEN NULL"
        f" WHEN {precision} >= {DAY} AND {month} > 0 AND {day} > 0"
        f" THEN {_day_sql(f'least({first} + ({day} - 1), last_day({first}))')}"
        f" WHEN {precision} >= {MONTH} AND {month} > 0 THEN {_day_sql(f'make_date({within}, {month}, 15)')}"
        f" WHEN {precision} >= {YEAR} THEN {_day_sql(f'make_date({within}, 7, 2)')}"
        f" WHEN {precision} = {DECADE} THEN {_new_year_sql(f'{year} - {year} % 10 + 5')}"
        f" WHEN {precision} = 7 THEN {_new_year_sql(_round_year_sql(year, 100))}"
        f" WHEN {precision} = 6 THEN {_new_year_sql(_round_year_sql(year, 1000))}"
        f" ELSE {_new_year_sql(_round_year_sql(year, 10_000))} END)"
    )


def _round_year_sql(year: str, length: int) -> str:
    """The year in the middle of the century or millennium that ends in a round year."""
    return f"ceil({year} / {length}.0)::BIGINT * {length} - {length // 2 - 1}"


def _new_year_sql(year: str) -> str:
    return _day_sql(f"make_date(least(greatest({year}, {_FIRST_YEAR}), {_LAST_YEAR}), 1, 1)")


def _day_sql(day: str) -> str:
    return f"date_diff('day', DATE '0001-01-01', {day}) + 1"
