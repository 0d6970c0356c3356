"""Publishing: `editmill publish` against a Hub on loopback, by the real client over real sockets."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from signal import SIGKILL

import pyarrow.parquet as pq
import pytest

from pipeline.core.tables import file_hash
from pipeline.edits.splits import SPLITS
from pipeline.sandbox import hub_store
from pipeline.sandbox.server import Request
from tests.hub import Hub, running_hub
from tests.integration.command import Process, Run, editmill, environment, files, finish, process, start
from tests.integration.conftest import Built
from tests.integration.dumps import States

REPO = "mill/edits"
TOKEN = "hf_sandbox_write"
QUICK = "[hub]\nbackoff_seconds = 0.1\nattempts = 20\n"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as hub:
        yield hub


@pytest.fixture
def env(hub: Hub, tmp_path: Path) -> dict[str, str]:
    return {
        "HF_ENDPOINT": hub.url,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HOME": str(tmp_path / "home"),
        "HF_TOKEN": TOKEN,
    }


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """A configuration with short waits."""
    path = tmp_path / "quick.toml"
    path.write_text(QUICK)
    return path


@pytest.fixture(scope="session")
def fewer(small: Built, states: States, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound release of the same inputs with fewer rows, under a later name."""
    folder = tmp_path_factory.mktemp("fewer")
    config = folder / "fewer.toml"
    config.write_text("[long_tail]\nsize = 30\n[robust]\nsize = 30\n")
    work = shutil.copytree(small.work, folder / "work")
    where = ("--out", folder / "releases", "--work", work, "--version", "v9999.01.01")
    run = editmill("build", *states.arguments, *where, "--config", config, "--workers", 1)
    assert run.code == 0, run.err
    return folder / "releases" / "v9999.01.01"


def listing(hub: Hub, revision: str = "main") -> dict[str, str]:
    """What a reader sees at a revision: paths and hashes, without the Hub's own file."""
    found = hub.store.commits[hub_store.resolve(hub.store, hub.store.repos[REPO], revision)].files
    return {path: file.sha256 for path, file in found.items() if path != hub_store.ATTRIBUTES}


def hashes(release: Path) -> dict[str, str]:
    paths = [path for path in release.rglob("*") if path.is_file()]
    return {path.relative_to(release).as_posix(): file_hash(path) for path in paths}


def publish(release: Path, env: Mapping[str, str], *more: object) -> Run:
    return process("publish", release, "--repo-id", REPO, *more, env=env)


def succeed(release: Path, env: Mapping[str, str], *more: object) -> Run:
    run = publish(release, env, *more)
    assert run.code == 0, run.err
    return run


LOAD = """
import json, sys
from datasets import load_dataset
repo, config, tag = sys.argv[1:]
found = load_dataset(repo, config, revision=tag)
json.dump({split: rows.to_list() for split, rows in found.items()}, sys.stdout, default=str)
"""


def test_what_is_loaded_is_what_was_built(small: Built, hub: Hub, env: dict[str, str]) -> None:
    run = succeed(small.release, env, "--private", "--tag", "v2026.11.16")
    assert f"{hub.url}/datasets/{REPO}/tree/v2026.11.16" in run.out
    assert hub.store.repos[REPO].private
    digest = json.loads((small.release / "manifest.json").read_text())["digest"]
    assert hub.store.repos[REPO].tag_messages == {"v2026.11.16": f"The digest of the manifest is {digest}."}
    assert listing(hub) == listing(hub, "v2026.11.16") == hashes(small.release)
    for folder in sorted((small.release / "data").iterdir()):
        loaded = subprocess.run(
            [sys.executable, "-c", LOAD, REPO, folder.name, "v2026.11.16"],
            env=environment(**env),
            capture_output=True,
            check=True,
        )
        files = {split: folder / f"{split}-00000-of-00001.parquet" for split in SPLITS}
        built = {split: pq.read_table(path).to_pylist() for split, path in files.items() if path.is_file()}
        expected = json.dumps(built, default=str)
        assert json.loads(loaded.stdout) == json.loads(expected)


def test_what_is_published_stays(small: Built, fewer: Path, hub: Hub, env: dict[str, str]) -> None:
    succeed(small.release, env, "--tag", "v1")
    before = copy.deepcopy(hub.store.repos), list(hub.store.contents)
    assert succeed(small.release, env, "--tag", "v1").out.startswith("Was there already")
    other = publish(fewer, env, "--tag", "v1")
    assert (other.code, "The tag v1 stands for another release" in other.err) == (2, True)
    private = publish(small.release, env, "--private")
    assert (private.code, "The repository is public" in private.err) == (2, True)
    assert (hub.store.repos, list(hub.store.contents)) == before


_WRITES = ("/repos/create", "/discussions$", "/preupload/", "/_lfs/", "/commit/", "/status$", "/merge$", "/tag/")


def test_a_run_killed_at_any_step_is_finished_by_the_next(small: Built, hub: Hub, env: dict[str, str]) -> None:
    whole = hashes(small.release)
    victim: list[Process] = []
    met: set[str] = set()

    def kill_at(step: str) -> Callable[[Request], None]:
        def kill(request: Request) -> None:
            if request.method in ("POST", "PUT") and re.search(step, request.path) and step not in met:
                met.add(step)
                os.killpg(victim[-1].pid, SIGKILL)

        return kill

    def look(request: Request | None = None) -> None:
        del request
        if REPO in hub.store.repos:
            assert listing(hub) in ({}, whole)

    for place, step in enumerate(_WRITES):
        kill = kill_at(step)
        hub.before, hub.after = (look, kill) if place % 2 else (kill, look)
        victim.append(start("publish", small.release, "--repo-id", REPO, env=env))
        assert finish(victim[-1]).code == -SIGKILL, step
        look()
    hub.before = hub.after = look
    succeed(small.release, env)
    repo = hub.store.repos[REPO]
    assert listing(hub) == listing(hub, small.release.name) == whole
    assert [one.status for one in repo.pulls] == ["merged"]
    assert list(repo.tags) == [small.release.name]


@pytest.mark.parametrize("trouble", ["unavailable", "too_many", "dropped", "lost", "truncated"])
def test_trouble_at_a_tenth_of_requests_changes_nothing(
    small: Built, hub: Hub, env: dict[str, str], quick: Path, trouble: str
) -> None:
    hub.faults.shares, hub.faults.seed = {trouble: 0.1}, 3
    succeed(small.release, env, "--config", quick)
    repo = hub.store.repos[REPO]
    assert listing(hub) == listing(hub, small.release.name) == hashes(small.release)
    assert [one.status for one in repo.pulls].count("merged") == 1
    assert not [one for one in repo.pulls if one.status in ("open", "draft")]


def test_the_next_release_takes_its_place_and_the_last_can_still_be_loaded(
    small: Built, fewer: Path, hub: Hub, env: dict[str, str]
) -> None:
    succeed(small.release, env)
    succeed(fewer, env, "--accept-drift")
    assert listing(hub) == listing(hub, fewer.name) == hashes(fewer)
    assert listing(hub, small.release.name) == hashes(small.release)


def test_a_damaged_release_is_not_published(my_release: Path, hub: Hub, env: dict[str, str]) -> None:
    (my_release / "figures" / "funnel.png").write_bytes(b"")
    run = publish(my_release, env)
    assert run.code == 1
    assert "files_intact: figures/funnel.png: changed" in run.err
    assert hub.seen.requests == []


def test_an_abandoned_build_of_the_same_tag_is_rolled_back(
    small: Built, fewer: Path, hub: Hub, env: dict[str, str]
) -> None:
    victim: list[Process] = []
    killed: list[Request] = []

    def kill(request: Request) -> None:
        if request.method == "POST" and "/status" in request.path and not killed:
            killed.append(request)
            os.killpg(victim[0].pid, SIGKILL)

    hub.before = kill
    victim.append(start("publish", fewer, "--repo-id", REPO, "--tag", "v1", env=env))
    assert finish(victim[0]).code == -SIGKILL
    succeed(small.release, env, "--tag", "v1")
    repo = hub.store.repos[REPO]
    assert [one.status for one in repo.pulls] == ["closed", "merged"]
    assert listing(hub, "v1") == hashes(small.release)


FINISH = """
import sys
from pathlib import Path
from pipeline.core.progress import Reporter
from pipeline.jobs.publish import finish_earlier
from pipeline.core.settings import load_operations
releases, but, repo, *config = sys.argv[1:]
operations = load_operations(*map(Path, config))
for told in finish_earlier(Path(releases), but, repo, operations, Reporter("quiet")):
    sys.stdout.write(told + "\\n")
"""


def finish_earlier(releases: Path, but: str, env: Mapping[str, str], *config: Path) -> list[str]:
    """What the flows do before they publish."""
    command = [sys.executable, "-c", FINISH, str(releases), but, REPO, *map(str, config)]
    return subprocess.run(command, env=environment(**env), capture_output=True, check=True).stdout.decode().splitlines()


def crash(hub: Hub, step: str, release: Path, env: Mapping[str, str], *more: object) -> None:
    """Publish a release, and die at a step before the Hub has taken it."""
    victim: list[Process] = []

    def kill(request: Request) -> bool:
        meets = request.method == "POST" and bool(re.search(step, request.path)) and victim[0].poll() is None
        if meets:
            os.killpg(victim[0].pid, SIGKILL)
        return not meets

    hub.before = kill
    victim.append(start("publish", release, "--repo-id", REPO, *more, env=env))
    assert finish(victim[0]).code == -SIGKILL


@pytest.fixture
def narrow(tmp_path: Path) -> Path:
    """A configuration with a band that the smaller release leaves."""
    path = tmp_path / "narrow.toml"
    path.write_text("[drift]\nrows_ratio = [0.9, 1.1]\nmin_rows = 1\n")
    return path


def test_a_publish_that_nobody_repeats_is_finished_or_rolled_back(
    small: Built, hub: Hub, env: dict[str, str], tmp_path: Path
) -> None:
    for folder, expected, status in (
        (tmp_path, "rolled back: the release is not there any more", "closed"),
        (small.out, "finished", "merged"),
    ):
        crash(hub, "/status$", small.release, env)
        assert finish_earlier(folder, small.release.name, env) == []
        assert finish_earlier(folder, "v9999", env) == [f"{small.release.name}: publishing is {expected}"]
        assert hub.store.repos[REPO].pulls[-1].status == status
        assert finish_earlier(folder, "v9999", env) == []
    assert listing(hub, small.release.name) == hashes(small.release)


def test_what_has_drifted_is_not_published_by_way_of_a_crash(
    small: Built, fewer: Path, hub: Hub, env: dict[str, str], narrow: Path
) -> None:
    """Its pull request stands, however it came about: by a person who accepted it, or before the folder was rebuilt."""
    succeed(small.release, env)
    crash(hub, "/status$", fewer, env, "--accept-drift")
    (told,) = finish_earlier(fewer.parent, "v9999.02.02", env, narrow)
    assert told.startswith(f"{fewer.name}: publishing is rolled back: The release has drifted: rows of long_tail is")
    repo = hub.store.repos[REPO]
    assert [one.status for one in repo.pulls] == ["merged", "closed"]
    assert list(repo.tags) == [small.release.name]
    assert listing(hub) == hashes(small.release)


def test_a_release_that_came_as_far_as_main_is_tagged(
    small: Built, fewer: Path, hub: Hub, env: dict[str, str], narrow: Path, tmp_path: Path
) -> None:
    succeed(small.release, env)
    crash(hub, "/tag/", fewer, env, "--accept-drift")
    assert listing(hub) == hashes(fewer)
    assert list(hub.store.repos[REPO].tags) == [small.release.name]
    told = f"{fewer.name}: it is on main, and not tagged: the release is not there any more"
    assert finish_earlier(tmp_path, "v9999.02.02", env, narrow) == [told]
    assert finish_earlier(fewer.parent, "v9999.02.02", env, narrow) == [f"{fewer.name}: publishing is finished"]
    assert listing(hub) == listing(hub, fewer.name) == hashes(fewer)
    assert finish_earlier(fewer.parent, "v9999.02.02", env, narrow) == []


def test_the_token_reaches_no_output_and_no_file(
    small: Built, hub: Hub, env: dict[str, str], quick: Path, tmp_path: Path
) -> None:
    hub.faults.at = {4: "unavailable", 5: "dropped"}
    run = publish(small.release, env, "--json-logs", "--config", quick)
    hub.faults.at = {}
    refused = publish(small.release, env | {"HF_TOKEN": "hf_unknown_secret"}, "--json-logs")
    assert run.code == 0
    assert refused.code == 2
    texts = [run.out, run.err, refused.out, refused.err]
    assert not [text for text in texts if TOKEN in text or "hf_unknown_secret" in text]
    assert not [data for data in hub.store.contents.values() if TOKEN.encode() in data]
    for folder in (small.release, tmp_path / "home"):
        assert not [path for path, data in files(folder).items() if TOKEN.encode() in data]


@pytest.mark.parametrize(
    ("changes", "arguments", "code", "told"),
    [
        ({"HF_TOKEN": ""}, [], 2, "There is no token for the Hub"),
        ({"HF_TOKEN": "hf_wrong"}, [], 2, "does not let this token do that (401)"),
        ({"HF_TOKEN": "hf_sandbox_read"}, [], 2, "does not let this token do that (403)"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, [], 3, "The Hub cannot be reached (ConnectError)"),
        ({}, ["--repo-id", "no/such/name"], 2, "This is not the name of a repository"),
    ],
)
def test_errors_say_what_to_do(
    small: Built,
    env: dict[str, str],
    tmp_path: Path,
    changes: dict[str, str],
    arguments: list[str],
    code: int,
    told: str,
) -> None:
    config = tmp_path / "once.toml"
    config.write_text("[hub]\nattempts = 1\n")
    run = publish(small.release, env | changes, "--config", config, *arguments)
    assert run.code == code
    assert told in run.err
    assert "Traceback" not in run.err


def test_drift_stops_a_release_and_the_last_one_stays(
    small: Built, fewer: Path, hub: Hub, env: dict[str, str], narrow: Path
) -> None:
    succeed(small.release, env)
    run = publish(fewer, env, "--config", narrow)
    assert run.code == 1
    assert "The release has drifted: rows of long_tail is" in run.err
    assert listing(hub) == hashes(small.release)
    compared = editmill("drift", fewer, "--against", small.release, "--config", narrow)
    assert compared.code == 1
    assert compared.out.startswith("OUTSIDE rows of long_tail is")
    from_hub = process("drift", fewer, "--repo-id", REPO, "--config", narrow, env=env)
    assert (from_hub.code, from_hub.out) == (compared.code, compared.out)
    succeed(fewer, env, "--config", narrow, "--accept-drift")
    assert listing(hub) == hashes(fewer)
