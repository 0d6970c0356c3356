"""Which tokens stand for a span of characters."""

import pytest

from pipeline.lm.spans import TokenSpan, find_tokens

#       0         1         2
#       0123456789012345678901234
TEXT = "my mother  Ada (B.) of  X"


def test_a_space_at_the_start_of_a_token_belongs_to_it() -> None:
    with_space, without_space = [(0, 2), (2, 9)], [(0, 2), (3, 9)]
    for offsets in (with_space, without_space):
        assert find_tokens(TEXT, offsets, 3, 9) == TokenSpan(1, 2, is_left_merged=False, is_right_merged=False)


def test_a_token_that_only_shares_white_space_with_the_span_is_context() -> None:
    offsets = [(0, 3), (3, 10), (10, 14)]  # "my ", "mother ", " Ada"
    assert find_tokens(TEXT, offsets, 3, 9) == TokenSpan(1, 2, is_left_merged=False, is_right_merged=False)
    lone_spaces = [(0, 9), (9, 10), (10, 11), (11, 14)]
    assert find_tokens(TEXT, lone_spaces, 11, 14) == TokenSpan(3, 4, is_left_merged=False, is_right_merged=False)


def test_white_space_between_two_words_of_the_span_belongs_to_it() -> None:
    offsets = [(0, 2), (2, 9), (9, 10), (10, 14), (14, 19)]
    assert find_tokens(TEXT, offsets, 3, 14) == TokenSpan(1, 4, is_left_merged=False, is_right_merged=False)
    trimmed = [(0, 2), (3, 9), (10, 10), (11, 14), (15, 19)]  # the lone space has no width then
    assert find_tokens(TEXT, trimmed, 3, 14) == TokenSpan(1, 4, is_left_merged=False, is_right_merged=False)


def test_tokens_that_reach_over_an_end_count_whole_and_are_told() -> None:
    offsets = [(0, 14), (14, 17), (17, 19), (19, 25)]  # " (B", ".)"
    assert find_tokens(TEXT, offsets, 16, 18) == TokenSpan(1, 3, is_left_merged=True, is_right_merged=True)
    assert find_tokens(TEXT, offsets, 16, 17) == TokenSpan(1, 2, is_left_merged=True, is_right_merged=False)
    assert find_tokens(TEXT, offsets, 17, 18) == TokenSpan(2, 3, is_left_merged=False, is_right_merged=True)


def test_every_token_of_a_character_counts() -> None:
    assert find_tokens("a ť.", [(0, 1), (1, 3), (2, 3), (3, 4)], 2, 3) == TokenSpan(1, 3, False, False)


def test_offsets_need_not_rise() -> None:
    offsets = [(0, 1), (2, 2), (2, 3), (3, 3), (2, 3), (3, 4)]  # as one ligature gives them that becomes two words
    assert find_tokens("a ﷺ.", offsets, 2, 3) == TokenSpan(2, 5, False, False)


@pytest.mark.parametrize(
    "offsets",
    [
        [(0, 2), (2, 2), (9, 11), (11, 14)],  # the whole name, and the next token shows how far it reaches
        [(0, 2), (2, 6), (6, 6), (9, 11)],  # a part of it
        [(0, 2), (2, 2)],  # the last token of the text
        [(0, 2), (2, 2), (2, 6), (6, 6)],
    ],
)
def test_offsets_of_no_width_over_letters_of_the_span_are_not_trusted(offsets: list[tuple[int, int]]) -> None:
    assert find_tokens(TEXT, offsets, 3, 9) == "bad_span"


def test_offsets_of_no_width_elsewhere_do_no_harm() -> None:
    offsets = [(0, 0), (2, 9), (9, 9), (11, 14)]
    assert find_tokens(TEXT, offsets, 3, 9) == TokenSpan(1, 2, False, False)


def test_a_span_without_a_token() -> None:
    assert find_tokens(TEXT, [(0, 2), (2, 9), (9, 10), (10, 11), (11, 14)], 9, 11) == "no_tokens"
    assert find_tokens("", [], 0, 0) == "no_tokens"
