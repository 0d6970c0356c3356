"""What tells whether an item changed, found at the ends of its line without parsing what lies between.

A pattern is trusted only where it cannot match anything else: the type and id are the first keys of the line; the
revision stands behind a comma that cannot be inside a text, since an unescaped quotation mark follows it, and nothing
but the line's last brace comes after it, so it belongs to the entity itself. Any other line goes to the decoder.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa

from pipeline.core import schema
from pipeline.sources.entities.model import UNREADABLE, Revision, is_redirect, number
from pipeline.sources.files.shards import Shard

_TAIL_BYTES = 100  # what the end of a line needs at most
_CHECKED_EVERY = 512  # lines of a shard, of which one is decoded too
_MOMENT = schema.REVISIONS.field("modified").type
_FRAMING = b" \t\r,[]\xef\xbb\xbf"  # the last three are the byte order mark

_START = re.compile(rb'[ \t\r,\[]*(\{"type":"(?:item","id":"Q([1-9]\d{0,17})"|property"),)')
_REVISION = b',"lastrevid":'
_END = re.compile(rb',"lastrevid":(\d{1,18})(?:,"modified":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")?\}([ \t\r,]*)\Z')


class Head(msgspec.Struct, gc=False):
    """An entity with its last revision, if the dump tells it; the decoder skips the rest of the line."""

    id: str
    lastrevid: Revision | None = None
    modified: datetime | None = None


_decode = msgspec.json.Decoder(Head).decode


def _no_moments() -> "pa.Array[Any]":
    return pa.array([], _MOMENT)


@dataclass
class Heads:
    """The items of a shard, a column each; the last two tell where their lines are, without the comma behind."""

    ids: list[int] = field(default_factory=list[int])
    revisions: list[int | None] = field(default_factory=list[int | None])
    modified: list[str | datetime | None] = field(default_factory=list[str | datetime | None])
    starts: list[int] = field(default_factory=list[int])
    stops: list[int] = field(default_factory=list[int])
    moments: "pa.Array[Any]" = field(default_factory=_no_moments)  # `modified` as times
    lines: int = 0
    misses: list[tuple[int, Exception]] = field(default_factory=list[tuple[int, Exception]])  # in the dump, and why
    unreadable: list[int] = field(default_factory=list[int])  # items that lines of these tell nothing else of

    def line(self, place: int, data: bytes) -> bytes:
        """The line of an item."""
        return data[self.starts[place] : self.stops[place]]

    def without(self, places: Collection[int]) -> "Heads":
        """All but the items at some places."""
        kept = [place for place in range(len(self.ids)) if place not in places]
        return Heads(
            ids=[self.ids[place] for place in kept],
            revisions=[self.revisions[place] for place in kept],
            modified=[self.modified[place] for place in kept],
            starts=[self.starts[place] for place in kept],
            stops=[self.stops[place] for place in kept],
            moments=self.moments.take(pa.array(kept, pa.int64())),
            lines=self.lines,
            misses=self.misses,
            unreadable=self.unreadable,
        )

    def add(self, item: int, revision: int | None, modified: str | datetime | None, start: int, stop: int) -> None:
        """Add an item."""
        self.ids.append(item)
        self.revisions.append(revision)
        self.modified.append(modified)
        self.starts.append(start)
        self.stops.append(stop)


def find_heads(shard: Shard) -> Heads:
    """The items of a shard, most of them without parsing their lines.

    A sample of the lines is decoded as well; should the patterns err on one, the whole shard is decoded.
    """
    heads = _scan(shard, _matched)
    moments = _moments(heads.modified)
    sample = range(0, len(heads.ids), _CHECKED_EVERY)
    if moments is None or not all(_agrees(heads, place, shard.data) for place in sample):
        heads = _scan(shard, _decoded)
        moments = pa.array(heads.modified, _MOMENT)
    heads.moments = moments
    return heads


def _moments(modified: list[str | datetime | None]) -> "pa.Array[Any] | None":
    """Times of edits; None if one is no time."""
    texts = [time.isoformat() if isinstance(time, datetime) else time for time in modified]
    try:
        return pa.array(texts, pa.string()).cast(_MOMENT)
    except pa.ArrowInvalid:
        return None


_Reader = Callable[[Shard, int, int, Heads], None]


def _scan(shard: Shard, read: _Reader) -> Heads:
    heads, data, start = Heads(), shard.data, 0
    while start < len(data):
        stop = data.find(b"\n", start)
        stop = stop if stop >= 0 else len(data)
        read(shard, start, stop, heads)
        start = stop + 1
    return heads


def _matched(shard: Shard, start: int, stop: int, heads: Heads) -> None:
    head = _START.match(shard.data, start, stop)
    end = shard.data.rfind(_REVISION, max(start, stop - _TAIL_BYTES), stop) if head else -1
    tail = _END.match(shard.data, end, stop) if end >= 0 else None
    if head is None or tail is None:
        _decoded(shard, start, stop, heads)
        return
    heads.lines += 1
    if head[2]:
        modified = tail[2].decode() if tail[2] else None
        heads.add(int(head[2]), int(tail[1]), modified, head.start(1), tail.start(3))


def _decoded(shard: Shard, start: int, stop: int, heads: Heads) -> None:
    line = shard.data[start:stop].strip(_FRAMING)
    if not line:
        return
    heads.lines += 1
    start = shard.data.index(line, start)
    try:
        head = _decode(line)
        if head.id.startswith("Q"):
            heads.add(number(head.id), head.lastrevid, head.modified, start, start + len(line))
    except UNREADABLE as error:
        if not is_redirect(line):
            heads.misses.append((shard.offset + start, error))
            named = _START.match(line)
            heads.unreadable += [int(named[2])] if named and named[2] else []


def _agrees(heads: Heads, place: int, data: bytes) -> bool:
    """Whether the decoder reads the same."""
    modified = heads.modified[place]
    try:
        head = _decode(heads.line(place, data))
        found = datetime.fromisoformat(modified) if isinstance(modified, str) else modified
    except UNREADABLE:
        return False
    return (head.id, head.lastrevid, head.modified) == (f"Q{heads.ids[place]}", heads.revisions[place], found)
