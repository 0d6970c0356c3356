"""The same inputs, settings and seed give the same bytes: elsewhere, with other workers, and after a kill anywhere.

A run is killed at exact moments (see `command.Moment`), not at times that depend on the machine.
"""

import re
import shutil
from pathlib import Path
from signal import SIGKILL
from typing import NamedTuple

import pytest

from tests.integration.command import (
    Moment,
    editmill,
    files,
    finish,
    half_written,
    living,
    process,
    shown,
    stages_made,
    start,
    stopped,
    succeed,
    wait_until,
    well,
)
from tests.integration.dumps import States

# So that even these small dumps have more shards than workers, to read and to score.
SHARDS = "[dump]\nshard_bytes = 131_072\n[model]\nshard_rows = 300\n"
PAIRS = "scores/.work/pairs"  # of the stage `likelihood`: the scores of each shard


class Reference(NamedTuple):
    """A run that nothing disturbed, and what all others must end in."""

    command: tuple[object, ...]
    out: Path

    @property
    def release(self) -> dict[str, bytes]:
        """Every file by its path."""
        (name,) = shown(self.out)
        return files(self.out / name)

    @property
    def stages(self) -> list[str]:
        """Every stage that was made, in order."""
        return stages_made(self.out / ".work")


def built(folder: Path, *command: object) -> Reference:
    """A release of many shards, built by one worker in one go."""
    config = folder / "shards.toml"
    config.write_text(SHARDS)
    command = ("build", *command, "--config", config)
    succeed(*command, "--out", folder / "out", "--workers", 1)
    return Reference(command, folder / "out")


@pytest.fixture(scope="module")
def reference(states: States, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A release with every stage."""
    return built(tmp_path_factory.mktemp("reference"), *states.arguments, "--model", "bundled")


@pytest.fixture(scope="module")
def plain(states: States, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """One without a model, for runs that are killed where none is asked: its process takes seconds to start."""
    return built(tmp_path_factory.mktemp("plain"), *states.arguments)


def assert_same(out: Path, reference: Reference) -> None:
    """The only thing to see in a folder is the reference's release, byte for byte; nothing unfinished is left."""
    assert shown(out) == shown(reference.out)
    (name,) = shown(out)
    found = files(out / name)
    assert found.keys() == reference.release.keys()
    assert [path for path, content in reference.release.items() if found[path] != content] == []
    assert half_written(out) == []


def test_the_reference_has_every_stage_once_and_many_shards(reference: Reference) -> None:
    """Stages are killed below as they are found here; this test shows that the search finds them."""
    assert len(reference.stages) == len(set(reference.stages))
    assert {"scan", "ingest", "changes", "popularity", "likelihood", "variants"} <= set(reference.stages)
    folders = [path for path in (reference.out / ".work").iterdir() if path.is_dir() and path.name != "scratch"]
    assert len(reference.stages) >= len(folders)
    assert len(list((reference.out / ".work").glob("ingest-*/statements/*.parquet"))) > 3
    assert len(scored(reference.out / ".work", "likelihood-*")) > 3


# Elsewhere


def test_inputs_and_outputs_in_other_places_and_another_time_zone_and_language(
    reference: Reference, my_states: States, tmp_path: Path
) -> None:
    out = tmp_path / "another place" / "ötstad"
    env = {"TZ": "Asia/Kathmandu", "LANG": "tr_TR.UTF-8", "LC_ALL": "C", "PYTHONHASHSEED": "4242", "USER": "nobody"}
    command = ("build", *my_states.arguments, *reference.command[-4:])
    well(process(*command, "--out", out, "--workers", 1, env=env, cwd=tmp_path))
    assert_same(out, reference)


def test_three_workers(reference: Reference, tmp_path: Path) -> None:
    well(process(*reference.command, "--out", tmp_path / "out", "--workers", 3, env={"PYTHONHASHSEED": "7"}))
    assert_same(tmp_path / "out", reference)


# From finished stages


def test_a_release_made_again_from_finished_stages(reference: Reference, tmp_path: Path) -> None:
    work = shutil.copytree(reference.out / ".work", tmp_path / "work")
    before = {path: path.stat().st_mtime_ns for path in work.rglob("*.parquet")}
    succeed(*reference.command, "--out", tmp_path / "out", "--work", work, "--workers", 2)
    assert_same(tmp_path / "out", reference)
    assert {path: path.stat().st_mtime_ns for path in work.rglob("*.parquet")} == before


def test_a_stage_that_is_gone_is_made_again_and_the_others_stay(reference: Reference, tmp_path: Path) -> None:
    work = shutil.copytree(reference.out / ".work", tmp_path / "work")
    for gone in (*work.glob("screening-*"), *work.glob("edits-*")):
        shutil.rmtree(gone)
    before = {path: path.stat().st_mtime_ns for path in work.rglob("*.parquet")}
    succeed(*reference.command, "--out", tmp_path / "out", "--work", work, "--workers", 1)
    assert_same(tmp_path / "out", reference)
    after = {path: path.stat().st_mtime_ns for path in work.rglob("*.parquet")}
    assert {path: after[path] for path in before} == before


# Kills


def killed(reference: Reference, out: Path, before: str, workers: int = 1) -> None:
    """A run that is killed before it does something; nothing of it is to be seen."""
    run = stopped(*reference.command, "--out", out, "--workers", workers, at=Moment(before))
    assert run.code == -SIGKILL, f"never came to {before}: {run.err}"
    assert shown(out) == []


@pytest.fixture(params=["plain", "reference"])
def line(request: pytest.FixtureRequest, plain: Reference, reference: Reference) -> tuple[Reference, list[str]]:
    """A line and stages that it is killed in: each stage once, with the model only those that there are for it."""
    if request.param == "plain":
        return plain, plain.stages
    return reference, [stage for stage in reference.stages if stage not in plain.stages]


def test_the_two_lines_have_every_stage_between_them(plain: Reference, reference: Reference) -> None:
    assert set(plain.stages) < set(reference.stages)
    assert {"score_requests", "likelihood"} == set(reference.stages) - set(plain.stages)


def test_killed_amid_each_stage_and_run_again_each_time(line: tuple[Reference, list[str]], tmp_path: Path) -> None:
    undisturbed, stages = line
    out = tmp_path / "out"
    for stage in stages:
        killed(undisturbed, out, rf"^rename .*/\.{stage}-\w+\.part/")
    succeed(*undisturbed.command, "--out", out, "--workers", 1)
    assert_same(out, undisturbed)


def test_killed_as_each_stage_is_put_in_place_and_run_again_each_time(
    line: tuple[Reference, list[str]], tmp_path: Path
) -> None:
    undisturbed, stages = line
    out = tmp_path / "out"
    for stage in stages:
        killed(undisturbed, out, rf"^rename .*/{stage}-\w+$")
        unfinished = {path.name for path in half_written(out) if path.is_dir()}
        assert f".{finished(undisturbed, stage)}.part" in unfinished  # a scan runs inside the ingestion
    succeed(*undisturbed.command, "--out", out, "--workers", 1)
    assert_same(out, undisturbed)


def finished(reference: Reference, stage: str) -> str:
    (folder,) = (path for path in (reference.out / ".work").rglob(f"{stage}-*") if (path / "done.json").exists())
    return folder.name


RELEASE_STEPS = [
    r"^mkdir .*/\.v[^/]+\.part/data",
    r"^rename .*/exports/zsre/",
    r"^rename .*/figures/",
    r"^rename .*/manifest.json$",
    r"^rename .*/v[^/]+$",
]


def test_killed_while_the_release_is_written_and_run_again_each_time(plain: Reference, tmp_path: Path) -> None:
    out, work = tmp_path / "out", shutil.copytree(plain.out / ".work", tmp_path / "out" / ".work")
    for before in RELEASE_STEPS:
        killed(plain, out, before)
    succeed(*plain.command, "--out", out, "--workers", 1)
    assert_same(out, plain)
    assert {path.name for path in work.iterdir()} == {path.name for path in (plain.out / ".work").iterdir()}


def test_killed_amid_shards_that_three_workers_read(plain: Reference, tmp_path: Path) -> None:
    out = tmp_path / "out"
    killed(plain, out, r"/\.ingest-.*/statements/000003\.parquet$", workers=3)
    killed(plain, out, r"/\.changes-.*/revisions/000005\.parquet$", workers=3)
    succeed(*plain.command, "--out", out, "--workers", 3)
    assert_same(out, plain)


def test_shards_that_were_finished_before_a_kill_are_not_read_again(plain: Reference, tmp_path: Path) -> None:
    out = tmp_path / "out"
    killed(plain, out, r"/counts/000004\.json$")
    (part,) = (out / ".work").glob(".ingest-*.part")
    done = {path.name: path.stat().st_mtime_ns for path in (part / "counts").glob("[0-9]*.json")}
    assert len(done) == 4
    killed(plain, out, r"^mkdir .*/\.changes-")
    (folder,) = (out / ".work").glob("ingest-*")
    assert {name: (folder / "counts" / name).stat().st_mtime_ns for name in done} == done


def scored(work: Path, stage: str) -> dict[str, int]:
    """The files of pairs that were scored, in the order in which they were written, with the time of that."""
    times = {path.name: path.stat().st_mtime_ns for path in work.glob(f"{stage}/{PAIRS}/*.parquet")}
    return dict(sorted(times.items(), key=lambda named: named[1]))


def test_names_that_were_scored_before_a_kill_are_not_scored_again(reference: Reference, tmp_path: Path) -> None:
    """Only the shard in flight is lost: the third of several, whose scores are about to be put in place."""
    out = tmp_path / "out"
    first, second, third, *others = scored(reference.out / ".work", "likelihood-*")
    killed(reference, out, rf"^rename .*/{third}$")
    before = scored(out / ".work", ".likelihood-*.part")
    assert list(before) == [first, second]
    succeed(*reference.command, "--out", out, "--workers", 1)
    after = scored(out / ".work", "likelihood-*")
    assert list(after) == [first, second, third, *others]
    assert {name: after[name] for name in before} == before
    assert_same(out, reference)


def test_workers_end_when_the_command_alone_is_killed(reference: Reference, tmp_path: Path) -> None:
    """As the kernel does when memory is short; a worker that went on would write into what the next run makes."""
    out = tmp_path / "out"
    started = start(
        *reference.command, "--out", out, "--workers", 3, at=Moment(r"/counts/000001\.json$", SIGKILL, "parent")
    )
    assert finish(started).code == -SIGKILL
    assert wait_until(lambda: not living(started.pid), seconds=10)
    succeed(*reference.command, "--out", out, "--workers", 2)
    assert_same(out, reference)


def test_a_worker_that_dies_is_told_and_the_next_run_goes_on(plain: Reference, tmp_path: Path) -> None:
    out = tmp_path / "out"
    at = Moment(r"/counts/000002\.json$", SIGKILL, "self")
    run = stopped(*plain.command, "--out", out, "--workers", 2, at=at)
    assert run.code == 2
    assert "A worker process died, most likely for lack of memory" in run.err
    assert "Use fewer --workers" in run.err
    assert shown(out) == []
    succeed(*plain.command, "--out", out, "--workers", 1)
    assert_same(out, plain)


def test_left_overs_of_a_killed_run_never_look_like_a_release(plain: Reference, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(plain.out / ".work", out / ".work")
    killed(plain, out, r"^rename .*/v[^/]+$")
    (part,) = out.glob(".v*.part")
    assert re.fullmatch(r"\.v[\d.]+\.part", part.name)
    assert editmill("check", out).code == 2
