"""However a dump is packed and whoever reads it: the same shards, and errors that say where."""

import bz2
import contextlib
import gzip
import json
import re
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from pipeline.core.errors import InputError
from pipeline.core.parallel import InlineExecutor, executor
from pipeline.core.settings import load_settings
from pipeline.sources.files.compression import open_dump
from pipeline.sources.files.members import PACKINGS
from pipeline.sources.files.reader import ReadTask, read_dump, read_shards
from pipeline.sources.files.reshard import reshard
from pipeline.sources.files.seekable import find_spans, hash_folder, read_index, read_shard_range
from pipeline.sources.files.shards import Shard
from tests.bench.generate import lines

SETTINGS = load_settings().dump.model_copy(update={"shard_bytes": 50_000})
CONTENT = b"[\n" + b",\n".join(lines(400)) + b"\n]\n"
FRAME = zstandard.ZstdCompressor(write_checksum=True)


def zst_frames(size: int) -> bytes:
    """Many frames that state how much they hold."""
    return b"".join(FRAME.compress(CONTENT[start : start + size]) for start in range(0, len(CONTENT), size))


PACKED = {
    "plain": CONTENT,
    "gz": gzip.compress(CONTENT, 1),
    "bz2": bz2.compress(CONTENT, 1),  # blocks of 100 kB
    "bz2, streams": bz2.compress(CONTENT[:300_001], 1) + bz2.compress(CONTENT[300_001:], 9),
    "zst": FRAME.compress(CONTENT),
    "zst, frames": zst_frames(70_001),
    "zst, small frames": zst_frames(3_001),
}


@pytest.fixture(scope="module")
def pool():
    with executor(2) as pool:
        yield pool


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[Shard]:
    path = tmp_path_factory.mktemp("plain") / "dump.json"
    path.write_bytes(CONTENT)
    return [told(shard) for shard in read_shards(path, SETTINGS)]


def told(shard: Shard) -> Shard:
    """A shard without its position, which is one in the file."""
    return Shard(shard.number, shard.offset, 0, shard.data)


def write(folder: Path, content: bytes) -> Path:
    path = folder / "dump"
    path.write_bytes(content)
    return path


def read(path: Path, out: Path, pool: Executor, done: frozenset[int] = frozenset()) -> list[Shard]:
    return sorted(read_dump(ReadTask(path, out, SETTINGS, 2, done), told, pool), key=lambda shard: shard.number)


@pytest.mark.parametrize("packing", PACKED)
def test_two_processes_read_the_same_shards(
    packing: str, tmp_path: Path, pool: Executor, expected: list[Shard]
) -> None:
    path = write(tmp_path, PACKED[packing])
    assert [told(shard) for shard in read_shards(path, SETTINGS)] == expected
    assert read(path, tmp_path, pool) == expected
    some = frozenset({0, 3, 4, len(expected) - 1})
    assert read(path, tmp_path, pool, some) == [shard for shard in expected if shard.number not in some]


@pytest.mark.parametrize("packing", ["plain", "zst, frames", "zst, small frames"])
@pytest.mark.parametrize("size", [1, 3])
def test_any_run_of_shards_can_be_read_by_itself(
    packing: str, size: int, tmp_path: Path, expected: list[Shard]
) -> None:
    spans = find_spans(write(tmp_path, PACKED[packing]))
    assert spans is not None
    for first in range(0, expected[-1].number + 1, size):
        found = [told(shard) for shard in read_shard_range(spans, first, first + size, SETTINGS)]
        assert found == [shard for shard in expected if first <= shard.number < first + size]


def test_a_folder_of_shards_is_the_dump_it_was_made_of(tmp_path: Path, pool: Executor, expected: list[Shard]) -> None:
    folder = tmp_path / "shards"
    index = reshard(write(tmp_path, PACKED["gz"]), folder, SETTINGS, pool, 2)
    assert index == read_index(folder)
    assert index.size == len(CONTENT)
    content = b"".join(zstandard.decompress((folder / shard.file).read_bytes()) for shard in index.shards)
    assert content == CONTENT
    assert sum(shard.lines for shard in index.shards) == 400
    assert read(folder, tmp_path, pool) == expected
    assert [told(shard) for shard in read_shards(folder, SETTINGS)] == expected
    other = SETTINGS.model_copy(update={"shard_bytes": 33_333})
    plain = list(map(told, read_shards(write(tmp_path, CONTENT), other)))
    assert sorted(read_dump(ReadTask(folder, tmp_path, other, 2), told, pool), key=lambda shard: shard.number) == plain


def test_shards_that_were_written_stay_and_the_index_comes_last(tmp_path: Path) -> None:
    path, folder = write(tmp_path, PACKED["plain"]), tmp_path / "shards"
    whole = reshard(path, folder, SETTINGS, InlineExecutor(), 1)
    (folder / "index.json").unlink()
    with pytest.raises(InputError, match="no complete set of shards"):
        find_spans(folder)
    (folder / "counts" / "000002.json").unlink()
    (folder / "000003.json.zst").touch()
    before = (folder / "000003.json.zst").stat().st_mtime_ns
    assert reshard(path, folder, SETTINGS, InlineExecutor(), 1) == whole
    assert (folder / "000003.json.zst").stat().st_mtime_ns == before
    assert len(hash_folder(folder)) == 64


def test_a_folder_that_lost_a_shard_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    reshard(write(tmp_path, CONTENT), folder, SETTINGS, InlineExecutor(), 1)
    (folder / "000001.json.zst").write_bytes(b"")
    with pytest.raises(InputError, match=r"missing or not \d+ bytes long .*000001") as caught:
        find_spans(folder)
    assert "reshard" in caught.value.remedy


def flipped(content: bytes) -> bytes:
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 16]) + content[at + 1 :]


DAMAGE = {
    "gz, cut": PACKED["gz"][:-5],
    "gz, flipped": flipped(PACKED["gz"]),
    "bz2, cut": PACKED["bz2"][:-5],
    "bz2, half": PACKED["bz2"][: len(PACKED["bz2"]) // 2],
    "bz2, flipped": flipped(PACKED["bz2"]),
    "zst, frames flipped": flipped(PACKED["zst, frames"]),
    "zst, frames cut": PACKED["zst, frames"][:-5],
    "plain, cut": CONTENT[:-9],
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_told_with_its_place_whoever_meets_it(case: str, tmp_path: Path, pool: Executor) -> None:
    with pytest.raises(InputError, match=r"(damaged or cut off|closing bracket).*after byte \d+"):
        read(write(tmp_path, DAMAGE[case]), tmp_path, pool)


@pytest.mark.parametrize("lost", [1, 3, 4])
def test_frames_without_their_last_checksum_are_refused_whoever_reads(
    lost: int, tmp_path: Path, pool: Executor
) -> None:
    path = write(tmp_path, PACKED["zst, frames"][:-lost])
    with pytest.raises(InputError, match="cut off"):
        read(path, tmp_path, pool)


def test_a_checksum_that_lies_behind_what_is_read_at_once_is_heeded(
    tmp_path: Path, pool: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole frame without its checksum is read at once; one bit of it differs, and only the checksum shows it."""
    first = bytearray(FRAME.compress(CONTENT[:70_001]))
    first[-1] ^= 1
    monkeypatch.setitem(PACKINGS, "zstandard", replace(PACKINGS["zstandard"], read_bytes=len(first) - 4))
    path = write(tmp_path, bytes(first) + FRAME.compress(CONTENT[70_001:]))
    spans = find_spans(path)
    assert spans is not None
    with pytest.raises(InputError, match="damaged"):
        list(read_shard_range(spans, 0, 1_000, SETTINGS))


def test_a_bzip2_file_that_lost_a_block_is_refused(tmp_path: Path, pool: Executor) -> None:
    """Each block is sound; only the checksum of the stream shows it."""
    bits = "".join(f"{byte:08b}" for byte in PACKED["bz2"])
    marks = [found.start() for found in re.finditer(f"{0x314159265359:048b}", bits)]
    cut = bits[: marks[2]] + bits[marks[3] :]
    cut += "0" * (-len(cut) % 8)
    path = write(tmp_path, int(cut, 2).to_bytes(len(cut) // 8))
    with pytest.raises(InputError, match="damaged"):
        read(path, tmp_path, pool)


@pytest.mark.parametrize("size", [1, 50, 5_000, 99_990, 100_001, 1_300_000])
def test_bzip2_blocks_of_any_length_are_decompressed_whole(size: int, tmp_path: Path) -> None:
    content = (CONTENT * 4)[:size] + b"\n"
    with open_dump(write(tmp_path, bz2.compress(content, 1)), threads=2) as stream:
        found = b"".join(iter(lambda: stream.read(70_000), b""))
    assert found == content


def test_nothing_stays_in_shared_memory(tmp_path: Path, pool: Executor) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir():
        pytest.skip("shared memory is not a folder here")
    for content in (PACKED["gz"], PACKED["bz2"], DAMAGE["gz, cut"], DAMAGE["bz2, flipped"]):
        with contextlib.suppress(InputError):
            read(write(tmp_path, content), tmp_path, pool)
    from pipeline.sources.files.shared_memory import buffer_prefix

    assert [file.name for file in memory.glob(f"{buffer_prefix(tmp_path)}*")] == []


def test_the_generator_gives_items_that_read(expected: list[Shard]) -> None:
    found = [json.loads(bytes(entity)) for shard in expected for _, entity in shard.lines()]
    assert len({item["id"] for item in found}) == 400
    again = list(lines(400, changed=0.1))
    changed = [one for one, other in zip(lines(400), again, strict=True) if one != other]
    assert 20 <= len(changed) <= 60
