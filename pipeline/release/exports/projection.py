"""How a consumer format is made: its files, which edits each is for, and why an edit has no record in one.

A record is made of one edit and of nothing else. An edit that a format has no shape for, or that lacks what the format
needs, is left out of that format and counted: the consumers' loaders crash on an empty text or list, or go on and train
on something else.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar, cast

from pipeline.core.edit_record import Category, Edit, Split

T_co = TypeVar("T_co", bound=Mapping[str, object], covariant=True)

Lack = Literal[
    "answer_kept",
    "two_hops",
    "no_prompt",
    "subject_not_once",
    "no_rephrase",
    "no_locality",
    "no_prefix",
    "unusable_text",
]

LACKS: Mapping[Lack, str] = {
    "answer_kept": "the edit adds a fact and replaces no answer that is known, and the file is for edits that do",
    "two_hops": "the edit goes over two hops, and the file is for facts of one",
    "no_prompt": "the edit has no text in the form of the file: no question, say",
    "subject_not_once": "the prompt does not hold the subject, as it is written, exactly once, or it holds a brace",
    "no_rephrase": "the edit has no rephrase in the form of the file",
    "no_locality": "the edit has no locality probe of a kind and form that the file takes",
    "no_prefix": "the edit has no prefix that the loader would leave as it is",
    "unusable_text": "a text is empty or has a space at an end, or a list is empty",
}
"""Why an edit is left out of a file."""

UNVARIED: tuple[Category, ...] = ("recent", "popular", "long_tail")
"""The categories whose edits are not variants of other edits."""


@dataclass(frozen=True)
class ExportFile(Generic[T_co]):
    """One file of a format.

    Attributes:
        path: Where it goes, relative to `exports/`.
        categories: The categories of the edits it is for.
        splits: Their splits.
        make: The records of an edit, or what the edit lacks.
        form: The wording in which the file states an edit.
        unfit: Why the format has no shape for an edit; None if it has one.
    """

    path: str
    categories: tuple[Category, ...]
    splits: tuple[Split, ...]
    make: Callable[[Edit], Sequence[T_co] | Lack]
    form: Literal["prompt", "question"] = "prompt"
    unfit: Callable[[Edit], Lack | None] | None = None

    def wants(self, edit: Edit) -> bool:
        """Whether the file is for an edit."""
        return edit["category"] in self.categories and edit["split"] in self.splits


@dataclass(frozen=True)
class Export(Generic[T_co]):
    """The files of a format and what was left out of them.

    Attributes:
        files: The records of each file, by path relative to `exports/`.
        left_out: The number of edits that each file was for but has no record of, by path and by `LACKS`.
    """

    files: Mapping[str, Sequence[T_co]]
    left_out: Mapping[str, Mapping[str, int]]


def project(edits: Iterable[Edit], files: Iterable[ExportFile[T_co]]) -> Export[T_co]:
    """The files of a format, each in the order of `case_id`, whatever the order of the edits."""
    in_order = sorted(edits, key=lambda edit: edit["case_id"])
    records: dict[str, Sequence[T_co]] = {}
    left_out: dict[str, Mapping[str, int]] = {}
    for file in files:
        outcomes = [_outcome(edit, file) for edit in in_order if file.wants(edit)]
        lacks = Counter(outcome for outcome in outcomes if isinstance(outcome, str))
        records[file.path] = [record for outcome in outcomes if not isinstance(outcome, str) for record in outcome]
        left_out[file.path] = dict(sorted(lacks.items()))
    return Export(records, left_out)


def _outcome(edit: Edit, file: ExportFile[T_co]) -> Sequence[T_co] | Lack:
    if file.unfit and (reason := file.unfit(edit)):
        return reason
    prompt = edit[file.form]
    if not prompt:
        return "no_prompt"
    if not _parts_at_subject(prompt, edit["subject"]):
        return "subject_not_once"
    made = file.make(edit)
    return made if isinstance(made, str) or all(map(is_sound, made)) else "unusable_text"


def _parts_at_subject(prompt: str, subject: str) -> bool:
    # EasyEdit refuses a whole file over one prompt without its subject. ROME and MEMIT make the prompt a format string
    # by putting {} for the subject: two of them, or a brace that was there before, and they fail.
    return prompt.count(subject) == 1 and "{" not in prompt and "}" not in prompt


def is_sound(value: object) -> bool:
    """Whether no text in a value is empty or has a space at an end, no list is empty and nothing is null.

    A space at the end of a prompt matters: loaders put one of their own before the target, and count the tokens
    of the loss from where the prompt alone would end.

    >>> is_sound({"prompt": "The capital of Chile is", "ground_truth": [["Santiago"]], "level": 1})
    True
    >>> is_sound({"prompt": "The capital of Chile is "}), is_sound({"ground_truth": [[]]}), is_sound(None)
    (False, False, False)
    """
    if isinstance(value, str):
        return bool(value) and value == value.strip()
    if isinstance(value, list | tuple):
        return bool(value) and all(map(is_sound, cast(Sequence[object], value)))
    if isinstance(value, Mapping):
        return bool(value) and all(map(is_sound, cast(Mapping[object, object], value).values()))
    return isinstance(value, int)
