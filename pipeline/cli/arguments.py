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
_MOST_DIGITS = 9  # of a whole number, which is then one of 32 bits
_LONGEST_NAME = 200  # bytes: file systems allow 255, and a release is made beside its name in `.NAME.part`
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
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    if len(text) > _MOST_DIGITS:
        raise argparse.ArgumentTypeError(f"{text} is too large")
    return int(text)


def name(text: str) -> str:
    """A name that can be that of a folder and of a tag."""
    if not re.fullmatch(r"\w[\w.+-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name: use letters, digits and . _ + -")
    if len(text.encode()) > _LONGEST_NAME:
        raise argparse.ArgumentTypeError(f"{text[:20]}... is longer than {_LONGEST_NAME} bytes")
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


def add_model(parser: argparse.ArgumentParser, workers: str = "--model-workers") -> None:
    """How a language model runs: the settings of the section `model`.

    Args:
        parser: Of the command, which has a `--model`.
        workers: The option for the number of processes.
    """
    model = parser.add_argument_group("the language model", "settings of the section [model]; see --config")
    model.add_argument("--revision", metavar="R", help="branch, tag or commit of a model on the Hub (default: main)")
    model.add_argument(
        "--dtype", choices=["float32", "bfloat16", "float16"], help="what the model computes in (default: float32)"
    )
    model.add_argument("--device", help="auto (default: every GPU, or the CPU), cpu, cuda or cuda:N")
    model.add_argument("--max-tokens-per-batch", type=positive, metavar="N", help="tokens that the model reads at once")
    model.add_argument(
        "--sharing",
        choices=["dedup", "trie", "none"],
        help="read equal sentences once, or equal beginnings (default), or neither",
    )
    model.add_argument(
        workers,
        dest="model_workers",
        type=positive,
        metavar="N",
        help="processes that hold the model (default: one a GPU; one for a CPU's many cores)",
    )
    model.add_argument(
        "--trust-remote-code", action="store_const", const=True, help="run code that comes with the model"
    )


def model_settings(options: argparse.Namespace) -> dict[str, object]:
    """The settings of the section `model` that the options of `add_model` give; None where there is no option."""
    names = ("revision", "dtype", "device", "max_tokens_per_batch", "sharing", "trust_remote_code")
    return {name: getattr(options, name) for name in names} | {"workers": options.model_workers}


def add_workers(parser: argparse.ArgumentParser) -> None:
    """`--workers`."""
    parser.add_argument("--workers", type=positive, default=os.cpu_count() or 1, metavar="N", help="processes")


def add_release(parser: argparse.ArgumentParser) -> None:
    """A release by its folder."""
    parser.add_argument("release", type=Path, metavar="DIR", help="the folder of a release")


def add_live_options(parser: argparse.ArgumentParser) -> None:
    """The options of the live source."""
    live = parser.add_argument_group("a living wiki")
    live.add_argument("--contact", metavar="MAIL_OR_URL", help="the operator, for the user agent of every request")
    live.add_argument(
        "--since", metavar="7d", help="a window of so many days, or longer if the last harvest ended earlier"
    )
    live.add_argument("--from", dest="start", metavar="T0", help="the start of the window, not included")
    live.add_argument("--to", dest="end", metavar="T1", help="the end of the window, included")
    live.add_argument("--api", metavar="URL", help="the api.php of the repository (default: Wikidata's)")
    live.add_argument("--sparql", metavar="URL", help="its query service (default: Wikidata's, for Wikidata)")
    live.add_argument(
        "--pageview-dumps",
        metavar="URL",
        help="monthly files of all pages, for more pages than the service lists (default: Wikimedia's, for Wikidata)",
    )
    live.add_argument("--wiki-api", metavar="URL", help="the api.php of the wiki whose page views count")
    live.add_argument(
        "--repo-state", type=Path, metavar="DIR", help="where fetched data is kept between runs (default: OUT/.state)"
    )


def live_options(options: argparse.Namespace):
    """The options of the live source as a `LiveOptions`."""
    from pipeline.jobs.live import LiveOptions

    return LiveOptions(
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
