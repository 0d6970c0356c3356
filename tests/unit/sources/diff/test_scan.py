"""Which items changed, and what is kept of them, in one pass over each dump or in more."""

import re
from pathlib import Path

import pytest

from pipeline.core.parallel import InlineExecutor
from pipeline.core.progress import Reporter
from pipeline.core.settings import load_settings
from pipeline.core.tables import read_table
from pipeline.sources.diff import comparison
from pipeline.sources.diff.scan import ScanContext, Scans, find_changed
from tests.bench.generate import write_dump
from tests.states import DATING, compare_dumps

SETTINGS = load_settings().dump.model_copy(update={"shard_bytes": 100_000})
DATED = frozenset(f"P{number}" for number in DATING.properties)


def scan(old: Path, new: Path, out: Path) -> Scans:
    return find_changed(old, new, out, ScanContext(SETTINGS, DATED, "100MB", InlineExecutor(), 1))


@pytest.fixture
def dumps(tmp_path: Path) -> tuple[Path, Path]:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    write_dump(old, 600)
    write_dump(new, 600, changed=0.05)
    return old, new


def ids(path: Path) -> list[int]:
    return sorted(row["id"] for row in read_table(path, ["id"]).to_pylist())


def test_revisions_in_the_order_of_time_need_one_pass(dumps: tuple[Path, Path], tmp_path: Path) -> None:
    scans = scan(*dumps, tmp_path / "out")
    assert scans.is_quick
    changed = ids(scans.changed)
    assert 15 < len(changed) < 50
    assert ids(scans.older / "texts") == changed
    assert set(ids(scans.newer / "texts")) >= set(changed)


@pytest.mark.parametrize("how", ["none", "low"])
def test_other_revisions_need_more_and_give_the_same(how: str, dumps: tuple[Path, Path], tmp_path: Path) -> None:
    """Some generators count the revisions of each item, and dumps before 2016 hold none."""
    quick = scan(*dumps, tmp_path / "quick")
    others = [tmp_path / f"{how}-{path.name}" for path in dumps]
    for path, other in zip(dumps, others, strict=True):
        lines = path.read_bytes().split(b"\n")
        other.write_bytes(b"\n".join(_renumbered(line, how) for line in lines))
    slow = scan(*others, tmp_path / "slow")
    assert not slow.is_quick
    assert ids(slow.older / "texts") == ids(slow.changed) == ids(slow.newer / "texts")
    if how == "low":
        assert ids(slow.changed) == ids(quick.changed)
    else:  # of some, nothing but the revision was another
        assert set(ids(slow.changed)) < set(ids(quick.changed))


def _renumbered(line: bytes, how: str) -> bytes:
    head, mark, tail = line.partition(b',"lastrevid":')
    if not mark:
        return line
    end = tail[tail.index(b"}") :]
    return head + (end if how == "none" else b',"lastrevid":%d' % (3 if b"2021-" in tail else 5) + end)


def test_an_item_that_the_first_look_misses_is_found_by_the_second(dumps: tuple[Path, Path], tmp_path: Path) -> None:
    """Its revision is lower than others of the older dump, and it is not at the beginning."""
    old, new = dumps
    lines = new.read_bytes().split(b"\n")
    place = max(place for place, line in enumerate(lines) if b'"modified":"2021' in line)
    head, mark, _ = lines[place].rpartition(b',"lastrevid":')
    lines[place] = head + mark + b'17,"modified":"2021-03-01T00:00:00Z"}' + b"," * (place < len(lines) - 3)
    new.write_bytes(b"\n".join(lines))
    scans = scan(old, new, tmp_path / "out")
    assert not scans.is_quick
    assert ids(scans.older / "texts") == ids(scans.changed) == ids(scans.newer / "texts")


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("damage", ["its end is gone", "its middle is not JSON", "a statement has no id"])
def test_nothing_is_told_of_an_item_that_one_dump_has_in_a_form_that_cannot_be_read(
    side: int, damage: str, dumps: tuple[Path, Path], tmp_path: Path
) -> None:
    before = ids(scan(*dumps, tmp_path / "before").changed)
    lines = dumps[side].read_bytes().split(b"\n")
    at = next(place for place, one in enumerate(lines) if f'"id":"Q{before[3]}"'.encode() in one[:60])
    if damage == "its end is gone":
        lines[at] = lines[at][:-40] + b","
    elif damage == "a statement has no id":
        lines[at] = re.sub(rb'"id":"Q\d+\$[^"]*"', b'"was":""', lines[at], count=1)
    else:
        lines[at] = lines[at].replace(b'"claims":{', b'"claims":[[', 1)
    dumps[side].write_bytes(b"\n".join(lines))
    told: list[str] = []
    reporter = Reporter("quiet")
    reporter.warn = lambda kind, text, **_: told.append(text)  # type: ignore[method-assign]
    scans = find_changed(*dumps, tmp_path / "out", ScanContext(SETTINGS, DATED, "100MB", InlineExecutor(), 1, reporter))
    assert ids(scans.changed) == [item for item in before if item != before[3]]
    assert len(told) == 1
    assert "1 lines of" in told[0]
    assert re.search(r"byte \d+: ", told[0])


def test_finished_shards_are_not_read_again(dumps: tuple[Path, Path], tmp_path: Path) -> None:
    scans = scan(*dumps, tmp_path / "out")
    marker = scans.older / "revisions" / "000003.parquet"
    before = marker.stat().st_mtime_ns
    (scans.older / "counts" / "000004.json").unlink()
    (scans.older / "texts" / "000004.parquet").write_bytes(b"half")
    assert ids(scan(*dumps, tmp_path / "out").older / "texts") == ids(scans.changed)
    assert marker.stat().st_mtime_ns == before


def test_the_changes_are_those_of_a_dump_that_is_read_without_shortcuts(
    dumps: tuple[Path, Path], tmp_path: Path
) -> None:
    rows = compare_dumps(*dumps, tmp_path / "quick")
    for path in dumps:
        text = path.read_bytes().replace(b',"lastrevid"', b', "lastrevid"')  # no pattern matches
        path.write_bytes(text)
    assert compare_dumps(*dumps, tmp_path / "slow") == rows
    assert {row["change_class"] for row in rows}


@pytest.mark.parametrize("files", [3, 256])
def test_the_changes_do_not_depend_on_buckets(
    files: int, dumps: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = compare_dumps(*dumps, tmp_path / "one")
    monkeypatch.setattr(comparison, "_BUCKET_ITEMS", 4)
    monkeypatch.setattr(comparison, "_MOST_FILES", files)
    assert compare_dumps(*dumps, tmp_path / "many") == rows
    assert len(list((tmp_path / "many" / "differences").glob("*.parquet"))) > 4
