"""What every step of a harvest is given: the request, the clients, the window and the settings."""

from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.core.progress import Reporter
from pipeline.core.settings import Settings
from pipeline.core.tables import Database
from pipeline.sources.live.rate_limit import RateLimiter
from pipeline.sources.live.request import HarvestRequest
from pipeline.sources.live.wiki import Wiki
from pipeline.sources.live.window import Window


@dataclass(frozen=True)
class HarvestContext:
    """What every step is given.

    Attributes:
        request: What is requested.
        settings: All settings of the release.
        limiter: The rate limiter of all requests.
        wiki: The client of the repository.
        now: The current time of the repository.
        window: The window.
        pool: Runs the comparison.
        reporter: Reports progress.
    """

    request: HarvestRequest
    settings: Settings
    limiter: RateLimiter
    wiki: Wiki
    now: datetime
    window: Window
    pool: Executor
    reporter: Reporter

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.request.state

    def database(self) -> Database:
        """A new database session, which spills to the state folder."""
        return Database(self.state / "scratch", self.settings.memory)
