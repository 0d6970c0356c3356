"""THRESHOLDS: up to which value of a measure a subject counts as long tail (decision 10).

Likelihood has a threshold for each stratum: names in sentences of one class, of about one length in bytes. A long name
is unlikely because it is long; held against names of its own length, it is unlikely if the model does not know it.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, cast

from pipeline.core import schema
from pipeline.core.settings import LikelihoodSettings, Settings
from pipeline.core.tables import Database, write_rows

# How many heads have each value: counts are exact, and few where heads are many.
_VALUES = """
CREATE OR REPLACE TEMP TABLE measured AS
SELECT measure, carrier_class, bytes, value, count(*) AS heads FROM (
WITH heads AS (SELECT DISTINCT subject_id AS id FROM triples WHERE reason IS NULL)
SELECT 'frequency' AS measure, NULL AS carrier_class, NULL AS bytes, coalesce(frequency, 0)::DOUBLE AS value
FROM heads LEFT JOIN frequency USING (id)
UNION ALL
SELECT 'degree', NULL, NULL, coalesce(in_degree + out_degree, 0) FROM heads LEFT JOIN degree USING (id)
UNION ALL
SELECT '{statistic}', carrier_class, byte_count, {statistic} FROM heads JOIN names USING (id)
WHERE carrier_class <> 'alone'
) GROUP BY ALL
"""

_COUNTS = """
SELECT measure, carrier_class, bytes, sum(heads) AS heads FROM measured GROUP BY ALL
ORDER BY measure, carrier_class DESC, bytes
"""


_JUDGED = """
CREATE OR REPLACE TEMP TABLE judged_names AS
SELECT n.*, n.{statistic} AS value, t.threshold, t.min_bytes
FROM names n LEFT JOIN thresholds t ON t.measure = '{statistic}' AND t.carrier_class = n.carrier_class
    AND n.byte_count BETWEEN t.min_bytes AND coalesce(t.max_bytes, n.byte_count)
"""

Key = tuple[str, str | None, int | None, int | None]  # measure, carrier class, and the stratum


class Stratum(NamedTuple):
    """Names from so many bytes up to so many; without an upper end if that is None."""

    min_bytes: int
    max_bytes: int | None


def strata(heads: Mapping[int, int], settings: LikelihoodSettings) -> list[Stratum]:
    """Lengths of names put together so that each stratum has enough heads, the shortest names first.

    Strata are steps of equal width; one with too few heads is joined to the next longer one, the last to the one
    before it. Together they hold every length.

    Args:
        heads: How many heads have a name of so many bytes.
        settings: The width of a step, and how many heads are enough.

    >>> from pipeline.core.settings import load_settings
    >>> likelihood = load_settings().likelihood.model_copy(update={"stratum_bytes": 4, "stratum_heads": 10})
    >>> strata({3: 5, 6: 5, 7: 2, 9: 30, 20: 3}, likelihood)
    [Stratum(min_bytes=0, max_bytes=8), Stratum(min_bytes=9, max_bytes=None)]
    """
    ends: list[int] = []
    gathered = 0
    for end in sorted({_step_end(size, settings.stratum_bytes) for size in heads}):
        gathered += sum(count for size, count in heads.items() if _step_end(size, settings.stratum_bytes) == end)
        if gathered >= settings.stratum_heads:
            ends.append(end)
            gathered = 0
    inner = ends[:-1]  # what is left over belongs to the last stratum, which has no end
    return [Stratum(start, end) for start, end in zip([0, *(end + 1 for end in inner)], [*inner, None], strict=True)]


def _step_end(size: int, width: int) -> int:
    return math.ceil(size / width) * width


def find_thresholds(database: Database, settings: Settings, out: Path) -> Path:
    """Write THRESHOLDS: the nearest-rank percentile of each measure over the candidate heads.

    In the session the view `thresholds` then stands for them, and the table `judged_names` for NAMES with the threshold
    of the stratum that each row belongs to.

    The candidate heads are the subjects of all eligible triples. For each measure, and for likelihood in each stratum,
    the table holds how many heads were measured, the threshold, and the share of heads that it really selects: with
    ties, more than the percentile.

    Args:
        database: A session with the views of `selection.open_views`.
        settings: The percentile, the statistic of likelihood and its strata.
        out: The file to write.
    """
    statistic = settings.likelihood.statistic
    database.run(_VALUES.format(statistic=statistic))
    found = list(_measures(database, settings.likelihood))
    rows = [(*key, *_threshold(database, key, settings.long_tail.percentile)) for key in found]
    database.view("thresholds", write_rows(rows, out, schema.THRESHOLDS))
    database.run(_JUDGED.format(statistic=statistic))
    return out


def _measures(database: Database, settings: LikelihoodSettings) -> Iterator[Key]:
    """What has a threshold of its own."""
    yield "frequency", None, None, None
    yield "degree", None, None, None
    classes: dict[str, dict[int, int]] = {}
    for row in database.table(_COUNTS).to_pylist():
        if row["carrier_class"] is not None:
            classes.setdefault(str(row["carrier_class"]), {})[int(row["bytes"])] = int(row["heads"])
    for name, heads in classes.items():
        for stratum in strata(heads, settings):
            yield settings.statistic, name, stratum.min_bytes, stratum.max_bytes
    if not classes:
        yield settings.statistic, None, None, None


def _threshold(database: Database, key: Key, percentile: float) -> tuple[int, float | None, float | None]:
    """How many heads were measured, the threshold, and the share that it selects."""
    measure, carrier_class, start, end = key
    within = f"measure = '{measure}'"
    if carrier_class is not None:
        within += f" AND carrier_class = '{carrier_class}' AND bytes >= {start}"
    if end is not None:
        within += f" AND bytes <= {end}"
    found = database.table(
        f"""SELECT value, sum(sum(heads)) OVER (ORDER BY value)::BIGINT AS so_far FROM measured
        WHERE {within} AND value IS NOT NULL GROUP BY value ORDER BY value"""
    )
    values = cast(Sequence[float], found["value"].to_pylist())
    counts = cast(Sequence[int], found["so_far"].to_pylist())
    if not values:
        return 0, None, None
    place = bisect_left(counts, math.ceil(counts[-1] * percentile / 100))
    return counts[-1], values[place], counts[place] / counts[-1]
