"""The newer dump of a build is read once: what it says, and what in it changed, are found in the same pass."""

from pathlib import Path

import pytest

from pipeline import stages
from pipeline.core.parallel import InlineExecutor
from pipeline.core.progress import Reporter
from pipeline.core.settings import Settings, load_settings
from pipeline.core.tables import file_hash, read_table
from pipeline.language.templates import load_templates
from pipeline.stages import Input, StageContext
from tests.bench.generate import write_dump
from tests.integration.command import files

TEMPLATES = load_templates()


def small_shards() -> Settings:
    settings = load_settings()
    return settings.model_copy(update={"dump": settings.dump.model_copy(update={"shard_bytes": 100_000})})


def context(work: Path) -> StageContext:
    return StageContext(small_shards(), TEMPLATES, work, 1, Reporter("quiet"))


@pytest.fixture
def dumps(tmp_path: Path) -> tuple[Input, Input]:
    paths = tmp_path / "old.json", tmp_path / "new.json"
    write_dump(paths[0], 600)
    write_dump(paths[1], 600, changed=0.05)
    old, new = (Input(path, file_hash(path)) for path in paths)
    return old, new


def test_the_newer_dump_is_not_needed_any_more_to_find_the_changes(dumps: tuple[Input, Input], tmp_path: Path) -> None:
    old, new = dumps
    apart = stages.changed(context(tmp_path / "apart"), old, new, InlineExecutor())
    together = context(tmp_path / "together")
    stages.ingest(together, new, InlineExecutor(), old=old)
    new.path.unlink()
    changed = stages.changed(together, old, new, InlineExecutor())
    assert changed.name == apart.name
    rows = read_table(changed / "changes.parquet").to_pylist()
    assert rows
    assert rows == read_table(apart / "changes.parquet").to_pylist()


def test_the_tables_are_those_of_a_pass_of_their_own(dumps: tuple[Input, Input], tmp_path: Path) -> None:
    old, new = dumps
    alone = stages.ingest(context(tmp_path / "alone"), new, InlineExecutor())
    together = stages.ingest(context(tmp_path / "together"), new, InlineExecutor(), old=old)
    assert together.name == alone.name
    assert files(together) == files(alone)


def test_shards_that_were_only_ingested_are_read_for_changes_too(dumps: tuple[Input, Input], tmp_path: Path) -> None:
    """A run without an older dump is killed, and the next one has one."""
    old, new = dumps
    whole = stages.ingest(context(tmp_path / "whole"), new, InlineExecutor())
    expected = stages.changed(context(tmp_path / "whole"), old, new, InlineExecutor())
    work = tmp_path / "work"
    part = work / f".{whole.name}.part"
    part.mkdir(parents=True)
    for table in ("statements", "entities", "titles", "mentions", "counts"):
        (part / table).mkdir()
        for shard in sorted((whole / table).iterdir())[:5]:
            (part / table / shard.name).write_bytes(shard.read_bytes())
    ingested = stages.ingest(context(work), new, InlineExecutor(), old=old)
    assert files(ingested) == files(whole)
    new.path.unlink()
    changed = stages.changed(context(work), old, new, InlineExecutor())
    assert read_table(changed / "changes.parquet").equals(read_table(expected / "changes.parquet"))


def test_dumps_without_revisions_are_read_again_for_what_changed(dumps: tuple[Input, Input], tmp_path: Path) -> None:
    olden: list[Input] = []
    for dump in dumps:
        text = dump.path.read_bytes().replace(b',"lastrevid":', b',"was":')
        path = dump.path.with_name(f"undated-{dump.path.name}")
        path.write_bytes(text)
        olden.append(Input(path, file_hash(path)))
    old, new = olden
    stages.ingest(context(tmp_path / "work"), new, InlineExecutor(), old=old)
    changed = stages.changed(context(tmp_path / "work"), old, new, InlineExecutor())
    assert len(read_table(changed / "changes.parquet")) > 15
