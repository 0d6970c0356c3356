"""The job for a new dump: it is read and compared with the one before, so that the weekly build finds both done."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.catch_up import run_again
from flows.parameters import BuildParameters
from flows.running import RunLog, as_task, scheduled_time, waiting
from flows.windows import last_dumps
from pipeline import stages
from pipeline.core.errors import UsageError
from pipeline.core.parallel import executor
from pipeline.core.settings import load_settings
from pipeline.core.stage_cache import locked, stages_run_by
from pipeline.language.templates import load_templates
from pipeline.sources.files.checksums import dump_hash
from pipeline.stages import Input, StageContext


@flow(name="ingest_dump", on_crashed=[run_again])
def ingest_dump(parameters: BuildParameters, scheduled: datetime | None = None) -> Sequence[Path]:
    """Read the newest dump and what changed since the one before.

    Args:
        parameters: Those of the build that will use them.
        scheduled: The time after which no dump counts; this run's own if it is not given.

    Returns:
        The folders of the finished stages.
    """
    if parameters.dumps is None:
        raise UsageError("No folder of dumps is given", "dumps", "Set it in prefect.yaml.")
    new, old = last_dumps(parameters.dumps, scheduled_time(scheduled))
    work = parameters.work or parameters.out / ".work"
    with waiting(), locked(work), stages_run_by(as_task):
        context = StageContext(load_settings(parameters.config), load_templates(), work, parameters.workers, RunLog())
        hashed = Input(new, hash_dump(new))
        before = Input(old, hash_dump(old)) if old else None
        with executor(parameters.workers, parameters.executor, parameters.dask_address) as pool:
            ingested = stages.ingest(context, hashed, pool, old=before)
            compared = [stages.changed(context, before, hashed, pool)] if before else []
    return [ingested, *compared]


@task(cache_policy=NO_CACHE)
def hash_dump(path: Path) -> str:
    """The hash of a dump, which agrees with the list of checksums beside it."""
    return dump_hash(path)
