"""Step 4, fetch: the subjects, the items they name, the items that name these, their classes, and graph counts.

The query service knows the whole graph. Without one, classes are followed from item to item, and there are no counts.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.tables import Database
from pipeline.sources.live.context import HarvestContext
from pipeline.sources.live.item_texts import named_items
from pipeline.sources.live.items import fetch_items
from pipeline.sources.live.subjects import changed_subjects, dating_items

_INSTANCE_OF, _SUBCLASS_OF = "P31", "P279"


@dataclass(frozen=True)
class GraphCounts:
    """What the query service counts for each item in the whole graph.

    Attributes:
        incoming_links: How many distinct items link to it.
        mentions: How many statements of other entities mention it.
    """

    incoming_links: dict[int, int]
    mentions: dict[int, int]


@dataclass(frozen=True)
class Surroundings:
    """What was fetched, apart from the items in the folder of the harvest.

    Attributes:
        subjects: How many changed items were taken as subjects.
        counts: Counts of all fetched items except classes; None without a query service.
    """

    subjects: int
    counts: GraphCounts | None


def fetch_surroundings(context: HarvestContext, popular: Collection[int], folder: Path) -> Surroundings:
    """Fetch the subjects and all items around them that sentences and filters need, into `items/`.

    Args:
        context: What every step is given.
        popular: Items of popular pages, which are subjects too.
        folder: The folder of the harvest, with the differences in `differences/`.

    Raises:
        ServiceError: A server refuses us or keeps failing.
        BudgetSpent: The run has used its budget of requests.
    """
    live, properties = context.settings.live, context.request.properties
    with context.database() as database:
        database.view("differences", folder / "differences")
        changed = changed_subjects(database, properties, live.max_subjects, context.settings.seed)
        dating = dating_items(database, properties)
    with context.database() as database:
        crawl = _Crawl(context, folder, database)
        fetch_items(context.wiki, dating, folder / "items", live.batch, database, context.reporter)
        items = _fetch_hops(crawl, {*changed, *popular}, live.hops)
        if context.request.urls.sparql is None:
            _fetch_classes(crawl, _named(crawl, items, {_INSTANCE_OF}))
            return Surroundings(len(changed), None)
        return Surroundings(len(changed), _fetch_from_graph(crawl, context.request.urls.sparql, items))


@dataclass(frozen=True)
class _Crawl:
    """Fetches items, one level of statements after the other."""

    context: HarvestContext
    folder: Path
    database: Database


def _fetch_from_graph(crawl: _Crawl, url: str, items: set[int]) -> GraphCounts:
    """Fetch the neighbours and superclasses that the query service finds for fetched items, and count links."""
    from pipeline.sources.live import graph, sparql  # imported late, because SPARQLWrapper takes time to load

    context, settings, request = crawl.context, crawl.context.settings, crawl.context.request
    service = sparql.QueryService(url, context.limiter, settings.live)
    incoming = graph.count_incoming_links(service, items)
    most = settings.live.neighbour_heads
    neighbours = graph.fetch_neighbours(service, incoming, request.properties, most, settings.seed)
    items = items | _fetch_hops(crawl, neighbours, 1)
    classes = _named(crawl, items, {_INSTANCE_OF})
    cache = context.state / f"classes-{context.window.end:%Y-%m}.parquet"  # fetched again every month
    _fetch(crawl, graph.fetch_superclasses(service, classes, request.class_depth, cache))
    incoming |= graph.count_incoming_links(service, items - incoming.keys())
    return GraphCounts(incoming, graph.count_mentions(service, items))


def _fetch(crawl: _Crawl, items: Iterable[int]) -> None:
    context = crawl.context
    wanted = sorted(set(items))[: context.settings.live.max_items]
    batch = context.settings.live.batch
    fetch_items(context.wiki, wanted, crawl.folder / "items", batch, crawl.database, context.reporter)


def _named(crawl: _Crawl, items: Collection[int], properties: Collection[str]) -> set[int]:
    return named_items(crawl.folder, items, properties, crawl.database)


def _fetch_hops(crawl: _Crawl, items: Collection[int], hops: int) -> set[int]:
    """Fetch items, the items that their statements name, and so on for a number of hops; returns all of them."""
    properties = {f"P{number}" for number in crawl.context.request.properties}
    seen, level = set(items), set(items)
    _fetch(crawl, level)
    for _ in range(hops):
        level = _named(crawl, level, properties) - seen
        seen |= level
        _fetch(crawl, level)
    return seen


def _fetch_classes(crawl: _Crawl, classes: set[int]) -> None:
    """Fetch classes and their superclasses level by level, without a query service."""
    seen: set[int] = set()
    level = classes
    for _ in range(crawl.context.request.class_depth + 1):
        level = level - seen
        if not level:
            return
        _fetch(crawl, level)
        seen |= level
        level = _named(crawl, level, {_SUBCLASS_OF})
