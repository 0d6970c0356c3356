"""Parallel work and stages: shards run through an executor, and finished work is never done twice.

The seam is `concurrent.futures.Executor`: a pool of processes here, a cluster's executor elsewhere. A stage is a
folder named after a hash of everything that decides its content; it appears whole, by renaming, when it is done.
"""

import contextlib
import fcntl
import functools
import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextvars import ContextVar
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import ParamSpec, TypeVar

from pipeline import schema
from pipeline.errors import PipelineError, UsageError
from pipeline.resources import source_files
from pipeline.tables import disk_error, make_folder

P = ParamSpec("P")
Task = TypeVar("Task")
Result = TypeVar("Result")

DONE = "done.json"


class InlineExecutor(Executor):
    """Runs each task where it stands: for one worker, for tests, for a debugger."""

    def submit(self, fn: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> "Future[Result]":
        """Run at once; a failure is kept in the future, as any executor does."""
        future: Future[Result] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except PipelineError as error:
            future.set_exception(error)
        return future


@contextlib.contextmanager
def executor(workers: int) -> Generator[Executor, None, None]:
    """The executor for a number of workers on this machine."""
    if workers <= 1:
        yield InlineExecutor()
        return
    with processes(workers) as pool:
        yield pool


@contextlib.contextmanager
def processes(count: int) -> Generator[Executor, None, None]:
    """An executor of so many fresh processes, which end with the block; what they held in memory is free again."""
    # Workers start fresh instead of being forked: DuckDB and PyTorch hold threads that do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_end_with_parent) as pool:
        started = _started(pool, count)
        try:
            yield pool
        except BaseException:
            for process in started:  # the rest of their work, perhaps hours of it, is wanted no more
                process.terminate()
            raise


def _started(pool: Executor, workers: int) -> Sequence[BaseProcess]:
    """The processes of a pool, started now and deaf to Ctrl-C, which is for the main process alone to hear."""
    others = set(multiprocessing.active_children())
    hears = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if hears else None
    try:
        for _ in range(workers):
            pool.submit(os.getpid)
    finally:
        if hears:
            signal.signal(signal.SIGINT, handler)
    return [process for process in multiprocessing.active_children() if process not in others]


def _end_with_parent() -> None:
    """Let a worker end when the main process is killed: it would go on writing beside the next run."""

    def wait() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def map_shards(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    pool: Executor,
    finished: Callable[[Task], None] = lambda _: None,
) -> list[Result]:
    """Run a function over tasks in parallel.

    Returns:
        The results in the order of the tasks, whatever order they finished in.

    Raises:
        PipelineError: A task failed, or a worker died; tasks that have not started are given up.
    """
    futures: dict[Future[Result], int] = {}
    results: dict[int, Result] = {}
    try:
        with told_deaths():
            for place, task in enumerate(tasks):
                futures[pool.submit(function, task)] = place
            for future in as_completed(futures):
                results[futures[future]] = future.result()
                finished(tasks[futures[future]])
    finally:
        for future in futures:
            future.cancel()
    return [results[place] for place in range(len(tasks))]


@contextlib.contextmanager
def told_deaths() -> Generator[None, None, None]:
    """Tell the death of a worker process as our error.

    Raises:
        PipelineError: A worker died.
    """
    try:
        yield
    except BrokenProcessPool as error:
        raise PipelineError(
            "A worker process died, most likely for lack of memory", remedy="Use fewer --workers, then run again."
        ) from error


@functools.cache
def code_version() -> str:
    """Twelve digits of the hash of all code: a stage made by other code is made again."""
    digest = hashlib.sha256()
    for path in source_files():
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


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
    identity = {
        "stage": name,
        "code": code_version(),
        "schema": schema.SCHEMA_VERSION,
        "depends": {key: value.name if isinstance(value, Path) else value for key, value in depends.items()},
    }
    text = json.dumps(identity, sort_keys=True)
    folder = work / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    return _run.get()(name, folder.name, lambda: _made(folder, identity, make))


def _made(folder: Path, identity: Mapping[str, object], make: Callable[[Path], None]) -> Path:
    if (folder / DONE).is_file():
        return folder
    part = folder.with_name(f".{folder.name}.part")
    try:
        part.mkdir(parents=True, exist_ok=True)
        make(part)
        (part / DONE).write_text(json.dumps(identity, sort_keys=True, indent=1) + "\n", encoding="utf-8")
        if folder.exists():  # without its marker: copied in part, or meddled with
            shutil.rmtree(folder)
        part.replace(folder)
    except OSError as error:
        raise disk_error(error, part) from error
    return folder


@contextlib.contextmanager
def locked(work: Path) -> Generator[None, None, None]:
    """Keep other runs out of a work folder.

    Raises:
        UsageError: Another run is in it.
        StorageError: It cannot be written to.
    """
    make_folder(work)
    with (work / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                "Another run is using this work folder", str(work), "Wait for it, or give another --work or --out."
            ) from error
        yield
