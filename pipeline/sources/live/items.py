"""Items as they are now, fetched in batches and kept as lines of a dump until the harvest is finished."""

import json
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, cast

from pipeline.core import schema
from pipeline.core.progress import Reporter
from pipeline.core.seeded import draw_key
from pipeline.core.tables import Database, write_rows
from pipeline.sources.live.wiki import Answer, Wiki

_PROPS = "info|labels|descriptions|aliases|claims|sitelinks"
_LANGUAGES = "en|mul"  # those that the reader takes labels from


def fetch_items(
    wiki: Wiki, items: Collection[int], store: Path, batch: int, database: Database, reporter: Reporter
) -> None:
    """Fetch the items that are not in the store yet.

    Args:
        wiki: The repository.
        items: Their numbers.
        store: A folder of TEXTS, one file per batch. An item that is deleted or merged has no text.
        batch: Items per request.
        database: A session to work in.
        reporter: Reports progress.

    Raises:
        ServiceError: The wiki refuses us or keeps failing.
        BudgetSpent: The run has used its budget of requests.
    """
    pending = sorted(set(items) - _stored_items(store, database))
    with reporter.track("items", len(pending)) as advance:
        for start in range(0, len(pending), batch):
            part = pending[start : start + batch]
            found = wiki.entities([f"Q{item}" for item in part], _PROPS, languages=_LANGUAGES)
            rows = [(item, _dump_line(found[f"Q{item}"])) for item in part]
            write_rows(rows, store / f"{draw_key(0, *part)[:16]}.parquet", schema.TEXTS)
            advance(len(part))


def _stored_items(store: Path, database: Database) -> set[int]:
    """The items in a store."""
    if not any(store.glob("*.parquet")):
        return set()
    database.view("items", store)
    return set(cast(Iterable[int], database.table("SELECT id FROM items").column("id").to_pylist()))


def _dump_line(entity: Answer) -> bytes | None:
    """An item as a line of a dump; None if it was deleted, or merged into another item."""
    if "missing" in entity or "redirects" in entity:
        return None
    kept: dict[str, Any] = {key: value for key, value in entity.items() if key not in ("pageid", "ns", "title")}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
