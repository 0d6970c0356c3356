"""Locality probes: what an edit must leave as it is."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain

from pipeline.core.edit_record import Edit, LocalityKind, Probe
from pipeline.edits.portability import logical_generalization
from pipeline.edits.probe_context import EditContext, item_number, leaks_answer, make_probe, triple_step
from pipeline.language.answers import answers, item_in_text, object_names
from pipeline.language.prompts import Fact, word_fact, word_triple
from pipeline.language.subgraph import Item, Subgraph, Triple


class Uses(Counter[tuple[str, str, str]]):
    """How often the edits of a category ask a subject and a relation of a neighbour.

    Attributes:
        probes: The probes about neighbours so far, by what they ask: many edits look at the same ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self.probes: dict[tuple[int, str, str], Probe | None] = {}


def use_of(edit: Edit, subject_id: str) -> tuple[str, str, str]:
    """What an edit uses up when it takes a subject as its neighbour."""
    return edit["category"], subject_id, edit["relation_id"]


def _locality_probe(kind: LocalityKind, subgraph: Subgraph, triple: Triple, subject: Item) -> Probe | None:
    """A probe for all true objects of a triple's subject and relation; None if it has no wording or leaks an answer."""
    sentences = word_triple(triple, subgraph)
    true = answers(subgraph.triples_of(subject.id, triple.relation), subgraph)
    if sentences is None or not true or leaks_answer(sentences.prompt, true):
        return None
    return make_probe(kind, sentences, true, subject, [triple_step(triple)])


def _neighbour_probe(uses: Uses, subgraph: Subgraph, triple: Triple, subject: Item) -> Probe | None:
    """The probe about a neighbour, worded only once."""
    key = triple.subject_id, triple.relation, triple.object_key
    if key not in uses.probes:
        uses.probes[key] = _locality_probe("Neighborhood", subgraph, triple, subject)
    return uses.probes[key]


def relation_specificity(context: EditContext) -> Iterator[Probe]:
    """Other relations of the subject, except those that the edit may change."""
    touched = context.first_relation.touches | context.relation.touches
    relations = context.subgraph.templates.relations
    candidates = [
        triples[0]
        for relation, triples in context.subgraph.triples_by_relation(context.subject.id).items()
        if relation not in touched
        and context.relation.id not in relations[relation].touches
        and triples[0].is_eligible
        and context.may_rest_on(triples)
    ]
    for triple in context.draw(candidates, "specificity"):
        probe = _locality_probe("Relation_Specificity", context.subgraph, triple, context.subject)
        if probe:
            yield probe


def forgetfulness(context: EditContext) -> Iterator[Probe]:
    """Other objects of a relation that takes many: they stay true when one is added or changed."""
    edit, subgraph = context.edit, context.subgraph
    if context.relation.cardinality == "one" or edit["hops"] == 2:
        return
    set_aside = {edit["target_new"], edit["ground_truth"]}
    triples = [
        triple
        for triple in subgraph.triples_of(context.subject.id, edit["relation_id"])
        if not _is_of_one_class(triple, edit, subgraph)
    ]
    others = [names for names in answers(triples, subgraph) if names[0] not in set_aside]
    rest = [triple for triple in triples if _first_name(triple, subgraph) not in [*set_aside, None]]
    sentences = word_fact(Fact(context.subject.id, edit["relation_id"], object_count=2), subgraph)
    if sentences is None or not others or not context.may_rest_on(rest):
        return
    known = item_in_text(context.target, subgraph) if context.target else edit["target_new"]
    prompt = sentences.prompt_for_others(known, subgraph.templates.phrases.besides)
    if not leaks_answer(prompt, others):
        steps = [triple_step(triple) for triple in rest if _first_name(triple, subgraph) == others[0][0]]
        probe = make_probe("Forgetfulness", sentences, others, context.subject, steps[:1])
        yield {**probe, "prompt": prompt, "question": ""}


def _first_name(triple: Triple, subgraph: Subgraph) -> str | None:
    return next(iter(object_names(triple.object_key, triple.object_id, subgraph)), None)


def _is_of_one_class(triple: Triple, edit: Edit, subgraph: Subgraph) -> bool:
    """Whether an object is a class of the target or the true object, or the other way round: the Academy Awards."""
    other = subgraph.items.get(triple.object_id) if triple.object_id is not None else None
    for name in (edit["target_new_id"], edit["ground_truth_id"]):
        item = subgraph.items.get(item_number(name)) if name else None
        if item and other and (item.id in other.type_ids or other.id in item.type_ids):
            return True
    return False


def neighborhood(context: EditContext, uses: Uses, most_uses: int) -> Iterator[Probe]:
    """The same relation of other subjects, those with the same true object first; their object is not the target.

    Subjects whose object changes with the edit, such as the siblings of somebody who is given another father, are none.
    Neighbours that so many edits of the category use already come last, those first that fewer use.
    """
    edit, subgraph = context.edit, context.subgraph
    truth, relation = edit["ground_truth_id"], edit["relation_id"]
    shares_truth = truth and edit["edit_kind"] == "modification"  # else the true object is the target
    rules = subgraph.templates.plausibility.relations.get(relation)
    if rules and rules.other_family:
        shares_truth = False  # who has the same father is a sibling, and shares the new one
    sharing = subgraph.triples_with_object(item_number(truth), relation) if truth and shares_truth else ()
    touched = {edit["subject_id"], edit["target_new_id"], edit["ground_truth_id"], edit["path"][0]["object_id"]}
    own_names = {name.casefold() for name in context.subject.all_names}
    touched |= {probe["subject_id"] for probe in logical_generalization(context) if probe["relation_id"] == relation}
    drawn = chain.from_iterable(
        context.draw(triples, "neighborhood") for triples in (sharing, subgraph.triples_of_relation(relation))
    )
    target = edit["target_new_id"]
    usable = (t for t in drawn if t.is_eligible and t.object_count == 1 and t.object_key != target)
    for triple in _spared_first(usable, edit, uses, most_uses):
        subject = subgraph.items.get(triple.subject_id)
        if not subject or f"Q{subject.id}" in touched or not context.is_in_split(subject.id):
            continue
        if subject.label.casefold() not in own_names and context.may_rest_on([triple]):
            probe = _neighbour_probe(uses, subgraph, triple, subject)
            if probe and edit["target_new"] not in probe["ground_truth"][0]:
                yield probe


def _spared_first(triples: Iterable[Triple], edit: Edit, uses: Uses, most_uses: int) -> Iterator[Triple]:
    """Triples in their order, and after them those that are used up, the least used first."""
    used_up: list[tuple[int, int, Triple]] = []
    for place, triple in enumerate(triples):
        count = uses[use_of(edit, f"Q{triple.subject_id}")]
        if count < most_uses:
            yield triple
        else:
            used_up.append((count, place, triple))
    for _, _, triple in sorted(used_up, key=lambda found: found[:2]):
        yield triple
