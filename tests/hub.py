"""A Hub on loopback that a test can watch, stop and trouble."""

import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from pipeline.sandbox.hub import hub_route
from pipeline.sandbox.hub_store import Store
from pipeline.sandbox.server import Answer, Faults, Request, Seen, serve


def _nothing(request: Request) -> None:
    del request


@dataclass
class Hub:
    """A running Hub.

    Attributes:
        store: What it holds.
        faults: What goes wrong; a test may change it at any time.
        before: Called before a request is carried out; a test may end the client here. If it returns False, the
            request is not carried out, and the connection closes.
        after: Called when a request is carried out and its answer is not sent yet.
        url: Its address, for HF_ENDPOINT.
        seen: What it received.
    """

    store: Store = field(default_factory=Store)
    faults: Faults = field(default_factory=lambda: Faults(retry_after=0))
    before: Callable[[Request], bool | None] = _nothing
    after: Callable[[Request], None] = _nothing
    url: str = ""
    seen: Seen = field(default_factory=Seen)

    def route(self, request: Request) -> Answer | None:
        """Answer a request."""
        if self.before(request) is False:
            return None
        answer = hub_route(self.store)(request)
        self.after(request)
        return answer


@contextlib.contextmanager
def running_hub() -> Generator[Hub]:
    """Serve a Hub until the block ends."""
    hub = Hub()
    with serve(hub.route, hub.faults) as (hub.url, hub.seen):
        yield hub
