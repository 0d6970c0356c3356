"""From tables to triples and their signals."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from pipeline.core.parallel import InlineExecutor
from pipeline.core.stage_cache import is_finished, part_of, read_record, stage_folder
from pipeline.core.tables import file_hash
from pipeline.edits import dropped
from pipeline.edits.exclusions import Exclusions
from pipeline.lm.scoring_process import ScoringProcess
from pipeline.select import bucketed, screening, selection
from pipeline.signals.degree import measure_degree
from pipeline.signals.frequency import measure_frequency
from pipeline.signals.likelihood import measure_likelihood, write_requests
from pipeline.signals.popularity import measure_popularity
from pipeline.sources.pageviews.files import read_views
from pipeline.stages.context import COUNTS, DROPPED, Input, StageContext, write_counts, write_json

MODEL = "model.json"  # a `ModelRecord`
ODD_LINES = "odd_lines.json"
_LIKELIHOOD, _SCORES = "likelihood", "scores"  # the stage, and the folder in it that `editmill score` would write


def with_named(context: StageContext, ingested: Path, exclusions: Exclusions) -> Exclusions:
    """The exclusions with the items whose labels are among them: a name keeps out as much as an id."""
    if not exclusions.texts:
        return exclusions
    with context.database() as database:
        found = screening.find_named(exclusions.texts, ingested / "entities", database)
    named = {item for item, label in found.items() if exclusions.holds(label)}
    return replace(exclusions, ids=exclusions.ids | named)


def screen(
    context: StageContext,
    ingested: Path,
    exclusions: Exclusions,
    pool: Executor | None = None,
    buckets: int | None = None,
) -> Path:
    """TYPES, TRIPLES, PAST and UNDATED, as Parquet files of their names, and what was rejected.

    Args:
        context: What every stage is given.
        ingested: The newer state.
        exclusions: Items that must not be subjects.
        pool: Where to screen; in this process if that is None.
        buckets: In how many buckets of subjects, if not as memory asks for.
    """
    templates, settings = context.templates, context.settings.screening
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
        "known_errors": sorted(templates.false_statements),
        "plausibility": templates.plausibility.model_dump(mode="json"),
        "excluded": sorted(exclusions.ids),
    }

    def make(out: Path) -> None:
        statements, types = ingested / "statements", out / "types.parquet"
        with context.database() as database:
            screening.make_types(statements, templates, settings.max_class_depth, database, types)
        bucketed.screen(
            *(screening.Ingested(statements, ingested / "entities", types), templates, settings, exclusions.ids),
            *(context.settings.memory, context.workers if pool else 1, pool or InlineExecutor(), out, buckets),
        )
        with context.database() as database:
            triples = out / "triples.parquet"
            dropped.write_screening_drops(triples, database, out / DROPPED)
            write_counts(dropped.count_table(triples, "screening", database), out)

    return context.stage("screening", depends, make)


def count_mentions(context: StageContext, ingested: Path) -> Path:
    """FREQUENCY and DEGREE, as `frequency.parquet` and `degree.parquet`."""

    def make(out: Path) -> None:
        with context.database() as database:
            measure_frequency(ingested / "mentions", database, out / "frequency.parquet")
            measure_degree(ingested / "mentions", database, out / "degree.parquet")

    return context.stage("mentions", {"ingested": ingested}, make)


def count_views(context: StageContext, files: Sequence[Input], ingested: Path) -> Path:
    """POPULARITY, as `popularity.parquet`, and how many pages were kept or left out for what reason."""
    settings = context.settings.pageviews
    depends = {"files": [file.sha256 for file in files], "settings": settings.model_dump(), "ingested": ingested}

    def make(out: Path) -> None:
        odd = Counter[str]()
        for place, file in enumerate(files):
            views = out / "views" / f"{place:04d}.parquet"
            read_views(file.path, frozenset(settings.projects), views, settings.max_odd_share, odd)
        with context.database() as database:
            counts = measure_popularity(
                out / "views", ingested / "titles", settings, database, out / "popularity.parquet"
            )
        write_json(counts, out / COUNTS)
        write_json(odd, out / ODD_LINES)

    viewed = context.stage("popularity", depends, make)
    for name, count in read_record(viewed / ODD_LINES, json.loads).items():
        context.reporter.warn("odd_lines", f"{count} lines of {name} have no form of page views and were passed over.")
    return viewed


class Scoring(NamedTuple):
    """What `score` waits for: a process, its requests, and all that the scores depend on."""

    process: ScoringProcess
    requests: Path
    depends: Mapping[str, object]


def start_scores(context: StageContext, process: ScoringProcess, ingested: Path, screened: Path) -> Scoring:
    """Let a process begin to score candidate heads, while other stages are made."""
    requests = _request_scores(context, ingested, screened) / "requests.parquet"
    with context.reporter.track("loading the model", 0):
        identity = process.identity
    depends = {
        "model": vars(identity),
        "settings": process.spec.settings.model_dump(exclude={"revision"}),  # the identity has the commit
        "requests": file_hash(requests),
    }
    folder = stage_folder(context.work, _LIKELIHOOD, depends)
    if not is_finished(folder):
        process.start(requests, part_of(folder) / _SCORES)
    return Scoring(process, requests, depends)


def score(context: StageContext, scoring: Scoring) -> Path:
    """LIKELIHOOD, NAMES and MODELS of candidate heads, and how many heads have which status.

    `scores/` holds what `editmill score` writes (`lm/score_file.py`). It fills shard by shard while the stage is made,
    so that a run that was killed goes on with the shards that are left. Scores of other requests are not used again:
    the last digits of a sum depend on the batch it was made in, and the same inputs must give the same bytes.
    """

    def make(out: Path) -> None:
        record = scoring.process.score(scoring.requests, out / _SCORES, context.reporter)
        write_json(record.model_dump(), out / MODEL)
        write_json(measure_likelihood(out / _SCORES, scoring.process.identity, out), out / COUNTS)

    return context.stage(_LIKELIHOOD, scoring.depends, make)


def _request_scores(context: StageContext, ingested: Path, screened: Path) -> Path:
    """HEADS and REQUESTS: the sentences in which the names of candidate heads are scored."""
    settings = context.settings
    depends = {
        "screened": screened,
        "settings": settings.likelihood.model_dump(include={"carriers", "facts", "max_heads"}),
        "seed": context.seed,
        "templates": context.templates.version,
    }

    def make(out: Path) -> None:
        heads = out / "heads.parquet"
        with context.database() as database:
            selection.find_heads(screened, ingested / "entities", settings, database, heads)
        write_requests(heads, context.templates, settings, out / "requests.parquet")

    return context.stage("score_requests", depends, make)
