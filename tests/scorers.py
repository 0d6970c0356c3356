"""Scorers of requests in memory: one with a model, which strings together what `score_file.py` runs, and one without.

The pipeline itself scores files; here a test gets the scores of a few sentences in one call.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import pyarrow as pa
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from pipeline.core import schema
from pipeline.core.settings import Sharing, load_settings
from pipeline.lm.encoding import Reader, encode, join_scores
from pipeline.lm.forward import ForwardStats, Limits
from pipeline.lm.loading import load_network, load_reader, supported_sharing
from pipeline.lm.model_spec import ModelSpec
from pipeline.lm.pair_scores import score_pairs
from pipeline.lm.scores import Identity, Sentence, Status, sentences

_CHARACTERS_PER_TOKEN = 4


class Scorer(Protocol):
    """Whatever scores requests, and the identity that its scores carry."""

    @property
    def name(self) -> str:
        """The model, as a reader would look for it."""
        ...

    @property
    def revision(self) -> str:
        """What distinguishes this version of the model from every other."""
        ...

    @property
    def dtype(self) -> str:
        """The number type that the model computes in."""
        ...

    @property
    def tokenizer_hash(self) -> str:
        """What distinguishes this tokenizer from every other."""
        ...

    def score(self, requests: pa.Table) -> pa.Table:
        """Turn REQUESTS into SCORES: one row a request, in the same order.

        A score depends on its own text up to the end of the span and on nothing else.
        """
        ...


def model_spec(place: object, max_tokens_per_batch: int = 256, **settings: object) -> ModelSpec:
    """A model that runs with the default settings, apart from these; on the CPU unless another device is given."""
    changes = {"device": "cpu", "max_tokens_per_batch": max_tokens_per_batch} | settings
    return ModelSpec(str(place), load_settings().model).with_settings(**changes)


def load_scorer(place: object, max_tokens_per_batch: int, **settings: object) -> "HfScorer":
    """Load a causal language model; it shares as trees only if the model can."""
    spec = model_spec(place, max_tokens_per_batch, **settings)
    identity, reader = load_reader(spec)
    return make_scorer(identity, reader, load_network(spec, identity), spec)


def make_scorer(identity: Identity, reader: Reader, network: PreTrainedModel, spec: ModelSpec) -> "HfScorer":
    """A scorer of what was loaded."""
    settings = spec.settings
    return HfScorer(
        name=identity.name,
        revision=identity.revision,
        dtype=identity.dtype,
        tokenizer_hash=identity.tokenizer_hash,
        network=network,
        tokenizer=reader.tokenizer,
        bos_id=reader.bos_id,
        max_positions=reader.max_positions,
        max_tokens_per_batch=settings.max_tokens_per_batch,
        max_logits_per_batch=settings.max_logits_per_batch,
        trie_nodes=settings.trie_nodes,
        sharing=supported_sharing(network, identity.bos_id, settings.sharing, settings.trie_nodes),
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
    work: ForwardStats = field(default_factory=ForwardStats)

    def score(self, requests: pa.Table) -> pa.Table:
        """Turn REQUESTS into SCORES."""
        identity = Identity(self.name, self.revision, self.dtype, self.tokenizer_hash, self.bos_id)
        reader = Reader(self.tokenizer, self.bos_id, self.max_positions, identity.fingerprint)
        encoded, pairs = encode(requests, reader)
        return join_scores(encoded, self.score_pairs(pairs))

    def score_pairs(self, pairs: pa.Table) -> pa.Table:
        """Turn PAIRS into PAIR_SCORES."""
        limits = Limits(self.max_tokens_per_batch, self.max_logits_per_batch, self.trie_nodes)
        return score_pairs(self.network, pairs, self.sharing, limits, self.work)


class Score(NamedTuple):
    """One row of SCORES without its id."""

    score_key: bytes | None = None
    log_likelihood_sum: float | None = None
    token_count: int | None = None
    byte_count: int | None = None
    first_log_likelihood: float | None = None
    min_log_likelihood: float | None = None
    token_log_likelihoods: Sequence[float] | None = None
    first_rank: int | None = None
    max_rank: int | None = None
    is_greedy: bool | None = None
    context_token_count: int | None = None
    is_left_merged: bool | None = None
    is_right_merged: bool | None = None
    status: Status = "ok"


def scores_table(requests: pa.Table, scores: Iterable[Score]) -> pa.Table:
    """SCORES from the scores of requests, given in their order."""
    columns = list(zip(*scores, strict=True)) or [()] * len(Score._fields)
    types = [schema.SCORES.field(name).type for name in Score._fields]
    arrays = [pa.array(column, type=kind) for column, kind in zip(columns, types, strict=True)]
    ids = requests["id"].cast(schema.SCORES.field("id").type)
    return pa.Table.from_arrays([ids, *arrays], schema=schema.SCORES)


@dataclass(frozen=True)
class FakeScorer:
    """A scorer without a model, for tests: its scores are hashes of the text up to the end of a token.

    Its tokens are runs of four characters of the name, so that a longer name has more of them, and as with a real
    causal model the text after the name changes nothing.

    Attributes:
        name: The model it claims to be.
        revision: The revision it claims to be.
        dtype: The number type it claims to compute in.
        tokenizer_hash: The tokenizer it claims to have.
        refused: Names that get a status other than ok.
    """

    name: str = "fake"
    revision: str = "0"
    dtype: str = "float32"
    tokenizer_hash: str = "0"
    refused: Mapping[str, Status] = field(default_factory=dict[str, Status])

    def score(self, requests: pa.Table) -> pa.Table:
        """Turn REQUESTS into SCORES."""
        return scores_table(requests, map(self._score, sentences(requests)))

    def _score(self, sentence: Sentence) -> Score:
        if not sentence.has_span:
            return Score(status="bad_span")
        name = sentence.name
        if not name.strip():
            return Score(status="no_tokens")
        if name in self.refused:
            return Score(status=self.refused[name])
        ends = [*range(sentence.start + _CHARACTERS_PER_TOKEN, sentence.end, _CHARACTERS_PER_TOKEN), sentence.end]
        digests = [self._digest(sentence.text[:end]) for end in ends]
        # Between -16 and 0 nats, in steps that a float32 holds exactly.
        tokens = [-int.from_bytes(digest[:2], "big") / 4096 for digest in digests]
        ranks = [1 + digest[2] for digest in digests]
        return Score(
            score_key=digests[-1][-16:],
            log_likelihood_sum=sum(tokens),
            token_count=len(tokens),
            byte_count=len(name.encode()),
            first_log_likelihood=tokens[0],
            min_log_likelihood=min(tokens),
            token_log_likelihoods=tokens,
            first_rank=ranks[0],
            max_rank=max(ranks),
            is_greedy=max(ranks) == 1,
            context_token_count=-(-sentence.start // _CHARACTERS_PER_TOKEN),
            is_left_merged=False,
            is_right_merged=False,
        )

    def _digest(self, text: str) -> bytes:
        return hashlib.sha256(f"{self.name}\0{self.revision}\0{text}".encode()).digest()
