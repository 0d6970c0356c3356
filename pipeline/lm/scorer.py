"""The contract of a scorer: how likely a language model finds a name in a sentence.

A request is a sentence and a span of it in Unicode code points. Its score is the sum of ln p(token | BOS and all
tokens before it), in nats, over the tokens that overlap the span. DAFNet publishes no scoring code, so this definition
is ours. Callers give the span and nobody searches for the name again, because a name may occur twice.

    text   After a short pause, somebody mentioned Ada Lovelace.
    span                                           [start     end)
    tokens BOS After Ġa Ġshort ... Ġmentioned ĠAda ĠLov el ace .
    scored                                    ---- ---- -- ---

A space that a tokenizer glues to the word after it belongs to that word. A token that reaches over an end of the span
counts whole, and `is_left_merged` or `is_right_merged` says so.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

import pyarrow as pa

from pipeline.core import schema

Status = Literal["ok", "too_long", "no_tokens", "bad_span", "not_finite"]

STATUSES: Mapping[Status, str] = {
    "ok": "the name was scored",
    "too_long": "the name ends beyond what the model can read",
    "no_tokens": "the span holds nothing but white space",
    "bad_span": "the span is empty or outside the text, or the tokenizer does not tell which tokens cover it",
    "not_finite": "the model gave a number that is infinite or none",
}

_CHARACTERS_PER_TOKEN = 4


class Scorer(Protocol):
    """Whatever scores requests, and the identity that its scores carry."""

    @property
    def name(self) -> str:
        """The model, as a reader would look for it."""
        ...

    @property
    def revision(self) -> str:
        """What tells this version of the model from every other."""
        ...

    @property
    def dtype(self) -> str:
        """The number type that the model computes in."""
        ...

    @property
    def tokenizer_hash(self) -> str:
        """What tells this tokenizer from every other."""
        ...

    def score(self, requests: pa.Table) -> pa.Table:
        """Turn REQUESTS into SCORES: one row a request, in the same order.

        A score depends on its own text up to the end of the span and on nothing else.
        """
        ...


@dataclass(frozen=True)
class Identity:
    """Who made a score.

    Attributes:
        name: The Hub id of the model, or the name of its folder.
        revision: The Hub commit, or a hash of the folder's files.
        dtype: What the model computes in.
        tokenizer_hash: Of the tokenizer as it is used.
        bos_id: The token put in front of every sentence.
    """

    name: str
    revision: str
    dtype: str
    tokenizer_hash: str
    bos_id: int

    @property
    def fingerprint(self) -> str:
        """What decides a score besides the text; a model keeps it under another name."""
        return f"{self.revision}|{self.tokenizer_hash}|{self.bos_id}|{self.dtype}"


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


class Sentence(NamedTuple):
    """One row of REQUESTS without its id."""

    text: str
    start: int
    end: int

    @property
    def has_span(self) -> bool:
        """Whether the span is inside the text and not empty.

        >>> Sentence("Ada", 0, 3).has_span, Sentence("Ada", 0, 4).has_span, Sentence("Ada", 1, 1).has_span
        (True, False, False)
        """
        return 0 <= self.start < self.end <= len(self.text)

    @property
    def name(self) -> str:
        """The text of the span."""
        return self.text[self.start : self.end]


def sentences(requests: pa.Table) -> list[Sentence]:
    """The rows of REQUESTS."""
    columns = [requests[column].to_pylist() for column in Sentence._fields]
    return [Sentence(*row) for row in zip(*columns, strict=True)]


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
