"""A row in words: everything that a reader judges, in the order of reading, and links to what it rests on."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from pipeline.core import schema
from pipeline.core.edit_record import Edit, Probe, Step
from pipeline.core.manifest import Manifest
from pipeline.core.tables import read_table
from pipeline.language.relations import Relation
from pipeline.release.audit.verdicts import words_hash

WIKIDATA = "www.wikidata.org"  # as it calls itself, and where its pages are
_SAFE = ":/#$"  # in a page and the place on it

Question = tuple[str, str]  # subject and relation


@dataclass(frozen=True)
class Link:
    """A place where a reader can look: without an address it is only named."""

    text: str
    url: str | None


@dataclass(frozen=True)
class Name:
    """The name of a thing, and its other names, which are as good an answer."""

    text: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """A sentence, what it is, the right answers, and what it rests on."""

    label: str
    text: str
    answers: tuple[Name, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Section:
    """A heading and its lines."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Card:
    """A row for a reader.

    Attributes:
        case_id: Its name.
        words: The hash of what is shown.
        category: Its category.
        split: Its split.
        relation: The name of its relation.
        prompt: Its prompt.
        target: Its target.
        claim: Whether the target is true, new or false on purpose.
        sections: The rest of it.
    """

    case_id: str
    words: str
    category: str
    split: str
    relation: str
    prompt: str
    target: str
    claim: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Background:
    """What the cards of a release have in common.

    Attributes:
        manifest: Of the release.
        relations: Every relation, for its name.
        statements: The triples of EVIDENCE, by question: object, its name, and the statement.
    """

    manifest: Manifest
    relations: Mapping[str, Relation]
    statements: Mapping[Question, Sequence[tuple[str, str | None, str]]]


def read_background(folder: Path, manifest: Manifest, relations: Mapping[str, Relation]) -> Background:
    """What the cards of a release have in common."""
    found: defaultdict[Question, list[tuple[str, str | None, str]]] = defaultdict(list)
    table = read_table(folder / "evidence" / "triples.parquet", schema.EVIDENCE.names)
    for row in table.to_pylist():
        found[row["subject_id"], row["relation_id"]].append((row["object_id"], row["object"], row["statement_id"]))
    return Background(manifest, relations, found)


def make_card(edit: Edit, background: Background) -> Card:
    """A row in words."""
    name = _named(edit["relation_id"], background)
    sections = [
        Section("The edit", tuple(_request(edit))),
        Section("Locality: must stay", tuple(_probe(probe, background) for probe in edit["locality"])),
        Section("Portability: must follow", tuple(_probe(probe, background) for probe in edit["portability"])),
        Section("Prefixes", tuple(_prefixes(edit))),
        Section("Short and long forms", tuple(_forms(edit))),
        Section("Evidence", tuple(_evidence(edit, background))),
    ]
    return Card(
        case_id=edit["case_id"],
        words=words_hash(edit),
        category=edit["category"],
        split=edit["split"],
        relation=f"{name}, two hops" if edit["hops"] > 1 else name,
        prompt=edit["prompt"],
        target=edit["target_new"],
        claim=_claim(edit),
        sections=_without_repeats(section for section in sections if section.lines),
    )


def _without_repeats(sections: Iterable[Section]) -> tuple[Section, ...]:
    """Other names only where a thing is named for the first time."""
    seen: set[Name] = set()

    def once(name: Name) -> Name:
        is_known = name in seen
        seen.add(name)
        return Name(name.text) if is_known else name

    return tuple(
        Section(one.title, tuple(replace(line, answers=tuple(map(once, line.answers))) for line in one.lines))
        for one in sections
    )


def _claim(edit: Edit) -> str:
    """What the row holds to be true."""
    true = "; ".join(names[0] for names in edit["answers"])
    if edit["change_class"] is not None:
        before = "" if edit["ground_truth"] == edit["target_new"] else f" Before: {edit['ground_truth']}."
        change = edit["change_class"].replace("_", " ")
        return f"New within the window {_window(edit)}, as {change}.{before} True now: {true}."
    if edit["edit_kind"] == "modification":
        return f"False on purpose. True: {true}."
    return f"True: {true}."


def _window(edit: Edit) -> str:
    ends = (edit["window_start"], edit["window_end"])
    return " to ".join(f"{end:%Y-%m-%d}" if end else "an unknown day" for end in ends)


def _request(edit: Edit) -> Iterator[Line]:
    subject = Name(edit["subject"], tuple(edit["subject_aliases"]))
    target, true = Name(edit["target_new"], tuple(edit["target_new_aliases"])), _names(edit["answers"])
    yield Line("subject", "", (subject,))
    if edit["subject_description"]:
        yield Line("described as", edit["subject_description"])
    yield Line("target", "", (target,))
    if true != (target,):
        yield Line("true", "", true)
    if edit["event_time"]:
        exactly = f", exact to the {edit['event_time_precision']}" if edit["event_time_precision"] else ""
        yield Line("since", f"{date(edit['event_time'])}{exactly}")
    yield Line("questions", " ".join([edit["question"], *edit["question_rephrases"]]))
    yield Line("rephrases", " / ".join(f"{rephrase} …" for rephrase in edit["rephrases"]))


def _names(answers: Iterable[Sequence[str]]) -> tuple[Name, ...]:
    return tuple(Name(own[0], tuple(own[1:])) for own in answers if own)


def date(time: str) -> str:
    """A Wikidata time as far as it is given.

    >>> date("+2019-05-00T00:00:00Z"), date("-0044-03-15T00:00:00Z")
    ('2019-05', '-0044-03-15')
    """
    return re.sub(r"(-00)*T.*", "", time).removeprefix("+")


def _probe(probe: Probe, background: Background) -> Line:
    steps = _steps(probe["subject_id"], probe["path"]) or [(probe["subject_id"], probe["relation_id"], "")]
    links: list[Link] = []
    for subject, relation, _ in steps:
        name = probe["subject_id"] if subject == probe["subject_id"] else _label(subject, steps, background)
        links += [Link(name, _page(background, subject)), Link(relation, _page(background, f"Property:{relation}"))]
    asked = f"{probe['prompt']} …" + (f" ({probe['question']})" if probe["question"] else "")
    return Line(probe["kind"].replace("_", " "), asked, _names(probe["ground_truth"]), tuple(links))


def _label(item: str, steps: Sequence[tuple[str, str, str]], background: Background) -> str:
    """The name of an item in the middle of a path, as the evidence has it."""
    known = (one for start, relation, _ in steps for one in background.statements.get((start, relation), ()))
    return next((label for object_id, label, _ in known if object_id == item and label), item)


def _prefixes(edit: Edit) -> Iterator[Line]:
    for prefix in edit["prefixes"]:
        yield Line(f"{prefix['attribute']}: {prefix['pole']}", prefix["text"])


def _forms(edit: Edit) -> Iterator[Line]:
    for form in edit["length_forms"]:
        yield Line(form["pole"], f"{form['rephrase']} …", (Name(edit["target_new"]),))
        answers = _names(form["locality_ground_truth"])
        yield Line(f"{form['pole']}, locality", f"{form['locality_prompt']} …", answers)


def _steps(subject: str, path: Sequence[Step]) -> list[tuple[str, str, str]]:
    """The hops of a path: from where, by which relation, to where."""
    starts = [subject, *(step["object_id"] for step in path)]
    return [(start, step["relation_id"], step["object_id"]) for start, step in zip(starts, path, strict=False)]


def _evidence(edit: Edit, background: Background) -> Iterator[Line]:
    """The triples along the path of the edit, with every object of the last step, and the revisions of the subject."""
    steps = _steps(edit["subject_id"], edit["path"])
    for place, (subject, relation, reached) in enumerate(steps):
        objects = background.statements.get((subject, relation), ())
        shown = objects if place == len(steps) - 1 else [one for one in objects if one[0] == reached]
        start = _label(subject, steps, background) if place else edit["subject"]
        for object_id, label, statement in shown:
            pages = [subject, f"Property:{relation}", f"{subject}#{statement}", object_id]
            texts = [subject, relation, "statement", object_id]
            links = [Link(text, _page(background, page)) for text, page in zip(texts, pages, strict=True)]
            shown_links = links if object_id.startswith("Q") else links[:-1]
            yield Line(_named(relation, background), start, (Name(label or object_id),), tuple(shown_links))
    yield from _revisions(edit, background)


def _revisions(edit: Edit, background: Background) -> Iterator[Line]:
    """Where the two states of the subject can be seen. Those of the bundled slice are made up."""
    if edit["head_revision"] is None:
        return
    if background.manifest.source == "sample":
        yield Line("revisions", "made up in the bundled slice")
        return
    base, head = edit["base_revision"], edit["head_revision"]
    links = [Link(f"revision {head}", _page(background, f"Special:PermanentLink/{head}"))]
    if base is not None and base != head:
        links.append(Link("what changed", _page(background, f"Special:Diff/{base}/{head}")))
    yield Line("revisions", "not there before" if base is None else f"{base} before", links=tuple(links))


def _page(background: Background, page: str) -> str | None:
    """The address of a page of the wiki; of a wiki that is not Wikidata only the ids are shown."""
    wiki = background.manifest.visit.wiki if background.manifest.visit else WIKIDATA
    return f"https://{WIKIDATA}/wiki/{quote(page, safe=_SAFE)}" if wiki == WIKIDATA else None


def _named(relation: str, background: Background) -> str:
    known = background.relations.get(relation)
    return known.name if known else relation
