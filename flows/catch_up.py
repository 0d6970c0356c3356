"""What a stopped server left: runs that were at work go on, and runs that came due meanwhile are scheduled.

Prefect alone would show the first as running for ever, which keeps their place from the next run, and would forget the
second when the deployments are registered again.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound
from prefect.flows import Flow
from prefect.server.schemas.schedules import CronSchedule
from prefect.states import Crashed, Scheduled

from flows.deployments import Deployment
from pipeline.core.progress import Reporter

MAX_MISSED_RUNS = 4
"""The most missed runs of a job that are scheduled again: a month of weeks, as long as recent changes are kept."""

ATTEMPTS = 3
"""Times that a run may crash before a person must look."""

_FOLLOWS = "follows "
_NTH = ", attempt "
_PAGE = 200  # the most that the server gives; far more than can be at work on one machine
_AT_WORK = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]


def resume_runs(reporter: Reporter) -> int:
    """Let the runs go on that a stopped server left at work; those begun by hand, which nobody resumes, are crashed.

    Returns:
        How many go on.
    """
    with get_client(sync_client=True) as client:
        wanted = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_AT_WORK)))
        left = client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.ID_DESC, limit=_PAGE)
        for run in left:
            state = Crashed(message="Its process ended with the server.") if run.deployment_id is None else _again()
            client.set_flow_run_state(run.id, state, force=True)
    whole = [run for run in left if run.deployment_id is not None]
    for run in whole:
        reporter.warn("resumed", f"{run.name}, scheduled for {_when(run)}, goes on.", run=str(run.id))
    return len(whole)


def missed_times(deployment: Deployment, flow_name: str, now: datetime) -> list[datetime]:
    """The times at which runs of a job came due since its last run, the earliest first; none for a new job."""
    with get_client(sync_client=True) as client:
        try:
            known = client.read_deployment_by_name(f"{flow_name}/{deployment.name}")
        except ObjectNotFound:
            return []
        last = _last_run(client, known)
    lines = [line for line in deployment.schedules if line.active]
    due = [moment for line in lines for moment in dates(line.cron, line.timezone, last, now)]
    return sorted(set(due))[-MAX_MISSED_RUNS:]


def schedule_missed_runs(deployment_id: UUID, times: Sequence[datetime], reporter: Reporter) -> None:
    """Schedule a run for each missed time without one. Its window and name follow from that time."""
    with get_client(sync_client=True) as client:
        there = {run.expected_start_time for run in _runs(client, deployment_id)}
        for moment in sorted(set(times) - there):
            key = f"made-up {deployment_id} {moment.isoformat()}"
            run = client.create_flow_run_from_deployment(
                deployment_id, state=Scheduled(scheduled_time=moment), idempotency_key=key
            )
            reporter.warn(
                "missed_run", f"{run.name} replaces the missed run of {moment:%Y-%m-%d %H:%M}.", run=str(run.id)
            )


def run_again(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Let a run whose process was killed begin again, for the same time: finished stages are not made again."""
    del flow, state
    if flow_run.deployment_id is None:
        return
    with get_client(sync_client=True) as client:
        if flow_run.work_queue_id is not None:
            _follow(client, flow_run, flow_run.deployment_id)
        elif flow_run.run_count < ATTEMPTS:
            client.set_flow_run_state(flow_run.id, _again(), force=True)


def _follow(client: SyncPrefectClient, crashed: FlowRun, deployment_id: UUID) -> None:
    """Let another run take the place of one that crashed on a work pool.

    It cannot begin again itself: its worker calls it crashed once more when the hooks are through.
    """
    attempt = 2 + sum(tag.startswith(_FOLLOWS) for tag in crashed.tags)
    if attempt <= ATTEMPTS:
        client.create_flow_run_from_deployment(
            deployment_id,
            name=f"{crashed.name.partition(_NTH)[0]}{_NTH}{attempt}",
            parameters=crashed.parameters,
            tags=[*crashed.tags, f"{_FOLLOWS}{crashed.id}"],
            state=Scheduled(scheduled_time=crashed.expected_start_time),
            idempotency_key=f"{_FOLLOWS}{crashed.id}",
        )


def _again() -> State[Any]:
    return Scheduled(name="Resuming", message="It goes on where it was.")


def _last_run(client: SyncPrefectClient, known: DeploymentResponse) -> datetime:
    """When the last run of a deployment that began was due, or else when the deployment was made."""
    due = [run.expected_start_time for run in _runs(client, known.id) if run.run_count and run.expected_start_time]
    return max(due, default=known.created or datetime.now(UTC))


def _runs(client: SyncPrefectClient, deployment_id: UUID) -> list[FlowRun]:
    """The runs of a deployment, the latest first."""
    wanted = DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id]))
    return client.read_flow_runs(deployment_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=_PAGE)


def dates(cron: str, timezone: str, after: datetime, until: datetime) -> list[datetime]:
    """The times of a schedule after one moment, up to another."""
    dates = asyncio.run(CronSchedule(cron=cron, timezone=timezone).get_dates(start=after, end=until))
    return [moment for moment in dates if moment > after]


def _when(run: FlowRun) -> str:
    return f"{run.expected_start_time:%Y-%m-%d %H:%M}" if run.expected_start_time else "no time"
