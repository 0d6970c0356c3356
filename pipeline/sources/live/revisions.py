"""Revisions by id, fetched in batches, checked for completeness, and kept in the state folder.

A revision is stored JSON. With its revision number and time added, our reader takes it like a line of a dump.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.core import schema
from pipeline.core.errors import ServiceError
from pipeline.core.progress import Advance
from pipeline.core.seeded import draw_key
from pipeline.core.settings import LiveSettings
from pipeline.core.tables import Database, write_rows
from pipeline.sources.live.wiki import Answer, Wiki

_Row = tuple[Any, ...]  # the columns of schema.REVISION_TEXTS, in order


def fetch_revisions(
    wiki: Wiki, wanted: set[int], store: Path, settings: LiveSettings, database: Database, advance: Advance
) -> set[int]:
    """Fetch the revisions that are not in the store yet.

    Args:
        wiki: The repository.
        wanted: Ids of revisions.
        store: A folder of REVISION_TEXTS, one file per batch.
        settings: The batch size, and how often to try again for missing revisions.
        database: A session to work in.
        advance: Called with the number of revisions that are done.

    Returns:
        The revisions that the wiki does not have, because their pages were deleted.

    Raises:
        ServiceError: An answer is incomplete, or the server keeps failing.
    """
    missing = wanted - _stored_revisions(store, database)
    advance(len(wanted) - len(missing))
    for _ in range(settings.missing_tries):
        pending, missing = sorted(missing), set[int]()
        for start in range(0, len(pending), settings.batch):
            batch = pending[start : start + settings.batch]
            rows, bad = _fetch_batch(wiki, batch)
            if rows:
                write_rows(rows, store / f"{draw_key(0, *batch)[:16]}.parquet", schema.REVISION_TEXTS)
            missing |= bad
            advance(len(rows))
        if not missing:
            break
    return missing


def _stored_revisions(store: Path, database: Database) -> set[int]:
    """The ids of the revisions in a store."""
    if not any(store.glob("*.parquet")):
        return set()
    database.view("stored", store)
    return {int(number) for number in database.table("SELECT revision FROM stored").column("revision").to_numpy()}


def _fetch_batch(wiki: Wiki, batch: Sequence[int]) -> tuple[list[_Row], set[int]]:
    """The rows of a batch of revisions, and the ids that the wiki does not have."""
    rows: dict[int, _Row] = {}
    bad: set[int] = set()
    parameters = {"prop": "revisions", "revids": "|".join(map(str, batch)), "rvprop": "ids|timestamp|content"}
    for part in wiki.query(**parameters, rvslots="main"):
        bad.update(int(one) for one in part.get("badrevids", {}))
        for page in part.get("pages", ()):
            rows |= {row[0]: row for row in _rows(page)}
    left = set(batch) - rows.keys() - bad
    if left:
        raise ServiceError(
            f"The wiki left out {len(left)} of {len(batch)} revisions, such as {min(left)}",
            wiki.url,
            "Run again. If it happens again, do not use the answers of this wiki.",
        )
    return list(rows.values()), bad


def _rows(page: Answer) -> Iterator[_Row]:
    """The rows of REVISION_TEXTS of a page."""
    item = int(str(page["title"]).rpartition(":")[2].removeprefix("Q"))
    for revision in page.get("revisions", ()):
        number, moment = int(revision["revid"]), str(revision["timestamp"])
        content = revision.get("slots", {}).get("main", {}).get("content")
        form, target, text = "hidden", None, None
        if content is not None:
            stored: Mapping[str, Any] = json.loads(content)
            form, target = ("redirect", stored["redirect"]) if "redirect" in stored else ("text", None)
            text = dump_line(content, number, moment) if form == "text" else None
        yield (
            number,
            item,
            int(revision.get("parentid", 0)),
            form,
            int(target[1:]) if target else None,
            datetime.fromisoformat(moment),
            text,
        )


def dump_line(content: str, revision: int, moment: str) -> bytes:
    """Stored JSON as a line of a dump, with its revision number and time.

    >>> dump_line('{"id":"Q1"}', 7, "2026-11-08T00:00:00Z")
    b'{"id":"Q1","lastrevid":7,"modified":"2026-11-08T00:00:00Z"}'
    """
    return f'{content.rstrip().removesuffix("}")},"lastrevid":{revision},"modified":"{moment}"}}'.encode()


def fetch_base_and_head(wiki: Wiki, title: str, start: datetime, end: datetime) -> tuple[int, int] | None:
    """Base and head revision of an item from the history of its page; None if it has no edit in the window.

    Recent changes lose the edits of a page that was deleted and restored. The history of the page still lists them.
    """
    found: list[Answer] = []
    parameters = {"prop": "revisions", "titles": title, "rvprop": "ids|timestamp", "rvlimit": "max", "rvdir": "older"}
    for part in wiki.query(**parameters, rvstart=f"{end:%Y-%m-%dT%H:%M:%SZ}", rvend=f"{start:%Y-%m-%dT%H:%M:%SZ}"):
        for page in part.get("pages", ()):
            found += [one for one in page.get("revisions", ()) if datetime.fromisoformat(one["timestamp"]) > start]
    if not found:
        return None
    return int(found[-1]["parentid"]), int(found[0]["revid"])
