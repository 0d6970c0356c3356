"""Two dumps to DIFFERENCES, TERMS and MERGES: changed items are compared statement by statement.

`scan.py` finds the changed items and their lines. Dumps contain no redirects: an item that is gone was deleted or
merged. It counts as merged into an item if that item has all its statements, and shares a name with it or is the new
target of links to it.
"""

import contextlib
import shutil
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import cycle, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from pipeline.core import schema
from pipeline.core.memory import share_of
from pipeline.core.parallel import map_shards
from pipeline.core.tables import Database, read_table, row_count, spread, write_rows
from pipeline.sources.diff.entity_diff import DifferenceRow, compare
from pipeline.sources.diff.item_statements import has_all_statements, has_statements
from pipeline.sources.diff.names import TermRow, terms
from pipeline.sources.entities.model import UNREADABLE

_BUCKET_ITEMS = 20_000  # changed items of a task: about 400 MB of text in the live dump, read a few at a time
_READ_ITEMS = 64  # texts held at a time: a megabyte, and at most a few of the largest ones


@dataclass(frozen=True)
class Texts:
    """The lines of both states (TEXTS)."""

    old: Path
    new: Path
    changed: Path | None = None  # NUMBERS: compare only these items


_MOST_FILES = 256  # open at a time; if there are more buckets, some share a file


@dataclass(frozen=True)
class _Bucket:
    number: int
    buckets: int
    texts: Texts  # the files with this bucket, perhaps among others
    out: Path
    scratch: Path
    memory: str  # of one worker
    run_memory: str
    replaced_gap_days: tuple[int, int]


def compare_texts(
    texts: Texts, out: Path, memory: str, replaced_gap_days: tuple[int, int], pool: Executor, workers: int = 1
) -> None:
    """Write DIFFERENCES and TERMS of all changed items, into folders of these names, one Parquet file per bucket.

    Args:
        texts: The lines of both states.
        out: Where the folders appear.
        memory: The limit of all workers together.
        replaced_gap_days: See `entity_diff.compare`.
        pool: Where to run.
        workers: How many run at a time.
    """
    buckets = (row_count(texts.old) + row_count(texts.new)) // (2 * _BUCKET_ITEMS) + 1
    buckets += -buckets % min(buckets, _MOST_FILES)  # so that a bucket lies in one file
    parts = _spread(texts, out / "scratch" / "spread", min(buckets, _MOST_FILES))
    share = share_of(memory, workers)
    tasks = [
        _Bucket(number, buckets, part, out, out / "scratch" / str(number), share, memory, replaced_gap_days)
        for number, part in zip(range(buckets), cycle(parts))
    ]
    map_shards(_compare_bucket, tasks, pool)
    shutil.rmtree(out / "scratch" / "spread", ignore_errors=True)


def _spread(texts: Texts, out: Path, files: int) -> list[Texts]:
    """The texts in files by the remainder of their id, so that no bucket reads them all."""
    if files == 1:
        return [texts]
    parts = [
        Texts(out / "old" / name, out / "new" / name, texts.changed)
        for name in (f"{part:06d}.parquet" for part in range(files))
    ]
    changed = read_table(texts.changed).column("id").to_numpy() if texts.changed else None
    for folder, paths in ((texts.old, [part.old for part in parts]), (texts.new, [part.new for part in parts])):
        if not all(path.is_file() for path in paths):
            spread(folder, paths, schema.TEXTS, changed)
    return parts


def _compare_bucket(bucket: _Bucket) -> None:
    name = f"{bucket.number:06d}.parquet"
    terms_file = bucket.out / "terms" / name
    if terms_file.is_file():  # written last: the bucket is done
        return
    differences: list[DifferenceRow] = []
    names: list[TermRow] = []
    with Database(bucket.scratch, bucket.memory, threads=1, run_memory=bucket.run_memory) as database:
        for pair in _pairs(database, bucket):
            # An item that cannot be read in one of the states shows no difference.
            with contextlib.suppress(*UNREADABLE):
                rows, found = compare(*pair, bucket.replaced_gap_days), list(terms(*pair))
                differences += rows
                names += found
    write_rows(differences, bucket.out / "differences" / name, schema.DIFFERENCES)
    write_rows(names, terms_file, schema.TERMS)


_IN_ORDER = """
SELECT id, is_old, json FROM (
    SELECT id, true AS is_old, json FROM old UNION ALL SELECT id, false, json FROM new)
WHERE id % {buckets} = {number} ORDER BY id, is_old
"""


def _pairs(database: Database, bucket: _Bucket) -> Iterator[tuple[int, bytes | None, bytes | None]]:
    """Items with their old and their new text, in the order of ids."""
    _view(database, bucket.texts)
    sql = _IN_ORDER.format(buckets=bucket.buckets, number=bucket.number)
    for item, states in groupby(_rows(database, sql), itemgetter(0)):
        text_of = {is_old: text for _, is_old, text in states}
        yield item, text_of.get(True), text_of.get(False)


def _rows(database: Database, sql: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a query with texts, of which few are in memory."""
    for batch in database.batches(sql, _READ_ITEMS):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _view(database: Database, texts: Texts) -> None:
    database.view("old", texts.old, among=texts.changed)
    database.view("new", texts.new, among=texts.changed)


def find_merges(compared: Path, texts: Texts, database: Database, out: Path) -> Path:
    """Write MERGES: items that are gone, and the items that they were merged into.

    Args:
        compared: The folder of `compare_texts`.
        texts: The lines of both states.
        database: A session to work in.
        out: The file to write.
    """
    database.view("differences", compared / "differences")
    database.view("terms", compared / "terms")
    _view(database, texts)
    sql = """WITH turned AS (
            SELECT old_object_id AS gone_id, new_object_id AS target_id, 0 AS strength
            FROM differences WHERE kind = 'revalued'
              AND old_object_id IN (SELECT subject_id FROM differences WHERE item_kind = 'removed')
        ), named AS (
            SELECT gone.id AS gone_id, kept.id AS target_id, 1 AS strength
            FROM terms gone JOIN terms kept USING (term) WHERE gone.is_gone AND NOT kept.is_gone
        )
        SELECT c.gone_id, c.target_id, c.strength = 0 AS is_linked, old.json AS gone_json, new.json AS target_json
        FROM (
            SELECT gone_id, target_id, min(strength) AS strength FROM (FROM turned UNION ALL FROM named) GROUP BY ALL
        ) c
        JOIN old ON old.id = c.gone_id JOIN new ON new.id = c.target_id
        ORDER BY c.gone_id, c.strength, c.target_id"""
    merges: dict[int, int] = {}
    for gone, target, is_linked, gone_json, target_json in _rows(database, sql):
        if (
            gone not in merges
            and has_all_statements(target_json, gone_json)
            and (is_linked or has_statements(gone_json))
        ):
            merges[gone] = target
    return write_rows(sorted(merges.items()), out, schema.MERGES)
