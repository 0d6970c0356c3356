"""Words of names: how two names are compared word by word."""

import re
import unicodedata
from collections.abc import Collection, Mapping

_TOKEN = re.compile(r"[^\W_]+(?:'s\b)?")
_DOTTED = re.compile(r"\b(\w)\.(?=\s?\w\b|\W|$)")  # "U.S.A." and "U. S. A." as well as "F.C."
_CUT = re.compile(r"(\w{2,})\.")


def folded(text: str) -> str:
    """A text without case and accents.

    >>> folded("Kraków")
    'krakow'
    """
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def words_of(text: str, synonyms: Mapping[str, str]) -> list[str]:
    """The words of a text, without case, accents and the dots of abbreviations, with one word for synonyms."""
    undotted = _DOTTED.sub(r"\1", folded(text).replace("’", "'"))
    words = (synonyms.get(word, word) for word in _TOKEN.findall(undotted))
    return [part for word in words for part in word.split()]


def abbreviated(text: str, known: Collection[str]) -> bool:
    """Whether a word is cut short by a full stop, and is none of the abbreviations that every reader knows.

    >>> [name for name in ("Frem.", "St. Louis", "Mr.McMahon", "John F. Kennedy") if abbreviated(name, ["st"])]
    ['Frem.', 'Mr.McMahon']
    """
    return any(mark[1].lower() not in known for mark in _CUT.finditer(text))


def has_small_words(text: str, label: str, minor: Collection[str]) -> bool:
    """Whether a word begins with a small letter that a name writes with a capital: "Columbia university".

    >>> has_small_words("Columbia university", "Columbia University", [])
    True
    >>> has_small_words("Vincent van Gogh", "Van Gogh", ["van"])
    False
    """
    own = set(re.findall(r"[^\W_]+", label))
    words = re.findall(r"(?<![’'\w])[^\W_]+", text)
    return any(word[0].islower() and word not in own and word not in minor for word in words)


def edits(one: str, other: str) -> int:
    """How many letters must be put in, left out or changed to make one word of another (Levenshtein 1966).

    >>> edits("ghandi", "gandhi")
    2
    """
    row = [*range(len(other) + 1)]
    for count, letter in enumerate(one, 1):
        before, row[0] = row[0], count
        for place, mine in enumerate(other, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (letter != mine))
    return row[-1]
