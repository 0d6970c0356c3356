"""The rows that a reader is given: drawn with a seed, by relation, so that rare relations appear."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pipeline.core.edit_record import Edit
from pipeline.core.seeded import shuffled

Stratum = tuple[str, str]  # category and relation


def stratum(edit: Edit) -> Stratum:
    """The group of rows that a row is drawn from."""
    return edit["category"], edit["relation_id"]


def draw(edits: Iterable[Edit], categories: Iterable[str], rows: int, seed: int) -> list[Edit]:
    """The sample of a release: so many rows a category, in an order in which every beginning is a sample too.

    Args:
        edits: The rows to draw from.
        categories: In the order in which they are read.
        rows: How many of each category, or all where there are fewer.
        seed: Of the draw.
    """
    groups: defaultdict[Stratum, list[Edit]] = defaultdict(list)
    for edit in edits:
        groups[stratum(edit)].append(edit)
    drawn: list[Edit] = []
    for category in categories:
        own = {key: group for key, group in groups.items() if key[0] == category}
        taken = allocate({relation: len(group) for (_, relation), group in own.items()}, rows)
        chosen = [
            edit for (_, relation), group in own.items() for edit in _in_turn(group, seed)[: taken.get(relation, 0)]
        ]
        drawn += _shuffled(chosen, seed)
    return drawn


def _shuffled(edits: Iterable[Edit], seed: int) -> list[Edit]:
    return shuffled(edits, seed, "audit", by=lambda edit: edit["case_id"])


def _in_turn(edits: Sequence[Edit], seed: int) -> list[Edit]:
    """The rows of a stratum in drawn order, the splits spread evenly over it.

    Row i of n of a split stands at (i + 1/2) / n; so any number of first rows has the splits in proportion.
    """
    splits: defaultdict[str, list[Edit]] = defaultdict(list)
    for edit in _shuffled(edits, seed):
        splits[edit["split"]].append(edit)
    places = [((i + 0.5) / len(own), edit) for own in splits.values() for i, edit in enumerate(own)]
    return [edit for _, edit in sorted(places, key=lambda place: (place[0], -len(splits[place[1]["split"]])))]


def allocate(sizes: Mapping[str, int], rows: int) -> dict[str, int]:
    """How many rows each stratum gives: as the square root of its size, and at least one while there are rows.

    Power allocation (Bankier 1988) between equal shares, which measure the rare well, and proportional ones, which
    measure the whole well. The next row goes where the root of the size is greatest against the geometric mean of the
    rows before and after (Huntington and Hill), so that each stratum has one before any has two.

    >>> allocate({"P27": 900, "P19": 100, "P91": 1}, 9)
    {'P27': 6, 'P19': 2, 'P91': 1}
    """
    taken = dict.fromkeys(sizes, 0)
    for _ in range(min(rows, sum(sizes.values()))):
        open_ones = [name for name in sizes if taken[name] < sizes[name]]
        name = min(open_ones, key=lambda name: (-_claim(sizes[name], taken[name]), -sizes[name], name))
        taken[name] += 1
    return taken


def _claim(size: int, taken: int) -> float:
    return math.sqrt(size / (taken * (taken + 1))) if taken else math.inf
