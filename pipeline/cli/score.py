"""`editmill score`."""

import argparse
from pathlib import Path

from pipeline.cli.arguments import Command, add_config, add_model, model_settings
from pipeline.cli.output import write_out
from pipeline.core.extras import require
from pipeline.core.progress import Reporter


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("requests", type=Path, metavar="REQUESTS", help="Parquet with the columns id, text, start, end")
    parser.add_argument(
        "--model",
        required=True,
        metavar="PATH_OR_ID|bundled",
        help="a causal language model: a folder, a Hub id, or the tiny one that comes along",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where scores go; run again to go on")
    add_config(parser)
    add_model(parser, workers="--workers")


def _score(options: argparse.Namespace, reporter: Reporter) -> int:
    require("lm", "score")
    from pipeline.core.settings import load_settings
    from pipeline.lm.model_spec import find_model
    from pipeline.lm.score_file import score_file

    settings = load_settings(options.config, {"model": model_settings(options)})
    spec = find_model(options.model, settings.model)
    write_out(score_file(options.requests, options.out, spec, reporter).sentence() + "\n")
    return 0


SCORE = Command("score", "score names in sentences with a language model", _arguments, _score)
