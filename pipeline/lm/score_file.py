"""`editmill score`: a file of requests to a folder of scores, in shards, without ever scoring a pair twice.

What stands in the folder:

    scores-00000.parquet ...   SCORES, in the order of the requests, a part for each shard
    scores.json                who scored, which requests, and what each shard took
    audit.json                 half precision only: how far the scores are from float32 (`audit.py`)
    .work/rows, new_pairs      per shard ENCODED and the PAIRS that are new in it; gone when all is done
    .work/pairs                PAIR_SCORES, all that were ever scored here, for later requests too

A build scores in the same way, in a process of its own (`scoring_process.py`). A thread tokenises shard after shard
while the model works on earlier ones. Each GPU has a process of its own; shard number n goes to worker n modulo their
number (`device_workers.py`). Every file is written whole. A run that was killed goes on with the shards that have no
pair scores yet. Which pairs are new in a shard follows from the shards before it, whichever of them are done: so the
same table comes out to the bit.
"""

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core import schema
from pipeline.core.errors import UsageError
from pipeline.core.manifest import AuditRecord
from pipeline.core.parallel import report_worker_deaths
from pipeline.core.progress import Advance, Reporter
from pipeline.core.stage_cache import locked, read_record
from pipeline.core.tables import make_folder, read_table, whole_file, write_table
from pipeline.lm.audit import audit, describe_audit
from pipeline.lm.device_workers import (
    DeviceWorker,
    ShardStats,
    ShardTask,
    plan_workers,
    read_stats,
    score_shard,
    start_worker,
)
from pipeline.lm.encoding import Reader, encode, join_scores, unique_pairs
from pipeline.lm.loading import load_reader
from pipeline.lm.model_spec import ModelSpec
from pipeline.lm.requests import open_requests
from pipeline.lm.score_folder import WORK, ScoreFolder
from pipeline.lm.scores import Identity

MANIFEST = "scores.json"
AUDIT = "audit.json"
_OTHER_OUT = "Give another --out, or the model, revision and dtype that the folder belongs to."


@dataclass
class Summary:
    """What a run came to."""

    folder: Path
    requests: int
    statuses: Counter[str] = field(default_factory=Counter[str])
    devices: tuple[str, ...] = ()  # that the model ran on: cpu, cuda
    sharing: tuple[str, ...] = ()  # as it was used
    audit: AuditRecord | None = None  # half precision only
    seconds: float = 0.0
    waited_seconds: float = 0.0  # in which no shard was ready for the model

    def sentence(self) -> str:
        """What a user reads at the end."""
        counts = ", ".join(f"{count:,} {status}" for status, count in sorted(self.statuses.items()))
        return f"{self.requests:,} requests in {self.seconds:.1f} s ({counts or 'none'}): {self.folder}"


def score_file(
    requests: Path,
    out: Path,
    spec: ModelSpec,
    reporter: Reporter,
    loaded: tuple[Identity, Reader] | None = None,
) -> Summary:
    """Score a file of requests into a folder, or go on where an earlier run stopped.

    Args:
        requests: A Parquet file of REQUESTS.
        out: The folder.
        spec: The model, and how it runs.
        reporter: Where to report progress.
        loaded: What `load_reader` gives for the model, if the caller has it.

    Raises:
        InputError: The requests are not fit.
        UsageError: The model cannot score, or the folder holds scores of another one.
    """
    started = time.monotonic()
    make_folder(out)
    with locked(out / WORK):
        with reporter.track("checking requests", 0):
            folder = ScoreFolder(out, open_requests(requests), spec.settings.shard_rows)
        identity, reader = loaded or load_reader(spec)
        manifest = _open_manifest(folder, identity, reporter)
        summary = Summary(out, folder.requests.rows)
        if not all(folder.scores(shard).exists() for shard in folder.shards):
            summary.waited_seconds = _score_shards(folder, identity, reader, spec, manifest, reporter)
        if spec.settings.dtype != "float32":
            _write_audit(folder, identity, spec, reporter)
            summary.audit = _read_audit(folder.out / AUDIT)
        shards = cast(dict[str, dict[str, str]], manifest["shards"]).values()
        summary.devices, summary.sharing = (
            tuple(sorted({shard[name] for shard in shards if name in shard})) for name in ("device", "sharing")
        )
        for name in ("rows", "new_pairs"):
            shutil.rmtree(folder.work / name, ignore_errors=True)
        for shard in folder.shards:
            summary.statuses.update(cast(list[str], read_table(folder.scores(shard), ["status"])["status"].to_pylist()))
    summary.seconds = time.monotonic() - started
    return summary


def _open_manifest(folder: ScoreFolder, identity: Identity, reporter: Reporter) -> dict[str, object]:
    """The manifest to go on with; what belongs to other requests goes, and what belongs to another model stops us.

    Raises:
        UsageError: The folder holds scores of another model, or of nobody knows which.
    """
    path = folder.out / MANIFEST
    asked: dict[str, object] = {
        **vars(identity),
        "requests": folder.requests.sha256,
        "rows": folder.requests.rows,
        "shard_rows": folder.shard_rows,
    }
    parts = sorted(folder.out.glob("scores-*.parquet"))
    manifest = _read_manifest(path) if path.exists() else {}
    if not manifest and parts:
        raise UsageError(f"The folder holds scores but no {MANIFEST} that says whose", str(folder.out), _OTHER_OUT)
    if manifest:
        _check_identity(folder.out, manifest, identity)
    if manifest and all(manifest.get(key) == asked[key] for key in ("requests", "shard_rows")):
        return manifest
    if parts:
        reporter.say("other_requests", "The folder held scores of other requests; what was scored is used again.")
        for part in parts:
            part.unlink()
    _write_json(path, asked | {"shards": {}})
    return asked | {"shards": {}}


def _read_manifest(path: Path) -> dict[str, object]:
    try:
        return cast(dict[str, object], json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise UsageError("The manifest of the scores cannot be read", str(path), _OTHER_OUT) from error


def _check_identity(out: Path, manifest: Mapping[str, object], identity: Identity) -> None:
    """Two models never share a folder; the name alone may differ, because a folder can be moved."""
    for key, value in vars(identity).items():
        if key != "name" and manifest.get(key) != value:
            raise UsageError(
                f"The folder holds scores of {manifest.get('name')} with {key} {manifest.get(key)}, and not {value}",
                str(out),
                _OTHER_OUT,
            )


def _write_json(path: Path, value: Mapping[str, object]) -> None:
    with whole_file(path) as part:
        part.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _prepare(folder: ScoreFolder, reader: Reader) -> Iterator[Path | None]:
    """Write the rows and the new pairs of shard after shard, and give the file that their scores belong in.

    None stands for a shard without anything to score: its scores are there, or nothing in it is new.
    """
    known: set[bytes] = set()  # some 100 bytes a pair
    for path in folder.all_pair_scores():
        known.update(_keys(path))
    for shard, requests in enumerate(folder.requests.shards(folder.shard_rows)):
        if folder.scores(shard).exists():
            yield None
            continue
        if not (folder.rows(shard).exists() and folder.new_pairs(shard).exists()):
            encoded, pairs = encode(requests, reader)
            pairs = unique_pairs(pairs)
            is_new = pa.array([key not in known for key in pairs["score_key"].to_pylist()], pa.bool_())
            write_table(pairs.filter(is_new), folder.new_pairs(shard), schema.PAIRS)
            write_table(encoded, folder.rows(shard), schema.ENCODED)
        keys = _keys(folder.new_pairs(shard))
        known.update(keys)
        yield folder.pair_scores(read_table(folder.new_pairs(shard), ["score_key"])["score_key"]) if keys else None


def _keys(path: Path) -> list[bytes]:
    return cast(list[bytes], read_table(path, ["score_key"])["score_key"].to_pylist())


def _score_shards(
    folder: ScoreFolder,
    identity: Identity,
    reader: Reader,
    spec: ModelSpec,
    manifest: dict[str, object],
    reporter: Reporter,
) -> float:
    """Score what is new and write SCORES, shard after shard.

    Returns:
        For how many seconds no shard was ready for the model.
    """
    workers = plan_workers(spec, identity)
    waited = 0.0
    running: dict[int, Future[ShardStats]] = {}
    with ExitStack() as stack, report_worker_deaths():
        advance = stack.enter_context(reporter.track("scoring", folder.requests.rows))
        pools = [stack.enter_context(start_worker(worker)) for worker in workers]
        ahead = stack.enter_context(ThreadPoolExecutor(1))
        stack.callback(ahead.shutdown, wait=False, cancel_futures=True)
        shards = _prepare(folder, reader)
        prepared = [ahead.submit(next, shards) for _ in folder.shards]
        for shard in folder.shards:
            started = time.monotonic()
            scores = prepared[shard].result()
            waited += time.monotonic() - started
            number = shard % len(workers)
            running[shard] = _submit(pools[number], workers[number], folder.new_pairs(shard), scores)
            while running and next(iter(running.values())).done():
                _finish(folder, running, manifest, spec, reporter, advance)
        while running:
            _finish(folder, running, manifest, spec, reporter, advance)
    return waited


def _submit(pool: Executor, worker: DeviceWorker, new_pairs: Path, scores: Path | None) -> "Future[ShardStats]":
    if scores is not None and not scores.exists():
        return pool.submit(score_shard, ShardTask(new_pairs, scores, worker))
    done: Future[ShardStats] = Future()
    done.set_result(ShardStats() if scores is None else read_stats(scores))
    return done


def _finish(
    folder: ScoreFolder,
    running: "dict[int, Future[ShardStats]]",
    manifest: dict[str, object],
    spec: ModelSpec,
    reporter: Reporter,
    advance: Advance,
) -> None:
    """Wait for the first shard that is running and write its SCORES."""
    shard = next(iter(running))
    stats = running.pop(shard).result()
    if not folder.scores(shard).exists():
        encoded = read_table(folder.rows(shard))
        own = folder.pair_scores(read_table(folder.new_pairs(shard), ["score_key"])["score_key"])
        found = _find_scores(encoded["score_key"], folder, own)
        write_table(join_scores(encoded, found), folder.scores(shard), schema.SCORES.with_metadata(_metadata(manifest)))
    if stats.pairs:
        _report_warnings(stats, spec, manifest, reporter)
        cast(dict[str, object], manifest["shards"])[str(shard)] = stats._asdict()
        _write_json(folder.out / MANIFEST, manifest)
    advance(min(folder.shard_rows, folder.requests.rows - shard * folder.shard_rows))


def _metadata(manifest: Mapping[str, object]) -> dict[str, str]:
    """What every score of a file has in common, as the metadata of its schema."""
    return {name: str(manifest[name]) for name in Identity.__dataclass_fields__}


def _report_warnings(stats: ShardStats, spec: ModelSpec, manifest: Mapping[str, object], reporter: Reporter) -> None:
    if stats.budgets:
        reporter.warn("memory", f"Memory ran out; batches now have {stats.budgets[-1]} tokens.", budgets=stats.budgets)
    # Once: the manifest has the sharing of every shard that is done.
    if stats.sharing != spec.settings.sharing and not manifest["shards"]:
        reporter.warn(
            "sharing",
            f"This model cannot share beginnings (--sharing {spec.settings.sharing}); "
            f"--sharing {stats.sharing} is used.",
        )


def _find_scores(keys: "pa.ChunkedArray[Any]", folder: ScoreFolder, first: Path | None = None) -> pa.Table:
    """The PAIR_SCORES of keys, from whichever files hold them; most may be in the one that is read first."""
    missing = keys.drop_null().unique()
    parts = [schema.PAIR_SCORES.empty_table()]
    for path in sorted(folder.all_pair_scores(), key=lambda path: path != first):
        if not len(missing):
            break
        here = read_table(path, ["score_key"])["score_key"]
        is_wanted = pc.is_in(here, value_set=missing)
        if pc.any(is_wanted).as_py():
            parts.append(read_table(path).filter(is_wanted))
            missing = missing.filter(pc.invert(pc.is_in(missing, value_set=here.combine_chunks())))
    return pa.concat_tables(parts)


def _write_audit(folder: ScoreFolder, identity: Identity, spec: ModelSpec, reporter: Reporter) -> None:
    """Compare a sample of what this run scored with float32."""
    new_pairs = [path for shard in folder.shards if (path := folder.new_pairs(shard)).exists()]
    if not new_pairs or not sum(map(len, map(_keys, new_pairs))):
        return
    pairs = pa.concat_tables([read_table(path) for path in new_pairs])
    with reporter.track("audit", 0):
        record = audit(pairs, _find_scores(pairs["score_key"], folder), identity, spec)
    _write_json(folder.out / AUDIT, record.model_dump())
    reporter.warn("audit", describe_audit(record), **record.model_dump())


def _read_audit(path: Path) -> AuditRecord | None:
    return read_record(path, AuditRecord.model_validate_json) if path.exists() else None
