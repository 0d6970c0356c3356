"""Entities that stand in several lines of a dump: the line of the newest revision counts, of equal ones the last.

Lines of one shard are compared where the shard is read. Lines of different shards are compared once all shards are
read; then the rows of older lines are removed from the tables of their shards. A dump without repeats costs one
query on the ids, and no table is written again.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core import schema
from pipeline.core.progress import Reporter
from pipeline.core.tables import Database, read_table, row_count, write_rows, write_table

SCRATCH = "scratch"  # in the folder of a dump's tables
_STALE = "stale.parquet"

Stale = Mapping[int, list[str]]
"""Ids of entities by the number of the shard whose line about them does not count."""


def stale_places(names: Sequence[Hashable], revisions: Sequence[int | None]) -> list[int]:
    """The places of lines that do not count.

    A line without a revision is older than any with one.

    >>> stale_places(["Q1", "Q2", "Q1", "Q2"], [7, 5, 6, 5])
    [1, 2]

    Args:
        names: What each line is about.
        revisions: The revision of each line, if it has one.
    """
    if len(set(names)) == len(names):
        return []
    newest: dict[Hashable, int] = {}
    for place, name in enumerate(names):
        other = newest.get(name)
        if other is None or _order(revisions[place]) >= _order(revisions[other]):
            newest[name] = place
    counted = set(newest.values())
    return [place for place in range(len(names)) if place not in counted]


def _order(revision: int | None) -> int:
    return -1 if revision is None else revision


# The shards of a table are files named after their numbers, each with one line at most about an entity.
_FIND = """
SELECT parse_filename(filename, true)::INTEGER AS shard, {key} AS name
FROM {table} SEMI JOIN (SELECT {key} FROM {table} GROUP BY {key} HAVING count(*) > 1) USING ({key})
QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY coalesce(last_revision, -1) DESC, shard DESC) > 1
"""


def find_stale(out: Path, items: Path, memory: str, others: Path | None = None) -> Stale:
    """Find the lines that do not count because of lines in other shards; what was found is kept in the folder.

    Args:
        out: The folder of a dump's tables.
        items: ENTITIES or REVISIONS, a file a shard.
        memory: DuckDB's limit.
        others: LINES, a file a shard.
    """
    kept = out / SCRATCH / _STALE
    if not kept.is_file():
        with Database(out / SCRATCH, memory) as database:
            database.view("items", items, with_file=True)
            rows = [(row["shard"], f"Q{row['name']}") for row in _found(database, "items", "id")]
            if others and any(others.glob("*.parquet")):
                database.view("others", others, with_file=True)
                rows += [(row["shard"], row["name"]) for row in _found(database, "others", "name")]
        if not rows:
            return {}
        write_rows(sorted(rows), kept, schema.STALE)
    found: defaultdict[int, list[str]] = defaultdict(list)
    for row in read_table(kept).to_pylist():
        found[row["shard"]].append(row["name"])
    return found


def _found(database: Database, table: str, key: str) -> list[dict[str, str]]:
    return database.table(_FIND.format(table=table, key=key)).to_pylist()


def stale_count(out: Path) -> int:
    """How many lines `find_stale` found in a folder."""
    kept = out / SCRATCH / _STALE
    return row_count(kept) if kept.is_file() else 0


def item_ids(names: Sequence[str]) -> list[int]:
    """The numbers of those that are items."""
    return [int(name[1:]) for name in names if name.startswith("Q")]


def drop_items(path: Path, key: str, items: Sequence[int], kind: pa.Schema) -> pa.Table:
    """Remove the rows of some items from a table, which is written again if it has such rows.

    Args:
        path: The file.
        key: The column with the item.
        items: The items.
        kind: The type of the table.

    Returns:
        The rows that are left.
    """
    rows = read_table(path)
    left = rows.filter(pc.invert(pc.is_in(rows.column(key), value_set=pa.array(items, pa.int64()))))
    if left.num_rows < rows.num_rows:
        write_table(left, path, kind)
    return left


def warn_repeated(repeated: int, name: str, reporter: Reporter) -> None:
    """Report lines that do not count."""
    if repeated:
        problem = (
            f"{repeated} lines of {name} repeat an entity of another line: the newest revision of each counts once."
        )
        reporter.warn("repeated", problem, lines=repeated)
