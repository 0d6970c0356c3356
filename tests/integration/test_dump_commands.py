"""`ingest`, `diff`, `reshard` and `plan` as a user runs them, on dumps that the generator makes."""

import bz2
import gzip
import hashlib
import importlib.util
import os
import random
import resource
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from signal import SIGKILL

import pytest

from pipeline.core.settings import load_settings
from pipeline.core.tables import read_table
from pipeline.language.templates import load_templates
from pipeline.stages import wanted
from tests import reference_parser
from tests.bench.generate import lines, write_dump
from tests.integration.command import (
    REPO,
    Moment,
    editmill,
    environment,
    files,
    finish,
    half_written,
    living,
    process,
    start,
    stopped,
    succeed,
    wait_until,
    well,
)

ITEMS = 700
SHARDS = "[dump]\nshard_bytes = 262_144\n"
TABLES = ("statements", "entities", "mentions", "titles", "frequency.parquet", "degree.parquet", "counts.json")

needs_dask = pytest.mark.skipif(
    not importlib.util.find_spec("distributed"), reason="Dask is not installed: pip install .[dask]"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dumps")
    write_dump(folder / "old.json.gz", ITEMS)
    write_dump(folder / "new.json.gz", ITEMS, changed=0.05)
    (folder / "new.json").write_bytes(gzip.decompress((folder / "new.json.gz").read_bytes()))
    (folder / "shards.toml").write_text(SHARDS)
    return folder


@pytest.fixture(scope="module")
def ingested(folder: Path) -> dict[str, bytes]:
    """What one worker makes of the newer dump in one go."""
    out = folder / "ingested"
    succeed("ingest", folder / "new.json.gz", "--out", out, "--workers", 1, "--config", folder / "shards.toml")
    return tables(out)


def tables(out: Path) -> dict[str, bytes]:
    assert half_written(out) == []
    return {name: content for name, content in files(out).items() if name.split("/")[0] in TABLES}


def asked(folder: Path, dump: str, out: Path, *more: object) -> tuple[object, ...]:
    """The command line that ingests a dump of the folder in small shards."""
    return ("ingest", folder / dump, "--out", out, "--config", folder / "shards.toml", *more)


def ingest(folder: Path, dump: object, out: Path, *more: object) -> dict[str, bytes]:
    command = ("ingest", dump, "--out", out, "--config", folder / "shards.toml", "--workers", 2, *more)
    well(process(*command) if "dask" in more else editmill(*command))
    return tables(out)


def test_the_tables_are_those_of_a_plain_reading_and_counts_those_of_brute_force(
    folder: Path, ingested: dict[str, bytes]
) -> None:
    kept = wanted(load_templates(), load_settings().dump.wikis)
    reading = reference_parser.read(list(lines(ITEMS, changed=0.05)), set(kept.properties), set(kept.wikis))
    out = folder / "ingested"
    assert read_table(out / "statements").to_pylist() == reading.statements
    rows = [{**row, "state": row["last_revision"]} for row in reading.entities]
    assert read_table(out / "entities").to_pylist() == rows
    frequency = {row["id"]: row["frequency"] for row in read_table(out / "frequency.parquet").to_pylist()}
    assert {item: count for item, count in frequency.items() if count} == reading.mentions
    degree = {
        row["id"]: (row["in_degree"], row["out_degree"]) for row in read_table(out / "degree.parquet").to_pylist()
    }
    out_degree = Counter(subject for subject, _ in reading.neighbours)
    in_degree = Counter(neighbour for _, neighbour in reading.neighbours)
    assert {item: counts for item, counts in degree.items() if any(counts)} == {
        item: (in_degree[item], out_degree[item]) for item in in_degree | out_degree
    }
    assert len(ingested) > 4 * 5


@pytest.mark.parametrize("form", ["plain", "bz2", "folder", "pipe", "address"])
def test_the_tables_are_the_same_however_the_dump_comes(
    form: str, folder: Path, ingested: dict[str, bytes], tmp_path: Path
) -> None:
    dump: object = folder / "new.json"
    if form == "bz2":
        dump = tmp_path / "new.json.bz2"
        dump.write_bytes(bz2.compress((folder / "new.json").read_bytes(), 1))
    if form == "folder":
        options = ("--config", folder / "shards.toml", "--workers", 2)
        succeed("reshard", dump, "--out", tmp_path / "shards", *options)
        dump = tmp_path / "shards"
    if form == "address":
        pytest.importorskip("fsspec")
        dump = f"file://{folder / 'new.json.gz'}"
    if form == "pipe":
        run = subprocess.run(
            [sys.executable, "-m", "pipeline.cli.main", "ingest", "-", "--out", str(tmp_path / "out")]
            + ["--config", str(folder / "shards.toml"), "--workers", "2"],
            input=(folder / "new.json.gz").read_bytes(), env=environment(), capture_output=True, check=True,
        )  # fmt: skip
        assert str(ITEMS) in run.stdout.decode()
        assert tables(tmp_path / "out") == ingested
        return
    assert ingest(folder, dump, tmp_path / "out") == ingested


@needs_dask
@pytest.mark.parametrize("dump", ["new.json", "new.json.gz"])
def test_dask_makes_the_same_bytes(dump: str, folder: Path, ingested: dict[str, bytes], tmp_path: Path) -> None:
    assert ingest(folder, folder / dump, tmp_path / "out", "--executor", "dask") == ingested


def test_the_second_time_nothing_is_done(folder: Path, ingested: dict[str, bytes], tmp_path: Path) -> None:
    out = shutil.copytree(folder / "ingested", tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    assert ingest(folder, folder / "new.json.gz", out) == ingested
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")} == before


MOMENTS = [
    *(rf"/counts/0000{shard:02d}\.json$" for shard in (1, 3, 4)),
    *(rf"/{table}/0000{shard:02d}\.parquet$" for shard, table in enumerate(TABLES[:4], 5)),
    r"/\.ingest-\w+\.part$",
    r"^rename .*/ingest-\w+$",
    r"/frequency\.parquet$",
    r"/degree\.parquet$",
    r"^rename .*/mentions-\w+$",
    *(rf"^rename .*/out/{name}$" for name in ("counts", "entities", "statements", "titles", "mentions")),
    *(rf"^rename .*/out/{name}$" for name in ("degree.parquet", "frequency.parquet", "done.json")),
]


def test_killed_at_twenty_moments_it_ends_in_the_same_bytes(
    folder: Path, ingested: dict[str, bytes], tmp_path: Path
) -> None:
    assert len(MOMENTS) == 20
    out, draw = tmp_path / "out", random.Random(4)
    met = 0
    for moment in draw.sample(MOMENTS, len(MOMENTS)):
        run = stopped(*asked(folder, "new.json", out), "--workers", draw.choice((1, 1, 2)), at=Moment(moment))
        met += run.code == -SIGKILL
        if run.code == 0:  # past that moment already: begin again
            assert tables(out) == ingested
            shutil.rmtree(out)
    assert met >= 10
    assert ingest(folder, folder / "new.json", out) == ingested


def test_a_worker_that_dies_is_told_and_leaves_no_table_for_whole(
    folder: Path, ingested: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run = stopped(
        *asked(folder, "new.json.gz", out, "--workers", 2), at=Moment(r"/counts/000002\.json$", SIGKILL, "self")
    )
    assert run.code == 2
    assert "A worker process died" in run.err
    assert not (out / "done.json").exists()
    assert ingest(folder, folder / "new.json.gz", out) == ingested


@needs_dask
def test_shards_of_a_lost_dask_worker_are_read_by_another(
    folder: Path, ingested: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run = start(*asked(folder, "new.json", out, "--workers", 2), "--executor", "dask")
    assert wait_until(lambda: any(out.glob(".work/*/counts/*.json")))
    os.kill(dask_worker(run.pid), SIGKILL)
    assert finish(run).code == 0
    assert tables(out) == ingested


def dask_worker(group: int) -> int:
    """One of the workers of a run's cluster."""
    command = "multiprocessing.spawn import spawn_main"
    return next(pid for pid in living(group) if command in Path(f"/proc/{pid}/cmdline").read_text())


@needs_dask
def test_when_every_dask_worker_is_lost_it_is_told_and_the_next_run_goes_on(
    folder: Path, ingested: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run = process(
        *asked(folder, "new.json", out, "--workers", 2),
        "--executor",
        "dask",
        at=Moment(r"/counts/000002\.json$", SIGKILL, "self"),
    )
    assert run.code == 2
    assert "Workers of the cluster were lost" in run.err
    assert not (out / "done.json").exists()
    assert ingest(folder, folder / "new.json", out) == ingested


def test_a_disk_that_takes_no_more_is_told_and_a_second_run_goes_on(
    folder: Path, ingested: dict[str, bytes], tmp_path: Path
) -> None:
    """A quota that needs no rights to set: the system refuses with EFBIG."""
    out = tmp_path / "out"
    run = process(
        *asked(folder, "new.json.gz", out, "--workers", 1),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert run.code == 2
    assert "The disk refused a write: File too large" in run.err
    assert not (out / "done.json").exists()
    assert ingest(folder, folder / "new.json.gz", out) == ingested


def test_a_dump_that_is_not_the_listed_one_is_refused(folder: Path, tmp_path: Path) -> None:
    dump = Path(shutil.copy(folder / "new.json.gz", tmp_path))
    listing = tmp_path / "wikidata-20260901-md5sums.txt"
    listing.write_text(f"{hashlib.md5(dump.read_bytes()).hexdigest()}  {dump.name}\n")
    dump.write_bytes(dump.read_bytes()[:-1] + b"?")
    run = editmill("ingest", dump, "--out", tmp_path / "out", "--workers", 1)
    assert run.code == 2
    assert "not what wikidata-20260901-md5sums.txt lists" in run.err


def test_a_cut_dump_is_refused_with_its_place(folder: Path, tmp_path: Path) -> None:
    for name in ("new.json", "new.json.gz"):
        content = (folder / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) * 2 // 3])
        run = editmill("ingest", tmp_path / name, "--out", tmp_path / f"out-{name}", "--workers", 2)
        assert run.code == 2
        assert "after byte" in run.err
        assert not (tmp_path / f"out-{name}" / "done.json").exists()


def test_diff_tells_the_changes_and_does_not_depend_on_workers_or_kills(folder: Path, tmp_path: Path) -> None:
    command = ("diff", folder / "old.json.gz", folder / "new.json.gz", "--config", folder / "shards.toml")
    run = succeed(*command, "--out", tmp_path / "one", "--workers", 1)
    assert "correction" in run.out
    for moment in (r"newer/counts/000003", r"older/counts/000004", r"^rename .*/changes-\w+$"):
        killed = stopped(*command, "--out", tmp_path / "two", "--workers", 2, at=Moment(moment))
        assert killed.code == -SIGKILL
    succeed(*command, "--out", tmp_path / "two", "--workers", 2)
    found = [read_table(tmp_path / name / "changes.parquet") for name in ("one", "two")]
    assert (tmp_path / "one" / "changes.parquet").read_bytes() == (tmp_path / "two" / "changes.parquet").read_bytes()
    assert found[0].num_rows > 20


def test_plan_gives_a_projection_with_its_arithmetic(folder: Path) -> None:
    run = succeed("plan", folder / "new.json.gz", "--workers", 16, "--config", folder / "shards.toml")
    assert "projection" in run.out
    assert "max(decode, (decode + parse) / workers)" in run.out
    assert editmill("plan", folder / "nowhere").code == 2


def test_help_imports_nothing_heavy() -> None:
    heavy = {"duckdb", "pyarrow", "numpy", "isal", "distributed"}
    code = f"import sys, pipeline.cli.main; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
