"""Leaks: does a text contain a name that a model is to find?

There are three tests: `contains_name`, the strictest, for prompts and their targets; `mentions_any`, which needs whole
words, for sentences before a prompt; `repeats_word` for sentences in which a name itself is scored.
"""

import re
from collections.abc import Iterable

_SHORT_NAME = 3  # letters
_LONG_WORD = 4  # letters; a shorter word, such as "of" or "the", gives nothing away


def contains_name(text: str, name: str) -> bool:
    """Whether a text contains a name, whatever the case, even as a part of a word."""
    return name.casefold() in text.casefold()


def mentions_any(text: str, names: Iterable[str]) -> bool:
    """Whether a text contains one of these names as whole words.

    Names of up to three letters are looked for in their own case: "US" and "It" are names, "us" and "it" are not.

    >>> mentions_any("Ask us about it.", ["US", "It"]), mentions_any("Ask about italy.", ["Italy"])
    (False, True)
    """
    lower = text.lower()
    for name in names:
        flags = re.IGNORECASE if len(name) > _SHORT_NAME else 0
        if name.lower() in lower and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, flags):
            return True
    return False


def repeats_word(text: str, label: str) -> bool:
    """Whether a text contains a long word of a name.

    >>> repeats_word("The cemetery of ", "Highgate Cemetery"), repeats_word("The capital of ", "Isle of Man")
    (True, False)
    """
    words = set(_words(text))
    return any(len(word) >= _LONG_WORD and word in words for word in _words(label))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
