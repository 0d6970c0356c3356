"""MENTIONS of a shard: of each item the statements that mention it, its own among them, and its neighbours each way.

What a single line adds can be kept as CONTRIBUTIONS, from which MENTIONS can be made again without that line.
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.core import schema
from pipeline.sources.entities.rows import Rows

Numbers = NDArray[np.int64]
_STATEMENT_COUNT = schema.ENTITIES.get_field_index("statement_count")


def count_mentions(rows: Rows) -> pa.Table:
    """MENTIONS of all rows of a shard."""
    statement_counts = np.array([row[_STATEMENT_COUNT] for row in rows.entities], dtype=np.int64)
    subjects = np.repeat(np.array([row[0] for row in rows.entities], dtype=np.int64), statement_counts)
    found = (np.array(found, dtype=np.int64) for found in (rows.mentions, rows.neighbours, rows.neighbour_of))
    return _counted(subjects, *found)


def contributions(rows: Rows, names: Sequence[str], ends: Sequence[int]) -> pa.Table:
    """CONTRIBUTIONS of the lines of a shard.

    Args:
        rows: Their rows.
        names: The entity of each line.
        ends: Where its mentions end among all.
    """
    items = np.array([row[0] for row in rows.entities], dtype=np.int64)
    counts = {f"Q{item}": 0 for item in items.tolist()}
    for item in rows.neighbour_of:
        counts[f"Q{item}"] += 1
    neighbour_ends = np.cumsum([0, *(counts.get(name, 0) for name in names)])
    return pa.table(
        {
            "name": pa.array(names, pa.string()),
            "mentions": _lists([0, *ends], rows.mentions),
            "neighbours": _lists(neighbour_ends, rows.neighbours),
        }
    )


def _lists(ends: Sequence[int] | Numbers, values: Sequence[int]) -> "pa.Array[Any]":
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(values, pa.int64()))


def recount_mentions(lines: pa.Table, entities: pa.Table, without: Sequence[str]) -> pa.Table:
    """MENTIONS of a shard without some of its lines.

    Args:
        lines: CONTRIBUTIONS of the shard.
        entities: Its ENTITIES, without those lines.
        without: The entities of those lines.
    """
    left = lines.filter(pc.invert(pc.is_in(lines.column("name"), value_set=pa.array(without, pa.string()))))
    subjects = np.repeat(_column(entities, "id"), _column(entities, "statement_count"))
    names = cast("list[str]", left.column("name").to_pylist())
    ids = np.array([int(name[1:]) if name.startswith("Q") else 0 for name in names], dtype=np.int64)
    lengths = pc.list_value_length(left.column("neighbours")).to_numpy()
    return _counted(subjects, _flat(left, "mentions"), _flat(left, "neighbours"), np.repeat(ids, lengths))


def _column(table: pa.Table, name: str) -> Numbers:
    return table.column(name).to_numpy().astype(np.int64)


def _flat(table: pa.Table, name: str) -> Numbers:
    return pc.list_flatten(table.column(name)).to_numpy().astype(np.int64)


def _counted(subjects: Numbers, mentions: Numbers, behind: Numbers, ahead: Numbers) -> pa.Table:
    ids = np.unique(np.concatenate([mentions, behind, ahead, subjects]))
    tallies = [_tally(ids, found) for found in (np.concatenate([mentions, subjects]), behind, ahead)]
    return pa.Table.from_arrays([pa.array(column) for column in (ids, *tallies)], schema=schema.MENTIONS)


def _tally(ids: Numbers, found: Numbers) -> Numbers:
    """How often each id was found."""
    named, counts = np.unique(found, return_counts=True)
    tally = np.zeros(len(ids), dtype=np.int64)
    tally[np.searchsorted(ids, named)] = counts
    return tally
