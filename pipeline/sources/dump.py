"""Wikidata JSON dumps: opened whatever their compression, cut into shards of lines, read in parallel.

A dump is a JSON array with one entity a line, or bare lines. Shards are cut by decompressed size alone, so that they
do not depend on who reads them; worker k of n decompresses the whole stream and parses every n-th shard.
"""

import bz2
import gc
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, Self, cast

import msgspec
import zstandard
from isal import igzip, igzip_lib

from pipeline import schema
from pipeline.errors import InputError
from pipeline.progress import beat
from pipeline.settings import DumpSettings
from pipeline.shards import map_shards
from pipeline.sources.entity_json import UNREADABLE, Rows, Wanted, read_entity
from pipeline.tables import whole_file, write_rows

_CHUNK_BYTES = 1 << 20
_ISAL_ERROR = cast(type[Exception], igzip_lib.IsalError)  # a class, which its stub calls an instance
DAMAGE = (EOFError, OSError, zlib.error, _ISAL_ERROR, zstandard.ZstdError)  # how decoders say "corrupt"


_ZSTANDARD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")  # a frame, or one to skip as pzstd begins with


class ByteStream(Protocol):
    """What a decoder offers."""

    def read(self, size: int = -1, /) -> bytes:
        """Some bytes, or nothing at the end."""
        ...


_FRAMING = b" \t\r,[]"  # what stands around the entities of an array


@dataclass(frozen=True)
class Shard:
    """A run of whole lines of a dump."""

    number: int
    offset: int  # of its first byte in the decompressed stream
    position: int  # reached in the file when it was read
    data: bytes

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Each entity's line without the framing of the array, with its offset in the decompressed stream."""
        offset = self.offset
        for line in self.data.split(b"\n"):
            entity = line.strip(_FRAMING)
            if entity:
                yield offset, entity
            offset += len(line) + 1


@dataclass
class ShardCounts:
    """What was read of a dump, or of a part of it."""

    lines: int = 0
    items: int = 0
    statements: int = 0
    unreadable: int = 0
    samples: list[str] = field(default_factory=list[str])  # where the first unreadable lines are, and why

    def miss(self, offset: int, error: Exception) -> None:
        """Count a line that cannot be read."""
        self.unreadable += 1
        if len(self.samples) < _SAMPLES:
            self.samples.append(f"byte {offset}: {error}")

    def add(self, other: "ShardCounts") -> None:
        """Count another part too."""
        self.lines += other.lines
        self.items += other.items
        self.statements += other.statements
        self.unreadable += other.unreadable
        self.samples = sorted([*self.samples, *other.samples], key=_place)[:_SAMPLES]


_SAMPLES = 5


def _place(sample: str) -> int:
    """The byte that a sample is at."""
    return int(sample.removeprefix("byte ").partition(":")[0])


class DumpFile:
    """An open dump: what it decompresses to, and how far in the file that is."""

    def __init__(self, raw: BinaryIO, content: ByteStream) -> None:
        self._raw = raw
        self._content = content

    def read(self, size: int = -1) -> bytes:
        """Some decompressed bytes, or nothing at the end."""
        return self._content.read(size)

    @property
    def position(self) -> int:
        """How many bytes of the file have been read."""
        return self._raw.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *closing: object) -> None:
        self._raw.close()


def open_dump(path: Path) -> DumpFile:
    """Open a dump; what it is compressed with is told from its first bytes.

    Raises:
        InputError: The file cannot be opened.
    """
    try:
        raw = path.open("rb")
        magic = raw.read(4)
        raw.seek(0)
    except OSError as error:
        raise InputError(f"The file cannot be opened: {error.strerror}", str(path), "Check the path.") from error
    if magic.startswith(b"\x1f\x8b"):
        return DumpFile(raw, igzip.IGzipFile(fileobj=raw, mode="rb"))
    if magic.startswith(b"BZh"):
        return DumpFile(raw, bz2.open(raw, "rb"))
    return DumpFile(raw, _ZstandardFile(raw) if _ZSTANDARD.match(magic) else raw)


class _ZstandardFile:
    """Reads all frames of a .zst file and, unlike the library's own reader, notices a missing end."""

    def __init__(self, file: ByteStream) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._is_open = False
        self._input = b""

    def read(self, size: int = -1) -> bytes:
        """At least one byte and about `size`, or nothing at the end."""
        while True:
            self._input = self._input or self._file.read(_CHUNK_BYTES)
            if not self._input:
                if self._is_open:
                    raise EOFError("the last frame is cut off")
                return b""
            self._is_open = True
            data = self._frame.decompress(self._input)
            self._input = b""
            if self._frame.eof:
                self._input = self._frame.unused_data
                self._frame = zstandard.ZstdDecompressor().decompressobj()
                self._is_open = False
            if data:
                return data


def read_shards(path: Path, settings: DumpSettings) -> Iterator[Shard]:
    """Cut a dump into shards of whole lines, each about `shard_bytes` long.

    Raises:
        InputError: The file is empty, damaged or cut off, or a line is longer than `max_line_bytes`.
    """
    number = offset = 0
    rest = b""
    first, end = b"", b""
    with open_dump(path) as stream:
        while data := _read(stream, path, offset + len(rest), settings.shard_bytes):
            cut = data.rfind(b"\n") + 1
            if cut:
                shard = Shard(number, offset, stream.position, rest + data[:cut])
                yield shard
                first = first or shard.data.lstrip()[:1]
                end = end if shard.data.isspace() else shard.data
                number, offset, rest = number + 1, offset + len(shard.data), data[cut:]
            else:
                rest += data
            if len(rest) > settings.max_line_bytes:
                raise InputError(
                    f"A line is longer than {settings.max_line_bytes} bytes",
                    f"{path}, byte {offset}",
                    "If the dump is sound, raise dump.max_line_bytes.",
                )
    if rest.strip():
        yield Shard(number, offset, path.stat().st_size, rest)
        first, end = first or rest.lstrip()[:1], rest
    if not first:
        raise InputError("The dump is empty", str(path), "Download it again; check its checksum.")
    if first == b"[" and not _is_closed(end):
        raise _cut_off(path, offset + len(rest))


def _is_closed(end: bytes) -> bool:
    """Whether the array ends with these lines; a cut may fall behind a bracket that belongs to an entity."""
    line = end.rstrip().rpartition(b"\n")[2]
    entity = line.strip(_FRAMING)
    try:
        return line.endswith(b"]") and (not entity or bool(msgspec.json.decode(entity)))
    except msgspec.MsgspecError:
        return False


def _cut_off(path: Path, offset: int) -> InputError:
    return InputError(
        "The dump ends before its closing bracket",
        f"{path}, after byte {offset}",
        "Download it again; check its checksum.",
    )


def _read(stream: ByteStream, path: Path, offset: int, size: int) -> bytes:
    """The next bytes, about `size` unless the stream ends."""
    chunks: list[bytes] = []
    length = 0
    try:
        while length < size and (chunk := stream.read(min(_CHUNK_BYTES, size - length))):
            chunks.append(chunk)
            length += len(chunk)
    except DAMAGE as error:
        raise InputError(
            f"The dump is damaged or cut off: {error}",
            f"{path}, after byte {offset + length} of its content",
            "Download it again; check its checksum.",
        ) from error
    return b"".join(chunks)


@dataclass(frozen=True)
class _Share:
    """The shards that one worker reads."""

    path: Path
    out: Path
    wanted: Wanted
    settings: DumpSettings
    worker: int
    workers: int
    beats: Path | None


def ingest(
    path: Path,
    out: Path,
    wanted: Wanted,
    settings: DumpSettings,
    pool: Executor,
    workers: int,
    beats: Path | None = None,
) -> ShardCounts:
    """Read a dump into STATEMENTS, ENTITIES, MENTIONS and TITLES, a Parquet file a shard.

    Args:
        path: The dump.
        out: A folder; `statements/`, `entities/`, `mentions/` and `titles/` appear in it.
        wanted: The properties and wikis to keep.
        settings: How to cut and what to tolerate.
        pool: Where to run.
        workers: Into how many tasks to divide the work; the result does not depend on it.
        beats: Where workers tell how far they are; see `progress.Reporter.watch`.

    Raises:
        InputError: The dump is damaged, holds no items, or has more unreadable lines than `max_bad_lines`.
    """
    shares = [_Share(path, out, wanted, settings, worker, workers, beats) for worker in range(workers)]
    counts = ShardCounts()
    for part in map_shards(_ingest_share, shares, pool):
        counts.add(part)
    check_counts(counts, path, settings)
    return counts


def _ingest_share(share: _Share) -> ShardCounts:
    counts = ShardCounts()
    for shard in read_shards(share.path, share.settings):
        if shard.number % share.workers == share.worker:
            counts.add(_ingest_shard(shard, share))
            check_unreadable(counts, share.path, share.settings)
        if share.beats:
            beat(share.beats, share.worker, share.workers, shard.position)
    return counts


def check_counts(counts: ShardCounts, path: Path, settings: DumpSettings) -> None:
    """Refuse a dump that, read to its end, is none.

    Raises:
        InputError: It holds no items, or too many lines that are no entities.
    """
    check_unreadable(counts, path, settings)
    if not counts.items:
        raise InputError("The dump holds no items", str(path), "Is this a Wikidata JSON dump?")


def check_unreadable(counts: ShardCounts, path: Path, settings: DumpSettings) -> None:
    """Refuse a dump with too many lines that are no entities.

    Raises:
        InputError: There are more than `max_bad_lines`.
    """
    if counts.unreadable > settings.max_bad_lines:
        raise InputError(
            f"More than {settings.max_bad_lines} lines are no entities; the first ones: {'; '.join(counts.samples)}",
            str(path),
            "Is this a Wikidata JSON dump? If so, raise dump.max_bad_lines.",
        )


def _ingest_shard(shard: Shard, share: _Share) -> ShardCounts:
    """Read one shard, unless an earlier run finished it; its counts are written last and so mark it done."""
    done = share.out / "counts" / f"{shard.number:06d}.json"
    if done.is_file():
        return ShardCounts(**json.loads(done.read_text()))
    rows, counts = _parse(shard, share.wanted)
    name = f"{shard.number:06d}.parquet"
    write_rows(rows.statements, share.out / "statements" / name, schema.STATEMENTS)
    write_rows(rows.entities, share.out / "entities" / name, schema.ENTITIES)
    write_rows(rows.titles, share.out / "titles" / name, schema.TITLES)
    write_rows(_counted(rows), share.out / "mentions" / name, schema.MENTIONS)
    with whole_file(done) as part:
        part.write_text(json.dumps(asdict(counts)))
    return counts


def _parse(shard: Shard, wanted: Wanted) -> tuple[Rows, ShardCounts]:
    rows, counts = Rows(), ShardCounts()
    # The rows hold no cycles; without pauses to look for some, reading is nearly twice as fast.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for offset, line in shard.lines():
            counts.lines += 1
            lengths = rows.lengths()
            try:
                read_entity(line, wanted, rows)
            except UNREADABLE as error:
                rows.cut(lengths)
                counts.miss(offset, error)
    finally:
        if was_enabled:
            gc.enable()
    counts.items, counts.statements = len(rows.entities), len(rows.statements)
    return rows, counts


def _counted(rows: Rows) -> list[tuple[int, int, int, int]]:
    mentions = Counter(rows.mentions)
    ahead = Counter(subject for subject, _ in rows.neighbours)
    behind = Counter(neighbour for _, neighbour in rows.neighbours)
    mentions.pop(0, None)
    ids = sorted(mentions.keys() | ahead.keys() | behind.keys())
    return [(item, mentions[item], behind[item], ahead[item]) for item in ids]
