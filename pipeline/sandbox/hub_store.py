"""What the sandbox's Hub holds, in memory: contents by hash, commits, and repositories with their pull requests."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import RLock
from typing import Literal

Status = Literal["draft", "open", "closed", "merged"]

ATTRIBUTES = ".gitattributes"
_BINARY = (".parquet", ".png", ".gz", ".zst")  # what the Hub's own .gitattributes sends to large-file storage
_LARGE_BYTES = 10_000_000


class Conflict(Exception):
    """Two changes meet in one file."""


class Missing(Exception):
    """No such repository, revision or content."""


@dataclass(frozen=True)
class Stored:
    """A file of a commit."""

    sha256: str
    size: int  # bytes
    oid: str  # the hash of git's blob; of a large file any hash, because clients compare its SHA-256
    lfs: bool

    @property
    def etag(self) -> str:
        """The hash by which clients know the content."""
        return self.sha256 if self.lfs else self.oid


@dataclass(frozen=True)
class Commit:
    """A commit with its whole listing."""

    title: str
    date: str
    parents: tuple[str, ...]
    files: Mapping[str, Stored]


@dataclass
class PullRequest:
    """A pull request, and the commit at which it stands."""

    num: int  # from 1
    title: str
    head: str
    date: str
    status: Status = "draft"
    merge_commit: str | None = None


@dataclass
class Repo:
    """A data set: where its refs stand, and its pull requests."""

    name: str
    private: bool
    date: str
    main: str
    tags: dict[str, str] = field(default_factory=dict[str, str])
    tag_messages: dict[str, str] = field(default_factory=dict[str, str])
    pulls: list[PullRequest] = field(default_factory=list[PullRequest])


@dataclass
class Store:
    """All that a Hub holds; whoever changes it holds the lock."""

    repos: dict[str, Repo] = field(default_factory=dict[str, Repo])
    commits: dict[str, Commit] = field(default_factory=dict[str, Commit])
    contents: dict[str, bytes] = field(default_factory=dict[str, bytes])  # by SHA-256
    lock: RLock = field(default_factory=RLock)


def now() -> str:
    """The time as the Hub writes it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"


def is_large(path: str, size: int) -> bool:
    """Whether the Hub keeps a file in large-file storage.

    >>> is_large("data/a.parquet", 10), is_large("README.md", 10)
    (True, False)
    """
    return size > _LARGE_BYTES or path.endswith(_BINARY)


def put(store: Store, data: bytes) -> str:
    """Keep content; returns its SHA-256."""
    sha256 = hashlib.sha256(data).hexdigest()
    store.contents[sha256] = data
    return sha256


def regular(store: Store, data: bytes) -> Stored:
    """Keep a file as git keeps it."""
    oid = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    return Stored(put(store, data), len(data), oid, lfs=False)


def large(store: Store, sha256: str) -> Stored:
    """A file of large-file storage.

    Raises:
        Missing: Its content was not uploaded.
    """
    if sha256 not in store.contents:
        raise Missing(sha256)
    return Stored(sha256, len(store.contents[sha256]), sha256[:40], lfs=True)


def add_commit(store: Store, commit: Commit) -> str:
    """Keep a commit; returns its id, 40 hexadecimal digits."""
    oid = hashlib.sha1(repr(commit).encode(), usedforsecurity=False).hexdigest()
    store.commits[oid] = commit
    return oid


def history(store: Store, oid: str) -> list[str]:
    """The ids of a commit and all that came before it, the latest first."""
    found, waiting = dict[str, None](), [oid]
    while waiting:
        current = waiting.pop(0)
        if current not in found:
            found[current] = None
            waiting += store.commits[current].parents
    return list(found)


def make_repo(store: Store, name: str, private: bool, date: str) -> Repo:
    """A new repository, with the first commit that the Hub makes by itself."""
    attributes = "".join(f"*{ending} filter=lfs diff=lfs merge=lfs -text\n" for ending in _BINARY).encode()
    first = add_commit(store, Commit("initial commit", date, (), {ATTRIBUTES: regular(store, attributes)}))
    store.repos[name] = Repo(name, private, date, first)
    return store.repos[name]


def resolve(store: Store, repo: Repo, revision: str) -> str:
    """The commit that `main`, a tag, a pull request or an id names.

    Raises:
        Missing: It names none.
    """
    pulls = {f"refs/pr/{pull.num}": pull.head for pull in repo.pulls}
    oid = {"main": repo.main, **repo.tags, **pulls}.get(revision, revision)
    if oid not in store.commits:
        raise Missing(revision)
    return oid


def move(repo: Repo, revision: str, oid: str) -> None:
    """Let main or a pull request stand at a commit.

    Raises:
        Missing: There is no such branch; tags and ids do not move.
    """
    pulls = {f"refs/pr/{pull.num}": pull for pull in repo.pulls}
    if revision == "main":
        repo.main = oid
    elif revision in pulls:
        pulls[revision].head = oid
    else:
        raise Missing(revision)


def merge(store: Store, repo: Repo, pull: PullRequest) -> None:
    """Merge a pull request into main, file by file.

    Raises:
        Conflict: Both sides changed one file.
    """
    ours, theirs = history(store, repo.main), history(store, pull.head)
    shared = next(oid for oid in theirs if oid in ours)
    base, mine, other = (store.commits[oid].files for oid in (shared, repo.main, pull.head))
    files: dict[str, Stored] = {}
    for path in sorted({*mine, *other}):
        before, here, there = base.get(path), mine.get(path), other.get(path)
        if before not in (here, there) and here != there:
            raise Conflict(path)
        if chosen := there if here == before else here:
            files[path] = chosen
    title = f"{pull.title} (#{pull.num})"
    repo.main = pull.merge_commit = add_commit(store, Commit(title, now(), (repo.main, pull.head), files))
    pull.status = "merged"
