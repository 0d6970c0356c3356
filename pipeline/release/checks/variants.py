"""Checks of robust edits: opposite poles, short and long forms, true side facts, prefixes that fit any prompt."""

from collections import defaultdict
from itertools import chain

from pipeline.core.edit_record import Edit, Prefix, StatedFact
from pipeline.edits.consistency import Slot, asked_slots, fact_of, scope_of
from pipeline.language.answers import description_in_text
from pipeline.language.leaks import mentions_any
from pipeline.release.checks.contents import Contents, Failures
from pipeline.release.checks.sets import decided_slots

_OPPOSITES = {("length", "short", "long"), ("context", "relevant", "irrelevant"), ("sentiment", "positive", "negative")}


def variants_opposite(contents: Contents) -> Failures:
    """A robust edit varies an edit of its split, by both poles of every attribute, naming no answer."""
    most = contents.manifest.settings.robust.max_prefix_words
    for edit in contents.robust:
        base = contents.by_case.get(edit["base_case_id"] or "")
        if base is None or base["split"] != edit["split"] or base["target_new"] != edit["target_new"]:
            yield f"{edit['case_id']}: its base edit is not in its split"
        poles = {(p["attribute"], p["pole"]) for p in edit["prefixes"]}
        if poles != {(attribute, pole) for attribute, *pair in _OPPOSITES for pole in pair}:
            yield f"{edit['case_id']}: its prefixes are not in opposite pairs"
        taboo = [edit["target_new"], edit["ground_truth"], *edit["target_new_aliases"], *chain(*edit["answers"])]
        for prefix in edit["prefixes"]:
            if len(prefix["text"].split()) > most or not prefix["text"].endswith("."):
                yield f"{edit['case_id']}: a loader would cut {prefix['text']!r}"
            if mentions_any(prefix["text"], taboo):
                yield f"{edit['case_id']}: {prefix['text']!r} names an answer"
        if [form["pole"] for form in edit["length_forms"]] != ["short", "long"]:
            yield f"{edit['case_id']}: its length forms are not a short and a long one"


def lengths_kept(contents: Contents) -> Failures:
    """Short forms are short and long forms are long, the name of the subject counted as one word."""
    robust = contents.manifest.settings.robust
    for edit in contents.robust:
        words = {form["pole"]: _word_count(form["rephrase"], edit) for form in edit["length_forms"]}
        if words.get("long", 0) < robust.long_words:
            yield f"{edit['case_id']}: its long form has {words.get('long', 0)} words"
        if edit["hops"] == 1 and words.get("short", 0) > robust.short_words:
            yield f"{edit['case_id']}: its short form has {words['short']} words"


def _word_count(text: str, edit: Edit) -> int:
    """Words of a form, with its subject, the article and a description in brackets counted as one."""
    description = description_in_text(edit["subject_description"])
    for name in (f"{edit['subject']} ({description})", f"the {edit['subject']}", f"The {edit['subject']}"):
        text = text.replace(name, edit["subject"])
    return len(text.split()) - len(edit["subject"].split()) + 1


def side_facts_true(contents: Contents) -> Failures:
    """Facts stated beside a prompt are true, no edit used with it changes them, and none of its probes asks them."""
    changed: defaultdict[tuple[str, Slot], set[str]] = defaultdict(set)
    for edit in contents.edits:
        for slot in decided_slots(edit, contents) if edit["edit_kind"] == "modification" else ():
            changed[scope_of(edit["split"]), slot].add(fact_of(edit))
    for edit in contents.robust:
        asked = asked_slots(edit)
        for fact in chain(*(sentence["facts"] for sentence in (*edit["prefixes"], *edit["length_forms"]))):
            slot = (fact["subject_id"], fact["relation_id"])
            if fact["object_id"] not in contents.evidence.get(slot, {}):
                yield f"{edit['case_id']}: it states {_written(fact)}, which is not true"
            if cases := changed.get((scope_of(edit["split"]), slot)):
                yield f"{edit['case_id']}: it states {_written(fact)}, which {min(cases)} changes"
            if slot in asked:
                yield f"{edit['case_id']}: it states {_written(fact)}, which a probe asks"


def contexts_fit(contents: Contents) -> Failures:
    """A relevant context says something of the subject, an irrelevant one states facts about other items."""
    for edit in contents.robust:
        for prefix in edit["prefixes"]:
            if prefix["attribute"] == "context" and not _is_context(prefix, edit):
                yield f"{edit['case_id']}: {prefix['text']!r} is not a {prefix['pole']} context"


def _written(fact: StatedFact) -> str:
    return f"{fact['subject_id']} {fact['relation_id']} {fact['object_id']}"


def _is_context(prefix: Prefix, edit: Edit) -> bool:
    """Whether a relevant context speaks of the subject, an irrelevant one of other items."""
    subjects = {fact["subject_id"] for fact in prefix["facts"]}
    if prefix["pole"] == "relevant":
        description = description_in_text(edit["subject_description"])
        gives_description = not subjects and description is not None and description in prefix["text"]
        return edit["subject"] in prefix["text"] and (subjects == {edit["subject_id"]} or gives_description)
    items = {fact["object_id"] for fact in prefix["facts"]} | subjects
    return bool(subjects) and items.isdisjoint({edit["subject_id"], edit["target_new_id"], edit["ground_truth_id"]})


def training_prefixes_fit(contents: Contents) -> Failures:
    """A prefix of DAFSet's file names neither the subject nor an answer: loaders put it before any prompt."""
    for place, record in enumerate(contents.exports.get("dafset/robust.json", ())):
        names = [str(record[key]) for key in ("subject", "target_new", "locality_ground_truth")]
        prefixes = record["prefix"]
        for prefix in prefixes if isinstance(prefixes, list) else ():
            if mentions_any(str(prefix), names):
                yield f"dafset/robust.json, record {place}: {prefix!r} names one of {names}"
