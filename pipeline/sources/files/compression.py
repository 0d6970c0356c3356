"""Files opened whatever their compression: their first bytes say which it is.

Measured on two cores with lines of the slice (CPU, decompressed MB/s): isal 1,400, zlib 500, zstandard 1,700, bzip2 44.
So gzip is isal's, one decoder of which feeds half a dozen parsers. rapidgzip, which also enters the middle of a gzip
file, took two and a half times the processor time of isal with one thread and five times with two, and reads bzip2
alone (`bzip2.py`); whoever has many cores and reads a dump often runs `editmill reshard`.
"""

import lzma
import zlib
from pathlib import Path
from typing import Protocol, Self, cast

import zstandard
from isal import igzip_lib

from pipeline.core.errors import InputError
from pipeline.sources.files.bzip2 import Bzip2File
from pipeline.sources.files.members import MAGIC_BYTES, PACKINGS, ByteStream, MemberReader, packing_of

_ISAL_ERROR = cast(type[Exception], igzip_lib.IsalError)  # a class, which its stub calls an instance
DAMAGE = (EOFError, OSError, zlib.error, _ISAL_ERROR, zstandard.ZstdError, lzma.LZMAError)  # what decoders raise


class RawFile(Protocol):
    """A file as it is stored, read from front to back."""

    def read(self, size: int = -1, /) -> bytes:
        """Some bytes, or nothing at the end."""
        ...

    def tell(self) -> int:
        """How many bytes have been read."""
        ...

    def close(self) -> None:
        """Release it."""
        ...


class DumpFile:
    """An open dump: its decompressed content, and the position in the file."""

    def __init__(self, name: str, raw: RawFile, content: ByteStream) -> None:
        self.name = name
        self._raw = raw
        self._content = content

    def read(self, size: int = -1) -> bytes:
        """Some decompressed bytes, or nothing at the end."""
        return self._content.read(size)

    def with_content(self, content: ByteStream) -> "DumpFile":
        """The same file with another content, which is made from its own."""
        return DumpFile(self.name, self._raw, content)

    @property
    def trailing(self) -> int:
        """How many bytes behind the compressed content were left out; known at the end."""
        return self._content.trailing if isinstance(self._content, MemberReader | Bzip2File) else 0

    @property
    def position(self) -> int:
        """How many bytes of the file have been read."""
        return self._raw.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *closing: object) -> None:
        self._raw.close()


def open_dump(path: Path, threads: int = 1) -> DumpFile:
    """Open a dump.

    Args:
        path: The file.
        threads: How many threads may decompress it; only bzip2 takes more than one.

    Raises:
        InputError: The file cannot be opened.
    """
    try:
        magic = first_bytes(path)
        check_packing(str(path), magic)
        raw = path.open("rb")
    except OSError as error:
        raise InputError(f"The file cannot be opened: {error.strerror}", str(path), "Check the path.") from error
    if is_bzip2(magic):
        raw.close()
        content = Bzip2File(path, threads)
        return DumpFile(str(path), content, content)
    return DumpFile(str(path), raw, decoder(raw, magic))


def first_bytes(path: Path) -> bytes:
    """The bytes that say how a file is compressed."""
    with path.open("rb") as file:
        return file.read(MAGIC_BYTES)


def is_bzip2(magic: bytes) -> bool:
    """Whether a file with these first bytes is compressed by bzip2."""
    return packing_of(magic) is PACKINGS["bzip2"]


def is_zstandard(magic: bytes) -> bool:
    """Whether a file with these first bytes is compressed by zstandard."""
    return packing_of(magic) is PACKINGS["zstandard"]


def is_packed(magic: bytes) -> bool:
    """Whether a file with these first bytes is compressed in a way that is read here."""
    return packing_of(magic) is not None


def decoder(raw: RawFile, magic: bytes) -> ByteStream:
    """What decompresses a file that begins with `magic`: all its members, streams or frames."""
    packing = packing_of(magic)
    return MemberReader(raw, packing) if packing else raw


def check_packing(name: str, magic: bytes) -> None:
    """Refuse a file whose first bytes say that it is compressed in a way that is not read here.

    Raises:
        InputError: It is, say, a .zip archive.
    """
    for start, program in _FOREIGN.items():
        if magic.startswith(start):
            raise InputError(
                f"The file is packed by {program}, which editmill does not read",
                name,
                "Unpack it, or pack it by gzip, bzip2, zstandard or xz.",
            )


_FOREIGN = {b"PK\x03\x04": "zip", b"7z\xbc\xaf": "7-Zip", b"\x04\x22\x4d\x18": "lz4", b"Rar!": "RAR"}
