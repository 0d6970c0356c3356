"""Parallel work: shards run through an executor.

The seam is `concurrent.futures.Executor`: a pool of processes here, a cluster's executor elsewhere.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
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
from multiprocessing.process import BaseProcess
from typing import Literal, ParamSpec, TypeVar

from pipeline.core.arrow_alone import leave_pandas_out
from pipeline.core.errors import PipelineError, UsageError
from pipeline.core.extras import require

P = ParamSpec("P")
Task = TypeVar("Task")
Result = TypeVar("Result")

Kind = Literal["processes", "dask"]


class InlineExecutor(Executor):
    """Runs each task at once in this process: for one worker, for tests, for a debugger."""

    def submit(self, fn: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> "Future[Result]":
        """Run at once; a failure is kept in the future, as any executor does."""
        future: Future[Result] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except PipelineError as error:
            future.set_exception(error)
        return future


def shares_memory(pool: Executor) -> bool:
    """Whether the tasks of an executor run on this machine and can open its shared memory."""
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
    """An executor of new processes, which end with the block and release their memory."""
    # Workers start fresh instead of being forked: DuckDB and PyTorch hold threads that do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_begin) as pool:
        started = _started(pool, count)
        try:
            yield pool
        except BaseException:
            for process in started:  # nobody needs the rest of their work, which may take hours
                process.terminate()
            raise


@contextlib.contextmanager
def beside(workers: int) -> Generator[Executor, None, None]:
    """An executor of one process beside this one; with a single worker, of this one itself.

    Args:
        workers: How many the run may use.
    """
    with processes(1) if workers > 1 else contextlib.nullcontext(InlineExecutor()) as pool:
        yield pool


@contextlib.contextmanager
def _dask(workers: int, address: str | None) -> Generator[Executor, None, None]:
    """Dask's executor, which runs the tasks of a lost worker again on another."""
    require("dask", "--executor dask")
    from distributed import Client, LocalCluster

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
    """The processes of a pool, started now. They ignore Ctrl-C, which the main process handles."""
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


def _begin() -> None:
    """Make a new worker ready."""
    leave_pandas_out()
    _end_with_parent()


def _end_with_parent() -> None:
    """End a worker when the main process is killed: otherwise both it and the next run would write."""

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
        PipelineError: A task failed, or a worker died; tasks that have not started are cancelled.
    """
    futures: dict[Future[Result], int] = {}
    results: dict[int, Result] = {}
    try:
        with report_worker_deaths():
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
    """Run a function in parallel over tasks that are made one by one.

    Args:
        function: What to run.
        tasks: The tasks; the next one is made when fewer than `ahead` run or wait.
        pool: Where to run.
        ahead: How many tasks may run or wait for a worker.
        finished: Called with each finished task.

    Yields:
        The results, in the order in which tasks finish.

    Raises:
        PipelineError: A task failed, or a worker died; tasks that have not started are cancelled.
    """
    waiting: dict[Future[Result], Task] = {}

    def done(most: int) -> Generator[Result, None, None]:
        while len(waiting) > most:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                finished(waiting.pop(future))
                yield future.result()

    try:
        with report_worker_deaths():
            for task in tasks:
                waiting[pool.submit(function, task)] = task
                yield from done(ahead - 1)
            yield from done(0)
    finally:
        for future in waiting:
            future.cancel()
        wait(future for future in waiting if not future.cancelled())  # what they read must stay until they end


@contextlib.contextmanager
def report_worker_deaths() -> Generator[None, None, None]:
    """Report the death of a worker process as a `PipelineError`.

    Raises:
        PipelineError: A worker died.
    """
    try:
        yield
    except BrokenProcessPool as error:
        raise PipelineError(
            "A worker process died, most likely for lack of memory", remedy="Use fewer --workers, then run again."
        ) from error
    except _cluster_errors() as error:
        raise PipelineError(
            f"Workers of the cluster were lost: {str(error).rstrip('.')}",
            remedy="Look at their logs; the next run goes on from here.",
        ) from error


def _cluster_errors() -> tuple[type[Exception], ...]:
    """The errors with which Dask gives up: the workers of a task died again and again, or the scheduler is gone."""
    if "distributed" not in sys.modules:
        return ()
    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    return (KilledWorker, CommClosedError, CancelledError)
