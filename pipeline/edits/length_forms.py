"""The short and the long form of a rephrase and of one locality prompt (decision 19).

A short form is one of the relation's rephrases. A long form is a paraphrase with another build: it asks by a question
in quotes, by a noun phrase, after a description of the subject, or after another true fact about it. Every form is
drawn by itself.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.core.edit_record import Edit, LengthForm, Probe, StatedFact
from pipeline.core.seeded import rotated, shuffled
from pipeline.core.settings import RobustSettings
from pipeline.edits.edits import edited_fact
from pipeline.edits.side_facts import (
    Surroundings,
    anaphor,
    clauses,
    names_of_answers,
    safe_description,
    stated,
)
from pipeline.language.answers import item_in_text
from pipeline.language.leaks import contains_name, mentions_any
from pipeline.language.prompts import Fact, FactSentences, word_fact
from pipeline.language.subgraph import Item, Triple
from pipeline.language.template_parts import slots_of


@dataclass(frozen=True)
class _Request:
    """What a form asks: the fact of an edit or of a locality probe."""

    role: str  # for the draw
    edit: Edit
    fact: Fact
    sentences: FactSentences
    subject: Item
    avoided: Collection[str]  # relations of the subject that may not be stated
    forbidden: Collection[str]  # names that give an answer away


class _Long(NamedTuple):
    """A long form, and the facts that it states."""

    text: str
    facts: tuple[Triple, ...] = ()


def length_forms(
    edit: Edit,
    sentences: FactSentences,
    probe: Probe,
    used: Collection[str],
    surroundings: Surroundings,
    settings: RobustSettings,
) -> list[LengthForm] | None:
    """The short and the long form of the rephrase and of a locality prompt.

    Args:
        edit: The edit.
        sentences: How it is worded.
        probe: A locality probe of it.
        used: Relations of the subject that another sentence of the row states.
        surroundings: What is true around it.
        settings: What short and long mean.

    Returns:
        None if one of the four cannot be made.
    """
    own = _own_request(edit, sentences, used, surroundings)
    other = _probe_request(edit, probe, used, surroundings)
    if other is None:
        return None
    seed = surroundings.seed
    rephrase = _short(edit["rephrases"], own, settings, seed)
    locality = _short([*other.sentences.rephrases, other.sentences.prompt], other, settings, seed)
    long_rephrase = next(_long_forms(own, surroundings, settings), None)
    long_locality = next(_long_forms(other, surroundings, settings), None)
    if rephrase is None or locality is None or long_rephrase is None or long_locality is None:
        return None
    facts = [stated(triple) for triple in (*long_rephrase.facts, *long_locality.facts)]
    return [
        _form("short", rephrase, locality, probe, []),
        _form("long", long_rephrase.text, long_locality.text, probe, facts),
    ]


def _form(pole: str, rephrase: str, locality: str, probe: Probe, facts: list[StatedFact]) -> LengthForm:
    return {
        "pole": pole,
        "rephrase": rephrase,
        "locality_prompt": locality,
        "locality_ground_truth": probe["ground_truth"],
        "locality_subject_id": probe["subject_id"],
        "locality_relation_id": probe["relation_id"],
        "facts": facts,
    }


def _own_request(edit: Edit, sentences: FactSentences, used: Collection[str], surroundings: Surroundings) -> _Request:
    subgraph = surroundings.subgraph
    fact = edited_fact(edit, subgraph)
    avoided = surroundings.relations_near(edit) | set(used)
    forbidden = names_of_answers(edit, subgraph)
    return _Request("rephrase", edit, fact, sentences, subgraph.items[fact.subject_id], avoided, forbidden)


def _probe_request(edit: Edit, probe: Probe, used: Collection[str], surroundings: Surroundings) -> _Request | None:
    subgraph = surroundings.subgraph
    subject = int(probe["subject_id"][1:])
    triples = subgraph.triples_of(subject, probe["relation_id"])
    if not triples:
        return None
    fact = Fact(subject, probe["relation_id"], triples[0].object_key, triples[0].object_count)
    sentences = word_fact(fact, subgraph)
    if sentences is None:
        return None
    avoided = surroundings.relations_near(edit) | subgraph.templates.relations[probe["relation_id"]].touches | set(used)
    forbidden = [*names_of_answers(edit, subgraph), *(name for names in probe["ground_truth"] for name in names)]
    return _Request("locality", edit, fact, sentences, subgraph.items[subject], avoided, forbidden)


def _short(texts: Iterable[str], request: _Request, settings: RobustSettings, seed: int) -> str | None:
    """One of the sentences that are short."""
    short = [text for text in texts if _word_count(text, request.sentences.subject.text) <= settings.short_words]
    return next(iter(shuffled(short, seed, "short", request.role, request.edit["case_id"])), None)


def _word_count(text: str, name: str) -> int:
    """Words of a sentence, the name of its subject counted as one."""
    return len(text.split()) - len(name.split()) + 1


def _long_forms(request: _Request, surroundings: Surroundings, settings: RobustSettings) -> Iterator[_Long]:
    """Long paraphrases in a drawn order."""
    usable = _usable_frames(request, surroundings)
    for frame in rotated(usable, surroundings.seed, "long", request.role, request.edit["case_id"]):
        for form in _filled(frame, request, surroundings):
            is_long = _word_count(form.text, request.subject.label) >= settings.long_words
            is_readable = len(form.text.split()) <= settings.longest_words
            gives_away = contains_name(form.text, request.edit["target_new"]) or mentions_any(
                form.text, request.forbidden
            )
            if is_long and is_readable and not gives_away:
                yield form


def _usable_frames(request: _Request, surroundings: Surroundings) -> list[str]:
    """The frames whose slots can be filled."""
    missing = {"example" if request.sentences.is_definite else "noun"}
    if not _side_facts(request, surroundings):
        missing.add("fact")
    if _description(request, surroundings) is None:
        missing.add("description")
    frames = surroundings.subgraph.templates.long_forms.frames
    return [frame for frame in frames if missing.isdisjoint(slots_of(frame))]


def _filled(frame: str, request: _Request, surroundings: Surroundings) -> Iterator[_Long]:
    """A frame with what fits into its slots."""
    sentences, key = request.sentences, (surroundings.seed, "slot", request.role, request.edit["case_id"])
    slots = slots_of(frame)
    if "question" in slots:
        answer = "the right answer" if sentences.is_definite else "one right answer"
        for question in shuffled([sentences.question, *sentences.question_rephrases], *key):
            yield _Long(frame.format(question=question, answer=answer))
    elif "noun" in slots or "example" in slots:
        yield _Long(frame.format(noun=sentences.noun_phrase.text, example=sentences.noun_phrase.text))
    elif "fact" in slots:
        for fact in _side_facts(request, surroundings):
            clauses_and_clozes = _clauses(fact, request, surroundings), _clozes(request, [fact], surroundings)
            for clause, cloze in zip(*clauses_and_clozes, strict=False):
                yield _Long(frame.format(fact=clause, cloze=cloze), (fact,))
    elif description := _description(request, surroundings):
        name = item_in_text(request.subject, surroundings.subgraph)
        for cloze in _clozes(request, [], surroundings):
            yield _Long(frame.format(subject=name, description=description, cloze=cloze))


def _side_facts(request: _Request, surroundings: Surroundings) -> list[Triple]:
    key = ("aside", request.role)
    return surroundings.facts_about(request.subject.id, request.edit, request.avoided, *key)


def _clauses(fact: Triple, request: _Request, surroundings: Surroundings) -> list[str]:
    """A fact in mid-sentence, in different words; a clause with a comma would need another one at its end."""
    found = [clause for clause in clauses(fact, surroundings.subgraph, in_mid_sentence=True) if "," not in clause]
    return shuffled(found, surroundings.seed, "aside", request.role, request.edit["case_id"])


def _clozes(request: _Request, facts: list[Triple], surroundings: Surroundings) -> list[str]:
    """Clozes in mid-sentence that refer back to the subject: "the place where this person was born is called"."""
    subgraph = surroundings.subgraph
    alias = anaphor(request.subject.id, subgraph, facts, request.sentences.domain)
    sentences = word_fact(request.fact, subgraph, alias=alias, disambiguate=False) if alias else None
    if sentences is None:
        return []
    found = map(sentences.in_mid_sentence, sentences.statements)
    return shuffled(found, surroundings.seed, "cloze", request.role, request.edit["case_id"])


def _description(request: _Request, surroundings: Surroundings) -> str | None:
    hop = request.fact.first_hop
    asked = [request.fact.relation, *([hop.relation] if hop else [])]
    return safe_description(request.subject, asked, surroundings.subgraph)
