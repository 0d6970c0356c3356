"""LIKELIHOOD_AUC: pairs counted by hand, ranks with ties, and strata that take length out of the comparison."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import StatisticsError

import pytest

from pipeline.core import schema
from pipeline.core.tables import Database, read_table, write_records
from pipeline.lm import bundled
from pipeline.select.likelihood_auc import auc, measure_likelihood_auc, spearman
from pipeline.select.selection import open_views
from pipeline.select.thresholds import find_thresholds
from tests.measured import Row, Tables, triple, with_section
from tests.minikg import TEMPLATES

POPULAR, LONG_TAIL = range(1, 11), range(11, 51)
HEADS = (*POPULAR, *LONG_TAIL)
HELD_OUT = [0, 2, 11, 13, 15, 17, 20, 25, 28, 29, 32, 37, 39]  # of the ids below 40


def likelihood_auc(
    folder: Path, scores: Mapping[int, float], sizes: Mapping[int, int] | None = None, model: str = "m"
) -> list[Row]:
    """LIKELIHOOD_AUC of ten popular heads and forty rare ones that nobody reads."""
    tables = Tables(
        [triple(item) for item in HEADS],
        views=dict.fromkeys(POPULAR, 9),
        frequency={**dict.fromkeys(POPULAR, 90), **dict.fromkeys(LONG_TAIL, 1)},
        degree={**{item: (90, item) for item in POPULAR}, **dict.fromkeys(LONG_TAIL, (1, 1))},
        likelihood=scores,
        sizes=sizes or {},
    )
    settings = with_section("likelihood", stratum_heads=5)
    with Database(folder / "scratch", "200MB") as database:
        open_views(database, tables.write(folder), TEMPLATES.hops)
        models = [{"model": model, "revision": "0", "dtype": "float32", "tokenizer": "0"}]
        database.view("models", write_records(models, folder / "models.parquet", schema.MODELS))
        find_thresholds(database, settings, folder / "thresholds.parquet")
        return read_table(measure_likelihood_auc(database, settings, folder / "separation.parquet")).to_pylist()


def test_scores_that_follow_popularity_separate_wholly(tmp_path: Path) -> None:
    (row,) = likelihood_auc(tmp_path, {**dict.fromkeys(POPULAR, -1.0), **dict.fromkeys(LONG_TAIL, -2.0)})
    assert (row["heads"], row["carrier_class"], row["measured"]) == ("all", "neutral", 50)
    assert (row["popular"], row["long_tail"]) == (10, 40)
    assert row["auc"] == row["auc_in_strata"] == 1
    assert row["rho_degree"] > 0.9


def test_within_strata_length_plays_no_part(tmp_path: Path) -> None:
    """Popular names are short, and short names score low: taken together the order is turned round."""
    short = {*POPULAR[:8], *LONG_TAIL[:8]}
    scores = {item: (-5.0 if item in short else -1.0) + (0.1 if item in POPULAR else 0.0) for item in HEADS}
    (row,) = likelihood_auc(tmp_path, scores, {item: 4 if item in short else 30 for item in HEADS})
    assert row["auc"] < 0.5
    assert row["auc_in_strata"] == 1


def test_heads_held_out_are_told_for_the_bundled_model_alone(tmp_path: Path) -> None:
    scores = {item: float(-item) for item in HEADS}
    assert [row["heads"] for row in likelihood_auc(tmp_path / "a", scores)] == ["all"]
    everyone, held_out = likelihood_auc(tmp_path / "b", scores, model=bundled.SHOWN_NAME)
    assert (everyone["heads"], held_out["heads"]) == ("all", "held_out")
    assert held_out["measured"] == sum(map(bundled.is_held_out, scores)) > 0


def test_scores_that_are_all_the_same_correlate_with_nothing(tmp_path: Path) -> None:
    (row,) = likelihood_auc(tmp_path, dict.fromkeys(HEADS, -1.0))
    assert (row["auc"], row["rho_degree"], row["rho_degree_in_strata"]) == (0.5, None, None)


def test_nothing_scored_gives_no_rows(tmp_path: Path) -> None:
    assert likelihood_auc(tmp_path, {}) == []


@pytest.mark.parametrize(
    ("high", "low", "share"),
    [([2, 3], [0, 1], 1), ([0], [1], 0), ([1], [1], 0.5), ([1, 3], [2], 0.5), ([1, 2, 2], [2, 0], 4 / 6)],
)
def test_the_area_is_the_share_of_pairs(high: Sequence[float], low: Sequence[float], share: float) -> None:
    assert auc(high, low) == pytest.approx(share)


@pytest.mark.parametrize(
    ("left", "right", "rho"),
    [
        ([1, 2, 3], [2, 4, 9], 1),
        ([2, 3, 1], [20, 90, 10], 1),
        ([1, 2, 3], [3, 2, 1], -1),
        ([1, 1, 2, 3], [1, 2, 2, 5], 0.8333),
    ],
)
def test_rank_correlation_with_ties(left: Sequence[float], right: Sequence[float], rho: float) -> None:
    assert spearman(left, right) == pytest.approx(rho, abs=1e-3)


def test_one_value_has_no_rank_correlation() -> None:
    with pytest.raises(StatisticsError):
        spearman([1, 1], [1, 2])


def test_a_fifth_of_items_is_held_out_and_always_the_same() -> None:
    """The weights of the bundled model depend on it."""
    assert [item for item in range(40) if bundled.is_held_out(item)] == HELD_OUT
    assert 0.19 < sum(map(bundled.is_held_out, range(20_000))) / 20_000 < 0.21


def test_a_head_that_is_viewed_and_rare_or_neither_is_of_no_side_and_strata_weigh_as_their_pairs(
    tmp_path: Path,
) -> None:
    """Beside the sides: viewed and rare; neither; rare by one count alone, each way; viewed, but not among the most.

    Of 100 pairs within strata the 90 of short names are in order and the 10 of long names are not.
    """
    popular, long_tail, (both, neither, seldom, sparse, passed_over) = range(1, 5), range(11, 51), range(101, 106)
    odd = (both, neither, seldom, sparse, passed_over)
    items = (*popular, *long_tail, *odd)
    long = {4, *range(41, 51)}
    tables = Tables(
        [triple(item) for item in items],
        views={**dict.fromkeys((*popular, both), 9), passed_over: 1},
        frequency={item: 1 if item in (*long_tail, both, seldom) else 90 for item in items if item != 11},
        degree={item: (1, 1) if item in (*long_tail, both, sparse) else (1, 9) for item in items if item != 12},
        likelihood={item: -1.0 - (item not in popular) if item not in long else -4.0 - (item == 4) for item in items},
        sizes={item: 30 if item in long else 4 for item in items},
    )
    chosen = with_section("likelihood", stratum_heads=5)
    settings = chosen.model_copy(update={"popular": chosen.popular.model_copy(update={"heads": 5})})
    with Database(tmp_path / "scratch", "200MB") as database:
        open_views(database, tables.write(tmp_path), TEMPLATES.hops)
        find_thresholds(database, settings, tmp_path / "thresholds.parquet")
        (row,) = read_table(measure_likelihood_auc(database, settings, tmp_path / "auc.parquet")).to_pylist()
    assert (row["measured"], row["popular"], row["long_tail"]) == (49, 4, 40)
    assert row["auc_in_strata"] == 0.9
