"""What a check reads: the rows, evidence, exports and manifest of a release."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.core.edit_record import Edit
from pipeline.core.manifest import Manifest
from pipeline.language.relations import Relation
from pipeline.release.audit.verdicts import VerdictFile
from pipeline.release.evidence import Evidence, Starts

Failures = Iterator[str]
"""One text for each fault: where it is and what is wrong."""


@dataclass(frozen=True)
class Contents:
    """What a release holds, as checks read it."""

    edits: Sequence[Edit]
    evidence: Evidence
    statements: Set[str]  # that the evidence names
    exports: Mapping[str, Sequence[Mapping[str, object]]]
    manifest: Manifest
    relations: Mapping[str, Relation]
    card: str = ""
    verdicts: Sequence[VerdictFile] = ()  # of readers, as they stand in the release
    damaged: Sequence[str] = ()  # files that are missing, unknown, or not as the manifest says
    starts: Starts = field(default_factory=dict)  # since when the evidence holds

    @cached_property
    def by_case(self) -> Mapping[str, Edit]:
        """Edits by their `case_id`."""
        return {edit["case_id"]: edit for edit in self.edits}

    @cached_property
    def base(self) -> Sequence[Edit]:
        """Edits that are not variants."""
        return [edit for edit in self.edits if edit["category"] != "robust"]

    @cached_property
    def robust(self) -> Sequence[Edit]:
        """Edits that vary others."""
        return [edit for edit in self.edits if edit["category"] == "robust"]
