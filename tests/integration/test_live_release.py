"""Releases of a living wiki: a small one, cut from the slice, that a real server plays with all its services."""

import copy
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from pipeline.core.tables import read_table
from pipeline.language.templates import load_templates
from pipeline.sandbox.history import History, trouble
from pipeline.sandbox.server import FAULTS, Faults, Seen
from pipeline.sandbox.slice import END, START, history_between
from pipeline.sandbox.wikidata import small_wikidata
from tests.entities import Json
from tests.integration.command import Moment, Run, editmill, files, shown, stopped
from tests.integration.conftest import Built
from tests.integration.dumps import States
from tests.live import QUICK


@pytest.fixture(scope="module")
def history(states: States) -> History:
    return history_between(states.old, states.new)


@dataclass(frozen=True)
class LiveBuild:
    """A run against a sandbox: its folder, how it ended, and the requests that the sandbox got."""

    out: Path
    run: Run
    seen: Seen

    @property
    def release(self) -> Path:
        """The one release."""
        (name,) = shown(self.out)
        return self.out / name

    @property
    def sent(self) -> int:
        """How many requests the run says that it sent."""
        return next(event["requests"] for event in self.run.events if event["event"] == "traffic")


def build_live(
    history: History,
    out: Path,
    faults: Faults | None = None,
    at: Moment | None = None,
    budget: int = 100_000,
    view_pages: int = 1_000,
    port: int = 0,
) -> LiveBuild:
    """Build a release of the window that the history fills."""
    out.mkdir(parents=True, exist_ok=True)
    config = out.with_suffix(".toml")
    polite = "\n".join(f"{name} = {value}" for name, value in (QUICK | {"max_breaks": 90, "budget": budget}).items())
    config.write_text(f"[live]\nview_pages = {view_pages}\n[polite]\n{polite}\n")
    with small_wikidata(faults, port, history) as wikidata:
        arguments = (*wikidata.arguments(), "--contact", "tests@example.org", "--workers", 1, "--json-logs")
        state = out.with_name("state")  # beside the releases, as a team keeps it
        command = ("build", *arguments, "--out", out, "--config", config, "--repo-state", state)
        run = stopped(*command, at=at) if at else editmill(*command)
    return LiveBuild(out, run, wikidata.seen)


@pytest.fixture(scope="module")
def live_build(history: History, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveBuild]:
    made = build_live(history, tmp_path_factory.mktemp("live") / "releases")
    assert made.run.code == 0, made.run.err
    yield made


def manifest(release: Path) -> Json:
    return json.loads((release / "manifest.json").read_text())


def table(out: Path, pattern: str) -> list[Json]:
    (path,) = (out / ".work").glob(pattern)
    return read_table(path).to_pylist()


def test_a_whole_release_comes_of_a_living_wiki(live_build: LiveBuild) -> None:
    found = manifest(live_build.release)
    assert set(found["rows"]) == {"recent", "popular", "long_tail", "robust"}
    assert all(sum(splits.values()) for splits in found["rows"].values())
    assert (found["source"], found["window_start"], found["window_end"]) == ("live", START, END)
    assert all(check["failures"] == 0 for check in found["checks"] if check["required"])
    assert found["visit"]["gaps"] == []


def test_every_request_passed_the_gate(live_build: LiveBuild) -> None:
    """The server counts what arrives, the run what it sends; all carry one name, and none overtakes another."""
    assert len(live_build.seen.requests) == live_build.sent
    (agent,) = live_build.seen.agents
    assert "tests@example.org" in agent
    assert list(live_build.seen.encodings) == ["gzip"]
    assert live_build.seen.open_most == 1
    assert {path.rpartition("/")[2] for path, _ in live_build.seen.requests} == {"api.php", "sparql", "all-days"}


def test_the_changes_are_those_between_the_dumps(live_build: LiveBuild, small: Built) -> None:
    """Except deleted items, which have no text on a wiki, and statements that no relation reads."""
    read = {int(relation.source_property[1:]) for relation in load_templates().relations.values()}

    def key(row: Json) -> tuple[object, ...]:
        names = ("subject_id", "property_id", "change_class", "old_value", "new_value", "head_revision")
        return tuple(row[name] for name in names)

    of_dumps, of_live = (
        {key(row) for row in table(out, "changes-*/changes.parquet") if row["property_id"] in {*read, None}}
        for out in (small.out, live_build.out)
    )
    gone = {row[0] for row in of_dumps if row[2] in ("item_deleted", "merge") and row[1] is None}
    assert {row for row in of_live ^ of_dumps if row[0] not in gone} == set()
    assert len(of_live) > 100


def test_recent_rows_name_the_edits_that_brought_them(live_build: LiveBuild, history: History) -> None:
    edits = {row["rcid"]: row for row in history.changes}
    paths = sorted((live_build.release / "data").rglob("*.parquet"))
    named = 0
    for row in (row for path in paths for row in read_table(path).to_pylist()):
        found = [edits[rcid] for rcid in row["rcids"]]
        assert {edit["title"] for edit in found} <= {row["subject_id"]}
        assert row["tags"] == sorted({tag for edit in found for tag in edit["tags"]})
        assert row["category"] == "recent" or not found
        if found:
            assert row["first_seen"] == max(datetime.fromisoformat(edit["timestamp"]) for edit in found)
            named += 1
    assert named > 5


def test_the_graph_counts_what_a_dump_of_it_would(live_build: LiveBuild, small: Built) -> None:
    for name in ("frequency", "degree"):
        of_dump = {row["id"]: row for row in table(small.out, f"mentions-*/{name}.parquet")}
        of_live = table(live_build.out, f"mentions-*/{name}.parquet")
        assert [row for row in of_live if row != of_dump.get(row["id"])] == []
        assert len(of_live) > 100


def test_views_count_through_redirects_and_without_junk(live_build: LiveBuild, small: Built) -> None:
    of_views = {row["id"]: row["page_views"] for row in table(small.out, "popularity-*/popularity.parquet")}
    of_live = {row["id"]: row["page_views"] for row in table(live_build.out, "popularity-*/popularity.parquet")}
    assert of_live == {item: 3 * of_views[item] for item in of_live}  # three months
    assert any(item % 20 == 0 for item in of_live)
    counted = manifest(live_build.release)["pageviews"]
    assert counted["one_access_method"] == 1
    assert counted["not_an_article"] == 4


@pytest.fixture(scope="module")
def viewed_further(history: History, tmp_path_factory: pytest.TempPathFactory) -> LiveBuild:
    """A build with more pages than the page view service lists."""
    made = build_live(history, tmp_path_factory.mktemp("further") / "releases", view_pages=6_000)
    assert made.run.code == 0, made.run.err
    return made


def files_asked(live_build: LiveBuild) -> list[str]:
    """The monthly files that the sandbox was asked for."""
    return [path.rpartition("/")[2] for path, _ in live_build.seen.requests if path.endswith(".bz2")]


def test_more_pages_come_from_the_monthly_files_by_the_same_rules(
    viewed_further: LiveBuild, live_build: LiveBuild, small: Built
) -> None:
    of_views = {row["id"]: row["page_views"] for row in table(small.out, "popularity-*/popularity.parquet")}
    of_live = {row["id"]: row["page_views"] for row in table(viewed_further.out, "popularity-*/popularity.parquet")}
    before = {row["id"]: row["page_views"] for row in table(live_build.out, "popularity-*/popularity.parquet")}
    elsewhere = of_live.keys() - of_views.keys()  # the page is about another item than it was when views were counted
    assert len(elsewhere) <= 1
    assert all(of_live[item] == 3 * of_views[item] for item in of_live.keys() - elsewhere)
    assert before.items() < of_live.items()
    assert any(item % 20 == 0 for item in of_live.keys() - before.keys())  # through redirects too
    counted = manifest(viewed_further.release)["pageviews"]
    assert counted["few_hours"] == counted["one_access_method"] == 1
    assert counted["not_an_article"] == 4
    assert files_asked(viewed_further) == [f"pageviews-20210{month}-user.bz2" for month in (4, 5, 6)]
    assert files_asked(live_build) == []
    assert len(viewed_further.seen.requests) == viewed_further.sent


def test_a_month_that_was_read_is_not_requested_again(
    history: History, viewed_further: LiveBuild, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    killed = build_live(history, tmp_path / "releases", at=Moment("rename .*/items/"), view_pages=6_000, port=port)
    assert killed.run.code != 0
    assert len(files_asked(killed)) == 3
    again = build_live(history, tmp_path / "releases", view_pages=6_000, port=port)  # the same address: the same files
    assert files_asked(again) == []
    assert files(again.release) == files(viewed_further.release)


def test_faults_on_the_way_of_monthly_files_change_no_byte(
    history: History, viewed_further: LiveBuild, tmp_path: Path
) -> None:
    faults = Faults({"dropped": 0.3, "truncated": 0.3}, seed=5)
    troubled = build_live(history, tmp_path / "releases", faults, view_pages=6_000)
    assert troubled.run.code == 0, troubled.run.err
    assert len(files_asked(troubled)) > 3
    assert troubled.seen.parts  # continued, not started again
    assert len(troubled.seen.requests) == troubled.sent
    assert files(troubled.release) == files(viewed_further.release)


def test_faults_change_no_byte(history: History, live_build: LiveBuild, tmp_path: Path) -> None:
    troubled = build_live(history, tmp_path / "releases", Faults(dict.fromkeys(FAULTS, 0.1), seed=1, slow_seconds=0.05))
    assert troubled.run.code == 0, troubled.run.err
    assert set(troubled.seen.faults) == {*FAULTS, "none"}
    assert len(troubled.seen.requests) == troubled.sent > live_build.sent
    assert files(troubled.release) == files(live_build.release)


def test_a_wiki_that_lags_and_lists_its_changes_in_disorder_changes_no_byte(
    history: History, live_build: LiveBuild, tmp_path: Path
) -> None:
    history = copy.deepcopy(history)
    trouble(history, {"disorder": 0.1, "lagging": 0.1})
    lagging = len(history.lagging)
    troubled = build_live(history, tmp_path / "releases")
    assert troubled.run.code == 0, troubled.run.err
    assert len(history.lagging) < lagging
    assert files(troubled.release) == files(live_build.release)


@pytest.mark.parametrize("moment", ["rename .*/revisions/", "rename .*/items/", r"rename .*/visits/\d"])
def test_a_killed_harvest_continues_where_it_stopped(
    history: History, live_build: LiveBuild, tmp_path: Path, moment: str
) -> None:
    killed = build_live(history, tmp_path / "releases", at=Moment(moment))
    assert killed.run.code != 0
    again = build_live(history, tmp_path / "releases")
    assert again.run.code == 0, again.run.err
    assert again.sent < live_build.sent
    assert files(again.release) == files(live_build.release)


def test_a_spent_budget_is_reported_and_the_next_run_continues(
    history: History, live_build: LiveBuild, tmp_path: Path
) -> None:
    spent = build_live(history, tmp_path / "releases", budget=30)
    assert spent.run.code == 3
    assert "has sent the 30 requests that it may" in spent.run.err
    assert spent.sent == 30
    again = build_live(history, tmp_path / "releases")
    assert files(again.release) == files(live_build.release)
    assert again.sent < live_build.sent


def test_nothing_is_requested_without_a_contact(history: History, tmp_path: Path) -> None:
    with small_wikidata(history=history) as wikidata:
        run = editmill("build", *wikidata.arguments(), "--out", tmp_path / "releases")
    assert run.code == 2
    assert "--contact" in run.err
    assert wikidata.seen.requests == []
