"""Files and commits of the sandbox's Hub: listings, downloads, and uploads small and large."""

import base64
from urllib.parse import parse_qs, quote

import msgspec

from pipeline.sandbox import hub_store
from pipeline.sandbox.hub_pulls import open_discussion
from pipeline.sandbox.hub_request import Ask, Refused, Reply, commit_of, now, repo_of
from pipeline.sandbox.hub_store import Commit, Stored

_PAGE = 500  # entries of a listing at a time, so that clients must follow `Link`


class _PreuploadFile(msgspec.Struct):
    path: str
    size: int


class _Preupload(msgspec.Struct):
    files: list[_PreuploadFile]


class _Object(msgspec.Struct):
    oid: str
    size: int


class _Batch(msgspec.Struct):
    objects: list[_Object]


class _LineValue(msgspec.Struct, rename="camel"):
    summary: str = ""
    description: str = ""
    parent_commit: str | None = None
    path: str = ""
    content: str = ""
    oid: str = ""


class _Line(msgspec.Struct):
    key: str
    value: _LineValue


def info(ask: Ask) -> Reply:
    """What is known about a repository at a revision."""
    repo = repo_of(ask)
    oid, commit = commit_of(ask, repo)
    siblings = [{"rfilename": path} for path in sorted(commit.files)]
    owner = repo.name.partition("/")[0]
    known = {"id": repo.name, "author": owner, "sha": oid, "private": repo.private, "gated": False, "disabled": False}
    return Reply(data=known | {"createdAt": repo.date, "lastModified": commit.date, "tags": [], "siblings": siblings})


def refs(ask: Ask) -> Reply:
    """Branches, tags and, if asked for, pull requests."""
    repo = repo_of(ask)
    branches, tags = (
        [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid} for name, oid in named.items()]
        for kind, named in (("heads", repo.branches), ("tags", repo.tags))
    )
    pulls = [{"name": name, "ref": name, "targetCommit": oid} for name, oid in repo.pulls.items()]
    shown = {"branches": branches, "tags": tags, "converts": []}
    return Reply(data=shown | ({"pullRequests": pulls} if "include_prs" in ask.query else {}))


def _described(path: str, file: Stored) -> dict[str, object]:
    entry: dict[str, object] = {"type": "file", "path": path, "size": file.size, "oid": file.oid}
    if file.lfs:
        entry["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": 134}
    return entry


def tree(ask: Ask) -> Reply:
    """A listing with the folders as entries, a page at a time."""
    _, commit = commit_of(ask, repo_of(ask))
    under = ask.part("path").strip("/")
    deep = ask.query.get("recursive", ["false"])[0].lower() in ("true", "1")
    prefix = f"{under}/" if under else ""
    entries: dict[str, dict[str, object]] = {}
    for path, file in sorted(commit.files.items()):
        if not path.startswith(prefix):
            continue
        parts = path.removeprefix(prefix).split("/")
        for depth in range(1, len(parts) if deep else min(len(parts), 2)):
            folder = prefix + "/".join(parts[:depth])
            entries[folder] = {"type": "directory", "path": folder, "size": 0, "oid": "0" * 40}
        if deep or len(parts) == 1:
            entries[path] = _described(path, file)
    if under and not entries:
        raise Refused(404, f"{under} does not exist", "EntryNotFound")
    start = int(ask.query.get("cursor", ["0"])[0])
    listed = list(entries.values())
    more = f"{ask.base}{quote(ask.path, safe='/%')}?recursive={deep}&cursor={start + _PAGE}"
    link = {"Link": f'<{more}>; rel="next"'} if start + _PAGE < len(listed) else {}
    return Reply(data=listed[start : start + _PAGE], headers=link)


def paths(ask: Ask) -> Reply:
    """What is known about single files."""
    _, commit = commit_of(ask, repo_of(ask))
    asked = parse_qs(ask.read().decode()).get("paths", [])
    return Reply(data=[_described(path, commit.files[path]) for path in asked if path in commit.files])


def commits(ask: Ask) -> Reply:
    """The history of a revision."""
    oid, _ = commit_of(ask, repo_of(ask))
    found = [(one, hub_store.read_commit(ask.store, one)) for one in hub_store.history(ask.store, oid)]
    return Reply(
        data=[{"id": i, "title": c.title, "message": c.message, "date": c.date, "authors": []} for i, c in found]
    )


def preupload(ask: Ask) -> Reply:
    """Which files go to large-file storage, and what stands in their place now."""
    repo = repo_of(ask, write=True)
    _, commit = commit_of(ask, repo)
    asked = msgspec.json.decode(ask.read(), type=_Preupload).files
    answers: list[dict[str, object]] = []
    for file in asked:
        is_large, there = hub_store.sends_to_large_storage(file.path, file.size), commit.files.get(file.path)
        oid = (there.sha256 if there.lfs else there.oid) if there else None
        mode = "lfs" if is_large else "regular"
        answers.append({"path": file.path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
    return Reply(data={"files": answers})


def batch(ask: Ask) -> Reply:
    """Where large files go; content that is there already is not asked for again."""
    repo_of(ask, write=True)
    objects: list[dict[str, object]] = []
    for asked in msgspec.json.decode(ask.read(), type=_Batch).objects:
        one: dict[str, object] = {"oid": asked.oid, "size": asked.size}
        if not (ask.store / "objects" / asked.oid).is_file():
            one["actions"] = {"upload": {"href": f"{ask.base}/_lfs/{asked.oid}"}}
        objects.append(one)
    return Reply(data={"transfer": "basic", "objects": objects})


def upload(ask: Ask) -> Reply:
    """Take a large file; as with the Hub's storage, the address alone gives the right to."""
    sha256, _ = hub_store.put(ask.store, ask.body())
    if sha256 != ask.part("oid"):
        raise Refused(400, "The content does not have this hash")
    return Reply()


def commit(ask: Ask) -> Reply:
    """A commit of changes, on a branch, on a pull request or as a new pull request."""
    repo = repo_of(ask, write=True)
    revision = ask.part("revision")
    head, before = commit_of(ask, repo)
    lines = [msgspec.json.decode(line, type=_Line) for line in ask.read().splitlines() if line.strip()]
    header, changes = lines[0].value, lines[1:]
    if header.parent_commit and not head.startswith(header.parent_commit):
        raise Refused(412, f"{revision} is at {head}, not at {header.parent_commit}")
    files = dict(before.files)
    for line in changes:
        _apply(ask, line, files)
    oid = hub_store.write_commit(ask.store, Commit(header.summary, header.description, now(), (head,), files))
    reply = {"success": True, "commitOid": oid, "commitUrl": f"{ask.base}/datasets/{repo.name}/commit/{oid}"}
    if "create_pr" in ask.query:
        num = open_discussion(repo, header.summary, oid, "open")
        reply["pullRequestUrl"] = f"{ask.base}/datasets/{repo.name}/discussions/{num}"
    else:
        hub_store.move(repo, revision, oid)
    hub_store.write_repo(ask.store, repo)
    return Reply(data=reply)


def _apply(ask: Ask, line: _Line, files: dict[str, Stored]) -> None:
    path = line.value.path
    if line.key == "file":
        files[path] = hub_store.regular(ask.store, base64.b64decode(line.value.content))
    elif line.key == "lfsFile":
        files[path] = hub_store.large(ask.store, line.value.oid)
    elif line.key == "deletedFile":
        if files.pop(path, None) is None:
            raise Refused(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
    elif line.key == "deletedFolder":
        for inside in [name for name in files if name.startswith(path.rstrip("/") + "/")]:
            del files[inside]
    else:
        raise Refused(400, f"Unknown operation {line.key}")


def resolve(ask: Ask) -> Reply:
    """A file, or for HEAD what is known about it."""
    oid, commit = commit_of(ask, repo_of(ask))
    path = ask.part("path")
    if path not in commit.files:
        raise Refused(404, f"{path} does not exist", "EntryNotFound")
    file = commit.files[path]
    etag = file.sha256 if file.lfs else file.oid
    return Reply(headers={"ETag": f'"{etag}"', "X-Repo-Commit": oid}, file=hub_store.content(ask.store, file.sha256))
