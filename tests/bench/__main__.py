"""Benchmarks: what is fast, against what, on this machine. They report ratios and are not tests.

`python -m tests.bench` lists them, `python -m tests.bench score --help` lists the options of one.
"""

import importlib
import sys

BENCHMARKS = {
    "dump": "reading and comparing dumps against plain extraction, bare decoding and whole ingests",
    "line": "the stages below FACTS on multiplied tables: time, memory and scratch by size",
    "score": "entity likelihood against scoring one by one, padded batches and lm-evaluation-harness",
    "mutants": "the small faults in a module that its unit tests do not detect",
}


def main() -> int:
    """Run the benchmark that is asked for, a module of this folder with a function `main`."""
    if len(sys.argv) < 2 or sys.argv[1] not in BENCHMARKS:
        print("\n".join(["python -m tests.bench NAME [OPTION ...]", *(f"  {n}  {t}" for n, t in BENCHMARKS.items())]))
        return 2
    return importlib.import_module(f"tests.bench.{sys.argv[1]}").main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
