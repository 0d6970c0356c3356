"""The kinds of fault that a reader can find, read from `templates/audit.yaml`."""

import functools

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from pipeline.core.errors import UsageError
from pipeline.core.resources import templates_folder
from pipeline.language.templates import read_yaml

_TAKEN = frozenset("fjknsu?")  # keys that the page needs itself


class Fault(BaseModel):
    """A kind of fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(pattern=r"^[a-z_]+$")
    key: str = Field(pattern=r"^[a-z0-9]$")
    name: str = Field(min_length=1)
    hint: str = Field(min_length=1, max_length=42)
    about: str = Field(min_length=1)
    hard: bool


@functools.cache
def load_faults() -> tuple[Fault, ...]:
    """Every kind of fault, in the order of the page.

    Raises:
        UsageError: The file breaks a rule, or two kinds share a code or a key.
    """
    path = templates_folder() / "audit.yaml"
    faults = read_yaml(path, TypeAdapter(tuple[Fault, ...]))
    keys = [fault.key for fault in faults]
    if len({fault.kind for fault in faults}) < len(faults) or len({*keys}) < len(keys) or _TAKEN & {*keys}:
        raise UsageError("Two kinds of fault share a code or a key", str(path), "Give each its own.")
    return faults
