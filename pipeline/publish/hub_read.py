"""What a repository holds: its releases, their numbers and rows, and what an earlier run began."""

import re
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub.errors import RepositoryNotFoundError

from pipeline.core.manifest import MANIFEST, Numbers
from pipeline.core.progress import Reporter
from pipeline.core.settings import HubSettings
from pipeline.core.tables import make_folder
from pipeline.publish import hub_client

_TITLE = r"Release \S+ \([0-9a-f]+\)$"


def published(repo_id: str, count: int, settings: HubSettings, reporter: Reporter) -> dict[str, Numbers]:
    """The numbers of the last releases by tag, the latest first; of a repository that is not there, none.

    A tag without a manifest that can be read is told and passed over.

    Raises:
        UsageError: There is no token, or it may not read the repository.
        ServiceError: The Hub cannot be reached or keeps failing.
    """
    api = hub_client.connect()

    def read() -> dict[str, Numbers]:
        try:
            tags = hub_client.tags(api, repo_id)
        except RepositoryNotFoundError:
            return {}
        found: dict[str, Numbers] = {}
        for tag in sorted(tags, reverse=True):
            if len(found) < count and (numbers := hub_client.numbers(api, repo_id, tags[tag], reporter)):
                found[tag] = numbers
        return found

    return hub_client.patiently(read, repo_id, settings, reporter)


def fetch(repo_id: str, tag: str, folder: Path, settings: HubSettings, reporter: Reporter) -> Path:
    """The rows and the manifest of a release from the Hub, in a folder of its own; what is there is not fetched again.

    Raises:
        UsageError: There is no token, or it may not read the repository.
        ServiceError: The Hub cannot be reached or keeps failing.
    """
    api = hub_client.connect()
    make_folder(folder)

    def read() -> Path:
        api.snapshot_download(
            repo_id, repo_type=hub_client.KIND, revision=tag, local_dir=folder, allow_patterns=["data/*", MANIFEST]
        )
        return folder

    return hub_client.patiently(read, repo_id, settings, reporter)


@dataclass(frozen=True)
class Begun:
    """A release whose publishing began and did not end.

    Attributes:
        tag: Its tag.
        title: The name of its pull request, which says which build of it that is.
        is_merged: Whether it is on main already, and only its tag is missing.
    """

    tag: str
    title: str
    is_merged: bool


def unfinished(repo_id: str, settings: HubSettings, reporter: Reporter) -> list[Begun]:
    """The releases whose publishing began and did not end, one for each tag.

    One that was merged counts as long as main stands at its merge: of older ones nobody can know whether their tag was
    never made or taken away on purpose.

    Raises:
        UsageError: There is no token, or it may not read the repository.
        ServiceError: The Hub cannot be reached or keeps failing.
    """
    api = hub_client.connect()

    def read() -> list[Begun]:
        try:
            tags, main = hub_client.tags(api, repo_id), hub_client.head(api, repo_id, "main")
        except RepositoryNotFoundError:
            return []
        ours = [pull for pull in hub_client.pulls(api, repo_id) if re.match(_TITLE, pull.title)]
        found = [Begun(pull.title.split()[1], pull.title, False) for pull in ours if pull.status in ("draft", "open")]
        for pull in [pull for pull in ours if pull.status == "merged"][-1:]:
            tag = pull.title.split()[1]
            details = api.get_discussion_details(repo_id, pull.num, repo_type=hub_client.KIND)
            if tag not in tags and details.merge_commit_oid == main:
                found.append(Begun(tag, pull.title, True))
        return [one for _, one in sorted({one.tag: one for one in found}.items())]

    return hub_client.patiently(read, repo_id, settings, reporter)
