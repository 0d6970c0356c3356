"""Checks of the mix of a release: quotas and caps, weights, pairs, and categories that must not overlap."""

from collections import Counter, defaultdict

from pipeline.core.edit_record import Edit
from pipeline.edits.draw import limits_of, relation_cap, target_cap, target_of
from pipeline.edits.placement import rows_by_stratum, stratum_of
from pipeline.release.checks.contents import Contents, Failures

_ROUNDING = 1e-9


def popular_not_long_tail(contents: Contents) -> Failures:
    """No subject is popular and long tail, and no long-tail subject is viewed more than the settings allow."""
    most = contents.manifest.settings.long_tail.max_views_percentile
    popular = {edit["subject_id"] for edit in contents.base if edit["category"] == "popular"}
    for edit in contents.base:
        if edit["category"] != "long_tail":
            continue
        if edit["subject_id"] in popular:
            yield f"{edit['case_id']}: {edit['subject']} is popular too"
        elif (edit["page_views_percentile"] or 0) > most:
            yield f"{edit['case_id']}: {edit['subject']} is viewed more than {most:g} % of the viewed items"


def quotas_and_caps_kept(contents: Contents) -> Failures:
    """No category has more rows than its quota, of one subject, relation or target."""
    by_category: defaultdict[str, list[Edit]] = defaultdict(list)
    for edit in contents.base:
        by_category[edit["category"]].append(edit)
    for category, edits in sorted(by_category.items()):
        limits, rows = limits_of(category, contents.manifest.settings), len(edits)
        if rows > limits.size:
            yield f"{category}: {rows} rows, more than {limits.size}"
        for what, counts, most in (
            ("subject", Counter(edit["subject_id"] for edit in edits), limits.per_subject),
            ("relation", Counter(edit["relation_id"] for edit in edits), relation_cap(rows, limits.balance)),
            ("target", Counter(map(target_of, edits)), target_cap(rows, limits.balance)),
        ):
            for name, count in sorted(counts.items()):
                if count > most:
                    yield f"{category}: {count} of {rows} rows have the {what} {name}, more than {most}"


def neighbours_spared(contents: Contents) -> Failures:
    """No neighbour serves more edits of a category than the settings allow, but for edits that have no specificity."""
    most = contents.manifest.settings.probes.neighbour_uses
    serving: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for edit in contents.base:
        kinds = {probe["kind"] for probe in edit["locality"]}
        for probe in edit["locality"] if "Relation_Specificity" in kinds else ():
            if probe["kind"] == "Neighborhood":
                serving[edit["category"], probe["subject_id"], probe["relation_id"]].append(edit["case_id"])
    for (category, subject, relation), cases in sorted(serving.items()):
        if len(cases) > most:
            yield f"{min(cases)}: {len(cases)} {category} edits ask for the {relation} of {subject}, more than {most}"


def weights_add_up(contents: Contents) -> Failures:
    """The weights of all rows that were drawn from the same facts add up to the number of these facts."""
    rows = rows_by_stratum(contents.base)
    for edit in contents.edits:
        base = contents.by_case.get(edit["base_case_id"] or "", edit)
        pool = base["pool_rows"]
        if pool < rows[stratum_of(base)]:
            yield f"{edit['case_id']}: more rows than the {pool} facts that they were drawn from"
        elif abs(edit["sampling_weight"] * rows[stratum_of(base)] - pool) > _ROUNDING * pool:
            yield f"{edit['case_id']}: the weight {edit['sampling_weight']:g} does not lead back to {pool} facts"


def pairs_matched(contents: Contents) -> Failures:
    """Pairs are a popular and a long-tail edit of one split, relation and domain that name each other."""
    for edit in contents.edits:
        if edit["pair_id"] is None:
            continue
        partner = contents.by_case.get(edit["pair_id"])
        if partner is None or partner["pair_id"] != edit["case_id"]:
            yield f"{edit['case_id']}: {edit['pair_id']} is not its partner"
        elif {edit["category"], partner["category"]} != {"popular", "long_tail"}:
            yield f"{edit['case_id']}: its partner is {partner['category']}"
        elif any(edit[name] != partner[name] for name in ("split", "relation_id", "domain", "hops")):
            yield f"{edit['case_id']}: its partner {edit['pair_id']} is of another kind"
