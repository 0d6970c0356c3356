"""Step 2, compare: texts before and after the window to DIFFERENCES, with the code for two dumps, and to PROVENANCE."""

from concurrent.futures import Executor
from pathlib import Path

from pipeline.core.settings import Settings
from pipeline.core.tables import Database
from pipeline.sources.diff.comparison import Texts, compare_texts
from pipeline.sources.live.provenance import find_provenance
from pipeline.sources.live.revision_spans import open_changes
from pipeline.sources.live.window import Window


def compare_window(
    changes: list[Path], window: Window, folder: Path, settings: Settings, pool: Executor, database: Database
) -> None:
    """Write `differences/`, `terms/` and `provenance.parquet`.

    Args:
        changes: Files of RECENT_CHANGES that cover the window.
        window: The window.
        folder: The folder of the harvest, with the texts in `old/` and `new/`.
        settings: All settings of the release.
        pool: Runs the comparison.
        database: A session; it gets the table `changes` and the view `differences`.
    """
    compare_texts(
        Texts(folder / "old", folder / "new"), folder, settings.memory, settings.changes.replaced_gap_days, pool
    )
    open_changes(changes, window, database)
    database.view("differences", folder / "differences")
    find_provenance(database, folder / "provenance.parquet")
