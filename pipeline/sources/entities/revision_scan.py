"""The revisions of items, found at both ends of their lines without parsing the JSON between them.

A pattern is used only where it cannot match anything else. The type and id are the first keys of the line. The comma
before the revision cannot be inside a text, since an unescaped quotation mark follows it. Only the last brace of the
line comes after the revision, so it belongs to the entity itself. All other lines are decoded.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa

from pipeline.core import schema
from pipeline.sources.entities.model import UNREADABLE, Entity, is_redirect, number
from pipeline.sources.files.shards import Shard

_TAIL_BYTES = 100  # the longest end of a line
_CHECKED_EVERY = 512  # one line of so many is decoded as well
_TIME = schema.REVISIONS.field("modified").type
_FRAMING = b" \t\r,[]\xef\xbb\xbf"  # the last three are the byte order mark

_START = re.compile(rb'[ \t\r,\[]*(\{"type":"(?:item","id":"Q([1-9]\d{0,17})"|property"),)')
_REVISION = b',"lastrevid":'
_END = re.compile(rb',"lastrevid":(\d{1,18})(?:,"modified":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")?\}([ \t\r,]*)\Z')
_decode = msgspec.json.Decoder(Entity).decode  # skips the rest of the line


def _no_times() -> "pa.Array[Any]":
    return pa.array([], _TIME)


@dataclass
class ItemRevisions:
    """The items of a shard in columns; `starts` and `stops` are the places of their lines, without commas."""

    ids: list[int] = field(default_factory=list[int])
    revisions: list[int | None] = field(default_factory=list[int | None])
    modified: list[str | datetime | None] = field(default_factory=list[str | datetime | None])
    starts: list[int] = field(default_factory=list[int])
    stops: list[int] = field(default_factory=list[int])
    modified_times: "pa.Array[Any]" = field(default_factory=_no_times)  # `modified` as times
    lines: int = 0
    unreadable_lines: list[tuple[int, Exception]] = field(default_factory=list[tuple[int, Exception]])  # place in dump
    unreadable_items: list[int] = field(default_factory=list[int])  # those whose numbers can be read

    def line(self, place: int, data: bytes) -> bytes:
        """The line of an item."""
        return data[self.starts[place] : self.stops[place]]

    def without(self, places: Collection[int]) -> "ItemRevisions":
        """All but the items at some places."""
        kept = [place for place in range(len(self.ids)) if place not in places]
        return ItemRevisions(
            ids=[self.ids[place] for place in kept],
            revisions=[self.revisions[place] for place in kept],
            modified=[self.modified[place] for place in kept],
            starts=[self.starts[place] for place in kept],
            stops=[self.stops[place] for place in kept],
            modified_times=self.modified_times.take(pa.array(kept, pa.int64())),
            lines=self.lines,
            unreadable_lines=self.unreadable_lines,
            unreadable_items=self.unreadable_items,
        )

    def add(self, item: int, revision: int | None, modified: str | datetime | None, start: int, stop: int) -> None:
        """Add an item."""
        self.ids.append(item)
        self.revisions.append(revision)
        self.modified.append(modified)
        self.starts.append(start)
        self.stops.append(stop)


def scan_revisions(shard: Shard) -> ItemRevisions:
    """The items of a shard with their revisions, for most of them without parsing the line.

    A sample of the lines is decoded as well; if the patterns misread one, the whole shard is decoded.
    """
    items = _scan(shard, _matched)
    modified_times = _times(items.modified)
    sample = range(0, len(items.ids), _CHECKED_EVERY)
    if modified_times is None or not all(_agrees(items, place, shard.data) for place in sample):
        items = _scan(shard, _decoded)
        modified_times = pa.array(items.modified, _TIME)
    items.modified_times = modified_times
    return items


def _times(modified: list[str | datetime | None]) -> "pa.Array[Any] | None":
    """Times of edits; None if one of them is not a time."""
    texts = [time.isoformat() if isinstance(time, datetime) else time for time in modified]
    try:
        return pa.array(texts, pa.string()).cast(_TIME)
    except pa.ArrowInvalid:
        return None


_Reader = Callable[[Shard, int, int, ItemRevisions], None]


def _scan(shard: Shard, read: _Reader) -> ItemRevisions:
    items, data, start = ItemRevisions(), shard.data, 0
    while start < len(data):
        stop = data.find(b"\n", start)
        stop = stop if stop >= 0 else len(data)
        read(shard, start, stop, items)
        start = stop + 1
    return items


def _matched(shard: Shard, start: int, stop: int, items: ItemRevisions) -> None:
    start_match = _START.match(shard.data, start, stop)
    end = shard.data.rfind(_REVISION, max(start, stop - _TAIL_BYTES), stop) if start_match else -1
    tail = _END.match(shard.data, end, stop) if end >= 0 else None
    if start_match is None or tail is None:
        _decoded(shard, start, stop, items)
        return
    items.lines += 1
    if start_match[2]:
        modified = tail[2].decode() if tail[2] else None
        items.add(int(start_match[2]), int(tail[1]), modified, start_match.start(1), tail.start(3))


def _decoded(shard: Shard, start: int, stop: int, items: ItemRevisions) -> None:
    line = shard.data[start:stop].strip(_FRAMING)
    if not line:
        return
    items.lines += 1
    start = shard.data.index(line, start)
    try:
        entity = _decode(line)
        if entity.id.startswith("Q"):
            items.add(number(entity.id), entity.lastrevid, entity.modified, start, start + len(line))
    except UNREADABLE as error:
        if not is_redirect(line):
            items.unreadable_lines.append((shard.offset + start, error))
            named = _START.match(line)
            items.unreadable_items += [int(named[2])] if named and named[2] else []


def _agrees(items: ItemRevisions, place: int, data: bytes) -> bool:
    """Whether the decoder finds the same."""
    modified = items.modified[place]
    try:
        entity = _decode(items.line(place, data))
        found = datetime.fromisoformat(modified) if isinstance(modified, str) else modified
    except UNREADABLE:
        return False
    return (entity.id, entity.lastrevid, entity.modified) == (
        f"Q{items.ids[place]}",
        items.revisions[place],
        found,
    )
