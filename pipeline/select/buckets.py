"""Buckets of subjects: spans of ids with about as many statements each, which are screened one at a time.

A bucket needs more than the rows of its own subjects. The rest is found once, for all buckets, and lies in files in the
order of buckets, so that each reads just its part (ids outside a bucket are its neighbours):

- `statements`, `entities`: all rows in runs, each in the order of subjects;
- `links`: statements that say something about the age of their object, in the order of objects;
- `neighbours`: the labels, classes and dates of the objects of a bucket, and of who names its people;
- `seats`: the statements that decide which of several capitals a territory has;
- `common_entities`, `common_statements`, `generic`: what every bucket needs: occupations, with the classes above them,
  and awards of which others are kinds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.core import schema
from pipeline.core.tables import Database, read_table, row_count, table_files

# What the queries of a bucket hold of a statement at once, its share of entities included: 830 bytes were measured.
_STATEMENT_BYTES = 1_000
_SAMPLED = 1_000_000  # statements that the cuts between buckets are taken from
_LEAST_GROUP_ROWS = 2_048  # a vector of DuckDB

LOOKED_AT = ("id", "label", "aliases", "description", "type_ids", "modified")
"""The columns of ENTITIES that screening looks at."""

NUMBER = pa.field("bucket", pa.int32())
ENTITIES = pa.schema([schema.ENTITIES.field(name) for name in LOOKED_AT])
NEIGHBOUR_ENTITIES = pa.schema([NUMBER, *ENTITIES])
NEIGHBOUR_STATEMENTS = pa.schema([NUMBER, *schema.STATEMENTS])
NEIGHBOURS = pa.schema([NUMBER, *schema.NUMBERS])


@dataclass(frozen=True)
class Bucket:
    """The subjects from one id up to another, which is not included."""

    number: int
    low: int
    end: int

    @property
    def name(self) -> str:
        """The name of its files."""
        return f"{self.number:06d}.parquet"

    def holds(self, column: str) -> str:
        """The SQL condition for ids of the bucket."""
        return f"({column} >= {self.low} AND {column} < {self.end})"


def bucket_count(statements: Path, memory_bytes: int) -> int:
    """How many buckets there must be for each to fit into the memory of a worker."""
    return -(-row_count(statements) * _STATEMENT_BYTES // memory_bytes) or 1


def run_rows(memory_bytes: int) -> int:
    """How many rows a worker can put in order at a time."""
    return max(1, memory_bytes // (2 * _STATEMENT_BYTES))


def find_buckets(statements: Path, count: int) -> list[Bucket]:
    """Cut the subjects into so many spans with about as many statements each; fewer, if there are too few subjects."""
    step = max(1, row_count(statements) // _SAMPLED)
    ids = np.sort(np.concatenate([_subjects(file)[::step] for file in table_files(statements)]))
    cuts = sorted({int(ids[len(ids) * place // count]) for place in range(1, count)})
    lows = [np.iinfo(np.int64).min + 1, *cuts]
    ends = [*cuts, np.iinfo(np.int64).max]
    return [Bucket(number, low, end) for number, (low, end) in enumerate(zip(lows, ends, strict=True))]


def _subjects(file: Path) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return read_table(file, ["subject_id"])["subject_id"].to_numpy()


@dataclass(frozen=True)
class Run:
    """Files of a table whose rows are put in order together."""

    number: int
    table: str
    files: Sequence[Path]


def runs_of(tables: Sequence[tuple[str, Path]], most_rows: int) -> Iterator[Run]:
    """The files of each table in runs of so many rows, or of one file."""
    number = 0
    for name, folder in tables:
        gathered: list[Path] = []
        rows = 0
        for file in table_files(folder):
            if gathered and rows + row_count(file) > most_rows:
                yield Run(number, name, gathered)
                number, gathered, rows = number + 1, [], 0
            gathered.append(file)
            rows += row_count(file)
        yield Run(number, name, gathered)
        number += 1


def group_rows(run_rows: int, buckets: int) -> int:
    """Rows of a group of a run: about as many as a bucket takes of it."""
    return max(_LEAST_GROUP_ROWS, run_rows // buckets)


def view_neighbours(database: Database, name: str, file: Path, bucket: Bucket, key: str) -> None:
    """Let a name stand for the rows of a file of neighbours that a bucket needs, those of its own subjects left out."""
    database.view(f"all_{name}", file)
    database.run(
        f"CREATE TEMP VIEW {name} AS SELECT * EXCLUDE (bucket) FROM all_{name} "
        f"WHERE bucket = {bucket.number} AND NOT {bucket.holds(key)}"
    )
