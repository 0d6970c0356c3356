"""Sentences of the bundled slice as a reader reviews them, compared with what was reviewed before.

The text files beside this one hold an edit of every wording or relation, and what became of all rows. After a change
that is meant, `make golden` rewrites them; read the difference aloud before you commit it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as pq
import pytest

from pipeline.core.edit_record import Edit, Probe
from pipeline.core.manifest import read_manifest
from tests.releases import Built

FOLDER = Path(__file__).parent
SIZE = 340_000  # bytes of all golden files together; more than that nobody reads

Golden = Callable[[str, str], None]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares a text with the golden file of a name, or rewrites the file when told to."""

    def compare(name: str, text: str) -> None:
        path = FOLDER / name
        if request.config.getoption("--rewrite-golden"):
            path.write_text(text, encoding="utf-8", newline="\n")
        assert path.read_bytes().decode() == text, f"{name} is not what was reviewed; see `make golden`"

    return compare


def read(release: Path, category: str) -> list[Edit]:
    """The edits of a category, those of two hops first."""
    paths = sorted((release / "data" / category).glob("*.parquet"))
    edits = cast(list[Edit], [row for path in paths for row in pq.read_table(path).to_pylist()])
    return sorted(edits, key=lambda edit: (-edit["hops"], edit["case_id"]))


def first_of_each(edits: Iterable[Edit], kind: Callable[[Edit], Any]) -> list[Edit]:
    """The first edit of each kind, in the order of the kinds."""
    found: dict[Any, Edit] = {}
    for edit in edits:
        found.setdefault(kind(edit), edit)
    return [found[key] for key in sorted(found)]


def wording(edit: Edit) -> object:
    """An edit's wording."""
    return relation(edit), edit["template_id"]


def relation(edit: Edit) -> object:
    """An edit's relation, the first of two."""
    return int(edit["path"][0]["relation_id"][1:])


# What a reader sees


def shown(edit: Edit) -> str:
    """An edit as a reader reviews it: every sentence with its answers."""
    return "\n".join([" · ".join(_head(edit)), *(f"  {label:<12}{text}" for label, text in _body(edit))]) + "\n"


def _head(edit: Edit) -> Iterator[str]:
    yield from (edit["case_id"], edit["split"], edit["template_id"], edit["edit_kind"])
    yield " > ".join([edit["subject_id"], *(f"{step['relation_id']} {step['object_id']}" for step in edit["path"])])
    yield f"{edit['subject']} ({edit['subject_description'] or 'no description'})"
    if edit["change_class"]:
        yield f"{edit['change_class']} {edit['event_time'] or 'undated'}"
    if edit["lt_type"]:
        yield f"{edit['lt_type']}: frequency {edit['frequency']}, degrees {edit['in_degree']} and {edit['out_degree']}"


def _body(edit: Edit) -> Iterator[tuple[str, str]]:
    """Label and text of each line."""
    yield "prompt", _asked(edit["prompt"], edit["target_new"])
    yield "truth", f"{edit['ground_truth']} of {_answers(edit['answers'])}"
    for text in edit["rephrases"]:
        yield "rephrase", text
    if edit["base_case_id"] is None:  # a variant has these from its base
        for text in (edit["question"], *edit["question_rephrases"]):
            yield "question", text
        for probe in edit["locality"]:
            yield "locality", _probe(probe)
        for probe in edit["portability"]:
            yield "portability", _probe(probe)
    for prefix in edit["prefixes"]:
        yield prefix["attribute"], f"{prefix['pole']} {prefix['level']}: {prefix['text']}"
    for form in edit["length_forms"]:
        yield f"{form['pole']} form", form["rephrase"]
        yield f"{form['pole']} form", _asked(form["locality_prompt"], _answers(form["locality_ground_truth"]))


def _probe(probe: Probe) -> str:
    asked = _asked(probe["prompt"], _answers(probe["ground_truth"]))
    return f"{probe['kind']}: {asked} ({probe['question'] or 'no question'})"


def _asked(prompt: str, answer: str) -> str:
    return f"{prompt} >> {answer}"


def _answers(answers: Sequence[Sequence[str]]) -> str:
    """The preferred names of the first answers; names of people and things are data, not wording."""
    names = [names[0] for names in answers[:3]]
    return "; ".join([*names, f"{len(answers) - 3} more"] if len(answers) > 3 else names)


# The files


REVIEWED: Mapping[str, Callable[[Edit], Any]] = {
    "recent": wording,
    "popular": relation,
    "long_tail": wording,
    "robust": relation,
}
"""Of what, in each category, an edit is shown."""


@pytest.mark.parametrize("category", REVIEWED)
def test_sentences_read_as_they_were_reviewed(category: str, slice_built: Built, golden: Golden) -> None:
    edits = first_of_each(read(slice_built.release, category), REVIEWED[category])
    golden(f"{category}.txt", "\n".join(map(shown, edits)))


def test_the_same_rows_are_kept_and_dropped_as_before(slice_built: Built, golden: Golden) -> None:
    manifest = read_manifest(slice_built.release)
    lines = [f"{category}: {dict(splits)}" for category, splits in manifest.rows.items()]
    for path, export in manifest.exports.items():
        lines.append(f"export {path}: {export.records} records, left out {dict(export.left_out)}")
    for count in manifest.counts:
        lines.append(f"{count.stage} {count.category or 'every category'}: {count.taken_in} in, {count.kept} kept")
        lines += [f"  {reason}: {number}" for reason, number in sorted(count.dropped.items())]
    golden("counts.txt", "\n".join(lines) + "\n")


def test_the_golden_files_are_small_enough_to_read() -> None:
    assert sum(path.stat().st_size for path in FOLDER.glob("*.txt")) < SIZE
