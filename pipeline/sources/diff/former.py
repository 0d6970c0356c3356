"""Old answers: what an item answered in the older state and answers no more, beside what it answers now.

A statement is an answer while it has the best rank of its property, a value, and no qualifier that ends it. Where one
answer of a property went and one came, the first is the old answer of the second.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from pipeline.sources.diff.item_statements import Claim
from pipeline.sources.diff.matching import days_between
from pipeline.sources.entities.model import ENDING

Way = Literal["ended", "outranked", "removed"]


class Former(NamedTuple):
    """An old answer, and why it is none any more."""

    claim: Claim
    way: Way


def find_former(
    before: Mapping[str, Claim], after: Mapping[str, Claim], gap_days: tuple[int, int]
) -> dict[str, Former]:
    """The old answers of the statements that are answers now and were none before, by the id of the new statement.

    Args:
        before: The statements of an item in the older state, at least all of each property that differs.
        after: Those in the newer state.
        gap_days: The least and the most days from the end of an old answer to the start of the new one, if both are
            known.
    """
    found: dict[str, Former] = {}
    old, new = _answers(before.values()), _answers(after.values())
    for property_id in old.keys() & new.keys():
        went = [claim for value, claim in old[property_id].items() if value not in new[property_id]]
        came = [claim for value, claim in new[property_id].items() if value not in old[property_id]]
        if len(went) == len(came) == 1:
            former = _former(went[0], [claim for claim in after.values() if claim.property_id == property_id])
            gap = days_between(former.claim, came[0])
            if gap is None or gap_days[0] <= gap <= gap_days[1]:
                found[came[0].statement.id] = former
    return found


def _former(claim: Claim, after: Iterable[Claim]) -> Former:
    """A claim as the newer state has it, if it is still there; otherwise as it was."""
    same = [other for other in after if other.value == claim.value and other.statement.rank != "deprecated"]
    ended = [other for other in same if _is_over(other)]
    if ended:
        return Former(ended[-1], "ended")
    return Former(same[0], "outranked") if same else Former(claim, "removed")


def _answers(claims: Iterable[Claim]) -> dict[int, dict[tuple[object, ...], Claim]]:
    """The answers of each property, by value."""
    groups: defaultdict[int, list[Claim]] = defaultdict(list)
    for claim in claims:
        if claim.statement.rank != "deprecated":
            groups[claim.property_id].append(claim)
    found: dict[int, dict[tuple[object, ...], Claim]] = {}
    for property_id, group in groups.items():
        preferred = [claim for claim in group if claim.statement.rank == "preferred"]
        answers = [one for one in preferred or group if one.statement.mainsnak.snaktype == "value"]
        found[property_id] = {claim.value: claim for claim in answers if not _is_over(claim)}
    return found


def _is_over(claim: Claim) -> bool:
    return any(name in claim.statement.qualifiers for name in ENDING)
