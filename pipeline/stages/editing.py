"""From triples and signals to edits."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

from pipeline.core import schema
from pipeline.core.edit_record import Edit
from pipeline.core.tables import read_table, write_records
from pipeline.edits import dropped
from pipeline.edits.edits import Drop, Origin, make_edits
from pipeline.edits.exclusions import Exclusions
from pipeline.edits.probes import add_probes
from pipeline.edits.splits import assign_splits, split_of
from pipeline.edits.variants import make_variants
from pipeline.language.subgraph import World, WorldSource, load_world, make_world
from pipeline.select import likelihood_auc, selection, thresholds
from pipeline.select.categories import CATEGORIES
from pipeline.select.facts import collect_facts
from pipeline.select.selection import Measured
from pipeline.stages.context import Line, write_counts


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
            likelihood_auc.measure_separation(database, settings, out / "separation.parquet")
            candidates = out / "candidates"
            for name in names:
                selection.select(CATEGORIES[name], settings, database, candidates / f"{name}.parquet")
            collect_facts(candidates, ingested / "entities", settings, database, out / "facts.parquet")
            dropped.write_selection_drops(candidates, database, out / "dropped.parquet")
            write_counts(dropped.count_table(candidates, "selection", database), out)

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


def _by_category(edits: Iterable[Edit]) -> Counter[str]:
    return Counter(edit["category"] for edit in edits)


def _write_edits(name: str, edits: Sequence[Edit], drops: Sequence[Drop], taken_in: Counter[str], out: Path) -> None:
    write_records(edits, out / "edits.parquet", schema.RELEASE)
    dropped.write_drops(drops, out / "dropped.parquet")
    write_counts(dropped.count_stage(name, taken_in, _by_category(edits), drops), out)
