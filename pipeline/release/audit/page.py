"""The rows of an audit as one HTML page that works without a network, or as plain text."""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

from jinja2 import Environment, StrictUndefined

from pipeline.core.resources import data_cards_folder
from pipeline.release.audit.cards import Card, Line, Name
from pipeline.release.audit.faults import Fault
from pipeline.release.audit.verdicts import VerdictFile, VerdictRow
from pipeline.release.summary import in_words

_ENVIRONMENT = Environment(undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True)
_ENVIRONMENT.filters["in_words"] = in_words


def to_html(cards: Sequence[Card], faults: Sequence[Fault], release: str, digest: str) -> str:
    """The page: every row is in it as text, and a script shows one after the other and keeps the verdicts.

    Args:
        cards: In the order in which they are read.
        faults: Every kind of fault, for the keys.
        release: The name of the release.
        digest: The hash of its manifest: verdicts that a browser keeps belong to it alone.
    """
    folder = data_cards_folder() / "audit"
    script = (folder / "page.js").read_text(encoding="utf-8")
    # Only this very script may run, so that no label of the data can be one.
    script_hash = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _ENVIRONMENT.from_string((folder / "page.html").read_text(encoding="utf-8")).render(
        cards=cards,
        counts=Counter(card.category for card in cards),
        faults=faults,
        release=release,
        digest=digest,
        style=(folder / "page.css").read_text(encoding="utf-8"),
        script=script,
        script_hash=script_hash,
    )


def to_text(cards: Sequence[Card], faults: Sequence[Fault]) -> str:
    """The rows for a terminal: the kinds of fault first, then a paragraph for each row."""
    lines = ["Faults, by their code in a verdict:"]
    lines += [f"  {fault.kind}: {fault.about}" for fault in faults]
    for place, card in enumerate(cards, 1):
        lines += ["", *_text_of(card, f"{place}/{len(cards)}")]
    return "\n".join(lines) + "\n"


def _text_of(card: Card, place: str) -> Iterator[str]:
    yield f"=== {place} {card.category}, {card.split}, {card.relation} === {card.case_id} {card.words}"
    yield f"{card.prompt} >> {card.target}"
    yield f"  {card.claim}"
    for section in card.sections:
        yield f"  {section.title}"
        yield from (f"    {_text_line(line)}" for line in section.lines)


def _text_line(line: Line) -> str:
    answers = "; ".join(_text_name(name) for name in line.answers)
    links = ", ".join(link.text for link in line.links)
    return f"[{line.label}] {' >> '.join(filter(None, (line.text, answers)))}" + (f" ({links})" if links else "")


def _text_name(name: Name) -> str:
    """A name with its other names.

    >>> _text_name(Name("Paris", ("Lutetia", "City of Light")))
    'Paris = Lutetia | City of Light'
    """
    return " = ".join(filter(None, (name.text, " | ".join(name.others))))


def blank(cards: Sequence[Card], release: str) -> VerdictFile:
    """A file of verdicts in which nothing is judged yet."""
    return VerdictFile(release, [VerdictRow(card.case_id, card.words, None) for card in cards])


def in_numbers(cards: Sequence[Card]) -> str:
    """How many rows of each category there are to read, in words."""
    counts = Counter(card.category for card in cards)
    return ", ".join(f"{count:,} {in_words(name).lower()}" for name, count in counts.items()) or "No rows"
