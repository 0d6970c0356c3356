"""Probes: for every edit, what it must leave alone (locality) and what must follow from it (portability).

Every answer is read off the newer state: all true objects, the preferred label first, then aliases. A probe about
another subject is taken from the edit's own split, so that nothing of another split is seen. A locality probe rests on
a doubtful statement only if the edit would have none without it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import cast

from pipeline.core.edit_record import Edit, Probe
from pipeline.core.settings import ProbesSettings
from pipeline.edits.dropped import Drop, drop_edit
from pipeline.edits.locality import Uses, forgetfulness, neighborhood, relation_specificity, use_of
from pipeline.edits.portability import logical_generalization, reasoning_after, reasoning_before, subject_aliasing
from pipeline.edits.probe_context import EditContext
from pipeline.language.subgraph import Subgraph


def add_probes(
    edit: Edit,
    subgraph: Subgraph,
    settings: ProbesSettings,
    seed: int,
    is_in_split: Callable[[int], bool],
    is_safe: Callable[[Probe], bool],
    uses: Uses | None = None,
) -> Edit:
    """An edit with its locality and portability.

    Args:
        edit: The edit, with its split.
        subgraph: What is true around it.
        settings: How many probes of each kind.
        seed: The seed of the run.
        is_in_split: Whether an item belongs to the edit's split.
        is_safe: Whether no other edit changes or states what a probe asks.
        uses: How often each neighbour was used so far; those of this edit are added; none: no other edit is made.
    """

    def first(probes: Iterator[Probe], count: int) -> Iterator[Probe]:
        return _first_distinct(filter(is_safe, probes), count)

    used = Uses() if uses is None else uses

    def locality_of(context: EditContext) -> list[Probe]:
        beside = list(first(neighborhood(context, used, settings.neighbour_uses), settings.neighborhood))
        spared = [probe for probe in beside if used[use_of(edit, probe["subject_id"])] < settings.neighbour_uses]
        specific = list(first(relation_specificity(context), settings.relation_specificity))
        # Who is used up already serves only where the subject itself leaves nothing to ask.
        neighbours = spared or beside[: 0 if specific else 1]
        return [*specific, *first(forgetfulness(context), settings.forgetfulness), *neighbours]

    context = EditContext(edit, subgraph, seed, is_in_split)
    locality = locality_of(context)
    if all(probe["kind"] == "Forgetfulness" for probe in locality):  # formats with one probe take one of another kind
        locality = locality_of(replace(context, needs_sure=False))
    used.update(use_of(edit, probe["subject_id"]) for probe in locality if probe["kind"] == "Neighborhood")
    portability = [
        *first(subject_aliasing(context), settings.subject_aliasing),
        *first(reasoning_after(context), settings.reasoning - settings.reasoning // 2),
        *first(reasoning_before(context), settings.reasoning // 2),
        *first(logical_generalization(context), settings.logical_generalization),
    ]
    return cast(Edit, {**edit, "locality": locality, "portability": portability})


def drop_unprobed(edits: Iterable[Edit]) -> tuple[list[Edit], list[Drop]]:
    """Drop edits without a locality probe: no consumer can train on them or measure what they harm."""
    kept: list[Edit] = []
    drops: list[Drop] = []
    for edit in edits:
        if edit["locality"]:
            kept.append(edit)
        else:
            drops.append(drop_edit(edit, "probes", "no_locality"))
    return kept, drops


def _first_distinct(probes: Iterator[Probe], count: int) -> Iterator[Probe]:
    """The first probes with different prompts."""
    seen: set[str] = set()
    for probe in probes:
        if len(seen) == count:
            return
        if probe["prompt"] not in seen:
            seen.add(probe["prompt"])
            yield probe
