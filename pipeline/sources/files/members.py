"""Packed files as rows of members, each packed by itself: gzip's members, bzip2's and xz's streams, zstandard's frames.

One rule for all of them, that of the program gzip: behind the last member, zeros are padding, and bytes that begin no
member are left out and counted. A member that is cut off or damaged is an error.
"""

import bz2
import lzma
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

import zstandard
from isal import igzip_lib

_MAGIC_BYTES = 6  # what is looked at to recognise a member


class Source(Protocol):
    """Where packed bytes come from."""

    def read(self, size: int = -1, /) -> bytes:
        """Some bytes, or nothing at the end."""
        ...


class Decoder(Protocol):
    """Unpacks one member."""

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
    """A way to pack files."""

    magic: re.Pattern[bytes]  # how a member begins
    new_decoder: Callable[[], Decoder]
    read_bytes: int  # fed at a time: what is behind a member is copied, and what it unpacks to is held


# bzip2 and xz can pack zeros to a seven thousandth, gzip to a thousandth.
PACKINGS: Mapping[str, Packing] = {
    "gzip": Packing(
        re.compile(rb"\x1f\x8b"),
        lambda: cast(Decoder, igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)),
        1 << 16,
    ),
    "bzip2": Packing(re.compile(rb"BZh"), bz2.BZ2Decompressor, 1 << 13),
    "zstandard": Packing(  # a frame, or one to skip as pzstd begins with
        re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),
        lambda: zstandard.ZstdDecompressor().decompressobj(),
        1 << 18,
    ),
    "xz": Packing(re.compile(rb"\xfd7zXZ\x00"), lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ), 1 << 13),
}


def packing_of(magic: bytes) -> Packing | None:
    """How a file with these first bytes is packed; None if it is not, as far as is known here."""
    return next((packing for packing in PACKINGS.values() if packing.magic.match(magic)), None)


class MemberReader:
    """The content of all members of a file, from front to back.

    Attributes:
        trailing: How many bytes behind the last member were left out; known at the end.
    """

    def __init__(self, file: Source, packing: Packing) -> None:
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
        while self._decoder or self._begins():
            if data := self._unpack():
                return data
        return b""

    def _begins(self) -> bool:
        """Whether another member begins here; else all bytes to the end are passed over."""
        while len(self._input) < _MAGIC_BYTES and (data := self._file.read(self._packing.read_bytes)):
            self._input = (self._input + data).lstrip(b"\0")
        if self._packing.magic.match(self._input):
            self._decoder = self._packing.new_decoder()
            return True
        while self._input:
            self.trailing += len(self._input)
            self._input = self._file.read(self._packing.read_bytes)
        return False

    def _unpack(self) -> bytes:
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
