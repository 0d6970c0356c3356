"""A scorer that runs a causal language model of the `transformers` library over requests in memory.

Scores do not depend on what else is scored but for rounding: the shape of a batch, and a row's place in it, decide the
order of summation (measured: below 1e-4 nats a sum in float32, up to 0.5 in bfloat16). The same requests, in whatever
order, give the same bits again on the same machine.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from pipeline.core import schema
from pipeline.core.settings import ScoringSettings, Sharing, load_settings
from pipeline.lm.batches import Encoded
from pipeline.lm.encoding import Reader, encode, items, joined, unique
from pipeline.lm.forward import Found, Limits, Work, score_items
from pipeline.lm.loading import Choice, fitting_sharing, load_network, load_reader
from pipeline.lm.scorer import Identity


def load_scorer(
    model: str,
    max_tokens_per_batch: int,
    dtype: str = "float32",
    revision: str | None = None,
    *,
    device: str = "auto",
    scoring: ScoringSettings | None = None,
    trust_remote_code: bool = False,
) -> "HfScorer":
    """Load a causal language model, with weights and tokenizer from one folder or one Hub repository.

    No code of the repository is run unless it is trusted. With HF_HUB_OFFLINE=1 only the local cache is read.

    Args:
        model: A folder, or a Hub id.
        max_tokens_per_batch: Tokens that the model reads at once.
        dtype: What it computes in: float32, bfloat16 or float16.
        revision: Branch, tag or commit on the Hub; a folder has none.
        device: auto (the first GPU if there is one), cpu, cuda or cuda:N.
        scoring: How sentences share batches; without it the defaults. Where a model cannot share as trees do, equal
            sentences are still read once, and the scorer's `sharing` says so.
        trust_remote_code: Whether code of the repository may be run.

    Raises:
        UsageError: The model cannot be loaded, or is none that can score.
    """
    choice = Choice(model, revision, dtype, device, trust_remote_code)
    identity, reader = load_reader(choice)
    network = load_network(choice, identity)
    return make_scorer(identity, reader, network, max_tokens_per_batch, scoring or load_settings().scoring)


def make_scorer(
    identity: Identity, reader: Reader, network: PreTrainedModel, max_tokens: int, scoring: ScoringSettings
) -> "HfScorer":
    """A scorer of what was loaded; it shares as trees only if the model can."""
    return HfScorer(
        name=identity.name,
        revision=identity.revision,
        dtype=identity.dtype,
        tokenizer_hash=identity.tokenizer_hash,
        network=network,
        tokenizer=reader.tokenizer,
        bos_id=reader.bos_id,
        max_positions=reader.max_positions,
        max_tokens_per_batch=max_tokens,
        max_logits_per_batch=scoring.max_logits_per_batch,
        trie_nodes=scoring.trie_nodes,
        sharing=fitting_sharing(network, identity.bos_id, scoring.sharing, scoring.trie_nodes),
    )


@dataclass(frozen=True)
class HfScorer:
    """A loaded model and its tokenizer; `load_scorer` makes one.

    Attributes:
        name: The Hub id, or the name of the folder.
        revision: The Hub commit, or a hash of the folder's files.
        dtype: What the model computes in.
        tokenizer_hash: Of the tokenizer as it is used.
        network: The model.
        tokenizer: Its fast tokenizer, with truncation and padding off.
        bos_id: The token put in front of every sentence.
        max_positions: Tokens that the model can read.
        max_tokens_per_batch: Tokens that it reads at once.
        max_logits_per_batch: Logits that it makes at once.
        trie_nodes: Tokens of a row that is a tree.
        sharing: dedup: what reads the same is read once. trie: so are common beginnings. none: every request is read.
        work: What was computed so far.
    """

    name: str
    revision: str
    dtype: str
    tokenizer_hash: str
    network: PreTrainedModel
    tokenizer: Tokenizer
    bos_id: int
    max_positions: int
    max_tokens_per_batch: int
    max_logits_per_batch: int
    trie_nodes: int
    sharing: Sharing
    work: Work = field(default_factory=Work)

    def score(self, requests: pa.Table) -> pa.Table:
        """Turn REQUESTS into SCORES."""
        identity = Identity(self.name, self.revision, self.dtype, self.tokenizer_hash, self.bos_id)
        reader = Reader(self.tokenizer, self.bos_id, self.max_positions, identity.fingerprint)
        encoded, pairs = encode(requests, reader)
        return joined(encoded, self.score_pairs(pairs))

    def score_pairs(self, pairs: pa.Table) -> pa.Table:
        """Turn PAIRS into PAIR_SCORES."""
        limits = Limits(self.max_tokens_per_batch, self.max_logits_per_batch, self.trie_nodes)
        return score_pairs(self.network, pairs, self.sharing, limits, self.work)


def score_pairs(network: PreTrainedModel, pairs: pa.Table, sharing: Sharing, limits: Limits, work: Work) -> pa.Table:
    """Turn PAIRS into PAIR_SCORES, each key once; `score_items` has the arguments."""
    asked = pairs if sharing == "none" else unique(pairs)
    return _pair_scores(unique(pairs), score_items(network, items(asked), sharing, limits, work))


def _pair_scores(pairs: pa.Table, found: Mapping[Encoded, Found]) -> pa.Table:
    keys = pairs["score_key"].to_pylist()
    rows = [(key, *_measures(found[item])) for key, item in zip(keys, items(pairs), strict=True)]
    columns = list(zip(*rows, strict=True)) or [()] * len(schema.PAIR_SCORES)
    arrays = [pa.array(column, type=f.type) for column, f in zip(columns, schema.PAIR_SCORES, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema.PAIR_SCORES)


def _measures(found: Found) -> tuple[object, ...]:
    """The row of PAIR_SCORES, without its key."""
    tokens, ranks = found
    if not all(map(math.isfinite, tokens)):
        return (None,) * (len(schema.PAIR_SCORES) - 1)
    return math.fsum(tokens), tokens[0], min(tokens), tokens, ranks[0], max(ranks), max(ranks) == 1
