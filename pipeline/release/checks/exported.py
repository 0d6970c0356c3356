"""Checks of the exported files by themselves: what they hold is sound, and no record contradicts another's probes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import NamedTuple, cast

from pipeline.core.edit_record import Edit
from pipeline.edits.consistency import Slot, fact_of, probe_slots
from pipeline.edits.edit_parts import probes_of
from pipeline.edits.exclusions import normalised
from pipeline.release.checks.contents import Contents, Failures
from pipeline.release.checks.sets import decided_slots
from pipeline.release.exports import Record, zsre
from pipeline.release.exports.projection import is_sound

_READ_TOGETHER = ("dafset",)  # DAFNet trains on all files of the folder at once
_STATED = ("prompt", "src", "rephrase_prompt", "rephrase")


def exports_sound(contents: Contents) -> Failures:
    """Exported records hold no empty text or list and no null, and every prompt holds its subject."""
    for path, records in sorted(contents.exports.items()):
        for place, record in enumerate(records):
            if not is_sound(record):
                yield f"{path}, record {place}: an empty text or list"
            prompt, subject = record.get("prompt", record.get("src")), record.get("subject")
            if isinstance(prompt, str) and isinstance(subject, str) and subject not in prompt:
                yield f"{path}, record {place}: {subject!r} does not stand in {prompt!r}"


def exports_uncontradicted(contents: Contents) -> Failures:
    """No probe in an exported file asks what another record of the file states or decides."""
    rows = {case: _Row(fact_of(edit), decided_slots(edit, contents), edit) for case, edit in contents.by_case.items()}
    together: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(contents.exports):
        folder = path.partition("/")[0]
        together[folder if folder in _READ_TOGETHER else path].append(path)
    for name, paths in together.items():
        records = [record for path in paths for record in contents.exports[path]]
        yield from (f"{name}: {fault}" for fault in _contradicted(records, rows))


class _Row(NamedTuple):
    """The row of a record: which fact it states, what that decides, and the edit itself."""

    fact: str
    decides: Set[Slot]
    edit: Edit


def _contradicted(records: Sequence[Record], rows: Mapping[str, _Row]) -> Iterator[str]:
    """Compare sentences as they are written, and what they ask by the rows that they come from."""
    stated: defaultdict[str, set[str]] = defaultdict(set)
    decided: defaultdict[Slot, set[str]] = defaultdict(set)
    known = [(rows[case], record) for record in records if (case := str(record.get("case_id"))) in rows]
    if len(known) < len(records):
        yield f"{len(records) - len(known)} records are of no row"
    for row, record in known:
        for sentence in (record.get(field) for field in _STATED):
            if isinstance(sentence, str):
                stated[normalised(sentence)].add(row.fact)
        for slot in row.decides:
            decided[slot].add(row.fact)
    for row, record in known:
        for sentence in _asked(record):
            slots = _slots_asked(sentence, row.edit)
            if not slots:
                yield f"{row.edit['case_id']}: its row has no probe {sentence!r}"
            found = stated.get(normalised(sentence), set[str]()).union(*(decided.get(slot, ()) for slot in slots))
            if others := found - {row.fact}:
                yield f"{row.edit['case_id']}: {sentence!r} is decided by {min(others)}"


def _asked(record: Record) -> Iterator[str]:
    """Every sentence of a record that tests what must stay or follow, in any of the shapes."""
    if isinstance(sentence := record.get("locality_prompt"), str):
        yield sentence
    if isinstance(sentence := record.get("loc"), str):
        yield sentence.removeprefix(zsre.TAG)
    for axis in ("locality", "portability"):
        kinds = cast(Mapping[str, Sequence[Mapping[str, str]]], record.get(axis, {}))
        for items in kinds.values():
            yield from (item["prompt"] for item in items)


def _slots_asked(sentence: str, edit: Edit) -> list[Slot]:
    """The slots on the way of the probe of an edit that a sentence words; none if no probe is worded so."""
    asked = sentence, sentence + "?"  # zsRE's shape leaves the mark out
    slots = [
        slot
        for probe in probes_of(edit)
        if probe["prompt"] == sentence or probe["question"] in asked
        for slot in probe_slots(probe)
    ]
    forms = (form for form in edit["length_forms"] if form["locality_prompt"] == sentence)
    return slots + [(form["locality_subject_id"], form["locality_relation_id"]) for form in forms]
