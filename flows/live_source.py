"""The live source for flows: its requests follow from the parameters and the scheduled time of a run."""

import os
from datetime import datetime

from flows.parameters import BuildParameters
from flows.running import RunLog, waiting
from flows.windows import Span, window_of
from pipeline.core.errors import UsageError
from pipeline.core.settings import Settings, load_operations
from pipeline.jobs.build import Sources
from pipeline.jobs.live import LiveOptions, fetch_daily_changes, run_harvest
from pipeline.sources.live.state import ITEMS


def live_sources(parameters: BuildParameters, settings: Settings, scheduled: datetime) -> Sources:
    """Harvest the window that ends a day before the scheduled time; a finished harvest is not made again.

    Raises:
        UsageError: There is no contact.
        ServiceError: A server refuses us or keeps failing. The next attempt continues from there.
    """
    options = _live_options(parameters, window_of(scheduled, parameters.days))
    polite = load_operations(parameters.config).polite
    with waiting():
        harvest = run_harvest(options, settings, polite, parameters.workers, RunLog())
    return Sources("live", harvest.folder / ITEMS, None, harvest.views, parameters.exclude, harvest)


def fetch_changes(parameters: BuildParameters, settings: Settings, scheduled: datetime) -> int:
    """Fetch the recent changes up to a day before the scheduled time, so that the weekly harvest has few left.

    It starts where an earlier run ended. A day that was missed is fetched too, as far back as the weekly window.

    Returns:
        How many files of recent changes cover the window.

    Raises:
        UsageError: There is no contact.
        ServiceError: A server refuses us or keeps failing. The next attempt continues from there.
    """
    options = _live_options(parameters, window_of(scheduled, parameters.days))
    polite = load_operations(parameters.config).polite
    with waiting():
        return len(fetch_daily_changes(options, settings, polite, RunLog()).files)


def _live_options(parameters: BuildParameters, window: Span) -> LiveOptions:
    contact = parameters.contact or os.environ.get("EDITMILL_CONTACT")
    if not contact:
        raise UsageError(
            "Nobody is named as running this, and the servers ask for it",
            "EDITMILL_CONTACT",
            "Set it to your mail address or web page where `make serve` or the worker starts, or set `contact`.",
        )
    return LiveOptions(
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
