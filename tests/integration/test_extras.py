"""The extras of pyproject.toml: each holds what its room imports, and every command says which one it misses."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from pipeline.cli import COMMANDS
from pipeline.core.extras import EXTRAS
from tests.integration.command import REPO, process, without
from tests.integration.dumps import States

PROJECT = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED: dict[str, list[str]] = PROJECT["optional-dependencies"] | {"core": PROJECT["dependencies"]}

# Where the packages of each extra may be imported.
ROOMS = {
    "lm": ("pipeline/lm/",),
    "hub": ("pipeline/publish/",),
    "live": ("pipeline/sources/live/", "pipeline/sources/pageviews/", "pipeline/sources/files/resumable.py"),
    "sandbox": ("pipeline/sandbox/",),
    "dask": ("pipeline/core/parallel.py",),
    "remote": ("pipeline/sources/files/remote.py",),
    "flows": ("flows/",),
    "core": ("pipeline/", "flows/"),
}
# Declared, and imported by another package: fsspec imports its protocols, Prefect requires bounds.
INDIRECT = {"remote": {"s3fs"}, "flows": {"fastapi", "sqlalchemy"}}
PACKAGES = sorted({package for extra in EXTRAS.values() for package in extra.packages} | {"prefect", "s3fs"})


def plain(name: str) -> str:
    """The name of a distribution as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distributions(extra: str) -> set[str]:
    """What an extra declares, apart from other extras."""
    names = {re.split(r"[^\w.-]", line)[0] for line in DECLARED[extra] if not line.startswith("editmill[")}
    return {plain(name) for name in names}


def imports() -> Iterator[tuple[str, str]]:
    """Every import of another package: the file and the import name."""
    ours = {"pipeline", "flows", *sys.stdlib_module_names}
    for path in sorted([*(REPO / "pipeline").rglob("*.py"), *(REPO / "flows").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in {name.partition(".")[0] for name in names} - ours:
                yield path.relative_to(REPO).as_posix(), name


IMPORTS = list(imports())


@pytest.mark.parametrize("extra", ROOMS)
def test_an_extra_holds_what_its_room_imports(extra: str) -> None:
    known = packages_distributions()
    found = {plain(known[name][0]) for path, name in IMPORTS if path.startswith(ROOMS[extra])}
    elsewhere = set().union(*(distributions(other) for other in ROOMS if other != extra))
    assert found - elsewhere == distributions(extra) - INDIRECT.get(extra, set())


@pytest.mark.parametrize("extra", sorted(ROOMS.keys() - {"core"}))
def test_the_packages_of_an_extra_are_imported_in_its_room_alone(extra: str) -> None:
    known = packages_distributions()
    places = [path for path, name in IMPORTS if plain(known[name][0]) in distributions(extra)]
    assert places
    assert [path for path in places if not path.startswith(ROOMS[extra])] == []


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_message_looks_for_what_the_extra_holds(extra: str) -> None:
    assert {plain(name) for name in EXTRAS[extra].packages} == distributions(extra) - INDIRECT.get(extra, set())


def test_all_is_every_extra_and_developers_have_all() -> None:
    (everything,) = DECLARED["all"]
    assert set(re.findall(r"\w+", everything)) == {"editmill", *ROOMS} - {"core"}
    assert "editmill[all]" in DECLARED["dev"]


def test_every_command_starts_without_any_extra() -> None:
    for command in ("", *(command.name for command in COMMANDS)):
        run = process(*command.split(), "--help", env=without(PACKAGES))
        assert (run.code, run.err) == (0, "")


@pytest.mark.parametrize(
    ("extra", "arguments", "also"),
    [
        ("lm", "build --source sample --out OUT", "add `--model none`"),
        ("lm", "build --source dump --new NEW --model some/model --out OUT", "--model some/model"),
        ("lm", "score requests.parquet --model bundled --out OUT", "torch, transformers, tokenizers"),
        (
            "live",
            "build --source live --since 7d --contact a@example.org --out OUT",
            "pywikibot, SPARQLWrapper, requests",
        ),
        ("live", "plan --source live --since 7d", "--source live"),
        ("hub", "publish OUT --repo-id mill/edits", "huggingface_hub, httpx2"),
        ("hub", "drift OUT --repo-id mill/edits", "huggingface_hub, httpx2"),
        ("sandbox", "sandbox", "pyoxigraph"),
        ("dask", "ingest NEW --executor dask --out OUT", "distributed"),
        ("remote", "ingest http://127.0.0.1:9/all.json --out OUT", "fsspec"),
    ],
)
def test_a_command_says_which_extra_it_requires(
    extra: str, arguments: str, also: str, states: States, tmp_path: Path
) -> None:
    places = {"OUT": tmp_path / "out", "NEW": states.new}
    run = process(*(places.get(word, word) for word in arguments.split()), env=without(PACKAGES))
    assert run.code == 2
    assert f"pip install 'editmill[{extra}]'" in run.err
    assert also in run.err
    assert run.err.count("\n") == 1


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/all.json", "s3://bucket/all.json"])
def test_a_protocol_says_which_package_it_requires(address: str, tmp_path: Path) -> None:
    run = process("ingest", address, "--out", tmp_path / "out", env=without(["aiohttp", "s3fs"]))
    assert run.code == 2
    assert "pip install 'editmill[remote]'" in run.err
    assert address in run.err


def test_the_core_builds_and_checks_a_release_and_plans_a_dump(states: States, tmp_path: Path) -> None:
    out, core = tmp_path / "releases", without(PACKAGES)
    built = process("build", *states.arguments, "--out", out, "--workers", 1, env=core)
    assert built.code == 0, built.err
    (release,) = (path for path in out.iterdir() if not path.name.startswith("."))
    checked = process("check", release, env=core)
    assert checked.code == 0, checked.out
    planned = process("plan", states.new, env=core)
    assert planned.code == 0, planned.err
