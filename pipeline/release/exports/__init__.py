"""The release in the shapes of its consumers: JSON files that are projections of the release record and nothing else.

A new format is one module with a function `records` and its line in `EXPORTS`.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from pipeline.core.edit_record import Edit
from pipeline.core.tables import whole_file
from pipeline.release.exports import counterfact, dafset, knowedit, zsre
from pipeline.release.exports.projection import LACKS, Export

__all__ = ["EXPORTS", "LACKS", "Export", "Record", "export_files", "write_exports", "write_json"]

Record = Mapping[str, object]

EXPORTS: Mapping[str, Callable[[Sequence[Edit]], Export[Record]]] = {
    "dafset": dafset.records,
    "knowedit": knowedit.records,
    "counterfact": counterfact.records,
    "zsre": zsre.records,
}
"""Each format's function, under the name of its folder."""


def export_files(edits: Sequence[Edit]) -> Export[Record]:
    """The files of all formats, and what was left out of them."""
    exports = [make(edits) for make in EXPORTS.values()]
    return Export(
        files={path: rows for export in exports for path, rows in export.files.items()},
        left_out={path: lacks for export in exports for path, lacks in export.left_out.items()},
    )


def write_exports(export: Export[Record], folder: Path) -> list[str]:
    """Write every file that has records and return their paths; loaders crash on a file without any.

    Raises:
        StorageError: A file cannot be written.
    """
    filled = [path for path, records in export.files.items() if records]
    for path in filled:
        write_json(export.files[path], folder / path)
    return filled


def write_json(records: Iterable[Record], path: Path) -> None:
    """Write records as one JSON array, a record on each line, and put the file in place only when it is whole.

    Only ASCII is written: consumers open the files in whatever encoding their locale has.

    Raises:
        StorageError: The file cannot be written; what was there before is left as it was.
    """
    lines = ",\n".join(json.dumps(record, ensure_ascii=True, allow_nan=False) for record in records)
    with whole_file(path) as part:
        part.write_text(f"[\n{lines}\n]\n" if lines else "[]\n", encoding="ascii", newline="\n")
