"""The manifest: a release's machine record, from which its card, its figures and its checks take every number."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.core.errors import InputError
from pipeline.core.settings import Settings

MANIFEST = "manifest.json"
CARD = "README.md"


Role = Literal["new", "old", "pageviews", "exclude", "verdicts"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputRecord(_Record):
    """A file that the release was built from, by content and never by place."""

    role: Role
    file: str
    bytes: int
    sha256: str


class DumpRecord(_Record):
    """What was read of the newer dump."""

    lines: int
    items: int
    statements: int
    unreadable: int
    repeated: int = 0  # lines that do not count: others say something newer of the same entities
    trailing: int = 0  # bytes behind the packed content, which were left out
    samples: tuple[str, ...]  # where the first unreadable lines are, and why


class StateRecord(_Record):
    """The date of a dump and what it rests on."""

    date: datetime | None
    is_given: bool  # by the user; else it is an estimate
    last_edit: datetime | None
    items: int  # with an edit time
    beyond: int  # items that were last edited long after the date
    repeated: int  # lines that do not count: others say something newer of the same entities
    early: int = 0  # of the older dump: items that changed, yet were last edited long before its date


class VisitRecord(_Record):
    """What a visit to a living wiki brought."""

    wiki: str  # as it calls itself
    start: datetime
    end: datetime
    gaps: tuple[tuple[datetime, datetime], ...]  # parts of the window that the wiki no longer remembered
    counts: Mapping[str, int]


class AuditRecord(_Record):
    """How far scores in half precision are from float32; differences are in nats a sum."""

    dtype: str
    pairs: int  # scored again
    of_pairs: int
    mean_difference: float | None = None  # of the absolute values; None if no pair has a finite score twice
    max_difference: float | None = None
    spearman: float | None = None  # None if either side is constant


class ModelRecord(_Record):
    """The language model behind the likelihood; the settings of the release say how it was asked to run."""

    name: str
    revision: str  # the Hub commit, or a hash of the folder's files
    dtype: str
    tokenizer: str  # a hash of it
    devices: tuple[str, ...] = ()  # that it ran on: cpu, cuda
    sharing: tuple[str, ...] = ()  # of sentences, as it was used: a model may not support what the settings ask for
    audit: AuditRecord | None = None  # half precision only


class ThresholdRecord(_Record):
    """What counts as long tail by one measure, for likelihood in one stratum, and the share of heads it selects."""

    measure: str
    carrier_class: str | None
    min_bytes: int | None
    max_bytes: int | None
    heads: int
    threshold: float | None
    share: float | None


class LikelihoodAucRecord(_Record):
    """How well likelihood separates popular heads from long-tail ones in one class of sentence."""

    heads: str  # all, or held_out: those that the bundled model was told nothing about
    carrier_class: str
    measured: int
    popular: int
    long_tail: int
    auc: float | None
    auc_in_strata: float | None
    rho_degree: float | None
    rho_degree_in_strata: float | None


class CountRecord(_Record):
    """What came into a stage, what left it, and why the rest did not."""

    stage: str
    category: str | None
    taken_in: int
    kept: int
    dropped: Mapping[str, int]


class ExportRecord(_Record):
    """The records of an exported file, and the edits left out of it."""

    records: int
    left_out: Mapping[str, int]


class CheckRecord(_Record):
    """The outcome of a check."""

    name: str
    required: bool
    looked_at: int
    failures: int


class FaultRate(_Record):
    """How many rows that were read have a fault, and the share of all rows that this stands for."""

    rows: int
    share: float
    low: float  # where its 95 % interval begins
    high: float


class AuditedCategory(_Record):
    """What readers found in a category."""

    category: str
    rows: int
    read: int  # of them
    covered: float  # the share of rows whose relation was read at all
    any: FaultRate
    hard: FaultRate  # faults for which a reader would throw the row out
    kinds: Mapping[str, FaultRate]  # those that were found


class AuditSummary(_Record):
    """What readers found in a release: verdicts on rows that are word for word the same."""

    readers: Mapping[str, int]  # the rows that each has read
    stale: int  # verdicts that do not count: their rows have other words by now, or are gone
    categories: tuple[AuditedCategory, ...]


class FileRecord(_Record):
    """A file of the release."""

    bytes: int
    sha256: str


class CodeRecord(_Record):
    """Which code and templates made the release."""

    version: str
    code: str
    templates: str
    schema_version: int


class Manifest(_Record):
    """Everything about a release that is not in its rows."""

    release: str
    made_by: CodeRecord
    source: str
    inputs: tuple[InputRecord, ...]
    dump: DumpRecord
    window_start: datetime | None
    window_end: datetime | None
    seed: int
    settings: Settings
    model: ModelRecord | None
    thresholds: tuple[ThresholdRecord, ...]
    likelihood_auc: tuple[LikelihoodAucRecord, ...]
    pageviews: Mapping[str, int]
    odd_view_lines: Mapping[str, int] = {}  # of page view files, passed over because of their form
    changes: Mapping[str, int]
    aliases: Mapping[str, int] = {}  # of the items named: answers, and the others by reason
    counts: tuple[CountRecord, ...]
    listed_drops: Mapping[str, int] = {}  # by stage, the rows in `dropped/`: all that `counts` counts, or a part
    rows: Mapping[str, Mapping[str, int]]
    relations: Mapping[str, Mapping[str, int]]
    domains: Mapping[str, Mapping[str, int]]
    recent: Mapping[str, Mapping[str, int]] = {}  # recent edits by class and kind
    exports: Mapping[str, ExportRecord]
    states: Mapping[Literal["older", "newer"], StateRecord] = {}
    hops: Mapping[str, Mapping[str, int]] = {}
    targets: Mapping[str, Mapping[str, int]] = {}  # the most frequent ones
    empty: tuple[str, ...] = ()  # configurations, splits and exported files without rows, which are not written
    visit: VisitRecord | None = None
    audit: AuditSummary | None = None
    checks: tuple[CheckRecord, ...] = ()
    files: Mapping[str, FileRecord] = {}
    digest: str = ""  # of everything above, by `digest_of`; empty until the release is complete

    @property
    def listed_in_part(self) -> Mapping[str, int]:
        """The stages that rejected more rows than the release lists, with how many they rejected."""
        rejected: Counter[str] = Counter()
        for count in self.counts:
            rejected[count.stage] += sum(count.dropped.values())
        return {stage: rejected[stage] for stage, listed in self.listed_drops.items() if listed < rejected[stage]}

    def to_json(self) -> str:
        """The manifest as it is written: sorted keys, one value a line."""
        left_out = {name for name in ("visit", "audit") if getattr(self, name) is None}
        return (
            json.dumps(self.model_dump(mode="json", exclude=left_out), sort_keys=True, indent=1, ensure_ascii=False)
            + "\n"
        )


def digest_of(manifest: Manifest) -> str:
    """The SHA-256 of everything that a manifest says, in hexadecimal digits.

    Two values are left out: the digest itself, and the record of the card, since the card contains the digest.
    """
    files = {path: record for path, record in manifest.files.items() if path != CARD}
    said = manifest.model_copy(update={"digest": "", "files": files})
    return hashlib.sha256(said.to_json().encode()).hexdigest()


def sealed(manifest: Manifest) -> Manifest:
    """The manifest with its digest: change anything in it but the record of the card, and the digest is another one."""
    return manifest.model_copy(update={"digest": digest_of(manifest)})


def empty_parts(rows: Mapping[str, Mapping[str, int]], exports: Mapping[str, ExportRecord]) -> tuple[str, ...]:
    """The configurations, splits and exported files without rows, as they would be called in the release, sorted.

    >>> empty_parts({"recent": {"train": 3, "test": 0}, "popular": {"train": 0, "test": 0}}, {})
    ('data/popular', 'data/recent/test')
    >>> empty_parts({}, {"zsre/zsre_mend_eval.json": ExportRecord(records=0, left_out={"answer_kept": 5})})
    ('exports/zsre/zsre_mend_eval.json',)
    """
    found: list[str] = []
    for category, splits in rows.items():
        missing = [f"data/{category}/{split}" for split, count in splits.items() if not count]
        found += missing if any(splits.values()) else [f"data/{category}"]
    found += [f"exports/{path}" for path, record in exports.items() if not record.records]
    return tuple(sorted(found))


class Numbers(BaseModel):
    """What releases are compared by; it can be read of releases that earlier versions of editmill made."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    release: str
    window_end: datetime | None
    rows: Mapping[str, Mapping[str, int]]
    relations: Mapping[str, Mapping[str, int]]
    changes: Mapping[str, int]
    counts: tuple[CountRecord, ...]
    checks: tuple[CheckRecord, ...]


def read_numbers(path: Path) -> Numbers:
    """The numbers of a manifest.

    Args:
        path: The file.

    Raises:
        InputError: There is no such file, or it holds no manifest.
    """
    try:
        return Numbers.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError("This is not a release: it has no manifest", str(path), "Check the path.") from error
    except ValidationError as error:
        raise InputError("The manifest cannot be read", str(path), "It was changed by hand.") from error


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a release.

    Raises:
        InputError: The folder holds no release, or one made by other code.
    """
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError("This is not a release: it has no manifest", str(folder), "Check the path.") from error
    except ValidationError as error:
        raise InputError(
            f"The manifest cannot be read: {error.errors()[0]['msg']}",
            str(path),
            "The release was made by another version of editmill, or changed by hand.",
        ) from error
