"""DAFSet's training files: five fields a record, and prefixes in the robust ones."""

from collections.abc import Sequence
from typing import TypedDict

from pipeline.core.edit_record import Edit, LengthForm, Prefix
from pipeline.release.exports.projection import UNVARIED, Export, ExportFile, Lack, project
from pipeline.release.exports.statement import (
    FlatRecord,
    Statement,
    cloze,
    first_answer,
    flat_cloze,
    flat_question,
    flat_record,
    unlike_counterfact,
    unlike_zsre,
)

_LOADER_WORDS = 30  # DAFNet's loader cuts a prefix to as many words, split at single spaces


class PrefixMeta(TypedDict):
    """What a prefix varies and which way."""

    attribute: str
    pole: str
    level: int


class RobustRecord(FlatRecord):
    """DAFSet's robust record shape: the loader puts one of the prefixes before the rephrase, one before the locality.

    It draws any of them for either, so that only prefixes go in that fit any prompt.

    `length` is the pole of these two prompts (decision 19), "ordinary" where an edit has no length forms.
    `prefix_meta` runs parallel to `prefix` (decision 18).
    """

    length: str
    prefix: list[str]
    prefix_meta: list[PrefixMeta]


def records(edits: Sequence[Edit]) -> Export[FlatRecord]:
    """DAFSet's six files; it is a training set, so only edits of the train split go in (decision 29)."""
    return project(edits, _FILES)


def _robust(edit: Edit) -> Sequence[RobustRecord] | Lack:
    prefixes = [prefix for prefix in edit["prefixes"] if _fits_any_prompt(prefix) and _loads_unaltered(prefix)]
    if not prefixes:
        return "no_prefix"
    if edit["length_forms"]:
        statements = {form["pole"]: _length_statement(edit, form) for form in edit["length_forms"]}
        return [_robust_record(edit, statement, pole, prefixes) for pole, statement in statements.items()]
    statement = cloze(edit)
    return statement if isinstance(statement, str) else [_robust_record(edit, statement, "ordinary", prefixes)]


def _fits_any_prompt(prefix: Prefix) -> bool:
    """Whether it neither names the subject nor what is asked of it: the locality prompt is about another subject."""
    return prefix["about"] in ("another", "nothing")


def _loads_unaltered(prefix: Prefix) -> bool:
    return prefix["text"].endswith(".") and len(prefix["text"].split(" ")) <= _LOADER_WORDS


def _length_statement(edit: Edit, form: LengthForm) -> Statement:
    answer = first_answer(form["locality_ground_truth"])
    return Statement(edit["prompt"], form["rephrase"], form["locality_prompt"], answer)


def _robust_record(edit: Edit, statement: Statement, length: str, prefixes: Sequence[Prefix]) -> RobustRecord:
    return {
        **flat_record(edit, statement),
        "length": length,
        "prefix": [prefix["text"] for prefix in prefixes],
        "prefix_meta": [
            {"attribute": prefix["attribute"], "pole": prefix["pole"], "level": prefix["level"]} for prefix in prefixes
        ],
    }


_FILES: tuple[ExportFile[FlatRecord], ...] = (
    ExportFile("dafset/recent.json", ("recent",), ("train",), flat_cloze),
    ExportFile("dafset/popular.json", ("popular",), ("train",), flat_cloze),
    ExportFile("dafset/long_tail.json", ("long_tail",), ("train",), flat_cloze),
    ExportFile("dafset/robust.json", ("robust",), ("train",), _robust),
    ExportFile("dafset/cf_train.json", ("popular",), ("train",), flat_cloze, unfit=unlike_counterfact),
    ExportFile("dafset/zsre_train.json", UNVARIED, ("train",), flat_question, form="question", unfit=unlike_zsre),
)
