"""The releases that most tests here look at, each built once, by the command."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.command import Run, shown, succeed
from tests.integration.dumps import States, cut_states


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


@pytest.fixture(scope="session")
def slice_built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The bundled slice, built as `make build` does."""
    out = tmp_path_factory.mktemp("slice") / "releases"
    return Built(out, succeed("build", "--source", "sample", "--out", out))


@pytest.fixture(scope="session")
def states(tmp_path_factory: pytest.TempPathFactory) -> States:
    """Two small states of Wikidata, cut from the slice; nobody changes them."""
    return cut_states(tmp_path_factory.mktemp("states"))


@pytest.fixture(scope="session")
def small(states: States, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A release built from the small states with default settings; nobody changes it."""
    out = tmp_path_factory.mktemp("small") / "releases"
    return Built(out, succeed("build", *states.arguments, "--out", out, "--workers", 1))


@pytest.fixture
def work(small: Built, tmp_path: Path) -> Path:
    """A work folder with the finished stages of the small release, for runs that share some of them."""
    return shutil.copytree(small.work, tmp_path / "work")


@pytest.fixture
def my_states(states: States, tmp_path: Path) -> States:
    """The small states in a folder of the test's own, to be spoilt."""
    folder = tmp_path / "states"
    folder.mkdir()
    return States(*(Path(shutil.copy(path, folder)) for path in (states.old, states.new, states.pageviews)))


@pytest.fixture
def my_release(small: Built, tmp_path: Path) -> Path:
    """A copy of the small release, to be spoilt."""
    return shutil.copytree(small.release, tmp_path / small.release.name)


Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a text file of a name and gives its path."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write
