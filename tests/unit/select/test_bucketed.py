"""Screening by buckets gives what screening as a whole gives: the same tables, whatever the buckets."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.core.parallel import InlineExecutor, executor
from pipeline.core.settings import load_settings
from pipeline.core.tables import Database, read_table
from pipeline.select import bucketed, screening
from pipeline.select.buckets import find_buckets
from tests.minikg import GUEST, TEMPLATES, Mini

SETTINGS = load_settings().screening
TABLES = ("past", "undated", "triples")


def _ingested(mini: Mini) -> screening.Ingested:
    ingested, screened = mini.stage("ingest"), mini.stage("screening")
    return screening.Ingested(ingested / "statements", ingested / "entities", screened / "types.parquet")


def _screen(mini: Mini, count: int, out: Path) -> Path:
    tables = _ingested(mini)
    bucketed.screen(tables, TEMPLATES, SETTINGS, [GUEST], "1GB", 1, InlineExecutor(), out, count)
    return out


def _rows(folder: Path, names: Sequence[str] = TABLES) -> dict[str, list[dict[str, object]]]:
    return {name: read_table(folder / f"{name}.parquet").to_pylist() for name in names}


@pytest.fixture(scope="module")
def whole(mini: Mini, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of screening in one session."""
    out = tmp_path_factory.mktemp("whole")
    with Database(out / "scratch", "1GB") as database:
        screening.screen(_ingested(mini), TEMPLATES, SETTINGS, [GUEST], database, out)
    return out


@pytest.mark.parametrize("count", [2, 7])
def test_buckets_give_the_same_tables(count: int, mini: Mini, whole: Path, tmp_path: Path) -> None:
    assert _rows(_screen(mini, count, tmp_path)) == _rows(whole)


def test_two_processes_give_the_same_tables(mini: Mini, whole: Path, tmp_path: Path) -> None:
    with executor(2) as pool:
        bucketed.screen(_ingested(mini), TEMPLATES, SETTINGS, [GUEST], "1GB", 2, pool, tmp_path, 3)
    assert _rows(tmp_path) == _rows(whole)


def test_a_run_that_was_killed_goes_on_with_the_buckets_that_are_left(
    mini: Mini, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(folder: Path) -> None:
        del folder

    monkeypatch.setattr(shutil, "rmtree", keep)
    _screen(mini, 3, tmp_path)
    (folder,) = (tmp_path / "buckets").iterdir()
    for name in ("triples", "judged", "undated", "statements"):
        max((folder / name).iterdir()).unlink()
    (folder / "wrong.parquet").unlink()
    for name in TABLES:
        (tmp_path / f"{name}.parquet").unlink()
    first = (folder / "triples" / "000000.parquet").stat().st_mtime_ns
    _screen(mini, 3, tmp_path)
    assert _rows(tmp_path) == _rows(whole)
    assert (folder / "triples" / "000000.parquet").stat().st_mtime_ns == first


def test_buckets_hold_every_id_once(mini: Mini) -> None:
    buckets = find_buckets(mini.stage("ingest") / "statements", 5)
    assert [bucket.number for bucket in buckets] == list(range(len(buckets)))
    assert all(one.end == other.low for one, other in zip(buckets[:-1], buckets[1:], strict=True))
    assert buckets[0].low < 0 and buckets[-1].end > 2**62
