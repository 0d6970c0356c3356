"""Templates as typed, validated values: the 48 relations, the types and the rules for names.

Wording lives in `templates/`; this module says what a template file may hold and refuses one that breaks the rules,
naming the file and the sentence. How a sentence is filled is the business of `grammar.py`.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from pipeline.core.errors import UsageError
from pipeline.core.resources import templates_folder
from pipeline.language.plausibility import Plausibility

RELATION_COUNT = 48  # decision 1
MIN_SENTENCES = 40  # for each pole of a variant, before slots are filled

_SUBJECT = re.compile(r"\{subject(?:'s)?\}")
_MARKS = re.compile(r"\{subject(?:'s)?\}|\[[^\[\]|{}]*\|[^\[\]|{}]*\]")  # {subject}, {subject's}, [present|past]

T = TypeVar("T")


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
        raise ValueError(f"stray {stray.group()!r} in {sentence!r}; marks are {{subject}} and [present|past]")
    return sentence


Cloze = Annotated[str, AfterValidator(_cloze)]
Question = Annotated[str, AfterValidator(_question)]
NounPhrase = Annotated[str, AfterValidator(_one_subject)]
PropertyName = Annotated[str, Field(pattern=r"^P[1-9]\d*$")]
ItemName = Annotated[str, Field(pattern=r"^Q[1-9]\d*$")]
Precision = Literal["day", "month", "year"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Forms(_Frozen):
    """The sentences of one relation for one kind of subject and one grammatical number."""

    noun: NounPhrase
    prompt: Cloze
    rephrases: tuple[Cloze, ...] = Field(min_length=4)
    question: Question
    question_rephrases: tuple[Question, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _rephrases_differ(self) -> "Forms":
        sentences = (self.prompt, *self.rephrases, self.question, *self.question_rephrases)
        if len(set(sentences)) < len(sentences):
            raise ValueError(f"a sentence stands twice beside the prompt {self.prompt!r}")
        if sum(not _SUBJECT.match(sentence) for sentence in self.rephrases) < 2:
            raise ValueError(f"at least two rephrases of {self.prompt!r} must not start with the subject")
        return self


class Wording(Forms):
    """Forms, for which subjects and date precisions they serve, and how they read with several objects."""

    subject: tuple[str, ...] = ()  # types; none: every subject
    precision: tuple[Precision, ...] = ()  # for dates
    several: Forms | None = None


class ObjectFilter(_Frozen):
    """Keep only objects that hold a value: a brother is a sibling whose sex or gender is male."""

    property: PropertyName
    value: ItemName


class Relation(_Frozen):
    """One of the 48 relations: where its statements are, what they join, and how they are worded."""

    id: PropertyName
    name: str
    status: Literal["active", "retired"] = "active"
    source_property: PropertyName = Field(alias="property")  # where the statements are: the id, unless that is retired
    object_filter: ObjectFilter | None = None
    subject_types: tuple[str, ...] = Field(alias="subject", min_length=1)
    object_types: tuple[str, ...] = Field(alias="object", default=())
    value: Literal["item", "date", "number"] = "item"
    cardinality: Literal["one", "many"]
    inverse: PropertyName | None = None  # (s r o) implies (o inverse s)
    symmetric: bool = False
    sensitive: bool = False
    delicate: bool = False  # no sentence takes delight or annoyance in it: death, gender
    impacts: tuple[PropertyName, ...] = ()  # relations of the same subject that an edit may change
    is_open: bool = Field(alias="open", default=False)  # hardly ever listed whole: one known object is not "the" one
    no_second_hop: tuple[PropertyName, ...] = ()  # not asked of its object: the answer is plain, or leads back
    known: str = Field(default="{known}", pattern=r"\{known\}")  # how `besides` names an object: "that of writer"
    ends_with_object: tuple[str, ...] = ()  # of these subjects it is over when its object is dead or dissolved
    wordings: tuple[Wording, ...] = Field(min_length=1)
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
        if unknown := set(self.ends_with_object) - set(self.subject_types):
            raise ValueError(f"`ends_with_object` names subject types that the relation lacks: {sorted(unknown)}")
        for wording in self.wordings:
            if (self.cardinality == "many") != (wording.several is not None):
                raise ValueError("`several` forms are given for cardinality many, and only for it")
            if unknown := set(wording.subject) - set(self.subject_types):
                raise ValueError(f"a wording serves subject types that the relation lacks: {sorted(unknown)}")
        return self

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

    def leads_to(self, relation_id: str) -> bool:
        """Whether another relation may be asked of its object: "the capital of the country of citizenship of ..."."""
        return not self.is_open and relation_id not in (self.id, self.partner, *self.no_second_hop)

    def wording(self, subject_type: str, precision: str | None = None) -> tuple[int, Wording] | None:
        """The first wording, with its place in the file, that serves a subject type and a date precision."""
        for place, wording in enumerate(self.wordings):
            serves_subject = not wording.subject or subject_type in wording.subject
            if serves_subject and (precision is None or precision in wording.precision):
                return place, wording
        return None


class ItemType(_Frozen):
    """A kind of thing, given by Wikidata classes."""

    classes: tuple[ItemName, ...] = Field(min_length=1)


class NameRule(_Frozen):
    """Which names take "the" in running text."""

    types: tuple[str, ...] = Field(min_length=1)
    but: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    pattern: str | None = None


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


class Dating(_Frozen):
    """Which dates tell when a statement became true, and what is no more; properties and classes as numbers."""

    existence: tuple[PropertyNumber, ...]
    end: tuple[PropertyNumber, ...]
    death: tuple[PropertyNumber, ...]
    by_subject: Mapping[PropertyNumber, PropertyNumber]
    successive: tuple[PropertyNumber, ...]
    ended_classes: tuple[ClassNumber, ...]

    @property
    def properties(self) -> frozenset[int]:
        """Every property that is read for its date."""
        return frozenset((*self.existence, *self.end, *self.death, *self.by_subject.values()))


class Phrases(_Frozen):
    """Sentences that are the same for every relation."""

    besides: str
    lead_ins: tuple[str, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _slots(self) -> "Phrases":
        if sorted(re.findall(r"\{(\w+)\}", self.besides)) != ["known", "noun"]:
            raise ValueError("`besides` holds {known} and {noun} once each")
        if any(not lead_in.endswith(",") for lead_in in self.lead_ins):
            raise ValueError("a lead-in ends with a comma")
        return self


class VariantSentence(_Frozen):
    """A sentence to put before a prompt, with slots."""

    level: Literal[1, 2]
    text: str = Field(pattern=r"^[A-Z].*\.$")

    @property
    def slots(self) -> list[str]:
        """The names of its slots."""
        return re.findall(r"\{(\w+)\}", self.text)


class VariantGrammar(_Frozen):
    """One attribute of robustness: two opposite poles, and the words for the slots of their sentences."""

    attribute: Literal["length", "context", "sentiment"]
    slots: Mapping[str, tuple[str, ...]]
    poles: Mapping[str, tuple[VariantSentence, ...]]

    @model_validator(mode="after")
    def _complete(self) -> "VariantGrammar":
        if len(self.poles) != 2:
            raise ValueError("an attribute has two opposite poles")
        for pole, sentences in self.poles.items():
            if len({sentence.text for sentence in sentences}) < MIN_SENTENCES:
                raise ValueError(f"the pole {pole} has fewer than {MIN_SENTENCES} distinct sentences")
            known = {"subject", "topic", *self.slots}
            if unknown := {slot for sentence in sentences for slot in sentence.slots} - known:
                raise ValueError(f"the pole {pole} uses unknown slots: {sorted(unknown)}")
        levels = [[sentence.level for sentence in sentences] for sentences in self.poles.values()]
        if levels[0] != levels[1]:
            raise ValueError("the poles run in pairs: line by line, their sentences have the same level")
        return self


Part = Literal["subject", "target", "other"]
Pattern = tuple[Part, PropertyName, Part]


class Rule(_Frozen):
    """What follows from an edit of one relation for other triples."""

    edit: PropertyName
    given: Pattern
    then: Pattern

    @model_validator(mode="after")
    def _joined(self) -> "Rule":
        if [*self.given].count("other") != 1 or [*self.then].count("other") != 1:
            raise ValueError("`given` and `then` each name `other` once")
        return self


class Templates(_Frozen):
    """Everything in `templates/` that more than one stage reads."""

    relations: Mapping[str, Relation]
    types: Mapping[str, ItemType]
    names: tuple[NameRule, ...]
    dating: Dating
    phrases: Phrases
    rules: tuple[Rule, ...]
    plausibility: Plausibility
    carriers: tuple[NounPhrase, ...]
    variants: tuple[VariantGrammar, ...]
    version: str


def read_yaml(path: Path, kind: TypeAdapter[T]) -> T:
    """Read one template file as a typed value.

    Raises:
        UsageError: The file is not YAML or breaks a rule; the message names the file and the place.
    """
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        return kind.validate_python(data)
    except (yaml.YAMLError, ValidationError) as error:
        raise UsageError(f"A template cannot be used: {error}", str(path), "Mend the file.") from error


def load_templates(folder: Path | None = None) -> Templates:
    """Read and check the templates that all stages share.

    Raises:
        UsageError: A file breaks a rule, or the files do not fit together.
    """
    folder = folder or templates_folder()
    relations: dict[str, Relation] = {}
    for path in sorted((folder / "relations").glob("*.yaml"), key=lambda path: (len(path.stem), path.stem)):
        relation = read_yaml(path, TypeAdapter(Relation))
        if relation.id != path.stem:
            raise UsageError(f"The relation calls itself {relation.id}", str(path), "Name the file after its id.")
        relations[relation.id] = relation.model_copy(update={"version": file_version([path])})
    templates = Templates(
        relations=relations,
        types=read_yaml(folder / "types.yaml", TypeAdapter(dict[str, ItemType])),
        names=read_yaml(folder / "names.yaml", TypeAdapter(tuple[NameRule, ...])),
        dating=read_yaml(folder / "dating.yaml", TypeAdapter(Dating)),
        phrases=read_yaml(folder / "phrases.yaml", TypeAdapter(Phrases)),
        rules=read_yaml(folder / "rules.yaml", TypeAdapter(tuple[Rule, ...])),
        plausibility=read_yaml(folder / "plausibility.yaml", TypeAdapter(Plausibility)),
        carriers=read_yaml(folder / "carriers.yaml", TypeAdapter(tuple[NounPhrase, ...])),
        variants=tuple(
            read_yaml(path, TypeAdapter(VariantGrammar)) for path in sorted((folder / "variants").glob("*.yaml"))
        ),
        version=file_version(sorted(folder.rglob("*.yaml"))),
    )
    _check_references(templates, folder)
    return templates


def file_version(paths: Iterable[Path]) -> str:
    """The version of template files: twelve digits of the hash of their names and bytes."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _check_references(templates: Templates, folder: Path) -> None:
    """Every relation and type that a file names must exist, and there are 48 relations."""
    relations = templates.relations
    problems = (
        [] if len(relations) == RELATION_COUNT else [f"there are {len(relations)} relations, not {RELATION_COUNT}"]
    )
    named_relations = {
        (r.id, name) for r in relations.values() for name in (*r.impacts, *r.no_second_hop, r.inverse) if name
    }
    named_relations |= {
        ("rules.yaml", name) for rule in templates.rules for name in (rule.edit, rule.given[1], rule.then[1])
    }
    named_relations |= {("plausibility.yaml", name) for name in templates.plausibility.relations}
    problems += [
        f"{place} names the unknown relation {name}" for place, name in named_relations if name not in relations
    ]
    named_types = {(r.id, name) for r in relations.values() for name in (*r.subject_types, *r.object_types)}
    named_types |= {("names.yaml", name) for rule in templates.names for name in (*rule.types, *rule.but)}
    problems += [f"{place} names the unknown type {name}" for place, name in named_types if name not in templates.types]
    if problems:
        raise UsageError("The templates do not fit together: " + "; ".join(sorted(problems)), str(folder), "Mend them.")
