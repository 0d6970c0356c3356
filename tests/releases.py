"""The releases that most tests of the whole line look at, each built once a session, by the command."""

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
    """The bundled slice, built as `make build` does; nobody changes it."""
    folder = tmp_path_factory.mktemp("slice")
    return Built(folder / "releases", succeed("build", "--source", "sample", "--out", "releases", cwd=folder))


@pytest.fixture(scope="session")
def states(tmp_path_factory: pytest.TempPathFactory) -> States:
    """Two small states of Wikidata, cut from the slice; nobody changes them."""
    return cut_states(tmp_path_factory.mktemp("states"))


@pytest.fixture(scope="session")
def small(states: States, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A release built from the small states with default settings; nobody changes it."""
    out = tmp_path_factory.mktemp("small") / "releases"
    return Built(out, succeed("build", *states.arguments, "--out", out, "--workers", 1))
