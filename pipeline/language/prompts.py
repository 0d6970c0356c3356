"""From a fact to its sentences: prompt, question, rephrases and noun phrase. The one place where a relation is worded.

The way is straight, and each step calls only the next:

1. `word_fact` looks up the subject and names it in running text (`names.py`).
2. `choose_wording` picks the sentences of the relation (`relations.py`, from `templates/relations`) by the type of the
   subject, the precision of a date (`dates.py`) and the number of objects.
3. `_sentences` fills them (`grammar.py`).

Over two hops the noun phrase of the first relation ("the country of citizenship of Ada Lovelace") is the subject of the
second. What a fact is to be answered with is in `answers.py`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from pipeline.language.answers import description_in_text
from pipeline.language.dates import wording_precision
from pipeline.language.grammar import can_fill, could_read, fill
from pipeline.language.names import Name, can_replace_label, name_in_text
from pipeline.language.relations import SUBJECT_SLOT, Forms, Relation, Tense
from pipeline.language.subgraph import Item, Subgraph, Triple
from pipeline.language.templates import Templates

_SUPPOSITION = " would "


class Hop(NamedTuple):
    """The first hop of two: its relation, and the middle entity that it leads to."""

    relation: str
    middle_id: int


@dataclass(frozen=True)
class Fact:
    """What is to be worded: a subject and a relation, over one hop or two.

    Attributes:
        subject_id: The item that the sentences name.
        relation: The relation whose object they ask for; over two hops that of the second.
        object_key: One of the objects; only the precision of a date matters.
        object_count: How many objects are true, which decides between singular and plural.
        first_hop: Over two hops, the first one.
        is_change: Whether the object took the place of another, so that sentences must ask for what holds now.
    """

    subject_id: int
    relation: str
    object_key: str | None = None
    object_count: int = 1
    first_hop: Hop | None = None
    is_change: bool = False


@dataclass(frozen=True)
class Subject:
    """The subject of a sentence: its name, and what decides about the wording."""

    name: Name
    types: Collection[str]
    tense: Tense = "present"  # past: a dead person, a state that is no more


class ChosenWording(NamedTuple):
    """The sentences of a relation that fit a subject and its objects, not yet filled."""

    forms: Forms
    subject_type: str
    template_id: str  # relation, place in its file, grammatical number
    middle_noun: str | None  # how the object is named between two hops, if it is "the" one
    is_single: bool  # these subjects hold one object at a time


@dataclass(frozen=True)
class FactSentences:
    """A fact in English.

    Most facts that are worded are asked in one sentence or dropped: each sentence is filled when it is first read.

    Attributes:
        relation: The relation whose object the sentences ask for.
        forms: The templates of the sentences.
        subject: The subject in them: a name, or over two hops a noun phrase.
        tense: Their tense.
        domain: The type of the item that the sentences name.
        template_id: Which template this is; over two hops both, joined by "+".
        template_version: The version of the relation's file; over two hops both.
    """

    relation: Relation
    forms: Forms
    subject: Name
    tense: Tense
    domain: str
    template_id: str
    template_version: str

    @cached_property
    def prompt(self) -> str:
        """The cloze: a sentence that ends right before its object."""
        return fill(self.forms.prompt, self.subject, self.tense)

    @cached_property
    def question(self) -> str:
        """The same as a question."""
        return fill(self.forms.question, self.subject, self.tense)

    @cached_property
    def rephrases(self) -> list[str]:
        """Other clozes; those that do not suit the name of the subject are left out."""
        return self._filled(self.forms.rephrases)

    @cached_property
    def question_rephrases(self) -> list[str]:
        """Other questions; those that do not suit the name of the subject are left out."""
        return self._filled(self.forms.question_rephrases)

    @cached_property
    def noun_phrase(self) -> Name:
        """The object, described by the relation: "the capital of France"."""
        return Name(_lower_first(fill(self.forms.noun, self.subject, self.tense)), is_phrase=True)

    def _filled(self, templates: Sequence[str]) -> list[str]:
        return [fill(template, self.subject, self.tense) for template in templates if can_fill(template, self.subject)]

    @property
    def is_definite(self) -> bool:
        """Whether the object is spoken of as the only one: "the mother of", not "one of the children of"."""
        return self.noun_phrase.text.startswith("the ")

    @property
    def statements(self) -> list[str]:
        """The clozes that become a statement with their object; "A biography would give ..." is a supposition."""
        return [cloze for cloze in (self.prompt, *self.rephrases) if _SUPPOSITION not in cloze]

    def in_mid_sentence(self, sentence: str) -> str:
        """One of these sentences as it reads in mid-sentence: names keep their spelling, other words start small."""
        return sentence if sentence.startswith(self.subject.text) else _lower_first(sentence)

    def prompt_for_others(self, known: str, template: str) -> str:
        """The prompt for the other objects, beside one that is known: "Besides Paris, one of the capitals ... is".

        Args:
            known: The known object in running text.
            template: `besides` of `templates/phrases.yaml`.
        """
        sentence = fill(template, self.subject, self.tense)
        known = self.relation.known.replace("{known}", known)
        return sentence.replace("{noun}", self.noun_phrase.text).replace("{known}", known)

    @property
    def topic(self) -> str:
        """The object or objects as a matter to speak of: "the children of Ada Lovelace"."""
        return self.noun_phrase.text.removeprefix("one of ")


def word_fact(
    fact: Fact, subgraph: Subgraph, *, alias: str | None = None, disambiguate: bool = True
) -> FactSentences | None:
    """The sentences of a fact.

    Args:
        fact: The fact.
        subgraph: What its items are called, and the templates.
        alias: Another name of the subject to use instead of its label.
        disambiguate: Whether a subject with namesakes carries its description.

    Returns:
        None if an item is missing, if no wording fits, if a namesake has no description that can be quoted, or if no
        bridge of `templates/bridges.yaml` allows the second
        relation after the first.
    """
    item = subgraph.items.get(fact.subject_id)
    if item is None:
        return None
    first = fact.first_hop.relation if fact.first_hop else fact.relation
    is_glossed = disambiguate and subgraph.is_ambiguous(item.id, first)
    description = description_in_text(item.description) if is_glossed else None
    if is_glossed and description is None:
        return None  # the bare name means another item
    name = name_in_text(alias or item.label, item.types, subgraph.templates.names, description=description)
    subject = Subject(name, item.types, item.tense)
    if fact.first_hop:
        return _word_two_hops(fact, fact.first_hop, subject, subgraph)
    relation = subgraph.templates.relations[fact.relation]
    chosen = choose_wording(relation, item.types, fact.object_key, fact.object_count)
    if chosen and fact.is_change and relation.current:
        chosen = chosen._replace(forms=relation.current, template_id=f"{relation.id}/current")
    return _sentences(relation, chosen, subject) if chosen else None


def word_triple(triple: Triple, subgraph: Subgraph) -> FactSentences | None:
    """The sentences that ask for the objects of a triple's subject and relation."""
    return word_fact(Fact(triple.subject_id, triple.relation, triple.object_key, triple.object_count), subgraph)


def word_reverse(relation: Relation, target: Item, subgraph: Subgraph) -> tuple[str, str] | None:
    """A cloze and a question that ask of an object whose object it is; None without words for that or a clear name."""
    if relation.reverse is None or target.is_outshone:
        return None
    name = name_in_text(target.label, target.types, subgraph.templates.names)
    return fill(relation.reverse.prompt, name, target.tense), fill(relation.reverse.question, name, target.tense)


def usable_aliases(item: Item, subgraph: Subgraph) -> list[str]:
    """The aliases that sentences can use instead of an item's label, and that no other item has."""
    return [
        alias
        for alias in item.aliases
        if can_replace_label(alias, item.label, item.types) and not subgraph.is_shared_name(alias)
    ]


def _word_two_hops(fact: Fact, hop: Hop, subject: Subject, subgraph: Subgraph) -> FactSentences | None:
    """Ask for a relation of the middle entity, named by a noun phrase: "the mother of Ada Lovelace"."""
    first, second = (subgraph.templates.relations[name] for name in (hop.relation, fact.relation))
    middle = subgraph.items.get(hop.middle_id)
    inner = choose_wording(first, subject.types, None, 1)
    if middle is None or inner is None:
        return None
    bridge = subgraph.templates.bridge(first.id, inner.subject_type, second.id)
    outer = choose_wording(second, middle.types, fact.object_key, fact.object_count)
    if bridge is None or outer is None or (outer.is_single and fact.object_count > 1):
        return None
    middle_noun = inner.middle_noun or inner.forms.noun
    tenses = {"subject": subject.tense, "middle": middle.tense}
    if any(tenses[part] != "present" for part in bridge.today):
        return None
    noun = Name(_lower_first(fill(middle_noun, subject.name, subject.tense)), is_phrase=True)
    sentences = _sentences(second, outer, Subject(noun, middle.types, middle.tense))
    return replace(
        sentences,
        domain=inner.subject_type,
        template_id=f"{inner.template_id}+{outer.template_id}",
        template_version=f"{first.version}+{second.version}",
    )


def choose_wording(
    relation: Relation, types: Collection[str], object_key: str | None, object_count: int
) -> ChosenWording | None:
    """The first wording of a relation that fits a subject of some types; None if there is none.

    Args:
        relation: The relation.
        types: The types of the subject; the first of the relation's own types among them counts.
        object_key: One of the objects, which a date needs for its precision.
        object_count: How many objects are true: several take the plural forms, where the relation has any.
    """
    subject_type = next((kind for kind in relation.subject_types if kind in types), None)
    precision = wording_precision(object_key or "") if relation.value == "date" else None
    if subject_type is None or (relation.value == "date" and precision is None):
        return None
    found = relation.wording(subject_type, precision)
    if found is None:
        return None
    place, wording = found
    forms, number = (wording.several, "several") if object_count > 1 and wording.several else (wording, "one")
    template_id, is_single = f"{relation.id}/{place}/{number}", wording.single or not wording.several
    return ChosenWording(forms, subject_type, template_id, wording.middle_noun, is_single)


def _sentences(relation: Relation, chosen: ChosenWording, subject: Subject) -> FactSentences:
    """The chosen forms about a subject."""
    return FactSentences(
        relation=relation,
        forms=chosen.forms,
        subject=subject.name,
        tense=subject.tense,
        domain=chosen.subject_type,
        template_id=chosen.template_id,
        template_version=relation.version,
    )


def _lower_first(text: str) -> str:
    return text[0].lower() + text[1:]


def fitting_tenses(prompt: str, forms: Forms) -> set[Tense]:
    """In which tenses some forms can have given a prompt, whatever its subject."""
    tenses: tuple[Tense, ...] = ("present", "past", "unknown")
    return {tense for tense in tenses if could_read(forms.prompt, prompt, tense)}


class PlacedLabel(NamedTuple):
    """A sentence, and the span of a label in it, in code points."""

    text: str
    start: int
    end: int


def named_subject(label: str, types: Collection[str], templates: Templates) -> Subject:
    """The subject of sentences about an item that is in no subgraph."""
    return Subject(name_in_text(label, types, templates.names), types)


def openings(relation: Relation, types: Collection[str], object_key: str, object_count: int) -> list[str]:
    """The cloze templates of a relation that have other words before their subject, and not its possessive."""
    chosen = choose_wording(relation, types, object_key, object_count)
    clozes = (chosen.forms.prompt, *chosen.forms.rephrases) if chosen else ()
    return [cloze for cloze in clozes if cloze.find(SUBJECT_SLOT) > 0]


def place_label(template: str, label: str, subject: Subject) -> PlacedLabel:
    """A sentence about a subject, and the span of its label in it.

    The span follows from the template and is not searched for: other words of the sentence may read like the label.

    >>> place_label("Yesterday we spoke about {subject}.", "Yesterday", Subject(Name("Yesterday"), ()))
    PlacedLabel(text='Yesterday we spoke about Yesterday.', start=25, end=34)
    >>> netherlands = Subject(Name("the Netherlands"), (), "past")
    >>> place_label("We [speak|spoke] about {subject}.", "Netherlands", netherlands)
    PlacedLabel(text='We spoke about the Netherlands.', start=19, end=30)
    """
    end = len(fill(template[: template.index(SUBJECT_SLOT) + len(SUBJECT_SLOT)], subject.name, subject.tense))
    return PlacedLabel(fill(template, subject.name, subject.tense), end - len(label), end)
