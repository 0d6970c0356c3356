"""Scoring with a causal language model of the `transformers` library: the only module that imports it, or torch.

A sentence is tokenised once, as a whole and without special tokens, and one BOS goes in front. The entity's tokens are
found by their offsets (`spans.py`), the sentence is cut behind them, and batches of one length (`batches.py`) go
through the model. Its own forward pass makes the logits, so that soft-capping and scaling stay with the model, and only
where the name is predicted. Log-likelihoods are taken in float32 whatever the model computes in.

Scores do not depend on what else is scored but for rounding: the shape of a batch, and a row's place in it, decide the
order of summation (measured: below 1e-4 nats a sum in float32, up to 0.5 in bfloat16). The same requests, in whatever
order, give the same bits again on the same machine.
"""

import contextlib
import hashlib
import inspect
import math
import re
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pyarrow as pa
import torch
from safetensors import SafetensorError
from tokenizers import Encoding, Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedConfig, PreTrainedModel
from transformers.utils import logging as hf_logging
from transformers.utils.hub import cached_file

from pipeline.errors import UsageError
from pipeline.lm.batches import Encoded, plan
from pipeline.lm.scorer import Score, Scorer, Sentence, scores_table, sentences
from pipeline.lm.spans import find_tokens

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_MODEL_FILES = {".json", ".safetensors", ".bin", ".model", ".txt", ".tiktoken"}  # config, weights, tokenizer
_END_OF_TEXT = "<|endoftext|>"
_TEXTS_AT_ONCE = 8_192  # tokenised together; more would only fill memory with encodings
_LOGITS_AT_ONCE = 2**27  # 512 MiB in float32, and as much again for their log-sum-exp
_MAX_TOKENS = 2**15 - 1  # what a column of SCORES can count
_ROUNDING = {"float32": 1e-4, "bfloat16": 0.1, "float16": 0.02}  # generous, as a share of the largest logit


def load_scorer(model: str, max_tokens_per_batch: int, dtype: str = "float32", revision: str | None = None) -> Scorer:
    """Load a causal language model, with weights and tokenizer from one folder or one Hub repository.

    No code of the repository is run. With HF_HUB_OFFLINE=1 only the local cache is read.

    Args:
        model: A folder, or a Hub id.
        max_tokens_per_batch: Tokens that the model reads at once.
        dtype: What it computes in: float32, bfloat16 or float16.
        revision: Branch, tag or commit on the Hub; a folder has none.

    Raises:
        UsageError: The model cannot be loaded, or is none that can score.
    """
    if dtype not in _DTYPES:
        raise UsageError(f"The number type {dtype!r} is not known", model, f"Use one of {', '.join(_DTYPES)}.")
    hf_logging.disable_progress_bar()  # progress is told by `progress.py`
    with _told(model):
        version = _version(model, revision)
        at = None if Path(model).is_dir() else version
        config = cast(PreTrainedConfig, AutoConfig.from_pretrained(model, revision=at, trust_remote_code=False))
        tokenizer, bos_id = _load_tokenizer(model, at)
        network = _load_network(model, at, config, _DTYPES[dtype])
    _check_fit(model, config, tokenizer, bos_id)
    _check_causal(model, network, bos_id, _ROUNDING[dtype])
    return HfScorer(
        name=Path(model).resolve().name if Path(model).is_dir() else model,  # a path would not mean the same elsewhere
        revision=version,
        dtype=dtype,
        network=network,
        tokenizer=tokenizer,
        bos_id=bos_id,
        max_positions=_max_positions(config),
        max_tokens_per_batch=max_tokens_per_batch,
    )


@dataclass(frozen=True)
class HfScorer:
    """A loaded model and its tokenizer; `load_scorer` makes one.

    Attributes:
        name: The Hub id, or the name of the folder.
        revision: The Hub commit, or a hash of the folder's files.
        dtype: What the model computes in.
        network: The model.
        tokenizer: Its fast tokenizer, with truncation and padding off.
        bos_id: The token put in front of every sentence.
        max_positions: Tokens that the model can read.
        max_tokens_per_batch: Tokens that it reads at once.
    """

    name: str
    revision: str
    dtype: str
    network: PreTrainedModel
    tokenizer: Tokenizer
    bos_id: int
    max_positions: int
    max_tokens_per_batch: int

    def score(self, requests: pa.Table) -> pa.Table:
        """Turn REQUESTS into SCORES."""
        scores: list[Score] = []
        rows: defaultdict[Encoded, list[int]] = defaultdict(list)  # what reads the same is scored once
        for sentence, encoding in self._encodings(sentences(requests)):
            score, ids = self._prepare(sentence, encoding)
            if score.token_count:
                rows[Encoded(ids, score.token_count)].append(len(scores))
            scores.append(score)
        max_scored = _LOGITS_AT_ONCE // _vocabulary(self.network.config)
        for batch in plan(rows, self.max_tokens_per_batch, max_scored):
            for item, tokens in zip(batch, self._log_likelihoods(batch), strict=True):
                for row in rows[item]:
                    scores[row] = _finished(scores[row], tokens)
        return scores_table(requests, scores)

    def _encodings(self, asked: Sequence[Sentence]) -> Iterator[tuple[Sentence, Encoding]]:
        """Each sentence with its tokens and offsets, without special tokens."""
        for place in range(0, len(asked), _TEXTS_AT_ONCE):
            some = asked[place : place + _TEXTS_AT_ONCE]
            encodings = self.tokenizer.encode_batch([sentence.text for sentence in some], add_special_tokens=False)
            yield from zip(some, encodings, strict=True)

    def _prepare(self, sentence: Sentence, encoding: Encoding) -> tuple[Score, tuple[int, ...]]:
        """A score that lacks its log-likelihoods, and the ids to find them with; no ids if there is nothing to find."""
        if not sentence.has_span:
            return Score(status="bad_span"), ()
        span = find_tokens(sentence.text, encoding.offsets, sentence.start, sentence.end)
        if isinstance(span, str):
            return Score(status=span), ()
        if span.end > self.max_positions:  # the model reads BOS and all but the last of the tokens
            return Score(status="too_long"), ()
        score = Score(
            token_count=span.end - span.start,
            byte_count=len(sentence.name.encode()),
            context_token_count=span.start,
            is_left_merged=span.is_left_merged,
            is_right_merged=span.is_right_merged,
        )
        return score, (self.bos_id, *encoding.ids[: span.end])

    @torch.inference_mode()
    def _log_likelihoods(self, batch: Sequence[Encoded]) -> list[list[float]]:
        """For each sentence of one length ln p of the tokens of its name, in nats."""
        ids = torch.tensor([item.ids for item in batch], device=self.network.device)
        kept = max(item.scored for item in batch)
        logits = _logits(self.network, ids[:, :-1], kept).float()
        chosen = logits.gather(-1, ids[:, -kept:].unsqueeze(-1)).squeeze(-1)
        rows = cast(list[list[float]], (chosen - logits.logsumexp(-1)).tolist())
        return [row[-item.scored :] for item, row in zip(batch, rows, strict=True)]


def _logits(network: PreTrainedModel, inputs: torch.Tensor, kept: int) -> torch.Tensor:
    """The model's predictions after the last so many inputs of each row: rows x kept x vocabulary."""
    output = network(input_ids=inputs, use_cache=False, logits_to_keep=kept)
    return cast(torch.Tensor, output.logits)[:, -kept:]


def _finished(score: Score, tokens: list[float]) -> Score:
    if not all(map(math.isfinite, tokens)):
        return Score(status="not_finite")
    return score._replace(log_likelihood_sum=math.fsum(tokens), token_log_likelihoods=tokens)


@contextlib.contextmanager
def _told(model: str) -> Generator[None]:
    """Tell failures of loading as our error; what the libraries raise for a damaged file is not documented."""
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        raise UsageError(
            f"The language model cannot be loaded: {(str(error).strip() or repr(error)).splitlines()[0].rstrip('.: ')}",
            model,
            "Give a folder with config.json, weights and tokenizer.json of a causal language model, or a Hub id; "
            "offline the model must be in the local cache.",
        ) from error


def _version(model: str, revision: str | None) -> str:
    """The commit of a Hub repository, or a hash of the files of a folder."""
    if Path(model).is_dir():
        return _fingerprint(Path(model))
    # The cache of the Hub keeps each commit in a folder of its name.
    path = Path(cast(str, cached_file(model, "config.json", revision=revision)))
    commit = path.parent.name
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise ValueError(f"its commit cannot be told from {path}")
    return commit


def _fingerprint(folder: Path) -> str:
    """A hash of names and bytes of the files that make a model: other weights never share a revision."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix in _MODEL_FILES:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{path.name}\0{content}\0".encode())
    return f"sha256:{digest.hexdigest()[:16]}"


def _load_tokenizer(model: str, revision: str | None) -> tuple[Tokenizer, int]:
    """The fast tokenizer, set to turn all text into tokens and nothing else, and the token for the start of a text.

    Raises:
        UsageError: There is no fast tokenizer, or no token to start with.
    """
    wrapper = AutoTokenizer.from_pretrained(model, revision=revision, trust_remote_code=False)
    if not getattr(wrapper, "is_fast", False):
        raise UsageError("The tokenizer gives no offsets", model, "Take a model with a tokenizer.json.")
    tokenizer = cast(Tokenizer, wrapper.backend_tokenizer)
    # Files can turn these on; a text cut or filled up behind our back would be scored wrong without a word.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # "</s>" in a label is text
    # Models of the Qwen family have no BOS; their texts start after <|endoftext|>. Chat models end a turn, not a text,
    # with their EOS, so that it comes last.
    candidates = (wrapper.bos_token_id, tokenizer.token_to_id(_END_OF_TEXT), wrapper.eos_token_id)
    bos_id = next((cast(int, token) for token in candidates if token is not None), None)
    if bos_id is None:
        raise UsageError("The tokenizer has no token for the start of a text", model, "Take another model.")
    return tokenizer, bos_id


def _load_network(model: str, revision: str | None, config: PreTrainedConfig, dtype: torch.dtype) -> PreTrainedModel:
    """The model, whole and ready to be run.

    Raises:
        UsageError: It lacks weights; the library would fill in random ones.
    """
    capped = getattr(config.get_text_config(), "attn_logit_softcapping", None) is not None
    loaded = AutoModelForCausalLM.from_pretrained(
        model,
        revision=revision,
        config=config,
        dtype=dtype,
        trust_remote_code=False,
        output_loading_info=True,
        # PyTorch's own attention kernel cannot soft-cap; old versions of the library leave the cap out silently.
        **({"attn_implementation": "eager"} if capped else {}),
    )
    network, report = cast(tuple[PreTrainedModel, Mapping[str, Iterable[str]]], loaded)
    if missing := sorted(report["missing_keys"]):
        raise UsageError(
            f"The model lacks {len(missing)} weights, such as {missing[0]}", model, "Take a causal language model."
        )
    network.eval()
    return network


def _check_fit(model: str, config: PreTrainedConfig, tokenizer: Tokenizer, bos_id: int) -> None:
    """A tokenizer of another model gives ids that the model does not have."""
    tokens = max(tokenizer.get_vocab_size(with_added_tokens=False), bos_id + 1)
    if tokens > _vocabulary(config):
        raise UsageError(
            f"The tokenizer has {tokens} tokens, the model knows {_vocabulary(config)}",
            model,
            "Give a folder whose tokenizer belongs to its weights.",
        )


def _check_causal(model: str, network: PreTrainedModel, bos_id: int, rounding: float) -> None:
    """Names prove nothing, because encoders load as causal models too: see whether a later token changes anything."""
    remedy = "Take a decoder that predicts the next token, such as those of the Llama, Qwen or GPT-2 families."
    if "logits_to_keep" not in inspect.signature(network.forward).parameters:
        raise UsageError("The model cannot predict at chosen places only", model, remedy)
    with torch.inference_mode():
        twins = torch.tensor([[bos_id, 0, 1], [bos_id, 0, 2]], device=network.device)
        one, other = _logits(network, twins, twins.shape[1])[:, :-1].float()
    # A comparison with NaN is false: such a model is left to the status not_finite.
    if (one - other).abs().max() > rounding * one.abs().max():
        raise UsageError("The model is not causal: a token changes what it predicts before it", model, remedy)


def _vocabulary(config: PreTrainedConfig) -> int:
    return cast(int, config.get_text_config().vocab_size)


def _max_positions(config: PreTrainedConfig) -> int:
    """How many tokens the model can read; models without a limit of their own have the one of our columns."""
    positions = cast(int | None, getattr(config.get_text_config(), "max_position_embeddings", None))
    return min(positions or _MAX_TOKENS, _MAX_TOKENS)
