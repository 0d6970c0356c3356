"""How often Python looks for reference cycles."""

import contextlib
import gc
from collections.abc import Generator

_NEW_OBJECTS = 200_000  # before a look; Python's 700 cost over half of the time of reading a release's rows


@contextlib.contextmanager
def rare_garbage_collection() -> Generator[None]:
    """Look for reference cycles seldom: rows are millions of lists and dicts without any, and each look visits them."""
    before = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
