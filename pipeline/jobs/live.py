"""From command-line options to a harvest of a living wiki, its daily part, and a plan of its requests."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.core.errors import UsageError
from pipeline.core.parallel import executor
from pipeline.core.progress import Reporter
from pipeline.core.settings import PoliteSettings, Settings
from pipeline.core.stage_cache import locked
from pipeline.language.templates import load_templates
from pipeline.sources.live.harvest import harvest
from pipeline.sources.live.rate_limit import RateLimiter
from pipeline.sources.live.recent_changes import fetch_recent_changes
from pipeline.sources.live.request import WIKIDATA, HarvestRequest, ServiceUrls
from pipeline.sources.live.state import Harvest, read_records, resolve_window
from pipeline.sources.live.wiki import Wiki
from pipeline.sources.live.window import Window
from pipeline.sources.pageviews.monthly_file import needs_monthly_files
from pipeline.sources.pageviews.top_pages import TOP_PAGES_LIMIT

_SINCE = re.compile(r"([1-9]\d*)d")


@dataclass(frozen=True)
class LiveOptions:
    """The options of the live source, as they were typed."""

    contact: str | None
    state: Path
    since: str | None = None
    start: str | None = None
    end: str | None = None
    api: str | None = None
    sparql: str | None = None
    pageviews: str | None = None
    pageview_dumps: str | None = None
    wiki_api: str | None = None


@dataclass(frozen=True)
class FetchedChanges:
    """What a daily run fetched: the window, and the files of RECENT_CHANGES that cover it."""

    window: Window
    files: list[Path]


def harvest_request(options: LiveOptions, settings: Settings) -> HarvestRequest:
    """The harvest that options request.

    Raises:
        UsageError: There is no window, or a time or a number of days cannot be read.
    """
    if not options.since and not (options.start and options.end):
        raise UsageError("No window was given", "--since", "Give --since 7d, or --from and --to.")
    relations = load_templates().relations.values()
    filters = [relation.object_filter.property for relation in relations if relation.object_filter]
    properties = {int(name[1:]) for name in (*(relation.source_property for relation in relations), *filters)}
    return HarvestRequest(
        urls=_service_urls(options),
        contact=options.contact,
        state=options.state,
        start=_parse_time(options.start, "--from"),
        end=_parse_time(options.end, "--to"),
        days=_parse_days(options.since),
        properties=frozenset(properties),
        class_depth=settings.screening.max_class_depth,
    )


def run_harvest(
    options: LiveOptions, settings: Settings, polite: PoliteSettings, workers: int, reporter: Reporter
) -> Harvest:
    """Harvest a wiki. One process at a time works in a state folder; arguments and errors are those of `harvest`."""
    request = harvest_request(options, settings)
    with locked(request.state), executor(workers) as pool:
        return harvest(request, settings, polite, pool, reporter)


def fetch_daily_changes(
    options: LiveOptions, settings: Settings, polite: PoliteSettings, reporter: Reporter
) -> FetchedChanges:
    """Fetch the recent changes of a window and keep them, so that the weekly harvest has few requests left.

    Raises:
        UsageError: There is no contact, or the window is wrong.
        ServiceError: A server refuses us or keeps failing. Another run continues from there.
    """
    request = harvest_request(options, settings)
    limiter = RateLimiter(request.contact, polite, settings.seed)
    with locked(request.state):
        wiki = Wiki(request.urls.api, limiter, request.state / "pywikibot")
        window = _daily_window(request, wiki, settings)
        with reporter.track("recent changes", (window.end - window.start).total_seconds()) as advance:
            files = fetch_recent_changes(wiki, window, request.state / "changes", settings.live, advance)
    return FetchedChanges(window, files)


def _daily_window(request: HarvestRequest, wiki: Wiki, settings: Settings) -> Window:
    """The requested window; only a window without both ends needs the clock of the wiki, which is a request."""
    if request.start and request.end:
        return resolve_window(request, request.end, settings)
    return resolve_window(request, wiki.clock, settings)


def _service_urls(options: LiveOptions) -> ServiceUrls:
    """Wikidata's services by default for Wikidata; for another wiki only those that are given."""
    if options.api in (None, WIKIDATA):
        known = ServiceUrls()
        return ServiceUrls(
            api=WIKIDATA,
            sparql=options.sparql or known.sparql,
            pageviews=options.pageviews or known.pageviews,
            client_api=options.wiki_api or known.client_api,
            pageview_dumps=options.pageview_dumps or known.pageview_dumps,
        )
    api = str(options.api)
    return ServiceUrls(api, options.sparql, options.pageviews, options.wiki_api or api, options.pageview_dumps)


def _parse_time(text: str | None, option: str) -> datetime | None:
    """A time in ISO 8601; UTC if it has no time zone."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a time", option, "Write it like 2026-11-08T00:00:00Z.") from error
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC).replace(microsecond=0)


def _parse_days(text: str | None) -> int:
    """A number of days like "7d"; 7 by default."""
    if text is None:
        return 7
    match = _SINCE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a number of days", "--since", "Write it like 7d.")
    return int(match[1])


def plan_harvest(options: LiveOptions, settings: Settings, polite: PoliteSettings) -> str:
    """The number of requests that a harvest needs, as text, without sending any.

    It is projected from the last harvest in the state folder, or from numbers measured on Wikidata.
    """
    request = harvest_request(options, settings)
    days = _length_in_days(request.start, request.end) if request.start and request.end else request.days
    live, urls, projects = settings.live, request.urls, len(settings.pageviews.projects)
    reads_files = bool(urls.pageviews and urls.pageview_dumps) and needs_monthly_files(live)
    daily = _last_daily_counts(request.state) or {
        "recent_changes": live.edits_a_day,
        "items": live.items_a_day,
        "lines": live.max_items / days,
    }
    parts = {
        "recent changes": math.ceil(daily["recent_changes"] * days / 500),
        "revisions": math.ceil(2 * daily["items"] * days / live.batch),
        "later look": math.ceil(daily["items"] * days / live.batch / 2),  # about half of the items have new statements
        "items": math.ceil(daily["lines"] * days / live.batch),
    }
    if urls.sparql:
        parts["query service"] = math.ceil(3 * daily["lines"] * days / live.sparql_batch)
    if urls.pageviews:
        pages = live.view_pages if reads_files else min(live.view_pages, TOP_PAGES_LIMIT)
        parts["page views and titles"] = live.view_months * (2 + math.ceil(pages / live.batch)) * projects
    if reads_files:
        parts["files of all pages"] = live.view_months
    gigabytes = parts.get("files of all pages", 0) * live.complete_gigabytes
    total = sum(parts.values())
    lines = [f"{name:22} {count:9,}" for name, count in parts.items()]
    minutes = total / polite.requests_per_minute
    fits = "within" if total <= polite.budget else "MORE THAN"
    return "\n".join(
        [
            f"Requests for {days:g} days of {urls.api}, at most about:",
            *lines,
            f"{'together':22} {total:9,}, {fits} the budget of {polite.budget:,}",
            f"At {polite.requests_per_minute:g} a minute: {minutes:,.0f} minutes.",
            *([f"Files of all pages: about {gigabytes:g} GB, read as they arrive."] if reads_files else []),
        ]
    )


def _length_in_days(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() / 86_400


def _last_daily_counts(state: Path) -> Mapping[str, float] | None:
    """The counts of the last harvest per day; None if there is none."""
    records = read_records(state)
    if not records:
        return None
    last = records[-1]
    days = _length_in_days(datetime.fromisoformat(last["start"]), datetime.fromisoformat(last["end"]))
    return {name: last["counts"][name] / days for name in ("recent_changes", "items", "lines")}
