"""The 48 relations: where their statements are, what they join, and their wordings, as typed, validated values.

A relation is a file of `templates/relations`. This module defines what such a file may contain, and refuses a sentence
that breaks a rule. `prompts.py` chooses among the wordings; `grammar.py` fills their sentences.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

RELATION_COUNT = 48  # decision 1
SUBJECT_SLOT = "{subject}"
PERSON = "person"  # the type of `types.yaml` whose items live and die

_SUBJECT = re.compile(r"\{subject(?:'s)?\}")
_MARKS = re.compile(r"\{subject(?:'s)?\}|\[[^\[\]|{}]*(?:\|[^\[\]|{}]*){1,2}\]")
_TWO_TENSES = re.compile(r"\[[^\[\]|]*\|[^\[\]|]*\]")  # without words for an unknown tense


def _cloze(sentence: str) -> str:
    """A sentence that ends right before its target."""
    _one_subject(sentence)
    if sentence != sentence.strip() or sentence[-1] in ".,:;!?":
        raise ValueError(f"a prompt ends right before its target, without space or punctuation: {sentence!r}")
    return sentence


def _question(sentence: str) -> str:
    _one_subject(sentence)
    if not sentence.endswith("?"):
        raise ValueError(f"a question ends with a question mark: {sentence!r}")
    return sentence


def _one_subject(sentence: str) -> str:
    if len(_SUBJECT.findall(sentence)) != 1:
        raise ValueError(f"{{subject}} must stand exactly once in {sentence!r}")
    if stray := re.search(r"[][{}|]", _MARKS.sub("", sentence)):
        raise ValueError(f"stray {stray.group()!r} in {sentence!r}; marks are {{subject}} and [present|past|unknown]")
    return sentence


Cloze = Annotated[str, AfterValidator(_cloze)]
Question = Annotated[str, AfterValidator(_question)]
NounPhrase = Annotated[str, AfterValidator(_one_subject)]
PropertyId = Annotated[str, Field(pattern=r"^P[1-9]\d*$")]
ItemId = Annotated[str, Field(pattern=r"^Q[1-9]\d*$")]
Precision = Literal["day", "month", "year"]
Tense = Literal["present", "past", "unknown"]  # unknown: nobody knows whether somebody lives


class TemplatePart(BaseModel):
    """A part of a template file: immutable, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Forms(TemplatePart):
    """The sentences of one relation for one kind of subject and one grammatical number."""

    noun: NounPhrase
    prompt: Cloze
    rephrases: tuple[Cloze, ...] = Field(min_length=4)
    question: Question
    question_rephrases: tuple[Question, ...] = Field(min_length=2)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Every sentence, the noun phrase left out."""
        return (self.prompt, *self.rephrases, self.question, *self.question_rephrases)

    @model_validator(mode="after")
    def _rephrases_differ(self) -> "Forms":
        if len(set(self.sentences)) < len(self.sentences):
            raise ValueError(f"a sentence stands twice beside the prompt {self.prompt!r}")
        if sum(not _SUBJECT.match(sentence) for sentence in self.rephrases) < 2:
            raise ValueError(f"at least two rephrases of {self.prompt!r} must not start with the subject")
        return self


class Wording(Forms):
    """Forms, for which subjects and date precisions they serve, and how they read with several objects."""

    subject: tuple[str, ...] = ()  # types; none: every subject
    precision: tuple[Precision, ...] = ()  # for dates
    single: bool = False  # of a relation that takes many: by nature these subjects hold one at a time
    middle: NounPhrase | None = None  # names the object as the entity between two hops, where `noun` cannot
    several: Forms | None = None

    @property
    def middle_noun(self) -> str | None:
        """The definite noun phrase that names the object between two hops; None if one object is not "the" one."""
        return self.middle or (self.noun if self.noun.startswith("the ") else None)

    @property
    def all_forms(self) -> tuple[Forms, ...]:
        """The forms for one object and, where there are any, those for several."""
        return (self, self.several) if self.several else (self,)


class Reverse(TemplatePart):
    """The relation asked from its object, where no relation of its own says that: which films somebody directed."""

    prompt: Cloze
    question: Question


class ObjectFilter(TemplatePart):
    """Keep only objects with this value: a brother is a sibling whose sex or gender is male."""

    property: PropertyId
    value: ItemId


class Relation(TemplatePart):
    """One of the 48 relations: where its statements are, what they join, and how they are worded."""

    id: PropertyId
    name: str
    status: Literal["active", "retired"] = "active"
    source_property: PropertyId = Field(alias="property")  # where the statements are: the id, unless that is retired
    object_filter: ObjectFilter | None = None
    subject_types: tuple[str, ...] = Field(alias="subject", min_length=1)
    object_types: tuple[str, ...] = Field(alias="object", default=())
    value: Literal["item", "date", "number"] = "item"
    cardinality: Literal["one", "many"]
    inverse: PropertyId | None = None  # (s r o) implies (o inverse s)
    symmetric: bool = False
    sensitive: bool = False
    delicate: bool = False  # no sentence takes delight or annoyance in it: death, gender
    impacts: tuple[PropertyId, ...] = ()  # relations of the same subject that an edit may change
    known: str = Field(default="{known}", pattern=r"\{known\}")  # how `besides` names an object: "that of writer"
    ends_with_object: tuple[str, ...] = ()  # of these subjects it is over when its object is dead or dissolved
    no_subject: tuple[str, ...] = ()  # nor are items of these types its subjects: nobody knows where a god is buried
    coarse: tuple[str, ...] = ()  # objects of these types say too little: a grave in California, Eurasia for Europe
    no_generic: bool = False  # an object of which others are kinds says too little: the Academy Awards
    never: tuple[ItemId, ...] = ()  # objects of which the relation is never true, whatever Wikidata states
    unfit_objects: str | None = None  # a regular expression for labels that read badly after the prompt: "Catholic"
    kin: Mapping[str, tuple[PropertyId, ...]] = {}  # of these subjects the object has a value of these properties too
    weak: bool = (
        False  # many statements are wrong, vague or disputed: only those that a description bears out are stated
    )
    described: Mapping[str, tuple[str, ...]] = {}  # words of a description that bear out an object, by its label
    past_counts: bool = False  # an answer that is over is still right: "has held the position of", "the alma mater of"
    reverse: Reverse | None = None
    wordings: tuple[Wording, ...] = Field(min_length=1)
    current: Forms | None = None  # where the past counts: sentences that ask for what holds now
    version: str = ""

    @model_validator(mode="before")
    @classmethod
    def _own_property(cls, data: Mapping[str, object]) -> Mapping[str, object]:
        return data if "property" in data else {**data, "property": data.get("id")}

    @model_validator(mode="after")
    def _consistent(self) -> "Relation":
        if (self.value == "item") != bool(self.object_types):
            raise ValueError("object types are given for item values, and only for them")
        if (self.value == "date") != any(wording.precision for wording in self.wordings):
            raise ValueError("wordings name a date precision for dates, and only for them")
        if (self.status == "retired") != (self.source_property != self.id):
            raise ValueError("a retired relation, and only such a one, reads another property")
        if self.symmetric and self.inverse:
            raise ValueError("a symmetric relation needs no inverse")
        if self.current and not self.past_counts:
            raise ValueError("`current` forms are given only where `past_counts`: elsewhere every wording is current")
        if unknown := set(self.ends_with_object) - set(self.subject_types):
            raise ValueError(f"`ends_with_object` names subject types that the relation lacks: {sorted(unknown)}")
        for wording in self.wordings:
            self._check_number_and_tense(wording)
            if (self.cardinality == "many") != (wording.several is not None):
                raise ValueError("`several` forms are given for cardinality many, and only for it")
            if unknown := set(wording.subject) - set(self.subject_types):
                raise ValueError(f"a wording serves subject types that the relation lacks: {sorted(unknown)}")
        return self

    @model_validator(mode="after")
    def _doubted(self) -> "Relation":
        if self.described and not self.weak:
            raise ValueError("`described` is given only where the relation is `weak`: others need no bearing out")
        return self

    def _check_number_and_tense(self, wording: Wording) -> None:
        """One object is "the" one only if there is one by nature, and nobody's wording takes them for alive."""
        may_hold_several = self.cardinality == "many" and not wording.single
        if may_hold_several and wording.noun.startswith("the "):
            raise ValueError(f'one object of many is not "the" one: {wording.noun!r}')
        if PERSON in (wording.subject or self.subject_types):
            for forms in wording.all_forms:
                for sentence in forms.sentences:
                    if _TWO_TENSES.search(sentence):
                        raise ValueError(f"of people, a tense mark has words for an unknown tense: {sentence!r}")

    @property
    def property_id(self) -> int:
        """The property whose statements are read, as a number."""
        return int(self.source_property[1:])

    @property
    def partner(self) -> str | None:
        """The relation that holds the other way round, if there is one."""
        return self.id if self.symmetric else self.inverse

    @property
    def touches(self) -> frozenset[str]:
        """This relation and those of the same subject that an edit of it may change."""
        return frozenset((self.id, *self.impacts))

    def wording(self, subject_type: str, precision: str | None = None) -> tuple[int, Wording] | None:
        """The first wording, with its place in the file, that serves a subject type and a date precision."""
        for place, wording in enumerate(self.wordings):
            serves_subject = not wording.subject or subject_type in wording.subject
            if serves_subject and (precision is None or precision in wording.precision):
                return place, wording
        return None
