"""Dumps that are streams and not local files: standard input, named `-`, and addresses that fsspec understands.

They are read once, from front to back, and hashed at the same time. Jobs that read a dump twice save it first.
"""

import contextlib
import hashlib
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.core.errors import InputError
from pipeline.core.extras import require
from pipeline.core.tables import whole_file
from pipeline.sources.files.compression import DumpFile, check_packing, decoder
from pipeline.sources.files.members import CHUNK_BYTES, MAGIC_BYTES, ByteStream
from pipeline.sources.files.remote import RemoteFile

STANDARD_INPUT = "-"


def is_stream(name: str) -> bool:
    """Whether a dump of this name is a stream and not a local file.

    >>> is_stream("-"), is_stream("https://example.org/all.json.gz"), is_stream("all.json.gz")
    (True, True, False)
    """
    return name == STANDARD_INPUT or "://" in name


@dataclass(frozen=True)
class StreamedDump:
    """A dump that is being read: its content, and its hash once all of it has been read."""

    dump: DumpFile
    raw: "_Hashed"

    def sha256(self) -> str:
        """The hash of the compressed bytes; reads to the end of the stream."""
        while self.raw.read(CHUNK_BYTES):
            pass
        return self.raw.digest.hexdigest()


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Hashed:
    """A stream without seeking, which counts and hashes what is read."""

    def __init__(self, file: _Readable) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self._count = 0
        self._ahead = b""

    def peek(self, size: int) -> bytes:
        """The first bytes, which `read` returns again."""
        while len(self._ahead) < size and (data := self._fetch(size - len(self._ahead))):
            self._ahead += data
        return self._ahead

    def read(self, size: int = -1) -> bytes:
        """Some bytes, or nothing at the end."""
        if self._ahead:
            size = len(self._ahead) if size < 0 else size
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        return self._fetch(size)

    def readinto(self, buffer: memoryview) -> int:
        """The same into a buffer; how many bytes there were."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _fetch(self, size: int) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        self._count += len(data)
        return data

    def tell(self) -> int:
        """How many bytes have been read."""
        return self._count - len(self._ahead)

    def close(self) -> None:
        """Do nothing: whoever opened the stream closes it."""


def _decoder(raw: _Hashed, name: str) -> ByteStream:
    magic = raw.peek(MAGIC_BYTES)
    check_packing(name, magic)
    return decoder(raw, magic)


@contextmanager
def open_stream(name: str) -> Generator[StreamedDump, None, None]:
    """Open a dump that is a stream.

    Raises:
        InputError: It cannot be opened, or it changed while it was read.
        ServiceError: The connection broke again and again.
        UsageError: The address needs a package that is not installed.
    """
    if name == STANDARD_INPUT:
        if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]
            raise InputError("Standard input is closed", "-", "Give a dump by its name, or pipe one in.")
        raw = _Hashed(sys.stdin.buffer)
        yield StreamedDump(DumpFile("standard input", raw, _decoder(raw, name)), raw)
        return
    require("remote", name)
    with contextlib.closing(RemoteFile(name)) as file:
        raw = _Hashed(file)
        yield StreamedDump(DumpFile(name, raw, _decoder(raw, name)), raw)


def save_stream(name: str, folder: Path) -> Path:
    """Save a stream, as compressed as it is, in a file named after its hash.

    Raises:
        InputError: It cannot be opened, or it changed while it was read.
        ServiceError: The connection broke again and again.
        StorageError: There is no room for it.
    """
    with open_stream(name) as stream, whole_file(folder / "incoming") as part:
        with part.open("wb") as file:
            shutil.copyfileobj(stream.raw, file, CHUNK_BYTES)
        saved = folder / stream.sha256()
    return (folder / "incoming").replace(saved)
