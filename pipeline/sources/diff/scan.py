"""Two dumps to what must be compared: the lines of items whose state differs, and the dates that class a change.

Only the ends of most lines are looked at. A line of the older dump is known to be wanted once the newer dump has been
read, and the other way round, so one of them would have to be read twice. It need not be: revisions are numbered in
the order of time, so whatever has a higher one than the older dump, by a look at its beginning, is kept at once.
Should an item be missed, which dumps with invented revisions can bring about, both are read a second time.
"""

import contextlib
import functools
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.core import schema
from pipeline.core.parallel import map_shards
from pipeline.core.progress import Reporter
from pipeline.core.settings import DumpSettings
from pipeline.core.tables import Database, map_numbers, write_rows, write_table
from pipeline.sources.entities.ingestion import (
    Beside,
    ShardCounts,
    check_counts,
    check_unreadable,
    mark_done,
    read_done,
)
from pipeline.sources.entities.model import UNREADABLE, state
from pipeline.sources.entities.repeats import drop_items, find_stale, item_ids, stale_count, stale_places, warn_repeated
from pipeline.sources.entities.revision_scan import Heads, find_heads
from pipeline.sources.entities.rows import Rows, StatementRow, Wanted, read_entity
from pipeline.sources.entities.statements import named_items
from pipeline.sources.files.reader import Pass, read_dump, read_shards, trailing_bytes, warn_trailing
from pipeline.sources.files.seekable import dump_bytes
from pipeline.sources.files.shards import Shard

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Keep:
    """Which lines of a dump to keep: none, unless one of these says so."""

    after: int | None = None  # those of a later revision
    other: Path | None = None  # those whose state is another than in this scan, or that it has not
    named: Path | None = None  # of those that are the same there: the dates of the items named in that scan


@dataclass(frozen=True)
class Reading:
    """What every scan of a diff is given."""

    settings: DumpSettings
    dated: frozenset[str]  # properties
    memory: str
    pool: Executor
    workers: int
    reporter: Reporter = field(default_factory=lambda: Reporter("quiet"))


@dataclass(frozen=True)
class Scans:
    """What was found: a folder of each dump, and the items whose states differ (NUMBERS)."""

    older: Path
    newer: Path
    changed: Path
    is_quick: bool  # each dump was read once


def find_changed(old: Path, new: Path, out: Path, reading: Reading, newer: Path | None = None) -> Scans:
    """Find the items that differ, with all that is needed to compare them.

    The folder of a dump holds `revisions/` (REVISIONS of all items), `texts/` (TEXTS, at least those of changed
    items) and `dates/` (STATEMENTS that date the items of these texts, or those that the newer ones name).

    Args:
        old: The older dump.
        new: The newer dump.
        out: A folder, perhaps with finished shards of an earlier run.
        reading: How to read.
        newer: The folder of the newer dump, if `beside` has filled it.

    Raises:
        InputError: A dump is damaged, holds no items, or has more unreadable lines than `max_bad_lines`.
    """
    if newer:
        _tell_odd(read_counts(newer), new, reading.reporter)
    elif (after := _last_revision(old, new, reading.settings)) is not None:
        newer = scan(new, out / "newer", Keep(after=after), reading)
    if newer:
        older = scan(old, out / "older", Keep(other=newer, named=newer), reading)
        if not _write_changed(out, older, newer, reading.memory):
            return Scans(older, newer, out / "changed.parquet", is_quick=True)
    older = scan(old, out / "first" / "older", Keep(), reading)
    newer = scan(new, out / "second" / "newer", Keep(other=older), reading)
    older = scan(old, out / "second" / "older", Keep(other=newer, named=newer), reading)
    _write_changed(out, older, newer, reading.memory)
    return Scans(older, newer, out / "changed.parquet", is_quick=False)


def beside(old: Path, new: Path, out: Path, settings: DumpSettings, dated: frozenset[str]) -> Beside | None:
    """The first scan of the newer dump, to be made while that is ingested; None if revisions do not tell enough."""
    after = _last_revision(old, new, settings)
    if after is None:
        return None
    return Beside(out, functools.partial(_scan_shard, out, Keep(after=after), Wanted(dated, frozenset())))


def _last_revision(old: Path, new: Path, settings: DumpSettings) -> int | None:
    """The highest revision at the beginning of the older dump, unless changes there do not go beyond it."""
    before, now = (_revisions(path, settings) for path in (old, new))
    if not before or None in before.values() or None in now.values():
        return None
    last = max(revision or 0 for revision in before.values())
    grown = (now[item] or 0 for item in before.keys() & now.keys() if before[item] != now[item])
    return None if any(revision <= last for revision in grown) else last


def _revisions(path: Path, settings: DumpSettings) -> dict[int, int | None]:
    with contextlib.closing(read_shards(path, settings)) as shards:
        heads, _ = _newest(find_heads(next(shards)))
    return dict(zip(heads.ids, heads.revisions, strict=True))


def _write_changed(out: Path, older: Path, newer: Path, memory: str) -> int:
    """Write NUMBERS of the items whose states differ; how many of them have no text in the newer dump, but should.

    Items that either dump has in a form that cannot be read are left out: nothing is known of a change.
    """
    with Database(out / "scratch", memory) as database:
        database.view("older", older / "revisions")
        database.view("newer", newer / "revisions")
        database.view("texts", newer / "texts")
        database.view("unreadable", older / "unreadable", newer / "unreadable")
        differ = """SELECT id, newer.id IS NOT NULL AS is_there FROM older FULL JOIN newer USING (id)
            WHERE older.state IS DISTINCT FROM newer.state AND id NOT IN (SELECT id FROM unreadable)"""
        database.write(f"SELECT DISTINCT id FROM ({differ}) ORDER BY id", out / "changed.parquet", schema.NUMBERS)
        missing = f"SELECT id FROM ({differ}) WHERE is_there AND id NOT IN (SELECT id FROM texts)"
        return database.table(missing).num_rows


def scan(path: Path, out: Path, keep: Keep, reading: Reading) -> Path:
    """Write REVISIONS of a dump, and TEXTS, NAMED items and dates of the lines to keep, a Parquet file each a shard.

    Raises:
        InputError: The dump is damaged, holds no items, or has more unreadable lines than `max_bad_lines`.
    """
    for folder in {folder for folder in (keep.other, keep.named) if folder}:
        _sort(folder, reading.memory)
    counts, done = read_done(out)
    read = functools.partial(_scan_shard, out, keep, Wanted(reading.dated, frozenset()))
    with reading.reporter.watch(f"reading the {out.name} dump", dump_bytes(path), out / "beats") as beats:
        task = Pass(path, out, reading.settings, reading.workers, done, beats)
        with contextlib.closing(read_dump(task, read, reading.pool)) as parts:
            for part in parts:
                counts.add(part)
                check_unreadable(counts, str(path), reading.settings)
    check_counts(counts, str(path), reading.settings)
    _tell_odd(settle_repeats(out, reading.memory, reading.pool), path, reading.reporter)
    return out


def read_counts(out: Path) -> ShardCounts:
    """What a finished scan has read, with every item once."""
    counts, _ = read_done(out)
    counts.repeated += stale_count(out)
    counts.items -= stale_count(out)
    counts.trailing = trailing_bytes(out)
    return counts


def _tell_odd(counts: ShardCounts, path: Path, reporter: Reporter) -> None:
    warn_repeated(counts.repeated, str(path), reporter)
    warn_trailing(counts.trailing, str(path), reporter)
    if counts.unreadable:
        told = f"{counts.unreadable} lines of {path} cannot be read, so nothing is told of their items"
        reporter.warn("unreadable", f"{told}. The first ones: {'; '.join(counts.samples)}")


def _sort(folder: Path, memory: str) -> None:
    """States and named items of a scan as sorted numbers, which all workers look things up in."""
    if (folder / "named.numbers").is_file():
        return
    with Database(folder / "scratch", memory) as database:
        database.view("revisions", folder / "revisions")
        database.view("named", folder / "named")
        files = [folder / "ids.numbers", folder / "states.numbers"]
        database.write_numbers("SELECT id, state FROM revisions ORDER BY id", files)
        database.write_numbers("SELECT DISTINCT id FROM named ORDER BY id", [folder / "named.numbers"])


def _scan_shard(out: Path, keep: Keep, wanted: Wanted, shard: Shard) -> ShardCounts:
    heads, repeated = _newest(find_heads(shard))
    counts = ShardCounts(lines=heads.lines, items=len(heads.ids), repeated=repeated)
    for offset, error in heads.misses:
        counts.miss(offset, error)
    ids = np.array(heads.ids, dtype=np.int64)
    states = _states(heads, shard.data)
    is_kept, is_dated = _choose(keep, heads, ids, states)
    kept = np.flatnonzero(is_kept).tolist()
    texts = [(heads.ids[place], heads.line(place, shard.data)) for place in kept]
    named, errors = _named(texts)
    for place, error in errors.items():
        counts.miss(shard.offset + heads.starts[kept[place]], error)
    unreadable = sorted({*heads.unreadable, *(texts[place][0] for place in errors)})
    # What the older dump says of changed items is past; of those that stay the same, either dump says it.
    dated = [heads.line(place, shard.data) for place in (np.flatnonzero(is_dated).tolist() if keep.named else kept)]

    name = f"{shard.number:06d}.parquet"
    write_table(_revision_table(heads, ids, states), out / "revisions" / name, schema.REVISIONS)
    write_rows(texts, out / "texts" / name, schema.TEXTS)
    write_rows([(item,) for item in named], out / "named" / name, schema.NUMBERS)
    write_rows([(item,) for item in unreadable], out / "unreadable" / name, schema.NUMBERS)
    write_rows(_dates(dated, wanted), out / "dates" / name, schema.STATEMENTS)
    return mark_done(counts, shard, out)


def _newest(heads: Heads) -> tuple[Heads, int]:
    """The items of a shard, each once, and how many lines that leaves out."""
    stale = frozenset(stale_places(heads.ids, heads.revisions))
    return (heads.without(stale) if stale else heads), len(stale)


def settle_repeats(out: Path, memory: str, pool: Executor) -> ShardCounts:
    """Let each item of a finished scan count once; to do it again changes nothing.

    Args:
        out: The folder of the scan.
        memory: DuckDB's limit.
        pool: Where to run.

    Returns:
        What the scan has read.
    """
    stale = find_stale(out, out / "revisions", memory)
    map_shards(_drop_stale, [(out, number, item_ids(names)) for number, names in sorted(stale.items())], pool)
    return read_counts(out)


def _drop_stale(task: tuple[Path, int, list[int]]) -> None:
    out, number, items = task
    for table, key, kind in _BY_ITEM:
        drop_items(out / table / f"{number:06d}.parquet", key, items, kind)


_BY_ITEM = (
    ("texts", "id", schema.TEXTS),
    ("dates", "subject_id", schema.STATEMENTS),
    ("revisions", "id", schema.REVISIONS),
)


def _choose(keep: Keep, heads: Heads, ids: Numbers, states: Numbers) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which lines to keep, and of which of the others to read the dates."""
    none = np.zeros(len(ids), dtype=bool)
    if keep.after is not None:
        is_later = (revision is not None and revision > keep.after for revision in heads.revisions)
        return np.fromiter(is_later, bool, len(ids)), none
    if keep.other is None:
        return none, none
    places, is_there = _look_up(map_numbers(keep.other / "ids.numbers"), ids)
    is_same = is_there & (map_numbers(keep.other / "states.numbers")[places] == states) if is_there.any() else none
    if keep.named is None:
        return ~is_same, none
    return ~is_same, is_same & _look_up(map_numbers(keep.named / "named.numbers"), ids)[1]


def _look_up(numbers: Numbers, wanted: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
    """Where numbers are in a sorted row of them, and whether they are there at all."""
    if not len(numbers):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=bool)
    places = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
    return places, numbers[places] == wanted


def _states(heads: Heads, data: bytes) -> Numbers:
    if None not in heads.revisions:
        return np.array(heads.revisions, dtype=np.int64)
    lines = (heads.line(place, data) for place in range(len(heads.ids)))
    return np.array([state(revision, line) for revision, line in zip(heads.revisions, lines, strict=True)], np.int64)


def _revision_table(heads: Heads, ids: Numbers, states: Numbers) -> pa.Table:
    columns = [pa.array(ids), pa.array(states), pa.array(heads.revisions, pa.int64()), heads.moments]
    return pa.Table.from_arrays(columns, schema=schema.REVISIONS)


def _named(texts: Sequence[tuple[int, bytes]]) -> tuple[list[int], dict[int, Exception]]:
    """The items that lines name as a value or an event, in order; and which lines cannot be read, and why."""
    found: set[int] = set()
    errors: dict[int, Exception] = {}
    for place, (_, line) in enumerate(texts):
        try:
            found |= named_items(line)
        except UNREADABLE as error:
            errors[place] = error
    return sorted(found), errors


def _dates(lines: Iterable[bytes], wanted: Wanted) -> list[StatementRow]:
    rows = Rows()
    for line in lines:
        lengths = rows.lengths()
        try:
            read_entity(line, wanted, rows)
        except UNREADABLE:
            rows.cut(lengths)
    return rows.statements
