"""In which batches sentences are scored."""

import random

from pipeline.lm.batches import Encoded, plan_batches


def encoded(number: int, inputs: int, scored: int = 1) -> Encoded:
    return Encoded((0, *range(number, number + inputs)), scored)


def test_a_batch_has_one_length_and_the_longest_come_first() -> None:
    batches = list(
        plan_batches([encoded(number, inputs=2 + number % 3) for number in range(9)], max_inputs=100, max_scored=100)
    )
    assert [{item.inputs for item in batch} for batch in batches] == [{4}, {3}, {2}]
    assert [len(batch) for batch in batches] == [3, 3, 3]


def test_a_batch_keeps_to_the_limits() -> None:
    items = [encoded(number, inputs=5, scored=1 + number % 4) for number in range(40)]
    for batch in plan_batches(items, max_inputs=23, max_scored=6):
        assert len(batch) * 5 <= 23
        assert len(batch) * max(item.scored for item in batch) <= 6


def test_a_sentence_beyond_a_limit_goes_alone() -> None:
    items = [encoded(number, inputs=9, scored=3) for number in range(3)]
    assert [len(batch) for batch in plan_batches(items, max_inputs=8, max_scored=100)] == [1, 1, 1]
    assert [len(batch) for batch in plan_batches(items, max_inputs=100, max_scored=2)] == [1, 1, 1]


def test_every_sentence_is_in_one_batch() -> None:
    items = [encoded(number, inputs=1 + number % 7, scored=1) for number in range(50)]
    planned = [item for batch in plan_batches(items, max_inputs=12, max_scored=5) for item in batch]
    assert sorted(planned) == sorted(items)
    assert list(plan_batches([], 12, 5)) == []


def test_batches_do_not_depend_on_the_order_of_sentences() -> None:
    items = [encoded(number, inputs=1 + number % 7, scored=1) for number in range(50)]
    mixed = random.Random(3).sample(items, len(items))
    assert list(plan_batches(mixed, 12, 5)) == list(plan_batches(items, 12, 5))
