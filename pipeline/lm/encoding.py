"""From text to what a model reads: the tokens of each sentence, cut at the end of the name.

A sentence is tokenised once, as a whole and without special tokens, and one BOS goes in front. The tokens of the name
are found by their offsets (`spans.py`). What comes after the name cannot change its score, so it is cut away; sentences
that read the same from then on are one pair and have one key.
"""

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Encoding, Tokenizer

from pipeline.core import schema
from pipeline.lm.batches import Encoded
from pipeline.lm.scores import Sentence, Status, sentences
from pipeline.lm.spans import find_tokens

_TEXTS_AT_ONCE = 8_192  # tokenised together; more would only fill memory with encodings
_KEY_BYTES = 16


@dataclass(frozen=True)
class Reader:
    """How a model reads text.

    Attributes:
        tokenizer: Its fast tokenizer, with truncation and padding off.
        bos_id: The token put in front of every sentence.
        max_positions: Tokens that the model can read.
        fingerprint: Names the model, the tokenizer and the number type: a part of every key, so that two models never
            share a score.
    """

    tokenizer: Tokenizer
    bos_id: int
    max_positions: int
    fingerprint: str


class _Row(NamedTuple):
    """A row of ENCODED without its id."""

    score_key: bytes | None = None
    token_count: int | None = None
    byte_count: int | None = None
    context_token_count: int | None = None
    is_left_merged: bool | None = None
    is_right_merged: bool | None = None
    status: Status = "ok"


def encode(requests: pa.Table, reader: Reader) -> tuple[pa.Table, pa.Table]:
    """Turn REQUESTS into ENCODED, one row a request, and PAIRS, one row for each that can be scored.

    The tokenizer works in threads of its own and lets go of the interpreter meanwhile.
    """
    rows: list[_Row] = []
    pairs: list[tuple[bytes, list[int], int]] = []
    hasher = hashlib.blake2b(reader.fingerprint.encode(), digest_size=_KEY_BYTES)
    for sentence, encoding in _encodings(sentences(requests), reader.tokenizer):
        row, ids = _read(sentence, encoding, reader)
        if ids and row.token_count:
            key = _key(hasher.copy(), ids, row.token_count)
            pairs.append((key, ids, row.token_count))
            row = row._replace(score_key=key)
        rows.append(row)
    encoded = [requests["id"].cast(pa.string()).combine_chunks(), *_arrays(rows, schema.ENCODED, skip=1)]
    return (
        pa.Table.from_arrays(encoded, schema=schema.ENCODED),
        pa.Table.from_arrays(_arrays(pairs, schema.PAIRS), schema=schema.PAIRS),
    )


def _arrays(rows: Sequence[tuple[object, ...]], of: pa.Schema, skip: int = 0) -> "list[pa.Array[Any]]":
    fields = [of.field(place) for place in range(skip, len(of))]
    columns = list(zip(*rows, strict=True)) or [()] * len(fields)
    return [pa.array(column, type=field.type) for column, field in zip(columns, fields, strict=True)]


def _encodings(asked: Sequence[Sentence], tokenizer: Tokenizer) -> Iterator[tuple[Sentence, Encoding]]:
    """Each sentence with its tokens and offsets, without special tokens."""
    for place in range(0, len(asked), _TEXTS_AT_ONCE):
        some = asked[place : place + _TEXTS_AT_ONCE]
        encodings = tokenizer.encode_batch([sentence.text for sentence in some], add_special_tokens=False)
        yield from zip(some, encodings, strict=True)


def _read(sentence: Sentence, encoding: Encoding, reader: Reader) -> tuple[_Row, list[int] | None]:
    """What can be told of a score without a model, and the ids to find the rest with; None if there is no rest."""
    if not sentence.has_span:
        return _Row(status="bad_span"), None
    span = find_tokens(sentence.text, encoding.offsets, sentence.start, sentence.end)
    if isinstance(span, str):
        return _Row(status=span), None
    if span.end > reader.max_positions:  # the model reads BOS and all but the last of the tokens
        return _Row(status="too_long"), None
    row = _Row(
        token_count=span.end - span.start,
        byte_count=len(sentence.name.encode()),
        context_token_count=span.start,
        is_left_merged=span.is_left_merged,
        is_right_merged=span.is_right_merged,
    )
    return row, [reader.bos_id, *encoding.ids[: span.end]]


def _key(hasher: "hashlib.blake2b", ids: Sequence[int], scored: int) -> bytes:
    """The identity of a score: who reads, what is read, and how much of it is the name."""
    hasher.update(scored.to_bytes(4, "little"))
    hasher.update(array("i", ids).tobytes())
    return hasher.digest()


def unique_pairs(pairs: pa.Table) -> pa.Table:
    """The first of PAIRS with each key, in their order."""
    numbers = pa.chunked_array([pa.array(range(pairs.num_rows), pa.int64())])
    places = pa.Table.from_arrays([pairs["score_key"], numbers], names=["key", "place"])
    first = places.group_by("key", use_threads=False).aggregate([("place", "min")])["place_min"]
    return pairs.take(first.sort())


def to_encoded(pairs: pa.Table) -> list[Encoded]:
    """PAIRS as the planners of batches take them."""
    ids = cast(list[list[int]], pairs["ids"].to_pylist())
    scored = cast(list[int], pairs["scored"].to_pylist())
    return [Encoded(tuple(tokens), count) for tokens, count in zip(ids, scored, strict=True)]


def join_scores(encoded: pa.Table, found: pa.Table) -> pa.Table:
    """SCORES from ENCODED and the PAIR_SCORES of its keys."""
    keys = found["score_key"].combine_chunks()
    of_model = found.take(pc.index_in(encoded["score_key"].combine_chunks(), value_set=keys))
    is_lost = pc.and_(pc.is_valid(encoded["score_key"]), pc.is_null(of_model["log_likelihood_sum"]))
    columns = {name: encoded[name] for name in schema.ENCODED.names} | {
        name: of_model[name] for name in schema.PAIR_SCORES.names if name != "score_key"
    }
    columns["status"] = pc.if_else(is_lost, pa.scalar("not_finite"), encoded["status"])
    for name in schema.ENCODED.names:
        if name not in ("id", "score_key", "status"):
            columns[name] = pc.if_else(is_lost, pa.scalar(None, columns[name].type), columns[name])
    return pa.Table.from_arrays([columns[name] for name in schema.SCORES.names], schema=schema.SCORES)
