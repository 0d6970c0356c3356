"""Thresholds: the nearest rank (decision 10), and for likelihood within strata of names of about one length."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import pytest

from pipeline.core import schema
from pipeline.core.tables import Database
from pipeline.select.selection import open_views
from pipeline.select.thresholds import Stratum, find_thresholds, strata
from tests.measured import DEFAULTS, Row, Tables, thresholds, triple, with_section
from tests.minikg import TEMPLATES

STATISTIC = DEFAULTS.likelihood.statistic


def by_measure(tables: Tables, folder: Path, percentile: float = 80) -> dict[str, Row]:
    """THRESHOLDS by measure."""
    rows = thresholds(tables, folder, with_section("long_tail", percentile=percentile))
    return {row["measure"]: row for row in rows}


@pytest.mark.parametrize(
    ("values", "percentile", "threshold", "share"),
    [
        (range(1, 11), 80, 8, 0.8),
        (range(1, 6), 80, 4, 0.8),
        (range(1, 5), 80, 4, 1.0),  # the 3.2th is the 4th
        (range(1, 11), 100, 10, 1.0),
        (range(1, 11), 0.1, 1, 0.1),
        ([7], 80, 7, 1.0),
        ([1, 1, 1, 1, 2, 2, 2, 2, 2, 9], 80, 2, 0.9),  # ties: more than the percentile
        ([3, 3, 3, 3, 3, 3, 3, 3, 3, 3], 50, 3, 1.0),
        ([9, 1, 8, 2, 7, 3, 6, 4, 5, 5], 50, 5, 0.6),
    ],
)
def test_a_threshold_is_the_nearest_rank_and_tells_the_share_it_really_selects(
    values: Sequence[int], percentile: float, threshold: int, share: float, tmp_path: Path
) -> None:
    heads = {number: value for number, value in enumerate(values, start=1)}
    tables = Tables(
        [triple(number) for number in heads], frequency=heads, degree={n: (v - 1, 1) for n, v in heads.items()}
    )
    found = by_measure(tables, tmp_path, percentile)
    for measure in ("frequency", "degree"):
        assert found[measure] == {
            **dict.fromkeys(schema.THRESHOLDS.names),
            "measure": measure,
            "heads": len(heads),
            "threshold": threshold,
            "share": share,
        }


def test_only_subjects_of_eligible_triples_are_heads_and_each_of_them_once(tmp_path: Path) -> None:
    rows = [triple(1), triple(1, "P106"), triple(2), triple(3, reason="ended")]
    found = by_measure(Tables(rows, frequency={1: 5, 2: 7, 3: 900, 4: 900}), tmp_path, 100)
    assert (found["frequency"]["heads"], found["frequency"]["threshold"]) == (2, 7)


def test_a_head_that_nothing_mentions_has_the_frequency_zero(tmp_path: Path) -> None:
    found = by_measure(Tables([triple(1), triple(2)], frequency={2: 5}), tmp_path, 50)
    assert found["frequency"]["threshold"] == found["degree"]["threshold"] == 0


def test_only_scored_heads_have_a_likelihood(tmp_path: Path) -> None:
    rows = [triple(number) for number in range(1, 11)]
    found = by_measure(Tables(rows, likelihood={1: -5.0, 2: -1.0}), tmp_path, 50)[STATISTIC]
    assert (found["heads"], found["threshold"], found["share"]) == (2, -5.0, 0.5)


def test_what_was_not_measured_has_no_threshold(tmp_path: Path) -> None:
    found = by_measure(Tables([triple(1)]), tmp_path)[STATISTIC]
    assert found == {**dict.fromkeys(schema.THRESHOLDS.names), "measure": STATISTIC, "heads": 0}


# Strata


def joined(heads: Mapping[int, int], width: int = 4, enough: int = 10) -> list[Stratum]:
    return strata(heads, DEFAULTS.likelihood.model_copy(update={"stratum_bytes": width, "stratum_heads": enough}))


@pytest.mark.parametrize(
    ("heads", "found"),
    [
        ({}, [(0, None)]),
        ({12: 1}, [(0, None)]),
        ({2: 10, 5: 10, 9: 10}, [(0, 4), (5, 8), (9, None)]),
        ({2: 3, 5: 3, 9: 4, 13: 10}, [(0, 12), (13, None)]),  # three steps make one stratum
        ({2: 10, 5: 10, 9: 9}, [(0, 4), (5, None)]),  # what is left over goes to the one before
        ({2: 10, 400: 10}, [(0, 4), (5, None)]),  # steps without any head
    ],
)
def test_strata_are_joined_until_each_has_enough_heads(
    heads: Mapping[int, int], found: Sequence[tuple[int, int | None]]
) -> None:
    assert joined(heads) == found


def long_and_short(random: Random) -> Tables:
    """Long names get lower scores per byte than short ones, whoever bears them."""
    sizes = {item: random.choice((6, 14, 30)) for item in range(1, 601)}
    scores = {item: -size / 10 + random.gauss(0, 0.3) for item, size in sizes.items()}
    return Tables([triple(item) for item in sizes], likelihood=scores, in_facts=scores, sizes=sizes)


def test_without_strata_long_names_would_fill_the_long_tail_and_with_them_they_do_not(tmp_path: Path) -> None:
    """The lower half of scores: without strata every long name and no short one."""
    tables = long_and_short(Random(7))

    def selected(stratum_heads: int) -> dict[int, float]:
        halves = with_section("long_tail", percentile=50)
        likelihood = halves.likelihood.model_copy(update={"stratum_heads": stratum_heads})
        rows = thresholds(tables, tmp_path, halves.model_copy(update={"likelihood": likelihood}))
        cuts = [row for row in rows if row["carrier_class"] == "neutral"]
        shares: dict[int, list[bool]] = {}
        for item, size in tables.sizes.items():
            cut = next(row["threshold"] for row in cuts if row["max_bytes"] is None or size <= row["max_bytes"])
            shares.setdefault(size, []).append(tables.likelihood[item] <= cut)
        return {size: sum(taken) / len(taken) for size, taken in shares.items()}

    without = selected(stratum_heads=10_000)
    assert without[6] < 0.02
    assert without[30] == 1
    assert all(0.49 <= share <= 0.52 for share in selected(stratum_heads=100).values())


def test_each_class_of_sentences_has_thresholds_of_its_own_and_the_name_alone_has_none(tmp_path: Path) -> None:
    heads = range(1, 11)
    tables = Tables(
        [triple(number) for number in heads],
        likelihood={n: -float(n) for n in heads},
        in_facts={n: -n / 10 for n in heads},
    )
    rows = thresholds(tables, tmp_path, with_section("long_tail", percentile=50))
    found = {row["carrier_class"]: row["threshold"] for row in rows if row["measure"] == STATISTIC}
    assert found == {"neutral": -6.0, "fact": -0.6}


def test_the_statistic_of_decision_12_can_be_chosen(tmp_path: Path) -> None:
    heads = range(1, 11)
    tables = Tables([triple(number) for number in heads], likelihood={n: -float(n) for n in heads})
    settings = with_section("likelihood", statistic="log_likelihood_mean")
    found = {row["measure"]: row["threshold"] for row in thresholds(tables, tmp_path, settings)}
    assert found["log_likelihood_mean"] == 8.0  # the table has the other sign there
    assert STATISTIC not in found


def test_each_row_of_names_is_judged_once_by_its_own_class_and_length(tmp_path: Path) -> None:
    short, long = range(1, 11), range(11, 21)
    tables = Tables(
        [triple(number) for number in (*short, *long)],
        likelihood={**dict.fromkeys(short, -1.0), **dict.fromkeys(long, -3.0)},
        in_facts={**dict.fromkeys(short, -2.0), **dict.fromkeys(long, -4.0)},
        sizes={**dict.fromkeys(short, 6), **dict.fromkeys(long, 40)},
    )
    with Database(tmp_path / "scratch", "200MB") as database:
        open_views(database, tables.write(tmp_path), TEMPLATES.hops)
        find_thresholds(database, with_section("likelihood", stratum_heads=10), tmp_path / "thresholds.parquet")
        rows = database.table("SELECT id, carrier_class, value, threshold FROM judged_names ORDER BY ALL").to_pylist()
    assert len({(row["id"], row["carrier_class"]) for row in rows}) == len(rows) == 60
    assert all(row["threshold"] == (None if row["carrier_class"] == "alone" else row["value"]) for row in rows)
