"""What each edit is to the rest of the release: its partner, its group, and what it stands for."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from pipeline.core.edit_record import Edit
from pipeline.core.seeded import shuffled
from pipeline.edits.consistency import fact_of, independent_groups
from pipeline.language.subgraph import Subgraph

_PAIRED = ("popular", "long_tail")

Stratum = tuple[str, str, bool]  # category, relations, and whether it is long tail by its name alone


def place(edits: Sequence[Edit], subgraph: Subgraph, seed: int) -> list[Edit]:
    """Fill the columns of the group `Placement`, in which a robust edit follows the edit it varies.

    Args:
        edits: Every edit of every category, as the release will contain them.
        subgraph: What is true around them.
        seed: The seed of the run.

    Returns:
        The edits in the order given.
    """
    partners = matched_pairs(edits, seed)
    groups = independent_groups(edits, subgraph)
    rows = rows_by_stratum(edits)
    weights = {
        edit["case_id"]: edit["pool_rows"] / rows[stratum_of(edit)] for edit in edits if not edit["base_case_id"]
    }
    return [
        cast(
            Edit,
            {
                **edit,
                "pair_id": partners.get(edit["case_id"]),
                "independent_group": groups[fact_of(edit)],
                "sampling_weight": weights[fact_of(edit)],
            },
        )
        for edit in edits
    ]


def stratum_of(edit: Edit) -> Stratum:
    """The facts that an edit was drawn from."""
    return edit["category"], "/".join(step["relation_id"] for step in edit["path"]), edit["lt_type"] == "semantic"


def rows_by_stratum(edits: Iterable[Edit]) -> Mapping[Stratum, int]:
    """How many rows each stratum has."""
    return Counter(map(stratum_of, edits))


def matched_pairs(edits: Iterable[Edit], seed: int) -> dict[str, str]:
    """Pairs of a popular and a long-tail edit with the same split, relation and domain.

    Edits are paired in the order of their tickets, those first whose subjects are instances of the same classes.

    Returns:
        The partner of every edit that has one, by `case_id`.
    """
    partners: dict[str, str] = {}
    pairable = [edit for edit in edits if edit["category"] in _PAIRED and edit["hops"] == 1]
    ordered = shuffled(pairable, seed, "pair", by=lambda edit: edit["case_id"])
    for with_classes in (True, False):
        waiting: defaultdict[tuple[str, ...], tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
        for edit in ordered:
            if edit["case_id"] not in partners:
                classes = sorted(edit["subject_types"]) if with_classes else []
                key = (edit["split"], edit["relation_id"], edit["domain"], *classes)
                waiting[key][_PAIRED.index(edit["category"])].append(edit["case_id"])
        for popular, rare in waiting.values():
            for one, other in zip(popular, rare, strict=False):
                partners |= {one: other, other: one}
    return partners
