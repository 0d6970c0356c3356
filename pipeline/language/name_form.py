"""The form of a name: what can be no name, whoever bears it.

One rule for two readers: screening asks it in SQL of millions of labels, the subgraph and the checks of a release ask
it here. Both are made from the same patterns, so that no check can fail for what the data contain.
"""

import re

LONGEST_CODE = 3  # letters and digits: codes of countries, languages, currencies, airports and elements

# In the syntax that Python's `re` (with ASCII classes) and DuckDB's RE2 share. An id anywhere in a name would look like
# one that a template failed to put in words, so "Audi Q5" is left out with "L7" and "P51".
_PATTERNS = (
    r"\b[QPL][1-9][0-9]*\b",  # an id
    r"[{}\[\]|<>]|  |^ | $",  # marks of notes and markup; space at an end
    r"^[a-z]+://|^www[.]",  # an address
)
_FAULT = re.compile("|".join(_PATTERNS), re.ASCII)


def is_name(text: str, shortest: int, longest: int) -> bool:
    """Whether a text can be a name at all.

    >>> [text for text in ("L7", "Lyon", "P51", "1917", "https://lyon.fr", "[Lyon]", "O") if is_name(text, 2, 80)]
    ['Lyon']

    Args:
        text: A label or alias, in plain text.
        shortest: The fewest characters of a name.
        longest: The most.
    """
    return shortest <= len(text) <= longest and not _FAULT.search(text) and any(map(str.isalpha, text))


def is_code_form(text: str) -> bool:
    """Whether a text is too short for anything but a code: "m", "DE", "U.S.A.", "de".

    >>> [text for text in ("m", "DE", "U. S. A.", "Kay", "USSR", "Río") if is_code_form(text)]
    ['m', 'DE', 'U. S. A.']
    """
    signs = "".join(filter(str.isalnum, text))
    return 0 < len(signs) <= LONGEST_CODE and signs in (signs.lower(), signs.upper())


def no_name_sql(column: str, shortest: int, longest: int) -> str:
    """An SQL condition: whether a column is no name; null where the column is null."""
    pattern = "|".join(_PATTERNS)
    return (
        f"(length({column}) NOT BETWEEN {shortest} AND {longest} OR regexp_matches({column}, '{pattern}')"
        rf" OR NOT regexp_matches({column}, '\pL'))"
    )
