"""`editmill plan`: what a dump, or a visit to a living wiki, will take."""

import argparse
import sys
from pathlib import Path

from pipeline.cli.arguments import DEFAULT_OUT, Command, add_config, add_live, add_workers, asked
from pipeline.core.errors import UsageError
from pipeline.core.progress import Reporter


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dump", type=Path, nargs="?", metavar="DUMP", help="a file or a folder of shards")
    parser.add_argument("--source", choices=["dump", "live"], help="what would be read (default: dump)")
    add_workers(parser)
    parser.add_argument("--pageviews", metavar="URL", help="the page view service of a living wiki")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help="where releases go")
    add_config(parser)
    add_live(parser)


def _plan(options: argparse.Namespace, reporter: Reporter) -> int:
    del reporter
    if options.source == "live":
        if options.dump:
            raise UsageError("A living wiki has no dump", f"plan {options.dump}", "Leave it or --source live away.")
        told = _live(options)
    elif options.dump:
        told = _dump(options)
    else:
        raise UsageError("There is nothing to plan", "plan", "Name a dump, or add --source live.")
    sys.stdout.write(told + "\n")
    return 0


def _dump(options: argparse.Namespace) -> str:
    from pipeline.core.settings import load_operations, load_settings
    from pipeline.jobs.plan import format_plan, plan_dump

    assumed = load_operations(options.config).plan
    return format_plan(plan_dump(options.dump, load_settings(options.config), assumed, options.workers))


def _live(options: argparse.Namespace) -> str:
    from pipeline.core.settings import load_operations, load_settings
    from pipeline.jobs.live import plan

    return plan(asked(options), load_settings(options.config), load_operations(options.config).polite)


PLAN = Command("plan", "tell what a dump or a visit to a living wiki will take", _arguments, _plan)
