"""Portability probes: what must follow from an edit."""

import re
from collections.abc import Iterator
from dataclasses import replace

from pipeline.core import times
from pipeline.core.edit_record import Edit, Probe, Step
from pipeline.core.seeded import shuffled
from pipeline.edits.edits import edited_fact
from pipeline.edits.probe_context import (
    EditContext,
    item_number,
    leaks_answer,
    make_probe,
    probe_record,
    target_step,
    triple_step,
)
from pipeline.language.answers import answers
from pipeline.language.leaks import contains_name
from pipeline.language.prompts import Fact, Hop, usable_aliases, word_fact, word_reverse
from pipeline.language.subgraph import Item, Subgraph, Triple
from pipeline.language.template_parts import Rule

_YEAR_OF_DATE = re.compile(r"(?:\d{1,2} )?[A-Z][a-z]+ (\d{1,4})")


def subject_aliasing(context: EditContext) -> Iterator[Probe]:
    """The edit's prompt with other names of the subject."""
    edit, subgraph = context.edit, context.subgraph
    fact = edited_fact(edit, subgraph)
    aliases = usable_aliases(context.subject, subgraph)
    label = _without_article(context.subject.label)
    aliases = [one for one in aliases if _without_article(one) != label and not _says_the_answer(one, edit, subgraph)]
    for alias in shuffled(aliases, context.seed, "aliasing", edit["case_id"]):
        sentences = word_fact(fact, subgraph, alias=alias)
        if sentences and sentences.prompt != edit["prompt"] and not contains_name(sentences.prompt, edit["target_new"]):
            yield make_probe("Subject_Aliasing", sentences, [context.target_answer], context.subject, edit["path"])


def _without_article(name: str) -> str:
    """A name as another one that adds an article to it: "The Ivory Coast" is no other name."""
    return name.casefold().removeprefix("the ")


def _says_the_answer(alias: str, edit: Edit, subgraph: Subgraph) -> bool:
    """Whether a name of the subject holds a name of the true object: "London, UK" says in which country it is."""
    truth = subgraph.items.get(item_number(edit["ground_truth_id"])) if edit["ground_truth_id"] else None
    names = (truth.label, *truth.aliases, *truth.codes, *truth.other_names) if truth else (edit["ground_truth"],)
    return any(contains_name(alias, name) for name in names if name)


def reasoning_after(context: EditContext) -> Iterator[Probe]:
    """One hop after the edit: a relation of the target, which the prompt does not name."""
    edit, subgraph, target = context.edit, context.subgraph, context.target
    if target is None or edit["hops"] == 2 or subgraph.object_count(context.subject.id, edit["relation_id"]) > 1:
        return
    eligible = [
        triples[0]
        for triples in subgraph.triples_by_relation(target.id).values()
        if triples[0].is_eligible and context.may_rest_on(triples)
    ]
    for triple in context.draw(eligible, "after"):
        after = answers(subgraph.triples_of(target.id, triple.relation), subgraph)
        is_same = not after or after == _answers_before(context, triple.relation)
        if is_same or triple.object_id == context.subject.id or not _leads_on(context, triple):
            continue
        hop = Hop(edit["relation_id"], target.id)
        fact = Fact(context.subject.id, triple.relation, triple.object_key, triple.object_count, hop)
        sentences = word_fact(fact, subgraph)
        if sentences and not leaks_answer(sentences.prompt, after):
            steps = [target_step(edit), triple_step(triple)]
            yield make_probe("Reasoning", sentences, after, context.subject, steps)


def _leads_on(context: EditContext, triple: Triple) -> bool:
    """Whether an edit of the first relation may go on to a triple of its target: of two currencies, one may be old."""
    templates, path = context.subgraph.templates, (context.relation.id, triple.relation)
    is_settled = triple.object_count == 1 or not templates.is_of_today(*path)
    return is_settled and templates.may_be_edited(*path, "first")


def _answers_before(context: EditContext, relation: str) -> list[list[str]]:
    """The answers that a relation of the true object gives, which the edit replaces; empty for an insertion."""
    truth = context.edit["ground_truth_id"]
    if not truth or truth == context.edit["target_new_id"]:
        return []
    return answers(context.subgraph.triples_of(item_number(truth), relation), context.subgraph)


def reasoning_before(context: EditContext) -> Iterator[Probe]:
    """One hop before the edit: asked of an item that has the subject as its only object."""
    edit, subgraph = context.edit, context.subgraph
    if edit["hops"] == 2:
        return
    for triple in context.draw(subgraph.triples_with_only_object(context.subject.id), "before"):
        item = subgraph.items.get(triple.subject_id)
        leads_back = triple.relation in (edit["relation_id"], context.relation.partner)
        ends = (edit["target_new_id"], edit["ground_truth_id"])  # no "capital of the country in which Paris is located"
        if item is None or leads_back or f"Q{item.id}" in ends or not context.is_in_split(item.id):
            continue
        may_be_edited = subgraph.templates.may_be_edited(triple.relation, edit["relation_id"], "last")
        if not may_be_edited or not context.may_rest_on([triple]):
            continue
        hop = Hop(triple.relation, context.subject.id)
        sentences = word_fact(replace(edited_fact(edit, subgraph), subject_id=item.id, first_hop=hop), subgraph)
        if sentences and not contains_name(sentences.prompt, edit["target_new"]):
            steps = [triple_step(triple), target_step(edit)]
            yield make_probe("Reasoning", sentences, [context.target_answer], item, steps)


def logical_generalization(context: EditContext) -> Iterator[Probe]:
    """What the edit entails for other triples: the inverse or symmetric one, then the rules of `rules.yaml`.

    Over two hops it entails first of all what its last step states.
    """
    if context.edit["hops"] == 2:
        yield from _last_step(context)
    target = context.target
    if target is None:
        yield from _year(context)
        return
    yield from _inverse(context, target)
    yield from _reverse(context, target)
    if context.edit["hops"] == 1:
        for rule in context.subgraph.templates.rules:
            if rule.edit == context.relation.id:
                yield from _rule_conclusions(context, target, rule)


def _last_step(context: EditContext) -> Iterator[Probe]:
    """The last of two hops by itself, asked of the entity in between."""
    edit, subgraph, middle = context.edit, context.subgraph, context.last_subject
    if subgraph.templates.moves(edit["path"][0]["relation_id"], edit["relation_id"]):
        return
    sentences = word_fact(replace(edited_fact(edit, subgraph), subject_id=middle.id, first_hop=None), subgraph)
    if sentences and not contains_name(sentences.prompt, edit["target_new"]):
        yield make_probe("Logical_Generalization", sentences, [context.target_answer], middle, [target_step(edit)])


def _year(context: EditContext) -> Iterator[Probe]:
    """The year of a date that the edit states to the day or to the month."""
    edit, subgraph = context.edit, context.subgraph
    found = _YEAR_OF_DATE.fullmatch(edit["target_new"])
    if found is None or edit["hops"] == 2 or context.relation.value != "date":
        return
    year = found.group(1)
    if edit["edit_kind"] == "modification" and edit["ground_truth"].split()[-1:] == [year]:
        return  # true before the edit
    key = f"+{year:0>4}-00-00T00:00:00Z/{times.YEAR}"
    sentences = word_fact(Fact(context.subject.id, edit["relation_id"], key), subgraph)
    if sentences and not contains_name(sentences.prompt, year):
        yield make_probe("Logical_Generalization", sentences, [[year]], context.subject, [target_step(edit)])


def _inverse(context: EditContext, target: Item) -> Iterator[Probe]:
    """The edited relation the other way round: the target's partner relation gives the subject."""
    partner = context.relation.partner
    if partner is None:
        return
    subgraph, answer = context.subgraph, context.last_subject
    others = [triple for triple in subgraph.triples_of(target.id, partner) if triple.object_id != answer.id]
    fact = Fact(target.id, partner, object_count=len(others) + 1)
    yield from _entailed(fact, answer, subgraph)


def _reverse(context: EditContext, target: Item) -> Iterator[Probe]:
    """The edit itself asked from its target: a film that the new director directed."""
    subject = context.last_subject
    words = word_reverse(context.relation, target, context.subgraph)
    if words is None or leaks_answer(words[0], [subject.names]):
        return
    steps = [target_step(context.edit)]
    yield probe_record("Logical_Generalization", *words, context.relation, [subject.names], subject, steps)


def _rule_conclusions(context: EditContext, target: Item, rule: Rule) -> Iterator[Probe]:
    """What one rule entails: look up the given triple, and ask for the triple that must then be true."""
    subgraph = context.subgraph
    known = {"subject": context.subject, "target": target}
    start, given, end = rule.given
    if start == "other":
        found = [t.subject_id for t in subgraph.triples_with_object(known[end].id, given) if t.is_eligible]
    else:
        found = [t.object_id for t in subgraph.triples_of(known[start].id, given) if t.object_id and t.is_eligible]
    subject_part, relation, answer_part = rule.then
    if answer_part == "other" and len(set(found)) > 1:
        return  # a country on two continents does not say on which of them its capital lies
    for other in (subgraph.items[item] for item in dict.fromkeys(found) if item in subgraph.items):
        parts = {**known, "other": other}
        item, answer = parts[subject_part], parts[answer_part]
        is_true_already = any(t.object_id == answer.id for t in subgraph.triples_of(item.id, relation))
        is_out_of_split = subject_part == "other" and not context.is_in_split(item.id)
        if item.id != answer.id and not is_true_already and not is_out_of_split:
            yield from _entailed(Fact(item.id, relation), answer, subgraph)


def _entailed(fact: Fact, answer: Item, subgraph: Subgraph) -> Iterator[Probe]:
    """The probe for a fact that the edit entails, unless it has no wording or leaks its answer.

    The subject carries no description: the newer state lacks the fact, so screening compared no namesakes.
    """
    sentences = word_fact(fact, subgraph, disambiguate=False)
    if sentences and not leaks_answer(sentences.prompt, [answer.names]):
        steps: list[Step] = [{"relation_id": fact.relation, "object_id": f"Q{answer.id}"}]
        subject = subgraph.items[fact.subject_id]
        yield make_probe("Logical_Generalization", sentences, [answer.names], subject, steps)
