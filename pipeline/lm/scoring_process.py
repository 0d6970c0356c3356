"""Scoring in a process of its own: PyTorch's memory, some 400 MB beside the model, is free again when it ends.

The process runs what `editmill score` runs (`score_file.py`). Its progress and its messages come back to the reporter
of the calling process.
"""

import contextlib
import functools
from collections.abc import Generator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.core.manifest import ModelRecord
from pipeline.core.parallel import processes, report_worker_deaths
from pipeline.core.progress import Advance, Reporter, beat, new_beats
from pipeline.core.tables import row_count
from pipeline.lm.model_spec import ModelSpec
from pipeline.lm.scores import Identity

if TYPE_CHECKING:
    from pipeline.lm.encoding import Reader


class _Task(NamedTuple):
    spec: ModelSpec
    requests: Path
    out: Path
    beats: Path


class _Message(NamedTuple):
    """One call of `Reporter.say` or `Reporter.warn`."""

    is_warning: bool
    event: str
    message: str
    fields: dict[str, object]


_Scored = tuple[ModelRecord, list[_Message]]

_BEATS = ".beats"  # in the folder of the scores


@dataclass(frozen=True)
class ScoringProcess:
    """A process that scores with one model; `start_scoring_process` starts it."""

    pool: Executor
    spec: ModelSpec
    found: Future[Identity]
    running: "dict[Path, Future[_Scored]]" = field(default_factory=dict)

    @property
    def identity(self) -> Identity:
        """Who the model is; it may take some seconds until the process knows.

        Raises:
            UsageError: The model cannot be loaded.
            PipelineError: The process died.
        """
        with report_worker_deaths():
            return self.found.result()

    def start(self, requests: Path, out: Path) -> None:
        """Begin to score a file of requests into a folder; `score` waits for it."""
        self.running[out] = self.pool.submit(_score, _Task(self.spec, requests, out, new_beats(out / _BEATS)))

    def score(self, requests: Path, out: Path, reporter: Reporter) -> ModelRecord:
        """Score a file of requests into a folder, or go on where an earlier run stopped (`score_file`).

        Returns:
            The model, and how it ran.

        Raises:
            UsageError: The model cannot score.
            PipelineError: The process died.
        """
        if out not in self.running:
            self.start(requests, out)
        scoring = reporter.watch("scoring names", row_count(requests), out / _BEATS, is_running=True)
        with scoring, report_worker_deaths():
            record, messages = self.running.pop(out).result()
        for is_warning, event, message, fields in messages:
            (reporter.warn if is_warning else reporter.say)(event, message, **fields)
        return record


@contextlib.contextmanager
def start_scoring_process(spec: ModelSpec) -> Generator[ScoringProcess]:
    """Start a process that ends with the block. It loads its libraries and finds out who the model is; nobody waits.

    The weights are loaded with the first request.
    """
    with processes(1) as pool:
        yield ScoringProcess(pool, spec, pool.submit(_identity, spec))


class _Relay(Reporter):
    """Keeps messages for the calling process, and leaves beats from which it follows the work."""

    def __init__(self, beats: Path) -> None:
        super().__init__("quiet")
        self.messages: list[_Message] = []
        self._beats = beats

    def say(self, event: str, message: str, **fields: object) -> None:
        self.messages.append(_Message(False, event, message, fields))

    def warn(self, event: str, message: str, **fields: object) -> None:
        self.messages.append(_Message(True, event, message, fields))

    @contextmanager
    def track(self, what: str, total: float) -> Generator[Advance]:
        """Follow work of a known size; work without one, whose total is 0, leaves no beats."""
        done = 0.0

        def advance(more: float) -> None:
            nonlocal done
            done += more
            if total:
                beat(self._beats, what, int(done))

        yield advance


# Imported within the process, and not above: whoever starts it need not wait for PyTorch, nor hold it in memory.


@functools.cache
def _load(spec: ModelSpec) -> "tuple[Identity, Reader]":
    """Loaded once a process: to distinguish versions of a folder, all of its weights must be read."""
    from pipeline.lm import score_file  # with all that scoring takes, while nobody waits

    return score_file.load_reader(spec)


def _identity(spec: ModelSpec) -> Identity:
    return _load(spec)[0]


def _score(task: _Task) -> _Scored:
    from pipeline.lm.score_file import score_file

    relay = _Relay(task.beats)
    identity, reader = _load(task.spec)
    summary = score_file(task.requests, task.out, task.spec, relay, (identity, reader))
    record = ModelRecord(
        name=identity.name,
        revision=identity.revision,
        dtype=identity.dtype,
        tokenizer=identity.tokenizer_hash,
        devices=summary.devices,
        sharing=summary.sharing,
        audit=summary.audit,
    )
    return record, relay.messages
