"""The files of `templates/`, read and checked: relations, types, names, dating, carriers, variants, long forms.

A file that breaks a rule is refused; the message names the file and the place.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import yaml
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError, field_serializer, model_validator

from pipeline.core.errors import UsageError
from pipeline.core.resources import templates_folder
from pipeline.language.plausibility import Plausibility
from pipeline.language.relations import RELATION_COUNT, ItemId, NounPhrase, PropertyId, Relation, TemplatePart

META = "meta"  # the type of items that describe pages or names
MIN_SENTENCES = 40  # for each pole of a variant, before slots are filled

T = TypeVar("T")


def slots_of(text: str) -> list[str]:
    """The names of the slots of a text, in their order.

    >>> slots_of("{fact}, and {cloze}")
    ['fact', 'cloze']
    """
    return re.findall(r"\{(\w+)\}", text)


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
    state_forms: frozenset[str]
    state_words: frozenset[str]
    titles_before: frozenset[str]
    particles: frozenset[str]
    kin: frozenset[str]
    kin_added: frozenset[str]
    no_middle_names: frozenset[str]
    short_names: Mapping[str, tuple[str, ...]]

    @field_serializer(
        *("abbreviations", "minor", "fillers", "may_be_left_out", "kind_fillers", "state_forms", "state_words"),
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


class Dating(TemplatePart):
    """Which dates tell when a statement became true, and what is no more; properties and classes as numbers."""

    existence: tuple[PropertyNumber, ...]
    end: tuple[PropertyNumber, ...]
    death: tuple[PropertyNumber, ...]
    birth: tuple[PropertyNumber, ...]
    activity: tuple[PropertyNumber, ...]
    descriptions: DescriptionWords
    by_subject: Mapping[PropertyNumber, PropertyNumber]
    successive: tuple[PropertyNumber, ...]
    ended_classes: tuple[ClassNumber, ...]

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
    def slots(self) -> list[str]:
        """The names of its slots."""
        return slots_of(self.text)

    @property
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


class KnownError(TemplatePart):
    """A statement that Wikidata holds and readers know to be false; its object is an item or a number."""

    subject: ClassNumber
    object: str = Field(pattern=r"^(Q[1-9]\d*|\d+)$")
    why: str = Field(min_length=1)


class Templates(TemplatePart):
    """Everything in `templates/` that more than one stage reads."""

    relations: Mapping[str, Relation]
    types: Mapping[str, ItemType]
    names: tuple[NameRule, ...]
    aliases: AliasRules
    dating: Dating
    phrases: Phrases
    rules: tuple[Rule, ...]
    bridges: tuple[Bridge, ...]
    plausibility: Plausibility
    known_errors: Mapping[PropertyId, tuple[KnownError, ...]]
    carriers: tuple[NounPhrase, ...]
    variants: tuple[VariantGrammar, ...]
    contexts: Contexts
    long_forms: LongForms
    version: str

    def bridge(self, first: str, subject_type: str, second: str) -> Bridge | None:
        """What allows a relation to be asked of the object of another one; None if nothing does."""
        for bridge in self.bridges:
            if (
                bridge.first == first
                and second in bridge.then
                and (not bridge.subject or subject_type in bridge.subject)
            ):
                return bridge
        return None

    def moves(self, first: str, second: str) -> bool:
        """Whether an edit over two hops would say that the entity in between lies somewhere else."""
        return any(bridge.moves for bridge in self.bridges if bridge.first == first and second in bridge.then)

    @property
    def hops(self) -> list[tuple[str, str, str]]:
        """Every path that may be asked: first relation, type of its subject, second relation."""
        return [
            (bridge.first, kind, second)
            for bridge in self.bridges
            for kind in bridge.subject or self.relations[bridge.first].subject_types
            for second in bridge.then
        ]


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
        aliases=read_yaml(folder / "aliases.yaml", TypeAdapter(AliasRules)),
        dating=read_yaml(folder / "dating.yaml", TypeAdapter(Dating)),
        phrases=read_yaml(folder / "phrases.yaml", TypeAdapter(Phrases)),
        rules=read_yaml(folder / "rules.yaml", TypeAdapter(tuple[Rule, ...])),
        bridges=read_yaml(folder / "bridges.yaml", TypeAdapter(tuple[Bridge, ...])),
        plausibility=read_yaml(folder / "plausibility.yaml", TypeAdapter(Plausibility)),
        known_errors=read_yaml(folder / "known_errors.yaml", TypeAdapter(dict[PropertyId, tuple[KnownError, ...]])),
        carriers=read_yaml(folder / "carriers.yaml", TypeAdapter(tuple[NounPhrase, ...])),
        variants=tuple(
            read_yaml(path, TypeAdapter(VariantGrammar)) for path in sorted((folder / "variants").glob("*.yaml"))
        ),
        contexts=read_yaml(folder / "contexts.yaml", TypeAdapter(Contexts)),
        long_forms=read_yaml(folder / "long_forms.yaml", TypeAdapter(LongForms)),
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
    named_relations = {(r.id, name) for r in relations.values() for name in (*r.impacts, r.inverse) if name}
    named_relations |= {("bridges.yaml", name) for bridge in templates.bridges for name in (bridge.first, *bridge.then)}
    named_relations |= {
        ("rules.yaml", name) for rule in templates.rules for name in (rule.edit, rule.given[1], rule.then[1])
    }
    named_relations |= {("plausibility.yaml", name) for name in templates.plausibility.relations}
    named_relations |= {("known_errors.yaml", name) for name in templates.known_errors}
    named_relations |= {("contexts.yaml", name) for name in templates.contexts.relations}
    named_relations |= {("long_forms.yaml", name) for name in templates.long_forms.told_by_description}
    problems += [
        f"{place} names the unknown relation {name}" for place, name in named_relations if name not in relations
    ]
    named_types = {(r.id, name) for r in relations.values() for name in (*r.subject_types, *r.object_types)}
    named_types |= {("names.yaml", name) for rule in templates.names for name in (*rule.types, *rule.but)}
    named_types |= {("long_forms.yaml", name) for kinds in templates.long_forms.kinds.values() for name in kinds}
    problems += [f"{place} names the unknown type {name}" for place, name in named_types if name not in templates.types]
    problems += [
        f"known_errors.yaml: {name} lists Q{subject} with {value} {count} times"
        for name, errors in templates.known_errors.items()
        for (subject, value), count in Counter((error.subject, error.object) for error in errors).items()
        if count > 1
    ]
    problems = problems or _bridge_problems(templates)
    if problems:
        raise UsageError("The templates do not fit together: " + "; ".join(sorted(problems)), str(folder), "Mend them.")


def _bridge_problems(templates: Templates) -> list[str]:
    """Bridges from subjects that the first relation lacks, over an object without a definite name, or back again."""
    problems: list[str] = []
    for first, kind, second in templates.hops:
        relation = templates.relations[first]
        found = relation.wording(kind) if kind in relation.subject_types else None
        if found is None or found[1].middle_noun is None:
            problems.append(f"bridges.yaml: {first} of the type {kind} has no `middle`")
        if second in (first, relation.partner):
            problems.append(f"bridges.yaml: {second} after {first} leads back")
    return list(dict.fromkeys(problems))
