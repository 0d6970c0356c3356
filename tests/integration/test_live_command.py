"""The command line of the live source and of the sandbox: windows, plans, gaps, and what is refused."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pipeline.core.parallel import InlineExecutor
from pipeline.core.progress import Reporter
from pipeline.core.settings import load_settings
from pipeline.jobs.live import LiveOptions, fetch_daily_changes
from pipeline.sandbox.history import History
from pipeline.sandbox.slice import END, START, history_between
from pipeline.sandbox.wikidata import small_wikidata
from pipeline.sources.live.harvest import harvest
from pipeline.sources.live.request import HarvestRequest, ServiceUrls
from pipeline.sources.live.state import Harvest
from tests.integration.command import editmill, environment, finish, process, shown, start, succeed
from tests.integration.dumps import States
from tests.live import CONTACT, quick

LIVE = ("build", "--source", "live", "--contact", CONTACT)


@pytest.fixture
def history(states: States) -> History:
    return history_between(states.old, states.new)


def harvest_of(history: History, state: Path, port: int = 0, **window: object) -> Harvest:
    """A harvest of a wiki without a query service and page views."""
    with small_wikidata(history=history, port=port) as wikidata:
        api = f"{wikidata.url}/w/api.php"
        urls = ServiceUrls(api, None, None, api)
        request = HarvestRequest(urls, CONTACT, state, properties=frozenset({27, 39}), **window)  # type: ignore[arg-type]
        return harvest(request, load_settings(), quick(), InlineExecutor(), Reporter("quiet"))


def test_a_window_without_ends_is_settled_and_catches_up_with_the_last_harvest(
    history: History, tmp_path: Path
) -> None:
    history.now = "2020-01-10T12:30:00Z"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    first = harvest_of(history, tmp_path, port, days=7).window
    assert first.end == datetime.fromisoformat("2020-01-09T12:00:00Z")
    assert first.end - first.start == timedelta(days=7)
    history.now = "2020-02-10T12:30:00Z"
    second = harvest_of(history, tmp_path, port, days=7).window  # the same address: nothing old is remembered of it
    assert second.start == first.end
    assert second.end == datetime.fromisoformat("2020-02-09T12:00:00Z")


def test_daily_runs_leave_no_recent_changes_for_the_harvest(history: History, tmp_path: Path) -> None:
    history.now = "2020-01-10T12:30:00Z"
    with small_wikidata(history=history) as wikidata:
        api = f"{wikidata.url}/w/api.php"
        options = LiveOptions(CONTACT, tmp_path, since="400d", api=api)
        fetched = fetch_daily_changes(options, load_settings(), quick(), Reporter("quiet")).window
        before = len(wikidata.seen.requests)
        request = HarvestRequest(ServiceUrls(api, None, None, api), CONTACT, tmp_path, fetched.start, fetched.end)
        made = harvest(request, load_settings(), quick(), InlineExecutor(), Reporter("quiet"))
    assert made.record["counts"]["recent_changes"] > 10
    assert not any(asked.get("list") == "recentchanges" for _, asked in wikidata.seen.requests[before:])


def test_what_the_wiki_no_longer_lists_is_a_gap(history: History, tmp_path: Path) -> None:
    kept_from = "2021-06-05T00:00:00Z"
    history.changes = [row for row in history.changes if row["timestamp"] >= kept_from]
    ends = {"start": datetime.fromisoformat("2021-05-01T00:00:00Z"), "end": datetime.fromisoformat(END)}
    record = harvest_of(history, tmp_path, **ends).record
    ((gap_start, gap_end),) = record["gaps"]
    assert gap_start == "2021-05-01T00:00:00+00:00"
    assert gap_end >= "2021-06-05"


def test_a_window_that_is_fully_listed_has_no_gap(history: History, tmp_path: Path) -> None:
    ends = {"start": datetime.fromisoformat(START), "end": datetime.fromisoformat(END)}
    made = harvest_of(history, tmp_path, **ends)
    assert made.record["gaps"] == []
    again = harvest_of(history, tmp_path, **ends)
    assert again == made or again.record["counts"] == made.record["counts"]


def test_the_plan_sends_no_request_and_shows_the_budget() -> None:
    run = succeed("plan", "--source", "live", "--since", "7d")
    assert re.search(r"together +\d{2,3},\d{3}, within the budget of 120,000", run.out)
    assert "150 a minute" in run.out


def test_the_plan_counts_the_files_of_all_pages(tmp_path: Path) -> None:
    config = tmp_path / "further.toml"
    config.write_text("[live]\nview_pages = 5_000\n")
    plan = ("plan", "--source", "live", "--since", "7d", "--config", config)
    assert "files of all pages" not in succeed(*plan[:-2]).out
    text = succeed(*plan).out
    assert re.search(r"files of all pages +3\n", text)
    assert re.search(r"page views and titles +306\n", text)
    assert "about 7.5 GB" in text
    elsewhere = succeed(
        *plan, "--api", "https://wiki.example/w/api.php", "--pageviews", "https://wiki.example/views"
    ).out
    assert "files of all pages" not in elsewhere
    assert re.search(r"page views and titles +66\n", elsewhere)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--since", "a week"), "--since"),
        (("--from", "2026-11-08T00:00:00Z"), "No window was given"),
        (("--from", "yesterday", "--to", "2026-11-08"), "--from"),
        (("--since", "7d", "--api", "wikidata.org"), "This is not the address of an API"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, ...], text: str, tmp_path: Path) -> None:
    run = process(*LIVE, *arguments, "--out", tmp_path)
    assert run.code == 2
    assert text in run.err


def test_the_tour_that_the_sandbox_prints_goes_from_the_wiki_to_loaded_rows(tmp_path: Path) -> None:
    """Its commands are run as they are printed, by a shell, in an empty folder and without any other network."""
    sandbox = start("sandbox", cwd=tmp_path)
    try:
        assert sandbox.stdout is not None
        text = "".join(sandbox.stdout.readline() for _ in range(7))
        assert re.match(r"A small Wikidata is at http://127\.0\.0\.1:\d+, a Hub at http://127\.0\.0\.1:\d+\.", text)
        *_, build, export, publish, load = text.splitlines()
        tour = "\n".join(
            ["set -e", 'editmill() { "$PYTHON" -m pipeline.cli.main "$@"; }', build, export, publish, load]
        )
        env = environment(
            PYTHON=sys.executable,
            PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            HF_HOME=str(tmp_path / "home"),
            HF_HUB_OFFLINE="0",
            HTTPS_PROXY="http://127.0.0.1:9",  # who asks anybody else fails
        )
        run = subprocess.run(["/bin/sh", "-c", tour], env=env, cwd=tmp_path, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
    finally:
        os.killpg(sandbox.pid, signal.SIGINT)
    assert finish(sandbox).code == 130
    (release,) = shown(tmp_path / "releases-of-sandbox")
    rows = json.loads((tmp_path / "releases-of-sandbox" / release / "manifest.json").read_text())["rows"]["recent"]
    assert f"Published: {release} at http://127.0.0.1:" in run.stdout
    assert dict(re.findall(r"(\w+): Dataset\(\{.*?num_rows: (\d+)", run.stdout, re.DOTALL)) == {
        split: str(count) for split, count in rows.items()
    }


@pytest.mark.parametrize("option", ["--port", "--hub-port"])
def test_the_sandbox_says_which_port_is_taken(option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        run = process("sandbox", option, other.getsockname()[1])
    assert run.code == 2
    assert f"The port cannot be used: Address already in use ({option} " in run.err


def test_the_sandbox_knows_its_faults() -> None:
    run = editmill("sandbox", "--faults", "earthquake=0.1")
    assert run.code == 2
    assert "too_many, unavailable, maxlag, truncated, slow, dropped, lost, disorder, suppressed, lagging" in run.err
