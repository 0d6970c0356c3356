"""Entities that stand in several lines of a dump: the newest revision counts once, wherever its line is."""

import gzip
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core.parallel import InlineExecutor, executor
from pipeline.core.resources import sample_folder
from pipeline.core.settings import DumpSettings, load_settings
from pipeline.core.tables import read_table
from pipeline.sources.diff.scan import LineFilter, ScanContext, read_counts, scan
from pipeline.sources.entities.ingestion import ShardCounts, ingest
from pipeline.sources.entities.repeats import stale_places
from pipeline.sources.entities.rows import Wanted
from pipeline.sources.files.compression import open_dump
from tests.entities import Json, array, item, line, statement, to
from tests.integration.command import files

WANTED = Wanted(frozenset({"P31", "P39", "P106"}), frozenset({"enwiki"}))
SETTINGS = load_settings().dump
SMALL = SETTINGS.model_copy(update={"shard_bytes": 1024})  # of a line or two
_COUNTED = ("mentions", "in_neighbours", "out_neighbours")
_ORDERS = {"statements": "subject_id", "entities": "id", "titles": "id"}

Line = tuple[str, int | None, int]  # entity, revision, what it says


def text(one: Line) -> bytes:
    """A line that names other items, so that it counts in MENTIONS."""
    name, revision, says = one
    number = int(name[1:])
    claims = (statement("P39", to(900 + says), event=to(800 + says)), statement("P106", to(700 + number % 3)))
    entity = item(number, *claims, label=f"{name} {says}", sitelinks={"enwiki": {"site": "enwiki", "title": name}})
    if name.startswith("P"):
        entity |= {"type": "property", "id": name}
    return line(entity | ({} if revision is None else {"lastrevid": revision}))


def write(path: Path, lines: Sequence[Line], pack: Callable[[bytes], bytes] = bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack(array([text(one) for one in lines])))
    return path


def tables(out: Path) -> dict[str, list[Json]]:
    """The tables of a dump in an order that does not depend on that of its lines."""
    found = {name: read_table(out / name).sort_by([(key, "ascending")]).to_pylist() for name, key in _ORDERS.items()}
    sums = read_table(out / "mentions").group_by("id").aggregate([(name, "sum") for name in _COUNTED]).sort_by("id")
    return found | {"mentions": [row for row in sums.to_pylist() if any(row[f"{name}_sum"] for name in _COUNTED)]}


def read(path: Path, out: Path, how: DumpSettings = SMALL) -> tuple[ShardCounts, dict[str, list[Json]]]:
    return ingest(path, out, WANTED, how, InlineExecutor(), 1), tables(out)


def newest(lines: Sequence[Line]) -> list[Line]:
    """The lines that count, found the plain way."""
    kept: dict[str, Line] = {}
    for one in lines:
        other = kept.get(one[0])
        if other is None or (one[1] or -1) >= (other[1] or -1):
            kept[one[0]] = one
    return list(kept.values())


ENTITIES = st.sampled_from(["Q1", "Q2", "Q3", "Q4", "Q5", "P31", "P5"])
DATED = st.lists(st.tuples(ENTITIES, st.integers(1, 4), st.integers(0, 9)), min_size=1, max_size=14)
UNDATED = st.lists(st.tuples(ENTITIES, st.none(), st.integers(0, 9)), min_size=1, max_size=14)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=DATED | UNDATED, shard_bytes=st.sampled_from([1024, 4096, SETTINGS.shard_bytes]))
def test_a_dump_with_repeats_says_what_its_newest_lines_say(
    lines: list[Line], shard_bytes: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = [("Q9", None, 0), *lines]
    folder = tmp_path_factory.mktemp("repeats")
    how = SETTINGS.model_copy(update={"shard_bytes": shard_bytes})
    counts, found = read(write(folder / "all.json", lines), folder / "all", how)
    expected, alone = read(write(folder / "new.json", newest(lines)), folder / "new", how)
    assert found == alone
    assert counts.repeated == len(lines) - len(newest(lines))
    assert (counts.items, counts.statements) == (expected.items, expected.statements)
    assert counts.lines == len(lines)
    assert expected.repeated == 0


REPEATED: list[Line] = [
    ("Q1", 5, 1), ("Q2", 5, 1), ("P31", 5, 1), ("Q3", 5, 1), ("Q1", 7, 2), ("Q4", 5, 1), ("Q2", 4, 2),
    ("P31", 6, 2), ("Q3", 5, 2), ("Q1", 6, 3), ("Q5", 5, 1),
]  # fmt: skip


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_the_files_are_the_same_for_any_number_of_workers(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = write(tmp_path / "dump", REPEATED, pack)
    counts = ingest(path, tmp_path / "one", WANTED, SMALL, InlineExecutor(), 1)
    with executor(2) as pool:
        assert ingest(path, tmp_path / "two", WANTED, SMALL, pool, 2) == counts
    assert counts.repeated == 5
    assert files(tmp_path / "two") == files(tmp_path / "one")


def test_a_stream_gives_the_same_tables(tmp_path: Path) -> None:
    path = write(tmp_path / "dump", REPEATED, gzip.compress)
    counts, found = read(path, tmp_path / "file")
    with open_dump(path) as stream:
        assert ingest(stream, tmp_path / "stream", WANTED, SMALL, InlineExecutor(), 1) == counts
    assert tables(tmp_path / "stream") == found


def test_a_run_that_was_killed_amid_the_repeats_ends_the_same(tmp_path: Path) -> None:
    """Some shards have lost their older lines already, and the counts of the shards say nothing of it."""
    path = write(tmp_path / "dump", REPEATED)
    counts, found = read(path, tmp_path / "out")
    again, repeated = read(path, tmp_path / "out")
    assert (again, repeated) == (counts, found)


def test_without_repeats_nothing_is_written_for_them(tmp_path: Path) -> None:
    read(write(tmp_path / "dump", newest(REPEATED)), tmp_path / "out")
    assert not list((tmp_path / "out" / "scratch").glob("stale*"))
    assert not (tmp_path / "out" / "scratch" / "contributions").exists()


def test_a_line_without_a_revision_is_older_than_one_with(tmp_path: Path) -> None:
    _, found = read(write(tmp_path / "dump", [("Q1", 3, 1), ("Q1", None, 2)]), tmp_path / "out", SETTINGS)
    assert [row["label"] for row in found["entities"]] == ["Q1 1"]


def test_a_scan_holds_each_item_once(tmp_path: Path) -> None:
    path = write(tmp_path / "dump", REPEATED)
    for how in (SMALL, SETTINGS):
        out = tmp_path / str(how.shard_bytes)
        context = ScanContext(how, frozenset({"P39"}), "100MB", InlineExecutor(), 1)
        scan(path, out, LineFilter(after_revision=0), context)
        texts = {row["id"]: row["json"] for row in read_table(out / "texts").to_pylist()}
        assert texts == {int(one[0][1:]): text(one) for one in newest(REPEATED) if one[0].startswith("Q")}
        assert sorted(read_table(out / "revisions").column("last_revision").to_pylist()) == [5, 5, 5, 5, 7]
        counts = read_counts(out)
        assert (counts.items, counts.repeated) == (5, 4)


def test_stale_places_are_none_without_repeats() -> None:
    assert stale_places([1, 2, 3], [None, None, None]) == []


def test_real_lines_appended_again_change_nothing(tmp_path: Path) -> None:
    with gzip.open(sample_folder() / "core-new.json.gz") as file:
        lines = [row.strip().rstrip(b",") for row in islice(file, 1, 301)]
    how = SETTINGS.model_copy(update={"shard_bytes": 100_000})
    paths = [tmp_path / "once.json", tmp_path / "twice.json"]
    paths[0].write_bytes(array(lines))
    paths[1].write_bytes(array([*lines[50:], *lines, *lines[7:33]]))
    once, twice = (read(path, path.with_suffix(""), how) for path in paths)
    assert once[1] == twice[1]
    assert twice[0].repeated == 276
