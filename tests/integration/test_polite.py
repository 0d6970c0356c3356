"""The limiter: real clients against a real server that misbehaves, on a clock that the tests drive."""

import urllib.request
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from SPARQLWrapper import JSON, POST, SPARQLWrapper

from pipeline.core.errors import BudgetSpent, Refused, ServiceError, UsageError
from pipeline.core.settings import load_operations
from pipeline.sandbox.server import Answer, Faults, Request, Route, as_json, serve
from pipeline.sources.live.rate_limit import Clock, RateLimiter, urllib_rate_limited

POLITE = load_operations().polite
CONTACT = "tests@example.org"


class Time:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Let so much of it pass."""
        self.now += seconds
        self.slept.append(seconds)

    @property
    def clock(self) -> Clock:
        """What a limiter is given."""
        return Clock(lambda: self.now, self.sleep)


def rate_limiter(time: Time, **changes: object) -> RateLimiter:
    return RateLimiter(CONTACT, POLITE.model_copy(update=changes), seed=1, clock=time.clock)


def fine(request: Request) -> Answer:
    del request
    return as_json({"ok": True})


def in_turn(*answers: Answer) -> Route:
    """A route that gives one answer after the other, the last one for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def test_no_more_than_the_rate_goes_out() -> None:
    time = Time()
    with serve(fine) as (url, seen), rate_limiter(time).session() as session:
        for _ in range(POLITE.burst + 150):
            session.get(url)
    assert len(seen.requests) == POLITE.burst + 150
    assert time.now == pytest.approx(60, rel=0.01)


@pytest.mark.parametrize("contact", [None, "", "me", "ops at example.org", "a@b (c)"])
def test_without_a_contact_there_is_no_limiter(contact: str | None) -> None:
    with pytest.raises(UsageError, match="--contact"):
        RateLimiter(contact, POLITE)


@pytest.mark.parametrize("contact", ["you@example.org", "https://example.org/mill"])
def test_every_request_says_who_asks(contact: str) -> None:
    with serve(fine) as (url, seen):
        RateLimiter(contact, POLITE, clock=Time().clock).session().get(url, headers={"User-Agent": "another"})
    (agent,) = seen.agents
    assert agent.startswith("editmill/")
    assert f"({contact})" in agent
    assert list(seen.encodings) == ["gzip"]


@pytest.mark.parametrize(
    "busy",
    [
        Answer(b"You are making too many requests", "text/plain", 429, {"Retry-After": "42"}),
        Answer(b"", "text/html", 503, {"Retry-After": "42"}),
        Answer(as_json({"error": {"code": "maxlag"}}).body, headers={"Retry-After": "42"}),
    ],
    ids=["too many", "unavailable", "maxlag inside a good status"],
)
def test_a_server_that_asks_for_time_gets_it(busy: Answer) -> None:
    time = Time()
    with serve(in_turn(busy, as_json({"ok": True}))) as (url, seen):
        answer = rate_limiter(time).session().get(url)
    assert answer.json() == {"ok": True}
    assert len(seen.requests) == 2
    assert time.slept == [42]


def test_the_time_may_be_written_as_a_date() -> None:
    time = Time()
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    with serve(in_turn(Answer(b"", "text/html", 503, {"Retry-After": later}), as_json({}))) as (url, _):
        rate_limiter(time).session().get(url)
    assert 80 < sum(time.slept) <= 90


@pytest.mark.parametrize("fault", ["truncated", "dropped", "unavailable", "too_many", "maxlag"])
def test_an_answer_that_is_not_whole_is_asked_for_again(fault: str) -> None:
    faults = Faults({fault: 0.5}, seed=2, retry_after=0)
    with serve(lambda _: as_json({"numbers": list(range(50))}), faults) as (url, seen):
        limiter = rate_limiter(Time(), break_after=100)
        for _ in range(20):
            assert limiter.session().get(f"{url}/api.php").json() == {"numbers": list(range(50))}
    assert seen.faults[fault] > 3
    assert limiter.traffic.failed == seen.faults[fault]
    assert limiter.traffic.sent == len(seen.requests)


def test_waits_grow_with_a_jitter_that_the_seed_decides() -> None:
    waits: list[list[float]] = []
    for _ in range(2):
        time = Time()
        down = Answer(b"", "text/html", 503)
        with serve(in_turn(down, down, down, down, as_json({}))) as (url, _):
            rate_limiter(time, burst=100).session().get(url)
        waits.append(time.slept)
    assert waits[0] == waits[1]
    for power, wait in enumerate(waits[0]):
        assert POLITE.backoff_seconds * 2**power / 2 <= wait <= POLITE.backoff_seconds * 2**power


def test_the_circuit_opens_and_in_the_end_the_run_stops() -> None:
    time = Time()
    limiter = rate_limiter(time)
    with serve(in_turn(Answer(b"", "text/html", 503))) as (url, seen), pytest.raises(ServiceError) as stopped:
        limiter.session().get(url)
    assert stopped.value.exit_code == 3
    assert len(seen.requests) == POLITE.break_after * (POLITE.max_breaks + 1)
    assert time.slept.count(POLITE.break_seconds) == POLITE.max_breaks
    assert limiter.fatal_error is stopped.value


def test_a_refusal_stops_the_run_at_once() -> None:
    banned = Answer(b"You have been banned until 2026-11-20", "text/plain", 403)
    with serve(in_turn(banned)) as (url, seen), pytest.raises(Refused, match="banned until"):
        rate_limiter(Time()).session().get(url)
    assert len(seen.requests) == 1


def test_a_spent_budget_ends_the_run() -> None:
    with serve(fine) as (url, seen):
        session = rate_limiter(Time(), budget=3).session()
        for _ in range(3):
            session.get(url)
        with pytest.raises(BudgetSpent, match="3 requests"):
            session.get(url)
    assert len(seen.requests) == 3


def test_sparqlwrapper_and_urllib_go_through_the_same_limiter() -> None:
    rows = Answer(b'{"head":{"vars":["x"]},"results":{"bindings":[]}}', "application/sparql-results+json")
    busy = Answer(b"", "text/html", 429, {"Retry-After": "7"})
    time = Time()
    limiter = rate_limiter(time)
    with serve(in_turn(busy, rows)) as (url, seen), urllib_rate_limited(limiter):
        client = SPARQLWrapper(url, agent="another")
        client.setMethod(POST)
        client.setReturnFormat(JSON)
        client.setQuery("SELECT ?x WHERE { ?x ?y ?z }")
        assert client.queryAndConvert() == {"head": {"vars": ["x"]}, "results": {"bindings": []}}
        with urllib.request.urlopen(url) as response:
            response.read()
    assert time.slept == [7]
    assert limiter.traffic.sent == len(seen.requests) == 3
    assert list(seen.agents) == [limiter.user_agent]
    assert seen.requests[0][1] == {
        "query": "SELECT ?x WHERE { ?x ?y ?z }",
        "format": "json",
        "output": "json",
        "results": "json",
    }
