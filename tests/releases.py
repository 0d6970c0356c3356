"""The releases that most tests of the whole line look at, each built once a session, by the command.

Every process of pytest-xdist finds the same folders. Nobody changes them: whoever must, takes a copy
(`integration/conftest.py`), and `unchanged` finds the test that does not.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from tests.integration.command import Run, process, shown, well
from tests.integration.dumps import States, cut_states, states_in

_SEAL = "sealed.json"  # when each file of a shared folder was written, once it is whole


@dataclass(frozen=True)
class Built:
    """A finished release: where it is, and what the command said.

    Attributes:
        out: The folder of releases; the finished stages are in `.work` below it.
        run: How the command ended.
    """

    out: Path
    run: Run

    @property
    def release(self) -> Path:
        """Its folder."""
        (name,) = shown(self.out)
        return self.out / name

    @property
    def work(self) -> Path:
        """The folder of its finished stages."""
        return self.out / ".work"


def shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that all processes of a session share.

    Args:
        factory: Of pytest; a worker's own base folder stands in that of the session.
        name: Of the folder.
        make: Fills it; it runs once, in whichever process comes first, and the others wait.
    """
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    folder.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        seal = folder / _SEAL
        if not seal.exists():
            make(folder)
            seal.write_text(json.dumps(_written(folder)))
    return folder


def _written(folder: Path) -> dict[str, list[int]]:
    """The size of each file of a shared folder, and when it was last written."""
    found = {path: path.stat() for path in sorted(folder.rglob("*")) if path.name != _SEAL and path.is_file()}
    return {path.relative_to(folder).as_posix(): [stat.st_size, stat.st_mtime_ns] for path, stat in found.items()}


def assert_unchanged(folder: Path) -> None:
    """A shared folder is as it was made."""
    assert _written(folder) == json.loads((folder / _SEAL).read_text()), "take a copy of what is shared"


def _built(factory: pytest.TempPathFactory, name: str, *arguments: object) -> Built:
    """A release that is built once a session."""

    def make(folder: Path) -> None:
        run = well(process("build", *arguments, "--out", "releases", cwd=folder))
        (folder / "run.json").write_text(json.dumps(asdict(run)))

    folder = shared(factory, name, make)
    return Built(folder / "releases", Run(**json.loads((folder / "run.json").read_text())))


@pytest.fixture(scope="session")
def slice_built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The bundled slice, built as `make build` does; nobody changes it."""
    return _built(tmp_path_factory, "slice", "--source", "sample")


@pytest.fixture(scope="session")
def states(tmp_path_factory: pytest.TempPathFactory) -> States:
    """Two small states of Wikidata, cut from the slice; nobody changes them."""
    return states_in(shared(tmp_path_factory, "states", cut_states))


@pytest.fixture(scope="session")
def small(states: States, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A release built from the small states with default settings; nobody changes it."""
    return _built(tmp_path_factory, "small", *states.arguments, "--workers", 1)


@pytest.fixture(autouse=True)
def unchanged(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test, what it shares with others is as it was."""
    yield
    for name in {"slice_built", "small"} & set(request.fixturenames):
        assert_unchanged(request.getfixturevalue(name).out.parent)
