"""Drift: each measure has a band, and a planted fault leaves it."""

from collections.abc import Mapping

import pytest

from pipeline.core.errors import ChecksFailed
from pipeline.core.manifest import CheckRecord, CountRecord, Numbers
from pipeline.core.settings import load_operations
from pipeline.publish.drift import Finding, distance, measure_drift, refuse_drift, written

BANDS = load_operations().drift


def numbers(**fields: object) -> Numbers:
    """An invented release of a usual week."""
    usual: dict[str, object] = {
        "release": "v2026.11.16",
        "window_end": None,
        "rows": {"recent": {"train": 800, "test": 200}, "popular": {"train": 900, "test": 100}},
        "relations": {"recent": {"P26": 600, "P69": 400}},
        "changes": {"world_change": 900, "late_entry": 1_100},
        "counts": (
            CountRecord(stage="edits", category="recent", taken_in=1_100, kept=1_000, dropped={"no_wording": 100}),
        ),
        "checks": (
            CheckRecord(name="sound", required=True, looked_at=2_000, failures=0),
            CheckRecord(name="filled", required=False, looked_at=2_000, failures=10),
        ),
    }
    return Numbers.model_validate(usual | fields)


def outside(new: Numbers, *past: Numbers) -> list[str]:
    return [f"{one.measure} of {one.of}" for one in measure_drift(new, past, BANDS) if one.is_outside]


def test_the_first_release_has_nothing_to_be_compared_with() -> None:
    assert measure_drift(numbers(), [], BANDS) == []
    assert written([]) == "There is no earlier release to compare with."


def test_a_usual_week_is_inside_every_band() -> None:
    findings = measure_drift(numbers(), [numbers(), numbers()], BANDS)
    assert {one.measure for one in findings} == {"rows", "relation mix", "class mix", "rate", "check"}
    assert not outside(numbers(), numbers(), numbers())


def count(kept: int, dropped: Mapping[str, int]) -> tuple[CountRecord, ...]:
    taken_in = kept + sum(dropped.values())
    return (CountRecord(stage="edits", category="recent", taken_in=taken_in, kept=kept, dropped=dropped),)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"rows": {"recent": {"train": 300}, "popular": {"train": 900}}}, ["rows of recent"]),
        ({"rows": {"recent": {"train": 1_000}}}, ["rows of popular"]),
        ({"rows": {"recent": {"train": 2_100}, "popular": {"train": 900}}}, ["rows of recent"]),
        ({"relations": {"recent": {"P26": 200, "P69": 400, "P54": 400}}}, ["relation mix of recent"]),
        ({"changes": {"world_change": 100, "late_entry": 1_900}}, ["class mix of all changes"]),
        (
            {"counts": count(700, {"no_wording": 400})},
            ["rate of edits of recent: kept", "rate of edits of recent: no_wording"],
        ),
        (
            {"counts": count(800, {"no_wording": 100, "new_reason": 200})},
            ["rate of edits of recent: kept", "rate of edits of recent: new_reason"],
        ),
        (
            {"checks": (CheckRecord(name="sound", required=True, looked_at=2_000, failures=1),)},
            ["check of sound", "check of filled, which was not run"],
        ),
    ],
)
def test_a_planted_fault_leaves_its_band(fields: dict[str, object], expected: list[str]) -> None:
    assert outside(numbers(**fields), numbers(), numbers(), numbers()) == expected


def test_a_check_that_is_not_required_may_fail_as_often_as_usual() -> None:
    def failing(rows: int) -> Numbers:
        checks = list(numbers().checks)
        return numbers(checks=(checks[0], checks[1].model_copy(update={"failures": rows})))

    assert not outside(failing(49), numbers())
    assert outside(failing(51), numbers()) == ["check of filled"]


def test_few_rows_are_not_compared_but_their_end_is_told() -> None:
    few = numbers(rows={"recent": {"train": 12}}, relations={"recent": {"P26": 12}})
    other = numbers(rows={"recent": {"train": 50}}, relations={"recent": {"P69": 50}})
    none = numbers(rows={"recent": {"train": 0}}, relations={"recent": {}})
    assert not outside(few, other)
    assert outside(none, other) == ["rows of recent"]


def test_rows_are_compared_from_min_rows_on() -> None:
    """Of fewer, on both sides, only the end is a finding."""
    enough = BANDS.min_rows

    def weeks(value: int, usual: int) -> list[str]:
        new, old = (numbers(rows={"recent": {"train": rows}}, relations={}, changes={}) for rows in (value, usual))
        return outside(new, old)

    assert weeks(1, enough) == weeks(enough, 1) == ["rows of recent"]
    assert weeks(1, enough - 1) == weeks(enough - 1, 1) == []
    assert weeks(0, enough - 1) == ["rows of recent"]
    assert weeks(enough - 1, 0) == weeks(0, 0) == []


@pytest.mark.parametrize(("fewer", "compared"), [(0, True), (1, False)])
def test_mixes_and_rates_are_compared_from_min_rows_on(fewer: int, compared: bool) -> None:
    rows = BANDS.min_rows - fewer
    usual = {"rows": {}, "relations": {"recent": {"P26": 1_000}}, "counts": count(1_000, {}), "changes": {}}
    odd = {"rows": {}, "relations": {"recent": {"P69": rows}}, "counts": count(0, {"few": rows}), "changes": {}}
    expected = ["relation mix of recent", "rate of edits of recent: few", "rate of edits of recent: kept"]
    assert outside(numbers(**odd), numbers(**usual)) == (expected if compared else [])
    assert outside(numbers(**usual), numbers(**odd)) == (expected if compared else [])
    halves = [numbers(**odd | {"relations": {"recent": {"P69": part}}}) for part in (rows - 1, 1)]
    mixes = [one for one in outside(numbers(**usual), *halves) if one.startswith("relation")]
    assert mixes == (expected[:1] if compared else [])


def test_one_odd_week_does_not_move_what_is_usual() -> None:
    odd = numbers(rows={"recent": {"train": 10_000}, "popular": {"train": 1_000}})
    assert not outside(numbers(), odd, numbers(), numbers(), numbers())


def test_a_refusal_names_every_number_and_its_band() -> None:
    findings = measure_drift(numbers(rows={"recent": {"train": 300}, "popular": {"train": 900}}), [numbers()], BANDS)
    with pytest.raises(ChecksFailed, match="rows of recent is 300, usually 1,000, allowed 500 to 2,000") as refused:
        refuse_drift("v2026.11.23", findings)
    assert refused.value.exit_code == 1
    assert "Nothing was published" in str(refused.value)
    assert written(findings).splitlines()[0].startswith("OUTSIDE rows of recent")
    refuse_drift("v2026.11.23", [one for one in findings if not one.is_outside])


def test_of_many_numbers_the_first_are_told_and_the_others_counted() -> None:
    findings = [Finding("rows", f"category_{number}", 1, 1_000, 500.5, 2_000) for number in range(7)]
    with pytest.raises(ChecksFailed) as refused:
        refuse_drift("v2026.11.23", findings)
    told = str(refused.value)
    assert "category_2 is 1, usually 1,000, allowed 500 to 2,000; and 4 more (v2026.11.23)." in told
    assert "category_3" not in told


def test_a_band_holds_its_ends() -> None:
    assert not Finding("rows", "recent", 500, 1_000, 500, 2_000).is_outside
    assert Finding("rows", "recent", 499, 1_000, 500, 2_000).is_outside


def test_distances_lie_between_nothing_and_everything() -> None:
    assert distance({}, {}) == 0
    assert distance({"P26": 1}, {"P26": 1, "P69": 1}) == 0.5
    assert distance({"P26": 1}, {}) == 0.5
