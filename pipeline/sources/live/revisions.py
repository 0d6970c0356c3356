"""Revisions by id, fetched in batches, checked for wholeness, and kept until they are used.

What is fetched is storage JSON: our reader takes it like a line of a dump once its revision and time are put in.
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
    """Fetch revisions that are not in the store yet.

    Args:
        wiki: The repository.
        wanted: Ids of revisions.
        store: A folder of REVISION_TEXTS, a file a batch.
        settings: How many to ask for at a time, and how often for those that are missing.
        database: A session to work in.
        advance: Told how many are done.

    Returns:
        The revisions that are not there: their pages were deleted.

    Raises:
        ServiceError: An answer is not whole, or the server keeps failing.
    """
    missing = wanted - _stored(store, database)
    advance(len(wanted) - len(missing))
    for _ in range(settings.missing_tries):
        waiting, missing = sorted(missing), set[int]()
        for start in range(0, len(waiting), settings.batch):
            batch = waiting[start : start + settings.batch]
            rows, bad = _fetch(wiki, batch)
            if rows:
                write_rows(rows, store / f"{draw_key(0, *batch)[:16]}.parquet", schema.REVISION_TEXTS)
            missing |= bad
            advance(len(rows))
        if not missing:
            break
    return missing


def _stored(store: Path, database: Database) -> set[int]:
    if not any(store.glob("*.parquet")):
        return set()
    database.view("stored", store)
    return {int(number) for number in database.table("SELECT revision FROM stored").column("revision").to_numpy()}


def _fetch(wiki: Wiki, batch: Sequence[int]) -> tuple[list[_Row], set[int]]:
    """A batch of revisions, and those of it that the wiki does not have."""
    rows: dict[int, _Row] = {}
    bad: set[int] = set()
    asked = {"prop": "revisions", "revids": "|".join(map(str, batch)), "rvprop": "ids|timestamp|content"}
    for part in wiki.query(**asked, rvslots="main"):
        bad.update(int(one) for one in part.get("badrevids", {}))
        for page in part.get("pages", ()):
            rows |= {row[0]: row for row in _rows(page)}
    left = set(batch) - rows.keys() - bad
    if left:
        raise ServiceError(
            f"The wiki passed over {len(left)} of {len(batch)} revisions, such as {min(left)}",
            wiki.url,
            "Run again; if it happens again, its answers cannot be trusted.",
        )
    return list(rows.values()), bad


def _rows(page: Answer) -> Iterator[_Row]:
    item = int(str(page["title"]).rpartition(":")[2].removeprefix("Q"))
    for revision in page.get("revisions", ()):
        number, moment = int(revision["revid"]), str(revision["timestamp"])
        content = revision.get("slots", {}).get("main", {}).get("content")
        form, target, text = "hidden", None, None
        if content is not None:
            stored: Mapping[str, Any] = json.loads(content)
            form, target = ("redirect", stored["redirect"]) if "redirect" in stored else ("text", None)
            text = as_line(content, number, moment) if form == "text" else None
        yield (
            number,
            item,
            int(revision.get("parentid", 0)),
            form,
            int(target[1:]) if target else None,
            datetime.fromisoformat(moment),
            text,
        )


def as_line(content: str, revision: int, moment: str) -> bytes:
    """Stored JSON as a line of a dump, which tells its revision and its time.

    >>> as_line('{"id":"Q1"}', 7, "2026-11-08T00:00:00Z")
    b'{"id":"Q1","lastrevid":7,"modified":"2026-11-08T00:00:00Z"}'
    """
    return f'{content.rstrip().removesuffix("}")},"lastrevid":{revision},"modified":"{moment}"}}'.encode()


def history(wiki: Wiki, title: str, start: datetime, end: datetime) -> tuple[int, int] | None:
    """The last revision before a window and the last one in it, asked of the page; None if none lies in it.

    Recent changes forget the edits of a page that was deleted and restored; its history remembers them.
    """
    found: list[Answer] = []
    asked = {"prop": "revisions", "titles": title, "rvprop": "ids|timestamp", "rvlimit": "max", "rvdir": "older"}
    for part in wiki.query(**asked, rvstart=f"{end:%Y-%m-%dT%H:%M:%SZ}", rvend=f"{start:%Y-%m-%dT%H:%M:%SZ}"):
        for page in part.get("pages", ()):
            found += [one for one in page.get("revisions", ()) if datetime.fromisoformat(one["timestamp"]) > start]
    if not found:
        return None
    return int(found[-1]["parentid"]), int(found[0]["revid"])
