"""A harvest of a living wiki, step by step: fetch a window, compare it, fetch what is around it, write the tables.

Everything that is fetched is written to the state folder at once. A run that was killed, or that used up its budget of
requests, continues from there. A finished harvest is never made again.
"""

import json
import shutil
from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path

from pipeline.core.progress import Reporter
from pipeline.core.settings import PoliteSettings, Settings
from pipeline.core.tables import Database
from pipeline.sources.live.build_tables import write_items, write_mentions
from pipeline.sources.live.compare import compare_window
from pipeline.sources.live.context import HarvestContext
from pipeline.sources.live.fetch_window import fetch_window
from pipeline.sources.live.items import fetch_items
from pipeline.sources.live.rate_limit import RateLimiter, urllib_rate_limited
from pipeline.sources.live.request import HarvestRequest
from pipeline.sources.live.revision_spans import find_gaps
from pipeline.sources.live.state import RECORD, Harvest, find_finished, harvest_folder, resolve_window
from pipeline.sources.live.subjects import changed_subjects, dating_items
from pipeline.sources.live.surroundings import fetch_surroundings
from pipeline.sources.live.undone import find_undone
from pipeline.sources.live.wiki import Wiki
from pipeline.sources.live.window import Window
from pipeline.sources.pageviews.popular_items import PageViewRequest, fetch_popular_items
from pipeline.sources.pageviews.top_pages import last_months


def harvest(
    request: HarvestRequest, settings: Settings, polite: PoliteSettings, pool: Executor, reporter: Reporter
) -> Harvest:
    """Harvest a window of a wiki, or return the finished harvest of the same window.

    Args:
        request: The services, the window and the state folder.
        settings: All settings of the release.
        polite: The rate limit.
        pool: Runs the comparison.
        reporter: Reports progress, and at the end the number of requests.

    Raises:
        UsageError: There is no contact, or the window is wrong.
        ServiceError: A server refuses us or keeps failing. Another run continues from there.
        BudgetSpent: The run has used its budget of requests. Another run continues from there.
    """
    limiter = RateLimiter(request.contact, polite, settings.seed)
    if request.start and request.end:
        finished = find_finished(request, Window(request.start, request.end), settings)
        if finished:
            return finished
    try:
        with urllib_rate_limited(limiter):
            wiki = Wiki(request.urls.api, limiter, request.state / "pywikibot")
            window = resolve_window(request, wiki.clock, settings)
            context = HarvestContext(wiki, limiter, window, request.state, settings, pool, reporter)
            return find_finished(request, window, settings) or _harvest(request, context)
    finally:
        traffic = limiter.traffic.summary()
        reporter.say("traffic", f"{traffic['requests']} requests, {traffic['failed']} of them failed", **traffic)


def _harvest(request: HarvestRequest, context: HarvestContext) -> Harvest:
    """The steps. Each reads what the steps before it wrote to the folder, which is renamed when all are done."""
    window, settings = context.window, context.settings
    folder = harvest_folder(request, window, settings)
    part = folder.with_name(f".{folder.name}.part")
    part.mkdir(parents=True, exist_ok=True)
    _report_budget(context)

    fetched = fetch_window(context, part)

    with context.database() as database:
        compare_window(fetched.changes, window, part, settings, context.pool, database)
        find_undone(context, part, database)
        subjects = changed_subjects(database, request.properties, settings.live.max_subjects, settings.seed)
        dating = dating_items(database, request.properties)
        gaps = find_gaps(fetched.changes, window, context.wiki.clock, settings.live.retention_days, database)

    with context.database() as database:
        popular = _fetch_popular(request, context, part, database)
        fetch_items(context.wiki, dating, part / "items", settings.live.batch, database, context.reporter)
        graph_counts = fetch_surroundings(request, context, {*subjects, *popular}, part, database)

        if graph_counts:
            write_mentions(part, graph_counts, database)
        lines = write_items(part, database)

    counts = {**fetched.counts, "subjects": len(subjects), "viewed": len(popular), "lines": lines}
    record = {
        "wiki": context.wiki.name,
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "gaps": gaps,
        "counts": counts,
    }
    return _finish(context, part, folder, record)


def _fetch_popular(request: HarvestRequest, context: HarvestContext, part: Path, database: Database) -> set[int]:
    """Fetch `views/` and `titles.parquet`; returns the items of the most viewed pages."""
    urls, months = request.urls, last_months(context.window.end, context.settings.live.view_months)
    pages = PageViewRequest(urls.pageviews, urls.pageview_dumps, urls.client_api, months, context.state, part)
    return fetch_popular_items(pages, context.wiki, context.limiter, context.settings, database, context.reporter)


def _finish(context: HarvestContext, part: Path, folder: Path, record: Mapping[str, object]) -> Harvest:
    """Write the record, rename the folder, and delete what only an unfinished harvest needs."""
    (part / RECORD).write_text(json.dumps(record, sort_keys=True, indent=1) + "\n", encoding="utf-8")
    for name in ("items", "scratch"):
        shutil.rmtree(part / name, ignore_errors=True)
    part.replace(folder)
    shutil.rmtree(context.state / "revisions", ignore_errors=True)  # their texts are in the folder
    return Harvest(folder, context.window, record)


def _report_budget(context: HarvestContext) -> None:
    """Report the most that the harvest may cost, before it starts."""
    window, polite = context.window, context.limiter.settings
    minutes = polite.budget / polite.requests_per_minute
    context.reporter.say(
        "plan",
        f"From {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M}: at most {polite.budget} requests, "
        f"{polite.requests_per_minute:g} a minute, {minutes:.0f} minutes.",
        budget=polite.budget,
    )
