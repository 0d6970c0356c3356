"""The bundled tiny model: where it is, and which items nothing was told about when it was trained."""

from pathlib import Path

from pipeline.core.seeded import fraction

NAME = "bundled"
"""What `--model` calls it."""

SHOWN_NAME = "editmill-tiny"
"""What releases call it."""

HELD_OUT_SHARE = 0.2  # of all items: enough popular ones to judge by, and four fifths left to learn from

_SEED = 20240811  # of the draw; it belongs to the weights and does not follow the seed of a run


def bundled_model() -> Path:
    """The folder of the model."""
    return Path(__file__).parent / "tiny"


def is_held_out(item: int) -> bool:
    """Whether the model was trained without any fact about an item."""
    return fraction(_SEED, "held out", item) < HELD_OUT_SHARE
