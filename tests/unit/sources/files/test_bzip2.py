"""Whatever the streams and blocks of a bzip2 file look like: its whole content, or an error."""

import bz2
import random
from pathlib import Path

import pytest

from pipeline.sources.files.bzip2 import Bzip2File
from tests.bench.generate import lines

CONTENT = b"\n".join(lines(600))[:1_500_000]
EMPTY = bz2.compress(b"")
FIRST, SECOND = (bz2.compress(part, 1) for part in (CONTENT[:1_380_000], CONTENT[1_380_000:]))
BLOCK, END = 0x314159265359, 0x177245385090  # what marks a block and the end of a stream

threads = pytest.mark.parametrize("threads", [1, 2, 4])


def read(path: Path, threads: int) -> bytes:
    file = Bzip2File(path, threads)
    try:
        return b"".join(iter(lambda: file.read(70_000), b""))
    finally:
        file.close()


def mark_letters(mark: int) -> bytes:
    """Bytes of which a block lists, in its header, which it holds, in a row of bits that is the mark."""
    groups = (mark >> 32, mark >> 16 & 0xFFFF, mark & 0xFFFF)
    return bytes(
        16 * group + bit for group, bits in enumerate(groups, 4) for bit in range(16) if bits >> (15 - bit) & 1
    )


@threads
@pytest.mark.parametrize("mark", [BLOCK, END])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_mark_inside_a_block_does_not_mislead(mark: int, place: int, threads: int, tmp_path: Path) -> None:
    letters = bytes(random.Random(4).choices(mark_letters(mark), k=250_000))
    parts = [CONTENT[:600_000], CONTENT[600_000:1_200_000]]
    parts.insert(place, letters)
    content = b"".join(parts)
    path = tmp_path / "dump.bz2"
    path.write_bytes(bz2.compress(content, 1))
    bits = "".join(f"{byte:08b}" for byte in path.read_bytes())
    expected = -(-len(content) // 99_981) if mark == BLOCK else 1
    assert bits.count(f"{mark:048b}") > expected
    assert read(path, threads) == content


@threads
@pytest.mark.parametrize(
    "streams",
    [
        (FIRST,),
        (FIRST, SECOND),
        (FIRST, EMPTY, SECOND),
        (EMPTY, FIRST, SECOND),
        (FIRST, SECOND, EMPTY, EMPTY),
        (EMPTY,),
    ],
)
def test_all_streams_are_read(streams: tuple[bytes, ...], threads: int, tmp_path: Path) -> None:
    path = tmp_path / "dump.bz2"
    path.write_bytes(b"".join(streams))
    assert read(path, threads) == b"".join(map(bz2.decompress, streams))


@threads
@pytest.mark.parametrize("left", [1, 4, 9, 10, 18, 1_000, len(SECOND) - 1])
def test_a_cut_stream_is_refused_wherever_the_cut_is(left: int, threads: int, tmp_path: Path) -> None:
    path = tmp_path / "dump.bz2"
    path.write_bytes(FIRST + SECOND[:left])
    with pytest.raises(EOFError, match="cut off"):
        read(path, threads)


@threads
@pytest.mark.parametrize(
    ("behind", "trailing"),
    [
        (b"", 0),
        (b"\0" * 100, 0),
        (b"\0<html>", 6),
        (b"xx" + SECOND, 2 + len(SECOND)),
        (b"BZi1" + SECOND[4:], len(SECOND)),
    ],
)
def test_bytes_that_begin_no_stream_are_left_out_and_counted(
    behind: bytes, trailing: int, threads: int, tmp_path: Path
) -> None:
    """They may be the rest of the dump: an array shows that by its missing bracket, and the count is reported."""
    path = tmp_path / "dump.bz2"
    path.write_bytes(FIRST + behind)
    file = Bzip2File(path, threads)
    assert b"".join(iter(lambda: file.read(70_000), b"")) == bz2.decompress(FIRST)
    assert file.trailing == trailing
    file.close()


@threads
@pytest.mark.parametrize("place", [5, 10, 100, len(FIRST) // 2, len(FIRST) - 8, len(FIRST) - 2])
def test_a_flipped_bit_is_found(place: int, threads: int, tmp_path: Path) -> None:
    """In the mark and the checksum of a block, its content, the mark of the end, and the checksum of the stream."""
    path = tmp_path / "dump.bz2"
    path.write_bytes(FIRST[:place] + bytes([FIRST[place] ^ 16]) + FIRST[place + 1 :] + SECOND)
    with pytest.raises(OSError, match="Invalid data"):
        read(path, threads)


def test_the_position_goes_from_the_beginning_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "dump.bz2"
    path.write_bytes(FIRST + SECOND)
    file = Bzip2File(path, 2)
    positions = [file.tell()]
    while file.read(70_000):
        positions.append(file.tell())
    file.close()
    assert positions == sorted(positions)
    assert (positions[0], positions[-1]) == (0, len(FIRST + SECOND))
