"""Where harvests are in a state folder, and which window comes next."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.core.errors import UsageError
from pipeline.core.settings import load_settings
from pipeline.sources.live.request import HarvestRequest, ServiceUrls
from pipeline.sources.live.state import RECORD, find_finished, harvest_folder, read_records, resolve_window
from pipeline.sources.live.window import Window

NOW = datetime(2026, 11, 16, 6, 30, tzinfo=UTC)
WEEK = timedelta(days=7)
SETTLED = datetime(2026, 11, 15, 6, 0, tzinfo=UTC)
WINDOW = Window(SETTLED - WEEK, SETTLED)


def request(state: Path, **changes: object) -> HarvestRequest:
    return HarvestRequest(ServiceUrls(), "tests@example.org", state, **changes)  # type: ignore[arg-type]


def finish(state: Path, end: datetime) -> Path:
    """A finished harvest of the week before a time."""
    window = Window(end - WEEK, end)
    folder = harvest_folder(request(state), window, load_settings())
    folder.mkdir(parents=True)
    record = {"start": window.start.isoformat(), "end": window.end.isoformat()}
    (folder / RECORD).write_text(json.dumps(record))
    return folder


def test_a_window_ends_when_edits_have_settled(tmp_path: Path) -> None:
    assert resolve_window(request(tmp_path), NOW, load_settings()) == WINDOW


@pytest.mark.parametrize(("days_ago", "length"), [(3, 7), (20, 20)])
def test_a_window_starts_no_later_than_the_last_harvest_ended(days_ago: int, length: int, tmp_path: Path) -> None:
    for ago in (days_ago, 50):
        finish(tmp_path, SETTLED - timedelta(days=ago))
    found = resolve_window(request(tmp_path), NOW, load_settings())
    assert found == Window(SETTLED - timedelta(days=length), SETTLED)


def test_a_window_that_ends_before_it_starts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="before it starts"):
        resolve_window(request(tmp_path, start=NOW, end=SETTLED), NOW, load_settings())


def test_records_are_in_the_order_of_their_ends(tmp_path: Path) -> None:
    for ago in (3, 50, 20):
        finish(tmp_path, SETTLED - timedelta(days=ago))
    ends = [datetime.fromisoformat(record["end"]) for record in read_records(tmp_path)]
    assert ends == [SETTLED - timedelta(days=ago) for ago in (50, 20, 3)]


def test_only_the_harvest_of_the_same_wiki_and_window_is_found(tmp_path: Path) -> None:
    folder = finish(tmp_path, SETTLED)
    found = find_finished(request(tmp_path), WINDOW, load_settings())
    assert found is not None and found.folder == folder
    assert found.views is None
    elsewhere = HarvestRequest(ServiceUrls(api="https://wiki.example/w/api.php"), None, tmp_path)
    assert find_finished(elsewhere, WINDOW, load_settings()) is None
    assert find_finished(request(tmp_path), Window(NOW, NOW + WEEK), load_settings()) is None


def test_a_folder_of_an_earlier_version_is_found(tmp_path: Path) -> None:
    """Its name was hashed from other names of the same URLs, which the code must keep."""
    from pipeline.core import schema
    from pipeline.core.seeded import draw_key

    settings, urls = load_settings(), ServiceUrls()
    hashed = [
        {
            "api": urls.api,
            "sparql": urls.sparql,
            "pageviews": urls.pageviews,
            "client": urls.client_api,
            "dumps": urls.pageview_dumps,
        },
        settings.live.model_dump(),
        settings.pageviews.model_dump(),
        settings.changes.model_dump(),
        settings.seed,
        [],
        schema.SCHEMA_VERSION,
    ]
    name = f"20261108T060000Z-20261115T060000Z-{draw_key(0, json.dumps(hashed, sort_keys=True))[:12]}"
    assert harvest_folder(request(tmp_path), WINDOW, settings) == tmp_path / "visits" / name
