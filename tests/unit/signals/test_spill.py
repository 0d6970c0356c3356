"""Counts are summed out of core: under a limit that they do not fit in, DuckDB writes to its scratch folder."""

import threading
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.core import schema
from pipeline.core.tables import Database, read_table, write_table
from pipeline.signals.degree import measure_degree

ROWS, ITEMS = 3_000_000, 2_000_000


def test_degrees_of_more_items_than_fit_in_memory_are_exact_and_were_spilt(tmp_path: Path) -> None:
    draw = np.random.default_rng(4)
    ids = draw.integers(1, ITEMS, ROWS)
    for shard, part in enumerate(np.array_split(ids, 6)):
        ones = np.ones(len(part), dtype=np.int64)
        table = pa.table({"id": part, "mentions": ones, "in_neighbours": ones, "out_neighbours": 2 * ones})
        write_table(table, tmp_path / "mentions" / f"{shard:06d}.parquet", schema.MENTIONS)
    scratch, spilt, done = tmp_path / "scratch", [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            spilt.append(sum(1 for _ in scratch.glob("*")))

    watcher = threading.Thread(target=watch)
    with Database(scratch, "64MB") as database:
        watcher.start()
        measure_degree(tmp_path / "mentions", database, tmp_path / "degree.parquet")
        done.set()
        watcher.join()

    found = read_table(tmp_path / "degree.parquet")
    expected, counts = np.unique(ids, return_counts=True)
    assert np.array_equal(found.column("id").to_numpy(), expected)
    assert np.array_equal(found.column("in_degree").to_numpy(), counts)
    assert np.array_equal(found.column("out_degree").to_numpy(), 2 * counts)
    assert max(spilt) > 0
