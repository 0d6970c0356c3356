"""Items as they are now, fetched in batches and kept as lines of a dump until a visit is over."""

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
    """Fetch items that are not in the store yet.

    Args:
        wiki: The repository.
        items: Their numbers.
        store: A folder of TEXTS, a file a batch; an item that is not there has no text.
        batch: How many to ask for at a time.
        database: A session to work in.
        reporter: Where to tell how far it has come.
    """
    waiting = sorted(set(items) - stored(store, database))
    with reporter.track("items", len(waiting)) as advance:
        for start in range(0, len(waiting), batch):
            part = waiting[start : start + batch]
            found = wiki.entities([f"Q{item}" for item in part], _PROPS, languages=_LANGUAGES)
            rows = [(item, _line(found[f"Q{item}"])) for item in part]
            write_rows(rows, store / f"{draw_key(0, *part)[:16]}.parquet", schema.TEXTS)
            advance(len(part))


def stored(store: Path, database: Database) -> set[int]:
    """The items that a store knows of."""
    if not any(store.glob("*.parquet")):
        return set()
    database.view("items", store)
    return set(cast(Iterable[int], database.table("SELECT id FROM items").column("id").to_pylist()))


def _line(entity: Answer) -> bytes | None:
    """An item as a line of a dump; None if it is gone or was merged into another."""
    if "missing" in entity or "redirects" in entity:
        return None
    kept: dict[str, Any] = {key: value for key, value in entity.items() if key not in ("pageid", "ns", "title")}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
