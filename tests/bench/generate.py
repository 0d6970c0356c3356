"""Dumps of any size with the size, fields and vocabulary of real entities: items of the bundled slice, renumbered.

Item n is always the same, so dumps of different sizes agree where they overlap. What it names is left as it is, so
values are as skewed as they are in Wikidata. Most items of the slice were put together from sets of facts, with terms
in English only and hardly a reference; those captured whole are as large (20 kB) and as varied as live ones.
"""

import gzip
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from isal import igzip

from pipeline.core.resources import sample_folder

_ID = re.compile(rb'"id":"(Q[1-9]\d*)"')
_STAMPS = re.compile(rb',"lastrevid":\d+,"modified":"[^"]*"\}$')
_VALUE = re.compile(rb'"mainsnak":\{"snaktype":"value".*?"numeric-id":(\d+),"id":"Q\1"')
_FIRST = 1_000_000_000  # above the ids of the slice, so that no item names itself by accident
_LONG = 1 << 20
_CHANGED_AFTER = 2_000_000_000  # revisions of the newer state


@cache
def _templates(*, captured: bool) -> tuple[bytes, ...]:
    """Items of the slice without their last edits; the one of more than a megabyte would be seen far too often."""
    with gzip.open(sample_folder() / "core-new.json.gz") as file:
        lines = [line.strip().rstrip(b",") for line in file if line.startswith(b'{"type":"item"')]
    return tuple(
        _STAMPS.sub(b"}", line)
        for line in lines
        if _STAMPS.search(line) and len(line) < _LONG and (not captured or _is_captured(line))
    )


def _is_captured(line: bytes) -> bool:
    """Whether an item has terms in many languages: those put together have English ones."""
    return line.count(b'"language":') > line.count(b'"language":"en"') + 3


def lines(count: int, changed: float = 0.0, *, captured: bool = False) -> Iterator[bytes]:
    """Items as lines of a dump.

    Args:
        count: How many.
        changed: The share of them that was edited: a value is another, and so are revision and time.
        captured: Whether to leave out the small items that were put together from facts.
    """
    templates = _templates(captured=captured)
    for place in range(count):
        draw = int.from_bytes(hashlib.blake2b(place.to_bytes(8), digest_size=8).digest())
        line = templates[draw % len(templates)]
        name = _ID.search(line)[1]  # type: ignore[index]
        mine = b"Q%d" % (_FIRST + place)
        line = line.replace(b'"id":"%s"' % name, b'"id":"%s"' % mine, 1).replace(b'"%s$' % name, b'"%s$' % mine)
        is_changed = draw >> 32 < changed * 2**32
        revision, year = (_CHANGED_AFTER + place, 2021) if is_changed else (1_000_000 + draw % 900_000_000, 2014)
        line = _VALUE.sub(_next_value, line, count=1) if is_changed else line
        yield line[:-1] + b',"lastrevid":%d,"modified":"%d-03-01T00:00:00Z"}' % (revision, year)


def _next_value(match: re.Match[bytes]) -> bytes:
    number = int(match[1])
    return match[0].replace(b'"numeric-id":%d,"id":"Q%d"' % (number, number), b'"numeric-id":5,"id":"Q5"')


def write_dump(path: Path, count: int, changed: float = 0.0, *, captured: bool = False) -> int:
    """Write items in the framing of a dump, packed by gzip if the name says so; how many bytes they hold."""
    size = 0
    with igzip.open(path, "wb", 2) if path.suffix == ".gz" else path.open("wb") as file:
        file.write(b"[\n")
        for place, line in enumerate(lines(count, changed, captured=captured)):
            size += file.write(b",\n" + line if place else line)
        file.write(b"\n]\n")
    return size
