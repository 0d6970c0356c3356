"""Sentences from templates: possessives, tense and capitals.

A template contains `{subject}` or `{subject's}` once. Where the tense depends on the subject, it contains
`[present|past]`, or `[present|past|unknown]` with words that are right whether the subject lives or not.
"""

import functools
import re
from typing import NamedTuple

from pipeline.language.names import Name
from pipeline.language.relations import Tense

_PHRASES = ("the ", "a ", "an ", "one of ")  # what no name begins with
_TENSE = re.compile(r"\[([^\[\]]*)\]")
_ANY_NAME = "\0"
_PLACES: dict[Tense, int] = {"present": 0, "past": 1, "unknown": 2}
_PLURAL = re.compile(r"[tT]he .*[^isu]s")
_SUBJECT = re.compile(r"\{subject('s)?\}")


class _Tensed(NamedTuple):
    """A template in one tense: the words before, between and after its subjects."""

    words: tuple[str, ...]
    are_possessive: tuple[bool, ...]
    starts_with_subject: bool


def possessive(text: str) -> str:
    """The possessive of a name; with its article, one that ends in a single "s" is taken for a plural.

    >>> possessive("Tom Hanks"), possessive("the Netherlands"), possessive("The Beatles"), possessive("the Congress")
    ("Tom Hanks's", "the Netherlands'", "The Beatles'", "the Congress's")
    """
    return f"{text}'" if _PLURAL.fullmatch(text) else f"{text}'s"


def can_fill(template: str, subject: Name) -> bool:
    """Whether a template suits a name: noun phrases take no possessive."""
    return not (subject.is_phrase and "{subject's}" in template)


def fill(template: str, subject: Name, tense: Tense = "present") -> str:
    """A sentence from a template.

    The first letter is raised unless the sentence starts with a name, which keeps its own spelling. A mark without
    words for an unknown tense takes the present.

    >>> fill("The capital of {subject} [is|was]", Name("the Ottoman Empire"), "past")
    'The capital of the Ottoman Empire was'
    >>> fill("{subject} [has|had] its capital in", Name("the Netherlands"))
    'The Netherlands has its capital in'
    >>> fill("{subject's} founder is", Name("eBay"))
    "eBay's founder is"
    >>> fill("{subject} was founded in", Name("an employer of Plato", is_phrase=True))
    'An employer of Plato was founded in'
    >>> fill("What [has|did|is] {subject} [worked|work|known to have worked] as?", Name("Plato"), "unknown")
    'What is Plato known to have worked as?'
    """
    tensed, name = _tensed(template, tense), subject.text
    text = tensed.words[0]
    for is_possessive, words in zip(tensed.are_possessive, tensed.words[1:], strict=True):
        text += (possessive(name) if is_possessive else name) + words
    if text.endswith("??"):  # "Who wrote Who Goes There??"
        text = text[:-1]
    starts_with_name = tensed.starts_with_subject and not name.startswith(_PHRASES)
    return text if starts_with_name else text[:1].upper() + text[1:]


@functools.cache  # templates are few, and filled a million times
def _tensed(template: str, tense: Tense) -> _Tensed:
    parts = _SUBJECT.split(_TENSE.sub(lambda mark: in_tense(mark.group(1), tense), template))
    return _Tensed(tuple(parts[::2]), tuple(map(bool, parts[1::2])), len(parts) > 1 and not parts[0])


def could_read(template: str, sentence: str, tense: Tense) -> bool:
    """Whether a template can have given a sentence in some tense, whatever its subject.

    >>> [could_read("The capital of {subject} [is|was]", "The capital of Prussia was", t) for t in ("past", "present")]
    [True, False]
    """
    return _reading(template, tense).fullmatch(sentence) is not None


@functools.cache
def _reading(template: str, tense: Tense) -> re.Pattern[str]:
    return re.compile(re.escape(fill(template, Name(_ANY_NAME), tense)).replace(re.escape(_ANY_NAME), ".+"))


def in_tense(words: str, tense: Tense) -> str:
    """The words of a tense mark that serve a tense.

    >>> in_tense("has|had", "past"), in_tense("is|was|is on record as", "unknown"), in_tense("has|had", "unknown")
    ('had', 'is on record as', 'has')
    """
    parts = words.split("|")
    place = _PLACES[tense]
    return parts[place] if place < len(parts) else parts[0]
