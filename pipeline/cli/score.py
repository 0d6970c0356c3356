"""`editmill score`."""

import argparse
import sys
from pathlib import Path

from pipeline.cli.arguments import Command, add_config, positive
from pipeline.core.extras import require
from pipeline.core.progress import Reporter


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("requests", type=Path, metavar="REQUESTS", help="Parquet with the columns id, text, start, end")
    parser.add_argument("--model", required=True, metavar="PATH_OR_ID", help="a causal language model")
    parser.add_argument("--revision", metavar="R", help="branch, tag or commit of a Hub model")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where scores go; run again to go on")
    parser.add_argument("--dtype", default="float32", help="float32 (default), bfloat16 or float16")
    parser.add_argument("--device", default="auto", help="auto (default: all GPUs, or the CPU), cpu, cuda or cuda:N")
    parser.add_argument(
        "--max-tokens-per-batch", type=positive, metavar="N", help="tokens that the model reads at once"
    )
    parser.add_argument(
        "--sharing",
        choices=["dedup", "trie", "none"],
        help="read equal sentences once, or equal beginnings, or neither",
    )
    parser.add_argument(
        "--workers", type=positive, metavar="N", help="processes (default: one a GPU; one for a CPU's many cores)"
    )
    add_config(parser)
    parser.add_argument("--trust-remote-code", action="store_true", help="run code that comes with the model")


def _score(options: argparse.Namespace, reporter: Reporter) -> int:
    require("lm", "score")
    from pipeline.core.settings import load_settings
    from pipeline.lm.devices import Run
    from pipeline.lm.loading import Choice
    from pipeline.lm.score_file import score_file

    settings = load_settings(options.config)
    run = Run(
        choice=Choice(options.model, options.revision, options.dtype, options.device, options.trust_remote_code),
        scoring=settings.scoring.model_copy(update={"sharing": options.sharing} if options.sharing else {}),
        max_tokens_per_batch=options.max_tokens_per_batch or settings.likelihood.max_tokens_per_batch,
        workers=options.workers,
    )
    sys.stdout.write(score_file(options.requests, options.out, run, reporter).sentence() + "\n")
    return 0


SCORE = Command("score", "score names in sentences with a language model", _arguments, _score)
