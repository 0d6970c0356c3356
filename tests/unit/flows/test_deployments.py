"""What `prefect.yaml` deploys: a snapshot, and that every job would run with what it is given."""

import importlib.util
import sys
from pathlib import Path

import pytest
import yaml

from flows.parameters import BuildParameters, PublishParameters, WeeklyParameters
from pipeline.core.errors import UsageError

REPO = Path(__file__).parents[3]
FILE = REPO / "prefect.yaml"

JOBS = {
    "weekly": ("flows/weekly_release.py:weekly_release", ["0 6 * * 1"]),
    "daily": ("flows/ingest_changes.py:ingest_changes", ["0 2 * * *"]),
    "new-dump": ("flows/ingest_dump.py:ingest_dump", ["0 2 * * 5"]),
    "build": ("flows/build_release.py:build_release", []),
    "publish": ("flows/publish_release.py:publish_release", []),
}
MODELS = {
    "weekly": WeeklyParameters,
    "daily": BuildParameters,
    "new-dump": BuildParameters,
    "build": BuildParameters,
    "publish": PublishParameters,
}


def deployments() -> list[dict[str, object]]:
    return yaml.safe_load(FILE.read_text())["deployments"]


def test_the_jobs_and_their_schedules() -> None:
    found = {
        str(one["name"]): (one["entrypoint"], [line["cron"] for line in one["schedules"]])  # type: ignore[attr-defined]
        for one in deployments()
    }
    assert found == JOBS


def test_no_two_runs_of_a_job_overlap_and_none_is_lost() -> None:
    limits = [one["concurrency_limit"] for one in deployments()]
    assert limits == [{"limit": 1, "collision_strategy": "ENQUEUE"}] * len(JOBS)


@pytest.mark.parametrize("name", JOBS)
def test_every_job_can_run_with_what_it_is_given(name: str) -> None:
    (one,) = [one for one in deployments() if one["name"] == name]
    given = one["parameters"]["parameters"]  # type: ignore[index]
    MODELS[name].model_validate(given)


def test_unknown_and_missing_parameters_are_told() -> None:
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        BuildParameters.model_validate({"sources": "live"})
    with pytest.raises(ValueError, match="source dump needs `dumps`"):
        BuildParameters.model_validate({"source": "dump"})
    with pytest.raises(ValueError, match="`dask_address` needs `executor: dask`"):
        BuildParameters.model_validate({"source": "sample", "dask_address": "tcp://127.0.0.1:8786"})


def test_no_flow_hides_a_module() -> None:
    # Prefect puts the folder of a flow's file first on the path: `flows/json.py` would stand for json.
    for path in (REPO / "flows").glob("*.py"):
        if path.stem != "__init__":
            assert path.stem not in sys.stdlib_module_names
            assert importlib.util.find_spec(path.stem) is None, path.name


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    from flows.deployments import read_deployments

    wrong = tmp_path / "prefect.yaml"
    wrong.write_text(FILE.read_text().replace("limit: 1", "limit: one"))
    with pytest.raises(UsageError, match="concurrency_limit.limit is wrong"):
        read_deployments(wrong)
    with pytest.raises(UsageError, match="The deployments cannot be read"):
        read_deployments(tmp_path / "missing.yaml")


def test_every_entrypoint_is_a_flow() -> None:
    from flows.deployments import read_deployments, runner_deployment

    for one in read_deployments(FILE):
        ready = runner_deployment(one)
        assert ready.name == one.name
        assert ready.entrypoint == one.entrypoint.replace("/", ".").replace(".py:", ".")
