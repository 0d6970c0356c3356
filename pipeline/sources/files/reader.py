"""One pass over a dump: every shard goes once through a function, wherever it runs, and is read as few times as can be.

    one worker                 reads the dump from front to back
    a file with entries        each task opens it at its own place: plain files, zstandard frames, folders of shards
    any other, processes       one decoder hands shards over in shared memory; bzip2 is unpacked by the workers too
    any other, many machines   each task reads it all and takes every n-th shard

Whichever it is, shards are cut alike, so the results are the same.
"""

import contextlib
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pipeline.core.errors import UsageError
from pipeline.core.parallel import InlineExecutor, run_tasks, shares_memory
from pipeline.core.progress import Reporter, beat
from pipeline.core.settings import DumpSettings
from pipeline.core.tables import whole_file
from pipeline.sources.files.bzip2 import open_bzip2
from pipeline.sources.files.compression import DumpFile, first_bytes, is_bzip2, open_dump
from pipeline.sources.files.seekable import Spans, dump_bytes, find_spans, open_spans, read_run
from pipeline.sources.files.shards import Shard, check_framing, cut_shards, first_byte
from pipeline.sources.files.shared_memory import Slot, Slots, look, prefix_of

Result = TypeVar("Result")
Read = Callable[[Shard], Result]

_RUNS_PER_WORKER = 8  # so that all workers end at about the same time
_SPARE_SLOTS = 2  # shards that wait beside those being parsed


@dataclass(frozen=True)
class Pass:
    """What to read and how."""

    dump: Path | DumpFile
    out: Path  # the folder that the pass fills, which no other run works in
    settings: DumpSettings
    workers: int
    done: frozenset[int] = frozenset()  # shards to leave out
    beats: Path | None = None


def read_dump(task: Pass, read: Read[Result], pool: Executor) -> Generator[Result, None, None]:
    """Give every shard of a dump to a function.

    Args:
        task: What to read.
        read: The function; it can be pickled.
        pool: Where to run.

    Yields:
        The results, in any order.

    Raises:
        InputError: The dump is empty, damaged or cut off, or a line is longer than `max_line_bytes`.
        UsageError: It arrives in a way that workers elsewhere cannot read.
    """
    if isinstance(pool, InlineExecutor):
        return _read_here(task, read)
    spans = None if isinstance(task.dump, DumpFile) else find_spans(task.dump)
    if spans:
        return _read_runs(task, spans, read, pool)
    if shares_memory(pool):
        return _read_fed(task, read, pool)
    if isinstance(task.dump, DumpFile):
        raise UsageError(
            "A dump that is read as it arrives cannot be read by many machines",
            task.dump.name,
            "Use --executor processes, or store it first.",
        )
    return _read_everywhere(task, task.dump, read, pool)


def read_shards(dump: Path | DumpFile, settings: DumpSettings, out: Path | None = None) -> Generator[Shard]:
    """Cut a dump from front to back.

    Args:
        dump: The dump.
        settings: How to cut.
        out: The folder of a pass; `trailing_bytes` tells of it what was left out at the end.

    Raises:
        InputError: The dump is empty, damaged or cut off, or a line is longer than `max_line_bytes`.
    """
    with _opened(dump) as stream:
        yield from cut_shards(stream, settings)
        if out:
            _note_trailing(stream, out)


_TRAILING = "counts/trailing"


def _note_trailing(stream: DumpFile, out: Path) -> None:
    if stream.trailing:
        with whole_file(out / _TRAILING) as part:
            part.write_text(str(stream.trailing))


def trailing_bytes(out: Path) -> int:
    """How many bytes behind the packed content of a dump the pass that filled a folder has left out."""
    note = out / _TRAILING
    return int(note.read_text()) if note.is_file() else 0


def _opened(dump: Path | DumpFile) -> DumpFile:
    if isinstance(dump, DumpFile):
        return dump
    spans = find_spans(dump) if dump.is_dir() else None
    return open_spans(spans) if spans else open_dump(dump)


def _read_here(task: Pass, read: Read[Result]) -> Generator[Result, None, None]:
    for shard in read_shards(task.dump, task.settings, task.out):
        if shard.number not in task.done:
            yield read(shard)
        if task.beats:
            beat(task.beats, "all", shard.position)


def warn_trailing(count: int, name: str, reporter: Reporter) -> None:
    """Report bytes that were left out."""
    if count:
        told = f"{count} bytes behind the packed content of {name} are none of it and were left out"
        reporter.warn("trailing", f"{told}, as gzip does. Compare the file with its checksum.", bytes=count)


@dataclass(frozen=True)
class _Fed(Generic[Result]):
    """A shard in shared memory."""

    slot: Slot
    number: int
    offset: int
    position: int
    read: Read[Result]


def _read_slot(fed: _Fed[Result]) -> Result:
    return fed.read(Shard(fed.number, fed.offset, fed.position, look(fed.slot)))


def _read_fed(task: Pass, read: Read[Result], pool: Executor) -> Generator[Result, None, None]:
    prefix = prefix_of(task.out)
    with Slots(prefix) as slots, _decoded(task, pool, prefix) as stream:

        def feed() -> Iterator[_Fed[Result]]:
            for shard in cut_shards(stream, task.settings):
                if task.beats:
                    beat(task.beats, "all", shard.position)
                if shard.number not in task.done:
                    yield _Fed(slots.fill(shard.data), shard.number, shard.offset, shard.position, read)
            _note_trailing(stream, task.out)

        tasks = run_tasks(_read_slot, feed(), pool, task.workers + _SPARE_SLOTS, lambda fed: slots.free(fed.slot))
        with contextlib.closing(tasks):
            yield from tasks


def _decoded(task: Pass, pool: Executor, prefix: str) -> DumpFile:
    if isinstance(task.dump, DumpFile):
        return task.dump
    if is_bzip2(first_bytes(task.dump)):
        return open_bzip2(task.dump, pool, task.workers, prefix)
    return open_dump(task.dump)


@dataclass(frozen=True)
class _Run(Generic[Result]):
    """Some shards of a dump that can be entered anywhere."""

    spans: Spans
    first: int
    stop: int
    settings: DumpSettings
    read: Read[Result]
    beats: Path | None
    beat_bytes: int  # of the file, a shard


def _read_run(run: _Run[Result]) -> list[Result]:
    results = [run.read(shard) for shard in read_run(run.spans, run.first, run.stop, run.settings)]
    if run.beats:
        beat(run.beats, str(run.first), (run.stop - run.first) * run.beat_bytes)
    return results


def _read_runs(task: Pass, spans: Spans, read: Read[Result], pool: Executor) -> Generator[Result, None, None]:
    settings = task.settings
    total = -(-spans.size // settings.shard_bytes)
    _check_ends(spans, total, settings)
    size = -(-total // (task.workers * _RUNS_PER_WORKER))
    beat_bytes = dump_bytes(Path(spans.name)) // max(total, 1)

    def runs() -> Iterator[_Run[Result]]:
        for first, stop in _runs_left(total, size, task.done):
            around = spans.around(
                first * settings.shard_bytes - 1, stop * settings.shard_bytes + settings.max_line_bytes + 1
            )
            yield _Run(around, first, stop, settings, read, task.beats, beat_bytes)

    tasks = run_tasks(_read_run, runs(), pool, 2 * task.workers)
    with contextlib.closing(tasks):
        for results in tasks:
            yield from results


def _runs_left(total: int, size: int, done: frozenset[int]) -> Iterator[tuple[int, int]]:
    """First and stop of runs of at most `size` shards that are not done.

    >>> list(_runs_left(7, 2, frozenset({0, 4})))
    [(1, 3), (3, 4), (5, 7)]
    """
    first = 0
    for number in range(total + 1):
        if number == total or number in done or number - first == size:
            if number > first:
                yield first, number
            first = number + (number in done)


def _check_ends(spans: Spans, total: int, settings: DumpSettings) -> None:
    """Look at both ends of a dump that nobody reads from front to back."""
    heads = (first_byte(shard.data) for shard in read_run(spans, 0, total, settings))
    first = next((head for head in heads if head), b"")
    ends = (data for number in reversed(range(total)) for data in _shard_data(spans, number, settings))
    end = next((data for data in ends if not data.isspace()), b"")
    check_framing(spans.name, first, end, spans.size)


def _shard_data(spans: Spans, number: int, settings: DumpSettings) -> list[bytes]:
    return [shard.data for shard in read_run(spans, number, number + 1, settings)]


@dataclass(frozen=True)
class _Share(Generic[Result]):
    """Every n-th shard of a dump."""

    dump: Path
    out: Path
    settings: DumpSettings
    worker: int
    workers: int
    done: frozenset[int]
    read: Read[Result]


def _read_share(share: _Share[Result]) -> list[Result]:
    return [
        share.read(shard)
        for shard in read_shards(share.dump, share.settings, share.out if share.worker == 0 else None)
        if shard.number % share.workers == share.worker and shard.number not in share.done
    ]


def _read_everywhere(task: Pass, dump: Path, read: Read[Result], pool: Executor) -> Generator[Result, None, None]:
    shares = (
        _Share(dump, task.out, task.settings, worker, task.workers, task.done, read) for worker in range(task.workers)
    )
    tasks = run_tasks(_read_share, shares, pool, task.workers)
    with contextlib.closing(tasks):
        for results in tasks:
            yield from results
