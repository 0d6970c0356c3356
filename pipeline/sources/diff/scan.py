"""Scans of two dumps for all that a comparison needs: the lines of changed items, and the dates that class a change.

Most lines are read only at their ends. Whether a line of one dump is needed depends on the other dump, so one of them
would have to be read twice. Revision numbers avoid that: they grow with time, so the scan of the newer dump keeps each
line with a higher revision than those at the beginning of the older dump. If that misses an item, as it can in dumps
with invented revisions, both dumps are read a second time.
"""

import contextlib
import functools
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.core import schema
from pipeline.core.parallel import map_shards
from pipeline.core.progress import Reporter
from pipeline.core.settings import DumpSettings
from pipeline.core.tables import Database, map_numbers, write_rows, write_table
from pipeline.sources.entities.ingestion import (
    ShardCounts,
    ShardHook,
    check_counts,
    check_unreadable,
    mark_done,
    read_done,
)
from pipeline.sources.entities.model import EVENT, LINK, UNREADABLE, WholeEntity, number, state
from pipeline.sources.entities.repeats import drop_items, find_stale, item_ids, stale_count, stale_places, warn_repeated
from pipeline.sources.entities.revision_scan import ItemRevisions, scan_revisions
from pipeline.sources.entities.rows import Rows, StatementRow, Wanted, read_entity
from pipeline.sources.entities.values import entity_name
from pipeline.sources.files.reader import ReadTask, read_dump, read_shards, trailing_bytes, warn_trailing
from pipeline.sources.files.seekable import dump_bytes
from pipeline.sources.files.shards import Shard

Numbers = NDArray[np.int64]
_decode = msgspec.json.Decoder(WholeEntity).decode


@dataclass(frozen=True)
class LineFilter:
    """Which lines of a dump to keep: none, unless one of these is set."""

    after_revision: int | None = None  # keep lines of later revisions
    unlike: Path | None = None  # keep lines whose state differs in this scan, or is not in it
    dates_named_in: Path | None = None  # read the dates of other lines, if this scan names their items


@dataclass(frozen=True)
class ScanContext:
    """What every scan of two dumps shares."""

    settings: DumpSettings
    dated: frozenset[str]  # properties
    memory: str
    pool: Executor
    workers: int
    reporter: Reporter = field(default_factory=lambda: Reporter("quiet"))


@dataclass(frozen=True)
class Scans:
    """The results: a folder of each dump, and the items whose states differ (NUMBERS)."""

    older: Path
    newer: Path
    changed: Path
    is_quick: bool  # whether each dump was read only once


def find_changed(old: Path, new: Path, out: Path, context: ScanContext, newer: Path | None = None) -> Scans:
    """Find the items that differ, and all that comparing them needs.

    The folder of a dump holds `revisions/` (REVISIONS of all items), `texts/` (TEXTS, at least those of changed
    items) and `dates/` (STATEMENTS that date the items of these texts, or the items that newer texts name).

    Args:
        old: The older dump.
        new: The newer dump.
        out: A folder, perhaps with finished shards of an earlier run.
        context: What all scans share.
        newer: The folder of the newer dump, if `ingestion_hook` has filled it.

    Raises:
        InputError: A dump is damaged, contains no items, or has more unreadable lines than `max_bad_lines`.
    """
    if newer:
        _report_unreadable(read_counts(newer), new, context.reporter)  # ingestion has reported the rest
    elif (after := _last_revision(old, new, context.settings)) is not None:
        newer = scan(new, out / "newer", LineFilter(after_revision=after), context)
    if newer:
        older = scan(old, out / "older", LineFilter(unlike=newer, dates_named_in=newer), context)
        if not _write_changed(out, older, newer, context.memory):
            return Scans(older, newer, out / "changed.parquet", is_quick=True)
    older = scan(old, out / "first" / "older", LineFilter(), context)
    newer = scan(new, out / "second" / "newer", LineFilter(unlike=older), context)
    older = scan(old, out / "second" / "older", LineFilter(unlike=newer, dates_named_in=newer), context)
    _write_changed(out, older, newer, context.memory)
    return Scans(older, newer, out / "changed.parquet", is_quick=False)


def ingestion_hook(old: Path, new: Path, out: Path, settings: DumpSettings, dated: frozenset[str]) -> ShardHook | None:
    """The first scan of the newer dump, run while it is ingested; None if revision numbers cannot select its lines."""
    after = _last_revision(old, new, settings)
    if after is None:
        return None
    return ShardHook(
        out, functools.partial(_scan_shard, out, LineFilter(after_revision=after), Wanted(dated, frozenset()))
    )


def _last_revision(old: Path, new: Path, settings: DumpSettings) -> int | None:
    """The highest revision at the beginning of the older dump; None if changes there do not have higher ones."""
    before, now = (_revisions(path, settings) for path in (old, new))
    if not before or None in before.values() or None in now.values():
        return None
    last = max(revision or 0 for revision in before.values())
    grown = (now[item] or 0 for item in before.keys() & now.keys() if before[item] != now[item])
    return None if any(revision <= last for revision in grown) else last


def _revisions(path: Path, settings: DumpSettings) -> dict[int, int | None]:
    with contextlib.closing(read_shards(path, settings)) as shards:
        items, _ = _newest(scan_revisions(next(shards)))
    return dict(zip(items.ids, items.revisions, strict=True))


def _write_changed(out: Path, older: Path, newer: Path, memory: str) -> int:
    """Write NUMBERS of the items whose states differ; return how many of them lack a text of the newer dump.

    Items that cannot be read in one of the dumps are left out: whether they changed is unknown.
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


def scan(path: Path, out: Path, line_filter: LineFilter, context: ScanContext) -> Path:
    """Write REVISIONS of a dump, and TEXTS, NAMED items and dates of the lines to keep, one Parquet file per shard.

    Raises:
        InputError: The dump is damaged, contains no items, or has more unreadable lines than `max_bad_lines`.
    """
    for folder in {folder for folder in (line_filter.unlike, line_filter.dates_named_in) if folder}:
        _sort(folder, context.memory)
    counts, done = read_done(out)
    read = functools.partial(_scan_shard, out, line_filter, Wanted(context.dated, frozenset()))
    with context.reporter.watch(f"reading the {out.name} dump", dump_bytes(path), out / "beats") as beats:
        task = ReadTask(path, out, context.settings, context.workers, done, beats)
        with contextlib.closing(read_dump(task, read, context.pool)) as parts:
            for part in parts:
                counts.add(part)
                check_unreadable(counts, str(path), context.settings)
    check_counts(counts, str(path), context.settings)
    _report_odd(settle_repeats(out, context.memory, context.pool), path, context.reporter)
    return out


def read_counts(out: Path) -> ShardCounts:
    """The counts of a finished scan, with every item once."""
    counts, _ = read_done(out)
    counts.repeated += stale_count(out)
    counts.items -= stale_count(out)
    counts.trailing = trailing_bytes(out)
    return counts


def _report_odd(counts: ShardCounts, path: Path, reporter: Reporter) -> None:
    warn_repeated(counts.repeated, str(path), reporter)
    warn_trailing(counts.trailing, str(path), reporter)
    _report_unreadable(counts, path, reporter)


def _report_unreadable(counts: ShardCounts, path: Path, reporter: Reporter) -> None:
    if counts.unreadable:
        problem = f"{counts.unreadable} lines of {path} cannot be read, so changes of their items are unknown"
        reporter.warn("unreadable", f"{problem}. The first ones: {'; '.join(counts.samples)}")


def _sort(folder: Path, memory: str) -> None:
    """Write the states and named items of a scan as sorted numbers, for workers to search."""
    if (folder / "named.numbers").is_file():
        return
    with Database(folder / "scratch", memory) as database:
        database.view("revisions", folder / "revisions")
        database.view("named", folder / "named")
        files = [folder / "ids.numbers", folder / "states.numbers"]
        database.write_numbers("SELECT id, state FROM revisions ORDER BY id", files)
        database.write_numbers("SELECT DISTINCT id FROM named ORDER BY id", [folder / "named.numbers"])


def _scan_shard(out: Path, line_filter: LineFilter, wanted: Wanted, shard: Shard) -> ShardCounts:
    items, repeated = _newest(scan_revisions(shard))
    counts = ShardCounts(lines=items.lines, items=len(items.ids), repeated=repeated)
    for offset, error in items.unreadable_lines:
        counts.count_unreadable(offset, error)
    ids = np.array(items.ids, dtype=np.int64)
    states = _states(items, shard.data)
    is_kept, is_dated = _choose(line_filter, items, ids, states)
    kept = np.flatnonzero(is_kept).tolist()
    texts = [(items.ids[place], items.line(place, shard.data)) for place in kept]
    named, errors = _named(texts)
    for place, error in errors.items():
        counts.count_unreadable(shard.offset + items.starts[kept[place]], error)
    unreadable = sorted({*items.unreadable_items, *(texts[place][0] for place in errors)})
    # The dates of changed items come from the newer dump; those of the others are the same in both.
    dated = [
        items.line(place, shard.data)
        for place in (np.flatnonzero(is_dated).tolist() if line_filter.dates_named_in else kept)
    ]

    name = f"{shard.number:06d}.parquet"
    write_table(_revision_table(items, ids, states), out / "revisions" / name, schema.REVISIONS)
    write_rows(texts, out / "texts" / name, schema.TEXTS)
    write_rows([(item,) for item in named], out / "named" / name, schema.NUMBERS)
    write_rows([(item,) for item in unreadable], out / "unreadable" / name, schema.NUMBERS)
    write_rows(_dates(dated, wanted), out / "dates" / name, schema.STATEMENTS)
    return mark_done(counts, shard, out)


def _newest(items: ItemRevisions) -> tuple[ItemRevisions, int]:
    """The items of a shard, each once, and how many lines that leaves out."""
    stale = frozenset(stale_places(items.ids, items.revisions))
    return (items.without(stale) if stale else items), len(stale)


def settle_repeats(out: Path, memory: str, pool: Executor) -> ShardCounts:
    """Let each item of a finished scan count once; to do it again changes nothing.

    Args:
        out: The folder of the scan.
        memory: DuckDB's limit.
        pool: Where to run.

    Returns:
        The counts of the scan.
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


def _choose(
    line_filter: LineFilter, items: ItemRevisions, ids: Numbers, states: Numbers
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which lines to keep, and of which other lines to read the dates."""
    none = np.zeros(len(ids), dtype=bool)
    if line_filter.after_revision is not None:
        is_later = (revision is not None and revision > line_filter.after_revision for revision in items.revisions)
        return np.fromiter(is_later, bool, len(ids)), none
    if line_filter.unlike is None:
        return none, none
    places, is_there = _look_up(map_numbers(line_filter.unlike / "ids.numbers"), ids)
    is_same = (
        is_there & (map_numbers(line_filter.unlike / "states.numbers")[places] == states) if is_there.any() else none
    )
    if line_filter.dates_named_in is None:
        return ~is_same, none
    return ~is_same, is_same & _look_up(map_numbers(line_filter.dates_named_in / "named.numbers"), ids)[1]


def _look_up(numbers: Numbers, wanted: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
    """The places of numbers in a sorted array, and whether they are in it."""
    if not len(numbers):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=bool)
    places = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
    return places, numbers[places] == wanted


def _states(items: ItemRevisions, data: bytes) -> Numbers:
    if None not in items.revisions:
        return np.array(items.revisions, dtype=np.int64)
    lines = (items.line(place, data) for place in range(len(items.ids)))
    return np.array([state(revision, line) for revision, line in zip(items.revisions, lines, strict=True)], np.int64)


def _revision_table(items: ItemRevisions, ids: Numbers, states: Numbers) -> pa.Table:
    columns = [pa.array(ids), pa.array(states), pa.array(items.revisions, pa.int64()), items.modified_times]
    return pa.Table.from_arrays(columns, schema=schema.REVISIONS)


def _named(texts: Sequence[tuple[int, bytes]]) -> tuple[list[int], dict[int, Exception]]:
    """The items that lines name as a value or an event, sorted; and the lines that cannot be read, with the errors."""
    found: set[int] = set()
    errors: dict[int, Exception] = {}
    for place, (_, line) in enumerate(texts):
        try:
            found |= _items_named(line)
        except UNREADABLE as error:
            errors[place] = error
    return sorted(found), errors


def _items_named(line: bytes) -> set[int]:
    """The items that a line names as the value or the event of a statement.

    Raises:
        Exception: One of `UNREADABLE`: the line cannot be compared with another.
    """
    claims = _decode(line).claims
    statements = [one for group in claims.values() for one in group] if isinstance(claims, dict) else []
    snaks = [statement.mainsnak for statement in statements]
    for statement in statements:
        if isinstance(statement.qualifiers, dict):
            snaks += statement.qualifiers.get(EVENT, ())
    names = (entity_name(snak.datavalue.value) for snak in snaks if snak.datavalue and snak.datavalue.type == LINK)
    return {number(name) for name in names if name[:1] == "Q"}


def _dates(lines: Iterable[bytes], wanted: Wanted) -> list[StatementRow]:
    rows = Rows()
    for line in lines:
        lengths = rows.lengths()
        try:
            read_entity(line, wanted, rows)
        except UNREADABLE:
            rows.cut(lengths)
    return rows.statements
