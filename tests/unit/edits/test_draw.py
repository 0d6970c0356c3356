"""The draw: quotas and caps hold, nothing more fits, and neither the order of candidates nor chance plays a part."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.edit_record import Edit
from pipeline.core.settings import load_settings
from pipeline.edits.draw import (
    Check,
    Drawn,
    Limits,
    Refusal,
    draw,
    draw_again,
    in_turn,
    limits_of,
    relation_cap,
    target_cap,
    target_of,
)
from tests.limits import limits
from tests.samples import CAPITAL, changed, edit

SEED = 1


def candidate(
    number: int, subject: str = "", relation: str = "P36", target: str = "", hops: int = 1, lt_type: str | None = None
) -> Edit:
    """A candidate, alone of its subject and target unless these are given."""
    steps = [{"relation_id": "P27", "object_id": f"Q{number}"}] * (hops - 1)
    return changed(
        edit("popular", "train", number, "Kelda", CAPITAL, target_new="Port Ansel"),
        case_id=f"popular-{number:06d}",
        subject_id=subject or f"Q{number}",
        relation_id=relation,
        target_new_id=target or f"Q{number}00",
        hops=hops,
        path=[*steps, {"relation_id": relation, "object_id": "Q1"}],
        lt_type=lt_type,
    )


def of(counts: dict[str, int]) -> list[Edit]:
    """So many candidates of each relation."""
    names = [name for name, count in counts.items() for _ in range(count)]
    return [candidate(number, relation=name) for number, name in enumerate(names)]


def by_relation(drawn: Drawn) -> Counter[str]:
    return Counter(one["relation_id"] for one in drawn.taken)


def cases(edits: Sequence[Edit]) -> list[str]:
    return [one["case_id"] for one in edits]


# Quotas


def test_a_category_takes_as_many_as_it_may_hold() -> None:
    drawn = draw(of({"P36": 20}), limits(size=5), SEED)
    assert len(drawn.taken) == 5
    assert {refusal.reason for _, refusal in drawn.refused} == {"over_quota"}


def test_a_subject_gives_a_few() -> None:
    drawn = draw([candidate(number, "Q7") for number in range(5)], limits(per_subject=2), SEED)
    assert len(drawn.taken) == 2
    assert {refusal.reason for _, refusal in drawn.refused} == {"subject_quota"}


def test_what_a_check_refuses_leaves_its_place_to_another() -> None:
    """Losses are made up: with ten places and fifteen candidates five may be lost."""
    edits = of({"P36": 15})
    lost = set(cases(in_turn(edits, 0.4, SEED))[:5])

    def check(one: Edit) -> Refusal | None:
        return Refusal("conflict") if one["case_id"] in lost else None

    drawn = draw(edits, limits(size=10), SEED, lambda: check)
    assert len(drawn.taken) == 10
    assert lost.isdisjoint(cases(drawn.taken))


@pytest.mark.parametrize("size", [5, 20, 50])
def test_a_draw_that_fills_its_category_or_takes_all_is_the_only_try(size: int) -> None:
    """A check may be slow: it asks which edits can stand together."""
    tries: list[Check] = []

    def new_check() -> Check:
        tries.append(lambda _: None)
        return tries[-1]

    assert len(draw(of({"P36": 20}), limits(size=size), SEED, new_check).taken) == min(size, 20)
    assert len(tries) == 1


@pytest.mark.parametrize(("size", "share", "two_hops"), [(50, 0.4, 20), (10, 0.2, 2), (10, 0.5, 5), (10, 1, 10)])
def test_kinds_fill_their_shares_while_both_last(size: int, share: float, two_hops: int) -> None:
    edits = [candidate(number, hops=1 + number % 2) for number in range(200)]
    drawn = draw(edits, limits(size=size, two_hop_share=share), SEED)
    assert Counter(one["hops"] for one in drawn.taken) == +Counter({1: size - two_hops, 2: two_hops})


def test_what_one_kind_lacks_the_other_fills() -> None:
    edits = [candidate(number, hops=2 if number < 5 else 1) for number in range(100)]
    drawn = draw(edits, limits(size=50, two_hop_share=0.4), SEED)
    assert Counter(one["hops"] for one in drawn.taken) == {1: 45, 2: 5}


def test_names_alone_fill_half_of_the_long_tail() -> None:
    kinds = ("statistical", "both", "semantic", "semantic")
    edits = [candidate(number, lt_type=kinds[number % 4]) for number in range(80)]
    drawn = draw(edits, limits(size=20), SEED)
    assert Counter(one["lt_type"] == "semantic" for one in drawn.taken) == {True: 10, False: 10}


# Caps


def test_no_relation_has_more_than_its_share_of_the_rows_taken() -> None:
    counts = {"P36": 500, **{f"P{number}": 20 for number in range(100, 109)}}
    drawn = draw(of(counts), limits(relation_share=0.2, min_relation_rows=5), SEED)
    assert by_relation(drawn) == {**counts, "P36": 45}  # 45 of 225
    assert {refusal.reason for _, refusal in drawn.refused} == {"relation_cap"}


def test_no_target_has_more_than_its_share() -> None:
    edits = [candidate(number, target="Q30" if number % 2 else "") for number in range(200)]
    drawn = draw(edits, limits(target_share=0.1, min_target_rows=2), SEED)
    assert Counter(map(target_of, drawn.taken))["Q30"] == 11  # of 111
    assert {refusal.reason for _, refusal in drawn.refused} == {"target_cap"}


def test_a_category_of_few_relations_keeps_some_rows_of_each() -> None:
    drawn = draw(of({"P36": 500, "P37": 3}), limits(relation_share=0.1, min_relation_rows=20), SEED)
    assert by_relation(drawn) == {"P36": 20, "P37": 3}


@settings(deadline=None)
@given(
    counts=st.lists(st.integers(0, 12), min_size=1, max_size=6),
    share=st.sampled_from((0.2, 0.25, 0.5, 0.75, 1)),
    least=st.integers(1, 4),
    size=st.integers(1, 60),
)
def test_caps_are_as_wide_as_the_rows_allow(counts: list[int], share: float, least: int, size: int) -> None:
    """Caps of one row more would be those of a draw that is not filled."""
    narrow = limits(size=size, relation_share=share, min_relation_rows=least)

    def with_caps_of(rows: int) -> int:
        return min(size, sum(min(count, relation_cap(rows, narrow.balance)) for count in counts))

    drawn = draw(of({f"P{number}": count for number, count in enumerate(counts)}), narrow, SEED)
    assert len(drawn.taken) == with_caps_of(drawn.rows)
    if drawn.rows < min(size, sum(counts)):
        assert with_caps_of(drawn.rows + 1) < drawn.rows + 1


# Whatever the candidates


@st.composite
def worlds(draw_from: st.DrawFn) -> tuple[list[Edit], Limits]:
    """Candidates with few subjects, relations and targets, and narrow limits."""
    few = st.integers(0, 6)
    rows = draw_from(st.lists(st.tuples(few, few, few, st.sampled_from((1, 2))), max_size=60))
    edits = [
        candidate(number, f"Q{subject}", f"P{relation}", f"Q{target}", hops)
        for number, (subject, relation, target, hops) in enumerate(rows)
    ]
    return edits, limits(
        size=draw_from(st.integers(0, 40)),
        per_subject=draw_from(st.integers(1, 9)),
        two_hop_share=draw_from(st.sampled_from((0, 0.4, 1))),
        relation_share=draw_from(st.floats(0.05, 1)),
        min_relation_rows=draw_from(st.integers(1, 5)),
        target_share=draw_from(st.floats(0.05, 1)),
        min_target_rows=draw_from(st.integers(1, 5)),
    )


def no_two_of_one_parity() -> Check:
    """A check with a memory: it refuses an edit of a relation of which another edit has the same subject parity."""
    seen: set[tuple[str, int]] = set()

    def check(one: Edit) -> Refusal | None:
        key = (one["relation_id"], int(one["subject_id"][1:]) % 2)
        if key in seen:
            return Refusal("conflict")
        seen.add(key)
        return None

    return check


@settings(max_examples=200, deadline=None)
@given(world=worlds(), checked=st.booleans(), data=st.data())
def test_limits_hold_nothing_more_fits_and_order_does_not_matter(
    world: tuple[list[Edit], Limits], checked: bool, data: st.DataObject
) -> None:
    edits, given_limits = world
    new_check = no_two_of_one_parity if checked else None
    drawn = draw(edits, given_limits, SEED, new_check)
    rows, balance = len(drawn.taken), given_limits.balance
    subjects = Counter(one["subject_id"] for one in drawn.taken)
    relations, targets = by_relation(drawn), Counter(map(target_of, drawn.taken))
    assert drawn.rows <= rows <= given_limits.size
    assert all(count <= given_limits.per_subject for count in subjects.values())
    assert all(count <= relation_cap(rows, balance) for count in relations.values())
    assert all(count <= target_cap(rows, balance) for count in targets.values())
    assert sorted(cases([*drawn.taken, *(one for one, _ in drawn.refused)])) == sorted(cases(edits))
    for one, refusal in drawn.refused:  # every refusal still holds at the end
        assert {
            "over_quota": rows == given_limits.size,
            "subject_quota": subjects[one["subject_id"]] == given_limits.per_subject,
            "relation_cap": relations[one["relation_id"]] == relation_cap(drawn.rows, balance),
            "target_cap": targets[target_of(one)] == target_cap(drawn.rows, balance),
            "conflict": checked,
        }[refusal.reason]
    again = draw(data.draw(st.permutations(edits)), given_limits, SEED, new_check)
    assert cases(again.taken) == cases(drawn.taken)


def test_another_seed_draws_others() -> None:
    edits = of({"P36": 50})
    assert cases(draw(edits, limits(size=10), 1).taken) != cases(draw(edits, limits(size=10), 2).taken)


def test_a_newcomer_moves_few() -> None:
    edits = of({"P36": 200, "P37": 200})
    before = set(cases(draw(edits, limits(size=100), SEED).taken))
    after = set(cases(draw([*edits, candidate(999)], limits(size=100), SEED).taken))
    assert len(before - after) <= 1


# After losses


def test_rows_are_held_to_their_limits_again() -> None:
    settings_ = load_settings()
    narrow = settings_.model_copy(update={"popular": settings_.popular.model_copy(update={"size": 3})})
    kept, drops = draw_again(of({"P36": 5}), narrow, "probes")
    assert (len(kept), [(drop.stage, drop.reason) for drop in drops]) == (3, [("probes", "over_quota")] * 2)
    assert cases(kept) == sorted(cases(kept))


def test_categories_are_held_to_their_limits_each_by_itself_and_in_order() -> None:
    """The order of a set would change from run to run."""
    names = ("popular", "long_tail", "recent")
    rows = [(name, one) for name in names for one in of({"P36": 3})]
    edits = [changed(one, category=name, case_id=f"{name} {one['case_id']}") for name, one in rows]
    narrow = {name: getattr(load_settings(), name).model_copy(update={"size": 2}) for name in names}
    kept, drops = draw_again(edits, load_settings().model_copy(update=narrow), "probes")
    assert Counter(one["category"] for one in kept) == dict.fromkeys(names, 2)
    assert [drop.category for drop in drops] == sorted(names)


def test_rows_with_portability_are_kept_first() -> None:
    probe = {"kind": "Reasoning"}
    edits = [changed(one, portability=[probe] if number % 2 else []) for number, one in enumerate(of({"P36": 30}))]
    drawn = draw(edits, limits(size=20), SEED)
    assert Counter(bool(one["portability"]) for one in drawn.taken) == {True: 15, False: 5}


def test_portability_gives_a_relation_no_earlier_turn() -> None:
    """It decides between the rows of one relation."""
    edits = [changed(one, portability=[]) for one in of({f"P{number}": 1 for number in range(100, 120)})]
    probe = {"kind": "Reasoning"}
    some = [changed(one, portability=[probe] if number % 2 else []) for number, one in enumerate(edits)]
    assert cases(in_turn(some, 0.4, SEED)) == cases(in_turn(edits, 0.4, SEED))


@pytest.mark.parametrize("category", ["recent", "popular", "long_tail"])
def test_spare_rows_are_drawn_for_what_later_stages_lose(category: str) -> None:
    exact, spare = (limits_of(category, load_settings(), factor) for factor in (1, 1.05))
    assert (exact.size, spare.size) == (10_000, 10_500)
