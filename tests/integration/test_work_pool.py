"""The deployments of `prefect.yaml` on a work pool, by the README's commands, and a run of theirs that is killed."""

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGINT, SIGKILL
from typing import Any

import pytest

from tests.integration.command import REPO, environment, files, half_written, wait_until
from tests.integration.conftest import Built
from tests.integration.dumps import States

PATIENCE = 240  # seconds; a busy machine takes half of it
NAMED = {"manifest.json", "README.md"}
"""What holds the names of the dumps, which differ between the command and the flows."""


@dataclass
class Pool:
    """A server, a work pool with all deployments, and a worker.

    Attributes:
        home: What they write is below this.
        url: Of the server.
    """

    home: Path
    url: str
    started: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    @property
    def env(self) -> dict[str, str]:
        """What a terminal of the operator's has set."""
        ours = {
            "PREFECT_API_URL": f"{self.url}/api",
            "PREFECT_HOME": str(self.home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }
        return environment(**ours)

    def prefect(self, *arguments: str) -> None:
        """Run a command of Prefect's to its end."""
        command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
        done = subprocess.run(command, cwd=REPO, env=self.env, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self, *arguments: str) -> None:
        """Start a command of Prefect's that does not end by itself."""
        with (self.home / f"{arguments[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "prefect", *arguments],
                cwd=REPO,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)

    def ask(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        """What the server answers."""
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.url}/api/{path}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)

    def runs(self) -> list[dict[str, Any]]:
        """The runs of deployments by their names, apart from those of schedules."""
        body = {"sort": "NAME_ASC", "limit": 100, "deployments": {"name": {"any_": ["build"]}}}
        return self.ask("flow_runs/filter", body)

    def engines(self) -> list[int]:
        """The processes that are runs."""
        mark, found = str(self.home).encode(), []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                its = (
                    mark in (process / "environ").read_bytes()
                    and b"prefect.engine" in (process / "cmdline").read_bytes()
                )
            except OSError:  # it has just ended
                continue
            found += [int(process.name)] if its else []
        return found


def is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home = tmp_path / "prefect"
    home.mkdir()
    made = Pool(home, f"http://127.0.0.1:{port}")
    try:
        made.start("server", "start", "--host", "127.0.0.1", "--port", str(port))
        assert wait_until(lambda: is_healthy(made.url), PATIENCE)
        made.prefect("work-pool", "create", "editmill", "--type", "process")
        made.prefect("deploy", "--all")
        made.start("worker", "start", "--pool", "editmill")
        yield made
    finally:
        for process in reversed(made.started):
            os.killpg(process.pid, SIGINT)
        for process in reversed(made.started):
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, SIGKILL)
                process.wait()
        for engine in made.engines():
            os.kill(engine, SIGKILL)


def test_a_run_on_a_work_pool_is_killed_twice_and_ends_in_the_same_release(
    pool: Pool, states: States, small: Built, tmp_path: Path
) -> None:
    dumps, out = tmp_path / "dumps", tmp_path / "releases"
    dumps.mkdir()
    for day, state in (("20210601", states.old), ("20210608", states.new)):
        shutil.copy(state, dumps / f"wikidata-{day}-all.json")
    build = {"source": "dump", "dumps": str(dumps), "pageviews": str(states.pageviews), "workers": 1, "out": str(out)}
    pool.prefect("deployment", "run", "build_release/build", "--param", f"parameters={json.dumps(build)}")

    def finished() -> int:
        return len(list(out.glob(".work/*/done.json")))

    for stages in (2, 7):
        assert wait_until(lambda stages=stages: finished() >= stages and pool.engines(), PATIENCE), pool.runs()
        for engine in pool.engines():
            os.kill(engine, SIGKILL)
    assert wait_until(lambda: any(run["state_type"] == "COMPLETED" for run in pool.runs()), PATIENCE), pool.runs()

    first, second, third = pool.runs()
    assert [run["state_name"] for run in (first, second, third)] == ["Crashed", "Crashed", "Completed"]
    assert [run["name"] for run in (second, third)] == [f"{first['name']}, attempt {nth}" for nth in (2, 3)]
    assert {run["expected_start_time"] for run in (second, third)} == {first["expected_start_time"]}
    made, expected = files(out / small.release.name), files(small.release)
    assert {path for path in made.keys() | expected.keys() if made.get(path) != expected.get(path)} <= NAMED
    assert not half_written(out)
    shown = {one["key"] for one in pool.ask("artifacts/latest/filter", {"limit": 100})}
    assert {"funnel", "checks", "release"} <= shown
