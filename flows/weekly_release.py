"""The weekly job: from the source to the Hub, for the time of the schedule."""

from datetime import datetime

from prefect import flow

from flows.build_release import build_release
from flows.catch_up import run_again
from flows.ingest_dump import ingest_dump
from flows.parameters import WeeklyParameters
from flows.publish_release import publish_release
from flows.running import scheduled_time
from pipeline.publish import Published


@flow(name="weekly_release", on_crashed=[run_again])
def weekly_release(parameters: WeeklyParameters, scheduled: datetime | None = None) -> Published | None:
    """Build a release and publish it.

    The parts are called as functions and not as flows of their own: one run then has every task, the whole log and all
    that is to be seen.

    Args:
        parameters: From what, and where to.
        scheduled: The time that the window and the name follow from; this run's own if it is not given.
    """
    at = scheduled_time(scheduled)
    if parameters.build.source == "dump":
        ingest_dump.fn(parameters.build, at)
    release = build_release.fn(parameters.build, at)
    return publish_release.fn(parameters.publish, release, parameters.build.config)
