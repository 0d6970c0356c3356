"""The sandbox's server: real HTTP on loopback, with faults on demand. The wiki and the Hub answer behind it."""

import contextlib
import gzip
import hashlib
import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from urllib.parse import parse_qsl, urlsplit

from pipeline.core.seeded import fraction

FAULTS = ("too_many", "unavailable", "maxlag", "truncated", "slow", "dropped", "lost")


@dataclass(frozen=True)
class Request:
    """A request as a route sees it."""

    method: str
    path: str  # without the query
    parameters: Mapping[str, str]  # of the query and, in a POST, of the form
    headers: Message
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    body: bytes
    kind: str = "application/json; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class File(Answer):
    """A file: clients may request a part of it, and it goes out as it is, without further compression."""

    def part(self, asked: Message) -> Answer:
        """All of it, or the bytes that the header `Range` names."""
        version = self.headers.get("ETag") or f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'
        headers = {**self.headers, "ETag": version, "Accept-Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.get("Range", ""))
        if wanted is None or asked.get("If-Range", version) != version:
            return Answer(self.body, self.kind, 200, headers)
        start, size = int(wanted[1]), len(self.body)
        if start >= size:
            return Answer(b"", self.kind, 416, {"Content-Range": f"bytes */{size}"})
        end = min(int(wanted[2]) + 1, size) if wanted[2] else size
        return Answer(
            self.body[start:end], self.kind, 206, headers | {"Content-Range": f"bytes {start}-{end - 1}/{size}"}
        )


Route = Callable[[Request], Answer | None]  # None closes the connection without an answer


def as_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A value as a JSON answer."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(body, status=status, headers=headers or {})


@dataclass
class Faults:
    """Which faults befall which share of the requests; the place of a request in the run decides whether it is hit.

    Attributes:
        shares: The share of each fault of `FAULTS`. A "dropped" request reaches no route, and of a file half is sent;
            a "lost" one is carried out, and its answer is not sent.
        seed: Of the draw.
        retry_after: Seconds that a busy server asks for.
        slow_seconds: How long a slow answer takes.
        at: Faults of single requests, by their place from 1.
    """

    shares: Mapping[str, float] = field(default_factory=dict[str, float])
    seed: int = 0
    retry_after: float = 0.01
    slow_seconds: float = 0.2
    at: Mapping[int, str] = field(default_factory=dict[int, str])

    def drawn(self, place: int) -> str | None:
        """The fault that befalls a request, if any."""
        if place in self.at:
            return self.at[place]
        lot = fraction(self.seed, "fault", place)
        for name, share in self.shares.items():
            if lot < share:
                return name
            lot -= share
        return None


@dataclass
class Seen:
    """What a server received: one entry a request that arrived."""

    requests: list[tuple[str, Mapping[str, str]]] = field(default_factory=list[tuple[str, Mapping[str, str]]])
    agents: Counter[str] = field(default_factory=Counter[str])
    encodings: Counter[str] = field(default_factory=Counter[str])
    faults: Counter[str] = field(default_factory=Counter[str])
    parts: list[str] = field(default_factory=list[str])  # the header `Range` of requests for parts of files
    open_now: int = 0
    open_most: int = 0
    times: list[float] = field(default_factory=list[float])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def arrival(self, request: Request, faults: Faults) -> Generator[str | None]:
        """Count a request while it is open; yields the fault that befalls it."""
        with self._lock:
            self.requests.append((request.path, request.parameters))
            self.agents[request.headers.get("User-Agent", "")] += 1
            self.encodings[request.headers.get("Accept-Encoding", "")] += 1
            self.times.append(time.monotonic())
            self.parts += request.headers.get_all("Range", [])
            self.open_now += 1
            self.open_most = max(self.open_most, self.open_now)
            fault = faults.drawn(len(self.requests))
            self.faults[fault or "none"] += 1
        try:
            yield fault
        finally:
            with self._lock:
                self.open_now -= 1


@contextlib.contextmanager
def serve(route: Route, faults: Faults | None = None, port: int = 0) -> Generator[tuple[str, Seen]]:
    """Serve until the block ends.

    Args:
        route: Answers a request.
        faults: What goes wrong.
        port: Where; 0 for any that is free.

    Yields:
        The address, without a slash at its end, and what was received.
    """
    seen = Seen()
    server = _Server(("127.0.0.1", port), _handler(route, faults or Faults(), seen))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing about clients that go away, as killed ones do."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _handler(route: Route, faults: Faults, seen: Seen) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            request = _request(self.command, self.path, self.headers, self.rfile)
            with seen.arrival(request, faults) as fault:
                time.sleep(faults.slow_seconds if fault == "slow" else 0)
                answer = _answer(route, request, fault, faults.retry_after)
                if answer is not None:
                    self._send(answer)
                if answer is None or fault == "dropped":
                    self.close_connection = True
                    self.connection.shutdown(2)

        do_GET = do_HEAD = do_POST = do_PUT = _serve  # noqa: N815

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in {"Content-Type": answer.kind, **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Print nothing: the client reports what went wrong."""

    return Handler


def _request(method: str, address: str, headers: Message, stream: BufferedIOBase) -> Request:
    """Read a request, with its body."""
    url, body, kind = urlsplit(address), b"".join(_body(headers, stream)), headers.get("Content-Type", "")
    parameters = dict(parse_qsl(url.query, keep_blank_values=True))
    if "sparql-query" in kind:
        parameters["query"] = body.decode()
    elif "form-urlencoded" in kind:
        parameters |= parse_qsl(body.decode(), keep_blank_values=True)
    return Request(method, url.path, parameters, headers, body)


def _body(headers: Message, stream: BufferedIOBase) -> Iterator[bytes]:
    if "chunked" not in headers.get("Transfer-Encoding", ""):
        yield _whole(stream, int(headers.get("Content-Length") or 0))
        return
    while size := int(stream.readline().split(b";")[0] or b"0", 16):
        yield _whole(stream, size)
        stream.readline()
    if not stream.readline():
        raise ConnectionAbortedError


def _whole(stream: BufferedIOBase, size: int) -> bytes:
    """So many bytes; a client that was killed on the way has sent fewer, and that is not a request."""
    data = stream.read(size)
    if len(data) < size:
        raise ConnectionAbortedError
    return data


def _answer(route: Route, request: Request, fault: str | None, retry_after: float) -> Answer | None:
    """An answer as it goes out; None if nothing does, because the connection is gone."""
    if fault == "dropped" and request.method != "GET":
        return None
    answer = _busy(fault, request.path, retry_after) or route(request)
    is_file = isinstance(answer, File)
    if answer is None or fault == "lost" or (fault == "dropped" and not is_file):
        return None
    answer = answer.part(request.headers) if isinstance(answer, File) else answer
    body, headers = answer.body, dict(answer.headers)
    if fault == "truncated":
        body = body[: len(body) * 2 // 3]
    if not is_file and "gzip" in request.headers.get("Accept-Encoding", ""):
        body, headers["Content-Encoding"] = gzip.compress(body, 1, mtime=0), "gzip"
    headers["Content-Length"] = str(len(body))
    return replace(answer, body=body[: len(body) // 2] if fault == "dropped" else body, headers=headers)


def _busy(fault: str | None, path: str, retry_after: float) -> Answer | None:
    """The answer of a server that is too busy."""
    again = {"Retry-After": f"{retry_after:g}"}
    if fault == "too_many":
        text = f"You are making too many requests to the API. Please wait {retry_after:g} seconds.\n"
        return Answer(text.encode(), "text/plain", 429, again)
    if fault == "unavailable" or (fault == "maxlag" and not path.endswith("api.php")):
        return Answer(b"<html><body>Service Unavailable</body></html>", "text/html", 503, again)
    if fault == "maxlag":
        error = {"code": "maxlag", "info": "Waiting for all: 6 seconds lagged.", "lag": 6, "type": "db"}
        return as_json({"error": error}, headers=again)
    return None
