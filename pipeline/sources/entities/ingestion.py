"""Wikidata JSON dumps to tables: STATEMENTS, ENTITIES, MENTIONS and TITLES, one Parquet file of each per shard."""

import contextlib
import functools
import gc
import json
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pipeline.core import schema
from pipeline.core.errors import InputError
from pipeline.core.parallel import map_shards
from pipeline.core.settings import DumpSettings
from pipeline.core.stage_cache import read_record
from pipeline.core.tables import read_table, row_count, whole_file, write_rows, write_table
from pipeline.sources.entities.mentions import contributions, count_mentions, recount_mentions
from pipeline.sources.entities.model import UNREADABLE, is_redirect
from pipeline.sources.entities.repeats import (
    SCRATCH,
    Stale,
    drop_items,
    find_stale,
    item_ids,
    stale_count,
    stale_places,
)
from pipeline.sources.entities.rows import Rows, Wanted, read_entity
from pipeline.sources.files.compression import DumpFile
from pipeline.sources.files.reader import ReadTask, read_dump, trailing_bytes
from pipeline.sources.files.shards import Shard

_MEMORY = "1GB"


@dataclass
class ShardCounts:
    """Counts of what was read of a dump, or of a part of it."""

    lines: int = 0
    items: int = 0
    statements: int = 0
    unreadable: int = 0
    repeated: int = 0  # lines that do not count: another line about the same entity is newer
    trailing: int = 0  # bytes behind the compressed content, which were left out
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
        self.repeated += other.repeated
        self.samples = sorted([*self.samples, *other.samples], key=_place)[:_SAMPLES]


_SAMPLES = 5
_OTHERS, _CONTRIBUTIONS = f"{SCRATCH}/others", f"{SCRATCH}/contributions"


@dataclass
class _Lines:
    """The readable lines of a shard, a column each."""

    names: list[str] = field(default_factory=list[str])  # the ids of their entities
    revisions: list[int | None] = field(default_factory=list[int | None])
    offsets: list[int] = field(default_factory=list[int])
    ends: list[int] = field(default_factory=list[int])  # of their mentions among all of the shard

    def stale(self) -> frozenset[int]:
        """The offsets of lines that do not count, because of others in the shard."""
        return frozenset(self.offsets[place] for place in stale_places(self.names, self.revisions))

    def others(self) -> list[tuple[str, int | None]]:
        """LINES: those that are not about items."""
        return [line for line in zip(self.names, self.revisions, strict=True) if not line[0].startswith("Q")]


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
    memory: str = _MEMORY,
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
        memory: DuckDB's limit.

    Raises:
        InputError: The dump is damaged, contains no items, or has more unreadable lines than `max_bad_lines`.
    """
    name = dump.name if isinstance(dump, DumpFile) else str(dump)
    counts, done = read_done(out, *([hook.out] if hook else []))
    task = ReadTask(dump, out, settings, workers, done, beats)
    read = functools.partial(_read_shard, out, wanted, hook, isinstance(dump, DumpFile))
    with contextlib.closing(read_dump(task, read, pool)) as parts:
        for part in parts:
            counts.add(part)
            check_unreadable(counts, name, settings)
    check_counts(counts, name, settings)
    counts.trailing = trailing_bytes(out)
    stale = find_stale(out, out / "entities", memory, out / _OTHERS)
    if stale:
        if isinstance(dump, Path):
            _read_contributions(ReadTask(dump, out, settings, workers), wanted, stale, pool)
        map_shards(_drop_stale, [(out, number, names) for number, names in sorted(stale.items())], pool)
        counts.repeated += stale_count(out)
        counts.items, counts.statements = row_count(out / "entities"), row_count(out / "statements")
    return counts


def _read_contributions(task: ReadTask, wanted: Wanted, stale: Stale, pool: Executor) -> None:
    """Read some shards of a dump again for CONTRIBUTIONS; those of a stream were kept when it was read."""
    there = frozenset(int(file.stem) for file in (task.out / _CONTRIBUTIONS).glob("*.parquet"))
    left_out = read_done(task.out)[1] - (stale.keys() - there)
    read = functools.partial(_keep_contributions, task.out, wanted)
    with contextlib.closing(read_dump(replace(task, done=left_out), read, pool)) as parts:
        for _ in parts:
            pass


def _keep_contributions(out: Path, wanted: Wanted, shard: Shard) -> None:
    with _without_garbage_collection():
        rows, lines, _ = _parse(shard, wanted)
        _write_contributions(rows, lines, out, shard)


def _write_contributions(rows: Rows, lines: "_Lines", out: Path, shard: Shard) -> None:
    kept = contributions(rows, lines.names, lines.ends)
    write_table(kept, out / _CONTRIBUTIONS / _file(shard.number), schema.CONTRIBUTIONS)


def _drop_stale(task: tuple[Path, int, list[str]]) -> None:
    """Remove from the tables of a shard what its lines about some entities said; to do it again changes nothing."""
    out, number, names = task
    items, file = item_ids(names), _file(number)
    drop_items(out / "statements" / file, "subject_id", items, schema.STATEMENTS)
    drop_items(out / "titles" / file, "id", items, schema.TITLES)
    entities = drop_items(out / "entities" / file, "id", items, schema.ENTITIES)
    lines = read_table(out / _CONTRIBUTIONS / file)
    write_table(recount_mentions(lines, entities, names), out / "mentions" / file, schema.MENTIONS)


def _file(number: int) -> str:
    return f"{number:06d}.parquet"


def _read_shard(out: Path, wanted: Wanted, hook: ShardHook | None, is_stream: bool, shard: Shard) -> ShardCounts:
    if hook:
        hook.read(shard)
    return ingest_shard(out, wanted, shard, is_stream)


def ingest_shard(out: Path, wanted: Wanted, shard: Shard, keep_contributions: bool = False) -> ShardCounts:
    """Read one shard. Its counts are written last: they mark it done.

    Args:
        out: The folder of the tables.
        wanted: What to keep.
        shard: The shard.
        keep_contributions: Whether to write CONTRIBUTIONS too, because the shard cannot be read again.
    """
    with _without_garbage_collection():
        rows, lines, counts = _parse(shard, wanted)
        name = _file(shard.number)
        write_rows(rows.statements, out / "statements" / name, schema.STATEMENTS)
        write_rows(rows.entities, out / "entities" / name, schema.ENTITIES)
        write_rows(rows.titles, out / "titles" / name, schema.TITLES)
        write_table(count_mentions(rows), out / "mentions" / name, schema.MENTIONS)
        if others := lines.others():
            write_rows(others, out / _OTHERS / name, schema.LINES)
        if keep_contributions:
            _write_contributions(rows, lines, out, shard)
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
            counts.add(read_record(marker, lambda data: ShardCounts(**json.loads(data))))
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


def _parse(shard: Shard, wanted: Wanted) -> tuple[Rows, _Lines, ShardCounts]:
    rows, lines, counts = _parse_lines(shard, wanted, frozenset())
    if stale := lines.stale():
        rows, lines, counts = _parse_lines(shard, wanted, stale)
        counts.repeated = len(stale)
    counts.items, counts.statements = len(rows.entities), len(rows.statements)
    return rows, lines, counts


def _parse_lines(shard: Shard, wanted: Wanted, left_out: frozenset[int]) -> tuple[Rows, _Lines, ShardCounts]:
    rows, lines, counts = Rows(), _Lines(), ShardCounts()
    for offset, line in shard.lines():
        counts.lines += 1
        if offset in left_out:
            continue
        lengths = rows.lengths()
        try:
            name, revision = read_entity(line, wanted, rows)
        except UNREADABLE as error:
            rows.cut(lengths)
            if not is_redirect(bytes(line)):
                counts.count_unreadable(offset, error)
            continue
        lines.names.append(name)
        lines.revisions.append(revision)
        lines.offsets.append(offset)
        lines.ends.append(len(rows.mentions))
    return rows, lines, counts
