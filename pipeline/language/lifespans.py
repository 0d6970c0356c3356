"""What a description says about a lifetime: "English painter (1874–1965)", "18th-century poet", "defunct publisher".

The words that decide are data (`descriptions` of `templates/dating.yaml`). Each pattern serves Python here, for one
description, and SQL in `select/past.py` and `select/moments.py`, for all of them; both regular-expression engines read
it alike.
"""

import functools
import re
from collections.abc import Iterable
from typing import NamedTuple

from pipeline.language.template_parts import DescriptionWords

_DASH = "[–—-]"
_YEAR = r"\b([0-9]{3,4})\b"

# Two years in brackets, whatever else the brackets hold: "(8 February 1931 – 30 September 1955)", "(r. 1520–1566)".
SPAN_IN_BRACKETS = rf"\([^()]*?{_YEAR}[^()0-9]*{_DASH}[^()]*?{_YEAR}[^()0-9A-Za-z]*\)"
# Two years that end the description: "American actor, 1931–1955".
SPAN_AT_THE_END = rf"[,;] ?(?:c\. ?)?{_YEAR} ?{_DASH} ?(?:c\. ?)?{_YEAR}\.?$"
DIED = r"(?:\bdied|\bd\.|†)[^()]{0,24}?[0-9]{3,4}|\bdeceased\b"
BORN = r"\b(?:born|b\.)[^()–—]{0,24}?\b([0-9]{4})\b"
BEFORE_CHRIST = r"[0-9] ?(?:BC|BCE|B\.C\.)|\bcentury (?:BC|BCE|B\.C\.)"
# "18th-century poet", "Italian 17th- and 18th-century composer", "poet of the 18th century", "poet (18th century)".
CENTURY = (
    r"(?:^(?:[A-Za-z-]+ ){0,3}|\b(?:of|in) the |\([^()]*?)(?:early[ -]|late[ -]|mid-? ?)?"
    r"(?:[0-9]{1,2}(?:st|nd|rd|th)?[–/ -]+(?:to |and |or )?)?\b([0-9]{1,2})(?:st|nd|rd|th)[ -]?(?:century|c\.)"
)
# Of works: the year that a description opens with, as in "2006 film by Alfonso Cuarón".
YEAR_AT_THE_START = r"^(1[5-9][0-9]{2}|20[0-9]{2})\b"
# Of states and other things: "between 1804 and 1867", "from 1852 to 1870", "(1701–1918)".
SPAN_OF_A_THING = r"\b([0-9]{3,4}) ?(?:[–-]|to|and|until) ?([0-9]{3,4})\b"
CENTURY_MARGIN = 15  # years before a century's end by which those named after it had been born
SHORTEST_LIFE = 12  # years: less is the span of a career


class Lifespan(NamedTuple):
    """What a description says: whether the person has died, or else in which year they were born."""

    has_died: bool
    born: int | None


def words_pattern(words: Iterable[str]) -> str:
    """A pattern for any of some words in lower-case text, as whole words.

    >>> [bool(re.search(words_pattern(["r.", "king"]), text)) for text in ("duke (r. 1520)", "viking")]
    [True, False]
    """
    return rf"(?:^|[^a-z])(?:{_any_of(tuple(words))})(?:$|[^a-z])"


def age_pattern(words: Iterable[str]) -> str:
    """A pattern for a lower-case description that begins with one of some words."""
    return rf"^(?:an? |the )?(?:{_any_of(tuple(words))})(?:$|[^a-z])"


@functools.cache  # the checks of a release ask it of every row
def _any_of(words: tuple[str, ...]) -> str:
    return "|".join(map(re.escape, words))


def gone_pattern(first: Iterable[str], anywhere: Iterable[str]) -> str:
    """A pattern for a lower-case description of what is no more: it begins with some words, or holds others.

    >>> pattern = gone_pattern(["former", "was an?"], ["defunct"])
    >>> [bool(re.search(pattern, text)) for text in ("former airline", "a now defunct firm", "new airline")]
    [True, True, False]
    """
    return rf"^(?:an? |the )?(?:{'|'.join(first)})\b|\b(?:{'|'.join(anywhere)})\b"


def standing_pattern(first: Iterable[str], but: Iterable[str]) -> str:
    """A pattern for a lower-case description that begins with such words and yet is of what still stands.

    >>> bool(re.search(standing_pattern(["former"], ["home"]), "former home of the governors"))
    True
    """
    return rf"^(?:an? |the )?(?:{'|'.join(first)}) (?:[a-z-]+ )?(?:{'|'.join(but)})\b"


def lifespan(description: str, words: DescriptionWords, this_year: int, *, oldest: int, life: int) -> Lifespan:
    """What a description says about a lifetime.

    Two years are those of a life, unless other words say that they are those of a reign, a term or a career. The end
    of a reign counts as well if it is long ago.

    Args:
        description: The description of a person.
        words: Which words say what.
        this_year: The year of the state.
        oldest: The greatest age that people reach, in years.
        life: From how many years on a span is that of a life, even beside an office or a field of study.

    >>> words = DescriptionWords(offices=("queen",), activities=("active",), students=("historian",), ages=("ancient",))
    >>> lifespan("American actor (1931–1955)", words, 2021, oldest=120, life=55)
    Lifespan(has_died=True, born=1931)
    >>> lifespan("queen of Spain (1972–2014)", words, 2021, oldest=120, life=55)
    Lifespan(has_died=False, born=None)
    """
    lower = description.lower()
    span = re.search(SPAN_IN_BRACKETS, description) or re.search(SPAN_AT_THE_END, description)
    first, last = (int(span[1]), int(span[2])) if span else (None, None)
    is_student = bool(re.search(words_pattern(words.students), lower))
    has_died = bool(re.search(DIED, description))
    if first is not None and last is not None and first <= last <= this_year:
        may_mean_another = is_student or bool(re.search(words_pattern(words.offices), lower))
        is_work = bool(re.search(words_pattern(words.activities), lower))
        is_life = not is_work and (life if may_mean_another else SHORTEST_LIFE) <= last - first <= oldest
        has_died = has_died or is_life or (not is_student and this_year - last > oldest)
        first = first if is_life else None
    else:
        first = None
    if not is_student:
        century = re.search(CENTURY, description)
        is_old = century is not None and this_year - (100 * int(century[1]) - CENTURY_MARGIN) > oldest
        is_ancient = re.search(BEFORE_CHRIST, description) or re.search(age_pattern(words.ages), lower)
        has_died = has_died or is_old or bool(is_ancient)
    born = re.search(BORN, description)
    return Lifespan(has_died, first if first is not None else int(born[1]) if born else None)
