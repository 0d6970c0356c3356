"""What every step of a harvest is given: the clients, the window, the state folder and the settings."""

from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.progress import Reporter
from pipeline.core.settings import Settings
from pipeline.core.tables import Database
from pipeline.sources.live.rate_limit import RateLimiter
from pipeline.sources.live.wiki import Wiki
from pipeline.sources.live.window import Window


@dataclass(frozen=True)
class HarvestContext:
    """What every step is given.

    Attributes:
        wiki: The client of the repository.
        limiter: The rate limiter of all requests.
        window: The window.
        state: The state folder.
        settings: All settings of the release.
        pool: Runs the comparison.
        reporter: Reports progress.
    """

    wiki: Wiki
    limiter: RateLimiter
    window: Window
    state: Path
    settings: Settings
    pool: Executor
    reporter: Reporter

    def database(self) -> Database:
        """A new database session, which spills to the state folder."""
        return Database(self.state / "scratch", self.settings.memory)
