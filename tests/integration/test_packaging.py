"""The package as it is installed: it holds what it needs, and works in a folder that knows nothing of this one."""

import importlib.util
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from signal import SIGINT

import pytest

from pipeline.core.settings import load_operations
from tests.integration.command import REPO, environment, files
from tests.integration.dumps import States
from tests.releases import Built

SHIPPED = ("pipeline", "templates", "data_cards", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the unpacked wheel, built without the network."""
    if not importlib.util.find_spec("hatchling"):
        pytest.skip("hatchling, which builds the wheel, is not installed, and fetching it needs the network")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in SHIPPED:
        copy = shutil.copytree if (REPO / name).is_dir() else shutil.copy
        copy(REPO / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(source)], check=True)
    (wheel,) = folder.glob("editmill-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    shutil.rmtree(source)
    return folder / "site"


def run(installed: Path, cwd: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the installed command elsewhere; its script only calls `pipeline.cli.main:main`."""
    command = [sys.executable, "-m", "pipeline.cli.main", *map(str, arguments)]
    env = environment(PYTHONPATH=str(installed))
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=True)


def relative(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by its path, without what Python leaves behind."""
    return {path: content for path, content in files(folder).items() if "__pycache__" not in path}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("pipeline", "pipeline"), ("templates", "pipeline/_data/templates"), ("data_cards", "pipeline/_data/data_cards")],
)
def test_the_wheel_holds_every_file_that_the_code_reads(ours: str, theirs: str, installed: Path) -> None:
    packed = relative(installed / theirs)
    if ours == "pipeline":
        packed = {path: content for path, content in packed.items() if not path.startswith("_data/")}
    assert packed == relative(REPO / ours)


def test_the_wheel_holds_nothing_else(installed: Path) -> None:
    assert sorted(path.name.partition("-")[0] for path in installed.iterdir()) == ["editmill", "pipeline"]
    assert sorted(path.name for path in (installed / "pipeline" / "_data").iterdir()) == ["data_cards", "templates"]


def test_the_wheel_brings_the_command(installed: Path) -> None:
    (told,) = installed.glob("editmill-*.dist-info/entry_points.txt")
    assert "editmill = pipeline.cli.main:main" in told.read_text()


def test_the_wheel_brings_its_types(installed: Path) -> None:
    assert (installed / "pipeline" / "py.typed").is_file()


def test_installed_elsewhere_it_makes_the_same_release(
    installed: Path, states: States, small: Built, work: Path, tmp_path: Path
) -> None:
    """The finished stages are found too: code and templates are the same wherever they lie."""
    before = {path.name for path in work.iterdir()}
    out = tmp_path / "out"
    run(installed, tmp_path, "build", *states.arguments, "--out", out, "--work", work, "--workers", 1)
    assert files(out / small.release.name) == files(small.release)
    assert {path.name for path in work.iterdir()} == before


def test_installed_elsewhere_it_finds_its_slice(installed: Path, tmp_path: Path) -> None:
    code = "from pipeline.sources.files.sample import sample_dumps; print(*(path.is_file() for path in sample_dumps()))"
    env = environment(PYTHONPATH=str(installed))
    told = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert told.stdout == "True True\n"


def test_installed_elsewhere_the_sandbox_has_what_it_serves(installed: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipeline.cli.main", "sandbox"]
    env = environment(PYTHONPATH=str(installed))
    with subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as sandbox:
        try:
            told = "".join(sandbox.stdout.readline() for _ in range(7)) if sandbox.stdout else ""
            (config,) = re.findall(r"--config (\S+)", told)
            assert Path(config).is_relative_to(installed)
            assert load_operations(Path(config)).polite.requests_per_minute > 1_000
            wiki, hub = re.findall(r"(?:is|Hub) at (http://127\.0\.0\.1:\d+)", told)
            for address, expected in (
                (f"{wiki}/w/api.php?action=query&list=recentchanges&rcprop=ids&format=json", b'"rcid":'),
                (f"{hub}/api/datasets/me/mill/refs", b"Repository not found"),
            ):
                try:
                    with urllib.request.urlopen(address, timeout=60) as answer:
                        assert expected in answer.read()
                except urllib.error.HTTPError as error:
                    assert expected in error.read()
        finally:
            sandbox.send_signal(SIGINT)
    assert sandbox.returncode == 130


def test_the_slice_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in (REPO / "pipeline" / "sample").iterdir()) <= 8_000_000
