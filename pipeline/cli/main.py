"""The command line: arguments in, an exit code out."""

import argparse
import sys
from collections.abc import Sequence

from pipeline import __version__
from pipeline.cli import COMMANDS
from pipeline.core.errors import PipelineError
from pipeline.core.progress import Reporter


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit code: 0 when all went well, 1 when a check failed, 2 for bad usage or bad input.
    """
    options = make_parser().parse_args(arguments)
    reporter = Reporter("json" if options.json_logs else None)
    try:
        return options.run(options, reporter)
    except PipelineError as error:
        reporter.warn("error", f"editmill: {error}", kind=type(error).__name__, where=error.where)
        return error.exit_code
    except KeyboardInterrupt:
        reporter.warn("interrupted", "editmill: Interrupted. Run the same command again to go on from here.")
        return 130


def make_parser() -> argparse.ArgumentParser:
    """The parser of every command; what it parses holds, as `run`, the function that does it."""
    parser = argparse.ArgumentParser(prog="editmill", description="Build knowledge-editing data sets from Wikidata.")
    parser.add_argument("--version", action="version", version=f"editmill {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json-logs", action="store_true", help="report progress and errors as JSON lines")
    for command in COMMANDS:
        added = commands.add_parser(command.name, parents=[common], help=command.what)
        command.add_arguments(added)
        added.set_defaults(run=command.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
