"""KnowEdit: facts to insert, counterfactual edits, and zsRE with portability and locality."""

from collections.abc import Iterable, Sequence
from typing import NotRequired, TypedDict

from pipeline.core.edit_record import Edit, LocalityKind, PortabilityKind, Probe
from pipeline.release.exports.projection import UNVARIED, Export, ExportFile, Lack, project
from pipeline.release.exports.statement import condition, unlike_zsre


class Item(TypedDict):
    """KnowEdit's test item: one list of names for each answer, the preferred name first."""

    prompt: str
    ground_truth: list[list[str]]


class Locality(TypedDict):
    """KnowEdit's locality: the first kind must be there, else no batch can be made of the record.

    It holds other relations of the subject. Where the subject has none that every edit leaves alone, it holds the same
    relation of other subjects; the record's `locality_kind` says so.
    """

    Relation_Specificity: list[Item]
    Forgetfulness: NotRequired[list[Item]]


class Portability(TypedDict, total=False):
    """KnowEdit's portability; kinds without items are absent."""

    Reasoning: list[Item]
    Subject_Aliasing: list[Item]
    Logical_Generalization: list[Item]


class RecentRecord(TypedDict):
    """KnowEdit's record shape for WikiData_recent."""

    case_id: str
    subject: str
    prompt: str
    target_new: str
    rephrase: NotRequired[str]
    portability: NotRequired[Portability]
    locality: Locality
    locality_kind: LocalityKind


class CounterfactRecord(RecentRecord):
    """KnowEdit's record shape for WikiData_counterfact: with the old object."""

    ground_truth: str


class ZsreRecord(TypedDict):
    """KnowEdit's record shape for ZsRE."""

    case_id: str
    subject: str
    prompt: str
    target_new: str
    ground_truth: list[str]
    rephrase_prompt: str
    cond: str
    portability: NotRequired[Portability]
    locality: Locality
    locality_kind: LocalityKind


Record = RecentRecord | CounterfactRecord | ZsreRecord


def records(edits: Sequence[Edit]) -> Export[Record]:
    """KnowEdit's five files; it has no validation files, so its train files take those edits too."""
    return project(edits, _FILES)


def _recent(edit: Edit) -> Sequence[RecentRecord] | Lack:
    locality = _locality(edit)
    if locality is None:
        return "no_locality"
    record: RecentRecord = {
        "case_id": edit["case_id"],
        "subject": edit["subject"],
        "prompt": edit["prompt"],
        "target_new": edit["target_new"],
        "locality": locality,
        "locality_kind": _locality_kind(edit),
    }
    if edit["rephrases"]:
        record["rephrase"] = edit["rephrases"][0]
    if portability := _portability(edit["portability"]):
        record["portability"] = portability
    return [record]


def _counterfact(edit: Edit) -> Sequence[CounterfactRecord] | Lack:
    made = _recent(edit)
    return made if isinstance(made, str) else [{**record, "ground_truth": edit["ground_truth"]} for record in made]


def _zsre(edit: Edit) -> Sequence[ZsreRecord] | Lack:
    locality = _locality(edit)
    if not edit["question_rephrases"]:
        return "no_rephrase"
    if locality is None:
        return "no_locality"
    record: ZsreRecord = {
        "case_id": edit["case_id"],
        "subject": edit["subject"],
        "prompt": edit["question"],
        "target_new": edit["target_new"],
        "ground_truth": [edit["ground_truth"]],
        "rephrase_prompt": edit["question_rephrases"][0],
        "cond": condition(edit),
        "locality": locality,
        "locality_kind": _locality_kind(edit),
    }
    if portability := _portability(edit["portability"], asked=True):
        record["portability"] = portability
    return [record]


def _locality(edit: Edit) -> Locality | None:
    # Always clozes: KnowEdit's ZsRE asks its edits but states its locality.
    specific = _items(edit["locality"], _locality_kind(edit))
    forgetful = _items(edit["locality"], "Forgetfulness")
    if not specific:
        return None
    if not forgetful:
        return {"Relation_Specificity": specific}
    return {"Relation_Specificity": specific, "Forgetfulness": forgetful}


def _locality_kind(edit: Edit) -> LocalityKind:
    """The kind of probes that the record has as Relation_Specificity."""
    kinds = {probe["kind"] for probe in edit["locality"]}
    return "Relation_Specificity" if "Relation_Specificity" in kinds else "Neighborhood"


def _portability(probes: Sequence[Probe], *, asked: bool = False) -> Portability:
    portability: Portability = {}
    if items := _items(probes, "Reasoning", asked=asked):
        portability["Reasoning"] = items
    if items := _items(probes, "Subject_Aliasing", asked=asked):
        portability["Subject_Aliasing"] = items
    if items := _items(probes, "Logical_Generalization", asked=asked):
        portability["Logical_Generalization"] = items
    return portability


def _items(probes: Iterable[Probe], kind: LocalityKind | PortabilityKind, *, asked: bool = False) -> list[Item]:
    return [
        {
            "prompt": probe["question"] if asked and probe["question"] else probe["prompt"],
            "ground_truth": probe["ground_truth"],
        }
        for probe in probes
        if probe["kind"] == kind
    ]


_FILES: tuple[ExportFile[Record], ...] = (
    ExportFile("knowedit/wiki_recent/recent_train.json", ("recent",), ("train", "validation"), _recent),
    ExportFile("knowedit/wiki_recent/recent_test.json", ("recent",), ("test",), _recent),
    ExportFile("knowedit/wiki_counterfact/train_cf.json", ("popular",), ("train", "validation"), _counterfact),
    ExportFile("knowedit/wiki_counterfact/test_cf.json", ("popular",), ("test",), _counterfact),
    ExportFile("knowedit/ZsRE/ZsRE-test-all.json", UNVARIED, ("test",), _zsre, form="question", unfit=unlike_zsre),
)
