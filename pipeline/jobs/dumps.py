"""The commands on whole dumps, apart from a build: ingest, diff and reshard, each from a dump to a folder of tables.

They run the stages that a build runs. The file `done.json` of a finished folder lists these stages, so the same command
does nothing the second time. The folder `.work` keeps what a killed run finished.
"""

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import stages
from pipeline.core.errors import UsageError
from pipeline.core.foreign import no_file
from pipeline.core.parallel import Kind, executor
from pipeline.core.progress import Reporter
from pipeline.core.settings import Settings
from pipeline.core.stage_cache import DONE, locked, read_record
from pipeline.core.tables import make_folder, read_table, whole_file
from pipeline.language.templates import load_templates
from pipeline.sources.diff.window import ESTIMATED, WINDOW, Given, Window, read_window, warn_odd
from pipeline.sources.files.checksums import dump_hashes
from pipeline.sources.files.reader import trailing_bytes, warn_trailing
from pipeline.sources.files.reshard import reshard
from pipeline.sources.files.seekable import Index, dump_bytes
from pipeline.sources.files.stream import is_stream, open_stream, save_stream
from pipeline.stages import Input, StageContext

_WORK = ".work"


@dataclass(frozen=True)
class RunOptions:
    """Where and how to run; none of this changes the results."""

    out: Path
    workers: int = 2
    kind: Kind = "processes"
    address: str | None = None


def ingest_dump(name: str, settings: Settings, options: RunOptions, reporter: Reporter) -> Mapping[str, int]:
    """Read a dump into STATEMENTS, ENTITIES, MENTIONS and TITLES, and those into FREQUENCY and DEGREE.

    Args:
        name: The dump: a file, a folder of shards, `-` for standard input, or an address.
        settings: What to read.
        options: Where and how to run.
        reporter: Where to report progress.

    Returns:
        The counts of what was read.

    Raises:
        PipelineError: The run cannot go on.
    """
    with locked(options.out / _WORK):
        context = StageContext(settings, load_templates(), options.out / _WORK, options.workers, reporter)
        new = None if is_stream(name) else read_inputs([Path(name)], reporter)[0]
        if new is None or not _is_done(options.out, stages.ingest_folder(context, new)):
            with executor(options.workers, options.kind, options.address) as pool:
                ingested = stages.ingest(context, new, pool) if new else stages.ingest_stream(context, name, pool)
            _publish(options.out, (ingested, stages.count_mentions(context, ingested)))
    return read_record(options.out / stages.COUNTS, json.loads)


@dataclass(frozen=True)
class Compared:
    """What was found between two dumps."""

    classes: Mapping[str, int]  # how many changes there are of each
    window: Window


def diff_dumps(
    old: str, new: str, settings: Settings, options: RunOptions, reporter: Reporter, given: Given = ESTIMATED
) -> Compared:
    """Compare two dumps: CHANGES, and MERGES of items that are gone.

    Args:
        old: The older dump.
        new: The newer dump.
        settings: What to read.
        options: Where and how to run.
        reporter: Where to report progress.
        given: The dates of the dumps, where the user knows them.

    Raises:
        PipelineError: The run cannot go on.
    """
    with locked(options.out / _WORK):
        context = StageContext(settings, load_templates(), options.out / _WORK, options.workers, reporter)
        before, after = read_inputs([local_dump(name, context.work) for name in (old, new)], reporter)
        if not _is_done(options.out, stages.changed_folder(context, before, after, given)):
            with executor(options.workers, options.kind, options.address) as pool:
                changed = stages.changed(context, before, after, pool, given)
            _publish(options.out, (changed,), ("changes.parquet", "merges.parquet", WINDOW))
    classes = read_table(options.out / "changes.parquet", ["change_class"]).column("change_class").to_pylist()
    window = read_window(options.out)
    for which, state in (("older", window.older), ("newer", window.newer)):
        warn_odd(state, which, f"--{which.removesuffix('er')}-date", settings.window, reporter)
    return Compared(dict(sorted(Counter(map(str, classes)).items())), window)


def reshard_dump(name: str, settings: Settings, options: RunOptions, reporter: Reporter) -> Index:
    """Rewrite a dump as a folder of zstandard shards, which `--new`, `--old`, `ingest` and `diff` take as a dump.

    Raises:
        UsageError: The folder contains something else.
    """
    with locked(options.out / _WORK):
        source = None if is_stream(name) else read_inputs([Path(name)], reporter)[0]
        _claim(options.out, {"dump": source.sha256 if source else None, "shard_bytes": settings.dump.shard_bytes})
        run = (options.out, settings.dump)
        with executor(options.workers, options.kind, options.address) as pool:
            if source is None:
                with open_stream(name) as stream, reporter.track("reshard", 0):
                    index = reshard(stream.dump, *run, pool, options.workers)
            else:
                with reporter.watch("reshard", dump_bytes(source.path), options.out / _WORK / "beats") as beats:
                    index = reshard(source.path, *run, pool, options.workers, beats)
        warn_trailing(trailing_bytes(options.out), name, reporter)
        return index


def local_dump(name: str, work: Path) -> Path:
    """The file of a dump that is read more than once; a stream is saved in the work folder.

    Raises:
        InputError: It cannot be opened.
    """
    if not is_stream(name):
        return Path(name)
    make_folder(work)
    return save_stream(name, work / "streams")


def read_inputs(paths: Sequence[Path], reporter: Reporter) -> list[Input]:
    """Dumps with their hashes, compared with the lists of checksums beside them.

    Raises:
        InputError: One is missing, or not what the list says.
    """
    for path in paths:
        if not path.is_file() and not path.is_dir():
            raise no_file(path, "Check the path.")
    with reporter.track("reading checksums", sum(map(dump_bytes, paths))) as advance:
        return [Input(path, sha256) for path, sha256 in zip(paths, dump_hashes(paths, advance), strict=True)]


def _is_done(out: Path, stage: Path) -> bool:
    done = out / DONE
    return done.is_file() and stage.name in read_record(done, json.loads)["stages"]


def _publish(out: Path, folders: Sequence[Path], names: Sequence[str] = ()) -> None:
    """Move the results of stages to the output folder; the marker is written last."""
    (out / DONE).unlink(missing_ok=True)
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if path.name != DONE and path.name != "scratch" and (not names or path.name in names):
                _replace(path, out / path.name)
    with whole_file(out / DONE) as part:
        part.write_text(json.dumps({"stages": [folder.name for folder in folders]}) + "\n")
    for folder in folders:
        shutil.rmtree(folder)


def _replace(path: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    path.replace(target)


def _claim(out: Path, identity: Mapping[str, object]) -> None:
    """Check that shards of an earlier run are of the same dump, cut the same way."""
    source = out / _WORK / "source.json"
    is_there = (out / "counts").exists() and any((out / "counts").iterdir())
    if is_there and (identity["dump"] is None or read_record(source, json.loads) != identity):
        raise UsageError("The folder contains shards of another dump", str(out), "Name an empty one for --out.")
    with whole_file(source) as part:
        part.write_text(json.dumps(identity))
