"""Compressed files as rows of members, each compressed by itself: gzip members, bzip2 or xz streams, zstandard frames.

One rule for all of them, that of the program gzip: behind the last member, zeros are padding, and bytes that begin no
member are left out and counted. A member that is cut off or damaged is an error.
"""

import bz2
import lzma
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

import zstandard
from isal import igzip_lib

CHUNK_BYTES = 1 << 20


class ByteStream(Protocol):
    """What a decompressor offers."""

    def read(self, size: int = -1, /) -> bytes:
        """Some bytes, or nothing at the end."""
        ...


class Decoder(Protocol):
    """Decompresses one member."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""
        ...

    @property
    def unused_data(self) -> bytes:
        """The bytes behind its end."""
        ...

    def decompress(self, data: bytes, /) -> bytes:
        """The content of more bytes of the member."""
        ...


@dataclass(frozen=True)
class Packing:
    """A way to compress files."""

    starts: tuple[bytes, ...]  # how a member begins
    new_decoder: Callable[[], Decoder]
    read_bytes: int  # fed at a time: what is behind a member is copied, and what it decompresses to is held


# bzip2 and xz can compress zeros to a seven thousandth, gzip to a thousandth.
PACKINGS: Mapping[str, Packing] = {
    "gzip": Packing(
        (b"\x1f\x8b",),
        lambda: cast(Decoder, igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)),
        1 << 16,
    ),
    "bzip2": Packing((b"BZh",), bz2.BZ2Decompressor, 1 << 13),
    "zstandard": Packing(  # a frame, or one without content, which pzstd writes first
        (b"\x28\xb5\x2f\xfd", *(bytes([first]) + b"\x2a\x4d\x18" for first in range(0x50, 0x60))),
        lambda: zstandard.ZstdDecompressor().decompressobj(),
        1 << 18,
    ),
    "xz": Packing((b"\xfd7zXZ\x00",), lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ), 1 << 13),
}
MAGIC_BYTES = max(len(start) for packing in PACKINGS.values() for start in packing.starts)


def packing_of(magic: bytes) -> Packing | None:
    """How a file with these first bytes is compressed; None if it is not, as far as is known here."""
    return next((packing for packing in PACKINGS.values() if magic.startswith(packing.starts)), None)


class MemberReader:
    """The content of all members of a file, from front to back.

    Attributes:
        trailing: How many bytes behind the last member were left out; known at the end.
    """

    def __init__(self, file: ByteStream, packing: Packing) -> None:
        self._file = file
        self._packing = packing
        self._decoder: Decoder | None = None
        self._input = b""
        self.trailing = 0

    def read(self, size: int = -1) -> bytes:
        """At least one byte and not much more than is read at a time, or nothing at the end.

        Raises:
            EOFError: The last member is cut off.
            Exception: Another one of `compression.DAMAGE`: a member is damaged.
        """
        del size
        while self._decoder or self._starts():
            if data := self._decompress():
                return data
        return b""

    def finish_member(self) -> None:
        """Read to the end of the member whose content has been read: its checksum stands there."""
        while self._decoder:
            self._decompress()

    def _starts(self) -> bool:
        """Whether another member begins here; else all bytes to the end are passed over."""
        while len(self._input) < MAGIC_BYTES and (data := self._file.read(self._packing.read_bytes)):
            self._input = (self._input + data).lstrip(b"\0")
        if self._input.startswith(self._packing.starts):
            self._decoder = self._packing.new_decoder()
            return True
        if self._input and any(start.startswith(self._input) for start in self._packing.starts):
            raise EOFError("the last member is cut off")
        while self._input:
            self.trailing += len(self._input)
            self._input = self._file.read(self._packing.read_bytes)
        return False

    def _decompress(self) -> bytes:
        decoder = self._decoder or self._packing.new_decoder()
        self._input = self._input or self._file.read(self._packing.read_bytes)
        if not self._input:
            raise EOFError("the last member is cut off")
        data = decoder.decompress(self._input)
        self._input = b""
        if decoder.eof:
            self._input = decoder.unused_data.lstrip(b"\0")
            self._decoder = None
        return data
