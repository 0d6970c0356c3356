"""From tokens to log-likelihoods: the forward passes, and what to do when memory runs out.

The model's own forward pass makes the logits, so that soft-capping and scaling stay with the model, and it makes them
only where a name is predicted. Log-likelihoods are taken in float32 whatever the model computes in.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import torch
from transformers import PreTrainedModel

from pipeline.core.errors import PipelineError
from pipeline.core.settings import Sharing
from pipeline.lm.batches import Batch, Encoded, Tree, of_one_length, plan_batches
from pipeline.lm.prefix_tree import plan_trees

_UNREAD_BATCHES = 64  # whose results stay on the device: fetching each at once would make it wait for the host
_LOGITS_AT_ONCE = {"cpu": 2**19, "cuda": 2**27}  # turned into float32 or compared in one go: what fits the cache


class Limits(NamedTuple):
    """How much a batch may hold."""

    tokens: int  # that it reads
    logits: int  # that it makes, over all predictions and the whole vocabulary
    nodes: int  # of a row that is a tree

    def halved(self) -> "Limits":
        """Half of everything, for a device that ran out of memory."""
        return Limits(*(max(1, limit // 2) for limit in self))


class TokenScores(NamedTuple):
    """Log-likelihood and rank of each token of a name."""

    log_likelihoods: list[float]  # nats
    ranks: list[int]  # 1 is the most likely of all tokens


@dataclass
class ForwardStats:
    """How much was computed."""

    batches: int = 0
    tokens: int = 0  # that models read, padding included
    padding: int = 0
    predictions: int = 0  # distributions over the vocabulary
    budgets: list[int] = field(default_factory=list[int])  # tokens a batch, after each time that memory ran out

    def count(self, batch: Batch) -> None:
        """Add a batch."""
        self.batches += 1
        self.tokens += batch.tokens
        self.padding += batch.padding
        self.predictions += batch.predictions


def score_items(
    network: PreTrainedModel, items: Sequence[Encoded], sharing: Sharing, limits: Limits, stats: ForwardStats
) -> dict[Encoded, TokenScores]:
    """Ask a model about sentences; when memory runs out, go on with batches of half the size.

    Args:
        network: The model.
        items: What to score. The batches follow from them and not from their order.
        sharing: How rows are made of them.
        limits: How much a batch may hold at first.
        stats: What was computed is added to it.

    Raises:
        PipelineError: Memory does not hold a single sentence.
    """
    found: dict[Encoded, TokenScores] = {}
    left = items
    while left:
        failed = _score_until_full(network, _batches(left, sharing, limits, vocabulary(network)), found, stats)
        if failed is None:
            break
        # Here, and not where the error was caught: an error holds on to all that was in memory when it was raised.
        if len(failed.items) == 1:
            raise PipelineError(
                f"One sentence of {failed.items[0].inputs} tokens does not fit into the memory of {network.device}",
                remedy="Use a smaller model, a shorter number type (--dtype bfloat16) or another --device.",
            )
        torch.cuda.empty_cache()  # does nothing where there is no CUDA
        limits = limits.halved()
        stats.budgets.append(limits.tokens)
        left = [item for item in left if item not in found]
    if sharing == "trie" and (spoilt := [item for item in items if not _is_finite(found[item])]):
        # A hidden node weighs nothing, but nothing times NaN is NaN: see whose it is.
        found |= score_items(network, spoilt, "dedup", limits, stats)
    return found


def _is_finite(found: TokenScores) -> bool:
    return all(map(math.isfinite, found.log_likelihoods))


def _score_until_full(
    network: PreTrainedModel, batches: Iterator[Batch], found: dict[Encoded, TokenScores], stats: ForwardStats
) -> Batch | None:
    """Score batches and keep what is found.

    Returns:
        The batch for which there was not memory enough, or None.
    """
    unread: list[tuple[Batch, torch.Tensor]] = []
    for batch in batches:
        results = _score_or_none(network, batch)
        if results is None:
            _fetch(unread, found)
            return batch
        stats.count(batch)
        unread.append((batch, results))
        if len(unread) == _UNREAD_BATCHES:
            _fetch(unread, found)
    _fetch(unread, found)
    return None


def _score_or_none(network: PreTrainedModel, batch: Batch) -> torch.Tensor | None:
    try:
        return score_batch(network, batch)
    except RuntimeError as error:
        # The CPU's allocator has no error of its own.
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
    return None


def _fetch(unread: list[tuple[Batch, torch.Tensor]], found: dict[Encoded, TokenScores]) -> None:
    """Bring results to the host."""
    for batch, results in unread:
        log_likelihoods, ranks = cast(list[list[float]], results.tolist())
        for item, places in zip(batch.items, batch.places, strict=True):
            found[item] = TokenScores(
                [log_likelihoods[place] for place in places], [int(ranks[place]) for place in places]
            )
    unread.clear()


def _batches(items: Sequence[Encoded], sharing: Sharing, limits: Limits, tokens: int) -> Iterator[Batch]:
    """Batches of all items, where a model knows so many tokens."""
    predictions = max(1, limits.logits // tokens)
    if sharing == "trie":
        nodes = min(limits.nodes, limits.tokens)
        yield from map(of_one_length, plan_batches((i for i in items if i.inputs > nodes), limits.tokens, predictions))
        yield from plan_trees((i for i in items if i.inputs <= nodes), nodes, limits.tokens, predictions)
    else:
        yield from map(of_one_length, plan_batches(items, limits.tokens, predictions))


@torch.inference_mode()
def score_batch(network: PreTrainedModel, batch: Batch) -> torch.Tensor:
    """For each target of a batch ln p in nats, and its rank: 2 x targets, in float64 and still on the device."""
    logits = predict(network, batch).flatten(0, 1)
    rows, targets = _tensor(batch.rows, network.device), _tensor(batch.targets, network.device)
    # A part at a time: all logits once more in float32, and again compared, would fill the memory.
    step = max(1, _LOGITS_AT_ONCE.get(network.device.type, 2**24) // logits.shape[-1])
    totals = torch.cat([part.float().logsumexp(-1) for part in logits.split(step)])
    chosen = logits[rows, targets]
    better = [
        _count_greater(logits[part], least) for part, least in zip(rows.split(step), chosen.split(step), strict=True)
    ]
    return torch.stack([(chosen.float() - totals[rows]).double(), torch.cat(better).double() + 1])


def _count_greater(logits: torch.Tensor, least: torch.Tensor) -> torch.Tensor:
    """How many of each row are greater; floating-point numbers add up much faster than truth values."""
    greater = torch.empty_like(logits, dtype=torch.float32)
    return torch.gt(logits, least.unsqueeze(-1), out=greater).sum(-1)


def predict(network: PreTrainedModel, batch: Batch) -> torch.Tensor:
    """The model's predictions after the last inputs of each row: rows x kept x vocabulary."""
    inputs = _tensor(batch.inputs, network.device)
    layout = {} if batch.tree is None else _layout(batch.tree, network.device)
    output = network(input_ids=inputs, use_cache=False, logits_to_keep=batch.kept, **layout)
    return cast(torch.Tensor, output.logits)[:, -batch.kept :]


def _layout(tree: Tree, device: torch.device) -> dict[str, torch.Tensor]:
    """Positions, and a mask that is rows x 1 x seeing x seen."""
    order, end = _tensor(tree.order, device), _tensor(tree.end, device)
    seeing = order.unsqueeze(2)
    mask = (order.unsqueeze(1) <= seeing) & (seeing < end.unsqueeze(1))
    return {"position_ids": _tensor(tree.positions, device), "attention_mask": mask.unsqueeze(1)}


def _tensor(numbers: Sequence[int] | Sequence[Sequence[int]], device: torch.device) -> torch.Tensor:
    """Whole numbers on a device; from pinned memory, so that the host need not wait for the copy."""
    tensor = torch.tensor(numbers, dtype=torch.int32, pin_memory=device.type == "cuda")
    return tensor.to(device, non_blocking=True).long()


def vocabulary(network: PreTrainedModel) -> int:
    """How many tokens a model knows."""
    return cast(int, network.config.get_text_config().vocab_size)
