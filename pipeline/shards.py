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
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    as_completed,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextvars import ContextVar
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal, ParamSpec, TextIO, TypeVar

from pipeline import schema
from pipeline.errors import PipelineError, UsageError
from pipeline.resources import source_files
from pipeline.tables import disk_error, make_folder

P = ParamSpec("P")
Task = TypeVar("Task")
Result = TypeVar("Result")

DONE = "done.json"
Kind = Literal["processes", "dask"]


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


def shares_memory(pool: Executor) -> bool:
    """Whether the tasks of an executor can look into the memory of this process."""
    return isinstance(pool, (InlineExecutor, ProcessPoolExecutor))


@contextlib.contextmanager
def executor(workers: int, kind: Kind = "processes", address: str | None = None) -> Generator[Executor, None, None]:
    """The executor for a number of workers: on this machine, or on a cluster.

    Args:
        workers: How many.
        kind: Processes here, or Dask.
        address: Of Dask's scheduler; without one, a cluster of processes is started here.

    Raises:
        UsageError: Dask is not installed, or there is no scheduler at the address.
    """
    if kind == "dask":
        with _dask(workers, address) as pool:
            yield pool
        return
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


@contextlib.contextmanager
def _dask(workers: int, address: str | None) -> Generator[Executor, None, None]:
    """An executor of Dask's, which runs the tasks of a lost worker again elsewhere."""
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise UsageError(
            "Dask is not installed", "--executor dask", "Install it with `pip install editmill[dask]`."
        ) from error
    with contextlib.ExitStack() as stack:
        try:
            cluster = address or stack.enter_context(
                LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)  # pyright: ignore[reportArgumentType]
            )
            client = stack.enter_context(Client(cluster, set_as_default=False))
        except (OSError, ValueError) as error:
            raise UsageError(
                f"There is no Dask scheduler: {error}", "--dask-address", "Start one with `dask scheduler`."
            ) from error
        yield client.get_executor()


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


def run_tasks(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    pool: Executor,
    ahead: int,
    finished: Callable[[Task], None] = lambda _: None,
) -> Generator[Result, None, None]:
    """Run a function over tasks that come one by one, in parallel.

    Args:
        function: What to run.
        tasks: The tasks; the next one is asked for when fewer than `ahead` are under way.
        pool: Where to run.
        ahead: How many tasks may be under way or wait for a worker.
        finished: Told of each task that is done.

    Yields:
        The results in the order in which they come.

    Raises:
        PipelineError: A task failed, or a worker died; tasks that have not started are given up.
    """
    waiting: dict[Future[Result], Task] = {}

    def done(most: int) -> Generator[Result, None, None]:
        while len(waiting) > most:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                finished(waiting.pop(future))
                yield future.result()

    try:
        with told_deaths():
            for task in tasks:
                waiting[pool.submit(function, task)] = task
                yield from done(ahead - 1)
            yield from done(0)
    finally:
        for future in waiting:
            future.cancel()
        wait(future for future in waiting if not future.cancelled())  # what they read must stay until they are done


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
    except _lost() as error:
        raise PipelineError(
            f"Workers of the cluster were lost: {str(error).rstrip('.')}",
            remedy="Look at their logs; the next run goes on from here.",
        ) from error


def _lost() -> tuple[type[Exception], ...]:
    """How Dask tells that it gave up: a task whose workers died again and again, or no scheduler any more."""
    if "distributed" not in sys.modules:
        return ()
    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    return (KilledWorker, CommClosedError, CancelledError)


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
    identity = _identity(name, depends)
    folder = stage_folder(work, name, depends)
    return _run.get()(name, folder.name, lambda: _made(folder, identity, make))


def _made(folder: Path, identity: str, make: Callable[[Path], None]) -> Path:
    if (folder / DONE).is_file():
        return folder
    part = folder.with_name(f".{folder.name}.part")
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
        if part.exists():  # there is no telling whether the same is arriving again
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
def waiting_for_locks(tell: Callable[[str], None]) -> Generator[None]:
    """Let `locked` wait for other runs: jobs that meet in a folder at night have nobody who would start them again.

    Args:
        tell: Is told of each wait.
    """
    token = _waits.set(tell)
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
            tell = _waits.get()
            if tell is None:
                raise UsageError(what, str(work), "Wait for it, or give another --work or --out.") from error
            tell(f"{what} ({work}): this one waits.")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _by(file: TextIO) -> str:
    """The process that holds a lock, as far as it has said so."""
    file.seek(0)
    holder = file.read()
    return f", process {holder}" if holder.isdigit() else ""
