"""What tests here may spoil or add: copies of the shared states and releases, and files of their own."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.dumps import States
from tests.releases import Built


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
