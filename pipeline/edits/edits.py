"""FACTS to EDITS: prompt, question, target and ground truth of each fact, in words."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from pipeline.core import times
from pipeline.core.edit_record import COLUMNS, Edit, Step
from pipeline.core.schema import MODIFYING_CLASSES
from pipeline.core.settings import LimitsSettings
from pipeline.edits.dropped import Drop, path_name
from pipeline.language.answers import answers, codes_of, object_names, shown_description
from pipeline.language.leaks import contains_name
from pipeline.language.prompts import Fact, FactSentences, Hop, word_fact
from pipeline.language.subgraph import Item, Subgraph
from pipeline.select.categories import CATEGORIES

FactRow = Mapping[str, Any]  # a row of schema.FACTS

_MIN_REPHRASES = 2  # decision 15
_COPIED = tuple(field.name for field in COLUMNS if field.column.source == "FACTS")


@dataclass(frozen=True)
class Origin:
    """Where a release comes from, and the last edits of both states, if the states record when items were edited."""

    source: str
    window_start: datetime | None
    window_end: datetime | None


@dataclass(frozen=True)
class _Object:
    """An object in words."""

    key: str
    id: int | None
    names: list[str]

    @property
    def q_id(self) -> str | None:
        return f"Q{self.id}" if self.id is not None else None


def make_edits(
    facts: Iterable[FactRow], subgraph: Subgraph, origin: Origin, limits: LimitsSettings
) -> tuple[list[Edit], list[Drop]]:
    """Put facts into words.

    Args:
        facts: Rows of FACTS.
        subgraph: What they and their surroundings are called.
        origin: Source and window, for the record.
        limits: How long prompt and target may be together.

    Returns:
        Edits without split, probes and prefixes, and the facts that could not be worded.
    """
    edits: list[Edit] = []
    drops: list[Drop] = []
    for row in facts:
        made = _edit(row, subgraph, origin, limits)
        if isinstance(made, str):
            drops.append(_drop(row, made))
        else:
            edits.append(made)
    return edits, drops


def _drop(row: FactRow, reason: str) -> Drop:
    return Drop(
        row["category"],
        f"Q{row['subject_id']}",
        path_name(row["middle_relation"], row["relation"]),
        row["object_key"],
        row["statement_id"],
        "edits",
        reason,
    )


def _fact(row: FactRow) -> Fact:
    """A row of FACTS as a fact to be worded."""
    hop = Hop(row["middle_relation"], row["middle_id"]) if row["middle_id"] is not None else None
    return Fact(row["subject_id"], row["relation"], row["object_key"], row["object_count"], hop)


def edited_fact(edit: Edit, subgraph: Subgraph) -> Fact:
    """What an edit changes, as a fact to be worded."""
    subject, first, last = int(edit["subject_id"][1:]), edit["path"][0], edit["path"][-1]
    hop = Hop(first["relation_id"], int(first["object_id"][1:])) if edit["hops"] == 2 else None
    count = subgraph.object_count(hop.middle_id if hop else subject, edit["relation_id"])
    is_change = edit["edit_kind"] == "modification" and edit["change_class"] == "replaced"
    return Fact(subject, edit["relation_id"], last["object_id"], count, hop, is_change)


def _edit(row: FactRow, subgraph: Subgraph, origin: Origin, limits: LimitsSettings) -> Edit | str:
    """The edit of a fact, or the reason why there is none."""
    subject = subgraph.items.get(row["subject_id"])
    target, truth = _target_and_truth(row, subgraph)
    is_change = row["change_class"] == "replaced" and target.key != truth.key
    sentences = word_fact(replace(_fact(row), is_change=is_change), subgraph)
    if row["target_key"] is None and CATEGORIES[row["category"]].is_counterfactual:
        return "no_target"
    if subject is None or sentences is None or not target.names or not truth.names:
        return "no_wording"
    name = target.names[0]
    rephrases = [text for text in sentences.rephrases if not contains_name(text, name) and subject.label in text]
    questions = [text for text in sentences.question_rephrases if not contains_name(text, name)]
    if reason := _drop_reason(sentences, subject, name, rephrases, limits):
        return reason
    edit = {
        **{name: row[name] for name in _COPIED},
        **_identity(row, target, truth),
        **_triple(row, subject, sentences),
        "prompt": sentences.prompt,
        "question": sentences.question,
        "question_rephrases": questions,
        **_objects(row, subgraph, target, truth),
        "rephrases": rephrases,
        "locality": [],
        "portability": [],
        "prefixes": [],
        "length_forms": [],
        "statement_count": subject.statement_count,
        "sitelinks": subject.sitelinks,
        **_provenance(row, origin),
        "template_id": sentences.template_id,
        "template_version": sentences.template_version,
        "label_language": subject.label_language,
    }
    return cast(Edit, edit)


def _drop_reason(
    sentences: FactSentences, subject: Item, target: str, rephrases: list[str], limits: LimitsSettings
) -> str | None:
    """What is wrong with the sentences of an edit; None if nothing is."""
    if sentences.prompt.count(subject.label) != 1 or sentences.question.count(subject.label) != 1:
        return "subject_not_once"
    if contains_name(sentences.prompt, target) or contains_name(sentences.question, target):
        return "target_in_prompt"
    if len(f"{sentences.prompt} {target}".encode()) > limits.prompt_and_target_bytes:
        return "too_long"
    return "few_rephrases" if len(rephrases) < _MIN_REPHRASES else None


def _target_and_truth(row: FactRow, subgraph: Subgraph) -> tuple[_Object, _Object]:
    """What the model is to say, and what was or is true instead."""

    def named(key: str, item: int | None) -> _Object:
        return _Object(key, item, object_names(key, item, subgraph))

    true_object = named(row["object_key"], row["object_id"])
    if row["target_key"] is not None:
        return named(row["target_key"], row["target_id"]), true_object
    if row["change_class"] in MODIFYING_CLASSES and row["old_value"] and _gave_way(row, subgraph):
        old = str(row["old_value"])
        earlier = named(
            old.lstrip("+") if "/" not in old else old, int(old[1:]) if re.fullmatch(r"Q\d+", old) else None
        )
        if earlier.names and earlier.names[0] != true_object.names[0]:
            return true_object, earlier
    return true_object, true_object


def _gave_way(row: FactRow, subgraph: Subgraph) -> bool:
    """Whether sentences can ask so that the earlier value is no answer any more."""
    relation, subject = subgraph.templates.relations[row["relation"]], subgraph.items.get(row["subject_id"])
    is_there = subject is None or subject.tense == "present"
    return not relation.past_counts or row["change_class"] == "correction" or (bool(relation.current) and is_there)


def _identity(row: FactRow, target: _Object, truth: _Object) -> dict[str, Any]:
    path = path_name(row["middle_relation"], row["relation"])
    key = "|".join((row["category"], str(row["subject_id"]), path, target.key))
    return {
        "case_id": f"{row['category']}-{hashlib.sha256(key.encode()).hexdigest()[:16]}",
        "edit_kind": "insertion" if target.key == truth.key else "modification",
        "split": "",
        "base_case_id": None,
        "pair_id": None,
        "independent_group": 0,
        "sampling_weight": 1.0,
    }


def _triple(row: FactRow, subject: Item, sentences: FactSentences) -> dict[str, Any]:
    steps = [Step(relation_id=row["relation"], object_id=row["object_key"])]
    if row["middle_id"] is not None:
        steps.insert(0, Step(relation_id=row["middle_relation"], object_id=f"Q{row['middle_id']}"))
    return {
        "subject_id": f"Q{subject.id}",
        "subject": subject.label,
        "subject_aliases": list(subject.aliases),
        "subject_description": shown_description(subject.description),
        "subject_types": [f"Q{number}" for number in subject.type_ids],
        "domain": sentences.domain,
        "relation_id": row["relation"],
        "relation": sentences.relation.name,
        "hops": len(steps),
        "path": steps,
    }


def _objects(row: FactRow, subgraph: Subgraph, target: _Object, truth: _Object) -> dict[str, Any]:
    last_subject = row["middle_id"] or row["subject_id"]
    true_answers = answers(subgraph.triples_of(last_subject, row["relation"]), subgraph)
    return {
        "target_new": target.names[0],
        "target_new_id": target.q_id,
        "target_new_aliases": target.names[1:],
        "target_new_codes": codes_of(target.id, subgraph),
        "ground_truth": truth.names[0],
        "ground_truth_id": truth.q_id,
        "answers": sorted(true_answers, key=lambda names: names != target.names),  # the target first, where it is true
    }


def _provenance(row: FactRow, origin: Origin) -> dict[str, Any]:
    return {
        "event_time_precision": times.PRECISION_NAMES.get(row["event_precision"]),
        "event_time_calendar": times.CALENDAR_NAMES.get(row["event_calendar_id"]),
        "source": origin.source,
        "window_start": origin.window_start,
        "window_end": origin.window_end,
    }
