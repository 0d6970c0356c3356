"""Reading and checking a file of requests before a model is loaded for it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.core import schema
from pipeline.core.errors import InputError
from pipeline.core.foreign import ARROW_ERRORS, table_error
from pipeline.core.tables import file_hash

_REMEDY = "Requests have the columns id and text (strings), start and end (int32, code points), none of them null."


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


_KINDS: Mapping[str, tuple[Callable[[pa.DataType], bool], str]] = {
    "id": (_is_text, "strings"),
    "text": (_is_text, "strings"),
    "start": (pa.types.is_integer, "whole numbers"),
    "end": (pa.types.is_integer, "whole numbers"),
}


@dataclass(frozen=True)
class RequestsFile:
    """A file of requests that was found fit.

    Attributes:
        path: Where it is.
        sha256: Of its bytes.
        rows: How many requests it holds.
    """

    path: Path
    sha256: str
    rows: int

    def shards(self, rows: int) -> Iterator[pa.Table]:
        """REQUESTS, so many at a time.

        Raises:
            InputError: A text is not UTF-8, a number does not fit, or the file is damaged.
        """
        with pq.ParquetFile(self.path) as file:
            left = pa.Table.from_batches([], schema=schema.REQUESTS)
            for batch in _batches(file, rows, self.path):
                left = pa.concat_tables([left, _typed(batch, self.path)])
                while left.num_rows >= rows:
                    yield left.slice(0, rows)
                    left = left.slice(rows)
            if left.num_rows or not self.rows:
                yield left


def _batches(file: pq.ParquetFile, rows: int, path: Path) -> Iterator[pa.RecordBatch]:
    try:
        yield from file.iter_batches(batch_size=rows, columns=schema.REQUESTS.names)
    except ARROW_ERRORS as error:
        raise table_error(error, path) from error


def _typed(batch: pa.RecordBatch, path: Path) -> pa.Table:
    try:
        table = pa.Table.from_batches([batch]).select(schema.REQUESTS.names).cast(schema.REQUESTS)
        table.validate(full=True)
    except pa.ArrowInvalid as error:
        raise InputError(f"A request cannot be read: {str(error).splitlines()[0]}", str(path), _REMEDY) from error
    return table


def open_requests(path: Path) -> RequestsFile:
    """Check a file of requests.

    Raises:
        InputError: It is not a Parquet file, lacks a column, or holds a wrong type, a null or an id twice.
    """
    sha256 = file_hash(path)
    try:
        found = pq.read_schema(path)
        rows = pq.read_metadata(path).num_rows
        _check_columns(path, found)
        for name in schema.REQUESTS.names:
            _check_nulls(path, name)
        _check_ids(path)
    except ARROW_ERRORS as error:
        raise InputError(
            f"The requests are not a Parquet file that can be read: {str(error).splitlines()[0]}", str(path), _REMEDY
        ) from error
    return RequestsFile(path, sha256, rows)


def _check_columns(path: Path, found: pa.Schema) -> None:
    if missing := [name for name in _KINDS if name not in found.names]:
        raise InputError(f"The requests lack the column {', '.join(missing)}", str(path), _REMEDY)
    for name, (fits, kind) in _KINDS.items():
        if not fits(found.field(name).type):
            raise InputError(f"The column {name} holds {found.field(name).type} and not {kind}", str(path), _REMEDY)


def _check_nulls(path: Path, name: str) -> None:
    column = pq.read_table(path, columns=[name], partitioning=None)[name]
    if column.null_count:
        row = pc.index(column.is_null(), pa.scalar(True)).as_py()
        raise InputError(f"The column {name} has {column.null_count} nulls, the first in row {row}", str(path), _REMEDY)


def _check_ids(path: Path) -> None:
    ids = pq.read_table(path, columns=["id"], partitioning=None)["id"].cast(pa.string())
    if pc.count_distinct(ids).as_py() == len(ids):
        return
    counts = pa.Table.from_arrays([ids], names=["id"]).group_by("id", use_threads=False).aggregate([([], "count_all")])
    twice = counts.filter(pc.field("count_all") > pc.scalar(1))
    raise InputError(
        f"{twice.num_rows} ids stand for several requests, such as {twice['id'][0].as_py()!r}",
        str(path),
        "Give every request an id of its own.",
    )
