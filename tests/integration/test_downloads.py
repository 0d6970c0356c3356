"""Files of gigabytes, small here, over real sockets that break: every byte once, or an error, never half a file."""

import bz2

import pytest

from pipeline.core.errors import BudgetSpent, ServiceError
from pipeline.core.seeded import draw_key
from pipeline.sandbox.server import Answer, Faults, File, Request, Route, serve
from pipeline.sources.files.resumable import NotFound, read_with_restarts, stream_bzip2
from pipeline.sources.live.rate_limit import RateLimiter
from tests.live import CONTACT, quick

# What does not pack well: the file is 20 chunks long, and more than one stream.
LINES = "".join(f"{draw_key(0, place)}\n" for place in range(40_000)).encode()
PACKED = bz2.compress(LINES[:1_000_000]) + bz2.compress(LINES[1_000_000:])


def rate_limiter(**polite: object) -> RateLimiter:
    return RateLimiter(CONTACT, quick(**polite))


def file_of(*bodies: bytes) -> Route:
    """A server with one file, which it gives in one version after the other, the last one for ever."""
    left = list(bodies)
    return lambda _: File(left.pop(0) if len(left) > 1 else left[0], "application/octet-stream")


def read(url: str, limiter: RateLimiter, attempts: int = 3) -> bytes:
    return read_with_restarts(lambda: b"".join(stream_bzip2(limiter, f"{url}/file.bz2")), attempts, url)


def test_a_file_comes_in_one_request_and_is_not_packed_again() -> None:
    with serve(file_of(PACKED)) as (url, seen):
        assert read(url, rate_limiter()) == LINES
    assert len(seen.requests) == 1
    assert list(seen.encodings) == ["identity"]


@pytest.mark.parametrize("fault", ["dropped", "truncated"])
def test_a_body_that_breaks_off_is_gone_on_with_where_it_broke(fault: str) -> None:
    limiter = rate_limiter()
    with serve(file_of(PACKED), Faults({fault: 0.7}, seed=4)) as (url, seen):
        assert read(url, limiter) == LINES
    broken = seen.faults[fault]
    assert broken >= 2
    assert len(seen.requests) == broken + 1
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for asked in seen.parts]
    assert len(starts) == broken
    assert starts == sorted(starts) and starts[0] > 0
    assert limiter.traffic.failed == broken


@pytest.mark.parametrize("seed", range(6))
def test_whatever_goes_wrong_every_byte_comes_once(seed: int) -> None:
    shares = dict.fromkeys(("too_many", "unavailable", "truncated", "dropped"), 0.2)
    with serve(file_of(PACKED), Faults(shares, seed)) as (url, _):
        assert read(url, rate_limiter()) == LINES


def test_a_server_that_knows_no_parts_is_read_past_what_came_already() -> None:
    places: list[int] = []

    def whole(request: Request) -> Answer:
        del request
        places.append(1)
        given = PACKED[: len(PACKED) // 2] if len(places) == 1 else PACKED
        return Answer(given, "application/octet-stream", headers={"ETag": '"one"'})

    with serve(whole) as (url, seen):
        assert read(url, rate_limiter()) == LINES
    assert len(seen.requests) == 2


def test_a_file_that_changes_on_its_way_is_begun_anew() -> None:
    newer = bz2.compress(LINES[::-1])

    class Changing:
        """The older file breaks off; from then on there is the newer one."""

        count = 0

        def __call__(self, request: Request) -> Answer:
            self.count += 1
            older = Answer(PACKED[:300_000], "application/octet-stream", headers={"ETag": '"older"'})
            return older if self.count == 1 else File(newer, "application/octet-stream")

    with serve(Changing()) as (url, seen):
        assert read(url, rate_limiter()) == LINES[::-1]
    assert len(seen.requests) == 3  # the first, one that shows the change, and the new beginning


@pytest.mark.parametrize(
    "body",
    [
        PACKED[:-1],
        PACKED[: len(bz2.compress(LINES[:1_000_000])) + 5],
        PACKED[:200_000] + b"\0" * 50 + PACKED[200_050:],
        b"<html>No such place</html>",
        b"",
    ],
    ids=["without its end", "a stream and a bit", "with a hole", "no such packing", "empty"],
)
def test_half_a_file_is_never_taken_for_whole(body: bytes) -> None:
    with serve(file_of(body)) as (url, seen), pytest.raises(ServiceError) as told:
        read(url, rate_limiter(max_breaks=2))
    assert told.value.exit_code == 3
    assert 1 < len(seen.requests) < 40


def test_a_file_that_is_not_there_is_told_at_once() -> None:
    with serve(lambda _: Answer(b"", "text/html", 404)) as (url, seen), pytest.raises(NotFound):
        read(url, rate_limiter())
    assert len(seen.requests) == 1


def test_parts_count_against_the_budget() -> None:
    with serve(file_of(PACKED), Faults({"dropped": 1.0})) as (url, seen), pytest.raises(BudgetSpent):
        read(url, rate_limiter(budget=4))
    assert len(seen.requests) == 4


def test_a_server_that_gives_nothing_but_beginnings_is_given_up() -> None:
    def nothing(request: Request) -> Answer:
        del request
        return Answer(b"BZ", "application/octet-stream", headers={"ETag": '"one"'})

    with serve(nothing) as (url, seen), pytest.raises(ServiceError, match="failed|begun"):
        read(url, rate_limiter(max_breaks=1))
    assert len(seen.requests) < 20


def test_a_block_is_small_whatever_it_was_packed_from() -> None:
    """Zeros pack a thousandfold: memory must not hold what a chunk unpacks to."""
    with serve(file_of(bz2.compress(bytes(50_000_000)))) as (url, _):
        sizes = [len(block) for block in stream_bzip2(rate_limiter(), url)]
    assert sum(sizes) == 50_000_000
    assert max(sizes) <= 1 << 22
