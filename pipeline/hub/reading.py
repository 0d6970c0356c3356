"""What a repository holds: its releases, their numbers and rows, and what an earlier run began."""

from pathlib import Path

from huggingface_hub.errors import RepositoryNotFoundError

from pipeline.hub import client
from pipeline.manifest import MANIFEST, Numbers
from pipeline.progress import Reporter
from pipeline.settings import HubSettings
from pipeline.tables import make_folder


def published(repo_id: str, count: int, settings: HubSettings, reporter: Reporter) -> dict[str, Numbers]:
    """The numbers of the last releases by tag, the latest first; of a repository that is not there, none.

    A tag without a manifest that can be read is told and passed over.

    Raises:
        UsageError: There is no token, or it may not read the repository.
        ServiceError: The Hub cannot be reached or keeps failing.
    """
    api = client.connect()

    def read() -> dict[str, Numbers]:
        try:
            tags = client.tags(api, repo_id)
        except RepositoryNotFoundError:
            return {}
        found: dict[str, Numbers] = {}
        for tag in sorted(tags, reverse=True):
            if len(found) < count and (numbers := client.numbers(api, repo_id, tags[tag], reporter)):
                found[tag] = numbers
        return found

    return client.patiently(read, repo_id, settings, reporter)


def fetch(repo_id: str, tag: str, folder: Path, settings: HubSettings, reporter: Reporter) -> Path:
    """The rows and the manifest of a release from the Hub, in a folder of its own; what is there is not fetched again.

    Raises:
        UsageError: There is no token, or it may not read the repository.
        ServiceError: The Hub cannot be reached or keeps failing.
    """
    api = client.connect()
    make_folder(folder)

    def read() -> Path:
        api.snapshot_download(
            repo_id, repo_type=client.KIND, revision=tag, local_dir=folder, allow_patterns=["data/*", MANIFEST]
        )
        return folder

    return client.patiently(read, repo_id, settings, reporter)


def unfinished(repo_id: str, settings: HubSettings, reporter: Reporter) -> list[str]:
    """The tags of releases whose publishing began and did not end.

    Raises:
        UsageError: There is no token, or it may not read the repository.
        ServiceError: The Hub cannot be reached or keeps failing.
    """
    api = client.connect()

    def read() -> list[str]:
        try:
            titles = [pull.title for pull in client.pulls(api, repo_id) if pull.status in ("draft", "open")]
        except RepositoryNotFoundError:
            return []
        return sorted({title.split()[1] for title in titles if title.startswith("Release ")})

    return client.patiently(read, repo_id, settings, reporter)
