"""FREQUENCY: in how many statements of the dump an item is mentioned (decision 8)."""

from pathlib import Path

from pipeline.core import schema
from pipeline.core.tables import Database


def measure_frequency(mentions: Path, database: Database, out: Path) -> Path:
    """Sum the partial counts of all shards.

    Args:
        mentions: MENTIONS, a Parquet file a shard.
        database: A session to work in.
        out: The file to write.
    """
    database.view("mentions", mentions)
    sql = "SELECT id, sum(mentions) AS frequency FROM mentions GROUP BY id ORDER BY id"
    return database.write(sql, out, schema.FREQUENCY)
