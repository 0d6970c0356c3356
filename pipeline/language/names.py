"""What an item is called in running text: its article, a description where it has namesakes, and fit aliases."""

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pipeline.language.template_parts import NameRule

LONGEST_DESCRIPTION = 80  # characters: as long as a label may be

_MARKS_OF_NOTES = (*"()[]{}|;<>=_/、`", "''", "  ", " :", "--")
_REPEATED = re.compile(r"\b(\w.{2,}) \1\b")
_OWNER = re.compile(r"[^,:]*\w\.?(?<!['’][sS])")  # what takes a possessive
_BRACKETS = re.compile(r" \([^()]*\)$")  # "Republic of China (1912–1949)"
_LONGEST_OWNER = 5  # words
_MAX_ALIAS_CHARACTERS = 60
_MAX_CODE_CHARACTERS = 4  # "ITA" and "G. B." name countries in tables, not in sentences
_TITLE_FIRST = re.compile(
    r"(King|Queen|Emperor|Empress|Prince|Princess|Rey|Roi) (of|de) \S+ \w"
)  # "King of Spain Carlos II"
_UNCLEAN = re.compile(
    r"[°º“”\"*#/|_]|\b(?:between|from) [0-9]{3,4} ?[–—-]"  # "between 1868–1947"
    r"|[a-z)]\. ?[A-Z]|[,;:.]{2}|[a-z][,;][a-z]| [,;:.]"  # a second sentence, or marks out of place
    r"|\([^()]*$|^[^()]*\)"  # an open bracket
)
_ORDINAL = r"(?<!1)[123]th\b|1[123](?:st|nd|rd)\b|[04-9](?:st|nd|rd)\b|[0-9] (?:st|nd|rd|th)\b"  # "31th president"
_UNSOUND = re.compile(
    rf"{_ORDINAL}|[0-9][°º]|&#?\w+;"
    r"|\b(?P<word>an?|and|by|in|is|of|the) (?P=word)\b"  # "state in in Italy"
    r"|^\([^()]*\)$"  # "(1998 Film)"
)
_YEARS = re.compile(r"\b([0-9]{3,4}) ?[–—-] ?([0-9]{3,4})\b(?! ?(?:BC|B\.C\.))")
_INNER_THE = re.compile(
    r"(?<!^)(?<!\bof )(?<!\bfor )(?<!\bin )(?<!\band )\bThe "
)  # "Parsons The New School for Design"
_PLACES = frozenset({"country", "territory", "settlement"})
_ABBREVIATED = re.compile(r"\b(?!(?:St|Ste|Mt|Ft)\.)[A-Z][a-z]+\.")  # "Ark.", "Fed. Sts. of Micronesia"


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


def name_in_text(
    label: str, types: Iterable[str], rules: Iterable[NameRule], *, description: str | None = None
) -> Name:
    """The name of an item in running text.

    Args:
        label: Its label, or an alias to use instead.
        types: Its types; they decide about the article.
        rules: Which names take "the".
        description: What distinguishes it from its namesakes, if it has any.
    """
    types = frozenset(types)
    text = f"the {label}" if takes_the(label, types, rules) else label
    description = plain_description(description) if description else None
    is_owner = bool(_OWNER.fullmatch(label)) and len(label.split()) <= _LONGEST_OWNER
    if label.endswith("s") and " of the " in label:
        is_owner = False  # "Beatrix of the Netherlands's"
    if label.endswith("s") and not text.lower().startswith("the ") and "person" not in types:
        is_owner = False  # "Friends's" grates; "Tom Hanks's" does not
    if description:
        return Name(f"{text} ({description})", is_phrase=True)
    return Name(text, is_phrase=not is_owner)


def plain_description(description: str) -> str | None:
    """A description short and plain enough for brackets; None if it is long or contains an id.

    >>> plain_description("county in  Nevada, United States (1861–1869)"), plain_description("see Q42")
    ('county in Nevada, United States', None)
    """
    text = " ".join(re.sub(r" *\([^()]*\)", "", description).split()).rstrip(".;, ")
    return text if 0 < len(text) <= LONGEST_DESCRIPTION and not re.search(r"\b[QPL][0-9]", text) else None


def is_clean_description(description: str) -> bool:
    """Whether a description can be quoted as English: ordinals, spans of years and sentences are well formed.

    >>> texts = "35th president", "31th president", "9° President", "monarchy between 1868–1947", "actor. Nice guy"
    >>> [text for text in texts if is_clean_description(text)]
    ['35th president']
    """
    return is_sound_description(description) and not _UNCLEAN.search(description)


def is_sound_description(description: str) -> bool:
    """Whether a description can be shown at all: it has no wrong ordinal and no death before the birth.

    >>> texts = "35th president", "31th president", "composer (1988-1971)", "king (356–323 BC)", "(1998 Film)"
    >>> [text for text in texts if is_sound_description(text)]
    ['35th president', 'king (356–323 BC)']
    """
    is_reversed = any(int(first) > int(last) for first, last in _YEARS.findall(description))
    return not is_reversed and not _UNSOUND.search(description)


def is_english_name(alias: str, label: str, *, is_person: bool = False) -> bool:
    """Whether English text may use an alias beside a label: it is not a code, a note or in another script.

    >>> aliases = "Kanada", "can", "CA", "(ca)", "加拿大", "Canada (1867)"
    >>> [alias for alias in aliases if is_english_name(alias, "Canada")]
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
        "," in alias and "," not in label and (is_person or _is_inverted(alias, label)),  # "Einstein, Albert"
    )
    return not any(faults)


def _is_inverted(alias: str, label: str) -> bool:
    return sorted(re.findall(r"\w+", alias.casefold())) == sorted(re.findall(r"\w+", label.casefold()))


def _has_other_script(text: str) -> bool:
    letters = (unicodedata.name(letter, "") for letter in text if letter.isalpha())
    return not all(name.startswith(("LATIN", "MODIFIER")) for name in letters)


def can_replace_label(alias: str, label: str, types: Collection[str]) -> bool:
    """Whether a sentence can use an alias instead of a label: no code, and no title without its article."""
    is_code = alias.isupper() and len(re.sub("[ .-]", "", alias)) <= _MAX_CODE_CHARACTERS
    is_short_form = not _PLACES.isdisjoint(types) and bool(_ABBREVIATED.search(alias))
    is_title = "person" in types and (
        (" of " in alias and " of " not in label)  # "Duke of Windsor"
        or bool(_TITLE_FIRST.match(alias))
    )
    is_part = alias[0].islower() and label[0].isupper() and not alias.startswith("the ")  # "of Arabia Lawrence"
    is_surname = "person" in types and len(alias.split()) < 2 <= len(label.split())  # "Where was Jackson born?"
    fits = 2 < len(alias) <= _MAX_ALIAS_CHARACTERS and alias.casefold() != label.casefold()
    return fits and not (is_code or is_short_form or is_title or is_part or is_surname)


def takes_the(label: str, types: Iterable[str], rules: Iterable[NameRule]) -> bool:
    """Whether a name takes the definite article: "the Netherlands", but "France" and "The Hague"."""
    if label.lower().startswith("the "):
        return False
    label = _BRACKETS.sub("", label)
    if _INNER_THE.search(label):
        return False
    of = set(types)
    fitting = (rule for rule in rules if not of.isdisjoint(rule.types) and of.isdisjoint(rule.but))
    return any(_rule_applies(rule, label) for rule in fitting)


def _rule_applies(rule: NameRule, label: str) -> bool:
    # One look at all words of a rule first: few labels start or end with any of them, or contain "of" or "for".
    return (
        label in rule.names
        or (
            label.startswith(rule.first)
            and any(label == words or label.startswith(f"{words} ") for words in rule.first)
        )
        or (label.endswith(rule.last) and any(_ends_with(words, label) for words in rule.last))
        or ((" of " in label or " for " in label) and any(_has_head_noun(word, label) for word in rule.heads))
        or bool(rule.pattern and re.fullmatch(rule.pattern, label))
    )


def _ends_with(words: str, label: str) -> bool:
    """Whether a label ends with these words, but not with them after a comma as in "Hawaii, United States"."""
    is_alone = "," not in label or " and " in label.rpartition(",")[2]
    return label == words or (label.endswith(f" {words}") and is_alone)


def _has_head_noun(word: str, label: str) -> bool:
    """Whether a word comes before "of" or "for", but not after a comma as in "City, University of London"."""
    links = (f" {word} of ", f" {word} for ")
    return any(link in f" {label}" and f",{link}" not in label for link in links)
