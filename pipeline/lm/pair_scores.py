"""PAIRS to PAIR_SCORES with a loaded model.

Scores do not depend on what else is scored, except for rounding: the shape of a batch, and a row's place in it, decide
the order of summation (measured: below 1e-4 nats a sum in float32, up to 0.5 in bfloat16). The same pairs, in whatever
order, give the same bits again on the same machine.
"""

import math
from collections.abc import Mapping

import pyarrow as pa
from transformers import PreTrainedModel

from pipeline.core import schema
from pipeline.core.settings import Sharing
from pipeline.lm.batches import Encoded
from pipeline.lm.encoding import to_encoded, unique_pairs
from pipeline.lm.forward import ForwardStats, Limits, TokenScores, score_items


def score_pairs(
    network: PreTrainedModel, pairs: pa.Table, sharing: Sharing, limits: Limits, stats: ForwardStats
) -> pa.Table:
    """Turn PAIRS into PAIR_SCORES, each key once; `score_items` describes the arguments."""
    unique = unique_pairs(pairs)
    asked = pairs if sharing == "none" else unique
    scores = score_items(network, to_encoded(asked), sharing, limits, stats)
    return _pair_scores(unique, scores)


def _pair_scores(pairs: pa.Table, scores: Mapping[Encoded, TokenScores]) -> pa.Table:
    keys = pairs["score_key"].to_pylist()
    rows = [(key, *_row(scores[item])) for key, item in zip(keys, to_encoded(pairs), strict=True)]
    columns = list(zip(*rows, strict=True)) or [()] * len(schema.PAIR_SCORES)
    arrays = [pa.array(column, type=f.type) for column, f in zip(columns, schema.PAIR_SCORES, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema.PAIR_SCORES)


def _row(scores: TokenScores) -> tuple[object, ...]:
    """A row of PAIR_SCORES without its key; all null if a number is not finite."""
    tokens, ranks = scores
    if not all(map(math.isfinite, tokens)):
        return (None,) * (len(schema.PAIR_SCORES) - 1)
    return math.fsum(tokens), tokens[0], min(tokens), tokens, ranks[0], max(ranks), max(ranks) == 1
