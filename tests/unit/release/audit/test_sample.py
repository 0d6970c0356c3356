"""The rows that a reader is given: drawn with a seed, so that rare relations appear and the rest is in proportion."""

from collections import Counter
from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.edit_record import Edit
from pipeline.release.audit.sample import allocate, draw
from tests.samples import POPULAR_TRAIN, RECENT_TRAIN, changed

SIZES = st.dictionaries(st.sampled_from([f"P{n}" for n in range(1, 30)]), st.integers(1, 400), min_size=1)


def rows(relation: str, count: int, original: Edit = POPULAR_TRAIN, split: str = "train") -> list[Edit]:
    return [
        changed(original, case_id=f"{original['category']}-{relation}-{split}-{n}", relation_id=relation, split=split)
        for n in range(count)
    ]


EDITS = [
    *rows("P27", 100),
    *rows("P27", 50, split="test"),
    *rows("P19", 20),
    *rows("P91", 1),
    *rows("P6", 5, RECENT_TRAIN),
]
BOTH = ("recent", "popular")


def names(edits: Sequence[Edit]) -> list[str]:
    return [edit["case_id"] for edit in edits]


@given(SIZES, st.integers(1, 600))
def test_so_many_rows_are_drawn_and_no_relation_waits_while_another_has_two(sizes: dict[str, int], wanted: int) -> None:
    taken = allocate(sizes, wanted)
    assert sum(taken.values()) == min(wanted, sum(sizes.values()))
    assert all(0 <= taken[name] <= sizes[name] for name in sizes)
    assert min(taken.values()) > 0 or max(taken.values()) == 1


@given(SIZES, st.integers(1, 600))
def test_a_larger_sample_holds_the_smaller_one(sizes: dict[str, int], wanted: int) -> None:
    few, more = allocate(sizes, wanted), allocate(sizes, wanted + 1)
    assert all(few[name] <= more[name] for name in sizes)


def test_the_rare_appear_and_the_frequent_are_drawn_more_often() -> None:
    drawn = draw(EDITS, BOTH, 20, seed=1)
    counts = Counter((edit["category"], edit["relation_id"]) for edit in drawn)
    assert counts == {
        ("recent", "P6"): 5,
        ("popular", "P27"): 14,
        ("popular", "P19"): 5,
        ("popular", "P91"): 1,
    }


def test_splits_are_drawn_in_proportion() -> None:
    drawn = draw(EDITS, ("popular",), 20, seed=1)
    splits = Counter(edit["split"] for edit in drawn if edit["relation_id"] == "P27")
    assert splits in ({"train": 9, "test": 5}, {"train": 10, "test": 4})


def test_a_draw_follows_from_the_seed_and_the_rows_and_not_from_their_order() -> None:
    shuffled = Random(3).sample(EDITS, len(EDITS))
    assert names(draw(EDITS, BOTH, 20, seed=1)) == names(draw(shuffled, BOTH, 20, seed=1))
    assert names(draw(EDITS, BOTH, 20, seed=1)) != names(draw(EDITS, BOTH, 20, seed=2))


def test_categories_are_read_one_after_the_other_and_relations_mixed() -> None:
    drawn = draw(EDITS, BOTH, 20, seed=1)
    assert [edit["category"] for edit in drawn] == ["recent"] * 5 + ["popular"] * 20
    assert len({edit["relation_id"] for edit in drawn[5:13]}) > 1  # who stops early has read a sample too


def test_no_row_is_drawn_twice() -> None:
    drawn = names(draw(EDITS, BOTH, 500, seed=1))
    assert sorted(drawn) == sorted(names(EDITS))
