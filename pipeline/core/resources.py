"""Where the files that ship with the code are: templates, data cards, the bundled slice."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def _folder(name: str) -> Path:
    # In a checkout the folders stand beside the package; in an installed wheel they are inside it. The test is for
    # pyproject.toml, not for the folder: a stray `site-packages/templates` must not win.
    checkout = _PACKAGE.parent
    return checkout / name if (checkout / "pyproject.toml").is_file() else _PACKAGE / "_data" / name


def templates_folder() -> Path:
    """The folder of relations, variants and phrases."""
    return _folder("templates")


def data_cards_folder() -> Path:
    """The folder of hand-written card prose."""
    return _folder("data_cards")


def sample_folder() -> Path:
    """The folder of the bundled slice of Wikidata and its page views."""
    return _PACKAGE / "sample"


def defaults_file() -> Path:
    """The settings that hold unless a user's file says otherwise."""
    return _PACKAGE / "defaults.toml"


def source_files() -> list[Path]:
    """Every file of code, in a fixed order: their hash is the code version."""
    return sorted(_PACKAGE.rglob("*.py"))
