"""The command line: arguments in, an exit code out."""

import argparse
import sys
from collections.abc import Sequence

from pipeline import __version__
from pipeline.cli import COMMANDS
from pipeline.cli.output import PIPE_CLOSED, ReaderGone, standard_output
from pipeline.core.errors import PipelineError, UsageError
from pipeline.core.progress import Reporter


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit code: 0 when all went well, 1 when a check failed, 2 for bad usage, bad input or a system that refuses,
        3 when a server refuses, 130 after Ctrl-C, 141 when whoever read the output has gone.
    """
    reporter = Reporter()
    try:
        with standard_output():
            options = make_parser().parse_args(_readable(sys.argv[1:] if arguments is None else arguments))
            reporter = Reporter("json" if options.json_logs else None)
            return _run(options, reporter)
    except PipelineError as error:
        reporter.warn("error", f"editmill: {error}", kind=type(error).__name__, where=error.where)
        return error.exit_code
    except ReaderGone:
        return PIPE_CLOSED
    except KeyboardInterrupt:
        reporter.warn("interrupted", "editmill: Interrupted. Run the same command again to go on from here.")
        return 130


def _run(options: argparse.Namespace, reporter: Reporter) -> int:
    try:
        return options.run(options, reporter)
    except (PipelineError, ReaderGone):
        raise
    except _foreign_errors() as error:
        from pipeline.core.foreign import as_ours

        raise as_ours(error) from error


def _foreign_errors() -> tuple[type[Exception], ...]:
    """The errors of the system, of DuckDB and of Arrow; both are imported only when something went wrong."""
    from pipeline.core.foreign import foreign_errors

    return foreign_errors()


def _readable(arguments: Sequence[str]) -> Sequence[str]:
    """The arguments, if they are text.

    Raises:
        UsageError: One is not, and neither DuckDB nor a manifest can name it.
    """
    for argument in arguments:
        if not argument.isascii() and argument.encode("utf-8", "replace").decode() != argument:
            raise UsageError(
                "An argument is not UTF-8",
                ascii(argument),
                "Give files names in UTF-8, and use a UTF-8 locale, as in LC_ALL=C.UTF-8.",
            )
    return arguments


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
