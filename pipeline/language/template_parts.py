"""The shapes of the smaller files of `templates/`: types, names, aliases, dates, variants, rules, bridges, errors."""

import functools
import re
from collections.abc import Collection, Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator, Field, field_serializer, model_validator

from pipeline.language.relations import ItemId, PropertyId, TemplatePart

META = "meta"  # the type of items that describe pages or names
MIN_SENTENCES = 40  # for each pole of a variant, before slots are filled


@functools.cache  # the texts are templates: few, and looked at often
def slots_of(text: str) -> tuple[str, ...]:
    """The names of the slots of a text, in their order.

    >>> slots_of("{fact}, and {cloze}")
    ('fact', 'cloze')
    """
    return tuple(re.findall(r"\{(\w+)\}", text))


class ItemType(TemplatePart):
    """A kind of thing, given by Wikidata classes."""

    classes: tuple[ItemId, ...] = Field(min_length=1)


class NameRule(TemplatePart):
    """Which names take "the" in running text."""

    types: tuple[str, ...] = Field(min_length=1)
    but: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    pattern: str | None = None


class AliasRules(TemplatePart):
    """The words and limits by which an alias is judged; `templates/aliases.yaml` says what each is for."""

    longest_acronym: int
    statements: tuple[PropertyId, ...]
    pen_names: tuple[PropertyId, ...]
    people: tuple[str, ...]
    places: tuple[str, ...]
    works: tuple[str, ...]
    synonyms: Mapping[str, str]
    spellings: Mapping[str, str]
    abbreviations: frozenset[str]
    minor: frozenset[str]
    fillers: frozenset[str]
    may_be_left_out: frozenset[str]
    kind_fillers: frozenset[str]
    universities_of: frozenset[str]
    gone_states: frozenset[str]
    state_forms: frozenset[str]
    state_words: frozenset[str]
    titles_before: frozenset[str]
    particles: frozenset[str]
    kin: frozenset[str]
    kin_added: frozenset[str]
    no_middle_names: frozenset[str]
    short_names: Mapping[str, tuple[str, ...]]
    first_names: frozenset[str]

    @field_serializer(
        *("abbreviations", "minor", "fillers", "may_be_left_out", "kind_fillers", "state_forms", "state_words"),
        *("universities_of", "gone_states", "first_names"),
        *("titles_before", "particles", "kin", "kin_added", "no_middle_names"),
    )
    def _in_order(self, words: frozenset[str]) -> list[str]:
        return sorted(words)  # the order of a set differs from process to process


def _number(name: str) -> int:
    if not re.fullmatch(r"P[1-9]\d*", name):
        raise ValueError(f"{name!r} is no property")
    return int(name[1:])


def _class_number(name: str) -> int:
    if not re.fullmatch(r"Q[1-9]\d*", name):
        raise ValueError(f"{name!r} is no item")
    return int(name[1:])


PropertyNumber = Annotated[int, BeforeValidator(_number)]
ClassNumber = Annotated[int, BeforeValidator(_class_number)]


class DescriptionWords(TemplatePart):
    """Words of descriptions by which years and ages are understood."""

    offices: tuple[str, ...] = Field(min_length=1)
    activities: tuple[str, ...] = Field(min_length=1)
    students: tuple[str, ...] = Field(min_length=1)
    ages: tuple[str, ...] = Field(min_length=1)


class GoneWords(TemplatePart):
    """Words by which things are understood to be no more; those of `first`, `but` and `anywhere` in lower case."""

    first: tuple[str, ...] = Field(min_length=1)  # regular expressions
    but: tuple[str, ...] = Field(min_length=1)
    anywhere: tuple[str, ...] = Field(min_length=1)
    names: str


class OldStyle(TemplatePart):
    """Until when days may be those of the Julian calendar, for citizens of some states."""

    until: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    states: tuple[ClassNumber, ...]


class Dating(TemplatePart):
    """Which dates tell when a statement became true, and what is no more; properties and classes as numbers."""

    existence: tuple[PropertyNumber, ...]
    end: tuple[PropertyNumber, ...]
    death: tuple[PropertyNumber, ...]
    birth: tuple[PropertyNumber, ...]
    activity: tuple[PropertyNumber, ...]
    old_style: tuple[OldStyle, ...] = ()
    descriptions: DescriptionWords
    by_subject: Mapping[PropertyNumber, PropertyNumber]
    by_year: tuple[PropertyNumber, ...] = ()
    lasting: tuple[PropertyNumber, ...]
    successive: tuple[PropertyNumber, ...]
    ended_classes: tuple[ClassNumber, ...]
    gone: GoneWords
    misleading: tuple[str, ...]

    @property
    def properties(self) -> frozenset[int]:
        """Every property that is read for its date."""
        of_people = (*self.death, *self.birth, *self.activity)
        return frozenset((*self.existence, *self.end, *of_people, *self.by_subject.values()))


class Phrases(TemplatePart):
    """Sentences that are the same for every relation."""

    besides: str

    @model_validator(mode="after")
    def _slots(self) -> "Phrases":
        if sorted(slots_of(self.besides)) != ["known", "noun"]:
            raise ValueError("`besides` holds {known} and {noun} once each")
        return self


class VariantSentence(TemplatePart):
    """A sentence to put before a prompt, with slots."""

    level: Literal[1, 2]
    text: str = Field(pattern=r"^[A-Z].*\.$")

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of its slots."""
        return slots_of(self.text)

    @functools.cached_property
    def about(self) -> Literal["relation", "nothing"]:
        """Whether it names what the prompt asks, or fits any prompt."""
        return "relation" if "topic" in self.slots else "nothing"


class VariantGrammar(TemplatePart):
    """One attribute of robustness: two opposite poles, and the words for the slots of their sentences."""

    attribute: Literal["length", "sentiment"]
    slots: Mapping[str, tuple[str, ...]]
    poles: Mapping[str, tuple[VariantSentence, ...]]

    @model_validator(mode="after")
    def _complete(self) -> "VariantGrammar":
        if len(self.poles) != 2:
            raise ValueError("an attribute has two opposite poles")
        for pole, sentences in self.poles.items():
            if len({sentence.text for sentence in sentences}) < MIN_SENTENCES:
                raise ValueError(f"the pole {pole} has fewer than {MIN_SENTENCES} distinct sentences")
            known = {"topic", *self.slots}
            if unknown := {slot for sentence in sentences for slot in sentence.slots} - known:
                raise ValueError(f"the pole {pole} uses unknown slots: {sorted(unknown)}")
        first, second = ({sentence.about for sentence in sentences} for sentences in self.poles.values())
        if first != second:
            raise ValueError("both poles have sentences about the same: with {topic}, without it, or both")
        return self


class Contexts(TemplatePart):
    """Which true facts can be put before a prompt, and how to give a description."""

    relations: tuple[PropertyId, ...] = Field(min_length=1)
    descriptions: tuple[str, ...] = Field(min_length=1)
    harsh_words: tuple[str, ...]

    @model_validator(mode="after")
    def _slots(self) -> "Contexts":
        if any(sorted(slots_of(text)) != ["description", "subject"] for text in self.descriptions):
            raise ValueError("each of `descriptions` holds {subject} and {description} once each")
        return self


_FRAME_SLOTS = (
    {"question", "answer"},
    {"question"},
    {"noun"},
    {"example"},
    {"subject", "description", "cloze"},
    {"fact", "cloze"},
)


class LongForms(TemplatePart):
    """Long paraphrases: frames with slots, what they call a subject, and which relations a description answers."""

    frames: tuple[str, ...] = Field(min_length=1)
    kinds: Mapping[str, Mapping[str, str]]
    told_by_description: tuple[PropertyId, ...]
    told_by_words: Mapping[PropertyId, str]

    def is_told(self, relation: str, description: str) -> bool:
        """Whether a description may name the object of a relation."""
        words = self.told_by_words.get(relation)
        return relation in self.told_by_description or (words is not None and bool(re.search(words, description)))

    @model_validator(mode="after")
    def _frames_fit(self) -> "LongForms":
        for frame in self.frames:
            slots = slots_of(frame)
            if set(slots) not in _FRAME_SLOTS or len(set(slots)) < len(slots):
                raise ValueError(f"a long form cannot be filled with the slots {slots}: {frame!r}")
            if frame != frame.strip() or frame[-1] in ".,:;!?":
                raise ValueError(f"a long form ends right before its target, without space or punctuation: {frame!r}")
        return self

    def group_of(self, types: Collection[str]) -> frozenset[str]:
        """The groups of some types."""
        return frozenset(group for group, kinds in self.kinds.items() if not kinds.keys().isdisjoint(types))

    def kind_of(self, subject_type: str) -> str | None:
        """What a subject of a type is called: "person"; None if its type has no name."""
        return next((kinds[subject_type] for kinds in self.kinds.values() if subject_type in kinds), None)


Part = Literal["subject", "target", "other"]
Pattern = tuple[Part, PropertyId, Part]


class Rule(TemplatePart):
    """What follows from an edit of one relation for other triples."""

    edit: PropertyId
    given: Pattern
    then: Pattern

    @model_validator(mode="after")
    def _joined(self) -> "Rule":
        if [*self.given].count("other") != 1 or [*self.then].count("other") != 1:
            raise ValueError("`given` and `then` each name `other` once")
        return self


class Bridge(TemplatePart):
    """Which relations people ask of the object of another one; see the head of `bridges.yaml`."""

    first: PropertyId
    subject: tuple[str, ...] = ()  # types; none: every subject
    then: tuple[PropertyId, ...] = Field(min_length=1)
    today: tuple[Literal["subject", "middle"], ...] = ()
    moves: bool = False
    edited: Literal["first", "last"] | None = None


class FalseStatement(NamedTuple):
    """A statement that is known to be false, by the columns of TRIPLES."""

    subject_id: int
    relation: str
    object_key: str


class KnownError(TemplatePart):
    """A statement that Wikidata holds and readers know to be false; its object is an item, a number or a date."""

    subject: ClassNumber
    object: str = Field(pattern=r"^(Q[1-9]\d*|\d+|[+-]\d{4,}(-\d\d){2}T00:00:00Z/\d{1,2})$")
    why: str = Field(min_length=1)
