"""The exports, written and read back, go through what the consumers' loaders do; records that are bad do not."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import datasets
import pytest
from hypothesis import HealthCheck, given, settings

from pipeline.core.edit_record import Edit
from pipeline.release.exports import export_files, write_exports
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
    return write_exports(export_files(edits), folder)


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
    with pytest.raises(FileNotFoundError):
        consumers.train_dafnet(tmp_path / "dafset")
    with pytest.raises(ZeroDivisionError):
        consumers.train_dafnet(tmp_path / "dafset", "zsre-cf-long_tail-popular-recent")


def test_dafnet_trains_without_a_file_that_is_not_written_if_it_is_not_named(tmp_path: Path) -> None:
    write([edit for edit in EDITS if edit["category"] != "recent"], tmp_path)
    assert not (tmp_path / "dafset" / "recent.json").exists()
    consumers.train_dafnet(tmp_path / "dafset", "zsre-cf-long_tail-popular-robust")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spoilt_releases)
def test_whatever_the_edits_lack_no_file_stops_a_consumer(tmp_path: Path, edits: list[Edit]) -> None:
    for path in write(edits, tmp_path):
        records = consumers.read(tmp_path / path)
        assert records
        for use in readers(path):
            use(records)


def test_hugging_face_datasets_reads_every_file(exports: Path, tmp_path: Path) -> None:
    for file in exports.rglob("*.json"):
        table = datasets.load_dataset("json", data_files=str(file), split="train", cache_dir=str(tmp_path))
        assert isinstance(table, datasets.Dataset)
        assert table["case_id"][:] == [record["case_id"] for record in consumers.read(file)]


# Records with one planted fault: each must stop the consumer in the way that it stops the real one.

ROBUST, CF_TRAIN = "dafset/robust.json", "dafset/cf_train.json"
RECENT, COUNTERFACT = "knowedit/wiki_recent/recent_train.json", "knowedit/wiki_counterfact/test_cf.json"
CF, MEND = "counterfact/counterfact-edit.json", "zsre/zsre_mend_eval.json"
ITEM = ("locality", "Relation_Specificity", 0)
ANSWER = (*ITEM, "ground_truth")
PORTABLE = ("portability", "Reasoning", 0)

REMOVED = object()
"""Stands for taking the field away."""

FAULTS: list[tuple[Consumer, str, tuple[str | int, ...], object, type[Exception]]] = [
    (draw_dafnet, CF_TRAIN, ("prompt",), REMOVED, KeyError),
    (draw_dafnet, CF_TRAIN, ("target_new",), "", IndexError),
    (draw_dafnet, CF_TRAIN, ("target_new",), None, TypeError),
    (draw_dafnet, CF_TRAIN, ("target_new",), ["Lowmere"], TypeError),
    (draw_dafnet, CF_TRAIN, ("prompt",), "", SilentFault),
    (draw_dafnet, CF_TRAIN, ("prompt",), "The capital of Verdania is ", SilentFault),
    (draw_dafnet, CF_TRAIN, ("rephrase_prompt",), None, TypeError),
    (draw_dafnet, CF_TRAIN, ("locality_ground_truth",), "", IndexError),
    (draw_dafnet, CF_TRAIN, ("locality_ground_truth",), [["Saltholm"]], TypeError),
    (draw_dafnet, ROBUST, ("prefix",), [], ValueError),
    (draw_dafnet, ROBUST, ("prefix",), None, TypeError),
    (draw_dafnet, ROBUST, ("prefix",), "It rained.", SilentFault),
    (draw_dafnet, ROBUST, ("prefix", 0), "", IndexError),
    (draw_dafnet, ROBUST, ("prefix", 0), "It rained", SilentFault),
    (draw_dafnet, ROBUST, ("prefix", 0), " ".join(["rain"] * 31) + ".", SilentFault),
    (consumers.evaluate_dafnet_counterfact, CF, ("ground_truth",), REMOVED, KeyError),
    (consumers.evaluate_dafnet_counterfact, CF, ("target_new",), "", IndexError),
    (consumers.evaluate_dafnet_counterfact, CF, ("subject",), "finn rooke", AssertionError),
    (consumers.evaluate_dafnet_counterfact, CF, ("prompt",), "Finn Rooke, son of Finn Rooke, is from", AssertionError),
    (consumers.evaluate_dafnet_counterfact, CF, ("prompt",), "Finn Rooke {is} from", KeyError),
    (consumers.load_counterfact, CF, ("rephrase_prompt",), REMOVED, KeyError),
    (consumers.load_counterfact, CF, ("locality_ground_truth",), ["Lowmere"], TypeError),
    (consumers.load_counterfact, CF, ("target_new",), "", SilentFault),
    (consumers.evaluate_dafnet_zsre, MEND, ("answers",), [], IndexError),
    (consumers.evaluate_dafnet_zsre, MEND, ("loc_ans",), "", IndexError),
    (consumers.load_zsre, MEND, ("loc",), "Where was Bruno Hald born", AssertionError),
    (consumers.load_zsre, MEND, ("alt",), "", SilentFault),
    (consumers.load_zsre, MEND, ("answers",), [], IndexError),
    (consumers.load_zsre, MEND, ("answers",), "Lowmere", SilentFault),
    (consumers.load_zsre, MEND, ("rephrase",), None, TypeError),
    (consumers.load_mend_qa, MEND, ("loc",), "nq question: Where was Bruno Hald born?", SilentFault),
    (consumers.load_mend_qa, MEND, ("src",), "Where was edda winter born?", AssertionError),
    (consumers.load_wiki_recent, RECENT, ("locality",), REMOVED, KeyError),
    (consumers.load_wiki_recent, RECENT, ("locality",), {}, KeyError),
    (consumers.load_wiki_recent, RECENT, ("locality",), None, TypeError),
    (consumers.load_wiki_recent, RECENT, ("target_new",), "", SilentFault),
    (consumers.load_wiki_recent, RECENT, ITEM[:2], [], IndexError),
    (consumers.load_wiki_recent, RECENT, ANSWER, [], IndexError),
    (consumers.load_wiki_recent, RECENT, ANSWER, [["Lowmere"], []], IndexError),
    (consumers.load_wiki_recent, RECENT, ANSWER, [["Lowmere", ""]], SilentFault),
    (consumers.load_wiki_recent, RECENT, ANSWER, ["Lowmere"], SilentFault),
    (consumers.load_wiki_recent, RECENT, ANSWER, "Lowmere", SilentFault),
    (use_knowedit, COUNTERFACT, ("subject",), REMOVED, KeyError),
    (use_knowedit, COUNTERFACT, ("subject",), "finn rooke", AssertionError),
    (use_knowedit, COUNTERFACT, ("prompt",), "Finn Rooke, son of Finn Rooke, was born in", IndexError),
    (use_knowedit, COUNTERFACT, ("target_new",), ["Saltholm"], TypeError),
    (use_knowedit, COUNTERFACT, ("target_new",), "", SilentFault),
    (use_knowedit, COUNTERFACT, ("portability",), None, TypeError),
    (use_knowedit, COUNTERFACT, ("portability",), {"Reasonning": []}, SilentFault),
    (use_knowedit, COUNTERFACT, PORTABLE[:2], [], ValueError),
    (use_knowedit, COUNTERFACT, (*PORTABLE, "ground_truth"), [[]], IndexError),
    (use_knowedit, COUNTERFACT, (*PORTABLE, "ground_truth"), [[""]], ValueError),
    (use_knowedit, COUNTERFACT, (*PORTABLE, "ground_truth"), [[1871]], AttributeError),
    (use_knowedit, COUNTERFACT, (*PORTABLE, "prompt"), ["Where is it?"], TypeError),
    (use_knowedit, COUNTERFACT, ("locality",), None, TypeError),
    (use_knowedit, COUNTERFACT, ("locality",), {}, TypeError),
    (use_knowedit, COUNTERFACT, ITEM[:2], [], IndexError),
    (use_knowedit, COUNTERFACT, ANSWER, [], IndexError),
    (use_knowedit, COUNTERFACT, ANSWER, [[]], IndexError),
    (use_knowedit, COUNTERFACT, ANSWER, "Harrow Press", SilentFault),
]


@pytest.mark.parametrize(("use", "path", "place", "value", "error"), FAULTS)
def test_a_planted_fault_stops_the_consumer(
    exports: Path, use: Consumer, path: str, place: tuple[str | int, ...], value: object, error: type[Exception]
) -> None:
    records = consumers.read(exports / path)[:1]
    use(records)
    with pytest.raises(error):
        use([with_fault(records[0], place, value)])


def with_fault(record: Record, place: tuple[str | int, ...], value: object) -> Record:
    """A copy of a record with another value in one place."""
    spoilt = deepcopy(record)
    holder: Any = spoilt
    for step in place[:-1]:
        holder = holder[step]
    if value is REMOVED:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return spoilt


def test_a_file_that_is_not_ascii_cannot_be_read_in_every_locale(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text('[{"subject": "Zoë"}]', encoding="utf-8")
    with pytest.raises(UnicodeDecodeError):
        consumers.read(path)
