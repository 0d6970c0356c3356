"""CounterFact in EasyEdit's flat shape: the counterfactual edits of popular subjects, one hop each."""

from collections.abc import Sequence

from pipeline.core.edit_record import Edit
from pipeline.release.exports.projection import Export, ExportFile, project
from pipeline.release.exports.statement import FlatRecord, flat_cloze, unlike_counterfact


def records(edits: Sequence[Edit]) -> Export[FlatRecord]:
    """The three files that EasyEdit and DAFNet's evaluation look for."""
    return project(edits, _FILES)


_FILES: tuple[ExportFile[FlatRecord], ...] = (
    ExportFile("counterfact/counterfact-train.json", ("popular",), ("train",), flat_cloze, unfit=unlike_counterfact),
    ExportFile("counterfact/counterfact-val.json", ("popular",), ("validation",), flat_cloze, unfit=unlike_counterfact),
    ExportFile("counterfact/counterfact-edit.json", ("popular",), ("test",), flat_cloze, unfit=unlike_counterfact),
)
