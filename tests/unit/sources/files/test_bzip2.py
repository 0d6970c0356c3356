"""Marks of blocks that stand inside a block by chance do not keep a sound file from being read."""

import bz2
from pathlib import Path

import pytest

from pipeline.core.parallel import InlineExecutor
from pipeline.sources.files import bzip2
from pipeline.sources.files.bzip2 import open_bzip2
from tests.bench.generate import lines

CONTENT = b"\n".join(lines(600))[:1_500_000]
PACKED = bz2.compress(CONTENT[:1_380_000], 1) + bz2.compress(b"") + bz2.compress(CONTENT[1_380_000:], 1)


def read(path: Path) -> bytes:
    with open_bzip2(path, InlineExecutor(), 2, "editmill-test-marks") as stream:
        return b"".join(iter(lambda: stream.read(70_000), b""))


@pytest.mark.parametrize("is_end", [False, True])
def test_a_mark_inside_a_block_is_passed_over(is_end: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it is: in the middle of a run of blocks, between two runs, and at the end of a stream."""
    path = tmp_path / "dump.bz2"
    path.write_bytes(PACKED)
    true = list(bzip2._marks(path))
    for place in (0, 5, 11, 12, 13, len(true) - 2):
        assert not true[place].is_end
        false = bzip2._Mark((true[place].bit + true[place + 1].bit) // 2, is_end, 12345)
        found = [*true[: place + 1], false, *true[place + 1 :]]
        monkeypatch.setattr(bzip2, "_marks", lambda _, found=found: iter(found))
        assert read(path) == CONTENT


def test_a_file_of_streams_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "dump.bz2"
    path.write_bytes(PACKED)
    assert len(list(bzip2._marks(path))) > 16
    assert read(path) == CONTENT
