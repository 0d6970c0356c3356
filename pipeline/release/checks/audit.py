"""Checks of what the card says that readers found."""

from pipeline.release.audit.faults import load_faults
from pipeline.release.audit.rates import summarize
from pipeline.release.audit.verdicts import held_by, what_became
from pipeline.release.checks.contents import Contents, Failures


def audit_agrees(contents: Contents) -> Failures:
    """The rates of the audit are those of its verdicts, each on a row with the very words that were read."""
    held = held_by(contents.edits, contents.verdicts)
    if held.stale:
        yield what_became(held, contents.manifest.release)
    told = contents.manifest.audit
    stale = told.stale if told else 0  # which are left out of the release
    if told != (summarize(contents.edits, held.verdicts, load_faults(), stale) if held.rows else None):
        yield "the rates in the manifest are not those of the verdicts"
