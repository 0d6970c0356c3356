"""A score depends on its own sentence alone: whatever company requests are in, their scores stay within 1e-4 nats."""

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pipeline.lm.scores import Sentence
from pipeline.lm.spans import find_tokens
from tests.scorers import FakeScorer, HfScorer, Scorer, load_scorer
from tests.unit.lm.conftest import CONFIGS, CORPUS, POSITIONS, Oracle, requests, save_model, tokenizer_of

TOLERANCE = 1e-4
FAMILIES = tuple(CONFIGS)

quick = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A saved model of each family."""
    root = tmp_path_factory.mktemp("models")
    return {family: save_model(root / family, family, tokenizer_of(family)) for family in FAMILIES}


@pytest.fixture(scope="module")
def scorers(folders: Mapping[str, Path]) -> Mapping[str, Scorer]:
    """The fake one, and one of each family that reads a few sentences at once."""
    models = {family: load_scorer(str(folder), max_tokens_per_batch=64) for family, folder in folders.items()}
    return {"fake": FakeScorer(), **models}


@pytest.fixture(scope="module")
def oracles(folders: Mapping[str, Path]) -> Mapping[str, Oracle]:
    """An oracle of each family."""
    return {family: Oracle(folder, family) for family, folder in folders.items()}


words = st.sampled_from(sorted({word for sentence in CORPUS for word in sentence.split()}))
odd = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=3)
pieces = st.lists(st.one_of(words, words, odd), min_size=1, max_size=6)


@st.composite
def asked(draw: st.DrawFn) -> Sentence:
    """A sentence of known and odd words, and a span of whole words or of anything."""
    text = " ".join(draw(pieces))
    start = draw(st.integers(0, len(text) - 1))
    return Sentence(text, start, draw(st.integers(start + 1, len(text))))


several = st.lists(asked(), min_size=1, max_size=8)
families = st.sampled_from(("fake", *FAMILIES))


def score(scorer: Scorer, sentences: Sequence[Sentence]) -> list[Mapping[str, object]]:
    rows = scorer.score(requests(sentences)).to_pylist()
    return [{key: value for key, value in row.items() if key != "id"} for row in rows]


def assert_same(one: Mapping[str, object], other: Mapping[str, object]) -> None:
    exact = [key for key in one if not key.endswith(("log_likelihood", "log_likelihoods", "sum", "rank", "greedy"))]
    assert {key: other[key] for key in exact} == {key: one[key] for key in exact}
    if one["status"] == "ok":
        for key in ("log_likelihood_sum", "token_log_likelihoods", "first_log_likelihood", "min_log_likelihood"):
            assert other[key] == pytest.approx(one[key], abs=TOLERANCE, rel=0)
        for key in ("first_rank", "max_rank"):  # two tokens that are all but equally likely may change places
            assert other[key] == pytest.approx(one[key], abs=1, rel=0)


@quick
@given(families, several, st.data())
def test_the_order_of_requests_changes_no_score(
    scorers: Mapping[str, Scorer], family: str, sentences: list[Sentence], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(sentences))))
    before = score(scorers[family], sentences)
    after = score(scorers[family], [sentences[place] for place in order])
    assert [before[place] for place in order] == after  # to the bit: batches follow from what is in them


@quick
@given(families, several, st.integers(0, 8))
def test_scoring_in_parts_changes_no_score(
    scorers: Mapping[str, Scorer], family: str, sentences: list[Sentence], cut: int
) -> None:
    whole = score(scorers[family], sentences)
    parts = score(scorers[family], sentences[:cut]) + score(scorers[family], sentences[cut:])
    for one, other in zip(whole, parts, strict=True):
        assert_same(one, other)


@quick
@given(families, several, st.data())
def test_asking_twice_changes_no_score(
    scorers: Mapping[str, Scorer], family: str, sentences: list[Sentence], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(range(len(sentences)))))
    once = score(scorers[family], sentences)
    twice = score(scorers[family], [*sentences, *(sentences[place] for place in again)])
    for one, other in zip([*once, *(once[place] for place in again)], twice, strict=True):
        assert_same(one, other)


@quick
@given(st.sampled_from(FAMILIES), several)
def test_scores_are_what_one_by_one_gives(
    scorers: Mapping[str, Scorer], oracles: Mapping[str, Oracle], family: str, sentences: list[Sentence]
) -> None:
    oracle = oracles[family]
    for sentence, row in zip(sentences, score(scorers[family], sentences), strict=True):
        if not sentence.name.strip():
            assert row["status"] == "no_tokens"
        elif len(oracle.tokenizer.tokenize(sentence.text)) < POSITIONS:  # more would break the oracle
            expected = oracle.log_likelihoods(sentence)
            assert row["status"] == "ok"
            assert row["token_log_likelihoods"] == pytest.approx(expected, abs=TOLERANCE, rel=0)
            assert row["log_likelihood_sum"] == pytest.approx(sum(expected), abs=TOLERANCE, rel=0)


@quick
@given(st.sampled_from(FAMILIES), asked())
def test_the_tokens_of_a_span_hold_it(scorers: Mapping[str, Scorer], family: str, sentence: Sentence) -> None:
    """No character of the name but white space is outside its tokens, and no token less would do."""
    tokenizer = cast(HfScorer, scorers[family]).tokenizer
    text = sentence.text
    if family == "qwen2":  # a composed character comes from its base letter, and the mark after it from nothing
        assume(unicodedata.is_normalized("NFC", text))
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    span = find_tokens(text, offsets, sentence.start, sentence.end)
    if isinstance(span, str):
        assert (span, sentence.name.strip()) == ("no_tokens", "")
        return
    places = {place for start, end in offsets[span.start : span.end] for place in range(start, end)}
    assert all(place in places or text[place].isspace() for place in range(sentence.start, sentence.end))
    for start, end in (offsets[span.start], offsets[span.end - 1]):
        assert text[max(start, sentence.start) : min(end, sentence.end)].strip()
