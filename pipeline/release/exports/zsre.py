"""zsRE in MEND's shape: edits as questions."""

from collections.abc import Sequence
from typing import TypedDict

from pipeline.core.edit_record import Edit
from pipeline.release.exports.projection import UNVARIED, Export, ExportFile, Lack, project
from pipeline.release.exports.statement import condition, question, unlike_zsre

TAG = "nq question: "  # EasyEdit's loader asserts that `loc` holds it


class ZsreRecord(TypedDict):
    """MEND's record shape, with a `case_id`. Loaders read `answers[0]` as the old answer, `alt` as the new one."""

    case_id: str
    subject: str
    src: str
    pred: str
    rephrase: str
    alt: str
    answers: list[str]
    loc: str
    loc_ans: str
    cond: str


def records(edits: Sequence[Edit]) -> Export[ZsreRecord]:
    """Train and evaluation files; validation edits go in neither, so that no other file's validation is trained on."""
    return project(edits, _FILES)


def _mend(edit: Edit) -> Sequence[ZsreRecord] | Lack:
    statement = question(edit)
    if isinstance(statement, str):
        return statement
    return [
        {
            "case_id": edit["case_id"],
            "subject": edit["subject"],
            "src": statement.prompt,
            "pred": edit["ground_truth"],
            "rephrase": statement.rephrase,
            "alt": edit["target_new"],
            "answers": _names_of_ground_truth(edit),
            "loc": TAG + _unmarked(statement.locality_prompt),
            "loc_ans": statement.locality_answer,
            "cond": condition(edit),
        }
    ]


def _names_of_ground_truth(edit: Edit) -> list[str]:
    # A replaced object is not among the answers of the new state; then its one known name stands alone.
    truth = edit["ground_truth"]
    names = next((names for names in edit["answers"] if truth in names), [])
    return [truth, *(name for name in names if name != truth)]


def _unmarked(asked: str) -> str:
    # MEND's `loc` has no question mark; ROME's and MEMIT's loaders add one.
    return asked.removesuffix("?").rstrip()


_FILES: tuple[ExportFile[ZsreRecord], ...] = (
    ExportFile("zsre/zsre_mend_train.json", UNVARIED, ("train",), _mend, form="question", unfit=unlike_zsre),
    ExportFile("zsre/zsre_mend_eval.json", UNVARIED, ("test",), _mend, form="question", unfit=unlike_zsre),
)
