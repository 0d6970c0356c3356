"""A release goes to the Hub whole, or is taken back."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile

from pipeline.core.errors import UsageError
from pipeline.core.manifest import MANIFEST, Manifest, read_manifest
from pipeline.core.progress import Reporter
from pipeline.core.settings import HubSettings
from pipeline.core.tables import file_hash
from pipeline.publish import hub_client

_KEPT = {".gitattributes"}  # the Hub writes it; no release holds it


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
        return f"Release {self.tag} ({self.files[MANIFEST][1][: hub_client.SHORT]})"

    @property
    def message(self) -> str:
        """What its commits and its tag say of it, so that anybody can see whether a copy is this release."""
        return f"The digest of the manifest is {self.manifest.digest}."


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
    api = hub_client.connect()
    was_there: list[bool] = []

    def advance() -> Published:
        tags = hub_client.tags(api, _made(api, upload))
        was_there.append(upload.tag in tags)
        commit = tags.get(upload.tag) or _merged(api, upload)
        if commit is None:
            _refuse_older(api, upload)
            _merge(api, upload, _filled(api, upload, settings, reporter))
            commit = _merged(api, upload)
        if commit is None or _difference(api, upload, commit):
            raise _other_release(upload, is_tagged=upload.tag in tags)
        if upload.tag not in tags:
            api.create_tag(
                upload.repo_id,
                tag=upload.tag,
                tag_message=upload.message,
                revision=commit,
                repo_type=hub_client.KIND,
            )
        url = f"{api.endpoint}/datasets/{upload.repo_id}/tree/{upload.tag}"
        return Published(url, upload.tag, commit, was_there[0])

    return hub_client.patiently(advance, upload.repo_id, settings, reporter)


def roll_back(repo_id: str, tag: str, why: str, settings: HubSettings, reporter: Reporter) -> None:
    """Close the pull requests of a release that nobody will finish, and say there why.

    Raises:
        UsageError: There is no token, or it may not do this.
        ServiceError: The Hub cannot be reached or keeps failing.
    """
    api = hub_client.connect()

    def close() -> None:
        for pull in hub_client.pulls(api, repo_id):
            if pull.status in ("draft", "open") and pull.title.startswith(f"Release {tag} ("):
                _close(api, repo_id, pull.num, f"Rolled back: {why}.")

    hub_client.patiently(close, repo_id, settings, reporter)


def _made(api: HfApi, upload: Upload) -> str:
    """The repository, made now if it is missing; its id."""
    try:
        known = api.dataset_info(upload.repo_id)
    except RepositoryNotFoundError:
        api.create_repo(upload.repo_id, repo_type=hub_client.KIND, private=upload.private, exist_ok=True)
        return upload.repo_id
    if upload.private and not known.private:
        raise UsageError(
            "The repository is public", upload.repo_id, "Leave --private out, or make it private on the Hub first."
        )
    return upload.repo_id


def _difference(api: HfApi, upload: Upload, revision: str) -> list[CommitOperationAdd | CommitOperationDelete]:
    """What has to be committed to a revision to make it the release: nothing, if its listing is the release."""
    entries = api.list_repo_tree(upload.repo_id, recursive=True, revision=revision, repo_type=hub_client.KIND)
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
    commits = [hub_client.head(api, upload.repo_id, "main")]
    for pull in hub_client.pulls(api, upload.repo_id):
        if pull.status == "merged" and pull.title == upload.title:
            details = api.get_discussion_details(upload.repo_id, pull.num, repo_type=hub_client.KIND)
            commits += [details.merge_commit_oid] if details.merge_commit_oid else []
    return next((commit for commit in commits if not _difference(api, upload, commit)), None)


def _refuse_older(api: HfApi, upload: Upload) -> None:
    """Keep an older release from taking the place of a newer one on main."""
    there = hub_client.numbers(api, upload.repo_id, hub_client.head(api, upload.repo_id, "main"), Reporter("quiet"))
    ours = upload.manifest.window_end
    if there and there.window_end and ours and there.window_end > ours:
        raise UsageError(
            f"The Hub holds a newer release, {there.release}", upload.repo_id, "Publish releases in their order."
        )


def _filled(api: HfApi, upload: Upload, settings: HubSettings, reporter: Reporter) -> int:
    """The number of a pull request whose listing is the release and which main can take as it is."""
    num = _pull_request(api, upload)
    ref = f"refs/pr/{num}"
    while operations := _difference(api, upload, head := hub_client.head(api, upload.repo_id, ref)):
        batch = operations[: settings.files_per_commit]
        reporter.say("upload", f"{len(operations)} files to go", left=len(operations))
        api.create_commit(
            upload.repo_id,
            batch,
            commit_message=upload.title,
            commit_description=upload.message,
            repo_type=hub_client.KIND,
            revision=ref,
            parent_commit=head,
        )
    return num


def _pull_request(api: HfApi, upload: Upload) -> int:
    """The number of the release's one open pull request; others of this tag, or made before main moved, are closed."""
    main, chosen = hub_client.head(api, upload.repo_id, "main"), 0
    for pull in hub_client.pulls(api, upload.repo_id):
        if pull.status not in ("draft", "open") or not pull.title.startswith(f"Release {upload.tag} ("):
            continue
        commits = api.list_repo_commits(upload.repo_id, repo_type=hub_client.KIND, revision=f"refs/pr/{pull.num}")
        if not chosen and pull.title == upload.title and main in {commit.commit_id for commit in commits}:
            chosen = pull.num
        else:
            _close(api, upload.repo_id, pull.num, "Another pull request takes its place.")
    return chosen or api.create_pull_request(upload.repo_id, upload.title, repo_type=hub_client.KIND).num


def _close(api: HfApi, repo_id: str, num: int, comment: str) -> None:
    api.change_discussion_status(repo_id, num, "closed", comment=comment, repo_type=hub_client.KIND)


def _merge(api: HfApi, upload: Upload, num: int) -> None:
    """Merge a pull request; one made by program is a draft, and a draft cannot be merged."""
    if api.get_discussion_details(upload.repo_id, num, repo_type=hub_client.KIND).status == "draft":
        api.change_discussion_status(upload.repo_id, num, "open", repo_type=hub_client.KIND)
    api.merge_pull_request(upload.repo_id, num, repo_type=hub_client.KIND)


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
