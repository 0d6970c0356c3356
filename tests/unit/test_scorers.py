"""The scorer of tests that needs no model."""

from typing import get_args

import pyarrow as pa
import pytest

from pipeline.core import schema
from pipeline.lm.scores import Sentence, Status, sentences
from tests.scorers import FakeScorer, Score, scores_table
from tests.unit.lm.conftest import named, requests

TEXT = "Somebody mentioned Ada Lovelace and others."
ADA = named(TEXT, "Ada Lovelace")


FAKE = FakeScorer()


def scored(*asked: Sentence, scorer: FakeScorer = FAKE) -> list[dict[str, object]]:
    return scorer.score(requests(asked)).to_pylist()


def test_one_row_a_request_in_their_order() -> None:
    table = FAKE.score(requests([ADA, Sentence(TEXT, 5, 5), named(TEXT, "others")]))
    assert table.schema.equals(schema.SCORES)
    assert table["id"].to_pylist() == ["0", "1", "2"]
    assert table["status"].to_pylist() == ["ok", "bad_span", "ok"]


def test_a_score_is_the_sum_over_the_tokens_of_the_name() -> None:
    (row,) = scored(ADA)
    assert row["token_count"] == len(row["token_log_likelihoods"]) == 3  # "Ada ", "Love", "lace"
    assert row["log_likelihood_sum"] == sum(row["token_log_likelihoods"]) < 0
    assert (row["byte_count"], row["context_token_count"]) == (12, 5)


def test_length_in_bytes_counts_utf8() -> None:
    assert scored(named("about Šťastný.", "Šťastný"))[0]["byte_count"] == 10
    assert scored(named("about 東京 😀.", "東京 😀"))[0]["byte_count"] == 11


def test_text_before_the_name_changes_its_score_and_text_after_it_does_not() -> None:
    here, after, before = scored(
        ADA, named("Somebody mentioned Ada Lovelace!", "Ada Lovelace"), named("He met Ada Lovelace.", "Ada Lovelace")
    )
    assert here["log_likelihood_sum"] == after["log_likelihood_sum"] != before["log_likelihood_sum"]


def test_another_model_gives_other_scores_and_the_same_one_the_same() -> None:
    assert scored(ADA) == scored(ADA)
    assert scored(ADA) != scored(ADA, scorer=FakeScorer(revision="1"))
    assert scored(ADA) != scored(ADA, scorer=FakeScorer(name="other"))


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (0, 44), (5, 5), (7, 6)])
def test_a_span_that_is_empty_or_outside_the_text_is_a_status(start: int, end: int) -> None:
    (row,) = scored(Sentence(TEXT, start, end))
    assert {key: value for key, value in row.items() if value is not None} == {"id": "0", "status": "bad_span"}


def test_a_span_of_white_space_has_no_tokens() -> None:
    assert scored(Sentence("a   b", 1, 3))[0]["status"] == "no_tokens"


def test_names_can_be_refused_for_the_sake_of_a_test() -> None:
    scorer = FakeScorer(refused={"Ada Lovelace": "too_long"})
    assert [row["status"] for row in scored(ADA, named(TEXT, "others"), scorer=scorer)] == ["too_long", "ok"]


def test_no_requests_give_no_scores() -> None:
    assert FAKE.score(schema.REQUESTS.empty_table()).equals(schema.SCORES.empty_table())


def test_requests_and_scores_as_tables() -> None:
    table = requests([ADA, named("東京", "京")])
    assert sentences(table) == [ADA, Sentence("東京", 1, 2)]
    assert sentences(table)[1].name == "京"
    chunked = pa.concat_tables([table, table])  # a column in several pieces is still one column
    scores = scores_table(chunked, [Score(status=status) for status in ("ok", "too_long", "no_tokens", "not_finite")])
    assert scores["id"].to_pylist() == ["0", "1", "0", "1"]
    assert set(scores["status"].to_pylist()) <= set(get_args(Status))


def test_scores_must_match_their_requests() -> None:
    with pytest.raises(pa.ArrowInvalid):
        scores_table(requests([ADA]), [Score(), Score()])
