"""Arrow without pandas, for processes of our own.

With the first array that it makes of Python values, Arrow looks for pandas and imports it where it is installed: half a
second of each process. No worker has an object of pandas, so Arrow is asked for an array while there is none to find.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import pyarrow as pa


class _NoPandas(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        """Refuse pandas; others may find the rest."""
        if fullname == "pandas":
            raise ModuleNotFoundError("Arrow does without it", name=fullname)
        return None


def leave_pandas_out() -> None:
    """Let Arrow take it that there is no pandas as long as this process lives; others can still import it."""
    if "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(finder)
