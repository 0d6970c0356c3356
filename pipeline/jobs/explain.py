"""What became of a subject and a relation, by a release and by the work folder of its build."""

from pathlib import Path

from pipeline import stages
from pipeline.core.manifest import read_manifest
from pipeline.release.explain import explain


def explain_row(release: Path, subject_id: str, relation_id: str, work: Path) -> str:
    """What happened to the statements of a subject and a relation, and why.

    Args:
        release: Its folder.
        subject_id: An item, as in "Q23".
        relation_id: A relation, as in "P26".
        work: Where the release was built: stages there hold the rejected rows that the release does not list.

    Raises:
        UsageError: An id is malformed.
        InputError: The folder holds no release.
    """
    manifest = read_manifest(release)
    whole: dict[str, Path] = {}
    for name in manifest.listed_in_part:
        found = stages.find_drops(work, name, [count for count in manifest.counts if count.stage == name])
        if found:
            whole[name] = found
    return explain(release, manifest, subject_id, relation_id, whole)
