"""The draw: which candidates a category takes, in seeded order, within its quota and its caps.

Candidates come in turn: kind by kind (one hop and two hops, statistical and semantic) as the shares of the kinds say,
in a kind relation by relation, in a relation by ticket, those last that were found to have no portability probe. One is
taken unless the category is full, its subject, relation or target has what it may have, or a further check refuses it.
All of these only fill up, so a draw is exhaustive: what it refused cannot be added to what it took.

Caps are shares of the rows taken, and these are not known before. So a draw is tried for a number of rows: the caps are
those of that number, and the try is good if it takes as many. Bisection finds a number that is, whose next one is not:
a few rows short of the greatest at most, since shares are rounded down.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.core.edit_record import Edit
from pipeline.core.seeded import draw_key
from pipeline.core.settings import BalanceSettings, Settings
from pipeline.edits.dropped import Drop, drop_edit
from pipeline.select.categories import CATEGORIES


class Refusal(NamedTuple):
    """Why a candidate is not taken, with the case that stands in its way."""

    reason: str
    detail: str | None = None


Check = Callable[[Edit], Refusal | None]
"""Refuses a candidate, or takes note of it and gives None."""


@dataclass(frozen=True)
class Limits:
    """How many rows a category takes.

    Attributes:
        size: Rows in all.
        per_subject: Rows about one subject.
        two_hop_share: The share of paths of two hops, while both kinds last.
        balance: The caps.
    """

    size: int
    per_subject: int
    two_hop_share: float
    balance: BalanceSettings


class Drawn(NamedTuple):
    """What a draw took, in its order, and what it refused, with the caps of so many rows."""

    taken: list[Edit]
    refused: list[tuple[Edit, Refusal]]
    rows: int


def limits_of(category: str, settings: Settings, spare: float = 1) -> Limits:
    """The limits of a category, with spare rows for what later stages lose."""
    chosen = CATEGORIES[category]
    size = math.ceil(chosen.size(settings) * spare)
    return Limits(size, chosen.per_subject(settings), settings.popular.two_hop_share, settings.balance)


def relation_cap(rows: int, balance: BalanceSettings) -> int:
    """How many of so many rows one relation may have."""
    return max(balance.min_relation_rows, math.floor(rows * balance.relation_share))


def target_cap(rows: int, balance: BalanceSettings) -> int:
    """How many of so many rows may have one target."""
    return max(balance.min_target_rows, math.floor(rows * balance.target_share))


def target_of(edit: Edit) -> str:
    """What an edit makes true: an item, or a date or number."""
    return edit["target_new_id"] or edit["target_new"]


def draw(candidates: Iterable[Edit], limits: Limits, seed: int, new_check: Callable[[], Check] | None = None) -> Drawn:
    """Draw rows of one category.

    Args:
        candidates: Its candidates in any order, with different `case_id`.
        limits: Quota and caps.
        seed: The seed of the run.
        new_check: Makes a further check for each try; it is asked last, and only about what fits otherwise.

    Returns:
        The rows of a number for which a try is good, where one more is not.
    """
    ordered = in_turn(candidates, limits.two_hop_share, seed)

    def tried(rows: int) -> Drawn:
        return _try(ordered, rows, limits, new_check() if new_check else _accept)

    good, bad = 0, min(limits.size, len(ordered)) + 1
    best = tried(bad - 1)
    if len(best.taken) >= bad - 1:
        return best
    bad = len(best.taken) + 1  # wider caps would take no more
    best = tried(0)
    while bad - good > 1:
        middle = (good + bad) // 2
        found = tried(middle)
        if len(found.taken) >= middle:
            good, best = middle, found
        else:
            bad = middle
    return best


def draw_again(edits: Sequence[Edit], settings: Settings, stage: str) -> tuple[list[Edit], list[Drop]]:
    """Hold rows of all categories to their quotas and caps after a stage has lost some.

    Args:
        edits: The rows that are left.
        settings: Quotas, caps and the seed.
        stage: The stage, for the record of what is dropped.

    Returns:
        Edits in the order of their `case_id`, and what was dropped.
    """
    kept: list[Edit] = []
    drops: list[Drop] = []
    for category in sorted({edit["category"] for edit in edits}):
        rows = [edit for edit in edits if edit["category"] == category]
        drawn = draw(rows, limits_of(category, settings), settings.seed)
        kept += drawn.taken
        drops += [drop_edit(edit, stage, *refusal) for edit, refusal in drawn.refused]
    return sorted(kept, key=lambda edit: edit["case_id"]), drops


def in_turn(candidates: Iterable[Edit], two_hop_share: float, seed: int) -> list[Edit]:
    """Candidates in the order in which they are drawn."""
    tickets = {edit["case_id"]: (draw_key(seed, edit["case_id"]), edit) for edit in candidates}
    rounds: Counter[tuple[str, str]] = Counter()
    kinds: defaultdict[str, list[tuple[int, str, Edit]]] = defaultdict(list)
    for ticket, edit in sorted(tickets.values(), key=lambda pair: (not pair[1]["portability"], pair[0])):
        kind, question = _kind(edit), "/".join(step["relation_id"] for step in edit["path"])
        rounds[kind, question] += 1
        kinds[kind].append((rounds[kind, question], ticket, edit))
    placed: list[tuple[float, str, Edit]] = []
    for rows in kinds.values():
        for place, (_, ticket, edit) in enumerate(sorted(rows, key=lambda row: row[:2]), start=1):
            share = _share(edit, two_hop_share)
            placed.append((place / share if share else math.inf, ticket, edit))
    return [edit for _, _, edit in sorted(placed, key=lambda row: row[:2])]


def _kind(edit: Edit) -> str:
    if edit["hops"] == 2:
        return "two hops"
    return "semantic" if edit["lt_type"] == "semantic" else "one hop"


def _share(edit: Edit, two_hop_share: float) -> float:
    """What part of its category the kind of an edit should fill; a kind that is alone fills it anyway."""
    if edit["lt_type"] is not None:
        return 0.5
    return two_hop_share if edit["hops"] == 2 else 1 - two_hop_share


def _accept(edit: Edit) -> None:
    """The check that refuses nothing."""


def _try(ordered: Iterable[Edit], rows: int, limits: Limits, check: Check) -> Drawn:
    """Take what fits, with the caps of so many rows."""
    subjects, relations, targets = Counter[str](), Counter[str](), Counter[str]()
    most_of_relation, most_of_target = relation_cap(rows, limits.balance), target_cap(rows, limits.balance)
    drawn = Drawn([], [], rows)
    for edit in ordered:
        subject, relation, target = edit["subject_id"], edit["relation_id"], target_of(edit)
        if len(drawn.taken) >= limits.size:
            refusal = Refusal("over_quota")
        elif subjects[subject] >= limits.per_subject:
            refusal = Refusal("subject_quota")
        elif relations[relation] >= most_of_relation:
            refusal = Refusal("relation_cap")
        elif targets[target] >= most_of_target:
            refusal = Refusal("target_cap")
        else:
            refusal = check(edit)
        if refusal:
            drawn.refused.append((edit, refusal))
            continue
        drawn.taken.append(edit)
        subjects[subject] += 1
        relations[relation] += 1
        targets[target] += 1
    return drawn
