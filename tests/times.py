"""Times as a dump may hold them, for the tests that read them."""

from hypothesis import strategies as st

# What is not a time of Wikidata: no date, no day, a month or a day that does not exist, digits of another script.
MALFORMED = [
    "",
    "soon",
    "2016",
    "+2016-01-01",
    "+2016-13-01T00:00:00Z",
    "+2016-01-32T00:00:00Z",
    "+x-01-01T00:00:00Z",
    "+²016-01-01T0",
]

years = st.one_of(st.integers(1, 9999), st.integers(1900, 2030), st.integers(-(10**10), 10**10))


def time_of(year: int, month: int, day: int) -> str:
    """A time as Wikidata writes it; a month or a day of 0 says that it is not known."""
    return f"{'-' if year < 0 else '+'}{abs(year):04d}-{month:02d}-{day:02d}T00:00:00Z"


times = st.builds(time_of, years, st.integers(0, 12), st.integers(0, 31))
precisions = st.integers(0, 14)
