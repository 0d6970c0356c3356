"""Training of the tiny model: a byte-level tokenizer and a small Llama, the same bytes every time on one machine.

One thread, fixed seeds and PyTorch's deterministic algorithms: sums are taken in the same order, whatever else the
machine is doing. Other processors may round otherwise.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

_START = "<|endoftext|>"  # the token before every sentence, and after it
_POSITIONS = 256  # tokens that the model can read; the longest sentence has some 60
_TIED = "lm_head.weight"  # the same as the embedding
_IGNORED = -100  # a label that counts for nothing

Told = Callable[[int, int, float], None]


@dataclass(frozen=True)
class Recipe:
    """What decides the weights, beside the text. The defaults made those that are bundled.

    Attributes:
        vocabulary: Tokens. Known names are few tokens and others many, the more so the more tokens there are.
        hidden: Width; with the depth as small as it is, so that a build of the slice takes seconds to score.
        layers: Depth.
        heads: Attention heads.
        inner: Width of the feed-forward part.
        epochs: Times that every fact is told, in turn with its other wordings.
        batch_tokens: Tokens of a step.
        peak_rate: The largest learning rate; it rises over the first steps and falls in a cosine to a tenth.
        weight_decay: Of AdamW.
        seed: Of the first weights and the order of sentences.
    """

    vocabulary: int = 4096
    hidden: int = 128
    layers: int = 3
    heads: int = 4
    inner: int = 384
    epochs: int = 6
    batch_tokens: int = 1024
    peak_rate: float = 3e-3
    weight_decay: float = 0.1
    seed: int = 20240811


def train(epochs: Sequence[Sequence[str]], recipe: Recipe, out: Path, told: Told = lambda *_: None) -> Path:
    """Train on sentences and write model and tokenizer, the weights in float16.

    Args:
        epochs: The sentences of each epoch.
        recipe: How.
        out: The folder to write.
        told: Given the step, the number of steps and the loss, after each step.
    """
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(recipe.seed)
    tokenizer = train_tokenizer([sentence for epoch in epochs for sentence in epoch], recipe.vocabulary)
    network = LlamaForCausalLM(LlamaConfig(**_shape(recipe)))
    random = Random(recipe.seed)
    batches = [
        batch
        for sentences in epochs
        for batch in _batches([[0, *found.ids, 0] for found in tokenizer.encode_batch(list(sentences))], recipe, random)
    ]
    fit(network, batches, recipe, told)
    write(network, tokenizer, recipe, out)
    return out


def write(network: LlamaForCausalLM, tokenizer: Tokenizer, recipe: Recipe, out: Path) -> None:
    """Write a model as transformers 4 and 5 read it, without a word on the version that wrote it."""
    out.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in network.state_dict().items() if name != _TIED}
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    (out / "model.safetensors").chmod(0o644)  # written for its owner alone
    tokenizer.save(str(out / "tokenizer.json"))
    named = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "float16"}
    _write_json({**named, **_shape(recipe)}, out / "config.json")
    special = {"bos_token": _START, "eos_token": _START, "model_max_length": _POSITIONS}
    _write_json({"tokenizer_class": "PreTrainedTokenizerFast", **special}, out / "tokenizer_config.json")


def _write_json(value: Mapping[str, object], path: Path) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def train_tokenizer(sentences: Sequence[str], vocabulary: int) -> Tokenizer:
    """Byte-level pairs: every text has tokens, and none is unknown."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[_START],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences, trainer)
    return tokenizer


def _shape(recipe: Recipe) -> dict[str, int | bool]:
    """The model as its configuration describes it."""
    return {
        "vocab_size": recipe.vocabulary,
        "hidden_size": recipe.hidden,
        "intermediate_size": recipe.inner,
        "num_hidden_layers": recipe.layers,
        "num_attention_heads": recipe.heads,
        "num_key_value_heads": recipe.heads,
        "max_position_embeddings": _POSITIONS,
        "tie_word_embeddings": True,
        "bos_token_id": 0,
        "eos_token_id": 0,
    }


def _batches(encoded: Sequence[Sequence[int]], recipe: Recipe, random: Random) -> Iterator[torch.Tensor]:
    """Batches of sentences of about one length, in drawn order."""
    in_order = sorted(encoded, key=lambda ids: (len(ids), random.random()))
    groups: list[list[Sequence[int]]] = [[]]
    for ids in in_order:
        if (len(groups[-1]) + 1) * len(ids) > recipe.batch_tokens:
            groups.append([])
        groups[-1].append(ids)
    random.shuffle(groups)
    for group in groups:
        longest = max(map(len, group))
        yield torch.tensor([[*ids, *[_IGNORED] * (longest - len(ids))] for ids in group])


def fit(
    network: LlamaForCausalLM,
    batches: Sequence[torch.Tensor],
    recipe: Recipe,
    told: Told,
) -> None:
    """Adjust weights to batches of ids, batch x tokens; ids below zero fill up rows."""
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=recipe.peak_rate, weight_decay=recipe.weight_decay, betas=(0.9, 0.98)
    )
    network.train()
    for step, ids in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = recipe.peak_rate * _schedule(step, len(batches))
        # Sentences are filled up on their right: a causal model reads nothing of it before it has predicted the rest.
        logits = network(input_ids=ids[:, :-1].clamp(min=0)).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=_IGNORED)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        told(step + 1, len(batches), loss.item())
    network.eval()


def _schedule(step: int, steps: int, warm: int = 100) -> float:
    """The share of the peak rate."""
    if step < warm:
        return (step + 1) / warm
    return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))
