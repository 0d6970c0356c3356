"""The job that builds a release: each stage of the line is a task, and a finished stage is never made again."""

from datetime import datetime

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.artifacts import show_release
from flows.catch_up import run_again
from flows.live_source import live_sources
from flows.parameters import BuildParameters, Release
from flows.running import RunLog, as_task, scheduled_time, task_with_retries, waiting
from flows.windows import last_dumps, release_name
from pipeline.core.manifest import MANIFEST
from pipeline.core.settings import Settings, load_settings
from pipeline.core.stage_cache import stages_run_by
from pipeline.core.tables import file_hash
from pipeline.jobs.build import Options, Sources, build
from pipeline.sources.files.sample import sample_dumps, sample_pageviews


@flow(name="build_release", on_crashed=[run_again])
def build_release(parameters: BuildParameters, scheduled: datetime | None = None) -> Release:
    """Build a release of all categories for the time of the schedule.

    Args:
        parameters: From what and where.
        scheduled: The time that the window and the name follow from; this run's own if it is not given.
    """
    at = scheduled_time(scheduled)
    settings = load_settings(parameters.config, {"categories": parameters.categories})
    is_live = parameters.source == "live"
    sources = harvest(parameters, settings, at) if is_live else _files(parameters, at)
    options = Options(
        parameters.out,
        parameters.work or parameters.out / ".work",
        parameters.workers,
        parameters.name or (release_name(at) if is_live else None),  # a dump has a day of its own
        parameters.model,
        parameters.executor,
        parameters.dask_address,
    )
    with waiting(), stages_run_by(as_task):
        built = build(sources, settings, options, RunLog())
    release = Release(folder=built.folder, manifest_sha256=file_hash(built.folder / MANIFEST))
    show(release)
    return release


@task(cache_policy=NO_CACHE)
def show(release: Release) -> None:
    """Leave funnel, checks and figures in the UI."""
    show_release(release.folder)


@task_with_retries
def harvest(parameters: BuildParameters, settings: Settings, at: datetime) -> Sources:
    """Fetch what a release of the living wiki needs."""
    return live_sources(parameters, settings, at)


def _files(parameters: BuildParameters, at: datetime) -> Sources:
    if parameters.source == "sample" or parameters.dumps is None:
        old, new = sample_dumps()
        return Sources("sample", new, old, parameters.pageviews or sample_pageviews(), parameters.exclude)
    new, old = last_dumps(parameters.dumps, at)
    return Sources("dump", new, old, parameters.pageviews, parameters.exclude)
