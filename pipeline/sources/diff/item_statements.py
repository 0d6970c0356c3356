"""The statements in the JSON of an item. Properties that are equal, byte by byte, in another text are not decoded."""

from dataclasses import dataclass
from typing import Any

import msgspec

from pipeline.sources.entities.model import UNREADABLE, Entity, WholeStatement
from pipeline.sources.entities.values import snak_key, value_text


class ItemText(Entity, gc=False):
    """The JSON of an item in parts, of which only those that differ from the other text are decoded."""

    claims: dict[str, msgspec.Raw] | list[Any] = []
    labels: msgspec.Raw = msgspec.Raw()
    aliases: msgspec.Raw = msgspec.Raw()
    sitelinks: msgspec.Raw = msgspec.Raw()

    @property
    def names(self) -> tuple[msgspec.Raw, ...]:
        """All that names the item."""
        return self.labels, self.aliases, self.sitelinks


read_text = msgspec.json.Decoder(ItemText).decode
_decode_statements = msgspec.json.Decoder(list[WholeStatement]).decode


@dataclass(frozen=True)
class Claim:
    """A statement with its property and its value."""

    property_id: int
    statement: WholeStatement
    value: tuple[object, ...]  # equal for equal values

    @property
    def text(self) -> str:
        """The value as a short text."""
        return value_text(self.statement.mainsnak)


@dataclass(frozen=True)
class ItemStatements:
    """The statements of one text, by id."""

    text: ItemText | None
    claims: dict[str, Claim]

    def values(self) -> set[tuple[int, tuple[object, ...]]]:
        """Property and value of each."""
        return {(claim.property_id, claim.value) for claim in self.claims.values()}


def read_statements(text: ItemText | None, other: ItemText | None = None) -> ItemStatements:
    """The statements of a text, without those of properties whose JSON is the same in the other."""
    if text is None:
        return ItemStatements(None, {})
    claims: dict[str, Claim] = {}
    same = statement_groups(other)
    for name, group in statement_groups(text).items():
        if same.get(name) != group:
            for place, statement in enumerate(_decode_statements(group)):
                key = statement.id.lower() or f"{name}/{place}"
                claims[key] = Claim(int(name[1:]), statement, snak_key(statement.mainsnak))
    return ItemStatements(text, claims)


def statement_groups(text: ItemText | None) -> dict[str, msgspec.Raw]:
    """The JSON of the statements of each property."""
    return text.claims if text and isinstance(text.claims, dict) else {}


def has_all_statements(target: bytes, source: bytes) -> bool:
    """Whether an item holds every statement of another, by property and value, as it does after a merge."""
    try:
        return read_statements(read_text(source)).values() <= read_statements(read_text(target)).values()
    except UNREADABLE:
        return False


def has_statements(text: bytes) -> bool:
    """Whether an item has statements. Without any, a shared name does not show a merge."""
    return bool(statement_groups(read_text(text)))
