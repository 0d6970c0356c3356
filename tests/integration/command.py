"""The command as a user runs it: within this process, or in one of its own where the process is the point.

`editmill` and `succeed` run it here: most of the time of a short command is the start of Python and its imports. Where
signals, kills, limits, the environment, pipes or imports count, `process`, `start` and `stopped` run another process.
"""

import contextlib
import functools
import io
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, Signals
from typing import Any

from pipeline.cli.main import main

REPO = Path(__file__).parents[2]
HOOKS = Path(__file__).parent / "hooks"
PATIENCE = 300  # seconds; nothing here takes nearly as long, even on a busy machine

Process = subprocess.Popen[str]


@dataclass(frozen=True)
class Run:
    """How a run ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines of `--json-logs`."""
        return [json.loads(line) for line in self.err.splitlines()]


@dataclass(frozen=True)
class Moment:
    """An exact moment of a run, and the signal that it meets there.

    Attributes:
        before: What the run is about to do, as a regular expression: "mkdir " or "rename " and the path that is made.
            A stage is made in `.NAME-HASH.part` and then renamed to `NAME-HASH`, files likewise.
        signal: The signal, sent once.
        to: Who meets it: the "group" of the command and its workers, as when a terminal sends Ctrl-C; or of a worker
            that comes to that moment, the worker it"self" or its "parent", which is the command.
    """

    before: str
    signal: Signals = SIGKILL
    to: str = "group"

    def variables(self) -> dict[str, str]:
        """What `hooks/sitecustomize.py` reads."""
        return {
            "EDITMILL_TEST_AT": self.before,
            "EDITMILL_TEST_SIGNAL": str(int(self.signal)),
            "EDITMILL_TEST_TO": self.to,
        }


def environment(**variables: str) -> dict[str, str]:
    """A user's environment, without what the tests themselves run under."""
    ours = ("PYTHON", "PYTEST", "HF_", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"PYTHONPATH": f"{HOOKS}{os.pathsep}{REPO}", "HF_HUB_OFFLINE": "1"} | variables


def without(packages: Iterable[str]) -> dict[str, str]:
    """The variable that makes `hooks/sitecustomize.py` hide packages, by their import names."""
    return {"EDITMILL_TEST_WITHOUT": ",".join(packages)}


def start(*arguments: object, at: Moment | None = None, env: Mapping[str, str] | None = None, **how: Any) -> Process:
    """Start the command in a process group of its own.

    Args:
        arguments: The command line.
        at: A moment at which it meets a signal.
        env: Variables to add to the environment.
        how: What else `subprocess.Popen` takes.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline.cli.main", *map(str, arguments)],
        env=environment(**(env or {}), **(at.variables() if at else {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
        **how,
    )


def finish(process: Process) -> Run:
    """Wait for the end of a run."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, SIGKILL)
        raise
    return Run(process.returncode, out, err)


def process(*arguments: object, at: Moment | None = None, env: Mapping[str, str] | None = None, **how: Any) -> Run:
    """Run the command to its end in a process of its own, from its start on; the arguments are those of `start`."""
    return finish(start(*arguments, at=at, env=env, **how))


def stopped(*arguments: object, at: Moment) -> Run:
    """Run the command to a moment at which it meets a signal, and to its end, if it has not met it there.

    The process is forked from one that has imported the command (`hooks/nursery.py`).
    """
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder) / name for name in ("out", "err")]
        for stream in streams:
            stream.touch()
        run = {"arguments": list(map(str, arguments)), "env": environment(**at.variables()), "cwd": str(Path.cwd())}
        nursery = _nursery()
        assert nursery.stdin is not None and nursery.stdout is not None
        nursery.stdin.write(json.dumps(run | {"out": str(streams[0]), "err": str(streams[1])}) + "\n")
        nursery.stdin.flush()
        if not select.select([nursery.stdout], [], [], PATIENCE)[0]:
            nursery.kill()
            _nursery.cache_clear()
            raise TimeoutError(run["arguments"])
        return Run(int(nursery.stdout.readline()), *(stream.read_text(encoding="utf-8") for stream in streams))


@functools.cache
def _nursery() -> Process:
    """A process that ends with this one, which closes its input."""
    command = [sys.executable, str(HOOKS / "nursery.py")]
    return subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def editmill(*arguments: object, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Run:
    """Run the command to its end within this process.

    Args:
        arguments: The command line.
        env: Variables to add to a user's environment; what is read when Python or a package starts has no effect.
        cwd: The folder to run in.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with (
        contextlib.chdir(cwd or Path.cwd()),
        _environment(env or {}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse, after --help or bad usage
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Run(code, _written(out), _written(err))


def _written(stream: io.TextIOWrapper) -> str:
    stream.seek(0)  # which also writes what is in its buffer
    return stream.read()


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Generator[None]:
    ours = dict(os.environ)
    _put(environment(**variables))
    try:
        yield
    finally:
        _put(ours)


def _put(variables: Mapping[str, str]) -> None:
    """Make this process's environment consist of some variables."""
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)


def well(run: Run) -> Run:
    """A run, which must have ended well."""
    assert run.code == 0, run.err
    return run


def succeed(*arguments: object, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Run:
    """Run the command within this process; it must end well."""
    return well(editmill(*arguments, env=env, cwd=cwd))


def living(group: int) -> list[int]:
    """The processes of a group that are at work, zombies aside."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it has just ended
            continue
        if int(of) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_until(true: Any, seconds: float = PATIENCE) -> bool:
    """Wait until a function gives something true, or for so many seconds."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(true())


def shown(out: Path) -> list[str]:
    """What a user who lists a folder sees."""
    return sorted(path.name for path in out.iterdir() if not path.name.startswith(".")) if out.exists() else []


def stages_made(work: Path) -> list[str]:
    """Every stage that is finished in a work folder, nested ones too, in the order in which they were."""
    done = sorted(work.rglob("done.json"), key=lambda path: path.stat().st_mtime_ns)
    return [path.parent.name.partition("-")[0] for path in done]


def half_written(out: Path) -> list[Path]:
    """Whatever under a folder bears the name of something unfinished."""
    return sorted(out.rglob(".*.part"))


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
