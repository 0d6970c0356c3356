"""The files of `templates/`, read and checked: relations, types, names, dating, carriers, variants, long forms.

A file that breaks a rule is refused; the message names the file and the place.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from pipeline.core.errors import UsageError
from pipeline.core.resources import templates_folder
from pipeline.language.plausibility import Plausibility
from pipeline.language.relations import RELATION_COUNT, NounPhrase, PropertyId, Relation, TemplatePart
from pipeline.language.template_parts import (
    AliasRules,
    Bridge,
    Contexts,
    Dating,
    FalseStatement,
    ItemType,
    KnownError,
    LongForms,
    NameRule,
    Phrases,
    Rule,
    VariantGrammar,
)

T = TypeVar("T")


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

    def is_of_today(self, first: str, second: str) -> bool:
        """Whether what a path of two relations asks changes with time."""
        return any(bridge.today for bridge in self.bridges if bridge.first == first and second in bridge.then)

    def may_be_edited(self, first: str, second: str, place: Literal["first", "last"]) -> bool:
        """Whether a path of two relations may be asked by an edit that states the first of them, or the last."""
        found = [bridge for bridge in self.bridges if bridge.first == first and second in bridge.then]
        return any(bridge.edited in (None, place) for bridge in found)

    @property
    def false_statements(self) -> set[FalseStatement]:
        """The known errors, and the same the other way round: what is no capital has no country."""
        found: set[FalseStatement] = set()
        for relation, errors in self.known_errors.items():
            partner = self.relations[relation].partner
            for error in errors:
                found.add(FalseStatement(error.subject, relation, error.object))
                if partner:
                    found.add(FalseStatement(int(error.object[1:]), partner, f"Q{error.subject}"))
        return found

    @property
    def hops(self) -> list[tuple[str, str, str]]:
        """Every path that an edit may take: first relation, type of its subject, second relation."""
        return [path for bridge in self.bridges if bridge.edited != "first" for path in self.paths_over(bridge)]

    @property
    def asked_paths(self) -> set[tuple[str, str]]:
        """Every path of two relations that a probe may ask, whatever its subject."""
        return {(bridge.first, second) for bridge in self.bridges for second in bridge.then}

    def paths_over(self, bridge: Bridge) -> list[tuple[str, str, str]]:
        """The paths that a bridge allows: first relation, type of its subject, second relation."""
        kinds = bridge.subject or self.relations[bridge.first].subject_types
        return [(bridge.first, kind, second) for kind in kinds for second in bridge.then]


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
    told = (*templates.long_forms.told_by_description, *templates.long_forms.told_by_words)
    named_relations |= {("long_forms.yaml", name) for name in told}
    problems += [
        f"{place} names the unknown relation {name}" for place, name in named_relations if name not in relations
    ]
    named_types = {(r.id, name) for r in relations.values() for name in (*r.subject_types, *r.object_types)}
    named_types |= {("names.yaml", name) for rule in templates.names for name in (*rule.types, *rule.but)}
    named_types |= {("dating.yaml", name) for name in templates.dating.misleading}
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
    for bridge in templates.bridges:
        for first, kind, second in templates.paths_over(bridge):
            relation = templates.relations[first]
            found = relation.wording(kind) if kind in relation.subject_types else None
            if found is None or (found[1].middle_noun is None and bridge.edited != "first"):
                problems.append(f"bridges.yaml: {first} of the type {kind} has no `middle`")
            if second in (first, relation.partner):
                problems.append(f"bridges.yaml: {second} after {first} leads back")
    return list(dict.fromkeys(problems))
