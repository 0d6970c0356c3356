"""Queries to a query service: unmodified SPARQLWrapper against a real server, and a real SPARQL engine behind one."""

import json
import re
import time
from collections.abc import Callable, Iterator

import pytest

from pipeline.core.errors import ServiceError
from pipeline.core.settings import load_settings
from pipeline.sandbox import rdf
from pipeline.sandbox.server import Answer, Request, Seen, serve
from pipeline.sources.live.graph import count_incoming_links, count_mentions, fetch_neighbours
from pipeline.sources.live.rate_limit import RateLimiter, urllib_rate_limited
from pipeline.sources.live.sparql import QueryService, Row, query_items
from tests.live import CONTACT, quick

KIND = "application/sparql-results+json"
TRACE = (
    b"SPARQL-QUERY: queryStr=SELECT ...\njava.util.concurrent.TimeoutException\n\tat java.util.concurrent.FutureTask"
)
ITEMS = list(range(1, 21))
Route = Callable[[list[int]], Answer]


def asked_for(query: str) -> list[int]:
    block = re.search(r"VALUES \?x \{([^}]*)\}", query)
    assert block is not None
    return [int(number) for number in re.findall(r"wd:Q(\d+)", block[1])]


def rows(items: list[int]) -> Answer:
    bindings = [
        {
            "x": {"type": "uri", "value": f"http://www.wikidata.org/entity/Q{item}"},
            "n": {"type": "literal", "value": str(item)},
        }
        for item in items
    ]
    return Answer(json.dumps({"head": {"vars": ["x", "n"]}, "results": {"bindings": bindings}}).encode(), KIND)


def ask(route: Route, **polite: object) -> tuple[dict[int, list[Row]], list[int], Seen]:
    """Run one query for twenty items."""
    limiter = RateLimiter(CONTACT, quick(**polite))

    def answer(request: Request) -> Answer:
        assert request.path == "/sparql"
        return route(asked_for(request.parameters["query"]))

    with serve(answer) as (url, seen), urllib_rate_limited(limiter):
        service = QueryService(f"{url}/sparql", limiter, load_settings().live)
        found, too_large = query_items(service, lambda items: f"SELECT ?x ?n {{ VALUES ?x {{ {items} }} }}", ITEMS)
    return found, too_large, seen


def trace_in_a_good_answer(items: list[int]) -> Answer:
    return Answer(rows(items).body[:-20] + TRACE, KIND)


def trace_in_an_error(items: list[int]) -> Answer:
    del items
    return Answer(TRACE, "text/plain", 500)


def marker_of_qlever(items: list[int]) -> Answer:
    return Answer(rows(items).body[:-9] + b"\n!!!!>># An error has occurred while exporting the query result", KIND)


def silence(items: list[int]) -> Answer:
    time.sleep(0.6)
    return rows(items)


@pytest.mark.parametrize("too_long", [trace_in_a_good_answer, trace_in_an_error, marker_of_qlever, silence])
def test_a_question_that_takes_too_long_is_cut_in_two(too_long: Route) -> None:
    found, too_large, seen = ask(lambda items: too_long(items) if len(items) > 5 else rows(items), timeout_seconds=0.4)
    assert sorted(found) == ITEMS
    assert too_large == []
    assert len(seen.requests) == 7  # 20, 10 and 10, four times 5


def test_one_item_that_is_too_much_does_not_stop_the_rest() -> None:
    found, too_large, _ = ask(lambda items: trace_in_an_error(items) if 13 in items else rows(items))
    assert too_large == [13]
    assert sorted(found) == [item for item in ITEMS if item != 13]


@pytest.mark.parametrize("lost", [lambda items: rows(items[1:]), lambda items: rows([])], ids=["one row", "every row"])
def test_an_answer_with_rows_missing_is_not_believed(lost: Route) -> None:
    with pytest.raises(ServiceError, match="left out"):
        ask(lost)


def test_an_answer_without_variables_is_none() -> None:
    with pytest.raises(ServiceError):
        ask(lambda _: Answer(b'{"head":{},"results":{"bindings":[]}}', KIND))


def test_a_question_that_is_refused_is_told() -> None:
    with pytest.raises(ServiceError, match="rejects a query"):
        ask(lambda _: Answer(b"Parse error at line 1", "text/plain", 400))


def entity(name: str, **claims: list[tuple[str, str]]) -> dict[str, object]:
    """An item with statements: values and ranks by property."""
    groups = {
        prop: [
            {
                "id": f"{name}${prop}-{place}",
                "rank": rank,
                "mainsnak": {
                    "snaktype": "value",
                    "property": prop,
                    "datavalue": {"type": "wikibase-entityid", "value": {"numeric-id": int(value[1:])}},
                },
            }
            for place, (value, rank) in enumerate(statements)
        ]
        for prop, statements in claims.items()
    }
    return {"id": name, "claims": groups}


@pytest.fixture
def service() -> Iterator[QueryService]:
    """A small graph: 1, 2 and 3 name 9, the third by a deprecated statement; 1 and 9 name themselves."""
    graph = [
        entity("Q1", P19=[("Q9", "normal")], P50=[("Q1", "normal"), ("Q9", "normal")]),
        entity("Q2", P27=[("Q9", "preferred")]),
        entity("Q3", P27=[("Q9", "deprecated")]),
        entity("Q9", P31=[("Q9", "normal")]),
    ]
    store = rdf.load(graph)
    limiter = RateLimiter(CONTACT, quick())
    with (
        serve(lambda request: rdf.answer(store, request.parameters["query"])) as (url, _),
        urllib_rate_limited(limiter),
    ):
        yield QueryService(f"{url}/sparql", limiter, load_settings().live)


def test_neighbours_and_mentions_are_counted_as_of_a_dump(service: QueryService) -> None:
    assert count_incoming_links(service, [1, 2, 9]) == {1: 0, 2: 0, 9: 2}
    assert count_mentions(service, [1, 2, 9]) == {1: 0, 2: 0, 9: 4}


def test_neighbours_of_hubs_are_not_listed(service: QueryService) -> None:
    assert fetch_neighbours(service, {9: 2}, [19, 27], 10, 0) == [1, 2]
    assert fetch_neighbours(service, {9: 2}, [27], 10, 0) == [2]
    assert fetch_neighbours(service, {9: 2}, [19, 27], 1, 0) in ([1], [2])
    assert fetch_neighbours(service, {9: 1_000}, [19, 27], 10, 0) == []
