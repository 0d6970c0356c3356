"""The sandbox's server: real HTTP on the loopback, with faults on demand."""

import contextlib
import gzip
import hashlib
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pipeline.core.seeded import fraction
from pipeline.sandbox.history import Json

FAULTS = ("too_many", "unavailable", "maxlag", "truncated", "slow", "dropped")
Route = Callable[[str, Mapping[str, str]], "Answer"]


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    body: bytes
    kind: str = "application/json; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class File(Answer):
    """A file that may be asked for in parts; as a server of files does, it is never packed again."""

    @property
    def version(self) -> str:
        """A hash of it."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'

    def part(self, asked: Message) -> Answer:
        """What is asked for, all of it or from some byte on."""
        told = {"ETag": self.version, "Accept-Ranges": "bytes"}
        begins = re.fullmatch(r"bytes=(\d+)-", asked.get("Range", ""))
        if begins is None or asked.get("If-Range", self.version) != self.version:
            return Answer(self.body, self.kind, 200, told)
        start, length = int(begins[1]), len(self.body)
        if start >= length:
            return Answer(b"", self.kind, 416, {"Content-Range": f"bytes */{length}"})
        return Answer(
            self.body[start:], self.kind, 206, told | {"Content-Range": f"bytes {start}-{length - 1}/{length}"}
        )


def as_json(value: object, status: int = 200) -> Answer:
    """A value as a JSON answer."""
    return Answer(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(), status=status)


@dataclass
class Faults:
    """Which faults befall which share of the requests; which request is hit is drawn by its place in the run.

    Attributes:
        shares: The share of each fault of `FAULTS`.
        seed: Of the draw.
        retry_after: Seconds that a busy server asks for.
        slow_seconds: How long a slow answer takes.
    """

    shares: Mapping[str, float] = field(default_factory=dict[str, float])
    seed: int = 0
    retry_after: float = 0.01
    slow_seconds: float = 0.2

    def drawn(self, place: int) -> str | None:
        """The fault that befalls a request, if any."""
        lot = fraction(self.seed, "fault", place)
        for name, share in self.shares.items():
            if lot < share:
                return name
            lot -= share
        return None

    def delay(self, fault: str | None) -> float:
        """How many seconds an answer takes."""
        return self.slow_seconds if fault == "slow" else 0.0


@dataclass
class Seen:
    """What a server has been asked: one entry a request that arrived."""

    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list[tuple[str, dict[str, str]]])
    agents: Counter[str] = field(default_factory=Counter[str])
    encodings: Counter[str] = field(default_factory=Counter[str])
    faults: Counter[str] = field(default_factory=Counter[str])
    parts: list[str] = field(default_factory=list[str])  # of files, as they were asked for
    open_now: int = 0
    open_most: int = 0
    times: list[float] = field(default_factory=list[float])


@contextlib.contextmanager
def serve(route: Route, faults: Faults | None = None, port: int = 0) -> Generator[tuple[str, Seen]]:
    """Serve until the block ends.

    Args:
        route: Answers a path and its parameters.
        faults: What goes wrong.
        port: Where; 0 for any that is free.

    Yields:
        The address, without a slash at its end, and what has been asked.
    """
    seen = Seen()
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(route, faults or Faults(), seen))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(route: Route, faults: Faults, seen: Seen) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True)))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            asked = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
            kind = self.headers.get("Content-Type", "")
            form = {"query": body} if "sparql-query" in kind else dict(parse_qsl(body, keep_blank_values=True))
            self._answer(asked | form)

        def _answer(self, parameters: dict[str, str]) -> None:
            path = urlsplit(self.path).path
            with lock:
                seen.requests.append((path, parameters))
                seen.agents[self.headers.get("User-Agent", "")] += 1
                seen.encodings[self.headers.get("Accept-Encoding", "")] += 1
                seen.times.append(time.monotonic())
                seen.parts += self.headers.get_all("Range", [])
                seen.open_now += 1
                seen.open_most = max(seen.open_most, seen.open_now)
                fault = faults.drawn(len(seen.requests))
                seen.faults[fault or "none"] += 1
            try:
                self._send(fault, path, parameters)
            finally:
                with lock:
                    seen.open_now -= 1

        def _send(self, fault: str | None, path: str, parameters: dict[str, str]) -> None:
            time.sleep(faults.delay(fault))
            answer = _given(fault, _broken(fault, path, faults) or route(path, parameters), self.headers)
            if answer is not None:
                self.send_response(answer.status)
                for name, value in ({"Content-Type": answer.kind} | dict(answer.headers)).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)
            if fault == "dropped":
                self._hang_up()

        def _hang_up(self) -> None:
            self.close_connection = True
            self.connection.shutdown(2)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: whoever started the server says what is worth saying."""

    return Handler


def _given(fault: str | None, answer: Answer, asked: Message) -> Answer | None:
    """An answer as it goes out; None if nothing does, because the connection is gone."""
    is_file = isinstance(answer, File)
    if fault == "dropped" and not is_file:
        return None
    answer = answer.part(asked) if isinstance(answer, File) else answer
    body, headers = answer.body, dict(answer.headers)
    if fault == "truncated":
        body = body[: len(body) * 2 // 3]
    if not is_file and "gzip" in asked.get("Accept-Encoding", ""):
        body, headers["Content-Encoding"] = gzip.compress(body, 1, mtime=0), "gzip"
    headers["Content-Length"] = str(len(body))
    if fault == "dropped":  # on the way
        body = body[: len(body) // 2]
    return Answer(body, answer.kind, answer.status, headers)


def _broken(fault: str | None, path: str, faults: Faults) -> Answer | None:
    """What a server says that is too busy."""
    again = {"Retry-After": f"{faults.retry_after:g}"}
    if fault == "too_many":
        text = f"You are making too many requests to the API. Please wait {faults.retry_after:g} seconds.\n"
        return Answer(text.encode(), "text/plain", 429, again)
    if fault == "unavailable" or (fault == "maxlag" and not path.endswith("api.php")):
        return Answer(b"<html><body>Service Unavailable</body></html>", "text/html", 503, again)
    if fault == "maxlag":
        error: Json = {"code": "maxlag", "info": "Waiting for all: 6 seconds lagged.", "lag": 6, "type": "db"}
        return Answer(as_json({"error": error}).body, headers=again)
    return None
