"""The release record as Parquet, one folder a category and one or more files a split, as `datasets` loads them."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from pipeline.core import schema
from pipeline.core.edit_record import Edit
from pipeline.core.tables import write_table
from pipeline.edits.splits import SPLITS

MAX_FILE_BYTES = 500_000_000  # in memory; the Hub's advice for one shard

Feature = dict[str, object]


def write_parquet(edits: Sequence[Edit], category: str, folder: Path) -> list[Path]:
    """Write the edits of a category, sorted by `case_id`, as `{split}-00000-of-00001.parquet`.

    A split without edits has no file: `datasets` fails to load a configuration that has an empty one.

    Args:
        edits: Edits of any category and split.
        category: The category to write.
        folder: Its folder.
    """
    written: list[Path] = []
    for split in SPLITS:
        chosen = [edit for edit in edits if edit["category"] == category and edit["split"] == split]
        if not chosen:
            continue
        chosen.sort(key=lambda edit: edit["case_id"])
        table = pa.Table.from_pylist(chosen, schema=schema.RELEASE)
        parts = list(_parts(table))
        for number, part in enumerate(parts):
            path = folder / f"{split}-{number:05d}-of-{len(parts):05d}.parquet"
            written.append(write_table(part, path, with_features(schema.RELEASE)))
    return written


def _parts(table: pa.Table) -> Iterator[pa.Table]:
    count = table.nbytes // MAX_FILE_BYTES + 1
    rows = -(-table.num_rows // count)
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)


def with_features(table: pa.Schema) -> pa.Schema:
    """A schema with the features that `datasets` reads from its metadata."""
    features = {field.name: _feature(field.type) for field in table}
    metadata = {"info": {"features": features}}
    return table.with_metadata({"huggingface": json.dumps(metadata)})


def _feature(kind: pa.DataType) -> Feature:
    """An Arrow type as `datasets` writes it."""
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    name = "float64" if pa.types.is_float64(kind) else str(kind)  # Arrow calls it "double"
    return {"dtype": name, "_type": "Value"}
