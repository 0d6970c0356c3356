"""Tables on disk: the only place that writes one, and the one way to query many.

A table is written whole or not at all: to a temporary name, flushed, then renamed. Writer options are fixed, so the
same rows give the same bytes.
"""

import contextlib
import glob
import hashlib
import os
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TypeVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.core import foreign
from pipeline.core.errors import InputError, PipelineError

Result = TypeVar("Result")

ROW_GROUP_ROWS = 100_000
_BATCH_ROWS = 50_000
_HASHED_BYTES = 1 << 20
_GATHERED_BYTES = 1 << 25


@contextlib.contextmanager
def whole_file(path: Path) -> Generator[Path, None, None]:
    """A temporary path beside `path` that takes its place when the block ends well, and vanishes when it does not.

    Raises:
        StorageError: The disk is full, read-only or broken, or the name is that of a folder, a pipe or a device.
    """
    foreign.require_replaceable(path)
    part = path.with_name(f".{path.name}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        _remove(part)
        raise foreign.disk_error(error, path) from error
    except BaseException:
        _remove(part)
        raise


def write_text(text: str, path: Path) -> None:
    """Write a text in UTF-8 with plain line ends, whole or not at all.

    Raises:
        StorageError: The disk refused the write.
    """
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def _remove(part: Path) -> None:
    with contextlib.suppress(OSError):  # what stopped the write matters more
        part.unlink()


def make_folder(folder: Path) -> None:
    """Make a folder, and see that files can be made in it.

    Raises:
        StorageError: The path cannot be a folder, or nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise foreign.refusal(error, folder) from error


def file_hash(path: Path, advance: Callable[[float], None] = lambda _: None) -> str:
    """The SHA-256 of a file.

    Raises:
        InputError: The file cannot be read.
    """
    return file_hashes(path, ("sha256",), advance)[0]


def file_hashes(path: Path, kinds: Sequence[str], advance: Callable[[float], None] = lambda _: None) -> list[str]:
    """Several hashes of a file, which is read once.

    Args:
        path: The file.
        kinds: Their names in `hashlib`.
        advance: Told how many bytes have been read since the last time.

    Raises:
        InputError: The file cannot be read.
    """
    digests = [hashlib.new(kind, usedforsecurity=False) for kind in kinds]
    try:
        with path.open("rb") as file:
            while data := file.read(_HASHED_BYTES):
                for digest in digests:
                    digest.update(data)
                advance(len(data))
    except OSError as error:
        raise InputError(f"The file cannot be read: {error.strerror}", str(path), "Check the path.") from error
    return [digest.hexdigest() for digest in digests]


def write_table(table: pa.Table, path: Path, schema: pa.Schema) -> Path:
    """Write rows as Parquet with exactly this schema."""
    return write_batches(table.to_batches(_BATCH_ROWS), path, schema)


def write_rows(rows: Iterable[tuple[object, ...]], path: Path, schema: pa.Schema) -> Path:
    """Write tuples, whose fields follow the schema, as Parquet."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
    return write_table(pa.Table.from_arrays(arrays, schema=schema), path, schema)


def write_batches(batches: Iterable[pa.RecordBatch], path: Path, schema: pa.Schema) -> Path:
    """Write record batches, cast to the schema by column name, as Parquet.

    Args:
        batches: Rows with at least the schema's columns, in any column order.
        path: Where to; replaced if it exists.
        schema: The type of the table, metadata included.
    """
    with _writer(path, schema) as writer:
        for batch in batches:
            table = pa.Table.from_batches([batch]).select(schema.names).cast(schema)
            writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
    return path


@contextlib.contextmanager
def _writer(path: Path, schema: pa.Schema) -> Generator[pq.ParquetWriter, None, None]:
    with (
        whole_file(path) as part,
        pq.ParquetWriter(
            part,
            schema,
            compression="zstd",
            compression_level=3,
            write_page_index=True,
            use_content_defined_chunking=True,
            store_schema=True,
        ) as writer,
    ):
        yield writer


def spread(folder: Path, paths: Sequence[Path], schema: pa.Schema, kept: NDArray[np.int64] | None) -> None:
    """Write the rows of a folder's tables into several files, those with one remainder of `id` into one.

    Args:
        folder: Parquet files with an `id`; each is read once.
        paths: The files to write, by remainder.
        schema: The type of the tables.
        kept: Ids; other rows are left out. None keeps all.
    """
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(_writer(path, schema)) for path in paths]
        for table in _gathered(sorted(folder.glob("*.parquet"))):
            rows = table if kept is None else table.filter(np.isin(table["id"].to_numpy(), kept))
            remainders = rows["id"].to_numpy() % len(paths)
            for remainder in np.unique(remainders):
                writers[remainder].write_table(rows.filter(remainders == remainder))


def _gathered(files: Iterable[Path]) -> Generator[pa.Table, None, None]:
    """Tables of files, several in one: small row groups cost much."""
    tables: list[pa.Table] = []
    for file in files:
        tables.append(_read(file))
        if sum(table.nbytes for table in tables) > _GATHERED_BYTES:
            yield pa.concat_tables(tables)
            tables = []
    if tables:
        yield pa.concat_tables(tables)


def write_records(records: Sequence[Mapping[str, object]], path: Path, schema: pa.Schema) -> Path:
    """Write dictionaries, one a row, as Parquet."""
    return write_table(pa.Table.from_pylist(records, schema=schema), path, schema)


def read_table(path: Path, columns: list[str] | None = None, where: pc.Expression | None = None) -> pa.Table:
    """Read a Parquet file, or all files of a folder in name order, into memory; only rows for which `where`.

    Raises:
        InputError: A file is damaged, not there, or lacks a column.
    """
    return pa.concat_tables([_read(file, columns, where) for file in table_files(path)])


def _read(file: Path, columns: list[str] | None = None, where: pc.Expression | None = None) -> pa.Table:
    try:
        return pq.read_table(file, columns=columns, filters=where, partitioning=None)
    except foreign.ARROW_ERRORS as error:
        raise foreign.table_error(error, file) from error


def table_files(path: Path) -> list[Path]:
    """A Parquet file by itself, or all files of a folder in name order.

    Raises:
        InputError: The folder contains none.
    """
    if not path.is_dir():
        return [path]
    if files := sorted(path.glob("*.parquet")):
        return files
    raise foreign.table_error(FileNotFoundError("the folder has no Parquet file"), path)


def row_count(path: Path) -> int:
    """How many rows a Parquet file, or all files of a folder, hold; only their footers are read.

    Raises:
        InputError: A file is damaged or not there.
    """
    return sum(_rows(file) for file in (path.glob("*.parquet") if path.is_dir() else [path]))


def _rows(file: Path) -> int:
    try:
        return pq.read_metadata(file).num_rows
    except foreign.ARROW_ERRORS as error:
        raise foreign.table_error(error, file) from error


def map_numbers(path: Path) -> NDArray[np.int64]:
    """The numbers of a file of `Database.write_numbers`, mapped instead of read."""
    return np.memmap(path, dtype="<i8", mode="r") if path.stat().st_size else np.empty(0, dtype=np.int64)


def _pattern(path: Path, deep: bool = False) -> str:
    literal = glob.escape(str(path))
    return f"{literal}/{'**/' if deep else ''}*.parquet" if path.is_dir() else literal


class Database:
    """A DuckDB session under a memory limit, in which Parquet files stand as views.

    DuckDB joins and merges out of core; what it gives back is cast to our schemas, because its sums are HUGEINT and
    would otherwise reach Parquet as floating point.

    Args:
        scratch: Where it spills to.
        memory: Its limit.
        threads: How many threads it runs.
        run_memory: The limit of the run, of which its own is a share: errors name that.
    """

    def __init__(self, scratch: Path, memory: str, threads: int = 2, run_memory: str | None = None) -> None:
        self._scratch, self._memory = scratch, run_memory or memory
        self._tables: set[Path] = set()
        if memory.lstrip().startswith("-"):  # which DuckDB takes for no limit
            raise PipelineError(f"DuckDB refused the settings: {memory} is below 0", remedy="Check `memory`.")
        make_folder(scratch)
        try:
            self._connection = duckdb.connect(
                config={"memory_limit": memory, "temp_directory": str(scratch), "threads": threads}
            )
            self._connection.execute("SET enable_progress_bar = false")  # it takes a worker for an interactive session
        except duckdb.Error as error:
            raise PipelineError(f"DuckDB refused the settings: {error}", remedy="Check `memory`.") from error

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def view(
        self, name: str, *paths: Path, among: Path | None = None, deep: bool = False, with_file: bool = False
    ) -> None:
        """Let a name stand for a Parquet file, or for all Parquet files of a folder.

        Args:
            name: The name.
            paths: The file or folder, or several with one schema.
            among: NUMBERS; only rows with an `id` that is there are seen.
            deep: Files of folders in a folder count too.
            with_file: Whether rows have a column `filename`.
        """
        patterns = [_pattern(path, deep) for path in paths]
        self._tables |= {*paths, *([among] if among else [])}
        with self._told():
            rows = self._connection.read_parquet(patterns, union_by_name=False, filename=with_file)
            if among is not None:
                rows = rows.join(self._connection.read_parquet(_pattern(among)), "id", how="semi")
            rows.create_view(name, replace=True)

    def rows(self, name: str, table: pa.Table) -> None:
        """Let a name stand for rows in memory."""
        self._connection.from_arrow(table).create_view(name, replace=True)

    def run(self, sql: str) -> None:
        """Run a statement, such as the making of a temporary table."""
        self._beside(lambda: self._connection.execute(sql))

    def write(self, sql: str, path: Path, schema: pa.Schema, group_rows: int = _BATCH_ROWS) -> Path:
        """Write the rows of a query as Parquet with exactly this schema; the query must order its rows.

        Args:
            sql: The query.
            path: Where to.
            schema: The type of the table.
            group_rows: Rows of a group: who later wants a small span of a sorted table reads whole groups.
        """

        def write() -> Path:
            return write_batches(self._connection.sql(sql).to_arrow_reader(group_rows), path, schema)

        return self._beside(write)

    def write_numbers(self, sql: str, paths: Sequence[Path]) -> None:
        """Write whole numbers, a column a file, as they lie in memory: workers map them and share the pages."""

        def write() -> None:
            with contextlib.ExitStack() as stack:
                files = [stack.enter_context(stack.enter_context(whole_file(path)).open("wb")) for path in paths]
                for batch in self._connection.sql(sql).to_arrow_reader(_BATCH_ROWS):
                    for column, file in zip(batch.columns, files, strict=True):
                        file.write(column.to_numpy(zero_copy_only=False).astype("<i8").tobytes())

        self._beside(write)

    def batches(self, sql: str, rows: int) -> Generator[pa.RecordBatch, None, None]:
        """The rows of a query, so many at a time, none of which stay in memory."""
        reader = self._beside(lambda: self._connection.sql(sql).to_arrow_reader(rows))
        while (batch := self._beside(lambda: next(reader, None))) is not None:
            yield batch

    def table(self, sql: str) -> pa.Table:
        """The rows of a query, in memory."""
        return self._beside(lambda: self._connection.sql(sql).to_arrow_table())

    def _beside(self, query: Callable[[], Result]) -> Result:
        """Run a query beside this thread, which hears Ctrl-C: DuckDB may be deaf to it until the query ends."""
        with self._told(), ThreadPoolExecutor(max_workers=1) as thread:
            asked = thread.submit(query)
            try:
                return asked.result()
            except KeyboardInterrupt:
                while not asked.done():  # an interrupt that comes before the query begins is lost
                    self._connection.interrupt()
                    wait([asked], timeout=0.1)
                raise

    @contextlib.contextmanager
    def _told(self) -> Generator[None]:
        """Errors that files, room or values cause, as ours."""
        try:
            yield
        except foreign.QUERY_MISTAKES:
            raise
        except duckdb.Error as error:
            raise foreign.query_error(error, self._tables, self._scratch, self._memory) from error
