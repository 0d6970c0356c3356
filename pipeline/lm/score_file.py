"""`editmill score`: a file of requests to a folder of scores, in shards, without ever scoring a pair twice.

What stands in the folder:

    scores-00000.parquet ...   SCORES, in the order of the requests, a part for each shard
    scores.json                who scored, which requests, and what each shard took
    audit.json                 half precision only: how far the scores are from float32 (`audit.py`)
    .work/rows, todo           per shard ENCODED and the PAIRS that are new in it; gone when all is done
    .work/pairs                PAIR_SCORES, all that were ever scored here, for later requests too

A thread of the main process tokenises shard after shard while the model is at work on earlier ones. Each device has a
process of its own, and shard number n goes to device n modulo their number; a CPU is one device, worked by the main
process, because PyTorch uses all its cores by itself. Every file is written whole. A run that was killed goes on with
the shards that have no pairs yet, and what is new in a shard follows from the shards before it, whichever of them are
done: so the same table comes out to the bit.
"""

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.core import schema
from pipeline.core.errors import UsageError
from pipeline.core.parallel import report_worker_deaths
from pipeline.core.progress import Advance, Reporter
from pipeline.core.stage_cache import locked
from pipeline.core.tables import make_folder, read_table, whole_file, write_table
from pipeline.lm.audit import audit
from pipeline.lm.devices import Lane, Run, Task, Took, make_lanes, open_lane, score_todo
from pipeline.lm.encoding import Reader, encode, joined, unique
from pipeline.lm.loading import load_reader
from pipeline.lm.requests import RequestsFile, open_requests
from pipeline.lm.scorer import Identity

MANIFEST = "scores.json"
AUDIT = "audit.json"
_WORK = ".work"
_OTHER_OUT = "Give another --out, or the model, revision and dtype that the folder belongs to."


@dataclass
class Summary:
    """What a run came to."""

    folder: Path
    requests: int
    statuses: Counter[str] = field(default_factory=Counter[str])
    seconds: float = 0.0
    waited_seconds: float = 0.0  # in which no shard was ready for the model

    def sentence(self) -> str:
        """What a user reads at the end."""
        counts = ", ".join(f"{count:,} {status}" for status, count in sorted(self.statuses.items()))
        return f"{self.requests:,} requests in {self.seconds:.1f} s ({counts or 'none'}): {self.folder}"


@dataclass(frozen=True)
class _Folder:
    """The files of a run."""

    out: Path
    requests: RequestsFile
    shard_rows: int

    @property
    def shards(self) -> range:
        return range(max(1, -(-self.requests.rows // self.shard_rows)))  # no requests still give a table

    @property
    def work(self) -> Path:
        return self.out / _WORK

    def scores(self, shard: int) -> Path:
        return self.out / f"scores-{shard:05d}.parquet"

    def rows(self, shard: int) -> Path:
        return self.work / "rows" / self._name(shard)

    def todo(self, shard: int) -> Path:
        return self.work / "todo" / self._name(shard)

    def found(self, keys: "pa.ChunkedArray[Any]") -> Path:
        """Where the scores of these pairs belong."""
        digest = blake2b(b"".join(cast(list[bytes], keys.to_pylist())), digest_size=16)
        return self.work / "pairs" / f"{digest.hexdigest()}.parquet"

    def all_found(self) -> list[Path]:
        return sorted((self.work / "pairs").glob("*.parquet"))

    def _name(self, shard: int) -> str:
        return f"{self.requests.sha256[:16]}-{self.shard_rows}-{shard:05d}.parquet"


def score_file(requests: Path, out: Path, run: Run, reporter: Reporter) -> Summary:
    """Score a file of requests into a folder, or go on where an earlier run stopped.

    Raises:
        InputError: The requests are not fit.
        UsageError: The model cannot score, or the folder holds scores of another one.
    """
    started = time.monotonic()
    make_folder(out)
    with locked(out / _WORK):
        with reporter.track("checking requests", 0):
            folder = _Folder(out, open_requests(requests), run.scoring.shard_rows)
        identity, reader = load_reader(run.choice)
        manifest = _begin(folder, identity, reporter)
        summary = Summary(out, folder.requests.rows)
        if not all(folder.scores(shard).exists() for shard in folder.shards):
            summary.waited_seconds = _score_shards(folder, identity, reader, run, manifest, reporter)
        if run.choice.dtype != "float32":
            _audit(folder, identity, run, reporter)
        for name in ("rows", "todo"):
            shutil.rmtree(folder.work / name, ignore_errors=True)
        for shard in folder.shards:
            summary.statuses.update(cast(list[str], read_table(folder.scores(shard), ["status"])["status"].to_pylist()))
    summary.seconds = time.monotonic() - started
    return summary


def _begin(folder: _Folder, identity: Identity, reporter: Reporter) -> dict[str, object]:
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


def _prepare(folder: _Folder, reader: Reader) -> Iterator[Path | None]:
    """Write the rows and the new pairs of shard after shard, and give the file that the scores of these belong in.

    None stands for a shard without anything to score: its scores are there, or nothing in it is new.
    """
    known: set[bytes] = set()  # some 100 bytes a pair
    for path in folder.all_found():
        known.update(_keys(path))
    for shard, requests in enumerate(folder.requests.shards(folder.shard_rows)):
        if folder.scores(shard).exists():
            yield None
            continue
        if not (folder.rows(shard).exists() and folder.todo(shard).exists()):
            encoded, pairs = encode(requests, reader)
            pairs = unique(pairs)
            is_new = pa.array([key not in known for key in pairs["score_key"].to_pylist()], pa.bool_())
            write_table(pairs.filter(is_new), folder.todo(shard), schema.PAIRS)
            write_table(encoded, folder.rows(shard), schema.ENCODED)
        keys = _keys(folder.todo(shard))
        known.update(keys)
        yield folder.found(read_table(folder.todo(shard), ["score_key"])["score_key"]) if keys else None


def _keys(path: Path) -> list[bytes]:
    return cast(list[bytes], read_table(path, ["score_key"])["score_key"].to_pylist())


def _score_shards(
    folder: _Folder, identity: Identity, reader: Reader, run: Run, manifest: dict[str, object], reporter: Reporter
) -> float:
    """Score what is new and write SCORES, shard after shard.

    Returns:
        For how many seconds no shard was ready for the model.
    """
    lanes = make_lanes(run, identity)
    waited = 0.0
    running: dict[int, Future[Took]] = {}
    with ExitStack() as stack, report_worker_deaths():
        advance = stack.enter_context(reporter.track("scoring", folder.requests.rows))
        pools = [stack.enter_context(open_lane(lane)) for lane in lanes]
        ahead = stack.enter_context(ThreadPoolExecutor(1))
        stack.callback(ahead.shutdown, wait=False, cancel_futures=True)
        shards = _prepare(folder, reader)
        prepared = [ahead.submit(next, shards) for _ in folder.shards]
        for shard in folder.shards:
            started = time.monotonic()
            found = prepared[shard].result()
            waited += time.monotonic() - started
            number = shard % len(lanes)
            running[shard] = _submit(pools[number], lanes[number], folder.todo(shard), found)
            while running and next(iter(running.values())).done():
                _finish(folder, running, manifest, run, reporter, advance)
        while running:
            _finish(folder, running, manifest, run, reporter, advance)
    return waited


def _submit(pool: Executor, lane: Lane, todo: Path, found: Path | None) -> "Future[Took]":
    if found is not None and not found.exists():
        return pool.submit(score_todo, Task(todo, found, lane))
    nothing: Future[Took] = Future()
    nothing.set_result(Took())
    return nothing


def _finish(
    folder: _Folder,
    running: "dict[int, Future[Took]]",
    manifest: dict[str, object],
    run: Run,
    reporter: Reporter,
    advance: Advance,
) -> None:
    """Wait for the first shard that is running and write its SCORES."""
    shard = next(iter(running))
    took = running.pop(shard).result()
    if not folder.scores(shard).exists():
        encoded = read_table(folder.rows(shard))
        found = _find_scores(encoded["score_key"], folder)
        write_table(joined(encoded, found), folder.scores(shard), schema.SCORES.with_metadata(_metadata(manifest)))
    if took.pairs:
        _tell(took, run, manifest, reporter)
        cast(dict[str, object], manifest["shards"])[str(shard)] = took._asdict()
        _write_json(folder.out / MANIFEST, manifest)
    advance(min(folder.shard_rows, folder.requests.rows - shard * folder.shard_rows))


def _metadata(manifest: Mapping[str, object]) -> dict[str, str]:
    """What every score of a file has in common, as the metadata of its schema."""
    return {name: str(manifest[name]) for name in Identity.__dataclass_fields__}


def _tell(took: Took, run: Run, manifest: Mapping[str, object], reporter: Reporter) -> None:
    if took.budgets:
        reporter.warn("memory", f"Memory ran out; batches now have {took.budgets[-1]} tokens.", budgets=took.budgets)
    # Told once: the manifest has the sharing of every shard that is done.
    if took.sharing != run.scoring.sharing and not manifest["shards"]:
        reporter.warn(
            "sharing",
            f"This model cannot share beginnings (--sharing {run.scoring.sharing}); --sharing {took.sharing} is used.",
        )


def _find_scores(keys: "pa.ChunkedArray[Any]", folder: _Folder) -> pa.Table:
    """The PAIR_SCORES of keys, from whichever files they stand in."""
    missing = keys.drop_null().unique()
    parts = [schema.PAIR_SCORES.empty_table()]
    for path in folder.all_found():
        if not len(missing):
            break
        here = read_table(path, ["score_key"])["score_key"]
        is_wanted = pc.is_in(here, value_set=missing)
        if pc.any(is_wanted).as_py():
            parts.append(read_table(path).filter(is_wanted))
            missing = missing.filter(pc.invert(pc.is_in(missing, value_set=here.combine_chunks())))
    return pa.concat_tables(parts)


def _audit(folder: _Folder, identity: Identity, run: Run, reporter: Reporter) -> None:
    """Compare a sample of what this run scored with float32."""
    todo = [path for shard in folder.shards if (path := folder.todo(shard)).exists()]
    if not todo or not sum(map(len, map(_keys, todo))):
        return
    pairs = pa.concat_tables([read_table(path) for path in todo])
    with reporter.track("audit", 0):
        report = audit(pairs, _find_scores(pairs["score_key"], folder), identity, run)
    _write_json(folder.out / AUDIT, report._asdict())
    reporter.warn("audit", report.sentence(), **report._asdict())
