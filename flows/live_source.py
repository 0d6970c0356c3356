"""The seam to the live source: what a flow asks of it, in one place."""

import os
from datetime import datetime, timedelta

from flows.parameters import BuildParameters
from flows.running import RunLog, waiting
from flows.windows import Span, window_of
from pipeline.core.errors import UsageError
from pipeline.core.settings import Settings, load_operations
from pipeline.core.stage_cache import locked
from pipeline.jobs.build import Sources
from pipeline.jobs.live import Asked, call_of, visit
from pipeline.sources.live.harvest import ITEMS
from pipeline.sources.live.rate_limit import Gate, urllib_through
from pipeline.sources.live.recent_changes import Window, sweep
from pipeline.sources.live.wiki import Wiki


def live_sources(parameters: BuildParameters, settings: Settings, scheduled: datetime) -> Sources:
    """Visit the wiki for the window that ends a day before the scheduled time; a visit that is done is not made again.

    Raises:
        UsageError: There is no contact.
        ServiceError: A server refuses us or keeps failing; the next attempt goes on from there.
    """
    window = window_of(scheduled, parameters.days)
    polite = load_operations(parameters.config).polite
    asked = _asked(parameters, window)
    with waiting():
        made = visit(asked, settings, polite, parameters.workers, RunLog())
    return Sources("live", made.folder / ITEMS, None, made.views, parameters.exclude, made)


def fetch_changes(parameters: BuildParameters, settings: Settings, scheduled: datetime) -> int:
    """Walk the recent changes up to a day before the scheduled time, so that the weekly visit need not.

    The walk begins where an earlier one ended, so a day that was missed is walked too, as far back as a week's window.

    Returns:
        How many files of changes cover the window.

    Raises:
        UsageError: There is no contact.
        ServiceError: A server refuses us or keeps failing; the next attempt goes on from there.
    """
    window = window_of(scheduled, parameters.days)
    call = call_of(_asked(parameters, window), settings)
    gate = Gate(call.contact, load_operations(parameters.config).polite, settings.seed)
    with waiting(), locked(call.state), urllib_through(gate):
        wiki = Wiki(call.endpoints.api, gate, call.state / "pywikibot")
        length = (window.end - window.start) / timedelta(seconds=1)
        with RunLog().track("recent changes", length) as advance:
            files = sweep(wiki, Window(window.start, window.end), call.state / "changes", settings.live, advance)
    return len(files)


def _asked(parameters: BuildParameters, window: Span) -> Asked:
    contact = parameters.contact or os.environ.get("EDITMILL_CONTACT")
    if not contact:
        raise UsageError(
            "Nobody is named as running this, and the servers ask for it",
            "EDITMILL_CONTACT",
            "Set it to your mail address or page where `make serve` or the worker starts, or set `contact`.",
        )
    return Asked(
        contact=contact,
        state=parameters.state,
        start=window.start.isoformat(),
        end=window.end.isoformat(),
        api=parameters.api,
        sparql=parameters.sparql,
        pageviews=parameters.pageview_service,
        pageview_dumps=parameters.pageview_dumps,
        wiki_api=parameters.wiki_api,
    )
