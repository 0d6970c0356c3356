"""The daily job of the live source: what is new is fetched day by day, and the weekly build has little left to ask."""

from datetime import datetime

from prefect import flow

from flows.catch_up import run_again
from flows.live_source import fetch_changes
from flows.parameters import BuildParameters
from flows.running import at_the_rim, scheduled_time
from pipeline.core.settings import load_settings


@at_the_rim
def sweep_changes(parameters: BuildParameters, scheduled: datetime) -> int:
    """Fetch them; how many files cover the window."""
    return fetch_changes(parameters, load_settings(parameters.config), scheduled)


@flow(name="ingest_changes", on_crashed=[run_again])
def ingest_changes(parameters: BuildParameters, scheduled: datetime | None = None) -> int:
    """Fetch the changes up to a day before the scheduled time; what an earlier day missed is fetched too.

    Args:
        parameters: Those of the build that will use them.
        scheduled: The time that the window follows from; this run's own if it is not given.
    """
    return sweep_changes(parameters, scheduled_time(scheduled))
