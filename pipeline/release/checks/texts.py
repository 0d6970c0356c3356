"""Checks of the texts of each row, by themselves: prompts, rephrases, names and answers."""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import cast

from pipeline.core.columns import Field
from pipeline.core.edit_record import COLUMNS, Edit
from pipeline.core.plain_text import is_plain
from pipeline.edits.edit_parts import probes_of, sentences_of
from pipeline.edits.exclusions import normalised
from pipeline.language.leaks import contains_name
from pipeline.language.name_form import is_code_form, is_name
from pipeline.release.checks.contents import Contents, Failures
from pipeline.release.exports.projection import is_sound

_ID = re.compile(r"(?<!\w)[QPL][1-9]\d*(?!\w)")


def subject_in_prompt(contents: Contents) -> Failures:
    """The prompt and the question hold the subject, as it is written, exactly once; every rephrase holds it."""
    for edit in contents.edits:
        subject = edit["subject"]
        if edit["prompt"].count(subject) != 1 or edit["question"].count(subject) != 1:
            yield f"{edit['case_id']}: {subject!r} does not stand once in {edit['prompt']!r}"
        for text in edit["rephrases"]:
            if subject not in text:
                yield f"{edit['case_id']}: {subject!r} does not stand in {text!r}"


def target_not_in_prompt(contents: Contents) -> Failures:
    """Neither prompt, question nor any rephrase holds the target, whatever the case."""
    for edit in contents.edits:
        for text in sentences_of(edit):
            if contains_name(text, edit["target_new"]):
                yield f"{edit['case_id']}: {edit['target_new']!r} stands in {text!r}"


def texts_sound(contents: Contents) -> Failures:
    """No text is empty or has space at an end, and no list of answers is empty.

    What may be null or empty is declared with each column in `core/edit_record.py`; every other column has a value.
    """
    for edit in contents.edits:
        if faults := unsound(edit, COLUMNS):
            yield f"{edit['case_id']}: missing, empty, or with space at an end: {', '.join(faults)}"


def unsound(row: object, fields: Iterable[Field]) -> list[str]:
    """The fields of a row whose values are null or empty against their declaration, or have space at an end."""
    return list(dict.fromkeys(_faults(row, fields)))


def has_gaps(row: object, fields: Iterable[Field]) -> bool:
    """Whether a row has a null where its declaration allows none, so that other checks cannot read it."""
    values = cast(Mapping[str, object], row)
    for field in fields:
        value = values.get(field.name)
        if value is None and not field.can_be_null:
            return True
        if field.parts and any(has_gaps(part, field.parts) for part in cast(Iterable[object], value or ())):
            return True
    return False


def _faults(row: object, fields: Iterable[Field], prefix: str = "") -> Iterator[str]:
    """The path of every value of a row and of its structures that may not stand."""
    values = cast(Mapping[str, object], row)
    for field in fields:
        value = values.get(field.name)
        if not _may_stand(value, field):
            yield prefix + field.name
        if field.parts:
            for part in cast(Iterable[object], value or ()):
                yield from _faults(part, field.parts, f"{prefix}{field.name}.")


def _may_stand(value: object, field: Field) -> bool:
    if isinstance(value, str):
        return value == value.strip() and (bool(value) or field.column.can_be_empty)
    if value is None:
        return field.can_be_null
    if isinstance(value, list) and not (field.parts and value):
        return is_sound(cast(object, value)) or (field.column.can_be_empty and not value)
    return True


def answers_unique(contents: Contents) -> Failures:
    """No answer is given twice, and no name twice within an answer."""
    for edit in contents.edits:
        for answers in (edit["answers"], *(probe["ground_truth"] for probe in probes_of(edit))):
            if len({tuple(names) for names in answers}) < len(answers) or any(len(set(n)) < len(n) for n in answers):
                yield f"{edit['case_id']}: repeated answers {answers}"


def names_fit(contents: Contents) -> Failures:
    """Every name is one that a reader accepts: no id, address, note or code, and no character that nobody sees."""
    limits = contents.manifest.settings.screening

    @functools.cache  # many rows share their answers
    def fits(name: str) -> bool:
        return is_name(name, limits.min_label_characters, limits.max_label_characters)

    is_code = functools.cache(is_code_form)
    for edit in contents.edits:
        texts = [*_sentences(edit), *_names(edit), *edit["subject_aliases"], edit["subject_description"] or ""]
        if unseen := [text for text in texts if not is_plain(text)]:
            yield f"{edit['case_id']}: characters that nobody sees, or spaces too many, in {unseen[0]!r}"
        for names in _item_names(edit, contents):
            for name in names:
                if not fits(name):
                    yield f"{edit['case_id']}: {name!r} is not a name"
            if codes := list(filter(is_code, names[1:])):
                yield f"{edit['case_id']}: the code {codes[0]!r} is given as a name"


def _item_names(edit: Edit, contents: Contents) -> Iterator[list[str]]:
    """The names of each item that an edit names, the preferred one first; dates and numbers are written otherwise."""
    yield [edit["subject"], *edit["subject_aliases"]]
    if edit["target_new_id"]:
        yield [edit["target_new"], *edit["target_new_aliases"]]
    if edit["ground_truth_id"]:
        yield [edit["ground_truth"]]
    for relation, names in ((edit["relation_id"], edit["answers"]), *_answers(edit)):
        if contents.relations[relation].value == "item":
            yield from names


def _answers(edit: Edit) -> Iterator[tuple[str, list[list[str]]]]:
    """The relation that each probe asks for, and its answers."""
    return ((probe["relation_id"], probe["ground_truth"]) for probe in probes_of(edit))


def no_unresolved_ids(contents: Contents) -> Failures:
    """No sentence holds an id of Wikidata, apart from the names it speaks of."""
    for edit in contents.edits:
        known = sorted({*_names(edit), edit["subject"], *edit["subject_aliases"]}, key=len, reverse=True)
        for text in _sentences(edit):
            if _ID.search(text) and _ID.search(_without(text, known)):
                yield f"{edit['case_id']}: an id stands in {text!r}"


def _without(text: str, names: Iterable[str]) -> str:
    for name in names:
        text = text.replace(name, "")
    return text


def rephrases_differ(contents: Contents) -> Failures:
    """Rephrases differ from the prompt and from each other, whatever case, spacing and punctuation."""
    for edit in contents.edits:
        texts = [normalised(text) for text in (edit["prompt"], *edit["rephrases"])]
        if len(set(texts)) < len(texts):
            yield f"{edit['case_id']}: a rephrase repeats {edit['prompt']!r}"
        if len(edit["rephrases"]) < 2:
            yield f"{edit['case_id']}: fewer than two rephrases"


def _sentences(edit: Edit) -> Iterator[str]:
    """Every sentence of an edit that a model reads."""
    yield from sentences_of(edit)
    for probe in probes_of(edit):
        yield probe["prompt"]
        yield probe["question"]
    yield from (prefix["text"] for prefix in edit["prefixes"])
    for form in edit["length_forms"]:
        yield from (form["rephrase"], form["locality_prompt"])


def _names(edit: Edit) -> Iterator[str]:
    """Every name that an edit or its probes give as an answer."""
    yield from (edit["target_new"], edit["ground_truth"], *edit["target_new_aliases"])
    for names in chain(edit["answers"], *(probe["ground_truth"] for probe in probes_of(edit))):
        yield from names
