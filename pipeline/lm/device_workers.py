"""Where shards are scored: a device worker is a loaded model on a device.

A GPU's worker has a process of its own that does nothing else, so that launching kernels never waits for Python code of
the main process. On a CPU PyTorch uses all cores by itself, so a single worker runs in the calling process; more than
one helps only where a model is too small for that.
"""

import functools
import json
import os
import time
from collections.abc import Generator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from transformers import PreTrainedModel

from pipeline.core import schema
from pipeline.core.foreign import ARROW_ERRORS, table_error
from pipeline.core.parallel import InlineExecutor, processes
from pipeline.core.settings import Sharing
from pipeline.core.tables import read_table, write_table
from pipeline.lm.forward import ForwardStats, Limits
from pipeline.lm.loading import find_devices, load_network, supported_sharing
from pipeline.lm.model_spec import ModelSpec
from pipeline.lm.pair_scores import score_pairs
from pipeline.lm.scores import Identity

_STATS = "stats"


class DeviceWorker(NamedTuple):
    """A model on one device; equal workers in one process share the loaded model."""

    spec: ModelSpec  # its device is a single one: cpu or cuda:N
    identity: Identity
    threads: int | None  # of the processor; None: PyTorch decides
    has_own_process: bool


class ShardTask(NamedTuple):
    """A shard whose new pairs are to be scored."""

    new_pairs: Path  # PAIRS
    scores: Path  # PAIR_SCORES, to be written
    worker: DeviceWorker


class ShardStats(NamedTuple):
    """What a shard took; part of scores.json."""

    pairs: int = 0
    device: str = ""  # cpu or cuda
    sharing: Sharing = "none"
    seconds: float = 0.0
    tokens: int = 0  # that the model read, padding included
    padding: int = 0
    predictions: int = 0
    max_tokens_per_batch: int = 0
    budgets: Sequence[int] = ()  # tokens a batch, after each time that memory ran out


def plan_workers(spec: ModelSpec, identity: Identity) -> list[DeviceWorker]:
    """The device workers of a run; they take devices in turn.

    Raises:
        UsageError: There is no such device.
    """
    devices = find_devices(spec.settings.device)
    on_cpu = devices == ["cpu"]
    count = spec.settings.workers or len(devices)
    threads = spec.settings.threads or None
    if threads is None and on_cpu and count > 1:
        threads = max(1, (os.cpu_count() or 1) // count)
    return [
        DeviceWorker(
            spec.with_settings(device=devices[number % len(devices)]),
            identity,
            threads,
            has_own_process=count > 1 or not on_cpu,
        )
        for number in range(count)
    ]


@contextmanager
def start_worker(worker: DeviceWorker) -> Generator[Executor, None, None]:
    """An executor that runs the tasks of a worker, one after another; the model leaves memory with the block."""
    if worker.has_own_process:
        with processes(1) as pool:
            yield pool
        return
    try:
        yield InlineExecutor()
    finally:
        _load.cache_clear()


def score_on(worker: DeviceWorker, pairs: pa.Table) -> pa.Table:
    """Turn PAIRS into PAIR_SCORES with the model of a worker."""
    network, sharing = _load(worker)
    return score_pairs(network, pairs, sharing, _limits(worker), ForwardStats())


def score_shard(task: ShardTask) -> ShardStats:
    """Score the new pairs of a shard and write their PAIR_SCORES, with what it took as metadata.

    One file holds both, so that a run that is killed right after it and goes on still knows how the shard was scored.
    """
    network, sharing = _load(task.worker)
    started = time.monotonic()
    stats = ForwardStats()
    pairs = read_table(task.new_pairs)
    scores = score_pairs(network, pairs, sharing, _limits(task.worker), stats)
    taken = ShardStats(
        pairs=pairs.num_rows,
        device=network.device.type,
        sharing=sharing,
        seconds=round(time.monotonic() - started, 3),
        tokens=stats.tokens,
        padding=stats.padding,
        predictions=stats.predictions,
        max_tokens_per_batch=task.worker.spec.settings.max_tokens_per_batch,
        budgets=tuple(stats.budgets),
    )
    write_table(scores, task.scores, schema.PAIR_SCORES.with_metadata({_STATS: json.dumps(taken._asdict())}))
    return taken


def read_stats(scores: Path) -> ShardStats:
    """What the shard took whose PAIR_SCORES these are; nothing is known of files of earlier versions."""
    try:
        metadata = pq.read_schema(scores).metadata or {}
    except ARROW_ERRORS as error:
        raise table_error(error, scores) from error
    return ShardStats(**json.loads(metadata[_STATS.encode()])) if _STATS.encode() in metadata else ShardStats()


@functools.cache
def _load(worker: DeviceWorker) -> tuple[PreTrainedModel, Sharing]:
    """The model of a worker, loaded once a process, and how its sentences can share."""
    if worker.threads:
        torch.set_num_threads(worker.threads)
    network = load_network(worker.spec, worker.identity)
    settings = worker.spec.settings
    return network, supported_sharing(network, worker.identity.bos_id, settings.sharing, settings.trie_nodes)


def _limits(worker: DeviceWorker) -> Limits:
    settings = worker.spec.settings
    return Limits(settings.max_tokens_per_batch, settings.max_logits_per_batch, settings.trie_nodes)
