"""The live source against a history that a server of the sandbox plays: real clients, real sockets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.core.parallel import InlineExecutor
from pipeline.core.progress import Reporter
from pipeline.core.settings import PoliteSettings, Settings, load_operations, load_settings
from pipeline.core.tables import Database, read_table
from pipeline.language.relations import load_templates
from pipeline.sandbox import api
from pipeline.sandbox.history import History
from pipeline.sandbox.server import Faults, Seen, as_json, serve
from pipeline.sources.diff import classification
from pipeline.sources.entities import ingestion
from pipeline.sources.entities.rows import Wanted
from pipeline.sources.live.rate_limit import Gate
from pipeline.sources.live.recent_changes import Window
from pipeline.sources.live.wiki import Wiki
from pipeline.sources.live.window import Visit, finish_changes, read_changes
from tests.entities import Json

CONTACT = "tests@example.org"


def quick(**polite: object) -> PoliteSettings:
    """How to ask servers that are ours: without long waits."""
    fast = {"requests_per_minute": 6e6, "burst": 100, "backoff_seconds": 0.001, "break_seconds": 0.01, "max_breaks": 50}
    return load_operations().polite.model_copy(update=fast | polite)


@dataclass(frozen=True)
class Visited:
    """What a visit found.

    Attributes:
        changes: CHANGES.
        counts: Items by kind.
        gate: What every request went through.
        seen: What the server was asked.
        folder: Every table on the way.
    """

    classification: list[Json]
    counts: Mapping[str, int]
    gate: Gate
    seen: Seen
    folder: Path


def visit(
    history: History, window: Window, folder: Path, faults: Faults | None = None, budget: int = 10_000
) -> Visited:
    """Read the changes of a window from a server that plays a history."""
    settings = load_settings()
    templates = load_templates()
    with (
        serve(lambda _, asked: as_json(api.answer(history, asked)), faults) as (url, seen),
        Database(folder / "scratch", "500MB") as database,
    ):
        gate = Gate(CONTACT, quick(budget=budget))
        wiki = Wiki(f"{url}/w/api.php", gate, folder / "pywikibot")
        visited = Visit(wiki, window, folder / "state", settings, database, InlineExecutor(), Reporter("quiet"))
        out = folder / "harvest"
        counts = read_changes(visited, out)
        _ingest_heads(out, folder, settings)
        states = classification.ComparedStates(
            out / "differences", out / "merges.parquet", (folder / "new" / "statements",), window.start
        )
    with Database(folder / "scratch", "500MB") as database:
        compared = classification.classify(states, templates.dating, database, folder / "compared.parquet")
    with Database(folder / "scratch", "500MB") as database:
        finish_changes(compared, out, database, folder / "changes.parquet")
    return Visited(read_table(folder / "changes.parquet").to_pylist(), counts, gate, seen, folder)


def _ingest_heads(harvest: Path, folder: Path, settings: Settings) -> None:
    """STATEMENTS of the items as the window left them, which date what they mention."""
    lines = read_table(harvest / "new").column("json").to_pylist()
    new = folder / "new.json"
    new.write_bytes(b"[\n" + b",\n".join(lines) + b"\n]\n")
    wanted = Wanted(frozenset(f"P{number}" for number in load_templates().dating.properties), frozenset({"enwiki"}))
    ingestion.ingest(new, folder / "new", wanted, settings.dump, InlineExecutor(), 1)


def window(start: str, end: str) -> Window:
    """A window by its ends."""
    return Window(datetime.fromisoformat(start), datetime.fromisoformat(end))
