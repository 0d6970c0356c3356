"""Seeded choice: every random decision is a hash of (seed, key), never of time or row order.

The same rule exists twice, because rows are chosen in Python and in SQL: `draw_key` and `draw_key_sql` give the same
string for the same key. MD5 is used because DuckDB and Python both have it; nothing here is about security.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def draw_key(seed: int, *key: object) -> str:
    """The lot that a key draws: 32 hexadecimal digits, uniform and stable for ever.

    >>> draw_key(1, "recent", 42)
    '673aa2896c9dc8177c4267e87395ebc9'
    """
    return hashlib.md5("|".join(map(str, (seed, *key))).encode(), usedforsecurity=False).hexdigest()


def draw_key_sql(seed: int, *columns: str) -> str:
    """The SQL expression that computes `draw_key` from columns.

    >>> draw_key_sql(1, "'recent'", "subject_id")
    "md5(concat_ws('|', 1, 'recent', subject_id))"
    """
    return f"md5(concat_ws('|', {', '.join((str(seed), *columns))}))"


def fraction(seed: int, *key: object) -> float:
    """A number in [0, 1) drawn by a key.

    >>> 0 <= fraction(1, "Q42") < 1
    True
    """
    return int(draw_key(seed, *key)[:13], 16) / 16**13


def shuffled(items: Iterable[T], seed: int, *key: object, by: Callable[[T], object] = str) -> list[T]:
    """Items in the order of their keys: a shuffle that adding items does not disturb."""
    return sorted(items, key=lambda item: draw_key(seed, *key, by(item)))


def rotated(items: Sequence[T], seed: int, *key: object) -> Iterator[T]:
    """Items from a drawn place on, all the way round: a cheap choice from a long list, where order hardly matters.

    >>> sorted(rotated([1, 2, 3], 1, "key"))
    [1, 2, 3]
    """
    start = int(draw_key(seed, *key)[:13], 16) % len(items) if items else 0
    return itertools.chain(itertools.islice(items, start, None), itertools.islice(items, start))
