"""The sentences in which names are scored (decision 14).

Each names the item once, after some other words, and contains no word of the name before it. There are three classes
of them, and scores compare within a class only:

- `neutral`: sentences that say nothing about the item, the same for all: "Somebody mentioned {subject}."
- `fact`: openings of facts about it: "The city that serves as the capital of {subject} is". They say what kind of
  thing is named, which a model may know better than the name. What the fact says would follow after the name, where it
  cannot change the score, and so is left out.
- `alone`: nothing but the name: how likely it is without any context.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from pipeline.core.errors import UsageError
from pipeline.core.seeded import shuffled
from pipeline.language.leaks import repeats_word
from pipeline.language.prompts import named_subject, openings, place_label
from pipeline.language.relations import SUBJECT_SLOT, Tense
from pipeline.language.templates import Templates


class Claim(NamedTuple):
    """A relation that an item has, with what decides its wording; a row of CLAIMS without the item."""

    relation: str
    subject_type: str
    object_key: str
    object_count: int
    tense: Tense


class Head(NamedTuple):
    """An item to be scored: a row of HEADS."""

    id: int
    label: str
    types: Sequence[str]
    claims: Sequence[Claim]


class Carrier(NamedTuple):
    """A sentence, and the span of the name in it, in code points."""

    name: str  # unique for an item: "neutral/0", "fact/P36", "alone"
    text: str
    start: int
    end: int


def check_neutral_carriers(templates: Templates, count: int) -> None:
    """Check that there are enough neutral sentences, and that each names its subject after other words.

    Raises:
        UsageError: There are too few, or one is not valid.
    """
    if len(templates.carriers) < count:
        raise UsageError(
            f"likelihood.carriers asks for {count} carriers and there are {len(templates.carriers)}",
            "templates/carriers.yaml",
            "Lower the setting or add carriers.",
        )
    for sentence in templates.carriers:
        if sentence.find(SUBJECT_SLOT) <= 0:
            raise UsageError(
                f"A carrier must name {SUBJECT_SLOT} after some other words: {sentence!r}",
                "templates/carriers.yaml",
                "Reword it.",
            )


def carriers_of(head: Head, neutral: int, templates: Templates, seed: int) -> Iterator[Carrier]:
    """Every sentence in which an item is scored.

    Args:
        head: The item.
        neutral: How many neutral sentences.
        templates: The sentences and the rules for names.
        seed: Of the draw among the wordings of a fact.
    """
    subject = named_subject(head.label, head.types, templates)
    neutrals = (
        Carrier(f"neutral/{n}", *place_label(template, head.label, subject))
        for n, template in enumerate(templates.carriers)
    )
    yield from islice(_without_leak(neutrals, head.label), neutral)
    for claim in head.claims:
        relation, in_tense = templates.relations[claim.relation], replace(subject, tense=claim.tense)
        found = openings(relation, (claim.subject_type,), claim.object_key, claim.object_count)
        facts = (
            Carrier(f"fact/{claim.relation}", *place_label(opening, head.label, in_tense))
            for opening in shuffled(found, seed, "carrier", head.id, claim.relation)
        )
        yield from islice(_without_leak(facts, head.label), 1)
    yield Carrier("alone", head.label, 0, len(head.label))


def _without_leak(carriers: Iterable[Carrier], label: str) -> Iterator[Carrier]:
    """The sentences that have no word of the name before it."""
    return (carrier for carrier in carriers if not repeats_word(carrier.text[: carrier.start], label))


def carrier_class(carrier: str) -> str:
    """The class of a carrier, by its name.

    >>> carrier_class("fact/P36"), carrier_class("alone")
    ('fact', 'alone')
    """
    return carrier.partition("/")[0]
