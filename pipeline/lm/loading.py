"""Loading a causal language model of the `transformers` library, and refusing those that cannot score.

What reads text (the tokenizer) and what computes (the network) load apart: the process that tokenises needs no weights.
"""

import contextlib
import hashlib
import inspect
import re
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedConfig, PreTrainedModel
from transformers.utils import logging as hf_logging
from transformers.utils.hub import cached_file

from pipeline.core.errors import UsageError
from pipeline.core.settings import Sharing
from pipeline.lm.batches import Encoded, of_one_length
from pipeline.lm.encoding import Reader
from pipeline.lm.forward import predict
from pipeline.lm.model_spec import ModelSpec
from pipeline.lm.prefix_tree import plan_trees
from pipeline.lm.scores import Identity

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_MODEL_FILES = {".json", ".safetensors", ".bin", ".model", ".txt", ".tiktoken", ".py"}  # config, weights, tokenizer
_END_OF_TEXT = "<|endoftext|>"
_MAX_TOKENS = 2**15 - 1  # what a column of SCORES can count
_ROUNDING = {"float32": 1e-4, "bfloat16": 0.1, "float16": 0.02}  # generous, as a share of the largest logit


def load_reader(spec: ModelSpec) -> tuple[Identity, Reader]:
    """Who the model is, and how it reads text; its weights are not loaded.

    With HF_HUB_OFFLINE=1 only the local cache is read.

    Raises:
        UsageError: The model cannot be loaded, or its tokenizer cannot serve.
    """
    with _explained(spec.path_or_id):
        version = _version(spec)
        config = _load_config(spec, version)
        tokenizer, bos_id = _load_tokenizer(spec, version)
    _check_vocabulary(spec.path_or_id, config, tokenizer, bos_id)
    identity = Identity(
        name=spec.shown_name or _name(spec.path_or_id),
        revision=version,
        dtype=spec.settings.dtype,
        tokenizer_hash=hashlib.sha256(tokenizer.to_str().encode()).hexdigest()[:16],
        bos_id=bos_id,
    )
    return identity, Reader(tokenizer, bos_id, _max_positions(config), identity.fingerprint)


def load_network(spec: ModelSpec, identity: Identity) -> PreTrainedModel:
    """The model, whole, on its device and seen to be causal.

    Raises:
        UsageError: It cannot be loaded or cannot score, or there is no such device.
    """
    device = find_devices(spec.settings.device)[0]
    with _explained(spec.path_or_id):
        config = _load_config(spec, identity.revision)
        network = _load_weights(spec, identity.revision, config)
        network = cast(PreTrainedModel, torch.nn.Module.to(network, device))
    _check_causal(spec.path_or_id, network, identity.bos_id, _ROUNDING[spec.settings.dtype])
    return network


def find_devices(asked: str) -> list[str]:
    """The devices that a name stands for: `auto` and `cuda` for every GPU there is.

    Raises:
        UsageError: There is no such device.
    """
    gpus = [f"cuda:{number}" for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    devices = {"auto": gpus or ["cpu"], "cpu": ["cpu"], "cuda": gpus} | {gpu: [gpu] for gpu in gpus}
    if found := devices.get(asked):
        return found
    raise UsageError(f"There is no device {asked!r}", "--device", f"Use one of auto, {', '.join(['cpu', *gpus])}.")


def supports_tree(network: PreTrainedModel, bos_id: int, nodes: int) -> bool:
    """Whether the model computes a tree of sentences as it computes each of them alone.

    It does if its attention is plain and full. Sliding windows, penalties by distance (ALiBi) and models with a state
    do not look at the mask and the positions that a tree needs, or not at them alone; so the model is tried out, with
    branches that differ in their first and in their last tokens.
    """
    config = network.config.get_text_config()
    window = cast(int | None, getattr(config, "sliding_window", None))
    if getattr(config, "_attn_implementation", None) != "sdpa" or (window and window < nodes and _slides(config)):
        return False
    last = min(7, _max_positions(network.config) - 1)
    branches = [(bos_id, *range(first, first + last - 1), token) for first in (1, 2) for token in (1, 2)]
    items = [Encoded(ids, scored=len(ids) - 1) for ids in branches]
    try:
        (tree,) = plan_trees(items, nodes=64, max_inputs=64, max_scored=64)
        with torch.inference_mode():
            shared = predict(network, tree).flatten(0, 1).float()
            alone = predict(network, of_one_length(tree.items)).flatten(0, 1).float()
    except (TypeError, ValueError, RuntimeError):  # it takes no positions, or no mask of four dimensions
        return False
    rows = [tree.rows[place] for places in tree.places for place in places]
    dtype = str(network.dtype).removeprefix("torch.")
    return bool((shared[rows] - alone).abs().max() <= _ROUNDING[dtype] * alone.abs().max())


def supported_sharing(network: PreTrainedModel, bos_id: int, sharing: Sharing, nodes: int) -> Sharing:
    """The sharing that is asked for, or `dedup` where the model cannot share as trees do."""
    return "dedup" if sharing == "trie" and not supports_tree(network, bos_id, nodes) else sharing


def _slides(config: PreTrainedConfig) -> bool:
    """Whether a window that the configuration speaks of is in use; Qwen2 has one that is turned off."""
    layers = cast(list[str] | None, getattr(config, "layer_types", None))
    if layers is not None:
        return any(layer != "full_attention" for layer in layers)
    return cast(bool, getattr(config, "use_sliding_window", True))


@contextlib.contextmanager
def _explained(model: str) -> Generator[None]:
    """Report failures of loading as our error; what the libraries raise for a damaged file is not documented."""
    hf_logging.disable_progress_bar()  # `progress.py` reports progress
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        raise UsageError(
            f"The language model cannot be loaded: {(str(error).strip() or repr(error)).splitlines()[0].rstrip('.: ')}",
            model,
            "Give a folder with config.json, weights and tokenizer.json of a causal language model, or a Hub id; "
            "offline the model must be in the local cache.",
        ) from error


def _name(path_or_id: str) -> str:
    """A Hub id, or the name of a folder: its path would not mean the same elsewhere."""
    return Path(path_or_id).resolve().name if Path(path_or_id).is_dir() else path_or_id


def _version(spec: ModelSpec) -> str:
    """The commit of a Hub repository, or a hash of the files of a folder."""
    if Path(spec.path_or_id).is_dir():
        return _fingerprint(Path(spec.path_or_id))
    # The cache of the Hub keeps each commit in a folder of its name.
    path = Path(cast(str, cached_file(spec.path_or_id, "config.json", revision=spec.settings.revision)))
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


def _commit(spec: ModelSpec, version: str) -> str | None:
    """What to ask the Hub for: the commit that was found, so that a branch cannot move on between two files."""
    return None if Path(spec.path_or_id).is_dir() else version


def _load_config(spec: ModelSpec, version: str) -> PreTrainedConfig:
    config = AutoConfig.from_pretrained(
        spec.path_or_id, revision=_commit(spec, version), trust_remote_code=spec.settings.trust_remote_code
    )
    return cast(PreTrainedConfig, config)


def _load_tokenizer(spec: ModelSpec, version: str) -> tuple[Tokenizer, int]:
    """The fast tokenizer, set to turn all text into tokens and nothing else, and the token for the start of a text.

    Raises:
        UsageError: There is no fast tokenizer, or no token to start with.
    """
    model = spec.path_or_id
    wrapper = AutoTokenizer.from_pretrained(
        model, revision=_commit(spec, version), trust_remote_code=spec.settings.trust_remote_code
    )
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


def _load_weights(spec: ModelSpec, version: str, config: PreTrainedConfig) -> PreTrainedModel:
    """The model, whole and ready to be run.

    Raises:
        UsageError: It lacks weights; the library would fill in random ones.
    """
    capped = getattr(config.get_text_config(), "attn_logit_softcapping", None) is not None
    loaded = AutoModelForCausalLM.from_pretrained(
        spec.path_or_id,
        revision=_commit(spec, version),
        config=config,
        dtype=DTYPES[spec.settings.dtype],
        trust_remote_code=spec.settings.trust_remote_code,
        output_loading_info=True,
        # PyTorch's own attention kernel cannot soft-cap; old versions of the library leave the cap out silently.
        **({"attn_implementation": "eager"} if capped else {}),
    )
    network, report = cast(tuple[PreTrainedModel, Mapping[str, Iterable[str]]], loaded)
    if missing := sorted(report["missing_keys"]):
        raise UsageError(
            f"The model lacks {len(missing)} weights, such as {missing[0]}",
            spec.path_or_id,
            "Take a causal language model.",
        )
    network.eval()
    return network


def _check_vocabulary(model: str, config: PreTrainedConfig, tokenizer: Tokenizer, bos_id: int) -> None:
    """A tokenizer of another model gives ids that the model does not have."""
    tokens = max(tokenizer.get_vocab_size(with_added_tokens=False), bos_id + 1)
    known = cast(int, config.get_text_config().vocab_size)
    if tokens > known:
        raise UsageError(
            f"The tokenizer has {tokens} tokens, the model knows {known}",
            model,
            "Give a folder whose tokenizer belongs to its weights.",
        )


def _check_causal(model: str, network: PreTrainedModel, bos_id: int, rounding: float) -> None:
    """Names prove nothing, because encoders load as causal models too: see whether a later token changes anything."""
    remedy = "Take a decoder that predicts the next token, such as those of the Llama, Qwen or GPT-2 families."
    if "logits_to_keep" not in inspect.signature(network.forward).parameters:
        raise UsageError("The model cannot predict at chosen places only", model, remedy)
    twins = of_one_length([Encoded((bos_id, 0, last, 0), scored=3) for last in (1, 2)])
    with torch.inference_mode():
        one, other = predict(network, twins)[:, :-1].float()
    # A comparison with NaN is false: such a model is left to the status not_finite.
    if (one - other).abs().max() > rounding * one.abs().max():
        raise UsageError("The model is not causal: a token changes what it predicts before it", model, remedy)


def _max_positions(config: PreTrainedConfig) -> int:
    """How many tokens the model can read; models without a limit of their own have the one of our columns."""
    positions = cast(int | None, getattr(config.get_text_config(), "max_position_embeddings", None))
    return min(positions or _MAX_TOKENS, _MAX_TOKENS)
