"""FACTS to EDITS: prompt, question, target and ground truth of each fact, in words."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, cast

from pipeline.core import times
from pipeline.core.edit_record import COLUMNS, Edit, Step
from pipeline.core.settings import LimitsSettings
from pipeline.language.prompts import Ask, ask, ask_through, mentions
from pipeline.language.subgraph import Item, Subgraph
from pipeline.select.categories import CATEGORIES

Fact = Mapping[str, Any]  # a row of schema.FACTS

_MODIFYING = {"replaced", "correction"}  # change classes in which an earlier value gave way
_MIN_REPHRASES = 2  # decision 15
_COPIED = tuple(field.name for field in COLUMNS if field.column.source == "FACTS")


class Drop(NamedTuple):
    """A row of DROPPED."""

    category: str | None
    subject_id: str
    relation_id: str
    object_id: str | None
    statement_id: str
    stage: str
    reason: str
    detail: str | None = None


@dataclass(frozen=True)
class Origin:
    """Where a release comes from, and the last edits of both states where these tell when their items were edited."""

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
    def item_name(self) -> str | None:
        return f"Q{self.id}" if self.id is not None else None


def make_edits(
    facts: Iterable[Fact], subgraph: Subgraph, origin: Origin, limits: LimitsSettings
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
    for fact in facts:
        made = _edit(fact, subgraph, origin, limits)
        if isinstance(made, str):
            drops.append(_drop(fact, made))
        else:
            edits.append(made)
    return edits, drops


def _drop(fact: Fact, reason: str) -> Drop:
    return Drop(
        fact["category"],
        f"Q{fact['subject_id']}",
        path_name(fact["middle_relation"], fact["relation"]),
        fact["object_key"],
        fact["statement_id"],
        "edits",
        reason,
    )


def path_name(middle_relation: str | None, relation: str) -> str:
    """A relation, or two joined by a slash, as DROPPED and `explain` write it."""
    return f"{middle_relation}/{relation}" if middle_relation else relation


def ask_fact(fact: Fact, subgraph: Subgraph, alias: str | None = None) -> Ask | None:
    """The asking of a fact, over one hop or two, by the subject's label or by an alias; None if no wording serves."""
    subject = subgraph.items[fact["subject_id"]]
    first = fact["middle_relation"] or fact["relation"]
    told_apart = any(triple.is_homonym for triple in subgraph.objects(subject.id, first))
    name = subgraph.name(subject, told_apart=told_apart, alias=alias)
    count, key = fact["object_count"], fact["object_key"]
    if fact["middle_id"] is None:
        return ask(subgraph, subject, first, count=count, object_key=key, subject=name)
    inner = ask(subgraph, subject, first, subject=name)
    middle = subgraph.items.get(fact["middle_id"])
    if inner is None or middle is None:
        return None
    return ask_through(subgraph, inner, middle, fact["relation"], count=count, object_key=key)


def _edit(fact: Fact, subgraph: Subgraph, origin: Origin, limits: LimitsSettings) -> Edit | str:
    """The edit of a fact, or the reason why there is none."""
    subject = subgraph.items.get(fact["subject_id"])
    target, truth = _target_and_truth(fact, subgraph)
    asked = ask_fact(fact, subgraph) if subject else None
    if fact["target_key"] is None and CATEGORIES[fact["category"]].is_counterfactual:
        return "no_target"
    if subject is None or asked is None or not target.names or not truth.names:
        return "no_wording"
    name = target.names[0]
    rephrases = [text for text in asked.rephrases if not mentions(text, name) and subject.label in text]
    questions = [text for text in asked.question_rephrases if not mentions(text, name)]
    if reason := _fault(asked, subject, name, rephrases, limits):
        return reason
    edit = {
        **{name: fact[name] for name in _COPIED},
        **_identity(fact, target, truth),
        **_triple(fact, subject, asked),
        "prompt": asked.prompt,
        "question": asked.question,
        "question_rephrases": questions,
        **_objects(fact, subgraph, target, truth),
        "rephrases": rephrases,
        "locality": [],
        "portability": [],
        "prefixes": [],
        "length_forms": [],
        "statement_count": subject.statement_count,
        "sitelinks": subject.sitelinks,
        **_provenance(fact, origin),
        "template_id": asked.template_id,
        "template_version": asked.template_version,
        "label_language": subject.label_language,
    }
    return cast(Edit, edit)


def _fault(asked: Ask, subject: Item, target: str, rephrases: list[str], limits: LimitsSettings) -> str | None:
    """What is wrong with the sentences of an edit; None if nothing is."""
    if asked.prompt.count(subject.label) != 1 or asked.question.count(subject.label) != 1:
        return "subject_not_once"
    if mentions(asked.prompt, target) or mentions(asked.question, target):
        return "target_in_prompt"
    if len(f"{asked.prompt} {target}".encode()) > limits.prompt_and_target_bytes:
        return "too_long"
    return "few_rephrases" if len(rephrases) < _MIN_REPHRASES else None


def _target_and_truth(fact: Fact, subgraph: Subgraph) -> tuple[_Object, _Object]:
    """What the model shall say, and what was or is true instead."""

    def named(key: str, item: int | None) -> _Object:
        return _Object(key, item, subgraph.texts(key, item))

    true_object = named(fact["object_key"], fact["object_id"])
    if fact["target_key"] is not None:
        return named(fact["target_key"], fact["target_id"]), true_object
    if fact["change_class"] in _MODIFYING and fact["old_value"]:
        old = str(fact["old_value"])
        earlier = named(
            old.lstrip("+") if "/" not in old else old, int(old[1:]) if re.fullmatch(r"Q\d+", old) else None
        )
        if earlier.names and earlier.names[0] != true_object.names[0]:
            return true_object, earlier
    return true_object, true_object


def _identity(fact: Fact, target: _Object, truth: _Object) -> dict[str, Any]:
    path = path_name(fact["middle_relation"], fact["relation"])
    key = "|".join((fact["category"], str(fact["subject_id"]), path, target.key))
    return {
        "case_id": f"{fact['category']}-{hashlib.sha256(key.encode()).hexdigest()[:16]}",
        "edit_kind": "insertion" if target.key == truth.key else "modification",
        "split": "",
        "base_case_id": None,
    }


def _triple(fact: Fact, subject: Item, asked: Ask) -> dict[str, Any]:
    steps = [Step(relation_id=fact["relation"], object_id=fact["object_key"])]
    if fact["middle_id"] is not None:
        steps.insert(0, Step(relation_id=fact["middle_relation"], object_id=f"Q{fact['middle_id']}"))
    return {
        "subject_id": f"Q{subject.id}",
        "subject": subject.label,
        "subject_aliases": list(subject.aliases),
        "subject_description": subject.description,
        "subject_types": [f"Q{number}" for number in subject.type_ids],
        "domain": asked.domain,
        "relation_id": fact["relation"],
        "relation": asked.relation.name,
        "hops": len(steps),
        "path": steps,
    }


def _objects(fact: Fact, subgraph: Subgraph, target: _Object, truth: _Object) -> dict[str, Any]:
    holder = fact["middle_id"] or fact["subject_id"]
    answers = subgraph.answers(subgraph.objects(holder, fact["relation"]))
    answers.sort(key=lambda names: names != target.names)  # the target first, where it is true
    return {
        "target_new": target.names[0],
        "target_new_id": target.item_name,
        "target_new_aliases": target.names[1:],
        "ground_truth": truth.names[0],
        "ground_truth_id": truth.item_name,
        "answers": answers,
    }


def _provenance(fact: Fact, origin: Origin) -> dict[str, Any]:
    return {
        "event_time_precision": times.PRECISION_NAMES.get(fact["event_precision"]),
        "event_time_calendar": times.CALENDAR_NAMES.get(fact["event_calendar_id"]),
        "source": origin.source,
        "window_start": origin.window_start,
        "window_end": origin.window_end,
    }
