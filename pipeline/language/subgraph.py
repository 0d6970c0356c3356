"""SUBGRAPH: the part of the newer state that edits and probes may speak of, small enough to hold in memory.

It contains every fact's subject, middle entity, object and target with all their true triples; a few triples that have
one of these as their object, so that a probe can start one hop before an edit; and for each relation a few triples of
other subjects. This module is data and lookups alone: `prompts.py` and `answers.py` put them in words, by the templates
that the subgraph carries along.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pipeline.language.relations import Relation, Tense
from pipeline.language.templates import Templates


@dataclass(frozen=True)
class Item:
    """An item with its names.

    Attributes:
        aliases: Other names that a reader accepts as an answer.
        codes: Codes and short acronyms ("DE", "m"), which stand for it in tables.
        other_names: Aliases that are no answers, but still give it away in a sentence.
    """

    id: int
    label: str
    label_language: str
    aliases: tuple[str, ...]
    codes: tuple[str, ...]
    other_names: tuple[str, ...]
    description: str | None
    type_ids: tuple[int, ...]
    types: frozenset[str]
    sitelinks: int
    statement_count: int
    tense: Tense  # in which sentences speak of it
    is_outshone: bool = False  # another item with the same label is better known

    @property
    def names(self) -> list[str]:
        """Its label, then its aliases: what counts as an answer."""
        return [self.label, *self.aliases]

    @property
    def all_names(self) -> list[str]:
        """Whatever it is called, answers and other names: what may give it away."""
        return [*self.names, *self.codes, *self.other_names]


@dataclass(frozen=True)
class Triple:
    """A true triple of the newer state."""

    subject_id: int
    relation: str
    object_key: str
    object_id: int | None
    statement_id: str
    object_count: int
    is_homonym: bool
    is_eligible: bool
    start_time: str | None = None  # since when it holds, if the statement says so


@dataclass(frozen=True)
class Subgraph:
    """Items and triples, looked up by id."""

    items: Mapping[int, Item]
    triples: Sequence[Triple]
    templates: Templates

    @cached_property
    def _by_subject(self) -> Mapping[int, Mapping[str, list[Triple]]]:
        found: defaultdict[int, defaultdict[str, list[Triple]]] = defaultdict(lambda: defaultdict(list))
        for triple in self.triples:
            found[triple.subject_id][triple.relation].append(triple)
        return found

    @cached_property
    def _by_object(self) -> Mapping[int, Mapping[str, list[Triple]]]:
        found: defaultdict[int, defaultdict[str, list[Triple]]] = defaultdict(lambda: defaultdict(list))
        for triple in self.triples:
            if triple.object_id is not None and triple.is_eligible:
                found[triple.object_id][triple.relation].append(triple)
        return found

    @cached_property
    def _by_only_object(self) -> Mapping[int, list[Triple]]:
        found: defaultdict[int, list[Triple]] = defaultdict(list)
        for triple in self.triples:
            if triple.object_id is not None and triple.is_eligible and triple.object_count == 1:
                found[triple.object_id].append(triple)
        return found

    @cached_property
    def _by_relation(self) -> Mapping[str, list[Triple]]:
        found: defaultdict[str, list[Triple]] = defaultdict(list)
        for triple in self.triples:
            found[triple.relation].append(triple)
        return found

    @cached_property
    def _name_counts(self) -> Counter[str]:
        return Counter(text.casefold() for item in self.items.values() for text in {*item.all_names})

    @cached_property
    def _described(self) -> dict[tuple[int, str, str], bool]:
        return {}

    def triples_by_relation(self, subject_id: int) -> Mapping[str, Sequence[Triple]]:
        """The true triples of a subject by relation; empty if the subgraph does not contain it."""
        return self._by_subject.get(subject_id, {})

    def triples_of(self, subject_id: int, relation: str) -> Sequence[Triple]:
        """The true triples of a subject and a relation."""
        return self.triples_by_relation(subject_id).get(relation, ())

    def object_count(self, subject_id: int, relation: str) -> int:
        """How many objects are true of a subject and a relation; one that two statements name counts once."""
        return len({triple.object_key for triple in self.triples_of(subject_id, relation)})

    def is_ambiguous(self, subject_id: int, relation: str) -> bool:
        """Whether a label alone is ambiguous: it is that of a better-known item, or of one with other objects."""
        item = self.items.get(subject_id)
        return (item is not None and item.is_outshone) or any(
            triple.is_homonym for triple in self.triples_of(subject_id, relation)
        )

    def triples_with_object(self, object_id: int, relation: str) -> Sequence[Triple]:
        """Some eligible triples of a relation that have an item as an object."""
        return self._by_object.get(object_id, {}).get(relation, ())

    def triples_with_only_object(self, object_id: int) -> Sequence[Triple]:
        """Some eligible triples, of any relation, that have an item as their only object."""
        return self._by_only_object.get(object_id, ())

    def triples_of_relation(self, relation: str) -> Sequence[Triple]:
        """Some triples of a relation."""
        return self._by_relation.get(relation, ())

    def is_sure(self, triple: Triple) -> bool:
        """Whether a triple may be stated beside an edit: readers hold it against a row if it is wrong or misleads.

        A statement of a weak relation is sure if the description of its subject says the same. Of a state that is gone
        nothing is: by its bare name ("Great Britain") a reader thinks of what stands there today.
        """
        subject = self.items.get(triple.subject_id)
        if subject is None:
            return False
        if subject.tense == "past" and not subject.types.isdisjoint(self.templates.dating.misleading):
            return False
        relation = self.templates.relations[triple.relation]
        if not relation.weak:
            return True
        key = triple.subject_id, triple.relation, triple.object_key
        if key not in self._described:  # many edits look at the same neighbours
            self._described[key] = self._is_described(triple, subject, relation)
        return self._described[key]

    def _is_described(self, triple: Triple, subject: Item, relation: Relation) -> bool:
        """Whether the description of a subject names an object: by its label, a word for it, or what it is at heart.

        Of a common noun the last word is enough: who is described as an actor is a film actor, too.
        """
        held = self.items.get(triple.object_id) if triple.object_id is not None else None
        if held is None or subject.description is None:
            return False
        label, said = held.label.lower(), subject.description.lower()
        names = [label, *label.split()[-1:]] if label == held.label else [label]
        words = {word for name in names for word in (name, *relation.described.get(name, ()))}
        return any(re.search(rf"\b{re.escape(word)}s?\b", said) for word in words)

    def is_shared_name(self, name: str) -> bool:
        """Whether more than one item has a name, whatever the case."""
        return self._name_counts[name.casefold()] > 1
