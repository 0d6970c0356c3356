"""What the README shows works as it is shown."""

import ast
import re
import shlex
import socket
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import datasets
import pytest

from pipeline.cli import COMMANDS
from pipeline.cli.main import make_parser
from pipeline.language.templates import load_templates
from pipeline.release.checks import CHECKS
from pipeline.sandbox.running import tour
from pipeline.sandbox.server import Seen
from pipeline.sandbox.wikidata import Wikidata
from tests.integration.command import REPO, shown, succeed
from tests.releases import Built

README = REPO / "README.md"
TEXT = README.read_text(encoding="utf-8")
SUMMARY = re.compile(r"(?<=```text\n).*?(?=```)", re.DOTALL)


def blocks(language: str) -> list[str]:
    """The blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def command_lines() -> Iterator[list[str]]:
    """The arguments of every `editmill ...` in a block or within a line."""
    shell = "\n".join(blocks("sh")).replace("\\\n", " ").splitlines()
    for line in [*shell, *re.findall(r"`([^`\n]+)`", TEXT)]:
        words = shlex.split(line, comments=True)
        if words and words[0].rpartition("/")[2] == "editmill":
            yield words[1:]


def replaced(arguments: list[str], release: Path) -> list[str]:
    return [str(release) if argument in ("DIR", f"releases/{release.name}") else argument for argument in arguments]


def test_every_command_is_one_that_the_command_line_takes() -> None:
    told = list(command_lines())
    assert {arguments[0] for arguments in told} == {command.name for command in COMMANDS}
    for arguments in told:
        assert isinstance(make_parser().parse_args(arguments), Namespace)


def test_every_option_is_one_of_the_command_line() -> None:
    options = {option for text in re.findall(r"`(--[^`]+)`", TEXT) for option in re.findall(r"--[a-z-]+", text)}
    known = "".join(succeed(name, "--help").out for name in ("build", "explain", "sandbox"))
    assert {option for option in options if option not in known} == set()


def test_every_target_of_make_is_one_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (REPO / "Makefile").read_text(), re.MULTILINE))
    assert (
        set(re.findall(r"\bmake ([a-z]+)\b", "\n".join([*blocks("sh"), *re.findall(r"`([^`\n]+)`", TEXT)]))) <= targets
    )


def test_every_file_of_the_project_that_is_named_exists() -> None:
    named = re.findall(r"`((?:pipeline|templates|data_cards|tests)/[\w/.]+|[a-z_]+\.(?:txt|toml))`", TEXT)
    assert named
    assert [path for path in named if "Pnnn" not in path and not (REPO / path).exists()] == []


def test_the_files_of_a_release_are_those_of_the_table(slice_built: Built) -> None:
    table = TEXT.partition("## What a release holds")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = [path.strip("/").partition("/{")[0] for cell in cells for path in re.findall(r"`([^`]+)`", cell)]
    assert [path for path in named if not (slice_built.release / path).exists()] == []
    assert {path.partition("/")[0] for path in named} == set(shown(slice_built.release))


def test_the_numbers_are_right() -> None:
    assert f"word<br>EDITS from {len(load_templates().relations)} relations" in TEXT
    assert f"{len(CHECKS)} checks" in TEXT


def test_the_summary_is_what_the_build_prints(slice_built: Built, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--rewrite-golden"):
        README.write_text(SUMMARY.sub(lambda _: slice_built.run.out, TEXT), encoding="utf-8")
    assert SUMMARY.findall(README.read_text(encoding="utf-8")) == [slice_built.run.out]


def test_the_second_tour_is_what_the_sandbox_prints() -> None:
    """Whose commands `test_live_command.py` runs."""
    (block,) = (block for block in blocks("sh") if "HF_ENDPOINT" in block)
    told = tour(Wikidata("http://127.0.0.1:8800", Seen()).arguments(), "http://127.0.0.1:8801", "v2021.07.02")
    shown_here = [line.replace(f"{REPO}/", "") for line in told]
    assert [shlex.split(line) for line in block.replace("\\\n", " ").splitlines()] == list(map(shlex.split, shown_here))


def test_the_first_look_works_as_it_is_shown(
    slice_built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    monkeypatch.chdir(slice_built.out.parent)
    (block,) = blocks("python")
    *lines, last = ast.parse(block).body
    names: dict[str, object] = {}
    exec(compile(ast.Module(lines, []), str(README), "exec"), names)
    assert isinstance(last, ast.Expr)
    looked_at = eval(compile(ast.Expression(last.value), str(README), "eval"), names)
    assert all(isinstance(value, str) for value in looked_at)


def test_the_commands_on_a_release_work_as_they_are_shown(slice_built: Built) -> None:
    told = [replaced(arguments, slice_built.release) for arguments in command_lines()]
    looks = [arguments for arguments in told if arguments[0] in ("check", "explain") and len(arguments) > 1]
    assert {arguments[0] for arguments in looks} == {"check", "explain"}
    for arguments in looks:
        assert succeed(*arguments).out
