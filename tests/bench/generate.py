"""Dumps of any size with the size, fields and vocabulary of real entities: items of the bundled slice, renumbered.

Item n is always the same, so dumps of different sizes agree where they overlap. What it names is left as it is, so
values are as skewed as they are in Wikidata.
"""

import gzip
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pipeline.resources import sample_folder

_ID = re.compile(rb'"id":"(Q[1-9]\d*)"')
_STAMPS = re.compile(rb',"lastrevid":\d+,"modified":"[^"]*"\}$')
_VALUE = re.compile(rb'"mainsnak":\{"snaktype":"value".*?"numeric-id":(\d+),"id":"Q\1"')
_FIRST = 1_000_000_000  # above the ids of the slice, so that no item names itself by accident
_CHANGED_AFTER = 2_000_000_000  # revisions of the newer state


@cache
def _templates() -> tuple[bytes, ...]:
    """The items of the slice without their last edits, at most a few dozen kilobytes each."""
    with gzip.open(sample_folder() / "core-new.json.gz") as file:
        lines = [line.strip().rstrip(b",") for line in file if line.startswith(b'{"type":"item"')]
    return tuple(_STAMPS.sub(b"}", line) for line in lines if _STAMPS.search(line))


def lines(count: int, changed: float = 0.0) -> Iterator[bytes]:
    """Items as lines of a dump.

    Args:
        count: How many.
        changed: The share of them that was edited: a value is another, and so are revision and time.
    """
    templates = _templates()
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


def write_dump(path: Path, count: int, changed: float = 0.0) -> int:
    """Write items in the framing of a dump, packed by gzip if the name says so; how many bytes they hold."""
    size = 0
    with gzip.open(path, "wb", 6) if path.suffix == ".gz" else path.open("wb") as file:
        file.write(b"[\n")
        for place, line in enumerate(lines(count, changed)):
            size += file.write(b",\n" + line if place else line)
        file.write(b"\n]\n")
    return size
