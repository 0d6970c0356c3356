"""Plain text: a label, alias, description or title as a reader sees it.

Editors paste names from web pages, and with them marks that nobody sees: marks of the direction of writing, joiners,
soft hyphens, no-break spaces. Two names that look alike must be equal, so every text passes through here once, where it
is read, and nowhere else.
"""

import re
import unicodedata

# Marks without a shape that Unicode counts as letters, marks or symbols, so that `str.isprintable` allows them: the
# grapheme joiner, Hangul fillers, Khmer inherent vowels, Mongolian and other variation selectors, the Braille blank.
# https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point
_SHAPELESS = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
_FIND_SHAPELESS = re.compile(f"[{_SHAPELESS}]")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})  # controls, formats, and code points without a character


def plain_text(text: str) -> str:
    r"""A text in NFC, without invisible characters, with single plain spaces and none at its ends.

    >>> plain_text("\u200eSão\u00a0 Paulo\t"), plain_text("\u200b \u00ad")
    ('São Paulo', '')
    """
    if text.isprintable() and not _has_faults(text):
        return text
    seen = "".join(letter for letter in text if not _is_invisible(letter))
    return " ".join(unicodedata.normalize("NFC", seen).split())


def _has_faults(text: str) -> bool:
    """Whether a printable text needs work: a text in ASCII, as most names are, can only have spaces too many."""
    if "  " in text or text[:1] == " " or text[-1:] == " ":
        return True
    return not text.isascii() and (bool(_FIND_SHAPELESS.search(text)) or not unicodedata.is_normalized("NFC", text))


def _is_invisible(letter: str) -> bool:
    if letter.isspace():
        return False
    return unicodedata.category(letter) in _INVISIBLE or bool(_FIND_SHAPELESS.match(letter))


def is_plain(text: str) -> bool:
    """Whether a text is as `plain_text` leaves it."""
    return plain_text(text) == text
