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
from pipeline.sources.live.request import HarvestRequest

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
class _Crawl:
    """Where fetched items go, and how far to follow their statements.

    Attributes:
        context: What every step is given.
        properties: The properties to follow, such as "P27".
        class_depth: The largest number of subclass steps.
        folder: The folder of the harvest; items are added to `items/`.
        database: A session to work in.
    """

    context: HarvestContext
    properties: frozenset[str]
    class_depth: int
    folder: Path
    database: Database


def fetch_surroundings(
    request: HarvestRequest,
    context: HarvestContext,
    subjects: Collection[int],
    folder: Path,
    database: Database,
) -> GraphCounts | None:
    """Fetch subjects and all items around them that sentences and filters need.

    Args:
        request: The query service, which properties to follow, and how far up the class tree.
        context: What every step is given.
        subjects: The items to start from.
        folder: The folder of the harvest; items are added to `items/`.
        database: A session to work in.

    Returns:
        Counts of the fetched items, except classes; None without a query service.

    Raises:
        ServiceError: A server refuses us or keeps failing.
        BudgetSpent: The run has used its budget of requests.
    """
    properties = frozenset(f"P{number}" for number in request.properties)
    crawl = _Crawl(context, properties, request.class_depth, folder, database)
    items = _fetch_hops(crawl, subjects, context.settings.live.hops)
    if request.urls.sparql is None:
        _fetch_classes(crawl, _named(crawl, items, {_INSTANCE_OF}))
        return None
    from pipeline.sources.live import graph, sparql  # imported late, because SPARQLWrapper takes time to load

    settings = context.settings
    service = sparql.QueryService(request.urls.sparql, context.limiter, settings.live)
    incoming = graph.count_incoming_links(service, items)
    neighbours = graph.fetch_neighbours(
        service, incoming, request.properties, settings.live.neighbour_heads, settings.seed
    )
    items |= _fetch_hops(crawl, neighbours, 1)
    classes = _named(crawl, items, {_INSTANCE_OF})
    cache = context.state / f"classes-{context.window.end:%Y-%m}.parquet"  # fetched anew every month
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
    seen, level = set(items), set(items)
    _fetch(crawl, level)
    for _ in range(hops):
        level = _named(crawl, level, crawl.properties) - seen
        seen |= level
        _fetch(crawl, level)
    return seen


def _fetch_classes(crawl: _Crawl, classes: set[int]) -> None:
    """Fetch classes and their superclasses level by level, without a query service."""
    seen: set[int] = set()
    level = classes
    for _ in range(crawl.class_depth + 1):
        level = level - seen
        if not level:
            return
        _fetch(crawl, level)
        seen |= level
        level = _named(crawl, level, {_SUBCLASS_OF})
