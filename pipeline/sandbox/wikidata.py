"""The whole small Wikidata behind one address: action API, query service and page views."""

import contextlib
from collections.abc import Generator
from dataclasses import dataclass

from pipeline.sandbox import api, rdf, views
from pipeline.sandbox.history import History
from pipeline.sandbox.server import Answer, Faults, Request, Route, Seen, as_json, serve
from pipeline.sandbox.slice import END, START, slice_history


@dataclass(frozen=True)
class Wikidata:
    """A running sandbox: its address, and the requests that it received."""

    url: str
    seen: Seen

    def arguments(self) -> list[str]:
        """The part of the command line that names its services."""
        services = ["--api", f"{self.url}/w/api.php", "--sparql", f"{self.url}/sparql"]
        views = ["--pageviews", f"{self.url}/pageviews", "--pageview-dumps", f"{self.url}/pageview_complete/monthly"]
        return ["--source", "live", *services, *views, "--from", START, "--to", END]


def route_of(history: History) -> Route:
    """Answers requests to a wiki of this history, to its query service and to its page view service."""
    store = rdf.load(history.entities.values())
    counted = views.slice_views()

    def route(request: Request) -> Answer:
        if request.path.endswith("/api.php"):
            return as_json(api.answer(history, request.parameters))
        if request.path == "/sparql":
            return rdf.answer(store, request.parameters.get("query", ""))
        return views.answer(request.path, counted)

    return route


@contextlib.contextmanager
def small_wikidata(faults: Faults | None = None, port: int = 0, history: History | None = None) -> Generator[Wikidata]:
    """Serve a small Wikidata until the block ends."""
    with serve(route_of(history or slice_history()), faults, port) as (url, seen):
        yield Wikidata(url, seen)
