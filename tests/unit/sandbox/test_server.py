"""The sandbox's server: faults fall on their share, files come in parts, and half a request is not a request."""

import socket
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from pipeline.sandbox.server import Answer, Faults, File, Request, serve


def test_faults_fall_on_their_share_of_requests_and_on_the_same_ones_again() -> None:
    faults = Faults({"too_many": 0.1, "dropped": 0.2}, seed=5, at={1: "lost"})
    met = [faults.drawn(place) for place in range(1, 2_001)]
    assert met == [faults.drawn(place) for place in range(1, 2_001)]
    assert met[0] == "lost"
    assert 150 < met.count("too_many") < 250
    assert 330 < met.count("dropped") < 470


@pytest.mark.parametrize(("fault", "is_done"), [("dropped", False), ("lost", True), ("unavailable", False)])
def test_only_a_request_whose_answer_is_lost_is_carried_out(fault: str, is_done: bool) -> None:
    done: list[bytes] = []

    def route(request: Request) -> Answer:
        done.append(request.body)
        return Answer(b"{}")

    with serve(route, Faults(at={1: fault})) as (url, seen):
        with pytest.raises((ConnectionError, urllib.error.HTTPError)) as failed:
            urllib.request.urlopen(url, b"a=1")
        if isinstance(failed.value, urllib.error.HTTPError):
            failed.value.close()
        assert (bool(done), seen.faults[fault]) == (is_done, 1)
        with urllib.request.urlopen(url, b"a=2") as answer:
            assert answer.read() == b"{}"
    assert done[-1] == b"a=2"


@pytest.mark.parametrize(
    ("wanted", "status", "content", "told"),
    [
        ("", 200, b"0123456789", None),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=4-5", 206, b"45", "bytes 4-5/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
    ],
)
def test_a_file_comes_in_the_parts_that_are_requested(wanted: str, status: int, content: bytes, told: str) -> None:
    with serve(lambda _: File(b"0123456789")) as (url, _):
        asked = urllib.request.Request(url, headers={"Range": wanted} if wanted else {})
        with urllib.request.urlopen(asked) as answer:
            found = answer.status, answer.read(), answer.headers.get("Content-Range")
    assert found == (status, content, told)


@pytest.mark.parametrize(
    "half",
    [
        b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhalf",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ],
    ids=["by its length", "in chunks"],
)
def test_half_a_request_is_not_carried_out(half: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with (
        serve(lambda _: Answer(b"{}")) as (url, seen),
        socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=60) as client,
    ):
        client.sendall(half)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert seen.requests == []
    assert capfd.readouterr().err == ""
