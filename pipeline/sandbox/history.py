"""The past of a wiki of the sandbox: its revisions, its recent changes, and its items as they are now."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.core.seeded import fraction

Json = dict[str, Any]

_META = Path(__file__).with_name("wiki.json")


def recorded_meta() -> Json:
    """Recorded answers of a MediaWiki with Wikibase about itself: `siteinfo`, `userinfo` and `paraminfo` by module."""
    return json.loads(_META.read_text(encoding="utf-8"))


@dataclass
class History:
    """A wiki that changes no more.

    Attributes:
        revisions: Every revision by its id, as `prop=revisions` gives it, with `title` and `pageid` of its page.
        changes: Rows of `list=recentchanges`, in any order.
        entities: Every item as it is now, as `action=wbgetentities` gives it.
        redirects: Items that were merged, and into which.
        pages: Pages about items on the client wiki: their item, or the page that they redirect to.
        now: The time there, as MediaWiki writes it.
        disorder: The share of recent changes that are listed twice, or before the one they came after.
        lagging: Revisions that are missing when they are asked for the first time.
        meta: See `recorded_meta`.
    """

    revisions: dict[int, Json]
    changes: list[Json]
    entities: Mapping[str, Json]
    redirects: Mapping[str, str] = field(default_factory=dict[str, str])
    pages: Mapping[str, Json] = field(default_factory=dict[str, Json])
    now: str = "2026-11-20T00:00:00Z"
    disorder: float = 0.0
    lagging: set[int] = field(default_factory=set[int])
    meta: Json = field(default_factory=recorded_meta)


TROUBLES = ("disorder", "suppressed", "lagging")


def trouble(history: History, shares: Mapping[str, float]) -> None:
    """Give a wiki some of the troubles of real ones.

    Args:
        history: The wiki.
        shares: Of the recent changes, how many are in "disorder" and how many have their summary "suppressed"; how
            many revisions are "lagging". A hash of its number decides about each.
    """
    history.disorder = shares.get("disorder", 0.0)
    history.lagging = {one for one in history.revisions if fraction(0, "lagging", one) < shares.get("lagging", 0.0)}
    for row in history.changes:
        if fraction(0, "suppressed", row["rcid"]) < shares.get("suppressed", 0.0):
            row.pop("comment", None)
            row["commenthidden"] = True
