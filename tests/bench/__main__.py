"""Benchmarks: `python -m tests.bench NAME...`; each writes its ratios as JSON and Markdown. They are no tests."""

import argparse
from importlib import import_module
from pathlib import Path

BENCHMARKS = {"dump": "tests.bench.dump"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--out", type=Path, default=Path("bench"), metavar="DIR", help="where results go")
    options = parser.parse_args()
    for name in options.names or BENCHMARKS:
        folder = options.out / name
        folder.mkdir(parents=True, exist_ok=True)
        import_module(BENCHMARKS[name]).run(folder)


if __name__ == "__main__":
    main()
