"""The daily job of the live source: it fetches recent changes, so that the weekly build has few requests left."""

from datetime import datetime

from prefect import flow

from flows.catch_up import run_again
from flows.live_source import fetch_changes
from flows.parameters import BuildParameters
from flows.running import scheduled_time, task_with_retries
from pipeline.core.settings import load_settings


@task_with_retries
def fetch_recent_changes(parameters: BuildParameters, scheduled: datetime) -> int:
    """Fetch the changes; returns how many files cover the window."""
    return fetch_changes(parameters, load_settings(parameters.config), scheduled)


@flow(name="ingest_changes", on_crashed=[run_again])
def ingest_changes(parameters: BuildParameters, scheduled: datetime | None = None) -> int:
    """Fetch the changes up to a day before the scheduled time; what an earlier day missed is fetched too.

    Args:
        parameters: Those of the build that will use them.
        scheduled: The time that the window follows from; this run's own if it is not given.
    """
    return fetch_recent_changes(parameters, scheduled_time(scheduled))
