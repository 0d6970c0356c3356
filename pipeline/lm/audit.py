"""How far scores in half precision are from float32: a few pairs of every such run are scored again.

Half precision rounds in the body of the model, by much more than batches do. What matters for choosing by likelihood is
the order of names, so Spearman's rank correlation is told beside the differences.
"""

import heapq
import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from statistics import correlation, fmean
from typing import NamedTuple, cast

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core.seeded import draw_key
from pipeline.lm.devices import Run, make_lanes, open_lane, score_lane
from pipeline.lm.scorer import Identity

_SEED = 0  # the draw is one of pairs among pairs; a run of its own decides nothing by it


class Audit(NamedTuple):
    """What an audit found; differences are in nats a sum."""

    dtype: str
    pairs: int  # scored again
    of_pairs: int
    mean_difference: float | None = None  # of the absolute values; None if no pair has a finite score twice
    max_difference: float | None = None
    spearman: float | None = None  # None if either side is constant

    def sentence(self) -> str:
        """The same for a reader."""
        if self.mean_difference is None or self.max_difference is None:
            return f"Audit: none of {self.pairs} pairs has finite scores both in {self.dtype} and in float32."
        rho = "" if self.spearman is None else f", Spearman's rho {self.spearman:.5f}"
        return (
            f"Audit of {self.dtype} on {self.pairs} of {self.of_pairs} pairs: the sums are {self.mean_difference:.4f} "
            f"nats from float32 in the mean, {self.max_difference:.4f} at most{rho}."
        )


def audit(pairs: pa.Table, found: pa.Table, identity: Identity, run: Run) -> Audit:
    """Score a drawn part of PAIRS again in float32.

    Args:
        pairs: PAIRS of the run.
        found: Their PAIR_SCORES.
        identity: The model.
        run: How they were scored.
    """
    keys = cast(list[bytes], pairs["score_key"].to_pylist())
    count = max(run.scoring.min_audit_pairs, math.ceil(run.scoring.audit_share * len(keys)))
    drawn = heapq.nsmallest(count, range(len(keys)), key=lambda place: draw_key(_SEED, "audit", keys[place].hex()))
    sample = pairs.take(pa.array(drawn, pa.int64()))
    exact = replace(run, choice=replace(run.choice, dtype="float32"), workers=1)
    (lane,) = make_lanes(exact, replace(identity, dtype="float32"))
    with open_lane(lane) as pool:
        again = pool.submit(score_lane, lane, sample).result()
    places = pc.index_in(sample["score_key"].combine_chunks(), value_set=found["score_key"].combine_chunks())
    before, exact = found["log_likelihood_sum"].take(places), again["log_likelihood_sum"]
    sums = zip(before.to_pylist(), exact.to_pylist(), strict=True)
    both = [(one, other) for one, other in sums if one is not None and other is not None]
    return _compare(cast(list[tuple[float, float]], both), Audit(run.choice.dtype, len(drawn), len(keys)))


def _compare(sums: Sequence[tuple[float, float]], audit: Audit) -> Audit:
    """Fill in what pairs of finite sums tell."""
    if not sums:
        return audit
    differences = [abs(one - exact) for one, exact in sums]
    audit = audit._replace(mean_difference=fmean(differences), max_difference=max(differences))
    ranks = [_ranks(column) for column in zip(*sums, strict=True)]
    if any(len(set(column)) < 2 for column in ranks):
        return audit
    return audit._replace(spearman=correlation(*ranks))


def _ranks(values: Sequence[float]) -> list[float]:
    """The place of each value in their order; equal values share the middle of theirs.

    >>> _ranks([0.5, 0.1, 0.5])
    [2.0, 0.5, 2.0]
    """
    in_order = sorted(values)
    return [(bisect_left(in_order, value) + bisect_right(in_order, value)) / 2 for value in values]
