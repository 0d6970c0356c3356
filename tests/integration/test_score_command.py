"""`editmill score` as a user runs it: killed at exact moments, run again, refused in words; and a build likewise."""

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.core.manifest import AuditRecord, read_manifest
from pipeline.core.tables import read_table
from tests.integration.command import Moment, editmill, half_written, process, shown, succeed
from tests.integration.dumps import States
from tests.unit.lm.conftest import metaspace_tokenizer, named, requests, save_model

NAMES = ["Mara Quellin", "Port Ansel", "my mother", "Mara", "her brothers", "the Netherlands"]
SENTENCES = [
    named(f"{start} about {name}.", name) for name in NAMES for start in ("We spoke", "On the way", "Yesterday")
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, requests, a configuration with small shards, and what an undisturbed run gives."""
    root = tmp_path_factory.mktemp("score")
    save_model(root / "model", "llama", metaspace_tokenizer())
    pq.write_table(requests(SENTENCES), root / "requests.parquet")
    (root / "small.toml").write_text("[model]\nshard_rows = 5\n")
    succeed(*command(root, root / "whole"))
    return root


def command(root: Path, out: Path) -> list[object]:
    model, config = ("--model", root / "model"), ("--config", root / "small.toml")
    return ["score", root / "requests.parquet", *model, *config, "--out", out, "--device", "cpu"]


def tables(out: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("*.parquet")}


def shards(out: Path) -> Mapping[str, object]:
    """What is known of each shard, apart from the seconds that it took."""
    found = json.loads((out / "scores.json").read_text())["shards"]
    return {
        shard: {name: value for name, value in stats.items() if name != "seconds"} for shard, stats in found.items()
    }


@pytest.mark.parametrize("before", [r"rename .*new_pairs.*00002", r"rename .*pairs/", r"rename .*scores-00001"])
def test_killed_at_any_moment_and_run_again_gives_the_same_bytes(before: str, place: Path, tmp_path: Path) -> None:
    killed = process(*command(place, tmp_path / "out"), at=Moment(before))
    assert killed.code == -9, killed.err
    assert len(tables(tmp_path / "out")) < 4
    run = succeed(*command(place, tmp_path / "out"))
    assert "18 requests" in run.out
    assert tables(tmp_path / "out") == tables(place / "whole")
    assert shards(tmp_path / "out") == shards(place / "whole")
    assert half_written(tmp_path / "out") == []
    keys = [
        key
        for path in (tmp_path / "out/.work/pairs").glob("*.parquet")
        for key in pq.read_table(path)["score_key"].to_pylist()
    ]
    assert len(keys) == len(set(keys))


def test_what_cannot_be_done_is_exit_code_2_with_a_remedy(place: Path) -> None:
    run = editmill(*command(place, place / "whole"), "--dtype", "bfloat16")
    assert run.code == 2
    assert "holds scores of model with dtype float32" in run.err
    assert "Give another --out" in run.err
    run = editmill("score", place / "absent.parquet", "--model", place / "model", "--out", place / "other")
    assert (run.code, "cannot be read" in run.err) == (2, True)


# A build


def test_a_build_scores_in_half_precision_with_the_options_of_score(states: States, work: Path, tmp_path: Path) -> None:
    options = ("--model", "bundled", "--dtype", "bfloat16", "--sharing", "dedup", "--model-workers", 2)
    run = succeed("build", *states.arguments, "--work", work, "--out", tmp_path / "out", *options)
    assert "Audit of bfloat16 on" in run.err
    (name,) = shown(tmp_path / "out")
    manifest = read_manifest(tmp_path / "out" / name)
    asked = manifest.settings.model
    assert (asked.dtype, asked.sharing, asked.workers, asked.revision) == ("bfloat16", "dedup", 2, "main")
    assert manifest.model is not None
    assert (manifest.model.dtype, manifest.model.devices, manifest.model.sharing) == ("bfloat16", ("cpu",), ("dedup",))
    (folder,) = work.glob("likelihood-*")
    assert manifest.model.audit == AuditRecord.model_validate_json((folder / "scores/audit.json").read_bytes())
    assert set(read_table(folder / "likelihood.parquet")["dtype"].to_pylist()) == {"bfloat16"}


def test_a_build_is_refused_a_device_that_is_not_there(states: States, work: Path, tmp_path: Path) -> None:
    options = ("--model", "bundled", "--device", "cuda:99")
    run = editmill("build", *states.arguments, "--work", work, "--out", tmp_path / "out", *options)
    assert (run.code, "no device 'cuda:99'" in run.err) == (2, True)
