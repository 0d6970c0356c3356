"""Schedules that were missed."""

from datetime import UTC, datetime

from flows.catch_up import dates

MONDAY = datetime(2026, 11, 16, 6, 0, tzinfo=UTC)


def test_every_time_after_one_moment_up_to_another() -> None:
    found = dates("0 6 * * 1", "UTC", datetime(2026, 11, 2, 6, 0, tzinfo=UTC), MONDAY)
    assert [f"{moment:%m-%d %H}" for moment in found] == ["11-09 06", "11-16 06"]


def test_times_are_those_of_their_zone() -> None:
    (found,) = dates("0 6 * * 1", "Asia/Tokyo", datetime(2026, 11, 10, tzinfo=UTC), MONDAY)
    assert found.astimezone(UTC) == datetime(2026, 11, 15, 21, 0, tzinfo=UTC)
