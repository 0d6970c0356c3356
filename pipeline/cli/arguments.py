"""What a command is, and the arguments that several of them take."""

import argparse
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.core.progress import Reporter

DEFAULT_OUT = Path("releases")
A_DUMP = "a file, a folder of shards, an address, or - for standard input"


@dataclass(frozen=True)
class Command:
    """A command of the command line."""

    name: str
    what: str  # it does, for `--help`
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Reporter], int]  # gives the exit code


def positive(text: str) -> int:
    """A whole number above 0."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number above 0")
    return int(text)


def name(text: str) -> str:
    """A name that can be that of a folder and of a tag."""
    if not re.fullmatch(r"\w[\w.+-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name: use letters, digits and . _ + -")
    return text


def moment(text: str) -> datetime:
    """A date, or a date and a time, in UTC unless it says otherwise.

    >>> moment("2015-01-04").isoformat()
    '2015-01-04T00:00:00+00:00'
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2015-01-04") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def add_dates(parser: argparse.ArgumentParser) -> None:
    """`--old-date` and `--new-date`."""
    for which in ("old", "new"):
        parser.add_argument(
            f"--{which}-date",
            type=moment,
            metavar="DATE",
            help=f"when the {which}er dump was made (default: where the edit times of its items end)",
        )


def add_config(parser: argparse.ArgumentParser) -> None:
    """`--config`."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML file with what differs from the defaults")


def add_workers(parser: argparse.ArgumentParser) -> None:
    """`--workers`."""
    parser.add_argument("--workers", type=positive, default=os.cpu_count() or 1, metavar="N", help="processes")


def add_release(parser: argparse.ArgumentParser) -> None:
    """A release by its folder."""
    parser.add_argument("release", type=Path, metavar="DIR", help="the folder of a release")


def add_live(parser: argparse.ArgumentParser) -> None:
    """What a visit to a living wiki is told."""
    live = parser.add_argument_group("a living wiki")
    live.add_argument("--contact", metavar="MAIL_OR_URL", help="who runs this: the servers are told")
    live.add_argument("--since", metavar="7d", help="a window of so many days, and what earlier visits missed")
    live.add_argument("--from", dest="start", metavar="T0", help="the window's start, which is not in it")
    live.add_argument("--to", dest="end", metavar="T1", help="the window's end, which is")
    live.add_argument("--api", metavar="URL", help="the api.php of the repository (default: Wikidata's)")
    live.add_argument("--sparql", metavar="URL", help="its query service (default: Wikidata's, for Wikidata)")
    live.add_argument(
        "--pageview-dumps",
        metavar="URL",
        help="monthly files of all pages, for more pages than its service tells (default: Wikimedia's, for Wikidata)",
    )
    live.add_argument("--wiki-api", metavar="URL", help="the api.php of the wiki that page views are of")
    live.add_argument("--repo-state", type=Path, metavar="DIR", help="what visits keep (default: OUT/.state)")


def asked(options: argparse.Namespace):
    """A visit as it was asked for (`visiting.Asked`)."""
    from pipeline.jobs.live import Asked

    return Asked(
        contact=options.contact,
        state=options.repo_state or options.out / ".state",
        since=options.since,
        start=options.start,
        end=options.end,
        api=options.api,
        sparql=options.sparql,
        pageviews=options.pageviews,
        pageview_dumps=options.pageview_dumps,
        wiki_api=options.wiki_api,
    )
