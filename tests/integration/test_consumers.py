"""The exports, written and read back, go through what the consumers' loaders do; records that are bad do not."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import datasets
import pytest
from hypothesis import HealthCheck, given, settings

from pipeline.exports import export_files, write_json
from pipeline.records import Edit
from tests.integration import consumers
from tests.integration.consumers import Record, SilentFault
from tests.samples import EDITS, spoilt_releases

Consumer = Callable[[list[Record]], object]


def draw_dafnet(records: list[Record]) -> None:
    for record in records:
        consumers.draw_robust(record) if "prefix" in record else consumers.draw_plain(record)


def use_knowedit(records: list[Record]) -> None:
    data = consumers.load_knowedit(records)
    consumers.batch_knowedit(data)
    consumers.run_knowedit(data)


CONSUMERS: dict[str, tuple[Consumer, ...]] = {
    "dafset": (draw_dafnet,),
    "knowedit/wiki_recent": (use_knowedit, consumers.load_wiki_recent),
    "knowedit/wiki_counterfact": (use_knowedit, consumers.load_wiki_recent),
    "knowedit/ZsRE": (use_knowedit,),
    "counterfact": (consumers.load_counterfact, consumers.evaluate_dafnet_counterfact),
    "zsre": (consumers.load_zsre, consumers.evaluate_dafnet_zsre, consumers.load_mend_qa),
}
"""Who reads the files of a folder."""


def readers(path: str) -> tuple[Consumer, ...]:
    return next(uses for folder, uses in CONSUMERS.items() if path.startswith(f"{folder}/"))


def write(edits: list[Edit], folder: Path) -> list[str]:
    files = export_files(edits).files
    for path, records in files.items():
        write_json(records, folder / path)
    return list(files)


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the exports of the sample edits."""
    folder = tmp_path_factory.mktemp("exports")
    write(list(EDITS), folder)
    return folder


def test_the_consumers_take_every_file(exports: Path) -> None:
    for file in exports.rglob("*.json"):
        records = consumers.read(file)
        assert records
        for use in readers(file.relative_to(exports).as_posix()):
            use(records)


def test_dafnet_trains_on_the_whole_folder(exports: Path) -> None:
    consumers.train_dafnet(exports / "dafset")


def test_dafnet_cannot_train_with_a_group_of_files_empty(tmp_path: Path) -> None:
    write([edit for edit in EDITS if edit["category"] != "robust"], tmp_path)
    with pytest.raises(ZeroDivisionError):
        consumers.train_dafnet(tmp_path / "dafset")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spoilt_releases)
def test_whatever_the_edits_lack_no_file_stops_a_consumer(tmp_path: Path, edits: list[Edit]) -> None:
    for path in write(edits, tmp_path):
        for use in readers(path):
            use(consumers.read(tmp_path / path))


def test_hugging_face_datasets_reads_every_file(exports: Path, tmp_path: Path) -> None:
    for file in exports.rglob("*.json"):
        table = datasets.load_dataset("json", data_files=str(file), split="train", cache_dir=str(tmp_path))
        assert isinstance(table, datasets.Dataset)
        assert table["case_id"][:] == [record["case_id"] for record in consumers.read(file)]


# Bad records: each must stop the consumer in the way that it stops the real one.

ROBUST = "dafset/robust.json"
CF = "counterfact/counterfact-edit.json"
MEND = "zsre/zsre_mend_eval.json"
KNOW = "knowedit/wiki_counterfact/test_cf.json"
ITEM = ("locality", "Relation_Specificity", 0)

REMOVED = object()

BAD: list[tuple[Consumer, str, tuple[Any, ...], object, type[Exception]]] = [
    (draw_dafnet, ROBUST, ("prefix",), REMOVED, SilentFault),
]
