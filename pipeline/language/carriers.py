"""The sentences in which names are scored (decision 14).

Each names the item once, after some other words, and none of the name's own words stands before it. There are three
classes of them, and scores compare within a class only:

- `neutral`: sentences that say nothing about the item, the same for all: "Somebody mentioned {subject}."
- `fact`: openings of facts about it: "The city that serves as the capital of {subject} is". They tell what kind of
  thing is named, which a model may know better than the name. What the fact says would follow after the name, where it
  cannot change the score, and so is left out.
- `alone`: nothing but the name, which tells how likely it is without any context.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal, NamedTuple

from pipeline.core import times
from pipeline.core.errors import UsageError
from pipeline.core.seeded import shuffled
from pipeline.language import grammar
from pipeline.language.templates import Templates

CarrierClass = Literal["neutral", "fact", "alone"]

_MARK = "{subject}"
_LONG_WORD = 4  # letters; a shorter word, such as "of" or "the", gives nothing away


class Claim(NamedTuple):
    """A relation that an item has, with what decides its wording; a row of CLAIMS without the item."""

    relation: str
    subject_type: str
    object_key: str
    object_count: int
    is_past: bool


class Head(NamedTuple):
    """An item to be scored: a row of HEADS."""

    id: int
    label: str
    types: Sequence[str]
    claims: Sequence[Claim]


class Carrier(NamedTuple):
    """A sentence, and where in it the name stands, in code points."""

    name: str  # unique for an item: "neutral/0", "fact/P36", "alone"
    text: str
    start: int
    end: int


def check_neutral(templates: Templates, count: int) -> None:
    """See that there are enough neutral sentences, and that each names its subject late and plainly.

    Raises:
        UsageError: There are fewer, or one does not suit.
    """
    if len(templates.carriers) < count:
        raise UsageError(
            f"likelihood.carriers asks for {count} carriers and there are {len(templates.carriers)}",
            "templates/carriers.yaml",
            "Lower the setting or add carriers.",
        )
    for sentence in templates.carriers:
        if sentence.find(_MARK) <= 0:
            raise UsageError(
                f"A carrier must name {_MARK} after some other words: {sentence!r}",
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
    name = grammar.name(head.label, head.types, templates.names)
    places = (Carrier(f"neutral/{n}", *placed(text, head.label, name)) for n, text in enumerate(templates.carriers))
    yield from islice(_fitting(places, head.label), neutral)
    for claim in head.claims:
        openings = shuffled(_openings(claim, templates), seed, "carrier", head.id, claim.relation)
        facts = (placed(opening, head.label, name, past=claim.is_past) for opening in openings)
        yield from islice(_fitting((Carrier(f"fact/{claim.relation}", *fact) for fact in facts), head.label), 1)
    yield Carrier("alone", head.label, 0, len(head.label))


def _fitting(carriers: Iterable[Carrier], label: str) -> Iterator[Carrier]:
    """The sentences that do not give away a name before it stands there."""
    return (carrier for carrier in carriers if not gives_away(carrier.text[: carrier.start], label))


def carrier_class(carrier: str) -> str:
    """The class of a carrier, by its name.

    >>> carrier_class("fact/P36"), carrier_class("alone")
    ('fact', 'alone')
    """
    return carrier.partition("/")[0]


def placed(template: str, label: str, name: grammar.Name, *, past: bool = False) -> tuple[str, int, int]:
    """A sentence that names an item, and where in it the label stands, in code points.

    The place follows from the template and is not searched for: other words of the sentence may read like the label.

    >>> placed("Yesterday we spoke about {subject}.", "Yesterday", wording.Name("Yesterday"))
    ('Yesterday we spoke about Yesterday.', 25, 34)
    >>> placed("We [speak|spoke] about {subject}.", "Netherlands", wording.Name("the Netherlands"), past=True)
    ('We spoke about the Netherlands.', 19, 30)
    """
    end = len(grammar.fill(template[: template.index(_MARK) + len(_MARK)], name, past=past))
    return grammar.fill(template, name, past=past), end - len(label), end


def gives_away(context: str, label: str) -> bool:
    """Whether a word of a name stands before it.

    >>> gives_away("The cemetery of ", "Highgate Cemetery"), gives_away("The capital of ", "Isle of Man")
    (True, False)
    """
    before = set(_words(context))
    return any(len(word) >= _LONG_WORD and word in before for word in _words(label))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _openings(claim: Claim, templates: Templates) -> Sequence[str]:
    """The clozes of a relation that name their subject late and without a possessive."""
    relation = templates.relations[claim.relation]
    precision = times.wording_precision(claim.object_key) if relation.value == "date" else None
    found = relation.wording(claim.subject_type, precision)
    if found is None:
        return ()
    forms = found[1].several if claim.object_count > 1 and found[1].several else found[1]
    return [cloze for cloze in (forms.prompt, *forms.rephrases) if cloze.find(_MARK) > 0]
