"""Dumps of which every part can be read by itself: plain files, files of many zstandard frames, folders of shards."""

import hashlib
import mmap
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import zstandard

from pipeline.core.errors import InputError
from pipeline.core.settings import DumpSettings
from pipeline.sources.files.arrays import LineReader
from pipeline.sources.files.compression import DAMAGE, DumpFile, first_bytes, is_packed, is_zstandard, open_dump
from pipeline.sources.files.members import CHUNK_BYTES, PACKINGS, MemberReader
from pipeline.sources.files.shards import LOOKED_AT_BYTES, Shard, cut_shard_range

INDEX = "index.json"
_MAX_HEADER_BYTES = 18  # of a zstandard frame
_SKIPPED = range(0x184D2A50, 0x184D2A60)  # magic numbers of frames without content
_BLOCK_REPEATED, _BLOCK_LAST = 1, 1


class ShardRecord(msgspec.Struct, frozen=True):
    """One file of a folder of shards."""

    file: str
    bytes: int  # of the file
    offset: int  # of its content within the whole
    size: int  # of its content
    lines: int
    sha256: str


class Index(msgspec.Struct, frozen=True):
    """The list of shards in a folder; it is written last, so a folder with an index is complete."""

    shard_bytes: int
    size: int
    shards: tuple[ShardRecord, ...]


@dataclass(frozen=True)
class Span:
    """A part of a dump that can be read by itself."""

    path: Path
    start: int  # in the file
    offset: int  # in the content of the whole dump
    size: int  # of its content
    is_compressed: bool


@dataclass(frozen=True)
class Spans:
    """The spans of a whole dump, or those that some shards need."""

    name: str
    spans: tuple[Span, ...]
    size: int  # of the content of the whole dump
    shard_bytes: int | None = None  # set if the spans are shards of this size, made of whole lines

    def covering(self, begin: int, end: int) -> "Spans":
        """Only the spans that hold the content from byte `begin` to before byte `end`."""
        first = max(bisect_right(self.spans, begin, key=lambda span: span.offset) - 1, 0)
        stop = bisect_left(self.spans, end, key=lambda span: span.offset)
        return Spans(self.name, self.spans[first:stop], self.size, self.shard_bytes)


def find_spans(path: Path) -> Spans | None:
    """The spans of a dump; None if it must be read from its beginning.

    Raises:
        InputError: It cannot be opened, or a folder holds no shards or has lost some.
    """
    if path.is_dir():
        return _folder_spans(path)
    open_dump(path).__exit__()  # raises what is wrong with it
    magic = first_bytes(path)
    if is_zstandard(magic):
        with path.open("rb") as file:
            spans = _frames(path, file)
            found = Spans(str(path), spans, spans[-1].offset + spans[-1].size) if len(spans) > 1 else None
    else:
        size = path.stat().st_size
        whole = Spans(str(path), (Span(path, 0, 0, size, is_compressed=False),), size)
        found = None if is_packed(magic) or not size else whole
    return found if found and not _has_no_lines(found) else None


def _has_no_lines(spans: Spans) -> bool:
    """Whether the entities have no lines of their own, so that where one begins is known only from the beginning."""
    with open_spans(spans) as stream:
        try:
            return LineReader(stream, LOOKED_AT_BYTES).is_made
        except DAMAGE:
            return False  # who reads it reports it


def read_index(folder: Path) -> Index:
    """The index of a folder of shards.

    Raises:
        InputError: There is none.
    """
    try:
        return msgspec.json.decode((folder / INDEX).read_bytes(), type=Index)
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(
            "This folder holds no complete set of shards",
            str(folder),
            "Name a dump, or a folder that `editmill reshard` made.",
        ) from error


def dump_bytes(dump: Path) -> int:
    """The size of a dump: the bytes of a file, or of the content of a folder of shards."""
    return read_index(dump).size if dump.is_dir() else dump.stat().st_size


def hash_folder(folder: Path) -> str:
    """The hash of a folder of shards: that of its index, which lists their hashes. Frames carry checksums of their own.

    Raises:
        InputError: It holds no complete set of shards.
    """
    spans = _folder_spans(folder)
    return hashlib.sha256((Path(spans.name) / INDEX).read_bytes()).hexdigest()


def _folder_spans(folder: Path) -> Spans:
    index = read_index(folder)
    for shard in index.shards:
        file = folder / shard.file
        if not file.is_file() or file.stat().st_size != shard.bytes:
            raise InputError(
                f"A shard is missing or not {shard.bytes} bytes long", str(file), "Run `editmill reshard` again."
            )
    spans = tuple(Span(folder / shard.file, 0, shard.offset, shard.size, is_compressed=True) for shard in index.shards)
    return Spans(str(folder), spans, index.size, index.shard_bytes)


def _frames(path: Path, file: BinaryIO) -> tuple[Span, ...]:
    """The frames of a file whose headers all give the size of their content; none if one does not, or at a cut."""
    spans: list[Span] = []
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = offset = 0
        while start < len(data):
            size = _content_size(data, start)
            end = _frame_end(data, start) if size is not None else None
            if size is None or end is None or end > len(data):
                return ()
            if size:
                spans.append(Span(path, start, offset, size, is_compressed=True))
            start, offset = end, offset + size
    return tuple(spans)


def _content_size(data: mmap.mmap, start: int) -> int | None:
    """The size of a frame's content, by its header."""
    header = data[start : start + _MAX_HEADER_BYTES]
    if not is_zstandard(header):
        return None
    if int.from_bytes(header[:4], "little") in _SKIPPED:
        return 0
    try:
        size = zstandard.frame_content_size(header)
    except zstandard.ZstdError:
        return None
    return size if size >= 0 else None


def _frame_end(data: mmap.mmap, start: int) -> int | None:
    """Where the next frame begins, found by following the sizes of blocks, as the format (RFC 8878) defines them."""
    if int.from_bytes(data[start : start + 4], "little") in _SKIPPED:
        return start + 8 + int.from_bytes(data[start + 4 : start + 8], "little")
    parameters = zstandard.get_frame_parameters(data[start : start + _MAX_HEADER_BYTES])
    at = start + zstandard.frame_header_size(data[start : start + _MAX_HEADER_BYTES])
    while at + 3 <= len(data):
        block = int.from_bytes(data[at : at + 3], "little")
        at += 3 + (1 if block >> 1 & 3 == _BLOCK_REPEATED else block >> 3)
        if block & _BLOCK_LAST:
            return at + 4 * parameters.has_checksum
    return None


class _SpanContent:
    """The content of spans, one after the other, from some byte on."""

    def __init__(self, spans: Spans, begin: int) -> None:
        self._chunks = _chunks(spans.spans, begin)
        self._left = b""
        self._position = begin

    def read(self, size: int = -1) -> bytes:
        """Some bytes, at most `size`, or nothing at the end."""
        self._left = self._left or next(self._chunks, b"")
        size = len(self._left) if size < 0 else size
        data, self._left = self._left[:size], self._left[size:]
        self._position += len(data)
        return data

    def tell(self) -> int:
        """How much of the content has been read."""
        return self._position

    def close(self) -> None:
        """Close the file."""
        self._chunks.close()


def _chunks(spans: Sequence[Span], begin: int) -> Generator[bytes, None, None]:
    """The content from some byte on, in pieces as they come."""
    for span in spans:
        with span.path.open("rb") as file:
            skipped = max(begin - span.offset, 0)
            file.seek(span.start + (0 if span.is_compressed else skipped))
            skipped = skipped if span.is_compressed else 0
            frames = MemberReader(file, PACKINGS["zstandard"]) if span.is_compressed else None
            left = span.size - max(begin - span.offset, 0)
            while left > 0:
                chunk = (frames or file).read(CHUNK_BYTES)
                if not chunk:
                    raise EOFError(f"{span.path.name} ends {left} bytes early")
                chunk, skipped = chunk[skipped:], max(skipped - len(chunk), 0)
                chunk = chunk[:left]
                left -= len(chunk)
                if frames and not left:  # before the last bytes are delivered: a reader may stop there
                    frames.finish_member()
                yield chunk


def open_spans(spans: Spans, begin: int = 0) -> DumpFile:
    """Open a dump at some byte of its content; its position is one in the content."""
    content = _SpanContent(spans.covering(begin, spans.size), begin)
    return DumpFile(spans.name, content, content)


def read_shard_range(spans: Spans, first: int, stop: int, settings: DumpSettings) -> Iterator[Shard]:
    """Cut the shards from `first` to before `stop`.

    Raises:
        InputError: The dump is damaged, or a line is longer than `max_line_bytes`.
    """
    begin, is_line = max(first * settings.shard_bytes - 1, 0), first == 0
    if spans.shard_bytes == settings.shard_bytes:  # there is no end of an earlier shard's line to skip
        starts = (span.offset for span in spans.spans if span.offset >= first * settings.shard_bytes)
        begin, is_line = next(starts, spans.size), True
    with open_spans(spans, begin) as stream:
        yield from cut_shard_range(stream, settings, begin, stop, is_line)
