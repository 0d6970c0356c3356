"""How fast dumps are read: every number is a ratio to a baseline of the same run, taken in turns.

Work of one process is measured in CPU seconds, which neighbours on the machine disturb less than the clock; work of
several by the clock. EDITMILL_BENCH_ITEMS sets the size: 5,000 items are about 18 MB of content.
"""

import argparse
import gc
import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import schema
from pipeline.progress import Reporter
from pipeline.settings import load_settings
from pipeline.shards import InlineExecutor
from pipeline.signals.degree import measure_degree
from pipeline.sources import dump, dump_scan
from pipeline.sources.entities import Entity
from pipeline.sources.entity_json import Rows, read_entity
from pipeline.sources.heads import find_heads
from pipeline.sources.passes import read_shards
from pipeline.stages import Line, wanted
from pipeline.tables import Database, write_table
from pipeline.templates import load_templates
from tests import reference_parser
from tests.bench.generate import write_dump

ITEMS = int(os.environ.get("EDITMILL_BENCH_ITEMS", "5000"))
EDGES = int(os.environ.get("EDITMILL_BENCH_EDGES", "6000000"))
ROUNDS = 3
SETTINGS = load_settings()
TEMPLATES = load_templates()
WANTED = wanted(Line(SETTINGS, TEMPLATES, Path(), 1, Reporter("quiet")))
DATED = frozenset(f"P{number}" for number in TEMPLATES.dating.properties)
_decode = msgspec.json.Decoder(Entity).decode


@dataclass(frozen=True)
class Ratio:
    """One comparison."""

    name: str
    goal: str
    ratio: float
    is_met: bool
    seconds: float
    baseline_seconds: float


def main(arguments: Sequence[str]) -> int:
    """Measure everything; `dump.json` and `dump.md` appear in the folder."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench dump", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("releases/bench/dump"), metavar="DIR", help="where results go")
    out: Path = parser.parse_args(arguments).out
    out.mkdir(parents=True, exist_ok=True)
    old, new, big = (out / name for name in ("old.json.gz", "new.json.gz", "big.json.gz"))
    write_dump(old, ITEMS)
    write_dump(new, ITEMS, changed=0.02)
    write_dump(big, 4 * ITEMS)
    plain = [path.with_suffix("") for path in (old, new)]
    for packed, path in zip((old, new), plain, strict=True):
        path.write_bytes(gzip.decompress(packed.read_bytes()))
    work = out / "work"
    found = [
        _compare("ingest to plain gzip and json, the same tables written", "at least 4 times as fast", 4,
                 lambda: _ingest(new, work), lambda: _plain_ingest(new, work)),
        _compare("ingest to bare decompression and typed decoding", "at least 0.5 times as fast", 0.5,
                 lambda: _ingest(new, work), lambda: _bare(new)),
        _compare("heads of unchanged items to parsing", "at least 10 times as fast", 10,
                 lambda: _heads(plain[1]), lambda: _parse(plain[1])),
        _compare("two scans for changes, plain, to two ingests", "at least 4 times as fast", 4,
                 lambda: _scan(*plain, work), lambda: _both(plain, work)),
        _compare("two scans for changes, gzip, to two ingests", "at least 4 times as fast", 4,
                 lambda: _scan(old, new, work), lambda: _both((old, new), work)),
        _compare("a million items of 4n to one of n", "as fast: 0.9 at least", 0.9,
                 lambda: _ingest(big, work), lambda: [_ingest(new, work) for _ in range(4)]),
        _compare("two workers to one, plain", "at least 1.7 times as fast", 1.7,
                 lambda: _command(plain[1], work, 2), lambda: _command(plain[1], work, 1), time.perf_counter),
        _compare("two workers to one, gzip", "at least 1.7 times as fast", 1.7,
                 lambda: _command(new, work, 2), lambda: _command(new, work, 1), time.perf_counter),
    ]  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    facts = {
        "items": ITEMS,
        "content_bytes": plain[1].stat().st_size,
        "peak_bytes_of_a_process": peak,
        "merge": _merge(out / "merge"),
    }
    (out / "dump.json").write_text(json.dumps({"facts": facts, "ratios": list(map(asdict, found))}, indent=1) + "\n")
    text = _markdown(found, facts)
    (out / "dump.md").write_text(text)
    print(text)
    return 0


def _compare(
    name: str,
    goal: str,
    least: float,
    ours: Callable[[], object],
    baseline: Callable[[], object],
    clock: Callable[[], float] = time.process_time,
) -> Ratio:
    """The least of several rounds of each, taken in turns."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for work, kept in zip((ours, baseline), times, strict=True):
            gc.collect()
            started = clock()
            work()
            kept.append(clock() - started)
    seconds, slow = map(min, times)
    print(f"{name}: {slow / seconds:.2f}", flush=True)
    return Ratio(name, goal, slow / seconds, slow / seconds >= least, seconds, slow)


def _ingest(path: Path, work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    dump.ingest(path, work, WANTED, SETTINGS.dump, InlineExecutor(), 1)


def _both(paths: tuple[Path, ...] | list[Path], work: Path) -> None:
    for path in paths:
        _ingest(path, work)


def _plain_ingest(path: Path, work: Path) -> None:
    """The same tables by the gzip and json modules and dictionaries, written by PyArrow as it comes."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    with gzip.open(path) as file:
        lines = [line for row in file if (line := row.strip().rstrip(b",")) not in (b"[", b"]")]
    reading = reference_parser.read(lines, set(WANTED.properties), set(WANTED.wikis))
    entities = [{**row, "state": row["last_revision"]} for row in reading.entities]
    pq.write_table(pa.Table.from_pylist(reading.statements, schema.STATEMENTS), work / "statements.parquet")
    pq.write_table(pa.Table.from_pylist(entities, schema.ENTITIES), work / "entities.parquet")
    titles = [dict(zip(schema.TITLES.names, row, strict=True)) for row in sorted(reading.titles)]
    pq.write_table(pa.Table.from_pylist(titles, schema.TITLES), work / "titles.parquet")
    ahead, behind = (Counter(pair[side] for pair in reading.neighbours) for side in (0, 1))
    counts = [
        {"id": item, "mentions": reading.mentions[item], "in_neighbours": behind[item], "out_neighbours": ahead[item]}
        for item in sorted(reading.mentions.keys() | ahead.keys() | behind.keys())
    ]
    pq.write_table(pa.Table.from_pylist(counts, schema.MENTIONS), work / "mentions.parquet")


def _bare(path: Path) -> None:
    for shard in read_shards(path, SETTINGS.dump):
        for _, line in shard.lines():
            _decode(line)


def _heads(path: Path) -> None:
    for shard in read_shards(path, SETTINGS.dump):
        find_heads(shard)


def _parse(path: Path) -> None:
    for shard in read_shards(path, SETTINGS.dump):
        rows = Rows()
        for _, line in shard.lines():
            read_entity(line, WANTED, rows)


def _scan(old: Path, new: Path, work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    reading = dump_scan.Reading(SETTINGS.dump, DATED, SETTINGS.memory, InlineExecutor(), 1)
    assert dump_scan.find_changed(old, new, work, reading).is_quick


def _command(path: Path, work: Path, workers: int) -> None:
    shutil.rmtree(work, ignore_errors=True)
    config = path.parent / "shards.toml"
    config.write_text("[dump]\nshard_bytes = 4_194_304\n")  # so that there are enough for two workers
    command = ("ingest", path, "--out", work, "--workers", workers, "--config", config)
    subprocess.run([sys.executable, "-m", "pipeline.cli", *map(str, command)], check=True, capture_output=True)


def _merge(folder: Path) -> dict[str, float]:
    """Sum the mentions of many edges under a limit that makes DuckDB spill."""
    shutil.rmtree(folder, ignore_errors=True)
    draw = np.random.default_rng(4)
    for shard in range(20):
        ids = np.sort(draw.integers(1, EDGES // 5, EDGES // 20))
        ones = np.ones(len(ids), dtype=np.int64)
        table = pa.table({"id": ids, "mentions": ones, "in_neighbours": ones, "out_neighbours": ones})
        write_table(table, folder / "mentions" / f"{shard:06d}.parquet", schema.MENTIONS)
    limit = max(EDGES // 60, 60_000)  # kilobytes: 1 GB for 60 million edges
    spilt, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            spilt.append(sum(file.stat().st_size for file in (folder / "scratch").glob("*") if file.exists()))

    watcher = threading.Thread(target=watch)
    started = time.perf_counter()
    with Database(folder / "scratch", f"{limit}KB") as database:
        watcher.start()
        measure_degree(folder / "mentions", database, folder / "degree.parquet")
        done.set()
        watcher.join()
    seconds = time.perf_counter() - started
    return {"edges": EDGES, "limit_kilobytes": limit, "seconds": seconds, "most_spilt_bytes": max(spilt)}


def _markdown(found: list[Ratio], facts: dict[str, object]) -> str:
    rows = [
        f"| {one.name} | {one.goal} | {one.ratio:.2f} | {'yes' if one.is_met else 'no'} "
        f"| {one.seconds:.2f} | {one.baseline_seconds:.2f} |"
        for one in found
    ]
    head = ["| what | goal | ratio | met | seconds | baseline |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *rows, "", *(f"- {name}: {value}" for name, value in facts.items())]) + "\n"
