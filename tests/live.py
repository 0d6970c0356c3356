"""The live source against a history that a server of the sandbox plays: real clients, real sockets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.core.parallel import InlineExecutor
from pipeline.core.progress import Reporter
from pipeline.core.settings import PoliteSettings, Settings, load_operations, load_settings
from pipeline.core.tables import Database, read_table
from pipeline.language.templates import load_templates
from pipeline.sandbox import api
from pipeline.sandbox.history import History
from pipeline.sandbox.server import Faults, Seen, as_json, serve
from pipeline.sources.diff import classification
from pipeline.sources.entities import ingestion
from pipeline.sources.entities.rows import Wanted
from pipeline.sources.live.build_tables import complete_changes
from pipeline.sources.live.compare import compare_window
from pipeline.sources.live.context import HarvestContext
from pipeline.sources.live.fetch_window import fetch_window
from pipeline.sources.live.rate_limit import RateLimiter
from pipeline.sources.live.request import HarvestRequest, ServiceUrls
from pipeline.sources.live.undone import find_undone
from pipeline.sources.live.wiki import Wiki
from pipeline.sources.live.window import Window
from tests.entities import Json

CONTACT = "tests@example.org"


QUICK = {
    "requests_per_minute": 6e6,
    "burst": 100,
    "backoff_seconds": 0.001,
    "max_backoff_seconds": 0.05,
    "break_seconds": 0.01,
}
"""Settings of a rate limit for our own servers, without long waits."""


def quick(**polite: object) -> PoliteSettings:
    """A rate limit for our own servers, without long waits."""
    return load_operations().polite.model_copy(update=QUICK | {"max_breaks": 50} | polite)


@dataclass(frozen=True)
class Harvested:
    """What the first steps of a harvest found.

    Attributes:
        changes: CHANGES.
        counts: Items by kind.
        limiter: The rate limiter of all requests.
        seen: The requests that the server got.
        folder: Every table on the way.
    """

    changes: list[Json]
    counts: Mapping[str, int]
    limiter: RateLimiter
    seen: Seen
    folder: Path


def harvest_window(
    history: History, window: Window, folder: Path, faults: Faults | None = None, budget: int = 10_000
) -> Harvested:
    """Run the steps up to CHANGES against a server that plays a history."""
    settings = load_settings()
    templates = load_templates()
    out = folder / "harvest"
    with serve(lambda request: as_json(api.answer(history, request.parameters)), faults) as (url, seen):
        limiter = RateLimiter(CONTACT, quick(budget=budget))
        wiki = Wiki(f"{url}/w/api.php", limiter, folder / "pywikibot")
        pool, reporter = InlineExecutor(), Reporter("quiet")
        request = HarvestRequest(ServiceUrls(wiki.url, sparql=None, pageviews=None), CONTACT, folder / "state")
        context = HarvestContext(request, settings, limiter, wiki, window.end, window, pool, reporter)
        fetched = fetch_window(context, out)
        compare_window(context, fetched.changes, out)
        find_undone(context, fetched.changes, out)
    _ingest_heads(out, folder, settings)
    states = classification.ComparedStates(
        out / "differences", out / "merges.parquet", (folder / "new" / "statements",), window.start
    )
    with Database(folder / "scratch", "500MB") as database:
        compared = classification.classify(states, templates.dating, database, folder / "compared.parquet")
    with Database(folder / "scratch", "500MB") as database:
        complete_changes(compared, out, database, folder / "changes.parquet")
    return Harvested(read_table(folder / "changes.parquet").to_pylist(), fetched.counts, limiter, seen, folder)


def _ingest_heads(harvest: Path, folder: Path, settings: Settings) -> None:
    """STATEMENTS of the items as the window left them, which date what they mention."""
    lines = read_table(harvest / "new").column("json").to_pylist()
    new = folder / "new.json"
    new.write_bytes(b"[\n" + b",\n".join(lines) + b"\n]\n")
    wanted = Wanted(frozenset(f"P{number}" for number in load_templates().dating.properties), frozenset({"enwiki"}))
    ingestion.ingest(new, folder / "new", wanted, settings.dump, InlineExecutor(), 1)


def window(start: str, end: str) -> Window:
    """A window by its ends."""
    return Window(datetime.fromisoformat(start), datetime.fromisoformat(end))
