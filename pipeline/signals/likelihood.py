"""LIKELIHOOD: how likely a language model finds an item's name in several sentences (decisions 12 to 14).

An item is scored in neutral sentences, in openings of facts about it, and alone (`language/carriers.py`). This module
writes the requests and averages the scores; what scores is `lm/score_file.py`. NAMES holds the means over the sentences
of a class: `log_likelihood_mean`, per token, is the statistic of decision 12; per byte and as a sum it is kept beside
it. Selection compares items within strata only (`selection.find_thresholds`).

An article that running text needs ("the Netherlands") is context and is not scored: it says nothing about the item.
The exact formula of DAFSet is not known; this one is ours.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from statistics import fmean
from typing import NamedTuple, cast

import pyarrow as pa

from pipeline.core import schema
from pipeline.core.settings import Settings
from pipeline.core.tables import read_table, write_rows, write_table
from pipeline.language.carriers import Carrier, Claim, Head, carrier_class, carriers_of, check_neutral_carriers
from pipeline.language.templates import Templates
from pipeline.lm.scores import Identity

# A thousandth of a nat. In float32 the shape of a batch moves a sum by some 1e-6 nats: with other shards, 31 of 19,864
# rounded sums differed by 0.001 (bundled model). So what is written seldom depends on how a machine rounds.
_DECIMALS = 3

Row = tuple[object, ...]


class _Score(NamedTuple):
    """What is kept of a row of SCORES."""

    status: str
    log_likelihood_sum: float | None
    token_count: int | None
    byte_count: int | None
    token_log_likelihoods: Sequence[float] | None
    first_rank: int | None
    is_left_merged: bool | None
    is_right_merged: bool | None


def write_requests(heads: Path, templates: Templates, settings: Settings, out: Path) -> None:
    """Write REQUESTS: the names of heads in sentences, those of one head together.

    Args:
        heads: HEADS, at most one row an item.
        templates: The sentences and the rules for names.
        settings: How many sentences, and the seed of their draw.
        out: The file to write.

    Raises:
        UsageError: There are too few neutral sentences, or one does not suit.
    """
    neutral, seed = settings.likelihood.carriers, settings.seed
    check_neutral_carriers(templates, neutral)
    rows = read_heads(read_table(heads, schema.HEADS.names))
    carriers = [(head.id, carrier) for head in rows for carrier in carriers_of(head, neutral, templates, seed)]
    write_table(make_requests(carriers), out, schema.REQUESTS)


def measure_likelihood(scores: Path, identity: Identity, out: Path) -> dict[str, int]:
    """Average the scores of names; write LIKELIHOOD, NAMES and MODELS as Parquet files of these names.

    Args:
        scores: A folder of SCORES in the order of their requests (`write_requests`).
        identity: What scored; its name, revision, dtype and tokenizer go into every row.
        out: The folder to write.

    Returns:
        How many heads have each status. One with several that are not ok counts for the first of them; it has no row
        in NAMES.
    """
    kept: list[Row] = []
    means: list[Row] = []
    statuses: Counter[str] = Counter()
    model = (identity.name, identity.revision, identity.dtype, identity.tokenizer_hash)
    for item, of_item in groupby(_rounded_scores(scores), itemgetter(0)):
        by_carrier = {carrier: score for _, carrier, score in of_item}
        kept += [(item, carrier, *score, *model) for carrier, score in by_carrier.items()]
        status = next((score.status for score in by_carrier.values() if score.status != "ok"), "ok")
        statuses[status] += 1
        if status == "ok":
            means += _means(item, by_carrier)
    write_rows(kept, out / "likelihood.parquet", schema.LIKELIHOOD)
    write_rows(means, out / "names.parquet", schema.NAMES)
    write_rows([model], out / "models.parquet", schema.MODELS)
    return dict(sorted(statuses.items()))


def read_heads(heads: pa.Table) -> list[Head]:
    """HEADS as values."""
    return [
        Head(row["id"], row["label"], row["types"] or (), [Claim(**claim) for claim in row["claims"] or ()])
        for row in heads.to_pylist()
    ]


def make_requests(carriers: Sequence[tuple[int, Carrier]]) -> pa.Table:
    """REQUESTS: items in sentences; an id is the item and the sentence, as in "42/neutral/0"."""
    rows = [(f"{item}/{name}", text, start, end) for item, (name, text, start, end) in carriers]
    columns = list(zip(*rows, strict=True)) or [()] * len(schema.REQUESTS)
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema.REQUESTS, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema.REQUESTS)


def _rounded_scores(folder: Path) -> Iterator[tuple[int, str, _Score]]:
    """The item, the sentence and the score of each row of SCORES, file after file."""
    for path in sorted(folder.glob("*.parquet")):
        table = read_table(path, ["id", *_Score._fields])
        for key, row in zip(table["id"].to_pylist(), table.select(_Score._fields).to_pylist(), strict=True):
            item, _, carrier = cast(str, key).partition("/")
            yield int(item), carrier, _rounded(_Score(**row))


def _rounded(score: _Score) -> _Score:
    if score.log_likelihood_sum is None or score.token_log_likelihoods is None:
        return score
    return score._replace(
        log_likelihood_sum=round(score.log_likelihood_sum, _DECIMALS),
        token_log_likelihoods=[round(value, _DECIMALS) for value in score.token_log_likelihoods],
    )


def _means(item: int, scores: Mapping[str, _Score]) -> Iterator[Row]:
    """Rows of NAMES: the means over the sentences of each class, in none of which the name has more weight."""
    classes: defaultdict[str, list[tuple[float, int, int]]] = defaultdict(list)
    for name, score in scores.items():
        if score.log_likelihood_sum is not None and score.token_count and score.byte_count:
            measured = score.log_likelihood_sum, score.token_count, score.byte_count
            classes[carrier_class(name)].append(measured)
    for kind, measures in classes.items():
        sums, tokens, sizes = zip(*measures, strict=True)
        means = (
            fmean(sums),
            fmean(total / count for total, count in zip(sums, tokens, strict=True)),
            fmean(total / size for total, size in zip(sums, sizes, strict=True)),
        )
        yield item, kind, len(measures), *(round(mean, _DECIMALS) for mean in means), max(tokens), max(sizes)
