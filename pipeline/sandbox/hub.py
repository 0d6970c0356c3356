"""A Hub on loopback for huggingface_hub and datasets as they are: point HF_ENDPOINT at it, and set HF_HUB_DISABLE_XET.

It makes trouble on demand: a share of requests, or the n-th one, is answered by an error, dropped unseen, or done and
its answer lost. Which requests, is a hash of their number, so that a run can be repeated.
"""

import contextlib
import itertools
import shutil
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from pipeline.core.seeded import fraction
from pipeline.sandbox.hub_api import answer
from pipeline.sandbox.hub_request import Ask, Reply, encoded

WRITE_TOKEN = "hf_sandbox_write"
READ_TOKEN = "hf_sandbox_read"
Trouble = Literal["unavailable", "busy", "dropped", "lost"]

_CHUNK = 1 << 16
_TROUBLE_REPLIES: Mapping[Trouble, Reply] = {
    "unavailable": Reply(503, b"<html>Service Temporarily Unavailable</html>"),
    "busy": Reply(429, {"error": "Too many requests"}, {"Retry-After": "0"}),
}


def _nothing(number: int, method: str, path: str) -> None:
    del number, method, path


@dataclass
class Faults:
    """The trouble that a Hub makes.

    Attributes:
        share: The share of requests that meet each kind of trouble.
        at: The number of a request, from 1, and its trouble.
        seed: Changes which requests the shares fall on.
        before: Called before each request with its number, method and path; a test may end the client here.
        after: Called when its work is done and its answer is not sent yet.
    """

    share: Mapping[Trouble, float] = field(default_factory=dict[Trouble, float])
    at: Mapping[int, Trouble] = field(default_factory=dict[int, Trouble])
    seed: int = 0
    before: Callable[[int, str, str], None] = _nothing
    after: Callable[[int, str, str], None] = _nothing

    def of(self, number: int) -> Trouble | None:
        """The trouble that a request meets."""
        if number in self.at:
            return self.at[number]
        left = fraction(self.seed, "fault", number)
        for trouble, share in self.share.items():
            if left < share:
                return trouble
            left -= share
        return None


class Hub(ThreadingHTTPServer):
    """The server; `requests` counts what came in."""

    daemon_threads = True

    def __init__(self, store: Path, port: int = 0, tokens: Mapping[str, str] | None = None) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.store = store
        self.tokens = {WRITE_TOKEN: "write", READ_TOKEN: "read"} if tokens is None else tokens
        self.faults = Faults()
        self.changing = Lock()
        self._numbers = itertools.count(1)
        self.requests = 0

    @property
    def url(self) -> str:
        """Its address, for HF_ENDPOINT."""
        return f"http://127.0.0.1:{self.server_port}"

    def count(self) -> int:
        """The number of the request that has just come in."""
        self.requests = next(self._numbers)
        return self.requests

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that go away, as killed ones do."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _hub(self) -> Hub:
        if not isinstance(self.server, Hub):
            raise TypeError("This handler serves a Hub alone")
        return self.server

    def _serve(self) -> None:
        number = self._hub.count()
        self._hub.faults.before(number, self.command, self.path)
        trouble = self._hub.faults.of(number)
        if trouble == "dropped":
            self.close_connection = True
            return
        reply = self._answer() if trouble in (None, "lost") else _TROUBLE_REPLIES[trouble]
        self._hub.faults.after(number, self.command, self.path)
        if trouble == "lost":
            self.close_connection = True
            return
        if trouble:
            self.close_connection = True  # what the client still sends is not read
        self._send(reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def _answer(self) -> Reply:
        url = urlsplit(self.path)
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        body = self._body()
        ask = Ask(
            method=self.command,
            path=url.path,
            query=parse_qs(url.query),
            token=token if kind == "Bearer" else None,
            body=lambda: body,
            base=self._hub.url,
            store=self._hub.store,
        )
        lock = self._hub.changing if self.command == "POST" else contextlib.nullcontext()
        with lock:
            reply = answer(self._hub.tokens, ask)
        for _ in body:  # what nobody read would be taken for the next request
            pass
        return reply

    def _body(self) -> Iterator[bytes]:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0 and (data := self.rfile.read(min(left, _CHUNK))):
            left -= len(data)
            yield data

    def _send(self, reply: Reply) -> None:
        body = encoded(reply)
        size = reply.file.stat().st_size if reply.file else len(body)
        first, last = self._range(size) if reply.file else (0, size)
        partial = reply.file is not None and (first, last) != (0, size)
        self.send_response(206 if partial else reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if partial:
            self.send_header("Content-Range", f"bytes {first}-{last - 1}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Type", "application/octet-stream" if reply.file else "application/json")
        self.send_header("Content-Length", str(last - first))
        self.end_headers()
        if self.command == "HEAD":
            return
        if reply.file is None:
            self.wfile.write(body)
        elif partial:
            with reply.file.open("rb") as file:
                file.seek(first)
                self.wfile.write(file.read(last - first))
        else:
            with reply.file.open("rb") as file:
                shutil.copyfileobj(file, self.wfile)

    def _range(self, size: int) -> tuple[int, int]:
        """The bytes asked for, the last one exclusive."""
        asked = self.headers.get("Range", "").removeprefix("bytes=")
        start, dash, end = asked.partition("-")
        if not dash or not start.isdigit():
            return 0, size
        return int(start), min(int(end) + 1, size) if end.isdigit() else size

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the client tells what went wrong."""


@contextlib.contextmanager
def running(store: Path, port: int = 0) -> Generator[Hub]:
    """A Hub at work in a thread of this process."""
    hub = Hub(store, port)
    thread = Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()
