"""Train the tiny model that the package bundles: `python -m tests.tiny pipeline/lm/tiny`."""

import sys
import tempfile
from pathlib import Path

from tests.tiny.corpus import corpus
from tests.tiny.train import Recipe, train

_TOLD_EVERY = 100  # steps


def _tell(step: int, steps: int, loss: float) -> None:
    if step % _TOLD_EVERY == 0 or step == steps:
        print(f"step {step} of {steps}: loss {loss:.3f}", file=sys.stderr, flush=True)


def main(out: Path) -> None:
    """Make the text, train, write."""
    recipe = Recipe()
    with tempfile.TemporaryDirectory() as work:
        train(corpus(Path(work), recipe.epochs), recipe, out, _tell)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
