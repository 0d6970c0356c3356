"""The command line: arguments in, an exit code out."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pipeline import __version__
from pipeline.errors import PipelineError, UsageError
from pipeline.progress import Reporter
from pipeline.records import Category

if TYPE_CHECKING:  # imported when it is used, to keep --help quick
    from pipeline.settings import Settings

DEFAULT_OUT = Path("releases")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit code: 0 when all went well, 1 when a check failed, 2 for bad usage or bad input.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    reporter = Reporter("json" if options.json_logs else None)
    try:
        return options.run(options, reporter)
    except PipelineError as error:
        reporter.warn("error", f"editmill: {error}", kind=type(error).__name__, where=error.where)
        return error.exit_code
    except KeyboardInterrupt:
        reporter.warn("interrupted", "editmill: Interrupted. Run the same command again to go on from here.")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="editmill", description="Build knowledge-editing data sets from Wikidata.")
    parser.add_argument("--version", action="version", version=f"editmill {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json-logs", action="store_true", help="tell progress and errors as JSON lines")
    _add_build(commands.add_parser("build", parents=[common], help="build a release"))
    _add_plan(commands.add_parser("plan", parents=[common], help="tell what a visit to a living wiki would cost"))
    _add_check(commands.add_parser("check", parents=[common], help="check a release again"))
    _add_explain(commands.add_parser("explain", parents=[common], help="tell what became of a subject and relation"))
    _add_score(commands.add_parser("score", parents=[common], help="score names in sentences with a language model"))
    _add_drift(commands.add_parser("drift", parents=[common], help="compare a release with the last ones"))
    _add_sandbox(commands.add_parser("sandbox", parents=[common], help="serve a small Wikidata on this machine"))
    _add_publish(commands.add_parser("publish", parents=[common], help="put a release on the Hugging Face Hub"))
    return parser


def _add_build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--source", choices=["sample", "dump", "live"], required=True, help="the bundled slice, dumps, or a living wiki"
    )
    parser.add_argument(
        "--new", type=Path, metavar="DUMP", help="the newer dump: .json, .json.gz, .json.bz2, .json.zst"
    )
    parser.add_argument(
        "--old", type=Path, metavar="DUMP", help="the older dump; without it there is no recent category"
    )
    parser.add_argument("--pageviews", metavar="PATH", help="a file or folder of page views; for live, the service")
    _add_live(parser)
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help="where releases go")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where finished stages are kept (default: OUT/.work)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML file with what differs from the defaults")
    parser.add_argument("--categories", type=_categories, metavar="A,B", help="which categories to build")
    parser.add_argument("--exclude", type=Path, metavar="FILE", help="subjects and prompts to keep out of every split")
    parser.add_argument("--seed", type=int, metavar="N", help="the seed of every draw")
    parser.add_argument("--workers", type=_positive, default=os.cpu_count() or 1, metavar="N", help="processes")
    parser.add_argument("--version", type=_name, dest="name", metavar="NAME", help="the name of the release")
    parser.add_argument(
        "--model",
        metavar="PATH_OR_ID|bundled|none",
        help="the causal language model that finds unlikely names: a folder, a Hub id, the tiny one that comes along, "
        "or none (default: bundled for the sample; none for dumps, of which the tiny model knows nothing)",
    )
    parser.set_defaults(run=_build)


def _add_live(parser: argparse.ArgumentParser) -> None:
    live = parser.add_argument_group("a living wiki")
    live.add_argument("--contact", metavar="MAIL_OR_URL", help="who runs this: the servers are told")
    live.add_argument("--since", metavar="7d", help="a window of so many days, and what earlier visits missed")
    live.add_argument("--from", dest="start", metavar="T0", help="the window's start, which is not in it")
    live.add_argument("--to", dest="end", metavar="T1", help="the window's end, which is")
    live.add_argument("--api", metavar="URL", help="the api.php of the repository (default: Wikidata's)")
    live.add_argument("--sparql", metavar="URL", help="its query service (default: Wikidata's, for Wikidata)")
    live.add_argument("--wiki-api", metavar="URL", help="the api.php of the wiki that page views are of")
    live.add_argument("--repo-state", type=Path, metavar="DIR", help="what visits keep (default: OUT/.state)")


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", choices=["live"], required=True, help="what would be read")
    parser.add_argument("--pageviews", metavar="URL", help="the page view service")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help="where releases go")
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML file with what differs from the defaults")
    _add_live(parser)
    parser.set_defaults(run=_plan)


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("release", type=Path, metavar="DIR", help="the folder of a release")
    parser.set_defaults(run=_check)


def _add_explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subject", metavar="Q23", help="an item")
    parser.add_argument("relation", metavar="P26", help="a relation")
    parser.add_argument("--release", type=Path, required=True, metavar="DIR", help="the folder of a release")
    parser.set_defaults(run=_explain)


def _add_score(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("requests", type=Path, metavar="REQUESTS", help="Parquet with the columns id, text, start, end")
    parser.add_argument("--model", required=True, metavar="PATH_OR_ID", help="a causal language model")
    parser.add_argument("--revision", metavar="R", help="branch, tag or commit of a Hub model")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where scores go; run again to go on")
    parser.add_argument("--dtype", default="float32", help="float32 (default), bfloat16 or float16")
    parser.add_argument("--device", default="auto", help="auto (default: all GPUs, or the CPU), cpu, cuda or cuda:N")
    parser.add_argument(
        "--max-tokens-per-batch", type=_positive, metavar="N", help="tokens that the model reads at once"
    )
    parser.add_argument(
        "--sharing",
        choices=["dedup", "trie", "none"],
        help="read equal sentences once, or equal beginnings, or neither",
    )
    parser.add_argument(
        "--workers", type=_positive, metavar="N", help="processes (default: one a GPU; one for a CPU's many cores)"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML file with what differs from the defaults")
    parser.add_argument("--trust-remote-code", action="store_true", help="run code that comes with the model")
    parser.set_defaults(run=_score)


def _add_drift(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("release", type=Path, metavar="DIR", help="the folder of a release")
    past = parser.add_mutually_exclusive_group(required=True)
    past.add_argument("--against", type=Path, nargs="+", metavar="DIR", help="folders of earlier releases")
    past.add_argument("--repo-id", metavar="ORG/NAME", help="a repository on the Hub, for its last releases")
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML file with what differs from the defaults")
    parser.set_defaults(run=_drift)


def _add_sandbox(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=0, metavar="N", help="where; any free one if it is not given")
    parser.add_argument(
        "--faults",
        metavar="NAME=SHARE,...",
        default="",
        help="what goes wrong with which share of the requests: too_many, unavailable, maxlag, truncated, slow, "
        "dropped, and of the changes: disorder",
    )
    parser.set_defaults(run=_sandbox)


def _add_publish(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("release", type=Path, metavar="DIR", help="the folder of a release")
    parser.add_argument("--repo-id", required=True, metavar="ORG/NAME", help="the repository on the Hub")
    parser.add_argument("--private", action="store_true", help="make the repository private, if it is made now")
    parser.add_argument("--tag", type=_name, metavar="NAME", help="its tag (default: the release's name)")
    parser.add_argument("--accept-drift", action="store_true", help="publish although it is not like the last ones")
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML file with what differs from the defaults")
    parser.set_defaults(run=_publish)


def _categories(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    known = get_args(Category)
    if unknown := sorted(set(names) - set(known)):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known are {', '.join(known)}")
    return tuple(name for name in known if name in names)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number above 0")
    return int(text)


def _name(text: str) -> str:
    if not re.fullmatch(r"\w[\w.+-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name: use letters, digits and . _ + -")
    return text


# The heavy modules are imported by the command that needs them, so that `--help` answers at once.


def _build(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.build import Options, build
    from pipeline.report import summary
    from pipeline.settings import load_settings

    settings = load_settings(options.config, {"seed": options.seed, "categories": options.categories})
    where = Options(
        out=options.out,
        work=options.work or options.out / ".work",
        workers=options.workers,
        version=options.name,
        model=_model(options),
    )
    sources = _live(options, settings, reporter) if options.source == "live" else _sources(options)
    built = build(sources, settings, where, reporter)
    sys.stdout.write(summary(built.manifest, built.folder) + "\n")
    return 0


def _model(options: argparse.Namespace) -> str | None:
    """The model asked for. The tiny one has read the bundled slice and nothing else: for dumps there is no default."""
    default = "bundled" if options.source == "sample" else "none"
    return None if (options.model or default) == "none" else options.model or default


def _sources(options: argparse.Namespace):
    from pipeline.build import Sources
    from pipeline.sources.sample import sample_dumps, sample_pageviews

    pageviews = Path(options.pageviews) if options.pageviews else None
    if options.source == "sample":
        if options.old or options.new:
            raise UsageError("The bundled slice brings its own dumps", "--source sample", "Use --source dump.")
        old, new = sample_dumps()
        return Sources("sample", new, old, pageviews or sample_pageviews(), options.exclude)
    if options.new is None:
        raise UsageError("No dump was given", "--new", "Name the newer dump, as in --new wikidata-all.json.gz.")
    return Sources("dump", options.new, options.old, pageviews, options.exclude)


def _live(options: argparse.Namespace, settings: "Settings", reporter: Reporter):
    from pipeline.build import Sources
    from pipeline.settings import load_operations
    from pipeline.sources.harvest import ITEMS
    from pipeline.visiting import visit

    made = visit(_asked(options), settings, load_operations(options.config).polite, options.workers, reporter)
    return Sources("live", made.folder / ITEMS, None, made.views, options.exclude, made)


def _asked(options: argparse.Namespace):
    from pipeline.visiting import Asked

    return Asked(
        contact=options.contact,
        state=options.repo_state or options.out / ".state",
        since=options.since,
        start=options.start,
        end=options.end,
        api=options.api,
        sparql=options.sparql,
        pageviews=options.pageviews,
        wiki_api=options.wiki_api,
    )


def _plan(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.settings import load_operations, load_settings
    from pipeline.visiting import plan

    del reporter
    told = plan(_asked(options), load_settings(options.config), load_operations(options.config).polite)
    sys.stdout.write(told + "\n")
    return 0


def _check(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.checks import run_checks, written
    from pipeline.release import read_release
    from pipeline.templates import load_templates

    del reporter
    results = run_checks(read_release(options.release, load_templates().relations))
    sys.stdout.write(written(results) + "\n")
    return 1 if any(result.required and not result.passed for result in results) else 0


def _explain(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.explain import explain

    del reporter
    sys.stdout.write(explain(options.release, options.subject, options.relation) + "\n")
    return 0


def _score(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.lm.lanes import Run
    from pipeline.lm.loading import Choice
    from pipeline.lm.score_file import score_file
    from pipeline.settings import load_settings

    settings = load_settings(options.config)
    run = Run(
        choice=Choice(options.model, options.revision, options.dtype, options.device, options.trust_remote_code),
        scoring=settings.scoring.model_copy(update={"sharing": options.sharing} if options.sharing else {}),
        max_tokens_per_batch=options.max_tokens_per_batch or settings.likelihood.max_tokens_per_batch,
        workers=options.workers,
    )
    sys.stdout.write(score_file(options.requests, options.out, run, reporter).sentence() + "\n")
    return 0


def _drift(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline import hub
    from pipeline.drift import refuse_drift, written
    from pipeline.manifest import MANIFEST, read_numbers
    from pipeline.publishing import drift_of
    from pipeline.settings import load_operations

    operations = load_operations(options.config)
    if options.against:
        past = [read_numbers(folder / MANIFEST) for folder in options.against]
    else:
        found = hub.published(options.repo_id, operations.drift.releases + 1, operations.hub, reporter)
        past = [one for tag, one in found.items() if tag != options.release.name]
    findings = drift_of(options.release, past, operations)
    sys.stdout.write(written(findings) + "\n")
    refuse_drift(options.release.name, findings)
    return 0


def _sandbox(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.sandbox.running import run

    del reporter
    return run(options.port, options.faults, sys.stdout)


def _publish(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.publishing import Where, publish_release
    from pipeline.settings import load_operations

    where = Where(options.repo_id, options.private)
    operations = load_operations(options.config)
    done = publish_release(
        options.release, where, operations, reporter, options.tag or "", accept_drift=options.accept_drift
    )
    sys.stdout.write(f"{'Was there already' if done.was_there else 'Published'}: {done.tag} at {done.url}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
