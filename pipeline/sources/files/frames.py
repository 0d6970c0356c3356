"""Formats that put frames, each compressed by itself, one behind the other: zstandard's frames and bzip2's streams."""

import bz2
from collections.abc import Callable
from typing import Protocol

import zstandard

CHUNK_BYTES = 1 << 20


class ByteStream(Protocol):
    """What a decompressor offers."""

    def read(self, size: int = -1, /) -> bytes:
        """Some bytes, or nothing at the end."""
        ...


class FrameDecoder(Protocol):
    """Decompresses one frame."""

    @property
    def eof(self) -> bool:
        """Whether the frame has ended."""
        ...

    @property
    def unused_data(self) -> bytes:
        """The bytes behind its end."""
        ...

    def decompress(self, data: bytes, /) -> bytes:
        """The content of more bytes of the frame."""
        ...


def zstandard_frame() -> FrameDecoder:
    """A decoder of one zstandard frame."""
    return zstandard.ZstdDecompressor().decompressobj()


def bzip2_stream() -> FrameDecoder:
    """A decoder of one bzip2 stream."""
    return bz2.BZ2Decompressor()


class FrameReader:
    """Reads all frames of a file. Unlike the libraries' own readers, it reports a missing end and foreign bytes."""

    def __init__(self, file: ByteStream, new_decoder: Callable[[], FrameDecoder]) -> None:
        self._file = file
        self._new_decoder = new_decoder
        self._frame = new_decoder()
        self._is_open = False
        self._input = b""

    def read(self, size: int = -1) -> bytes:
        """At least one byte and about `size`, or nothing at the end.

        Raises:
            EOFError: The last frame is cut off.
            Exception: Another one of `compression.DAMAGE`: the bytes are no frame, or damaged.
        """
        while self._fill():
            if data := self._decompress():
                return data
        return b""

    def finish_frame(self) -> None:
        """Read to the end of the frame whose content has been read: its checksum stands there."""
        while self._is_open and self._fill():
            self._decompress()

    def _fill(self) -> bool:
        """Have some compressed bytes, unless the file has come to its end."""
        self._input = self._input or self._file.read(CHUNK_BYTES)
        if self._is_open and not self._input:
            raise EOFError("the last frame is cut off")
        return bool(self._input)

    def _decompress(self) -> bytes:
        self._is_open = True
        data = self._frame.decompress(self._input)
        self._input = b""
        if self._frame.eof:
            self._input = self._frame.unused_data
            self._frame = self._new_decoder()
            self._is_open = False
        return data
