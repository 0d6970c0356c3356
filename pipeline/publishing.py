"""From a finished release to one that anybody can load: checked again, compared with the last ones, then published."""

from dataclasses import dataclass
from pathlib import Path

from pipeline import hub
from pipeline.checks import CheckResult, run_checks
from pipeline.drift import Finding, measure_drift, refuse_drift
from pipeline.errors import ChecksFailed, UsageError
from pipeline.hub import Published, Upload
from pipeline.manifest import MANIFEST, Numbers, read_numbers
from pipeline.progress import Reporter
from pipeline.release import read_release
from pipeline.settings import HubSettings, Operations
from pipeline.templates import load_templates


@dataclass(frozen=True)
class Where:
    """Where releases go.

    Attributes:
        repo_id: The repository on the Hub, "organisation/name".
        private: Whether a repository that is made now is private.
    """

    repo_id: str
    private: bool = False


def publish_release(
    release: Path,
    where: Where,
    operations: Operations,
    reporter: Reporter,
    tag: str = "",
    *,
    accept_drift: bool = False,
) -> Published:
    """Publish a release, unless something speaks against it.

    Args:
        release: Its folder.
        where: Where it goes.
        operations: The settings of publishing.
        reporter: Where to tell how far it is.
        tag: The tag to load it by; the name of the release if it is empty.
        accept_drift: Whether a person has looked at what drifted and means it.

    Raises:
        ChecksFailed: A required check fails, or the release is not like the last ones; nothing is published.
        UsageError: There is no token, it may not do this, or the tag stands for another release.
        ServiceError: The Hub cannot be reached or keeps failing.
    """
    check_release(release)
    upload = Upload(release, where.repo_id, tag or read_numbers(release / MANIFEST).release, where.private)
    past = hub.published(where.repo_id, operations.drift.releases + 1, operations.hub, reporter)
    if upload.tag not in past and not accept_drift:  # what is there already passed the gate
        refuse_drift(upload.tag, drift_of(release, list(past.values()), operations))
    return hub.publish(upload, operations.hub, reporter)


def finish_earlier(releases: Path, but: str, repo_id: str, settings: HubSettings, reporter: Reporter) -> list[str]:
    """Finish what earlier runs began to publish, or roll it back if its release is not there or main has gone on.

    Args:
        releases: The folder of releases, each under its tag.
        but: The tag of a release that is about to be published, and so finished anyway.
        repo_id: Where they go.
        settings: How.
        reporter: Where to tell what became of them.

    Returns:
        What became of each.

    Raises:
        UsageError: There is no token, or it may not do this.
        ServiceError: The Hub cannot be reached or keeps failing.
    """
    told: list[str] = []
    for tag in hub.unfinished(repo_id, settings, reporter):
        if tag != but:
            told.append(f"{tag}: {_finished(releases / tag, tag, repo_id, settings, reporter)}")
            reporter.warn("finished", told[-1], tag=tag)
    return told


def _finished(release: Path, tag: str, repo_id: str, settings: HubSettings, reporter: Reporter) -> str:
    why = "the release is not there any more"
    if (release / MANIFEST).is_file():
        try:
            check_release(release)
            hub.publish(Upload(release, repo_id, tag), settings, reporter)
        except (ChecksFailed, UsageError) as error:
            why = error.what
        else:
            return "publishing is finished"
    hub.roll_back(repo_id, tag, settings, reporter)
    return f"publishing is rolled back: {why}"


def check_release(release: Path) -> list[CheckResult]:
    """Run every check on a finished release.

    Raises:
        ChecksFailed: A required check fails.
        InputError: The folder holds no release.
    """
    results = run_checks(read_release(release, load_templates().relations))
    failed = [result for result in results if result.required and not result.passed]
    if failed:
        told = "; ".join(f"{result.name}: {result.examples[0]}" for result in failed)
        raise ChecksFailed(
            f"The release fails {len(failed)} required checks: {told}", str(release), "Nothing was published."
        )
    return results


def drift_of(release: Path, past: list[Numbers], operations: Operations) -> list[Finding]:
    """Compare a release with the last ones, the latest first; no more of them count than the settings say.

    Raises:
        InputError: The folder holds no release.
    """
    return measure_drift(read_numbers(release / MANIFEST), past[: operations.drift.releases], operations.drift)
