"""The job that publishes: a release is checked again, compared with the last ones, then put on the Hub whole.

Before that, a publish that an earlier run began and did not end is finished, or rolled back if it cannot be.
"""

from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.artifacts import show_difference, show_drift, show_link
from flows.catch_up import run_again
from flows.parameters import PublishParameters, Release
from flows.running import RunLog, same_release, task_with_retries
from pipeline import publish
from pipeline.core.errors import ChecksFailed
from pipeline.core.manifest import MANIFEST, Numbers, read_manifest, read_numbers
from pipeline.core.settings import load_operations
from pipeline.jobs.publish import check_release, drift_of, finish_earlier
from pipeline.publish import Published, Upload
from pipeline.publish.compare import compare_releases
from pipeline.publish.drift import refuse_drift

_DRIFTED = (
    "Nothing was published, and the last release stays. Find out why (the artifact `drift` lists all); if it is meant, "
    "run the deployment `publish` with this release and `accept_drift`."
)


@flow(name="publish_release", on_crashed=[run_again])
def publish_release(parameters: PublishParameters, release: Release, config: Path | None = None) -> Published | None:
    """Publish a release.

    Args:
        parameters: Where it goes.
        release: The release.
        config: A TOML file with what differs from the defaults.

    Returns:
        Where it is; nothing if no repository is given.
    """
    check(release)
    if parameters.repo_id is None:
        RunLog().warn("kept", "No repository is given: the release stays on this machine.")
        return None
    finish(parameters.repo_id, release, config)
    past = read_past(parameters.repo_id, config)
    tag = read_numbers(release.folder / MANIFEST).release
    if others := {name: numbers for name, numbers in past.items() if name != tag}:
        show_new(parameters.repo_id, release, next(iter(others)), config)
    gate(parameters, release, others, tag in past, config)
    return upload(parameters, release, config)


@task(cache_policy=NO_CACHE)
def check(release: Release) -> None:
    """Run every check on the release."""
    check_release(same_release(release))


@task_with_retries
def finish(repo_id: str, release: Release, config: Path | None) -> list[str]:
    """Finish what an earlier run began to publish, or roll it back."""
    folder = release.folder
    return finish_earlier(folder.parent, folder.name, repo_id, load_operations(config), RunLog())


@task_with_retries
def read_past(repo_id: str, config: Path | None) -> dict[str, Numbers]:
    """The numbers of the last releases by tag, the latest first."""
    operations = load_operations(config)
    return publish.published(repo_id, operations.drift.releases + 1, operations.hub, RunLog())


@task_with_retries
def show_new(repo_id: str, release: Release, before: str, config: Path | None) -> None:
    """Leave what is new since the last release in the UI."""
    manifest = read_manifest(release.folder)
    work = release.folder.parent / ".work"
    old = publish.fetch(repo_id, before, work / "published" / before, load_operations(config).hub, RunLog())
    found = compare_releases(release.folder, old, work / "scratch", manifest.settings.memory)
    show_difference(manifest.release, before, found)


@task(cache_policy=NO_CACHE)
def gate(
    parameters: PublishParameters, release: Release, past: dict[str, Numbers], is_published: bool, config: Path | None
) -> None:
    """Leave what drifted in the UI, and stop a release that is not like the last ones."""
    findings = drift_of(release.folder, list(past.values()), load_operations(config))
    show_drift(release.folder.name, findings)
    if parameters.accept_drift or is_published:
        return
    try:
        refuse_drift(release.folder.name, findings)
    except ChecksFailed as error:
        raise ChecksFailed(error.what, str(release.folder), _DRIFTED) from error


@task_with_retries
def upload(parameters: PublishParameters, release: Release, config: Path | None) -> Published:
    """Put the release on the Hub, and leave the link in the UI."""
    folder = same_release(release)
    tag = read_numbers(folder / MANIFEST).release
    going = Upload(folder, parameters.repo_id or "", tag, parameters.private)
    published = publish.publish(going, load_operations(config).hub, RunLog())
    show_link(published)
    return published
