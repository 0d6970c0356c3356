"""Packed files of gigabytes, read as they arrive: a body that breaks off is gone on with where it broke.

Nothing is stored and nothing is held but a block. That a file is whole is told by its packing, which has an end, and by
its length: half a file is never taken for whole. A file that changed meanwhile, or whose bytes are damaged, has to be
begun anew, which only whoever reads it can do.
"""

import bz2
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import requests

from pipeline.core.errors import ServiceError
from pipeline.sources.live.rate_limit import RateLimiter

_CHUNK_BYTES = 1 << 16  # what a broken connection may lose
_BLOCK_BYTES = 1 << 22  # a packed chunk may unpack to far more than memory holds
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")

_Read = TypeVar("_Read")


class NotThere(ServiceError):
    """The server has no such file."""


class Anew(ServiceError):
    """What was read of a file so far does not fit the rest."""


@dataclass
class _Part:
    """How much of a file has come, and of which file."""

    arrived: int = 0
    version: str = ""  # as the server tells it; empty if it does not
    length: int | None = None

    def headers(self) -> dict[str, str]:
        """What asks for the rest."""
        if not self.arrived:
            return {}
        told = {"Range": f"bytes={self.arrived}-"}
        return told | ({"If-Range": self.version} if self.version else {})


def read_anew(read: Callable[[], _Read], attempts: int, url: str) -> _Read:
    """Read a file from its beginning until nothing of it has to be forgotten.

    Args:
        read: Reads all of `unpacked` and may do so again.
        attempts: How often.
        url: The file, to tell of it.

    Raises:
        ServiceError: Every attempt found the file damaged or changed, or the server keeps failing.
    """
    told = ""
    for _ in range(attempts):
        try:
            return read()
        except Anew as error:
            told = error.what
    raise ServiceError(
        f"The file was begun {attempts} times; the last time: {told}", url, "Run again later, or leave it out."
    )


def unpacked(limiter: RateLimiter, url: str) -> Iterator[bytes]:
    """The content of a bzip2 file at an address, in blocks as they arrive.

    Raises:
        NotThere: There is no such file.
        Anew: The file changed or is damaged: forget what was read, and begin again.
        ServiceError: The server refuses us or keeps failing.
        BudgetSpent: The run may send no more requests.
    """
    part, content = _Part(), _Bzip2()
    with limiter.session() as session:
        while True:
            trouble = "the file breaks off"
            with _ask(session, url, part) as response:
                skip = part.arrived if response.status_code == 200 else 0  # the server knows no parts: read past it
                try:
                    for chunk in response.iter_content(_CHUNK_BYTES):
                        if len(chunk) == _CHUNK_BYTES:
                            limiter.record_success()
                        fresh = chunk[skip:]
                        skip -= len(chunk) - len(fresh)
                        part.arrived += len(fresh)
                        yield from content.blocks(fresh)
                except requests.RequestException as error:
                    trouble = f"the connection failed: {type(error).__name__}"
            if content.is_whole and part.length in (None, part.arrived):
                limiter.record_success()
                return
            limiter.record_failure(url, f"{trouble} after {part.arrived} bytes")


def _ask(session: requests.Session, url: str, part: _Part) -> requests.Response:
    """A file, or the rest of it."""
    response = session.get(url, headers=part.headers(), stream=True)
    if response.status_code == 404:
        raise NotThere("The server has no such file", url)
    if response.status_code == 416:
        raise Anew(f"it ends after {part.arrived} bytes, in the middle", url)
    if response.status_code not in (200, 206):
        raise ServiceError(f"The server answers with status {response.status_code}", url, "Is the address right?")
    version = response.headers.get("ETag", "")
    if not version or version.startswith("W/"):  # which says that it is much the same, not that its bytes are
        version = response.headers.get("Last-Modified", "")
    begins = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if part.arrived and (version != part.version or (response.status_code == 200 and not version)):
        raise Anew("it changed meanwhile", url)
    if response.status_code == 206 and (begins is None or int(begins[1]) != part.arrived):
        raise Anew("the server gives another part than it was asked for", url)
    length = begins[2] if begins else response.headers.get("Content-Length", "")
    part.version = version
    part.length = int(length) if length.isdigit() else None
    return response


class _Bzip2:
    """Unpacks one stream after the other."""

    def __init__(self) -> None:
        self._stream = bz2.BZ2Decompressor()

    @property
    def is_whole(self) -> bool:
        """Whether the last stream has ended, and there was one."""
        return self._stream.eof

    def blocks(self, data: bytes) -> Iterator[bytes]:
        """What some more bytes unpack to.

        Raises:
            Anew: They are damaged.
        """
        while data or (not self._stream.eof and not self._stream.needs_input):
            if self._stream.eof:
                self._stream = bz2.BZ2Decompressor()
            try:
                block = self._stream.decompress(data, _BLOCK_BYTES)
            except OSError as error:
                raise Anew(f"its bytes are damaged: {error}") from error
            data = self._stream.unused_data
            if block:
                yield block
