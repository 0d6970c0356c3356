"""A window of a living wiki to the same tables that two dumps give: texts before and after, compared by the same code.

The method is wikidata.md's: walk recent changes, take base and head revision of every item, fetch both by id, compare
statement by statement, and look again at what came, in case it went since.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from pipeline.core import schema
from pipeline.core.progress import Reporter
from pipeline.core.settings import Settings
from pipeline.core.tables import Database, read_table, write_rows, write_table
from pipeline.sources.diff.comparison import Texts, compare_texts
from pipeline.sources.entities.model import WholeEntity, number
from pipeline.sources.entities.values import value_text
from pipeline.sources.live.provenance import find_provenance
from pipeline.sources.live.recent_changes import NAMES_PROPERTY, NO_STATEMENT, Window, find_spans, open_changes, sweep
from pipeline.sources.live.revisions import fetch_revisions, history
from pipeline.sources.live.wiki import Wiki

_HIDDEN_ROUNDS = 3  # revisions in a row that may be hidden before an item is given up
_UndoneRow = tuple[int, str, str]  # the columns of schema.UNDONE, in order


@dataclass(frozen=True)
class Visit:
    """What a visit to a wiki is given.

    Attributes:
        wiki: The repository.
        window: What happened when.
        store: Where fetched things are kept between runs.
        settings: All of them.
        database: A session to work in.
        pool: Where to compare.
        reporter: Where to tell how far it has come.
    """

    wiki: Wiki
    window: Window
    store: Path
    settings: Settings
    database: Database
    pool: Executor
    reporter: Reporter


def read_changes(visit: Visit, out: Path) -> Mapping[str, int]:
    """Write what the window changed.

    Args:
        visit: The wiki and the window.
        out: Where `old/` and `new/` (TEXTS), `differences/`, `terms/`, `merges.parquet`, `undone.parquet` and
            `provenance.parquet` appear.

    Returns:
        How many items there were of which kind.
    """
    database = visit.database
    counts = _find_items(visit, out)
    counts |= _fetch_texts(visit)
    database.write(_OLD, out / "old" / "texts.parquet", schema.TEXTS)
    database.write(_NEW, out / "new" / "texts.parquet", schema.TEXTS)
    database.write(_MERGES, out / "merges.parquet", schema.MERGES)
    gap_days = visit.settings.changes.replaced_gap_days
    compare_texts(Texts(out / "old", out / "new"), out, visit.settings.memory, gap_days, visit.pool)
    database.view("differences", out / "differences")
    find_provenance(database, out / "provenance.parquet")
    _find_undone(visit, out)
    return counts


def _find_items(visit: Visit, out: Path) -> dict[str, int]:
    """Table `spans`: the items to compare, those restored with what their history tells."""
    window, database = visit.window, visit.database
    with visit.reporter.track("recent changes", (window.end - window.start).total_seconds()) as advance:
        files = sweep(visit.wiki, window, visit.store / "changes", visit.settings.live, advance)
    open_changes(files, window, database)
    database.view("found", find_spans(database, out / "spans.parquet"))
    database.run("CREATE OR REPLACE TEMP TABLE spans AS SELECT *, coalesce(before_merge, base) AS origin FROM found")
    restored = _column(database, "SELECT item_id FROM spans WHERE fate = 'restored'")
    for item in restored:
        span = history(visit.wiki, visit.wiki.title(item), window.start, window.end)
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


def _fetch_texts(visit: Visit) -> dict[str, int]:
    """Table `texts`: base and head of every span; where one is hidden, the revision before it stands in."""
    database, store = visit.database, visit.store / "revisions"
    missing: set[int] = set()
    for _ in range(_HIDDEN_ROUNDS):
        wanted = set(_column(database, _WANTED))
        with visit.reporter.track("revisions", len(wanted)) as advance:
            missing = fetch_revisions(visit.wiki, wanted, store, visit.settings.live, database, advance)
        _open_texts(database, store)
        database.rows("lost", pa.table({"revision": pa.array(sorted(missing), pa.int64())}))
        database.run("DELETE FROM spans WHERE origin IN (FROM lost) OR head IN (FROM lost)")
        if not database.table(_TURNED).num_rows:
            break
        database.run(_TURN_TO_PARENTS)
        database.run(_TURN_TO_BASES)
    hidden = _column(database, f"SELECT DISTINCT item_id FROM ({_TURNED})")
    return {"deleted_since": len(missing), "hidden": len(hidden)}


def _open_texts(database: Database, store: Path) -> None:
    if any(store.glob("*.parquet")):
        database.view("stored", store)
    else:
        database.rows("stored", pa.Table.from_pylist([], schema=schema.REVISION_TEXTS))
    database.run(f"CREATE OR REPLACE TEMP VIEW texts AS SELECT * FROM stored WHERE revision IN ({_WANTED})")


# A hidden revision, or an item that was merged away and is itself again.
_TURNED = """
SELECT s.item_id FROM spans s JOIN stored t ON t.revision IN (s.origin, s.head) WHERE t.form = 'hidden'
UNION ALL
SELECT s.item_id FROM spans s JOIN stored t ON t.revision = s.head
WHERE t.form = 'text' AND s.origin <> s.base AND s.before_merge = s.origin
"""
_TURN_TO_PARENTS = """
UPDATE spans SET origin = coalesce((SELECT parent FROM stored WHERE revision = origin AND form = 'hidden'), origin),
    head = coalesce((SELECT parent FROM stored WHERE revision = head AND form = 'hidden'), head)
"""
_TURN_TO_BASES = """
UPDATE spans SET origin = base WHERE before_merge = origin
    AND EXISTS (SELECT 1 FROM stored WHERE revision = head AND form = 'text')
"""

# Items of which both ends can be read; a redirect says that the item is gone.
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

# The edits that may have brought a difference: those that name its property, and those that name none.
_SUSPECTS = f"""
SELECT d.subject_id, d.property_id, d.new_statement_id AS statement_id, c.*
FROM differences d JOIN changes c ON c.item_id = d.subject_id
WHERE d.new_statement_id IS NOT NULL AND c.kind <> 'log' AND (
    c.comment IS NULL OR contains(c.comment, '[[Property:P' || d.property_id || ']]')
    OR NOT regexp_matches(c.comment, '{NAMES_PROPERTY}|{NO_STATEMENT}')
)
"""
_TAGGED = f"""
SELECT subject_id, statement_id,
    CASE WHEN bool_and(list_contains(tags, 'mw-reverted')) THEN 'tagged' ELSE 'anonymous' END AS reason
FROM ({_SUSPECTS}) GROUP BY subject_id, statement_id
HAVING bool_and(list_contains(tags, 'mw-reverted')) OR ({{anonymous}} AND bool_and(is_anonymous))
"""
_CAME = """
SELECT subject_id, property_id, new_statement_id, new_value FROM differences
WHERE is_new_value AND item_kind <> 'removed' AND property_id IS NOT NULL ORDER BY subject_id, new_statement_id
"""


def _find_undone(visit: Visit, out: Path) -> None:
    """Write UNDONE: what came and was taken back, by its edits' tags or by a later look at its item."""
    database = visit.database
    sql = _TAGGED.format(anonymous=str(visit.settings.live.drop_anonymous).lower())
    rows: set[_UndoneRow] = set(zip(*(column.to_pylist() for column in database.table(sql).columns), strict=True))
    tagged = {row[:2] for row in rows}
    came: dict[int, list[tuple[str, str, str]]] = {}
    for item, prop, statement, value in zip(
        *(column.to_pylist() for column in database.table(_CAME).columns), strict=True
    ):
        if (item, statement) not in tagged:
            came.setdefault(item, []).append((f"P{prop}", statement, value))
    with visit.reporter.track("a later look", len(came)) as advance:
        for item, values in _values_now(visit, sorted(came)):
            rows |= {
                (item, statement, "item_gone" if values is None else "gone_later")
                for prop, statement, value in came[item]
                if values is None or (prop, value) not in values
            }
            advance(1)
    write_rows(sorted(rows), out / "undone.parquet", schema.UNDONE)


def _values_now(visit: Visit, items: list[int]) -> Iterator[tuple[int, set[tuple[str, str]] | None]]:
    """The values that items hold now; None for an item that was deleted or merged."""
    size = visit.settings.live.batch
    for start in range(0, len(items), size):
        names = [f"Q{item}" for item in items[start : start + size]]
        for name, entity in visit.wiki.entities(names, "info|claims").items():
            yield number(name), None if "missing" in entity or "redirects" in entity else _values(entity)


def _values(entity: Mapping[str, Any]) -> set[tuple[str, str]]:
    claims = msgspec.convert({"id": entity["id"], "claims": entity.get("claims", [])}, WholeEntity).claims
    groups = claims if isinstance(claims, dict) else {}
    return {(name, value_text(one.mainsnak)) for name, statements in groups.items() for one in statements}


def finish_changes(changes: Path, harvest: Path, database: Database, out: Path) -> Path:
    """Write CHANGES with what a visit knows beyond two states: the edits behind a change, and whether it was undone.

    Args:
        changes: CHANGES as they were classed.
        harvest: The visit.
        database: A session to work in.
        out: The file to write.
    """
    database.view("changes_as_compared", changes)
    database.view("undone", harvest / "undone.parquet")
    database.view("provenance", harvest / "provenance.parquet")
    sql = """
        SELECT c.* REPLACE (
            CASE WHEN u.statement_id IS NULL THEN change_class ELSE 'reverted' END AS change_class,
            coalesce(p.first_seen, c.first_seen) AS first_seen,
            coalesce(p.rcids, c.rcids) AS rcids, coalesce(p.tags, c.tags) AS tags)
        FROM changes_as_compared c
        LEFT JOIN undone u ON u.subject_id = c.subject_id AND u.statement_id = c.new_statement_id
        LEFT JOIN provenance p ON p.subject_id = c.subject_id AND p.property_id = c.property_id
            AND p.statement_id = coalesce(c.new_statement_id, c.old_statement_id)
        ORDER BY c.subject_id, c.property_id NULLS FIRST, c.new_statement_id NULLS FIRST,
            c.old_statement_id NULLS FIRST, change_class"""
    return database.write(sql, out, schema.CHANGES)


def complete(ingested: Path, harvest: Path, database: Database) -> None:
    """Put what a visit knows in place of what its items alone tell: MENTIONS of the whole graph, titles that redirect.

    Args:
        ingested: The folder of `dump.ingest`.
        harvest: The visit.
        database: A session to work in.
    """
    database.view("titles", ingested / "titles")
    database.view("found", harvest / "titles.parquet")
    titles = database.table(
        """FROM found UNION
        SELECT * FROM titles WHERE NOT EXISTS (FROM found WHERE found.wiki = titles.wiki AND found.title = titles.title)
        ORDER BY id, wiki, title"""
    )
    _replace(ingested / "titles", titles, schema.TITLES)
    if (harvest / "mentions.parquet").is_file():
        _replace(ingested / "mentions", read_table(harvest / "mentions.parquet"), schema.MENTIONS)


def _replace(folder: Path, table: pa.Table, kind: pa.Schema) -> None:
    """Let a folder hold one file with these rows."""
    for path in folder.glob("*.parquet"):
        path.unlink()
    write_table(table, folder / "000000.parquet", kind)
