"""bzip2 on many cores: its blocks begin at any bit and can be unpacked by themselves, once they are found.

A block begins with 48 bits that are the same everywhere, and a stream ends with 48 others. Workers shift a run of
blocks to whole bytes and give them to the standard library, which is faster a core than the libraries that do all this
in one process. Each block carries a checksum, which the library checks, and each stream one of all its blocks, which
is checked here: so a block that is lost does not go unnoticed. The 48 bits may also stand inside a block by chance, in
one full dump of two hundred: a block that does not end where the next mark is goes on to the one after it.
"""

import bz2
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.parallel import told_deaths
from pipeline.sources.files.compression import DumpFile
from pipeline.sources.files.shared_memory import Slot, share, take

_BLOCK, _END = 0x314159265359, 0x177245385090
_MARK_BITS, _CHECKSUM_BITS = 48, 32
_HEADER = b"BZh9"  # the size that it tells is an upper bound
_WINDOW_BYTES = 1 << 22  # searched at a time
_RUN_BLOCKS = 12  # unpacked by one task: about 10 MB of content


@dataclass(frozen=True)
class _Mark:
    """Where a block begins or a stream ends, in bits."""

    bit: int
    is_end: bool
    checksum: int


@dataclass(frozen=True)
class _Run:
    """Blocks that follow each other."""

    path: Path
    marks: tuple[_Mark, ...]  # where each begins, and where the last one stops
    prefix: str  # of the shared memory that its content is handed over in


@dataclass(frozen=True)
class _Unpacked:
    """The content of a run, and the checksums of its blocks."""

    slot: Slot
    checksums: tuple[int, ...]


def open_bzip2(path: Path, pool: Executor, workers: int, prefix: str) -> DumpFile:
    """Open a .bz2 file whose blocks are unpacked by a pool; see `slots` for the prefix."""
    content = _Content(path, pool, workers, prefix)
    return DumpFile(str(path), content, content)


class _Content:
    """The content in its order, a few runs of blocks ahead."""

    def __init__(self, path: Path, pool: Executor, workers: int, prefix: str) -> None:
        self._runs = _runs(path, prefix)
        self._pool, self._ahead = pool, 2 * workers
        self._waiting: deque[tuple[_Run, Future[_Unpacked | None]]] = deque()
        self._left = memoryview(b"")
        self._position = 0
        self._combined = 0  # the checksum of the stream so far

    def read(self, size: int = -1) -> bytes:
        """Some bytes, at most `size`, or nothing at the end."""
        while not self._left and self._fill():
            self._left = memoryview(self._next())
        size = len(self._left) if size < 0 else size
        data, self._left = self._left[:size], self._left[size:]
        return bytes(data)

    def _fill(self) -> bool:
        """Send off more runs; whether there are any left to read."""
        while len(self._waiting) < self._ahead and (run := next(self._runs, None)):
            self._waiting.append((run, self._pool.submit(_unpack, run)))
        return bool(self._waiting)

    def _next(self) -> bytes:
        with told_deaths():
            run, future = self._waiting.popleft()
            found = future.result()
            if found is None and self._waiting:  # perhaps the mark between these runs is none
                follower, other = self._waiting.popleft()
                _drop(other)
                run = _Run(run.path, run.marks + follower.marks[not run.marks[-1].is_end :], run.prefix)
                found = self._pool.submit(_unpack, run).result()
        self._position = run.marks[-1].bit // 8
        if found is None:
            raise OSError(f"a block before byte {self._position} cannot be unpacked")
        content = take(found.slot)
        self._check(run.marks[-1], found.checksums)
        return content

    def _check(self, last: _Mark, checksums: Sequence[int]) -> None:
        for checksum in checksums:
            self._combined = ((self._combined << 1 | self._combined >> 31) & 0xFFFFFFFF) ^ checksum
        if last.is_end:
            if last.checksum != self._combined:
                raise OSError(f"the checksum of the stream that ends at byte {last.bit // 8} is another")
            self._combined = 0

    def tell(self) -> int:
        """How much of the file has been unpacked."""
        return self._position

    def close(self) -> None:
        """Give up what was not read."""
        for _, future in self._waiting:
            if not future.cancel():
                _drop(future)
        self._waiting.clear()
        self._runs.close()


def _drop(future: Future[_Unpacked | None]) -> None:
    if not future.exception() and (found := future.result()):
        take(found.slot)


def _unpack(run: _Run) -> _Unpacked | None:
    """Unpack a run of blocks, leaving out marks that are none; nothing if that does not go."""
    marks = run.marks
    first, last = marks[0].bit // 8, -(-marks[-1].bit // 8)
    with run.path.open("rb") as file:
        file.seek(first)
        data = file.read(last - first)
    parts: list[bytes] = []
    checksums: list[int] = []
    place = 0
    while place < len(marks) - 1:
        mark = marks[place]
        for stop in range(place + 1, min(place + 3, len(marks))):
            content = _block(data, mark.bit - 8 * first, marks[stop].bit - 8 * first, mark.checksum)
            if content is not None:
                break
        else:
            return None
        parts.append(content)
        checksums.append(mark.checksum)
        place = stop
    return _Unpacked(share(b"".join(parts), f"{run.prefix}-{marks[0].bit}"), tuple(checksums))


def _block(data: bytes, begin: int, stop: int, checksum: int) -> bytes | None:
    """The content of a block, made a stream of its own; nothing if it does not end there or is damaged."""
    bits = (_bits(data, begin, stop - begin) << _MARK_BITS | _END) << _CHECKSUM_BITS | checksum
    size = stop - begin + _MARK_BITS + _CHECKSUM_BITS
    decoder = bz2.BZ2Decompressor()
    try:
        content = decoder.decompress(_HEADER + (bits << -size % 8).to_bytes(-(-size // 8)))
    except OSError:
        return None
    return content if decoder.eof else None


def _runs(path: Path, prefix: str) -> Generator[_Run, None, None]:
    """Runs of blocks, none of which goes beyond the end of a stream; a run of one mark is an end without blocks.

    Raises:
        EOFError: The last stream has no end.
    """
    marks: list[_Mark] = []
    for mark in _marks(path):
        marks.append(mark)
        if mark.is_end or len(marks) > _RUN_BLOCKS:
            yield _Run(path, tuple(marks), prefix)
            marks = [] if mark.is_end else [mark]
    if marks:
        raise EOFError("the last stream is cut off")


def _marks(path: Path) -> Iterator[_Mark]:
    """All marks in their order."""
    overlap = (_MARK_BITS + _CHECKSUM_BITS) // 8 + 1
    with path.open("rb") as file:
        start, rest = 0, b""
        while data := file.read(_WINDOW_BYTES):
            window = rest + data
            known = (len(window) - overlap) * 8  # marks that begin behind it are found in the next window
            yield from _marks_in(window, start, known)
            rest = window[-overlap:] if known >= 0 else window
            start += len(window) - len(rest)
        yield from _marks_in(rest + b"\0", start, len(rest) * 8)


def _marks_in(window: bytes, start: int, known: int) -> list[_Mark]:
    """The marks that begin within the first `known` bits of a window."""
    found: list[_Mark] = []
    for pattern in (_BLOCK, _END):
        for shift in range(8):
            whole = (pattern << (8 - shift)).to_bytes(7)[1:6]  # the bytes that the mark fills, whatever is around it
            at = window.find(whole)
            while at >= 0:
                bit = (at - 1) * 8 + shift
                if 0 <= bit < known and _bits(window, bit, _MARK_BITS) == pattern:
                    checksum = _bits(window, bit + _MARK_BITS, _CHECKSUM_BITS)
                    found.append(_Mark(start * 8 + bit, pattern == _END, checksum))
                at = window.find(whole, at + 1)
    return sorted(found, key=lambda mark: mark.bit)


def _bits(data: bytes, bit: int, size: int) -> int:
    stop = -(-(bit + size) // 8)
    return int.from_bytes(data[bit // 8 : stop]) >> (stop * 8 - bit - size) & ((1 << size) - 1)
