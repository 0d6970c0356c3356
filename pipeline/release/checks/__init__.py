"""Checks: what must be true of a release before it is put in place, and of one that somebody looks at later.

A check reads the release alone: its rows, its evidence, its exports and its manifest. It yields one text for each row
that is wrong. To add one, write a function in the module for what it looks at, add its line to CHECKS, and plant a bad
row that it must catch. The first line of its docstring is what the card says about it.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.core.edit_record import COLUMNS
from pipeline.core.manifest import CheckRecord
from pipeline.release.checks import agreement, audit, balance, exported, files, sets, texts, truth, variants, wording
from pipeline.release.checks.contents import Contents, Failures

__all__ = ["CHECKS", "Check", "CheckResult", "Contents", "run_checks", "written"]


@dataclass(frozen=True)
class Check:
    """A check and whether a release must pass it."""

    run: Callable[[Contents], Failures]
    required: bool = True

    @property
    def about(self) -> str:
        """What must hold, in one line."""
        return (inspect.getdoc(self.run) or "").partition("\n")[0]


CHECKS: Mapping[str, Check] = {
    check.run.__name__: check
    for check in (
        Check(files.files_intact),
        Check(agreement.manifest_intact),
        Check(texts.subject_in_prompt),
        Check(texts.target_not_in_prompt),
        Check(texts.texts_sound),
        Check(texts.answers_unique),
        Check(texts.names_fit),
        Check(texts.no_unresolved_ids),
        Check(texts.rephrases_differ),
        Check(wording.number_fits),
        Check(wording.tense_fits, required=False),
        Check(wording.objects_fit),
        Check(wording.bridges_asked),
        Check(truth.answers_true),
        Check(truth.counterfactuals_false),
        Check(truth.recent_is_news),
        Check(truth.locality_true),
        Check(truth.locality_untouched),
        Check(wording.probes_current),
        Check(truth.portability_follows),
        Check(sets.no_duplicates),
        Check(sets.splits_disjoint),
        Check(sets.no_contradictions),
        Check(sets.probes_uncontradicted),
        Check(sets.groups_independent),
        Check(variants.variants_opposite),
        Check(variants.lengths_kept),
        Check(variants.side_facts_true),
        Check(variants.contexts_fit),
        Check(variants.training_prefixes_fit),
        Check(balance.popular_not_long_tail),
        Check(balance.quotas_and_caps_kept),
        Check(balance.neighbours_spared),
        Check(balance.weights_add_up),
        Check(balance.pairs_matched),
        Check(agreement.splits_drawn),
        Check(agreement.evidence_agrees),
        Check(agreement.manifest_agrees),
        Check(agreement.exports_agree),
        Check(exported.exports_uncontradicted),
        Check(exported.exports_sound),
        Check(files.training_groups_filled, required=False),
        Check(files.rows_sorted),
        Check(files.counts_add_up),
        Check(audit.audit_agrees),
    )
}
"""Every check under its name, in the order in which they run: what makes the others moot comes first."""

_EXAMPLES = 3


@dataclass(frozen=True)
class CheckResult:
    """The outcome of a check, with the first rows that fail it."""

    name: str
    about: str
    required: bool
    looked_at: int
    failures: int
    examples: Sequence[str]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return self.failures == 0

    def record(self) -> CheckRecord:
        """The outcome as the manifest keeps it."""
        return CheckRecord(name=self.name, required=self.required, looked_at=self.looked_at, failures=self.failures)


def run_checks(contents: Contents) -> list[CheckResult]:
    """Run all checks on a release.

    A row with a null where none may be fails `texts_sound`; the other checks could not read it and go without it.
    """
    unsound, complete = list(texts.texts_sound(contents)), contents
    if unsound:
        complete = replace(contents, edits=[edit for edit in contents.edits if not texts.has_gaps(edit, COLUMNS)])
    results: list[CheckResult] = []
    for name, check in CHECKS.items():
        failures = unsound if check.run is texts.texts_sound else list(check.run(complete))
        results.append(
            CheckResult(name, check.about, check.required, len(contents.edits), len(failures), failures[:_EXAMPLES])
        )
    return results


def written(results: Sequence[CheckResult]) -> str:
    """The outcome of checks for a reader: a line each, failures first, with the first rows that fail."""
    lines: list[str] = []
    for result in sorted(results, key=lambda result: result.passed + (result.passed or not result.required)):
        mark = "ok" if result.passed else "FAILED" if result.required else "warning"
        count = "" if result.passed else f" ({result.failures})"
        lines.append(f"{mark:8}{result.name}{count}: {result.about}")
        lines += [f"        {example}" for example in result.examples]
    return "\n".join(lines)
