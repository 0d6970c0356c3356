"""Each stage of the line with what it depends on: the same inputs are never worked through twice.

A function here names the stage, lists everything that decides its content, and hands the work to the module that knows
how. Folders come in, a folder goes out.
"""

from pipeline.stages.context import COUNTS, Input, StageContext, find_drops, read_counts
from pipeline.stages.editing import (
    cut_subgraph,
    find_recent,
    list_drops,
    probe,
    read_edits,
    select,
    split,
    stage_of,
    vary,
    word,
)
from pipeline.stages.measuring import (
    MODEL,
    ODD_LINES,
    count_mentions,
    count_views,
    score,
    screen,
    start_scores,
    with_named,
)
from pipeline.stages.reading import (
    changed,
    changed_folder,
    changed_live,
    ingest,
    ingest_folder,
    ingest_stream,
    wanted,
)

__all__ = [
    "COUNTS",
    "MODEL",
    "ODD_LINES",
    "Input",
    "StageContext",
    "changed",
    "changed_folder",
    "changed_live",
    "count_mentions",
    "count_views",
    "cut_subgraph",
    "find_drops",
    "find_recent",
    "ingest",
    "ingest_stream",
    "ingest_folder",
    "list_drops",
    "probe",
    "read_counts",
    "read_edits",
    "score",
    "screen",
    "select",
    "split",
    "start_scores",
    "stage_of",
    "vary",
    "wanted",
    "with_named",
    "word",
]
