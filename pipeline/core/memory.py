"""Shares of the memory that a run may take."""

import re

_SIZE = re.compile(r"\s*([0-9.]+)\s*([KMGT]?)(i?)B?\s*", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_UNREAD = 1_000_000_000  # of a limit in other words, such as a share of the machine's memory
_BESIDE = 0.4  # of a process's memory that DuckDB does not count: libraries, rows on their way to a file


def size_in_bytes(memory: str) -> int:
    """The bytes of a limit as DuckDB reads it.

    >>> size_in_bytes("1.5GB"), size_in_bytes("400 MiB")
    (1500000000, 419430400)
    """
    found = _SIZE.fullmatch(memory)
    if found is None:
        return _UNREAD
    return int(float(found[1]) * (1024 if found[3] else 1000) ** _POWERS[found[2].upper()])


def share_of(memory: str, workers: int) -> str:
    """The limit of one of several workers, which together keep to `memory`.

    >>> share_of("1GB", 4), share_of("400MB", 1), share_of("80%", 2)
    ('250000KB', '400MB', '80%')
    """
    if workers <= 1 or not _SIZE.fullmatch(memory):
        return memory
    return f"{size_in_bytes(memory) // workers // 1000}KB"


def for_tables(memory: str) -> str:
    """The limit of a session that fills it, so that its process keeps to `memory`.

    >>> for_tables("1GB")
    '600000KB'
    """
    return f"{round(size_in_bytes(memory) * (1 - _BESIDE)) // 1000}KB" if _SIZE.fullmatch(memory) else memory
