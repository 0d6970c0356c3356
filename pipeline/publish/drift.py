"""Drift: whether a release is like the last ones, by the numbers of their manifests alone.

A release that passes every check can still be wrong as a whole: half of a source missing, a rule that drops what it
should keep, one relation flooding the rest. Its rows, mixes, drop rates and check results then leave the band in which
those of the last releases lie, and a person must look before it is published. The bands are settings, `[drift]`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from pipeline.core.errors import ChecksFailed
from pipeline.core.manifest import Numbers
from pipeline.core.settings import DriftSettings

Counts = Mapping[str, int]
Key = tuple[str, str, str]

_TOLD = 3  # numbers named in an error: what comes after them must be read too


@dataclass(frozen=True)
class Finding:
    """A number of a release beside its band.

    Attributes:
        measure: What is compared: rows, relation mix, class mix, rate or check.
        of: The category, the stage and reason, or the check.
        value: The number. Mixes: the distance from the last releases' mix, from 0 to 1. Rates: shares of rows.
        usual: The median of the last releases.
        low: The least that is allowed.
        high: The most that is allowed.
    """

    measure: str
    of: str
    value: float
    usual: float
    low: float
    high: float

    @property
    def is_outside(self) -> bool:
        """Whether the number leaves its band."""
        return not self.low <= self.value <= self.high

    @property
    def told(self) -> str:
        """The finding in a sentence."""
        return (
            f"{self.measure} of {self.of} is {in_figures(self.value)}, usually {in_figures(self.usual)}, "
            f"allowed {in_figures(self.low)} to {in_figures(self.high)}"
        )


def measure_drift(new: Numbers, past: Sequence[Numbers], bands: DriftSettings) -> list[Finding]:
    """Compare a release with those before it; what is outside its band comes first.

    Args:
        new: The release.
        past: The last releases, in any order; without any there is nothing to compare.
        bands: How far it may be from them.
    """
    if not past:
        return []
    found = [
        *_rows(new, past, bands),
        *_relations(new, past, bands),
        *_mix("class mix", "all changes", new.changes, [one.changes for one in past], bands.class_distance, bands),
        *_drop_rates(new, past, bands),
        *_checks(new, past, bands),
    ]
    return sorted(found, key=lambda finding: not finding.is_outside)


def refuse_drift(release: str, findings: Iterable[Finding]) -> None:
    """Stop a release that is not like the last ones.

    Raises:
        ChecksFailed: A number is outside its band; the first of them are named.
    """
    outside = [finding.told for finding in findings if finding.is_outside]
    if outside:
        more = f"; and {len(outside) - _TOLD} more" if len(outside) > _TOLD else ""
        raise ChecksFailed(
            f"The release has drifted: {'; '.join(outside[:_TOLD])}{more}",
            release,
            "Nothing was published, and the last release stays. Find out why (`editmill drift` lists all); if it is "
            "meant, publish with --accept-drift.",
        )


def written(findings: Sequence[Finding]) -> str:
    """Findings for a reader, a line each; those outside their bands come first."""
    if not findings:
        return "There is no earlier release to compare with."
    return "\n".join(f"{'OUTSIDE' if finding.is_outside else 'ok':8}{finding.told}" for finding in findings)


def distance(one: Counts, other: Counts) -> float:
    """The share of one mix that would have to move to make it the other: their total variation distance.

    >>> distance({"P26": 3, "P69": 1}, {"P26": 6, "P69": 2}), distance({"P26": 1}, {"P69": 5})
    (0.0, 1.0)
    """
    sums = sum(one.values()) or 1, sum(other.values()) or 1
    return sum(abs(one.get(key, 0) / sums[0] - other.get(key, 0) / sums[1]) for key in {*one, *other}) / 2


def in_figures(value: float) -> str:
    """A count or a share as people read it.

    >>> in_figures(12_345), in_figures(0.0571)
    ('12,345', '0.057')
    """
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:,.3f}"


def _rows(new: Numbers, past: Sequence[Numbers], bands: DriftSettings) -> Iterator[Finding]:
    for category in sorted({*new.rows, *(name for one in past for name in one.rows)}):
        value = sum(new.rows.get(category, {}).values())
        usual = median(sum(one.rows.get(category, {}).values()) for one in past)
        low, high = (usual * ratio for ratio in bands.rows_ratio)
        if max(value, usual) < bands.min_rows:  # a handful comes and goes; only its end would be news
            low, high = min(usual, 1), bands.min_rows
        yield Finding("rows", category, value, usual, low, high)


def _relations(new: Numbers, past: Sequence[Numbers], bands: DriftSettings) -> Iterator[Finding]:
    for category in sorted(new.relations):
        before = [one.relations.get(category, {}) for one in past]
        yield from _mix("relation mix", category, new.relations[category], before, bands.relation_distance, bands)


def _mix(
    measure: str, of: str, new: Counts, past: Sequence[Counts], most: float, bands: DriftSettings
) -> Iterator[Finding]:
    pooled = sum((Counter(one) for one in past), Counter[str]())
    if min(sum(new.values()), sum(pooled.values())) >= bands.min_rows:
        usual = median(distance(one, pooled) for one in past)
        yield Finding(measure, of, distance(new, pooled), usual, 0, most)


def _drop_rates(new: Numbers, past: Sequence[Numbers], bands: DriftSettings) -> Iterator[Finding]:
    rates, before = _rates(new, bands), [_rates(one, bands) for one in past]
    stages = {key[:2] for key in rates}
    for key in sorted({*rates, *(key for one in before for key in one if key[:2] in stages)}):
        known = [one.get(key, 0.0) for one in before if any(other[:2] == key[:2] for other in one)]
        if known:
            usual = median(known)
            low, high = max(usual - bands.drop_rate_points, 0), min(usual + bands.drop_rate_points, 1)
            stage, category, reason = key
            of = f"{stage} of {category or 'everything'}: {reason}"
            yield Finding("rate", of, rates.get(key, 0.0), usual, low, high)


def _rates(numbers: Numbers, bands: DriftSettings) -> dict[Key, float]:
    """The share of rows that each stage drops for each reason, and the share that it keeps."""
    return {
        (count.stage, count.category or "", reason): rows / count.taken_in
        for count in numbers.counts
        if count.taken_in >= bands.min_rows
        for reason, rows in [("kept", count.kept), *count.dropped.items()]
    }


def _checks(new: Numbers, past: Sequence[Numbers], bands: DriftSettings) -> Iterator[Finding]:
    before = [{check.name: check.failures / (check.looked_at or 1) for check in one.checks} for one in past]
    for check in new.checks:
        usual = median([one[check.name] for one in before if check.name in one] or [0.0])
        most = 0.0 if check.required else usual + bands.failure_rate_points
        yield Finding("check", check.name, check.failures / (check.looked_at or 1), usual, 0, most)
    for name in sorted({name for one in before for name in one} - {check.name for check in new.checks}):
        yield Finding("check", f"{name}, which was not run", 1, 0, 0, 0)
