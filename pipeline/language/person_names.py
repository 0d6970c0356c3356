"""Names of people: when an alias is a fuller or a shorter form of a label.

It has the given name first and the family name last, both spelt as in the label. Middle names may come, go, or stand as
initials; a full name that a statement gives decides which ones there are.
"""

import re
from collections.abc import Collection, Sequence

from pipeline.language.template_parts import AliasRules
from pipeline.language.words_of_names import edits, folded

_NUMERAL = re.compile("[ivx]+")
_COMMA_BEFORE_KIN = re.compile(r",(?= [JS]r\.?$)")
_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_SHORTEST_CHECKED = 4  # letters; shorter words are alike by chance
_FEW_EDITS = 2
_MOST_NAMES_BEFORE = 2
_SHORTEST_WITH_MIDDLE = 3  # words: a shorter stated name says nothing of middle names


def names_person(alias: str, label: str, stated: Collection[str], rules: AliasRules) -> bool:
    """Whether an alias is a form of the name of a person.

    Args:
        alias: The alias.
        label: The label of the person.
        stated: Names that statements give the person, such as the birth name.
        rules: The words that decide.
    """
    alias = _COMMA_BEFORE_KIN.sub("", alias)
    given, own = _words(alias), _words(label)
    if not given or not own or "," in alias:
        return False
    if given[0] in rules.titles_before and own[0] != given[0]:
        return given[1:] == own or (given[1:] == _bare(label) and len(given) > 2)  # "King Abdullah" is one of several
    if _is_of_a_house(label, own):
        return given == _bare(label) and len(given) > 1
    if len(own) == 1:
        return given == own
    if len(given) == 1:
        return given == own[-1:] and own[-2] not in rules.particles
    if len(given) > len(own) and given[-len(own) :] == own:
        lead = given[: -len(own)]  # "Walter Bruce Willis" is "Bruce Willis"
        return len(lead) <= _MOST_NAMES_BEFORE and rules.first_names.issuperset(lead)
    tail, own_tail = (_kin(words, rules) for words in (given, own))
    if own_tail != tail and (own_tail or not set(tail) <= rules.kin_added):
        return False  # "Joseph P. Kennedy" is the father of "Joseph P. Kennedy Jr."
    names = [_words(name) for name in stated]
    if tail and given[: -len(tail)] == own and given not in names:
        return False  # "Grover Cleveland Jr.", whom nobody calls so
    if _mixes_names(given, own, rules) and given not in names:
        return False
    given, own = given[: len(given) - len(tail)], own[: len(own) - len(own_tail)]
    return _is_form_of(given, own, stated, rules)


def _mixes_names(given: Sequence[str], own: Sequence[str], rules: AliasRules) -> bool:
    """Whether a name is put together as nobody says it: "Tim Daniel Conway", "Terrence Terry Malick", and the like.

    "Jean Ann Smith" is no name of Jean Kennedy Smith.
    """
    middle, own_middle = given[1:-1], own[1:-1]
    added = [word for word in middle if _place(word, own_middle) is None and len(word) > 1]
    is_short = any(own[0] in short for short in rules.short_names.values()) and given[0] == own[0]
    is_dropped = any(len(word) > 1 and _place(word, middle) is None for word in own_middle)
    is_twice = any(
        word[:_SHORTEST_CHECKED] == given[0][:_SHORTEST_CHECKED] or word in rules.short_names.get(given[0], ())
        for word in added
        if _SHORTEST_CHECKED <= len(word) < len(given[0])  # but "Vladimir Vladimirovich Putin"
    )
    return bool(added) and (is_short or is_dropped or is_twice)


def _is_form_of(given: Sequence[str], own: Sequence[str], stated: Collection[str], rules: AliasRules) -> bool:
    if len(given) < 2 or len(own) < 2 or given[-1] != own[-1] or not _begins_alike(given, own, rules):
        return False
    if (given[-2] in rules.particles or own[-2] in rules.particles) and given[-2] != own[-2]:
        return False  # "Franz von Liszt" is not "Franz Liszt"
    middle, own_middle = given[1:-1], own[1:-1]
    places = [place for word in middle if (place := _place(word, own_middle)) is not None]
    added = [word for word in middle if _place(word, own_middle) is None]
    if places != sorted(places) or _are_other_words(added, rules):
        return False
    known = {word for name in stated for word in _words(name)}
    full = [words for name in stated if given[-1] in (words := _words(name)) and len(words) >= _SHORTEST_WITH_MIDDLE]
    if full and any(not _is_known(word, known) for word in added):
        return False
    return not any(_is_like(word, other) for word in added for other in {*own, *known} - {*given})


def _are_other_words(added: Sequence[str], rules: AliasRules) -> bool:
    """Whether words are no middle names: titles, numerals, or "and" and "of"."""
    refused = rules.no_middle_names | (rules.minor - rules.particles)
    return any(word in refused or _NUMERAL.fullmatch(word) for word in added)


def _begins_alike(given: Sequence[str], own: Sequence[str], rules: AliasRules) -> bool:
    """Whether two names have the same given name, or the label has a short form of it: "William", "Bill"."""
    one, other = given[0], own[0]
    if one == other:
        return True
    if len(other) == 1 and len(one) > 1:
        return one.startswith(other)  # "T. E. Lawrence" is "Thomas Edward Lawrence"
    return other in rules.short_names.get(one, ())


def _place(word: str, words: Sequence[str]) -> int | None:
    """Where a word or its initial stands among others."""
    return next((place for place, other in enumerate(words) if _is_known(word, [other])), None)


def _is_known(word: str, words: Collection[str]) -> bool:
    return any(word == other or (1 in (len(word), len(other)) and word[0] == other[0]) for other in words)


def _is_like(word: str, other: str) -> bool:
    """Whether a word is another with a few letters wrong: "Brotz" and "Broz"."""
    return min(len(word), len(other)) >= _SHORTEST_CHECKED and 0 < edits(word, other) <= _FEW_EDITS


def _is_of_a_house(label: str, words: Sequence[str]) -> bool:
    return " of " in label or bool(_NUMERAL.fullmatch(words[-1]))


def _bare(label: str) -> list[str]:
    """The words of a name without "of ..."; of "Catherine of Aragon", "Aragon" is no name."""
    return _words(label.partition(" of ")[0])


def _kin(words: Sequence[str], rules: AliasRules) -> list[str]:
    """What a name ends with that says which one of a family it names."""
    return [words[-1]] if len(words) > 2 and (words[-1] in rules.kin or _NUMERAL.fullmatch(words[-1])) else []


def _words(text: str) -> list[str]:
    """The words of a name: letters joined by a hyphen are one word."""
    spaced = re.sub(r"\b(\w)\.(?=\w\.)", r"\1. ", folded(text).replace("’", "'"))
    return _WORD.findall(spaced)
