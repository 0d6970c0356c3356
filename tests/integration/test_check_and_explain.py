"""`editmill check` and `editmill explain` on finished releases, and what a failed check leaves behind: nothing."""

import json
import re
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.release.checks import CHECKS
from tests.integration.command import editmill, files, half_written, shown, succeed
from tests.integration.dumps import States
from tests.releases import Built

Row = dict[str, Any]
Change = Callable[[Row], None]


def rewrite(path: Path, change: Change, where: Callable[[Row], bool] = lambda _: True) -> Row:
    """Change the first row of its kind in a Parquet file, and give it."""
    table = pq.read_table(path)
    rows = table.to_pylist()
    row = next(row for row in rows if where(row))
    change(row)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    return row


def record_again(release: Path, path: str) -> None:
    """Give the manifest the hash of a file that was changed, as somebody who covers up their tracks."""
    manifest = json.loads((release / "manifest.json").read_text())
    content = (release / path).read_bytes()
    manifest["files"][path] = {"bytes": len(content), "sha256": sha256(content).hexdigest()}
    (release / "manifest.json").write_text(json.dumps(manifest))


# A release that is whole


def test_a_whole_release_passes_every_check(small: Built) -> None:
    run = succeed("check", small.release)
    assert run.err == ""
    lines = run.out.splitlines()
    assert [line.split()[:2] for line in lines[:-1]] == [["ok", f"{name}:"] for name in CHECKS]
    digest = json.loads((small.release / "manifest.json").read_text())["digest"]
    assert lines[-1] == f"The digest of the manifest is {digest}."
    assert digest in (small.release / "README.md").read_text()


def test_checking_changes_nothing_and_needs_no_other_folder(small: Built, tmp_path: Path) -> None:
    release = shutil.copytree(small.release, tmp_path / "elsewhere")
    before = files(release)
    succeed("check", release, cwd=tmp_path)
    assert files(release) == before


# A release that is damaged


def flip(release: Path, path: str) -> None:
    content = bytearray((release / path).read_bytes())
    content[len(content) // 2] ^= 1
    (release / path).write_bytes(bytes(content))


def cut(release: Path, path: str) -> None:
    (release / path).write_bytes((release / path).read_bytes()[:-100])


TRAIN = "data/long_tail/train-00000-of-00001.parquet"
DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a byte of a figure": (lambda r: flip(r, "figures/funnel.png"), "figures/funnel.png: changed"),
    "a word of the card": (lambda r: flip(r, "README.md"), "README.md: changed"),
    "a byte of the evidence": (lambda r: flip(r, "evidence/triples.parquet"), "evidence/triples.parquet: changed"),
    "the end of the rows": (lambda r: cut(r, TRAIN), f"{TRAIN}: changed"),
    "the end of an export": (lambda r: cut(r, "exports/dafset/recent.json"), "exports/dafset/recent.json: changed"),
    "a missing figure": (lambda r: (r / "figures/degree.png").unlink(), "figures/degree.png: missing"),
    "missing rows": (lambda r: (r / TRAIN).unlink(), f"{TRAIN}: missing"),
    "missing evidence": (lambda r: (r / "evidence/triples.parquet").unlink(), "evidence/triples.parquet: missing"),
    "a missing export": (lambda r: (r / "exports/dafset/recent.json").unlink(), "dafset/recent.json: missing"),
    "a file of somebody else": (lambda r: (r / "data/notes.txt").write_text("mine"), "data/notes.txt: not in the"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found_and_told_by_file(name: str, my_release: Path) -> None:
    damage, said = DAMAGE[name]
    damage(my_release)
    run = editmill("check", my_release)
    assert run.code == 1, run.err
    assert said in run.out + run.err


WRONG: dict[str, tuple[str, str, Change]] = {
    "a target that stands in the prompt": (
        TRAIN,
        "target_not_in_prompt",
        lambda row: row.update(rephrases=[*row["rephrases"][:-1], f"{row['subject']} has {row['target_new']}, so"]),
    ),
    "an id in a sentence": (TRAIN, "no_unresolved_ids", lambda row: row.update(question=row["question"] + " Q42?")),
    "an answer that is not true": (TRAIN, "answers_true", lambda row: row.update(answers=[["Atlantis"]])),
    "a row of another split": (TRAIN, "counts_add_up", lambda row: row.update(split="test")),
    "another subject": (TRAIN, "subject_in_prompt", lambda row: row.update(subject="Nobody")),
}


@pytest.mark.parametrize("name", WRONG)
def test_rows_that_are_wrong_are_found_though_every_hash_is_right(name: str, my_release: Path) -> None:
    path, check, change = WRONG[name]
    row = rewrite(my_release / path, change)
    record_again(my_release, path)
    run = editmill("check", my_release)
    assert run.code == 1
    assert re.search(rf"^FAILED +{check} ", run.out, re.MULTILINE), run.out
    assert re.search(r"^ok +files_intact:", run.out, re.MULTILINE)
    assert row["case_id"] in run.out or row["category"] in run.out


EDITED: dict[str, tuple[Callable[[Row], object], list[str]]] = {
    "another seed": (lambda m: m.update(seed=m["seed"] + 1), ["manifest_intact", "splits_drawn"]),
    "another start of the window": (
        lambda m: m.update(window_start="2001-01-15T00:00:00Z"),
        ["manifest_intact", "manifest_agrees"],
    ),
    "another setting": (lambda m: m["settings"]["popular"].update(heads=7), ["manifest_intact"]),
    "another count": (lambda m: m["dump"].update(items=7), ["manifest_intact"]),
}


@pytest.mark.parametrize("name", EDITED)
def test_a_manifest_that_was_edited_is_found(name: str, my_release: Path) -> None:
    change, checks = EDITED[name]
    path = my_release / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    run = editmill("check", my_release)
    assert run.code == 1
    failed = [line.split()[1] for line in run.out.splitlines() if line.startswith("FAILED")]
    assert failed == checks


@pytest.mark.parametrize("command", [("check",), ("explain", "Q23", "P26", "--release")])
def test_what_is_no_release_is_bad_input(command: tuple[str, ...], small: Built, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path, tmp_path / "none", tmp_path / "file", small.out):
        run = editmill(*command, folder)
        assert run.code == 2
        assert run.err == f"editmill: This is not a release: it has no manifest ({folder}). Check the path.\n"


@pytest.mark.parametrize("text", ["{}", "[]", '{"release": 5', ""])
def test_a_manifest_of_another_making_is_bad_input(text: str, my_release: Path) -> None:
    (my_release / "manifest.json").write_text(text)
    run = editmill("check", my_release)
    assert run.code == 2
    assert run.err.startswith("editmill: The manifest cannot be read: ")
    assert str(my_release / "manifest.json") in run.err


# A release that fails a check while it is made


def test_a_release_that_fails_a_required_check_is_never_seen(states: States, work: Path, tmp_path: Path) -> None:
    """A finished stage that somebody meddled with stands for a fault of ours."""
    (probed,) = work.glob("probes-*")
    row = rewrite(probed / "edits.parquet", lambda row: row.update(prompt="The capital of Atlantis is"))
    out = tmp_path / "out"
    run = editmill("build", *states.arguments, "--out", out, "--work", work, "--workers", 1)
    assert run.code == 1
    assert run.out == ""
    assert "The release fails" in run.err
    assert f"subject_in_prompt: 1 rows, such as {row['case_id']}: " in run.err
    assert "No release was written." in run.err
    assert list(out.iterdir()) == []


def test_a_release_that_fails_leaves_an_earlier_one_as_it_was(
    states: States, small: Built, my_release: Path, work: Path
) -> None:
    (probed,) = work.glob("probes-*")
    rewrite(probed / "edits.parquet", lambda row: row.update(target_new=""))
    out = my_release.parent
    command = ("build", *states.arguments, "--out", out, "--work", work, "--workers", 1)
    assert editmill(*command, "--version", "next").code == 1
    assert shown(out / my_release.name) == shown(small.release)
    assert files(my_release) == files(small.release)
    assert not (out / "next").exists()
    assert half_written(out) == []


# Explaining


Explain = Callable[[Path, str, str], list[str]]


@pytest.fixture
def explain() -> Explain:
    """Gives the lines of an explanation."""

    def explain(release: Path, subject: str, relation: str) -> list[str]:
        run = editmill("explain", subject, relation, "--release", release)
        assert (run.code, run.err) == (0, "")
        return run.out.splitlines()

    return explain


def test_an_explanation_is_given_by_the_command(slice_built: Built) -> None:
    run = succeed("explain", "Q23", "P26", "--release", slice_built.release)
    assert run.out.startswith(f"Q23 P26 in {slice_built.release.name}\n")
    assert run.err == ""


def first(release: Path, path: str, **values: object) -> Row:
    """The first row of a file with these values."""
    rows = pq.read_table(release / path).to_pylist()
    return next(row for row in rows if all(row[name] == value for name, value in values.items()))


@pytest.mark.parametrize("category", ["recent", "popular", "long_tail"])
def test_a_kept_edit_is_told_with_its_split_prompt_and_target(
    category: str, slice_built: Built, explain: Explain
) -> None:
    row = first(slice_built.release, f"data/{category}/test-00000-of-00001.parquet")
    for step in row["path"]:
        lines = explain(slice_built.release, row["subject_id"], step["relation_id"])
        assert f"{category}, test: {row['prompt']} >> {row['target_new']} ({row['case_id']})" in lines


@pytest.mark.parametrize("stage", ["screening", "selection", "edits", "splits", "variants"])
def test_what_was_dropped_is_told_with_its_stage_and_reason(stage: str, slice_built: Built, explain: Explain) -> None:
    row = first(slice_built.release, f"dropped/{stage}.parquet")
    lines = explain(slice_built.release, row["subject_id"], row["relation_id"].split("/")[0])
    told = lines[lines.index(stage) + 1 :]
    assert any(f"{row['object_id']}: {row['reason']}" in line for line in told)


def test_what_a_large_release_does_not_list_is_found_in_the_work_folder(
    states: States, small: Built, tmp_path: Path
) -> None:
    """One row a stage for each edit: screening rejected more, and a build that listed less made the same edits."""
    config, out = tmp_path / "config.toml", tmp_path / "releases"
    config.write_text("[limits]\ndropped_rows_per_edit = 1\n")
    shutil.copytree(small.work, out / ".work")
    succeed("build", *states.arguments, "--out", out, "--workers", 1, "--config", config)
    release = out / small.release.name
    told = json.loads((release / "manifest.json").read_text())
    every, listed = (pq.read_table(one / "dropped/screening.parquet").to_pylist() for one in (small.release, release))
    assert (
        len(listed)
        == told["listed_drops"]["screening"]
        == sum(map(sum, (part.values() for part in told["rows"].values())))
    )
    assert {row["reason"] for row in listed} == {row["reason"] for row in every}

    hidden = next(row for row in every if row not in listed)
    about = f"{hidden['object_id']}: {hidden['reason']}"
    asked = ("explain", hidden["subject_id"], hidden["relation_id"], "--release", release)
    assert about in editmill(*asked).out
    assert about in editmill(*asked, "--work", small.work).out
    away = editmill(*asked, "--work", tmp_path / "nothing").out
    assert about not in away
    assert f"The release lists {len(listed):,} of the {len(every):,} rows that screening dropped." in away
    assert (
        f"lists {len(listed):,} of the {len(every):,} rows that screening rejected"
        in (release / "README.md").read_text()
    )


def test_what_was_never_read_is_told(small: Built, explain: Explain) -> None:
    lines = explain(small.release, "Q999999999", "P26")
    assert lines == [
        f"Q999999999 P26 in {small.release.name}",
        "",
        "No edit of the release is about it.",
        "Nothing was read of it: the newer state holds no P26 of Q999999999.",
    ]


@pytest.mark.parametrize(
    ("subject", "relation"), [("Washington", "P26"), ("Q23", "spouse"), ("P26", "Q23"), ("Q0", "P1")]
)
def test_what_is_no_item_and_relation_is_bad_usage(subject: str, relation: str, small: Built) -> None:
    run = editmill("explain", subject, relation, "--release", small.release)
    assert run.code == 2
    assert run.err == f"editmill: {subject} {relation} is not an item and relation. Write them as in Q23 P26.\n"
