"""Placement: pairs of a popular and a rare edit, weights that lead back to the pool, groups."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.edit_record import Category, Edit
from pipeline.edits.placement import matched_pairs, place, rows_by_stratum, stratum_of
from tests.minikg import Mini
from tests.samples import CAPITAL, changed, edit

SEED = 1


def one(number: int, category: Category, **columns: object) -> Edit:
    made = edit(category, "train", 1, "Kelda", CAPITAL, target_new="Port Ansel", subject_types=["Q1"])
    return changed(made, case_id=f"{category}-{number:04d}", **columns)


def test_a_popular_and_a_rare_edit_are_a_pair() -> None:
    pair = [one(1, "popular"), one(2, "long_tail")]
    assert matched_pairs(pair, SEED) == {"popular-0001": "long_tail-0002", "long_tail-0002": "popular-0001"}


@pytest.mark.parametrize(
    "columns", [{"split": "test"}, {"relation_id": "P6"}, {"domain": "film"}, {"hops": 2}, {"category": "recent"}]
)
def test_what_differs_is_no_pair(columns: dict[str, object]) -> None:
    assert matched_pairs([one(1, "popular"), changed(one(2, "long_tail"), **columns)], SEED) == {}


def test_subjects_of_the_same_classes_in_any_order_are_paired_first() -> None:
    edits = [one(number, "long_tail", subject_types=[f"Q{number}", "Q99"]) for number in range(1, 20)]
    partners = matched_pairs([*edits, one(50, "popular", subject_types=["Q99", "Q7"])], SEED)
    assert partners["popular-0050"] == "long_tail-0007"


EDITS = st.lists(
    st.builds(
        lambda number, category, relation, split, kind: one(
            number, category, relation_id=relation, split=split, subject_types=[kind]
        ),
        st.integers(0, 999),
        st.sampled_from(["recent", "popular", "long_tail"]),
        st.sampled_from(["P36", "P37"]),
        st.sampled_from(["train", "test"]),
        st.sampled_from(["Q1", "Q2"]),
    ),
    unique_by=lambda made: made["case_id"],
    max_size=40,
)


@given(edits=EDITS, data=st.data())
def test_as_many_pairs_as_there_can_be_and_the_same_in_any_order(edits: list[Edit], data: st.DataObject) -> None:
    partners = matched_pairs(edits, SEED)
    by_case = {made["case_id"]: made for made in edits}
    for case, other in partners.items():
        assert partners[other] == case
        assert {by_case[case]["category"], by_case[other]["category"]} == {"popular", "long_tail"}
    rows = Counter((made["split"], made["relation_id"], made["category"]) for made in edits)
    most = sum(
        min(rows[split, relation, "popular"], rows[split, relation, "long_tail"])
        for split in ("train", "test")
        for relation in ("P36", "P37")
    )
    assert len(partners) == 2 * most
    assert matched_pairs(data.draw(st.permutations(edits)), SEED) == partners


def weights(edits: Sequence[Edit], mini: Mini) -> list[float]:
    return [made["sampling_weight"] for made in place(edits, mini.subgraph, SEED)]


def test_a_row_stands_for_the_facts_that_were_not_drawn(mini: Mini) -> None:
    base = changed(next(made for made in mini.edits if made["category"] == "long_tail"), pool_rows=6)
    two = [changed(base, case_id=f"long_tail-{number}") for number in range(2)]
    other = changed(base, case_id="long_tail-9", lt_type="semantic" if base["lt_type"] != "semantic" else "both")
    assert weights([*two, other], mini) == [3, 3, 6]


def test_a_robust_edit_follows_the_edit_it_varies(mini: Mini) -> None:
    base = changed(next(made for made in mini.edits if made["category"] == "long_tail"), pool_rows=6)
    robust = changed(base, case_id="robust-1", category="robust", base_case_id=base["case_id"])
    placed = place([base, robust], mini.subgraph, SEED)
    assert {made["sampling_weight"] for made in placed} == {6}
    assert {made["independent_group"] for made in placed} == {0}
    assert placed[1]["pair_id"] is None


def test_the_weights_of_a_release_add_up_to_its_pools(mini: Mini) -> None:
    base = [made for made in mini.edits if made["category"] != "robust"]
    sums: Counter[object] = Counter()
    for made in base:
        sums[stratum_of(made)] += made["sampling_weight"]
    assert sums == {stratum_of(made): pytest.approx(made["pool_rows"]) for made in base}
    assert set(sums) == set(rows_by_stratum(base))
