"""What each edit claims, so that no edit of a data set makes another edit or its probes false.

A slot is an item with a relation: "the father of X" is one question with one set of answers. An edit changes its own
slot, that of the inverse relation on its old and its new object, and what the rules of `rules.yaml` derive from it.
Two edits conflict when one decides what the other states; a probe is safe when no other edit touches a slot on its way.

Edits are compared within a scope: what is trained on together (train and validation, which KnowEdit's training files
join), and what is tested together. All categories of a scope count, since people train on all of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar, get_args

from pipeline.core.edit_record import Edit, PortabilityKind, Probe, Step
from pipeline.edits.edit_parts import holder_of, probes_of, sentences_of
from pipeline.language.relations import Relation
from pipeline.language.subgraph import Subgraph
from pipeline.language.template_parts import Rule

Slot = tuple[str, str]  # an item and a relation, by their ids
Claim = tuple[str, str, str]  # a fact: subject, relation, object
Key = TypeVar("Key")

_PORTABILITY = frozenset(get_args(PortabilityKind))


class Claims(NamedTuple):
    """What an edit says of the world, directly and by what follows.

    Attributes:
        exclusive: Slots that it decides alone: no other edit of the scope may decide them.
        relied: The slot of the first of two hops: others may rely on it too, but none may decide it.
        entailed: Slots of other items that its rules decide.
        stated: Its fact, and the inverse one.
        removed: The facts that it ends, in both directions.
        decided: Every slot that the edit, its inverse or a rule gives an answer to, and that of the first hop.
        touched: These, and every slot whose answers may differ after the edit.
    """

    exclusive: frozenset[Slot]
    relied: frozenset[Slot]
    entailed: frozenset[Slot]
    stated: frozenset[Claim]
    removed: frozenset[Claim]
    decided: frozenset[Slot]
    touched: frozenset[Slot]


def scope_of(split: str) -> str:
    """Which edits are used together with those of a split.

    >>> scope_of("train") == scope_of("validation") != scope_of("test")
    True
    """
    return "test" if split == "test" else "train"


def fact_of(edit: Edit) -> str:
    """The case that states the edit's fact first: a robust edit shares that of the edit it varies."""
    return edit["base_case_id"] or edit["case_id"]


def claims_of(edit: Edit, subgraph: Subgraph) -> Claims:
    """What an edit claims."""
    relation = subgraph.templates.relations[edit["relation_id"]]
    holder, new, old = holder_of(edit), edit["target_new_id"], edit["ground_truth_id"]
    own = {(holder, relation.id)}
    relied = {(edit["subject_id"], edit["path"][0]["relation_id"])} - own
    inverse = {(item, relation.partner) for item in (new, old) if item and relation.partner}
    has_one = bool(relation.partner) and subgraph.templates.relations[relation.partner].cardinality == "one"
    entailed = _entailed(edit, subgraph)
    is_change = edit["edit_kind"] == "modification"
    beside = {(holder, other) for other in relation.touches} if is_change else set[Slot]()
    decided = own | relied | inverse | entailed
    return Claims(
        exclusive=frozenset(own | inverse) if has_one else frozenset(own),
        relied=frozenset(relied),
        entailed=frozenset(entailed),
        stated=_both_ways(holder, relation, new),
        removed=_both_ways(holder, relation, old) if is_change else frozenset(),
        decided=frozenset(decided),
        touched=frozenset(decided | beside),
    )


def _both_ways(holder: str, relation: Relation, item: str | None) -> frozenset[Claim]:
    if item is None:
        return frozenset()
    forward = (holder, relation.id, item)
    return frozenset({forward, (item, relation.partner, holder)} if relation.partner else {forward})


def _entailed(edit: Edit, subgraph: Subgraph) -> set[Slot]:
    """The slots of other items that the rules decide after an edit."""
    if edit["hops"] == 2 or edit["target_new_id"] is None:
        return set()
    known = {"subject": edit["subject_id"], "target": edit["target_new_id"]}
    found: set[Slot] = set()
    for rule in subgraph.templates.rules:
        if rule.edit == edit["relation_id"]:
            found |= {(item, rule.then[1]) for item in _asked_items(rule, known, subgraph)}
    return found


def _asked_items(rule: Rule, known: Mapping[str, str], subgraph: Subgraph) -> list[str]:
    start, given, end = rule.given
    if start == "other":
        others = [triple.subject_id for triple in subgraph.triples_with_object(int(known[end][1:]), given)]
    else:
        others = [t.object_id for t in subgraph.triples_of(int(known[start][1:]), given) if t.object_id is not None]
    if not others:
        return []
    asked = rule.then[0]
    return [f"Q{other}" for other in others] if asked == "other" else [known[asked]]


@dataclass
class ScopeClaims:
    """What the edits of one scope have claimed so far, each claim with the case that made it first."""

    decided: dict[Slot, str]
    relied: dict[Slot, str]
    entailed: dict[Slot, str]
    stated: dict[Claim, str]
    removed: dict[Claim, str]

    def rival(self, claims: Claims) -> str | None:
        """A case that an edit with these claims would contradict, or be contradicted by; None if there is none."""
        deciding = claims.exclusive | claims.entailed
        for known, wanted in (
            (self.decided, deciding | claims.relied),
            (self.relied, deciding),
            (self.entailed, deciding | claims.relied),
            (self.removed, claims.stated),
            (self.stated, claims.removed),
        ):
            found = [known[claim] for claim in sorted(wanted) if claim in known]  # type: ignore[index]
            if found:
                return found[0]
        return None

    def add(self, case: str, claims: Claims) -> None:
        """Take in the claims of an edit."""
        for known, made in (
            (self.decided, claims.exclusive),
            (self.relied, claims.relied),
            (self.entailed, claims.entailed),
            (self.stated, claims.stated),
            (self.removed, claims.removed),
        ):
            for claim in made:
                known.setdefault(claim, case)  # type: ignore[arg-type]

    def copy(self) -> "ScopeClaims":
        """The same claims, to add others to."""
        return ScopeClaims(
            dict(self.decided), dict(self.relied), dict(self.entailed), dict(self.stated), dict(self.removed)
        )


def new_scope() -> ScopeClaims:
    """A scope in which nothing is claimed yet."""
    return ScopeClaims({}, {}, {}, {}, {})


@dataclass(frozen=True)
class Touched:
    """Which facts touch a slot, which decide it, and which state a text, by scope; which replace what is true."""

    slots: Mapping[tuple[str, Slot], frozenset[str]]
    decided: Mapping[tuple[str, Slot], frozenset[str]]
    texts: Mapping[tuple[str, str], frozenset[str]]
    changing: frozenset[str]

    def is_safe(self, probe: Probe, edit: Edit) -> bool:
        """Whether no other edit of the scope touches what a probe of an edit asks, and none asks the same words.

        A portability probe may ask what the edit itself changes, unless another edit decides that too: a new
        citizenship makes one wonder about the place of birth, but not where another edit states it.
        """
        scope, own = scope_of(edit["split"]), {fact_of(edit)}
        stated = slots_on(edit["subject_id"], edit["path"]) if probe["kind"] in _PORTABILITY else []
        for slot in probe_slots(probe):
            if not (self.decided if slot in stated else self.slots).get((scope, slot), own) <= own:
                return False
        return all(self.texts.get((scope, text), own) <= own for text in (probe["prompt"], probe["question"]) if text)

    def is_free(self, slot: Slot, split: str) -> bool:
        """Whether no edit that is used with those of a split touches a slot."""
        return (scope_of(split), slot) not in self.slots

    def is_kept(self, slot: Slot, split: str) -> bool:
        """Whether no edit that is used with those of a split replaces a true object and touches a slot."""
        return self.changing.isdisjoint(self.slots.get((scope_of(split), slot), ()))


def probe_slots(probe: Probe) -> list[Slot]:
    """The slots on a probe's way: the item it asks about first, then each object that leads on."""
    return slots_on(probe["subject_id"], probe["path"])


def asked_slots(edit: Edit) -> set[Slot]:
    """The slots on the way of every probe of an edit."""
    return {slot for probe in probes_of(edit) for slot in probe_slots(probe)}


def slots_on(item: str, path: Iterable[Step]) -> list[Slot]:
    """The slots of a path that starts at an item.

    >>> slots_on("Q1", [{"relation_id": "P27", "object_id": "Q2"}, {"relation_id": "P36", "object_id": "Q3"}])
    [('Q1', 'P27'), ('Q2', 'P36')]
    """
    slots: list[Slot] = []
    for step in path:
        slots.append((item, step["relation_id"]))
        item = step["object_id"]
    return slots


def find_touched(edits: Iterable[Edit], subgraph: Subgraph) -> Touched:
    """Index the slots and the texts of edits that have their splits."""
    slots: defaultdict[tuple[str, Slot], set[str]] = defaultdict(set)
    decided: defaultdict[tuple[str, Slot], set[str]] = defaultdict(set)
    texts: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    changing: set[str] = set()
    for edit in edits:
        scope, fact = scope_of(edit["split"]), fact_of(edit)
        if edit["edit_kind"] == "modification":
            changing.add(fact)
        claims = claims_of(edit, subgraph)
        for slot in claims.touched:
            slots[scope, slot].add(fact)
        for slot in claims.decided:
            decided[scope, slot].add(fact)
        for text in sentences_of(edit):
            texts[scope, text].add(fact)
    return Touched(_frozen(slots), _frozen(decided), _frozen(texts), frozenset(changing))


def _frozen(index: Mapping[Key, set[str]]) -> dict[Key, frozenset[str]]:
    return {key: frozenset(facts) for key, facts in index.items()}


def independent_groups(edits: Iterable[Edit], subgraph: Subgraph) -> dict[str, int]:
    """A number for each fact such that edits of one scope and number leave each other and each other's probes alone.

    Numbers are given greedily in the order of the cases: each fact takes the smallest number that no fact of its scope
    has with which it shares a slot, so that most have 0. A robust edit has the number of the edit it varies.

    Returns:
        The number of every fact, by its first case.
    """
    touched_by: defaultdict[str, set[tuple[str, Slot]]] = defaultdict(set)
    asked_by: defaultdict[str, set[tuple[str, Slot]]] = defaultdict(set)
    for edit in edits:
        scope = scope_of(edit["split"])
        touched_by[fact_of(edit)].update((scope, slot) for slot in claims_of(edit, subgraph).touched)
        asked_by[fact_of(edit)].update((scope, slot) for slot in asked_slots(edit))
    touching: defaultdict[tuple[str, Slot], set[int]] = defaultdict(set)
    asking: defaultdict[tuple[str, Slot], set[int]] = defaultdict(set)
    groups: dict[str, int] = {}
    for fact, touched in sorted(touched_by.items()):
        asked = asked_by[fact]
        taken = {group for slot in touched for group in touching[slot] | asking[slot]}
        taken |= {group for slot in asked for group in touching[slot]}
        groups[fact] = next(number for number in range(len(taken) + 1) if number not in taken)
        for slot in touched:
            touching[slot].add(groups[fact])
        for slot in asked:
            asking[slot].add(groups[fact])
    return groups
