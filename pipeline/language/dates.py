"""Dates in English. A date is never printed with more precision than is recorded (decision 24)."""

from pipeline.core import times

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def is_date(object_key: str) -> bool:
    """Whether an object key is a date: a time, a slash and its precision.

    >>> is_date("+1952-03-11T00:00:00Z/11"), is_date("Q64"), is_date("3")
    (True, False, False)
    """
    return "/" in object_key


def wording_precision(object_key: str) -> str | None:
    """The precision at which a date is worded, from its object key; None if the object is not a date.

    >>> [wording_precision(key) for key in ("+1952-03-11T00:00:00Z/11", "+1950-00-00T00:00:00Z/8", "Q64")]
    ['day', 'decade', None]
    """
    if not is_date(object_key):
        return None
    return times.PRECISION_NAMES.get(min(int(object_key.rpartition("/")[2]), times.DAY))


def date_names(object_key: str) -> list[str]:
    """All ways to write a date, the preferred one first; empty if it cannot be written.

    >>> date_names("+1952-03-11T00:00:00Z/11")
    ['11 March 1952', 'March 11, 1952', '1952-03-11']
    """
    time, _, precision = object_key.rpartition("/")
    words = date_in_english(time, int(precision))
    return [words, *other_date_formats(time, int(precision))] if words else []


def date_in_english(time: str, precision: int) -> str | None:
    """A time in words at its own precision; None if it is coarser than a year or malformed.

    >>> dates = ("+1952-03-11T00:00:00Z", 11), ("+1952-03-00T00:00:00Z", 10), ("-0044-00-00T00:00:00Z", 9)
    >>> [date_in_english(*date) for date in dates]
    ['11 March 1952', 'March 1952', '44 BC']
    """
    found = times.parts(time)
    if found is None or precision < times.YEAR or not found[0]:
        return None
    year, month, day = found
    words = [str(day)] if precision >= times.DAY else []
    if precision >= times.MONTH:
        words.append(_MONTHS[month - 1] if 1 <= month <= 12 else "")
    words.append(str(year) if year > 0 else f"{-year} BC")
    return None if "" in words or "0" in words else " ".join(words)


def other_date_formats(time: str, precision: int) -> list[str]:
    """Other ways to write the same date, for matching an answer.

    >>> other_date_formats("+1952-03-11T00:00:00Z", 11)
    ['March 11, 1952', '1952-03-11']
    """
    found = times.parts(time)
    if found is None or precision < times.DAY or found[0] <= 0 or not (1 <= found[1] <= 12 and found[2]):
        return []
    year, month, day = found
    return [f"{_MONTHS[month - 1]} {day}, {year}", f"{year:04d}-{month:02d}-{day:02d}"]
