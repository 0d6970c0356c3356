"""Ids of 63 bits: items that no template names get ids near the largest possible; all else stays the same."""

import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.resources import templates_folder
from pipeline.core.tables import read_table
from tests.integration.command import editmill, succeed
from tests.integration.dumps import States
from tests.releases import Built

SHIFT = 2**62
_ID = re.compile(rb'(?<=["^\n])Q([1-9]\d*)(?=["$\t])|(?<="numeric-id":)([1-9]\d*)')
_LARGE = re.compile(r"Q(\d{19})")

# What does not depend on a draw: draws are hashes of ids.
TABLES = (
    *("ingest-*/statements", "ingest-*/entities", "ingest-*/mentions", "ingest-*/titles"),
    *("changes-*/changes.parquet", "changes-*/merges.parquet", "news-*/news.parquet"),
    *("screening-*/types.parquet", "screening-*/triples.parquet", "screening-*/past.parquet"),
    *("mentions-*/frequency.parquet", "mentions-*/degree.parquet", "popularity-*/popularity.parquet"),
    *("selection-*/thresholds.parquet", "selection-*/candidates/recent.parquet", "subgraph-*/items.parquet"),
)


def with_large_ids(states: States, folder: Path) -> States:
    """The states with other ids for all items, classes too, but those that the templates name."""
    texts = (path.read_text(encoding="utf-8") for path in templates_folder().rglob("*.yaml"))
    named = {int(number) for text in texts for number in re.findall(r"Q([1-9]\d*)", text)}

    def shifted(match: "re.Match[bytes]") -> bytes:
        number = int(match[1] or match[2])
        text = str(number if number in named else number + SHIFT)
        return (b"Q" if match[1] else b"") + text.encode()

    folder.mkdir()
    paths = [folder / path.name for path in (states.old, states.new, states.pageviews)]
    for path, written in zip((states.old, states.new, states.pageviews), paths, strict=True):
        written.write_bytes(_ID.sub(shifted, path.read_bytes()))
    return States(*paths)


@pytest.fixture(scope="module")
def large(states: States, tmp_path_factory: pytest.TempPathFactory) -> States:
    return with_large_ids(states, tmp_path_factory.mktemp("large") / "states")


@pytest.fixture(scope="module")
def built(large: States, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a build from them."""
    out = tmp_path_factory.mktemp("large-built")
    run = succeed("build", *large.arguments, "--out", out, "--workers", 1)
    assert run.err == ""
    return out


def back(value: Any) -> Any:
    """A value with the ids that it had before."""
    if isinstance(value, str):
        return _LARGE.sub(lambda match: f"Q{int(match[1]) - SHIFT}", value)
    if isinstance(value, list):
        return sorted((back(item) for item in value), key=repr)
    if isinstance(value, dict):
        return {key: back(item) for key, item in value.items()}
    return value - SHIFT if isinstance(value, int) and value > SHIFT else value


def rows(work: Path, table: str) -> list[str]:
    (path,) = work.glob(table)
    return sorted(repr(back(row)) for row in read_table(path).to_pylist())


@pytest.mark.parametrize("table", TABLES)
def test_every_table_holds_the_same_with_large_ids(table: str, built: Path, small: Built) -> None:
    assert rows(built / ".work", table) == rows(small.work, table)


def test_many_classes_have_large_ids(built: Path) -> None:
    (path,) = (built / ".work").glob("screening-*/types.parquet")
    classes = read_table(path)["class_id"].to_pylist()
    assert sum(number > SHIFT for number in classes) > len(classes) / 10


def test_the_rows_of_the_release_name_them(built: Path) -> None:
    (release,) = (path for path in built.iterdir() if not path.name.startswith("."))
    edits = read_table(release / "data" / "long_tail" / "train-00000-of-00001.parquet").to_pylist()
    assert any(_LARGE.fullmatch(edit["subject_id"]) for edit in edits)
    subject, relation = next((edit["subject_id"], edit["relation_id"]) for edit in edits if edit["hops"] == 1)
    assert "long_tail, train: " in succeed("explain", subject, relation, "--release", release).out


def test_they_can_be_excluded(large: States, built: Path, tmp_path: Path) -> None:
    (path,) = (built / ".work").glob("screening-*/triples.parquet")
    subject = max(read_table(path)["subject_id"].to_pylist())
    (tmp_path / "mine.txt").write_text(f"Q{subject}\n")
    options = ("--work", built / ".work", "--out", tmp_path / "out", "--workers", 1)
    run = succeed("build", *large.arguments, "--exclude", tmp_path / "mine.txt", *options)
    assert "mine.txt: 1 entries understood (1 items, 0 names or prompts)" in run.err
    assert "0 rows kept out" not in run.err


@pytest.mark.parametrize("number", [2**63, 10**19])
def test_an_id_that_no_column_holds_is_not_understood(number: int, states: States, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text(f"Q{number}\n")
    run = editmill("build", *states.arguments, "--exclude", tmp_path / "mine.txt", "--out", tmp_path / "out")
    assert run.code == 2
    assert "Nothing is understood of an entry of the exclusions" in run.err
