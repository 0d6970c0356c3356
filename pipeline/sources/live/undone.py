"""Step 3, check again: UNDONE, the new statements that were reverted, by the tags of their edits or by their item now.

A revert after the window is only seen in the item as it is now, so this step fetches the items with new statements.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from pipeline.core import schema
from pipeline.core.tables import Database, write_rows
from pipeline.sources.entities.model import WholeEntity, number
from pipeline.sources.entities.values import value_text
from pipeline.sources.live.context import HarvestContext
from pipeline.sources.live.edit_summaries import NAMES_PROPERTY, NO_STATEMENT
from pipeline.sources.live.revision_spans import open_changes

_UndoneRow = tuple[int, str, str]  # the columns of schema.UNDONE, in order
_NewStatements = Mapping[int, list[tuple[str, str, str]]]  # property, statement and value, by item

# The edits that may have made a difference: those whose summaries name its property, and those that name no property.
_POSSIBLE_EDITS = f"""
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
FROM ({_POSSIBLE_EDITS}) GROUP BY subject_id, statement_id
HAVING bool_and(list_contains(tags, 'mw-reverted')) OR ({{anonymous}} AND bool_and(is_anonymous))
"""
_NEW_STATEMENTS = """
SELECT subject_id, property_id, new_statement_id, new_value FROM differences
WHERE is_new_value AND item_kind <> 'removed' AND property_id IS NOT NULL ORDER BY subject_id, new_statement_id
"""


def find_undone(context: HarvestContext, changes: list[Path], folder: Path) -> None:
    """Write UNDONE as `undone.parquet`.

    Args:
        context: What every step is given.
        changes: Files of RECENT_CHANGES that cover the window.
        folder: The folder of the harvest, with the differences in `differences/`.

    Raises:
        ServiceError: The wiki refuses us or keeps failing.
        BudgetSpent: The run has used its budget of requests.
    """
    with context.database() as database:
        open_changes(changes, context.window, database)
        database.view("differences", folder / "differences")
        rows = _tagged(database, context.settings.live.drop_anonymous)
        new = _new_statements(database, {(item, statement) for item, statement, _ in rows})
    rows |= _fetch_undone_later(context, new)
    write_rows(sorted(rows), folder / "undone.parquet", schema.UNDONE)


def _tagged(database: Database, drop_anonymous: bool) -> set[_UndoneRow]:
    """New statements whose edits are all tagged as reverted; on request also those by editors without an account."""
    table = database.table(_TAGGED.format(anonymous=str(drop_anonymous).lower()))
    return set(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _new_statements(database: Database, without: set[tuple[int, str]]) -> _NewStatements:
    found: dict[int, list[tuple[str, str, str]]] = {}
    table = database.table(_NEW_STATEMENTS)
    for item, prop, statement, value in zip(*(column.to_pylist() for column in table.columns), strict=True):
        if (item, statement) not in without:
            found.setdefault(item, []).append((f"P{prop}", statement, value))
    return found


def _fetch_undone_later(context: HarvestContext, new: _NewStatements) -> set[_UndoneRow]:
    """New statements whose value is no longer in their item, and those of items that are gone."""
    rows: set[_UndoneRow] = set()
    with context.reporter.track("a later look", len(new)) as advance:
        for item, values in _fetch_current_values(context, sorted(new)):
            rows |= {
                (item, statement, "item_gone" if values is None else "gone_later")
                for prop, statement, value in new[item]
                if values is None or (prop, value) not in values
            }
            advance(1)
    return rows


def _fetch_current_values(
    context: HarvestContext, items: list[int]
) -> Iterator[tuple[int, set[tuple[str, str]] | None]]:
    """The values that items have now; None for an item that was deleted or merged."""
    size = context.settings.live.batch
    for start in range(0, len(items), size):
        names = [f"Q{item}" for item in items[start : start + size]]
        for name, entity in context.wiki.entities(names, "info|claims").items():
            yield number(name), None if "missing" in entity or "redirects" in entity else _values(entity)


def _values(entity: Mapping[str, Any]) -> set[tuple[str, str]]:
    claims = msgspec.convert({"id": entity["id"], "claims": entity.get("claims", [])}, WholeEntity).claims
    groups = claims if isinstance(claims, dict) else {}
    return {(name, value_text(one.mainsnak)) for name, statements in groups.items() for one in statements}
