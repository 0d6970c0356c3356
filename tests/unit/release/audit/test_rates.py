"""Rates: intervals that are known from elsewhere, weights that bring rare relations back to their share."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.edit_record import Edit
from pipeline.release.audit.faults import load_faults
from pipeline.release.audit.rates import interval, summarize, unread_relations, wilson, written
from pipeline.release.audit.verdicts import Verdict
from tests.unit.release.audit.test_sample import rows

FAULTS = load_faults()
FINE = Verdict(frozenset(), (), ("a person",))
FALSE = Verdict(frozenset({"false"}), (), ("a person",))
ALIAS = Verdict(frozenset({"bad_alias", "other"}), (), ("a person",))

FREQUENT, RARE = rows("P27", 90), rows("P91", 10)
EDITS: list[Edit] = [*FREQUENT, *RARE]


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I, method 3: the score interval without correction.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(hits: int, trials: int, low: float, high: float) -> None:
    assert wilson(hits, trials) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_the_share_and_mirrors_that_of_the_others(counts: tuple[int, int]) -> None:
    hits, trials = counts
    low, high = wilson(hits, trials)
    assert 0 <= low <= hits / trials <= high <= 1
    assert low < high
    mirrored = wilson(trials - hits, trials)
    assert (1 - high, 1 - low) == (pytest.approx(mirrored[0]), pytest.approx(mirrored[1]))


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_at_its_ends_the_share_is_just_as_far_off_as_chance_allows(counts: tuple[int, int]) -> None:
    """What defines the interval: (share - p)² = z² p (1 - p) / n at both ends."""
    hits, trials = counts
    for end in wilson(hits, trials):
        distance = 1.959963984540054 * math.sqrt(end * (1 - end) / trials)
        assert abs(hits / trials - end) == pytest.approx(distance, abs=1e-9)


def test_a_row_of_a_rare_relation_weighs_less() -> None:
    """Ten rows are read of each relation; the fault is in the rare one, which has a tenth of the rows."""
    read = {edit["case_id"]: FINE for edit in FREQUENT[:10]} | {edit["case_id"]: FALSE for edit in RARE}
    (found,) = summarize(EDITS, read, FAULTS).categories
    assert (found.rows, found.read, found.covered) == (100, 20, 1.0)
    assert (found.any.rows, found.any.share) == (10, 0.1)
    worth = 100**2 / (10 * 9**2 + 10 * 1**2)  # so many equal rows are the weights worth
    assert (found.any.low, found.any.high) == tuple(round(end, 6) for end in wilson(0.1 * worth, worth))


def test_where_relations_are_read_in_proportion_nothing_is_weighted() -> None:
    read = {edit["case_id"]: FALSE for edit in FREQUENT[:2]} | {edit["case_id"]: FINE for edit in FREQUENT[2:9]}
    read[RARE[0]["case_id"]] = FINE
    (found,) = summarize(EDITS, read, FAULTS).categories
    assert found.any.share == 0.2
    assert (found.any.low, found.any.high) == tuple(round(end, 6) for end in wilson(2, 10))


def test_kinds_are_counted_each_and_the_row_once() -> None:
    read = {FREQUENT[0]["case_id"]: ALIAS, FREQUENT[1]["case_id"]: FALSE, FREQUENT[2]["case_id"]: FINE}
    (found,) = summarize(EDITS, read, FAULTS).categories
    assert {kind: rate.rows for kind, rate in found.kinds.items()} == {"false": 1, "bad_alias": 1, "other": 1}
    assert (found.any.rows, found.hard.rows) == (2, 1)
    assert found.covered == 0.9  # nothing of the rare relation was read


def test_a_category_that_nobody_read_has_no_rate() -> None:
    summary = summarize(
        [*EDITS, *rows("P6", 3, EDITS[0] | {"category": "recent"})], {EDITS[0]["case_id"]: FINE}, FAULTS
    )
    unread = summary.categories[0]
    assert (unread.read, unread.any.low, unread.any.high, unread.kinds) == (0, 0.0, 1.0, {})
    table = written(summary, FAULTS).splitlines()
    assert table[1].split() == ["recent", "0", "3"]


def test_rates_do_not_depend_on_the_order_of_rows() -> None:
    """A build has the rows in another order than the finished release."""
    edits = [*EDITS, *rows("P6", 30, EDITS[0] | {"category": "recent"}), *rows("P7", 7)]
    read = {edit["case_id"]: FALSE if n % 3 == 0 else FINE for n, edit in enumerate(edits) if n % 2}
    assert summarize(edits[::-1], read, FAULTS) == summarize(edits, read, FAULTS)


def test_a_table_shows_categories_and_the_kinds_that_were_found() -> None:
    read = {edit["case_id"]: FALSE if place == 0 else FINE for place, edit in enumerate(FREQUENT[:50])}
    text = written(summarize(EDITS, read, FAULTS), FAULTS)
    first, second, note = text.split("\n\n")
    assert "popular     50  100          1  2.0 (0.4–10.5)     1  2.0 (0.4–10.5)" in first.splitlines()
    assert [line.split()[:2] for line in second.splitlines()] == [["kind", "popular"], ["Not", "true"]]
    assert note == "Of some relations no row was read. The shares stand for the others: 90% of popular."


def test_relations_that_nobody_read_are_told() -> None:
    summary = summarize(EDITS, {FREQUENT[0]["case_id"]: FINE}, FAULTS)
    assert unread_relations(summary) == (
        "Of some relations no row was read. The shares stand for the others: 90% of popular."
    )
    assert written(summary, FAULTS).endswith(unread_relations(summary))
    read = {edit["case_id"]: FINE for edit in (FREQUENT[0], RARE[0])}
    assert unread_relations(summarize(EDITS, read, FAULTS)) == ""


def test_a_share_is_told_in_percent() -> None:
    (found,) = summarize(EDITS, {FREQUENT[0]["case_id"]: FALSE}, FAULTS).categories
    assert interval(found.any) == "100.0 (20.7–100.0)"
