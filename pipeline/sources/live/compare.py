"""Step 2, compare: texts before and after the window to DIFFERENCES, with the code for two dumps, and to PROVENANCE."""

from pathlib import Path

from pipeline.sources.diff.comparison import Texts, compare_texts
from pipeline.sources.live.context import HarvestContext
from pipeline.sources.live.provenance import find_provenance
from pipeline.sources.live.revision_spans import open_changes


def compare_window(context: HarvestContext, changes: list[Path], folder: Path) -> None:
    """Write `differences/`, `terms/` and `provenance.parquet`.

    Args:
        context: What every step is given.
        changes: Files of RECENT_CHANGES that cover the window.
        folder: The folder of the harvest, with the texts in `old/` and `new/`.
    """
    settings = context.settings
    texts = Texts(folder / "old", folder / "new")
    compare_texts(texts, folder, settings.memory, settings.changes.replaced_gap_days, context.pool)
    with context.database() as database:
        open_changes(changes, context.window, database)
        database.view("differences", folder / "differences")
        find_provenance(database, folder / "provenance.parquet")
