"""One pass over a dump: a function gets every shard once, wherever it runs, and the file is read as seldom as possible.

    one worker               reads the dump from front to back
    spans, any workers       each task reads a range of shards: plain files, zstandard frames, folders of shards
    no spans, processes      one decoder, with threads for bzip2, passes shards through shared memory
    no spans, machines       each task decompresses the whole dump and keeps every n-th shard

In all cases the shards are the same, and so are the results.
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
from pipeline.sources.files.compression import DumpFile, open_dump
from pipeline.sources.files.seekable import Spans, dump_bytes, find_spans, open_spans, read_shard_range
from pipeline.sources.files.shards import Shard, check_framing, cut_shards, first_byte
from pipeline.sources.files.shared_memory import Buffer, BufferPool, buffer_prefix, read_buffer

Result = TypeVar("Result")
Read = Callable[[Shard], Result]

_RANGES_PER_WORKER = 8  # so that all workers end at about the same time
_SPARE_BUFFERS = 2  # shards that wait beside those being parsed


@dataclass(frozen=True)
class ReadTask:
    """A dump to read, and how."""

    dump: Path | DumpFile
    out: Path  # the folder to fill, which no other run works in
    settings: DumpSettings
    workers: int
    done: frozenset[int] = frozenset()  # shards to skip
    beats: Path | None = None


def read_dump(task: ReadTask, read: Read[Result], pool: Executor) -> Generator[Result, None, None]:
    """Call a function with every shard of a dump.

    Args:
        task: What to read.
        read: The function; it can be pickled.
        pool: Where to run.

    Yields:
        The results, in any order.

    Raises:
        InputError: The dump is empty, damaged or cut off, or a line is longer than `max_line_bytes`.
        UsageError: It is a stream, and the workers are on other machines.
    """
    if isinstance(pool, InlineExecutor):
        return _read_inline(task, read)
    spans = None if isinstance(task.dump, DumpFile) else find_spans(task.dump)
    if spans:
        return _read_ranges(task, spans, read, pool)
    if shares_memory(pool):
        return _read_decoded(task, read, pool)
    if isinstance(task.dump, DumpFile):
        raise UsageError(
            "A stream cannot be read by many machines",
            task.dump.name,
            "Use --executor processes, or save it as a file first.",
        )
    return _read_striped(task, task.dump, read, pool)


def read_shards(dump: Path | DumpFile, settings: DumpSettings, out: Path | None = None) -> Generator[Shard]:
    """Cut a dump from front to back.

    Args:
        dump: The dump.
        settings: How to cut.
        out: The folder of a pass; `trailing_bytes` reads from it what was left out at the end.

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


def _read_inline(task: ReadTask, read: Read[Result]) -> Generator[Result, None, None]:
    for shard in read_shards(task.dump, task.settings, task.out):
        if shard.number not in task.done:
            yield read(shard)
        if task.beats:
            beat(task.beats, "all", shard.position)


def warn_trailing(count: int, name: str, reporter: Reporter) -> None:
    """Report bytes that were left out."""
    if count:
        problem = f"{count} bytes behind the packed content of {name} are none of it and were left out"
        reporter.warn("trailing", f"{problem}, as gzip does. Compare the file with its checksum.", bytes=count)


@dataclass(frozen=True)
class _BufferedShard(Generic[Result]):
    """A shard in shared memory, and the function that gets it."""

    buffer: Buffer
    number: int
    offset: int
    position: int
    read: Read[Result]


def _read_buffered(shard: _BufferedShard[Result]) -> Result:
    return shard.read(Shard(shard.number, shard.offset, shard.position, read_buffer(shard.buffer)))


def _read_decoded(task: ReadTask, read: Read[Result], pool: Executor) -> Generator[Result, None, None]:
    dump = task.dump if isinstance(task.dump, DumpFile) else open_dump(task.dump, task.workers)
    with BufferPool(buffer_prefix(task.out)) as buffers, dump as stream:

        def buffered() -> Iterator[_BufferedShard[Result]]:
            for shard in cut_shards(stream, task.settings):
                if task.beats:
                    beat(task.beats, "all", shard.position)
                if shard.number not in task.done:
                    yield _BufferedShard(buffers.put(shard.data), shard.number, shard.offset, shard.position, read)
            _note_trailing(stream, task.out)

        ahead = task.workers + _SPARE_BUFFERS
        tasks = run_tasks(_read_buffered, buffered(), pool, ahead, lambda shard: buffers.release(shard.buffer))
        with contextlib.closing(tasks):
            yield from tasks


@dataclass(frozen=True)
class _ShardRange(Generic[Result]):
    """Some shards of a dump with spans."""

    spans: Spans
    first: int
    stop: int
    settings: DumpSettings
    read: Read[Result]
    beats: Path | None
    beat_bytes: int  # of the file, a shard


def _read_range(shards: _ShardRange[Result]) -> list[Result]:
    found = read_shard_range(shards.spans, shards.first, shards.stop, shards.settings)
    results = [shards.read(shard) for shard in found]
    if shards.beats:
        beat(shards.beats, str(shards.first), (shards.stop - shards.first) * shards.beat_bytes)
    return results


def _read_ranges(task: ReadTask, spans: Spans, read: Read[Result], pool: Executor) -> Generator[Result, None, None]:
    settings = task.settings
    total = -(-spans.size // settings.shard_bytes)
    _check_ends(spans, total, settings)
    size = -(-total // (task.workers * _RANGES_PER_WORKER))
    beat_bytes = dump_bytes(Path(spans.name)) // max(total, 1)

    def ranges() -> Iterator[_ShardRange[Result]]:
        for first, stop in _ranges_left(total, size, task.done):
            covering = spans.covering(
                first * settings.shard_bytes - 1, stop * settings.shard_bytes + settings.max_line_bytes + 1
            )
            yield _ShardRange(covering, first, stop, settings, read, task.beats, beat_bytes)

    tasks = run_tasks(_read_range, ranges(), pool, 2 * task.workers)
    with contextlib.closing(tasks):
        for results in tasks:
            yield from results


def _ranges_left(total: int, size: int, done: frozenset[int]) -> Iterator[tuple[int, int]]:
    """The first shard of each range, and the one behind its last: at most `size` shards that are not done.

    >>> list(_ranges_left(7, 2, frozenset({0, 4})))
    [(1, 3), (3, 4), (5, 7)]
    """
    first = 0
    for number in range(total + 1):
        if number == total or number in done or number - first == size:
            if number > first:
                yield first, number
            first = number + (number in done)


def _check_ends(spans: Spans, total: int, settings: DumpSettings) -> None:
    """Check both ends of a dump that is not read from front to back."""
    starts = (first_byte(shard.data) for shard in read_shard_range(spans, 0, total, settings))
    first = next((start for start in starts if start), b"")
    ends = (data for number in reversed(range(total)) for data in _shard_data(spans, number, settings))
    end = next((data for data in ends if not data.isspace()), b"")
    check_framing(spans.name, first, end, spans.size)


def _shard_data(spans: Spans, number: int, settings: DumpSettings) -> list[bytes]:
    return [shard.data for shard in read_shard_range(spans, number, number + 1, settings)]


@dataclass(frozen=True)
class _Stripe(Generic[Result]):
    """Every n-th shard of a dump."""

    dump: Path
    out: Path
    settings: DumpSettings
    worker: int
    workers: int
    done: frozenset[int]
    read: Read[Result]


def _read_stripe(stripe: _Stripe[Result]) -> list[Result]:
    return [
        stripe.read(shard)
        for shard in read_shards(stripe.dump, stripe.settings, stripe.out if stripe.worker == 0 else None)
        if shard.number % stripe.workers == stripe.worker and shard.number not in stripe.done
    ]


def _read_striped(task: ReadTask, dump: Path, read: Read[Result], pool: Executor) -> Generator[Result, None, None]:
    stripes = (
        _Stripe(dump, task.out, task.settings, worker, task.workers, task.done, read) for worker in range(task.workers)
    )
    tasks = run_tasks(_read_stripe, stripes, pool, task.workers)
    with contextlib.closing(tasks):
        for results in tasks:
            yield from results
