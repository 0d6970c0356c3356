"""A Hub for huggingface_hub and datasets as they are: point HF_ENDPOINT at it, and set HF_HUB_DISABLE_XET.

It takes what `editmill publish` sends and gives what `datasets.load_dataset` reads, in the shapes of
huggingface_hub 2.x and datasets 5.x.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from pipeline.sandbox import hub_store
from pipeline.sandbox.history import Json
from pipeline.sandbox.hub_store import Commit, Conflict, Missing, PullRequest, Repo, Store, Stored, now
from pipeline.sandbox.server import Answer, File, Request, Route, as_json

WRITE_TOKEN = "hf_sandbox_write"
READ_TOKEN = "hf_sandbox_read"
_ROLES = {WRITE_TOKEN: "write", READ_TOKEN: "read"}


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self.answer = as_json({"error": message}, status, headers)


@dataclass(frozen=True)
class HubRequest:
    """A request, with what its sender may do and the parts of its path."""

    store: Store
    request: Request
    role: str | None  # what the token may do: "read" or "write"
    parts: Mapping[str, str]

    @property
    def url(self) -> str:
        """The server's own address."""
        return f"http://{self.request.headers['Host']}"

    def json(self) -> Any:
        """The body of a request that sends JSON."""
        return json.loads(self.request.body)

    def repo(self, *, write: bool = False) -> Repo:
        """The repository.

        Raises:
            Refused: There is none, or the sender may not see or change it.
        """
        repo = self.store.repos.get(self.parts["repo"])
        if repo is None or (repo.private and self.role is None):
            raise Refused(404 if self.role else 401, "Repository not found", "RepoNotFound")
        if write:
            self.check_write("Forbidden: you must use a write token to upload to a repository.")
        return repo

    def check_write(self, message: str) -> None:
        """Refuse a sender who may not write."""
        if self.role != "write":
            raise Refused(403 if self.role else 401, message)

    def commit(self, repo: Repo) -> tuple[str, Commit]:
        """The commit that the request names, by its id; main's if it names none."""
        oid = hub_store.resolve(self.store, repo, self.parts.get("revision", "main"))
        return oid, self.store.commits[oid]

    def pull(self, repo: Repo) -> PullRequest:
        """The pull request that the request names."""
        found = [pull for pull in repo.pulls if str(pull.num) == self.parts["num"]]
        if not found:
            raise Refused(404, "Discussion not found", "EntryNotFound")
        return found[0]


def hub_route(store: Store) -> Route:
    """Answers requests to a Hub, one at a time."""

    def route(request: Request) -> Answer:
        with store.lock:
            return _answer(store, request)

    return route


def _answer(store: Store, request: Request) -> Answer:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    role = _ROLES.get(token) if kind == "Bearer" else None
    try:
        if kind == "Bearer" and role is None:
            raise Refused(401, "Invalid credentials in Authorization header")
        for method, pattern, respond in _ROUTES:
            found = re.fullmatch(pattern, request.path)
            if found and request.method in method.split():
                parts = {name: unquote(part) for name, part in found.groupdict().items() if part}
                return respond(HubRequest(store, request, role, parts))
        raise Refused(404, f"The sandbox has no {request.method} {request.path}")
    except Refused as refused:
        return refused.answer
    except Conflict as error:
        return Refused(409, f"Conflict: {error}").answer
    except Missing as error:
        return Refused(404, f"Not found: {error}", "RevisionNotFound").answer
    except (ValueError, KeyError) as error:
        return Refused(400, f"Bad request: {error}").answer


def _create(asked: HubRequest) -> Answer:
    body = asked.json()
    name = f"{body.get('organization') or 'miller'}/{body['name']}"
    url = f"{asked.url}/datasets/{name}"
    asked.check_write("You don't have the rights to create a dataset under this namespace")
    if name in asked.store.repos:
        return as_json({"error": "You already created this dataset repo", "url": url}, 409)
    hub_store.make_repo(asked.store, name, body.get("visibility") == "private", now())
    return as_json({"url": url})


def _validate(asked: HubRequest) -> Answer:
    del asked
    return as_json({"errors": [], "warnings": []})


def _info(asked: HubRequest) -> Answer:
    repo = asked.repo()
    oid, commit = asked.commit(repo)
    known = {"id": repo.name, "author": repo.name.partition("/")[0], "sha": oid, "private": repo.private}
    known |= {"gated": False, "disabled": False, "createdAt": repo.date, "lastModified": commit.date, "tags": []}
    return as_json(known | {"siblings": [{"rfilename": path} for path in sorted(commit.files)]})


def _refs(asked: HubRequest) -> Answer:
    repo = asked.repo()
    branches, tags = (
        [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid} for name, oid in named.items()]
        for kind, named in (("heads", {"main": repo.main}), ("tags", repo.tags))
    )
    return as_json({"branches": branches, "tags": tags, "converts": []})


def _described(path: str, file: Stored) -> Json:
    large = {"lfs": {"oid": file.sha256, "size": file.size, "pointerSize": 134}} if file.lfs else {}
    return {"type": "file", "path": path, "size": file.size, "oid": file.oid, **large}


def _tree(asked: HubRequest) -> Answer:
    """A listing of a folder, or of all below it, with the folders as entries."""
    _, commit = asked.commit(asked.repo())
    prefix = f"{asked.parts['path']}/" if "path" in asked.parts else ""
    deep = asked.request.parameters.get("recursive", "false").lower() in ("true", "1")
    entries: dict[str, Json] = {}
    for path, file in sorted(commit.files.items()):
        if path.startswith(prefix):
            *folders, _ = path.removeprefix(prefix).split("/")
            for depth in range(1, len(folders) + 1 if deep else min(len(folders), 1) + 1):
                folder = prefix + "/".join(folders[:depth])
                entries[folder] = {"type": "directory", "path": folder, "size": 0, "oid": "0" * 40}
            if deep or not folders:
                entries[path] = _described(path, file)
    return as_json(list(entries.values()))


def _paths(asked: HubRequest) -> Answer:
    _, commit = asked.commit(asked.repo())
    paths = parse_qs(asked.request.body.decode()).get("paths", [])
    return as_json([_described(path, commit.files[path]) for path in paths if path in commit.files])


def _commits(asked: HubRequest) -> Answer:
    oid, _ = asked.commit(asked.repo())
    found = [(one, asked.store.commits[one]) for one in hub_store.history(asked.store, oid)]
    return as_json([{"id": one, "title": at.title, "message": "", "date": at.date, "authors": []} for one, at in found])


def _preupload(asked: HubRequest) -> Answer:
    """Which files go to large-file storage, and the hash of the file that has their path now."""
    _, commit = asked.commit(asked.repo(write=True))
    answers: list[Json] = []
    for file in asked.json()["files"]:
        path, there = file["path"], commit.files.get(file["path"])
        mode = "lfs" if hub_store.is_large(path, file["size"]) else "regular"
        oid = there.etag if there else None
        answers.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
    return as_json({"files": answers})


def _batch(asked: HubRequest) -> Answer:
    """Where large files go; content that is there already is not requested again."""
    asked.repo(write=True)
    objects: list[Json] = []
    for one in asked.json()["objects"]:
        upload = {"actions": {"upload": {"href": f"{asked.url}/_lfs/{one['oid']}"}}}
        is_there = one["oid"] in asked.store.contents
        objects.append({"oid": one["oid"], "size": one["size"]} | ({} if is_there else upload))
    return as_json({"transfer": "basic", "objects": objects})


def _upload(asked: HubRequest) -> Answer:
    """Take a large file; as with the Hub's storage, the address alone gives the right to."""
    if hub_store.put(asked.store, asked.request.body) != asked.parts["oid"]:
        raise Refused(400, "The content does not have this hash")
    return as_json(None)


def _commit(asked: HubRequest) -> Answer:
    """A commit on main or on a pull request."""
    repo = asked.repo(write=True)
    head, before = asked.commit(repo)
    header, *changes = (json.loads(line) for line in asked.request.body.splitlines() if line.strip())
    parent = header["value"].get("parentCommit")
    if parent and not head.startswith(parent):
        raise Refused(412, f"{asked.parts['revision']} is at {head}, not at {parent}")
    files = dict(before.files)
    for line in changes:
        _change(asked.store, line["key"], line["value"], files)
    oid = hub_store.add_commit(asked.store, Commit(header["value"]["summary"], now(), (head,), files))
    hub_store.move(repo, asked.parts["revision"], oid)
    return as_json({"success": True, "commitOid": oid, "commitUrl": f"{asked.url}/datasets/{repo.name}/commit/{oid}"})


def _change(store: Store, kind: str, change: Json, files: dict[str, Stored]) -> None:
    path = change["path"]
    if kind == "file":
        files[path] = hub_store.regular(store, base64.b64decode(change["content"]))
    elif kind == "lfsFile":
        files[path] = hub_store.large(store, change["oid"])
    elif kind != "deletedFile":
        raise Refused(400, f"Unknown operation {kind}")
    elif files.pop(path, None) is None:
        raise Refused(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")


def _file(asked: HubRequest) -> Answer:
    """A file, or for HEAD what is known about it."""
    oid, commit = asked.commit(asked.repo())
    file = commit.files.get(asked.parts["path"])
    if file is None:
        raise Refused(404, f"{asked.parts['path']} does not exist", "EntryNotFound")
    headers = {"ETag": f'"{file.etag}"', "X-Repo-Commit": oid}
    return File(asked.store.contents[file.sha256], "application/octet-stream", headers=headers)


def _shown(repo: Repo, pull: PullRequest) -> Json:
    shown = {"num": pull.num, "title": pull.title, "status": pull.status, "isPullRequest": True}
    return shown | {
        "createdAt": pull.date,
        "author": {"name": "miller"},
        "repo": {"name": repo.name, "type": "dataset"},
    }


def _pulls(asked: HubRequest) -> Answer:
    repo = asked.repo()
    shown = [_shown(repo, pull) for pull in reversed(repo.pulls)]
    return as_json({"count": len(shown), "start": 0, "discussions": shown})


def _open(asked: HubRequest) -> Answer:
    """Open a pull request; one that a program opens is a draft, and a draft cannot be merged."""
    repo = asked.repo(write=True)
    repo.pulls.append(PullRequest(len(repo.pulls) + 1, asked.json()["title"], repo.main, now()))
    return as_json({"num": len(repo.pulls)})


def _pull(asked: HubRequest) -> Answer:
    repo = asked.repo()
    pull = asked.pull(repo)
    changes = {"base": "refs/heads/main", "mergeCommitId": pull.merge_commit}
    return as_json(_shown(repo, pull) | {"events": [], "changes": changes, "filesWithConflicts": []})


def _set_status(asked: HubRequest) -> Answer:
    pull = asked.pull(asked.repo(write=True))
    if pull.status == "merged":
        raise Refused(400, "This pull request is merged")
    pull.status = asked.json()["status"]
    event = {"id": "0" * 24, "type": "status-change", "createdAt": now(), "data": {"status": pull.status}}
    return as_json({"newStatus": event})


def _merge(asked: HubRequest) -> Answer:
    repo = asked.repo(write=True)
    pull = asked.pull(repo)
    if pull.status != "open":
        raise Refused(400, f"This pull request cannot be merged: it is {pull.status}")
    hub_store.merge(asked.store, repo, pull)
    return as_json({"success": True})


def _tag(asked: HubRequest) -> Answer:
    """Tag a commit; a tag that is there stays."""
    repo, name = asked.repo(write=True), asked.json()["tag"]
    if name in repo.tags:
        raise Refused(409, f"The tag {name} is there already")
    repo.tags[name], _ = asked.commit(repo)
    repo.tag_messages[name] = asked.json().get("message", "")
    return as_json({})


_NAME = r"(?P<repo>[^/]+/[^/]+)"
_REPO, _REVISION, _PULL = rf"/api/datasets/{_NAME}", r"(?P<revision>[^/]+)", r"/discussions/(?P<num>\d+)"

_ROUTES: tuple[tuple[str, str, Callable[[HubRequest], Answer]], ...] = (
    ("POST", "/api/repos/create", _create),
    ("POST", "/api/validate-yaml", _validate),
    ("GET", _REPO, _info),
    ("GET", rf"{_REPO}/revision/{_REVISION}", _info),
    ("GET", rf"{_REPO}/refs", _refs),
    ("GET", rf"{_REPO}/tree/{_REVISION}(?:/(?P<path>.+))?", _tree),
    ("POST", rf"{_REPO}/paths-info/{_REVISION}", _paths),
    ("GET", rf"{_REPO}/commits/{_REVISION}", _commits),
    ("POST", rf"{_REPO}/preupload/{_REVISION}", _preupload),
    ("POST", rf"/datasets/{_NAME}\.git/info/lfs/objects/batch", _batch),
    ("PUT", r"/_lfs/(?P<oid>[0-9a-f]{64})", _upload),
    ("POST", rf"{_REPO}/commit/{_REVISION}", _commit),
    ("GET HEAD", rf"/datasets/{_NAME}/resolve/{_REVISION}/(?P<path>.+)", _file),
    ("GET", rf"{_REPO}/discussions", _pulls),
    ("POST", rf"{_REPO}/discussions", _open),
    ("GET", rf"{_REPO}{_PULL}", _pull),
    ("POST", rf"{_REPO}{_PULL}/status", _set_status),
    ("POST", rf"{_REPO}{_PULL}/merge", _merge),
    ("POST", rf"{_REPO}/tag/{_REVISION}", _tag),
)
