"""Each stage of the line with what it depends on: the same inputs are never worked through twice.

A function here names the stage, lists everything that decides its content, and hands the work to the module that knows
how. Folders come in, a folder goes out.
"""

from pipeline.stages.context import COUNTS, Input, StageContext, read_counts
from pipeline.stages.editing import cut_subgraph, probe, read_edits, select, split, vary, word
from pipeline.stages.measuring import MODEL, count_mentions, count_views, score, screen
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
    "Input",
    "StageContext",
    "changed",
    "changed_folder",
    "changed_live",
    "count_mentions",
    "count_views",
    "cut_subgraph",
    "ingest",
    "ingest_stream",
    "ingest_folder",
    "probe",
    "read_counts",
    "read_edits",
    "score",
    "screen",
    "select",
    "split",
    "vary",
    "wanted",
    "word",
]
