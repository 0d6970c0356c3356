"""Parts of an edit that several modules read: its sentences, its probes, and the item whose relation is edited."""

from pipeline.core.edit_record import Edit, Probe


def sentences_of(edit: Edit) -> list[str]:
    """The sentences that ask for an edit's target: the prompt, the question, and other wordings of both."""
    return [edit["prompt"], edit["question"], *edit["rephrases"], *edit["question_rephrases"]]


def probes_of(edit: Edit) -> list[Probe]:
    """The locality and the portability probes of an edit."""
    return [*edit["locality"], *edit["portability"]]


def holder_of(edit: Edit) -> str:
    """The item whose relation is edited: the subject, or the entity between two hops."""
    return edit["subject_id"] if edit["hops"] == 1 else edit["path"][0]["object_id"]
