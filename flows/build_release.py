"""The job that builds a release: each stage of the line is a task, and a finished stage is never made again."""

from datetime import datetime

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.artifacts import show_release
from flows.catch_up import run_again
from flows.live_source import live_release
from flows.parameters import BuildParameters, Release
from flows.running import RunLog, as_task, scheduled_time
from flows.windows import last_dumps
from pipeline.build import Built, Options, Sources, build
from pipeline.manifest import MANIFEST
from pipeline.settings import load_settings
from pipeline.shards import stages_run_by
from pipeline.sources.sample import sample_dumps, sample_pageviews
from pipeline.tables import file_hash


@flow(name="build_release", on_crashed=[run_again])
def build_release(parameters: BuildParameters, scheduled: datetime | None = None) -> Release:
    """Build a release of all categories for the time of the schedule.

    Args:
        parameters: From what and where.
        scheduled: The time that the window and the name follow from; this run's own if it is not given.
    """
    at = scheduled_time(scheduled)
    with stages_run_by(as_task):
        built = live_release(parameters, at) if parameters.source == "live" else _release_of_files(parameters, at)
    release = Release(folder=built.folder, manifest_sha256=file_hash(built.folder / MANIFEST))
    show(release)
    return release


@task(cache_policy=NO_CACHE)
def show(release: Release) -> None:
    """Leave funnel, checks and figures in the UI."""
    show_release(release.folder)


def _release_of_files(parameters: BuildParameters, at: datetime) -> Built:
    settings = load_settings(parameters.config, {"categories": parameters.categories})
    return build(_sources(parameters, at), settings, options(parameters), RunLog())


def options(parameters: BuildParameters, name: str | None = None) -> Options:
    """Where and how to run."""
    work = parameters.work or parameters.out / ".work"
    return Options(parameters.out, work, parameters.workers, name, parameters.model)


def _sources(parameters: BuildParameters, at: datetime) -> Sources:
    if parameters.source == "sample" or parameters.dumps is None:
        old, new = sample_dumps()
        return Sources("sample", new, old, parameters.pageviews or sample_pageviews(), parameters.exclude)
    new, old = last_dumps(parameters.dumps, at)
    return Sources("dump", new, old, parameters.pageviews, parameters.exclude)
