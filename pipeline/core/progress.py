"""Telling a person, or a machine, how far a run has come."""

import json
import shutil
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

Advance = Callable[[float], None]
Mode = Literal["terminal", "quiet", "json"]

_POLL_SECONDS = 0.5
_PATIENCE_SECONDS = 2.0  # work shorter than this shows no bar


class Reporter:
    """Progress bars on a terminal, JSON lines for machines, silence otherwise; always on standard error."""

    def __init__(self, mode: Mode | None = None) -> None:
        self.mode: Mode = mode or ("terminal" if sys.stderr and sys.stderr.isatty() else "quiet")
        self._console = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)

    def say(self, event: str, message: str, **fields: object) -> None:
        """Tell one thing: a line of text on a terminal, an object with these fields for a machine."""
        if self.mode == "json":
            self._console.file.write(json.dumps({"event": event, "message": message, **fields}) + "\n")
        elif self.mode == "terminal":
            self._console.print(message, markup=False)

    def warn(self, event: str, message: str, **fields: object) -> None:
        """Tell something that a user must not miss, whatever the mode."""
        if self.mode == "json":
            self.say(event, message, **fields)
        else:
            self._console.print(message, markup=False)

    @contextmanager
    def track(self, what: str, total: float) -> Generator[Advance]:
        """Follow work of a known size.

        Yields:
            A function to call with the number of bytes or rows done since the last call.
        """
        started = time.monotonic()
        if self.mode == "terminal":
            with _bar(self._console) as bar:
                task = bar.add_task(what, total=total, visible=False)

                def advance(done: float) -> None:
                    bar.update(task, advance=done, visible=time.monotonic() - started > _PATIENCE_SECONDS)

                yield advance
        else:
            yield lambda _: None
        self.say("stage", f"{what}: {time.monotonic() - started:.1f} s", seconds=round(time.monotonic() - started, 3))

    @contextmanager
    def watch(self, what: str, total: float, beats: Path, *, is_running: bool = False) -> Generator[Path]:
        """Follow work that runs elsewhere and reports progress by `beat`.

        Args:
            what: The work.
            total: Its size in bytes.
            beats: The folder of the beats; it goes when the work is done.
            is_running: Whether the work began before and has the folder (`new_beats`).

        Yields:
            That folder.
        """
        if not is_running:
            new_beats(beats)
        done = Event()
        with self.track(what, total) as advance:
            watcher = Thread(target=_follow, args=(beats, advance, done), daemon=True)
            watcher.start()
            try:
                yield beats
            finally:
                done.set()
                watcher.join()
                shutil.rmtree(beats, ignore_errors=True)


def new_beats(folder: Path) -> Path:
    """An empty folder for the beats of work that begins."""
    shutil.rmtree(folder, ignore_errors=True)  # those of a killed run
    folder.mkdir(parents=True)
    return folder


def beat(folder: Path, part: str, done: int) -> None:
    """Tell how many bytes of its part of the work are done."""
    (folder / part).write_text(str(done))


def _follow(beats: Path, advance: Advance, done: Event) -> None:
    seen = 0
    while not done.wait(_POLL_SECONDS):
        told = sum(int(file.read_text() or 0) for file in beats.iterdir())
        advance(max(told - seen, 0))
        seen = max(told, seen)


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TransferSpeedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
