"""Finished work is never done twice: stages by the hash of what they depend on, and one run at a time in a folder.

A stage is a folder named after a hash of everything that decides its content; it appears whole, by renaming, when it
is done.
"""

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Generator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TextIO, TypeVar

from pipeline.core import schema
from pipeline.core.errors import UsageError
from pipeline.core.foreign import disk_error, record_error, refusal
from pipeline.core.resources import source_files
from pipeline.core.tables import make_folder

DONE = "done.json"

Record = TypeVar("Record")


@functools.cache
def code_version() -> str:
    """Twelve digits of the hash of all code: a stage made by other code is made again."""
    digest = hashlib.sha256()
    for path in source_files():
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def read_record(path: Path, decode: Callable[[bytes], Record]) -> Record:
    """What a stage counted or noted, from its JSON file.

    Args:
        path: The file.
        decode: Makes a value of its bytes.

    Raises:
        InputError: The file is damaged or not there.
    """
    try:
        return decode(path.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise record_error(error, path) from error


Run = Callable[[str, str, Callable[[], Path]], Path]
"""Runs a stage: its name, its key, and what gives its folder, be it made now or before."""


def _at_once(name: str, key: str, made: Callable[[], Path]) -> Path:
    del name, key
    return made()


_run: ContextVar[Run] = ContextVar("run", default=_at_once)


@contextlib.contextmanager
def stages_run_by(run: Run) -> Generator[None]:
    """Let something else run the stages of a build: a flow makes each of them a task of its own."""
    token = _run.set(run)
    try:
        yield
    finally:
        _run.reset(token)


def stage(work: Path, name: str, depends: Mapping[str, object], make: Callable[[Path], None]) -> Path:
    """The folder of a finished stage, made now unless it was made before.

    Args:
        work: Where stages are kept.
        name: The stage.
        depends: Everything that decides its content: settings, hashes of input files, folders of earlier stages
            (whose names carry their own hash). JSON values and paths.
        make: Fills a folder. It may find a half-filled one of an earlier run with the same inputs, whose finished
            files it can keep.

    Returns:
        The folder; its name ends in the hash of what it depends on.
    """
    identity = _identity(name, depends)
    folder = stage_folder(work, name, depends)
    return _run.get()(name, folder.name, lambda: _made(folder, identity, make))


def _made(folder: Path, identity: str, make: Callable[[Path], None]) -> Path:
    if is_finished(folder):
        return folder
    part = part_of(folder)
    try:
        part.mkdir(parents=True, exist_ok=True)
        make(part)
        _put(part, folder, identity)
    except OSError as error:
        raise disk_error(error, part) from error
    return folder


def late_stage(work: Path, name: str, make: Callable[[Path], Mapping[str, object]]) -> Path:
    """The folder of a stage that learns only while it is made what it depends on: its input arrives once.

    Args:
        work: Where stages are kept.
        name: The stage.
        make: Fills an empty folder and gives what `stage` is told as `depends`.
    """
    part = work / f".{name}-arriving.part"
    try:
        if part.exists():  # nobody can know whether the same is arriving again
            shutil.rmtree(part)
        part.mkdir(parents=True)
        depends = make(part)
        folder = stage_folder(work, name, depends)
        if (folder / DONE).is_file():
            shutil.rmtree(part)
        else:
            _put(part, folder, _identity(name, depends))
    except OSError as error:
        raise disk_error(error, part) from error
    return folder


def stage_folder(work: Path, name: str, depends: Mapping[str, object]) -> Path:
    """Where a stage is once it is finished."""
    return work / f"{name}-{hashlib.sha256(_identity(name, depends).encode()).hexdigest()[:16]}"


def part_of(folder: Path) -> Path:
    """Where a stage is filled before it is finished; what stands there already is kept."""
    return folder.with_name(f".{folder.name}.part")


def is_finished(folder: Path) -> bool:
    """Whether a stage is in its place."""
    return (folder / DONE).is_file()


def _identity(name: str, depends: Mapping[str, object]) -> str:
    identity = {
        "stage": name,
        "code": code_version(),
        "schema": schema.SCHEMA_VERSION,
        "depends": {key: value.name if isinstance(value, Path) else value for key, value in depends.items()},
    }
    return json.dumps(identity, sort_keys=True)


def _put(part: Path, folder: Path, identity: str) -> None:
    """Put a filled folder in its place."""
    (part / DONE).write_text(json.dumps(json.loads(identity), sort_keys=True, indent=1) + "\n", encoding="utf-8")
    if folder.exists():  # without its marker: copied in part, or meddled with
        shutil.rmtree(folder)
    part.replace(folder)


_waits: ContextVar[Callable[[str], None] | None] = ContextVar("waits", default=None)


@contextlib.contextmanager
def waiting_for_locks(report: Callable[[str], None]) -> Generator[None]:
    """Let `locked` wait for other runs: jobs that meet in a folder at night have nobody who would start them again.

    Args:
        report: Receives a sentence about each wait.
    """
    token = _waits.set(report)
    try:
        yield
    finally:
        _waits.reset(token)


@contextlib.contextmanager
def locked(work: Path) -> Generator[None, None, None]:
    """Keep other runs out of a work folder; the lock ends with the process, however that ends.

    Raises:
        UsageError: Another run is in it.
        StorageError: It cannot be written to.
    """
    make_folder(work)
    with (work / "lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            what = f"Another run is using this work folder{_by(file)}"
            report = _waits.get()
            if report is None:
                raise UsageError(what, str(work), "Wait for it, or give another --work or --out.") from error
            report(f"{what} ({work}): this one waits.")
            fcntl.flock(file, fcntl.LOCK_EX)
        try:
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
        except OSError as error:
            raise refusal(error, work / "lock") from error
        yield


def _by(file: TextIO) -> str:
    """The process that holds a lock, as far as it has said so."""
    file.seek(0)
    holder = file.read()
    return f", process {holder}" if holder.isdigit() else ""
