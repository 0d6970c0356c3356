"""Lets a run of the command meet a signal at one exact moment of its work on files, or miss installed packages.

Python imports a module of this name when it starts, in the command and in its worker processes alike. See
`command.Moment` and `command.without` for what the variables mean.
"""

import os
import re
import sys
from importlib.machinery import ModuleSpec, PathFinder

_at, _number, _to = (os.environ.get(f"EDITMILL_TEST_{name}", "") for name in ("AT", "SIGNAL", "TO"))


def _meet(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("os.mkdir", "os.rename") and not _met:
        made = os.fspath(arguments[1 if event == "os.rename" else 0])  # type: ignore[arg-type]
        if re.search(_at, f"{event.removeprefix('os.')} {made}"):
            _met.append(event)
            os.kill(_WHOM[_to](), int(_number))


_met: list[str] = []
_WHOM = {"group": lambda: 0, "parent": os.getppid, "self": os.getpid}
if _at:
    sys.addaudithook(_meet)


_missing = frozenset(filter(None, os.environ.get("EDITMILL_TEST_WITHOUT", "").split(",")))


class _Finder(PathFinder):
    """Finds what is installed, except the packages that are to be missing."""

    @classmethod
    def find_spec(cls, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Where a module is."""
        return None if fullname.partition(".")[0] in _missing else PathFinder.find_spec(fullname, path, target)  # type: ignore[arg-type]


if _missing:
    sys.meta_path[sys.meta_path.index(PathFinder)] = _Finder
