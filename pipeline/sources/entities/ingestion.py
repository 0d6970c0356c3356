"""Wikidata JSON dumps to tables: STATEMENTS, ENTITIES, MENTIONS and TITLES, one Parquet file of each per shard."""

import contextlib
import functools
import gc
import json
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.core import schema
from pipeline.core.errors import InputError
from pipeline.core.settings import DumpSettings
from pipeline.core.tables import whole_file, write_rows, write_table
from pipeline.sources.entities.model import UNREADABLE, is_redirect
from pipeline.sources.entities.rows import Rows, Wanted, read_entity
from pipeline.sources.files.compression import DumpFile
from pipeline.sources.files.reader import ReadTask, read_dump
from pipeline.sources.files.shards import Shard

Numbers = NDArray[np.int64]
_STATEMENT_COUNT = schema.ENTITIES.get_field_index("statement_count")


@dataclass
class ShardCounts:
    """Counts of what was read of a dump, or of a part of it."""

    lines: int = 0
    items: int = 0
    statements: int = 0
    unreadable: int = 0
    samples: list[str] = field(default_factory=list[str])  # the places of the first unreadable lines, with the errors

    def count_unreadable(self, offset: int, error: Exception) -> None:
        """Count a line that cannot be read."""
        self.unreadable += 1
        if len(self.samples) < _SAMPLES:
            self.samples.append(f"byte {offset}: {error}")

    def add(self, other: "ShardCounts") -> None:
        """Add the counts of another part."""
        self.lines += other.lines
        self.items += other.items
        self.statements += other.statements
        self.unreadable += other.unreadable
        self.samples = sorted([*self.samples, *other.samples], key=_place)[:_SAMPLES]


_SAMPLES = 5


@dataclass(frozen=True)
class ShardHook:
    """Other work on each shard while a dump is ingested, so that the dump is read once."""

    out: Path  # where that work marks its shards done
    read: Callable[[Shard], ShardCounts]  # it can be pickled


def _place(sample: str) -> int:
    """The byte that a sample is at."""
    return int(sample.removeprefix("byte ").partition(":")[0])


def ingest(
    dump: Path | DumpFile,
    out: Path,
    wanted: Wanted,
    settings: DumpSettings,
    pool: Executor,
    workers: int,
    beats: Path | None = None,
    hook: ShardHook | None = None,
) -> ShardCounts:
    """Read a dump into STATEMENTS, ENTITIES, MENTIONS and TITLES, one Parquet file per shard.

    Args:
        dump: The dump, or an open stream.
        out: A folder; `statements/`, `entities/`, `mentions/` and `titles/` appear in it. An earlier run finished those
            shards that have counts.
        wanted: The properties and wikis to keep.
        settings: How to cut the dump, and how many bad lines to tolerate.
        pool: Where to run.
        workers: How many tasks to run at a time; the result does not depend on it.
        beats: Where to report progress; see `progress.Reporter.watch`.
        hook: What else to do with each shard.

    Raises:
        InputError: The dump is damaged, contains no items, or has more unreadable lines than `max_bad_lines`.
    """
    name = dump.name if isinstance(dump, DumpFile) else str(dump)
    counts, done = read_done(out, *([hook.out] if hook else []))
    task = ReadTask(dump, out, settings, workers, done, beats)
    read = functools.partial(_read_shard, out, wanted, hook)
    with contextlib.closing(read_dump(task, read, pool)) as parts:
        for part in parts:
            counts.add(part)
            check_unreadable(counts, name, settings)
    check_counts(counts, name, settings)
    return counts


def _read_shard(out: Path, wanted: Wanted, hook: ShardHook | None, shard: Shard) -> ShardCounts:
    if hook:
        hook.read(shard)
    return ingest_shard(out, wanted, shard)


def ingest_shard(out: Path, wanted: Wanted, shard: Shard) -> ShardCounts:
    """Read one shard. Its counts are written last: they mark it done."""
    with _without_garbage_collection():
        rows, counts = _parse(shard, wanted)
        name = f"{shard.number:06d}.parquet"
        write_rows(rows.statements, out / "statements" / name, schema.STATEMENTS)
        write_rows(rows.entities, out / "entities" / name, schema.ENTITIES)
        write_rows(rows.titles, out / "titles" / name, schema.TITLES)
        write_table(_counted(rows), out / "mentions" / name, schema.MENTIONS)
        return mark_done(counts, shard, out)


@contextlib.contextmanager
def _without_garbage_collection() -> Generator[None, None, None]:
    """Turn garbage collection off: rows have no reference cycles, and reading is nearly twice as fast."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def read_done(out: Path, *others: Path) -> tuple[ShardCounts, frozenset[int]]:
    """The counts of shards that earlier runs finished, in other folders too, and the numbers of these shards."""
    counts, done = ShardCounts(), set[int]()
    for marker in (out / "counts").glob("[0-9]*.json"):
        if all((other / "counts" / marker.name).is_file() for other in others):
            counts.add(ShardCounts(**json.loads(marker.read_text())))
            done.add(int(marker.stem))
    return counts, frozenset(done)


def mark_done(counts: ShardCounts, shard: Shard, out: Path) -> ShardCounts:
    """Write the counts of a shard, after all its tables."""
    with whole_file(out / "counts" / f"{shard.number:06d}.json") as part:
        part.write_text(json.dumps(asdict(counts)))
    return counts


def check_counts(counts: ShardCounts, name: str, settings: DumpSettings) -> None:
    """Refuse a file that, read to its end, is not a dump.

    Raises:
        InputError: It contains no items, or too many lines that are not entities.
    """
    check_unreadable(counts, name, settings)
    if not counts.items:
        raise InputError("The dump contains no items", name, "Is this a Wikidata JSON dump?")


def check_unreadable(counts: ShardCounts, name: str, settings: DumpSettings) -> None:
    """Refuse a dump with too many lines that are not entities.

    Raises:
        InputError: There are more than `max_bad_lines`.
    """
    if counts.unreadable > settings.max_bad_lines:
        raise InputError(
            f"More than {settings.max_bad_lines} lines are not entities; the first ones: {'; '.join(counts.samples)}",
            name,
            "Is this a Wikidata JSON dump? If so, raise dump.max_bad_lines.",
        )


def _parse(shard: Shard, wanted: Wanted) -> tuple[Rows, ShardCounts]:
    rows, counts = Rows(), ShardCounts()
    for offset, line in shard.lines():
        counts.lines += 1
        lengths = rows.lengths()
        try:
            read_entity(line, wanted, rows)
        except UNREADABLE as error:
            rows.cut(lengths)
            if not is_redirect(bytes(line)):
                counts.count_unreadable(offset, error)
    counts.items, counts.statements = len(rows.entities), len(rows.statements)
    return rows, counts


def _counted(rows: Rows) -> pa.Table:
    """MENTIONS: for each item, the statements that mention it, its own included, and its neighbours both ways."""
    mentions, behind, ahead = (
        np.array(found, dtype=np.int64) for found in (rows.mentions, rows.neighbours, rows.neighbour_of)
    )
    statement_counts = np.array([row[_STATEMENT_COUNT] for row in rows.entities], dtype=np.int64)
    subjects = np.repeat(np.array([row[0] for row in rows.entities], dtype=np.int64), statement_counts)
    ids = np.unique(np.concatenate([mentions, behind, ahead, subjects]))
    tallies = [_tally(ids, found) for found in (np.concatenate([mentions, subjects]), behind, ahead)]
    return pa.Table.from_arrays([pa.array(column) for column in (ids, *tallies)], schema=schema.MENTIONS)


def _tally(ids: Numbers, found: Numbers) -> Numbers:
    """How often each id was found."""
    named, counts = np.unique(found, return_counts=True)
    tally = np.zeros(len(ids), dtype=np.int64)
    tally[np.searchsorted(ids, named)] = counts
    return tally
