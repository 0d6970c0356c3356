"""Aliases: which other names of an item a reader accepts as an answer, by the rules of `templates/aliases.yaml`.

Precision comes first: a good alias that is left out costs little, a wrong one makes a wrong answer right. So the rules
list the shapes of good aliases, by the kind of item, and refuse the rest. Words that an alias shares with the label are
spelt alike, whatever their accents; which words may come and go is data. `person_names.py` has the rules for people.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.language.name_form import LONGEST_CODE, is_code_form, is_name
from pipeline.language.names import is_english_name
from pipeline.language.person_names import names_person
from pipeline.language.template_parts import AliasRules
from pipeline.language.words_of_names import abbreviated, edits, folded, has_small_words, words_of

_TOKEN = re.compile(r"[^\W_]+(?:'s\b)?")
_DOTTED = re.compile(r"\b(\w)\.(?=\s?\w\b|\W|$)")  # "U.S.A." and "U. S. A." as well as "F.C."
_SHORTEST_STEM = 4  # letters; shorter beginnings are shared by chance
_ENDINGS = ("s", "es", "ess")  # no other name, but several or a female one
_ARTICLE = re.compile("^(the|an?) ")
_SENTENCE_BREAK = re.compile(r"[a-z]{3,}\. \w")  # "David Arquette. Nice", but not "St. Louis" or "Samuel L. Jackson"
_IDLE = frozenset({"a", "an", "and", "at", "for", "in", "of", "on", "the", "to"})  # "Les Misérables" keeps its "Les"
_LONGEST_INITIALS_OF_A_PLACE = 4  # letters: "USSR", but not "UKGBI"
_FEW_EDITS = 2  # letters that a misspelling gets wrong: "Conneticut", "Shackspeare"

Kind = Literal["person", "place", "work", "thing"]


@dataclass(frozen=True)
class Named:
    """What an alias is held against.

    Attributes:
        label: The label of the item.
        kind: What rules its aliases follow.
        stated: Names that statements of the item give it.
        pen_names: Those of them by which a person is known, such as a stage name.
        shared: Names, in lower case, that another item has which is as well known or of the same kind.
    """

    label: str
    kind: Kind
    stated: frozenset[str] = frozenset()
    pen_names: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Naming:
    """Which names are answers: the rules for aliases, and how many characters a name has."""

    rules: AliasRules
    shortest: int
    longest: int


def kind_of(types: Sequence[str], rules: AliasRules) -> Kind:
    """Which rules the aliases of an item follow, by its types."""
    if not {*rules.people}.isdisjoint(types):
        return "person"
    if not {*rules.places}.isdisjoint(types):
        return "place"
    return "thing" if {*rules.works}.isdisjoint(types) else "work"


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
        return "code" if folded(alias).isascii() else "foreign_or_note"
    if _is_code(alias, item, rules):
        return "code"
    if len(alias) < naming.shortest:
        return "no_name"
    if not is_english_name(alias, item.label, is_person=item.kind == "person") or _is_note(alias, item, rules):
        return "foreign_or_note"
    if alias.lower() in item.shared:
        return "shared"
    is_proper = not item.label[:1].islower()  # common nouns have several spellings: "theatre" and "theater"
    if is_proper and any(_is_misspelt(alias, name) for name in (item.label, *sorted(item.stated))):
        return "misspelling"
    return None if names_the_same(alias, item, rules) else "other_words"


def _is_note(alias: str, item: Named, rules: AliasRules) -> bool:
    """Whether an alias is a note, cut short, or written with small letters where a name has capitals."""
    label = item.label
    is_cut = abbreviated(alias, rules.abbreviations) and not abbreviated(label, rules.abbreviations)
    own = set(re.findall(r"[a-z]+", label.lower()))
    is_foreign = any(not word.isascii() and folded(word) in own for word in _TOKEN.findall(alias))  # "Budapešť"
    has_quotes = any(mark in alias and mark not in label for mark in '"“”«»‘?!')
    is_small = label[:1].isupper() and has_small_words(alias, label, rules.minor | rules.kind_fillers)
    return is_cut or is_foreign or has_quotes or is_small or bool(_SENTENCE_BREAK.search(alias))


def _is_misspelt(alias: str, name: str) -> bool:
    """Whether an alias is a name with a few letters wrong, or with its words in another order.

    Accents, capitals, spaces and marks are no letters: "Môntréal" and "Mont Real" are spelt like "Montreal".
    """
    given, own = (re.findall(r"[^\W_]+", folded(text)) for text in (alias, name))
    if "".join(given) == "".join(own):
        return False
    if sorted(given) == sorted(own):
        return True
    if len(given) != len(own):
        return False
    wrong = [(one, other) for one, other in zip(given, own, strict=True) if one != other]
    return all(min(len(one), len(other)) >= _SHORTEST_STEM and edits(one, other) <= _FEW_EDITS for one, other in wrong)


def _is_code(alias: str, item: Named, rules: AliasRules) -> bool:
    """Whether an alias is a code or an unexplained acronym: "DE", "m", "en-GB", "CUI"."""
    given = _TOKEN.findall(_DOTTED.sub(r"\1", alias))
    written = "".join([word for word in given if word.casefold() not in rules.minor] or given)
    if not written.isascii() or written.isdecimal() or "'" in alias:
        return False
    if len(written) <= LONGEST_CODE:
        return is_code_form(written)
    own = set(words_of(item.label, rules.synonyms))
    if re.search(r"[-_/]", alias) and all(len(word) <= LONGEST_CODE for word in given):
        return own.isdisjoint(words_of(alias, rules.synonyms))
    is_acronym = len(given) == 1 and written.isupper() and len(written) <= rules.longest_acronym
    return is_acronym and alias.casefold() != item.label.casefold() and not _are_initials(written.lower(), item, rules)


def _are_initials(letters: str, item: Named, rules: AliasRules) -> bool:
    """Whether letters are the initials of the label or of a stated name: "UCLA", "USSR"."""
    if item.kind == "person" or (item.kind == "place" and len(letters) > _LONGEST_INITIALS_OF_A_PLACE):
        return False
    for name in (item.label, *sorted(item.stated)):
        words = re.findall(r"[^\W_]+", folded(name))
        main = [word for word in words if word not in rules.minor]
        if letters in {"".join(word[0] for word in some) for some in (words, main) if len(some) > 1}:
            return True
    return False


def names_the_same(alias: str, item: Named, rules: AliasRules) -> bool:
    """Whether the words of an alias show that it names the same thing as a label."""
    if item.kind == "person":
        return alias in item.pen_names or names_person(alias, item.label, item.stated, rules)
    if _lacks_its_article(alias, item.label):
        return False
    if item.label[:1].islower():
        return _names_kind(alias, item.label, rules)
    given, own = words_of(alias, rules.synonyms), words_of(item.label, rules.synonyms)
    if _are_one(given, own, alias, item.label):
        return True
    if item.kind == "work":
        return False
    if item.kind == "place":
        return _names_place(alias, item, rules)
    is_short = len(given) == 1 and alias.isupper() and _are_initials("".join(given), item, rules)
    return is_short or _names_thing(given, own, rules)


def _lacks_its_article(alias: str, label: str) -> bool:
    """Whether an alias is a label without its article: "The Queen" is a film, "Queen" is a band."""
    bare = _ARTICLE.sub("", label.casefold())
    return bare == alias.casefold() != label.casefold()


def _main(words: Sequence[str], rules: AliasRules) -> list[str]:
    return [word for word in words if word not in rules.minor]


def _are_one(given: Sequence[str], own: Sequence[str], alias: str, label: str) -> bool:
    """Whether two names have the same words; "of" allows another order: "Cambridge University"."""
    core, mine = ([word for word in words if word not in _IDLE] for words in (given, own))
    if not core or "," in alias.replace(",", "", label.count(",")):
        return False
    return core == mine or (sorted(core) == sorted(mine) and (" of " in alias) != (" of " in label))


def _names_place(alias: str, item: Named, rules: AliasRules) -> bool:
    """An alias of a place adds where it lies, or what it is: "Camden, NJ", "City of Chicago", "Italian Republic"."""
    label = item.label
    head, comma, where = alias.partition(", ")
    if comma and "," not in label:
        return not where.isupper() and words_of(head, rules.synonyms) == words_of(label, rules.synonyms)
    given, own = words_of(alias, rules.synonyms), words_of(label, rules.synonyms)
    if len(given) == 1 and alias.replace(".", "").isupper() and _are_initials(given[0], item, rules):
        return True
    if _without_state(alias, rules) == own or _without_state(label, rules) == given:
        return True
    is_akin = given[0][:_SHORTEST_STEM] == own[0][:_SHORTEST_STEM] and len(own[0]) >= _SHORTEST_STEM
    is_state = len(given) > 1 and given[-1] in rules.state_forms and {*given[1:]} <= rules.state_words
    return is_state and ((is_akin and len(own) == 1) or alias in item.stated)


def _without_state(name: str, rules: AliasRules) -> list[str] | None:
    """The words after "Federal Republic of"; None if a name does not begin with such words.

    "Democratic Republic of" is none: there are two Congos.
    """
    first, of, rest = name.partition(" of ")
    words = words_of(first, rules.synonyms)
    if not of or not {*_main(words, rules)} <= rules.state_words or "democratic" in words:
        return None
    return words_of(_ARTICLE.sub("", rest), rules.synonyms)


def _names_kind(alias: str, label: str, rules: AliasRules) -> bool:
    """An alias of a common noun is another spelling of it; a word more or less makes a wider or a narrower term."""
    if any(alias.casefold() == label.casefold() + ending for ending in _ENDINGS):
        return False
    idle = rules.kind_fillers | rules.minor
    core, mine = ([w for w in words_of(name, rules.synonyms) if w not in idle] for name in (alias, label))
    if not core or len(core) < len(mine):  # "singersongwriter"
        return False
    one, other = ("".join(words) for words in (core, mine))
    return one == other or spelt_as_american(one, rules) == spelt_as_american(other, rules)


def spelt_as_american(word: str, rules: AliasRules) -> str:
    """A word with American endings: "theatre" is "theater"."""
    for british, american in rules.spellings.items():
        word = word.replace(british, american)
    return word


def _names_thing(given: Sequence[str], own: Sequence[str], rules: AliasRules) -> bool:
    """An alias of another thing has its words; legal forms come and go, and the last word may be left out."""
    core, mine = ([w for w in _main(words, rules) if w not in rules.fillers] for words in (given, own))
    if not core or not mine:
        return False
    if core == mine:
        return True
    return mine[-1] in rules.may_be_left_out and core == mine[:-1]
