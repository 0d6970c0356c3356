"""A visit to a living wiki, from its changes to everything that a release needs of it, kept in a folder of its own.

What is fetched lies in the repository's state as soon as it is there: a visit that was killed, or that spent its
requests, goes on where it stopped. A visit that is done is never made again.
"""

import gzip
import json
import shutil
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pipeline.core import schema
from pipeline.core.errors import UsageError
from pipeline.core.progress import Reporter
from pipeline.core.seeded import draw_key, shuffled
from pipeline.core.settings import PoliteSettings, Settings
from pipeline.core.tables import Database, write_rows
from pipeline.sources.live.items import fetch_items
from pipeline.sources.live.rate_limit import Gate, urllib_through
from pipeline.sources.live.recent_changes import Window
from pipeline.sources.live.wiki import Wiki
from pipeline.sources.live.window import Visit, read_changes
from pipeline.sources.pageviews.popular_items import PageViews, find_viewed
from pipeline.sources.pageviews.top import months_before

if TYPE_CHECKING:  # imported when it is used, because SPARQLWrapper takes its time
    from pipeline.sources.live.sparql import Service

_LINES_HELD = 5_000  # items in memory at a time: about 100 MB of Wikidata

_STATEMENT_COUNT = schema.ENTITIES.names.index("statement_count")

DONE = "visit.json"
ITEMS = "items.json.gz"
WIKIDATA = "https://www.wikidata.org/w/api.php"
QUERY_SERVICE = "https://query.wikidata.org/sparql"
PAGE_VIEWS = "https://wikimedia.org/api/rest_v1/metrics/pageviews"
PAGE_VIEW_DUMPS = "https://dumps.wikimedia.org/other/pageview_complete/monthly"
CLIENT_WIKI = "https://{project}.org/w/api.php"


@dataclass(frozen=True)
class Endpoints:
    """Where to ask.

    Attributes:
        api: The repository's `api.php`.
        sparql: The query service; without one, degrees are counted over what was fetched.
        pageviews: The page view service; without one there is nothing popular.
        client: The `api.php` of a wiki whose pages are about items, with a place for the project.
        dumps: The monthly files of all pages; without them no page past the first thousand.
    """

    api: str = WIKIDATA
    sparql: str | None = QUERY_SERVICE
    pageviews: str | None = PAGE_VIEWS
    client: str = CLIENT_WIKI
    dumps: str | None = PAGE_VIEW_DUMPS


@dataclass(frozen=True)
class Call:
    """Who asks whom for what.

    Attributes:
        endpoints: Whom.
        contact: Who: the operator's mail address or page.
        state: The folder of the repository's state.
        start: The window's start, or None if it follows from `days`.
        end: Its end, or None for as late as is settled.
        days: The length of a window without a start; it is longer if an earlier visit ended before.
        follow: Properties whose values are fetched too.
        depth: How many steps up the class tree.
    """

    endpoints: Endpoints
    contact: str | None
    state: Path
    start: datetime | None = None
    end: datetime | None = None
    days: int = 7
    follow: frozenset[int] = frozenset()
    depth: int = 12


@dataclass(frozen=True)
class Harvest:
    """What a visit brought: its folder, its window, and what it tells of itself."""

    folder: Path
    window: Window
    record: Mapping[str, Any]

    @property
    def views(self) -> Path | None:
        """The folder of its page views, if it has any."""
        folder = self.folder / "views"
        return folder if any(folder.glob("*.tsv")) else None


def harvest(call: Call, settings: Settings, polite: PoliteSettings, pool: Executor, reporter: Reporter) -> Harvest:
    """Visit a wiki, or take what an earlier visit of the same window brought.

    Args:
        call: Who asks whom for what.
        settings: What to build.
        polite: How to ask.
        pool: Where to compare.
        reporter: Where to tell how far it has come, and at the end what it has cost.

    Raises:
        UsageError: There is no contact, or the window is none.
        ServiceError: A server refuses us or keeps failing; running again goes on from there.
        BudgetSpent: The run may send no more requests; running again goes on from there.
    """
    gate = Gate(call.contact, polite, settings.seed)
    if call.start and call.end:
        made = _finished(_folder(call, Window(call.start, call.end), settings), Window(call.start, call.end))
        if made:
            return made
    try:
        with urllib_through(gate):
            wiki = Wiki(call.endpoints.api, gate, call.state / "pywikibot")
            window = window_of(call, wiki.clock, settings)
            folder = _folder(call, window, settings)
            return _finished(folder, window) or _visit(
                call, window, folder, _Tools(settings, gate, wiki, pool, reporter)
            )
    finally:
        told = gate.traffic.told()
        reporter.say("traffic", f"{told['requests']} requests, {told['failed']} of them in vain", **told)


@dataclass(frozen=True)
class _Tools:
    settings: Settings
    gate: Gate
    wiki: Wiki
    pool: Executor
    reporter: Reporter


def window_of(call: Call, now: datetime, settings: Settings) -> Window:
    """The window that is asked for, or the one since the last visit."""
    # A wiki that plays the past may not know the time: no window ends in its future.
    latest = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=settings.live.settle_hours)
    end = call.end or latest
    start = call.start or min([end - timedelta(days=call.days), *_ends(call.state, end)])
    if start >= end:
        raise UsageError(f"The window ends at {end} before it starts", "--from, --to", "Exchange them.")
    return Window(start, end)


def _ends(state: Path, end: datetime) -> list[datetime]:
    """When the last visit before now ended: what came since must be caught up with."""
    ends = [datetime.fromisoformat(json.loads(path.read_text())["end"]) for path in state.glob(f"visits/*/{DONE}")]
    return sorted(one for one in ends if one < end)[-1:]


def _folder(call: Call, window: Window, settings: Settings) -> Path:
    """Where a visit goes: the same wiki, window and settings give the same folder."""
    depends = [
        vars(call.endpoints),
        settings.live.model_dump(),
        settings.pageviews.model_dump(),
        settings.changes.model_dump(),
        settings.seed,
        sorted(call.follow),
        schema.SCHEMA_VERSION,
    ]
    return call.state / "visits" / f"{window.name}-{draw_key(0, json.dumps(depends, sort_keys=True))[:12]}"


def _finished(folder: Path, window: Window) -> Harvest | None:
    done = folder / DONE
    return Harvest(folder, window, json.loads(done.read_text())) if done.is_file() else None


def _visit(call: Call, window: Window, folder: Path, tools: _Tools) -> Harvest:
    part = folder.with_name(f".{folder.name}.part")
    part.mkdir(parents=True, exist_ok=True)
    settings = tools.settings
    _plan(window, tools)
    with _database(call.state, settings) as database:
        visit = Visit(tools.wiki, window, call.state, settings, database, tools.pool, tools.reporter)
        counts = dict(read_changes(visit, part))
        gaps = _gaps(window, tools.wiki.clock, settings, database)
        changed = _changed(database, call.follow, settings)
        witnesses = _witnesses(database, call.follow)
    with _database(call.state, settings) as database:
        viewed = _popular(call, window, part, tools, database)
        counts |= {"subjects": len(changed), "viewed": len(viewed)}
        fetch_items(tools.wiki, witnesses, part / "items", settings.live.batch, database, tools.reporter)
        _surround(call, window.end, part, set(changed) | viewed, tools, database)
        counts["lines"] = _write_lines(part, database)
    record = {
        "wiki": tools.wiki.name,
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "gaps": gaps,
        "counts": counts,
    }
    (part / DONE).write_text(json.dumps(record, sort_keys=True, indent=1) + "\n", encoding="utf-8")
    for name in ("items", "scratch"):
        shutil.rmtree(part / name, ignore_errors=True)
    part.replace(folder)
    shutil.rmtree(call.state / "revisions", ignore_errors=True)  # their texts are in the visit
    return Harvest(folder, window, record)


@contextmanager
def _database(state: Path, settings: Settings) -> Generator[Database]:
    with Database(state / "scratch", settings.memory) as database:
        yield database


def _plan(window: Window, tools: _Tools) -> None:
    """Tell what the visit may cost before it starts."""
    polite = tools.gate.settings
    minutes = polite.budget / polite.requests_per_minute
    tools.reporter.say(
        "plan",
        f"From {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M}: at most {polite.budget} requests, "
        f"{polite.requests_per_minute:g} a minute, {minutes:.0f} minutes of them.",
        budget=polite.budget,
    )


def _gaps(window: Window, now: datetime, settings: Settings, database: Database) -> list[list[str]]:
    """Parts of the window that the wiki no longer remembers, each with its start and end."""
    kept_from = now - timedelta(days=settings.live.retention_days)
    first = cast(datetime | None, database.table("SELECT min(time) AS t FROM changes").column("t").to_pylist()[0])
    begins = first or window.end
    if window.start < kept_from <= begins:
        return [[window.start.isoformat(), min(begins, window.end).astimezone(UTC).isoformat()]]
    return []


def _changed(database: Database, follow: Collection[int], settings: Settings) -> list[int]:
    """Items with a new statement of a property that we follow, some of them drawn if there are many."""
    properties = ", ".join(map(str, sorted(follow))) or "NULL"
    sql = f"""SELECT DISTINCT subject_id FROM differences
        WHERE is_new_value AND item_kind <> 'removed' AND property_id IN ({properties})"""
    items = cast(list[int], database.table(sql).column(0).to_pylist())
    return sorted(shuffled(items, settings.seed, "changed")[: settings.live.max_subjects])


def _witnesses(database: Database, follow: Collection[int]) -> list[int]:
    """Values and events of new statements that we follow: their dates tell when a statement became true."""
    properties = ", ".join(map(str, sorted(follow))) or "NULL"
    sql = f"""SELECT DISTINCT unnest([new_object_id, event_id]) AS id FROM differences
        WHERE is_new_value AND item_kind <> 'removed' AND property_id IN ({properties})"""
    items = cast(list[int | None], database.table(sql).column(0).to_pylist())
    return sorted(item for item in items if item)


def _popular(call: Call, window: Window, part: Path, tools: _Tools, database: Database) -> set[int]:
    """The items of the most viewed pages; `views/` and `titles.parquet` appear."""
    months = months_before(window.end, tools.settings.live.view_months)
    where = call.endpoints
    asked = PageViews(where.pageviews, where.dumps, where.client, months, call.state, part)
    return find_viewed(asked, tools.wiki, tools.gate, tools.settings, database, tools.reporter)


def _surround(call: Call, month: datetime, part: Path, subjects: set[int], tools: _Tools, database: Database) -> None:
    """Fetch subjects, what they name, what names these, and the classes above; count what the graph knows of them."""
    settings = tools.settings
    follow = {f"P{number}" for number in call.follow}

    def fetch(items: Iterable[int]) -> None:
        wanted = sorted(set(items))[: settings.live.max_items]
        fetch_items(tools.wiki, wanted, part / "items", settings.live.batch, database, tools.reporter)

    def around(items: Collection[int], hops: int) -> set[int]:
        seen, level = set(items), set(items)
        fetch(level)
        for _ in range(hops):
            level = _named(part, level, follow, database) - seen
            seen |= level
            fetch(level)
        return seen

    seen = around(subjects, settings.live.hops)
    if call.endpoints.sparql is None:
        _climb(
            lambda items: _named(part, items, {"P279"}, database), _named(part, seen, {"P31"}, database), fetch, call
        )
        return
    from pipeline.sources.live import graph, sparql

    service = sparql.Service(call.endpoints.sparql, tools.gate, settings.live)
    hubs = graph.count_behind(service, seen)
    most = settings.live.neighbour_heads
    seen |= around(graph.find_neighbours(service, hubs, call.follow, most, settings.seed), 1)
    classes = _named(part, seen, {"P31"}, database)
    cache = call.state / f"classes-{month:%Y-%m}.parquet"  # asked for again every month
    fetch(graph.find_classes(service, classes, call.depth, cache))
    _count(service, seen, hubs, part, database)


def _climb(
    parents: Callable[[set[int]], set[int]], level: set[int], fetch: Callable[[Iterable[int]], None], call: Call
) -> None:
    """Fetch classes and what is above them, level by level: the way without a query service."""
    seen: set[int] = set()
    for _ in range(call.depth + 1):
        level = level - seen
        if not level:
            return
        fetch(level)
        seen |= level
        level = parents(level)


def _named(part: Path, items: Collection[int], properties: Collection[str], database: Database) -> set[int]:
    """Items that statements of some properties of fetched items name."""
    from pipeline.sources.entities.model import UNREADABLE
    from pipeline.sources.entities.rows import Rows, Wanted, read_entity

    wanted, found = Wanted(frozenset(properties), frozenset()), set[int]()
    for line in _texts(part, items, database):
        rows = Rows()
        try:
            read_entity(line, wanted, rows)
        except UNREADABLE:
            continue
        found |= {row[6] for row in rows.statements if row[6]}
    return found


def _texts(part: Path, items: Collection[int], database: Database) -> Iterator[bytes]:
    """The lines of fetched items in their order, those that changed as the window left them."""
    _open_lines(part, database)
    numbers = sorted(items)
    for start in range(0, len(numbers), _LINES_HELD):
        block = ", ".join(map(str, numbers[start : start + _LINES_HELD]))
        found = database.table(f"SELECT json FROM lines WHERE id IN ({block}) ORDER BY id").column("json")
        yield from cast(list[bytes], found.to_pylist())


def _open_lines(part: Path, database: Database) -> None:
    """View `lines`: every fetched item once; an item that changed in the window as it was at the window's end."""
    if not any((part / "items").glob("*.parquet")):
        write_rows([], part / "items" / "none.parquet", schema.TEXTS)
    database.view("items", part / "items")
    database.view("heads", part / "new")
    database.run(
        """CREATE OR REPLACE TEMP VIEW lines AS
        SELECT items.id, coalesce(heads.json, items.json) AS json FROM items LEFT JOIN heads USING (id)
        WHERE items.json IS NOT NULL"""
    )


def _write_lines(part: Path, database: Database) -> int:
    """Write what was fetched as a dump; gives how many lines it has."""
    _open_lines(part, database)
    items = cast(list[int], database.table("SELECT id FROM lines").column("id").to_pylist())
    with gzip.GzipFile(part / ITEMS, "wb", compresslevel=6, mtime=0) as file:
        for place, line in enumerate(_texts(part, items, database)):
            file.write((b",\n" if place else b"[\n") + line)
        file.write(b"\n]\n" if items else b"[\n]\n")
    return len(items)


def _count(service: "Service", seen: set[int], hubs: dict[int, int], part: Path, database: Database) -> None:
    """Write MENTIONS of items, as a dump of the whole graph would give them."""
    from pipeline.sources.entities.model import UNREADABLE
    from pipeline.sources.entities.rows import Rows, Wanted, read_entity
    from pipeline.sources.live import graph

    behind = hubs | graph.count_behind(service, seen - hubs.keys())
    mentions = graph.count_mentions(service, seen)
    nothing = Wanted(frozenset(), frozenset())
    found: list[tuple[int, int, int, int]] = []
    for line in _texts(part, seen, database):
        rows = Rows()
        try:
            read_entity(line, nothing, rows)
        except UNREADABLE:
            continue
        item, own = rows.entities[0][0], rows.entities[0][_STATEMENT_COUNT]  # each of its statements mentions it
        found.append((item, own + mentions.get(item, 0), behind.get(item, 0), len(rows.neighbours)))
    write_rows(sorted(found), part / "mentions.parquet", schema.MENTIONS)
