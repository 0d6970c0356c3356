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
_DOTLESS = re.compile(r"(?<![\w.])[A-Z](?![\w.'’])")  # "Ronald W Reagan"
_SPACELESS = re.compile(r"\b[A-Z]\.[A-Z][a-z]|:\w")  # "George H.W.Bush", "Hitler:The Rise of Evil"
_SOFT_SIGN = re.compile(r"\w'(?!s\b)[a-z]+|(?<!s)'$")  # "Il'ich", "Sevastopol'", but "O'Neill", "l'École"
_NICKNAME = re.compile(r"(?<!\w)'\w+'(?!\w)")  # "Jerry 'Wonda' Duplessis"
_KNOWN_STATES = frozenset({"USA", "US", "UK", "U.S.", "U.S.A.", "U.K.", "D.C."})  # codes that any reader knows
_SMALL_IN_PLACES = frozenset({"and", "of", "on", "the", "upon"})
_LONGEST_PART_OF_A_PLACE = 4  # words: "New South Wales"

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
    is_dotless = item.kind == "person" and _DOTLESS.search(alias) and not _DOTLESS.search(item.label)
    if is_dotless or _is_misprinted(alias, item.label, rules):
        return "misspelling"
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
    has_quotes = has_quotes or any(mark.search(alias) and not mark.search(label) for mark in (_SOFT_SIGN, _NICKNAME))
    is_code_of_a_state = any(
        word.isupper() and word.casefold() in rules.minor and len(word) > 1 and word not in label.split()
        for word in alias.split()
    )  # "London ON"
    is_small = label[:1].isupper() and has_small_words(alias, label, rules.minor | rules.kind_fillers)
    return is_cut or is_foreign or has_quotes or is_code_of_a_state or is_small or bool(_SENTENCE_BREAK.search(alias))


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


def _is_misprinted(alias: str, label: str, rules: AliasRules) -> bool:
    """Whether an alias differs from a label by capitals alone, is written in capitals, or lacks a space."""
    if alias != label and alias.lower() == label.lower():  # but "Giessen" is a spelling of "Gießen"
        return True
    own = set(re.findall(r"\w+", label))
    lower = {word.casefold() for word in own}
    loud = (word for word in re.findall(r"[^\W\d_]{4,}", alias) if word.isupper() and word not in own)
    is_loud = any(word.casefold() in lower or len(word) > rules.longest_acronym for word in loud)
    return is_loud or bool(_SPACELESS.search(alias) and not _SPACELESS.search(label))


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
        if alias in item.pen_names or item.label in item.pen_names:  # a stage name has no fuller form
            return alias in item.pen_names or _letters(alias) == _letters(item.label)
        return names_person(alias, item.label, item.stated, rules)
    if _differs_by_an_article(alias, item):
        return False
    if item.label[:1].islower():
        return _names_kind(alias, item.label, rules)
    given, own = words_of(alias, rules.synonyms), words_of(item.label, rules.synonyms)
    if _are_one(given, own, alias, item.label, rules):
        return True
    if item.kind == "work":
        return False
    if item.kind == "place":
        return _names_place(alias, item, rules)
    is_short = len(given) == 1 and alias.isupper() and _are_initials("".join(given), item, rules)
    return is_short or _names_thing(given, own, rules)


def _letters(name: str) -> str:
    return "".join(re.findall(r"[^\W_]", folded(name)))


def _differs_by_an_article(alias: str, item: Named) -> bool:
    """Whether an alias is a label without its article, or with one that it lacks.

    "The Queen" is a film, "Queen" is a band; the title of a work with an article is another title too.
    """
    given, own = (_ARTICLE.sub("", name.casefold()) for name in (alias, item.label))
    if _letters(given) != _letters(own):
        return False
    has, had = given != alias.casefold(), own != item.label.casefold()
    return (had and not has) or (has and not had and item.kind == "work")


def _main(words: Sequence[str], rules: AliasRules) -> list[str]:
    return [word for word in words if word not in rules.minor]


def _are_one(given: Sequence[str], own: Sequence[str], alias: str, label: str, rules: AliasRules) -> bool:
    """Whether two names have the same words; "of" allows another order: "Cambridge University"."""
    core, mine = ([word for word in words if word not in _IDLE] for words in (given, own))
    if not core or "," in alias.replace(",", "", label.count(",")):
        return False
    if core == mine:
        return True
    is_turned = sorted(core) == sorted(mine) and (" of " in alias) != (" of " in label) and label.count(" of ") < 2
    if is_turned and any(name[:2] == ["university", "of"] for name in (given, own)):
        return " ".join(word for word in core if word != "university") in rules.universities_of
    return is_turned


def _names_place(alias: str, item: Named, rules: AliasRules) -> bool:
    """An alias of a place adds where it lies, or what it is: "Camden, NJ", "City of Chicago", "Italian Republic"."""
    label = item.label
    head, comma, where = alias.partition(", ")
    if comma and "," not in label:
        is_where = all(_says_where(part, rules) for part in where.split(", "))
        return is_where and words_of(head, rules.synonyms) == words_of(label, rules.synonyms)
    given, own = words_of(alias, rules.synonyms), words_of(label, rules.synonyms)
    if len(given) == 1 and alias.replace(".", "").isupper() and _are_initials(given[0], item, rules):
        return True
    if _without_state(alias, rules) == own or _without_state(label, rules) == given:
        return True
    is_akin = given[0][:_SHORTEST_STEM] == own[0][:_SHORTEST_STEM] and len(own[0]) >= _SHORTEST_STEM
    is_state = len(given) > 1 and given[-1] in rules.state_forms and {*given[1:]} <= rules.state_words
    return is_state and ((is_akin and len(own) == 1) or alias in item.stated)


def _says_where(part: str, rules: AliasRules) -> bool:
    """Whether words after a comma name a place of today: no code, no note, no state that is gone."""
    words = part.split()
    is_code = part.isupper() and part not in _KNOWN_STATES
    is_note = len(words) > _LONGEST_PART_OF_A_PLACE or words[-1].islower()
    has_other_words = any(word[0].islower() and word not in _SMALL_IN_PLACES for word in words)
    return not (is_code or is_note or has_other_words or part.casefold() in rules.gone_states)


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
