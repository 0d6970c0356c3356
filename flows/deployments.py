"""The deployments of `prefect.yaml`, read so that one process can serve them."""

from importlib import import_module
from pathlib import Path
from typing import Literal

import yaml
from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron
from prefect.types.entrypoint import EntrypointType
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.core.errors import UsageError


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CronLine(_Section):
    """When runs are scheduled."""

    cron: str
    timezone: str = "UTC"
    active: bool = True


class Limit(_Section):
    """How many runs may be at work at once, and what becomes of one more."""

    limit: int
    collision_strategy: Literal["ENQUEUE", "CANCEL_NEW"]


class WorkPool(_Section):
    """Where workers take runs from; not used by `make serve`."""

    name: str


class Deployment(_Section):
    """A job with its schedule, as `prefect deploy` reads it too."""

    name: str
    entrypoint: str
    description: str
    schedules: tuple[CronLine, ...]
    concurrency_limit: Limit
    parameters: dict[str, object]
    work_pool: WorkPool


def read_deployments(path: Path) -> list[Deployment]:
    """The deployments of a file.

    Raises:
        UsageError: The file cannot be read, or something in it is wrong.
    """
    try:
        sections = yaml.safe_load(path.read_text(encoding="utf-8"))["deployments"]
        return [Deployment.model_validate(section) for section in sections]
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise UsageError(f"The deployments cannot be read: {error}", str(path), "Mend the file.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{where} is wrong: {first['msg']}", str(path), "Mend the file.") from error


def runner_deployment(deployment: Deployment) -> RunnerDeployment:
    """A deployment in the form that a runner serves."""
    file, _, name = deployment.entrypoint.partition(":")
    flow = getattr(import_module(file.removesuffix(".py").replace("/", ".")), name, None)
    if not isinstance(flow, Flow):
        raise UsageError("There is no such flow", deployment.entrypoint, "Mend prefect.yaml.")
    limit = deployment.concurrency_limit
    return flow.to_deployment(  # pyright: ignore[reportUnknownMemberType, reportReturnType]
        deployment.name,
        schedules=[Cron(line.cron, timezone=line.timezone, active=line.active) for line in deployment.schedules],
        concurrency_limit=ConcurrencyLimitConfig(
            limit=limit.limit, collision_strategy=ConcurrencyLimitStrategy(limit.collision_strategy)
        ),
        parameters=deployment.parameters,
        description=deployment.description,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
