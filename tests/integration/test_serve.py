"""A running editmill: a server, its schedule, a scheduled run that is killed with all around it, and what it leaves."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.sandbox.server import Request
from tests.hub import Hub, running_hub
from tests.integration.command import REPO, editmill, environment, wait_until
from tests.integration.dumps import States
from tests.integration.test_publish import REPO as ON_THE_HUB
from tests.integration.test_publish import TOKEN, hashes, listing

PATIENCE = 240  # seconds; a busy machine takes half of it
_TRIES = 30
DAYS = ("20210601", "20210608")
NARROW = "[long_tail]\nsize = 30\n[robust]\nsize = 30\n[drift]\nmin_rows = 1\nrows_ratio = [0.9, 1.1]\n"


@dataclass
class Served:
    """`make serve` with one scheduled job, and what surrounds it.

    Attributes:
        folder: Everything it writes is below this.
        hub: Where it publishes.
        port: Of its server.
        process: The command.
    """

    folder: Path
    hub: Hub
    port: int
    process: subprocess.Popen[bytes]

    def ask(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        """What the server answers."""
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/{path}", data, {"Content-Type": "application/json"}
        )
        for _ in range(_TRIES):  # SQLite may be locked for a moment, which the server's own client waits for too
            try:
                with urllib.request.urlopen(asked, timeout=60) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    raise
            time.sleep(1)
        raise TimeoutError(path)

    def runs(self) -> list[dict[str, Any]]:
        """The runs of the job that began, the earliest first."""
        body = {"sort": "EXPECTED_START_TIME_ASC", "limit": 100, "deployments": {"name": {"any_": ["weekly"]}}}
        return [run for run in self.ask("flow_runs/filter", body) if run["run_count"]]

    def ended(self, run: str) -> dict[str, Any]:
        """A run, when it has ended."""
        found: list[dict[str, Any]] = []

        def over() -> bool:
            found.append(self.ask(f"flow_runs/{run}"))
            return found[-1]["state_type"] in ("COMPLETED", "FAILED") or found[-1]["state_name"] == "Crashed"

        assert wait_until(over, PATIENCE), found[-1]["state_name"]
        return found[-1]

    def artifacts(self) -> dict[str, dict[str, Any]]:
        """The latest artifact of every key."""
        return {one["key"]: one for one in self.ask("artifacts/latest/filter", {"limit": 100})}

    def processes(self) -> list[int]:
        """Every process that it consists of, those of runs included."""
        mark, found = str(self.folder / "prefect").encode(), []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                ours = mark in (process / "environ").read_bytes() or mark in (process / "cmdline").read_bytes()
            except OSError:  # it has just ended
                continue
            found += [int(process.name)] if ours else []
        return found

    def engines(self) -> list[int]:
        """The processes that are runs."""
        found = []
        for process in self.processes():
            with contextlib.suppress(OSError):  # it has just ended
                found += [process] if b"engine" in Path(f"/proc/{process}/cmdline").read_bytes() else []
        return found

    def kill_run(self, stages: int) -> None:
        """End the process of a run alone, when so many stages are finished."""
        made = self.folder / "releases" / ".work"
        assert wait_until(lambda: len(list(made.glob("*/done.json"))) >= stages and self.engines(), PATIENCE)
        for process in self.engines():
            os.kill(process, signal.SIGKILL)

    def at_work(self) -> list[dict[str, Any]]:
        """Runs, and flows that are parts of them, of which the server thinks that they are at work."""
        states = {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}
        return self.ask("flow_runs/filter", {"flow_runs": {"state": states}})

    def start(self) -> None:
        """Start it, again if it was killed."""
        self.process = serve(self.folder, self.hub, self.port)

    def kill(self) -> None:
        """End every part of it at once, as a power cut does."""
        for process in self.processes():
            os.kill(process, signal.SIGKILL)


def serve(folder: Path, hub: Hub, port: int) -> subprocess.Popen[bytes]:
    env = environment(
        HF_ENDPOINT=hub.url,
        HF_HUB_OFFLINE="0",
        HF_HUB_DISABLE_XET="1",
        HF_HOME=str(folder / "home"),
        HF_TOKEN=TOKEN,
        PREFECT_LOGGING_LEVEL="WARNING",
    )
    where = ("--file", folder / "prefect.yaml", "--port", port, "--home", folder / "prefect")
    with (folder / "serve.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.serve", *map(str, where)],
            cwd=REPO,
            env={name: value for name, value in env.items() if not name.startswith("PREFECT_API")},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


@pytest.fixture
def served(states: States, tmp_path: Path) -> Iterator[Served]:
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    for day, state in zip(DAYS, (states.old, states.new), strict=True):
        shutil.copy(state, dumps / f"wikidata-{day}-all.json")
    build = {"source": "dump", "dumps": str(dumps), "pageviews": str(states.pageviews), "workers": 1}
    build["out"] = str(tmp_path / "releases")
    file = yaml.safe_load((REPO / "prefect.yaml").read_text())
    (weekly,) = [one for one in file["deployments"] if one["name"] == "weekly"]
    weekly["schedules"] = [{"cron": "* * * * *", "timezone": "UTC"}]
    weekly["parameters"] = {"parameters": {"build": build, "publish": {"repo_id": ON_THE_HUB}}}
    (tmp_path / "prefect.yaml").write_text(yaml.safe_dump({"name": "editmill", "deployments": [weekly]}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with running_hub() as hub:
        running_one = Served(tmp_path, hub, port, serve(tmp_path, hub, port))
        try:
            yield running_one
        finally:
            running_one.kill()
            running_one.process.wait()


def by_command(served: Served, states: States) -> Path:
    """The same release, built by the command from the same files."""
    old, new = (served.folder / "dumps" / f"wikidata-{day}-all.json" for day in DAYS)
    out = served.folder / "by-command"
    sources = ("--source", "dump", "--old", old, "--new", new, "--pageviews", states.pageviews)
    run = editmill("build", *sources, "--out", out, "--workers", 1)
    assert run.code == 0, run.err
    (release,) = (path for path in out.iterdir() if not path.name.startswith("."))
    return release


def at_merge(meet: Callable[[], None]) -> Callable[[Request], None]:
    """Something that happens once, when a release is about to be merged."""
    met: list[Request] = []

    def before(request: Request) -> None:
        if request.method == "POST" and request.path.endswith("/merge") and not met:
            met.append(request)
            meet()

    return before


def test_a_scheduled_run_survives_a_kill_and_a_power_cut_and_drift_stops_the_next(
    served: Served, states: States, tmp_path: Path
) -> None:
    served.hub.before = at_merge(served.kill)
    served.kill_run(stages=3)
    assert wait_until(lambda: served.process.poll() is not None, PATIENCE), "no run came as far as the merge"
    served.process.wait()
    before = listing(served.hub)  # nothing, or the whole of it: the merge was on its way
    assert not served.hub.store.repos[ON_THE_HUB].tags
    served.start()

    assert wait_until(lambda: reachable(served), PATIENCE)
    first = served.runs()[0]
    served.ask(f"deployments/{first['deployment_id']}/pause_deployment", {})
    done = served.ended(first["id"])
    assert (done["state_type"], done["auto_scheduled"]) == ("COMPLETED", True)
    assert done["run_count"] in (2, 3)  # the run of the next minute may have come to the merge before it
    assert wait_until(lambda: not served.at_work(), PATIENCE), served.at_work()
    assert done["expected_start_time"] == first["expected_start_time"]

    release = by_command(served, states)
    repo = served.hub.store.repos[ON_THE_HUB]
    assert before in ({}, hashes(release))
    assert listing(served.hub) == listing(served.hub, release.name) == hashes(release)
    assert [one.status for one in repo.pulls] == ["merged"]

    found = served.artifacts()
    assert {key: found[key]["type"] for key in ("funnel", "checks", "drift", "release")} == {
        "funnel": "table",
        "checks": "table",
        "drift": "table",
        "release": "markdown",
    }
    assert f"{served.hub.url}/datasets/{ON_THE_HUB}/tree/{release.name}" in found["published"]["data"]
    assert found["release"]["data"].count("data:image/png;base64,") == len(list((release / "figures").glob("*.png")))
    rows = json.loads(found["checks"]["data"])
    assert [row["check"] for row in rows if row["failures"]] == []

    of_run = {"flow_runs": {"id": {"any_": [first["id"]]}}, "limit": 100}
    assert found.keys() == {one["key"] for one in served.ask("artifacts/filter", of_run)}  # all in the tab of the run

    # Prefect lists artifacts by key and description; what it draws of them is its own.
    described = {key: found[key]["description"] for key in ("funnel", "checks", "release")}
    assert described == {
        "funnel": f"{release.name}: what was dropped, and why",
        "checks": f"{release.name}: what was checked",
        "release": f"{release.name}: rows, checks, figures",
    }

    drifted = drifted_run(served, first["deployment_id"])
    assert drifted["state_type"] == "FAILED"
    assert "The release has drifted: rows of long_tail" in drifted["state"]["message"]
    assert "accept_drift" in drifted["state"]["message"]
    assert listing(served.hub) == hashes(release)
    shown = served.artifacts()
    assert json.loads(shown["drift"]["data"])[0]["outside"] == "yes"
    assert json.loads(shown["difference"]["data"])[0]["removed"] > 0

    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(PATIENCE) == 130
    assert wait_until(lambda: not served.processes(), 30)
    assert not [path for path in served.folder.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


def reachable(served: Served) -> bool:
    try:
        return bool(served.runs())
    except OSError:
        return False


def drifted_run(served: Served, deployment: str) -> dict[str, Any]:
    """A run by hand, with settings that give a sound release that is unlike the last one."""
    config = served.folder / "narrow.toml"
    config.write_text(NARROW)
    known = served.ask(f"deployments/{deployment}")["parameters"]["parameters"]
    build = known["build"] | {"config": str(config), "out": str(served.folder / "narrow"), "name": "v9999.01.01"}
    asked = {"parameters": {"parameters": known | {"build": build}}, "state": {"type": "SCHEDULED"}}
    return served.ended(served.ask(f"deployments/{deployment}/create_flow_run", asked)["id"])
