"""`make serve`: a Prefect server with SQLite, and all deployments of `prefect.yaml` with their schedules.

With PREFECT_API_URL set, no server is started: the deployments are served to the one it names.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

from pipeline.core.errors import PipelineError, ServiceError
from pipeline.core.progress import Reporter
from pipeline.core.stage_cache import locked

_PATIENCE_SECONDS = 120  # a server on a busy machine takes half a minute to start
_STOP_SECONDS = 15
_REPO = Path(__file__).parents[1]


def main() -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="Serve all deployments with their schedules.")
    parser.add_argument("--file", type=Path, default=_REPO / "prefect.yaml", help="the deployments")
    parser.add_argument("--port", type=int, default=4200, help="of the server and its pages")
    parser.add_argument("--home", type=Path, default=_REPO / ".prefect", help="where the server keeps what it knows")
    options = parser.parse_args()
    reporter = Reporter()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with locked(options.home), _server(options.port, options.home, reporter) as is_ours:
            _serve(options.file, is_ours, reporter)
    except PipelineError as error:
        reporter.warn("error", f"editmill: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _server(port: int, home: Path, reporter: Reporter) -> Generator[bool]:
    """The server to work with, started now unless one is named or there already.

    Yields:
        Whether it serves this process alone, so that runs at work can only be those of an earlier one.
    """
    if named := os.environ.get("PREFECT_API_URL"):
        reporter.warn("server", f"The server is {named}.")
        yield False
        return
    url = f"http://127.0.0.1:{port}"
    # The pages ask port 4200 unless told otherwise. Whatever is set here is read when prefect is imported, and by the
    # processes of runs.
    ours = {
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",
        "PREFECT_HOME": str(home.resolve()),
    }
    quiet = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    os.environ.update({name: os.environ.get(name, value) for name, value in {**quiet, **ours}.items()})
    process = None if _is_healthy(url) else _started(port, home)
    try:
        _wait(url, process)
        reporter.warn("server", f"The server is at {url}.")
        yield True
    finally:
        if process is not None:
            _stop(process)


def _started(port: int, home: Path) -> subprocess.Popen[bytes]:
    """A server in a process group of its own, so that it ends with all its parts; its log goes to a file."""
    with (home / "server.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/health", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _wait(url: str, process: subprocess.Popen[bytes] | None) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not _is_healthy(url):
        if time.monotonic() > end or (process and process.poll() is not None):
            raise ServiceError("The server does not start", url, "Its log is server.log in --home; or give --port.")
        time.sleep(0.5)


def _stop(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _serve(file: Path, is_ours: bool, reporter: Reporter) -> None:
    # Prefect reads the environment when it is imported, so not before it is set.
    from prefect.runner import Runner

    from flows.catch_up import missed_times, resume_runs, schedule_missed_runs
    from flows.deployments import read_deployments, runner_deployment

    if is_ours:
        resume_runs(reporter)
    ready = [(deployment, runner_deployment(deployment)) for deployment in read_deployments(file)]
    now = datetime.now(UTC)
    due = [missed_times(deployment, known.flow_name or "", now) for deployment, known in ready]

    async def work() -> None:
        runner = Runner(pause_on_shutdown=False)
        for (deployment, known), times in zip(ready, due, strict=True):
            schedule_missed_runs(await runner.aadd_deployment(known), times, reporter)
            reporter.warn("serving", f"{deployment.name}: {deployment.description}")
        await runner.start()

    asyncio.run(work())


if __name__ == "__main__":
    sys.exit(main())
