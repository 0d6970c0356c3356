"""Questions to a SPARQL service through SPARQLWrapper: portable ones, proven whole, cut in two until they fit.

Only what SPARQL 1.1 has is used: no label service, no hints. A question about items gives a row for every one of them,
even if there is nothing to count, so that an answer with rows missing is known for what it is.
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
from pipeline.sources.live.rate_limit import TIMED_OUT, Gate

PREFIXES = """PREFIX wd: <http://www.wikidata.org/entity/>
PREFIX wdt: <http://www.wikidata.org/prop/direct/>
PREFIX wikibase: <http://wikiba.se/ontology#>
PREFIX prov: <http://www.w3.org/ns/prov#>
"""
_ENTITY = "http://www.wikidata.org/entity/Q"

Row = Mapping[str, str]


class TooMuch(Exception):
    """A question that takes too long, or whose answer is too long."""


class Service:
    """A SPARQL service.

    Args:
        url: Its address.
        gate: What every request goes through; `polite.urllib_through` must be open.
        settings: How much to ask for at a time.
    """

    def __init__(self, url: str, gate: Gate, settings: LiveSettings) -> None:
        self.url, self._gate, self.settings = url, gate, settings
        gate.long_questions.add(url)

    def select(self, query: str) -> list[Row]:
        """The rows of a SELECT, each with its bound variables.

        Raises:
            TooMuch: It takes too long.
            ServiceError: The service refuses it, or its answer is not whole.
        """
        client = SPARQLWrapper(self.url, agent=self._gate.agent)
        client.setMethod(POST)
        client.setReturnFormat(JSON)
        client.setQuery(PREFIXES + query)
        try:
            body = client.query().response.read()
        except requests.ReadTimeout as error:
            raise TooMuch from error
        except (SPARQLWrapperException, HTTPError) as error:
            if self._gate.failure is not None:
                raise self._gate.failure from error
            if TIMED_OUT.search(str(error).encode()):
                raise TooMuch from error
            what = " ".join(str(error).split())[:200]
            raise ServiceError(f"The query service refuses a question: {what}", self.url) from error
        return _rows(body, self.url)


def _rows(body: bytes, url: str) -> list[Row]:
    """The bindings of an answer that has passed every check for wholeness."""
    if TIMED_OUT.search(body):
        raise TooMuch
    try:
        answer = cast(Mapping[str, Any], json.loads(body))
        variables, bindings = answer["head"]["vars"], answer["results"]["bindings"]
    except (ValueError, KeyError, TypeError) as error:
        raise ServiceError("The query service gave an answer that is none", url, "Is --sparql right?") from error
    if not variables:
        raise ServiceError("The query service gave an answer without variables", url, "Is --sparql right?")
    return [{name: str(value["value"]) for name, value in row.items()} for row in bindings]


def item_of(iri: str) -> int | None:
    """The number of an item's address; None for others.

    >>> item_of("http://www.wikidata.org/entity/Q42")
    42
    """
    name = iri.removeprefix(_ENTITY)
    return int(name) if name != iri and name.isdigit() else None


def values(items: Sequence[int]) -> str:
    """Items as a VALUES block writes them."""
    return " ".join(f"wd:Q{item}" for item in items)


Answers = dict[int, list[Row]]


def ask_of_items(
    service: Service, query: Callable[[str], str], items: Sequence[int], is_whole: bool = True
) -> tuple[Answers, list[int]]:
    """Ask one question of many items, as many at a time as the service can answer.

    Args:
        service: Whom to ask.
        query: The question with a place for the items; it binds `?x` to the item that a row is about.
        items: The items.
        is_whole: Whether the question gives a row for every item.

    Returns:
        The rows by item, and the items of which even one alone is too much.

    Raises:
        ServiceError: Items have no row though they must.
    """
    found: Answers = {}
    too_much: list[int] = []
    size = service.settings.sparql_batch
    waiting = [list(items[start : start + size]) for start in range(0, len(items), size)]
    while waiting:
        batch = waiting.pop()
        try:
            rows = service.select(query(values(batch)))
            if len(rows) >= service.settings.sparql_rows:
                raise TooMuch
        except TooMuch:
            if len(batch) == 1:
                too_much += batch
            else:
                waiting += [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
            continue
        for row in rows:
            item = item_of(row["x"])
            if item is not None:
                found.setdefault(item, []).append(row)
        lost = set(batch) - found.keys() if is_whole else set[int]()
        if lost:
            raise ServiceError(
                f"The query service passed over {len(lost)} of {len(batch)} items, such as Q{min(lost)}",
                service.url,
                "Run again later; if it happens again, its answers cannot be trusted.",
            )
    return found, sorted(too_much)
