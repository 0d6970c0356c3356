"""What the terminal shows at the end of a build, and the funnel as a table."""

from pathlib import Path

import pytest

from pipeline.core.manifest import CheckRecord
from pipeline.release.summary import EVERY_CATEGORY, funnel, in_bytes, in_percent, in_words, summary
from tests.manifests import large_edits, large_manifest, make_manifest

EXPECTED = """\
Release v2026.09.14 is in releases/v2026.09.14 (2 files, 12.4 kB).

category   train  validation  test  total
recent         1           1     1      3
popular        2           1     1      4
long_tail      1           0     1      2
robust         2           0     1      3
total          6           2     4     12

Checks: 24 of 24 passed.
Read releases/v2026.09.14/README.md first."""


def test_the_summary_is_a_small_table() -> None:
    assert summary(make_manifest(), Path("releases/v2026.09.14")) == EXPECTED


def test_the_summary_names_checks_that_failed() -> None:
    checks = (
        CheckRecord(name="texts_sound", required=True, looked_at=12, failures=0),
        CheckRecord(name="training_groups_filled", required=False, looked_at=12, failures=1_234),
    )
    told = summary(make_manifest(checks=checks), Path("out"))
    assert "Checks: 1 of 2 passed.\n  training_groups_filled (not required): 1,234 failures\n" in told


def test_the_summary_of_a_large_release_stays_short_and_aligned() -> None:
    rows = {"recent": {"train": 9_876_543, "validation": 0, "test": 12}}
    lines = summary(make_manifest(rows=rows), Path("out")).splitlines()
    assert len(lines) <= 20
    assert len({len(line) for line in lines[2:5]}) == 1
    assert lines[3].split() == ["recent", "9,876,543", "0", "12", "9,876,555"]


def test_the_funnel_adds_up_and_leads_with_the_main_reason() -> None:
    frame = funnel(large_manifest(large_edits(12)))
    for _, rows in frame.groupby(["category", "stage"]):
        assert (rows["taken_in"] - rows["kept"] == rows["dropped"].sum()).all()
        assert rows["dropped"].is_monotonic_decreasing


def test_the_funnel_begins_where_the_categories_have_not_yet_parted() -> None:
    frame = funnel(make_manifest())
    assert list(frame["category"].unique()) == [EVERY_CATEGORY, "recent", "popular", "long_tail", "robust"]
    assert list(frame[frame["category"] == "popular"]["stage"].unique()) == ["selection", "edits", "splits"]


def test_a_stage_that_drops_nothing_has_one_row_without_a_reason() -> None:
    frame = funnel(make_manifest())
    rows = frame[(frame["category"] == "recent") & (frame["stage"] == "edits")]
    assert rows[["taken_in", "kept", "reason", "dropped"]].to_numpy().tolist() == [[3, 3, "", 0]]


def test_a_release_without_counts_has_an_empty_funnel() -> None:
    assert funnel(make_manifest(counts=())).empty


@pytest.mark.parametrize(
    ("size", "told"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (3_670_395, "3.7 MB"), (2 * 10**12, "2.0 TB")],
)
def test_sizes_are_told_in_decimal_units(size: int, told: str) -> None:
    assert in_bytes(size) == told


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [(0, 5, "0%"), (5, 5, "100%"), (1, 1000, "under 1%"), (999, 1000, "over 99%"), (1, 8, "12%")],
)
def test_shares_never_claim_none_or_all_that_is_not(part: int, whole: int, told: str) -> None:
    assert in_percent(part, whole) == told


def test_codes_read_as_words() -> None:
    assert in_words("middle_in_other_split") == "Middle in other split"
