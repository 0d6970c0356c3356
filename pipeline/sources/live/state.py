"""The state folder of a wiki: where harvests are, what the finished ones recorded, and where the next one starts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.core import schema
from pipeline.core.errors import UsageError
from pipeline.core.seeded import draw_key
from pipeline.core.settings import Settings
from pipeline.core.stage_cache import read_record
from pipeline.sources.live.request import HarvestRequest, ServiceUrls
from pipeline.sources.live.window import Window

RECORD = "visit.json"
"""The record of a finished harvest, in its folder. A folder with a record is complete."""

ITEMS = "items.json.gz"
"""The fetched items in the form of a dump, in the folder of a harvest."""


@dataclass(frozen=True)
class Harvest:
    """A finished harvest: its folder, its window and its record."""

    folder: Path
    window: Window
    record: Mapping[str, Any]

    @property
    def views(self) -> Path | None:
        """The folder of its page views, if it has any."""
        folder = self.folder / "views"
        return folder if any(folder.glob("*.tsv")) else None


def harvest_folder(request: HarvestRequest, window: Window, settings: Settings) -> Path:
    """The folder of a harvest: the same wiki, window and settings have the same folder."""
    depends = [
        _names_on_disk(request.urls),
        settings.live.model_dump(),
        settings.pageviews.model_dump(),
        settings.changes.model_dump(),
        settings.seed,
        sorted(request.properties),
        schema.SCHEMA_VERSION,
    ]
    return request.state / "visits" / f"{window.name}-{draw_key(0, json.dumps(depends, sort_keys=True))[:12]}"


def _names_on_disk(urls: ServiceUrls) -> Mapping[str, str | None]:
    """URLs by the keys that the names of folders are hashed from; other keys would hide finished harvests."""
    return {
        "api": urls.api,
        "sparql": urls.sparql,
        "pageviews": urls.pageviews,
        "client": urls.client_api,
        "dumps": urls.pageview_dumps,
    }


def find_finished(request: HarvestRequest, window: Window, settings: Settings) -> Harvest | None:
    """The harvest of a window if an earlier run finished it."""
    folder = harvest_folder(request, window, settings)
    record = folder / RECORD
    return Harvest(folder, window, read_record(record, json.loads)) if record.is_file() else None


def read_records(state: Path) -> list[Mapping[str, Any]]:
    """The records of all finished harvests of a state folder, the earliest end first."""
    records = [read_record(path, json.loads) for path in state.glob(f"visits/*/{RECORD}")]
    return sorted(records, key=lambda record: datetime.fromisoformat(record["end"]))


def resolve_window(request: HarvestRequest, now: datetime, settings: Settings) -> Window:
    """The requested window. Without a start it begins where the last harvest ended, so that no change is lost.

    Args:
        request: What is requested.
        now: The current time of the wiki. A wiki that replays the past has a time of its own.
        settings: How long edits must settle before they are harvested.

    Raises:
        UsageError: The window ends before it starts.
    """
    latest = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=settings.live.settle_hours)
    end = request.end or latest
    earlier = [datetime.fromisoformat(record["end"]) for record in read_records(request.state)]
    last = [moment for moment in earlier if moment < end][-1:]
    start = request.start or min([end - timedelta(days=request.days), *last])
    if start >= end:
        raise UsageError(f"The window ends at {end}, before it starts", "--from, --to", "Exchange them.")
    return Window(start, end)
