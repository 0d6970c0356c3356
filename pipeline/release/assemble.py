"""Assembles a release: writes its rows and all other files, checks them, and moves the whole folder in place."""

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec

from pipeline.core import schema
from pipeline.core.edit_record import Edit
from pipeline.core.errors import ChecksFailed, InputError, UsageError
from pipeline.core.foreign import disk_error
from pipeline.core.manifest import (
    CARD,
    MANIFEST,
    AuditSummary,
    ExportRecord,
    FileRecord,
    Manifest,
    empty_parts,
    read_manifest,
    sealed,
)
from pipeline.core.parallel import InlineExecutor, report_worker_deaths
from pipeline.core.tables import file_hash, read_table, whole_file, write_text
from pipeline.edits.splits import SPLITS
from pipeline.language.relations import Relation
from pipeline.language.subgraph import Subgraph
from pipeline.release.audit.faults import load_faults
from pipeline.release.audit.rates import summarize
from pipeline.release.audit.verdicts import VERDICTS, VerdictFile, held_by, read_verdicts, to_json
from pipeline.release.card import make_card
from pipeline.release.charts import make_charts
from pipeline.release.checks import CheckResult, Contents, run_checks
from pipeline.release.evidence import read_evidence, write_evidence
from pipeline.release.exports import export_files, write_exports
from pipeline.release.exports.parquet import write_parquet
from pipeline.release.figures import draw_figures

_decode = msgspec.json.Decoder(list[dict[str, object]]).decode


@dataclass(frozen=True)
class Draft:
    """What a release is made of.

    Attributes:
        edits: Every edit of every category.
        subgraph: What is true around them.
        dropped: A DROPPED file of each stage: the rejected rows that the release lists.
        manifest: The manifest, as far as it is known before the release is written.
        verdicts: Files of verdicts, of which those count that are on rows with the very same words.
    """

    edits: Sequence[Edit]
    subgraph: Subgraph
    dropped: Mapping[str, Path]
    manifest: Manifest
    verdicts: Sequence[VerdictFile] = ()


def assemble(draft: Draft, target: Path, painter: Executor | None = None) -> tuple[Manifest, list[CheckResult]]:
    """Write a release into a folder beside its own, check it, and move it in place.

    Args:
        draft: What it contains.
        target: Its folder. If the same release is there already, it stays.
        painter: Where to draw the figures, while the rest is written and checked; by default in this process.

    Returns:
        Its manifest and the outcome of the checks.

    Raises:
        ChecksFailed: A required check failed; nothing is left behind.
        UsageError: Another release of this name is there.
        StorageError: The disk refused a write; nothing is left behind.
    """
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        manifest, results = _write(draft, part, painter or InlineExecutor())
        if target.exists():
            _compare(part, target)
        else:
            part.replace(target)
    except OSError as error:
        raise disk_error(error, target) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return manifest, results


def _write(draft: Draft, folder: Path, painter: Executor) -> tuple[Manifest, list[CheckResult]]:
    drawn = painter.submit(draw_figures, make_charts(draft.manifest, draft.edits), folder / "figures")
    try:
        return _write_around(draft, folder, drawn)
    finally:
        wait([drawn])  # it would put the folder there again


def _write_around(draft: Draft, folder: Path, drawn: "Future[list[Path]]") -> tuple[Manifest, list[CheckResult]]:
    """Write and check all but the figures, which are being drawn."""
    rows = {category: _split_counts(draft.edits, category) for category in draft.manifest.settings.categories}
    for category in rows:
        write_parquet(draft.edits, category, folder / "data" / category)
    exports = export_files(draft.edits)
    write_exports(exports, folder / "exports")
    write_evidence(draft.edits, draft.subgraph, folder / "evidence" / "triples.parquet")
    for stage, path in draft.dropped.items():
        with whole_file(folder / "dropped" / f"{stage}.parquet") as copy:
            shutil.copyfile(path, copy)
    exported = {
        path: ExportRecord(records=len(records), left_out=exports.left_out[path])
        for path, records in exports.files.items()
    }
    counted = {"rows": rows, "exports": exported, "empty": empty_parts(rows, exported), "audit": _audit(draft, folder)}
    manifest = draft.manifest.model_copy(update=counted)
    results = run_checks(_contents(folder, manifest, draft.subgraph.templates.relations, ()))
    _refuse(results)
    manifest = manifest.model_copy(update={"checks": tuple(result.record() for result in results)})
    with report_worker_deaths():
        figures = drawn.result()
    manifest = sealed(manifest.model_copy(update={"files": _file_records(folder)}))
    write_text(make_card(manifest, [path.name for path in figures]), folder / CARD)
    manifest = manifest.model_copy(update={"files": {**manifest.files, CARD: _file_record(folder / CARD)}})
    write_text(manifest.to_json(), folder / MANIFEST)
    return manifest, results


def _audit(draft: Draft, folder: Path) -> AuditSummary | None:
    """What readers found, None if nobody read a row as it is; the verdicts that count stand beside the rows."""
    held = held_by(draft.edits, draft.verdicts)
    if not held.rows:
        return None
    write_text(to_json(VerdictFile(draft.manifest.release, [*held.rows])), folder / VERDICTS)
    return summarize(draft.edits, held.verdicts, load_faults(), held.stale)


def _split_counts(edits: Sequence[Edit], category: str) -> Mapping[str, int]:
    counts = Counter(edit["split"] for edit in edits if edit["category"] == category)
    return {split: counts[split] for split in SPLITS}


def _refuse(results: Sequence[CheckResult]) -> None:
    failed = [result for result in results if result.required and not result.passed]
    if failed:
        listed = "; ".join(f"{result.name}: {result.failures} rows, such as {result.examples[0]}" for result in failed)
        raise ChecksFailed(
            f"The release fails {len(failed)} required checks: {listed}",
            remedy="No release was written. Look at the rows named; a template or a setting is most likely wrong.",
        )


def _compare(part: Path, target: Path) -> None:
    """Refuse to replace a folder with other content: another release, a damaged one, or no release at all."""
    if not (target / MANIFEST).is_file() or (target / MANIFEST).read_bytes() != (part / MANIFEST).read_bytes():
        raise UsageError(
            "Another release of this name is there", str(target), "Give another --version or --out, or remove it."
        )
    if damaged := _damaged(target, read_manifest(part)):
        raise UsageError(f"This release is there, but damaged: {damaged[0]}", str(target), "Remove it, then run again.")


def _damaged(folder: Path, manifest: Manifest) -> list[str]:
    """Files that are missing, unknown, or not as the manifest says."""
    found = _file_records(folder)
    damaged = [f"{path}: missing" for path in manifest.files if path not in found]
    damaged += [f"{path}: not in the manifest" for path in found if path not in manifest.files]
    damaged += [f"{path}: changed" for path, record in found.items() if manifest.files.get(path, record) != record]
    return sorted(damaged)


def _file_records(folder: Path) -> dict[str, FileRecord]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): _file_record(path) for path in files}


def _file_record(path: Path) -> FileRecord:
    return FileRecord(bytes=path.stat().st_size, sha256=file_hash(path))


def read_release(folder: Path, relations: Mapping[str, Relation]) -> Contents:
    """A finished release as its checks read it.

    Raises:
        InputError: The folder holds no release, or a file of it cannot be read.
        ChecksFailed: Files are damaged so that the other checks cannot run.
    """
    manifest = read_manifest(folder)
    damaged = _damaged(folder, manifest)
    try:
        return _contents(folder, manifest, relations, damaged)
    except InputError as error:
        if damaged:
            raise ChecksFailed(f"The release is damaged: {'; '.join(damaged)}", error.where, error.remedy) from error
        raise


def _contents(folder: Path, manifest: Manifest, relations: Mapping[str, Relation], damaged: Sequence[str]) -> Contents:
    try:
        edits: list[Edit] = []
        for category in manifest.settings.categories:
            for split in SPLITS:
                for path in sorted((folder / "data" / category).glob(f"{split}-*.parquet")):
                    table = read_table(path, schema.RELEASE.names).cast(schema.RELEASE)
                    edits += cast(list[Edit], table.to_pylist())
        evidence, starts, statements = read_evidence(folder / "evidence" / "triples.parquet")
        exports = {
            path: _decode((folder / "exports" / path).read_bytes())
            for path, record in manifest.exports.items()
            if record.records
        }
        verdicts = [read_verdicts(path, load_faults()) for path in (folder / VERDICTS,) if path.is_file()]
        card = (folder / CARD).read_text("utf-8", "replace") if (folder / CARD).is_file() else ""
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise InputError(f"The release cannot be read: {error}", str(folder), "Build or download it again.") from error
    return Contents(edits, evidence, statements, exports, manifest, relations, card, verdicts, damaged, starts)
