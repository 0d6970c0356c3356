"""From triples and signals to edits."""

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import cast

from pipeline.core import schema
from pipeline.core.edit_record import Edit
from pipeline.core.tables import read_table, write_records
from pipeline.edits import dropped
from pipeline.edits.consistency import Touched, claims_of, find_touched
from pipeline.edits.draw import draw_again, limits_of
from pipeline.edits.dropped import Drop
from pipeline.edits.edits import Origin, make_edits
from pipeline.edits.exclusions import Exclusions
from pipeline.edits.locality import Uses
from pipeline.edits.probes import add_probes, drop_unprobed
from pipeline.edits.splits import assign_splits, split_of
from pipeline.edits.variants import make_variants
from pipeline.language.aliases import Naming
from pipeline.language.subgraph import Subgraph
from pipeline.language.subgraph_tables import SubgraphSource, make_subgraph
from pipeline.select import likelihood_auc, selection, thresholds
from pipeline.select.categories import CATEGORIES
from pipeline.select.facts import FactSources, collect_facts
from pipeline.select.news import Window, find_news
from pipeline.select.selection import Measured
from pipeline.stages.context import COUNTS, DROPPED, StageContext, write_counts, write_json


def find_recent(context: StageContext, changed: Path, ingested: Path, window: Window) -> Path:
    """NEWS, as `news.parquet`."""
    dating = context.templates.dating
    depends = {
        "changed": changed,
        "ingested": ingested,
        "window": [str(moment) for moment in window],
        "dating": dating.model_dump(mode="json"),
    }

    def make(out: Path) -> None:
        with context.database() as database:
            changes, statements = changed / "changes.parquet", ingested / "statements"
            find_news(changes, statements, window, dating, database, out / "news.parquet")

    return context.stage("news", depends, make)


def select(context: StageContext, measured: Measured, ingested: Path, screened: Path) -> Path:
    """THRESHOLDS, LIKELIHOOD_AUC, CANDIDATES of each category and FACTS, and what was not taken."""
    settings = context.settings
    names = [name for name in CATEGORIES if name in settings.categories]
    sections = ("recent", "popular", "long_tail", "likelihood", "balance")
    partners = {name: relation.partner for name, relation in context.templates.relations.items()}
    depends = {
        "ingested": ingested,
        "screened": screened,
        "measured": {name: path.parent.name for name, path in vars(measured).items() if path},
        "settings": {name: getattr(settings, name).model_dump() for name in sections},
        "seed": settings.seed,
        "categories": names,
        "partners": partners,
        "hops": context.templates.hops,
        "plausibility": context.templates.plausibility.model_dump(mode="json"),
    }

    def make(out: Path) -> None:
        with context.database() as database:
            types = {name: relation.subject_types for name, relation in context.templates.relations.items()}
            spared = context.templates.plausibility.spared(types, harmful=settings.popular.harmful_counterfactuals)
            selection.open_views(database, measured, context.templates.hops, spared)
            thresholds.find_thresholds(database, settings, out / "thresholds.parquet")
            likelihood_auc.measure_likelihood_auc(database, settings, out / "likelihood_auc.parquet")
            candidates = out / "candidates"
            for name in names:
                selection.select(CATEGORIES[name], settings, database, candidates / f"{name}.parquet")
            sources = FactSources(ingested / "statements", ingested / "entities", screened / "past.parquet")
            collect_facts(candidates, sources, context.templates, settings, database, out / "facts.parquet")
            dropped.write_selection_drops(candidates, database, out / DROPPED)
            write_counts(dropped.count_table(candidates, "selection", database), out)

    return context.stage("selection", depends, make)


def cut_subgraph(context: StageContext, ingested: Path, screened: Path, selected: Path) -> Path:
    """SUBGRAPH: `items.parquet` and `triples.parquet`."""
    pool = context.settings.probes.neighbour_pool
    limits = context.settings.screening
    naming = Naming(context.templates.aliases, limits.min_label_characters, limits.max_label_characters)
    depends = {
        "ingested": ingested,
        "screened": screened,
        "selected": selected,
        "pool": pool,
        "naming": [naming.rules.model_dump(mode="json"), naming.shortest, naming.longest],
        "seed": context.seed,
    }

    def make(out: Path) -> None:
        files = (screened / f"{name}.parquet" for name in ("triples", "types", "past", "undated"))
        facts, statements = selected / "facts.parquet", ingested / "statements"
        source = SubgraphSource(statements, facts, ingested / "entities", *files)
        with context.database() as database:
            counts = make_subgraph(source, naming, pool, context.seed, database, out)
        write_json(counts, out / COUNTS)

    return context.stage("subgraph", depends, make)


def word(context: StageContext, selected: Path, subgraph: Path, origin: Origin) -> Path:
    """EDITS of all facts that can be worded, as `edits.parquet`."""
    limits = context.settings.limits
    depends = {
        "selected": selected,
        "subgraph": subgraph,
        "limits": limits.model_dump(),
        "templates": context.templates.version,
        "origin": [origin.source, str(origin.window_start), str(origin.window_end)],
    }

    def make(out: Path) -> None:
        facts = read_table(selected / "facts.parquet").to_pylist()
        edits, drops = make_edits(facts, context.subgraph(subgraph), origin, limits)
        taken_in = Counter(str(fact["category"]) for fact in facts)
        _write_edits("edits", edits, drops, taken_in, out)

    return context.stage("edits", depends, make)


def split(context: StageContext, worded: Path, subgraph: Path, exclusions: Exclusions) -> Path:
    """EDITS with splits."""
    shares, spare = context.settings.splits, context.settings.balance.spare
    limits = {name: limits_of(name, context.settings, spare) for name in CATEGORIES}
    depends = {
        "worded": worded,
        "subgraph": subgraph,
        "shares": shares.model_dump(),
        "seed": context.seed,
        "excluded": sorted(exclusions.texts),
        "templates": context.templates.version,
        "limits": repr(limits),
    }

    def make(out: Path) -> None:
        edits, around = read_edits(worded), context.subgraph(subgraph)
        claims = functools.partial(claims_of, subgraph=around)
        kept, drops = assign_splits(edits, claims, exclusions, context.seed, shares, limits)
        _write_edits("splits", kept, drops, _by_category(edits), out)

    return context.stage("splits", depends, make)


def probe(context: StageContext, divided: Path, subgraph: Path) -> Path:
    """EDITS with locality and portability."""
    settings, shares = context.settings.probes, context.settings.splits
    depends = {
        "divided": divided,
        "subgraph": subgraph,
        "settings": settings.model_dump(),
        "shares": shares.model_dump(),
        "seed": context.seed,
        "templates": context.templates.version,
        "limits": repr([limits_of(name, context.settings) for name in CATEGORIES]),
    }

    def make(out: Path) -> None:
        around = context.subgraph(subgraph)
        edits = read_edits(divided)
        touched = find_touched(edits, around)
        uses, split_of_item = Uses(), _splits(context)
        probed = [_probed(edit, around, touched, context, uses, split_of_item) for edit in edits]
        asked, unprobed = drop_unprobed(probed)
        kept, refused = draw_again(asked, context.settings, "probes")
        _write_edits("probes", kept, [*unprobed, *refused], _by_category(edits), out)

    return context.stage("probes", depends, make)


def _splits(context: StageContext) -> Callable[[int], str]:
    """The split of an item, by its number; each is drawn only once."""

    @functools.cache
    def split_of_item(item: int) -> str:
        return split_of(f"Q{item}", context.seed, context.settings.splits)

    return split_of_item


def _probed(
    edit: Edit,
    subgraph: Subgraph,
    touched: Touched,
    context: StageContext,
    uses: Uses,
    split_of_item: Callable[[int], str],
) -> Edit:
    def is_in_split(item: int) -> bool:
        return split_of_item(item) == edit["split"]

    is_safe = functools.partial(touched.is_safe, edit=edit)
    return add_probes(edit, subgraph, context.settings.probes, context.seed, is_in_split, is_safe, uses)


def vary(context: StageContext, probed: Path, subgraph: Path) -> Path:
    """Robust EDITS."""
    settings, shares = context.settings.robust, context.settings.splits
    depends = {
        "probed": probed,
        "subgraph": subgraph,
        "settings": settings.model_dump(),
        "shares": shares.model_dump(),
        "seed": context.seed,
        "templates": context.templates.version,
    }

    def make(out: Path) -> None:
        edits, around = read_edits(probed), context.subgraph(subgraph)
        varied, drops = make_variants(edits, around, settings, context.seed, _splits(context))
        _write_edits("variants", varied, drops, Counter({"robust": len(edits)}), out)

    return context.stage("variants", depends, make)


def list_drops(context: StageContext, counted: Sequence[Path], made: Sequence[Path]) -> Path:
    """What the release lists of the rows that the stages rejected: a file of DROPPED for each stage.

    Args:
        context: What every stage is given.
        counted: The stages.
        made: The stages whose edits are in the release.
    """
    a_row = context.settings.limits.dropped_rows_per_edit
    depends = {
        "counted": [folder.name for folder in counted],
        "made": [folder.name for folder in made],
        "dropped_rows_per_edit": a_row,
        "seed": context.seed,
    }

    def make(out: Path) -> None:
        edits = [edit for folder in made for edit in read_edits(folder)]
        subjects = {edit["subject_id"] for edit in edits}
        with context.database() as database:
            for folder in counted:
                drops, listed = folder / DROPPED, out / f"{stage_of(folder)}.parquet"
                dropped.write_nearest(drops, subjects, a_row * len(edits), context.seed, database, listed)

    return context.stage("dropped", depends, make)


def stage_of(folder: Path) -> str:
    """The name of the stage that left a folder."""
    return folder.name.partition("-")[0]


def read_edits(folder: Path) -> list[Edit]:
    """The edits of a stage."""
    return cast(list[Edit], read_table(folder / "edits.parquet").to_pylist())


def _by_category(edits: Iterable[Edit]) -> Counter[str]:
    return Counter(edit["category"] for edit in edits)


def _write_edits(name: str, edits: Sequence[Edit], drops: Sequence[Drop], taken_in: Counter[str], out: Path) -> None:
    write_records(edits, out / "edits.parquet", schema.RELEASE)
    dropped.write_drops(drops, out / DROPPED)
    write_counts(dropped.count_stage(name, taken_in, _by_category(edits), drops), out)
