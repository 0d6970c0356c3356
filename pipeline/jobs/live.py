"""From the command line to a visit of a living wiki: whom to ask, about which window, and what it may cost."""

import json
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
from pipeline.sources.live.harvest import DONE, WIKIDATA, Call, Endpoints, Harvest, harvest, window_of
from pipeline.sources.live.rate_limit import Gate
from pipeline.sources.live.recent_changes import Window, sweep
from pipeline.sources.live.wiki import Wiki
from pipeline.sources.pageviews.complete import wants_complete
from pipeline.sources.pageviews.top import MOST

_SINCE = re.compile(r"([1-9]\d*)d")


@dataclass(frozen=True)
class Asked:
    """The live part of a command line, as it was typed."""

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


def call_of(asked: Asked, settings: Settings) -> Call:
    """What a command line asks for.

    Raises:
        UsageError: It asks for no window, or for none that can be understood.
    """
    if not asked.since and not (asked.start and asked.end):
        raise UsageError("No window was given", "--since", "Give --since 7d, or --from and --to.")
    relations = load_templates().relations.values()
    filters = [relation.object_filter.property for relation in relations if relation.object_filter]
    follow = {int(name[1:]) for name in (*(relation.source_property for relation in relations), *filters)}
    return Call(
        endpoints=_endpoints(asked),
        contact=asked.contact,
        state=asked.state,
        start=_moment(asked.start, "--from"),
        end=_moment(asked.end, "--to"),
        days=_days(asked.since),
        follow=frozenset(follow),
        depth=settings.screening.max_class_depth,
    )


def visit(asked: Asked, settings: Settings, polite: PoliteSettings, workers: int, reporter: Reporter) -> Harvest:
    """Visit a wiki, one process at a time in a state folder; arguments and errors are those of `harvest`."""
    call = call_of(asked, settings)
    with locked(call.state), executor(workers) as pool:
        return harvest(call, settings, polite, pool, reporter)


def sweep_changes(asked: Asked, settings: Settings, polite: PoliteSettings, reporter: Reporter) -> Window:
    """Walk the recent changes of a window and keep them: a daily run, so that the weekly visit has little left to ask.

    Returns:
        The window that was walked.

    Raises:
        ServiceError: A server refuses us or keeps failing; running again goes on from there.
    """
    call = call_of(asked, settings)
    with locked(call.state):
        wiki = Wiki(call.endpoints.api, Gate(call.contact, polite, settings.seed), call.state / "pywikibot")
        window = window_of(call, wiki.clock, settings)
        with reporter.track("recent changes", (window.end - window.start).total_seconds()) as advance:
            sweep(wiki, window, call.state / "changes", settings.live, advance)
    return window


def _endpoints(asked: Asked) -> Endpoints:
    """Wikidata's services for Wikidata; for another wiki only those that are named."""
    if asked.api in (None, WIKIDATA):
        known = Endpoints()
        client = asked.wiki_api or known.client
        views, dumps = asked.pageviews or known.pageviews, asked.pageview_dumps or known.dumps
        return Endpoints(WIKIDATA, asked.sparql or known.sparql, views, client, dumps)
    client = asked.wiki_api or str(asked.api)
    return Endpoints(str(asked.api), asked.sparql, asked.pageviews, client, asked.pageview_dumps)


def _moment(text: str | None, option: str) -> datetime | None:
    """A time as the command line writes it; UTC unless it says otherwise."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no time", option, "Write it as in 2026-11-08T00:00:00Z.") from error
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC).replace(microsecond=0)


def _days(text: str | None) -> int:
    if text is None:
        return 7
    match = _SINCE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no number of days", "--since", "Write it as in 7d.")
    return int(match[1])


def plan(asked: Asked, settings: Settings, polite: PoliteSettings) -> str:
    """What a visit would cost, told without asking anybody.

    The last visit of the same state is the measure; without one, what was measured of Wikidata.
    """
    call = call_of(asked, settings)
    days = (call.end - call.start).total_seconds() / 86_400 if call.start and call.end else call.days
    live, projects = settings.live, len(settings.pageviews.projects)
    reads_files = bool(call.endpoints.pageviews and call.endpoints.dumps) and wants_complete(live)
    daily = _daily(call.state) or {
        "recent_changes": live.edits_a_day,
        "items": live.items_a_day,
        "lines": live.max_items / days,
    }
    parts = {
        "recent changes": math.ceil(daily["recent_changes"] * days / 500),
        "revisions": math.ceil(2 * daily["items"] * days / live.batch),
        "later look": math.ceil(daily["items"] * days / live.batch / 2),  # about half of the items gained something
        "items": math.ceil(daily["lines"] * days / live.batch),
    }
    if call.endpoints.sparql:
        parts["query service"] = math.ceil(3 * daily["lines"] * days / live.sparql_batch)
    if call.endpoints.pageviews:
        pages = live.view_pages if reads_files else min(live.view_pages, MOST)
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
            f"Requests for {days:g} days of {call.endpoints.api}, at most about:",
            *lines,
            f"{'together':22} {total:9,}, {fits} the budget of {polite.budget:,}",
            f"At {polite.requests_per_minute:g} a minute: {minutes:,.0f} minutes.",
            *([f"Files of all pages: about {gigabytes:g} GB, read as they arrive."] if reads_files else []),
        ]
    )


def _daily(state: Path) -> Mapping[str, float] | None:
    """What the last visit counted, by day."""
    records = sorted((json.loads(path.read_text()) for path in state.glob(f"visits/*/{DONE}")), key=lambda r: r["end"])
    if not records:
        return None
    last = records[-1]
    length = datetime.fromisoformat(last["end"]) - datetime.fromisoformat(last["start"])
    days = length.total_seconds() / 86_400
    return {name: last["counts"][name] / days for name in ("recent_changes", "items", "lines")}
