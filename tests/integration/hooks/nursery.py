"""Imports the command once and then forks a process for each run that is asked for, which saves its start.

Each line of standard input is a run: the arguments, environment and folder of a command, and the files that its output
goes to. The process has a session of its own, and the signals, streams and end of any other. The answer is its exit
code, or the number of the signal that ended it, negative. What is imported here starts no thread but those of OpenBLAS
and jemalloc, which know what a fork is. `_LATE` are imported by commands when they need them; packages of extras stay
out, since some read the environment when they are imported.
"""

import importlib
import json
import os
import sys
from typing import Any

from pipeline.cli.main import main

_LATE = ("pipeline.jobs.build", "pipeline.jobs.dumps", "pipeline.release.figures", "matplotlib.backends.backend_agg")
_HOOK = "sitecustomize"  # of the folder of this file


def _become(run: dict[str, Any]) -> list[str]:
    """Make this process what the command's would be at its start, and give its arguments."""
    os.setsid()
    for stream, (path, flags) in enumerate(
        ((os.devnull, os.O_RDONLY), (run["out"], os.O_WRONLY), (run["err"], os.O_WRONLY))
    ):
        file = os.open(path, flags)
        os.dup2(file, stream)
        os.close(file)
    os.environ.clear()
    os.environ.update(run["env"])
    os.chdir(run["cwd"])
    sys.modules.pop(_HOOK, None)
    importlib.import_module(_HOOK)
    return run["arguments"]


def _serve() -> int:
    """Fork a process for each line; what this returns is the end of each of them, and of the nursery at last."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            return main(_become(json.loads(line)))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    for name in _LATE:
        importlib.import_module(name)
    sys.exit(_serve())
