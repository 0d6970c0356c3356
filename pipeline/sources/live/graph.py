"""What only the whole graph knows of an item: how many others mention it, which others point to it, its classes."""

from collections.abc import Collection, Iterable
from pathlib import Path

from pipeline.core import schema
from pipeline.core.seeded import shuffled
from pipeline.core.tables import read_table, write_rows
from pipeline.sources.live.sparql import Service, ask_of_items, item_of

_UNCOUNTED = 1_000_000  # stands for a count that the service cannot finish: the item is anything but rare

# The first part of a union gives every item a row; what the second one finds is counted. An OPTIONAL would say the
# same, but some engines then walk through the whole graph.

# Distinct items that point to ?x by a statement of best rank.
_BEHIND = """SELECT ?x (COUNT(DISTINCT ?o) AS ?n) WHERE {{
  {{ VALUES ?x {{ {items} }} }} UNION {{
    VALUES ?x {{ {items} }}
    ?property wikibase:directClaim ?p . ?o ?p ?x . FILTER(?o != ?x && STRSTARTS(STR(?o), "{entity}"))
  }}
}} GROUP BY ?x"""

# Statements of others that mention ?x as value, in a qualifier or in a reference.
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


def count_behind(service: Service, items: Collection[int]) -> dict[int, int]:
    """How many distinct items point to each."""
    return _counted(service, _BEHIND, items)


def count_mentions(service: Service, items: Collection[int]) -> dict[int, int]:
    """How many statements of other items and properties mention each."""
    return _counted(service, _MENTIONS, items)


def _counted(service: Service, query: str, items: Collection[int]) -> dict[int, int]:
    def asked(block: str) -> str:
        return query.format(items=block, entity=_ENTITY, statement=_STATEMENT)

    found, too_much = ask_of_items(service, asked, sorted(items))
    return {item: int(rows[0]["n"]) for item, rows in found.items()} | dict.fromkeys(too_much, _UNCOUNTED)


def find_neighbours(
    service: Service, hubs: dict[int, int], properties: Iterable[int], most: int, seed: int
) -> list[int]:
    """Items that point to others by a relation, some of them drawn if there are many.

    Args:
        service: Whom to ask.
        hubs: The others, each with how many items point to it.
        properties: The relations.
        most: How many to give at most.
        seed: Of the draw.
    """
    limit = service.settings.max_neighbours
    asked_of = sorted(item for item, count in hubs.items() if 0 < count <= limit)
    relations = " ".join(f"wdt:P{number}" for number in sorted(properties))

    def asked(block: str) -> str:
        return _NEIGHBOURS.format(items=block, properties=relations, entity=_ENTITY)

    found, _ = ask_of_items(service, asked, asked_of, is_whole=False)
    items = {item for rows in found.values() for row in rows if (item := item_of(row["o"])) is not None}
    return sorted(shuffled(items, seed, "neighbour")[:most])


def find_classes(service: Service, classes: Iterable[int], depth: int, cache: Path) -> set[int]:
    """Classes and all that are above them.

    Args:
        service: Whom to ask.
        classes: Where to begin.
        depth: How many steps to go up at most.
        cache: A file of CLASS_EDGES that earlier runs filled; it is filled further.
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
        found, _ = ask_of_items(service, lambda block: _PARENTS.format(items=block), unknown)
        for child, rows in found.items():
            edges[child] = {item_of(row["parent"]) or 0 for row in rows if "parent" in row} or {0}
        level = {parent for child in level for parent in edges.get(child, ())} - seen - {0}
        if not level:
            break
    rows = sorted((child, parent) for child, parents in edges.items() for parent in parents)
    write_rows(rows, cache, schema.CLASS_EDGES)
    return seen
