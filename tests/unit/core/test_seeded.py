"""Lots that keys draw: the same for ever, the same in SQL, and none more likely than another."""

from collections import Counter

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.seeded import draw_key, draw_key_sql, fraction, rotated, shuffled

seeds = st.integers(0, 2**63 - 1)
numbers = st.integers(-(2**63), 2**63 - 1)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
keys = st.lists(st.one_of(numbers, words), min_size=1, max_size=4)


def test_a_ticket_is_the_same_for_ever() -> None:
    """Releases of different weeks agree only as long as these strings do."""
    assert (
        draw_key(20240811, "recent", 42, "P69") == "ec462d15f7407a27fe224ca2e5d2e72e"
    )  # printf "20240811|recent|42|P69" | md5sum
    assert draw_key(1) == "c4ca4238a0b923820dcc509a6f75849b"


@settings(deadline=None, max_examples=60)
@given(seeds, keys)
def test_sql_draws_the_same_ticket_from_columns(seed: int, key: list[int | str]) -> None:
    columns = [f"c{place}" for place in range(len(key))]
    select = ", ".join(f"? AS {column}" for column in columns)
    with duckdb.connect() as connection:
        (row,) = connection.execute(f"SELECT {draw_key_sql(seed, *columns)} FROM (SELECT {select})", key).fetchall()
    assert row[0] == draw_key(seed, *key)


@given(seeds, seeds, keys)
def test_another_seed_or_key_draws_another_ticket(seed: int, other: int, key: list[int | str]) -> None:
    assert (draw_key(seed, *key) == draw_key(other, *key)) == (seed == other)
    assert draw_key(seed, *key) != draw_key(seed, *key, 1)


def test_fractions_are_spread_evenly_from_zero_to_one() -> None:
    drawn = [fraction(1, number) for number in range(10_000)]
    assert 0 <= min(drawn) < 0.001
    assert 0.999 < max(drawn) < 1
    tenths = Counter(int(10 * value) for value in drawn)
    assert set(tenths) == set(range(10))
    assert all(900 < count < 1100 for count in tenths.values())


@given(seeds, keys)
def test_fractions_lie_in_the_order_of_tickets(seed: int, key: list[int | str]) -> None:
    assert (fraction(seed, *key) < fraction(seed + 1, *key)) == (
        draw_key(seed, *key)[:13] < draw_key(seed + 1, *key)[:13]
    )


@given(st.lists(words, unique=True), seeds)
def test_a_shuffle_depends_on_what_is_shuffled_and_not_on_its_order(items: list[str], seed: int) -> None:
    assert shuffled(items, seed) == shuffled(reversed(items), seed)
    assert sorted(shuffled(items, seed)) == sorted(items)


@given(st.lists(words, unique=True, min_size=1), seeds)
def test_an_added_item_does_not_disturb_a_shuffle(items: list[str], seed: int) -> None:
    more, fewer = shuffled(items, seed, "key"), shuffled(items[1:], seed, "key")
    more.remove(items[0])
    assert more == fewer


def test_shuffles_of_different_keys_differ() -> None:
    orders = {tuple(shuffled(range(8), 1, key)) for key in range(100)}
    assert len(orders) > 95


def test_items_can_be_shuffled_by_what_identifies_them() -> None:
    items = [{"id": number, "seen": object()} for number in range(20)]
    assert [one["id"] for one in shuffled(items, 1, by=lambda one: one["id"])] == shuffled(range(20), 1)


@given(st.lists(words), seeds, keys)
def test_turning_goes_once_all_the_way_round(items: list[str], seed: int, key: list[int | str]) -> None:
    found = list(rotated(items, seed, *key))
    assert len(found) == len(items)
    assert not items or any(found == items[start:] + items[:start] for start in range(len(items)))


def test_turning_begins_everywhere_about_as_often() -> None:
    starts = Counter(next(rotated(range(5), 1, key)) for key in range(5_000))
    assert set(starts) == set(range(5))
    assert all(850 < count < 1150 for count in starts.values())


@pytest.mark.parametrize("items", [[], ()])
def test_nothing_can_be_turned(items: list[int]) -> None:
    assert list(rotated(items, 1)) == []
