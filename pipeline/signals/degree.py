"""DEGREE: how many distinct items an item is joined to by best-rank statements, counted each way (decision 9)."""

from pathlib import Path

from pipeline.core import schema
from pipeline.core.tables import Database


def measure_degree(mentions: Path, database: Database, out: Path) -> Path:
    """Sum the partial counts of all shards.

    Sums are exact because an item is one line of a dump: its neighbours are counted once, in its own shard, and the
    pair that makes it a neighbour of another is counted there too.

    Args:
        mentions: MENTIONS, a Parquet file a shard.
        database: A session to work in.
        out: The file to write.
    """
    database.view("mentions", mentions)
    sql = """SELECT id, sum(in_neighbours) AS in_degree, sum(out_neighbours) AS out_degree
        FROM mentions GROUP BY id ORDER BY id"""
    return database.write(sql, out, schema.DEGREE)
