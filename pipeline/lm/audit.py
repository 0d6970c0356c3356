"""How far scores in half precision are from float32: a few pairs of every such run are scored again.

Half precision rounds in the body of the model, by much more than batches do. What matters for choosing by likelihood is
the order of names, so Spearman's rank correlation stands beside the differences.
"""

import heapq
import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from statistics import correlation, fmean
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core.manifest import AuditRecord
from pipeline.core.seeded import draw_key
from pipeline.lm.device_workers import plan_workers, score_on, start_worker
from pipeline.lm.model_spec import ModelSpec
from pipeline.lm.scores import Identity

_SEED = 0  # the draw is one of pairs among pairs; a run of its own decides nothing by it


def describe_audit(record: AuditRecord) -> str:
    """The sentence that a user reads."""
    if record.mean_difference is None or record.max_difference is None:
        return f"Audit: none of {record.pairs} pairs has finite scores both in {record.dtype} and in float32."
    rho = "" if record.spearman is None else f", Spearman's rho {record.spearman:.5f}"
    return (
        f"Audit of {record.dtype} on {record.pairs} of {record.of_pairs} pairs: the sums are "
        f"{record.mean_difference:.4f} nats from float32 in the mean, {record.max_difference:.4f} at most{rho}."
    )


def audit(pairs: pa.Table, found: pa.Table, identity: Identity, spec: ModelSpec) -> AuditRecord:
    """Score a drawn part of PAIRS again in float32.

    Args:
        pairs: PAIRS of the run.
        found: Their PAIR_SCORES.
        identity: Who the model is.
        spec: The model, and how it scored them.
    """
    keys = cast(list[bytes], pairs["score_key"].to_pylist())
    count = max(spec.settings.min_audit_pairs, math.ceil(spec.settings.audit_share * len(keys)))
    drawn = heapq.nsmallest(count, range(len(keys)), key=lambda place: draw_key(_SEED, "audit", keys[place].hex()))
    sample = pairs.take(pa.array(drawn, pa.int64()))
    exact_spec = spec.with_settings(dtype="float32", workers=1)
    (worker,) = plan_workers(exact_spec, replace(identity, dtype="float32"))
    with start_worker(worker) as pool:
        again = pool.submit(score_on, worker, sample).result()
    places = pc.index_in(sample["score_key"].combine_chunks(), value_set=found["score_key"].combine_chunks())
    before, exact = found["log_likelihood_sum"].take(places), again["log_likelihood_sum"]
    sums = zip(before.to_pylist(), exact.to_pylist(), strict=True)
    both = [(one, other) for one, other in sums if one is not None and other is not None]
    return _compare(
        cast(list[tuple[float, float]], both),
        AuditRecord(dtype=spec.settings.dtype, pairs=len(drawn), of_pairs=len(keys)),
    )


def _compare(sums: Sequence[tuple[float, float]], record: AuditRecord) -> AuditRecord:
    """Add the differences between pairs of finite sums."""
    if not sums:
        return record
    differences = [abs(one - exact) for one, exact in sums]
    record = record.model_copy(update={"mean_difference": fmean(differences), "max_difference": max(differences)})
    ranks = [_ranks(column) for column in zip(*sums, strict=True)]
    if any(len(set(column)) < 2 for column in ranks):
        return record
    return record.model_copy(update={"spearman": correlation(*ranks)})


def _ranks(values: Sequence[float]) -> list[float]:
    """The place of each value in their order; equal values share the middle of theirs.

    >>> _ranks([0.5, 0.1, 0.5])
    [2.0, 0.5, 2.0]
    """
    in_order = sorted(values)
    return [(bisect_left(in_order, value) + bisect_right(in_order, value)) / 2 for value in values]
