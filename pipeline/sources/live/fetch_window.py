"""Step 1, fetch: recent changes of the window, then the texts of every changed item before and after it.

The method is that of wikidata.md: list the recent changes, find the base and head revision of every item, and fetch
both by id. It leaves `spans.parquet`, `old/` and `new/` (TEXTS) and `merges.parquet`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.core import schema
from pipeline.core.tables import Database
from pipeline.sources.live.context import HarvestContext
from pipeline.sources.live.recent_changes import fetch_recent_changes
from pipeline.sources.live.revision_spans import find_gaps, find_spans, open_changes
from pipeline.sources.live.revisions import fetch_base_and_head, fetch_revisions

_HIDDEN_ROUNDS = 3  # revisions in a row that may be hidden before an item is left out


@dataclass(frozen=True)
class FetchedWindow:
    """What was fetched, apart from the files in the folder of the harvest.

    Attributes:
        changes: Files of RECENT_CHANGES that cover the window.
        gaps: Parts of the window that the wiki no longer lists, each as a start and an end.
        counts: How many items there were of each kind.
    """

    changes: list[Path]
    gaps: list[list[str]]
    counts: Mapping[str, int]


def fetch_window(context: HarvestContext, folder: Path) -> FetchedWindow:
    """Fetch the recent changes of the window and both texts of every changed item.

    Args:
        context: What every step is given.
        folder: The folder of the harvest.

    Raises:
        ServiceError: A server refuses us or keeps failing.
        BudgetSpent: The run has used its budget of requests.
    """
    files = _fetch_changes(context)
    with context.database() as database:
        counts = _find_items(context, files, folder, database) | _fetch_texts(context, database)
        database.write(_OLD, folder / "old" / "texts.parquet", schema.TEXTS)
        database.write(_NEW, folder / "new" / "texts.parquet", schema.TEXTS)
        database.write(_MERGES, folder / "merges.parquet", schema.MERGES)
        gaps = find_gaps(files, context.window, context.now, context.settings.live.retention_days, database)
    return FetchedWindow(files, gaps, counts)


def _fetch_changes(context: HarvestContext) -> list[Path]:
    window = context.window
    with context.reporter.track("recent changes", (window.end - window.start).total_seconds()) as advance:
        return fetch_recent_changes(context.wiki, window, context.state / "changes", context.settings.live, advance)


def _find_items(context: HarvestContext, files: list[Path], folder: Path, database: Database) -> dict[str, int]:
    """Create the table `spans`: the items to compare. Restored items get base and head from their page history."""
    window = context.window
    open_changes(files, window, database)
    database.view("found", find_spans(database, folder / "spans.parquet"))
    database.run("CREATE OR REPLACE TEMP TABLE spans AS SELECT *, coalesce(before_merge, base) AS origin FROM found")
    restored = _column(database, "SELECT item_id FROM spans WHERE fate = 'restored'")
    for item in restored:
        span = fetch_base_and_head(context.wiki, context.wiki.item_title(item), window.start, window.end)
        base, head = span or (0, 0)
        database.run(
            f"UPDATE spans SET base = {base}, head = {head}, origin = coalesce(before_merge, {base}) "
            f"WHERE item_id = {item}"
        )
    gone = _column(database, "SELECT item_id FROM spans WHERE fate = 'gone'")
    database.run("DELETE FROM spans WHERE fate = 'gone' OR head = 0 OR head = origin")
    (rows,) = _column(database, "SELECT count(*) FROM changes")
    (items,) = _column(database, "SELECT count(*) FROM spans")
    return {"recent_changes": rows, "items": items, "restored": len(restored), "gone": len(gone)}


def _column(database: Database, sql: str) -> list[int]:
    """The numbers of a query with one column, in order."""
    return sorted(int(value) for value in database.table(sql).column(0).to_numpy())


_WANTED = "SELECT origin AS revision FROM spans WHERE origin > 0 UNION SELECT head FROM spans"


def _fetch_texts(context: HarvestContext, database: Database) -> dict[str, int]:
    """Create the view `texts`: base and head of every span. The parent of a hidden revision replaces it."""
    store = context.state / "revisions"
    missing: set[int] = set()
    for _ in range(_HIDDEN_ROUNDS):
        wanted = set(_column(database, _WANTED))
        with context.reporter.track("revisions", len(wanted)) as advance:
            missing = fetch_revisions(context.wiki, wanted, store, context.settings.live, database, advance)
        _open_texts(database, store)
        database.rows("missing", pa.table({"revision": pa.array(sorted(missing), pa.int64())}))
        database.run("DELETE FROM spans WHERE origin IN (FROM missing) OR head IN (FROM missing)")
        if not database.table(_HIDDEN_ENDS).num_rows:
            break
        database.run(_USE_PARENTS)
        database.run(_USE_BASES)
    hidden = _column(database, f"SELECT DISTINCT item_id FROM ({_HIDDEN_ENDS})")
    return {"deleted_since": len(missing), "hidden": len(hidden)}


def _open_texts(database: Database, store: Path) -> None:
    if any(store.glob("*.parquet")):
        database.view("stored", store)
    else:
        database.rows("stored", pa.Table.from_pylist([], schema=schema.REVISION_TEXTS))
    database.run(f"CREATE OR REPLACE TEMP VIEW texts AS SELECT * FROM stored WHERE revision IN ({_WANTED})")


# Items with a hidden base or head, and items that were merged into another and later restored.
_HIDDEN_ENDS = """
SELECT s.item_id FROM spans s JOIN stored t ON t.revision IN (s.origin, s.head) WHERE t.form = 'hidden'
UNION ALL
SELECT s.item_id FROM spans s JOIN stored t ON t.revision = s.head
WHERE t.form = 'text' AND s.origin <> s.base AND s.before_merge = s.origin
"""
_USE_PARENTS = """
UPDATE spans SET origin = coalesce((SELECT parent FROM stored WHERE revision = origin AND form = 'hidden'), origin),
    head = coalesce((SELECT parent FROM stored WHERE revision = head AND form = 'hidden'), head)
"""
_USE_BASES = """
UPDATE spans SET origin = base WHERE before_merge = origin
    AND EXISTS (SELECT 1 FROM stored WHERE revision = head AND form = 'text')
"""

# Items whose base and head can both be read. A redirect means that the item is gone.
_PAIRS = """
SELECT s.item_id, o.json AS old_json, h.json AS new_json
FROM spans s LEFT JOIN texts o ON o.revision = s.origin JOIN texts h ON h.revision = s.head
WHERE s.origin <> s.head AND (s.origin = 0 OR o.form = 'text') AND h.form <> 'hidden'
    AND NOT (s.origin = 0 AND h.form = 'redirect')
"""
_OLD = f"SELECT item_id AS id, old_json AS json FROM ({_PAIRS}) WHERE old_json IS NOT NULL ORDER BY id"
_NEW = f"SELECT item_id AS id, new_json AS json FROM ({_PAIRS}) WHERE new_json IS NOT NULL ORDER BY id"
_MERGES = """
SELECT DISTINCT s.item_id AS gone_id, t.target_id FROM spans s JOIN texts t ON t.revision = s.head
WHERE t.form = 'redirect' ORDER BY gone_id
"""
