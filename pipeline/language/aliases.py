"""Aliases: which other names of an item a reader accepts as an answer, by the rules of `templates/aliases.yaml`.

Precision comes first: a good alias that is left out costs little, a wrong one makes a wrong answer right. So an alias
must show by its words that it names the same thing, or a statement of the item must call it so.
"""

import functools
import itertools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from pipeline.language.name_form import LONGEST_CODE, is_code_form, is_name
from pipeline.language.names import is_english_name
from pipeline.language.templates import AliasRules

_TOKEN = re.compile(r"[^\W_]+(?:'s\b)?")
_DOTTED = re.compile(r"\b(\w)\.(?=\s?\w\b|\W|$)")  # "U.S.A." and "U. S. A." as well as "F.C."
_SHORTEST_STEM = 4  # letters; shorter beginnings are shared by chance
_STEM_SHARE = 0.7  # of the shorter word: "Italia" and "Italy", but not "France" and "French"
_SHORTEST_LIKENESS = 5
_MUTUAL_STEM_SHARE = 0.55  # of the longer word: "Buda" is not all of "Budapest"
_SAME_KIND = 0.85  # "theatre" and "theater", but not "physics" and "physical"
_ENDINGS = ("s", "es", "ess")  # no other name, but several or a female one
_ARTICLE = re.compile("^(the|an?) ")
_KIN = frozenset({"jr", "junior", "sr", "senior"})
_NUMERAL = re.compile("[ivx]+")
_SENTENCE_BREAK = re.compile(r"[a-z]{3,}\. \w")  # "David Arquette. Nice", but not "St. Louis" or "Samuel L. Jackson"
_FEW_EDITS = 2  # letters that a misspelling gets wrong: "Conneticut", "Shackspeare"


@dataclass(frozen=True)
class Named:
    """What an alias is held against.

    Attributes:
        label: The label of the item.
        is_person: It is a person or a character.
        stated: Names that statements of the item give it.
        shared: Names, in lower case, that another item has which is as well known or of the same kind.
    """

    label: str
    is_person: bool
    stated: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Naming:
    """Which names are answers: the rules for aliases, and how many characters a name has."""

    rules: AliasRules
    shortest: int
    longest: int


def alias_fault(alias: str, item: Named, naming: Naming) -> str | None:
    """Why an alias is no answer, a reason of `reasons.ALIASES`; None if a reader accepts it.

    Args:
        alias: The alias, in plain text.
        item: Whose it is.
        naming: The rules.
    """
    rules = naming.rules
    if not is_name(alias, 1, naming.longest):
        return "no_name"
    if is_code_form(alias):  # whatever else it is: a check of the release refuses it
        return "code" if _folded(alias).isascii() else "foreign_or_note"
    if _is_code(alias, item, rules):
        return "code"
    if len(alias) < naming.shortest:
        return "no_name"
    if not is_english_name(alias, item.label, is_person=item.is_person) or _is_in_small_letters(alias, item.label):
        return "foreign_or_note"
    if _SENTENCE_BREAK.search(alias):
        return "foreign_or_note"
    if alias.lower() in item.shared:
        return "shared"
    if alias in item.stated:
        return None
    is_proper = not item.label[:1].islower()  # common nouns have several spellings: "theatre" and "theater"
    if is_proper and any(_is_misspelt(alias, name) for name in (item.label, *sorted(item.stated))):
        return "misspelling"
    return None if names_the_same(alias, item, rules) else "other_words"


def _is_misspelt(alias: str, name: str) -> bool:
    """Whether an alias is a name with a few letters wrong, or with its words in another order.

    Accents, capitals, spaces and marks are no letters: "Môntréal" and "Mont Real" are spelt like "Montreal".
    """
    given, own = (re.findall(r"[^\W_]+", _folded(text)) for text in (alias, name))
    if "".join(given) == "".join(own):
        return False
    if sorted(given) == sorted(own):
        return True
    if len(given) != len(own):
        return False
    wrong = [(one, other) for one, other in zip(given, own, strict=True) if one != other]
    return all(min(len(one), len(other)) >= _SHORTEST_STEM and _edits(one, other) <= _FEW_EDITS for one, other in wrong)


def _edits(one: str, other: str) -> int:
    """How many letters must be put in, left out or changed to make one word of another (Levenshtein 1966)."""
    row = [*range(len(other) + 1)]
    for count, letter in enumerate(one, 1):
        before, row[0] = row[0], count
        for place, mine in enumerate(other, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (letter != mine))
    return row[-1]


def _is_code(alias: str, item: Named, rules: AliasRules) -> bool:
    """Whether an alias is a code or an unexplained acronym: "DE", "m", "en-GB", "CUI"."""
    given = _TOKEN.findall(_DOTTED.sub(r"\1", alias))
    written = "".join([word for word in given if word.casefold() not in rules.minor] or given)
    if not written.isascii() or written.isdecimal() or "'" in alias:
        return False
    if len(written) <= LONGEST_CODE:
        return is_code_form(written)
    own = set(_words(item.label, rules))
    if re.search(r"[-_/]", alias) and all(len(word) <= LONGEST_CODE for word in given):
        return own.isdisjoint(_words(alias, rules))
    is_acronym = len(given) == 1 and written.isupper() and len(written) <= rules.longest_acronym
    return is_acronym and alias.casefold() != item.label.casefold() and not _are_initials(written.lower(), item, rules)


def _are_initials(letters: str, item: Named, rules: AliasRules) -> bool:
    """Whether letters are the initials of the label or of a stated name: "UCLA", "USSR"."""
    for name in (item.label, *sorted(item.stated)):
        words = re.findall(r"[^\W_]+", _folded(name))
        main = [word for word in words if word not in rules.minor]
        if letters in {"".join(word[0] for word in some) for some in (words, main) if len(some) > 1}:
            return True
    return False


def _is_in_small_letters(alias: str, label: str) -> bool:
    """Whether a name begins with a small letter that a reader expects to be a capital: "of Arabia Lawrence"."""
    return alias[:1].islower() and label[:1].isupper() and not alias.startswith("the ")


def names_the_same(alias: str, item: Named, rules: AliasRules) -> bool:
    """Whether the words of an alias show that it names the same thing as a label."""
    if item.is_person:
        return _names_person(alias, item.label, rules)
    head = alias if "," in item.label else alias.partition(",")[0]  # "Perth, Western Australia"
    given, own = _words(head, rules), _words(item.label, rules)
    if not given or not own or _lacks_its_article(alias, item.label):
        return False
    if item.label[:1].islower():
        return _names_kind(alias, given, own, item.label, rules)
    return (
        _names_thing(given, own, rules)
        or _is_spelt_alike(given, own, rules)
        or _are_initials("".join(given), item, rules)
    )


def _lacks_its_article(alias: str, label: str) -> bool:
    """Whether an alias is a label without its article: "The Queen" is a film, "Queen" is a band."""
    bare = _ARTICLE.sub("", label.casefold())
    return bare == alias.casefold() != label.casefold()


def _names_person(alias: str, label: str, rules: AliasRules) -> bool:
    """An alias of a person has a word of the name, the last one if it is a single word, and says which of the kin."""
    bare, _, house = label.partition(" of ")  # of "Catherine of Aragon", "Aragon" is no name
    given, own = _words(alias.partition(" of ")[0], rules), _words(bare, rules)
    if not given or not own or _foreign_to(given, own, rules) & rules.distinguishing - _KIN:
        return False
    if (set(own) & _KIN or _NUMERAL.fullmatch(own[-1])) and own[-1] not in given:
        return False  # "Joseph P. Kennedy" is the father of "Joseph P. Kennedy Jr."
    if len(given) == 1:
        return not house and _is_akin(given[0], own[-1], rules)
    long_words = [word for word in own if len(word) > 2 and word not in rules.minor and not _NUMERAL.fullmatch(word)]
    return any(_is_akin(word, mine, rules) for word in given for mine in long_words)


def _names_kind(alias: str, given: Sequence[str], own: Sequence[str], label: str, rules: AliasRules) -> bool:
    """An alias of a common noun is another spelling of it; a word more or less makes a wider or a narrower term."""
    if any(alias.casefold() == label.casefold() + ending for ending in _ENDINGS):
        return False
    idle = rules.kind_fillers | rules.minor
    core, mine = ([word for word in words if word not in idle] for words in (given, own))
    if not core or not mine:
        return False
    if len(core) == len(mine) > 1:
        return all(_is_akin(word, other, rules) for word, other in zip(core, mine, strict=True))
    one, other = "".join(core), "".join(mine)
    return one == other or (min(len(one), len(other)) > _SHORTEST_STEM and _alike(one, other) > _SAME_KIND)


def _names_thing(given: Sequence[str], own: Sequence[str], rules: AliasRules) -> bool:
    """An alias of a proper name has its words; what it adds or leaves out does not make another thing of it."""
    if (_foreign_to(given, own, rules) | _foreign_to(own, given, rules)) & rules.distinguishing:
        return False
    idle = rules.fillers | rules.minor
    core = [word for word in own if word not in idle] or [word for word in own if word not in rules.minor]
    return bool(core) and all(any(_is_akin(word, other, rules) for other in given) for word in core)


def _foreign_to(words: Sequence[str], others: Sequence[str], rules: AliasRules) -> set[str]:
    """The words that have no counterpart among others."""
    return {word for word in words if not any(_is_akin(word, other, rules) for other in others)}


@functools.lru_cache(1 << 16)
def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, *sorted((one, other)), autojunk=False).ratio()


def _is_akin(one: str, other: str, rules: AliasRules) -> bool:
    """Whether two words are forms of one: equal, with a common stem, or spelt alike."""
    if one == other:
        return True
    shorter = min(len(one), len(other))
    if shorter < _SHORTEST_STEM or one[0] != other[0]:
        return False
    common = len([*itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))])
    if common >= max(_SHORTEST_STEM, _STEM_SHARE * shorter, _MUTUAL_STEM_SHARE * max(len(one), len(other))):
        return True
    return shorter >= _SHORTEST_LIKENESS and _alike(one, other) >= rules.similar


def _is_spelt_alike(given: Sequence[str], own: Sequence[str], rules: AliasRules) -> bool:
    """Whether two names have nearly the same letters; one that is part of the other is another name."""
    one, other = "".join(given), "".join(own)
    if one in other or other in one:
        return one == other
    return min(len(one), len(other)) > _SHORTEST_STEM and _alike(one, other) >= rules.similar


def _folded(text: str) -> str:
    """A text without case and accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def _words(text: str, rules: AliasRules) -> list[str]:
    """The words of a text, without case, accents and the dots of abbreviations, with one word for synonyms."""
    undotted = _DOTTED.sub(r"\1", _folded(text).replace("’", "'"))
    words = (rules.synonyms.get(word, word) for word in _TOKEN.findall(undotted))
    return [part for word in words for part in word.split()]
