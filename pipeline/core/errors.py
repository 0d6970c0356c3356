"""The errors of a run: each says what went wrong, where, and what to do.

    PipelineError           the run cannot go on                    exit code 2
    |- UsageError           the command line or a setting is wrong
    |- InputError           an input file is damaged or unsuitable
    |- StorageError         the disk refused a write
    |- ServiceError         a server refuses us or keeps failing          exit code 3
    |  |- Refused           it refuses us: asking again makes it worse    exit code 3
    |  `- BudgetSpent       the run has sent all requests that it may     exit code 3
    `- ChecksFailed         the release is wrong; nothing was published   exit code 1

A bad row is no error: it goes to DROPPED with a reason. A bad release is a failed check.
"""


class PipelineError(Exception):
    """A run that cannot go on.

    Args:
        what: What went wrong, in one sentence.
        where: The file, line, item or setting it happened at; empty when the message names it.
        remedy: What the user can do about it.
    """

    exit_code = 2

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        super().__init__(what, where, remedy)

    def __str__(self) -> str:
        """The message as a user reads it: what, where, remedy."""
        where = f" ({self.where})" if self.where else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{self.what}{where}.{remedy}"


class UsageError(PipelineError):
    """The command line, the configuration or a template cannot be used."""


class InputError(PipelineError):
    """An input file is damaged, unreadable or not what it is said to be."""


class StorageError(PipelineError):
    """The disk refused a write: full, read-only or gone."""


class ServiceError(PipelineError):
    """A server refuses us or keeps failing; what was fetched is kept, so that a later run goes on from there."""

    exit_code = 3


class Refused(ServiceError):
    """A server refuses us; asking it again would make that worse."""


class BudgetSpent(ServiceError):
    """The run has sent all requests that it may."""


class ChecksFailed(PipelineError):
    """A required check of a release failed; the release was not put in place."""

    exit_code = 1
