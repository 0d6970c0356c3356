"""Scoring a file of requests: the same table however often a run was stopped, and no pair scored twice.

A run that was killed leaves some files whole and others not there; so tests take files away and run again. The real
thing, with a signal at an exact moment, is in `tests/integration/test_score_command.py`.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.core import schema
from pipeline.core.errors import InputError, UsageError
from pipeline.core.progress import Reporter
from pipeline.core.tables import read_table
from pipeline.lm.model_spec import ModelSpec
from pipeline.lm.score_file import AUDIT, MANIFEST, Summary, score_file
from pipeline.lm.scores import Sentence
from tests.scorers import HfScorer, model_spec
from tests.unit.lm.conftest import named, requests

TOLERANCE = 1e-4
NAMES = ["Mara Quellin", "Port Ansel", "Zdeněk Šťastný", "my mother", "Mara", "東京"]
FRAMES = ["We spoke about {}.", "{} mentioned the stadium", "We spoke about {}, then left.", "{} was {}."]
SENTENCES = [named(frame.format(name, name), name) for name in NAMES for frame in FRAMES] + [
    Sentence("my mother", 3, 99),
    Sentence("my   mother", 2, 5),
    named("my mother " * 40 + "Mara", "Mara"),
]
SHARDS = 4
QUIET = Reporter("quiet")


def a_spec(folder: Path, **settings: object) -> ModelSpec:
    """A model that runs with small shards and a small audit."""
    return model_spec(folder, shard_rows=7, min_audit_pairs=5, **settings)


def a_file(path: Path, table: pa.Table) -> Path:
    pq.write_table(table, path)
    return path


@pytest.fixture(scope="module")
def finished(folders: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `requests.parquet` was scored into `out`."""
    root = tmp_path_factory.mktemp("scored")
    score_file(a_file(root / "requests.parquet", requests(SENTENCES)), root / "out", a_spec(folders["llama"]), QUIET)
    return root


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    return shutil.copytree(finished, tmp_path / "copy")


def again(root: Path, folder: Path, **settings: object) -> Summary:
    return score_file(root / "requests.parquet", root / "out", a_spec(folder, **settings), QUIET)


def manifest(out: Path) -> dict[str, object]:
    return json.loads((out / MANIFEST).read_text())


def parts(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("*.parquet")}


def pairs_scored(out: Path) -> list[bytes]:
    """The keys of all pairs that were ever scored in a folder, each as often as it was."""
    return [
        key for path in (out / ".work/pairs").glob("*.parquet") for key in read_table(path)["score_key"].to_pylist()
    ]


def test_the_table_is_that_of_the_scorer_in_the_order_of_the_requests(
    finished: Path, scorers: Mapping[str, HfScorer]
) -> None:
    table = read_table(finished / "out")
    expected = scorers["llama"].score(requests(SENTENCES))
    assert table.schema.equals(schema.SCORES)
    assert len(parts(finished / "out")) == SHARDS
    for row, other in zip(table.to_pylist(), expected.to_pylist(), strict=True):
        for column in ("id", "score_key", "status", "token_count", "byte_count", "is_greedy"):
            assert row[column] == other[column]
        assert row["log_likelihood_sum"] == pytest.approx(other["log_likelihood_sum"], abs=TOLERANCE)
    assert set(table["status"].to_pylist()) == {"ok", "bad_span", "no_tokens", "too_long"}


def test_every_part_says_who_scored(finished: Path, scorers: Mapping[str, HfScorer]) -> None:
    for path in (finished / "out").glob("*.parquet"):
        metadata = pq.read_schema(path).metadata
        assert metadata[b"name"] == b"llama"
        assert metadata[b"revision"].decode() == scorers["llama"].revision
        assert metadata[b"tokenizer_hash"].decode() == scorers["llama"].tokenizer_hash
        assert metadata[b"dtype"] == b"float32"
        assert metadata[b"bos_id"].decode() == str(scorers["llama"].bos_id)


def test_no_pair_is_scored_twice(finished: Path) -> None:
    """What differs after the name is one pair, also in different shards."""
    keys = [key for key in read_table(finished / "out")["score_key"].to_pylist() if key]
    scored = pairs_scored(finished / "out")
    assert sorted(scored) == sorted(set(keys))
    assert len(scored) < len(keys)
    assert sum(shard["pairs"] for shard in manifest(finished / "out")["shards"].values()) == len(scored)


def _without_scores(out: Path) -> None:
    for path in sorted(out.glob("*.parquet"))[1:]:
        path.unlink()


def _without_late_pairs(out: Path) -> None:
    _without_scores(out)
    first = {key for key in read_table(out / "scores-00000.parquet")["score_key"].to_pylist() if key}
    for path in (out / ".work/pairs").iterdir():
        if not first & set(read_table(path)["score_key"].to_pylist()):
            path.unlink()


def _without_middle_pairs(out: Path) -> None:
    """As when two workers were at it, and the later shard was done first."""
    _without_late_pairs(out)
    (out / "scores-00000.parquet").unlink()


def _with_half_a_file(out: Path) -> None:
    _without_late_pairs(out)
    (out / ".work/pairs/.abc.parquet.part").write_bytes(b"PAR1")


@pytest.mark.parametrize("left", [_without_scores, _without_late_pairs, _without_middle_pairs, _with_half_a_file])
def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(
    left: Callable[[Path], None], copy: Path, folders: Mapping[str, Path]
) -> None:
    before = parts(copy / "out")
    left(copy / "out")
    again(copy, folders["llama"])
    assert parts(copy / "out") == before
    scored = pairs_scored(copy / "out")
    assert len(scored) == len(set(scored))


def test_a_finished_run_is_not_touched(copy: Path, folders: Mapping[str, Path]) -> None:
    before = {path: path.stat().st_mtime_ns for path in (copy / "out").rglob("*.parquet")}
    assert again(copy, folders["llama"]).statuses["ok"] == 24
    assert {path: path.stat().st_mtime_ns for path in (copy / "out").rglob("*.parquet")} == before


def test_other_requests_take_the_place_of_the_earlier_ones_and_use_their_scores(
    copy: Path, folders: Mapping[str, Path], scorers: Mapping[str, HfScorer]
) -> None:
    before = set(pairs_scored(copy / "out"))
    more = [named("We spoke about my brothers.", "my brothers"), *SENTENCES[:3]]
    a_file(copy / "requests.parquet", requests(more))
    again(copy, folders["llama"])
    table = read_table(copy / "out")
    assert table["id"].to_pylist() == ["0", "1", "2", "3"]
    assert len(set(pairs_scored(copy / "out")) - before) == 1
    expected = scorers["llama"].score(requests(more))["log_likelihood_sum"].to_pylist()
    assert table["log_likelihood_sum"].to_pylist() == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize(("family", "dtype"), [("gpt2", "float32"), ("llama", "bfloat16")])
def test_another_model_or_number_type_is_refused(
    family: str, dtype: str, copy: Path, folders: Mapping[str, Path]
) -> None:
    before = parts(copy / "out")
    with pytest.raises(UsageError, match=r"holds scores of llama with (revision|dtype).*Give another --out"):
        again(copy, folders[family], dtype=dtype)
    assert parts(copy / "out") == before


def test_a_model_may_move(copy: Path, folders: Mapping[str, Path]) -> None:
    moved = shutil.copytree(folders["llama"], copy / "elsewhere")
    assert again(copy, moved).statuses["ok"] == 24


def test_scores_that_nobody_claims_are_refused(copy: Path, folders: Mapping[str, Path]) -> None:
    (copy / "out" / MANIFEST).unlink()
    with pytest.raises(UsageError, match=f"no {MANIFEST}"):
        again(copy, folders["llama"])


def test_two_workers_give_the_same_scores(finished: Path, folders: Mapping[str, Path], tmp_path: Path) -> None:
    spec = a_spec(folders["llama"], workers=2)
    score_file(finished / "requests.parquet", tmp_path / "out", spec, QUIET)
    one, two = read_table(finished / "out"), read_table(tmp_path / "out")
    assert one["score_key"].equals(two["score_key"])
    for left, right in zip(*(table["log_likelihood_sum"].to_pylist() for table in (one, two)), strict=True):
        assert left == pytest.approx(right, abs=TOLERANCE)
    assert len(pairs_scored(tmp_path / "out")) == len(pairs_scored(finished / "out"))


@pytest.mark.parametrize("sharing", ["dedup", "none"])
def test_sharing_changes_no_score(sharing: str, finished: Path, folders: Mapping[str, Path], tmp_path: Path) -> None:
    spec = a_spec(folders["llama"], sharing=sharing)
    score_file(finished / "requests.parquet", tmp_path / "out", spec, QUIET)
    one, other = (read_table(folder / "out") for folder in (finished, tmp_path))
    assert one["status"].equals(other["status"])
    sums = [table["log_likelihood_sum"].drop_null().to_pylist() for table in (one, other)]
    assert sums[0] == pytest.approx(sums[1], abs=TOLERANCE, rel=0)


def test_a_model_that_cannot_share_beginnings_is_told_of_once(
    finished: Path, folders: Mapping[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    score_file(finished / "requests.parquet", tmp_path / "out", a_spec(folders["gemma2"]), Reporter("quiet"))
    assert capsys.readouterr().err.count("cannot share beginnings") == 1
    assert {shard["sharing"] for shard in manifest(tmp_path / "out")["shards"].values()} == {"dedup"}


# The audit of half precision


def test_half_precision_is_audited(finished: Path, folders: Mapping[str, Path], tmp_path: Path) -> None:
    score_file(finished / "requests.parquet", tmp_path / "out", a_spec(folders["llama"], dtype="bfloat16"), QUIET)
    report = json.loads((tmp_path / "out" / AUDIT).read_text())
    assert report["dtype"] == "bfloat16"
    assert (report["pairs"], report["of_pairs"]) == (5, len(pairs_scored(tmp_path / "out")))
    assert 0 < report["mean_difference"] <= report["max_difference"] < 5
    assert report["spearman"] >= 0.9
    assert not (finished / "out" / AUDIT).exists()  # float32 needs none


# Requests


def columns(**changed: object) -> pa.Table:
    good: dict[str, object] = {"id": ["a", "b"], "text": ["my mother", "Mara"], "start": [3, 0], "end": [9, 4]}
    return pa.table({name: column for name, column in (good | changed).items() if column is not None})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (columns(text=None), "lack the column text"),
        (columns(start=None, end=None), "lack the column start, end"),
        (columns(id=[1, 2]), "column id holds int64 and not strings"),
        (columns(start=[3.0, 0.5]), "column start holds double and not whole numbers"),
        (columns(text=["my mother", None]), "column text has 1 nulls, the first in row 1"),
        (columns(end=[9, 2**40]), "cannot be read: .*1099511627776"),
        (columns(id=["a", "a"]), "1 ids stand for several requests, such as 'a'"),
    ],
)
def test_requests_that_are_not_fit_are_refused(
    table: pa.Table, message: str, folders: Mapping[str, Path], tmp_path: Path
) -> None:
    path = a_file(tmp_path / "requests.parquet", table)
    with pytest.raises(InputError, match=message) as caught:
        score_file(path, tmp_path / "out", a_spec(folders["llama"]), QUIET)
    assert caught.value.where == str(path)
    assert not list((tmp_path / "out").glob("*.parquet"))


def test_a_file_that_is_no_parquet_is_refused(folders: Mapping[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "requests.parquet"
    with pytest.raises(InputError, match="cannot be read"):
        score_file(path, tmp_path / "out", a_spec(folders["llama"]), QUIET)
    path.write_text("id,text,start,end\n")
    with pytest.raises(InputError, match="not a Parquet file"):
        score_file(path, tmp_path / "out", a_spec(folders["llama"]), QUIET)


def test_wider_types_and_more_columns_do_no_harm(folders: Mapping[str, Path], tmp_path: Path) -> None:
    table = columns(start=pa.array([3, 0], pa.int64()), text=pa.array(["my mother", "Mara"], pa.large_string()))
    table = table.append_column("note", pa.array(["x", "y"]).dictionary_encode())
    summary = score_file(a_file(tmp_path / "r.parquet", table), tmp_path / "out", a_spec(folders["llama"]), QUIET)
    assert summary.statuses == {"ok": 2}


def test_no_requests_give_an_empty_table(folders: Mapping[str, Path], tmp_path: Path) -> None:
    path = a_file(tmp_path / "r.parquet", requests([]))
    summary = score_file(path, tmp_path / "out", a_spec(folders["llama"]), QUIET)
    assert (summary.requests, dict(summary.statuses)) == (0, {})
    assert read_table(tmp_path / "out").equals(schema.SCORES.empty_table())


def test_there_is_no_such_device(folders: Mapping[str, Path], tmp_path: Path) -> None:
    path = a_file(tmp_path / "r.parquet", requests(SENTENCES[:1]))
    with pytest.raises(UsageError, match="no device 'cuda:9'.*Use one of auto, cpu"):
        score_file(path, tmp_path / "out", a_spec(folders["llama"], device="cuda:9"), QUIET)
