"""Probes: for every edit, what it must leave alone (locality) and what must follow from it (portability).

Every answer is read off the newer state: all true objects, the preferred label first, then aliases. A probe about
another subject is taken from the edit's own split, so that nothing of another split is seen.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from pipeline.core.edit_record import Edit, LocalityKind, PortabilityKind, Probe, Step
from pipeline.core.seeded import rotated, shuffled
from pipeline.core.settings import ProbesSettings
from pipeline.language.prompts import Ask, ask, ask_edit, ask_through, ask_triple, mentions
from pipeline.language.relations import Relation
from pipeline.language.subgraph import Item, Subgraph, Triple
from pipeline.language.templates import Rule


@dataclass(frozen=True)
class _Edited:
    """An edit with the items it is about."""

    edit: Edit
    subgraph: Subgraph
    seed: int
    in_split: Callable[[int], bool]

    @property
    def subject(self) -> Item:
        return self.subgraph.items[_number(self.edit["subject_id"])]

    @property
    def holder(self) -> Item:
        """The item that holds the edited relation: the subject, or the entity between two hops."""
        step = self.edit["path"][0]
        return self.subject if self.edit["hops"] == 1 else self.subgraph.items[_number(step["object_id"])]

    @property
    def relation(self) -> Relation:
        return self.subgraph.templates.relations[self.edit["relation_id"]]

    @property
    def first_relation(self) -> Relation:
        return self.subgraph.templates.relations[self.edit["path"][0]["relation_id"]]

    @property
    def target(self) -> Item | None:
        name = self.edit["target_new_id"]
        return self.subgraph.items.get(_number(name)) if name else None

    @property
    def target_answer(self) -> list[str]:
        return [self.edit["target_new"], *self.edit["target_new_aliases"]]

    def draw(self, triples: Sequence[Triple], purpose: str) -> Iterator[Triple]:
        """Triples from a drawn place on."""
        return rotated(triples, self.seed, purpose, self.edit["case_id"])


def _number(name: str) -> int:
    return int(name[1:])


def add_probes(
    edit: Edit, subgraph: Subgraph, settings: ProbesSettings, seed: int, in_split: Callable[[int], bool]
) -> Edit:
    """An edit with its locality and portability.

    Args:
        edit: The edit, with its split.
        subgraph: What is true around it.
        settings: How many probes of each kind.
        seed: The seed of the run.
        in_split: Whether an item belongs to the edit's split.
    """
    edited = _Edited(edit, subgraph, seed, in_split)
    locality = [
        *_first(_relation_specificity(edited), settings.relation_specificity),
        *_first(_forgetfulness(edited), settings.forgetfulness),
        *_first(_neighborhood(edited), settings.neighborhood),
    ]
    portability = [
        *_first(_subject_aliasing(edited), settings.subject_aliasing),
        *_first(_reasoning_after(edited), settings.reasoning - settings.reasoning // 2),
        *_first(_reasoning_before(edited), settings.reasoning // 2),
        *_first(_logical_generalization(edited), settings.logical_generalization),
    ]
    return cast(Edit, {**edit, "locality": locality, "portability": portability})


def _first(probes: Iterator[Probe], count: int) -> Iterator[Probe]:
    """The first probes with different prompts."""
    seen: set[str] = set()
    for probe in probes:
        if len(seen) == count:
            return
        if probe["prompt"] not in seen:
            seen.add(probe["prompt"])
            yield probe


def _probe(
    kind: LocalityKind | PortabilityKind, asked: Ask, answers: list[list[str]], subject: Item, path: Sequence[Step]
) -> Probe:
    return {
        "kind": kind,
        "prompt": asked.prompt,
        "question": asked.question,
        "ground_truth": answers,
        "subject_id": f"Q{subject.id}",
        "relation_id": asked.relation.id,
        "path": list(path),
    }


def _gives_away(asked: Ask, answers: list[list[str]]) -> bool:
    return any(mentions(asked.prompt, names[0]) for names in answers)


def _step(triple: Triple) -> Step:
    return {"relation_id": triple.relation, "object_id": triple.object_key}


def _asked_objects(
    kind: LocalityKind | PortabilityKind, subgraph: Subgraph, triple: Triple, subject: Item
) -> Probe | None:
    """A probe for all true objects of a triple's subject and relation; None if it cannot be asked fairly."""
    asked = ask_triple(subgraph, triple, subject)
    answers = subgraph.answers(subgraph.objects(subject.id, triple.relation))
    if asked is None or not answers or _gives_away(asked, answers):
        return None
    return _probe(kind, asked, answers, subject, [_step(triple)])


def _relation_specificity(edited: _Edited) -> Iterator[Probe]:
    """Other relations of the subject, except those that the edit may change."""
    touched = edited.first_relation.touches | edited.relation.touches
    relations = edited.subgraph.templates.relations
    candidates = [
        triples[0]
        for relation, triples in edited.subgraph.relations_of(edited.subject.id).items()
        if relation not in touched and edited.relation.id not in relations[relation].touches and triples[0].is_eligible
    ]
    for triple in edited.draw(candidates, "specificity"):
        probe = _asked_objects("Relation_Specificity", edited.subgraph, triple, edited.subject)
        if probe:
            yield probe


def _forgetfulness(edited: _Edited) -> Iterator[Probe]:
    """Other objects of a relation that takes many: they stay true when one is added or changed."""
    edit, subgraph = edited.edit, edited.subgraph
    if edited.relation.cardinality == "one" or edit["hops"] == 2:
        return
    left = {edit["target_new"], edit["ground_truth"]}
    triples = subgraph.objects(edited.subject.id, edit["relation_id"])
    answers = [names for names in subgraph.answers(triples) if names and names[0] not in left]
    told_apart = any(triple.is_homonym for triple in triples)
    name = subgraph.name(edited.subject, told_apart=told_apart)
    asked = ask(subgraph, edited.subject, edit["relation_id"], count=2, subject=name)
    if asked is None or not answers:
        return
    template = subgraph.templates.phrases.besides
    known = subgraph.name(edited.target).text if edited.target else edit["target_new"]
    known = edited.relation.known.replace("{known}", known)
    prompt = asked.fill(template.replace("{noun}", asked.noun.text).replace("{known}", known))
    if not any(mentions(prompt, names[0]) for names in answers):
        steps = [
            _step(triple)
            for triple in triples
            if subgraph.texts(triple.object_key, triple.object_id)[:1] == answers[0][:1]
        ]
        probe = _probe("Forgetfulness", asked, answers, edited.subject, steps[:1])
        yield {**probe, "prompt": prompt, "question": ""}


def _neighborhood(edited: _Edited) -> Iterator[Probe]:
    """The same relation of other subjects, those with the same true object first; their object is not the target.

    Subjects whose object changes with the edit, such as the siblings of somebody who is given another father, are none.
    """
    edit, subgraph = edited.edit, edited.subgraph
    truth, relation = edit["ground_truth_id"], edit["relation_id"]
    shares_truth = truth and edit["edit_kind"] == "modification"  # else the true object is the target
    sharing = subgraph.leading_to(_number(truth), relation) if truth and shares_truth else ()
    touched = {edit["subject_id"], edit["target_new_id"], edit["ground_truth_id"], edit["path"][0]["object_id"]}
    own_names = {name.casefold() for name in edited.subject.names}
    entailed = {probe["subject_id"] for probe in _logical_generalization(edited) if probe["relation_id"] == relation}
    for triples in (sharing, subgraph.beside(relation)):
        for triple in edited.draw(triples, "neighborhood"):
            subject = subgraph.items.get(triple.subject_id)
            usable = triple.is_eligible and triple.object_count == 1 and triple.object_key != edit["target_new_id"]
            if not subject or not usable or f"Q{subject.id}" in touched | entailed or not edited.in_split(subject.id):
                continue
            if subject.label.casefold() not in own_names:
                probe = _asked_objects("Neighborhood", subgraph, triple, subject)
                if probe and edit["target_new"] not in probe["ground_truth"][0]:
                    yield probe


def _subject_aliasing(edited: _Edited) -> Iterator[Probe]:
    """The edit's prompt with other names of the subject."""
    edit, subgraph = edited.edit, edited.subgraph
    for alias in shuffled(edited.subject.aliases, edited.seed, "aliasing", edit["case_id"]):
        asked = ask_edit(edit, subgraph, alias) if _stands_for(alias, edited.subject, subgraph) else None
        if asked and asked.prompt != edit["prompt"] and not mentions(asked.prompt, edit["target_new"]):
            yield _probe("Subject_Aliasing", asked, [edited.target_answer], edited.subject, edit["path"])


def _stands_for(alias: str, subject: Item, subgraph: Subgraph) -> bool:
    """Whether an alias can stand for a subject in a sentence: no code, nobody else's name, no title without article."""
    is_code = alias.isupper() and len(re.sub("[ .-]", "", alias)) <= _MAX_CODE_CHARACTERS
    is_short_form = not _PLACES.isdisjoint(subject.types) and bool(_ABBREVIATED.search(alias))
    is_title = "person" in subject.types and (
        (" of " in alias and " of " not in subject.label)  # "Duke of Windsor"
        or bool(_TITLE_FIRST.match(alias))
    )
    is_part = alias[0].islower() and subject.label[0].isupper() and not alias.startswith("the ")  # "of Arabia Lawrence"
    fits = 2 < len(alias) <= _MAX_ALIAS_CHARACTERS and alias.casefold() != subject.label.casefold()
    return fits and not (is_code or is_short_form or is_title or is_part) and not subgraph.is_shared(alias)


_MAX_ALIAS_CHARACTERS = 60
_MAX_CODE_CHARACTERS = 4  # "ITA" and "G. B." name countries in tables, not in sentences
_TITLE_FIRST = re.compile(
    r"(King|Queen|Emperor|Empress|Prince|Princess|Rey|Roi) (of|de) \S+ \w"
)  # "King of Spain Carlos II"
_PLACES = frozenset({"country", "territory", "settlement"})
_ABBREVIATED = re.compile(r"\b(?!(?:St|Ste|Mt|Ft)\.)[A-Z][a-z]+\.")  # "Ark.", "Fed. Sts. of Micronesia"


def _reasoning_after(edited: _Edited) -> Iterator[Probe]:
    """One hop on from the target: asked of the object that the edit gives, without naming it."""
    edit, subgraph = edited.edit, edited.subgraph
    target = edited.target
    if target is None or edit["hops"] == 2 or subgraph.count(edited.subject.id, edit["relation_id"]) > 1:
        return
    inner = ask_edit(edit, subgraph)
    truth = edit["ground_truth_id"]
    eligible = [triples[0] for triples in subgraph.relations_of(target.id).values() if triples[0].is_eligible]
    for triple in edited.draw(eligible, "after"):
        if inner is None or triple.relation in edited.relation.touches or triple.object_id == edited.subject.id:
            continue
        answers = subgraph.answers(subgraph.objects(target.id, triple.relation))
        before = (
            subgraph.answers(subgraph.objects(_number(truth), triple.relation))
            if truth != edit["target_new_id"] and truth
            else []
        )
        asked = ask_through(
            subgraph, inner, target, triple.relation, count=triple.object_count, object_key=triple.object_key
        )
        if asked and answers and answers != before and not _gives_away(asked, answers):
            steps = [{"relation_id": edit["relation_id"], "object_id": edit["target_new_id"] or ""}, _step(triple)]
            yield _probe("Reasoning", asked, answers, edited.subject, cast(list[Step], steps))


def _reasoning_before(edited: _Edited) -> Iterator[Probe]:
    """One hop before the subject: asked of an item that leads to the subject and to nothing else."""
    edit, subgraph = edited.edit, edited.subgraph
    if edit["hops"] == 2:
        return
    count = subgraph.count(edited.subject.id, edit["relation_id"])
    for triple in edited.draw(subgraph.leading_only_to(edited.subject.id), "before"):
        item = subgraph.items.get(triple.subject_id)
        if (
            item is None
            or triple.relation == edit["relation_id"]
            or f"Q{item.id}" == edit["target_new_id"]
            or not edited.in_split(item.id)
        ):
            continue
        inner = ask_triple(subgraph, triple, item)
        if inner is None or edited.relation.partner == triple.relation:
            continue
        key = edit["path"][-1]["object_id"]
        asked = ask_through(subgraph, inner, edited.subject, edit["relation_id"], count=count, object_key=key)
        if asked and not mentions(asked.prompt, edit["target_new"]):
            steps = [
                _step(triple),
                {"relation_id": edit["relation_id"], "object_id": edit["target_new_id"] or edit["target_new"]},
            ]
            yield _probe("Reasoning", asked, [edited.target_answer], item, cast(list[Step], steps))


def _logical_generalization(edited: _Edited) -> Iterator[Probe]:
    """What the edit entails for other triples: the inverse or symmetric one, then the rules of `rules.yaml`."""
    target = edited.target
    if target is None:
        return
    yield from _inverse(edited, target)
    if edited.edit["hops"] == 1:
        for rule in edited.subgraph.templates.rules:
            if rule.edit == edited.relation.id:
                yield from _entailed(edited, target, rule)


def _inverse(edited: _Edited, target: Item) -> Iterator[Probe]:
    partner = edited.relation.partner
    if partner is None:
        return
    subgraph, holder = edited.subgraph, edited.holder
    others = [triple for triple in subgraph.objects(target.id, partner) if triple.object_id != holder.id]
    is_one = subgraph.templates.relations[partner].cardinality == "one"
    asked = ask(subgraph, target, partner, count=1 if is_one else len(others) + 1)
    if asked and not _gives_away(asked, [holder.names]):
        steps: list[Step] = [{"relation_id": partner, "object_id": f"Q{holder.id}"}]
        yield _probe("Logical_Generalization", asked, [holder.names], target, steps)


def _entailed(edited: _Edited, target: Item, rule: Rule) -> Iterator[Probe]:
    """What one rule adds: the given triple is looked up, and the triple that must then hold is asked for."""
    subgraph = edited.subgraph
    known = {"subject": edited.subject, "target": target}
    start, given, end = rule.given
    if start == "other":
        found = [t.subject_id for t in subgraph.leading_to(known[end].id, given) if t.is_eligible]
    else:
        found = [t.object_id for t in subgraph.objects(known[start].id, given) if t.object_id and t.is_eligible]
    asked_part, relation, answer_part = rule.then
    if answer_part == "other" and len(set(found)) > 1:
        return  # a country on two continents does not say on which of them its capital lies
    for other in (subgraph.items[item] for item in dict.fromkeys(found) if item in subgraph.items):
        parts = {**known, "other": other}
        item, answer = parts[asked_part], parts[answer_part]
        true_already = any(t.object_id == answer.id for t in subgraph.objects(item.id, relation))
        if item.id == answer.id or true_already or (asked_part == "other" and not edited.in_split(item.id)):
            continue
        asked = ask(subgraph, item, relation)
        if asked and not _gives_away(asked, [answer.names]):
            steps: list[Step] = [{"relation_id": relation, "object_id": f"Q{answer.id}"}]
            yield _probe("Logical_Generalization", asked, [answer.names], item, steps)
