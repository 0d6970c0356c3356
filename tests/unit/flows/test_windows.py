"""Windows, names and dumps follow from the scheduled time alone."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from flows.windows import LAG, last_dumps, release_name, window_of
from pipeline.core.errors import InputError

MONDAY = datetime(2026, 11, 16, 6, 0, tzinfo=UTC)


def test_windows_of_following_weeks_meet() -> None:
    this, following = window_of(MONDAY, 7), window_of(MONDAY + timedelta(days=7), 7)
    assert this.end == following.start == MONDAY - LAG
    assert this.end - this.start == timedelta(days=7)


def test_a_window_does_not_depend_on_minutes_or_zones() -> None:
    elsewhere = MONDAY.astimezone(timezone(timedelta(hours=9))) + timedelta(minutes=59)
    assert window_of(elsewhere, 7) == window_of(MONDAY, 7)
    assert release_name(elsewhere) == "v2026.11.16"


def test_the_newest_dumps_that_are_not_younger_than_the_run(tmp_path: Path) -> None:
    for day in ("20261102", "20261109", "20261116", "20261123"):
        (tmp_path / f"wikidata-{day}-all.json.gz").touch()
    (tmp_path / "wikidata-20261116-lexemes.json.gz").touch()
    new, old = last_dumps(tmp_path, MONDAY)
    assert (new.name, old and old.name) == ("wikidata-20261116-all.json.gz", "wikidata-20261109-all.json.gz")


def test_a_first_dump_has_none_before_it(tmp_path: Path) -> None:
    (tmp_path / "wikidata-20261109-all.json").touch()
    assert last_dumps(tmp_path, MONDAY) == (tmp_path / "wikidata-20261109-all.json", None)


@pytest.mark.parametrize("name", ["missing", "."])
def test_no_dump_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="There is no dump"):
        last_dumps(tmp_path / name, MONDAY)
