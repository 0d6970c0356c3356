"""True facts to state beside an edit: about its subject, or about an item that has nothing to do with it.

A fact is usable if it is sure and of a relation that `contexts.yaml` lists, if no edit that is used with this one
makes it false, and if no probe of this one asks for it. Facts that no other edit states either come first.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice

from pipeline.core.edit_record import Edit, StatedFact
from pipeline.core.seeded import rotated, shuffled
from pipeline.core.settings import RobustSettings
from pipeline.edits.consistency import Touched, asked_slots
from pipeline.edits.edit_parts import probes_of
from pipeline.language.answers import description_in_text, item_in_text, object_names, telling_names
from pipeline.language.leaks import contains_name, mentions_any
from pipeline.language.prompts import Fact, word_fact
from pipeline.language.subgraph import Item, Subgraph, Triple


@dataclass(frozen=True)
class Surroundings:
    """What is true around the edits of a release, and what they touch.

    Attributes:
        subgraph: What is true.
        touched: What the edits state or change.
        seed: The seed of the run.
        split_of: The split of an item, by its number.
    """

    subgraph: Subgraph
    touched: Touched
    seed: int
    split_of: Callable[[int], str]

    @cached_property
    def _relations(self) -> frozenset[str]:
        return frozenset(self.subgraph.templates.contexts.relations)

    @cached_property
    def _near(self) -> Mapping[str, frozenset[str]]:
        """For each relation those that it may change, and those that may change it."""
        relations = self.subgraph.templates.relations.values()
        return {own.id: own.touches | {other.id for other in relations if own.id in other.touches} for own in relations}

    @cached_property
    def _by_split(self) -> Mapping[str, Sequence[int]]:
        """The items of each split of which a single untouched object can be stated."""
        found: dict[str, dict[int, None]] = {}
        for triple in self.subgraph.triples:
            is_usable = triple.relation in self._relations and triple.is_eligible and triple.object_count == 1
            if is_usable and self.subgraph.is_sure(triple):
                split = self.split_of(triple.subject_id)
                if self.is_untouched(triple, split):
                    found.setdefault(split, {})[triple.subject_id] = None
        return {split: sorted(items) for split, items in found.items()}

    def relations_near(self, edit: Edit) -> frozenset[str]:
        """The relations of an edit, those that they may change, and those that may change them."""
        return frozenset[str]().union(*(self._near[step["relation_id"]] for step in edit["path"]))

    def other_items(self, edit: Edit) -> Iterator[int]:
        """Items of an edit's split in a drawn order."""
        return rotated(self._by_split.get(edit["split"], ()), self.seed, "irrelevant", edit["case_id"])

    def facts_about(self, item: int, edit: Edit, avoided: Collection[str], *key: object) -> list[Triple]:
        """Usable facts about an item, one a relation, in a drawn order.

        Args:
            item: The item.
            edit: The edit beside which they are stated.
            avoided: Relations of the item that may not be stated.
            key: What they are for, for the draw.
        """
        own, found = asked_slots(edit), list[Triple]()
        for relation, triples in self.subgraph.triples_by_relation(item).items():
            slot = (f"Q{item}", relation)
            is_listed = relation in self._relations and relation not in avoided
            if is_listed and slot not in own and self.touched.is_kept(slot, edit["split"]):
                eligible = [triple for triple in triples if triple.is_eligible and self.subgraph.is_sure(triple)]
                found += islice(rotated(eligible, self.seed, *key, relation, edit["case_id"]), 1)
        drawn = shuffled(found, self.seed, *key, edit["case_id"], by=_name_of)
        return sorted(drawn, key=lambda triple: not self.is_untouched(triple, edit["split"]))

    def is_untouched(self, triple: Triple, split: str) -> bool:
        """Whether no edit that is used with those of a split states or changes a fact."""
        return self.touched.is_free((f"Q{triple.subject_id}", triple.relation), split)


def _name_of(triple: Triple) -> str:
    return f"{triple.relation}|{triple.object_key}"


def names_of_answers(edit: Edit, subgraph: Subgraph) -> list[str]:
    """Every name of the target, of the true object, and of the answers: also codes, and aliases that are no answers."""
    return [
        *(edit["target_new"], *edit["target_new_aliases"], edit["ground_truth"], *chain(*edit["answers"])),
        *telling_names((edit["target_new_id"], edit["ground_truth_id"]), subgraph),
    ]


def names_of_probe_answers(edit: Edit) -> list[str]:
    """Every name that answers a probe of an edit, but for that of its subject, which every prompt of it gives."""
    answers = [names for probe in probes_of(edit) for names in probe["ground_truth"] if names[0] != edit["subject"]]
    return [name for names in answers for name in names]


def fits_as_prefix(text: str, forbidden: Collection[str], settings: RobustSettings) -> bool:
    """Whether a sentence is short enough to stand before a prompt, and names nothing that is forbidden."""
    return len(text.split()) <= settings.max_prefix_words and not mentions_any(text, forbidden)


def clauses(
    triple: Triple, subgraph: Subgraph, *, alias: str | None = None, in_mid_sentence: bool = False
) -> list[str]:
    """A fact as sentences without their full stop.

    Args:
        triple: The fact.
        subgraph: What its items are called.
        alias: What to call its subject instead of its name, such as "this person".
        in_mid_sentence: Whether words go before them.
    """
    fact = Fact(triple.subject_id, triple.relation, triple.object_key, triple.object_count)
    sentences = word_fact(fact, subgraph, alias=alias, disambiguate=alias is None)
    name = _object_in_text(triple, subgraph)
    if sentences is None or name is None:
        return []
    clozes = [cloze for cloze in sentences.statements if not contains_name(cloze, name)]
    return [f"{sentences.in_mid_sentence(cloze) if in_mid_sentence else cloze} {name}" for cloze in clozes]


def _object_in_text(triple: Triple, subgraph: Subgraph) -> str | None:
    item = subgraph.items.get(triple.object_id) if triple.object_id is not None else None
    if item is not None:
        return item_in_text(item, subgraph)
    return next(iter(object_names(triple.object_key, triple.object_id, subgraph)), None)


def anaphor(item: int, subgraph: Subgraph, facts: Sequence[Triple], domain: str | None = None) -> str | None:
    """What to call an item that was just named: "this person".

    Args:
        item: The item.
        subgraph: What it is.
        facts: What was said of it; their objects must be of another group of kinds.
        domain: The type that decides; by default that under which the first fact words it.

    Returns:
        None if the words could mean an object of the facts too, or if the item is of no kind with a name.
    """
    long_forms = subgraph.templates.long_forms
    types = subgraph.items[item].types
    objects = (subgraph.items.get(fact.object_id) for fact in facts if fact.object_id is not None)
    object_types = frozenset[str]().union(*(found.types for found in objects if found))
    if not long_forms.group_of(types).isdisjoint(long_forms.group_of(object_types)):
        return None
    known = [domain] if domain else [kind for kinds in long_forms.kinds.values() for kind in kinds if kind in types]
    kind = next((long_forms.kind_of(name) for name in known), None)
    return f"this {kind}" if kind else None


def safe_description(item: Item, relations: Iterable[str], subgraph: Subgraph) -> str | None:
    """How Wikidata describes an item, unless this is harsh or tends to answer what is asked of it."""
    description = description_in_text(item.description)
    if description is None or any(subgraph.templates.long_forms.is_told(name, description) for name in relations):
        return None
    harsh = subgraph.templates.contexts.harsh_words
    return description if not mentions_any(description.lower(), map(str.lower, harsh)) else None


def stated(triple: Triple) -> StatedFact:
    """A fact as a row of a release contains it."""
    return {"subject_id": f"Q{triple.subject_id}", "relation_id": triple.relation, "object_id": triple.object_key}
