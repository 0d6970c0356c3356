"""The rules of `templates/plausibility.yaml` as typed values: what a counterfactual must fulfil to be possible."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pipeline.language.relations import PERSON


def _number(name: str) -> int:
    if not (name[:1] in ("P", "Q") and name[1:].isdigit()):
        raise ValueError(f"{name!r} is not the id of an item or a property")
    return int(name[1:])


Number = Annotated[int, BeforeValidator(_number)]
PropertyName = Annotated[str, Field(pattern=r"^P[1-9]\d*$")]
Moment = Literal["subject_start", "subject_end", "object_start", "object_end"]
Trait = Literal["sex", "citizenship", "occupation"]


class Spared(NamedTuple):
    """Subjects of one type that have no counterfactuals of one relation, and the reason of `core/reasons.py`."""

    relation: str
    subject_type: str
    reason: str
    if_several: bool  # only those that hold several values


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Years(_Frozen):
    """How many years lie between two moments, for true facts and, where that is stricter, for targets."""

    start: Moment = Field(alias="from")
    end: Moment = Field(alias="to")
    least: int | None = None
    most: int | None = None
    target_least: int | None = None
    target_most: int | None = None
    people: bool = False


class Era(_Frozen):
    """Spans of so many years: items that began, or ended, in the same span are of one time."""

    years: Annotated[int, Field(ge=1)]
    by: Literal["start", "end"]


class OnceAYear(_Frozen):
    """When an object goes to one subject a year: from how many known years, and in what share of them to one."""

    years: Annotated[int, Field(ge=1)]
    share: Annotated[float, Field(gt=0, le=1)]


class Footage(_Frozen):
    """Words of descriptions that say that a work shows people, or shows somebody, as they are and not in a role."""

    relation: PropertyName
    works: tuple[str, ...]
    people: tuple[str, ...]
    performers: tuple[str, ...]  # but not those so described

    @property
    def words(self) -> Mapping[str, tuple[str, ...]]:
        """The words by what they describe."""
        return {"works": self.works, "people": self.people, "performers": self.performers}


class RelationRules(_Frozen):
    """What must hold between the subject and the object of one relation; see the head of the file."""

    sex: Number | None = None
    years: tuple[Years, ...] = ()
    living: bool = False
    peers: tuple[Trait, ...] = ()
    era: Era | None = None
    once_a_year: OnceAYear | None = None
    kind_words: tuple[str, ...] = ()
    like_truth: bool = False
    posthumous: bool = False
    other_family: bool = False
    near: int | None = None
    is_start: bool = False
    of_people: bool = True
    of: tuple[str, ...] | None = None
    of_several: bool = True
    of_past: bool = True
    not_targets: tuple[Number, ...] = ()


class Plausibility(_Frozen):
    """All rules of the file, with ids as numbers."""

    undated_since: int
    levels: int
    short_name: int
    suffix: int
    youngest: int
    adult: int
    between_births: float
    first_work: int
    generation: int
    usual_life: int
    wrong_date: float
    idle: int
    related: tuple[Number, ...] = ()
    relations: Mapping[PropertyName, RelationRules] = {}
    footage: Footage
    demonyms: Mapping[Number, tuple[str, ...]] = {}
    begun: Mapping[Number, int] = {}

    @property
    def properties(self) -> frozenset[str]:
        """The properties whose statements the rules read, apart from dates."""
        return frozenset(f"P{number}" for number in (*self.related, _SEX, _CITIZENSHIP, _OCCUPATION))

    def spared(self, subject_types: Mapping[str, Iterable[str]], *, harmful: bool = False) -> list[Spared]:
        """The subjects that have no counterfactuals.

        Args:
            subject_types: The types of subjects of each relation.
            harmful: Whether counterfactuals that would harm a real person are made.
        """
        found: list[Spared] = []
        for relation, rules in self.relations.items():
            for kind in subject_types.get(relation, ()):
                if kind == PERSON and not rules.of_people and not harmful:
                    found.append(Spared(relation, kind, "harmful", False))
                elif rules.of is not None and kind not in rules.of:
                    found.append(Spared(relation, kind, "open_list", False))
                elif not rules.of_several:
                    found.append(Spared(relation, kind, "open_list", True))
        return found


_SEX, _CITIZENSHIP, _OCCUPATION = 21, 27, 106
