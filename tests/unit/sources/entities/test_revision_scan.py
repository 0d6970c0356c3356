"""Ids and revisions found at the ends of lines are those that the decoder reads, whatever the lines say."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.core.resources import sample_folder
from pipeline.sources.entities.revision_scan import ItemRevisions, _decoded, _scan, scan_revisions
from pipeline.sources.files.shards import Shard

PROVIDED = Path(__file__).parents[5] / "shared" / "data" / "wikidata"
DUMPS = [
    *(sample_folder() / name for name in ("core-old.json.gz", "core-new.json.gz")),
    *(PROVIDED / name for name in ("sample-old.json.gz", "sample-new.json.gz")),
]


def heads(*lines: bytes) -> ItemRevisions:
    return scan_revisions(Shard(0, 0, 0, b"[\n" + b",\n".join(lines) + b"\n]\n"))


def plain(item: int, revision: int, **more: object) -> bytes:
    entity = {"type": "item", "id": f"Q{item}", **more, "lastrevid": revision, "modified": "2015-01-04T21:13:56Z"}
    return json.dumps(entity, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize("dump", DUMPS, ids=lambda path: path.name)
def test_real_lines_read_as_the_decoder_reads_them(dump: Path) -> None:
    if not dump.is_file():
        pytest.skip("only where the larger slice is provided")
    shard = Shard(0, 0, 0, gzip.decompress(dump.read_bytes()))
    found, slow = scan_revisions(shard), _scan(shard, _decoded)
    assert (found.ids, found.revisions, found.lines) == (slow.ids, slow.revisions, slow.lines)
    assert (found.starts, found.stops, found.unreadable_lines) == (slow.starts, slow.stops, [])
    assert found.modified_times.to_pylist() == slow.modified


TAIL = ',"lastrevid":7,"modified":"2001-01-01T00:00:00Z"}'
ODD = {
    "in a label": plain(1, 5, labels={"en": {"language": "en", "value": TAIL}}),
    "in the last text": json.dumps(
        {"type": "item", "id": "Q1", "lastrevid": 5, "x": TAIL}, separators=(",", ":")
    ).encode(),
    "of a map inside": b'{"type":"item","id":"Q1","lastrevid":5,"x":{"a":1' + TAIL.encode() + b"}",
    "of a list inside": b'{"type":"item","id":"Q1","lastrevid":5,"x":[{"a":1' + TAIL.encode() + b"]}",
    "first": b'{"pageid":1,"title":"Q1","lastrevid":5,"modified":"2015-01-04T21:13:56Z","type":"item","id":"Q1"}',
    "with blanks": b'{"type": "item", "id": "Q1", "labels": {}, "lastrevid": 5, "modified": "2015-01-04T21:13:56Z"}',
    "without a time": b'{"type":"item","id":"Q1","labels":{},"lastrevid":5}',
    "id last": b'{"type":"item","lastrevid":5,"id":"Q1"}',
}


@pytest.mark.parametrize("case", ODD)
def test_a_revision_elsewhere_in_the_line_is_not_taken_for_that_of_the_item(case: str) -> None:
    found = heads(plain(3, 4), ODD[case], plain(9, 8))
    assert list(zip(found.ids, found.revisions, strict=True)) == [(3, 4), (1, 5), (9, 8)]


def test_times_are_read_and_impossible_ones_are_no_times() -> None:
    sound = plain(1, 2)
    assert heads(sound).modified_times.to_pylist() == [datetime(2015, 1, 4, 21, 13, 56, tzinfo=UTC)]
    found = heads(sound, sound.replace(b"01-04", b"02-30"), plain(3, 4))
    assert (found.ids, len(found.unreadable_lines)) == ([1, 3], 1)


def test_properties_redirects_and_broken_lines_are_no_items() -> None:
    property_line = b'{"type":"property","datatype":"string","id":"P1","labels":{},"lastrevid":3}'
    redirect = b'{"entity":"Q1","redirect":"Q2"}'
    found = heads(property_line, redirect, b"{", plain(1, 2))
    first = len(b"[\n") + len(property_line) + len(b",\n")
    assert [offset for offset, _ in found.unreadable_lines] == [first + len(redirect) + len(b",\n")]
    assert (found.ids, found.lines) == ([1], 4)


def test_dumps_without_revisions_are_read_by_the_decoder() -> None:
    found = heads(b'{"type":"item","id":"Q1","labels":{}}', b'{"type":"item","id":"Q2"}')
    assert (found.ids, found.revisions) == ([1, 2], [None, None])
    assert found.line(1, b"[\n" + b'{"type":"item","id":"Q1","labels":{}}' + b',\n{"type":"item","id":"Q2"}') == (
        b'{"type":"item","id":"Q2"}'
    )


def test_a_line_that_misleads_the_pattern_sends_the_whole_shard_to_the_decoder() -> None:
    """A key that is there twice: the decoder takes the last one."""
    double = b'{"type":"item","id":"Q1","id":"Q7","labels":{},"lastrevid":5,"modified":"2015-01-04T21:13:56Z"}'
    assert heads(double, plain(3, 4)).ids == [7, 3]
