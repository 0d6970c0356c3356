"""Step 5, tables for the build: fetched items in the form of a dump, MENTIONS, and what a harvest adds to later tables.

`write_tables` is part of a harvest. `complete_ingested` and `complete_changes` are called by the stages of a build, on
tables that were made from the harvest as they would be from dumps.
"""

import gzip
from pathlib import Path

import pyarrow as pa

from pipeline.core import schema
from pipeline.core.tables import Database, read_table, write_rows, write_table
from pipeline.sources.live.context import HarvestContext
from pipeline.sources.live.item_texts import fetched_items, item_texts, parsed_items
from pipeline.sources.live.state import ITEMS
from pipeline.sources.live.surroundings import GraphCounts

_STATEMENT_COUNT = schema.ENTITIES.names.index("statement_count")


def write_tables(context: HarvestContext, counts: GraphCounts | None, folder: Path) -> int:
    """Write the fetched items in the form of a dump, and MENTIONS if they were counted.

    Args:
        context: What every step is given.
        counts: Counts of the whole graph.
        folder: The folder of the harvest, with the fetched items in `items/`.

    Returns:
        The number of items.
    """
    with context.database() as database:
        if counts:
            _write_mentions(folder, counts, database)
        return _write_items(folder, database)


def _write_items(folder: Path, database: Database) -> int:
    items = fetched_items(folder, database)
    with gzip.GzipFile(folder / ITEMS, "wb", compresslevel=6, mtime=0) as file:
        for place, line in enumerate(item_texts(folder, items, database)):
            file.write((b",\n" if place else b"[\n") + line)
        file.write(b"\n]\n" if items else b"[\n]\n")
    return len(items)


def _write_mentions(folder: Path, counts: GraphCounts, database: Database) -> None:
    """Write MENTIONS of the counted items as `mentions.parquet`, with the same numbers as from a dump of all items."""
    found: list[tuple[int, int, int, int]] = []
    for rows in parsed_items(folder, counts.mentions.keys(), (), database):
        item, own = rows.entities[0][0], rows.entities[0][_STATEMENT_COUNT]  # each of its own statements mentions it
        mentions, incoming = counts.mentions.get(item, 0), counts.incoming_links.get(item, 0)
        found.append((item, own + mentions, incoming, len(rows.neighbours)))
    write_rows(sorted(found), folder / "mentions.parquet", schema.MENTIONS)


def complete_changes(changes: Path, harvest: Path, database: Database, out: Path) -> Path:
    """Write CHANGES with what only a harvest knows: the edits that made a change, and whether it was undone.

    Args:
        changes: CHANGES as they were classified.
        harvest: The folder of the harvest, with UNDONE and PROVENANCE.
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


def complete_ingested(ingested: Path, harvest: Path, database: Database) -> None:
    """Replace what the fetched items show by what the harvest knows: MENTIONS of the whole graph, redirected titles.

    Args:
        ingested: The folder of the tables that were ingested from the fetched items.
        harvest: The folder of the harvest, with `titles.parquet` and perhaps `mentions.parquet`.
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
    """Replace the files of a folder by one file with these rows."""
    for path in folder.glob("*.parquet"):
        path.unlink()
    write_table(table, folder / "000000.parquet", kind)
