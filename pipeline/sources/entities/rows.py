"""Entity JSON to rows: the hot loop, pure, bytes in and tuples out.

One line of a dump becomes statements of the wanted properties, one entity row, and counts of mentions and neighbours
over all properties. The types declare no more than a row needs, since the decoder skips everything else.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Raw

from pipeline.core.plain_text import plain_text
from pipeline.sources.entities.model import (
    END,
    EVENT,
    LINK,
    MAX_PROPERTY,
    POINT,
    START,
    TYPE,
    AliasTerms,
    ColumnSnak,
    ColumnStatement,
    Entity,
    Sitelink,
    SourceSnak,
    Term,
    Terms,
    item_of,
    named_item,
    number,
    state,
)
from pipeline.sources.entities.values import snak_columns

StatementRow = tuple[Any, ...]  # the columns of schema.STATEMENTS, in order
EntityRow = tuple[Any, ...]  # the columns of schema.ENTITIES, in order
TitleRow = tuple[int, str, str]  # item, wiki, title


class _Entity(Entity, gc=False):
    labels: Terms | list[Any] = []
    descriptions: Terms | list[Any] = []
    aliases: AliasTerms | list[Any] = []
    claims: dict[str, list[ColumnStatement]] | list[Any] = []
    sitelinks: dict[str, Raw] | list[Any] = []


_decode = msgspec.json.Decoder(_Entity).decode
_decode_sitelink = msgspec.json.Decoder(Sitelink).decode


@dataclass
class Rows:
    """What has been read so far."""

    statements: list[StatementRow] = field(default_factory=list[StatementRow])
    entities: list[EntityRow] = field(default_factory=list[EntityRow])
    titles: list[TitleRow] = field(default_factory=list[TitleRow])
    mentions: list[int] = field(default_factory=list[int])  # items, once for each statement of another that has them
    neighbours: list[int] = field(default_factory=list[int])  # items, once for every item that has them as neighbour
    neighbour_of: list[int] = field(default_factory=list[int])  # and that item

    def lengths(self) -> tuple[int, ...]:
        """Where each list ends now, to come back to with `cut`."""
        return tuple(map(len, self._lists()))

    def cut(self, lengths: tuple[int, ...]) -> None:
        """Forget what was added since: an entity that turns out unreadable half-way leaves no trace."""
        for rows, length in zip(self._lists(), lengths, strict=True):
            del rows[length:]

    def _lists(self) -> tuple[list[Any], ...]:
        return self.statements, self.entities, self.titles, self.mentions, self.neighbours, self.neighbour_of


@dataclass(frozen=True)
class Wanted:
    """What to keep: statements of these properties, titles of these wikis ("enwiki")."""

    properties: frozenset[str]
    wikis: frozenset[str]


def read_entity(line: bytes | memoryview, wanted: Wanted, rows: Rows) -> tuple[str, int | None]:
    """Add one line of a dump to the rows.

    Args:
        line: One entity as JSON, without the comma that ends its line.
        wanted: What to keep.
        rows: Where to add it.

    Returns:
        The entity's id and its revision, if the line has one.

    Raises:
        Exception: One of `UNREADABLE`; the rows may then hold a part of the entity.
    """
    entity = _decode(line)
    claims = entity.claims if isinstance(entity.claims, dict) else {}
    is_item = entity.id.startswith("Q")
    subject = number(entity.id) if is_item else 0
    nobody = {0, subject}
    neighbours: set[int] = set()
    mentions, kept = rows.mentions, rows.statements
    for property_name, statements in claims.items():
        best = _best_rank(statements)
        property_id = number(property_name, MAX_PROPERTY) if is_item and property_name in wanted.properties else 0
        for statement in statements:
            object_id = named_item(statement.mainsnak.datavalue)
            if statement.qualifiers or statement.references:
                mentions += _mentioned(statement, object_id) - nobody
            elif object_id not in nobody:
                mentions.append(object_id)
            if statement.rank == best:
                neighbours.add(object_id)
            if property_id:
                kept.append(_statement_row(subject, property_id, statement, best, object_id))
    if is_item:
        neighbours -= nobody
        rows.neighbours += neighbours
        rows.neighbour_of += [subject] * len(neighbours)
        rows.entities.append(_entity_row(subject, entity, claims, state(entity.lastrevid, line)))
        rows.titles += _titles(subject, entity, wanted.wikis)
    return entity.id, entity.lastrevid


def _best_rank(statements: list[ColumnStatement]) -> str:
    for statement in statements:
        if statement.rank == "preferred":
            return "preferred"
    return "normal"


def _mentioned(statement: ColumnStatement, object_id: int) -> set[int]:
    """Every item that a statement mentions, in any position, each once (decision 8); 0 stands for "no item"."""
    found = {object_id}
    if isinstance(statement.qualifiers, dict):
        _add_links(statement.qualifiers, found)
    for reference in statement.references:
        if isinstance(reference.snaks, dict):
            _add_links(reference.snaks, found)
    return found


def _add_links(groups: dict[str, list[ColumnSnak]] | dict[str, list[SourceSnak]], found: set[int]) -> None:
    for snaks in groups.values():
        for snak in snaks:
            value = snak.datavalue
            if value is not None and value.type == LINK:
                found.add(item_of(value.value))


def _statement_row(
    subject: int, property_id: int, statement: ColumnStatement, best: str, object_id: int
) -> StatementRow:
    rank, qualifiers = statement.rank, statement.qualifiers
    row = (subject, property_id, statement.id, rank, rank == best)
    row += ("item", object_id, *_NO_LITERAL) if object_id else snak_columns(statement.mainsnak)
    return row + (_qualifier_columns(qualifiers) if qualifiers and isinstance(qualifiers, dict) else _NO_QUALIFIERS)


_NO_LITERAL = (None,) * 6
_NO_QUALIFIERS: tuple[Any, ...] = (*(None,) * 7, [])


def _qualifier_columns(qualifiers: dict[str, list[ColumnSnak]]) -> tuple[Any, ...]:
    return (
        *_qualifier_time(qualifiers, START),
        *_qualifier_time(qualifiers, END),
        *_qualifier_time(qualifiers, POINT),
        next((named_item(snak.datavalue) or None for snak in qualifiers.get(EVENT, ())), None),
        sorted(number(name, MAX_PROPERTY) for name in qualifiers),
    )


def _qualifier_time(qualifiers: dict[str, list[ColumnSnak]], property_name: str) -> tuple[str | None, int | None]:
    for snak in qualifiers.get(property_name, ()):
        kind, *_, time, precision, _ = snak_columns(snak)
        if kind == "time":
            return time, precision
    return None, None


def _entity_row(subject: int, entity: _Entity, claims: dict[str, list[ColumnStatement]], item_state: int) -> EntityRow:
    label, language = _label(entity.labels)
    types = claims.get(TYPE, [])
    best = _best_rank(types)
    sitelinks = entity.sitelinks if isinstance(entity.sitelinks, dict) else {}
    enwiki = sitelinks.get("enwiki")
    return (
        subject,
        label,
        language,
        _aliases(entity.aliases, label),
        _text(entity.descriptions.en) if isinstance(entity.descriptions, Terms) else None,
        [kind for statement in types if statement.rank == best and (kind := named_item(statement.mainsnak.datavalue))],
        len(sitelinks),
        _decode_sitelink(enwiki).title if enwiki else None,
        sum(map(len, claims.values())),
        item_state,
        entity.lastrevid,
        entity.modified,
    )


def _label(labels: Terms | list[Any]) -> tuple[str | None, str | None]:
    """English, else the default for all languages, else nothing (decision 25)."""
    if isinstance(labels, Terms):
        if label := _text(labels.en):
            return label, "en"
        if label := _text(labels.mul):
            return label, "mul"
    return None, None


def _text(term: Term | None) -> str | None:
    """A text as a reader sees it; None if nothing of it can be seen."""
    return (plain_text(term.value) or None) if term else None


def _aliases(aliases: AliasTerms | list[Any], label: str | None) -> list[str]:
    """English aliases, then those for all languages, in their own order, without the label and without repeats."""
    if not isinstance(aliases, AliasTerms):
        return []
    texts = dict.fromkeys(plain_text(term.value) for term in (*aliases.en, *aliases.mul))
    for no_alias in ("", label or ""):
        texts.pop(no_alias, None)
    return list(texts)


def _titles(subject: int, entity: _Entity, wikis: frozenset[str]) -> Iterator[TitleRow]:
    if isinstance(entity.sitelinks, dict):
        for wiki in sorted(wikis & entity.sitelinks.keys()):
            yield subject, wiki, _decode_sitelink(entity.sitelinks[wiki]).title
