"""Context: true facts about an edit's subject before a prompt (relevant), or about another item (irrelevant).

Both poles state the same number of facts in the same kind of sentences, so that nothing but relevance differs. Of a
subject without a usable fact the relevant one gives the description. None names an answer of the edit or of its probes.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice, permutations
from typing import NamedTuple

from pipeline.core.edit_record import Edit, Prefix
from pipeline.core.seeded import fraction, shuffled
from pipeline.core.settings import RobustSettings
from pipeline.edits.edit_parts import probes_of
from pipeline.edits.side_facts import (
    Surroundings,
    anaphor,
    clauses,
    fits_as_prefix,
    names_of_answers,
    names_of_probe_answers,
    safe_description,
    stated,
)
from pipeline.language.answers import item_in_text
from pipeline.language.subgraph import Subgraph, Triple

_MOST_FACTS = 2
_TRIED_ORDERS = 12  # of two facts about one item


class _Context(NamedTuple):
    """Sentences, and the facts that they state."""

    text: str
    facts: tuple[Triple, ...] = ()


def context_pair(edit: Edit, surroundings: Surroundings, settings: RobustSettings) -> list[Prefix] | None:
    """A relevant and an irrelevant context of equal size; None if there is none."""
    wanted = 1 + int(fraction(surroundings.seed, "context", edit["case_id"]) * _MOST_FACTS)
    for count in range(wanted, 0, -1):
        relevant = next(_relevant(edit, count, surroundings, settings), None)
        irrelevant = next(_irrelevant(edit, count, surroundings, settings), None) if relevant else None
        if relevant and irrelevant:
            return [_prefix("relevant", "subject", relevant), _prefix("irrelevant", "another", irrelevant)]
    return None


def _prefix(pole: str, about: str, context: _Context) -> Prefix:
    return {
        "attribute": "context",
        "pole": pole,
        "level": max(len(context.facts), 1),
        "text": context.text,
        "about": about,
        "facts": [stated(triple) for triple in context.facts],
    }


def _relevant(edit: Edit, count: int, surroundings: Surroundings, settings: RobustSettings) -> Iterator[_Context]:
    """Contexts of so many facts about the subject."""
    near = surroundings.relations_near(edit)
    facts = surroundings.facts_about(int(edit["subject_id"][1:]), edit, near, "relevant")
    forbidden = [*names_of_answers(edit, surroundings.subgraph), *names_of_probe_answers(edit)]
    yield from _contexts(facts, count, forbidden, edit, surroundings, settings)
    if count == 1:
        for text in _descriptions(edit, surroundings):
            if fits_as_prefix(text, forbidden, settings):
                yield _Context(text)


def _descriptions(edit: Edit, surroundings: Surroundings) -> list[str]:
    """Sentences that give the description of the subject."""
    subgraph = surroundings.subgraph
    subject = subgraph.items[int(edit["subject_id"][1:])]
    description = safe_description(subject, [step["relation_id"] for step in edit["path"]], subgraph)
    if description is None:
        return []
    frames = shuffled(subgraph.templates.contexts.descriptions, surroundings.seed, "description", edit["case_id"])
    return [
        _sentence(frame.format(subject=item_in_text(subject, subgraph), description=description)) for frame in frames
    ]


def _irrelevant(edit: Edit, count: int, surroundings: Surroundings, settings: RobustSettings) -> Iterator[_Context]:
    """Contexts of so many facts about an item that has nothing to do with the edit."""
    subgraph = surroundings.subgraph
    near = surroundings.relations_near(edit)
    involved = _involved(edit)
    names = [name for item in involved if item in subgraph.items for name in subgraph.items[item].names]
    forbidden = [*names_of_answers(edit, subgraph), *names_of_probe_answers(edit), *names]
    for item in surroundings.other_items(edit):
        if item not in involved:
            facts = surroundings.facts_about(item, edit, near, "irrelevant")
            apart = [
                fact
                for fact in facts
                if fact.object_count == 1
                and fact.object_id not in involved
                and surroundings.is_untouched(fact, edit["split"])
            ]
            yield from _contexts(apart, count, forbidden, edit, surroundings, settings)


def _involved(edit: Edit) -> set[int]:
    """The items that an edit and its probes name."""
    probes = probes_of(edit)
    paths = [edit["path"], *(probe["path"] for probe in probes)]
    names = {step["object_id"] for path in paths for step in path}
    names |= {probe["subject_id"] for probe in probes}
    names |= {name for name in (edit["subject_id"], edit["target_new_id"], edit["ground_truth_id"]) if name}
    return {int(name[1:]) for name in names if name.startswith("Q")}


def _contexts(
    facts: Sequence[Triple],
    count: int,
    forbidden: Collection[str],
    edit: Edit,
    surroundings: Surroundings,
    settings: RobustSettings,
) -> Iterator[_Context]:
    """What fits before a prompt: no longer than loaders read, and without names that give an answer away."""
    for some in islice(permutations(facts, count), _TRIED_ORDERS):
        for text in _texts(some, surroundings.subgraph, surroundings.seed, edit["case_id"]):
            if fits_as_prefix(text, forbidden, settings):
                yield _Context(text, some)


def _texts(facts: Sequence[Triple], subgraph: Subgraph, seed: int, case: str) -> Iterator[str]:
    """Sentences that state some facts about one item, of which the first one names it."""
    texts: list[list[str]] = []
    for place, fact in enumerate(facts):
        alias = anaphor(fact.subject_id, subgraph, facts) if place else None
        texts.append(shuffled(clauses(fact, subgraph, alias=alias), seed, "clause", place, case))
    return (" ".join(map(_sentence, parts)) for parts in zip(*texts, strict=False))


def _sentence(clause: str) -> str:
    """A clause with its full stop; a name such as "Sammy Davis Jr." brings its own."""
    text = f"This{clause.removeprefix('this')}" if clause.startswith("this ") else clause
    return text if text.endswith(".") else f"{text}."
