"""What the sandbox's Hub holds, on disk: content by its hash, commits by theirs, and the refs of each repository.

A repository is one file, replaced whole, so that a reader sees a ref before or after a change and nothing in between.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

Status = Literal["draft", "open", "closed", "merged"]

ATTRIBUTES = ".gitattributes"
_BINARY = (".parquet", ".png", ".gz", ".zst")  # what the Hub's own .gitattributes sends to large-file storage
_LARGE_BYTES = 10_000_000


class Stored(msgspec.Struct, frozen=True):
    """A file of a commit."""

    sha256: str
    size: int  # bytes
    oid: str  # what git would call it: the blob, or for a large file its pointer
    lfs: bool


class Commit(msgspec.Struct, frozen=True):
    """A commit with its whole listing."""

    title: str
    message: str
    date: str
    parents: tuple[str, ...]
    files: Mapping[str, Stored]


class Discussion(msgspec.Struct):
    """A discussion or pull request."""

    num: int
    title: str
    status: Status
    is_pull_request: bool
    date: str
    merge_commit: str | None = None


class Repo(msgspec.Struct):
    """The state of a repository: its refs and discussions. Contents are kept elsewhere, by hash."""

    name: str
    private: bool
    date: str
    branches: dict[str, str]
    tags: dict[str, str] = {}
    pulls: dict[str, str] = {}  # "refs/pr/1" and its head
    discussions: list[Discussion] = []


class Conflict(Exception):
    """A ref moved on, or two changes meet in one file."""


class Missing(Exception):
    """No such repository, revision or content."""


def sends_to_large_storage(path: str, size: int) -> bool:
    """Whether the Hub would keep a file as a large one.

    >>> sends_to_large_storage("data/a.parquet", 10), sends_to_large_storage("README.md", 10)
    (True, False)
    """
    return size > _LARGE_BYTES or path.endswith(_BINARY)


def put(store: Path, chunks: Iterable[bytes]) -> tuple[str, int]:
    """Keep content.

    Returns:
        Its SHA-256 and its size in bytes.
    """
    folder = store / "objects"
    folder.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
    Path(file.name).replace(folder / digest.hexdigest())
    return digest.hexdigest(), size


def content(store: Path, sha256: str) -> Path:
    """Where content is.

    Raises:
        Missing: There is none of this hash.
    """
    path = store / "objects" / sha256
    if not path.is_file():
        raise Missing(sha256)
    return path


def regular(store: Path, data: bytes) -> Stored:
    """Keep a file as git keeps it."""
    sha256, size = put(store, [data])
    return Stored(sha256, size, hashlib.sha1(b"blob %d\0" % size + data, usedforsecurity=False).hexdigest(), lfs=False)


def large(store: Path, sha256: str) -> Stored:
    """A file whose content came before, as large-file storage keeps it.

    Raises:
        Missing: The content did not come.
    """
    size = content(store, sha256).stat().st_size
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
    oid = hashlib.sha1(b"blob %d\0" % len(pointer) + pointer, usedforsecurity=False).hexdigest()
    return Stored(sha256, size, oid, lfs=True)


def write_commit(store: Path, commit: Commit) -> str:
    """Keep a commit.

    Returns:
        Its id, 40 hexadecimal digits.
    """
    data = msgspec.json.encode(commit, order="sorted")
    oid = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    _write(store / "commits" / oid, data)
    return oid


def read_commit(store: Path, oid: str) -> Commit:
    """A commit.

    Raises:
        Missing: There is none of this id.
    """
    try:
        return msgspec.json.decode((store / "commits" / oid).read_bytes(), type=Commit)
    except OSError as error:
        raise Missing(oid) from error


def history(store: Path, oid: str) -> list[str]:
    """The ids of a commit and all that came before it, the latest first."""
    found, waiting = dict[str, None](), [oid]
    while waiting:
        current = waiting.pop(0)
        if current not in found:
            found[current] = None
            waiting += read_commit(store, current).parents
    return list(found)


def make_repo(store: Path, name: str, private: bool, date: str) -> Repo:
    """A new repository, with the first commit that the Hub makes by itself."""
    attributes = "".join(f"*{ending} filter=lfs diff=lfs merge=lfs -text\n" for ending in _BINARY).encode()
    first = Commit("initial commit", "", date, (), {ATTRIBUTES: regular(store, attributes)})
    repo = Repo(name, private, date, {"main": write_commit(store, first)})
    write_repo(store, repo)
    return repo


def write_repo(store: Path, repo: Repo) -> None:
    """Put the state of a repository in place, whole."""
    _write(store / "repos" / f"{repo.name}.json", msgspec.json.encode(repo, order="sorted"))


def read_repo(store: Path, name: str) -> Repo:
    """The state of a repository.

    Raises:
        Missing: There is none of this name.
    """
    try:
        return msgspec.json.decode((store / "repos" / f"{name}.json").read_bytes(), type=Repo)
    except OSError as error:
        raise Missing(name) from error


def resolve(store: Path, repo: Repo, revision: str) -> str:
    """The commit that a branch, tag, pull request or id names.

    Raises:
        Missing: It names none.
    """
    for refs in (repo.branches, repo.tags, repo.pulls):
        if revision in refs:
            return refs[revision]
    if not revision.isalnum() or not (store / "commits" / revision).is_file():
        raise Missing(revision)
    return revision


def move(repo: Repo, revision: str, oid: str) -> None:
    """Let a branch or pull request stand at a commit.

    Raises:
        Missing: There is no such branch or pull request; tags and ids do not move.
    """
    for refs in (repo.branches, repo.pulls):
        if revision in refs:
            refs[revision] = oid
            return
    raise Missing(revision)


def merge(store: Path, repo: Repo, num: int, date: str) -> str:
    """Merge a pull request into main; the caller keeps the repository.

    Returns:
        The id of the merge commit.

    Raises:
        Conflict: Both sides changed one file.
    """
    ours, theirs = repo.branches["main"], repo.pulls[f"refs/pr/{num}"]
    before = set(history(store, ours))
    base = read_commit(store, next(oid for oid in history(store, theirs) if oid in before)).files
    mine, other = read_commit(store, ours).files, read_commit(store, theirs).files
    files: dict[str, Stored] = {}
    for path in sorted({*base, *mine, *other}):
        sides = base.get(path), mine.get(path), other.get(path)
        if sides[1] != sides[0] != sides[2] and sides[1] != sides[2]:
            raise Conflict(path)
        chosen = sides[2] if sides[1] == sides[0] else sides[1]
        if chosen is not None:
            files[path] = chosen
    title = repo.discussions[num - 1].title
    oid = write_commit(store, Commit(f"{title} (#{num})", "", date, (ours, theirs), files))
    repo.branches["main"] = oid
    return oid


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
