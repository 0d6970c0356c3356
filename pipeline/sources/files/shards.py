"""A dump cut into shards of whole lines, by the size of its content alone: the way of reading it changes nothing.

Shard n holds the lines that begin between byte n * size and byte (n + 1) * size of the decompressed content. So any
range of shards can be read by itself, from any byte of the content before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from pipeline.core.errors import InputError
from pipeline.core.settings import DumpSettings
from pipeline.sources.files.arrays import LineReader
from pipeline.sources.files.compression import DAMAGE, DumpFile
from pipeline.sources.files.members import CHUNK_BYTES

_MARK = b"\xef\xbb\xbf"  # the byte order mark, which some editors put before the first line
_FRAMING = b" \t\r,[]" + _MARK  # around the entities of a JSON array
LOOKED_AT_BYTES = 1 << 26  # for the end of the first entity
_STEP_BYTES = 1 << 16  # read at once to find the end of a line


@dataclass(frozen=True)
class Shard:
    """Whole lines of a dump that follow each other."""

    number: int
    offset: int  # of its first byte in the decompressed stream
    position: int  # in the file, when it had been read
    data: bytes

    def lines(self) -> Iterator[tuple[int, memoryview]]:
        """The offset of each entity in the content, and its line without commas and brackets, not copied."""
        data, view, start = self.data, memoryview(self.data), 0
        while start < len(data):
            end = data.find(b"\n", start)
            end = end if end >= 0 else len(data)
            first, stop = start, end
            while first < stop and data[stop - 1] in _FRAMING:
                stop -= 1
            while first < stop and data[first] in _FRAMING:
                first += 1
            if first < stop:
                yield self.offset + start, view[first:stop]
            start = end + 1


def cut_shards(stream: DumpFile, settings: DumpSettings) -> Iterator[Shard]:
    """Cut a whole dump.

    Raises:
        InputError: The dump is empty, damaged or cut off, or a line is longer than `max_line_bytes`.
    """
    first, end, size = b"", b"", 0
    for shard in cut_shard_range(_lined(stream), settings):
        first = first or first_byte(shard.data)
        end = end if shard.data.isspace() else shard.data
        size = shard.offset + len(shard.data)
        yield shard
    check_framing(stream.name, first, end, size)


def _lined(stream: DumpFile) -> DumpFile:
    """The content with an entity a line."""
    try:
        return stream.with_content(LineReader(stream, LOOKED_AT_BYTES))
    except DAMAGE as error:
        raise _damaged(error, stream.name, 0) from error


def first_byte(data: bytes) -> bytes:
    """The first byte that is neither a blank nor a byte order mark; nothing if there is none."""
    return data.lstrip(b" \t\r\n\v\f" + _MARK)[:1]


def check_framing(name: str, first: bytes, end: bytes, size: int) -> None:
    """Refuse a dump that is empty, or an array that is not closed.

    Args:
        name: The dump.
        first: Its first byte that is not a blank.
        end: Its last shard that holds more than blanks.
        size: The bytes of its content.

    Raises:
        InputError: It cannot be complete.
    """
    if not first:
        raise InputError("The dump is empty", name, "Download it again; check its checksum.")
    if first == b"[" and not _is_closed(end):
        raise InputError(
            "The dump ends before its closing bracket",
            f"{name}, after byte {size}",
            "Download it again; check its checksum.",
        )


def _is_closed(end: bytes) -> bool:
    """Whether the array ends with these lines. Behind a cut, the last bracket may belong to an entity."""
    line = end.rstrip().rpartition(b"\n")[2]
    entity = line.strip(_FRAMING)
    try:
        return line.endswith(b"]") and (not entity or bool(msgspec.json.decode(entity)))
    except msgspec.MsgspecError:
        return False


def cut_shard_range(
    stream: DumpFile, settings: DumpSettings, begin: int = 0, stop: int | None = None, is_line: bool = True
) -> Iterator[Shard]:
    """Cut shards from a stream that begins somewhere in the content.

    Args:
        stream: The content from byte `begin` on.
        settings: How to cut.
        begin: Where the stream begins.
        stop: The number of the first shard not to read; None to read to the end.
        is_line: Whether a line begins at `begin`; if not, the rest of that line is skipped.

    Raises:
        InputError: The dump is damaged or cut off, or a line is longer than `max_line_bytes`.
    """
    size, offset, rest = settings.shard_bytes, begin, b""
    if not is_line:
        skipped, rest = _read_lines(stream, b"", 0, begin, settings)
        offset += len(skipped)
    number = offset // size
    while stop is None or number < stop:
        border = (number + 1) * size - 1 - offset  # the first newline from here on ends the shard
        data, rest = _read_lines(stream, rest, border, offset, settings)
        if not data:
            return
        yield Shard(number, offset, stream.position, data)
        offset += len(data)
        number = offset // size


def _read_lines(stream: DumpFile, rest: bytes, border: int, offset: int, settings: DumpSettings) -> tuple[bytes, bytes]:
    """The bytes up to the first newline at or behind `border`, or up to the end, and those that were read behind them.

    Args:
        stream: Where to read.
        rest: The bytes that were read before and not delivered.
        border: A place, counted from the first byte of `rest`.
        offset: The place of that byte in the content.
        settings: The limit on the length of a line.
    """
    chunks, length = [rest], len(rest)
    found, line = rest.find(b"\n", border), rest.rfind(b"\n") + 1  # where the shard ends and its last line begins
    while found < 0:
        step = min(CHUNK_BYTES, border + 1 - length) if length <= border else _STEP_BYTES
        chunk = _read(stream, step, offset + length)
        if not chunk:
            return b"".join(chunks), b""
        at = chunk.find(b"\n", max(border - length, 0))
        found = -1 if at < 0 else length + at
        before = chunk.rfind(b"\n", 0, at if at >= 0 else None)
        line = line if before < 0 else length + before + 1
        chunks.append(chunk)
        length += len(chunk)
        if (length if found < 0 else found) - line > settings.max_line_bytes:
            raise InputError(
                f"A line is longer than {settings.max_line_bytes} bytes",
                f"{stream.name}, byte {offset + line}",
                "If the dump is sound, raise dump.max_line_bytes.",
            )
    last = chunks.pop()
    end = len(last) - (length - found - 1)
    return b"".join([*chunks, last[:end]]), last[end:]


def _read(stream: DumpFile, size: int, offset: int) -> bytes:
    try:
        return stream.read(size)
    except DAMAGE as error:
        raise _damaged(error, stream.name, offset) from error


def _damaged(error: Exception, name: str, offset: int) -> InputError:
    return InputError(
        f"The dump is damaged or cut off: {error}",
        f"{name}, after byte {offset} of its content",
        "Download it again; check its checksum.",
    )
