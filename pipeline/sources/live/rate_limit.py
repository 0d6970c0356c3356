"""The rate limit: every request of the process waits for its turn, is retried after failures, and counts in a budget.

`RateLimiter` sends through a transport adapter of `requests`, the documented place for such rules. pywikibot's session
and our own sessions mount it. SPARQLWrapper uses urllib, so urllib gets an opener that sends through our session. No
client retries, waits or sets a user agent by itself, and a client only sees complete answers.
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
# What query services write into an answer when a query timed out. The caller splits such a query; nobody repeats it.
TIMED_OUT = re.compile(rb"TimeoutException|SPARQL-QUERY: queryStr=|!!!!>># An error has occurred")
_CONNECTION_ERRORS = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
_DECODING_ERRORS = (requests.exceptions.ContentDecodingError,)
_CONTACT = re.compile(r"[^@\s()]+@[^@\s()]+\.[^@\s()]+|https?://[^\s()]+")


@dataclass(frozen=True)
class Clock:
    """The source of time, in seconds; tests use their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass
class Traffic:
    """Counts of the requests that were sent."""

    sent: int = 0
    failed: int = 0
    waited: float = 0.0  # seconds
    hosts: Counter[str] = field(default_factory=Counter[str])

    def summary(self) -> dict[str, object]:
        """The counts as fields of a log event."""
        return {
            "requests": self.sent,
            "failed": self.failed,
            "waited_seconds": round(self.waited, 1),
            "hosts": dict(sorted(self.hosts.items())),
        }


@dataclass(frozen=True)
class _Failure:
    """Why a request must be repeated, and how long the server asks to wait first."""

    reason: str
    retry_after: float = 0.0  # seconds


class RateLimiter:
    """Sends requests one at a time, at a limited rate, within a budget, and retries those that fail.

    Args:
        contact: The operator's mail address or web page; it is part of the user agent of every request.
        settings: The rate, the budget, and when to retry or stop.
        seed: The seed of the jitter of waiting times.
        clock: The source of time.

    Attributes:
        user_agent: The user agent of every request.
        traffic: Counts of the requests that were sent.
        no_timeout_retry: URLs whose time-outs are raised at once, because the caller splits its query instead.
        fatal_error: The error that ended the run, since clients may wrap it in errors of their own.

    Raises:
        UsageError: The contact is missing or is neither a mail address nor a URL.
    """

    def __init__(self, contact: str | None, settings: PoliteSettings, seed: int = 0, clock: Clock | None = None):
        if not contact or not _CONTACT.fullmatch(contact):
            raise UsageError(
                "Wikimedia's servers require a contact",
                "--contact",
                "Give the mail address or web page of the operator, for example --contact you@example.org.",
            )
        self.user_agent = f"editmill/{__version__} ({contact}) {requests.utils.default_user_agent()}"
        self.traffic = Traffic()
        self.no_timeout_retry: set[str] = set()
        self.fatal_error: ServiceError | None = None
        self.settings, self._seed, self._clock = settings, seed, clock or Clock()
        self._tokens, self._filled = float(settings.burst), self._clock.now()
        self._failures = self._breaks = 0
        self._lock = threading.RLock()

    def adapter(self) -> HTTPAdapter:
        """The transport adapter that a session of `requests` mounts."""
        return _RateLimitedAdapter(self)

    def session(self) -> requests.Session:
        """A session whose every request is rate limited."""
        session = requests.Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, self.adapter())
        return session

    def send(self, url: str, transmit: Callable[[], requests.Response], is_stream: bool = False) -> requests.Response:
        """Send a request, and send it again until its answer is complete.

        Args:
            url: Its URL.
            transmit: Sends the request once and reads the whole body.
            is_stream: Whether the caller reads the body. It then reports the result with `record_success` and
                `record_failure`.

        Raises:
            BudgetSpent: The run has used its budget of requests.
            ServiceError: The server refuses our requests, or failed too often in a row.
        """
        with self._lock:
            while True:
                self._wait_for_token(url)
                try:
                    response = transmit()
                    if is_stream and response.ok:
                        return response
                    failure = self._check(response)
                except _CONNECTION_ERRORS as error:
                    if isinstance(error, requests.ReadTimeout) and url in self.no_timeout_retry:
                        raise
                    response, failure = None, _Failure(f"the connection failed: {type(error).__name__}")
                except _DECODING_ERRORS:
                    response, failure = None, _Failure("the answer cannot be decompressed")
                if response is not None and failure is None:
                    self._failures = self._breaks = 0
                    return response
                self._back_off(url, failure or _Failure("no answer"))

    def record_success(self) -> None:
        """Note that a part of a streamed body has arrived, which resets the count of failures."""
        with self._lock:
            self._failures = self._breaks = 0

    def record_failure(self, url: str, reason: str) -> None:
        """Note that a streamed body is incomplete, and wait before the caller requests the rest.

        Raises:
            ServiceError: The server failed too often in a row.
        """
        with self._lock:
            self._back_off(url, _Failure(reason))

    def _wait_for_token(self, url: str) -> None:
        """Wait for a token of the token bucket and take it."""
        if self.traffic.sent >= self.settings.budget:
            self._stop(
                BudgetSpent(
                    f"The run has sent the {self.settings.budget} requests that it may",
                    urlsplit(url).netloc,
                    "What was fetched is kept: run again to continue, or raise polite.budget.",
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

    def _check(self, response: requests.Response) -> _Failure | None:
        """The failure of an answer that a retry may cure; None for an answer to use.

        Raises:
            Refused: The server forbids our requests: a retry would make it worse.
        """
        status = response.status_code
        if status == 403:
            what = f"The server refuses us: {_first_line(response.content)}"
            self._stop(Refused(what, response.url, "Check --contact. Do not run again before you know the reason."))
        if TIMED_OUT.search(response.content):
            return None
        if status in _BUSY or status == 500:
            return _Failure(f"status {status}", _retry_after(response))
        return _json_failure(response) if response.ok else None

    def _back_off(self, url: str, failure: _Failure) -> None:
        """Wait after a failure: exponential backoff, then a circuit breaker, then stop the run."""
        settings = self.settings
        self.traffic.failed += 1
        self._failures += 1
        wait = min(settings.backoff_seconds * 2 ** (self._failures - 1), settings.max_backoff_seconds)
        wait *= 0.5 + fraction(self._seed, "backoff", self.traffic.sent) / 2
        if self._failures % settings.break_after == 0:  # the circuit opens; one request tests it later
            self._breaks += 1
            wait = settings.break_seconds
        if self._breaks > settings.max_breaks:
            self._stop(
                ServiceError(
                    f"The server failed {self._failures} times in a row; the last time: {failure.reason}",
                    url.partition("?")[0],
                    "What was fetched is kept: run again later to continue.",
                )
            )
        self._sleep(max(wait, failure.retry_after))

    def _sleep(self, seconds: float) -> None:
        self.traffic.waited += seconds
        self._clock.sleep(seconds)

    def _stop(self, error: ServiceError) -> NoReturn:
        self.fatal_error = error
        raise error


def _json_failure(response: requests.Response) -> _Failure | None:
    """The failure inside a JSON answer with a good status."""
    if "json" not in response.headers.get("Content-Type", ""):
        return None
    try:
        answer: object = json.loads(response.content)
    except ValueError:
        return _Failure("the answer is cut off")
    error = cast(dict[str, Any], answer).get("error") if isinstance(answer, dict) else None
    code = str(cast(dict[str, Any], error).get("code", "")) if isinstance(error, dict) else ""
    return _Failure(f"the API says {code}", _retry_after(response)) if _BUSY_CODES.fullmatch(code) else None


def _retry_after(response: requests.Response) -> float:
    """The seconds of the `Retry-After` header, which may also be a date; 0 without one."""
    text = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    moment = email.utils.parsedate_tz(text)
    if moment is None:
        return 0.0
    return max(email.utils.mktime_tz(moment) - datetime.now(UTC).timestamp(), 0.0)


def _first_line(content: bytes) -> str:
    """The first 200 bytes of a body, on one line."""
    return " ".join(content[:200].decode("utf-8", errors="replace").split())


class _RateLimitedAdapter(HTTPAdapter):
    """Sends requests of `requests` through a rate limiter."""

    def __init__(self, limiter: RateLimiter) -> None:
        super().__init__()
        self._limiter = limiter

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request with our user agent; `requests` documents the arguments."""
        limiter = self._limiter
        request.headers["User-Agent"] = limiter.user_agent
        is_stream = bool(kwargs.get("stream"))
        request.headers["Accept-Encoding"] = "identity" if is_stream else "gzip"  # byte ranges count plain bytes
        settings = limiter.settings
        kwargs["timeout"] = (settings.connect_seconds, settings.timeout_seconds)

        def transmit() -> requests.Response:
            response = super(_RateLimitedAdapter, self).send(request, *args, **kwargs)
            if not (is_stream and response.ok):
                _ = response.content  # read now, so that an incomplete body is a failure like others
            return response

        return limiter.send(request.url or "", transmit, is_stream)


class _UrllibHandler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Sends requests of urllib through a session of `requests`."""

    def __init__(self, session: requests.Session) -> None:
        super().__init__()
        self._session = session

    def http_open(self, req: urllib.request.Request) -> Any:
        """Send a request; urllib looks this method up by its name."""
        data = cast(bytes | None, req.data)
        headers = {name: value for name, value in req.header_items() if name.lower() != "host"}
        response = self._session.request(req.get_method(), req.full_url, data=data, headers=headers)
        answer_headers = Message()
        for name, value in response.headers.items():
            if name.lower() not in ("content-encoding", "content-length", "transfer-encoding"):
                answer_headers[name] = value
        answer = urllib.response.addinfourl(
            io.BytesIO(response.content), answer_headers, req.full_url, response.status_code
        )
        answer.msg = response.reason  # pyright: ignore[reportAttributeAccessIssue]  # urllib reads it
        return answer

    https_open = http_open


@contextlib.contextmanager
def urllib_rate_limited(limiter: RateLimiter) -> Generator[None]:
    """Send everything that urllib opens in the block through a rate limiter."""
    session = limiter.session()
    urllib.request.install_opener(urllib.request.build_opener(_UrllibHandler(session)))
    try:
        yield
    finally:
        urllib.request.install_opener(urllib.request.build_opener())
        session.close()
