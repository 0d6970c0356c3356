"""What every probe is made from: an edit with the newer state around it, and the record of a probe."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.core.edit_record import Edit, LocalityKind, PortabilityKind, Probe, Step
from pipeline.core.seeded import rotated
from pipeline.language.leaks import contains_name
from pipeline.language.prompts import FactSentences
from pipeline.language.relations import Relation
from pipeline.language.subgraph import Item, Subgraph, Triple


@dataclass(frozen=True)
class EditContext:
    """An edit with the items it is about and the newer state around them.

    Attributes:
        needs_sure: Whether probes rest on sure statements alone.
    """

    edit: Edit
    subgraph: Subgraph
    seed: int
    is_in_split: Callable[[int], bool]
    needs_sure: bool = True

    @property
    def subject(self) -> Item:
        """The item that the edit's sentences name."""
        return self.subgraph.items[item_number(self.edit["subject_id"])]

    @property
    def last_subject(self) -> Item:
        """The item whose relation is edited: the subject, or over two hops the middle entity."""
        step = self.edit["path"][0]
        return self.subject if self.edit["hops"] == 1 else self.subgraph.items[item_number(step["object_id"])]

    @property
    def relation(self) -> Relation:
        """The edited relation."""
        return self.subgraph.templates.relations[self.edit["relation_id"]]

    @property
    def first_relation(self) -> Relation:
        """The relation of the first hop; over one hop the edited one."""
        return self.subgraph.templates.relations[self.edit["path"][0]["relation_id"]]

    @property
    def target(self) -> Item | None:
        """The new object; None for a date or a number."""
        name = self.edit["target_new_id"]
        return self.subgraph.items.get(item_number(name)) if name else None

    @property
    def target_answer(self) -> list[str]:
        """All names of the new object, the preferred one first."""
        return [self.edit["target_new"], *self.edit["target_new_aliases"]]

    def may_rest_on(self, triples: Sequence[Triple]) -> bool:
        """Whether a probe may ask for what some triples state: no statement of them is doubtful."""
        return not self.needs_sure or all(map(self.subgraph.is_sure, triples))

    def draw(self, triples: Sequence[Triple], purpose: str) -> Iterator[Triple]:
        """Triples from a drawn place on."""
        return rotated(triples, self.seed, purpose, self.edit["case_id"])


def item_number(name: str) -> int:
    """The number of a Q-id."""
    return int(name[1:])


def make_probe(
    kind: LocalityKind | PortabilityKind,
    sentences: FactSentences,
    ground_truth: list[list[str]],
    subject: Item,
    path: Sequence[Step],
) -> Probe:
    """A probe that sentences of a fact ask, as a row of a release contains it."""
    return probe_record(kind, sentences.prompt, sentences.question, sentences.relation, ground_truth, subject, path)


def probe_record(
    kind: LocalityKind | PortabilityKind,
    prompt: str,
    question: str,
    relation: Relation,
    ground_truth: list[list[str]],
    subject: Item,
    path: Sequence[Step],
) -> Probe:
    """A probe as a row of a release contains it."""
    return {
        "kind": kind,
        "prompt": prompt,
        "question": question,
        "ground_truth": ground_truth,
        "subject_id": f"Q{subject.id}",
        "relation_id": relation.id,
        "path": list(path),
    }


def leaks_answer(prompt: str, ground_truth: list[list[str]]) -> bool:
    """Whether a prompt contains an answer by its preferred name."""
    return any(contains_name(prompt, names[0]) for names in ground_truth)


def triple_step(triple: Triple) -> Step:
    """A triple as a hop of a path."""
    return {"relation_id": triple.relation, "object_id": triple.object_key}


def target_step(edit: Edit) -> Step:
    """The last hop of an edit, which leads to its target."""
    return {"relation_id": edit["relation_id"], "object_id": edit["target_new_id"] or edit["target_new"]}
