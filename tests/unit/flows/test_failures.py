"""What the flows say, and do again, when something fails at night."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from prefect.client.schemas.objects import TaskRun
from prefect.states import Failed
from prefect.tasks import Task

from flows.live_source import fetch_changes
from flows.parameters import BuildParameters
from flows.running import is_transient
from pipeline.core.errors import (
    BudgetSpent,
    ChecksFailed,
    InputError,
    PipelineError,
    Refused,
    ServiceError,
    StorageError,
    UsageError,
)
from pipeline.core.settings import load_settings


def test_without_a_contact_nobody_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDITMILL_CONTACT", raising=False)
    parameters = BuildParameters(source="live", state=tmp_path / "state")
    with pytest.raises(UsageError, match="Nobody is named as running this") as caught:
        fetch_changes(parameters, load_settings(), datetime(2026, 11, 16, tzinfo=UTC))
    assert caught.value.where == "EDITMILL_CONTACT"
    assert not parameters.state.exists()


@pytest.mark.parametrize(
    ("error", "is_tried_again"),
    [
        (ServiceError("down"), True),
        (Refused("banned"), False),  # another attempt would make it worse
        (BudgetSpent("spent"), False),  # another attempt would have another budget
        (UsageError("wrong"), False),
        (InputError("wrong"), False),
        (StorageError("full"), False),
        (ChecksFailed("wrong"), False),
    ],
)
def test_only_servers_that_fail_are_asked_again(error: PipelineError, is_tried_again: bool) -> None:
    run = TaskRun.model_construct()
    assert is_transient(Task(lambda: None), run, Failed(data=error)) is is_tried_again
