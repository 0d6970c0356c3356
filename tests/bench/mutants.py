"""Mutants: the small faults in a module that its unit tests do not detect.

A mutant is the module with one fault: another comparison or operator, also in its SQL, a number moved by one, a
negation, a result or a statement left out. Each mutant of a seeded sample is put into a copy of the tree and tested:
first with a mini world that is built once, then, if it survives, with everything built again. The survivors are
printed: write the test that detects them, or find that they change nothing; such equivalent mutants are not filtered
out.
"""

import argparse
import ast
import copy
import importlib
import multiprocessing
import os
import pickle
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]

_OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
    **{ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And},
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr},
}
_FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
_IN_SQL = {
    **{" <= ": " < ", " >= ": " > ", " < ": " <= ", " > ": " >= ", " = ": " <> ", " <> ": " = ", "min(": "max("},
    **{" AND ": " OR ", " OR ": " AND ", "NOT ": "", "LEFT JOIN": "JOIN", "IS NULL": "IS NOT NULL", " DESC": ""},
    **{"IS NOT NULL": "IS NULL", "DISTINCT ": "", "bool_and": "bool_or", "bool_or": "bool_and", "UNION ALL": "UNION"},
}
_SQL = re.compile("|".join(map(re.escape, sorted(_IN_SQL, key=len, reverse=True))))
_IS_SQL = re.compile(r"\b(SELECT|WHERE|THEN|AND|OR)\b")


class Mutant(NamedTuple):
    """A piece of the module and what stands there instead."""

    start: int  # bytes
    end: int
    text: str


def mutants_of(source: str) -> list[Mutant]:
    """Every mutant of a module."""
    data = source.encode()
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found: set[Mutant] = set()
    for node, mutated in _mutated(ast.parse(source)):
        start, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        if mutated is None:
            found |= {
                Mutant(start + match.start(), start + match.end(), _IN_SQL[match.group()])
                for match in _SQL.finditer(data[start:end].decode("latin-1"))
            }
        else:
            text = ast.unparse(mutated)
            found.add(Mutant(start, end, f"({text})" if isinstance(mutated, ast.expr) else text))
    return sorted(found)


def _mutated(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST | None]]:
    """Nodes with what takes their place: nothing of a text in SQL, which is mutated as text."""
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        if _IS_SQL.search(ast.unparse(node)):
            yield node, None
        return
    yield from ((node, mutated) for mutated in _faults(node))
    for field, below in ast.iter_fields(node):
        if field not in ("annotation", "returns"):
            for child in below if isinstance(below, list) else [below]:
                is_docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
                if isinstance(child, ast.AST) and not is_docstring:
                    yield from _mutated(child)


def _faults(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare():
            for place, operator in enumerate(node.ops):
                yield _altered(node, ops=[*node.ops[:place], _OPERATORS[type(operator)](), *node.ops[place + 1 :]])
        case ast.BoolOp() | ast.BinOp() if type(node.op) in _OPERATORS:
            yield _altered(node, op=_OPERATORS[type(node.op)]())
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int()):
            yield from (ast.Constant(node.value + 1), ast.Constant(node.value - 1))
        case ast.Return(value=ast.expr()) if ast.unparse(node) != "return None":
            yield ast.parse("return None").body[0]
        case ast.Call(func=ast.Name(id=name)) if name in _FUNCTIONS:
            yield _altered(node, func=ast.Name(_FUNCTIONS[name]))
        case ast.Expr() | ast.AugAssign() | ast.Continue() | ast.Return(value=None):
            yield ast.Pass()
        case _:
            pass


def _altered(node: ast.AST, **fields: object) -> ast.AST:
    altered = copy.copy(node)
    for name, value in fields.items():
        setattr(altered, name, value)
    return altered


def _tests_of(module: Path) -> list[str]:
    """The file of tests of the same name, else the folder."""
    folder = Path("tests/unit", *module.parts[1:-1])
    file = folder / f"test_{module.stem}.py"
    return [str(file if (ROOT / file).is_file() else folder)]


def _passes(tree: Path, tests: Sequence[str], world: Path | None, timeout: float) -> bool:
    """Whether tests pass in a copy of the tree, in a process with the libraries loaded and none of our modules."""
    run = multiprocessing.get_context("fork").Process(target=_run_tests, args=(tree, tests, world))
    run.start()
    run.join(timeout)
    run.kill()
    run.join()
    return run.exitcode == 0


def _run_tests(tree: Path, tests: Sequence[str], world: Path | None) -> None:
    """The body of that process; with a file given, the mini world is built once and kept there."""
    output = os.open(tree.parent / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(tree)
    sys.path[0] = str(tree)
    sys.dont_write_bytecode = True
    os.environ |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    for name in [name for name in sys.modules if name.split(".")[0] in ("pipeline", "flows", "tests")]:
        del sys.modules[name]
    if world:
        _build_once(world)
    folder = tree.parent / ("first" if world and not world.is_file() else "next")
    sys.exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", f"--basetemp={folder}", *tests]))


def _build_once(kept: Path) -> None:
    """Keep what the first run builds of the mini world, and give it to the next ones."""
    minikg = importlib.import_module("tests.minikg")
    build = minikg.build

    def build_once(sources: object, settings: object, options: Any, reporter: object) -> object:
        if not kept.is_file():
            kept.write_bytes(pickle.dumps((build(sources, settings, options, reporter), options.work)))
        built, work = pickle.loads(kept.read_bytes())
        if not options.work.exists():
            options.work.symlink_to(work)
        return built

    minikg.build = build_once


def main(arguments: Sequence[str]) -> int:
    """Test a sample of the mutants of each module."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench mutants", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--module", dest="modules", type=Path, nargs="+", required=True, help="as pipeline/edits/splits.py"
    )
    parser.add_argument("--tests", nargs="+", help="default: the tests that mirror the module")
    parser.add_argument("--first", default="", metavar="EXPRESSION", help="tests to run first, as `pytest -k` reads it")
    parser.add_argument("--sample", type=int, default=25, metavar="N", help="how many (default: 25)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--lines", type=int, nargs="+", help="of the sample, only those that begin in these lines")
    parser.add_argument("--timeout", type=float, default=1800, metavar="SECONDS", help="after which a mutant is killed")
    options = parser.parse_args(arguments)
    for name in ("tests.minikg", "hypothesis"):
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".*", "releases"))
        if (shared := ROOT.parent / "shared").exists():
            Path(folder, "shared").symlink_to(shared.resolve())
        for module in options.modules:
            _test_module(module, tree, options)
    return 0


def _test_module(module: Path, tree: Path, options: argparse.Namespace) -> None:
    """Test a sample of the mutants of a module and print those that survive."""
    world, tests = tree.parent / "world", [str(module), *(options.tests or _tests_of(module))]  # its own examples, too
    first = [*tests, "-k", options.first]
    if not _passes(tree, first, world, options.timeout):
        print((tree.parent / "output").read_text(encoding="utf-8"))
        raise SystemExit(f"{module}: its tests fail without any fault")
    data = (ROOT / module).read_bytes()
    found = mutants_of(data.decode())
    sample = sorted(random.Random(options.seed).sample(found, min(options.sample, len(found))))
    if options.lines:
        sample = [mutant for mutant in sample if _line(data, mutant) in options.lines]
    survived = 0
    for mutant in sample:
        (tree / module).write_bytes(data[: mutant.start] + mutant.text.encode() + data[mutant.end :])
        if all(_passes(tree, *run, options.timeout) for run in ((first, world), (tests, None))):
            survived += 1
            print(f"{module}:{_line(data, mutant)}: {data[mutant.start : mutant.end].decode()} -> {mutant.text}")
            print(f"    - {data.splitlines()[_line(data, mutant) - 1].decode().strip()}", flush=True)
    (tree / module).write_bytes(data)
    print(f"{module}: {len(found)} mutants, {len(sample)} tested, {len(sample) - survived} killed", flush=True)


def _line(data: bytes, mutant: Mutant) -> int:
    return data.count(b"\n", 0, mutant.start) + 1
