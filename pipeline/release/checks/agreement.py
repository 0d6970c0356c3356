"""Checks of agreement: exports against rows, rows against the evidence, the manifest against rows and card."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from pipeline.core.edit_record import Edit
from pipeline.core.manifest import ModelRecord, digest_of, empty_parts
from pipeline.core.settings import Settings
from pipeline.edits.consistency import slots_on
from pipeline.edits.splits import split_of
from pipeline.release.checks.contents import Contents, Failures
from pipeline.release.evidence import questions
from pipeline.release.exports import EXPORTS, Record


def exports_agree(contents: Contents) -> Failures:
    """Every exported file has the records that the rows give in its shape, in their order; the manifest counts them."""
    known = set[str]()
    for project_rows in EXPORTS.values():
        export = project_rows(contents.edits)
        for path, expected in export.files.items():
            known.add(path)
            yield from _other_records(path, contents.exports.get(path, ()), expected)
            counted = contents.manifest.exports.get(path)
            if counted is None or counted.records != len(expected) or counted.left_out != export.left_out[path]:
                yield f"{path}: the rows give {len(expected)} records, which is not what the manifest says of it"
    for path in sorted((contents.exports.keys() | contents.manifest.exports.keys()) - known):
        yield f"{path}: no format has such a file"


def _other_records(path: str, found: Iterable[Record], expected: Iterable[Record]) -> Iterator[str]:
    by_case: dict[object, list[Record]] = {}
    for record in expected:
        by_case.setdefault(record["case_id"], []).append(record)
    there: dict[object, list[Record]] = {}
    for record in found:
        there.setdefault(record.get("case_id"), []).append(record)
    for case in sorted({*by_case, *there}, key=str):
        if there.get(case, []) != by_case.get(case, []):
            yield f"{path}: the record of {case} is not what its row gives"
    if list(there) != list(by_case):
        yield f"{path}: its records do not stand in the order of the rows"


def evidence_agrees(contents: Contents) -> Failures:
    """Every statement, step and true object of a row is in the evidence, and no evidence is without a row."""
    asked = set[tuple[str, str]]()
    for edit in contents.edits:
        asked |= questions(edit)
        yield from (f"{edit['case_id']}: {fault}" for fault in _unproven(edit, contents))
    for subject, relation in sorted(contents.evidence.keys() - asked):
        yield f"the evidence about {relation} of {subject} belongs to no row"


def _unproven(edit: Edit, contents: Contents) -> Iterator[str]:
    for slot, step in zip(slots_on(edit["subject_id"], edit["path"]), edit["path"], strict=True):
        if step["object_id"] not in contents.evidence.get(slot, {}):
            yield f"no evidence that {slot[1]} of {slot[0]} is {step['object_id']}"
    if edit["statement_id"] not in contents.statements:
        yield f"the statement {edit['statement_id']} is not in the evidence"
    true = contents.evidence.get(slots_on(edit["subject_id"], edit["path"])[-1], {})
    for name, item in ((edit["target_new"], edit["target_new_id"]), (edit["ground_truth"], edit["ground_truth_id"])):
        if item and true.get(item, name) != name:
            yield f"{item} is called {name!r}, and {true[item]!r} in the evidence"
    for form in edit["length_forms"]:
        true = contents.evidence.get((form["locality_subject_id"], form["locality_relation_id"]), {})
        if not {names[0] for names in form["locality_ground_truth"]} <= set(true.values()):
            yield f"the answers to {form['locality_prompt']!r} are not in the evidence"


def splits_drawn(contents: Contents) -> Failures:
    """Every row stands in the split that the manifest's seed and shares draw for its subject."""
    manifest = contents.manifest
    if manifest.seed != manifest.settings.seed:
        yield f"the manifest has the seed {manifest.seed}, and {manifest.settings.seed} among the settings"
    for edit in contents.edits:
        drawn = split_of(edit["subject_id"], manifest.seed, manifest.settings.splits)
        if drawn != edit["split"]:
            yield f"{edit['case_id']}: is in {edit['split']}, and the seed {manifest.seed} draws {drawn}"


def manifest_agrees(contents: Contents) -> Failures:
    """The window, source, model, mixes, settings and files of the manifest are those of the rows."""
    manifest = contents.manifest
    for edit in contents.edits:
        yield from (f"{edit['case_id']}: {fault}" for fault in _unlike_manifest(edit, contents))
    for column, counted in (("relation_id", manifest.relations), ("domain", manifest.domains)):
        found: dict[str, Counter[str]] = {}
        for edit in contents.edits:
            found.setdefault(edit["category"], Counter())[str(edit[column])] += 1
        if found != counted:
            yield f"the manifest counts rows by {column} in another way than they are"
    if manifest.empty != empty_parts(manifest.rows, manifest.exports):
        yield "the manifest names other parts as empty than those without rows"
    yield from _unlike_settings(contents.edits, manifest.settings)
    if set(manifest.rows) != set(manifest.settings.categories):
        yield f"the manifest has rows of {sorted(manifest.rows)}, and the settings name {manifest.settings.categories}"
    for path, record in manifest.exports.items():
        if manifest.files and (f"exports/{path}" in manifest.files) != bool(record.records):
            yield f"{path}: a file is there exactly if it has records, and this one has {record.records}"


def _unlike_manifest(edit: Edit, contents: Contents) -> Iterator[str]:
    manifest = contents.manifest
    for name, own, other in (
        ("window_start", edit["window_start"], manifest.window_start),
        ("window_end", edit["window_end"], manifest.window_end),
    ):
        if _to_milliseconds(own) != _to_milliseconds(other):
            yield f"{name} is {own}, and {other} in the manifest"
    if edit["source"] != manifest.source:
        yield f"the source is {edit['source']}, and {manifest.source} in the manifest"
    if edit["lm_model"] is not None and _model(edit) != _recorded(manifest.model):
        yield f"it was scored by {edit['lm_model']}, which is not the model of the manifest"


def _to_milliseconds(moment: datetime | None) -> str:
    """A time as exact as Parquet keeps it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds") if moment else ""


def _model(edit: Edit) -> tuple[str | None, ...]:
    return edit["lm_model"], edit["lm_revision"], edit["lm_dtype"], edit["lm_tokenizer"]


def _recorded(model: ModelRecord | None) -> tuple[str | None, ...]:
    return (model.name, model.revision, model.dtype, model.tokenizer) if model else ()


def _unlike_settings(edits: Iterable[Edit], settings: Settings) -> Iterator[str]:
    """What the settings rule out: more rows of a category or about a subject, and classes that were not selected."""
    sizes, subjects = Counter[str](), Counter[tuple[str, str]]()
    for edit in edits:
        sizes[edit["category"]] += 1
        subjects[edit["category"], edit["subject_id"]] += 1
        if edit["category"] == "recent" and edit["change_class"] not in settings.recent.classes:
            yield f"{edit['case_id']}: the class {edit['change_class']} is not among the settings"
    most = {"recent": settings.recent, "popular": settings.popular, "long_tail": settings.long_tail}
    limits: Mapping[str, int] = {name: getattr(settings, name).size for name in (*most, "robust")}
    for category, count in sorted(sizes.items()):
        if count > limits.get(category, count):
            yield f"{category} has {count} rows, and the settings allow {limits[category]}"
    for (category, subject), count in sorted(subjects.items()):
        if category in most and count > most[category].per_subject:
            yield f"{category} has {count} rows about {subject}, and the settings allow {most[category].per_subject}"


def manifest_intact(contents: Contents) -> Failures:
    """The manifest's digest is that of what it says, and the card shows it."""
    manifest = contents.manifest
    if not manifest.files:  # the release is not complete: it is checked before its manifest is
        return
    if manifest.digest != (computed := digest_of(manifest)):
        yield f"manifest.json: its digest is {manifest.digest or 'missing'}, and what it says gives {computed}"
    if manifest.digest not in contents.card:
        yield f"README.md: it does not show the digest {manifest.digest}"
