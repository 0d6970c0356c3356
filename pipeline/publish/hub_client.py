"""The Hub's own client: a token or no run, patience with what passes, and failures as our errors.

The token is read by that client, from HF_TOKEN or its login. It stands in no message and in no file.
"""

import contextlib
import json
import re
import time
from collections.abc import Callable, Generator
from pathlib import Path
from random import uniform
from typing import TypeVar

import httpx2
import huggingface_hub
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError
from huggingface_hub.utils import disable_progress_bars, logging

from pipeline.core.errors import InputError, PipelineError, ServiceError, UsageError
from pipeline.core.manifest import MANIFEST, Numbers, read_numbers
from pipeline.core.progress import Reporter
from pipeline.core.settings import HubSettings

T = TypeVar("T")

KIND = "dataset"
SHORT = 12
_TOKEN = re.compile(r"[!-~]+")
_TRANSIENT = {408, 409, 412, 429, 500, 502, 503, 504}  # 409 and 412: somebody else moved the ref in between


def connect() -> HfApi:
    """The client.

    Raises:
        UsageError: There is no token, or it cannot be one.
    """
    token = huggingface_hub.get_token()
    if not token:
        raise UsageError("There is no token for the Hub", "HF_TOKEN", "Set HF_TOKEN, or log in with `hf auth login`.")
    if not _TOKEN.fullmatch(token):  # it goes into a header, which takes nothing else
        raise UsageError(
            "The token for the Hub contains characters that no token has",
            "HF_TOKEN",
            "Copy it again from the settings of your account, or log in with `hf auth login`.",
        )
    disable_progress_bars()
    logging.set_verbosity_error()  # what is tried again is told by the reporter
    return HfApi(token=token, library_name="editmill")


def tags(api: HfApi, repo_id: str) -> dict[str, str]:
    """Every tag and its commit."""
    return {ref.name: ref.target_commit for ref in api.list_repo_refs(repo_id, repo_type=KIND).tags}


def pulls(api: HfApi, repo_id: str) -> list[huggingface_hub.Discussion]:
    """Every pull request, the earliest first."""
    found = api.get_repo_discussions(repo_id, repo_type=KIND, discussion_type="pull_request")
    return sorted(found, key=lambda pull: pull.num)


def head(api: HfApi, repo_id: str, revision: str) -> str:
    """The commit at which a branch or pull request stands."""
    return str(api.dataset_info(repo_id, revision=revision).sha)


def numbers(api: HfApi, repo_id: str, commit: str, reporter: Reporter) -> Numbers | None:
    """The numbers of the manifest at a commit, if there is one."""
    paths = {entry.path for entry in api.list_repo_tree(repo_id, revision=commit, repo_type=KIND)}
    if MANIFEST not in paths:
        return None
    file = api.hf_hub_download(repo_id, MANIFEST, repo_type=KIND, revision=commit)
    try:
        return read_numbers(Path(file))
    except InputError as error:
        reporter.warn("unreadable", f"{repo_id} at {commit[:SHORT]}: {error.what}", commit=commit)
        return None


def patiently(do: Callable[[], T], repo_id: str, settings: HubSettings, reporter: Reporter) -> T:
    """Do something that can be done again, until it ends well or fails for good."""
    for attempt in range(1, settings.attempts + 1):
        try:
            with _told(repo_id):
                return do()
        except _Again as again:
            if attempt == settings.attempts:
                raise again.error from again.error.__cause__
            wait = min(settings.backoff_seconds * 2 ** (attempt - 1), settings.max_backoff_seconds)
            seconds = max(uniform(wait / 2, wait), again.retry_after)
            reporter.say("again", f"{again.error.what}; again in {seconds:.0f} s", attempt=attempt)
            time.sleep(seconds)
    raise ServiceError("Nothing was tried", "hub.attempts", "Allow at least one attempt.")


class _Again(Exception):
    """A failure that may pass, and the error that it is if it does not."""

    def __init__(self, error: ServiceError, retry_after: float = 0) -> None:
        super().__init__(error)
        self.error, self.retry_after = error, retry_after


@contextlib.contextmanager
def _told(repo_id: str) -> Generator[None]:
    """Failures of the Hub as our errors, without a word that could hold a secret."""
    try:
        yield
    except HfHubHTTPError as error:
        raise _refusal(error, repo_id) from None
    except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
        raise UsageError(f"The Hub has no such address: {error}", "HF_ENDPOINT", "Check HF_ENDPOINT.") from None
    except (httpx2.HTTPError, json.JSONDecodeError, ConnectionError) as error:
        raise _Again(
            ServiceError(
                f"The Hub cannot be reached ({type(error).__name__})", repo_id, "Check the network, then run again."
            )
        ) from None
    except HFValidationError as error:
        raise UsageError(f"This is not the name of a repository: {error}", repo_id, "Give ORGANISATION/NAME.") from None


def _refusal(error: HfHubHTTPError, repo_id: str) -> PipelineError | _Again:
    status = error.response.status_code
    if status in _TRANSIENT:
        failing = ServiceError(f"The Hub answers {status}", repo_id, "Run the same command again later.")
        return _Again(failing, _seconds(error.response.headers.get("Retry-After")))
    if isinstance(error, RepositoryNotFoundError):
        return UsageError("There is no such repository, or it is hidden from this token", repo_id, "Check --repo-id.")
    if status in (401, 403):
        return UsageError(
            f"The Hub does not let this token do that ({status})",
            repo_id,
            "Check that the organisation is spelled right and that the token may write to it.",
        )
    return ServiceError(f"The Hub refuses a request ({status})", repo_id, "Run again; if it stays, look at the Hub.")


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdigit() else 0
