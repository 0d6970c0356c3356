"""How fast dumps are read: every number is a ratio to a baseline of the same run, taken in turns.

Goals are by the clock, on a machine with nothing else to do; the time of all processors together is told too. 20,000
items are about 430 MB of content.
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
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from isal import igzip

from pipeline.core import schema
from pipeline.core.parallel import InlineExecutor
from pipeline.core.settings import load_settings
from pipeline.core.tables import Database, write_table
from pipeline.language.templates import load_templates
from pipeline.signals.degree import measure_degree
from pipeline.sources.entities import ingestion
from pipeline.sources.entities.revision_scan import scan_revisions
from pipeline.sources.entities.rows import Rows, _decode, read_entity
from pipeline.sources.files.reader import read_shards
from pipeline.stages import wanted
from tests import reference_parser
from tests.bench.generate import write_dump
from tests.states import compare_dumps

ROUNDS = 3
SETTINGS = load_settings()
TEMPLATES = load_templates()
WANTED = wanted(TEMPLATES, SETTINGS.dump.wikis)


@dataclass(frozen=True)
class Ratio:
    """One comparison: how many times as fast as the baseline."""

    name: str
    goal: float  # at least
    ratio: float
    by_processor: float | None = None  # the same in time of all processors together
    seconds: float | None = None
    baseline_seconds: float | None = None


def main(arguments: Sequence[str]) -> int:
    """Measure everything; `dump.json` and `dump.md` appear in the folder."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench dump", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("releases/bench/dump"), metavar="DIR", help="where results go")
    parser.add_argument("--items", type=int, default=20_000, metavar="N", help="items of a dump, 20 kB each")
    parser.add_argument("--edges", type=int, default=6_000_000, metavar="N", help="edges to sum under a memory limit")
    parser.add_argument(
        "--growth", type=int, nargs="*", default=(), metavar="N", help="also ingest dumps of so many small items"
    )
    options = parser.parse_args(arguments)
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    old, new = (out / name for name in ("old.json.gz", "new.json.gz"))
    write_dump(old, options.items, captured=True)
    content = write_dump(new, options.items, changed=0.02, captured=True)
    many = out / "many.json.gz"  # for what takes a second or two to start
    write_dump(many, 20 * options.items)
    for path in (old, new, many):
        _unpack(path)
    plain = [path.with_suffix("") for path in (old, new)]
    work = out / "work"
    found = [
        _compare(
            "ingest to the same tables by gzip and json", 4, lambda: _ingest(new, work), lambda: _plain(new, work)
        ),
        _compare("ingest to bare unpacking and decoding", 0.5, lambda: _ingest(new, work), lambda: _bare(new)),
        _compare("scanning revisions to parsing", 10, lambda: _scan(plain[1]), lambda: _parse(plain[1])),
        _compare("diff, plain, to two ingests", 4, lambda: _diff(*plain, work), lambda: _both(plain, work)),
        _compare("diff, gzip, to two ingests", 4, lambda: _diff(old, new, work), lambda: _both((old, new), work)),
        _two_workers("plain", many.with_suffix(""), work),
        _two_workers("gzip", many, work),
    ]
    growth = _growth(options.growth, out)
    if len(growth) > 1:
        per_million = [one["seconds_per_million"] for one in growth.values()]
        found.append(Ratio("seconds per million items, least to most", 0.9, min(per_million) / max(per_million)))
    facts: dict[str, object] = {"items": options.items, "content_bytes": content}
    facts |= {f"ingest of {items:,} small items": told for items, told in growth.items()}
    facts["merge"] = _merge(out / "merge", options.edges)
    (out / "dump.json").write_text(json.dumps({"facts": facts, "ratios": list(map(asdict, found))}, indent=1) + "\n")
    text = _markdown(found, facts)
    (out / "dump.md").write_text(text)
    print(text)
    return 0


def _unpack(path: Path) -> None:
    with gzip.open(path) as packed, path.with_suffix("").open("wb") as plain:
        shutil.copyfileobj(packed, plain, 1 << 20)


def _compare(name: str, goal: float, ours: Callable[[], object], baseline: Callable[[], object]) -> Ratio:
    """The least of several rounds of each, taken in turns, by the clock and by the time of all processors."""
    clock: tuple[list[float], list[float]] = ([], [])
    processor: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for side, work in enumerate((ours, baseline)):
            gc.collect()
            started, before = time.perf_counter(), _processor_time()
            work()
            clock[side].append(time.perf_counter() - started)
            processor[side].append(_processor_time() - before)
    seconds, slow = map(min, clock)
    ratio = Ratio(name, goal, slow / seconds, min(processor[1]) / min(processor[0]), seconds, slow)
    print(f"{name}: {ratio.ratio:.2f}, by processor time {ratio.by_processor:.2f}", flush=True)
    return ratio


def _two_workers(name: str, path: Path, work: Path) -> Ratio:
    return _compare(
        f"two workers to one, {name}", 1.7, lambda: _command(path, work, 2), lambda: _command(path, work, 1)
    )


def _processor_time() -> float:
    told = os.times()
    return told.user + told.system + told.children_user + told.children_system


def _growth(sizes: Sequence[int], out: Path) -> dict[int, dict[str, float]]:
    """What the command takes for dumps of several sizes, and the memory of its largest process so far."""
    found: dict[int, dict[str, float]] = {}
    for items in sorted(sizes):
        path = out / "growth.json.gz"
        content = write_dump(path, items)
        started = time.perf_counter()
        _command(path, out / "work", 2)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        found[items] = {
            "content_bytes": content,
            "seconds_per_million": seconds / items * 1e6,
            "largest_process_bytes": peak,
        }
        print(items, found[items], flush=True)
        path.unlink()
    return found


def _ingest(path: Path, work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    ingestion.ingest(path, work, WANTED, SETTINGS.dump, InlineExecutor(), 1)


def _both(paths: tuple[Path, ...] | list[Path], work: Path) -> None:
    for path in paths:
        _ingest(path, work)


def _plain(path: Path, work: Path) -> None:
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
    """Unpacking line by line, and decoding to the types of the parser, which are thrown away."""
    with igzip.open(path, "rb") as file:
        for line in cast(BinaryIO, file):
            entity = line.strip(b" \r\n,[]")
            if entity:
                _decode(entity)


def _scan(path: Path) -> None:
    for shard in read_shards(path, SETTINGS.dump):
        scan_revisions(shard)


def _parse(path: Path) -> None:
    for shard in read_shards(path, SETTINGS.dump):
        rows = Rows()
        for _, line in shard.lines():
            read_entity(line, WANTED, rows)


def _diff(old: Path, new: Path, work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    compare_dumps(old, new, work)


def _command(path: Path, work: Path, workers: int) -> None:
    shutil.rmtree(work, ignore_errors=True)
    config = path.parent / "shards.toml"
    config.write_text("[dump]\nshard_bytes = 8_388_608\n")  # so that there are enough for two workers
    command = ("ingest", path, "--out", work, "--workers", workers, "--config", config)
    subprocess.run([sys.executable, "-m", "pipeline.cli.main", *map(str, command)], check=True, capture_output=True)


def _merge(folder: Path, edges: int) -> dict[str, float]:
    """Sum the mentions of many edges under a limit that makes DuckDB spill."""
    shutil.rmtree(folder, ignore_errors=True)
    draw = np.random.default_rng(4)
    for shard in range(20):
        ids = np.sort(draw.integers(1, edges // 5, edges // 20))
        ones = np.ones(len(ids), dtype=np.int64)
        table = pa.table({"id": ids, "mentions": ones, "in_neighbours": ones, "out_neighbours": ones})
        write_table(table, folder / "mentions" / f"{shard:06d}.parquet", schema.MENTIONS)
    limit = max(edges // 60, 60_000)  # kilobytes: 1 GB for 60 million edges
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
    return {"edges": edges, "limit_kilobytes": limit, "seconds": seconds, "most_spilt_bytes": max(spilt)}


def _markdown(found: list[Ratio], facts: dict[str, object]) -> str:
    rows = [
        f"| {one.name} | {one.goal:g} | {one.ratio:.2f} | {_number(one.by_processor)} | {_number(one.seconds)} "
        f"| {_number(one.baseline_seconds)} |"
        for one in found
    ]
    head = ["| what | goal, at least | ratio | by processor time | seconds | baseline |", "|---|---|---|---|---|---|"]
    return "\n".join([*head, *rows, "", *(f"- {name}: {value}" for name, value in facts.items())]) + "\n"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
