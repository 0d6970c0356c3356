"""The rules of `templates/plausibility.yaml` as typed values: what a counterfactual must fulfil to be possible."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _number(name: str) -> int:
    if not (name[:1] in ("P", "Q") and name[1:].isdigit()):
        raise ValueError(f"{name!r} is not the id of an item or a property")
    return int(name[1:])


Number = Annotated[int, BeforeValidator(_number)]
PropertyName = Annotated[str, Field(pattern=r"^P[1-9]\d*$")]
Moment = Literal["subject_start", "subject_end", "object_start", "object_end", "object_first"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Years(_Frozen):
    """How many years lie between two moments."""

    start: Moment = Field(alias="from")
    end: Moment = Field(alias="to")
    least: int | None = None
    most: int | None = None
    people: bool = False


class RelationRules(_Frozen):
    """What must hold between the subject and the object of one relation; see the head of the file."""

    sex: Number | None = None
    years: tuple[Years, ...] = ()
    living: bool = False
    peers: tuple[Literal["sex", "citizenship", "occupation"], ...] = ()
    like_truth: bool = False
    near: int | None = None
    of_people: bool = True


class Plausibility(_Frozen):
    """All rules of the file, with ids as numbers."""

    undated_since: int = 1900
    related: tuple[Number, ...] = ()
    relations: Mapping[PropertyName, RelationRules] = {}
    demonyms: Mapping[Number, tuple[str, ...]] = {}

    @property
    def properties(self) -> frozenset[str]:
        """The properties whose statements the rules read, apart from dates."""
        return frozenset(f"P{number}" for number in (*self.related, _SEX, _CITIZENSHIP, _OCCUPATION))

    @property
    def spared(self) -> list[str]:
        """The relations of which no counterfactual is made about a person."""
        return sorted(name for name, rules in self.relations.items() if not rules.of_people)


_SEX, _CITIZENSHIP, _OCCUPATION = 21, 27, 106
