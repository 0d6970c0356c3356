"""Tables are written whole or not at all, the same rows to the same bytes, and sums of DuckDB come back as counts."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core import schema
from pipeline.core.errors import InputError, PipelineError, StorageError
from pipeline.core.tables import (
    ROW_GROUP_ROWS,
    Database,
    file_hash,
    make_folder,
    read_table,
    row_count,
    whole_file,
    write_batches,
    write_records,
    write_rows,
    write_table,
)

PAIRS = pa.schema([("id", pa.int64()), ("name", pa.string())])


def pairs(count: int, start: int = 0) -> list[tuple[int, str]]:
    return [(number, f"name {number * 7919 % 1000}") for number in range(start, start + count)]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "scratch", "100MB", threads=1) as session:
        yield session


# Whole files


def test_a_file_appears_under_its_name_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "table"
    with whole_file(path) as part:
        part.write_text("half")
        assert not path.exists()
        assert part.parent == path.parent
        part.write_text("whole")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, FileNotFoundError])
def test_a_failure_leaves_what_was_there_before_and_nothing_else(failure: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_text("before")

    def fail(part: Path) -> None:
        part.write_text("half")
        raise failure("on purpose")

    with pytest.raises(failure, match="on purpose"), whole_file(path) as part:
        fail(part)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_what_an_earlier_run_left_half_written_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".table.part").write_text("half of an earlier run, longer than what comes")
    with whole_file(tmp_path / "table") as part:
        part.write_text("whole")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["whole"]


def test_a_run_killed_while_it_writes_leaves_no_file_of_that_name(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from pipeline.core.tables import whole_file\n"
        "with whole_file(Path(sys.argv[1])) as part:\n"
        "    part.write_text('half'); print('ready', flush=True); time.sleep(60)\n"
    )
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "table")], cwd=root, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "table").exists()


def test_a_disk_that_refuses_the_first_byte_is_told_too(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No space"), whole_file(tmp_path / "table"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def full_disk(path: Path) -> None:
    """Let the temporary file beside a path be a device that is always full."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(f".{path.name}.part").symlink_to("/dev/full")


@pytest.mark.parametrize("rows", [1, 200_000])
def test_a_full_disk_leaves_the_table_of_before(rows: int, tmp_path: Path) -> None:
    path = write_rows(pairs(3), tmp_path / "table.parquet", PAIRS)
    full_disk(path)
    with pytest.raises(StorageError, match="No space left on device"):
        write_rows(pairs(rows), path, PAIRS)
    assert list(tmp_path.iterdir()) == [path]
    assert read_table(path).num_rows == 3


def test_a_quota_that_is_used_up_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    """The limit on the size of a file stands for a quota: the first megabyte is written, the next is refused."""
    code = (
        "import resource, sys; from pathlib import Path; import pyarrow as pa\n"
        "from pipeline.core.errors import StorageError; from pipeline.core.tables import write_rows\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        "    write_rows([(n * n,) for n in range(500_000)], Path(sys.argv[1]), pa.schema([('n', pa.int64())]))\n"
        "except StorageError as error:\n"
        "    print(error)\n"
    )
    path = tmp_path / "table.parquet"
    path.write_text("before")
    command = [sys.executable, "-c", code, str(path)]
    told = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True).stdout
    assert told.startswith(f"The disk refused a write: File too large ({path}). Free some space")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["before"]


@pytest.mark.parametrize("make", [lambda path: write_rows(pairs(1), path / "table.parquet", PAIRS), make_folder])
def test_a_path_that_leads_through_a_file_is_refused(make: Callable[[Path], object], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="choose another --out or --work") as caught:
        make(tmp_path / "file" / "folder")
    assert str(tmp_path / "file" / "folder") in caught.value.where
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_folder_is_made_and_left_empty_and_may_be_there_already(tmp_path: Path) -> None:
    for _ in range(2):
        make_folder(tmp_path / "new" / "folder")
        assert list((tmp_path / "new" / "folder").iterdir()) == []


def test_a_disk_that_fills_up_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch([[1], ["one"]], schema=PAIRS)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match="No space left on device"):
        write_batches(batches(), tmp_path / "table.parquet", PAIRS)
    assert list(tmp_path.iterdir()) == []


# Writing


@pytest.mark.parametrize("rows", [0, 1, 1000, ROW_GROUP_ROWS + 50_001])
def test_the_same_rows_give_the_same_bytes(rows: int, tmp_path: Path) -> None:
    first = write_rows(pairs(rows), tmp_path / "first.parquet", PAIRS).read_bytes()
    time.sleep(0.01)
    assert write_rows(pairs(rows), tmp_path / "second.parquet", PAIRS).read_bytes() == first
    columns = [list(column) for column in zip(*pairs(rows), strict=True)] or [[], []]
    assert write_table(pa.table(columns, schema=PAIRS), tmp_path / "third.parquet", PAIRS).read_bytes() == first


def test_the_same_rows_give_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    code = (
        "import sys, pyarrow as pa; from pathlib import Path; from pipeline.core.tables import write_rows\n"
        "schema = pa.schema([('id', pa.int64()), ('name', pa.string())])\n"
        "rows = [(n, f'name {n * 7919 % 1000}') for n in range(5000)]\n"
        "write_rows(rows, Path(sys.argv[1]), schema)"
    )
    other = tmp_path / "other.parquet"
    environment = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", code, str(other)], cwd=Path(__file__).parents[3], env=environment, check=True)
    assert write_rows(pairs(5000), tmp_path / "own.parquet", PAIRS).read_bytes() == other.read_bytes()


def test_batches_are_cast_to_the_schema_by_column_name(tmp_path: Path) -> None:
    batch = pa.record_batch(
        {"extra": [True], "name": pa.array(["one"]).dictionary_encode(), "id": pa.array([1], pa.decimal128(38, 0))}
    )
    table = read_table(write_batches([batch], tmp_path / "table.parquet", PAIRS))
    assert table.schema.equals(PAIRS)
    assert table.to_pylist() == [{"id": 1, "name": "one"}]


def test_a_value_that_a_column_cannot_hold_is_refused(tmp_path: Path) -> None:
    batch = pa.record_batch({"id": [2.5], "name": ["x"]})
    with pytest.raises(pa.ArrowInvalid):
        write_batches([batch], tmp_path / "table.parquet", PAIRS)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        write_batches([pa.record_batch({"id": [1]})], tmp_path / "table.parquet", PAIRS)
    assert list(tmp_path.iterdir()) == []


def test_long_tables_are_cut_into_row_groups_with_an_index_of_their_pages(tmp_path: Path) -> None:
    path = write_rows(pairs(120_000), tmp_path / "table.parquet", PAIRS)
    metadata = pq.read_metadata(path)
    assert metadata.num_rows == 120_000
    assert all(metadata.row_group(place).num_rows <= ROW_GROUP_ROWS for place in range(metadata.num_row_groups))
    assert metadata.row_group(0).column(0).compression == "ZSTD"
    assert metadata.row_group(0).column(0).has_offset_index
    assert read_table(path)["id"].to_pylist() == list(range(120_000))


def test_records_are_written_with_null_for_what_they_lack(tmp_path: Path) -> None:
    path = write_records([{"id": 1}, {"name": "two", "id": 2}], tmp_path / "table.parquet", PAIRS)
    assert read_table(path).to_pylist() == [{"id": 1, "name": None}, {"id": 2, "name": "two"}]


TABLES = {name: table for name, table in vars(schema).items() if isinstance(table, pa.Schema)}


def as_read(table: pa.Schema) -> pa.Schema:
    """A schema as it comes back from Parquet, which knows milliseconds and no seconds."""
    seconds, milliseconds = pa.timestamp("s", tz="UTC"), pa.timestamp("ms", tz="UTC")
    return pa.schema([field.with_type(milliseconds) if field.type == seconds else field for field in table])


@pytest.mark.parametrize("name", TABLES)
def test_every_table_can_be_written_without_rows_and_with_nulls(name: str, tmp_path: Path) -> None:
    table = TABLES[name]
    for rows in ([], [(None,) * len(table)]):
        written = read_table(write_rows(rows, tmp_path / "table.parquet", table))
        assert written.schema.equals(as_read(table))
        assert written.num_rows == len(rows)


def test_what_a_schema_says_beside_its_columns_is_kept(tmp_path: Path) -> None:
    table = PAIRS.with_metadata({"version": "7"})
    assert read_table(write_rows(pairs(2), tmp_path / "table.parquet", table)).schema.metadata == {b"version": b"7"}


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
statement_rows = st.fixed_dictionaries(
    {
        "subject_id": st.integers(-(2**63), 2**63 - 1),
        "is_best": st.booleans() | st.none(),
        "text": words | st.none(),
        "precision": st.integers(-128, 127) | st.none(),
        "qualifier_ids": st.lists(st.integers(0, 2**31 - 1), max_size=3) | st.none(),
    }
)


@settings(deadline=None, max_examples=40)
@given(rows=st.lists(statement_rows, max_size=20))
def test_rows_come_back_as_they_were_written(
    rows: list[dict[str, object]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("round") / "table.parquet"
    empty = dict.fromkeys(schema.STATEMENTS.names)
    tuples = [tuple((empty | row).values()) for row in rows]
    assert read_table(write_rows(tuples, path, schema.STATEMENTS)).to_pylist() == [empty | row for row in rows]


# Reading


def test_a_folder_is_read_in_the_order_of_its_files_names(tmp_path: Path) -> None:
    for name, start in (("000010", 20), ("000002", 10), ("000001", 0)):
        write_rows(pairs(10, start), tmp_path / f"{name}.parquet", PAIRS)
    (tmp_path / ".000003.parquet.part").write_bytes(b"half")
    (tmp_path / "counts.json").write_text("{}")
    assert read_table(tmp_path)["id"].to_pylist() == list(range(30))
    assert read_table(tmp_path, ["name"]).schema.names == ["name"]


def test_rows_are_counted_without_reading_them(tmp_path: Path) -> None:
    for place, count in enumerate([3, 0, 4]):
        write_rows(pairs(count), tmp_path / "folder" / f"{place}.parquet", PAIRS)
    assert row_count(tmp_path / "folder") == 7
    assert row_count(tmp_path / "folder" / "2.parquet") == 4


def test_a_folder_named_like_a_partition_adds_no_column(tmp_path: Path) -> None:
    path = write_rows(pairs(1), tmp_path / "split=train" / "table.parquet", PAIRS)
    assert read_table(path).schema.names == ["id", "name"]


def test_a_hash_is_that_of_the_bytes_and_progress_adds_up_to_them(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 10_000)
    steps: list[float] = []
    assert file_hash(path, steps.append) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert sum(steps) == path.stat().st_size
    assert len(steps) > 1


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_file_that_cannot_be_hashed_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read: .* Check the path") as caught:
        file_hash(tmp_path / name)
    assert caught.value.where == str(tmp_path / name)


# DuckDB


def test_sums_are_written_as_whole_numbers(database: Database, tmp_path: Path) -> None:
    """A sum of integers is a HUGEINT, which Arrow shows as a decimal or a floating point number."""
    database.rows("counts", pa.table({"id": [1, 1, 2], "n": [2**53, 1, 5]}))
    sql = "SELECT id, sum(n) AS n FROM counts GROUP BY id ORDER BY id"
    assert database.table(sql).schema.field("n").type != pa.int64()
    path = database.write(sql, tmp_path / "sums.parquet", pa.schema([("id", pa.int64()), ("n", pa.int64())]))
    assert pq.read_schema(path).field("n").type == pa.int64()
    assert read_table(path).to_pylist() == [{"id": 1, "n": 2**53 + 1}, {"id": 2, "n": 5}]


def test_a_sum_beyond_the_column_is_refused(database: Database, tmp_path: Path) -> None:
    database.rows("counts", pa.table({"n": [2**62, 2**62]}))
    with pytest.raises(pa.ArrowInvalid):
        database.write("SELECT sum(n) AS n FROM counts", tmp_path / "sums.parquet", pa.schema([("n", pa.int64())]))
    assert not (tmp_path / "sums.parquet").exists()


@pytest.mark.parametrize("folder", ["plain", "with space", "data[2024]", "all*?", "it's", "=a=b"])
def test_a_name_stands_for_a_file_or_for_all_files_of_a_folder(folder: str, database: Database, tmp_path: Path) -> None:
    for place in range(2):
        write_rows(pairs(5, place * 5), tmp_path / folder / f"{place}.parquet", PAIRS)
    write_rows(pairs(1), tmp_path / "data2" / "0.parquet", PAIRS)
    database.view("pairs", tmp_path / folder)
    assert sorted(database.table("FROM pairs")["id"].to_pylist()) == list(range(10))
    database.view("pairs", tmp_path / folder / "1.parquet")
    assert database.table("FROM pairs").to_pylist() == read_table(tmp_path / folder / "1.parquet").to_pylist()


def test_tables_made_in_a_session_can_be_queried(database: Database) -> None:
    database.run("CREATE TEMP TABLE numbers AS SELECT range AS n FROM range(5)")
    assert database.table("SELECT sum(n)::BIGINT AS total FROM numbers").to_pylist() == [{"total": 10}]


def test_a_query_writes_the_same_bytes_twice(database: Database, tmp_path: Path) -> None:
    database.rows("pairs", pa.table(list(map(list, zip(*pairs(150_000), strict=True))), schema=PAIRS))
    sql = "SELECT * FROM pairs ORDER BY name, id"
    first, second = (database.write(sql, tmp_path / name, PAIRS).read_bytes() for name in ("a", "b"))
    assert first == second


def test_a_full_disk_stops_a_query_and_leaves_nothing(database: Database, tmp_path: Path) -> None:
    full_disk(tmp_path / "out" / "table.parquet")
    with pytest.raises(StorageError, match="No space left on device"):
        database.write(
            "SELECT range AS id, range::VARCHAR AS name FROM range(10)", tmp_path / "out" / "table.parquet", PAIRS
        )
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("act", ["run", "table", "write"])
def test_a_scratch_folder_that_is_full_is_told_with_its_place(act: str, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    big = "SELECT range AS id, md5(range::VARCHAR) AS name FROM range(3000000) ORDER BY name"
    with Database(scratch, "50MB", threads=1) as database:
        database.run("SET max_temp_directory_size = '1MB'")
        with pytest.raises(StorageError, match="DuckDB ran out of room") as caught:
            if act == "run":
                database.run(f"CREATE TEMP TABLE big AS {big}")
            elif act == "table":
                database.table(big)
            else:
                database.write(big, tmp_path / "table.parquet", PAIRS)
    assert "Out of Memory Error" in caught.value.what
    assert "\n" not in str(caught.value)
    assert caught.value.where == str(scratch)
    assert "raise `memory`" in caught.value.remedy
    assert not (tmp_path / "table.parquet").exists()


def test_the_scratch_folder_is_made_and_may_be_there_already(tmp_path: Path) -> None:
    for _ in range(2):
        with Database(tmp_path / "new" / "scratch", "100MB") as session:
            assert (tmp_path / "new" / "scratch").is_dir()
    with pytest.raises(duckdb.ConnectionException):
        session.run("SELECT 1")  # closed with its block


def test_a_memory_setting_that_makes_no_sense_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"DuckDB refused the settings: .* Check `memory`"):
        Database(tmp_path / "scratch", "a lot")


def test_a_mistake_in_a_query_is_no_storage_error(database: Database) -> None:
    with pytest.raises(duckdb.ParserException):
        database.run("SELEKT 1")
