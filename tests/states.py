"""Two dumps to CHANGES, the way a run takes: every stage from the files to the classed differences."""

from pathlib import Path

from pipeline.settings import load_settings
from pipeline.shards import InlineExecutor
from pipeline.sources import changes, dump, dump_diff
from pipeline.sources.entity_json import Wanted
from pipeline.tables import Database, read_table
from pipeline.templates import load_templates
from tests.entities import Json, write_dump

SETTINGS = load_settings()
DATING = load_templates().dating
OLD_EDIT, NEW_EDIT = "2015-01-04T21:13:56Z", "2021-07-02T19:34:11Z"  # as in the bundled slice
_WANTED = Wanted(frozenset(f"P{number}" for number in DATING.properties), frozenset({"enwiki"}))


def compare_dumps(old: Path, new: Path, work: Path, workers: int = 1) -> list[Json]:
    """The rows of CHANGES between two dumps; every table on the way stays in the work folder."""
    pool, dumps, memory = InlineExecutor(), SETTINGS.dump, "200MB"
    dump.ingest(new, work / "new", _WANTED, dumps, pool, workers)
    dump_diff.read_revisions(old, work / "revisions", dumps, pool, workers)
    dump_diff.check_order(work / "revisions", work / "new" / "entities")
    with Database(work / "scratch", memory) as database:
        old_ids, new_ids = dump_diff.changed_ids(work / "revisions", work / "new" / "entities", database)
        dump_diff.read_texts(old, old_ids, work / "old-texts", dumps, pool, workers)
        dump_diff.read_texts(new, new_ids, work / "new-texts", dumps, pool, workers)
        gap = SETTINGS.changes.replaced_gap_days
        dump_diff.compare_texts(work / "old-texts", work / "new-texts", work, memory, gap, pool)
        merges = work / "merges.parquet"
        dump_diff.find_merges(work, work / "old-texts", work / "new-texts", database, merges)
        cut = dump_diff.last_edit(work / "revisions")
        evidence = changes.Evidence(work / "differences", merges, work / "new" / "statements", cut)
        changes.classify(evidence, DATING, database, work / "changes.parquet")
    return read_table(work / "changes.parquet").to_pylist()


def between(
    old: list[Json], new: list[Json], folder: Path, old_edit: str = OLD_EDIT, new_edit: str = NEW_EDIT
) -> list[Json]:
    """CHANGES between two handfuls of items, each dumped as last edited at a time of its own state."""
    states = ((old, "old.json", 100, old_edit), (new, "new.json", 200, new_edit))
    paths = [
        write_dump(folder / name, ({"lastrevid": revision, "modified": edit, **one} for one in items))
        for items, name, revision, edit in states
    ]
    return compare_dumps(*paths, folder / "work")
