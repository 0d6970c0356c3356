"""The bundled slice: two states of about 6,000 real items with page views, read like any other dump."""

from pathlib import Path

from pipeline.core.resources import sample_folder


def sample_dumps() -> tuple[Path, Path]:
    """The older and the newer dump of the slice."""
    return sample_folder() / "core-old.json.gz", sample_folder() / "core-new.json.gz"


def sample_pageviews() -> Path:
    """The folder with its page views."""
    return sample_folder() / "pageviews"


def sample_verdicts() -> list[Path]:
    """What readers found in rows of the slice; a verdict counts as long as its row keeps its very words."""
    return sorted((sample_folder() / "verdicts").glob("*.json"))
