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
from pipeline.sources.live.build_tables import write_tables
from pipeline.sources.live.compare import compare_window
from pipeline.sources.live.context import HarvestContext
from pipeline.sources.live.fetch_window import fetch_window
from pipeline.sources.live.popular_items import fetch_popular_items
from pipeline.sources.live.rate_limit import RateLimiter, urllib_rate_limited
from pipeline.sources.live.request import HarvestRequest
from pipeline.sources.live.state import RECORD, Harvest, find_finished, harvest_folder, resolve_window
from pipeline.sources.live.surroundings import fetch_surroundings
from pipeline.sources.live.undone import find_undone
from pipeline.sources.live.wiki import Wiki
from pipeline.sources.live.window import Window


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
            context = HarvestContext(request, settings, limiter, wiki, wiki.clock, window, pool, reporter)
            return find_finished(request, window, settings) or _run_steps(context)
    finally:
        traffic = limiter.traffic.summary()
        reporter.say("traffic", f"{traffic['requests']} requests, {traffic['failed']} of them failed", **traffic)


def _run_steps(context: HarvestContext) -> Harvest:
    """Run all steps in a hidden folder, which is renamed at the end."""
    folder = harvest_folder(context.request, context.window, context.settings)
    part = folder.with_name(f".{folder.name}.part")
    part.mkdir(parents=True, exist_ok=True)
    _report_budget(context)

    fetched = fetch_window(context, part)
    compare_window(context, fetched.changes, part)
    find_undone(context, fetched.changes, part)
    popular = fetch_popular_items(context, part)
    around = fetch_surroundings(context, popular, part)
    lines = write_tables(context, around.counts, part)

    counts = {**fetched.counts, "subjects": around.subjects, "viewed": len(popular), "lines": lines}
    return _finish(context, part, folder, {"gaps": fetched.gaps, "counts": counts})


def _finish(context: HarvestContext, part: Path, folder: Path, found: Mapping[str, object]) -> Harvest:
    """Write the record, rename the folder, and delete what only an unfinished harvest needs."""
    window = context.window
    record = {
        "wiki": context.wiki.name,
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        **found,
    }
    (part / RECORD).write_text(json.dumps(record, sort_keys=True, indent=1) + "\n", encoding="utf-8")
    for name in ("items", "scratch"):
        shutil.rmtree(part / name, ignore_errors=True)
    part.replace(folder)
    shutil.rmtree(context.state / "revisions", ignore_errors=True)  # their texts are in the folder
    return Harvest(folder, window, record)


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
