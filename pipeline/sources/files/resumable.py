"""Compressed files of gigabytes, read while they are downloaded: a download that breaks off resumes where it broke.

Nothing is stored, and memory holds one block. A file is complete when its last bzip2 stream has ended and its length
is the one that the server announced: half a file never passes for a whole one. A file that changed meanwhile, or whose
bytes are damaged, must be read again from its beginning, by whoever uses its content (`RestartNeeded`).
"""

import bz2
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import requests

from pipeline.core.errors import ServiceError
from pipeline.sources.live.rate_limit import RateLimiter

_CHUNK_BYTES = 1 << 16  # which a broken connection may lose
_BLOCK_BYTES = 1 << 22  # at most: a chunk may decompress to far more than memory holds
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")

_Read = TypeVar("_Read")


class NotFound(ServiceError):
    """The server has no such file."""


class RestartNeeded(ServiceError):
    """The rest of a file does not belong to what was read of it so far."""


@dataclass
class _Download:
    """How much of a file has been downloaded, and of which version of it."""

    arrived: int = 0
    version: str = ""  # by the server; empty if it sends none
    length: int | None = None

    def headers(self) -> dict[str, str]:
        """The headers that request the rest."""
        if not self.arrived:
            return {}
        headers = {"Range": f"bytes={self.arrived}-"}
        return headers | ({"If-Range": self.version} if self.version else {})


def read_with_restarts(read: Callable[[], _Read], attempts: int, url: str) -> _Read:
    """Read a file, and read it again from its beginning whenever that is needed.

    Args:
        read: Reads all of `stream_bzip2`; it may be called again.
        attempts: How often at most.
        url: The file, for messages.

    Raises:
        ServiceError: Every attempt found the file damaged or changed, or the server keeps failing.
    """
    problem = ""
    for _ in range(attempts):
        try:
            return read()
        except RestartNeeded as error:
            problem = error.what
    raise ServiceError(
        f"The file was read {attempts} times without success; the last time: {problem}",
        url,
        "Run again later, or leave it out.",
    )


def stream_bzip2(limiter: RateLimiter, url: str) -> Iterator[bytes]:
    """The content of a bzip2 file at an address, in blocks, while it is downloaded.

    Raises:
        NotFound: There is no such file.
        RestartNeeded: The file changed or is damaged: discard what was read, and start again.
        ServiceError: The server refuses us or keeps failing.
        BudgetSpent: The run may not send any more requests.
    """
    download, content = _Download(), _Bzip2()
    with limiter.session() as session:
        while True:
            problem = "the file breaks off"
            with _ask(session, url, download) as response:
                skip = (
                    download.arrived if response.status_code == 200 else 0
                )  # the server ignores ranges: skip those bytes
                try:
                    for chunk in response.iter_content(_CHUNK_BYTES):
                        if len(chunk) == _CHUNK_BYTES:
                            limiter.record_success()
                        fresh = chunk[skip:]
                        skip -= len(chunk) - len(fresh)
                        download.arrived += len(fresh)
                        yield from content.blocks(fresh)
                except requests.RequestException as error:
                    problem = f"the connection failed: {type(error).__name__}"
            if content.is_whole and download.length in (None, download.arrived):
                limiter.record_success()
                return
            limiter.record_failure(url, f"{problem} after {download.arrived} bytes")


def _ask(session: requests.Session, url: str, download: _Download) -> requests.Response:
    """Request a file, or the rest of it."""
    response = session.get(url, headers=download.headers(), stream=True)
    if response.status_code == 404:
        raise NotFound("The server has no such file", url)
    if response.status_code == 416:
        raise RestartNeeded(f"it ends after {download.arrived} bytes, in the middle", url)
    if response.status_code not in (200, 206):
        raise ServiceError(f"The server answers with status {response.status_code}", url, "Is the address right?")
    version = response.headers.get("ETag", "")
    if not version or version.startswith("W/"):  # weak: the bytes may differ
        version = response.headers.get("Last-Modified", "")
    begins = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if download.arrived and (version != download.version or (response.status_code == 200 and not version)):
        raise RestartNeeded("it changed meanwhile", url)
    if response.status_code == 206 and (begins is None or int(begins[1]) != download.arrived):
        raise RestartNeeded("the server gives another part than it was asked for", url)
    length = begins[2] if begins else response.headers.get("Content-Length", "")
    download.version = version
    download.length = int(length) if length.isdigit() else None
    return response


class _Bzip2:
    """Decompresses one stream after the other."""

    def __init__(self) -> None:
        self._stream = bz2.BZ2Decompressor()

    @property
    def is_whole(self) -> bool:
        """Whether the last stream has ended, and there was one."""
        return self._stream.eof

    def blocks(self, data: bytes) -> Iterator[bytes]:
        """The content of more bytes.

        Raises:
            RestartNeeded: They are damaged.
        """
        while data or (not self._stream.eof and not self._stream.needs_input):
            if self._stream.eof:
                self._stream = bz2.BZ2Decompressor()
            try:
                block = self._stream.decompress(data, _BLOCK_BYTES)
            except OSError as error:
                raise RestartNeeded(f"its bytes are damaged: {error}") from error
            data = self._stream.unused_data
            if block:
                yield block
