"""Checks of the files of a release: order of rows, counts and checksums."""

from collections import defaultdict

from pipeline.release.checks.contents import Contents, Failures


def training_groups_filled(contents: Contents) -> Failures:
    """DAFNet's three groups of training files have records: it divides by their sizes."""
    groups = {
        "counterfact": ["cf_train"],
        "robust": ["robust"],
        "zsre": ["zsre_train", "recent", "popular", "long_tail"],
    }
    for group, names in groups.items():
        if not any(contents.exports.get(f"dafset/{name}.json") for name in names):
            yield f"the group {group} is empty"


def rows_sorted(contents: Contents) -> Failures:
    """The rows of each category and split stand in the order of their `case_id`."""
    last: dict[tuple[str, str], str] = {}
    for edit in contents.edits:
        key = edit["category"], edit["split"]
        if last.get(key, "") > edit["case_id"]:
            yield f"{edit['case_id']}: stands after {last[key]}"
        last[key] = edit["case_id"]


def counts_add_up(contents: Contents) -> Failures:
    """What came into a stage was kept or dropped with a reason, and the rows are as many as the manifest says."""
    for count in contents.manifest.counts:
        if count.taken_in != count.kept + sum(count.dropped.values()):
            place = f"{count.stage} of {count.category}" if count.category else count.stage
            yield f"{place}: {count.taken_in} came in, {count.kept} were kept, {sum(count.dropped.values())} dropped"
    rows: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for edit in contents.edits:
        rows[edit["category"]][edit["split"]] += 1
    for category, splits in contents.manifest.rows.items():
        for split, count in splits.items():
            if rows[category][split] != count:
                yield f"{category} has {rows[category][split]} rows in {split}, not {count}"


def files_intact(contents: Contents) -> Failures:
    """Every file is as the manifest says, and there is no other."""
    yield from contents.damaged
