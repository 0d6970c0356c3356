"""`editmill build`."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pipeline.cli.arguments import (
    A_DUMP,
    DEFAULT_OUT,
    Command,
    add_config,
    add_dates,
    add_live_options,
    add_model,
    add_workers,
    live_options,
    model_settings,
    name,
)
from pipeline.cli.output import write_out
from pipeline.core.edit_record import Category
from pipeline.core.errors import UsageError
from pipeline.core.extras import require
from pipeline.core.progress import Reporter

if TYPE_CHECKING:
    from pipeline.core.settings import Settings


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--source", choices=["sample", "dump", "live"], required=True, help="the bundled slice, dumps, or a living wiki"
    )
    parser.add_argument(
        "--new", metavar="DUMP", help=f"the newer dump, plain or packed by gzip, bzip2, zstandard or xz: {A_DUMP}"
    )
    parser.add_argument("--old", metavar="DUMP", help="the older dump; without it there is no recent category")
    add_dates(parser)
    parser.add_argument("--pageviews", metavar="PATH", help="a file or folder of page views; for live, the service")
    add_live_options(parser)
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help="where releases go")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where finished stages are kept (default: OUT/.work)")
    add_config(parser)
    parser.add_argument("--categories", type=_categories, metavar="A,B", help="which categories to build")
    parser.add_argument("--exclude", type=Path, metavar="FILE", help="subjects and prompts to keep out of every split")
    parser.add_argument(
        "--verdicts", type=Path, nargs="+", metavar="FILE", help="what readers found (editmill audit), for the card"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="the seed of every draw")
    add_workers(parser)
    parser.add_argument("--version", type=name, dest="name", metavar="NAME", help="the name of the release")
    parser.add_argument(
        "--model",
        metavar="PATH_OR_ID|bundled|none",
        help="the causal language model that finds unlikely names: a folder, a Hub id, the tiny one that comes along, "
        "or none (default: bundled for the sample; none for dumps, of which the tiny model knows nothing)",
    )
    add_model(parser)


def _categories(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    known = get_args(Category)
    if unknown := sorted(set(names) - set(known)):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known are {', '.join(known)}")
    return tuple(category for category in known if category in names)


def _build(options: argparse.Namespace, reporter: Reporter) -> int:
    from pipeline.core.settings import load_settings
    from pipeline.jobs.build import Options, build
    from pipeline.release.summary import summary

    overrides = {"seed": options.seed, "categories": options.categories, "model": model_settings(options)}
    settings = load_settings(options.config, overrides)
    where = Options(
        out=options.out,
        work=options.work or options.out / ".work",
        workers=options.workers,
        version=options.name,
        model=chosen_model(options),
    )
    if where.model:
        require("lm", f"--model {where.model}", "Or add `--model none`, which builds a release without one.")
    is_live = options.source == "live"
    sources = _live_sources(options, settings, reporter) if is_live else _sources(options, where.work)
    if options.verdicts:
        sources = replace(sources, verdicts=options.verdicts)
    built = build(sources, settings, where, reporter)
    write_out(summary(built.manifest, built.folder) + "\n")
    return 0


def chosen_model(options: argparse.Namespace) -> str | None:
    """The model asked for. The tiny one has read the bundled slice and nothing else: for dumps there is no default."""
    default = "bundled" if options.source == "sample" else "none"
    return None if (options.model or default) == "none" else options.model or default


def _sources(options: argparse.Namespace, work: Path):
    from pipeline.jobs.build import Sources
    from pipeline.jobs.dumps import local_dump
    from pipeline.sources.diff.window import Given
    from pipeline.sources.files.sample import sample_dumps, sample_pageviews, sample_verdicts

    pageviews = Path(options.pageviews) if options.pageviews else None
    given = Given(options.old_date, options.new_date)
    if options.source == "sample":
        if options.old or options.new:
            raise UsageError("The bundled slice brings its own dumps", "--source sample", "Use --source dump.")
        old, new = sample_dumps()
        views = pageviews or sample_pageviews()
        return Sources("sample", new, old, views, options.exclude, given=given, verdicts=sample_verdicts())
    if options.new is None:
        raise UsageError("No dump was given", "--new", "Name the newer dump, as in --new wikidata-all.json.gz.")
    if options.old_date and not options.old:
        raise UsageError("There is no older dump to date", "--old-date", "Name it with --old.")
    old = local_dump(options.old, work) if options.old else None
    return Sources("dump", local_dump(options.new, work), old, pageviews, options.exclude, given=given)


def _live_sources(options: argparse.Namespace, settings: "Settings", reporter: Reporter):
    require("live", "--source live")
    from pipeline.core.settings import load_operations
    from pipeline.jobs.build import Sources
    from pipeline.jobs.live import run_harvest
    from pipeline.sources.live.state import ITEMS

    if options.old_date or options.new_date:
        raise UsageError("A living wiki has no dumps to date", "--old-date, --new-date", "Use --from and --to.")
    polite = load_operations(options.config).polite
    harvest = run_harvest(live_options(options), settings, polite, options.workers, reporter)
    return Sources("live", harvest.folder / ITEMS, None, harvest.views, options.exclude, harvest)


BUILD = Command("build", "build a release", _arguments, _build)
