"""A scorer that lives in a process of its own: PyTorch's memory, some 400 MB beside the model, goes when it is done."""

import contextlib
import functools
from collections.abc import Generator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from pipeline.core.extras import require
from pipeline.core.parallel import map_shards, processes
from pipeline.core.settings import ScoringSettings
from pipeline.lm.scorer import Scorer


class Model(NamedTuple):
    """Which model to load, and how to run it.

    Attributes:
        place: A folder or a Hub id.
        max_tokens_per_batch: Tokens that it reads at once.
        scoring: How sentences share batches.
        name: What scores call it; by default the Hub id, or the name of the folder.
        threads: How many threads of the processor it uses; by default PyTorch decides. Sums are rounded differently
            with another number.
        device: cpu, cuda, or auto for a GPU if there is one.
    """

    place: str
    max_tokens_per_batch: int
    scoring: ScoringSettings
    name: str | None = None
    threads: int | None = None
    device: str = "auto"


@dataclass(frozen=True)
class ScorerElsewhere:
    """A scorer in another process; `scorer_elsewhere` makes one."""

    pool: Executor
    model: Model
    name: str
    revision: str
    dtype: str
    tokenizer_hash: str

    def score(self, requests: pa.Table) -> pa.Table:
        """Turn REQUESTS into SCORES."""
        (scores,) = map_shards(functools.partial(_score, self.model), [requests], self.pool)
        return scores


@contextlib.contextmanager
def scorer_elsewhere(model: Model) -> Generator[Scorer]:
    """Load a model in a process that ends with the block.

    Raises:
        UsageError: The model cannot be loaded or cannot score, or PyTorch is not installed.
        PipelineError: The process died.
    """
    require("lm", model.place)
    with processes(1) as pool:
        (identity,) = map_shards(_identity, [model], pool)
        name, *others = identity
        yield ScorerElsewhere(pool, model, model.name or name, *others)


def _identity(model: Model) -> tuple[str, str, str, str]:
    scorer = _loaded(model)
    return scorer.name, scorer.revision, scorer.dtype, scorer.tokenizer_hash


def _score(model: Model, requests: pa.Table) -> pa.Table:
    return _loaded(model).score(requests)


@functools.cache
def _loaded(model: Model) -> Scorer:
    # Imported here and not above: whoever asks for scores need not wait for PyTorch, nor hold it in memory.
    import torch

    from pipeline.lm.hf_scorer import load_scorer

    if model.threads is not None:
        torch.set_num_threads(model.threads)
    return load_scorer(model.place, model.max_tokens_per_batch, device=model.device, scoring=model.scoring)
