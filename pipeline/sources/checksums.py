"""Checksums of dumps: where Wikimedia's list of them lies beside a dump and names it, the dump must agree."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import InputError

_HASHED_BYTES = 1 << 20
_LISTS = (("*sha1sums.txt", "sha1"), ("*md5sums.txt", "md5"))  # the stronger first


def checked_hash(dump: Path, advance: Callable[[float], None] = lambda _: None) -> str:
    """The SHA-256 of a dump, compared in the same pass with the list beside it, if one names it.

    Args:
        dump: The file.
        advance: Told how many bytes have been read since the last time.

    Raises:
        InputError: It cannot be read, or is another file than the list says.
    """
    expected = _expected(dump)
    digests = [hashlib.sha256(), *([hashlib.new(expected.kind, usedforsecurity=False)] if expected else [])]
    try:
        with dump.open("rb") as file:
            while data := file.read(_HASHED_BYTES):
                for digest in digests:
                    digest.update(data)
                advance(len(data))
    except OSError as error:
        raise InputError(f"The file cannot be read: {error.strerror}", str(dump), "Check the path.") from error
    found = digests[-1].hexdigest()
    if expected and found != expected.checksum:
        raise InputError(
            f"The dump is not what {expected.listing} lists: its {expected.kind} is {found}, not {expected.checksum}",
            str(dump),
            "Download it again.",
        )
    return digests[0].hexdigest()


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
    """What a list says of a file: lines of a checksum and a name, which `md5sum` may mark with an asterisk."""
    for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
        checksum, _, file = line.strip().partition(" ")
        if file.strip().lstrip("*") == name:
            return checksum.lower()
    return None
