"""What the system, DuckDB and Arrow refuse comes as our error, with its place and what to do; our mistakes do not."""

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.core.errors import InputError, PipelineError, StorageError
from pipeline.core.foreign import as_ours, disk_error, foreign_errors, no_file, shown
from pipeline.core.tables import Database, make_folder, read_table, row_count, whole_file, write_rows, write_text

NUMBERS = pa.schema([("id", pa.int64()), ("name", pa.string())])

REMEDIES = {
    "ENOSPC": "Free some space",
    "EDQUOT": "Free some space",
    "EFBIG": "Free some space",
    "EROFS": "Allow editmill to write there",
    "EACCES": "Allow editmill to write there",
    "EPERM": "Allow editmill to write there",
    "EIO": "Check the disk",
    "ENOTDIR": "Something else has that name",
    "EISDIR": "Something else has that name",
    "EEXIST": "Something else has that name",
    "ENAMETOOLONG": "Shorten the path",
    "ELOOP": "Its links lead back to themselves",
}


@pytest.mark.parametrize("name", REMEDIES)
def test_a_refusal_of_the_disk_says_what_where_and_remedy(name: str, tmp_path: Path) -> None:
    number = getattr(errno, name)
    error = disk_error(OSError(number, os.strerror(number)), tmp_path)
    assert isinstance(error, StorageError)
    assert error.what == f"The disk refused a write: {os.strerror(number)}"
    assert error.where == str(tmp_path)
    assert error.remedy.startswith(REMEDIES[name])
    assert error.remedy.endswith("choose another --out or --work, then run again.")


def test_space_is_asked_for_only_where_it_lacks() -> None:
    assert [name for name, remedy in REMEDIES.items() if "space" in remedy] == ["ENOSPC", "EDQUOT", "EFBIG"]


@pytest.mark.parametrize("named", [None, "elsewhere/file", "out/table/inner"])
def test_an_error_about_something_else_is_not_blamed_on_the_disk(named: str | None, tmp_path: Path) -> None:
    error = FileNotFoundError(errno.ENOENT, "No such file", str(tmp_path / named) if named else None)
    assert disk_error(error, tmp_path / "out" / "table") is error


@pytest.mark.parametrize("folder", ["/proc/editmill", "/proc/self/editmill/deep"])
def test_a_folder_that_the_system_does_not_make_is_told(folder: str) -> None:
    for act in (lambda path: make_folder(path), lambda path: write_text("x", path / "file")):
        with pytest.raises(StorageError, match="The disk refused a write: No such file or directory") as told:
            act(Path(folder))
        assert told.value.remedy == "Choose another --out or --work, then run again."


# Names that are not those of files


def loop(path: Path) -> None:
    path.symlink_to(path)


def socket_at(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


KINDS: dict[str, Callable[[Path], None]] = {
    "There is no such file": lambda path: None,
    "This is a folder, not a file": Path.mkdir,
    "This is a pipe, not a file": lambda path: os.mkfifo(path),
    "This is a socket, not a file": socket_at,
    "The file cannot be opened: Too many levels of symbolic links": loop,
}


@pytest.mark.parametrize("what", KINDS)
def test_an_input_that_is_no_file_is_called_by_what_it_is(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    KINDS[what](Path("it"))
    assert str(no_file(Path("it"), "Check --new.")) == f"{what} (it). Check --new."


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    assert no_file(tmp_path / ("n" * 300), "").what == "The file cannot be opened: File name too long"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, socket_at], ids=["folder", "pipe", "socket"])
def test_nothing_but_a_file_is_replaced(
    make: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("it"))
    before = Path("it").stat()
    with pytest.raises(StorageError, match="not a file, and would be replaced"):
        write_text("text", Path("it"))
    assert Path("it").stat().st_mode == before.st_mode
    assert [path.name for path in tmp_path.iterdir()] == ["it"]


def test_a_link_to_a_device_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "null").symlink_to(os.devnull)
    with pytest.raises(StorageError, match="This is a device"):
        write_text("text", tmp_path / "null")
    assert (tmp_path / "null").is_symlink()


def test_a_name_that_is_not_utf8_is_shown_with_escapes() -> None:
    assert shown(Path("caf\udce9/é")) == r"caf\udce9/é"


# Tables that are damaged


def junk(path: Path) -> None:
    path.write_bytes(b"PAR1 rubbish PAR1")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def gone(path: Path) -> None:
    path.unlink()


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4:2000] = bytes(byte ^ 0x5A for byte in data[4:2000])
    path.write_bytes(data)


DAMAGES = [junk, cut, empty, gone, flipped]
STAGE = "facts-0123456789abcdef"


def table(folder: Path) -> Path:
    return write_rows([(n, f"name {n * n % 977}") for n in range(5000)], folder / "table.parquet", NUMBERS)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_table_of_a_stage_is_told_with_the_folder_to_remove(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    path = table(tmp_path / STAGE)
    damage(path)
    with pytest.raises(InputError) as told:
        read_table(path)
    assert told.value.what.startswith("The table cannot be read: ")
    assert told.value.where == str(path)
    assert told.value.remedy == f"Remove the folder {tmp_path / STAGE}, then run again: it is made again."
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("damage", DAMAGES)
def test_duckdb_says_the_same_of_it(damage: Callable[[Path], None], tmp_path: Path) -> None:
    path = table(tmp_path / STAGE)
    damage(path)
    with (
        Database(tmp_path / "scratch", "100MB", threads=1) as database,
        pytest.raises(InputError, match="The table cannot be read") as told,
    ):
        database.view("numbers", path)
        database.table("FROM numbers")
    assert told.value.where == str(path)
    assert str(tmp_path / STAGE) in told.value.remedy
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("damage", [junk, cut, empty, gone])
def test_rows_of_a_damaged_table_are_not_counted(damage: Callable[[Path], None], tmp_path: Path) -> None:
    path = table(tmp_path)
    damage(path)
    with pytest.raises(InputError, match=r"The table cannot be read: .* Build or download"):
        row_count(path)


def test_a_table_without_a_column_is_told(tmp_path: Path) -> None:
    path = table(tmp_path)
    with pytest.raises(InputError, match=r"The table cannot be read: .*page_views"):
        read_table(path, ["page_views"])
    with (
        Database(tmp_path / "scratch", "100MB") as database,
        pytest.raises(InputError, match="The table cannot be read: .*page_views") as told,
    ):
        database.view("numbers", path)
        database.table("SELECT page_views FROM numbers")
    assert told.value.where == str(path)


def test_a_folder_without_tables_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the folder has no Parquet file"):
        read_table(tmp_path)


# Room


def test_too_little_memory_is_told_with_the_setting(tmp_path: Path) -> None:
    with (
        Database(tmp_path / "scratch", "10MB", threads=1) as database,
        pytest.raises(StorageError, match=r"raise `memory` \(--memory or --config\), which is 10MB now"),
    ):
        database.table("SELECT list(md5(range::VARCHAR) ORDER BY hash(range)) FROM range(3000000)")


def test_a_scratch_folder_that_cannot_be_made_is_told() -> None:
    with pytest.raises(StorageError, match="The disk refused a write: No such file or directory"):
        Database(Path("/proc/editmill"), "100MB")


# What nobody caught


def raised(act: Callable[[], object]) -> PipelineError:
    try:
        act()
    except foreign_errors() as error:
        return as_ours(error)
    raise AssertionError("nothing was raised")


def test_the_last_resort_names_the_file(tmp_path: Path) -> None:
    told = raised(lambda: (tmp_path / ("n" * 300)).stat())
    assert told.what == "The system refused: File name too long"
    assert told.where == str(tmp_path / ("n" * 300))
    assert told.remedy.startswith("Shorten the path")


def test_without_a_file_it_names_the_line_of_code() -> None:
    told = raised(lambda: pq.read_schema(pa.BufferReader(b"PAR1 rubbish PAR1")))
    assert told.what.startswith("Arrow refused: ")
    assert "please report it" in told.remedy

    def fail() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    told = raised(fail)
    assert told.what == "The system refused: Too many open files"
    assert "ulimit -n" in told.remedy


def test_a_character_that_an_encoding_lacks_is_told_with_the_remedy() -> None:
    told = raised(lambda: "é".encode("ascii"))
    assert told.what == r"A text cannot be written in ascii: '\xe9'"
    assert "LC_ALL=C.UTF-8" in told.remedy


def test_the_place_is_the_last_line_of_our_own_code(tmp_path: Path) -> None:
    with Database(tmp_path / "scratch", "100MB") as database:
        told = raised(lambda: database.run("SELEKT 1"))
    assert told.what.startswith("DuckDB refused: Parser Error")
    assert told.where.startswith("tables.py, line ")


def test_every_error_of_duckdb_is_foreign() -> None:
    assert issubclass(duckdb.ParserException, foreign_errors())


def test_a_failed_write_says_where_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No space left"), whole_file(tmp_path / "it") as part:
        part.symlink_to("/dev/full")
        part.write_text("x" * 100_000)
    assert list(tmp_path.iterdir()) == []
