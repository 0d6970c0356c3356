"""`editmill ingest`, `diff` and `reshard`: whole dumps, apart from a build."""

import argparse
from pathlib import Path

from pipeline.cli.arguments import A_DUMP, Command, add_config, add_dates, add_workers
from pipeline.cli.output import write_out
from pipeline.core.errors import UsageError
from pipeline.core.progress import Reporter


def _one_dump(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dump", metavar="DUMP", help=A_DUMP)
    _add_how(parser)


def _two_dumps(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", metavar="OLD", help=f"the older dump: {A_DUMP}")
    parser.add_argument("new", metavar="NEW", help="the newer dump, likewise")
    add_dates(parser)
    _add_how(parser)


def _add_how(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the result goes")
    add_workers(parser)
    parser.add_argument("--executor", choices=["processes", "dask"], default="processes", help="what runs the shards")
    parser.add_argument("--dask-address", metavar="A", help="Dask's scheduler (default: a cluster of processes here)")
    parser.add_argument("--memory", metavar="2GiB", help="what DuckDB may use before it spills to disk")
    add_config(parser)


def _how(options: argparse.Namespace):
    from pipeline.core.settings import load_settings
    from pipeline.jobs.dumps import RunOptions

    if options.dask_address and options.executor != "dask":
        raise UsageError("A scheduler was named, but Dask is not asked for", "--dask-address", "Add --executor dask.")
    settings = load_settings(options.config, {"memory": options.memory})
    return settings, RunOptions(options.out, options.workers, options.executor, options.dask_address)


def _ingest(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.jobs.dumps import ingest_dump

    counts = ingest_dump(options.dump, *_how(options), reporter)
    summary = (
        "{items} items, {statements} statements kept, of {lines} lines, {unreadable} unreadable, {repeated} repeated"
    )
    write_out(f"{options.out}: {summary.format_map(counts)}\n")
    return 0


def _diff(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.jobs.dumps import diff_dumps
    from pipeline.sources.diff.window import Given

    given = Given(options.old_date, options.new_date)
    found = diff_dumps(options.old, options.new, *_how(options), reporter, given)
    classes = ", ".join(f"{count} {kind}" for kind, count in found.classes.items()) or "nothing changed"
    older, newer = found.window.older, found.window.newer
    dates = " to ".join(f"{state.date:%Y-%m-%d}" if state.date else "no date" for state in (older, newer))
    repeated = f"{older.repeated} and {newer.repeated} repeated lines"
    write_out(f"{options.out}: {classes}; {dates}, {repeated}\n")
    return 0


def _reshard(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.jobs.dumps import reshard_dump

    index = reshard_dump(options.dump, *_how(options), reporter)
    write_out(f"{options.out}: {len(index.shards)} shards of {index.size} bytes in all\n")
    return 0


DUMPS = (
    Command("ingest", "read a dump into tables", _one_dump, _ingest),
    Command("diff", "find what changed between two dumps", _two_dumps, _diff),
    Command("reshard", "rewrite a dump as zstandard shards", _one_dump, _reshard),
)
