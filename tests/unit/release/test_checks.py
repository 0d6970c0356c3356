"""Checks: a clean release passes them all, and each of them catches every fault that is planted for it."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from pipeline.core.edit_record import COLUMNS, Edit, Probe
from pipeline.release.assemble import read_release
from pipeline.release.checks import CHECKS, CheckResult, Contents, run_checks, written
from tests.minikg import TEMPLATES, Mini

Spoil = Callable[[Contents], Contents]
Change = Callable[[dict[str, Any]], None]
Row = dict[str, Any]


@pytest.fixture(scope="module")
def clean(mini: Mini) -> Contents:
    """The release of the mini world."""
    return read_release(mini.built.folder, TEMPLATES.relations)


def always(_: Row) -> bool:
    return True


def row(change: Change, where: Callable[[Row], bool] = always) -> Spoil:
    """Change the first edit of its kind."""

    def spoil(contents: Contents) -> Contents:
        edits = deepcopy(list(contents.edits))
        change(cast(Row, next(edit for edit in edits if where(cast(Row, edit)))))
        return replace(contents, edits=edits)

    return spoil


def is_(**columns: object) -> Callable[[Row], bool]:
    """Edits with these values."""
    return lambda edit: all(edit[name] == value for name, value in columns.items())


def put(**columns: object) -> Change:
    """Put values into columns; a function makes a value from the edit."""

    def change(edit: Row) -> None:
        for name, value in columns.items():
            edit[name] = value(edit) if callable(value) else value

    return change


def probe(kind: str, change: Change, where: Callable[[Row], bool] = always) -> Spoil:
    """Change the first probe of a kind."""

    def found(edit: Row) -> list[Row]:
        probes = (*edit["locality"], *edit["portability"])
        return [one for one in probes if one["kind"] == kind and where({**one, "edit": edit})]

    return row(lambda edit: change(found(edit)[0]), lambda edit: bool(found(edit)))


def prefix(**fields: object) -> Spoil:
    """Change the first prefix of the first robust edit."""
    return row(lambda edit: put(**fields)(edit["prefixes"][0]), is_(category="robust"))


def form(**fields: object) -> Spoil:
    """Change the first length form of the first robust edit."""
    return row(lambda edit: put(**fields)(edit["length_forms"][0]), is_(category="robust"))


def added(make: Callable[[Row], Row], where: Callable[[Row], bool] = always) -> Spoil:
    """Add an altered copy of the first edit of its kind."""

    def spoil(contents: Contents) -> Contents:
        original = next(edit for edit in contents.edits if where(cast(Row, edit)))
        return replace(contents, edits=[*contents.edits, cast(Edit, make(deepcopy(cast(Row, original))))])

    return spoil


def exported(path: str, **fields: object) -> Spoil:
    """Put values into the first record of an export."""

    def spoil(contents: Contents) -> Contents:
        first, *rest = contents.exports[path]
        return replace(contents, exports={**contents.exports, path: [{**first, **fields}, *rest]})

    return spoil


def without_exports(*paths: str) -> Spoil:
    """Empty some exports."""
    return lambda contents: replace(contents, exports={**contents.exports, **dict.fromkeys(paths, ())})


def manifested(change: Callable[[Any], Mapping[str, object]]) -> Spoil:
    """Put values into the manifest."""
    return lambda contents: replace(contents, manifest=contents.manifest.model_copy(update=change(contents.manifest)))


def counted_wrong(manifest: Any) -> Mapping[str, object]:
    first, *rest = manifest.counts
    return {"counts": (first.model_copy(update={"kept": first.kept + 1}), *rest)}


def swapped(contents: Contents) -> Contents:
    """The first two rows of a category and split, the other way round."""
    edits = list(contents.edits)
    place = next(
        n
        for n in range(len(edits))
        if is_(category=edits[n]["category"], split=edits[n]["split"])(cast(Row, edits[n + 1]))
    )
    edits[place], edits[place + 1] = edits[place + 1], edits[place]
    return replace(contents, edits=edits)


def otherwise_split(edit: Row) -> str:
    return "test" if edit["split"] == "train" else "train"


def leads_before(found: Row) -> bool:
    return found["subject_id"] != found["edit"]["subject_id"]


def several_answers(found: Row) -> bool:
    return len(found["ground_truth"]) > 1


def hop_after(middle: Callable[[Row], str]) -> Spoil:
    """Add a Reasoning probe that goes on from an entity and has a false answer."""

    def change(edit: Row) -> None:
        steps = ((edit["relation_id"], middle(edit)), ("P17", "Q9"))
        edit["portability"].append(
            {
                "kind": "Reasoning",
                "prompt": f"The country behind {edit['subject']} is",
                "question": f"Which country is behind {edit['subject']}?",
                "ground_truth": [["Nowhere"]],
                "subject_id": edit["subject_id"],
                "relation_id": "P17",
                "path": [{"relation_id": relation, "object_id": item} for relation, item in steps],
            }
        )

    return row(change, lambda edit: edit["hops"] == 1 and edit["target_new_id"])


TWO_HOPS = is_(hops=2)
POPULAR = is_(category="popular", hops=1)
ROBUST = is_(category="robust")
INSERTION = is_(edit_kind="insertion", hops=1)


class Plant(NamedTuple):
    """A fault and the check that must catch it."""

    check: str
    fault: str
    spoil: Spoil


PLANTS = [
    Plant("subject_in_prompt", "a prompt without its subject", row(put(prompt="It is"))),
    Plant("subject_in_prompt", "a subject in other letters", row(put(prompt=lambda e: e["prompt"].upper()))),
    Plant(
        "subject_in_prompt", "a subject that stands twice", row(put(prompt=lambda e: f"{e['subject']}: {e['prompt']}"))
    ),
    Plant("subject_in_prompt", "a question without its subject", row(put(question="What is it?"))),
    Plant("subject_in_prompt", "a rephrase without its subject", row(lambda e: e["rephrases"].append("It is called"))),
    Plant("target_not_in_prompt", "in a prompt", row(put(prompt=lambda e: f"{e['target_new']} {e['prompt']}"))),
    Plant("target_not_in_prompt", "in capitals", row(put(prompt=lambda e: f"{e['target_new'].upper()} {e['prompt']}"))),
    Plant("target_not_in_prompt", "in a question", row(put(question=lambda e: f"Is it {e['target_new']}?"))),
    Plant("target_not_in_prompt", "in a rephrase", row(lambda e: e["rephrases"].append(f"{e['target_new']} is"))),
    Plant(
        "target_not_in_prompt",
        "in a question rephrase",
        row(lambda e: e["question_rephrases"].append(f"Is it {e['target_new']}?")),
    ),
    Plant("texts_sound", "an empty target", row(put(target_new=""))),
    Plant("texts_sound", "an empty true object", row(put(ground_truth=""))),
    Plant("texts_sound", "a space after a prompt", row(put(prompt=lambda e: e["prompt"] + " "))),
    Plant("texts_sound", "no rephrases", row(put(rephrases=[]))),
    Plant("texts_sound", "no answers", row(put(answers=[]))),
    Plant("texts_sound", "an answer without names", row(put(answers=[[]]))),
    Plant("texts_sound", "a probe without prompt", probe("Relation_Specificity", put(prompt=""))),
    Plant("texts_sound", "a probe without answers", probe("Reasoning", put(ground_truth=[]))),
    Plant("texts_sound", "a probe without kind", probe("Reasoning", put(kind=None))),
    Plant("texts_sound", "a prefix without text", prefix(text="")),
    *(
        Plant("texts_sound", f"no {field.name}", row(put(**{field.name: None})))
        for field in COLUMNS
        if not field.can_be_null
    ),
    Plant("answers_unique", "an answer twice", row(put(answers=lambda e: e["answers"] * 2))),
    Plant("answers_unique", "a name twice", row(put(answers=lambda e: [names * 2 for names in e["answers"]]))),
    Plant(
        "answers_unique",
        "an answer of a probe twice",
        probe("Neighborhood", put(ground_truth=lambda p: p["ground_truth"] * 2)),
    ),
    Plant("no_unresolved_ids", "an id for a target", row(put(target_new="Q42"))),
    Plant("no_unresolved_ids", "an id for an alias", row(put(target_new_aliases=["P31"]))),
    Plant("no_unresolved_ids", "an id for an answer", probe("Neighborhood", put(ground_truth=[["L7"]]))),
    Plant("no_unresolved_ids", "an id in a prompt", row(put(prompt="The capital of Q42 is"))),
    Plant("no_unresolved_ids", "an id in a rephrase", row(lambda e: e["rephrases"].append("Q42 has its capital in"))),
    Plant("no_unresolved_ids", "an id in a probe", probe("Reasoning", put(prompt="The P36 of it is"))),
    Plant("no_unresolved_ids", "an id in the question of a probe", probe("Reasoning", put(question="What is Q5?"))),
    Plant("no_unresolved_ids", "an id in a prefix", prefix(text="Somebody spoke about Q42.")),
    Plant("no_unresolved_ids", "an id in a length form", form(locality_prompt="The gender of Q42 is")),
    Plant("rephrases_differ", "a rephrase that is the prompt", row(lambda e: e["rephrases"].append(e["prompt"]))),
    Plant(
        "rephrases_differ",
        "but for case and a full stop",
        row(lambda e: e["rephrases"].append(f"{e['prompt'].upper()}.")),
    ),
    Plant("rephrases_differ", "two rephrases alike", row(lambda e: e["rephrases"].append(e["rephrases"][0]))),
    Plant("rephrases_differ", "one rephrase alone", row(put(rephrases=lambda e: e["rephrases"][:1]))),
    Plant(
        "number_fits",
        "the one of several",
        row(put(template_id=lambda e: e["template_id"].replace("several", "one")), lambda e: len(e["answers"]) > 1),
    ),
    Plant(
        "number_fits",
        "the one occupation",
        row(put(prompt=lambda e: f"The occupation of {e['subject']} is"), is_(relation_id="P106", hops=1)),
    ),
    Plant(
        "tense_fits",
        "somebody who has died",
        row(
            put(subject_description="poet (1931–1955)"),
            lambda e: e["hops"] == 1 and e["domain"] == "person" and " is that of" in e["prompt"],
        ),
    ),
    Plant(
        "bridges_asked",
        "a head of state over two hops",
        row(lambda e: e["path"][1].update(relation_id="P35"), TWO_HOPS),
    ),
    Plant(
        "bridges_asked",
        "a head of state in a probe",
        probe("Reasoning", lambda p: p["path"][1].update(relation_id="P35")),
    ),
    Plant(
        "answers_true",
        "an answer too few",
        row(put(answers=lambda e: e["answers"][1:]), lambda e: len(e["answers"]) > 1),
    ),
    Plant("answers_true", "an answer that is not true", row(lambda e: e["answers"].append(["Nowhere"]))),
    Plant(
        "answers_true", "an insertion that is not true", row(put(target_new="Nowhere", target_new_id="Q9"), INSERTION)
    ),
    Plant("answers_true", "answers of the subject over two hops", row(put(hops=1), is_(hops=2, relation_id="P17"))),
    Plant("counterfactuals_false", "a true target", row(put(target_new=lambda e: e["ground_truth"]), POPULAR)),
    Plant("counterfactuals_false", "in capitals", row(put(target_new=lambda e: e["ground_truth"].upper()), POPULAR)),
    Plant(
        "counterfactuals_false",
        "under another name",
        row(put(target_new_aliases=lambda e: e["answers"][0][-1:]), POPULAR),
    ),
    Plant("counterfactuals_false", "an insertion", row(put(edit_kind="insertion"), POPULAR)),
    Plant("locality_true", "a false answer", probe("Relation_Specificity", put(ground_truth=[["Nowhere"]]))),
    Plant(
        "locality_true",
        "an answer too few",
        probe("Relation_Specificity", put(ground_truth=lambda p: p["ground_truth"][1:]), several_answers),
    ),
    Plant("locality_true", "a false neighbour", probe("Neighborhood", put(ground_truth=[["Nowhere"]]))),
    Plant("locality_true", "a false memory", probe("Forgetfulness", put(ground_truth=[["Nowhere"]]))),
    Plant(
        "locality_untouched",
        "a question of the edit itself",
        row(
            lambda e: e["locality"][0].update(subject_id=e["subject_id"], relation_id=e["relation_id"]),
            is_(category="recent"),
        ),
    ),
    Plant(
        "locality_untouched",
        "a question that the edit may change",
        row(
            lambda e: e["locality"][0].update(subject_id=e["subject_id"], relation_id="P19"),
            is_(relation_id="P27", hops=1),
        ),
    ),
    Plant(
        "locality_untouched",
        "a neighbour with the target",
        row(
            lambda e: next(p for p in e["locality"] if p["kind"] == "Neighborhood").update(
                ground_truth=[[e["target_new"]]]
            ),
            lambda e: any(p["kind"] == "Neighborhood" for p in e["locality"]),
        ),
    ),
    Plant(
        "portability_follows",
        "an alias with another answer",
        probe("Subject_Aliasing", put(ground_truth=[["Nowhere"]])),
    ),
    Plant(
        "portability_follows",
        "a hop on with another answer",
        hop_after(lambda e: e["target_new_id"]),
    ),
    Plant(
        "portability_follows",
        "a hop on from elsewhere",
        hop_after(lambda _: "Q9"),
    ),
    Plant(
        "portability_follows",
        "a hop before with another answer",
        probe("Reasoning", put(ground_truth=[["Nowhere"]]), leads_before),
    ),
    Plant(
        "portability_follows",
        "a hop before from elsewhere",
        probe("Reasoning", put(subject_id="Q9"), leads_before),
    ),
    Plant(
        "portability_follows",
        "a conclusion with two answers",
        probe("Logical_Generalization", lambda p: p["ground_truth"].append(["Nowhere"])),
    ),
    Plant("portability_follows", "a conclusion about nothing", probe("Logical_Generalization", put(path=[]))),
    Plant("no_duplicates", "a case twice", added(lambda e: e)),
    Plant("no_duplicates", "a prompt twice", added(lambda e: {**e, "case_id": "popular-0"})),
    Plant(
        "splits_disjoint",
        "a subject in two splits",
        row(put(split=otherwise_split), lambda e: e["category"] != "robust" and e["split"] == "train"),
    ),
    Plant(
        "splits_disjoint",
        "a middle entity in two splits",
        added(lambda e: {**e, "subject_id": "Q9", "split": otherwise_split(e), **NEW}, TWO_HOPS),
    ),
    Plant(
        "splits_disjoint",
        "a prompt in two splits",
        added(lambda e: {**e, "subject_id": "Q9", "split": otherwise_split(e), **NEW, "prompt": e["prompt"]}),
    ),
    Plant(
        "splits_disjoint",
        "a question in two splits",
        added(lambda e: {**e, "subject_id": "Q9", "split": otherwise_split(e), **NEW, "question": e["question"]}),
    ),
    Plant(
        "splits_disjoint",
        "a rephrase in two splits",
        added(lambda e: {**e, "subject_id": "Q9", "split": otherwise_split(e), **NEW, "rephrases": e["rephrases"]}),
    ),
    Plant("no_contradictions", "two targets of one question", added(lambda e: {**e, "target_new": "Nowhere"})),
    Plant(
        "no_contradictions",
        "two dates of one event",
        added(lambda e: {**e, "target_new": "1 May 1700"}, is_(target_new_id=None)),
    ),
    Plant(
        "no_contradictions",
        "two targets at the end of a path",
        added(lambda e: {**e, "target_new": "Nowhere"}, TWO_HOPS),
    ),
    Plant(
        "probes_uncontradicted",
        "another edit decides what a locality probe asks",
        added(
            lambda e: {
                **e,
                "subject_id": e["locality"][0]["subject_id"],
                "path": e["locality"][0]["path"],
                "relation_id": e["locality"][0]["relation_id"],
                "hops": 1,
                **NEW,
            },
            lambda e: bool(e["locality"]) and e["base_case_id"] is None,
        ),
    ),
    Plant("variants_opposite", "no base edit", row(put(base_case_id="popular-0"), ROBUST)),
    Plant("variants_opposite", "no base edit at all", row(put(base_case_id=None), ROBUST)),
    Plant("variants_opposite", "a base edit in another split", row(put(split=otherwise_split), ROBUST)),
    Plant("variants_opposite", "a base edit with another target", row(put(target_new="Nowhere"), ROBUST)),
    Plant("variants_opposite", "a pole too few", row(put(prefixes=lambda e: e["prefixes"][1:]), ROBUST)),
    Plant("variants_opposite", "an unknown pole", prefix(pole="middling")),
    Plant("variants_opposite", "a sentence that a loader would cut", prefix(text="rain " * 30 + "fell.")),
    Plant("variants_opposite", "a sentence without full stop", prefix(text="It rained")),
    Plant(
        "variants_opposite",
        "a sentence that names the target",
        row(lambda e: e["prefixes"][0].update(text=f"It is {e['target_new']}."), ROBUST),
    ),
    Plant(
        "variants_opposite",
        "a sentence that names an answer",
        row(lambda e: e["prefixes"][0].update(text=f"It is {e['answers'][-1][-1]}."), ROBUST),
    ),
    Plant("variants_opposite", "two long forms", form(pole="long")),
    Plant("variants_opposite", "no forms", row(put(length_forms=[]), ROBUST)),
    Plant("exports_sound", "an empty text", exported("dafset/popular.json", target_new="")),
    Plant("exports_sound", "a null", exported("dafset/popular.json", rephrase_prompt=None)),
    Plant(
        "exports_sound",
        "an empty list",
        exported("knowedit/wiki_recent/recent_train.json", locality={"Relation_Specificity": []}),
    ),
    Plant("exports_sound", "a prompt without its subject", exported("dafset/popular.json", subject="Nobody")),
    Plant("exports_sound", "a question without its subject", exported("zsre/zsre_mend_train.json", subject="Nobody")),
    Plant("training_groups_filled", "no robust records", without_exports("dafset/robust.json")),
    Plant("training_groups_filled", "no counterfactual records", without_exports("dafset/cf_train.json")),
    Plant(
        "training_groups_filled",
        "nothing beside them",
        without_exports(*(f"dafset/{name}.json" for name in ("zsre_train", "recent", "popular", "long_tail"))),
    ),
    Plant("rows_sorted", "two rows the wrong way round", swapped),
    Plant("counts_add_up", "a row that a stage lost", manifested(counted_wrong)),
    Plant("counts_add_up", "a row that the manifest does not know", added(lambda e: {**e, "case_id": "recent-f"})),
    Plant("counts_add_up", "a category without rows", manifested(lambda m: {"rows": {**m.rows, "odd": {"train": 1}}})),
    Plant(
        "files_intact",
        "a file that is not as it was",
        lambda contents: replace(contents, damaged=["README.md: changed"]),
    ),
]
NEW: Row = {"prompt": "a", "question": "b", "rephrases": ["c", "d"]}


def test_a_clean_release_passes_every_check(clean: Contents) -> None:
    results = run_checks(clean)
    assert [result.name for result in results] == list(CHECKS)
    assert {result.name: list(result.examples) for result in results if not result.passed} == {}
    assert {result.looked_at for result in results} == {len(clean.edits)}


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.check}-{plant.fault}")
def test_a_check_catches(plant: Plant, clean: Contents) -> None:
    assert list(CHECKS[plant.check].run(clean)) == []
    failures = list(CHECKS[plant.check].run(plant.spoil(clean)))
    assert failures
    assert all(len(failure) > 10 for failure in failures)  # each says what is wrong, and where


def test_no_check_lacks_a_planted_fault() -> None:
    assert [name for name, _ in groupby(plant.check for plant in PLANTS)] == list(CHECKS)


def test_two_checks_may_fail_in_a_release() -> None:
    """DAFNet cannot train on a release without popular edits; a description may say what a date of birth denies."""
    assert [name for name, check in CHECKS.items() if not check.required] == ["tense_fits", "training_groups_filled"]


def test_every_check_says_in_one_line_what_it_is_about() -> None:
    for check in CHECKS.values():
        assert check.about.endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        "The number of children of Q42 is",
        "The gender of Q-Tip is",
        "P!nk is",
        "Q10 is a bus",
        "The L-train is",
        "MP3 and H2O",
    ],
)
def test_a_name_that_looks_like_an_id_is_none(text: str, clean: Contents) -> None:
    """A bus, a rapper and a child may well be called so; what counts is that the edit knows the name."""
    spoilt = row(put(subject_aliases=["Q42", "Q10"], rephrases=[text]))(clean)
    assert list(CHECKS["no_unresolved_ids"].run(spoilt)) == []


# Outcomes


def test_an_outcome_counts_all_failures_and_shows_three(clean: Contents) -> None:
    edits = [cast(Edit, {**edit, "target_new": ""}) for edit in clean.edits]
    (result,) = (result for result in run_checks(replace(clean, edits=edits)) if result.name == "texts_sound")
    assert not result.passed
    assert result.failures == len(clean.edits)
    assert len(result.examples) == 3
    assert all(example.startswith(edit["case_id"]) for example, edit in zip(result.examples, edits, strict=False))
    record = result.record()
    assert (record.name, record.required, record.failures) == ("texts_sound", True, len(edits))


@pytest.mark.parametrize("column", ["prompt", "rephrases", "path", "locality", "case_id"])
def test_a_null_that_other_checks_cannot_read_is_a_failure_and_no_crash(column: str, clean: Contents) -> None:
    results = {result.name: result for result in run_checks(row(put(**{column: None}))(clean))}
    assert results["texts_sound"].failures == 1
    assert column in results["texts_sound"].examples[0]
    assert results["counts_add_up"].failures == 1  # the other checks go without the row


def outcome(name: str, failures: Sequence[str] = (), *, required: bool = True) -> CheckResult:
    return CheckResult(name, "What must hold.", required, 9, len(failures), failures)


def test_a_reader_sees_what_failed_and_where() -> None:
    text = written([outcome("sound"), outcome("broken", ["row 7: bad"]), outcome("odd", ["row 8"], required=False)])
    assert text.splitlines() == [
        "ok      sound: What must hold.",
        "FAILED  broken (1): What must hold.",
        "        row 7: bad",
        "warning odd (1): What must hold.",
        "        row 8",
    ]


# A release that somebody meddled with


def _remove(folder: Path) -> str:
    (folder / "evidence" / "triples.parquet").with_name("note.txt").write_text("hello")
    return "evidence/note.txt: not in the manifest"


def _change(folder: Path) -> str:
    with (folder / "README.md").open("a") as file:
        file.write("More.\n")
    return "README.md: changed"


def _add(folder: Path) -> str:
    (folder / "dropped" / "splits.parquet").unlink()
    return "dropped/splits.parquet: missing"


@pytest.mark.parametrize("meddle", [_remove, _change, _add], ids=["a file more", "a file changed", "a file less"])
def test_a_release_that_is_not_as_it_was_is_told_by_file(
    meddle: Callable[[Path], str], mini: Mini, tmp_path: Path
) -> None:
    folder = shutil.copytree(mini.built.folder, tmp_path / "release")
    expected = meddle(folder)
    assert list(CHECKS["files_intact"].run(read_release(folder, TEMPLATES.relations))) == [expected]


def test_probes_of_every_kind_pass(clean: Contents) -> None:
    """The clean release is no pass for want of something to look at."""
    probes: list[Probe] = [one for edit in clean.edits for one in (*edit["locality"], *edit["portability"])]
    assert len({one["kind"] for one in probes}) == 6
    assert {edit["category"] for edit in clean.edits} == {"recent", "popular", "long_tail", "robust"}
    assert {edit["edit_kind"] for edit in clean.edits} == {"insertion", "modification"}
    assert {edit["hops"] for edit in clean.edits} == {1, 2}
