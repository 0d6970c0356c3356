"""`editmill build` as a user runs it: what it says, what it leaves behind, and what each of its options does."""

import json
import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipeline.core.schema import RELEASE
from tests.integration.command import editmill, files, half_written, shown, succeed
from tests.integration.conftest import Write
from tests.integration.dumps import States, as_bzip2, as_gzip, as_zstandard
from tests.releases import Built

CATEGORIES = ("recent", "popular", "long_tail", "robust")
SPLITS = ("train", "validation", "test")


def data(category: str, split: str) -> str:
    return f"data/{category}/{split}-00000-of-00001.parquet"


EXPORTS = {
    *{f"exports/dafset/{name}.json" for name in (*CATEGORIES, "zsre_train", "cf_train")},
    *{f"exports/knowedit/wiki_recent/recent_{split}.json" for split in ("train", "test")},
    *{f"exports/knowedit/wiki_counterfact/{split}_cf.json" for split in ("train", "test")},
    "exports/knowedit/ZsRE/ZsRE-test-all.json",
    *{f"exports/counterfact/counterfact-{part}.json" for part in ("train", "val", "edit")},
    *{f"exports/zsre/zsre_mend_{part}.json" for part in ("train", "eval")},
}
FILES = {
    *(data(category, split) for category in CATEGORIES for split in SPLITS),
    *EXPORTS,
    "evidence/triples.parquet",
    *(f"dropped/{stage}.parquet" for stage in ("screening", "selection", "edits", "splits", "probes", "variants")),
    *(
        f"figures/{name}.png"
        for name in ("frequency", "degree", "likelihood", "relations", "domains", "funnel", "changes")
    ),
    "README.md",
    "manifest.json",
    "verdicts.json",
}
"""Every file of a release of all categories, built without a language model."""


def manifest(release: Path) -> dict[str, Any]:
    return json.loads((release / "manifest.json").read_text(encoding="utf-8"))


def rows(release: Path) -> list[dict[str, Any]]:
    """Every edit of a release."""
    return [row for path in sorted((release / "data").rglob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def subjects(release: Path) -> set[str]:
    return {row["subject_id"] for row in rows(release)}


# The bundled slice


def test_the_slice_builds_and_its_summary_says_where_and_how_much(slice_built: Built) -> None:
    run, told = slice_built.run, manifest(slice_built.release)
    assert run.code == 0
    head, _, columns, *table, _, checks, last = run.out.splitlines()
    assert head.startswith(f"Release {told['release']} is in releases/{told['release']} ({len(FILES) - 1} files, ")
    assert columns.split() == ["category", *SPLITS, "total"]
    counted = {name: [int(cell.replace(",", "")) for cell in cells] for name, *cells in map(str.split, table)}
    for category in CATEGORIES:
        counts = [told["rows"][category][split] for split in SPLITS]
        assert counted[category] == [*counts, sum(counts)]
        assert all(counts)
    assert counted["total"] == [sum(column) for column in zip(*(counted[name] for name in CATEGORIES), strict=True)]
    assert checks == f"Checks: {len(told['checks'])} of {len(told['checks'])} passed."
    assert last == f"Read releases/{told['release']}/README.md first."


def test_without_a_terminal_only_what_became_of_the_verdicts_is_said(slice_built: Built) -> None:
    (line,) = slice_built.run.err.splitlines()
    assert line.startswith("Verdicts: ")


def test_a_release_holds_the_promised_files_and_no_other(slice_built: Built) -> None:
    assert set(files(slice_built.release)) == FILES
    assert set(manifest(slice_built.release)["files"]) == FILES - {"manifest.json"}
    assert half_written(slice_built.out) == []


# Readers


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection can be made."""

    def refuse(*_: object) -> None:
        pytest.fail("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("category", CATEGORIES)
def test_datasets_loads_each_category_offline(category: str, slice_built: Built, tmp_path: Path) -> None:
    loaded = datasets.load_dataset(str(slice_built.release), category, cache_dir=str(tmp_path))
    assert isinstance(loaded, datasets.DatasetDict)
    assert tuple(loaded) == SPLITS
    for split in SPLITS:
        written = pq.read_table(slice_built.release / data(category, split))
        assert loaded[split].column_names == RELEASE.names
        assert loaded[split][:] == written.to_pydict()


@pytest.mark.usefixtures("offline")
def test_datasets_loads_one_split(slice_built: Built, tmp_path: Path) -> None:
    test = datasets.load_dataset(str(slice_built.release), "recent", split="test", cache_dir=str(tmp_path))
    assert isinstance(test, datasets.Dataset)
    assert set(test["split"]) == {"test"}
    assert set(test["category"]) == {"recent"}


@pytest.mark.parametrize("category", CATEGORIES)
def test_pandas_reads_each_file(category: str, slice_built: Built) -> None:
    for split in SPLITS:
        frame = pd.read_parquet(slice_built.release / data(category, split))
        assert list(frame.columns) == RELEASE.names
        assert len(frame) == manifest(slice_built.release)["rows"][category][split]
        assert frame["case_id"].is_unique


# Files


@pytest.fixture(params=[data(category, split) for category in CATEGORIES for split in SPLITS])
def parquet(request: pytest.FixtureRequest, slice_built: Built) -> Path:
    """A file of rows of the slice."""
    return slice_built.release / request.param


def test_columns_are_typed_as_the_schema_says(parquet: Path) -> None:
    assert pq.read_schema(parquet).remove_metadata().equals(RELEASE.remove_metadata())


def test_the_features_in_the_file_are_those_that_datasets_infers(parquet: Path) -> None:
    schema = pq.read_schema(parquet)
    told = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    assert datasets.Features.from_dict(told) == datasets.Features.from_arrow_schema(schema.remove_metadata())


def test_files_have_a_page_index(parquet: Path) -> None:
    footer = pq.read_metadata(parquet)
    for group in range(footer.num_row_groups):
        for column in range(footer.num_columns):
            assert footer.row_group(group).column(column).has_offset_index
            assert footer.row_group(group).column(column).has_column_index


def test_rows_are_sorted_and_say_where_they_stand(parquet: Path) -> None:
    table = pq.read_table(parquet, columns=["case_id", "category", "split"]).to_pydict()
    assert table["case_id"] == sorted(table["case_id"])
    assert set(table["category"]) == {parquet.parent.name}
    assert set(table["split"]) == {parquet.name.partition("-")[0]}


def test_pages_are_cut_by_content_so_that_uploads_are_small(slice_built: Built, tmp_path: Path) -> None:
    """A footer does not record content-defined chunks, but the sizes of the columns do."""
    path = slice_built.release / data("robust", "train")

    def sizes(file: Path) -> list[int]:
        group = pq.read_metadata(file).row_group(0)
        return [group.column(column).total_compressed_size for column in range(group.num_columns)]

    def written_again(by_content: bool) -> list[int]:
        copy = tmp_path / "copy.parquet"
        options: dict[str, Any] = {"compression": "zstd", "compression_level": 3, "write_page_index": True}
        pq.write_table(pq.read_table(path), copy, use_content_defined_chunking=by_content, **options)
        return sizes(copy)

    assert sizes(path) == written_again(by_content=True) != written_again(by_content=False)


def test_exports_are_arrays_of_records(slice_built: Built) -> None:
    told = manifest(slice_built.release)["exports"]
    assert {f"exports/{path}" for path in told} == EXPORTS
    for path in told:
        records = json.loads((slice_built.release / "exports" / path).read_text(encoding="ascii"))
        assert len(records) == told[path]["records"] > 0


def test_every_drop_has_a_stage_and_a_reason(slice_built: Built) -> None:
    for path in (slice_built.release / "dropped").iterdir():
        table = pq.read_table(path)
        assert table.num_rows == sum(
            sum(count["dropped"].values())
            for count in manifest(slice_built.release)["counts"]
            if count["stage"] == path.stem
        )
        assert table.column("reason").null_count == 0
        assert set(table.column("stage").to_pylist()) <= {path.stem}


# Dumps


@pytest.mark.parametrize(
    ("ending", "compress"), [("gz", as_gzip), ("bz2", as_bzip2), ("zst", as_zstandard)], ids=["gz", "bz2", "zst"]
)
def test_the_compression_of_a_dump_changes_nothing_but_the_record_of_the_inputs(
    ending: str, compress: Callable[[bytes], bytes], states: States, small: Built, tmp_path: Path
) -> None:
    packed = States(
        *(tmp_path / f"{path.name}.{ending}" for path in (states.old, states.new)), tmp_path / f"views.tsv.{ending}"
    )
    for plain, path in ((states.old, packed.old), (states.new, packed.new), (states.pageviews, packed.pageviews)):
        path.write_bytes(compress(plain.read_bytes()))
    out = tmp_path / "out"
    succeed("build", *packed.arguments, "--out", out, "--workers", 1)
    (name,) = shown(out)
    assert without_inputs(out / name) == without_inputs(small.release)
    named = {record["file"] for record in manifest(out / name)["inputs"]}
    assert named == {"old.json." + ending, "new.json." + ending, "views.tsv." + ending}


def test_the_form_of_a_dump_changes_nothing_but_the_record_of_the_inputs(
    my_states: States, small: Built, tmp_path: Path
) -> None:
    """Lines may end in a comma each, the last one too, or in none; empty maps may be lists; there may be no array."""
    old, new = my_states.old.read_bytes(), my_states.new.read_bytes()
    assert b":[]" in old
    assert b":{}" in new
    my_states.old.write_bytes(old.replace(b":[]", b":{}").replace(b"\n]\n", b",\n]\n"))
    my_states.new.write_bytes(new.replace(b":{}", b":[]").replace(b",\n", b"\n").strip(b"[]\n"))
    out = tmp_path / "out"
    succeed("build", *my_states.arguments, "--out", out, "--workers", 1)
    (name,) = shown(out)
    assert without_inputs(out / name) == without_inputs(small.release)


def without_inputs(release: Path) -> dict[str, Any]:
    """What a release holds, except for the records of the input files and the digest, in its manifest and its card."""
    told: dict[str, Any] = {**files(release)}
    record = manifest(release)
    card = told["README.md"].decode().replace(record["digest"], "")
    del record["inputs"], record["digest"], record["files"]["README.md"]
    return told | {"manifest.json": record, "README.md": re.sub(r"^\| (new|old|pageviews) \|.*$", "", card, flags=re.M)}


def test_without_an_older_dump_there_is_no_recent_category(states: States, work: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("--source", "dump", "--new", states.new, "--pageviews", states.pageviews)
    run = succeed("build", *command, "--out", out, "--work", work, "--workers", 1)
    assert run.err == "No --old was given: the release has no recent category.\n"
    (name,) = shown(out)
    assert shown(out / name / "data") == ["long_tail", "popular", "robust"]
    assert manifest(out / name)["window_start"] is None
    assert "recent" not in manifest(out / name)["rows"]


def test_without_page_views_there_is_no_popular_category(states: States, work: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("--source", "dump", "--new", states.new, "--old", states.old)
    run = succeed("build", *command, "--out", out, "--work", work, "--workers", 1)
    assert run.err == "No --pageviews was given: the release has no popular category.\n"
    (name,) = shown(out)
    assert shown(out / name / "data") == ["long_tail", "recent", "robust"]


# Options


def build(states: States, work: Path, *options: object) -> Path:
    """Build a release of the small states beside a work folder, and give its folder."""
    out = work.parent / "out"
    succeed("build", *states.arguments, "--out", out, "--work", work, "--workers", 1, *options)
    (name,) = shown(out)
    return out / name


def test_categories_are_those_asked_for(states: States, work: Path) -> None:
    release = build(states, work, "--categories", "long_tail,recent")
    assert shown(release / "data") == ["long_tail", "recent"]
    assert manifest(release)["settings"]["categories"] == ["recent", "long_tail"]
    assert not (release / "dropped" / "variants.parquet").exists()


def test_another_seed_makes_other_draws_and_keeps_the_names_of_cases(states: States, work: Path, small: Built) -> None:
    release = build(states, work, "--seed", 7)
    assert manifest(release)["seed"] == manifest(release)["settings"]["seed"] == 7
    before, after = ({row["case_id"]: row for row in rows(folder)} for folder in (small.release, release))
    shared = before.keys() & after.keys()
    assert shared
    assert any(before[case]["split"] != after[case]["split"] for case in shared)
    assert all(before[case]["subject_id"] == after[case]["subject_id"] for case in shared)


def test_a_release_bears_the_name_it_is_given(states: States, work: Path, small: Built) -> None:
    release = build(states, work, "--version", "v2021-test")
    assert release.name == manifest(release)["release"] == "v2021-test"
    told = files(small.release)
    apart = {path for path, content in files(release).items() if told[path] != content}
    assert apart <= {"README.md", "manifest.json"}


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "../up", "/tmp/x", "two words"])
def test_a_name_that_is_no_plain_folder_name_is_refused(name: str, states: States, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = editmill("build", *states.arguments, "--out", out, "--version", name)
    assert run.code == 2
    assert "is not a name" in run.err
    assert not out.exists()


def test_a_configuration_says_what_differs(states: States, work: Path, write: Write) -> None:
    config = write("my.toml", "[long_tail]\nper_subject = 1\n[robust]\nsize = 9\n")
    release = build(states, work, "--config", config)
    told = manifest(release)
    assert told["settings"]["long_tail"] == {
        "size": 10_000,
        "per_subject": 1,
        "percentile": 80,
        "max_views_percentile": 50,
    }
    assert sum(told["rows"]["robust"].values()) == 9
    heads = [row["subject_id"] for row in rows(release) if row["category"] == "long_tail"]
    assert len(heads) == len(set(heads))


def test_excluded_items_appear_in_no_split(states: States, work: Path, small: Built, write: Write) -> None:
    known = sorted(subjects(small.release))[::3]
    release = build(states, work, "--exclude", write("known.txt", "\n".join(known)))
    assert subjects(release).isdisjoint(known)
    stays = {row["subject_id"] for row in rows(small.release) if row["category"] == "recent"}
    assert subjects(release) >= stays - set(known) > set()  # the popular may have lost what they were to be edited to
    assert "exclude" in {record["role"] for record in manifest(release)["inputs"]}


def test_excluded_subjects_and_prompts_appear_in_no_split(
    states: States, work: Path, small: Built, write: Write
) -> None:
    known = [row for row in rows(small.release) if row["category"] != "robust"][::5]
    names, prompts = [row["subject"] for row in known[::2]], [row["prompt"] for row in known[1::2]]
    release = build(states, work, "--exclude", write("known.txt", "\n".join([*names, *map(str.upper, prompts)])))
    for row in rows(release):
        assert row["subject"] not in names
        assert not {row["prompt"], *row["rephrases"]} & set(prompts)
    kept = {row["case_id"] for row in rows(release)}
    assert kept.isdisjoint(row["case_id"] for row in known)
    assert {row["subject"] for row in known[1::2]} & {row["subject"] for row in rows(release)}


def test_the_subjects_of_an_export_of_an_earlier_release_appear_in_no_split(
    states: States, work: Path, small: Built
) -> None:
    export = small.release / "exports" / "dafset" / "long_tail.json"
    records = json.loads(export.read_text())
    release = build(states, work, "--exclude", export)
    assert {row["subject"] for row in rows(release)}.isdisjoint(record["subject"] for record in records)
    assert {row["prompt"] for row in rows(release)}.isdisjoint(record["prompt"] for record in records)
    dropped = [pq.read_table(release / "dropped" / f"{stage}.parquet") for stage in ("screening", "splits")]
    assert "excluded" in {reason for table in dropped for reason in table.column("reason").to_pylist()}


def test_the_work_folder_may_be_elsewhere(states: States, small: Built, tmp_path: Path) -> None:
    out, work = tmp_path / "out", tmp_path / "elsewhere" / "work"
    succeed("build", *states.arguments, "--out", out, "--work", work, "--workers", 1)
    assert [path.name for path in out.iterdir()] == [small.release.name]
    assert {path.name for path in work.iterdir()} == {path.name for path in small.work.iterdir()}
    assert files(out / small.release.name) == files(small.release)


def test_releases_go_to_the_folder_one_stands_in_unless_told_otherwise(states: States, work: Path) -> None:
    run = succeed("build", *states.arguments, "--work", work, "--workers", 1, cwd=work.parent)
    (name,) = shown(work.parent / "releases")
    assert run.out.startswith(f"Release {name} is in releases/{name} (")


# Again


def states_of(folder: Path) -> dict[Path, tuple[int, int]]:
    """When each file of a folder was last written, and which file it is."""
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in sorted(folder.rglob("*"))}


def test_a_second_run_says_that_the_release_is_there_and_changes_nothing(
    states: States, small: Built, tmp_path: Path
) -> None:
    out = shutil.copytree(small.out, tmp_path / "releases")
    release = out / small.release.name
    before = states_of(release)
    run = succeed("build", *states.arguments, "--out", "releases", "--workers", 1, cwd=tmp_path)
    assert states_of(release) == before
    assert run.err == "The same release was there already; nothing was changed.\n"
    assert run.out == small.run.out
    assert half_written(out) == []


def test_another_release_of_the_same_name_is_refused(states: States, small: Built, work: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    release = shutil.copytree(small.release, out / small.release.name)
    before = states_of(out)
    run = editmill("build", *states.arguments, "--out", out, "--work", work, "--workers", 1, "--seed", 7)
    assert run.code == 2
    assert run.err == (
        f"editmill: Another release of this name is there ({release}). Give another --version or --out, or remove it.\n"
    )
    assert states_of(out) == before


def test_a_folder_that_is_no_release_is_left_alone(states: States, small: Built, work: Path, tmp_path: Path) -> None:
    mine = tmp_path / "out" / small.release.name
    mine.mkdir(parents=True)
    (mine / "notes.txt").write_text("mine")
    run = editmill("build", *states.arguments, "--out", mine.parent, "--work", work, "--workers", 1)
    assert run.code == 2
    assert "Another release of this name is there" in run.err
    assert files(tmp_path / "out") == {f"{mine.name}/notes.txt": b"mine"}


def test_a_damaged_release_of_the_same_name_is_told_and_not_taken_for_whole(
    states: States, small: Built, work: Path, tmp_path: Path
) -> None:
    release = shutil.copytree(small.release, tmp_path / "out" / small.release.name)
    (release / "figures" / "funnel.png").unlink()
    run = editmill("build", *states.arguments, "--out", release.parent, "--work", work, "--workers", 1)
    assert run.code == 2
    assert run.err == (
        f"editmill: This release is there, but damaged: figures/funnel.png: missing ({release}). "
        "Remove it, then run again.\n"
    )
