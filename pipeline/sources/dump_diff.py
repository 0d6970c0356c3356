"""Two dumps to CHANGES: items whose state agrees are passed over, the others are compared statement by statement.

Dumps hold no redirects: an item that is gone was deleted or merged. It counts as merged into an item that shares a
name with it, or to which links to it were turned, if that item now holds every one of its statements.
"""

import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import schema
from pipeline.errors import InputError
from pipeline.progress import beat
from pipeline.settings import DumpSettings
from pipeline.shards import map_shards
from pipeline.sources.dump import Shard, ShardCounts, check_counts, check_unreadable, read_shards
from pipeline.sources.entity_diff import DifferenceRow, TermRow, compare, holds_all, terms
from pipeline.sources.entity_json import UNREADABLE, Revision, number, state
from pipeline.tables import Database, read_table, write_rows

_BUCKET_ITEMS = 20_000  # changed items compared at a time: about 400 MB of text in the live dump


class _Head(msgspec.Struct, gc=False):
    """What tells whether an item changed; the rest of the line is skipped without being read."""

    id: str
    lastrevid: Revision | None = None
    modified: datetime | None = None


_decode_head = msgspec.json.Decoder(_Head).decode


@dataclass(frozen=True)
class _Share:
    path: Path
    out: Path
    settings: DumpSettings
    worker: int
    workers: int
    beats: Path | None
    ids: frozenset[int] = frozenset()


_Item = tuple[int, _Head, bytes]


def _items(share: _Share, counts: ShardCounts) -> Iterator[tuple[int, list[_Item]]]:
    """The items of every n-th shard, with their lines; what could not be read is added to the counts.

    Raises:
        InputError: There are too many unreadable lines.
    """
    for shard in read_shards(share.path, share.settings):
        if shard.number % share.workers == share.worker:
            found = list(_readable(shard, counts))
            counts.items += len(found)
            check_unreadable(counts, share.path, share.settings)
            yield shard.number, found
        if share.beats:
            beat(share.beats, share.worker, share.workers, shard.position)


def _readable(shard: Shard, counts: ShardCounts) -> Iterator[_Item]:
    for offset, line in shard.lines():
        try:
            head = _decode_head(line)
            item = number(head.id) if head.id.startswith("Q") else 0
        except UNREADABLE as error:
            counts.miss(offset, error)
            continue
        if item:
            yield item, head, line


def read_revisions(
    path: Path, out: Path, settings: DumpSettings, pool: Executor, workers: int, beats: Path | None = None
) -> None:
    """Write REVISIONS of a dump: the state of every item, a Parquet file a shard.

    Args:
        path: The dump.
        out: The folder of the table.
        settings: How to cut and what to tolerate.
        pool: Where to run.
        workers: Into how many tasks to divide the work; the result does not depend on it.
        beats: Where workers tell how far they are; see `progress.Reporter.watch`.

    Raises:
        InputError: The dump is damaged, holds no items, or has more unreadable lines than `max_bad_lines`.
    """
    shares = [_Share(path, out, settings, worker, workers, beats) for worker in range(workers)]
    counts = ShardCounts()
    for part in map_shards(_read_revisions, shares, pool):
        counts.add(part)
    check_counts(counts, path, settings)


def _read_revisions(share: _Share) -> ShardCounts:
    counts = ShardCounts()
    for shard_number, items in _items(share, counts):
        rows = [(item, state(head.lastrevid, line), head.lastrevid, head.modified) for item, head, line in items]
        write_rows(rows, share.out / f"{shard_number:06d}.parquet", schema.REVISIONS)
    return counts


def changed_ids(revisions: Path, entities: Path, database: Database) -> tuple[frozenset[int], frozenset[int]]:
    """The items to compare: those to take from the older dump and those to take from the newer one.

    Args:
        revisions: REVISIONS of the older state.
        entities: ENTITIES of the newer state.
        database: A session to work in.
    """
    database.view("older", revisions)
    database.view("newer", entities)
    joined = """
        SELECT older.id AS old_id, newer.id AS new_id
        FROM older FULL JOIN newer USING (id)
        WHERE older.state IS DISTINCT FROM newer.state"""
    table = database.table(joined)
    return _ids(table, "old_id"), _ids(table, "new_id")


def _ids(table: pa.Table, column: str) -> frozenset[int]:
    return frozenset(int(item) for item in table.column(column).drop_null().to_numpy())


def read_texts(
    path: Path,
    ids: frozenset[int],
    out: Path,
    settings: DumpSettings,
    pool: Executor,
    workers: int,
    beats: Path | None = None,
) -> None:
    """Write TEXTS: the lines of these items, a Parquet file a shard. The arguments are those of `read_revisions`."""
    shares = [_Share(path, out, settings, worker, workers, beats, ids) for worker in range(workers)]
    map_shards(_read_texts, shares, pool)


def _read_texts(share: _Share) -> None:
    for shard_number, items in _items(share, ShardCounts()):
        rows = [(item, line) for item, _, line in items if item in share.ids]
        write_rows(rows, share.out / f"{shard_number:06d}.parquet", schema.TEXTS)


@dataclass(frozen=True)
class _Bucket:
    number: int
    buckets: int
    old: Path
    new: Path
    out: Path
    scratch: Path
    memory: str
    replaced_gap_days: tuple[int, int]


def compare_texts(
    old: Path, new: Path, out: Path, memory: str, replaced_gap_days: tuple[int, int], pool: Executor
) -> None:
    """Write DIFFERENCES and TERMS of all changed items, into folders of these names, a Parquet file a bucket.

    Args:
        old: TEXTS of the older state.
        new: TEXTS of the newer state.
        out: Where the folders appear.
        memory: DuckDB's limit.
        replaced_gap_days: See `entity_diff.compare`.
        pool: Where to run.
    """
    texts = sum(pq.read_metadata(file).num_rows for folder in (old, new) for file in folder.glob("*.parquet"))
    buckets = texts // (2 * _BUCKET_ITEMS) + 1
    tasks = [
        _Bucket(number, buckets, old, new, out, out / "scratch" / str(number), memory, replaced_gap_days)
        for number in range(buckets)
    ]
    map_shards(_compare_bucket, tasks, pool)


def _compare_bucket(bucket: _Bucket) -> None:
    name = f"{bucket.number:06d}.parquet"
    terms_file = bucket.out / "terms" / name
    if terms_file.is_file():  # written last: the bucket is done
        return
    with Database(bucket.scratch, bucket.memory, threads=1) as database:
        pairs = _texts(database, bucket)
    differences: list[DifferenceRow] = []
    names: list[TermRow] = []
    for pair in pairs:
        # An item that one of the states has in a form that cannot be read shows no difference.
        with contextlib.suppress(*UNREADABLE):
            rows, found = compare(*pair, bucket.replaced_gap_days), list(terms(*pair))
            differences += rows
            names += found
    write_rows(differences, bucket.out / "differences" / name, schema.DIFFERENCES)
    write_rows(names, terms_file, schema.TERMS)


def _texts(database: Database, bucket: _Bucket) -> list[tuple[int, bytes | None, bytes | None]]:
    database.view("old", bucket.old)
    database.view("new", bucket.new)
    table = database.table(
        f"""SELECT id, old.json AS old_json, new.json AS new_json
        FROM (SELECT * FROM old WHERE id % {bucket.buckets} = {bucket.number}) old
        FULL JOIN (SELECT * FROM new WHERE id % {bucket.buckets} = {bucket.number}) new USING (id) ORDER BY id"""
    )
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def find_merges(compared: Path, old: Path, new: Path, database: Database, out: Path) -> Path:
    """Write MERGES: items that are gone, and where they went.

    Args:
        compared: The folder of `compare_texts`.
        old: TEXTS of the older state.
        new: TEXTS of the newer state.
        database: A session to work in.
        out: The file to write.
    """
    database.view("differences", compared / "differences")
    database.view("terms", compared / "terms")
    database.view("old", old)
    database.view("new", new)
    candidates = database.table(
        """WITH turned AS (
            SELECT DISTINCT old_object_id AS gone_id, new_object_id AS target_id, 0 AS strength
            FROM differences WHERE kind = 'revalued'
              AND old_object_id IN (SELECT subject_id FROM differences WHERE item_kind = 'removed')
        ), named AS (
            SELECT DISTINCT gone.id AS gone_id, kept.id AS target_id, 1 AS strength
            FROM terms gone JOIN terms kept USING (term) WHERE gone.is_gone AND NOT kept.is_gone
        )
        SELECT c.gone_id, c.target_id, old.json AS gone_json, new.json AS target_json
        FROM (
            SELECT gone_id, target_id, min(strength) AS strength FROM (FROM turned UNION ALL FROM named) GROUP BY ALL
        ) c
        JOIN old ON old.id = c.gone_id JOIN new ON new.id = c.target_id
        ORDER BY c.gone_id, c.strength, c.target_id"""
    )
    merges: dict[int, int] = {}
    for gone, target, gone_json, target_json in zip(
        *(column.to_pylist() for column in candidates.columns), strict=True
    ):
        if gone not in merges and holds_all(target_json, gone_json):
            merges[gone] = target
    return write_rows(sorted(merges.items()), out, schema.MERGES)


def check_order(revisions: Path, entities: Path) -> None:
    """Refuse an older state that is not older.

    Raises:
        InputError: The last edit of the older state lies after that of the newer one.
    """
    older, newer = last_edit(revisions), last_edit(entities)
    if older and newer and older > newer:
        raise InputError(
            f"The older dump ends at {older:%Y-%m-%d %H:%M}, after the newer one ({newer:%Y-%m-%d %H:%M})",
            "--old, --new",
            "Exchange them.",
        )


def last_edit(folder: Path) -> datetime | None:
    """When an item of REVISIONS or ENTITIES was last edited; nothing if none tells."""
    column = read_table(folder, ["modified"]).column("modified")
    return pc.max(column).as_py()
