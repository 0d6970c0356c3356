"""Discussions, pull requests and tags of the sandbox's Hub."""

import msgspec

from pipeline.sandbox import hub_store
from pipeline.sandbox.hub_request import Ask, Refused, Reply, commit_of, now, repo_of
from pipeline.sandbox.hub_store import Discussion, Repo, Status


class _NewDiscussion(msgspec.Struct, rename="camel"):
    title: str
    pull_request: bool = False


class _NewStatus(msgspec.Struct):
    status: Status


class _NewTag(msgspec.Struct):
    tag: str


def open_discussion(repo: Repo, title: str, head: str | None, status: Status) -> int:
    """Open a discussion, or a pull request if a head is given.

    Returns:
        Its number.
    """
    num = len(repo.discussions) + 1
    repo.discussions.append(Discussion(num, title, status, head is not None, now()))
    if head is not None:
        repo.pulls[f"refs/pr/{num}"] = head
    return num


def _shown(repo: Repo, discussion: Discussion) -> dict[str, object]:
    return {
        "num": discussion.num,
        "title": discussion.title,
        "status": discussion.status,
        "isPullRequest": discussion.is_pull_request,
        "createdAt": discussion.date,
        "author": {"name": "miller"},
        "repo": {"name": repo.name, "type": "dataset"},
    }


def discussions(ask: Ask) -> Reply:
    """Discussions and pull requests, the latest first, ten at a time."""
    repo = repo_of(ask)
    kind, status = (ask.query.get(name, ["all"])[0] for name in ("type", "status"))
    chosen = [
        _shown(repo, one)
        for one in reversed(repo.discussions)
        if kind in ("all", "pull_request" if one.is_pull_request else "discussion")
        and (status == "all" or (status == "open") == (one.status in ("open", "draft")))
    ]
    start = int(ask.query.get("p", ["0"])[0]) * 10
    return Reply(data={"count": len(chosen), "start": start, "discussions": chosen[start : start + 10]})


def discuss(ask: Ask) -> Reply:
    """Open a discussion or pull request; one made by program is a draft, and a draft cannot be merged."""
    repo = repo_of(ask, write=True)
    asked = msgspec.json.decode(ask.read(), type=_NewDiscussion)
    head = repo.branches["main"] if asked.pull_request else None
    num = open_discussion(repo, asked.title, head, "draft" if asked.pull_request else "open")
    hub_store.write_repo(ask.store, repo)
    return Reply(data={"num": num})


def _discussion(repo: Repo, ask: Ask) -> Discussion:
    num = int(ask.part("num"))
    if not 1 <= num <= len(repo.discussions):
        raise Refused(404, "Discussion not found", "EntryNotFound")
    return repo.discussions[num - 1]


def details(ask: Ask) -> Reply:
    """One of them."""
    repo = repo_of(ask)
    one = _discussion(repo, ask)
    changes = {"base": "refs/heads/main", "mergeCommitId": one.merge_commit}
    return Reply(data=_shown(repo, one) | {"events": [], "changes": changes, "filesWithConflicts": []})


def set_status(ask: Ask) -> Reply:
    """Open or close one of them."""
    repo = repo_of(ask, write=True)
    one = _discussion(repo, ask)
    if one.status == "merged":
        raise Refused(400, "This pull request is merged")
    one.status = msgspec.json.decode(ask.read(), type=_NewStatus).status
    hub_store.write_repo(ask.store, repo)
    event = {"id": "0" * 24, "type": "status-change", "createdAt": now(), "data": {"status": one.status}}
    return Reply(data={"newStatus": event})


def merge(ask: Ask) -> Reply:
    """Merge a pull request that is open."""
    ask.read()
    repo = repo_of(ask, write=True)
    one = _discussion(repo, ask)
    if one.status != "open":
        raise Refused(400, f"This pull request cannot be merged: it is {one.status}")
    one.merge_commit = hub_store.merge(ask.store, repo, one.num, now())
    one.status = "merged"
    hub_store.write_repo(ask.store, repo)
    return Reply(data={"success": True})


def tag(ask: Ask) -> Reply:
    """Tag a commit; a tag that is there stays."""
    repo = repo_of(ask, write=True)
    name = msgspec.json.decode(ask.read(), type=_NewTag).tag
    if name in repo.tags:
        raise Refused(409, f"The tag {name} is there already")
    repo.tags[name], _ = commit_of(ask, repo)
    hub_store.write_repo(ask.store, repo)
    return Reply(data={})
