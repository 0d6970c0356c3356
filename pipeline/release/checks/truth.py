"""Checks of each row against the evidence: what the release calls true is true, what it calls false is not."""

from pipeline.core import times
from pipeline.core.edit_record import Edit, Probe
from pipeline.core.schema import MODIFYING_CLASSES, NEWS_CLASSES
from pipeline.edits.edit_parts import holder_of
from pipeline.release.checks.contents import Contents, Failures
from pipeline.release.evidence import Evidence


def answers_true(contents: Contents) -> Failures:
    """The answers of an edit are all objects true of its subject and relation; so is the target of an insertion."""
    for edit in contents.edits:
        holder = holder_of(edit)
        true = contents.evidence.get((holder, edit["relation_id"]), {})
        if {names[0] for names in edit["answers"]} != {name for name in true.values() if name}:
            yield f"{edit['case_id']}: the answers are not the true objects"
        known = edit["target_new_id"] or edit["target_new"]
        if edit["edit_kind"] == "insertion" and known not in true and edit["target_new"] not in true.values():
            yield f"{edit['case_id']}: the inserted {edit['target_new']!r} is not true"


def counterfactuals_false(contents: Contents) -> Failures:
    """The target of a popular edit is true of its subject under no name."""
    for edit in contents.edits:
        if edit["category"] == "popular":
            true_names = {name.casefold() for names in edit["answers"] for name in names}
            names = {name.casefold() for name in (edit["target_new"], *edit["target_new_aliases"])}
            if names & true_names or edit["edit_kind"] != "modification":
                yield f"{edit['case_id']}: {edit['target_new']!r} is true"


def recent_is_news(contents: Contents) -> Failures:
    """A recent edit of a default class has its date inside the window; a modification has another old answer."""
    manifest = contents.manifest
    days = [moment.date().toordinal() if moment else None for moment in (manifest.window_start, manifest.window_end)]
    for edit in contents.edits:
        known = edit["change_class"]
        if edit["category"] == "recent" and known not in manifest.settings.recent.classes:
            yield f"{edit['case_id']}: the settings leave out its class {known}"
        if known in NEWS_CLASSES and not (edit["event_property_id"] and _is_within(edit, *days)):
            yield f"{edit['case_id']}: {edit['event_time']} is not inside the window"
        if edit["category"] == "recent" and edit["edit_kind"] == "modification":
            current = {name for names in edit["answers"] for name in names[:1]}
            if known not in MODIFYING_CLASSES or edit["ground_truth"] in current:
                yield f"{edit['case_id']}: {edit['ground_truth']!r} is not an old answer"


def _is_within(edit: Edit, start: int | None, end: int | None) -> bool:
    """Whether the date of an edit is exact enough and inside a window of days."""
    precision = times.PRECISIONS.get(edit["event_time_precision"] or "")
    span = times.span(edit["event_time"], precision)
    if span is None or start is None or precision is None or precision < times.YEAR:
        return False
    return times.is_within(span, (start, span[1] if end is None else end))


def locality_true(contents: Contents) -> Failures:
    """Every locality answer is true in the newer state; specificity and neighbourhood give all true objects."""
    for edit in contents.edits:
        for probe in edit["locality"]:
            true = contents.evidence.get((probe["subject_id"], probe["relation_id"]), {})
            expected = {name for name in true.values() if name}
            given = {names[0] for names in probe["ground_truth"]}
            if not given <= expected or (probe["kind"] != "Forgetfulness" and given != expected):
                yield f"{edit['case_id']}: {probe['prompt']!r} has the answers {sorted(given)}, not {sorted(expected)}"


def locality_untouched(contents: Contents) -> Failures:
    """No locality probe asks for what the edit changes or may change."""
    for edit in contents.edits:
        steps = [step["relation_id"] for step in edit["path"]]
        touched = frozenset[str]().union(*(contents.relations[name].touches for name in steps))
        for probe in edit["locality"]:
            same = probe["subject_id"] == edit["subject_id"]
            is_other = probe["kind"] == "Forgetfulness"
            if same and probe["relation_id"] in touched and not is_other:
                yield f"{edit['case_id']}: the edit touches {probe['prompt']!r}"
            if any(names[0] == edit["target_new"] for names in probe["ground_truth"]) and (is_other or not same):
                yield f"{edit['case_id']}: {probe['prompt']!r} is answered by the target"


def portability_follows(contents: Contents) -> Failures:
    """Every portability probe rests on the target, or on evidence about it, along its path."""
    for edit in contents.edits:
        for probe in edit["portability"]:
            if not _follows(edit, probe, contents.evidence):
                yield f"{edit['case_id']}: {probe['prompt']!r} does not follow"


def _follows(edit: Edit, probe: Probe, evidence: Evidence) -> bool:
    given = {names[0] for names in probe["ground_truth"]}
    path = probe["path"]
    if probe["kind"] == "Subject_Aliasing" or (
        probe["kind"] == "Reasoning" and path[-1]["relation_id"] == edit["relation_id"]
    ):
        leads = len(path) == 1 or path[0]["object_id"] in evidence.get(
            (probe["subject_id"], path[0]["relation_id"]), {}
        )
        return given == {edit["target_new"]} and (leads or probe["kind"] == "Subject_Aliasing")
    if probe["kind"] == "Reasoning":
        true = evidence.get((path[0]["object_id"], path[1]["relation_id"]), {})
        return path[0]["object_id"] == edit["target_new_id"] and given == {name for name in true.values() if name}
    return len(path) == 1 and path[0]["relation_id"] == probe["relation_id"] and len(given) == 1
