"""Splits: every subject has its place by hash alone, and no split contradicts itself or another."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import count, islice, product

import pytest

from pipeline.core import reasons
from pipeline.core.edit_record import Category, Edit, Split
from pipeline.core.settings import SplitsSettings, load_settings
from pipeline.edits.consistency import claims_of
from pipeline.edits.exclusions import Exclusions, normalised
from pipeline.edits.splits import SPLITS, assign_splits, split_of
from pipeline.language.subgraph import Subgraph
from tests.limits import ROOMY, limits
from tests.minikg import TEMPLATES, Mini
from tests.samples import CAPITAL, changed, edit

SEED = 1
CLAIMS = partial(claims_of, subgraph=Subgraph({}, (), TEMPLATES))  # nothing is known around the edits
SHARES = SplitsSettings(train=0.6, validation=0.2, test=0.2)
ALL_IN_TRAIN = SplitsSettings(train=1, validation=0, test=0)


def items(split: Split) -> Iterator[str]:
    """Items that belong to a split."""
    return (item for item in map("Q{}".format, count(1)) if split_of(item, SEED, SHARES) == split)


def change(
    item: str,
    relation: str = "P36",
    *,
    target: str = "Q900",
    truth: str = "Q901",
    category: Category = "popular",
    middle: tuple[str, str] | None = None,
    **columns: object,
) -> Edit:
    """An edit of a relation of an item, or over a relation and an entity between two hops."""
    name = f"{category} {item} {relation} {target} {middle}"
    steps = [(relation, truth)] if middle is None else [middle, (relation, truth)]
    made = changed(
        edit(category, "train", 1, name, CAPITAL, target_new=f"Label of {target}"),
        case_id=f"{category}-{item}-{relation}-{target}-{middle}",
        split="",
        subject_id=item,
        relation_id=relation,
        target_new_id=target,
        ground_truth_id=truth,
        hops=len(steps),
        path=[{"relation_id": name, "object_id": held} for name, held in steps],
    )
    return changed(made, **columns)


def assigned(
    *edits: Edit, exclusions: Exclusions | None = None, shares: SplitsSettings = SHARES
) -> tuple[dict[str, str], dict[str, str]]:
    """The split of each edit that was kept and the reason of each that was dropped, by subject and relation."""
    kept, drops = assign_splits(edits, CLAIMS, exclusions or Exclusions(), SEED, shares, ROOMY)
    return (
        {f"{one['subject_id']} {one['relation_id']}": one["split"] for one in kept},
        {f"{drop.subject_id} {drop.relation_id}": drop.reason for drop in drops},
    )


# Where an item belongs


@pytest.mark.parametrize(
    ("item", "split"),
    [("Q23", "train"), ("Q42", "validation"), ("Q60", "test"), ("Q183", "train"), ("Q142", "validation")],
)
def test_items_stay_where_earlier_releases_put_them(item: str, split: str) -> None:
    """By the first digits of `printf '20240811|split|Q23' | md5sum`."""
    assert split_of(item, 20240811, load_settings().splits) == split


def test_items_spread_over_the_splits_as_the_shares_say() -> None:
    spread = Counter(split_of(f"Q{number}", SEED, SHARES) for number in range(1, 10_001))
    assert spread["train"] == pytest.approx(6000, abs=150)
    assert spread["validation"] == pytest.approx(2000, abs=150)
    assert spread["test"] == pytest.approx(2000, abs=150)


@pytest.mark.parametrize("only", SPLITS)
def test_a_split_can_take_everything(only: Split) -> None:
    shares = SplitsSettings(**{name: float(name == only) for name in SPLITS})
    assert {split_of(f"Q{number}", SEED, shares) for number in range(1, 200)} == {only}


def test_a_larger_validation_split_takes_from_train_alone() -> None:
    larger = SplitsSettings(train=0.4, validation=0.4, test=0.2)
    moves = Counter(
        (split_of(item, SEED, SHARES), split_of(item, SEED, larger)) for item in map("Q{}".format, range(2000))
    )
    assert {pair for pair in moves if pair[0] != pair[1]} == {("train", "validation")}


def test_another_seed_spreads_items_otherwise() -> None:
    places = [[split_of(f"Q{number}", seed, SHARES) for number in range(100)] for seed in (1, 2)]
    assert places[0] != places[1]


# Assigning


def test_all_edits_of_a_subject_are_in_its_split() -> None:
    for split in SPLITS:
        (subject,) = islice(items(split), 1)
        kept, _ = assigned(change(subject, "P36"), change(subject, "P38"), change(subject, "P37", category="recent"))
        assert kept == {f"{subject} {relation}": split for relation in ("P36", "P37", "P38")}


def test_edits_come_in_the_order_of_their_case_ids_and_are_otherwise_as_they_were() -> None:
    edits = [change(f"Q{number}") for number in range(20)]
    kept, _ = assign_splits(reversed(edits), CLAIMS, Exclusions(), SEED, SHARES, ROOMY)
    assert [one["case_id"] for one in kept] == sorted(one["case_id"] for one in edits)
    assert [changed(one, split="") for one in kept] == sorted(edits, key=lambda one: one["case_id"])


@pytest.mark.parametrize(
    ("first", "second"), [("recent", "popular"), ("popular", "long_tail"), ("recent", "long_tail")]
)
def test_of_two_edits_of_one_relation_the_rarer_category_keeps_its_place(first: Category, second: Category) -> None:
    edits = [change("Q1", category=first), change("Q1", category=second, target="Q2")]
    rooms = dict(sorted(ROOMY.items())), dict(sorted(ROOMY.items(), reverse=True))
    for order, limits_ in product((edits, edits[::-1]), rooms):
        (kept,), (drop,) = assign_splits(order, CLAIMS, Exclusions(), SEED, SHARES, limits_)
        assert (kept["category"], drop.category, drop.reason) == (first, second, "conflict")


A, B, C, D = "Q1001", "Q1002", "Q1003", "Q1004"
CONFLICTS = {
    "a direct edit of what lies between two hops": (change(B, "P36"), change(A, "P36", middle=("P27", B))),
    "two paths to the same": (change(A, "P36", middle=("P27", C)), change(B, "P36", middle=("P27", C))),
    "a first hop that another edit changes": (change(A, "P27"), change(A, "P36", middle=("P27", C))),
    "the inverse of the target": (change(A, "P36", target=B), change(C, "P1376", target=A)),
    "the inverse of the truth": (change(A, "P36", target=B), change(C, "P1376", target=D, truth=A)),
    "what follows and what is followed": (change(A, "P155", target=B), change(B, "P156", target=C)),
    "two that follow the same": (change(A, "P155", target=C), change(B, "P155", target=C)),
}


@pytest.mark.parametrize("pair", CONFLICTS.values(), ids=CONFLICTS)
def test_two_edits_of_a_split_do_not_speak_of(pair: tuple[Edit, Edit]) -> None:
    for order in (pair, pair[::-1]):
        kept, drops = assigned(*order, shares=ALL_IN_TRAIN)
        assert len(kept) == 1
        assert list(drops.values()) == ["conflict"]


PEACEFUL = {
    "another relation": (change(A, "P36"), change(A, "P38")),
    "another subject": (change(A, "P36", target=C), change(B, "P36", target=C)),
    "an inverse that takes many": (change(A, "P36", target=C), change(B, "P1376", target=D, truth="Q9")),
    "two spouses": (change(A, "P26", target=B), change(C, "P26", target=B)),
    "the same first hop of one subject": (change(A, "P36", middle=("P27", B)), change(A, "P38", middle=("P27", B))),
    "the same first hop": (change(A, "P36", middle=("P27", B)), change(C, "P38", middle=("P27", B))),
}


@pytest.mark.parametrize("pair", PEACEFUL.values(), ids=PEACEFUL)
def test_two_edits_of_a_split_may_speak_of(pair: tuple[Edit, Edit]) -> None:
    kept, drops = assigned(*pair, shares=ALL_IN_TRAIN)
    assert (len(kept), drops) == (2, {})


def test_edits_of_different_splits_cannot_contradict_each_other() -> None:
    (in_train,), (in_test,) = islice(items("train"), 1), islice(items("test"), 1)
    kept, _ = assigned(change(in_train, "P155", target=in_test), change(in_test, "P156", target="Q7", truth="Q8"))
    assert len(kept) == 2


def test_an_edit_over_two_hops_needs_its_middle_in_its_split() -> None:
    (subject, friend), (stranger,) = islice(items("train"), 2), islice(items("test"), 1)
    kept, drops = assigned(
        change(subject, "P36", middle=("P27", stranger)), change(subject, "P38", middle=("P30", friend))
    )
    assert kept == {f"{subject} P38": "train"}
    assert drops == {f"{subject} P27/P36": "middle_in_other_split"}


def test_a_prompt_stands_once_over_all_splits() -> None:
    """Two namesakes with the same answer have the same prompt."""
    (in_train,), (in_test,) = islice(items("train"), 1), islice(items("test"), 1)
    same = {"prompt": "The capital of Kelda is"}
    kept, drops = assigned(change(in_train, **same), change(in_test, **same))
    assert len(kept) == 1
    assert list(drops.values()) == ["duplicate_prompt"]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("question", "Who would be the father of George Clinton?"),
        ("rephrases", ["On a form asking for the gender of George Clinton, the right entry would be"]),
        ("question_rephrases", ["By whom was George Clinton fathered?"]),
    ],
)
def test_no_other_sentence_stands_in_two_edits_either(column: str, text: str | list[str]) -> None:
    """Of two namesakes one lives and one is dead: their prompts differ in tense, but not all of their sentences do."""
    (in_train,), (in_test,) = islice(items("train"), 1), islice(items("test"), 1)
    kept, drops = assigned(change(in_train, **{column: text}), change(in_test, **{column: text}))
    assert len(kept) == 1
    assert list(drops.values()) == ["duplicate_prompt"]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("subject", "Kelda"),
        ("prompt", "The capital of Kelda is"),
        ("question", "What is the capital of Kelda?"),
        ("rephrases", ["Kelda has its capital in", "The chief city of Kelda is"]),
        ("question_rephrases", ["Which city is the capital of Kelda?"]),
    ],
)
def test_an_edit_is_excluded_by_its_subject_and_by_any_of_its_sentences(column: str, text: str | list[str]) -> None:
    excluded = text if isinstance(text, str) else text[-1]
    exclusions = Exclusions(texts=frozenset({normalised(excluded.upper())}))
    kept, drops = assigned(change("Q1", **{column: text}), change("Q2"), exclusions=exclusions)
    assert drops == {"Q1 P36": "excluded"}
    assert list(kept) == ["Q2 P36"]


def test_every_reason_of_splits_is_met_above() -> None:
    assert set(reasons.SPLITS) - set(reasons.DRAW) == {
        "excluded",
        "middle_in_other_split",
        "duplicate_prompt",
        "conflict",
    }


# Quotas: `test_draw.py` has the rules of a draw


def test_what_conflicts_with_a_row_taken_leaves_its_place_to_another() -> None:
    edits = [change(A, "P36"), change(B, "P36", middle=("P27", A)), change(C, "P38")]
    narrow = {**ROOMY, "popular": limits(size=2)}
    kept, drops = assign_splits(edits, CLAIMS, Exclusions(), SEED, ALL_IN_TRAIN, narrow)
    assert len(kept) == 2
    assert {"P38"} < {one["relation_id"] for one in kept}
    assert [drop.reason for drop in drops] in (["conflict"], ["over_quota"])


def test_a_row_that_is_not_taken_claims_nothing() -> None:
    """The popular edit finds its category full, so the long-tail edit of the same question stays."""
    edits = [change(A, "P36"), change(A, "P36", target="Q2", category="long_tail")]
    narrow = {**ROOMY, "popular": limits(size=0)}
    kept, drops = assign_splits(edits, CLAIMS, Exclusions(), SEED, ALL_IN_TRAIN, narrow)
    assert [one["category"] for one in kept] == ["long_tail"]
    assert [(drop.category, drop.reason) for drop in drops] == [("popular", "over_quota")]


def test_what_is_dropped_leaves_room_for_others() -> None:
    """An excluded edit takes neither a slot nor a prompt."""
    exclusions = Exclusions(texts=frozenset({"kelda"}))
    first = change("Q1", category="recent", subject="Kelda", prompt="The capital of Kelda is")
    second = change("Q1", target="Q5", prompt="The capital of Kelda is")
    kept, drops = assigned(first, second, exclusions=exclusions)
    assert (len(kept), list(drops.values())) == (1, ["excluded"])


# The mini world


def test_no_subject_middle_entity_or_prompt_is_shared_between_splits(mini: Mini) -> None:
    places: dict[str, set[str]] = {}
    for one in mini.edits:
        for key in (one["subject_id"], one["prompt"], *(step["object_id"] for step in one["path"][:-1])):
            places.setdefault(key, set()).add(one["split"])
    assert all(len(splits) == 1 for splits in places.values())
    assert {split for splits in places.values() for split in splits} == set(SPLITS)


def test_the_excluded_guest_is_in_no_split(mini: Mini) -> None:
    assert not any("Gull Ross" in one["prompt"] for one in mini.edits)


# Literal targets


def literal(item: str, relation: str, target: str, truth: str = "1 May 1899") -> Edit:
    """An edit to a date or a number, which has no Q-id."""
    names = {"target_new": target, "target_new_id": None, "ground_truth": truth, "ground_truth_id": None}
    return change(item, relation, target=target, truth=truth, **names)


def test_two_dates_of_one_birth_contradict_each_other() -> None:
    pair = literal(A, "P569", "1 May 1900"), literal(A, "P569", "2 May 1900")
    for order in (pair, pair[::-1]):
        kept, drops = assigned(*order, shares=ALL_IN_TRAIN)
        assert (list(kept), list(drops.values())) == ([f"{A} P569"], ["conflict"])


def test_values_without_an_id_are_not_the_same_item() -> None:
    """Two edits of "follows" to what has no Q-id do not speak of what follows one thing."""
    kept, drops = assigned(literal(A, "P155", "Old Tide"), literal(B, "P155", "New Tide"), shares=ALL_IN_TRAIN)
    assert (len(kept), drops) == (2, {})


def test_a_drop_names_the_target_by_its_id_or_as_it_is_written() -> None:
    path = change(A, "P36", target=C, middle=("P27", B))
    edits = [literal(A, "P569", "1 May 1900"), change(A, "P27", target=C), path]
    exclusions = Exclusions(texts=frozenset(normalised(one["subject"]) for one in edits))
    _, drops = assign_splits(edits, TEMPLATES.relations, exclusions, SEED, ALL_IN_TRAIN, ROOMY)
    dropped = {(drop.subject_id, drop.relation_id, drop.object_id, drop.stage) for drop in drops}
    assert dropped == {(A, "P569", "1 May 1900", "splits"), (A, "P27", C, "splits"), (A, "P27/P36", C, "splits")}
