"""Forward passes: when memory runs out, ranks, and trees that must not let one sentence see another."""

from collections.abc import Mapping
from typing import cast

import pytest
import torch
from transformers import AutoModelForCausalLM, BloomConfig, MambaConfig, MistralConfig, PreTrainedModel, Qwen2Config

from pipeline.core.errors import PipelineError
from pipeline.core.settings import Sharing
from pipeline.lm import forward
from pipeline.lm.batches import Batch, Encoded
from pipeline.lm.forward import ForwardStats, Limits, predict, score_batch, score_items
from pipeline.lm.loading import supports_tree
from pipeline.lm.prefix_tree import plan_trees
from tests.scorers import HfScorer
from tests.unit.lm.conftest import VOCABULARY

TOLERANCE = 1e-4
LIMITS = Limits(tokens=128, logits=VOCABULARY * 64, nodes=32)
# Sentences that share beginnings, are beginnings of each other, and share nothing.
ITEMS = [Encoded((1, *range(20, 20 + shared), tail, 9), 2) for shared in range(6) for tail in (5, 6, 7)] + [
    Encoded((1, 20), 1),
    Encoded((1, 20, 21), 2),
    Encoded((1, 20, 21, 22), 1),
    Encoded((1, 90, 91, 92), 3),
    Encoded((1, *range(100, 140)), 4),  # longer than a row
]
MANY = [*ITEMS, *(Encoded((1, token, token + 1, token + 2), 1) for token in range(200, 260))]
MODES: list[Sharing] = ["dedup", "trie", "none"]
PLAIN = ("qwen2", "llama", "gpt2")


def alone(network: PreTrainedModel, item: Encoded) -> list[float]:
    """One sentence through the whole model, everything in float32."""
    with torch.inference_mode():
        everything = network(torch.tensor([item.ids])).logits[0].float().log_softmax(-1)
    start = len(item.ids) - item.scored
    return [everything[place - 1, item.ids[place]].item() for place in range(start, len(item.ids))]


class OutOfMemory:
    """A network with memory for batches of so many tokens only."""

    def __init__(self, network: PreTrainedModel, tokens: int, error: RuntimeError) -> None:
        self.network, self.config, self.device = network, network.config, network.device
        self.tokens, self.error, self.failures = tokens, error, 0

    def __call__(self, **arguments: object) -> object:
        """Answer as the network does, or fail as a device does."""
        if cast(torch.Tensor, arguments["input_ids"]).numel() > self.tokens:
            self.failures += 1
            raise self.error
        return self.network(**arguments)


CUDA_ERROR = torch.OutOfMemoryError("CUDA out of memory.")
HOST_ERROR = RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried")


@pytest.mark.parametrize("error", [CUDA_ERROR, HOST_ERROR])
@pytest.mark.parametrize("sharing", MODES)
def test_batches_are_halved_until_memory_holds_them(
    error: RuntimeError, sharing: Sharing, scorers: Mapping[str, HfScorer]
) -> None:
    network = scorers["llama"].network
    little = OutOfMemory(network, tokens=45, error=error)
    work = ForwardStats()
    found = score_items(cast(PreTrainedModel, little), MANY, sharing, LIMITS, work)
    assert (little.failures, work.budgets) == (2, [64, 32])
    for item in ITEMS:
        assert found[item].log_likelihoods == pytest.approx(alone(network, item), abs=TOLERANCE)


def test_what_was_scored_before_memory_ran_out_is_kept(scorers: Mapping[str, HfScorer]) -> None:
    """The longest sentence goes first and alone; the many short ones then do not fit together."""
    items = [Encoded((1, *range(2, 22)), 1), *(Encoded((1, token, 9), 1) for token in range(100, 150))]
    little = OutOfMemory(scorers["llama"].network, tokens=60, error=CUDA_ERROR)
    work = ForwardStats()
    score_items(cast(PreTrainedModel, little), items, "dedup", Limits(100, 10**6, 32), work)
    assert (little.failures, work.budgets) == (1, [50])
    assert work.tokens == 20 + 50 * 2  # nothing twice


def test_a_sentence_that_never_fits_is_an_error_with_a_remedy(scorers: Mapping[str, HfScorer]) -> None:
    nothing = OutOfMemory(scorers["llama"].network, tokens=1, error=CUDA_ERROR)
    with pytest.raises(PipelineError, match="One sentence of 40 tokens does not fit.*smaller model"):
        score_items(cast(PreTrainedModel, nothing), ITEMS, "dedup", LIMITS, ForwardStats())


def test_other_errors_of_a_model_are_not_taken_for_a_lack_of_memory(scorers: Mapping[str, HfScorer]) -> None:
    broken = OutOfMemory(scorers["llama"].network, tokens=1, error=RuntimeError("mat1 and mat2 must fit"))
    with pytest.raises(RuntimeError, match="mat1"):
        score_items(cast(PreTrainedModel, broken), ITEMS, "dedup", LIMITS, ForwardStats())


# Ranks


@pytest.mark.parametrize("sharing", MODES)
def test_ranks_count_from_the_most_likely_token(sharing: Sharing, scorers: Mapping[str, HfScorer]) -> None:
    network = scorers["qwen2"].network
    found = score_items(network, ITEMS, sharing, LIMITS, ForwardStats())
    for item in ITEMS:
        with torch.inference_mode():
            logits = network(torch.tensor([item.ids])).logits[0]
        for place, rank in zip(range(len(item.ids) - item.scored, len(item.ids)), found[item].ranks, strict=True):
            in_order = logits[place - 1].argsort(descending=True).tolist()
            assert abs(in_order.index(item.ids[place]) + 1 - rank) <= 1  # all but equal tokens may change places


def test_the_token_that_the_model_would_write_ranks_first(scorers: Mapping[str, HfScorer]) -> None:
    network = scorers["qwen2"].network
    with torch.inference_mode():
        best = int(network(torch.tensor([[1, 20, 21]])).logits[0, -1].argmax())
    item = Encoded((1, 20, 21, best), 1)
    assert score_items(network, [item], "dedup", LIMITS, ForwardStats())[item].ranks == [1]


# Trees


@pytest.mark.parametrize("family", PLAIN)
@pytest.mark.parametrize("limits", [LIMITS, Limits(1, VOCABULARY, 1), Limits(10**6, 10**9, 512)])
def test_a_tree_gives_what_each_sentence_gives_alone(
    limits: Limits, family: str, scorers: Mapping[str, HfScorer]
) -> None:
    network = scorers[family].network
    found = score_items(network, ITEMS, "trie", limits, ForwardStats())
    for item in ITEMS:
        assert found[item].log_likelihoods == pytest.approx(alone(network, item), abs=TOLERANCE)
        assert sum(found[item].log_likelihoods) == pytest.approx(sum(alone(network, item)), abs=TOLERANCE)


def test_a_common_beginning_is_read_once(scorers: Mapping[str, HfScorer]) -> None:
    work: dict[Sharing, ForwardStats] = {mode: ForwardStats() for mode in MODES}
    for mode in MODES:
        score_items(scorers["qwen2"].network, [*ITEMS, *ITEMS], mode, LIMITS, work[mode])
    assert work["trie"].tokens - work["trie"].padding < work["dedup"].tokens
    assert work["trie"].predictions <= work["dedup"].predictions


@pytest.mark.parametrize("family", PLAIN)
def test_other_branches_change_nothing(family: str, scorers: Mapping[str, HfScorer]) -> None:
    network = scorers[family].network
    kept = ITEMS[:9]
    one, other = ([*kept, *(Encoded((1, first, token, 9), 1) for token in range(30, 36))] for first in (15, 300))
    found = [score_items(network, items, "trie", LIMITS, ForwardStats()) for items in (one, other)]
    for item in kept:
        assert found[0][item].log_likelihoods == pytest.approx(found[1][item].log_likelihoods, abs=TOLERANCE)


@pytest.mark.parametrize("left_out", ["attention_mask", "position_ids"])
def test_without_its_mask_or_its_positions_a_tree_would_be_far_off(
    left_out: str, scorers: Mapping[str, HfScorer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests above would notice: branches would see each other, or stand in the wrong places."""
    network = scorers["llama"].network
    (batch,) = plan_trees(ITEMS[:9], nodes=32, max_inputs=32, max_scored=64)
    right = score_batch(network, batch)[0]
    layout = forward._layout
    monkeypatch.setattr(
        forward, "_layout", lambda *tree: {key: value for key, value in layout(*tree).items() if key != left_out}
    )
    assert (score_batch(network, batch)[0] - right).abs().max() > 100 * TOLERANCE


def test_rows_are_filled_up_with_nodes_that_change_nothing(scorers: Mapping[str, HfScorer]) -> None:
    network = scorers["llama"].network
    rows = list(plan_trees(ITEMS[:-1], nodes=12, max_inputs=12, max_scored=64))
    (together,) = plan_trees(ITEMS[:-1], nodes=12, max_inputs=12 * len(rows), max_scored=64 * len(rows))
    assert len(rows) > 2
    assert together.padding > 0
    assert torch.isfinite(predict(network, together)).all()
    apart = torch.cat([score_batch(network, row)[0] for row in rows])
    assert torch.allclose(score_batch(network, together)[0], apart, atol=TOLERANCE)


SIZES = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 64, "initializer_range": 0.3}


@pytest.mark.parametrize(
    ("config", "fits"),
    [
        (Qwen2Config(**SIZES, **HEADS), True),
        (Qwen2Config(**SIZES, **HEADS, sliding_window=8, use_sliding_window=False), True),
        (Qwen2Config(**SIZES, **HEADS, sliding_window=8, use_sliding_window=True, max_window_layers=0), False),
        (MistralConfig(**SIZES, **HEADS, sliding_window=8), False),
        (MistralConfig(**SIZES, **HEADS, sliding_window=4096), True),
        (BloomConfig(vocab_size=64, hidden_size=32, n_layer=2, n_head=4, initializer_range=0.3), False),  # ALiBi
        (MambaConfig(vocab_size=64, hidden_size=32, num_hidden_layers=2), False),  # no attention at all
    ],
)
def test_only_plain_full_attention_shares_as_trees_do(config: Qwen2Config, fits: bool) -> None:
    torch.manual_seed(0)
    network = AutoModelForCausalLM.from_config(config).eval()
    assert supports_tree(network, bos_id=0, nodes=512) == fits


def test_a_model_that_cannot_share_goes_on_without(scorers: Mapping[str, HfScorer]) -> None:
    assert {family: supports_tree(scorer.network, scorer.bos_id, 64) for family, scorer in scorers.items()} == {
        "qwen2": True,
        "llama": True,
        "gpt2": True,
        "gemma2": False,  # it caps its attention, and looks at no more than six tokens
    }


def test_batches_of_trees_keep_to_the_limits() -> None:
    def check(batch: Batch, most: int) -> None:
        assert len(batch.inputs) == 1 or batch.tokens <= 40
        assert len(batch.inputs) == 1 or batch.predictions <= most
        assert all(len(row) == len(batch.inputs[0]) <= 20 for row in batch.inputs)

    for most in (8, 64):
        batches = list(plan_trees(ITEMS[:-1], nodes=20, max_inputs=40, max_scored=most))
        for batch in batches:
            check(batch, most)
        assert sorted(item for batch in batches for item in batch.items) == sorted(ITEMS[:-1])
    assert list(plan_trees([], 20, 40, 8)) == []
