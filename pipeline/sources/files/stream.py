"""Dumps that are not files here: standard input, named `-`, and addresses that fsspec understands.

They are read once, from front to back, and hashed on the way. What needs them more than once stores them first.
"""

import hashlib
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from pipeline.core.errors import InputError, UsageError
from pipeline.core.tables import whole_file
from pipeline.sources.files.compression import CHUNK_BYTES, ByteStream, DumpFile, check_packing, decoder

if TYPE_CHECKING:
    from fsspec.core import OpenFile

PIPE = "-"


def arrives(name: str) -> bool:
    """Whether a dump of this name is no file here.

    >>> arrives("-"), arrives("https://example.org/all.json.gz"), arrives("all.json.gz")
    (True, True, False)
    """
    return name == PIPE or "://" in name


@dataclass(frozen=True)
class Arrival:
    """A dump that is being read: its content, and its hash once all has been read."""

    dump: DumpFile
    raw: "_Hashed"

    def sha256(self) -> str:
        """The hash of the packed bytes; what follows the content is read too."""
        while self.raw.read(CHUNK_BYTES):
            pass
        return self.raw.digest.hexdigest()


class _Hashed:
    """A stream that cannot be sought in, counted and hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self._count = 0
        self._ahead = b""

    def peek(self, size: int) -> bytes:
        """The first bytes, which will be read again."""
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
        """Leave the stream to whoever opened it."""


def _decoder(raw: _Hashed, name: str) -> ByteStream:
    magic = raw.peek(6)
    check_packing(name, magic)
    return decoder(raw, magic)


@contextmanager
def arriving(name: str) -> Generator[Arrival, None, None]:
    """Read a dump as it arrives.

    Raises:
        InputError: It cannot be opened.
        UsageError: The address needs a package that is not installed.
    """
    if name == PIPE:
        raw = _Hashed(cast(IO[bytes], sys.stdin.buffer))
        yield Arrival(DumpFile("standard input", raw, _decoder(raw, name)), raw)
        return
    try:
        import fsspec
    except ImportError as error:
        raise UsageError(
            "Addresses need the package fsspec", name, "Install it with `pip install editmill[remote]`."
        ) from error
    try:
        file = cast("OpenFile", fsspec.open(name, "rb")).open()
    except (OSError, ValueError, ImportError) as error:  # not there, an unknown protocol, or one that needs a package
        raise InputError(f"The address cannot be opened: {error}", name, "Check it.") from error
    with file:
        raw = _Hashed(file)
        yield Arrival(DumpFile(name, raw, _decoder(raw, name)), raw)


def store(name: str, folder: Path) -> Path:
    """Store a dump that arrives, packed as it is, under its hash.

    Raises:
        InputError: It cannot be opened.
        StorageError: There is no room for it.
    """
    with arriving(name) as arrival, whole_file(folder / "arriving") as part:
        with part.open("wb") as file:
            shutil.copyfileobj(arrival.raw, file, CHUNK_BYTES)
        stored = folder / arrival.sha256()
    return (folder / "arriving").replace(stored)
