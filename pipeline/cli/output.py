"""Standard output: what a command found goes there, and nothing else does."""

import contextlib
import io
import os
import sys
from collections.abc import Generator

from pipeline.core.errors import StorageError

PIPE_CLOSED = 141
"""The exit code when whoever reads the output has gone, as if SIGPIPE had ended the program: 128 + 13."""


class ReaderGone(Exception):
    """Whoever reads standard output has gone, as `head` does after some lines: the rest is not wanted."""


def write_out(text: str) -> None:
    """Write to standard output; nothing happens if it is closed.

    Raises:
        ReaderGone: Whoever reads it has gone.
        StorageError: It is a file on a full disk, say.
    """
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison]
        return
    with _refusals():
        sys.stdout.write(text)
        sys.stdout.flush()


@contextlib.contextmanager
def standard_output() -> Generator[None]:
    """Let standard output take every character, and see at the end that all was written.

    Raises:
        ReaderGone: Whoever reads it has gone.
        StorageError: It is a file on a full disk, say.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # in a locale that lacks some: nothing is lost
    try:
        yield
    finally:
        write_out("")  # what `--help` left in the buffer


@contextlib.contextmanager
def _refusals() -> Generator[None]:
    try:
        yield
    except BrokenPipeError as error:
        _discard()
        raise ReaderGone from error
    except OSError as error:
        _discard()
        what = f"Standard output refused a write: {error.strerror}"
        raise StorageError(what, remedy="Free some space where it goes, then run again.") from error


def _discard() -> None:
    """Send what is left in the buffer nowhere: at its end, the interpreter would try again and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
