"""Files of verdicts: what readers found in which rows, and which verdicts hold for a release.

A file is JSON of this shape. Nothing in `faults` means that the row is fine; null means that it was not judged.

    {
      "release": "v2021.07.02",
      "reader": "a person",
      "verdicts": [
        {"case_id": "popular-…", "words": "0123456789abcdef", "faults": ["wrong_tense"], "note": "he died in 1955"}
      ]
    }
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

import msgspec

from pipeline.core.edit_record import Edit
from pipeline.core.errors import InputError
from pipeline.release.audit.faults import Fault

_READ = (  # what a reader sees of a row
    *("case_id", "category", "subject_id", "subject", "subject_aliases", "subject_description"),
    *("relation_id", "path", "prompt", "question", "question_rephrases", "target_new", "target_new_id"),
    *("target_new_aliases", "ground_truth", "ground_truth_id", "answers", "rephrases", "locality", "portability"),
    *("prefixes", "length_forms", "change_class", "event_time", "event_time_precision"),
)
_WITHIN = (  # and of the structures in it
    *("relation_id", "object_id", "kind", "prompt", "question", "ground_truth", "subject_id", "path"),
    *("attribute", "pole", "text", "rephrase", "locality_prompt", "locality_ground_truth"),
)
_DIGITS = 16  # of a hash: enough to distinguish two versions of one row

VERDICTS = "verdicts.json"
"""The file of a release with the verdicts that its rates rest on."""


class VerdictRow(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The verdict on a row, as it stands in a file."""

    case_id: str
    words: str  # the hash of the row's words
    faults: list[str] | None  # none if it is fine; null if it was not judged
    note: str = ""
    reader: str = ""  # if not that of the file


class VerdictFile(msgspec.Struct, forbid_unknown_fields=True):
    """A file of verdicts."""

    release: str
    verdicts: list[VerdictRow]
    reader: str = ""  # a name, or what kind of reader it is


@dataclass(frozen=True)
class Verdict:
    """What all readers of a row say of it: a fault that one of them found is a fault."""

    faults: frozenset[str]
    notes: tuple[str, ...]
    readers: tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """Which verdicts hold for a release.

    Attributes:
        rows: Those on rows that are word for word the same, each with its reader; in the order of `case_id`.
        changed: How many are on rows with other words.
        unknown: How many are on rows that the release does not have.
        disputed: Rows on which readers disagree.
    """

    rows: Sequence[VerdictRow]
    changed: int
    unknown: int
    disputed: int

    @property
    def stale(self) -> int:
        """Verdicts that do not hold."""
        return self.changed + self.unknown

    @property
    def verdicts(self) -> Mapping[str, Verdict]:
        """The verdicts, by `case_id`."""
        return {case_id: _together(rows) for case_id, rows in _by_case(self.rows).items()}


def words_hash(edit: Edit) -> str:
    """A hash of all that a reader sees of a row; of a recent row also the window, which decides what is news."""
    seen: dict[str, object] = {name: _seen(edit[name]) for name in _READ}
    if edit["change_class"] is not None:
        seen["window"] = [_day(edit["window_start"]), _day(edit["window_end"])]
    text = json.dumps(seen, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _seen(value: object) -> object:
    if isinstance(value, Mapping):
        parts = cast(Mapping[str, object], value)
        return {name: _seen(parts[name]) for name in _WITHIN if name in parts}
    return [_seen(item) for item in cast(list[object], value)] if isinstance(value, list) else value


def _day(moment: datetime | None) -> str | None:
    return f"{moment:%Y-%m-%d}" if moment else None


def read_verdicts(path: Path, faults: Sequence[Fault]) -> VerdictFile:
    """A file of verdicts.

    Args:
        path: The file.
        faults: Every kind of fault.

    Raises:
        InputError: It cannot be read, is of another shape, or names an unknown kind of fault.
    """
    try:
        file = msgspec.json.decode(path.read_bytes().removeprefix(b"\xef\xbb\xbf"), type=VerdictFile)
    except OSError as error:
        raise InputError(f"The verdicts cannot be read: {error.strerror}", str(path), "Check the path.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"These are not verdicts: {error}",
            str(path),
            "`editmill audit DIR --blank FILE` writes a file of the right shape.",
        ) from error
    known = {fault.kind for fault in faults}
    if unknown := sorted({kind for row in file.verdicts for kind in row.faults or ()} - known):
        listed = ", ".join(fault.kind for fault in faults)
        raise InputError(f"Unknown kinds of fault: {', '.join(unknown)}", str(path), f"Use {listed}.")
    return file


def held_by(edits: Iterable[Edit], files: Iterable[VerdictFile]) -> Held:
    """The verdicts that hold for a release: on a row of it, and on the very words that it has.

    A verdict that stands twice, word for word, counts once.
    """
    by_case = {edit["case_id"]: edit for edit in edits}
    judged = [(file, row) for file in files for row in file.verdicts if row.faults is not None]
    known = [(file, row) for file, row in judged if row.case_id in by_case]
    hashes = {row.case_id: words_hash(by_case[row.case_id]) for _, row in known}
    same = [_named(row, file) for file, row in known if row.words == hashes[row.case_id]]
    rows = {msgspec.json.encode(row): row for row in sorted(same, key=msgspec.json.encode)}
    disputed = sum(len({frozenset(row.faults or ()) for row in own}) > 1 for own in _by_case(rows.values()).values())
    return Held([*rows.values()], len(known) - len(same), len(judged) - len(known), disputed)


def what_became(held: Held, release: str) -> str:
    """What became of the verdicts in the files, in a sentence for a user."""
    lost = [
        f"{count:,} on {what}"
        for count, what in ((held.changed, "rows with other words"), (held.unknown, "rows that it does not have"))
        if count
    ]
    disputed = [f"Rows on which readers disagree: {held.disputed:,}; a fault that one of them found counts."]
    start = f"Verdicts: {len(held.rows):,} on rows of {release}, word for word"
    return " ".join([f"{'; '.join([start, *lost])}.", *(disputed if held.disputed else [])])


def require_any(held: Held, release: str) -> None:
    """Refuse verdicts of which none holds.

    Raises:
        InputError: None of them is on a row of the release as it is.
    """
    if not held.rows:
        raise InputError(
            f"{what_became(held, release)}", remedy="Give verdicts of this release, or of one that shares rows with it."
        )


def _named(row: VerdictRow, file: VerdictFile) -> VerdictRow:
    """A verdict with its reader, its faults in a fixed order."""
    faults = sorted({*(row.faults or ())})
    return msgspec.structs.replace(
        row, reader=" ".join((row.reader or file.reader).split()) or "unnamed", faults=faults
    )


def _by_case(rows: Iterable[VerdictRow]) -> Mapping[str, list[VerdictRow]]:
    found: dict[str, list[VerdictRow]] = {}
    for row in rows:
        found.setdefault(row.case_id, []).append(row)
    return found


def _together(rows: Sequence[VerdictRow]) -> Verdict:
    return Verdict(
        faults=frozenset(kind for row in rows for kind in row.faults or ()),
        notes=tuple(row.note for row in rows if row.note),
        readers=tuple(sorted({row.reader for row in rows})),
    )


def to_json(file: VerdictFile) -> str:
    """A file of verdicts as it is written: a line for each verdict, so that it can be filled in by hand."""
    rows = ",\n".join(f"  {msgspec.json.encode(row).decode()}" for row in file.verdicts)
    head = {"release": file.release, "reader": file.reader}
    start = ",\n".join(f" {json.dumps(name)}: {json.dumps(text, ensure_ascii=False)}" for name, text in head.items())
    return f'{{\n{start},\n "verdicts": [\n{rows}\n ]\n}}\n'
