"""From a finished release to one that anybody can load: checked again, compared with the last ones, then published."""

from dataclasses import dataclass
from pathlib import Path

from pipeline import publish
from pipeline.core.errors import ChecksFailed, UsageError
from pipeline.core.manifest import MANIFEST, Numbers, read_numbers
from pipeline.core.progress import Reporter
from pipeline.core.settings import Operations
from pipeline.language.templates import load_templates
from pipeline.publish import Begun, Published, Upload
from pipeline.publish.drift import Finding, measure_drift, refuse_drift
from pipeline.release.assemble import read_release
from pipeline.release.checks import CheckResult, run_checks


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
        reporter: Where to report progress.
        tag: The tag to load it by; the name of the release if it is empty.
        accept_drift: Whether a person has looked at what drifted and means it.

    Raises:
        ChecksFailed: A required check fails, or the release is not like the last ones; nothing is published.
        UsageError: There is no token, it may not do this, or the tag stands for another release.
        ServiceError: The Hub cannot be reached or keeps failing.
    """
    check_release(release)
    upload = Upload(release, where.repo_id, tag or read_numbers(release / MANIFEST).release, where.private)
    past = publish.published(where.repo_id, operations.drift.releases + 1, operations.hub, reporter)
    if upload.tag not in past and not accept_drift:  # what is there already passed the gate
        refuse_drift(upload.tag, drift_of(release, list(past.values()), operations))
    return publish.publish(upload, operations.hub, reporter)


def finish_earlier(releases: Path, but: str, repo_id: str, operations: Operations, reporter: Reporter) -> list[str]:
    """Finish what earlier runs began to publish, or roll it back.

    It is rolled back if its release is not there any more, fails a check, has drifted, or if main has gone on. Both
    checks and drift are looked at again: the folder may have been built anew since, and the last releases are others.
    That a person accepted the drift holds for the run it was said to, which is no longer there.

    Args:
        releases: The folder of releases, each under its tag.
        but: The tag of a release that is about to be published, and so finished anyway.
        repo_id: Where they go.
        operations: The settings of publishing.
        reporter: Where to report what became of them.

    Returns:
        What became of each.

    Raises:
        UsageError: There is no token, or it may not do this.
        ServiceError: The Hub cannot be reached or keeps failing.
    """
    told: list[str] = []
    for begun in publish.unfinished(repo_id, operations.hub, reporter):
        if begun.tag != but:
            told.append(f"{begun.tag}: {_finished(releases / begun.tag, begun, repo_id, operations, reporter)}")
            reporter.warn("finished", told[-1], tag=begun.tag)
    return told


def _finished(release: Path, begun: Begun, repo_id: str, operations: Operations, reporter: Reporter) -> str:
    why = "the release is not there any more"
    if (release / MANIFEST).is_file():
        upload = Upload(release, repo_id, begun.tag)
        try:
            check_release(release)
            if not (begun.is_merged and begun.title == upload.title):  # main holds that one, and lacks its tag alone
                past = publish.published(repo_id, operations.drift.releases, operations.hub, reporter)
                refuse_drift(begun.tag, drift_of(release, list(past.values()), operations))
            publish.publish(upload, operations.hub, reporter)
        except (ChecksFailed, UsageError) as error:
            why = error.what
        else:
            publish.roll_back(
                repo_id, begun.tag, "another build is published", operations.hub, reporter
            )  # if any is left
            return "publishing is finished"
    if begun.is_merged:
        return f"it is on main, and not tagged: {why}"
    publish.roll_back(repo_id, begun.tag, why, operations.hub, reporter)
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
