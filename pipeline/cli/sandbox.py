"""`editmill sandbox`."""

import argparse
import sys

from pipeline.cli.arguments import Command
from pipeline.core.progress import Reporter


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, metavar="N", help="of the wiki; any free one if it is not given")
    parser.add_argument("--hub-port", type=int, default=0, metavar="N", help="of the Hub, likewise")
    parser.add_argument(
        "--faults",
        metavar="NAME=SHARE,...",
        default="",
        help="what goes wrong with which share of the requests to the wiki: too_many, unavailable, maxlag, truncated, "
        "slow, dropped, lost; of its recent changes: disorder, suppressed (summaries); of its revisions: lagging",
    )


def _sandbox(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.sandbox.running import Ports, run

    del reporter
    return run(Ports(options.port, options.hub_port), options.faults, sys.stdout)


SANDBOX = Command("sandbox", "serve a small Wikidata and a Hub on this machine", _arguments, _sandbox)
