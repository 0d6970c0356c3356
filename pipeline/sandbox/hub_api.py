"""What the sandbox's Hub answers: each kind of request and the function that answers it.

The shapes are those that huggingface_hub 2.x and datasets 5.x read; `hub.py` puts them on a socket.
"""

import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import msgspec

from pipeline.sandbox import hub_files, hub_pulls, hub_store
from pipeline.sandbox.hub_request import Ask, Refused, Reply, now
from pipeline.sandbox.hub_store import Conflict, Missing


class _Create(msgspec.Struct):
    name: str
    organization: str | None = None
    visibility: str | None = None


def answer(tokens: Mapping[str, str], ask: Ask) -> Reply:
    """The answer to a request.

    Args:
        tokens: What each token may do: "read" or "write".
        ask: The request.
    """
    role = tokens.get(ask.token) if ask.token else None
    try:
        if ask.token and role is None:
            raise Refused(401, "Invalid credentials in Authorization header")
        for method, pattern, respond in _ROUTES:
            found = re.fullmatch(pattern, ask.path)
            if found and method == ask.method:
                return respond(replace(ask, role=role, parts=found.groupdict()))
        raise Refused(404, f"The sandbox has no {ask.method} {ask.path}")
    except Refused as refused:
        return refused.reply
    except Conflict as error:
        return Refused(409, f"Conflict: {error}").reply
    except Missing as error:
        return Refused(404, f"Not found: {error}", "RevisionNotFound").reply
    except (msgspec.DecodeError, binascii.Error) as error:
        return Refused(400, f"Bad request: {error}").reply


def _whoami(ask: Ask) -> Reply:
    if ask.role is None:
        raise Refused(401, "Invalid username or password.")
    return Reply(data={"name": "miller", "type": "user", "orgs": [], "auth": {"accessToken": {"role": ask.role}}})


def _create(ask: Ask) -> Reply:
    asked = msgspec.json.decode(ask.read(), type=_Create)
    name = f"{asked.organization or 'miller'}/{asked.name}"
    url = f"{ask.base}/datasets/{name}"
    if ask.role != "write":
        raise Refused(403 if ask.role else 401, "You don't have the rights to create a dataset under this namespace")
    try:
        hub_store.read_repo(ask.store, name)
    except Missing:
        hub_store.make_repo(ask.store, name, asked.visibility == "private", now())
        return Reply(data={"url": url})
    return Reply(409, {"error": "You already created this dataset repo", "url": url})


def _validate(ask: Ask) -> Reply:
    ask.read()
    return Reply(data={"errors": [], "warnings": []})


Respond = Callable[[Ask], Reply]

_REPO = r"/api/datasets/(?P<repo>[^/]+/[^/]+)"
_REV = r"(?P<revision>[^/]+)"
_NUM = r"/discussions/(?P<num>\d+)"
_FILE = rf"/datasets/(?P<repo>[^/]+/[^/]+)/resolve/{_REV}/(?P<path>.+)"

_ROUTES: Sequence[tuple[str, str, Respond]] = (
    ("GET", "/api/whoami-v2", _whoami),
    ("POST", "/api/repos/create", _create),
    ("POST", "/api/validate-yaml", _validate),
    ("GET", _REPO, hub_files.info),
    ("GET", rf"{_REPO}/revision/{_REV}", hub_files.info),
    ("GET", rf"{_REPO}/refs", hub_files.refs),
    ("GET", rf"{_REPO}/tree/{_REV}(?P<path>/.*)?", hub_files.tree),
    ("POST", rf"{_REPO}/paths-info/{_REV}", hub_files.paths),
    ("GET", rf"{_REPO}/commits/{_REV}", hub_files.commits),
    ("POST", rf"{_REPO}/preupload/{_REV}", hub_files.preupload),
    ("POST", r"/datasets/(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch", hub_files.batch),
    ("PUT", r"/_lfs/(?P<oid>[0-9a-f]{64})", hub_files.upload),
    ("POST", rf"{_REPO}/commit/{_REV}", hub_files.commit),
    ("GET", rf"{_REPO}/discussions", hub_pulls.discussions),
    ("POST", rf"{_REPO}/discussions", hub_pulls.discuss),
    ("GET", rf"{_REPO}{_NUM}", hub_pulls.details),
    ("POST", rf"{_REPO}{_NUM}/status", hub_pulls.set_status),
    ("POST", rf"{_REPO}{_NUM}/merge", hub_pulls.merge),
    ("POST", rf"{_REPO}/tag/{_REV}", hub_pulls.tag),
    ("GET", _FILE, hub_files.resolve),
    ("HEAD", _FILE, hub_files.resolve),
)
