"""Small dumps cut from the bundled slice, line for line, in the framing and the compressions of real ones."""

import bz2
import gzip
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import zstandard

from pipeline.sources.files.sample import sample_dumps, sample_pageviews

_EVERY = 10  # of the items with new statements, how many become heads of the cut
_LONG = 20_000  # bytes of a line; longer ones are left out, to be quick
_ITEM = re.compile(rb'\{"type":"item","id":"(Q[1-9]\d*)"')
_STATEMENT = re.compile(rb'"type":"statement","id":"([^"]+)"')
_LINK = re.compile(rb'"id":"(Q[1-9]\d*)"')

Lines = Mapping[str, bytes]
"""The lines of items by their id, in the order of the dump."""


@dataclass(frozen=True)
class States:
    """Two small states of Wikidata with page views, as files."""

    old: Path
    new: Path
    pageviews: Path

    @property
    def arguments(self) -> tuple[object, ...]:
        """The options that name them."""
        return "--source", "dump", "--old", self.old, "--new", self.new, "--pageviews", self.pageviews


def states_in(folder: Path) -> States:
    """The states whose files are in a folder."""
    return States(folder / "old.json", folder / "new.json", folder / "views.tsv")


def cut_states(folder: Path) -> States:
    """Cut both states of the slice to a few hundred items, with their page views."""
    old, new = map(read_lines, sample_dumps())
    kept = _choose(old, new)
    made = states_in(folder)
    for lines, path in ((old, made.old), (new, made.new)):
        path.write_bytes(dump(line for item, line in lines.items() if item in kept))
    header, *rows = gzip.decompress((sample_pageviews() / "wikitrivia_views.tsv.gz").read_bytes()).splitlines()
    chosen = [row for row in rows if row.split(b"\t")[0].decode() in kept]
    made.pageviews.write_bytes(b"\n".join([header, *chosen]) + b"\n")
    return made


def read_lines(path: Path) -> Lines:
    """The lines of the items of a dump; it may be compressed with gzip."""
    data = path.read_bytes()
    rows = (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines()
    found = ((_ITEM.match(row), row.rstrip(b",")) for row in rows)
    return {match[1].decode(): row for match, row in found if match}


def dump(lines: Iterable[bytes]) -> bytes:
    """Lines in the array framing of a dump."""
    return b"[\n" + b",\n".join(lines) + b"\n]\n"


def _choose(old: Lines, new: Lines) -> set[str]:
    """Some items with new statements, the items they name, and every class above these."""
    changed = [item for item, line in new.items() if _statements(line) - _statements(old.get(item, b""))]
    kept = {item for item in changed if len(new[item]) < _LONG}
    kept = set(sorted(kept, key=lambda item: int(item[1:]))[::_EVERY])
    named = {link.decode() for item in kept for link in _LINK.findall(new[item])}
    kept |= {item for item in named & new.keys() if len(new[item]) < _LONG}
    unseen = list(kept)
    while unseen:
        classes = _classes(new[unseen.pop()]) & new.keys() - kept
        kept |= classes
        unseen += classes
    return kept


def _statements(line: bytes) -> set[bytes]:
    return set(_STATEMENT.findall(line))


def _classes(line: bytes) -> set[str]:
    claims = json.loads(line)["claims"] or {}
    snaks = [statement["mainsnak"] for name in ("P31", "P279") for statement in claims.get(name, [])]
    return {f"Q{snak['datavalue']['value']['numeric-id']}" for snak in snaks if "datavalue" in snak}


def as_gzip(data: bytes, members: int = 5) -> bytes:
    """As Wikimedia's dumps and parallel compressors write it: many members, one after the other."""
    return b"".join(gzip.compress(part, 6, mtime=0) for part in _parts(data, members))


def as_bzip2(data: bytes, streams: int = 2) -> bytes:
    """As pbzip2 writes it: several streams, one after the other."""
    return b"".join(map(bz2.compress, _parts(data, streams)))


def as_zstandard(data: bytes, frames: int = 3) -> bytes:
    """As pzstd writes it: several frames, one after the other."""
    return b"".join(map(zstandard.compress, _parts(data, frames)))


def _parts(data: bytes, count: int) -> list[bytes]:
    size = len(data) // count + 1
    return [data[start : start + size] for start in range(0, len(data), size)]
