"""The time, memory and disk that reading a dump will take, projected from its beginning."""

import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pipeline import stages
from pipeline.core.errors import InputError
from pipeline.core.foreign import no_file
from pipeline.core.settings import PlanSettings, Settings
from pipeline.language.templates import load_templates
from pipeline.sources.entities.ingestion import ingest_shard
from pipeline.sources.entities.revision_scan import scan_revisions
from pipeline.sources.files.compression import first_bytes, is_bzip2
from pipeline.sources.files.reader import read_shards
from pipeline.sources.files.seekable import dump_bytes, find_spans

_GIGABYTE = 1e9
_PROCESS_BYTES = 250e6  # a worker that has only imported its modules


@dataclass(frozen=True)
class Sample:
    """What was measured at the beginning of a dump, with one worker."""

    packed: int  # bytes of the file that were read
    content: int  # bytes they decompress to
    items: int
    tables: int  # bytes of Parquet they became
    decode_seconds: float
    parse_seconds: float  # to tables
    scan_seconds: float  # to the revisions of items


@dataclass(frozen=True)
class Step:
    """A stage, and what it takes."""

    name: str
    minutes: float
    memory: float  # bytes, of all processes
    disk: float  # bytes
    arithmetic: str


@dataclass(frozen=True)
class Plan:
    """A projection."""

    dump: Path
    workers: int
    sample: Sample
    scale: float  # the size of the dump, in samples
    reading_mode: str  # how workers share the reading
    steps: tuple[Step, ...]


def plan_dump(dump: Path, settings: Settings, assumed: PlanSettings, workers: int) -> Plan:
    """Measure the beginning of a dump and project the rest.

    Args:
        dump: A file or a folder of shards.
        settings: What to read.
        assumed: What is not measured here, and how much is.
        workers: How many processes will share the work.

    Raises:
        InputError: It cannot be read.
    """
    if not dump.is_file() and not dump.is_dir():
        raise no_file(dump, "Check the path.")
    sample = _measure(dump, settings, assumed.sample_shards)
    if not sample.items:
        raise InputError("The dump contains no items", str(dump), "Is this a Wikidata JSON dump?")
    scale = dump_bytes(dump) / max(sample.packed, 1)
    spans = find_spans(dump)
    has_threads = spans is None and is_bzip2(first_bytes(dump))
    if spans:
        mode = "each worker reads its own part"
    else:
        mode = "threads decompress, one per worker" if has_threads else "one decoder feeds the workers"
    is_shared = spans is not None or has_threads
    return Plan(dump, workers, sample, scale, mode, tuple(_steps(sample, scale, settings, assumed, workers, is_shared)))


def _measure(dump: Path, settings: Settings, count: int) -> Sample:
    wanted = stages.wanted(load_templates(), settings.dump.wikis)
    decode, parse, scan = _Laps(), _Laps(), _Laps()
    with contextlib.closing(read_shards(dump, settings.dump)) as shards:
        for _ in range(count):  # without parsing, like the decoder that feeds workers
            with decode:
                next(shards, None)
    sizes: list[int] = []
    position = items = 0
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(read_shards(dump, settings.dump)) as shards:
        for shard in islice(shards, count):
            with parse:
                items += ingest_shard(Path(folder), wanted, shard).items
            with scan:
                scan_revisions(shard)
            sizes.append(len(shard.data))
            position = shard.position
        tables = sum(file.stat().st_size for file in Path(folder).rglob("*.parquet"))
    return Sample(position, sum(sizes), items, tables, *(laps.total(sizes) for laps in (decode, parse, scan)))


class _Laps:
    """The seconds that each shard took."""

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self._started = 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(self, *closing: object) -> None:
        self._seconds.append(time.perf_counter() - self._started)

    def total(self, sizes: Sequence[int]) -> float:
        """The seconds of all shards at the pace of the later half: at first, new memory is slow to fill."""
        first = next(place for place in reversed(range(len(sizes))) if 2 * sum(sizes[place:]) >= sum(sizes))
        return sum(self._seconds[first : len(sizes)]) * sum(sizes) / sum(sizes[first:])


def _steps(
    sample: Sample, scale: float, settings: Settings, assumed: PlanSettings, workers: int, is_shared: bool
) -> Iterator[Step]:
    decode, parse, scan = (
        seconds * scale / 60 for seconds in (sample.decode_seconds, sample.parse_seconds, sample.scan_seconds)
    )

    def minutes_shared(minutes: float) -> float:
        return (decode + minutes) / workers if is_shared else max(decode, (decode + minutes) / workers)

    rule = "(decode + {0}) / workers" if is_shared else "max(decode, (decode + {0}) / workers)"
    memory = workers * (_PROCESS_BYTES + assumed.memory_per_shard_byte * settings.dump.shard_bytes)
    tables = sample.tables * scale
    yield Step(
        "ingest",
        minutes_shared(parse),
        memory,
        tables,
        f"{rule.format('parse')}, {_short(decode)} and {_short(parse)} min",
    )
    merge = sample.items * scale * assumed.merge_seconds_per_million / 1e6 / 60
    yield Step("frequency, degree", merge, _PROCESS_BYTES + 1e9, 0.02 * tables, "items x merge_seconds_per_million")
    changed = assumed.changed_share
    compare = 2 * changed * assumed.compare_to_parse * parse / workers
    texts = 2 * changed * sample.packed * scale
    comparing = f"compare, {_short(scan)} min to scan, {changed:.0%} changed items"
    once = f"{rule.format('scan')} for the older dump + scan / workers + {comparing}"
    yield Step("changes, in a build", minutes_shared(scan) + scan / workers + compare, memory, texts, once)
    yield Step(
        "diff, by itself",
        2 * minutes_shared(scan) + compare,
        memory,
        texts,
        f"2 x ({rule.format('scan')}) + {comparing}",
    )


def format_plan(plan: Plan) -> str:
    """The text of a plan."""
    sample, scale = plan.sample, plan.scale
    lines = [
        f"A projection from the first {sample.content / 1e6:.0f} MB of {plan.dump}, measured here with one worker.",
        f"items {sample.items * scale:,.0f}, content {_short(sample.content * scale / _GIGABYTE)} GB, "
        f"file {_short(sample.packed * scale / _GIGABYTE)} GB; {plan.workers} workers: {plan.reading_mode}",
        f"measured: decode {_rate(sample, sample.decode_seconds)}, parse {_rate(sample, sample.parse_seconds)}, "
        f"scan {_rate(sample, sample.scan_seconds)}",
        "",
        f"{'stage':30}{'minutes':>9}{'memory GB':>11}{'disk GB':>9}  arithmetic",
    ]
    for step in plan.steps:
        memory, disk = step.memory / _GIGABYTE, step.disk / _GIGABYTE
        numbers = f"{_short(step.minutes):>9}{_short(memory):>11}{_short(disk):>9}"
        lines.append(f"{step.name:30}{numbers}  {step.arithmetic}")
    return "\n".join(lines)


def _short(number: float) -> str:
    return f"{number:,.1f}" if number >= 1 else f"{number:.2g}"


def _rate(sample: Sample, seconds: float) -> str:
    return f"{sample.content / max(seconds, 1e-9) / 1e6:,.0f} MB/s"
