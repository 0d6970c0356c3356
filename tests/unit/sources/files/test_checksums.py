"""A dump beside a list of checksums must be the one that is listed."""

import hashlib
from pathlib import Path

import pytest

from pipeline.core.errors import InputError
from pipeline.sources.files.checksums import checked_hash, dump_hashes

NAME = "wikidata-20260901-all.json.gz"
SHA256 = hashlib.sha256(b"dump").hexdigest()


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(b"dump")
    return path


def test_without_a_list_the_hash_is_all(dump: Path) -> None:
    told: list[float] = []
    assert checked_hash(dump, told.append) == SHA256
    assert sum(told) == 4


@pytest.mark.parametrize(("kind", "mark"), [("md5", "  "), ("md5", " *"), ("sha1", "  ")])
def test_a_dump_that_is_listed_agrees_or_is_refused(kind: str, mark: str, dump: Path) -> None:
    listing = dump.parent / f"wikidata-20260901-{kind}sums.txt"
    other = "0" * 32 + f"{mark}wikidata-20260901-all.json.bz2\n"
    listing.write_text(other + hashlib.new(kind, b"dump").hexdigest() + f"{mark}{NAME}\n")
    assert checked_hash(dump) == SHA256
    dump.write_bytes(b"dumq")
    with pytest.raises(InputError, match=f"not what .*{kind}sums.txt lists") as caught:
        checked_hash(dump)
    assert (caught.value.where, caught.value.remedy) == (str(dump), "Download it again.")


def test_a_list_of_other_files_says_nothing(dump: Path) -> None:
    (dump.parent / "md5sums.txt").write_text("0" * 32 + f"  my-{NAME}\n\nnonsense\n")
    assert checked_hash(dump) == SHA256


def test_a_missing_dump_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        checked_hash(tmp_path / "nowhere")


def test_several_are_hashed_in_their_order(dump: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"other")
    told: list[float] = []
    assert dump_hashes([other, dump], told.append) == [hashlib.sha256(b"other").hexdigest(), SHA256]
    assert sum(told) == 9


def test_when_one_is_refused_the_others_are_not_read_to_their_end(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(1 << 32)  # takes no room, and seconds to hash
    told: list[float] = []
    with pytest.raises(InputError):
        dump_hashes([tmp_path / "nowhere", large], told.append)
    assert sum(told) < 1 << 31
