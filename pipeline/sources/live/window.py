"""The window of a harvest: a span of time whose changes are fetched."""

from dataclasses import dataclass
from datetime import UTC, datetime

_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class Window:
    """A span of time, without its start and with its end."""

    start: datetime
    end: datetime

    @property
    def name(self) -> str:
        """The name of its files and folders."""
        return f"{self.start:{_STAMP}}-{self.end:{_STAMP}}"

    @classmethod
    def from_name(cls, name: str) -> "Window":
        """The window of a file or folder.

        >>> Window.from_name("20261108T000000Z-20261115T000000Z").name
        '20261108T000000Z-20261115T000000Z'
        """
        start, end = name.split("-")
        return cls(*(datetime.strptime(text, _STAMP).replace(tzinfo=UTC) for text in (start, end)))
