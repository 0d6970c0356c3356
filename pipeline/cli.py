"""The command line: `editmill build`, `check`, `explain`, `score`; `ingest`, `diff`, `reshard`, `plan` for dumps."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from pipeline import __version__
from pipeline.errors import PipelineError, UsageError
from pipeline.progress import Reporter
from pipeline.records import Category

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
    _add_check(commands.add_parser("check", parents=[common], help="check a release again"))
    _add_explain(commands.add_parser("explain", parents=[common], help="tell what became of a subject and relation"))
    _add_score(commands.add_parser("score", parents=[common], help="score names in sentences with a language model"))
    _add_ingest(commands.add_parser("ingest", parents=[common], help="read a dump into tables"))
    _add_diff(commands.add_parser("diff", parents=[common], help="find what changed between two dumps"))
    _add_reshard(commands.add_parser("reshard", parents=[common], help="rewrite a dump as zstandard shards"))
    _add_plan(commands.add_parser("plan", parents=[common], help="tell what reading a dump will take"))
    return parser


_A_DUMP = "a file, a folder of shards, an address, or - for standard input"


def _add_ingest(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dump", metavar="DUMP", help=_A_DUMP)
    _add_how(parser)
    parser.set_defaults(run=_ingest)


def _add_diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", metavar="OLD", help=f"the older dump: {_A_DUMP}")
    parser.add_argument("new", metavar="NEW", help="the newer dump, likewise")
    _add_how(parser)
    parser.set_defaults(run=_diff)


def _add_reshard(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dump", metavar="DUMP", help=_A_DUMP)
    _add_how(parser)
    parser.set_defaults(run=_reshard)


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dump", type=Path, metavar="DUMP", help="a file or a folder of shards")
    parser.add_argument("--workers", type=_positive, default=os.cpu_count() or 1, metavar="N", help="processes")
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML file with what differs from the defaults")
    parser.set_defaults(run=_plan)


def _add_how(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the result goes")
    parser.add_argument("--workers", type=_positive, default=os.cpu_count() or 1, metavar="N", help="processes")
    parser.add_argument("--executor", choices=["processes", "dask"], default="processes", help="what runs the shards")
    parser.add_argument("--dask-address", metavar="A", help="Dask's scheduler (default: a cluster of processes here)")
    parser.add_argument("--memory", metavar="2GiB", help="what DuckDB may use before it spills to disk")
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML file with what differs from the defaults")


def _add_build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source", choices=["sample", "dump"], required=True, help="the bundled slice, or dumps")
    parser.add_argument(
        "--new", metavar="DUMP", help=f"the newer dump, plain or packed by gzip, bzip2 or zstandard: {_A_DUMP}"
    )
    parser.add_argument("--old", metavar="DUMP", help="the older dump; without it there is no recent category")
    parser.add_argument("--pageviews", type=Path, metavar="PATH", help="a file or folder of page views")
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
    built = build(_sources(options), settings, where, reporter)
    sys.stdout.write(summary(built.manifest, built.folder) + "\n")
    return 0


def _model(options: argparse.Namespace) -> str | None:
    """The model asked for. The tiny one has read the bundled slice and nothing else: for dumps there is no default."""
    default = "bundled" if options.source == "sample" else "none"
    return None if (options.model or default) == "none" else options.model or default


def _sources(options: argparse.Namespace):
    from pipeline.build import Sources
    from pipeline.dumps import local_dump
    from pipeline.sources.sample import sample_dumps, sample_pageviews

    if options.source == "sample":
        if options.old or options.new:
            raise UsageError("The bundled slice brings its own dumps", "--source sample", "Use --source dump.")
        old, new = sample_dumps()
        return Sources("sample", new, old, options.pageviews or sample_pageviews(), options.exclude)
    if options.new is None:
        raise UsageError("No dump was given", "--new", "Name the newer dump, as in --new wikidata-all.json.gz.")
    work = options.work or options.out / ".work"
    new, old = (local_dump(name, work) if name else None for name in (options.new, options.old))
    return Sources("dump", new, old, options.pageviews, options.exclude)


def _how(options: argparse.Namespace):
    from pipeline.dumps import How
    from pipeline.settings import load_settings

    if options.dask_address and options.executor != "dask":
        raise UsageError("A scheduler was named, but Dask is not asked for", "--dask-address", "Add --executor dask.")
    settings = load_settings(options.config, {"memory": options.memory})
    return settings, How(options.out, options.workers, options.executor, options.dask_address)


def _ingest(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.dumps import ingest_dump

    counts = ingest_dump(options.dump, *_how(options), reporter)
    lines, items, statements, bad = (counts[name] for name in ("lines", "items", "statements", "unreadable"))
    sys.stdout.write(
        f"{options.out}: {items} items, {statements} statements kept, of {lines} lines, {bad} unreadable\n"
    )
    return 0


def _diff(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.dumps import diff_dumps

    counts = diff_dumps(options.old, options.new, *_how(options), reporter)
    told = ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing changed"
    sys.stdout.write(f"{options.out}: {told}\n")
    return 0


def _reshard(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.dumps import reshard_dump

    index = reshard_dump(options.dump, *_how(options), reporter)
    sys.stdout.write(f"{options.out}: {len(index.shards)} shards of {index.size} bytes in all\n")
    return 0


def _plan(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.plan import plan_dump, written
    from pipeline.settings import load_settings

    del reporter
    sys.stdout.write(written(plan_dump(options.dump, load_settings(options.config), options.workers)) + "\n")
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


if __name__ == "__main__":
    sys.exit(main())
