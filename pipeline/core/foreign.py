"""Errors of the system, of DuckDB and of Arrow as ours: what went wrong, where, and what to do.

Whoever knows what a file is for catches its error and reports that. What reaches `core.tables` is translated there, and
what reaches the command line is translated by `as_ours`, which asks for a report where the fault looks like ours, as
with a query that does not parse. Other mistakes in our own code, a missing key say, keep their traceback.
"""

import errno
import os
import re
import shutil
import stat
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.core.errors import InputError, PipelineError, StorageError

ARROW_ERRORS = (pa.ArrowException, OSError)
"""What Arrow raises for a file that it cannot read: damaged, of another format, or gone."""

QUERY_MISTAKES = (
    *(duckdb.ParserException, duckdb.SyntaxException, duckdb.CatalogException, duckdb.ConnectionException),
    duckdb.InterruptException,
)
"""What DuckDB raises because of our code; its other errors come from files, room or values."""

_ELSEWHERE = "hoose another --out or --work, then run again."  # at the beginning of a sentence or in it
_ROOM = f"Free some space or c{_ELSEWHERE}"
_OTHER = f"C{_ELSEWHERE}"
_FILES = "Allow more open files (`ulimit -n`) or use fewer --workers, then run again."
_REMEDIES: Mapping[int, str] = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _ROOM),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), f"Allow editmill to write there, or c{_ELSEWHERE}"),
    **dict.fromkeys((errno.ENOTDIR, errno.EISDIR, errno.EEXIST), f"Something else has that name: c{_ELSEWHERE}"),
    errno.EIO: f"Check the disk, or c{_ELSEWHERE}",
    errno.ENAMETOOLONG: f"Shorten the path, or c{_ELSEWHERE}",
    errno.ELOOP: f"Its links lead back to themselves: c{_ELSEWHERE}",
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
}
_KINDS = {stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket", stat.S_ISCHR: "a device", stat.S_ISBLK: "a device"}
_STAGE = re.compile(r"\.?[a-z_]+-[0-9a-f]{16}(?:\.part)?")  # the folder of a stage, see core.stage_cache
_FILE = re.compile(r"""["'](/[^"']+)["']""")


def disk_error(error: OSError, path: Path) -> OSError | StorageError:
    """A refusal to write as our error; an error that is about another file, or about no file, as it is.

    Args:
        error: What the system said.
        path: What was written.
    """
    names = error.filename if isinstance(error.filename, str) else None
    ours = (path, path.parent / f".{path.name}.part", *path.parents)
    if error.errno in _REMEDIES or (names and Path(names) in ours):
        return refusal(error, path)
    return error


def refusal(error: OSError, path: Path) -> StorageError:
    """A refusal to write, whatever the reason."""
    what = f"The disk refused a write: {_reason(error)}"
    return StorageError(what, shown(path), _REMEDIES.get(error.errno or 0, _OTHER))


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else _first_line(error)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in lines[0].rstrip("."))


def shown(path: object) -> str:
    """A path in a message; bytes that are not UTF-8 become escapes, since terminals and logs may refuse them."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def no_file(path: Path, remedy: str) -> InputError:
    """The error for an input that is not a file, which says what is there instead."""
    return InputError(_what_is_there(path), shown(path), remedy)


def _what_is_there(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return "There is no such file"
    except OSError as error:
        return f"The file cannot be opened: {_reason(error)}"
    if stat.S_ISDIR(mode):
        return "This is a folder, not a file"
    kind = next((kind for matches, kind in _KINDS.items() if matches(mode)), "something else")
    return f"This is {kind}, not a file"


def require_replaceable(path: Path) -> None:
    """Check that a file may take the place of what has its name: a pipe or a device would be gone.

    Raises:
        StorageError: Something other than a file has the name.
    """
    try:
        is_other = not path.is_file() and path.exists()
    except OSError:
        return  # the write reports it
    if is_other:
        raise StorageError(f"{_what_is_there(path)}, and would be replaced", shown(path), "Choose another name.")


def table_error(error: BaseException, path: Path) -> InputError:
    """A table that cannot be read: damaged, gone, or with other columns than it should have."""
    return InputError(f"The table cannot be read: {_first_line(error)}", shown(path), _remedy(path))


def record_error(error: BaseException, path: Path) -> InputError:
    """A file of counts or settings of a stage that cannot be read."""
    return InputError(f"The record cannot be read: {_first_line(error)}", shown(path), _remedy(path))


def _remedy(path: Path) -> str:
    stage = next((parent for parent in (path, *path.parents) if _STAGE.fullmatch(parent.name)), None)
    if stage is None:
        return "Build or download it again."
    return f"Remove the folder {shown(stage)}, then run again: it is made again."


def query_error(error: duckdb.Error, tables: Iterable[Path], scratch: Path, memory: str) -> PipelineError:
    """An error of DuckDB that is not one of `QUERY_MISTAKES`, as ours.

    Args:
        error: What DuckDB said.
        tables: The files and folders that the session reads.
        scratch: Where it spills to.
        memory: Its limit.
    """
    said = _first_line(error)
    if isinstance(error, duckdb.OutOfMemoryException):
        more = f"Give it more: raise `memory` (--memory or --config), which is {memory} now, to twice that."
        return StorageError(f"DuckDB ran out of room: {said}", shown(scratch), more + _space(scratch))
    named = _FILE.search(str(error))
    if isinstance(error, duckdb.IOException) and (named is None or Path(named[1]).is_relative_to(scratch.absolute())):
        remedy = _ROOM if _space(scratch) else _OTHER
        return StorageError(f"DuckDB cannot use its scratch folder: {said}", shown(scratch), remedy)
    read = sorted({Path(named[1])} if named else tables)
    if len(read) == 1:
        return table_error(error, read[0])
    if not read:
        return PipelineError(f"DuckDB refused a query: {said}", _place(error), _FAULT)
    where = ", ".join(map(shown, read[:_NAMED])) + (f" and {len(read) - _NAMED} more" if len(read) > _NAMED else "")
    return InputError(f"A table cannot be used: {said}", where, "Remove the one that is damaged, then run again.")


def _space(folder: Path) -> str:
    """What to do about a disk that is nearly full, if it is."""
    free = shutil.disk_usage(folder).free if folder.exists() else _LITTLE_BYTES
    return "" if free > _LITTLE_BYTES else f" The disk has only {free / 1e6:.0f} MB left: free some space there."


_LITTLE_BYTES = 1 << 30
_NAMED = 3  # tables in a message
_FAULT = "This looks like a fault of editmill: please report it, with the command."


def foreign_errors() -> tuple[type[Exception], ...]:
    """The errors that `as_ours` translates."""
    return (OSError, MemoryError, UnicodeEncodeError, pa.ArrowException, duckdb.Error)


def as_ours(error: BaseException) -> PipelineError:
    """An error that nobody caught where it arose, for the command line."""
    if isinstance(error, OSError):
        named = [
            shown(os.fsdecode(name)) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)
        ]
        remedy = _REMEDIES.get(error.errno or 0, "Check the path, then run again.")
        return StorageError(f"The system refused: {_reason(error)}", " to ".join(named) or _place(error), remedy)
    if isinstance(error, MemoryError):
        return PipelineError("The memory ran out", _place(error), "Use fewer --workers or a lower --memory.")
    if isinstance(error, UnicodeEncodeError):
        what = f"A text cannot be written in {error.encoding}: {ascii(error.object[error.start : error.end])}"
        return PipelineError(what, _place(error), "Use a UTF-8 locale, as in LC_ALL=C.UTF-8, and names in UTF-8.")
    library = "Arrow" if isinstance(error, pa.ArrowException) else "DuckDB"
    return PipelineError(f"{library} refused: {_first_line(error)}", _place(error), _FAULT)


def _place(error: BaseException) -> str:
    """The last line of our own code that an error came through."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "pipeline" in Path(frame.filename).parts]
    return f"{Path(ours[-1].filename).name}, line {ours[-1].lineno}" if ours else ""
