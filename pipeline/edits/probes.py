"""Probes: for every edit, what it must leave alone (locality) and what must follow from it (portability).

Every answer is read off the newer state: all true objects, the preferred label first, then aliases. A probe about
another subject is taken from the edit's own split, so that nothing of another split is seen.
"""

from collections.abc import Callable, Iterator
from typing import cast

from pipeline.core.edit_record import Edit, Probe
from pipeline.core.settings import ProbesSettings
from pipeline.edits.locality import forgetfulness, neighborhood, relation_specificity
from pipeline.edits.portability import logical_generalization, reasoning_after, reasoning_before, subject_aliasing
from pipeline.edits.probe_context import EditContext
from pipeline.language.subgraph import Subgraph


def add_probes(
    edit: Edit, subgraph: Subgraph, settings: ProbesSettings, seed: int, is_in_split: Callable[[int], bool]
) -> Edit:
    """An edit with its locality and portability.

    Args:
        edit: The edit, with its split.
        subgraph: What is true around it.
        settings: How many probes of each kind.
        seed: The seed of the run.
        is_in_split: Whether an item belongs to the edit's split.
    """
    context = EditContext(edit, subgraph, seed, is_in_split)
    locality = [
        *_first_distinct(relation_specificity(context), settings.relation_specificity),
        *_first_distinct(forgetfulness(context), settings.forgetfulness),
        *_first_distinct(neighborhood(context), settings.neighborhood),
    ]
    portability = [
        *_first_distinct(subject_aliasing(context), settings.subject_aliasing),
        *_first_distinct(reasoning_after(context), settings.reasoning - settings.reasoning // 2),
        *_first_distinct(reasoning_before(context), settings.reasoning // 2),
        *_first_distinct(logical_generalization(context), settings.logical_generalization),
    ]
    return cast(Edit, {**edit, "locality": locality, "portability": portability})


def _first_distinct(probes: Iterator[Probe], count: int) -> Iterator[Probe]:
    """The first probes with different prompts."""
    seen: set[str] = set()
    for probe in probes:
        if len(seen) == count:
            return
        if probe["prompt"] not in seen:
            seen.add(probe["prompt"])
            yield probe
