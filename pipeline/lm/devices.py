"""Where shards are scored: a lane is a loaded model on a device, in a process of its own unless the only one is a CPU.

A GPU's process does nothing else, so that launching kernels never waits for Python code of the main process. On a CPU
PyTorch uses all cores by itself: more than one worker helps only where a model is too small for that.
"""

import functools
import os
import time
from collections.abc import Generator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import torch
from transformers import PreTrainedModel

from pipeline.core import schema
from pipeline.core.parallel import InlineExecutor, processes
from pipeline.core.settings import ScoringSettings, Sharing
from pipeline.core.tables import read_table, write_table
from pipeline.lm.forward import Limits, Work
from pipeline.lm.hf_scorer import score_pairs
from pipeline.lm.loading import Choice, find_devices, fitting_sharing, load_network
from pipeline.lm.scorer import Identity


@dataclass(frozen=True)
class Run:
    """How to score.

    Attributes:
        choice: The model.
        scoring: Sharing, sizes, audit.
        max_tokens_per_batch: Tokens that the model reads at once.
        workers: Processes that hold the model; None for one a device.
    """

    choice: Choice
    scoring: ScoringSettings
    max_tokens_per_batch: int
    workers: int | None = None


class Lane(NamedTuple):
    """Where a shard is scored, and how; equal lanes share a loaded model."""

    choice: Choice
    identity: Identity
    sharing: Sharing
    limits: Limits
    threads: int | None  # of the processor; None: PyTorch decides
    is_apart: bool  # in a process of its own


class Task(NamedTuple):
    """A shard whose new pairs are to be scored."""

    todo: Path  # PAIRS
    found: Path  # PAIR_SCORES, to be written
    lane: Lane


class Took(NamedTuple):
    """What a shard took; stands in the manifest."""

    pairs: int = 0
    sharing: Sharing = "none"
    seconds: float = 0.0
    tokens: int = 0  # that the model read, padding included
    padding: int = 0
    predictions: int = 0
    max_tokens_per_batch: int = 0
    budgets: Sequence[int] = ()  # tokens a batch, after each time that memory ran out


def make_lanes(run: Run, identity: Identity) -> list[Lane]:
    """A lane for each worker; workers take devices in turn.

    Raises:
        UsageError: There is no such device.
    """
    devices = find_devices(run.choice.device)
    is_cpu = devices == ["cpu"]
    workers = run.workers or len(devices)
    limits = Limits(run.max_tokens_per_batch, run.scoring.max_logits_per_batch, run.scoring.trie_nodes)
    threads = max(1, (os.cpu_count() or 1) // workers) if is_cpu and workers > 1 else None
    is_apart = workers > 1 or not is_cpu
    return [
        Lane(
            replace(run.choice, device=devices[number % len(devices)]),
            identity,
            run.scoring.sharing,
            limits,
            threads,
            is_apart,
        )
        for number in range(workers)
    ]


@contextmanager
def open_lane(lane: Lane) -> Generator[Executor, None, None]:
    """What runs the tasks of a lane, one after another; its model is gone after the block."""
    if lane.is_apart:
        with processes(1) as pool:
            yield pool
        return
    try:
        yield InlineExecutor()
    finally:
        _loaded.cache_clear()


@functools.cache
def _loaded(lane: Lane) -> tuple[PreTrainedModel, Sharing]:
    """The model of a lane, loaded once a process, and how its sentences can share."""
    if lane.threads:
        torch.set_num_threads(lane.threads)
    network = load_network(lane.choice, lane.identity)
    return network, fitting_sharing(network, lane.identity.bos_id, lane.sharing, lane.limits.nodes)


def score_lane(lane: Lane, pairs: pa.Table) -> pa.Table:
    """Turn PAIRS into PAIR_SCORES with the model of a lane."""
    network, sharing = _loaded(lane)
    return score_pairs(network, pairs, sharing, lane.limits, Work())


def score_todo(task: Task) -> Took:
    """Score the new pairs of a shard and write PAIR_SCORES."""
    network, sharing = _loaded(task.lane)
    started = time.monotonic()
    work = Work()
    pairs = read_table(task.todo)
    found = score_pairs(network, pairs, sharing, task.lane.limits, work)
    write_table(found, task.found, schema.PAIR_SCORES)
    return Took(
        pairs=pairs.num_rows,
        sharing=sharing,
        seconds=round(time.monotonic() - started, 3),
        tokens=work.tokens,
        padding=work.padding,
        predictions=work.predictions,
        max_tokens_per_batch=task.lane.limits.tokens,
        budgets=tuple(work.budgets),
    )
