"""Which tokens of a sentence stand for a span of its characters.

Tokenizers give for each token which code points of the text it comes from: of the text as it was given, even where they
normalise it to NFC or NFKC first. A token belongs to a span if a character of the span comes from it that is not white
space; whatever stands between two such tokens belongs to it too. Three habits of tokenizers make this rule.

- The space before a word is part of the word's token or a token of its own, and offsets may leave it out. As part of a
  token it is scored with it; alone it is context.
- A character that takes several tokens gives them all the same offsets.
- Some tokens have offsets of no width: white space when offsets are trimmed, but also whole words in old versions of
  `tokenizers` (pull request 1640 there). Such a token is taken to reach up to the start of the next one, and if it
  then holds a character of the span, the offsets are not to be trusted.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Offsets = tuple[int, int]


class TokenSpan(NamedTuple):
    """The tokens of a span, the end not included, and whether they reach beyond it."""

    start: int
    end: int
    is_left_merged: bool
    is_right_merged: bool


def find_tokens(
    text: str, offsets: Sequence[Offsets], start: int, end: int
) -> TokenSpan | Literal["no_tokens", "bad_span"]:
    """The tokens of a span, or why they cannot be told.

    Args:
        text: The sentence.
        offsets: For each token the code points that it comes from, the end not included.
        start: The first code point of the span.
        end: The code point after its last.

    >>> find_tokens("my Ada.", [(0, 2), (2, 5), (5, 7)], 3, 6)
    TokenSpan(start=1, end=3, is_left_merged=False, is_right_merged=True)
    >>> find_tokens("my Ada.", [(0, 2), (2, 2), (6, 7)], 3, 6)
    'bad_span'
    """
    found: list[int] = []
    for place, (token_start, token_end) in enumerate(offsets):
        has_width = token_start < token_end
        if not has_width:
            token_end = offsets[place + 1][0] if place + 1 < len(offsets) else len(text)
        if text[max(token_start, start) : min(token_end, end)].strip():
            if not has_width:
                return "bad_span"
            found.append(place)
    if not found:
        return "no_tokens"
    first, last = found[0], found[-1]
    return TokenSpan(
        start=first,
        end=last + 1,
        is_left_merged=bool(text[offsets[first][0] : start].strip()),
        is_right_merged=bool(text[end : offsets[last][1]].strip()),
    )
