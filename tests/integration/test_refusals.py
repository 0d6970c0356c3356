"""What the system, DuckDB or Arrow refuse: exit code 2 and one message that says what, where and what to do."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.cli.output import PIPE_CLOSED
from tests.integration.command import PATIENCE, Run, editmill, environment, process, shown
from tests.integration.dumps import States
from tests.releases import Built

REMEDY = ("hoose another", "Shorten the path", "Check ", "Remove the folder")


def assert_refused(run: Run, *said: str) -> None:
    assert run.code == 2, run.err
    assert run.out == ""
    message = run.err.splitlines()[-1]
    assert message.startswith("editmill: ")
    assert "Traceback" not in run.err
    for text in said:
        assert text in message


# Paths


def loop(folder: Path) -> Path:
    (folder / "loop").symlink_to(folder / "loop")
    return folder / "loop" / "x"


def below_a_file(folder: Path) -> Path:
    (folder / "file").write_text("mine")
    return folder / "file" / "x"


PLACES: dict[str, Callable[[Path], Path]] = {
    "File name too long": lambda folder: folder / ("n" * 300),
    "Too many levels of symbolic links": loop,
    "No such file or directory": lambda folder: Path("/proc/editmill"),
    "Not a directory": below_a_file,
}
OUTPUTS = {
    "build": "build --source dump --new NEW --out PLACE",
    "build --work": "build --source dump --new NEW --out OUT --work PLACE",
    "build --repo-state": "build --source live --since 1d --contact a@example.org --repo-state PLACE --out OUT",
    "ingest": "ingest NEW --out PLACE",
    "diff": "diff OLD NEW --out PLACE",
    "reshard": "reshard NEW --out PLACE",
    "score": "score REQUESTS --model bundled --out PLACE",
    "audit": "audit RELEASE --rows 1 --out PLACE",
    "audit --blank": "audit RELEASE --rows 1 --text --blank PLACE",
}
INPUTS = {
    "build --new": "build --source dump --new PLACE --out OUT",
    "build --old": "build --source dump --new NEW --old PLACE --out OUT",
    "build --pageviews": "build --source dump --new NEW --pageviews PLACE --out OUT",
    "build --exclude": "build --source dump --new NEW --exclude PLACE --out OUT",
    "build --verdicts": "build --source dump --new NEW --verdicts PLACE --out OUT",
    "build --config": "build --source dump --new NEW --config PLACE --out OUT",
    "ingest": "ingest PLACE --out OUT",
    "diff": "diff PLACE NEW --out OUT",
    "reshard": "reshard PLACE --out OUT",
    "plan": "plan PLACE",
    "check": "check PLACE",
    "explain": "explain Q1 P17 --release PLACE",
    "audit": "audit PLACE",
    "audit --verdicts": "audit RELEASE --verdicts PLACE",
    "drift": "drift PLACE --against RELEASE",
    "drift --against": "drift RELEASE --against PLACE",
    "publish": "publish PLACE --repo-id me/mill",
    "score": "score PLACE --model bundled --out OUT",
}

Words = Callable[[str, Path], list[object]]


@pytest.fixture
def words(states: States, small: Built, tmp_path: Path) -> Words:
    """Fills in a command line."""
    columns = {"id": ["a"], "text": ["Lyon"], "start": pa.array([0], pa.int32()), "end": pa.array([4], pa.int32())}
    pq.write_table(pa.table(columns), tmp_path / "requests.parquet")
    known = {"NEW": states.new, "OLD": states.old, "RELEASE": small.release, "OUT": tmp_path / "out"}
    known["REQUESTS"] = tmp_path / "requests.parquet"
    return lambda line, place: [(known | {"PLACE": place}).get(word, word) for word in line.split()]


@pytest.mark.parametrize("what", PLACES)
@pytest.mark.parametrize("command", OUTPUTS)
def test_a_place_that_cannot_be_written_to(command: str, what: str, words: Words, tmp_path: Path) -> None:
    place = PLACES[what](tmp_path)
    line = words(OUTPUTS[command], place)
    run = (process if "live" in line else editmill)(*line)
    assert_refused(run, str(place).removesuffix("/x"))
    assert any(text in run.err for text in REMEDY)
    assert shown(tmp_path / "out") == []


@pytest.mark.parametrize("what", PLACES)
@pytest.mark.parametrize("command", INPUTS)
def test_a_place_that_cannot_be_read(
    command: str,
    what: str,
    words: Words,
    tmp_path: Path,
) -> None:
    place = PLACES[what](tmp_path)
    run = editmill(*words(INPUTS[command], place), env={"HF_TOKEN": "hf_mine"})
    assert_refused(run, str(place), "Check " if what != "File name too long" else "")
    assert shown(tmp_path / "out") == []


@pytest.mark.parametrize("command", ["audit", "audit --blank"])
def test_a_device_is_not_replaced(command: str, words: Words, tmp_path: Path) -> None:
    (tmp_path / "null").symlink_to(os.devnull)
    assert_refused(editmill(*words(OUTPUTS[command], tmp_path / "null")), "This is a device", "would be replaced")
    assert (tmp_path / "null").is_symlink()


@pytest.mark.parametrize("command", ["ingest", "build --pageviews", "build --exclude"])
def test_a_pipe_without_a_name_for_standard_input_is_told(command: str, words: Words, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert_refused(editmill(*words(INPUTS[command], tmp_path / "pipe")), "This is a pipe, not a file")


@pytest.mark.parametrize("command", ["build", "ingest", "check"])
def test_a_name_that_is_not_utf8_is_told(command: str, words: Words, tmp_path: Path) -> None:
    run = editmill(*words((OUTPUTS | INPUTS)[command], tmp_path / "caf\udce9"))
    assert_refused(run, "An argument is not UTF-8", r"caf\udce9", "LC_ALL=C.UTF-8")


# Tables of the work folder and room for DuckDB


def junk(path: Path) -> None:
    path.write_bytes(b"PAR1 rubbish PAR1")


def other_columns(path: Path) -> None:
    pq.write_table(pa.table({"other": [1]}), path)


TABLES = {  # a table, and the stages that read it
    "screening-*/triples.parquet": ("selection-*", "subgraph-*"),
    "ingest-*/statements/000000.parquet": ("screening-*", "selection-*", "subgraph-*"),
    "changes-*/changes.parquet": ("news-*",),
    "ingest-*/counts.json": (),
}


@pytest.mark.parametrize("damage", [junk, other_columns, Path.unlink], ids=["junk", "other columns", "gone"])
@pytest.mark.parametrize("table", TABLES)
def test_a_damaged_stage_is_told_with_the_folder_to_remove(
    table: str, damage: Callable[[Path], None], states: States, work: Path, tmp_path: Path
) -> None:
    (path,) = work.glob(table)
    damage(path)
    for pattern in TABLES[table]:
        for folder in work.glob(pattern):
            shutil.rmtree(folder)
    command = ("build", *states.arguments, "--out", tmp_path / "out", "--work", work, "--workers", 1)
    run = editmill(*command)
    assert_refused(run, str(work), "emove the ", "then run again")
    assert shown(tmp_path / "out") == []


def test_too_little_memory_is_told_with_the_setting(states: States, tmp_path: Path) -> None:
    run = editmill("ingest", states.new, "--memory", "1MB", "--workers", 1, "--out", tmp_path / "out")
    assert_refused(run, "DuckDB ran out of room", "raise `memory`", "which is 1MB now")
    assert "ree some space" not in run.err


@pytest.mark.parametrize("memory", ["-1GB", "0", "bananas"])
def test_a_memory_that_makes_no_sense_is_told(memory: str, states: States, tmp_path: Path) -> None:
    run = editmill("ingest", states.new, f"--memory={memory}", "--workers", 1, "--out", tmp_path / "out")
    assert_refused(run, "DuckDB refused the settings", "Check `memory`.")


# Standard streams


def run_into(command: Iterable[object], **how: object) -> tuple[int, str]:
    """The exit code of a command, and what it says on standard error."""
    line = [sys.executable, "-m", "pipeline.cli.main", *map(str, command)]
    run = subprocess.run(line, env=environment(), stderr=subprocess.PIPE, text=True, timeout=PATIENCE, **how)  # type: ignore[call-overload]
    return run.returncode, run.stderr


PRINTS = {
    "--help": "--help",
    "check": "check RELEASE",
    "audit": "audit RELEASE --text",
    "explain": "explain Q1 P17 --release RELEASE",
}


@pytest.mark.parametrize("command", PRINTS)
def test_output_onto_a_full_disk_is_told(command: str, words: Words) -> None:
    with Path("/dev/full").open("w") as full:
        code, err = run_into(words(PRINTS[command], Path()), stdout=full)
    assert code == 2
    what = "editmill: Standard output refused a write: No space left on device."
    assert err == f"{what} Free some space where it goes, then run again.\n"


@pytest.mark.parametrize("command", PRINTS)
def test_output_that_nobody_reads_ends_quietly(command: str, words: Words) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with os.fdopen(theirs, "w") as pipe:
        assert run_into(words(PRINTS[command], Path()), stdout=pipe) == (PIPE_CLOSED, "")


def test_without_standard_streams_the_exit_code_is_left(small: Built, tmp_path: Path) -> None:
    assert run_into(["check", small.release], preexec_fn=lambda: os.close(1)) == (0, "")
    code, err = run_into(["ingest", "-", "--out", tmp_path / "out"], preexec_fn=lambda: os.close(0))
    assert (code, err.count("\n")) == (2, 1)
    assert "Standard input is closed" in err


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}


def test_what_the_locale_cannot_show_is_escaped(small: Built) -> None:
    run = process("audit", small.release, "--text", env=ASCII)
    assert (run.code, run.err) == (0, "")
    assert r"\u2026" in run.out or r"\xe9" in run.out
    run.out.encode("ascii")


# The token


@pytest.mark.parametrize("token", ["hf_é", "hf_\U0001f600", "hf_\x01", "hf mine"])
@pytest.mark.parametrize("command", ["publish RELEASE --repo-id me/mill", "drift RELEASE --repo-id me/mill"])
def test_a_token_that_cannot_be_one_is_told_and_not_shown(command: str, token: str, words: Words) -> None:
    run = process(*words(command, Path()), env={"HF_TOKEN": token, "HF_ENDPOINT": "http://127.0.0.1:9"})
    assert_refused(run, "The token for the Hub contains characters that no token has (HF_TOKEN)", "Copy it again")
    assert token not in run.err


def test_an_address_of_the_hub_that_is_none_is_told(small: Built) -> None:
    env = {"HF_TOKEN": "hf_mine", "HF_ENDPOINT": "nonsense", "HF_HUB_OFFLINE": "0"}
    run = process("drift", small.release, "--repo-id", "me/mill", env=env)
    assert_refused(run, "The Hub has no such address", "Check HF_ENDPOINT.")


# Numbers and names


@pytest.mark.parametrize(
    ("options", "said"),
    [(("--workers", "9" * 20), "is too large"), (("--version", "n" * 201), "is longer than 200 bytes")],
)
def test_what_is_too_large_is_told_at_once(options: tuple[str, str], said: str, states: States, tmp_path: Path) -> None:
    run = editmill("build", *states.arguments, "--out", tmp_path / "out", *options)
    assert run.code == 2
    assert said in run.err.splitlines()[-1]
    assert not (tmp_path / "out").exists()
