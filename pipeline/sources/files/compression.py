"""Files opened whatever their compression: what they are packed with is told from their first bytes.

Measured on two cores with lines of the slice (CPU, decompressed MB/s): isal 1,400, zlib 500, zstandard 1,700, bzip2 23.
So gzip is isal's, one decoder of which feeds half a dozen parsers. rapidgzip, which finds its way into the middle of a
gzip file, took two and a half times the processor time of isal with one thread and five times with two, and is not
used; who has many cores and reads a dump often runs `editmill reshard`. Blocks of bzip2 are unpacked in `bzip2.py`.
"""

import lzma
import re
import zlib
from pathlib import Path
from typing import Protocol, Self, cast

import zstandard
from isal import igzip_lib

from pipeline.core.errors import InputError
from pipeline.sources.files.members import MemberReader, packing_of

CHUNK_BYTES = 1 << 20
_ISAL_ERROR = cast(type[Exception], igzip_lib.IsalError)  # a class, which its stub calls an instance
DAMAGE = (EOFError, OSError, zlib.error, _ISAL_ERROR, zstandard.ZstdError, lzma.LZMAError)  # how decoders say "corrupt"

_MAGIC_BYTES = 6
_ZSTANDARD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")  # a frame, or one to skip as pzstd begins with


class ByteStream(Protocol):
    """What a decoder offers."""

    def read(self, size: int = -1, /) -> bytes:
        """Some bytes, or nothing at the end."""
        ...


class Packed(Protocol):
    """A file as it lies there, read from front to back."""

    def read(self, size: int = -1, /) -> bytes:
        """Some bytes, or nothing at the end."""
        ...

    def tell(self) -> int:
        """How many bytes have been read."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class DumpFile:
    """An open dump: what it decompresses to, and how far in the file that is."""

    def __init__(self, name: str, raw: Packed, content: ByteStream) -> None:
        self.name = name
        self._raw = raw
        self._content = content

    def read(self, size: int = -1) -> bytes:
        """Some decompressed bytes, or nothing at the end."""
        return self._content.read(size)

    def with_content(self, content: ByteStream) -> "DumpFile":
        """The same file with something made of its content."""
        return DumpFile(self.name, self._raw, content)

    @property
    def trailing(self) -> int:
        """How many bytes behind the packed content were left out; known at the end."""
        return self._content.trailing if isinstance(self._content, MemberReader) else 0

    @property
    def position(self) -> int:
        """How many bytes of the file have been read."""
        return self._raw.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *closing: object) -> None:
        self._raw.close()


def open_dump(path: Path) -> DumpFile:
    """Open a dump.

    Raises:
        InputError: The file cannot be opened.
    """
    try:
        magic = first_bytes(path)
        check_packing(str(path), magic)
        raw = path.open("rb")
    except OSError as error:
        raise InputError(f"The file cannot be opened: {error.strerror}", str(path), "Check the path.") from error
    return DumpFile(str(path), raw, decoder(raw, magic))


def first_bytes(path: Path) -> bytes:
    """What tells how a file is packed."""
    with path.open("rb") as file:
        return file.read(_MAGIC_BYTES)


def is_gzip(magic: bytes) -> bool:
    """Whether a file with these first bytes is packed by gzip."""
    return magic.startswith(b"\x1f\x8b")


def is_bzip2(magic: bytes) -> bool:
    """Whether a file with these first bytes is packed by bzip2."""
    return magic.startswith(b"BZh")


def is_zstandard(magic: bytes) -> bool:
    """Whether a file with these first bytes is packed by zstandard."""
    return bool(_ZSTANDARD.match(magic))


def is_packed(magic: bytes) -> bool:
    """Whether a file with these first bytes is packed in a way that is read here."""
    return packing_of(magic) is not None


def decoder(raw: Packed, magic: bytes) -> ByteStream:
    """What unpacks a file that begins with `magic`, all its members, streams or frames."""
    packing = packing_of(magic)
    return MemberReader(raw, packing) if packing else raw


def check_packing(name: str, magic: bytes) -> None:
    """Refuse a file whose first bytes say that it is packed in a way that is not read here.

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


class ZstandardFile:
    """Reads all frames of a .zst file and, unlike the library's own reader, notices a missing end."""

    def __init__(self, file: ByteStream) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._is_open = False
        self._input = b""

    def read(self, size: int = -1) -> bytes:
        """At least one byte and about `size`, or nothing at the end."""
        while self._fill():
            if data := self._unpack():
                return data
        return b""

    def finish_frame(self) -> None:
        """Read to the end of the frame whose content has been read: its checksum stands there."""
        while self._is_open and self._fill():
            self._unpack()

    def _fill(self) -> bool:
        """Have some packed bytes, unless the file has come to its end."""
        self._input = self._input or self._file.read(CHUNK_BYTES)
        if self._is_open and not self._input:
            raise EOFError("the last frame is cut off")
        return bool(self._input)

    def _unpack(self) -> bytes:
        self._is_open = True
        data = self._frame.decompress(self._input)
        self._input = b""
        if self._frame.eof:
            self._input = self._frame.unused_data
            self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._is_open = False
        return data
