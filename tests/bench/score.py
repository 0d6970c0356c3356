"""How fast names are scored: one by one, in padded batches, by lm-evaluation-harness, and by us.

Every way scores sentences of one list on one model of one shape, each in a process of its own: slow ways only the first
so many, because they would take hours over all of them, and ours all, because what sentences share grows with their
number. Sentences come as tokens to all of them, and tokenising is timed apart; ours then includes planning, the others
their own sorting. One by one and padded batches read whole sentences; lm-evaluation-harness gets what we get, cut after
the name. On a CPU one thread works and processor seconds count, because other programs disturb the wall clock.

lm-evaluation-harness is not a dependency: `pip install -e '.[bench]'`. What cannot run here is "not measured".
"""

import argparse
import json
import platform
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from pipeline.core.errors import PipelineError
from pipeline.core.parallel import processes, report_worker_deaths
from pipeline.core.settings import Sharing, load_settings
from pipeline.lm.encoding import Reader, encode
from pipeline.lm.forward import ForwardStats, Limits
from pipeline.lm.pair_scores import score_pairs
from tests.bench.workload import SHAPES, make_network, make_reader, make_requests

PADDED_ROWS = 64
WARM_UP = 32  # sentences


class Job(NamedTuple):
    """One way, over the first so many sentences, on one shape."""

    way: str
    shape: str
    device: str
    dtype: str
    sentences: int  # to be scored
    of_sentences: int
    tokens_per_batch: int


@dataclass(frozen=True)
class Measured:
    """What one way came to."""

    way: str
    shape: str
    sentences: int = 0
    seconds: float = 0.0  # of the processor on a CPU, on the wall elsewhere
    wall_seconds: float = 0.0
    tokens: int = 0  # computed, padding included
    padding: int = 0
    predictions: int = 0
    full_tokens: int = 0  # of the whole sentences
    peak_gib: float = 0.0
    mfu: float = 0.0
    peak_tflops: float = 0.0  # of a large product of matrices, measured in the same process
    encode_seconds: float = 0.0  # for the same sentences, one thread per core
    sums: Sequence[float] = ()  # of the first sentences, to compare
    failure: str = ""


class Texts(NamedTuple):
    """The sentences as tokens."""

    whole: list[list[int]]  # BOS and all tokens
    spans: list[tuple[int, int]]  # of the name in them
    pairs: object  # PAIRS, one row a sentence


Counted = tuple[list[float], ForwardStats]


def one_by_one(network: PreTrainedModel, reader: Reader, texts: Texts, job: Job) -> Counted:
    """A sentence a forward pass, every token, the whole vocabulary."""
    return _padded(network, texts, rows=1)


def padded(network: PreTrainedModel, reader: Reader, texts: Texts, job: Job) -> Counted:
    """Batches in the order of arrival, padded at the right, with a mask."""
    return _padded(network, texts, rows=PADDED_ROWS)


def _padded(network: PreTrainedModel, texts: Texts, rows: int) -> Counted:
    sums: list[float] = []
    work = ForwardStats()
    for place in range(0, len(texts.whole), rows):
        some = texts.whole[place : place + rows]
        width = max(map(len, some))
        ids = torch.tensor([row + [0] * (width - len(row)) for row in some], device=network.device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in some], device=network.device)
        everything = network(input_ids=ids, attention_mask=mask, use_cache=False).logits.float().log_softmax(-1)
        for row, (start, end) in enumerate(texts.spans[place : place + rows]):
            name = everything[row, start - 1 : end - 1].gather(-1, ids[row, start:end, None])
            sums.append(name.sum().item())
        work.batches += 1
        work.tokens += width * len(some)
        work.padding += width * len(some) - sum(map(len, some))
        work.predictions += width * len(some)
    return sums, work


def harness(network: PreTrainedModel, reader: Reader, texts: Texts, job: Job) -> Counted:
    """lm-evaluation-harness, given the same tokens as we are."""
    from lm_eval.models.huggingface import HFLM

    wrapper = PreTrainedTokenizerFast(tokenizer_object=reader.tokenizer, eos_token="<|endoftext|>")
    wrapper.pad_token = wrapper.eos_token
    lm = HFLM(pretrained=network, tokenizer=wrapper, batch_size=PADDED_ROWS, softmax_dtype="float32")
    cut = [(row[:start], row[start:end]) for row, (start, end) in zip(texts.whole, texts.spans, strict=True)]
    requests = [((str(place), ""), *parts) for place, parts in enumerate(cut)]
    sums = [total for total, _ in lm._loglikelihood_tokens(requests, disable_tqdm=True)]
    lengths = sorted((len(context) + len(name) - 1 for context, name in cut), reverse=True)
    work = ForwardStats(batches=-(-len(lengths) // PADDED_ROWS))
    for place in range(0, len(lengths), PADDED_ROWS):
        some = lengths[place : place + PADDED_ROWS]
        work.tokens += some[0] * len(some)
        work.padding += some[0] * len(some) - sum(some)
    work.predictions = work.tokens
    return sums, work


def dedup(network: PreTrainedModel, reader: Reader, texts: Texts, job: Job) -> Counted:
    """Ours: batches of one length, equal sentences once."""
    return _ours(network, texts, job, "dedup")


def trie(network: PreTrainedModel, reader: Reader, texts: Texts, job: Job) -> Counted:
    """Ours: equal beginnings once."""
    return _ours(network, texts, job, "trie")


def _ours(network: PreTrainedModel, texts: Texts, job: Job, sharing: Sharing) -> Counted:
    scoring = load_settings().model
    limits = Limits(job.tokens_per_batch, scoring.max_logits_per_batch, scoring.trie_nodes)
    if network.device.type == "cuda":
        limits = limits._replace(logits=2**30)
    work = ForwardStats()
    found = score_pairs(network, texts.pairs, sharing, limits, work)
    places = pc.index_in(texts.pairs["score_key"].combine_chunks(), value_set=found["score_key"].combine_chunks())
    return found["log_likelihood_sum"].take(places).to_pylist(), work


WAYS: dict[str, Callable[[PreTrainedModel, Reader, Texts, Job], Counted]] = {
    "one by one": one_by_one,
    "padded batches": padded,
    "lm-evaluation-harness": harness,
    "editmill, dedup": dedup,
    "editmill, trie": trie,
}


def measure(job: Job) -> Measured:
    """Run one way; the body of a process."""
    is_cpu = job.device == "cpu"
    if is_cpu:
        torch.set_num_threads(1)
    shape = SHAPES[job.shape]
    network = make_network(shape, getattr(torch, job.dtype), job.device)
    _, reader = make_reader()
    texts, encode_seconds = _encoded(reader, job)
    clock = time.process_time if is_cpu else time.monotonic
    peak = _peak_flops(network, clock)
    way = WAYS[job.way]
    with torch.inference_mode():
        way(network, reader, _first(texts, WARM_UP), job)
        _wait(network)
        if not is_cpu:
            torch.cuda.reset_peak_memory_stats()
        started, wall = clock(), time.monotonic()
        sums, work = way(network, reader, texts, job)
        _wait(network)
        seconds, wall_seconds = clock() - started, time.monotonic() - wall
    flops = 2 * (shape.body * work.tokens + shape.head * work.predictions)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 if is_cpu else torch.cuda.max_memory_allocated()
    return Measured(
        job.way,
        job.shape,
        sentences=job.sentences,
        seconds=seconds,
        wall_seconds=wall_seconds,
        tokens=work.tokens,
        padding=work.padding,
        predictions=work.predictions,
        full_tokens=sum(map(len, texts.whole)),
        peak_gib=used / 2**30,
        mfu=flops / seconds / peak,
        peak_tflops=peak / 1e12,
        encode_seconds=encode_seconds,
        sums=sums[:200],
    )


def _encoded(reader: Reader, job: Job) -> tuple[Texts, float]:
    """The first sentences as tokens, and how long our own encoding of them takes from strings."""
    requests = make_requests(job.of_sentences).slice(0, job.sentences)
    started = time.monotonic()
    rows, pairs = encode(requests, reader)
    seconds = time.monotonic() - started
    if set(rows["status"].to_pylist()) != {"ok"}:
        raise ValueError(f"a sentence of the benchmark cannot be scored: {rows['status'].value_counts()}")
    encodings = reader.tokenizer.encode_batch(requests["text"].to_pylist(), add_special_tokens=False)
    starts = [1 + context for context in rows["context_token_count"].to_pylist()]
    ends = [start + count for start, count in zip(starts, rows["token_count"].to_pylist(), strict=True)]
    whole = [[reader.bos_id, *encoding.ids] for encoding in encodings]
    return Texts(whole, list(zip(starts, ends, strict=True)), pairs), seconds


def _first(texts: Texts, count: int) -> Texts:
    return Texts(texts.whole[:count], texts.spans[:count], texts.pairs.slice(0, count))


def _peak_flops(network: PreTrainedModel, clock: Callable[[], float]) -> float:
    """Operations a second of a large product of matrices: what the hardware gives at best."""
    size = 1024 if network.device.type == "cpu" else 8192
    matrix = torch.randn(size, size, device=network.device, dtype=network.dtype)
    best = float("inf")
    for _ in range(6):
        started = clock()
        matrix @ matrix
        _wait(network)
        best = min(best, clock() - started)
    return 2 * size**3 / best


def _wait(network: PreTrainedModel) -> None:
    if network.device.type == "cuda":
        torch.cuda.synchronize()


def main(arguments: Sequence[str]) -> int:
    """Run all ways and write the report."""
    options = _options(arguments)
    gpu = torch.cuda.is_available()
    results: list[Measured] = []
    for shape in options.shapes or (["0.5B", "1.5B", "7B"] if gpu else ["tiny"]):
        for way in WAYS:
            job = _job(way, shape, options, gpu)
            results.append(_guarded(job))
            print(_progress(results[-1]), flush=True)
    report = _report(results, options, gpu)
    options.out.mkdir(parents=True, exist_ok=True)
    record = {"machine": _machine(gpu), "results": [asdict(replace(result, sums=())) for result in results]}
    (options.out / "score.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    (options.out / "score.md").write_text(report, encoding="utf-8")
    print(report)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench score", description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=int, metavar="N", help="for ours (default: 10,000; 120,000 on a GPU)")
    parser.add_argument("--one-by-one", type=int, default=200, metavar="N", help="sentences scored one by one")
    parser.add_argument("--others", type=int, metavar="N", help="for other batches (default: 1,000; all on a GPU)")
    parser.add_argument("--shapes", nargs="*", choices=list(SHAPES), help="default: tiny; 0.5B 1.5B 7B on a GPU")
    parser.add_argument("--tokens-per-batch", type=int, metavar="N", help="default: 2,048; 16,384 on a GPU")
    parser.add_argument("--out", type=Path, default=Path("releases/bench"), metavar="DIR", help="where the report goes")
    return parser.parse_args(arguments)


def _job(way: str, shape: str, options: argparse.Namespace, gpu: bool) -> Job:
    of_sentences = options.sentences or (120_000 if gpu else 10_000)
    others = options.others or (of_sentences if gpu else 1_000)
    counts = {"one by one": options.one_by_one, "padded batches": others, "lm-evaluation-harness": others}
    count = min(of_sentences, counts.get(way, of_sentences))
    device, dtype = ("cuda:0", "bfloat16") if gpu else ("cpu", "float32")
    return Job(way, shape, device, dtype, count, of_sentences, options.tokens_per_batch or (16_384 if gpu else 2_048))


def _guarded(job: Job) -> Measured:
    """One way, in a process of its own; its failure does not lose the rest."""
    try:
        with report_worker_deaths(), processes(1) as pool:
            return pool.submit(measure, job).result()
    except ImportError as error:
        return Measured(job.way, job.shape, failure=f"not measured: {error}; pip install -e '.[bench]'")
    except (PipelineError, RuntimeError) as error:
        return Measured(job.way, job.shape, failure=f"not measured: {str(error).splitlines()[0]}")


def _progress(result: Measured) -> str:
    told = result.failure or f"{result.sentences} sentences in {result.seconds:.1f} s"
    return f"{result.shape}, {result.way}: {told}"


COLUMNS = [
    ("way", ""),
    ("sentences", "scored"),
    ("sentences/s", ""),
    ("× one by one", ""),
    ("× lm-eval", ""),
    ("tokens/s", "computed"),
    ("sharing", "tokens of whole sentences / computed"),
    ("padding", "of the computed"),
    ("MFU", "of the measured peak"),
    ("host", "tokenising / scoring time"),
    ("peak GiB", ""),
    ("max diff", "nats a sum, from one by one"),
]


def _report(results: Sequence[Measured], options: argparse.Namespace, gpu: bool) -> str:
    lines = ["# Scoring names", "", *(f"- {key}: {value}" for key, value in _machine(gpu).items()), ""]
    for shape in dict.fromkeys(result.shape for result in results):
        of_shape = {result.way: result for result in results if result.shape == shape}
        lines += [f"## {shape}", "", "| " + " | ".join(name for name, _ in COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
        lines += [_row(result, of_shape) for result in of_shape.values()]
        peak = max(result.peak_tflops for result in of_shape.values())
        lines += ["", f"Peak: {peak:.3f} TFLOP/s, a product of square matrices on the same device.", ""]
    if not gpu:
        lines += ["## 0.5B, 1.5B, 7B in bfloat16 on a GPU", "", "not measured: there is none here", ""]
    return "\n".join([*lines, *(f"- {name}: {meaning}" for name, meaning in COLUMNS if meaning), ""])


def _row(result: Measured, of_shape: dict[str, Measured]) -> str:
    if result.failure:
        return f"| {result.way} | {result.failure} |" + " |" * (len(COLUMNS) - 2)
    rate = result.sentences / result.seconds
    cells = [result.way, f"{result.sentences:,}", f"{rate:,.1f}"]
    bases = (of_shape["one by one"], of_shape["lm-evaluation-harness"])
    cells += ["not measured" if base.failure else f"{rate * base.seconds / base.sentences:.2f}" for base in bases]
    exact = of_shape["one by one"].sums
    difference = max((abs(a - b) for a, b in zip(result.sums, exact, strict=False)), default=float("nan"))
    cells += [
        f"{result.tokens / result.seconds:,.0f}",
        f"{result.full_tokens / result.tokens:.2f}",
        f"{result.padding / result.tokens:.1%}",
        f"{result.mfu:.0%}",
        f"{result.encode_seconds / result.wall_seconds:.1%}",
        f"{result.peak_gib:.2f}",
        f"{difference:.1e}",
    ]
    return "| " + " | ".join(cells) + " |"


def _machine(gpu: bool) -> dict[str, str]:
    try:
        of_harness = version("lm-eval")
    except PackageNotFoundError:
        of_harness = "not installed"
    return {
        "device": torch.cuda.get_device_name() if gpu else f"CPU, one thread, processor seconds ({platform.machine()})",
        "numbers": "bfloat16" if gpu else "float32",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": version("transformers"),
        "lm-eval": of_harness,
        "weights": "random; sentences: templates of the relations about names of the slice",
    }
