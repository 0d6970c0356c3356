"""The jobs of a living wiki, day and week, as a server of Prefect's runs them, against a small Wikidata and a Hub."""

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

from pipeline.sandbox.slice import END, START, history_between
from pipeline.sandbox.wikidata import small_wikidata
from tests.hub import running_hub
from tests.integration.command import REPO, environment
from tests.integration.dumps import States
from tests.integration.test_publish import REPO as ON_THE_HUB
from tests.integration.test_publish import TOKEN, hashes, listing
from tests.live import QUICK

# The settings of the Hub's client are read when it is imported: a process of its own has its own.
SCRIPT = """
import json, sys
from datetime import datetime, timedelta
from prefect.testing.utilities import prefect_test_harness

with prefect_test_harness(server_startup_timeout=90):
    from flows.ingest_changes import ingest_changes
    from flows.parameters import WeeklyParameters
    from flows.weekly_release import weekly_release

    parameters, at = WeeklyParameters.model_validate_json(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
    fetched = [ingest_changes(parameters.build, at - timedelta(days=1)) for _ in range(2)]
    published = [weekly_release(parameters, at) for _ in range(2)]
json.dump({"fetched": fetched, "there": [one.was_there for one in published], "tag": published[0].tag}, sys.stdout)
"""


def test_days_are_fetched_and_the_week_is_released_once(states: States, tmp_path: Path) -> None:
    start, end = map(datetime.fromisoformat, (START, END))
    config = tmp_path / "quick.toml"
    config.write_text(
        "[polite]\n" + "".join(f"{name} = {value}\n" for name, value in (QUICK | {"max_breaks": 90}).items())
    )
    with (
        running_hub() as hub,
        small_wikidata(history=history_between(states.old, states.new)) as wikidata,
    ):
        build = {
            "source": "live",
            "contact": "tests@example.org",
            "api": f"{wikidata.url}/w/api.php",
            "sparql": f"{wikidata.url}/sparql",
            "pageview_service": f"{wikidata.url}/pageviews",
            "days": (end - start).days + 1,
            "out": str(tmp_path / "releases"),
            "state": str(tmp_path / "state"),
            "config": str(config),
            "workers": 1,
        }
        parameters = json.dumps({"build": build, "publish": {"repo_id": ON_THE_HUB}})
        scheduled = end + timedelta(hours=25)  # whole hours, a day before: the last edits are in
        env = environment(
            HF_ENDPOINT=hub.url,
            HF_HUB_OFFLINE="0",
            HF_HUB_DISABLE_XET="1",
            HF_HOME=str(tmp_path / "home"),
            HF_TOKEN=TOKEN,
            PREFECT_HOME=str(tmp_path / "prefect"),
            PREFECT_LOGGING_LEVEL="ERROR",
            PREFECT_SERVER_ANALYTICS_ENABLED="false",
            DO_NOT_TRACK="1",
        )
        command = [sys.executable, "-c", SCRIPT, parameters, scheduled.isoformat()]
        done = subprocess.run(command, cwd=REPO, env=env, capture_output=True, text=True, timeout=400)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found == {"fetched": [1, 1], "there": [False, True], "tag": f"v{scheduled:%Y.%m.%d}"}
        assert listing(hub, found["tag"]) == hashes(tmp_path / "releases" / found["tag"])
        assert [one.status for one in hub.store.repos[ON_THE_HUB].pulls] == ["merged"]
        assert len(wikidata.seen.requests) < 200  # 113: neither the changes nor the harvest was fetched twice
