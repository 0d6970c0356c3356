"""bzip2 on many cores: its blocks begin at any bit and can be unpacked by themselves, once they are found.

A block begins with 48 bits that are the same everywhere, and a stream ends with 48 others. Workers shift a run of
blocks to whole bytes and give it to the standard library, which is faster a core than the libraries that do all this
in one process. Each block carries a checksum, which the library checks, and each stream one of all its blocks, which
is checked here: so a block that is lost does not go unnoticed.
"""

import bz2
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path

from pipeline.shards import told_deaths
from pipeline.sources.opening import DumpFile
from pipeline.sources.slots import Slot, share, take

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
    begin: int  # in bits
    stop: int
    prefix: str  # of the shared memory that its content is handed over in


def open_bzip2(path: Path, pool: Executor, workers: int, prefix: str) -> DumpFile:
    """Open a .bz2 file whose blocks are unpacked by a pool; see `slots` for the prefix."""
    content = _Content(path, pool, workers, prefix)
    return DumpFile(str(path), content, content)


class _Content:
    """The content in its order, a few runs of blocks ahead."""

    def __init__(self, path: Path, pool: Executor, workers: int, prefix: str) -> None:
        self._runs = _runs(path, prefix)
        self._pool, self._ahead = pool, 2 * workers
        self._waiting: deque[tuple[_Run, Future[Slot]]] = deque()
        self._left = memoryview(b"")
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        """Some bytes, at most `size`, or nothing at the end."""
        self._left = self._left or memoryview(self._next())
        size = len(self._left) if size < 0 else size
        data, self._left = self._left[:size], self._left[size:]
        return bytes(data)

    def _next(self) -> bytes:
        while len(self._waiting) < self._ahead and (run := next(self._runs, None)):
            self._waiting.append((run, self._pool.submit(_unpack, run)))
        if not self._waiting:
            return b""
        run, future = self._waiting.popleft()
        with told_deaths():
            content = take(future.result())
        self._position = run.stop // 8
        return content

    def tell(self) -> int:
        """How much of the file has been unpacked."""
        return self._position

    def close(self) -> None:
        """Give up what was not read."""
        for _, future in self._waiting:
            if not future.cancel() and not future.exception():
                take(future.result())
        self._waiting.clear()
        self._runs.close()


def _unpack(run: _Run) -> Slot:
    """Unpack a run of blocks; its content is handed over in shared memory."""
    first, last = run.begin // 8, -(-run.stop // 8)
    with run.path.open("rb") as file:
        file.seek(first)
        data = file.read(last - first)
    size = run.stop - run.begin
    bits = (int.from_bytes(data) >> (last * 8 - run.stop)) & ((1 << size) - 1)
    # The last byte is filled up with zeros, which begin no block and so are waited upon.
    decoder = bz2.BZ2Decompressor()
    parts = [decoder.decompress(_HEADER + (bits << -size % 8).to_bytes(-(-size // 8)))]
    while part := decoder.decompress(b""):  # it stops when its input ends, though there may be more to come
        parts.append(part)
    return share(b"".join(parts), f"{run.prefix}-{run.begin}")


def _runs(path: Path, prefix: str) -> Generator[_Run, None, None]:
    """Runs of blocks, none of which goes beyond the end of a stream.

    Raises:
        EOFError: The last stream has no end.
        OSError: A block is missing.
    """
    combined, begin, blocks = 0, None, 0
    for mark in _marks(path):
        if begin is not None and (mark.is_end or blocks == _RUN_BLOCKS):
            yield _Run(path, begin, mark.bit, prefix)
            begin, blocks = None, 0
        if mark.is_end:
            if mark.checksum != combined:
                raise OSError(f"the checksum of the stream that ends at byte {mark.bit // 8} is another")
            combined = 0
            continue
        begin, blocks = (mark.bit if begin is None else begin), blocks + 1
        combined = ((combined << 1 | combined >> 31) & 0xFFFFFFFF) ^ mark.checksum
    if begin is not None:
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
