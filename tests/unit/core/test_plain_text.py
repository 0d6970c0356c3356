"""Plain text: what a reader cannot see is not in a name."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.plain_text import is_plain, plain_text

UNSEEN = "\u200e\u200f\u00ad\u200b\u200d\u2066\ufeff\u034f\u3164\ufe0f\x00\x1b\ue000\U000e0001"
SPACES = " \u00a0\u2009\u202f\u3000\t\n\x85\u2028"

messy = st.text(st.one_of(st.characters(), st.sampled_from(UNSEEN + SPACES)))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Norvège\u200f", "Norvège"),
        ("\u200eLatvia", "Latvia"),
        ("FC\u00a0Barcelona", "FC Barcelona"),
        ("Verdania  Proper ", "Verdania Proper"),
        ("co\u00adoperative", "cooperative"),
        ("Zu\u0308rich", "Zürich"),
        ("two\nlines", "two lines"),
        ("Ada\u2028Rooke", "Ada Rooke"),
        ("日本\u3000国", "日本 国"),
        ("\u200b\u3164", ""),
        ("plain", "plain"),
    ],
)
def test_invisible_characters_go_and_every_space_is_plain(text: str, plain: str) -> None:
    assert plain_text(text) == plain


@given(messy)
def test_a_plain_text_is_as_a_reader_sees_it(text: str) -> None:
    plain = plain_text(text)
    assert is_plain(plain)
    assert unicodedata.is_normalized("NFC", plain)
    assert plain == " ".join(plain.split())
    assert plain.isprintable()
    assert not set(plain) & set(UNSEEN)


@given(st.text(st.characters(categories=["L", "N", "P"]), min_size=1), st.sampled_from(UNSEEN), st.integers(0, 5))
def test_an_invisible_character_makes_no_other_name(text: str, mark: str, place: int) -> None:
    assert plain_text(text[:place] + mark + text[place:]) == plain_text(text)
