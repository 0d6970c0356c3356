"""The seam to the live source: what a flow asks of it, in one place."""

from datetime import datetime

from flows.parameters import BuildParameters
from flows.windows import window_of
from pipeline.build import Built
from pipeline.errors import UsageError


def live_release(parameters: BuildParameters, scheduled: datetime) -> Built:
    """Build a release of the window that ends a day before the scheduled time.

    Raises:
        UsageError: This version has no live source.
    """
    window = window_of(scheduled, parameters.days)
    raise UsageError(f"The live source cannot build {window} yet", "source live", "Use source dump or sample.")


def fetch_changes(parameters: BuildParameters, scheduled: datetime) -> int:
    """Fetch what is new up to a day before the scheduled time, so that the weekly build finds it.

    Returns:
        How many revisions were fetched.

    Raises:
        UsageError: This version has no live source.
    """
    window = window_of(scheduled, parameters.days)
    raise UsageError(f"The live source cannot fetch {window} yet", "source live", "Use source dump or sample.")
