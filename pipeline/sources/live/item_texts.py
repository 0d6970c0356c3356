"""Reading the items that a harvest has fetched: their lines, the items they name, and their counts."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import cast

from pipeline.core import schema
from pipeline.core.tables import Database, write_rows
from pipeline.sources.entities.model import UNREADABLE
from pipeline.sources.entities.rows import Rows, Wanted, read_entity

_ITEMS_HELD = 5_000  # items in memory at a time: about 100 MB of Wikidata
_OBJECT_ID = schema.STATEMENTS.names.index("object_id")


def fetched_items(folder: Path, database: Database) -> list[int]:
    """The numbers of the fetched items that exist, in order."""
    _open_texts(folder, database)
    return sorted(cast(list[int], database.table("SELECT id FROM lines").column("id").to_pylist()))


def item_texts(folder: Path, items: Collection[int], database: Database) -> Iterator[bytes]:
    """The lines of fetched items in order; an item that changed in the window as it was at its end.

    Args:
        folder: The folder of the harvest, with the fetched items in `items/`.
        items: Their numbers. Items that were not fetched or do not exist are skipped.
        database: A session to work in.
    """
    _open_texts(folder, database)
    numbers = sorted(items)
    for start in range(0, len(numbers), _ITEMS_HELD):
        block = ", ".join(map(str, numbers[start : start + _ITEMS_HELD]))
        found = database.table(f"SELECT json FROM lines WHERE id IN ({block}) ORDER BY id").column("json")
        yield from cast(list[bytes], found.to_pylist())


def named_items(folder: Path, items: Collection[int], properties: Collection[str], database: Database) -> set[int]:
    """Items that are values of some properties of fetched items; the arguments are those of `item_texts`."""
    return {
        row[_OBJECT_ID]
        for rows in parsed_items(folder, items, properties, database)
        for row in rows.statements
        if row[_OBJECT_ID]
    }


def parsed_items(
    folder: Path, items: Collection[int], properties: Collection[str], database: Database
) -> Iterator[Rows]:
    """The table rows of each fetched item with statements of some properties; unreadable items are skipped."""
    wanted = Wanted(frozenset(properties), frozenset())
    for line in item_texts(folder, items, database):
        rows = Rows()
        try:
            read_entity(line, wanted, rows)
        except UNREADABLE:
            continue
        yield rows


def _open_texts(folder: Path, database: Database) -> None:
    """Create the view `lines`: every fetched item that exists; for a changed item its text at the window's end."""
    if not any((folder / "items").glob("*.parquet")):
        write_rows([], folder / "items" / "none.parquet", schema.TEXTS)
    database.view("items", folder / "items")
    database.view("heads", folder / "new")
    database.run(
        """CREATE OR REPLACE TEMP VIEW lines AS
        SELECT items.id, coalesce(heads.json, items.json) AS json FROM items LEFT JOIN heads USING (id)
        WHERE items.json IS NOT NULL"""
    )
