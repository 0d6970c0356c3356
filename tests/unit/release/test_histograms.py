"""Bins: none is partly above the threshold, none is empty for want of whole numbers, and areas are shares."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.release.histograms import Signal
from tests.samples import EDITS, changed

counts = st.lists(st.integers(0, 10**7), min_size=1, max_size=30)
scores = st.lists(st.floats(-40, -0.01), min_size=1, max_size=30)


def signal(values: Sequence[float], threshold: float | None, *, is_count: bool = True) -> Signal:
    return Signal("signal", {"recent": values}, threshold, is_count)


def area(found: Signal, *, only_below: bool = False) -> float:
    bars = zip(found.bars, found.heights("recent"), strict=True)
    return sum(height * bar.width for bar, height in bars if bar.is_below or not only_below)


@given(counts, st.none() | st.integers(0, 10**6))
def test_bars_of_counts_hold_every_subject(values: list[int], threshold: int | None) -> None:
    assert area(signal(values, threshold)) == pytest.approx(1)


@given(counts, st.integers(0, 10**6))
def test_full_bars_of_counts_are_the_share_at_or_below_the_threshold(values: list[int], threshold: int) -> None:
    below = sum(value <= threshold for value in values) / len(values)
    assert area(signal(values, threshold), only_below=True) == pytest.approx(below)


@given(scores, st.floats(-30, -1))
def test_full_bars_of_scores_are_the_share_at_or_below_the_threshold(values: list[float], threshold: float) -> None:
    found = signal(values, threshold, is_count=False)
    below = sum(value <= threshold for value in values) / len(values)
    assert area(found) == pytest.approx(1)
    assert area(found, only_below=True) == pytest.approx(below)


@given(st.none() | st.integers(0, 5_000))
def test_every_bin_has_a_whole_number(threshold: int | None) -> None:
    found = signal(range(3_000), threshold)
    limits = [0, *(10 ** (bar.start + bar.width) for bar in found.bars[1:])]
    for low, high in zip(limits, limits[1:], strict=False):
        assert any(low < value <= high + 1e-6 for value in range(int(low), int(high) + 2)) or low >= 3_000


def test_without_a_zero_there_is_no_place_for_it() -> None:
    assert "0" not in signal([1, 5], 3).ticks.values()
    assert "0" in signal([0, 5], 3).ticks.values()


def test_ticks_of_large_counts_are_short() -> None:
    ticks = signal([1, 20_000_000], 3).ticks
    assert list(ticks.values()) == ["1", "", "100", "", "10k", "", "1M", ""]


def test_ticks_of_scores_are_round_and_within_the_bars() -> None:
    found = signal([-3.5, -9.5], -4.25, is_count=False)
    assert list(found.ticks.values()) == [f"\N{MINUS SIGN}{number}" for number in (9, 8, 7, 6, 5, 4)]
    assert found.bars[0].start <= min(found.ticks) and max(found.ticks) <= found.bars[-1].start + found.bars[-1].width


@given(scores, st.none() | st.floats(-30, -1))
def test_the_threshold_of_scores_is_on_the_axis(values: list[float], threshold: float | None) -> None:
    found = signal(values, threshold, is_count=False)
    assert len(found.bars) <= 32
    if threshold is not None:
        assert found.bars[0].start <= threshold <= found.bars[-1].start + found.bars[-1].width


def test_a_subject_counts_once_in_its_category() -> None:
    edits = [changed(EDITS[0], case_id=f"recent-{number}", frequency=7) for number in range(3)]
    found = Signal.of("mentions", [*edits, changed(EDITS[3], frequency=9)], lambda edit: edit["frequency"])
    assert found.values == {"recent": [7], "popular": [9]}


def test_subjects_without_a_value_are_left_out() -> None:
    found = Signal.of("score", [changed(EDITS[0], log_likelihood_mean=None)], lambda edit: edit["log_likelihood_mean"])
    assert found.values == {}


def test_medians_and_shares_are_told_as_read() -> None:
    found = signal([1, 2, 3_000], 2)
    assert (found.median("recent"), found.share_below("recent"), found.written(1_234.0)) == ("2", "67%", "1,234")
    assert signal([-4.256], -4.0, is_count=False).median("recent") == "\N{MINUS SIGN}4.26"
