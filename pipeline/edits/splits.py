"""EDITS to splits: by subject, by hash alone, so that a subject stays where it is whatever else comes or goes.

An edit over two hops belongs to the split of its subject and must agree with that of its middle entity. Of two
edits that contradict each other (`consistency.py`) one is dropped, and no prompt, question or rephrase appears twice.
"""

from collections.abc import Callable, Iterable
from typing import cast, get_args

from pipeline.core.edit_record import Edit, Split
from pipeline.core.seeded import draw_key, fraction
from pipeline.core.settings import SplitsSettings
from pipeline.edits.consistency import Claims, ScopeClaims, new_scope, scope_of
from pipeline.edits.dropped import Drop, drop_edit
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


def assign_splits(
    edits: Iterable[Edit],
    claims_of: Callable[[Edit], Claims],
    exclusions: Exclusions,
    seed: int,
    shares: SplitsSettings,
) -> tuple[list[Edit], list[Drop]]:
    """Give every edit its split and drop those that would break a split.

    Args:
        edits: Edits without a split.
        claims_of: What an edit claims.
        exclusions: Prompts that must not appear.
        seed: The seed of the run.
        shares: The shares of the splits.

    Returns:
        Edits with a split, in the order of their `case_id`, and what was dropped.
    """
    kept: list[Edit] = []
    drops: list[Drop] = []
    scopes: dict[str, ScopeClaims] = {}
    taken_texts: set[str] = set()
    for edit in sorted(edits, key=lambda edit: (_PRIORITY[edit["category"]], draw_key(seed, edit["case_id"]))):
        split = split_of(edit["subject_id"], seed, shares)
        if reason := _drop_reason(edit, split, exclusions, seed, shares):
            drops.append(drop_edit(edit, "splits", reason))
            continue
        scope, claims = scopes.setdefault(scope_of(split), new_scope()), claims_of(edit)
        if rival := scope.rival(claims):
            drops.append(drop_edit(edit, "splits", "conflict", rival))
        elif taken_texts.intersection(texts := _sentences(edit)):
            drops.append(drop_edit(edit, "splits", "duplicate_prompt"))
        else:
            scope.add(edit["case_id"], claims)
            taken_texts.update(texts)
            kept.append(cast(Edit, {**edit, "split": split}))
    return sorted(kept, key=lambda edit: edit["case_id"]), drops


def _drop_reason(edit: Edit, split: Split, exclusions: Exclusions, seed: int, shares: SplitsSettings) -> str | None:
    if edit["hops"] == 2 and split_of(edit["path"][0]["object_id"], seed, shares) != split:
        return "middle_in_other_split"
    texts = (edit["subject"], *_sentences(edit))
    return "excluded" if any(exclusions.holds(text) for text in texts) else None


def _sentences(edit: Edit) -> list[str]:
    """Every sentence of an edit; namesakes of whom only one is alive share some of them."""
    return [edit["prompt"], edit["question"], *edit["rephrases"], *edit["question_rephrases"]]
