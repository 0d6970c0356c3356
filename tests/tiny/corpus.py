"""The text that the bundled tiny model is trained on: facts of the bundled slice in the words of the templates.

A fact is told in several sentences, each a cloze and its answer: "The capital of France is Paris." How often a fact is
told goes with the logarithm of the page views of its subject, because what is much read is much written about. Some
subjects are held out: nothing is said about them, though facts about others may name them.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from pipeline import stages
from pipeline.core import schema
from pipeline.core.parallel import InlineExecutor
from pipeline.core.progress import Reporter
from pipeline.core.seeded import shuffled
from pipeline.core.settings import load_settings
from pipeline.core.tables import file_hash, read_table
from pipeline.edits.exclusions import Exclusions
from pipeline.language.aliases import Naming
from pipeline.language.answers import item_in_text, object_names
from pipeline.language.prompts import word_triple
from pipeline.language.subgraph import Subgraph, Triple
from pipeline.language.subgraph_tables import SubgraphSource, load_subgraph, make_subgraph
from pipeline.language.templates import load_templates
from pipeline.lm.bundled import is_held_out
from pipeline.sources.files.sample import sample_dumps, sample_pageviews
from pipeline.sources.pageviews.files import pageview_files
from pipeline.stages import Input, StageContext

_MOST = 6  # tellings of a fact; most relations have six clozes
_VIEWS_OF_TWO = 10_000.0  # page views from which a fact is told twice, and once more for each factor of ten

_COLUMNS = ("subject_id", "relation", "object_key", "object_id", "middle_id", "target_id", "old_value")
_FACTS = pa.schema([schema.FACTS.field(name) for name in _COLUMNS])

_EVERY_TRIPLE = """
SELECT subject_id, relation, object_key, object_id, NULL AS middle_id, NULL AS target_id, NULL AS old_value
FROM triples WHERE reason IS NULL ORDER BY subject_id, relation, object_key
"""


def tellings(views: int | None) -> int:
    """How many sentences state a fact about a subject with so many page views.

    >>> [tellings(views) for views in (None, 1_000, 20_000, 5_000_000, 200_000_000)]
    [1, 1, 2, 4, 6]
    """
    return min(_MOST, max(1, 2 + math.floor(math.log10(views / _VIEWS_OF_TWO)))) if views else 1


def corpus(work: Path, epochs: int) -> list[list[str]]:
    """The sentences of each epoch, those about one subject together; each epoch goes on with other wordings.

    Args:
        work: Where stages are kept.
        epochs: How often the facts are told.
    """
    settings, templates = load_settings(), load_templates()
    context = StageContext(settings, templates, work, 1, Reporter())
    _, new = sample_dumps()
    ingested = stages.ingest(context, _input(new), InlineExecutor())
    screened = stages.screen(context, ingested, Exclusions())
    viewed = stages.count_views(context, [_input(path) for path in pageview_files(sample_pageviews())], ingested)
    subgraph = _world(context, ingested, screened)
    popularity = read_table(viewed / "popularity.parquet", ["id", "page_views"]).to_pylist()
    views = {row["id"]: row["page_views"] for row in popularity}
    told = [
        (sentences, tellings(views.get(triple.subject_id)))
        for triple in subgraph.triples
        if triple.is_eligible and not is_held_out(triple.subject_id) and (sentences := _told(triple, subgraph))
    ]
    return [
        [sentences[(epoch * often + turn) % len(sentences)] for sentences, often in told for turn in range(often)]
        for epoch in range(epochs)
    ]


def _input(path: Path) -> Input:
    return Input(path, file_hash(path))


def _world(context: StageContext, ingested: Path, screened: Path) -> Subgraph:
    """All eligible triples with what they are called."""
    folder = context.work / "tiny-subgraph"
    with context.database() as database:
        database.view("triples", screened / "triples.parquet")
        facts = database.write(_EVERY_TRIPLE, folder / "facts.parquet", _FACTS)
    files = (screened / f"{name}.parquet" for name in ("triples", "types", "past", "undated"))
    with context.database() as database:
        source = SubgraphSource(ingested / "statements", facts, ingested / "entities", *files)
        limits = context.settings.screening
        naming = Naming(context.templates.aliases, limits.min_label_characters, limits.max_label_characters)
        make_subgraph(source, naming, 0, context.seed, database, folder)
    return load_subgraph(folder, context.templates)


def _told(triple: Triple, subgraph: Subgraph) -> Sequence[str]:
    """A fact in each of its wordings, in drawn order."""
    worded = word_triple(triple, subgraph)
    answer = _answer(triple, subgraph)
    if worded is None or answer is None:
        return ()
    clozes = shuffled([worded.prompt, *worded.rephrases], 0, triple.statement_id)
    return [f"{cloze} {answer.removesuffix('.')}." for cloze in clozes]


def _answer(triple: Triple, subgraph: Subgraph) -> str | None:
    """The object in running text: with its article if it takes one."""
    if triple.object_id is not None:
        item = subgraph.items.get(triple.object_id)
        return item_in_text(item, subgraph) if item else None
    return next(iter(object_names(triple.object_key, None, subgraph)), None)
