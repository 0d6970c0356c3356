"""What the flows share: when a run was scheduled, where it reports progress, and stages as tasks."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.tasks import Task

from flows.parameters import Release
from pipeline.core.errors import BudgetSpent, InputError, Refused, ServiceError
from pipeline.core.manifest import MANIFEST
from pipeline.core.progress import Reporter
from pipeline.core.stage_cache import waiting_for_locks
from pipeline.core.tables import file_hash

P = ParamSpec("P")
R = TypeVar("R")

RETRY_SECONDS = (60.0, 300.0, 1200.0)
"""Waiting times before the retries of a task that sends requests: one minute, five, twenty."""

JITTER = 0.5
"""Keeps runs that failed together from being retried together."""


def scheduled_time(given: datetime | None) -> datetime:
    """The time for which a run was scheduled, the same in every attempt; a parent flow gives its own."""
    return (given or flow_run.get_scheduled_start_time()).astimezone(UTC)


class RunLog(Reporter):
    """Tells what a run does in the log that the UI shows."""

    def __init__(self) -> None:
        super().__init__("quiet")

    def say(self, event: str, message: str, **fields: object) -> None:
        """Tell one thing."""
        del event, fields
        get_run_logger().info(message)

    def warn(self, event: str, message: str, **fields: object) -> None:
        """Tell something that a person must not miss."""
        del event, fields
        get_run_logger().warning(message)


def waiting() -> contextlib.AbstractContextManager[None]:
    """Let this run wait for others in its folders, as when the daily walk takes until the weekly build."""
    log = RunLog()
    return waiting_for_locks(lambda message: log.warn("waits", message))


def as_task(name: str, key: str, made: Callable[[], Path]) -> Path:
    """Run a stage as a task of its own, named after the hash of what it depends on.

    Prefect's cache is not used: the done marker in the stage's folder carries the same hash, goes when the folder goes,
    and changes with the code, which Prefect's own key does not.
    """
    stage = Task(made, name=name, task_run_name=key, cache_policy=NO_CACHE, persist_result=False)
    return stage()


def task_with_retries(function: Callable[P, R]) -> Task[P, R]:
    """A task that sends requests to servers. It is retried after their failures, later each time, with jitter."""
    return Task(
        function,
        cache_policy=NO_CACHE,
        retries=len(RETRY_SECONDS),
        retry_delay_seconds=list(RETRY_SECONDS),
        retry_jitter_factor=JITTER,
        retry_condition_fn=is_transient,
    )


def is_transient(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether a retry may succeed: after a failing server, but not after wrong input, a refusal or a spent budget."""
    del task, run
    error = state.result(raise_on_failure=False)
    return isinstance(error, ServiceError) and not isinstance(error, (Refused, BudgetSpent))


def same_release(release: Release) -> Path:
    """The folder of a release, if it still is what an earlier task left there.

    Raises:
        InputError: It is not.
    """
    manifest = release.folder / MANIFEST
    if release.manifest_sha256 and file_hash(manifest) != release.manifest_sha256:
        raise InputError("The release was changed since it was built", str(release.folder), "Build it again.")
    return release.folder
