"""A dump rewritten as small zstandard files, one per shard, which any number of workers read at the same time."""

import contextlib
import functools
import hashlib
from concurrent.futures import Executor
from pathlib import Path

import msgspec
import zstandard

from pipeline.core.settings import DumpSettings
from pipeline.core.stage_cache import read_record
from pipeline.core.tables import whole_file
from pipeline.sources.files.compression import DumpFile
from pipeline.sources.files.reader import ReadTask, read_dump
from pipeline.sources.files.seekable import INDEX, Index, ShardRecord
from pipeline.sources.files.shards import Shard

_LEVEL = 3  # the library's default; higher levels take longer than decompressing bzip2


def reshard(
    dump: Path | DumpFile, out: Path, settings: DumpSettings, pool: Executor, workers: int, beats: Path | None = None
) -> Index:
    """Rewrite a dump; its content stays the same, byte for byte.

    Args:
        dump: The dump, or an open stream.
        out: The folder of the shards. Those that an earlier run finished are kept; the index is written last.
        settings: How to cut it.
        pool: Where to run.
        workers: How many tasks to run at a time.
        beats: Where to report progress.

    Raises:
        InputError: The dump is empty, damaged or cut off.
    """
    decode = msgspec.json.Decoder(ShardRecord).decode
    found = [read_record(file, decode) for file in sorted((out / "counts").glob("[0-9]*"))]
    done = frozenset(int(record.file.partition(".")[0]) for record in found)
    task = ReadTask(dump, out, settings, workers, done, beats)
    with contextlib.closing(read_dump(task, functools.partial(_write_shard, out), pool)) as records:
        found.extend(records)
    found.sort(key=lambda record: record.offset)
    index = Index(settings.shard_bytes, sum(record.size for record in found), tuple(found))
    with whole_file(out / INDEX) as part:
        part.write_bytes(msgspec.json.format(msgspec.json.encode(index), indent=1) + b"\n")
    return index


def _write_shard(out: Path, shard: Shard) -> ShardRecord:
    data = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(shard.data)
    name = f"{shard.number:06d}.json.zst"
    lines = sum(1 for _ in shard.lines())
    record = ShardRecord(name, len(data), shard.offset, len(shard.data), lines, hashlib.sha256(data).hexdigest())
    with whole_file(out / name) as part:
        part.write_bytes(data)
    with whole_file(out / "counts" / f"{shard.number:06d}.json") as part:
        part.write_bytes(msgspec.json.encode(record))
    return record
