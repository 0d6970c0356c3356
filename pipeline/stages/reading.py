"""From dumps, or from a harvest of a living wiki, to tables: what there is, and what changed."""

import functools
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pipeline.core.stage_cache import DONE, late_stage, stage_folder
from pipeline.core.tables import file_hash
from pipeline.language.templates import Templates
from pipeline.sources.diff import classification, comparison, scan
from pipeline.sources.diff.window import ESTIMATED, Given, Window, find_window, write_window
from pipeline.sources.entities import ingestion
from pipeline.sources.entities.model import SUBCLASS, TYPE
from pipeline.sources.entities.repeats import warn_repeated
from pipeline.sources.entities.rows import Wanted
from pipeline.sources.files.reader import warn_trailing
from pipeline.sources.files.seekable import dump_bytes
from pipeline.sources.files.stream import open_stream
from pipeline.stages.context import COUNTS, Input, StageContext, write_json


def wanted(templates: Templates, wikis: Iterable[str]) -> Wanted:
    """What is kept of a dump: all that later stages look at, and the titles of these wikis."""
    relations = {relation.source_property for relation in templates.relations.values()}
    filters = {r.object_filter.property for r in templates.relations.values() if r.object_filter}
    kin = {name for r in templates.relations.values() for names in r.kin.values() for name in names}
    judged = templates.plausibility.properties | frozenset(templates.aliases.statements)
    return Wanted(
        frozenset({TYPE, SUBCLASS} | relations | _dated(templates) | filters | judged | kin), frozenset(wikis)
    )


def _dated(templates: Templates) -> frozenset[str]:
    """The properties that say when something became true."""
    return frozenset(f"P{number}" for number in templates.dating.properties)


def _wanted(context: StageContext) -> Wanted:
    return wanted(context.templates, context.settings.dump.wikis)


def _ingest_depends(context: StageContext, new: str, harvest: Path | None = None) -> Mapping[str, object]:
    depends: dict[str, object] = {
        "new": new,
        "settings": context.settings.dump.model_dump(),
        "wanted": sorted(_wanted(context).properties),
    }
    if harvest:
        depends["harvest"] = _hashes(harvest, ("mentions.parquet", "titles.parquet"))
    return depends


def ingest_folder(context: StageContext, new: Input) -> Path:
    """Where `ingest` leaves the tables of a dump."""
    return stage_folder(context.work, "ingest", _ingest_depends(context, new.sha256))


def ingest(
    context: StageContext, new: Input, pool: Executor, harvest: Path | None = None, old: Input | None = None
) -> Path:
    """STATEMENTS, ENTITIES, MENTIONS and TITLES of the newer state, in folders of these names, and what was read.

    Args:
        context: What every stage is given.
        new: The newer dump, or the items of a harvest.
        pool: Where to read.
        harvest: The folder of that harvest, which also has counts of the whole graph and titles of pages.
        old: The dump that `changed` will compare it with: what it looks for in the newer one is found in the same pass.
    """

    def make(out: Path) -> None:
        if old and not _scanned(context, old, new):
            fill = functools.partial(_ingest_and_scan, context, old, new, pool, out)
            context.stage("scan", _scan_depends(context, old, new), fill)
        else:
            _read(context, new, pool, out)
        if harvest:
            from pipeline.sources.live.build_tables import complete_ingested  # late: it requires the extra `live`

            with context.database() as database:
                complete_ingested(out, harvest, database)

    return context.stage("ingest", _ingest_depends(context, new.sha256, harvest), make)


def _read(
    context: StageContext, new: Input, pool: Executor, out: Path, hook: ingestion.ShardHook | None = None
) -> None:
    with context.reporter.watch("reading the dump", dump_bytes(new.path), context.work / "beats") as beats:
        counts = ingestion.ingest(
            *(new.path, out, _wanted(context), context.settings.dump, pool, context.workers, beats, hook),
            memory=context.settings.memory,
        )
    warn_repeated(counts.repeated, str(new.path), context.reporter)
    warn_trailing(counts.trailing, str(new.path), context.reporter)
    write_json(counts.__dict__, out / COUNTS)


def _ingest_and_scan(context: StageContext, old: Input, new: Input, pool: Executor, out: Path, scanned: Path) -> None:
    """Fill the folder of `ingest` and that of a scan, which stays empty if it would be of no use."""
    hook = scan.ingestion_hook(old.path, new.path, scanned, context.settings.dump, _dated(context.templates))
    _read(context, new, pool, out, hook)
    if hook:
        scan.settle_repeats(scanned, context.settings.memory, pool)


def _scan_depends(context: StageContext, old: Input, new: Input) -> Mapping[str, object]:
    dump_settings = context.settings.dump.model_dump()
    return {"old": old.sha256, "new": new.sha256, "dump": dump_settings, "dated": sorted(_dated(context.templates))}


def _scanned(context: StageContext, old: Input, new: Input) -> Path | None:
    """The finished folder of a scan of the newer dump."""
    folder = stage_folder(context.work, "scan", _scan_depends(context, old, new))
    return folder if (folder / DONE).is_file() else None


def ingest_stream(context: StageContext, name: str, pool: Executor) -> Path:
    """The same, of a dump that is a stream."""

    def make(out: Path) -> Mapping[str, object]:
        with open_stream(name) as stream, context.reporter.track("reading the dump", 0):
            counts = ingestion.ingest(
                *(stream.dump, out, _wanted(context), context.settings.dump, pool, context.workers),
                memory=context.settings.memory,
            )
            sha256 = stream.sha256()
        warn_repeated(counts.repeated, stream.dump.name, context.reporter)
        warn_trailing(counts.trailing, stream.dump.name, context.reporter)
        write_json(counts.__dict__, out / COUNTS)
        return _ingest_depends(context, sha256)

    return late_stage(context.work, "ingest", make)


def changed_live(context: StageContext, harvest: Path, since: datetime, ingested: Path) -> Path:
    """CHANGES of the window of a harvest, as `changes.parquet`."""
    files = sorted(path.relative_to(harvest).as_posix() for path in (harvest / "differences").glob("*.parquet"))
    dating = context.templates.dating
    depends = {
        "harvest": _hashes(harvest, (*files, "merges.parquet", "undone.parquet", "provenance.parquet")),
        "ingested": ingested,
        "since": since.isoformat(),
        "dating": dating.model_dump(mode="json"),
    }

    def make(out: Path) -> None:
        from pipeline.sources.live.build_tables import complete_changes  # late: it requires the extra `live`

        dates = (ingested / "statements",)
        states = classification.ComparedStates(harvest / "differences", harvest / "merges.parquet", dates, since)
        with context.database() as database:
            compared = classification.classify(states, dating, database, out / "compared.parquet")
        with context.database() as database:
            complete_changes(compared, harvest, database, out / "changes.parquet")

    return context.stage("changes", depends, make)


def _hashes(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The hashes of those files of a folder that are there."""
    return {name: file_hash(folder / name) for name in names if (folder / name).is_file()}


def _changed_depends(context: StageContext, old: Input, new: Input, given: Given) -> Mapping[str, object]:
    return {
        "given": [str(given.old), str(given.new)],
        "window": context.settings.window.model_dump(),
        "old": old.sha256,
        "new": new.sha256,
        "dump": context.settings.dump.model_dump(),
        "changes": context.settings.changes.model_dump(),
        "dating": context.templates.dating.model_dump(mode="json"),
    }


def changed_folder(context: StageContext, old: Input, new: Input, given: Given = ESTIMATED) -> Path:
    """Where `changed` leaves its tables."""
    return stage_folder(context.work, "changes", _changed_depends(context, old, new, given))


def changed(context: StageContext, old: Input, new: Input, pool: Executor, given: Given = ESTIMATED) -> Path:
    """CHANGES between the two dumps, as `changes.parquet`, and the window (`diff.window.read_window`)."""
    settings = context.settings

    def make(out: Path) -> None:
        reading = scan.ScanContext(
            settings.dump, _dated(context.templates), settings.memory, pool, context.workers, context.reporter
        )
        scanned = _scanned(context, old, new)
        newer = scanned if scanned and (scanned / "revisions").is_dir() else None
        scans = scan.find_changed(old.path, new.path, out, reading, newer)
        dates = _window(context, scans, given)
        if not scans.is_quick:
            context.reporter.warn(
                "read_twice", "The dumps were read more than once: their revisions do not show what changed."
            )
        texts = comparison.Texts(scans.older / "texts", scans.newer / "texts", scans.changed)
        gap = settings.changes.replaced_gap_days
        comparison.compare_texts(texts, out, settings.memory, gap, pool, context.workers)
        with context.database() as database:
            merges = comparison.find_merges(out, texts, database, out / "merges.parquet")
        states = classification.ComparedStates(
            out / "differences",
            merges,
            (scans.older / "dates", scans.newer / "dates"),
            dates.older.date,
            dates.newer.date,
            scans.older / "revisions",
        )
        with context.database() as database:
            classification.classify(states, context.templates.dating, database, out / "changes.parquet")
        write_window(dates, out)

    return context.stage("changes", _changed_depends(context, old, new, given), make)


def _window(context: StageContext, scans: scan.Scans, given: Given) -> Window:
    folders = (scans.older / "revisions", scans.newer / "revisions")
    with context.database() as database:
        dates = find_window(folders, scans.changed, given, context.settings.window, database)
    older, newer = (scan.read_counts(folder).repeated for folder in (scans.older, scans.newer))
    return Window(replace(dates.older, repeated=older), replace(dates.newer, repeated=newer))
