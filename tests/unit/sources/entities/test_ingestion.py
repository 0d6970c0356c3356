"""Dumps as they come: packed in any way, framed in any way, cut anywhere; and dumps as they should not come."""

import bz2
import gc
import gzip
import json
import lzma
import re
from collections.abc import Callable
from itertools import islice, pairwise
from pathlib import Path

import pytest
import zstandard

from pipeline.core.errors import InputError
from pipeline.core.parallel import InlineExecutor, executor
from pipeline.core.plain_text import plain_text
from pipeline.core.resources import sample_folder
from pipeline.core.settings import DumpSettings, load_settings
from pipeline.core.tables import read_table
from pipeline.sources.entities.ingestion import ShardCounts, ingest
from pipeline.sources.entities.rows import Wanted
from pipeline.sources.files.compression import open_dump
from pipeline.sources.files.reader import read_shards
from tests import reference_parser
from tests.entities import Json, array, item, line, moment, statement, to, value

WANTED = Wanted(frozenset({"P31", "P39", "P569", "P106", "P17"}), frozenset({"enwiki"}))
SETTINGS = load_settings().dump
SMALL = SETTINGS.model_copy(update={"shard_bytes": 20_000})  # of a few real entities
TABLES = ("statements", "entities", "titles", "mentions")


def _real_lines(count: int) -> list[bytes]:
    with gzip.open(sample_folder() / "core-new.json.gz") as file:
        return [row.strip().rstrip(b",") for row in islice(file, 1, count + 1)]


LINES = _real_lines(60)
PLAIN = array(LINES)


def dump(folder: Path, content: bytes, name: str = "dump.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return path


def read(
    path: Path, out: Path, settings: DumpSettings = SETTINGS, workers: int = 1
) -> tuple[ShardCounts, dict[str, list[Json]]]:
    """Ingest a dump; its counts and its tables, the counts of mentions summed over shards."""
    counts = ingest(path, out, WANTED, settings, InlineExecutor(), workers)
    tables = {name: read_table(out / name).to_pylist() for name in TABLES}
    sums = read_table(out / "mentions").group_by("id").aggregate([(name, "sum") for name in _COUNTED]).sort_by("id")
    return counts, tables | {"mentions": sums.to_pylist()}


_COUNTED = ("mentions", "in_neighbours", "out_neighbours")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Json]]:
    """The tables of the sound, uncompressed dump."""
    folder = tmp_path_factory.mktemp("plain")
    counts, tables = read(dump(folder, PLAIN), folder / "out")
    assert (counts.lines, counts.unreadable) == (60, 0)
    assert counts.items == len(tables["entities"])
    assert counts.statements == len(tables["statements"])
    reading = reference_parser.read(LINES, set(WANTED.properties), set(WANTED.wikis))
    assert tables["statements"] == reading.statements
    assert [{**row, "state": row["last_revision"]} for row in reading.entities] == tables["entities"]
    assert {tuple(row.values()) for row in tables["titles"]} == reading.titles
    assert {row["id"]: row["mentions_sum"] for row in tables["mentions"] if row["mentions_sum"]} == reading.mentions
    return tables


# Sound dumps


def in_parts(content: bytes, pack: Callable[[bytes], bytes]) -> bytes:
    """Packed in several members, cut anywhere: at line ends, inside a line, inside a character."""
    cuts = sorted({0, 2, len(content) // 3, content.index("é".encode()) + 1, len(content) - 2, len(content)})
    return b"".join(pack(content[start:end]) for start, end in pairwise(cuts))


def frame(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(content)


def pzstd(content: bytes) -> bytes:
    """As `pzstd` packs: before each frame one to skip, with the size of the next."""
    packed = frame(content)
    return b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + len(packed).to_bytes(4, "little") + packed


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda content: content,
    "gz": gzip.compress,
    "gz, many members": lambda content: in_parts(content, gzip.compress),
    "gz, a member a line": lambda content: b"".join(map(gzip.compress, content.splitlines(keepends=True))),
    "gz, padded": lambda content: gzip.compress(content) + b"\0" * 512,
    "bz2": bz2.compress,
    "bz2, many streams": lambda content: in_parts(content, bz2.compress),
    "bz2, padded": lambda content: bz2.compress(content) + b"\0" * 512,
    "xz": lzma.compress,
    "xz, many streams": lambda content: in_parts(content, lzma.compress),
    "zst": frame,
    "zst, many frames": lambda content: in_parts(content, frame),
    "zst, a frame each 50 kB": lambda content: b"".join(
        frame(content[start : start + 50_000]) for start in range(0, len(content), 50_000)
    ),
    "zst, sizes unknown": zstandard.ZstdCompressor(write_content_size=False).compress,
    "zst, frames to skip": lambda content: in_parts(content, pzstd),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("name", ["dump.json", "dump.json.gz"])
def test_a_dump_reads_the_same_whatever_it_is_packed_with_and_called(
    packing: str, name: str, tmp_path: Path, expected: dict[str, list[Json]]
) -> None:
    counts, tables = read(dump(tmp_path, PACKINGS[packing](PLAIN), name), tmp_path / "out")
    assert tables == expected
    assert (counts.lines, counts.unreadable) == (60, 0)


TAILED = ["gz", "bz2", "bz2, many streams", "xz", "zst", "zst, many frames"]
TAILS = [b"<html>502</html>", b"\0" * 99 + b"x", b"#", b"\n" * 300_000]


@pytest.mark.parametrize("packing", TAILED)
@pytest.mark.parametrize("tail", TAILS, ids=["a page", "padding first", "a byte", "much"])
def test_bytes_behind_the_packed_content_are_left_out_and_counted(
    packing: str, tail: bytes, tmp_path: Path, expected: dict[str, list[Json]]
) -> None:
    counts, tables = read(dump(tmp_path, PACKINGS[packing](PLAIN) + tail), tmp_path / "out")
    assert tables == expected
    assert (counts.lines, counts.unreadable) == (60, 0)
    assert counts.trailing == len(tail.lstrip(b"\0"))


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"7z\xbc\xaf\x27\x1c", b"\x04\x22\x4d\x18@"])
def test_a_packing_that_is_not_read_is_named(start: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"packed by (zip|7-Zip|lz4), .* Unpack it") as caught:
        read(dump(tmp_path, start + PLAIN), tmp_path / "out")
    assert caught.value.where == str(tmp_path / "dump.json")


# Arrays whose entities have no lines of their own

ENTITIES = [json.loads(one) for one in LINES]
UNLINED = {
    "json.dump": json.dumps(ENTITIES).encode(),
    "json.dump, compact": json.dumps(ENTITIES, separators=(",", ":"), ensure_ascii=False).encode(),
    "json.dump, indented": json.dumps(ENTITIES, indent=1).encode(),
    "json.dump, a mark before": b"\xef\xbb\xbf" + json.dumps(ENTITIES).encode() + b"\n",
    "the lines of a dump in one": b"[" + b",".join(LINES) + b"]",
}


@pytest.mark.parametrize("array_form", UNLINED)
@pytest.mark.parametrize("packing", ["plain", "gz", "zst, sizes unknown", "zst, a frame each 50 kB"])
def test_an_array_without_lines_reads_the_same(
    array_form: str, packing: str, tmp_path: Path, expected: dict[str, list[Json]]
) -> None:
    path = dump(tmp_path, PACKINGS[packing](UNLINED[array_form]))
    for settings, workers in ((SETTINGS, 1), (SMALL, 1), (SMALL, 2)):
        pool = InlineExecutor() if workers == 1 else None
        out = tmp_path / f"{settings.shard_bytes}-{workers}"
        if pool is None:
            with executor(2) as pool:
                counts = ingest(path, out, WANTED, settings, pool, 2)
            assert contents(out) == contents(tmp_path / f"{settings.shard_bytes}-1")
        else:
            counts, tables = read(path, out, settings)
            assert tables == expected
        assert (counts.items, counts.unreadable) == (len(expected["entities"]), 0)


def test_a_text_without_an_end_is_told(tmp_path: Path) -> None:
    for content in (b'[{"id": "' + b"x" * 3_000_000, UNLINED["json.dump"][:-30]):
        with pytest.raises(InputError, match=UNCLOSED):
            read(dump(tmp_path, content), tmp_path / "out")


def test_texts_that_look_like_the_end_of_an_entity_are_none(tmp_path: Path) -> None:
    names = ['}, {"type": "item", "id": "Q7"}', '\\"}]}, {', "\\", '{[}"', "\n}, {\n"]
    entities = [item(number, label=name) for number, name in enumerate(names, 1)]
    for place, text in enumerate((json.dumps(entities), json.dumps(entities, indent=2))):
        _, tables = read(dump(tmp_path, text.encode()), tmp_path / str(place), SMALL)
        assert [row["label"] for row in tables["entities"]] == [plain_text(name) for name in names]


def test_a_byte_order_mark_does_not_hide_the_first_entity(tmp_path: Path, expected: dict[str, list[Json]]) -> None:
    mark = b"\xef\xbb\xbf"
    for place, content in enumerate((PLAIN, FRAMINGS["bare lines"], FRAMINGS["array, brackets beside entities"])):
        counts, tables = read(dump(tmp_path, mark + content), tmp_path / str(place))
        assert tables == expected
        assert (counts.lines, counts.unreadable) == (60, 0)
    with pytest.raises(InputError, match=UNCLOSED):
        read(dump(tmp_path, mark + PLAIN[:30_000]), tmp_path / "cut")


FRAMINGS = {
    "bare lines": b"\n".join(LINES) + b"\n",
    "bare lines, no newline at the end": b"\n".join(LINES),
    "bare lines with commas": b",\n".join(LINES) + b",\n",
    "array, a comma after the last": b"[\n" + b",\n".join(LINES) + b",\n]\n",
    "array, no newline at the end": PLAIN.rstrip(),
    "array, brackets beside entities": b"[" + b",\n".join(LINES) + b"]",
    "array, commas before": b"[\n" + b"\n,".join(LINES) + b"\n]\n",
    "array, CRLF": PLAIN.replace(b"\n", b"\r\n"),
    "array, blank lines": b" \n" * 99 + PLAIN.replace(b",\n", b",\n\n \n") + b"\n" * 200,
}


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_dump_reads_the_same_however_its_lines_are_framed(
    framing: str, tmp_path: Path, expected: dict[str, list[Json]]
) -> None:
    for settings in (SETTINGS, SMALL):
        counts, tables = read(dump(tmp_path, FRAMINGS[framing]), tmp_path / str(settings.shard_bytes), settings)
        assert tables == expected
        assert (counts.lines, counts.unreadable) == (60, 0)


@pytest.mark.parametrize("shard_bytes", [10_000, 100_000])
def test_the_tables_do_not_depend_on_where_shards_are_cut(
    shard_bytes: int, tmp_path: Path, expected: dict[str, list[Json]]
) -> None:
    settings = SETTINGS.model_copy(update={"shard_bytes": shard_bytes})
    _, tables = read(dump(tmp_path, gzip.compress(PLAIN)), tmp_path / "out", settings)
    assert tables == expected
    assert len(list((tmp_path / "out" / "entities").iterdir())) > 1


def test_the_files_do_not_depend_on_how_many_tasks_share_the_work(tmp_path: Path) -> None:
    path = dump(tmp_path, PLAIN)
    for workers in (1, 2, 3, 50):
        read(path, tmp_path / str(workers), SMALL, workers)
    alone = contents(tmp_path / "1")
    assert len(alone) > 5 * len(TABLES)
    for workers in ("2", "3", "50"):
        assert contents(tmp_path / workers) == alone


def test_the_files_do_not_depend_on_the_processes_that_write_them(tmp_path: Path) -> None:
    path = dump(tmp_path, frame(PLAIN))
    alone = ingest(path, tmp_path / "alone", WANTED, SMALL, InlineExecutor(), 1)
    with executor(2) as pool:
        together = ingest(path, tmp_path / "together", WANTED, SMALL, pool, 2)
    assert together == alone
    assert contents(tmp_path / "together") == contents(tmp_path / "alone")


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("shard_bytes", [1024, 50_000])
def test_offsets_lead_back_to_the_lines(framing: str, shard_bytes: int, tmp_path: Path) -> None:
    content = FRAMINGS[framing]
    settings = SETTINGS.model_copy(update={"shard_bytes": shard_bytes})
    shards = list(read_shards(dump(tmp_path, gzip.compress(content)), settings))
    assert b"".join(shard.data for shard in shards) == content
    assert [shard.number for shard in shards] == sorted({shard.offset // shard_bytes for shard in shards})
    found = [(offset, bytes(entity)) for shard in shards for offset, entity in shard.lines()]
    assert [entity for _, entity in found] == LINES
    for offset, entity in found:
        assert content[offset:].split(b"\n", 1)[0].strip(b"[], \r") == entity.strip(b"[], \r")


def test_shards_of_a_packed_dump_tell_how_far_in_its_file_they_are(tmp_path: Path) -> None:
    path = dump(tmp_path, in_parts(PLAIN, gzip.compress))
    positions = [shard.position for shard in read_shards(path, SMALL)]
    assert positions == sorted(positions)
    assert positions[-1] == path.stat().st_size


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_tell_how_far_in_the_file_they_are_and_end_at_its_size(workers: int, tmp_path: Path) -> None:
    path = dump(tmp_path, gzip.compress(PLAIN))
    beats = tmp_path / "beats"
    beats.mkdir()
    ingest(path, tmp_path / "out", WANTED, SMALL, InlineExecutor(), workers, beats)
    assert [int(file.read_text()) for file in beats.iterdir()] == [path.stat().st_size]


def test_shards_hold_about_as_many_bytes_as_asked_for(tmp_path: Path) -> None:
    longest = max(map(len, LINES))
    sizes = [len(shard.data) for shard in read_shards(dump(tmp_path, PLAIN), SMALL)]
    assert max(sizes) <= SMALL.shard_bytes + longest + 2


# Damaged dumps


def cut(content: bytes, off: int = 1) -> bytes:
    return content[:-off]


def flipped(content: bytes, place: float = 0.5) -> bytes:
    at = int(len(content) * place)
    return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]


DAMAGED = "damaged or cut off"
UNCLOSED = "ends before its closing bracket"
BAD: dict[str, tuple[bytes, str]] = {
    "gz, half of it": (cut(gzip.compress(PLAIN), len(gzip.compress(PLAIN)) // 2), DAMAGED),
    "gz, without its last byte": (cut(gzip.compress(PLAIN)), DAMAGED),
    "gz, the last member cut": (cut(in_parts(PLAIN, gzip.compress), 9), DAMAGED),
    "gz, one bit flipped": (flipped(gzip.compress(PLAIN)), DAMAGED),
    "gz, one bit of the checksum flipped": (flipped(gzip.compress(PLAIN), 1 - 6 / len(gzip.compress(PLAIN))), DAMAGED),
    "bz2, half of it": (cut(bz2.compress(PLAIN), len(bz2.compress(PLAIN)) // 2), DAMAGED),
    "bz2, without its last byte": (cut(bz2.compress(PLAIN)), DAMAGED),
    "bz2, one bit flipped": (flipped(bz2.compress(PLAIN)), DAMAGED),
    "bz2, a lost stream": (bz2.compress(PLAIN[:30_000]) + b"bZh9" + bz2.compress(PLAIN[30_000:])[4:], UNCLOSED),
    "zst, half of it": (cut(frame(PLAIN), len(frame(PLAIN)) // 2), DAMAGED),
    "zst, without its last byte": (cut(frame(PLAIN)), DAMAGED),
    "zst, one bit flipped": (flipped(frame(PLAIN)), DAMAGED),
    "zst, a lost frame": (frame(PLAIN[:30_000]), UNCLOSED),
    "plain, no closing bracket": (cut(PLAIN, 2), UNCLOSED),
    "plain, cut at a line's end": (PLAIN[: PLAIN.index(b",\n", 30_000) + 2], UNCLOSED),
    "plain, cut inside a line": (PLAIN[:30_000], UNCLOSED),
    "plain, cut behind a bracket inside a line": (PLAIN[: PLAIN.index(b"}]", 30_000) + 2], UNCLOSED),
    "empty": (b"", "is empty"),
    "nothing but blanks": (b"\n \r\n\n", "is empty"),
    "gz of nothing": (gzip.compress(b""), "is empty"),
    "zst of nothing": (frame(b""), "is empty"),
    "an empty array": (b"[\n]\n", "contains no items"),
    "a text": (b"Not found\n" * 90, "contains no items"),
    "a page": (b"<p>Not found</p>\n" * 200, "More than 100 lines are not entities"),
    "xz, half of it": (cut(lzma.compress(PLAIN), len(lzma.compress(PLAIN)) // 2), DAMAGED),
    "xz, one bit flipped": (flipped(lzma.compress(PLAIN)), DAMAGED),
    "xz, without content": (b"\xfd7zXZ\x00" + b"\n" * 200, DAMAGED),
}


@pytest.mark.parametrize("case", BAD)
def test_a_damaged_dump_is_refused_with_what_where_and_remedy(case: str, tmp_path: Path) -> None:
    content, what = BAD[case]
    path = dump(tmp_path, content)
    with pytest.raises(InputError) as caught:
        read(path, tmp_path / "out")
    assert what in caught.value.what
    assert str(path) in caught.value.where
    assert caught.value.remedy.endswith((".", "?"))
    assert str(caught.value) == f"{caught.value.what} ({caught.value.where}). {caught.value.remedy}"


@pytest.mark.parametrize("case", [name for name, (_, what) in BAD.items() if what in (DAMAGED, UNCLOSED)])
def test_the_message_tells_how_far_the_dump_was_sound(case: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"after byte \d+") as caught:
        read(dump(tmp_path, BAD[case][0]), tmp_path / "out")
    place = int(re.findall(r"after byte (\d+)", str(caught.value))[0])
    assert 0 <= place <= len(PLAIN)


def test_a_damaged_dump_is_refused_by_each_of_several_workers(tmp_path: Path) -> None:
    path = dump(tmp_path, cut(gzip.compress(PLAIN)))
    for worker in range(3):
        with pytest.raises(InputError, match=DAMAGED):
            for shard in read_shards(path, SMALL):
                assert shard.number % 3 != worker or shard.data


@pytest.mark.parametrize("missing", ["nowhere.json.gz", "."])
def test_a_path_that_cannot_be_opened_is_refused(missing: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be opened: .* Check the path") as caught:
        open_dump(tmp_path / missing)
    assert str(tmp_path) in caught.value.where


def test_a_line_beyond_the_limit_is_refused_with_its_place_and_the_setting_to_raise(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"shard_bytes": 1024, "max_line_bytes": 20_000})
    long = line(item(1, label="x" * 30_000))
    content = array([line(item(2)), long])
    with pytest.raises(InputError) as caught:
        read(dump(tmp_path, content), tmp_path / "out", settings)
    assert "A line is longer than 20000 bytes" in str(caught.value)
    assert f"byte {content.index(long)}" in caught.value.where
    assert "dump.max_line_bytes" in caught.value.remedy


def test_a_line_of_three_megabytes_is_read(tmp_path: Path) -> None:
    long = line(item(1, label="x" * 3_000_000))
    _, tables = read(dump(tmp_path, array([long, line(item(2))])), tmp_path / "out", SMALL)
    assert [len(row["label"] or "") for row in tables["entities"]] == [3_000_000, 0]


# Unreadable lines


HALF = item(
    3, statement("P39", to(4)), statement("P106", to(4), start=value("time", {"time": "+2015-01-01T00:00:00Z"}))
)
UNREADABLE_LINES = {
    "no JSON": b"<html>",
    "half an entity": LINES[7][:600],
    "a number": b"17",
    "not UTF-8": b'{"id":"Q1","labels":{"en":{"value":"\xff"}}}',
    "bad after some statements": line(HALF),
    "a precision that no column holds": line(item(3, statement("P39", moment("+2015-00-00T00:00:00Z", 900)))),
    "an id with other digits": line(item(3) | {"id": "Q\u0664\u0662"}),
    "an id with a zero before": line(item(3) | {"id": "Q042"}),
    "an id with a sign": line(item(3) | {"id": "Q+42"}),
    "an id with an underscore": line(item(3) | {"id": "Q4_2"}),
    "a link with other digits": line(item(3, statement("P5", value("wikibase-entityid", {"id": "Q\u0664"})))),
    "an id that no column holds": line(item(3, statement("P5", to(10**30)))),
    "a title that is none": line(item(3, statement("P39", to(4)), sitelinks={"enwiki": 7})),
}


@pytest.mark.parametrize("case", UNREADABLE_LINES)
def test_an_unreadable_line_is_counted_and_reported_and_leaves_nothing_behind(
    case: str, tmp_path: Path, expected: dict[str, list[Json]]
) -> None:
    content = array([*LINES[:30], UNREADABLE_LINES[case], *LINES[30:]])
    for settings in (SETTINGS, SMALL):
        counts, tables = read(dump(tmp_path, content), tmp_path / str(settings.shard_bytes), settings)
        assert (counts.lines, counts.unreadable) == (61, 1)
        assert tables == expected
        assert len(counts.samples) == 1
        offset = int(re.findall(r"byte (\d+): \S", counts.samples[0])[0])
        assert content[offset:].startswith(UNREADABLE_LINES[case])


def test_redirects_are_passed_over(tmp_path: Path, expected: dict[str, list[Json]]) -> None:
    redirect = b'{"entity":"Q1","redirect":"Q2"}'
    counts, tables = read(dump(tmp_path, array([*LINES[:30], redirect, *LINES[30:]])), tmp_path / "out", SETTINGS)
    assert (counts.lines, counts.unreadable) == (61, 0)
    assert tables == expected


def test_as_many_bad_lines_as_allowed_are_passed_over_and_one_more_is_refused(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"max_bad_lines": 3})
    counts, _ = read(dump(tmp_path, array([*LINES, *[b"{"] * 3])), tmp_path / "three", settings)
    assert counts.unreadable == 3
    with pytest.raises(InputError) as caught:
        read(dump(tmp_path, array([*LINES, *[b"{"] * 4])), tmp_path / "four", settings)
    first = len(array(LINES)) - 1
    assert "More than 3 lines are not entities" in caught.value.what
    assert f"byte {first}: Input data was truncated" in caught.value.what
    assert "dump.max_bad_lines" in caught.value.remedy


def test_bad_lines_are_counted_over_all_workers_and_the_first_are_reported_whoever_met_them(tmp_path: Path) -> None:
    bad = [
        entity
        for place, sound in enumerate(LINES)
        for entity in ([sound, b"{%d" % place] if place % 4 == 0 else [sound])
    ]
    path = dump(tmp_path, array(bad))
    alone, _ = read(path, tmp_path / "1", SMALL, 1)
    for workers in (2, 5):
        assert read(path, tmp_path / str(workers), SMALL, workers)[0] == alone
    assert alone.unreadable == 15
    assert len(alone.samples) == 5
    with pytest.raises(InputError, match="More than 14 lines"):
        read(path, tmp_path / "strict", SMALL.model_copy(update={"max_bad_lines": 14}), 5)


def test_garbage_collection_goes_on_after_reading(tmp_path: Path) -> None:
    """It pauses while a shard is read, also when that fails."""
    read(dump(tmp_path, PLAIN), tmp_path / "sound")
    assert gc.isenabled()
    with pytest.raises(InputError):
        read(dump(tmp_path, cut(PLAIN, 9)), tmp_path / "cut")
    assert gc.isenabled()


# Interrupted work


def test_a_finished_shard_is_known_by_its_counts_and_not_read_again(tmp_path: Path) -> None:
    path = dump(tmp_path, PLAIN)
    before, _ = read(path, tmp_path / "out", SMALL)
    marker = tmp_path / "out" / "counts" / "000002.json"
    told = json.loads(marker.read_text())
    marker.write_text(json.dumps(told | {"lines": told["lines"] + 1000}))
    (tmp_path / "out" / "titles" / "000002.parquet").write_bytes(b"untouched")
    after = ingest(path, tmp_path / "out", WANTED, SMALL, InlineExecutor(), 1)
    assert after.lines == before.lines + 1000
    assert (tmp_path / "out" / "titles" / "000002.parquet").read_bytes() == b"untouched"


@pytest.mark.parametrize("workers", [1, 3])
def test_work_killed_half_way_ends_in_the_same_bytes(workers: int, tmp_path: Path) -> None:
    path, out = dump(tmp_path, PLAIN), tmp_path / "out"
    whole, _ = read(path, out, SMALL)
    expected_files = contents(out)
    assert (out / "counts" / "000008.json").is_file()
    # Killed while the tables of shards 1, 4 and 8 were written: no marker, and what else there is cannot be trusted.
    for shard in ("000001", "000004", "000008"):
        (out / "counts" / f"{shard}.json").unlink()
    (out / "mentions" / "000001.parquet").unlink()
    (out / "statements" / "000004.parquet").write_bytes(b"PAR1")
    for table in TABLES:
        (out / table / "000008.parquet").unlink()
        (out / table / ".000008.parquet.part").write_bytes(b"half")
    (out / "counts" / ".000008.json.part").write_text('{"lines": 1')
    again = ingest(path, out, WANTED, SMALL, InlineExecutor(), workers)
    assert contents(out) == expected_files
    assert again == whole


def test_a_shard_marked_done_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever write fails, no marker stands for a shard whose tables are not all there."""
    path, out = dump(tmp_path, PLAIN), tmp_path / "out"
    (out / "mentions").mkdir(parents=True)
    (out / "mentions" / ".000003.parquet.part").symlink_to("/dev/full")
    with pytest.raises(Exception, match="No space left on device"):
        ingest(path, out, WANTED, SMALL, InlineExecutor(), 1)
    done = {marker.stem for marker in (out / "counts").iterdir()}
    assert done == {"000000", "000001", "000002"}
    for table in TABLES:
        assert done <= {file.stem for file in (out / table).iterdir()}
