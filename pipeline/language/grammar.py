"""Sentences from templates: articles, possessives and tense.

A template holds `{subject}` or `{subject's}` once, and `[present|past]` where the tense of the subject matters.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.language.templates import NameRule

_MARKS_OF_NOTES = (*"()[]{}|;<>=_", "''", "  ", " :")
_REPEATED = re.compile(r"\b(\w.{2,}) \1\b")
_TENSE = re.compile(r"\[([^\[\]|]*)\|([^\[\]|]*)\]")
_MARK_TOO_MANY = re.compile(r"(?<=\?)\?$")  # "Who wrote Who Goes There??"
_OWNER = re.compile(r"[^,:]*\w\.?(?<!['’][sS])")  # what takes a possessive
_BRACKETS = re.compile(r" \([^()]*\)$")  # "Republic of China (1912–1949)"
_PLURAL = re.compile(r"[tT]he .*[^isu]s")
_LONGEST_OWNER = 5  # words
LONGEST_DESCRIPTION = 80  # characters: as long as a label may be
_SUBJECT = re.compile(r"\{subject('s)?\}")


@dataclass(frozen=True)
class Name:
    """A name in running text: what is printed, and what may not be done to it.

    Attributes:
        text: The name with its article, as in mid-sentence: "the Netherlands".
        is_phrase: It is a noun phrase ("the mother of Ada Lovelace"), carries a description, is long, has a comma
            or a colon, or ends with a mark, a possessive, or an "s" that may be a plural ("Yahoo!", "Macy's",
            "Friends"); its own possessive would be ambiguous or ugly.
    """

    text: str
    is_phrase: bool = False


def name(label: str, types: Iterable[str], rules: Iterable[NameRule], description: str | None = None) -> Name:
    """The name of an item in running text, told from its namesakes by a description if one is given."""
    types = frozenset(types)
    text = f"the {label}" if takes_the(label, types, rules) else label
    description = plain(description) if description else None
    is_owner = bool(_OWNER.fullmatch(label)) and len(label.split()) <= _LONGEST_OWNER
    if label.endswith("s") and not text.lower().startswith("the ") and "person" not in types:
        is_owner = False  # "Friends's" grates; "Tom Hanks's" does not
    return Name(f"{text} ({description})", is_phrase=True) if description else Name(text, is_phrase=not is_owner)


def plain(description: str) -> str | None:
    """A description short and plain enough to stand in brackets; None if it is long or names an id.

    >>> plain("county in  Nevada, United States (1861–1869)"), plain("ceremonial county (use Q42)"), plain("see Q42")
    ('county in Nevada, United States', 'ceremonial county', None)
    """
    text = " ".join(re.sub(r" *\([^()]*\)", "", description).split())
    return text if 0 < len(text) <= LONGEST_DESCRIPTION and not re.search(r"\b[QPL][0-9]", text) else None


def is_name(alias: str, label: str, *, is_person: bool = False) -> bool:
    """Whether an alias is a name that English text may use beside a label: no code, no note, no other script.

    >>> [alias for alias in ("Kanada", "can", "CA", "(ca)", "加拿大", "Canada (1867)") if is_name(alias, "Canada")]
    ['Kanada', 'CA']
    """
    letters, digits = (sum(map(kind, alias)) for kind in (str.isalpha, str.isdigit))
    faults = (
        any(mark in alias and mark not in label for mark in _MARKS_OF_NOTES),
        not letters,
        digits > letters and not any(map(str.isdigit, label)),  # "00013482508 IPI"
        alias.islower() and label[:1].isupper(),  # "can"
        _has_other_script(alias) and not _has_other_script(label),
        any(unicodedata.category(letter) == "Cf" for letter in alias),  # a mark that turns the direction of writing
        bool(_REPEATED.search(alias)) and not _REPEATED.search(label),  # "Edward VIII Edward VIII of ..."
        "," in alias and "," not in label and (is_person or _is_turned(alias, label)),  # "Einstein, Albert"
    )
    return not any(faults)


def _is_turned(alias: str, label: str) -> bool:
    return sorted(re.findall(r"\w+", alias.casefold())) == sorted(re.findall(r"\w+", label.casefold()))


def _has_other_script(text: str) -> bool:
    letters = (unicodedata.name(letter, "") for letter in text if letter.isalpha())
    return not all(name.startswith(("LATIN", "MODIFIER")) for name in letters)


def takes_the(label: str, types: Iterable[str], rules: Iterable[NameRule]) -> bool:
    """Whether a name takes the definite article: "the Netherlands", but "France" and "The Hague"."""
    if label.lower().startswith("the "):
        return False
    label = _BRACKETS.sub("", label)
    of = set(types)
    fitting = (rule for rule in rules if not of.isdisjoint(rule.types) and of.isdisjoint(rule.but))
    return any(_rule_speaks(rule, label) for rule in fitting)


def _rule_speaks(rule: NameRule, label: str) -> bool:
    return (
        label in rule.names
        or any(label == words or label.startswith(f"{words} ") for words in rule.first)
        or any(_ends_with(words, label) for words in rule.last)
        or any(_is_headed_by(word, label) for word in rule.heads)
        or bool(rule.pattern and re.fullmatch(rule.pattern, label))
    )


def _ends_with(words: str, label: str) -> bool:
    """Whether a label ends with these words, but not with them after a comma as in "Hawaii, United States"."""
    is_alone = "," not in label or " and " in label.rpartition(",")[2]
    return label == words or (label.endswith(f" {words}") and is_alone)


def _is_headed_by(word: str, label: str) -> bool:
    """Whether a word stands before "of" or "for", but not after a comma as in "City, University of London"."""
    links = (f" {word} of ", f" {word} for ")
    return any(link in f" {label}" and f",{link}" not in label for link in links)


def possessive(text: str) -> str:
    """The possessive of a name; with its article, one that ends in a single "s" is taken for a plural.

    >>> possessive("Tom Hanks"), possessive("the Netherlands"), possessive("The Beatles"), possessive("the Congress")
    ("Tom Hanks's", "the Netherlands'", "The Beatles'", "the Congress's")
    """
    return f"{text}'" if _PLURAL.fullmatch(text) else f"{text}'s"


def can_fill(template: str, subject: Name) -> bool:
    """Whether a template suits a name: noun phrases take no possessive."""
    return not (subject.is_phrase and "{subject's}" in template)


def fill(template: str, subject: Name, *, past: bool = False) -> str:
    """A sentence from a template.

    The first letter is raised unless the sentence starts with a name, which keeps its own spelling.

    >>> fill("The capital of {subject} [is|was]", Name("the Ottoman Empire"), past=True)
    'The capital of the Ottoman Empire was'
    >>> fill("{subject} [has|had] its capital in", Name("the Netherlands"))
    'The Netherlands has its capital in'
    >>> fill("{subject's} founder is", Name("eBay"))
    "eBay's founder is"
    """
    tensed = _TENSE.sub(lambda mark: mark.group(2 if past else 1), template)
    text = _SUBJECT.sub(lambda mark: possessive(subject.text) if mark.group(1) else subject.text, tensed)
    text = _MARK_TOO_MANY.sub("", text)
    starts_with_name = _SUBJECT.match(tensed) and not subject.text.startswith(("the ", "one of "))
    return text if starts_with_name else text[:1].upper() + text[1:]
