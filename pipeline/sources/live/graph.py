"""Counts and links of the whole graph from the query service: mentions, incoming links, neighbours, superclasses."""

from collections.abc import Collection, Iterable
from pathlib import Path

from pipeline.core import schema
from pipeline.core.seeded import shuffled
from pipeline.core.tables import read_table, write_rows
from pipeline.sources.live.sparql import QueryService, item_number, query_items

_UNCOUNTED = 1_000_000  # for a count that the service cannot finish: such an item is never rare

# The first part of each union returns a row for every item; the matches of the other parts are counted. OPTIONAL means
# the same, but some engines then read the whole graph.

# Distinct items that link to ?x by a statement of best rank.
_INCOMING = """SELECT ?x (COUNT(DISTINCT ?o) AS ?n) WHERE {{
  {{ VALUES ?x {{ {items} }} }} UNION {{
    VALUES ?x {{ {items} }}
    ?property wikibase:directClaim ?p . ?o ?p ?x . FILTER(?o != ?x && STRSTARTS(STR(?o), "{entity}"))
  }}
}} GROUP BY ?x"""

# Statements of other entities that mention ?x as a value, in a qualifier or in a reference.
_MENTIONS = """SELECT ?x (COUNT(DISTINCT ?s) AS ?n) WHERE {{
  {{ VALUES ?x {{ {items} }} }} UNION {{
    VALUES ?x {{ {items} }} ?s ?by ?x . ?o ?claim ?s
    FILTER(?o != ?x && STRSTARTS(STR(?s), "{statement}"))
  }} UNION {{
    VALUES ?x {{ {items} }} ?r ?by ?x . ?s prov:wasDerivedFrom ?r . ?o ?claim ?s
    FILTER(?o != ?x && STRSTARTS(STR(?s), "{statement}"))
  }}
}} GROUP BY ?x"""

_NEIGHBOURS = """SELECT DISTINCT ?x ?o WHERE {{
  VALUES ?x {{ {items} }} VALUES ?p {{ {properties} }} ?o ?p ?x . FILTER(STRSTARTS(STR(?o), "{entity}"))
}}"""

_PARENTS = """SELECT ?x ?parent WHERE {{ VALUES ?x {{ {items} }} OPTIONAL {{ ?x wdt:P279 ?parent }} }}"""
_ENTITY, _STATEMENT = "http://www.wikidata.org/entity/Q", "http://www.wikidata.org/entity/statement/"


def count_incoming_links(service: QueryService, items: Collection[int]) -> dict[int, int]:
    """For each item, how many distinct items link to it."""
    return _count(service, _INCOMING, items)


def count_mentions(service: QueryService, items: Collection[int]) -> dict[int, int]:
    """For each item, how many statements of other items and properties mention it."""
    return _count(service, _MENTIONS, items)


def _count(service: QueryService, template: str, items: Collection[int]) -> dict[int, int]:
    def query(block: str) -> str:
        return template.format(items=block, entity=_ENTITY, statement=_STATEMENT)

    found, too_large = query_items(service, query, sorted(items))
    return {item: int(rows[0]["n"]) for item, rows in found.items()} | dict.fromkeys(too_large, _UNCOUNTED)


def fetch_neighbours(
    service: QueryService, incoming: dict[int, int], properties: Iterable[int], most: int, seed: int
) -> list[int]:
    """Items that link to given items by certain properties; a random draw if there are too many.

    Args:
        service: The query service.
        incoming: The given items, each with its number of incoming links. Items with too many links are skipped.
        properties: The properties.
        most: The largest number of neighbours to return.
        seed: The seed of the draw.
    """
    limit = service.settings.max_neighbours
    targets = sorted(item for item, count in incoming.items() if 0 < count <= limit)
    relations = " ".join(f"wdt:P{number}" for number in sorted(properties))

    def query(block: str) -> str:
        return _NEIGHBOURS.format(items=block, properties=relations, entity=_ENTITY)

    found, _ = query_items(service, query, targets, has_row_for_each=False)
    items = {item for rows in found.values() for row in rows if (item := item_number(row["o"])) is not None}
    return sorted(shuffled(items, seed, "neighbour")[:most])


def fetch_superclasses(service: QueryService, classes: Iterable[int], depth: int, cache: Path) -> set[int]:
    """Classes and their superclasses.

    Args:
        service: The query service.
        classes: The classes to start from.
        depth: The largest number of subclass steps.
        cache: A file of CLASS_EDGES from earlier runs; new edges are added to it.
    """
    edges: dict[int, set[int]] = {}
    if cache.is_file():
        for child, parent in zip(*(column.to_pylist() for column in read_table(cache).columns), strict=True):
            edges.setdefault(child, set()).add(parent)
    seen: set[int] = set()
    level = set(classes)
    for _ in range(depth + 1):
        seen |= level
        unknown = sorted(level - edges.keys())
        found, _ = query_items(service, lambda block: _PARENTS.format(items=block), unknown)
        for child, rows in found.items():
            edges[child] = {item_number(row["parent"]) or 0 for row in rows if "parent" in row} or {0}
        level = {parent for child in level for parent in edges.get(child, ())} - seen - {0}
        if not level:
            break
    rows = sorted((child, parent) for child, parents in edges.items() for parent in parents)
    write_rows(rows, cache, schema.CLASS_EDGES)
    return seen
