"""Checks of rows against each other: duplicates, splits, contradictions."""

from collections import defaultdict

from pipeline.core.edit_record import Edit
from pipeline.edits.consistency import Slot, fact_of, probe_slots, scope_of, slots_on
from pipeline.edits.edit_parts import probes_of
from pipeline.release.checks.contents import Contents, Failures


def no_duplicates(contents: Contents) -> Failures:
    """No `case_id` stands twice; no two edits that are not variants share a prompt."""
    seen: set[str] = set()
    for edit in contents.edits:
        if edit["case_id"] in seen:
            yield f"{edit['case_id']}: stands twice"
        seen.add(edit["case_id"])
    prompts: set[str] = set()
    for edit in contents.base:
        if edit["prompt"] in prompts:
            yield f"{edit['case_id']}: the prompt {edit['prompt']!r} stands twice"
        prompts.add(edit["prompt"])


def splits_disjoint(contents: Contents) -> Failures:
    """No subject, no entity between hops, no prompt and no rephrase stands in two splits."""
    places: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for edit in contents.edits:
        items = [edit["subject_id"], *(step["object_id"] for step in edit["path"][:-1])]
        texts = [edit["prompt"], edit["question"], *edit["rephrases"]]
        for key in [*(("item", item) for item in items), *(("text", text) for text in texts)]:
            places[key].add(edit["split"])
    for (kind, what), splits in sorted(places.items()):
        if len(splits) > 1:
            yield f"the {kind} {what!r} stands in {sorted(splits)}"


def no_contradictions(contents: Contents) -> Failures:
    """Within a split, one subject and relation have one target."""
    targets: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for edit in contents.edits:
        path = "/".join(step["relation_id"] for step in edit["path"])
        targets[edit["split"], edit["subject_id"], path].add(edit["target_new"])
    for (split, subject, path), found in sorted(targets.items()):
        if len(found) > 1:
            yield f"{subject} {path} has several targets in {split}: {sorted(found)}"


def probes_uncontradicted(contents: Contents) -> Failures:
    """No probe asks on its way what another edit that is used with it decides or states."""
    deciding: defaultdict[tuple[str, Slot], set[str]] = defaultdict(set)
    for edit in contents.edits:
        for slot in decided_slots(edit, contents):
            deciding[scope_of(edit["split"]), slot].add(fact_of(edit))
    for edit in contents.edits:
        for probe in probes_of(edit):
            for slot in probe_slots(probe):
                if others := deciding[scope_of(edit["split"]), slot] - {fact_of(edit)}:
                    yield f"{edit['case_id']}: {probe['prompt']!r} is decided by {min(others)}"


def groups_independent(contents: Contents) -> Failures:
    """No two edits of one group that are used together decide the same fact."""
    deciding: dict[tuple[str, int, Slot], str] = {}
    for edit in contents.edits:
        base = contents.by_case.get(edit["base_case_id"] or "", edit)
        if base["independent_group"] != edit["independent_group"]:
            yield f"{edit['case_id']}: its group is not that of the edit it varies"
        for slot in sorted(decided_slots(edit, contents)):
            first = deciding.setdefault((scope_of(edit["split"]), edit["independent_group"], slot), fact_of(edit))
            if first != fact_of(edit):
                yield f"{edit['case_id']}: {first} of the same group decides the {slot[1]} of {slot[0]} too"


def decided_slots(edit: Edit, contents: Contents) -> set[Slot]:
    """The slots of an edit's path, and those of the inverse relation on its old and its new object."""
    partner = contents.relations[edit["relation_id"]].partner
    objects = (edit["target_new_id"], edit["ground_truth_id"])
    inverse = {(item, partner) for item in objects if item and partner}
    return {*slots_on(edit["subject_id"], edit["path"]), *inverse}
