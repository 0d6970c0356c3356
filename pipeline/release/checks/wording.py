"""Checks of how rows are worded: number, tense, objects that fit, and the paths of two relations that are asked."""

import re
from collections.abc import Iterable
from functools import cache

from pipeline.core import times
from pipeline.core.edit_record import Edit, Probe, Step
from pipeline.edits.consistency import probe_slots
from pipeline.edits.edit_parts import probes_of
from pipeline.language.lifespans import lifespan
from pipeline.language.prompts import fitting_tenses
from pipeline.language.relations import PERSON, Forms
from pipeline.language.templates import Templates, load_templates
from pipeline.release.checks.contents import Contents, Failures


@cache
def _templates() -> Templates:
    return load_templates()


def number_fits(contents: Contents) -> Failures:
    """A prompt reads as its template does, which asks for one of several objects where several have names."""
    for edit in contents.edits:
        forms, number = _worded_by(edit, contents)
        takes_many = contents.relations[edit["relation_id"]].cardinality == "many"
        if takes_many and number == "one" and len(edit["answers"]) > 1:
            yield f"{edit['case_id']}: {edit['prompt']!r} has {len(edit['answers'])} answers"
        if not fitting_tenses(edit["prompt"], forms):
            yield f"{edit['case_id']}: {edit['prompt']!r} is not what {edit['template_id']} says"


def tense_fits(contents: Contents) -> Failures:
    """Nobody whose description says that they have died is spoken of as if they lived."""
    if contents.manifest.window_end is None:
        return
    screening, this_year = contents.manifest.settings.screening, contents.manifest.window_end.year
    words = _templates().dating.descriptions
    oldest, life = screening.assume_dead_after_years, screening.years_of_a_life
    for edit in contents.edits:
        description = edit["subject_description"]
        if edit["hops"] == 2 or edit["domain"] != PERSON or not description:
            continue
        if lifespan(description, words, this_year, oldest=oldest, life=life).has_died:
            forms, _ = _worded_by(edit, contents)
            if "past" not in fitting_tenses(edit["prompt"], forms):
                yield f"{edit['case_id']}: {edit['prompt']!r}, and the subject is a {description!r}"


def probes_current(contents: Contents) -> Failures:
    """No probe asks in the present for an office, a marriage or a currency that did not start lately."""
    if contents.manifest.window_end is None:
        return
    screening, today = contents.manifest.settings.screening, contents.manifest.window_end.date().toordinal()
    for edit in contents.edits:
        for probe in probes_of(edit):
            years = screening.current_years.get(probe["relation_id"])
            if years is None or not _is_in_present(probe, contents):
                continue
            slot, held = probe_slots(probe)[-1], probe["path"][-1]["object_id"]
            since = contents.starts.get((*slot, held))
            span = times.span(since, times.YEAR)
            lasts = span is not None and (today - span[1] <= years * 365 or slot[1] in screening.current_if_preferred)
            if held in contents.evidence.get(slot, {}) and not lasts:
                when = since or "nobody knows when"
                yield f"{edit['case_id']}: {probe['prompt']!r} is answered by {held}, since {when}"


def _is_in_present(probe: Probe, contents: Contents) -> bool:
    """Whether a prompt speaks of what is, and not of what was or may have been."""
    wordings = contents.relations[probe["relation_id"]].wordings
    forms = (form for wording in wordings for form in wording.all_forms)
    tenses = {tense for form in forms for tense in fitting_tenses(probe["prompt"], form)}
    return "present" in tenses and "past" not in tenses


def objects_fit(contents: Contents) -> Failures:
    """No target and no true object has a label that reads badly after its prompt, such as "Catholic"."""
    for edit in contents.edits:
        unfit = contents.relations[edit["relation_id"]].unfit_objects
        for name in (edit["target_new"], edit["ground_truth"]) if unfit else ():
            if name and re.fullmatch(unfit or "", name):
                yield f"{edit['case_id']}: {name!r} after {edit['prompt']!r}"


def bridges_asked(contents: Contents) -> Failures:
    """Every path of two relations, in edits and in probes, is one of `templates/bridges.yaml`."""
    edited = {(first, second) for first, _, second in _templates().hops}
    asked = _templates().asked_paths
    for edit in contents.edits:
        paths = [(_relations(edit["path"]), edited), *((_relations(probe["path"]), asked) for probe in probes_of(edit))]
        for path, known in paths:
            if len(path) == 2 and path not in known:
                yield f"{edit['case_id']}: nobody asks for {path[1]} after {path[0]}"


def _relations(path: Iterable[Step]) -> tuple[str, ...]:
    return tuple(step["relation_id"] for step in path)


def _worded_by(edit: Edit, contents: Contents) -> tuple[Forms, str]:
    """The forms behind a prompt, and their grammatical number; over two hops those of the second."""
    relation, place, number = edit["template_id"].rpartition("+")[2].split("/")
    wording = contents.relations[relation].wordings[int(place)]
    return (wording.several or wording) if number == "several" else wording, number
