"""Asking for a relation of an item, or of an item that is itself asked for: the sentences of edits and probes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pipeline.core import times
from pipeline.core.edit_record import Edit
from pipeline.language.grammar import Name, can_fill, fill
from pipeline.language.relations import Forms, Relation
from pipeline.language.subgraph import Item, Subgraph, Triple


@dataclass(frozen=True)
class Ask:
    """A relation of a subject, ready to be put into words.

    Attributes:
        relation: The relation asked for.
        forms: Its sentences for this kind of subject and this number of objects.
        subject: The subject in running text.
        is_past: Whether it is spoken of in the past tense.
        template_id: Which template this is: relation, place in its file, grammatical number.
        template_version: The version of that relation's file.
        domain: The type of the item that the sentence names.
    """

    relation: Relation
    forms: Forms
    subject: Name
    is_past: bool
    template_id: str
    template_version: str
    domain: str

    def fill(self, template: str) -> str:
        """A sentence about the subject."""
        return fill(template, self.subject, past=self.is_past)

    @property
    def prompt(self) -> str:
        """The cloze."""
        return self.fill(self.forms.prompt)

    @property
    def question(self) -> str:
        """The question."""
        return self.fill(self.forms.question)

    @property
    def rephrases(self) -> list[str]:
        """Other clozes."""
        return [self.fill(template) for template in self.forms.rephrases if can_fill(template, self.subject)]

    @property
    def question_rephrases(self) -> list[str]:
        """Other questions."""
        return [self.fill(template) for template in self.forms.question_rephrases if can_fill(template, self.subject)]

    @property
    def noun(self) -> Name:
        """The object, described by the relation: "the capital of France"."""
        phrase = self.fill(self.forms.noun)
        return Name(phrase[0].lower() + phrase[1:], is_phrase=True)


def ask(
    subgraph: Subgraph,
    item: Item,
    relation_id: str,
    *,
    count: int = 1,
    object_key: str | None = None,
    subject: Name | None = None,
) -> Ask | None:
    """Ask for a relation of an item.

    Args:
        subgraph: Where the templates are.
        item: The subject.
        relation_id: The relation.
        count: How many objects are true, which decides between singular and plural forms.
        object_key: One of the objects; for dates its precision decides the wording.
        subject: The subject in running text if not by its label: an alias, or a noun phrase for two hops.

    Returns:
        None if no wording serves the item.
    """
    relation = subgraph.templates.relations[relation_id]
    subject_type = next((kind for kind in relation.subject_types if kind in item.types), None)
    precision = times.wording_precision(object_key or "") if relation.value == "date" else None
    found = relation.wording(subject_type, precision) if subject_type else None
    if subject_type is None or found is None or (relation.value == "date" and precision is None):
        return None
    place, wording = found
    forms, number = (wording.several, "several") if count > 1 and wording.several else (wording, "one")
    template_id = f"{relation_id}/{place}/{number}"
    name = subject or subgraph.name(item)
    return Ask(relation, forms, name, item.is_past, template_id, relation.version, subject_type)


def ask_through(
    subgraph: Subgraph, inner: Ask, middle: Item, relation_id: str, *, count: int = 1, object_key: str | None = None
) -> Ask | None:
    """Ask for a relation of an item that is itself asked for: "the capital of the country of citizenship of ...".

    Args:
        subgraph: Where the templates are.
        inner: The asking whose one answer is the middle item.
        middle: That item; its type and its being past decide the wording.
        relation_id: The relation asked of it.
        count: How many objects are true.
        object_key: One of the objects.

    Returns:
        None if no wording serves the middle item, or if the second relation must not be asked after the first.
    """
    if not inner.relation.leads_to(relation_id):
        return None
    outer = ask(subgraph, middle, relation_id, count=count, object_key=object_key, subject=inner.noun)
    if outer is None:
        return None
    return replace(
        outer,
        template_id=f"{inner.template_id}+{outer.template_id}",
        template_version=f"{inner.template_version}+{outer.template_version}",
        domain=inner.domain,
    )


def ask_triple(subgraph: Subgraph, triple: Triple, subject: Item) -> Ask | None:
    """Ask for the objects of a triple's subject and relation; a subject with namesakes is told apart."""
    name = subgraph.name(subject, told_apart=triple.is_homonym)
    return ask(
        subgraph, subject, triple.relation, count=triple.object_count, object_key=triple.object_key, subject=name
    )


def ask_edit(edit: Edit, subgraph: Subgraph, alias: str | None = None) -> Ask | None:
    """Ask for what an edit changes, over one hop or two, by its subject's label or by an alias."""
    subject = subgraph.items[int(edit["subject_id"][1:])]
    first = edit["path"][0]
    told_apart = any(triple.is_homonym for triple in subgraph.objects(subject.id, first["relation_id"]))
    name = subgraph.name(subject, told_apart=told_apart, alias=alias)
    key = edit["path"][-1]["object_id"]
    if edit["hops"] == 1:
        count = subgraph.count(subject.id, edit["relation_id"])
        return ask(subgraph, subject, edit["relation_id"], count=count, object_key=key, subject=name)
    middle = subgraph.items[int(first["object_id"][1:])]
    inner = ask(subgraph, subject, first["relation_id"], subject=name)
    count = subgraph.count(middle.id, edit["relation_id"])
    return ask_through(subgraph, inner, middle, edit["relation_id"], count=count, object_key=key) if inner else None


def names_any(text: str, names: Iterable[str]) -> bool:
    """Whether a text holds one of these names as words of its own.

    Names of up to three letters are looked for in their own case: "US" and "It" are names, "us" and "it" are not.

    >>> names_any("Ask us about it.", ["US", "It"]), names_any("Ask about italy.", ["Italy"])
    (False, True)
    """
    lower = text.lower()
    for name in names:
        flags = re.IGNORECASE if len(name) > _SHORT_NAME else 0
        if name.lower() in lower and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, flags):
            return True
    return False


_SHORT_NAME = 3


def mentions(text: str, name: str) -> bool:
    """Whether a text holds a name, whatever the case: the test that a prompt does not give away its target."""
    return name.casefold() in text.casefold()
