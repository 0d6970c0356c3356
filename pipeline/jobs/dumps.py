"""The commands on whole dumps, apart from a build: ingest, diff and reshard, each from a dump to a folder of tables.

They run the stages that a build runs. A finished folder tells in `done.json` what it was made of, so the same command
does nothing the second time; what a killed one finished is kept in `.work` below it.
"""

import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import stages
from pipeline.core.errors import InputError, UsageError
from pipeline.core.parallel import Kind, executor
from pipeline.core.progress import Reporter
from pipeline.core.settings import Settings
from pipeline.core.stage_cache import DONE, locked
from pipeline.core.tables import make_folder, read_table, whole_file
from pipeline.language.relations import load_templates
from pipeline.sources.diff.window import ESTIMATED, WINDOW, Given, Window, read_window, warn_odd
from pipeline.sources.files.checksums import dump_hashes
from pipeline.sources.files.reader import trailing_bytes, warn_trailing
from pipeline.sources.files.reshard import reshard
from pipeline.sources.files.seekable import Index, dump_bytes
from pipeline.sources.files.stream import arrives, arriving, store
from pipeline.stages import Input, StageContext

_WORK = ".work"


@dataclass(frozen=True)
class How:
    """Where and how to run; nothing here changes what comes out."""

    out: Path
    workers: int = 2
    kind: Kind = "processes"
    address: str | None = None


def ingest_dump(name: str, settings: Settings, how: How, reporter: Reporter) -> Mapping[str, int]:
    """Read a dump into STATEMENTS, ENTITIES, MENTIONS and TITLES, and those into FREQUENCY and DEGREE.

    Args:
        name: The dump: a file, a folder of shards, `-` for standard input, or an address.
        settings: What to read.
        how: Where and how to run.
        reporter: Where to tell how far it is.

    Returns:
        What was read.

    Raises:
        PipelineError: The run cannot go on.
    """
    with locked(how.out / _WORK):
        context = StageContext(settings, load_templates(), how.out / _WORK, how.workers, reporter)
        new = None if arrives(name) else read_inputs([Path(name)], reporter)[0]
        if new is None or not _is_done(how.out, stages.ingest_folder(context, new)):
            with executor(how.workers, how.kind, how.address) as pool:
                ingested = stages.ingest(context, new, pool) if new else stages.ingest_arriving(context, name, pool)
            _publish(how.out, (ingested, stages.count_mentions(context, ingested)))
    return json.loads((how.out / stages.COUNTS).read_text())


@dataclass(frozen=True)
class Compared:
    """What was found between two dumps."""

    classes: Mapping[str, int]  # how many changes there are of each
    window: Window


def diff_dumps(
    old: str, new: str, settings: Settings, how: How, reporter: Reporter, given: Given = ESTIMATED
) -> Compared:
    """Compare two dumps: CHANGES, and MERGES of items that are gone.

    Args:
        old: The older dump.
        new: The newer dump.
        settings: What to read.
        how: Where and how to run.
        reporter: Where to tell how far it is.
        given: The dates of the dumps, where the user knows them.

    Raises:
        PipelineError: The run cannot go on.
    """
    with locked(how.out / _WORK):
        context = StageContext(settings, load_templates(), how.out / _WORK, how.workers, reporter)
        before, after = read_inputs([local_dump(name, context.work) for name in (old, new)], reporter)
        if not _is_done(how.out, stages.changed_folder(context, before, after, given)):
            with executor(how.workers, how.kind, how.address) as pool:
                changed = stages.changed(context, before, after, pool, given)
            _publish(how.out, (changed,), ("changes.parquet", "merges.parquet", WINDOW))
    classes = read_table(how.out / "changes.parquet", ["change_class"]).column("change_class").to_pylist()
    window = read_window(how.out)
    for which, state in (("older", window.older), ("newer", window.newer)):
        warn_odd(state, which, f"--{which.removesuffix('er')}-date", settings.window, reporter)
    return Compared(dict(sorted(Counter(map(str, classes)).items())), window)


def reshard_dump(name: str, settings: Settings, how: How, reporter: Reporter) -> Index:
    """Rewrite a dump as a folder of zstandard shards, which `--new`, `--old`, `ingest` and `diff` take as a dump.

    Raises:
        UsageError: The folder holds something else.
    """
    with locked(how.out / _WORK):
        source = None if arrives(name) else read_inputs([Path(name)], reporter)[0]
        _claim(how.out, {"dump": source.sha256 if source else None, "shard_bytes": settings.dump.shard_bytes})
        run = (how.out, settings.dump)
        with executor(how.workers, how.kind, how.address) as pool:
            if source is None:
                with arriving(name) as arrival, reporter.track("reshard", 0):
                    index = reshard(arrival.dump, *run, pool, how.workers)
            else:
                with reporter.watch("reshard", dump_bytes(source.path), how.out / _WORK / "beats") as beats:
                    index = reshard(source.path, *run, pool, how.workers, beats)
        warn_trailing(trailing_bytes(how.out), name, reporter)
        return index


def local_dump(name: str, work: Path) -> Path:
    """The file of a dump that is read more than once; one that arrives is stored in the work folder.

    Raises:
        InputError: It cannot be opened.
    """
    if not arrives(name):
        return Path(name)
    make_folder(work)
    return store(name, work / "arrived")


def read_inputs(paths: Sequence[Path], reporter: Reporter) -> list[Input]:
    """Dumps with their hashes, compared with the lists of checksums beside them.

    Raises:
        InputError: One is missing, or not what the list says.
    """
    for path in paths:
        if not path.is_file() and not path.is_dir():
            raise InputError("There is no such file", str(path), "Check the path.")
    with reporter.track("reading checksums", sum(map(dump_bytes, paths))) as advance:
        return [Input(path, sha256) for path, sha256 in zip(paths, dump_hashes(paths, advance), strict=True)]


def _is_done(out: Path, stage: Path) -> bool:
    done = out / DONE
    return done.is_file() and stage.name in json.loads(done.read_text())["stages"]


def _publish(out: Path, folders: Sequence[Path], names: Sequence[str] = ()) -> None:
    """Move what stages made to where users look for it; the marker is written last."""
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
    """See that shards of an earlier run are of the same dump, cut alike."""
    source = out / _WORK / "source.json"
    is_there = (out / "counts").exists() and any((out / "counts").iterdir())
    if is_there and (identity["dump"] is None or json.loads(source.read_text()) != identity):
        raise UsageError("The folder holds shards of another dump", str(out), "Name an empty one for --out.")
    with whole_file(source) as part:
        part.write_text(json.dumps(identity))
