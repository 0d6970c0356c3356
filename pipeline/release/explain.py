"""Explains what became of a subject and a relation, stage by stage.

A release lists all rejected rows, or a part where they are many; all of them are in the work folder that it was built
in, as long as that is there.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from pipeline.core.errors import UsageError
from pipeline.core.manifest import Manifest
from pipeline.core.reasons import BY_STAGE
from pipeline.core.tables import read_table
from pipeline.select.categories import CATEGORIES

_CONSIDERS = {
    "recent": "considers eligible triples whose statement came or got a new value in the window",
    "popular": "considers eligible triples of the most viewed items, and paths of two that start there",
    "long_tail": "considers every eligible triple",
}


def explain(folder: Path, manifest: Manifest, subject_id: str, relation_id: str, whole: Mapping[str, Path]) -> str:
    """What happened to the statements of a subject and a relation, and why.

    Args:
        folder: A release.
        manifest: That of the release.
        subject_id: An item, as in "Q23".
        relation_id: A relation, as in "P26"; paths of two hops that contain it are listed too.
        whole: Files with all rows that a stage rejected, by stage, for stages that the release lists in part.

    Raises:
        UsageError: An id is malformed.
    """
    if not re.fullmatch(r"Q[1-9]\d*", subject_id) or not re.fullmatch(r"P[1-9]\d*", relation_id):
        raise UsageError(f"{subject_id} {relation_id} is not an item and relation", remedy="Write them as in Q23 P26.")
    listed = {stage: folder / "dropped" / f"{stage}.parquet" for stage in BY_STAGE}
    files = {stage: whole.get(stage, path) for stage, path in listed.items()}
    drops = {stage: _about(path, subject_id, relation_id) for stage, path in files.items() if path.is_file()}
    in_part = {stage: count for stage, count in manifest.listed_in_part.items() if stage not in whole}
    lines = [f"{subject_id} {relation_id} in {manifest.release}"]
    for stage, rows in drops.items():
        lines += _stage_lines(stage, rows)
    kept = list(_kept_lines(folder, manifest, subject_id, relation_id))
    lines += ["", *(kept or ["No edit of the release is about it."])]
    if kept or drops.get("selection"):
        lines += _silent_categories(manifest, drops, kept)
    elif in_part:
        lines.append("Nothing is listed of it.")
    elif not any(drops.values()):
        lines.append(f"Nothing was read of it: the newer state holds no {relation_id} of {subject_id}.")
    else:
        lines.append("No category looked at it: nothing of it passed the screening.")
    lines += [
        f"The release lists {manifest.listed_drops[stage]:,} of the {count:,} rows that {stage} dropped. "
        "The others are in the work folder of the build, while that exists: see --work."
        for stage, count in in_part.items()
    ]
    return "\n".join(lines)


def _rows(path: Path, subject_id: str) -> list[dict[str, Any]]:
    return read_table(path, where=pc.field("subject_id") == subject_id).to_pylist()


def _about(path: Path, subject_id: str, relation_id: str) -> list[dict[str, Any]]:
    return [row for row in _rows(path, subject_id) if relation_id in (row["relation_id"] or "").split("/")]


def _stage_lines(stage: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What one stage rejected."""
    if rows:
        yield f"\n{stage}"
    for row in rows:
        category = f"{row['category']}: " if row["category"] else ""
        meaning = BY_STAGE[stage].get(row["reason"] or "", "")
        detail = f", {row['detail']}" if row["detail"] else ""
        yield f"  {category}{row['relation_id']} {row['object_id']}: {row['reason']}{detail} ({meaning})"


def _kept_lines(folder: Path, manifest: Manifest, subject_id: str, relation_id: str) -> Iterator[str]:
    """The edits about the subject and the relation."""
    for category in manifest.settings.categories:
        for path in sorted((folder / "data" / category).glob("*.parquet")):
            for row in _rows(path, subject_id):
                steps = [step["relation_id"] for step in row["path"]]
                if relation_id in steps:
                    yield f"{category}, {row['split']}: {row['prompt']} >> {row['target_new']} ({row['case_id']})"


def _silent_categories(
    manifest: Manifest, drops: Mapping[str, Sequence[Mapping[str, Any]]], kept: Sequence[str]
) -> Iterator[str]:
    """Categories that never looked at it, with what they look at."""
    heard = {row["category"] for rows in drops.values() for row in rows} | {line.split(",")[0] for line in kept}
    for name in manifest.settings.categories:
        if name in CATEGORIES and name not in heard:
            yield f"{name} did not consider it: it {_CONSIDERS[name]}."
