"""Partial counts of shards added up: exact, as whole numbers, one row an item, in the order of the ids."""

from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.core import schema
from pipeline.core.parallel import InlineExecutor
from pipeline.core.resources import sample_folder
from pipeline.core.settings import load_settings
from pipeline.core.tables import Database, read_table, write_rows
from pipeline.signals.degree import measure_degree
from pipeline.signals.frequency import measure_frequency
from pipeline.sources.entities.ingestion import ingest
from pipeline.sources.entities.rows import Wanted
from tests.entities import item, statement, to, write_dump

NOTHING = Wanted(frozenset(), frozenset())
Counts = tuple[int, int, int, int]  # id, mentions, in-neighbours, out-neighbours


def measured(mentions: Path, folder: Path) -> tuple[pa.Table, pa.Table]:
    with Database(folder / "scratch", "200MB") as database:
        frequency = measure_frequency(mentions, database, folder / "frequency.parquet")
        degree = measure_degree(mentions, database, folder / "degree.parquet")
    return read_table(frequency), read_table(degree)


def of_shards(folder: Path, *shards: list[Counts]) -> tuple[dict[int, int], dict[int, tuple[int, int]]]:
    for number, rows in enumerate(shards):
        write_rows(rows, folder / "mentions" / f"{number:06d}.parquet", schema.MENTIONS)
    frequency, degree = measured(folder / "mentions", folder)
    return (
        {row["id"]: row["frequency"] for row in frequency.to_pylist()},
        {row["id"]: (row["in_degree"], row["out_degree"]) for row in degree.to_pylist()},
    )


def test_counts_of_an_item_are_added_over_shards(tmp_path: Path) -> None:
    frequency, degree = of_shards(tmp_path, [(1, 5, 1, 2), (2, 7, 0, 0)], [(1, 3, 4, 0)], [(3, 0, 1, 0)])
    assert frequency == {1: 8, 2: 7, 3: 0}
    assert degree == {1: (5, 2), 2: (0, 0), 3: (1, 0)}


def test_sums_beyond_what_floating_point_tells_apart_are_exact(tmp_path: Path) -> None:
    """DuckDB adds as HUGEINT, which would reach Parquet as floating point if it were not cast."""
    frequency, degree = of_shards(tmp_path, [(1, 2**53, 2**53, 2**53)], [(1, 1, 3, 5)])
    assert frequency == {1: 2**53 + 1}
    assert degree == {1: (2**53 + 3, 2**53 + 5)}


def test_tables_have_their_schemas_and_the_order_of_the_ids(tmp_path: Path) -> None:
    write_rows([(9, 1, 1, 1), (2, 1, 1, 1), (5, 1, 1, 1)], tmp_path / "mentions" / "0.parquet", schema.MENTIONS)
    frequency, degree = measured(tmp_path / "mentions", tmp_path)
    assert frequency.schema.equals(schema.FREQUENCY)
    assert degree.schema.equals(schema.DEGREE)
    assert frequency["id"].to_pylist() == degree["id"].to_pylist() == [2, 5, 9]


def test_no_counts_give_empty_tables(tmp_path: Path) -> None:
    assert of_shards(tmp_path, []) == ({}, {})


def test_a_count_that_no_column_holds_is_refused_rather_than_wrapped(tmp_path: Path) -> None:
    with pytest.raises(pa.ArrowInvalid):
        of_shards(tmp_path, [(1, 2**62, 0, 0), (1, 2**62, 0, 0)], [(1, 1, 0, 0)])


def test_an_item_is_counted_for_every_statement_and_a_neighbour_once(tmp_path: Path) -> None:
    """The whole way from a dump; the items stand in shards of their own."""
    pad = "x" * 900
    dump = write_dump(
        tmp_path / "dump.json",
        [
            item(1, statement("P26", to(2)), statement("P451", to(2)), statement("P27", to(3)), label=pad),
            item(2, statement("P26", to(1)), statement("P27", to(3), qualifiers={"P642": to(1)}), label=pad),
            item(3, statement("P138", to(1), rank="deprecated"), statement("P460", to(3)), label=pad),
            {**item(27, statement("P31", to(3)), label=pad), "id": "P27", "type": "property"},
        ],
    )
    small = load_settings().dump.model_copy(update={"shard_bytes": 1024})
    ingest(dump, tmp_path, NOTHING, small, InlineExecutor(), 1)
    assert len(list((tmp_path / "mentions").iterdir())) >= 4
    frequency, degree = measured(tmp_path / "mentions", tmp_path)
    # Q1 is in its own three, in two of Q2 and in one of Q3; Q3 also in the statement of a property.
    assert {row["id"]: row["frequency"] for row in frequency.to_pylist()} == {1: 6, 2: 4, 3: 5}
    degrees = {row["id"]: (row["in_degree"], row["out_degree"]) for row in degree.to_pylist()}
    assert degrees == {1: (1, 2), 2: (1, 2), 3: (2, 0)}


def test_every_neighbour_of_the_slice_is_counted_at_both_ends(tmp_path: Path) -> None:
    ingest(sample_folder() / "core-new.json.gz", tmp_path, NOTHING, load_settings().dump, InlineExecutor(), 1)
    frequency, degree = measured(tmp_path / "mentions", tmp_path)
    assert sum(degree["in_degree"].to_pylist()) == sum(degree["out_degree"].to_pylist()) > 30_000
    most = {row["id"]: row["frequency"] for row in frequency.to_pylist()}
    assert max(most, key=lambda one: most[one]) == 30  # the United States
    # An item is mentioned at least as often as it has neighbours: each is in a statement of its own.
    assert all(most[row["id"]] >= row["out_degree"] for row in degree.to_pylist())
    assert all(most[row["id"]] >= row["in_degree"] for row in degree.to_pylist())
