"""Flows whose shards run on a cluster of Dask's."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.command import REPO, environment, files
from tests.integration.conftest import Built
from tests.integration.dumps import States

SCRIPT = """
import json, sys
from datetime import UTC, datetime

def main():
    from distributed import Client, LocalCluster
    from prefect.testing.utilities import prefect_test_harness

    from flows.build_release import build_release
    from flows.ingest_dump import ingest_dump
    from flows.parameters import BuildParameters

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        given = json.loads(sys.argv[1]) | {"dask_address": cluster.scheduler_address}
        parameters, at = BuildParameters.model_validate(given), datetime(2026, 11, 16, tzinfo=UTC)
        with prefect_test_harness(server_startup_timeout=90):
            ingest_dump(parameters, at)
            release = build_release(parameters, at)
        with Client(cluster) as client:
            ran = client.run_on_scheduler(lambda dask_scheduler: sorted(dask_scheduler.task_prefixes))
    json.dump({"release": str(release.folder), "ran": ran}, sys.stdout)

if __name__ == "__main__":
    main()
"""


@pytest.mark.skipif(not importlib.util.find_spec("distributed"), reason="Dask is not installed: pip install .[dask]")
def test_shards_on_a_cluster_make_the_same_release(states: States, small: Built, tmp_path: Path) -> None:
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    for day, state in (("20210601", states.old), ("20210608", states.new)):
        shutil.copy(state, dumps / f"wikidata-{day}-all.json")
    build = {"source": "dump", "dumps": str(dumps), "pageviews": str(states.pageviews), "executor": "dask"}
    parameters = json.dumps(build | {"out": str(tmp_path / "releases")})
    script = tmp_path / "flows_on_dask.py"  # a file, because Dask's workers import it
    script.write_text(SCRIPT)
    env = environment(
        PREFECT_HOME=str(tmp_path / "prefect"),
        PREFECT_LOGGING_LEVEL="ERROR",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
    )
    command = [sys.executable, str(script), parameters]
    done = subprocess.run(command, cwd=REPO, env=env, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ran"]
    made, expected = files(Path(told["release"])), files(small.release)
    assert {path for path in made.keys() | expected.keys() if made.get(path) != expected.get(path)} <= {
        "manifest.json",  # which names the dumps by their files
        "README.md",
    }
