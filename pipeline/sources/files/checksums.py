"""Checksums of dumps: if Wikimedia's list is in the folder of a dump and names it, the checksum must match."""

import functools
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import InputError
from pipeline.core.tables import file_hash, file_hashes
from pipeline.sources.files.seekable import hash_folder

_LISTS = (("*sha1sums.txt", "sha1"), ("*md5sums.txt", "md5"))  # the stronger first


def dump_hash(dump: Path, advance: Callable[[float], None] = lambda _: None) -> str:
    """The hash that identifies a dump: of a folder of shards, that of its index; of a file, `checked_hash`."""
    return hash_folder(dump) if dump.is_dir() else checked_hash(dump, advance)


def dump_hashes(dumps: Sequence[Path], advance: Callable[[float], None] = lambda _: None) -> list[str]:
    """The same for several dumps or other files at once, in threads, since hashing releases the interpreter lock."""
    is_over = threading.Event()

    def step(done: float) -> None:
        if is_over.is_set():
            raise CancelledError
        advance(done)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            return list(pool.map(functools.partial(dump_hash, advance=step), dumps))
        except BaseException:
            is_over.set()  # the pool waits for its threads, which would read their files to the end
            raise


def checked_hash(dump: Path, advance: Callable[[float], None] = lambda _: None) -> str:
    """The SHA-256 of a dump, compared in the same pass with the list beside it, if one names it.

    Args:
        dump: The file.
        advance: Called with the number of bytes read since the last call.

    Raises:
        InputError: It cannot be read, or its checksum is not the listed one.
    """
    expected = _expected(dump)
    if expected is None:
        return file_hash(dump, advance)
    sha256, found = file_hashes(dump, ("sha256", expected.kind), advance)
    if found != expected.checksum:
        raise InputError(
            f"The dump is not what {expected.listing} lists: its {expected.kind} is {found}, not {expected.checksum}",
            str(dump),
            "Download it again.",
        )
    return sha256


@dataclass(frozen=True)
class _Expected:
    listing: str
    kind: str
    checksum: str


def _expected(dump: Path) -> _Expected | None:
    for pattern, kind in _LISTS:
        for listing in sorted(dump.parent.glob(pattern)):
            checksum = _listed(listing, dump.name)
            if checksum:
                return _Expected(listing.name, kind, checksum)
    return None


def _listed(listing: Path, name: str) -> str | None:
    """The checksum of a file in a list: lines of a checksum and a name, which `md5sum` may mark with an asterisk."""
    for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
        checksum, _, file = line.strip().partition(" ")
        if file.strip().lstrip("*") == name:
            return checksum.lower()
    return None
