"""Each stage of the line with what it depends on: the same inputs are never worked through twice.

A function here names the stage, lists everything that decides its content, and hands the work to the module that knows
how. Folders come in, a folder goes out.
"""

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from pipeline import dropped, schema, screening, selection, separation, thresholds
from pipeline.categories import CATEGORIES
from pipeline.edits import Drop, Origin, make_edits
from pipeline.exclusions import Exclusions
from pipeline.facts import collect_facts
from pipeline.lm.elsewhere import Model, scorer_elsewhere
from pipeline.lm.scorer import Scorer
from pipeline.manifest import CountRecord
from pipeline.probes import add_probes
from pipeline.progress import Reporter
from pipeline.records import Edit
from pipeline.selection import Measured
from pipeline.settings import Settings
from pipeline.shards import late_stage, stage, stage_folder
from pipeline.signals.degree import measure_degree
from pipeline.signals.frequency import measure_frequency
from pipeline.signals.likelihood import measure_likelihood
from pipeline.signals.popularity import measure_popularity
from pipeline.sources import changes, dump, dump_diff, dump_scan, live
from pipeline.sources.arriving import arriving
from pipeline.sources.entity_json import SUBCLASS, TYPE, Wanted
from pipeline.sources.pageviews import read_views
from pipeline.sources.spans import dump_bytes
from pipeline.splits import assign_splits, split_of
from pipeline.tables import Database, file_hash, read_table, row_count, write_records
from pipeline.templates import Templates
from pipeline.variants import make_variants
from pipeline.world import World, WorldSource, load_world, make_world

COUNTS = "counts.json"


@dataclass(frozen=True)
class Input:
    """An input file with its hash, which stands for its content."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Line:
    """What every stage is given."""

    settings: Settings
    templates: Templates
    work: Path
    workers: int
    reporter: Reporter

    def stage(self, name: str, depends: Mapping[str, object], make: Callable[[Path], object]) -> Path:
        """A stage's folder, made now unless it was made before."""

        def told(folder: Path) -> None:
            with self.reporter.track(name, 0):
                make(folder)

        return stage(self.work, name, depends, told)

    def database(self) -> Database:
        """A session that spills into the work folder."""
        return Database(self.work / "scratch", self.settings.memory, self.workers)

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.settings.seed


def wanted(line: Line) -> Wanted:
    """What is kept of a dump: all that later stages look at."""
    relations = {relation.source_property for relation in line.templates.relations.values()}
    dates = {f"P{number}" for number in line.templates.dating.properties}
    filters = {r.object_filter.property for r in line.templates.relations.values() if r.object_filter}
    return Wanted(frozenset({TYPE, SUBCLASS} | relations | dates | filters), frozenset(line.settings.dump.wikis))


def _ingest_depends(line: Line, new: str, harvest: Path | None = None) -> Mapping[str, object]:
    depends: dict[str, object] = {
        "new": new,
        "settings": line.settings.dump.model_dump(),
        "wanted": sorted(wanted(line).properties),
    }
    if harvest:
        depends["harvest"] = _hashes(harvest, ("mentions.parquet", "titles.parquet"))
    return depends


def ingest_folder(line: Line, new: Input) -> Path:
    """Where `ingest` leaves the tables of a dump."""
    return stage_folder(line.work, "ingest", _ingest_depends(line, new.sha256))


def ingest(line: Line, new: Input, pool: Executor, harvest: Path | None = None) -> Path:
    """STATEMENTS, ENTITIES, MENTIONS and TITLES of the newer state, in folders of these names, and what was read.

    Args:
        line: What every stage is given.
        new: The newer dump, or the items that a visit brought.
        pool: Where to read.
        harvest: That visit, which knows more of the graph and of pages than its items tell.
    """

    def make(out: Path) -> None:
        with line.reporter.watch("reading the dump", dump_bytes(new.path), line.work / "beats") as beats:
            counts = dump.ingest(new.path, out, wanted(line), line.settings.dump, pool, line.workers, beats)
        if harvest:
            with line.database() as database:
                live.complete(out, harvest, database)
        _write_json(counts.__dict__, out / COUNTS)

    return line.stage("ingest", _ingest_depends(line, new.sha256, harvest), make)


def ingest_arriving(line: Line, name: str, pool: Executor) -> Path:
    """The same, of a dump that is read and hashed as it arrives."""

    def make(out: Path) -> Mapping[str, object]:
        with arriving(name) as arrival, line.reporter.track("reading the dump", 0):
            counts = dump.ingest(arrival.dump, out, wanted(line), line.settings.dump, pool, line.workers)
            sha256 = arrival.sha256()
        _write_json(counts.__dict__, out / COUNTS)
        return _ingest_depends(line, sha256)

    return late_stage(line.work, "ingest", make)


def changed_live(line: Line, harvest: Path, since: datetime, ingested: Path) -> Path:
    """CHANGES of a visit's window, as `changes.parquet`."""
    files = sorted(path.relative_to(harvest).as_posix() for path in (harvest / "differences").glob("*.parquet"))
    dating = line.templates.dating
    depends = {
        "harvest": _hashes(harvest, (*files, "merges.parquet", "undone.parquet", "provenance.parquet")),
        "ingested": ingested,
        "since": since.isoformat(),
        "dating": dating.model_dump(mode="json"),
    }

    def make(out: Path) -> None:
        dates = (ingested / "statements",)
        evidence = changes.Evidence(harvest / "differences", harvest / "merges.parquet", dates, since)
        with line.database() as database:
            compared = changes.classify(evidence, dating, database, out / "compared.parquet")
        with line.database() as database:
            live.finish_changes(compared, harvest, database, out / "changes.parquet")

    return line.stage("changes", depends, make)


def _hashes(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The hashes of those files of a folder that are there."""
    return {name: file_hash(folder / name) for name in names if (folder / name).is_file()}


def _changed_depends(line: Line, old: Input, new: Input) -> Mapping[str, object]:
    return {
        "old": old.sha256,
        "new": new.sha256,
        "dump": line.settings.dump.model_dump(),
        "changes": line.settings.changes.model_dump(),
        "dating": line.templates.dating.model_dump(mode="json"),
    }


def changed_folder(line: Line, old: Input, new: Input) -> Path:
    """Where `changed` leaves its tables."""
    return stage_folder(line.work, "changes", _changed_depends(line, old, new))


def changed(line: Line, old: Input, new: Input, pool: Executor) -> Path:
    """CHANGES between the two dumps, as `changes.parquet`."""
    settings = line.settings
    dated = frozenset(f"P{number}" for number in line.templates.dating.properties)

    def make(out: Path) -> None:
        reading = dump_scan.Reading(settings.dump, dated, settings.memory, pool, line.workers, line.reporter)
        scans = dump_scan.find_changed(old.path, new.path, out, reading)
        dump_diff.check_order(scans.older / "revisions", scans.newer / "revisions")
        if not scans.is_quick:
            line.reporter.warn("read_twice", "The dumps were read more than once: their revisions do not tell enough.")
        texts = dump_diff.Texts(scans.older / "texts", scans.newer / "texts", scans.changed)
        dump_diff.compare_texts(texts, out, settings.memory, settings.changes.replaced_gap_days, pool)
        with line.database() as database:
            merges = dump_diff.find_merges(out, texts, database, out / "merges.parquet")
        dates = (scans.older / "dates", scans.newer / "dates")
        start = dump_diff.last_edit(scans.older / "revisions")
        evidence = changes.Evidence(out / "differences", merges, dates, start)
        with line.database() as database:
            changes.classify(evidence, line.templates.dating, database, out / "changes.parquet")
        dump_diff.write_window(scans.older / "revisions", out)

    return line.stage("changes", _changed_depends(line, old, new), make)


def screen(line: Line, ingested: Path, exclusions: Exclusions) -> Path:
    """TYPES, TRIPLES and PAST, as `types.parquet`, `triples.parquet` and `past.parquet`, and what was rejected."""
    templates, settings = line.templates, line.settings.screening
    relations = {
        name: relation.model_dump(mode="json", exclude={"wordings", "version"})
        for name, relation in templates.relations.items()
    }
    depends = {
        "ingested": ingested,
        "settings": settings.model_dump(),
        "relations": relations,
        "types": {name: kind.classes for name, kind in templates.types.items()},
        "dating": templates.dating.model_dump(mode="json"),
        "excluded": sorted(exclusions.ids),
    }

    def make(out: Path) -> None:
        statements, types = ingested / "statements", out / "types.parquet"
        with line.database() as database:
            screening.make_types(statements, templates, settings.max_class_depth, database, types)
        with line.database() as database:
            tables = screening.Ingested(statements, ingested / "entities", types)
            screening.screen(tables, templates, settings, exclusions.ids, database, out)
        with line.database() as database:
            triples = out / "triples.parquet"
            dropped.write_screening_drops(triples, database, out / "dropped.parquet")
            _write_counts(dropped.count_table(triples, "screening", database), out)

    return line.stage("screening", depends, make)


def count_mentions(line: Line, ingested: Path) -> Path:
    """FREQUENCY and DEGREE, as `frequency.parquet` and `degree.parquet`."""

    def make(out: Path) -> None:
        with line.database() as database:
            measure_frequency(ingested / "mentions", database, out / "frequency.parquet")
            measure_degree(ingested / "mentions", database, out / "degree.parquet")

    return line.stage("mentions", {"ingested": ingested}, make)


def count_views(line: Line, files: Sequence[Input], ingested: Path) -> Path:
    """POPULARITY, as `popularity.parquet`, and how many pages were kept or left out for what reason."""
    settings = line.settings.pageviews
    depends = {"files": [file.sha256 for file in files], "settings": settings.model_dump(), "ingested": ingested}

    def make(out: Path) -> None:
        for place, file in enumerate(files):
            read_views(file.path, frozenset(settings.projects), out / "views" / f"{place:04d}.parquet")
        with line.database() as database:
            counts = measure_popularity(
                out / "views", ingested / "titles", settings, database, out / "popularity.parquet"
            )
        _write_json(counts, out / COUNTS)

    return line.stage("popularity", depends, make)


def score(line: Line, model: Model, ingested: Path, screened: Path) -> Path:
    """LIKELIHOOD, NAMES and MODELS of candidate heads, and how many heads have which status."""
    with contextlib.ExitStack() as ending:
        with line.reporter.track("loading the model", 0):
            scorer = ending.enter_context(scorer_elsewhere(model))
        return _score(line, scorer, ingested, screened)


def _score(line: Line, scorer: Scorer, ingested: Path, screened: Path) -> Path:
    settings = line.settings
    depends = {
        "model": [scorer.name, scorer.revision, scorer.dtype, scorer.tokenizer_hash],
        "screened": screened,
        "settings": settings.likelihood.model_dump(),
        "seed": line.seed,
        "templates": line.templates.version,
    }

    def make(out: Path) -> None:
        heads = out / "heads.parquet"
        with line.database() as database:
            selection.find_heads(screened, ingested / "entities", settings, database, heads)
        with line.reporter.track("scoring names", row_count(heads)) as advance:
            counts = measure_likelihood(heads, line.templates, settings, scorer, out, advance)
        _write_json(counts, out / COUNTS)

    return line.stage("likelihood", depends, make)


def select(line: Line, measured: Measured, ingested: Path) -> Path:
    """THRESHOLDS, SEPARATION, CANDIDATES of each category and FACTS, and what was not taken."""
    settings = line.settings
    names = [name for name in CATEGORIES if name in settings.categories]
    sections = ("recent", "popular", "long_tail", "likelihood")
    partners = {name: relation.partner for name, relation in line.templates.relations.items()}
    depends = {
        "measured": {name: path.parent.name for name, path in vars(measured).items() if path},
        "settings": {name: getattr(settings, name).model_dump() for name in sections},
        "seed": settings.seed,
        "categories": names,
        "partners": partners,
    }

    def make(out: Path) -> None:
        with line.database() as database:
            selection.open_views(database, measured, line.templates.relations)
            thresholds.find_thresholds(database, settings, out / "thresholds.parquet")
            separation.measure_separation(database, settings, out / "separation.parquet")
            candidates = out / "candidates"
            for name in names:
                selection.select(CATEGORIES[name], settings, database, candidates / f"{name}.parquet")
            collect_facts(candidates, ingested / "entities", settings, database, out / "facts.parquet")
            dropped.write_selection_drops(candidates, database, out / "dropped.parquet")
            _write_counts(dropped.count_table(candidates, "selection", database), out)

    return line.stage("selection", depends, make)


def cut_world(line: Line, ingested: Path, screened: Path, selected: Path) -> Path:
    """WORLD: `items.parquet` and `triples.parquet`."""
    pool = line.settings.probes.neighbour_pool
    depends = {"ingested": ingested, "screened": screened, "selected": selected, "pool": pool, "seed": line.seed}

    def make(out: Path) -> None:
        files = (screened / f"{name}.parquet" for name in ("triples", "types", "past"))
        triples, types, past = files
        source = WorldSource(selected / "facts.parquet", triples, ingested / "entities", types, past)
        with line.database() as database:
            make_world(source, pool, line.seed, database, out)

    return line.stage("world", depends, make)


def word(line: Line, selected: Path, world: Path, origin: Origin) -> Path:
    """EDITS of all facts that can be worded, as `edits.parquet`."""
    limits = line.settings.limits
    depends = {
        "selected": selected,
        "world": world,
        "limits": limits.model_dump(),
        "templates": line.templates.version,
        "origin": [origin.source, str(origin.window_start), str(origin.window_end)],
    }

    def make(out: Path) -> None:
        facts = read_table(selected / "facts.parquet").to_pylist()
        edits, drops = make_edits(facts, load_world(world, line.templates), origin, limits)
        taken_in = Counter(str(fact["category"]) for fact in facts)
        _write_edits("edits", edits, drops, taken_in, out)

    return line.stage("edits", depends, make)


def split(line: Line, worded: Path, exclusions: Exclusions) -> Path:
    """EDITS with splits."""
    shares = line.settings.splits
    depends = {
        "worded": worded,
        "shares": shares.model_dump(),
        "seed": line.seed,
        "excluded": sorted(exclusions.texts),
        "templates": line.templates.version,
    }

    def make(out: Path) -> None:
        edits = read_edits(worded)
        kept, drops = assign_splits(edits, line.templates.relations, exclusions, line.seed, shares)
        _write_edits("splits", kept, drops, _by_category(edits), out)

    return line.stage("splits", depends, make)


def probe(line: Line, divided: Path, world: Path) -> Path:
    """EDITS with locality and portability."""
    settings, shares = line.settings.probes, line.settings.splits
    depends = {
        "divided": divided,
        "world": world,
        "settings": settings.model_dump(),
        "shares": shares.model_dump(),
        "seed": line.seed,
        "templates": line.templates.version,
    }

    def make(out: Path) -> None:
        around = load_world(world, line.templates)
        edits = [_probed(edit, around, line) for edit in read_edits(divided)]
        write_records(edits, out / "edits.parquet", schema.RELEASE)

    return line.stage("probes", depends, make)


def _probed(edit: Edit, world: World, line: Line) -> Edit:
    def in_split(item: int) -> bool:
        return split_of(f"Q{item}", line.seed, line.settings.splits) == edit["split"]

    return add_probes(edit, world, line.settings.probes, line.seed, in_split)


def vary(line: Line, probed: Path, world: Path) -> Path:
    """Robust EDITS."""
    settings = line.settings.robust
    depends = {
        "probed": probed,
        "world": world,
        "settings": settings.model_dump(),
        "seed": line.seed,
        "templates": line.templates.version,
    }

    def make(out: Path) -> None:
        edits = read_edits(probed)
        varied, drops = make_variants(edits, load_world(world, line.templates), settings, line.seed)
        _write_edits("variants", varied, drops, Counter({"robust": len(edits)}), out)

    return line.stage("variants", depends, make)


def read_edits(folder: Path) -> list[Edit]:
    """The edits of a stage."""
    return cast(list[Edit], read_table(folder / "edits.parquet").to_pylist())


def read_counts(folder: Path) -> list[CountRecord]:
    """What came into a stage, was kept and was dropped."""
    return [CountRecord.model_validate(record) for record in json.loads((folder / COUNTS).read_text())]


def _by_category(edits: Iterable[Edit]) -> Counter[str]:
    return Counter(edit["category"] for edit in edits)


def _write_edits(name: str, edits: Sequence[Edit], drops: Sequence[Drop], taken_in: Counter[str], out: Path) -> None:
    write_records(edits, out / "edits.parquet", schema.RELEASE)
    dropped.write_drops(drops, out / "dropped.parquet")
    _write_counts(dropped.count_stage(name, taken_in, _by_category(edits), drops), out)


def _write_counts(records: Iterable[CountRecord], out: Path) -> None:
    _write_json([record.model_dump() for record in records], out / COUNTS)


def _write_json(value: object, path: Path) -> None:
    path.write_text(json.dumps(value, sort_keys=True) + "\n", encoding="utf-8")
