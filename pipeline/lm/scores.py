"""What a request and its score are: how likely a language model finds a name in a sentence.

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

from dataclasses import dataclass
from typing import Literal, NamedTuple

import pyarrow as pa

Status = Literal[
    "ok",  # the name was scored
    "too_long",  # the name ends beyond what the model can read
    "no_tokens",  # the span holds nothing but white space
    "bad_span",  # the span is empty or outside the text, or the tokenizer does not say which tokens cover it
    "not_finite",  # the model gave a number that is infinite or not a number
]


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
