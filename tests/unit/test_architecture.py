"""ARCHITECTURE.md says what is so."""

import re
import tomllib
from pathlib import Path

REPO = Path(__file__).parents[2]
PAGE = (REPO / "ARCHITECTURE.md").read_text(encoding="utf-8")


def _section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def test_the_page_lists_the_layers_that_import_linter_enforces() -> None:
    project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    enforced = [re.findall(r"\w+", layer) for layer in layers]
    rows = [line.split("|")[1] for line in _section("Layers").splitlines() if line.startswith("| `")]
    assert [re.findall(r"`(\w+)`", row) for row in rows] == enforced


def test_every_module_named_is_there() -> None:
    modules = set(re.findall(r"`([\w/]+\.py)`", PAGE))
    assert modules
    for module in modules:
        assert list((REPO / "pipeline").rglob(module)) or (REPO / module).is_file(), module


def test_the_page_is_one_page() -> None:
    words = [word for word in PAGE.split() if any(letter.isalnum() for letter in word)]  # not the bars of tables
    assert len(words) < 1_500
