"""The straight line: from two states of Wikidata to a release, one stage after the other."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pipeline import __version__, stages
from pipeline.core import schema
from pipeline.core.edit_record import Edit
from pipeline.core.errors import UsageError
from pipeline.core.foreign import no_file
from pipeline.core.garbage import rare_garbage_collection
from pipeline.core.manifest import (
    CodeRecord,
    DumpRecord,
    InputRecord,
    LikelihoodAucRecord,
    Manifest,
    ModelRecord,
    Role,
    StateRecord,
    ThresholdRecord,
    VisitRecord,
)
from pipeline.core.parallel import Kind, beside, executor
from pipeline.core.progress import Reporter
from pipeline.core.settings import Settings
from pipeline.core.stage_cache import code_version, locked, read_record
from pipeline.core.tables import make_folder, read_table, row_count
from pipeline.edits.edits import Origin
from pipeline.edits.exclusions import Exclusions, read_exclusions
from pipeline.edits.placement import place
from pipeline.language.templates import load_templates
from pipeline.lm.model_spec import find_model
from pipeline.lm.scoring_process import start_scoring_process
from pipeline.release.assemble import Draft, assemble
from pipeline.release.audit.faults import load_faults
from pipeline.release.audit.verdicts import held_by, read_verdicts, what_became
from pipeline.release.checks import CheckResult
from pipeline.select.news import Window
from pipeline.select.selection import Measured
from pipeline.sources.diff.window import ESTIMATED, Given, StateDate, read_window, state_date, warn_odd
from pipeline.sources.files.checksums import dump_hashes
from pipeline.sources.files.seekable import dump_bytes
from pipeline.sources.pageviews.files import pageview_files
from pipeline.stages import COUNTS, Input, StageContext

if TYPE_CHECKING:  # it requires the extra `live`
    from pipeline.sources.live.state import Harvest


_SHOWN_TARGETS = 5  # most frequent targets of a category that the manifest keeps


@dataclass(frozen=True)
class Sources:
    """The files that a release is built from."""

    name: str  # dump, sample, live
    new: Path
    old: Path | None = None
    pageviews: Path | None = None
    exclude: Path | None = None
    harvest: "Harvest | None" = None  # of a living wiki, instead of an older dump
    given: Given = ESTIMATED  # the dates of the dumps, where the user knows them
    verdicts: Sequence[Path] = ()  # what readers found in rows of this or an earlier release


@dataclass(frozen=True)
class Options:
    """Where and how to run: apart from the release's name and the model, nothing here changes what it holds."""

    out: Path
    work: Path
    workers: int = 2
    version: str | None = None
    model: str | None = None  # a folder, a Hub id or `bundled`
    executor: Kind = "processes"  # what runs the shards
    dask_address: str | None = None


@dataclass(frozen=True)
class Built:
    """A finished release."""

    folder: Path
    manifest: Manifest
    checks: Sequence[CheckResult]


def build(sources: Sources, settings: Settings, options: Options, reporter: Reporter) -> Built:
    """Build a release.

    Args:
        sources: The dumps, page views and exclusions.
        settings: What to build.
        options: Where and how to run.
        reporter: Where to report progress.

    Raises:
        PipelineError: The run cannot go on; its text says why and what to do.
        ChecksFailed: A required check failed; no release was left behind.
    """
    templates = load_templates()
    settings = _possible(settings, sources, reporter)
    files = _read_inputs(sources, reporter)
    exclusions = read_exclusions(sources.exclude) if sources.exclude else Exclusions()
    verdicts = [read_verdicts(path, load_faults()) for path in sources.verdicts]
    make_folder(options.out)
    spec = find_model(options.model, settings.model) if options.model else None
    with locked(options.work), rare_garbage_collection():
        context = StageContext(settings, templates, options.work, options.workers, reporter)
        harvest = sources.harvest
        with ExitStack() as stack:  # its process ends as soon as all is scored
            scorer = stack.enter_context(start_scoring_process(spec)) if spec else None
            # Its workers end when all is screened: the model needs their memory.
            with executor(options.workers, options.executor, options.dask_address) as pool:
                ingested = stages.ingest(context, files.new, pool, harvest.folder if harvest else None, files.old)
                if harvest:
                    changed = stages.changed_live(context, harvest.folder, harvest.window.start, ingested)
                else:
                    changed = stages.changed(context, files.old, files.new, pool, sources.given) if files.old else None
                excluded = stages.with_named(context, ingested, exclusions)
                screened = stages.screen(context, ingested, excluded, pool)

            scoring = stages.start_scores(context, scorer, ingested, screened) if scorer else None
            mentions = stages.count_mentions(context, ingested)
            popularity = _views(context, files.pageviews, ingested) if files.pageviews else None
            states = {} if harvest else _states(context, sources.given, ingested, changed)
            origin = _origin(sources, states, reporter)
            window = Window(origin.window_start, origin.window_end)
            news = stages.find_recent(context, changed, ingested, window) if changed else None
            scored = stages.score(context, scoring) if scoring else None

        measured = Measured(
            triples=screened / "triples.parquet",
            news=news / "news.parquet" if news else None,
            popularity=popularity / "popularity.parquet" if popularity else None,
            frequency=mentions / "frequency.parquet",
            degree=mentions / "degree.parquet",
            names=scored / "names.parquet" if scored else None,
            models=scored / "models.parquet" if scored else None,
        )
        selected = stages.select(context, measured, ingested, screened)
        around = stages.cut_subgraph(context, ingested, screened, selected)

        worded = stages.word(context, selected, around, origin)
        divided = stages.split(context, worded, around, exclusions)
        probed = stages.probe(context, divided, around)
        if sources.exclude:
            _report_excluded(sources.exclude, exclusions, [screened, divided], reporter)
        varied = stages.vary(context, probed, around) if "robust" in settings.categories else None

        counted = [screened, selected, worded, divided, probed, *([varied] if varied else [])]
        folders = _Folders(ingested, changed, popularity, scored, selected, around, counted)
        manifest = _manifest(context, options, files, folders, origin).model_copy(update={"states": states})
        if harvest:
            manifest = manifest.model_copy(update={"visit": VisitRecord.model_validate(harvest.record)})
        subgraph = context.subgraph(around)
        made = [*stages.read_edits(probed), *(stages.read_edits(varied) if varied else [])]
        edits = place(made, subgraph, context.seed)
        manifest = manifest.model_copy(update=_mixes(edits))
        listed = stages.list_drops(context, counted, [probed, *([varied] if varied else [])])
        drops = {stages.stage_of(folder): listed / f"{stages.stage_of(folder)}.parquet" for folder in counted}
        manifest = manifest.model_copy(update={"listed_drops": {name: row_count(path) for name, path in drops.items()}})
        draft = Draft(edits, subgraph, drops, manifest, verdicts)
        if verdicts:
            reporter.warn("verdicts", what_became(held_by(edits, verdicts), manifest.release))
        folder = options.out / manifest.release
        was_there = folder.exists()
        with reporter.track("release", 0), beside(options.workers) as painter:
            manifest, results = assemble(draft, folder, painter)
        if was_there:
            reporter.warn("unchanged", "The same release was there already; nothing was changed.", release=str(folder))
    return Built(folder, manifest, results)


def _possible(settings: Settings, sources: Sources, reporter: Reporter) -> Settings:
    """The settings without the categories for which an input is missing, which is told."""
    older = sources.harvest.folder if sources.harvest else sources.old
    missing = {"recent": ("--old", older), "popular": ("--pageviews", sources.pageviews)}
    left_out = {name: flag for name, (flag, path) in missing.items() if name in settings.categories and path is None}
    for name, flag in left_out.items():
        reporter.warn("left_out", f"No {flag} was given: the release has no {name} category.", category=name)
    kept = tuple(name for name in settings.categories if name not in left_out)
    if not set(kept) - {"robust"}:
        raise UsageError("No category is left to build", "--categories", "Give --old, --pageviews or other categories.")
    return settings.model_copy(update={"categories": kept})


@dataclass(frozen=True)
class _Files:
    """The input files with their hashes, and their records for the manifest."""

    new: Input
    old: Input | None
    pageviews: Sequence[Input]
    records: Sequence[InputRecord]


def _read_inputs(sources: Sources, reporter: Reporter) -> _Files:
    """Hash every input file."""
    named: list[tuple[Role, Path | None]] = [
        ("new", sources.new),
        ("old", sources.old),
        ("exclude", sources.exclude),
        *(("pageviews", path) for path in (pageview_files(sources.pageviews) if sources.pageviews else ())),
        *(("verdicts", path) for path in sources.verdicts),
    ]
    paths: list[tuple[Role, Path]] = [(role, path) for role, path in named if path is not None]
    for role, path in paths:
        is_dump = role in ("new", "old")
        if not path.is_file() and not (is_dump and path.is_dir()):
            raise no_file(path, f"Check --{role}.")
    total = sum(dump_bytes(path) for _, path in paths)
    with reporter.track("reading checksums", total) as advance:
        hashes = dump_hashes([path for _, path in paths], advance)
    inputs: Sequence[tuple[Role, Input]] = [
        (role, Input(path, sha256)) for (role, path), sha256 in zip(paths, hashes, strict=True)
    ]
    found = {role: file for role, file in inputs}
    records = [
        InputRecord(role=role, file=file.path.name, bytes=dump_bytes(file.path), sha256=file.sha256)
        for role, file in inputs
    ]
    pageviews = [file for role, file in inputs if role == "pageviews"]
    return _Files(found["new"], found.get("old"), pageviews, records)


def _views(context: StageContext, files: Sequence[Input], ingested: Path) -> Path:
    """POPULARITY; it is told when it is empty, which leaves the popular category without a row."""
    popularity = stages.count_views(context, files, ingested)
    if not row_count(popularity / "popularity.parquet"):
        projects = ", ".join(context.settings.pageviews.projects)
        context.reporter.warn(
            "no_views",
            "Not one page view is of an item of the dump: there is nothing popular. "
            f"Counted are the views of {projects}; see pageviews.projects in the settings.",
        )
    return popularity


States = Mapping[Literal["older", "newer"], StateRecord]


def _states(context: StageContext, given: Given, ingested: Path, changed: Path | None) -> States:
    """The dates of the dumps; what is odd about them is reported."""
    settings = context.settings.window
    found: dict[Literal["older", "newer"], StateDate] = {}
    if changed:
        window = read_window(changed)
        found = {"older": window.older, "newer": window.newer}
    else:
        dump = read_record(ingested / COUNTS, DumpRecord.model_validate_json)
        with context.database() as database:
            newer = state_date(ingested / "entities", given.new, settings, database)
        found = {"newer": replace(newer, repeated=dump.repeated)}
    for which, state in found.items():
        warn_odd(state, which, f"--{which.removesuffix('er')}-date", settings, context.reporter)
    return {which: StateRecord.model_validate(asdict(state)) for which, state in found.items()}


def _origin(sources: Sources, states: States, reporter: Reporter) -> Origin:
    """The window: from the date of the older state to that of the newer one, or the window of a harvest."""
    if sources.harvest:
        return Origin(sources.name, sources.harvest.window.start, sources.harvest.window.end)
    older = states.get("older")
    if older and older.date is None:
        reporter.warn(
            "undated",
            "No item of the older dump says when it was edited: no statement can be shown to be news, so the recent "
            "category has no rows of the default classes. --old-date gives the date of the dump.",
        )
    return Origin(sources.name, older.date if older else None, states["newer"].date)


def _report_excluded(file: Path, exclusions: Exclusions, folders: Sequence[Path], reporter: Reporter) -> None:
    """Report what was understood of a list of exclusions, and how many rows it kept out at which stage."""
    counts = Counter[str]()
    for record in (record for folder in folders for record in stages.read_counts(folder)):
        counts[record.stage] += record.dropped.get("excluded", 0)
    by_stage = ", ".join(f"{count} in {stage}" for stage, count in counts.items())
    understood = f"{len(exclusions.ids)} items, {len(exclusions.texts)} names or prompts"
    reporter.warn(
        "excluded",
        f"{file.name}: {exclusions.entries} entries understood ({understood}); {counts.total()} rows kept out "
        f"({by_stage}).",
        entries=exclusions.entries,
        rows=counts.total(),
    )


@dataclass(frozen=True)
class _Folders:
    """The stages that the manifest takes numbers from."""

    ingested: Path
    changed: Path | None
    popularity: Path | None
    scored: Path | None
    selected: Path
    around: Path
    counted: Sequence[Path]


def _manifest(context: StageContext, options: Options, files: _Files, folders: _Folders, origin: Origin) -> Manifest:
    """The manifest, as far as it is known before the release is written."""
    counts = [record for folder in folders.counted for record in stages.read_counts(folder)]
    thresholds = read_table(folders.selected / "thresholds.parquet").to_pylist()
    likelihood_auc = read_table(folders.selected / "likelihood_auc.parquet").to_pylist()
    return Manifest(
        release=options.version or _version(origin, files.new),
        made_by=CodeRecord(
            version=__version__,
            code=code_version(),
            templates=context.templates.version,
            schema_version=schema.SCHEMA_VERSION,
        ),
        source=origin.source,
        inputs=tuple(files.records),
        dump=read_record(folders.ingested / COUNTS, DumpRecord.model_validate_json),
        window_start=origin.window_start,
        window_end=origin.window_end,
        seed=context.seed,
        settings=context.settings,
        model=_model_record(folders.scored),
        thresholds=tuple(ThresholdRecord.model_validate(row) for row in thresholds),
        likelihood_auc=tuple(LikelihoodAucRecord.model_validate(row) for row in likelihood_auc),
        pageviews=read_record(folders.popularity / COUNTS, json.loads) if folders.popularity else {},
        odd_view_lines=read_record(folders.popularity / stages.ODD_LINES, json.loads) if folders.popularity else {},
        changes=_change_classes(folders.changed),
        aliases=read_record(folders.around / COUNTS, json.loads),
        counts=tuple(counts),
        rows={},
        relations={},
        domains={},
        exports={},
    )


def _version(origin: Origin, new: Input) -> str:
    """The day of the newer state, or a hash of it where it has no date."""
    return f"v{origin.window_end:%Y.%m.%d}" if origin.window_end else f"undated-{new.sha256[:8]}"


def _model_record(scored: Path | None) -> ModelRecord | None:
    if scored is None:
        return None
    return read_record(scored / stages.MODEL, ModelRecord.model_validate_json)


def _change_classes(changed: Path | None) -> Mapping[str, int]:
    if changed is None:
        return {}
    rows = read_table(changed / "changes.parquet", ["change_class"]).to_pylist()
    return dict(sorted(Counter(str(row["change_class"]) for row in rows).items()))


def _mixes(edits: Sequence[Edit]) -> Mapping[str, Mapping[str, Mapping[str, int]]]:
    """How the edits of each category spread over relations, domains, hops and the most frequent targets.

    The recent ones are also counted by the class of their change and their kind.
    """

    def mix(column: str, most: int | None = None) -> dict[str, dict[str, int]]:
        counts: dict[str, Counter[str]] = {}
        for edit in sorted(edits, key=lambda edit: str(edit[column])):
            counts.setdefault(edit["category"], Counter())[str(edit[column])] += 1
        return {category: dict(sorted(counter.most_common(most))) for category, counter in sorted(counts.items())}

    recent: dict[str, Counter[str]] = {}
    for edit in edits:
        if edit["category"] == "recent":
            recent.setdefault(str(edit["change_class"]), Counter())[edit["edit_kind"]] += 1
    return {
        "relations": mix("relation_id"),
        "domains": mix("domain"),
        "hops": mix("hops"),
        "targets": mix("target_new", _SHOWN_TARGETS),
        "recent": {name: dict(sorted(counter.items())) for name, counter in sorted(recent.items())},
    }
