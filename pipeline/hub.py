"""Publishing to the Hugging Face Hub: a release appears on main and under its tag whole, or not at all.

What is left to do is read off the Hub each time: its refs, its pull requests, its own listing with sizes and hashes.
So a run that was killed, or whose answer was lost, is finished by the next one, and nothing is done twice:

    a pull request named after the release and its manifest
    -> commits to it, until its listing is the release
    -> a merge, if main has not moved on
    -> the tag, on the commit whose listing is the release

The token is read by the Hub's own client, from HF_TOKEN or its login. It stands in no message and in no file.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import uniform
from typing import TypeVar

import httpx2
import huggingface_hub
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import disable_progress_bars, logging

from pipeline.errors import InputError, PipelineError, ServiceError, UsageError
from pipeline.manifest import MANIFEST, Manifest, Numbers, read_manifest, read_numbers
from pipeline.progress import Reporter
from pipeline.settings import HubSettings
from pipeline.tables import file_hash, make_folder

T = TypeVar("T")

_KIND = "dataset"
_KEPT = {".gitattributes"}  # the Hub writes it; no release holds it
_TRANSIENT = {408, 409, 412, 429, 500, 502, 503, 504}  # 409 and 412: somebody else moved the ref in between
_SHORT = 12


@dataclass(frozen=True)
class Upload:
    """A finished release on its way to the Hub.

    Attributes:
        folder: Where it is.
        repo_id: Where it goes, "organisation/name".
        tag: The name under which it can be loaded for ever.
        private: Whether only members of the organisation may see it.
    """

    folder: Path
    repo_id: str
    tag: str
    private: bool = False

    @cached_property
    def manifest(self) -> Manifest:
        """Its manifest."""
        return read_manifest(self.folder)

    @cached_property
    def files(self) -> Mapping[str, tuple[int, str]]:
        """Size and SHA-256 of every file, as its manifest has them."""
        files = {path: (file.bytes, file.sha256) for path, file in self.manifest.files.items()}
        manifest = self.folder / MANIFEST
        return files | {MANIFEST: (manifest.stat().st_size, file_hash(manifest))}

    @property
    def title(self) -> str:
        """The name of its pull request: another build of the same release has another one."""
        return f"Release {self.tag} ({self.files[MANIFEST][1][:_SHORT]})"


@dataclass(frozen=True)
class Published:
    """A release on the Hub."""

    url: str
    tag: str
    commit: str
    was_there: bool


def publish(upload: Upload, settings: HubSettings, reporter: Reporter) -> Published:
    """Publish a release, finish what an earlier run began, or find that all is done.

    Raises:
        UsageError: There is no token, it may not do this, or the tag stands for another release.
        ServiceError: The Hub cannot be reached or keeps failing; main is as it was, or holds the whole release.
    """
    api = _api()
    was_there: list[bool] = []

    def advance() -> Published:
        tags = _tags(api, _made(api, upload))
        was_there.append(upload.tag in tags)
        commit = tags.get(upload.tag) or _merged(api, upload)
        if commit is None:
            _refuse_older(api, upload)
            _merge(api, upload, _filled(api, upload, settings, reporter))
            commit = _merged(api, upload)
        if commit is None or _difference(api, upload, commit):
            raise _other_release(upload, is_tagged=upload.tag in tags)
        if upload.tag not in tags:
            api.create_tag(upload.repo_id, tag=upload.tag, revision=commit, repo_type=_KIND)
        url = f"{api.endpoint}/datasets/{upload.repo_id}/tree/{upload.tag}"
        return Published(url, upload.tag, commit, was_there[0])

    return _patiently(advance, upload.repo_id, settings, reporter)


def published(repo_id: str, count: int, settings: HubSettings, reporter: Reporter) -> dict[str, Numbers]:
    """The numbers of the last releases by tag, the latest first; of a repository that is not there, none.

    A tag without a manifest that can be read is told and passed over.

    Raises:
        UsageError: There is no token, or it may not read the repository.
        ServiceError: The Hub cannot be reached or keeps failing.
    """
    api = _api()

    def read() -> dict[str, Numbers]:
        try:
            tags = _tags(api, repo_id)
        except RepositoryNotFoundError:
            return {}
        found: dict[str, Numbers] = {}
        for tag in sorted(tags, reverse=True):
            if len(found) < count and (numbers := _numbers(api, repo_id, tags[tag], reporter)):
                found[tag] = numbers
        return found

    return _patiently(read, repo_id, settings, reporter)


def fetch(repo_id: str, tag: str, folder: Path, settings: HubSettings, reporter: Reporter) -> Path:
    """The rows and the manifest of a release from the Hub, in a folder of its own; what is there is not fetched again.

    Raises:
        UsageError: There is no token, or it may not read the repository.
        ServiceError: The Hub cannot be reached or keeps failing.
    """
    api = _api()
    make_folder(folder)

    def read() -> Path:
        api.snapshot_download(
            repo_id, repo_type=_KIND, revision=tag, local_dir=folder, allow_patterns=["data/*", MANIFEST]
        )
        return folder

    return _patiently(read, repo_id, settings, reporter)


def unfinished(repo_id: str, settings: HubSettings, reporter: Reporter) -> list[str]:
    """The tags of releases whose publishing began and did not end.

    Raises:
        UsageError: There is no token, or it may not read the repository.
        ServiceError: The Hub cannot be reached or keeps failing.
    """
    api = _api()

    def read() -> list[str]:
        try:
            titles = [pull.title for pull in _pulls(api, repo_id) if pull.status in ("draft", "open")]
        except RepositoryNotFoundError:
            return []
        return sorted({title.split()[1] for title in titles if title.startswith("Release ")})

    return _patiently(read, repo_id, settings, reporter)


def roll_back(repo_id: str, tag: str, settings: HubSettings, reporter: Reporter) -> None:
    """Close the pull requests of a release that nobody will finish.

    Raises:
        UsageError: There is no token, or it may not do this.
        ServiceError: The Hub cannot be reached or keeps failing.
    """
    api = _api()

    def close() -> None:
        for pull in _pulls(api, repo_id):
            if pull.status in ("draft", "open") and pull.title.startswith(f"Release {tag} ("):
                _close(api, repo_id, pull.num, "Rolled back: this release is not there any more.")

    _patiently(close, repo_id, settings, reporter)


def _api() -> HfApi:
    token = huggingface_hub.get_token()
    if not token:
        raise UsageError("There is no token for the Hub", "HF_TOKEN", "Set HF_TOKEN, or log in with `hf auth login`.")
    disable_progress_bars()
    logging.set_verbosity_error()  # what is tried again is told by the reporter
    return HfApi(token=token, library_name="editmill")


def _made(api: HfApi, upload: Upload) -> str:
    """The repository, made now if it is missing; its id."""
    try:
        known = api.dataset_info(upload.repo_id)
    except RepositoryNotFoundError:
        api.create_repo(upload.repo_id, repo_type=_KIND, private=upload.private, exist_ok=True)
        return upload.repo_id
    if upload.private and not known.private:
        raise UsageError(
            "The repository is public", upload.repo_id, "Leave --private out, or make it private on the Hub first."
        )
    return upload.repo_id


def _tags(api: HfApi, repo_id: str) -> dict[str, str]:
    """Every tag and its commit."""
    return {ref.name: ref.target_commit for ref in api.list_repo_refs(repo_id, repo_type=_KIND).tags}


def _pulls(api: HfApi, repo_id: str) -> list[huggingface_hub.Discussion]:
    """Every pull request, the earliest first."""
    found = api.get_repo_discussions(repo_id, repo_type=_KIND, discussion_type="pull_request")
    return sorted(found, key=lambda pull: pull.num)


def _head(api: HfApi, repo_id: str, revision: str) -> str:
    """The commit at which a branch or pull request stands."""
    return str(api.dataset_info(repo_id, revision=revision).sha)


def _difference(api: HfApi, upload: Upload, revision: str) -> list[CommitOperationAdd | CommitOperationDelete]:
    """What has to be committed to a revision to make it the release: nothing, if its listing is the release."""
    entries = api.list_repo_tree(upload.repo_id, recursive=True, revision=revision, repo_type=_KIND)
    listed = {entry.path: entry for entry in entries if isinstance(entry, RepoFile) and entry.path not in _KEPT}
    missing = [
        CommitOperationAdd(path, upload.folder / path)
        for path, (size, sha256) in sorted(upload.files.items())
        if path not in listed or not _is_same(listed[path], size, sha256, upload.folder / path)
    ]
    return [*missing, *(CommitOperationDelete(path) for path in sorted(listed.keys() - upload.files.keys()))]


def _is_same(entry: RepoFile, size: int, sha256: str, path: Path) -> bool:
    """Whether the Hub holds these bytes: it gives the SHA-256 of a large file and git's hash of a small one."""
    if entry.size != size:
        return False
    if entry.lfs is not None:
        return entry.lfs.sha256 == sha256
    digest = hashlib.sha1(b"blob %d\0" % size + path.read_bytes(), usedforsecurity=False)
    return entry.blob_id == digest.hexdigest()


def _merged(api: HfApi, upload: Upload) -> str | None:
    """The commit of main that holds the release, if it is there but not tagged yet."""
    commits = [_head(api, upload.repo_id, "main")]
    for pull in _pulls(api, upload.repo_id):
        if pull.status == "merged" and pull.title == upload.title:
            details = api.get_discussion_details(upload.repo_id, pull.num, repo_type=_KIND)
            commits += [details.merge_commit_oid] if details.merge_commit_oid else []
    return next((commit for commit in commits if not _difference(api, upload, commit)), None)


def _refuse_older(api: HfApi, upload: Upload) -> None:
    """Keep an older release from taking the place of a newer one on main."""
    there = _numbers(api, upload.repo_id, _head(api, upload.repo_id, "main"), Reporter("quiet"))
    ours = upload.manifest.window_end
    if there and there.window_end and ours and there.window_end > ours:
        raise UsageError(
            f"The Hub holds a newer release, {there.release}", upload.repo_id, "Publish releases in their order."
        )


def _filled(api: HfApi, upload: Upload, settings: HubSettings, reporter: Reporter) -> int:
    """The number of a pull request whose listing is the release and which main can take as it is."""
    num = _pull_request(api, upload)
    ref = f"refs/pr/{num}"
    while operations := _difference(api, upload, head := _head(api, upload.repo_id, ref)):
        batch = operations[: settings.files_per_commit]
        reporter.say("upload", f"{len(operations)} files to go", left=len(operations))
        api.create_commit(
            upload.repo_id, batch, commit_message=upload.title, repo_type=_KIND, revision=ref, parent_commit=head
        )
    return num


def _pull_request(api: HfApi, upload: Upload) -> int:
    """The number of the release's one open pull request; others of this tag, or made before main moved, are closed."""
    main, chosen = _head(api, upload.repo_id, "main"), 0
    for pull in _pulls(api, upload.repo_id):
        if pull.status not in ("draft", "open") or not pull.title.startswith(f"Release {upload.tag} ("):
            continue
        commits = api.list_repo_commits(upload.repo_id, repo_type=_KIND, revision=f"refs/pr/{pull.num}")
        if not chosen and pull.title == upload.title and main in {commit.commit_id for commit in commits}:
            chosen = pull.num
        else:
            _close(api, upload.repo_id, pull.num, "Another pull request takes its place.")
    return chosen or api.create_pull_request(upload.repo_id, upload.title, repo_type=_KIND).num


def _close(api: HfApi, repo_id: str, num: int, comment: str) -> None:
    api.change_discussion_status(repo_id, num, "closed", comment=comment, repo_type=_KIND)


def _merge(api: HfApi, upload: Upload, num: int) -> None:
    """Merge a pull request; one made by program is a draft, and a draft cannot be merged."""
    if api.get_discussion_details(upload.repo_id, num, repo_type=_KIND).status == "draft":
        api.change_discussion_status(upload.repo_id, num, "open", repo_type=_KIND)
    api.merge_pull_request(upload.repo_id, num, repo_type=_KIND)


def _other_release(upload: Upload, *, is_tagged: bool) -> UsageError:
    if is_tagged:
        return UsageError(
            f"The tag {upload.tag} stands for another release",
            upload.repo_id,
            "A dated release stays: give another --tag.",
        )
    return UsageError(
        "Somebody changed main while the release was merged: it is not tagged", upload.repo_id, "Publish it again."
    )


def _numbers(api: HfApi, repo_id: str, commit: str, reporter: Reporter) -> Numbers | None:
    """The numbers of the manifest at a commit, if there is one."""
    paths = {entry.path for entry in api.list_repo_tree(repo_id, revision=commit, repo_type=_KIND)}
    if MANIFEST not in paths:
        return None
    file = api.hf_hub_download(repo_id, MANIFEST, repo_type=_KIND, revision=commit)
    try:
        return read_numbers(Path(file))
    except InputError as error:
        reporter.warn("unreadable", f"{repo_id} at {commit[:_SHORT]}: {error.what}", commit=commit)
        return None


def _patiently(do: Callable[[], T], repo_id: str, settings: HubSettings, reporter: Reporter) -> T:
    """Do something that can be done again, until it ends well or fails for good."""
    for attempt in range(1, settings.attempts + 1):
        try:
            with _told(repo_id):
                return do()
        except _Again as again:
            if attempt == settings.attempts:
                raise again.error from again.error.__cause__
            wait = min(settings.backoff_seconds * 2 ** (attempt - 1), settings.max_backoff_seconds)
            seconds = max(uniform(wait / 2, wait), again.retry_after)
            reporter.say("again", f"{again.error.what}; again in {seconds:.0f} s", attempt=attempt)
            time.sleep(seconds)
    raise ServiceError("Nothing was tried", "hub.attempts", "Allow at least one attempt.")


class _Again(Exception):
    """A failure that may pass, and the error that it is if it does not."""

    def __init__(self, error: ServiceError, retry_after: float = 0) -> None:
        super().__init__(error)
        self.error, self.retry_after = error, retry_after


@contextlib.contextmanager
def _told(repo_id: str) -> Generator[None]:
    """Failures of the Hub as our errors, without a word that could hold a secret."""
    try:
        yield
    except HfHubHTTPError as error:
        raise _refusal(error, repo_id) from None
    except (httpx2.HTTPError, json.JSONDecodeError, ConnectionError) as error:
        raise _Again(
            ServiceError(
                f"The Hub cannot be reached ({type(error).__name__})", repo_id, "Check the network, then run again."
            )
        ) from None
    except HFValidationError as error:
        raise UsageError(f"This is no name of a repository: {error}", repo_id, "Give ORGANISATION/NAME.") from None


def _refusal(error: HfHubHTTPError, repo_id: str) -> PipelineError | _Again:
    status = error.response.status_code
    if status in _TRANSIENT:
        failing = ServiceError(f"The Hub answers {status}", repo_id, "Run the same command again later.")
        return _Again(failing, _seconds(error.response.headers.get("Retry-After")))
    if isinstance(error, RepositoryNotFoundError):
        return UsageError("There is no such repository, or it is hidden from this token", repo_id, "Check --repo-id.")
    if status in (401, 403):
        return UsageError(
            f"The Hub does not let this token do that ({status})",
            repo_id,
            "Check that the organisation is spelled right and that the token may write to it.",
        )
    return ServiceError(f"The Hub refuses a request ({status})", repo_id, "Run again; if it stays, look at the Hub.")


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdigit() else 0
