"""A request to the sandbox's Hub, its answer, and what every answer needs to know."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from pipeline.sandbox import hub_store
from pipeline.sandbox.hub_store import Commit, Missing, Repo


@dataclass(frozen=True)
class Ask:
    """A request, as far as an answer depends on it."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    token: str | None
    body: Callable[[], Iterator[bytes]]
    base: str  # the server's own address
    store: Path  # where everything is kept
    role: str | None = None  # what the token may do: "read" or "write"
    parts: Mapping[str, str | None] = field(default_factory=dict[str, str | None])  # of the path

    def read(self) -> bytes:
        """The whole body."""
        return b"".join(self.body())

    def part(self, name: str) -> str:
        """A part of the path, decoded; empty if it was not given."""
        return unquote(self.parts.get(name) or "")


@dataclass(frozen=True)
class Reply:
    """An answer: JSON, or a file."""

    status: int = 200
    data: object = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    file: Path | None = None


class Refused(Exception):
    """A request that gets an error for its answer."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.reply = Reply(
            status, {"error": message}, {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        )


def repo_of(ask: Ask, *, write: bool = False) -> Repo:
    """The repository of a request.

    Raises:
        Refused: There is none, or the sender may not see or change it.
    """
    try:
        repo = hub_store.read_repo(ask.store, ask.part("repo"))
    except Missing as error:
        raise Refused(404 if ask.role else 401, "Repository not found", "RepoNotFound") from error
    if repo.private and ask.role is None:
        raise Refused(401, "Repository not found", "RepoNotFound")
    if write and ask.role != "write":
        raise Refused(403 if ask.role else 401, "Forbidden: you must use a write token to upload to a repository.")
    return repo


def commit_of(ask: Ask, repo: Repo) -> tuple[str, Commit]:
    """The commit that a request names, by its id; main's if it names none."""
    oid = hub_store.resolve(ask.store, repo, ask.part("revision") or "main")
    return oid, hub_store.read_commit(ask.store, oid)


def now() -> str:
    """The time as the Hub writes it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"


def encoded(reply: Reply) -> bytes:
    """The body of an answer that is no file."""
    if isinstance(reply.data, bytes):
        return reply.data
    return b"" if reply.data is None else json.dumps(reply.data).encode()
