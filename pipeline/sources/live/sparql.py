"""SPARQL queries about many items, through SPARQLWrapper: checked for completeness, and split when they are too large.

Queries use SPARQL 1.1 alone: no label service, no hints. A query about items returns a row for every item, even if
there is nothing to count, so that an answer with missing rows is detected.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from urllib.error import HTTPError

import requests
from SPARQLWrapper import JSON, POST, SPARQLWrapper
from SPARQLWrapper.SPARQLExceptions import SPARQLWrapperException

from pipeline.core.errors import ServiceError
from pipeline.core.settings import LiveSettings
from pipeline.sources.live.rate_limit import TIMED_OUT, RateLimiter

PREFIXES = """PREFIX wd: <http://www.wikidata.org/entity/>
PREFIX wdt: <http://www.wikidata.org/prop/direct/>
PREFIX wikibase: <http://wikiba.se/ontology#>
PREFIX prov: <http://www.w3.org/ns/prov#>
"""
_ENTITY = "http://www.wikidata.org/entity/Q"

Row = Mapping[str, str]


class QueryTooLarge(Exception):
    """A query that times out, or whose answer has too many rows."""


class QueryService:
    """A client of one SPARQL query service.

    Args:
        url: Its URL.
        limiter: The rate limiter of all requests; `urllib_rate_limited` must be open.
        settings: How many items and rows one query may have.
    """

    def __init__(self, url: str, limiter: RateLimiter, settings: LiveSettings) -> None:
        self.url, self._limiter, self.settings = url, limiter, settings
        limiter.no_timeout_retry.add(url)

    def select(self, query: str) -> list[Row]:
        """The rows of a SELECT, each with its bound variables.

        Raises:
            QueryTooLarge: The query times out.
            ServiceError: The service rejects the query, or its answer is incomplete.
        """
        client = SPARQLWrapper(self.url, agent=self._limiter.user_agent)
        client.setMethod(POST)
        client.setReturnFormat(JSON)
        client.setQuery(PREFIXES + query)
        try:
            body = client.query().response.read()
        except requests.ReadTimeout as error:
            raise QueryTooLarge from error
        except (SPARQLWrapperException, HTTPError) as error:
            if self._limiter.fatal_error is not None:
                raise self._limiter.fatal_error from error
            if TIMED_OUT.search(str(error).encode()):
                raise QueryTooLarge from error
            what = " ".join(str(error).split())[:200]
            raise ServiceError(f"The query service rejects a query: {what}", self.url) from error
        return _rows(body, self.url)


def _rows(body: bytes, url: str) -> list[Row]:
    """The rows of an answer, after every check for completeness."""
    if TIMED_OUT.search(body):
        raise QueryTooLarge
    try:
        answer = cast(Mapping[str, Any], json.loads(body))
        variables, bindings = answer["head"]["vars"], answer["results"]["bindings"]
    except (ValueError, KeyError, TypeError) as error:
        raise ServiceError("The query service gave no valid answer", url, "Check --sparql.") from error
    if not variables:
        raise ServiceError("The query service gave an answer without variables", url, "Check --sparql.")
    return [{name: str(value["value"]) for name, value in row.items()} for row in bindings]


def item_number(iri: str) -> int | None:
    """The number of an item from its IRI; None for other IRIs.

    >>> item_number("http://www.wikidata.org/entity/Q42")
    42
    """
    name = iri.removeprefix(_ENTITY)
    return int(name) if name != iri and name.isdigit() else None


def _values_block(items: Sequence[int]) -> str:
    """Items in the form of a VALUES block."""
    return " ".join(f"wd:Q{item}" for item in items)


RowsByItem = dict[int, list[Row]]


def query_items(
    service: QueryService, query: Callable[[str], str], items: Sequence[int], has_row_for_each: bool = True
) -> tuple[RowsByItem, list[int]]:
    """Run one query for many items, in batches that are halved until the service can answer them.

    Args:
        service: The query service.
        query: Makes the query from a VALUES block. The query binds `?x` to the item of each row.
        items: The items.
        has_row_for_each: Whether the query returns a row for every item.

    Returns:
        The rows by item, and the items whose query is too large even alone.

    Raises:
        ServiceError: Items that must have a row have none.
    """
    found: RowsByItem = {}
    too_large: list[int] = []
    size = service.settings.sparql_batch
    pending = [list(items[start : start + size]) for start in range(0, len(items), size)]
    while pending:
        batch = pending.pop()
        try:
            rows = service.select(query(_values_block(batch)))
            if len(rows) >= service.settings.sparql_rows:
                raise QueryTooLarge
        except QueryTooLarge:
            if len(batch) == 1:
                too_large += batch
            else:
                pending += [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
            continue
        for row in rows:
            item = item_number(row["x"])
            if item is not None:
                found.setdefault(item, []).append(row)
        left = set(batch) - found.keys() if has_row_for_each else set[int]()
        if left:
            raise ServiceError(
                f"The query service left out {len(left)} of {len(batch)} items, such as Q{min(left)}",
                service.url,
                "Run again later. If it happens again, do not use the answers of this service.",
            )
    return found, sorted(too_large)
