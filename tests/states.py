"""Two dumps to CHANGES, the way a run takes: every stage from the files to the classed differences."""

from pathlib import Path

from pipeline.core.parallel import InlineExecutor
from pipeline.core.settings import load_settings
from pipeline.core.tables import Database, read_table
from pipeline.language.templates import load_templates
from pipeline.sources.diff import classification, comparison, scan
from pipeline.sources.diff.window import ESTIMATED, Given, find_window
from tests.entities import Json, write_dump

SETTINGS = load_settings()
DATING = load_templates().dating
OLD_EDIT, NEW_EDIT = "2015-01-04T21:13:56Z", "2021-07-02T19:34:11Z"  # as in the bundled slice


def compare_dumps(old: Path, new: Path, work: Path, workers: int = 1, given: Given = ESTIMATED) -> list[Json]:
    """The rows of CHANGES between two dumps; every table on the way stays in the work folder."""
    pool, memory = InlineExecutor(), "200MB"
    dated = frozenset(f"P{number}" for number in DATING.properties)
    scans = scan.find_changed(old, new, work, scan.ScanContext(SETTINGS.dump, dated, memory, pool, workers))
    with Database(work / "scratch", memory) as database:
        folders = (scans.older / "revisions", scans.newer / "revisions")
        window = find_window(folders, scans.changed, given, SETTINGS.window, database)
    texts = comparison.Texts(scans.older / "texts", scans.newer / "texts", scans.changed)
    comparison.compare_texts(texts, work, memory, SETTINGS.changes.replaced_gap_days, pool)
    with Database(work / "scratch", memory) as database:
        merges = comparison.find_merges(work, texts, database, work / "merges.parquet")
        dates = (scans.older / "dates", scans.newer / "dates")
        cut, end = window.older.date, window.newer.date
        states = classification.ComparedStates(work / "differences", merges, dates, cut, end, folders[0])
        classification.classify(states, DATING, database, work / "changes.parquet")
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
