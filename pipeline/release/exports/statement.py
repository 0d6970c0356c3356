"""An edit as most consumers want it: one prompt, one rephrase and one locality probe, as clozes or as questions."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypedDict

from pipeline.core.edit_record import Edit, Probe
from pipeline.release.exports.projection import Lack


class Statement(NamedTuple):
    """An edit in one form."""

    prompt: str
    rephrase: str
    locality_prompt: str
    locality_answer: str


class FlatRecord(TypedDict):
    """The eight fields of EasyEdit's CounterFact, which DAFSet's files hold too (decision 27)."""

    case_id: str
    subject: str
    prompt: str
    target_new: str
    ground_truth: str
    rephrase_prompt: str
    locality_prompt: str
    locality_ground_truth: str


def cloze(edit: Edit) -> Statement | Lack:
    """An edit in sentences that end right before their answers."""
    probe = neighbour(edit["locality"])
    if not edit["rephrases"]:
        return "no_rephrase"
    if probe is None:
        return "no_locality"
    return Statement(edit["prompt"], edit["rephrases"][0], probe["prompt"], first_answer(probe["ground_truth"]))


def question(edit: Edit) -> Statement | Lack:
    """An edit in questions."""
    probe = neighbour(probe for probe in edit["locality"] if probe["question"])
    if not edit["question_rephrases"]:
        return "no_rephrase"
    if probe is None:
        return "no_locality"
    answer = first_answer(probe["ground_truth"])
    return Statement(edit["question"], edit["question_rephrases"][0], probe["question"], answer)


def neighbour(probes: Iterable[Probe]) -> Probe | None:
    """The locality probe of formats that have one a record (decision 17).

    The same relation of another subject if there is such a probe, else another relation of the same subject.
    """
    answered = [probe for probe in probes if first_answer(probe["ground_truth"])]
    kinds = ("Neighborhood", "Relation_Specificity")
    return next((probe for kind in kinds for probe in answered if probe["kind"] == kind), None)


def first_answer(answers: Sequence[Sequence[str]]) -> str:
    """The preferred name of the first answer; empty if there is none.

    >>> first_answer([["Santiago", "Santiago de Chile"], ["Arica"]]), first_answer([])
    ('Santiago', '')
    """
    return next((name for names in answers[:1] for name in names[:1]), "")


def flat_record(edit: Edit, statement: Statement) -> FlatRecord:
    """A statement of an edit as one flat record."""
    return {
        "case_id": edit["case_id"],
        "subject": edit["subject"],
        "prompt": statement.prompt,
        "target_new": edit["target_new"],
        "ground_truth": edit["ground_truth"],
        "rephrase_prompt": statement.rephrase,
        "locality_prompt": statement.locality_prompt,
        "locality_ground_truth": statement.locality_answer,
    }


def flat_cloze(edit: Edit) -> Sequence[FlatRecord] | Lack:
    """The flat record of an edit as a cloze."""
    statement = cloze(edit)
    return statement if isinstance(statement, str) else [flat_record(edit, statement)]


def flat_question(edit: Edit) -> Sequence[FlatRecord] | Lack:
    """The flat record of an edit as a question."""
    statement = question(edit)
    return statement if isinstance(statement, str) else [flat_record(edit, statement)]


def unlike_zsre(edit: Edit) -> Lack | None:
    """Why an edit is not like those of zsRE: its answer stays what it is.

    In zsRE an edit replaces the answer of a question. Of an insertion no earlier answer is known: its true object would
    stand for the old answer and for the new one.
    """
    truth = edit["ground_truth"]
    known = {truth, *(name for names in edit["answers"] if truth in names for name in names)}
    is_kept = edit["edit_kind"] == "insertion" or edit["target_new"].casefold() in {name.casefold() for name in known}
    return "answer_kept" if is_kept else None


def unlike_counterfact(edit: Edit) -> Lack | None:
    """Why an edit is not like those of CounterFact: one fact about one subject, made false."""
    return "two_hops" if edit["hops"] != 1 else unlike_zsre(edit)


def condition(edit: Edit) -> str:
    """What a question's answer was and becomes, as zsRE records say it: "old >> new || question"."""
    return f"{edit['ground_truth']} >> {edit['target_new']} || {edit['question']}"
