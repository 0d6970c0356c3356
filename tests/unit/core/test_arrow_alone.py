"""Workers make arrays without pandas, which stays there for whoever imports it."""

import sys

import pytest

from pipeline.core.parallel import executor


def _what_is_loaded() -> tuple[bool, bool]:
    """Whether pandas is there after an array was made, and after it was imported."""
    import pyarrow as pa

    pa.Table.from_pylist([{"id": 1}])
    before = "pandas" in sys.modules
    import pandas  # noqa: F401  # pyright: ignore[reportUnusedImport]

    return before, "pandas" in sys.modules


def test_a_worker_makes_arrays_without_pandas() -> None:
    pytest.importorskip("pandas")
    with executor(2) as pool:
        assert pool.submit(_what_is_loaded).result() == (False, True)
