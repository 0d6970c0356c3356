"""EDITS to splits: by subject, by hash alone, so that a subject stays where it is whatever else comes or goes.

An edit over two hops belongs to the split of its subject and must agree with that of its middle entity. Of two
edits that contradict each other (`consistency.py`) one is dropped, and no prompt, question or rephrase appears twice.
Quotas and caps are kept here too (`draw.py`): what is dropped leaves its place to another candidate.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast, get_args

from pipeline.core.edit_record import Edit, Split
from pipeline.core.seeded import fraction
from pipeline.core.settings import SplitsSettings
from pipeline.edits.consistency import Claims, ScopeClaims, new_scope, scope_of
from pipeline.edits.draw import Limits, Refusal, draw
from pipeline.edits.dropped import Drop, drop_edit
from pipeline.edits.edit_parts import sentences_of
from pipeline.edits.exclusions import Exclusions

SPLITS: tuple[Split, ...] = get_args(Split)

_PRIORITY = {"recent": 0, "popular": 1, "long_tail": 2}  # what is rarest to find keeps its place


def split_of(item: str, seed: int, shares: SplitsSettings) -> Split:
    """The split of an item, by its Q-id.

    >>> shares = SplitsSettings(train=1, validation=0, test=0)
    >>> split_of("Q42", 1, shares)
    'train'
    """
    draw = fraction(seed, "split", item)
    if draw < shares.test:
        return "test"
    return "validation" if draw < shares.test + shares.validation else "train"


@dataclass
class _Taken:
    """What the edits taken so far claim, and their sentences."""

    scopes: dict[str, ScopeClaims] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)

    def copy(self) -> "_Taken":
        return _Taken({name: scope.copy() for name, scope in self.scopes.items()}, set(self.texts))

    def refusal(self, edit: Edit, claims: Claims) -> Refusal | None:
        """Take in an edit that has its split, or say what speaks against it."""
        scope = self.scopes.setdefault(scope_of(edit["split"]), new_scope())
        if rival := scope.rival(claims):
            return Refusal("conflict", rival)
        if self.texts.intersection(texts := sentences_of(edit)):
            return Refusal("duplicate_prompt")
        scope.add(edit["case_id"], claims)
        self.texts.update(texts)
        return None


def assign_splits(
    edits: Iterable[Edit],
    claims_of: Callable[[Edit], Claims],
    exclusions: Exclusions,
    seed: int,
    shares: SplitsSettings,
    limits: Mapping[str, Limits],
) -> tuple[list[Edit], list[Drop]]:
    """Give every edit its split, and drop those that would break a split or that their category has no room for.

    Args:
        edits: Edits without a split.
        claims_of: What an edit claims.
        exclusions: Prompts that must not appear.
        seed: The seed of the run.
        shares: The shares of the splits.
        limits: How many rows each category takes.

    Returns:
        Edits with a split, in the order of their `case_id`, and what was dropped.
    """
    kept: list[Edit] = []
    drops: list[Drop] = []
    candidates: dict[str, list[Edit]] = {category: [] for category in _PRIORITY}
    for edit in edits:
        placed = cast(Edit, {**edit, "split": split_of(edit["subject_id"], seed, shares)})
        if reason := _drop_reason(placed, exclusions, seed, shares):
            drops.append(drop_edit(edit, "splits", reason))
        else:
            candidates[edit["category"]].append(placed)
    claims = {edit["case_id"]: claims_of(edit) for group in candidates.values() for edit in group}
    taken = _Taken()

    def new_check() -> Callable[[Edit], Refusal | None]:
        tried = taken.copy()
        return lambda edit: tried.refusal(edit, claims[edit["case_id"]])

    for category in sorted(limits, key=_PRIORITY.__getitem__):
        drawn = draw(candidates[category], limits[category], seed, new_check)
        for edit in drawn.taken:
            taken.refusal(edit, claims[edit["case_id"]])
        kept += drawn.taken
        drops += [drop_edit(edit, "splits", *refusal) for edit, refusal in drawn.refused]
    return sorted(kept, key=lambda edit: edit["case_id"]), drops


def _drop_reason(edit: Edit, exclusions: Exclusions, seed: int, shares: SplitsSettings) -> str | None:
    if edit["hops"] == 2 and split_of(edit["path"][0]["object_id"], seed, shares) != edit["split"]:
        return "middle_in_other_split"
    texts = (edit["subject"], *sentences_of(edit))
    return "excluded" if any(exclusions.holds(text) for text in texts) else None
