"""A file at an address, read from front to back: where the connection breaks, it goes on from the next byte.

fsspec opens the address and reads blocks by range requests. A server that knows no ranges gives the file from its
beginning; then what was read before a break is skipped. A file that changed meanwhile is refused: halves of two files
never pass for one.
"""

import contextlib
import sys
import time
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, cast

from pipeline.core.errors import InputError, ServiceError
from pipeline.core.extras import missing_extra

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_ATTEMPTS = 6  # to read the next bytes, before the server counts as failing
_FIRST_PAUSE_SECONDS = 0.5  # before the second attempt; it doubles with each: 15 seconds in all
_BLOCK_BYTES = 1 << 23  # a request; a break loses what came of it, so each attempt asks for half as much
_SILENT_SECONDS = 60.0  # without a byte, after which a connection counts as broken
_HTTP = ("http://", "https://")
_VERSION = ("size", "ETag", "LastModified", "mtime")  # what tells two versions of a file apart, by protocol


class RemoteFile:
    """A file at an address.

    Args:
        name: The address.

    Raises:
        InputError: It cannot be opened.
        UsageError: The protocol needs a package that is not installed.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._place = 0  # behind the last byte that arrived
        self._ahead = b""  # what arrived and was not read
        self._knows_ranges = True
        self._file: IO[bytes] | None = None
        try:
            self._system, self._path = _file_system(name)
            self._version = self._look()
            self._file = self._open()
        except ImportError as error:
            what = f"The address requires a package that is not installed: {error}"
            raise missing_extra("remote", what, name) from error
        except _protocol_errors() as error:
            raise InputError(f"The address cannot be opened: {_said(error)}", name, "Check it.") from error

    def read(self, size: int = -1, /) -> bytes:
        """Some bytes, at most `size`, or nothing at the end.

        Raises:
            InputError: The file changed since it was opened.
            ServiceError: The connection broke again and again, or the file ends too early each time.
        """
        self._ahead = self._ahead or self._next_block()
        size = len(self._ahead) if size < 0 else size
        data, self._ahead = self._ahead[:size], self._ahead[size:]
        return data

    def close(self) -> None:
        """Release the connection."""
        if self._file:
            with contextlib.suppress(*_protocol_errors()):
                self._file.close()
            self._file = None

    def _next_block(self) -> bytes:
        problem = ""
        for attempt in range(_ATTEMPTS):
            try:
                file = self._file or self._resume()
                data = file.read(_BLOCK_BYTES >> attempt)
                if data or self._version["size"] in (None, self._place):
                    self._place += len(data)
                    return data or self._end()
                problem = f"it ended after {self._place} of {self._version['size']} bytes"
            except _protocol_errors() as error:
                problem = _said(error)
                if self._knows_ranges and isinstance(error, ValueError):  # the second block came from the beginning
                    self._knows_ranges = False
            self.close()
            time.sleep(_FIRST_PAUSE_SECONDS * 2**attempt if attempt < _ATTEMPTS - 1 else 0)
        raise ServiceError(
            f"The address could not be read beyond byte {self._place}, {_ATTEMPTS} times in a row: {problem}",
            self._name,
            "Run again later, or download the file first.",
        )

    def _end(self) -> bytes:
        """Nothing, if the file is still the one that was opened: a server may have given parts of two."""
        self._require_same()
        return b""

    def _require_same(self) -> None:
        if self._look() != self._version:
            raise InputError("The file changed while it was read", self._name, "Run again, or download the file first.")

    def _look(self) -> Mapping[str, object]:
        """What tells this version of the file from others."""
        self._system.invalidate_cache()
        found = self._system.info(self._path)
        return {name: found.get(name) for name in _VERSION}

    def _open(self) -> IO[bytes]:
        how: dict[str, object] = (
            {"block_size": _BLOCK_BYTES, "cache_type": "none"} if self._knows_ranges else {"block_size": 0}
        )
        return cast("IO[bytes]", self._system.open(self._path, "rb", **how))

    def _resume(self) -> IO[bytes]:
        """The file again, at the byte behind the last one that arrived."""
        self._require_same()
        self._file = self._open()
        if self._knows_ranges:
            self._file.seek(self._place)
            return self._file
        left = self._place
        while left and (data := self._file.read(min(left, _BLOCK_BYTES))):
            left -= len(data)
        return self._file


def _file_system(name: str) -> "tuple[AbstractFileSystem, str]":
    import fsspec

    options = {}
    if name.startswith(_HTTP):
        from aiohttp import ClientTimeout

        # By default a request may take five minutes in all, which is not enough for a whole dump.
        timeout = ClientTimeout(total=None, sock_connect=_SILENT_SECONDS, sock_read=_SILENT_SECONDS)
        options = {"client_kwargs": {"timeout": timeout}}
    return fsspec.url_to_fs(name, **options)


def _protocol_errors() -> tuple[type[Exception], ...]:
    """What the protocols raise: the clients of HTTP and S3 have errors of their own."""
    errors: list[type[Exception]] = [OSError, EOFError, ValueError]
    if "aiohttp" in sys.modules:
        from aiohttp import ClientError

        errors.append(ClientError)
    if "botocore" in sys.modules:
        from botocore.exceptions import BotoCoreError
        from botocore.exceptions import ClientError as S3Error

        errors += [BotoCoreError, S3Error]
    return tuple(errors)


def _said(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError) and error.__cause__:  # fsspec says only the address again
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
