"""The command itself: its help, its name for itself, what it says on the way, and to whom."""

import gc
import logging
import os
import pty
import re
import resource
import signal
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import matplotlib
import pytest

from pipeline import __version__
from tests.integration.command import REPO, Moment, editmill, environment, stages_made, succeed, wait_until
from tests.integration.conftest import Write
from tests.integration.dumps import States
from tests.integration.test_reproducible import SHARDS

HEAVY = {"torch", "transformers", "pyarrow", "duckdb", "pandas", "numpy", "matplotlib", "datasets"}
COMMANDS = (
    "build",
    "plan",
    "ingest",
    "diff",
    "reshard",
    "check",
    "explain",
    "drift",
    "publish",
    "audit",
    "score",
    "sandbox",
)


# Help


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), *((name, "--help") for name in COMMANDS)])
def test_help_is_given_without_waiting_for_heavy_libraries(arguments: Sequence[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "pipeline.cli.main", *arguments]
    run = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in run.stderr.splitlines()}
    assert "argparse" in imported
    assert imported.isdisjoint(HEAVY)


def test_a_package_imported_for_its_parts_is_light() -> None:
    code = "import sys, pipeline; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(run.stdout.split())


def test_help_names_every_command() -> None:
    run = succeed("--help")
    assert run.err == ""
    assert [line.split()[0] for line in run.out.splitlines() if line.startswith("    ")] == list(COMMANDS)


def test_the_version_is_told() -> None:
    assert succeed("--version").out == f"editmill {__version__}\n"


@pytest.mark.parametrize("arguments", [(), ("bild",), ("check",), ("explain", "Q23", "P26"), ("--verbose", "check")])
def test_a_command_line_that_makes_no_sense_is_told_with_the_usage(arguments: Sequence[str]) -> None:
    run = editmill(*arguments)
    assert run.code == 2
    assert run.out == ""
    assert run.err.startswith("usage: editmill")


# Within the process of the tests


def state_of_this_process() -> dict[str, object]:
    """What a command could leave behind for the next test."""
    torch = sys.modules.get("torch")
    return {
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "signals": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "path": list(sys.path),
        "arguments": list(sys.argv),
        "warnings": list(warnings.filters),
        "loggers": (logging.root.level, list(logging.root.handlers), logging.root.manager.disable),
        "garbage": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()),
        "figures": dict(matplotlib.rcParams),
        "limits": [resource.getrlimit(kind) for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)],
        "torch": torch and (torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()),
    }


@pytest.mark.parametrize("ends", ["well", "refused", "misused"])
def test_a_command_in_this_process_leaves_nothing_behind_for_the_next_test(
    ends: str, states: States, tmp_path: Path
) -> None:
    (tmp_path / "empty.json").touch()
    options = {"well": (), "refused": ("--new", tmp_path / "empty.json"), "misused": ("--workers", 0)}[ends]
    before = state_of_this_process()
    run = editmill("build", *states.arguments, "--out", "out", "--workers", 1, *options, env={"A": "b"}, cwd=tmp_path)
    assert run.code == (0 if ends == "well" else 2)
    assert state_of_this_process() == before
    open_files = (file.readlink() for file in Path("/proc/self/fd").iterdir() if file.is_symlink())
    assert [file for file in open_files if file.is_relative_to(tmp_path)] == []


# For machines


def test_json_logs_tell_each_stage_and_how_long_it_took(states: States, tmp_path: Path) -> None:
    run = succeed("build", *states.arguments, "--out", tmp_path / "out", "--workers", 1, "--json-logs")
    assert {event["event"] for event in run.events} == {"stage"}
    told = [event["message"].partition(":")[0] for event in run.events]
    stages = stages_made(tmp_path / "out" / ".work")
    assert sorted(name for name in told if name in stages) == sorted(stages)
    assert told[-1] == "release"
    assert all(event["seconds"] >= 0 for event in run.events)
    assert run.out.startswith("Release ")


def test_json_logs_tell_what_is_left_out(states: States, work: Path) -> None:
    command = ("--source", "dump", "--new", states.new, "--categories", "recent,long_tail")
    run = succeed("build", *command, "--out", work.parent / "out", "--work", work, "--workers", 1, "--json-logs")
    (left_out,) = [event for event in run.events if event["event"] == "left_out"]
    assert left_out["category"] == "recent"
    assert left_out["message"] == "No --old was given: the release has no recent category."


def test_json_logs_tell_an_error_with_its_kind_and_place(tmp_path: Path) -> None:
    run = editmill("build", "--source", "dump", "--new", tmp_path / "none.json", "--out", tmp_path, "--json-logs")
    assert run.code == 2
    *_, event = run.events
    assert (event["event"], event["kind"], event["where"]) == ("error", "InputError", str(tmp_path / "none.json"))
    assert event["message"].startswith("editmill: There is no such file")


# On a terminal


BAR = re.compile(r"reading the dump [━╸╺ ]+\d+% \S+( \S?B/s)? +-?[\d-]*:[\d:-]+")
"""What is done, how fast it goes, and how long it will take; the last two are not known at once."""
CODES = re.compile(r"\x1b\[[?\d;]*\w")


class Terminal:
    """A terminal to which a command may write its errors."""

    def __init__(self) -> None:
        self._master, self.slave = pty.openpty()
        os.set_blocking(self._master, False)
        self._seen = b""

    @property
    def text(self) -> str:
        """Everything that was written to it so far."""
        while True:
            try:
                more = os.read(self._master, 1 << 16)
            except OSError:  # nothing to read for now, or nobody left to write
                more = b""
            if not more:
                return CODES.sub("", self._seen.decode())
            self._seen += more


def test_on_a_terminal_long_work_shows_a_bar_and_each_stage_its_time(
    states: States, tmp_path: Path, write: Write
) -> None:
    """A worker that is stopped halfway through its shards stands for a dump that takes long."""
    terminal = Terminal()
    options = ("--out", tmp_path / "out", "--workers", 2, "--config", write("shards.toml", SHARDS))
    at = Moment(r"/\.ingest-.*/counts/00000[4-9]\.json$", SIGSTOP, "self")
    env = {"TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-m", "pipeline.cli.main", "build", *map(str, states.arguments), *map(str, options)]
    process = subprocess.Popen(
        command,
        env=environment(**env, **at.variables()),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=terminal.slave,
        start_new_session=True,
        cwd=REPO,
    )
    try:
        assert wait_until(lambda: BAR.search(terminal.text), seconds=30), terminal.text
    finally:
        while process.poll() is None:
            os.killpg(process.pid, SIGCONT)
            assert terminal.text is not None  # a terminal that is not read stops its writers
            wait_until(lambda: process.poll() is not None, seconds=0.2)
    process.communicate()
    assert process.returncode == 0, terminal.text
    for name in stages_made(tmp_path / "out" / ".work"):
        assert f"{name}: " in terminal.text
