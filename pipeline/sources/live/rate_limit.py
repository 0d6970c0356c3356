"""One polite gate for every request of the process: a rate, a contact, patience, and an end to patience.

The gate is a transport adapter of `requests`, its documented place for such things. pywikibot's session gets one, our
own session gets one, and urllib, which SPARQLWrapper uses, is given an opener that sends through our session. So no
client retries, waits or identifies itself on its own: what comes out of the gate is an answer worth reading.
"""

import contextlib
import email.utils
import io
import json
import re
import threading
import time
import urllib.request
import urllib.response
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from pipeline import __version__
from pipeline.core.errors import BudgetSpent, Refused, ServiceError, UsageError
from pipeline.core.seeded import fraction
from pipeline.core.settings import PoliteSettings

_BUSY = frozenset({429, 502, 503, 504})
_BUSY_CODES = re.compile(r"maxlag|ratelimited|readonly|internal_api_error_\w+")
# A query that ran out of time is asked again in parts by whoever asked, never as it was.
TIMED_OUT = re.compile(rb"TimeoutException|SPARQL-QUERY: queryStr=|!!!!>># An error has occurred")
_LOST = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
_GARBLED = (requests.exceptions.ContentDecodingError,)
_CONTACT = re.compile(r"[^@\s()]+@[^@\s()]+\.[^@\s()]+|https?://[^\s()]+")


@dataclass(frozen=True)
class Clock:
    """Where time comes from, in seconds; tests drive one of their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass
class Traffic:
    """What went through the gate."""

    sent: int = 0
    failed: int = 0
    waited: float = 0.0  # seconds
    hosts: Counter[str] = field(default_factory=Counter[str])

    def told(self) -> dict[str, object]:
        """For the report of a run."""
        return {
            "requests": self.sent,
            "failed": self.failed,
            "waited_seconds": round(self.waited, 1),
            "hosts": dict(sorted(self.hosts.items())),
        }


@dataclass(frozen=True)
class _Trouble:
    """Why an answer is not worth reading, and how long the server asks to be left alone."""

    what: str
    wait: float = 0.0


class Gate:
    """Lets requests through one at a time, at a rate, within a budget.

    Args:
        contact: The operator's mail address or page, which every request carries.
        settings: How often, how patiently, how many.
        seed: Of the jitter.
        clock: Where time comes from.

    Raises:
        UsageError: There is no contact, or it is none.
    """

    def __init__(self, contact: str | None, settings: PoliteSettings, seed: int = 0, clock: Clock | None = None):
        if not contact or not _CONTACT.fullmatch(contact):
            raise UsageError(
                "Wikimedia's servers ask who is asking",
                "--contact",
                "Give the mail address or page of whoever runs this, as in --contact you@example.org.",
            )
        self.agent = f"editmill/{__version__} ({contact}) {requests.utils.default_user_agent()}"
        self.traffic = Traffic()
        self.long_questions: set[str] = (
            set()
        )  # addresses where a time-out is an answer: whoever asks splits the question
        self.failure: ServiceError | None = None  # what ended a run; clients may wrap it in errors of their own
        self.settings, self._seed, self._clock = settings, seed, clock or Clock()
        self._tokens, self._filled = float(settings.burst), self._clock.now()
        self._failures = self._breaks = 0
        self._lock = threading.RLock()

    def adapter(self) -> HTTPAdapter:
        """What a session of `requests` mounts to send through this gate."""
        return _GateAdapter(self)

    def session(self) -> requests.Session:
        """A session that sends through this gate and nowhere else."""
        session = requests.Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, self.adapter())
        return session

    def pass_through(
        self, url: str, transmit: Callable[[], requests.Response], is_stream: bool = False
    ) -> requests.Response:
        """Send a request until its answer is worth reading.

        Args:
            url: Where to.
            transmit: Sends it once and reads the whole body.
            is_stream: The body of a good answer is left for the caller to read, who tells by `arrived` and `broke_off`
                how that went.

        Raises:
            BudgetSpent: The run may send no more.
            ServiceError: The server refuses us, or failed too often in a row.
        """
        with self._lock:
            while True:
                self._admit(url)
                try:
                    response = transmit()
                    if is_stream and response.ok:
                        return response
                    trouble = self._judge(response)
                except _LOST as error:
                    if isinstance(error, requests.ReadTimeout) and url in self.long_questions:
                        raise
                    response, trouble = None, _Trouble(f"the connection failed: {type(error).__name__}")
                except _GARBLED:
                    response, trouble = None, _Trouble("the answer cannot be unpacked")
                if response is not None and trouble is None:
                    self._failures = self._breaks = 0
                    return response
                self._endure(url, trouble or _Trouble("no answer"))

    def arrived(self) -> None:
        """Some of a body that is read as it comes has arrived: the server is well."""
        with self._lock:
            self._failures = self._breaks = 0

    def broke_off(self, url: str, what: str) -> None:
        """A body that is read as it comes broke off: wait before the rest is asked for.

        Raises:
            ServiceError: The server failed too often in a row.
        """
        with self._lock:
            self._endure(url, _Trouble(what))

    def _admit(self, url: str) -> None:
        """Wait for a token of the bucket and take it."""
        if self.traffic.sent >= self.settings.budget:
            self._stop(
                BudgetSpent(
                    f"The run has sent the {self.settings.budget} requests that it may",
                    urlsplit(url).netloc,
                    "What was fetched is kept: run again to go on, or raise polite.budget.",
                )
            )
        rate = self.settings.requests_per_minute / 60
        now = self._clock.now()
        self._tokens = min(float(self.settings.burst), self._tokens + (now - self._filled) * rate)
        self._filled = now
        if self._tokens < 1:
            self._sleep((1 - self._tokens) / rate)
            self._tokens, self._filled = 1.0, self._clock.now()
        self._tokens -= 1
        self.traffic.sent += 1
        self.traffic.hosts[urlsplit(url).netloc] += 1

    def _judge(self, response: requests.Response) -> _Trouble | None:
        """What is wrong with an answer that asking again may put right.

        Raises:
            Refused: Asking again would make it worse.
        """
        status = response.status_code
        if status == 403:
            what = f"The server refuses us: {_line(response.content)}"
            self._stop(Refused(what, response.url, "Is --contact right? Do not run again before you know why."))
        if TIMED_OUT.search(response.content):
            return None
        if status in _BUSY or status == 500:
            return _Trouble(f"status {status}", _retry_after(response))
        return _unsound(response) if response.ok else None

    def _endure(self, url: str, trouble: _Trouble) -> None:
        """Wait after a failure; give up when too many came in a row."""
        settings = self.settings
        self.traffic.failed += 1
        self._failures += 1
        wait = min(settings.backoff_seconds * 2 ** (self._failures - 1), settings.max_backoff_seconds)
        wait *= 0.5 + fraction(self._seed, "backoff", self.traffic.sent) / 2
        if self._failures % settings.break_after == 0:  # the circuit opens, and one request tries it after a while
            self._breaks += 1
            wait = settings.break_seconds
        if self._breaks > settings.max_breaks:
            self._stop(
                ServiceError(
                    f"The server failed {self._failures} times in a row; the last time: {trouble.what}",
                    url.partition("?")[0],
                    "What was fetched is kept: run again later to go on.",
                )
            )
        self._sleep(max(wait, trouble.wait))

    def _sleep(self, seconds: float) -> None:
        self.traffic.waited += seconds
        self._clock.sleep(seconds)

    def _stop(self, error: ServiceError) -> NoReturn:
        self.failure = error
        raise error


def _unsound(response: requests.Response) -> _Trouble | None:
    """Trouble inside an answer that came with a good status."""
    if "json" not in response.headers.get("Content-Type", ""):
        return None
    try:
        answer: object = json.loads(response.content)
    except ValueError:
        return _Trouble("the answer is cut off")
    error = cast(dict[str, Any], answer).get("error") if isinstance(answer, dict) else None
    code = str(cast(dict[str, Any], error).get("code", "")) if isinstance(error, dict) else ""
    return _Trouble(f"the API says {code}", _retry_after(response)) if _BUSY_CODES.fullmatch(code) else None


def _retry_after(response: requests.Response) -> float:
    """Seconds that the server asks for, which it may write as a time; 0 if it does not ask."""
    text = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    moment = email.utils.parsedate_tz(text)
    if moment is None:
        return 0.0
    return max(email.utils.mktime_tz(moment) - datetime.now(UTC).timestamp(), 0.0)


def _line(content: bytes) -> str:
    """The beginning of a body, on one line."""
    return " ".join(content[:200].decode("utf-8", errors="replace").split())


class _GateAdapter(HTTPAdapter):
    """Sends by way of a gate."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request that says who asks; `requests` documents the arguments."""
        gate = self._gate
        request.headers["User-Agent"] = gate.agent
        is_stream = bool(kwargs.get("stream"))
        request.headers["Accept-Encoding"] = "identity" if is_stream else "gzip"  # parts of a file go by its own bytes
        settings = gate.settings
        kwargs["timeout"] = (settings.connect_seconds, settings.timeout_seconds)

        def transmit() -> requests.Response:
            response = super(_GateAdapter, self).send(request, *args, **kwargs)
            if not (is_stream and response.ok):
                _ = response.content  # read now: a body that breaks off is a failure like others
            return response

        return gate.pass_through(request.url or "", transmit, is_stream)


class _UrllibHandler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Lets urllib send by way of a gate."""

    def __init__(self, session: requests.Session) -> None:
        super().__init__()
        self._session = session

    def http_open(self, req: urllib.request.Request) -> Any:
        """Send a request of urllib."""
        data = cast(bytes | None, req.data)
        headers = {name: value for name, value in req.header_items() if name.lower() != "host"}
        response = self._session.request(req.get_method(), req.full_url, data=data, headers=headers)
        told = Message()
        for name, value in response.headers.items():
            if name.lower() not in ("content-encoding", "content-length", "transfer-encoding"):
                told[name] = value
        answer = urllib.response.addinfourl(io.BytesIO(response.content), told, req.full_url, response.status_code)
        answer.msg = response.reason  # pyright: ignore[reportAttributeAccessIssue]  # which urllib itself asks for
        return answer

    https_open = http_open


@contextlib.contextmanager
def urllib_through(gate: Gate) -> Generator[None]:
    """While the block runs, everything that urllib opens goes through the gate."""
    session = gate.session()
    urllib.request.install_opener(urllib.request.build_opener(_UrllibHandler(session)))
    try:
        yield
    finally:
        urllib.request.install_opener(urllib.request.build_opener())
        session.close()
