"""`editmill plan`: what reading a dump, or harvesting a living wiki, will cost."""

import argparse
from pathlib import Path

from pipeline.cli.arguments import DEFAULT_OUT, Command, add_config, add_live_options, add_workers, live_options
from pipeline.cli.output import write_out
from pipeline.core.errors import UsageError
from pipeline.core.extras import require
from pipeline.core.progress import Reporter


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dump", type=Path, nargs="?", metavar="DUMP", help="a file or a folder of shards")
    parser.add_argument("--source", choices=["dump", "live"], help="what to plan for (default: dump)")
    add_workers(parser)
    parser.add_argument("--pageviews", metavar="URL", help="the page view service of a living wiki")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help="where releases go")
    add_config(parser)
    add_live_options(parser)


def _plan(options: argparse.Namespace, reporter: Reporter) -> int:
    del reporter
    if options.source == "live":
        if options.dump:
            raise UsageError(
                "The live source reads no dump", f"plan {options.dump}", "Remove the dump or --source live."
            )
        text = _plan_live(options)
    elif options.dump:
        text = _plan_dump(options)
    else:
        raise UsageError("There is nothing to plan", "plan", "Name a dump, or add --source live.")
    write_out(text + "\n")
    return 0


def _plan_dump(options: argparse.Namespace) -> str:
    from pipeline.core.settings import load_operations, load_settings
    from pipeline.jobs.plan import format_plan, plan_dump

    assumed = load_operations(options.config).plan
    return format_plan(plan_dump(options.dump, load_settings(options.config), assumed, options.workers))


def _plan_live(options: argparse.Namespace) -> str:
    require("live", "--source live")
    from pipeline.core.settings import load_operations, load_settings
    from pipeline.jobs.live import plan_harvest

    return plan_harvest(live_options(options), load_settings(options.config), load_operations(options.config).polite)


PLAN = Command("plan", "project what a dump or a harvest will cost", _arguments, _plan)
