"""LIKELIHOOD: how likely a language model finds an item's name in neutral sentences (decisions 12 to 14).

The measure is the mean log-likelihood of the name's tokens, averaged over several carrier sentences that name the item
late and say nothing about it. An article that running text needs ("the Netherlands") is context and is not scored: it
tells nothing about the item. The exact formula of DAFSet is not known; this one is ours.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import schema, wording
from pipeline.choice import ticket
from pipeline.errors import UsageError
from pipeline.lm.scorer import Scorer
from pipeline.settings import Settings
from pipeline.tables import read_table, write_rows
from pipeline.templates import Templates

_HEADS_AT_ONCE = 2_000  # scored in one call: enough to fill batches, few enough to show progress

_MARK = "{subject}"

Advance = Callable[[int], None]
Row = tuple[int, float, float, int, str, str, str]  # of LIKELIHOOD


def measure_likelihood(
    heads: Path,
    templates: Templates,
    settings: Settings,
    scorer: Scorer,
    out: Path,
    advance: Advance = lambda _: None,
) -> dict[str, int]:
    """Score the names of heads and write LIKELIHOOD, one row an item whose every carrier was scored.

    Args:
        heads: HEADS, at most one row an item; beyond `likelihood.max_heads` a seeded draw decides which are scored.
        templates: The carriers and the rules for names.
        settings: How many carriers and heads.
        scorer: What scores; its name, revision and dtype go into every row.
        out: The file to write.
        advance: Told how many heads were scored since the last call.

    Returns:
        How many heads have each status. One with several that are not ok counts for the first of them.
    """
    kept = draw_heads(read_table(heads, schema.HEADS.names), settings)
    rows: list[Row] = []
    statuses: Counter[str] = Counter()
    for place in range(0, kept.num_rows, _HEADS_AT_ONCE):
        some = kept.slice(place, _HEADS_AT_ONCE)
        scores = scorer.score(make_requests(some, templates, settings.likelihood.carriers))
        scored, found = _by_item(cast(list[int], some["id"].to_pylist()), scores, scorer)
        rows += scored
        statuses += found
        advance(some.num_rows)
    write_rows(rows, out, schema.LIKELIHOOD)
    return dict(sorted(statuses.items()))


def draw_heads(heads: pa.Table, settings: Settings) -> pa.Table:
    """The heads to score, by id: all, or as many as the settings allow, with the smallest tickets."""
    limit = settings.likelihood.max_heads
    if heads.num_rows > limit:
        ids = cast(list[int], heads["id"].to_pylist())
        drawn = heapq.nsmallest(limit, ids, key=lambda item: ticket(settings.seed, "head", item))
        heads = heads.filter(pc.field("id").isin(drawn))
    return heads.sort_by("id")


def make_requests(heads: pa.Table, templates: Templates, carriers: int) -> pa.Table:
    """REQUESTS: the names of heads in so many carriers, all of one head together.

    Args:
        heads: HEADS.
        templates: The carriers and the rules for names.
        carriers: How many carriers, taken from the top of the list.

    Raises:
        UsageError: There are fewer carriers, or one does not suit.
    """
    sentences = _carriers(templates.carriers, carriers)
    rows = [
        (f"{item}/{place}", *_placed(sentence, label, wording.name(label, types or (), templates.names)))
        for item, label, types in zip(*(heads[name].to_pylist() for name in schema.HEADS.names), strict=True)
        for place, sentence in enumerate(sentences)
    ]
    columns = list(zip(*rows, strict=True)) or [()] * len(schema.REQUESTS)
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema.REQUESTS, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema.REQUESTS)


def _carriers(sentences: Sequence[str], count: int) -> Sequence[str]:
    """The first so many carriers, each of which names its subject late and plainly.

    Raises:
        UsageError: There are fewer, or one does not suit.
    """
    if len(sentences) < count:
        raise UsageError(
            f"likelihood.carriers asks for {count} carriers and there are {len(sentences)}",
            "templates/carriers.yaml",
            "Lower the setting or add carriers.",
        )
    for sentence in sentences[:count]:
        if sentence.find(_MARK) <= 0:
            raise UsageError(
                f"A carrier must name {_MARK} after some other words: {sentence!r}",
                "templates/carriers.yaml",
                "Reword it.",
            )
    return sentences[:count]


def _placed(carrier: str, label: str, name: wording.Name) -> tuple[str, int, int]:
    """A carrier that names an item, and where in it the label stands, in code points.

    The place follows from the template and is not searched for: other words of the carrier may read like the label.

    >>> _placed("Yesterday we spoke about {subject}.", "Yesterday", wording.Name("Yesterday"))
    ('Yesterday we spoke about Yesterday.', 25, 34)
    >>> _placed("We spoke about {subject}.", "Netherlands", wording.Name("the Netherlands"))
    ('We spoke about the Netherlands.', 19, 30)
    """
    end = len(wording.fill(carrier[: carrier.index(_MARK) + len(_MARK)], name))
    return wording.fill(carrier, name), end - len(label), end


def _by_item(items: Sequence[int], scores: pa.Table, scorer: Scorer) -> tuple[list[Row], Counter[str]]:
    """Rows of LIKELIHOOD for the items whose carriers are all ok, and how many items have each status.

    Args:
        items: Ids of the items.
        scores: SCORES of their carriers, in the order of the items and as many for each.
        scorer: What made them.
    """
    columns = ("status", "log_likelihood_sum", "token_count")
    each = list(zip(*(scores[column].to_pylist() for column in columns), strict=True))
    carriers = len(each) // max(1, len(items))
    rows: list[Row] = []
    found: Counter[str] = Counter()
    for place, item in enumerate(items):
        statuses, sums, counts = zip(*each[place * carriers : (place + 1) * carriers], strict=True)
        status = next((status for status in statuses if status != "ok"), "ok")
        found[status] += 1
        if status == "ok":
            means = [total / count for total, count in zip(sums, counts, strict=True)]
            rows.append((item, fmean(sums), fmean(means), max(counts), scorer.name, scorer.revision, scorer.dtype))
    return rows, found
