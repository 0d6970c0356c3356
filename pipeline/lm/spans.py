"""Which tokens of a sentence stand for a span of its characters.

Tokenizers tell where in the text each token comes from, in code points of the text as it was given: one that
normalises to NFC or NFKC first still points into the original. Three of their habits need care.

- A token may begin with the space before a word, and its offsets may or may not include that space.
- A character that takes several tokens gives them all the same offsets.
- Some tokens have offsets of no width: those of white space alone, when offsets are trimmed, but also whole words in
  old versions of `tokenizers` (huggingface/tokenizers pull request 1640). Such a token is taken to reach up to the
  start of the next one; when letters of the span lie there, the offsets are not to be trusted.
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
    """The tokens that overlap a span, or why they cannot be told.

    Args:
        text: The sentence.
        offsets: For each token the code points that it comes from.
        start: The first code point of the span.
        end: The code point after its last.

    >>> find_tokens("my Ada.", [(0, 2), (2, 5), (5, 7)], 3, 6)
    TokenSpan(start=1, end=3, is_left_merged=False, is_right_merged=True)
    >>> find_tokens("my Ada.", [(0, 2), (2, 2), (6, 7)], 3, 6)
    'bad_span'
    """
    overlapping: list[int] = []
    for place, (token_start, token_end) in enumerate(offsets):
        has_width = token_start < token_end
        if not has_width:
            token_end = offsets[place + 1][0] if place + 1 < len(offsets) else len(text)
        if min(token_end, end) > max(_after_space(text, token_start, token_end), start):
            if not has_width:
                return "bad_span"
            overlapping.append(place)
    if not overlapping:
        return "no_tokens"
    first, last = overlapping[0], overlapping[-1]
    return TokenSpan(
        start=first,
        end=last + 1,
        is_left_merged=_after_space(text, *offsets[first]) < start,
        is_right_merged=offsets[last][1] > end,
    )


def _after_space(text: str, start: int, end: int) -> int:
    """The first place of a stretch of text that is not white space, or its end."""
    while start < end and text[start].isspace():
        start += 1
    return start
