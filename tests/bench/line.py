"""How the stages below FACTS grow: each runs in a process of its own on the multiplied slice, at several sizes.

A stage is good if its seconds per million items and the memory of its largest process hardly grow. Time is told by the
clock and, since others may share the machine, by all processors together.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline import stages
from pipeline.core.parallel import InlineExecutor, executor
from pipeline.core.progress import Reporter
from pipeline.core.settings import load_settings
from pipeline.core.tables import file_hash, row_count
from pipeline.edits.exclusions import Exclusions
from pipeline.language.templates import load_templates
from pipeline.select.news import Window
from pipeline.select.selection import Measured
from pipeline.sources.diff.window import read_window
from pipeline.sources.files.sample import sample_dumps, sample_pageviews
from pipeline.sources.pageviews.files import pageview_files
from pipeline.stages import Input, StageContext
from tests.bench.multiply import Slice, multiply

STAGES = ("screening", "mentions", "selection")
_TICK = 0.05  # seconds between two looks at memory and scratch
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Told:
    """What one stage took at one size."""

    stage: str
    items: int
    statements: int
    seconds: float
    processor_seconds: float
    largest_process_bytes: int
    all_processes_bytes: int
    scratch_bytes: int

    @property
    def per_million(self) -> float:
        """Processor seconds per million items."""
        return self.processor_seconds / self.items * 1e6


def main(arguments: Sequence[str]) -> int:
    """Measure every stage at every size; `line.json` and `line.md` appear in the folder."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench line", description=str(__doc__).splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("releases/bench/line"), metavar="DIR", help="where results go")
    parser.add_argument("--items", type=int, nargs="+", default=(100_000, 400_000), metavar="N", help="sizes")
    parser.add_argument("--memory", default="1GB", metavar="SIZE", help="the limit of a run")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="worker processes")
    parser.add_argument("--stages", nargs="+", default=STAGES, choices=STAGES, metavar="STAGE", help="which stages")
    parser.add_argument("--run", choices=STAGES, help=argparse.SUPPRESS)  # in the process of one stage
    options = parser.parse_args(arguments)
    if options.run:
        _run(options.run, options.out, options.memory, options.workers)
        return 0
    source = _slice(options.out / "slice")
    found: list[Told] = []
    for items in sorted(options.items):
        folder = options.out / f"{items}"
        if not (folder / "tables" / "popularity.parquet").is_file():
            with _context(folder, "1GB", 1).database() as database:
                multiply(source, items, database, folder / "tables")
        for name in STAGES:  # earlier ones are made if they are needed
            if name in options.stages:
                found.append(_measure(name, folder, options.memory, options.workers))
                print(json.dumps(asdict(found[-1])), flush=True)
    (options.out / "line.json").write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n")
    text = _markdown(found)
    (options.out / "line.md").write_text(text)
    print(text)
    return 0


def _context(folder: Path, memory: str, workers: int) -> StageContext:
    settings = load_settings().model_copy(update={"memory": memory})
    return StageContext(settings, load_templates(), folder / "work", workers, Reporter("quiet"))


def _slice(folder: Path) -> Slice:
    """The tables of the bundled slice."""
    context, pool = _context(folder, "1GB", 1), InlineExecutor()
    old, new = sample_dumps()
    older, newer = (Input(path, file_hash(path)) for path in (old, new))
    ingested = stages.ingest(context, newer, pool, None, older)
    changed = stages.changed(context, older, newer, pool)
    files = [Input(path, file_hash(path)) for path in pageview_files(sample_pageviews())]
    popularity = stages.count_views(context, files, ingested)
    window = read_window(changed)
    news = stages.find_recent(context, changed, ingested, Window(window.older.date, window.newer.date))
    return Slice(
        ingested / "statements",
        ingested / "entities",
        ingested / "mentions",
        news / "news.parquet",
        popularity / "popularity.parquet",
    )


def _run(name: str, folder: Path, memory: str, workers: int) -> None:
    """Run a stage, and those before it that are not there yet."""
    context, tables = _context(folder, memory, workers), folder / "tables"
    with executor(workers) as pool:
        screened = stages.screen(context, tables, Exclusions(), pool)
        if name == "screening":
            return
        mentions = stages.count_mentions(context, tables)
        if name == "mentions":
            return
        measured = Measured(
            triples=screened / "triples.parquet",
            news=tables / "news.parquet",
            popularity=tables / "popularity.parquet",
            frequency=mentions / "frequency.parquet",
            degree=mentions / "degree.parquet",
            names=None,
            models=None,
        )
        stages.select(context, measured, tables, screened)


def _measure(name: str, folder: Path, memory: str, workers: int) -> Told:
    """Run a stage afresh, in a process of its own, and watch that and its workers."""
    work = folder / "work"
    for made in [*work.glob(f"{name}-*"), *work.glob(".*.part"), *work.glob("scratch")]:  # also what a kill left
        shutil.rmtree(made)
    command = ("line", "--run", name, "--out", folder, "--memory", memory, "--workers", workers)
    before, started = _processor_time(), time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "tests.bench", *map(str, command)])
    largest, together, scratch = _watch(process, work)
    if process.returncode:
        raise SystemExit(f"{name} failed at {folder.name} items")
    return Told(
        name,
        row_count(folder / "tables" / "entities"),
        row_count(folder / "tables" / "statements"),
        time.perf_counter() - started,
        _processor_time() - before,
        largest,
        together,
        scratch,
    )


def _watch(process: "subprocess.Popen[bytes]", work: Path) -> tuple[int, int, int]:
    """The most memory of one process and of all together, and the most scratch, while a process runs."""
    largest = together = scratch = 0
    done = threading.Event()
    waiting = threading.Thread(target=lambda: (process.wait(), done.set()))
    waiting.start()
    while not done.wait(_TICK):
        sizes = [_resident(number) for number in _family(process.pid)]
        largest, together = max([largest, *sizes]), max(together, sum(sizes))
        parts = [part for pattern in ("scratch", ".*.part") for part in work.glob(pattern)]
        scratch = max(scratch, sum(_size(file) for part in parts for file in part.rglob("*")))
    waiting.join()
    return largest, together, scratch


def _family(root: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found = [root]
    for number in found:
        found += children.get(number, ())
    return found


def _resident(process: int) -> int:
    """The memory that is a process's own, in bytes."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{process}/statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _processor_time() -> float:
    told = resource.getrusage(resource.RUSAGE_CHILDREN)
    return told.ru_utime + told.ru_stime


def _markdown(found: Sequence[Told]) -> str:
    head = (
        "stage | items | s/M items, processors | ratio | s/M items, clock | largest MB | all MB | scratch B/statement"
    )
    rows = [head, "|".join("---" for _ in head.split("|"))]
    for one in found:
        smallest = min((other for other in found if other.stage == one.stage), key=lambda other: other.items)
        cells = (
            one.stage,
            f"{one.items:,}",
            f"{one.per_million:.1f}",
            f"{one.per_million / smallest.per_million:.2f}",
            f"{one.seconds / one.items * 1e6:.1f}",
            f"{one.largest_process_bytes / 1e6:.0f}",
            f"{one.all_processes_bytes / 1e6:.0f}",
            f"{one.scratch_bytes / one.statements:.0f}",
        )
        rows.append(" | ".join(cells))
    return "\n".join(f"| {row} |" for row in rows) + "\n"
