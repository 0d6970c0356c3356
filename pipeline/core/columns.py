"""How a record declares its columns, and how such a declaration is read.

A record is a `TypedDict`. Each field is annotated with its Python type and with a `Column`, which says what the type
cannot say. Whatever else has to know the columns (schema, features, card, checks) reads them here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints, is_typeddict

Source = Literal["FACTS", "SUBGRAPH", "templates", "origin", "edits", "splits", "probes", "variants", "placement"]
"""Where the values of a column come from.

FACTS: the column of the same name there, copied. SUBGRAPH: names and numbers of items. `templates`: the wording.
`origin`: the same for the whole release. The others are the stages that work the values out.
"""


@dataclass(frozen=True)
class Column:
    """What the declaration of a column adds to its name and Python type.

    Attributes:
        about: What the column means, in one line of Markdown for the card.
        source: Where its values come from; None for the parts of a structure, which come with their column.
        bits: The width of whole numbers: 8, 16, 32 or 64.
        can_be_empty: Whether an empty list or text is a good value.
    """

    about: str
    source: Source | None = None
    bits: int = 64
    can_be_empty: bool = False


@dataclass(frozen=True)
class Field:
    """A declared column, or a part of a structure, as it is read from a record.

    Attributes:
        name: Its name.
        kind: Its Python type, without None.
        can_be_null: Whether its values may be None.
        column: The rest of its declaration.
        parts: The parts of the structures that it holds a list of; empty if it holds something else.
    """

    name: str
    kind: Any
    can_be_null: bool
    column: Column
    parts: tuple["Field", ...]


def fields_of(record: type) -> tuple[Field, ...]:
    """The fields of a record in their order.

    Raises:
        TypeError: A field is declared without `Column`.
    """
    hints = get_type_hints(record, include_extras=True)
    return tuple(_field(record, name, hint) for name, hint in hints.items())


def _field(record: type, name: str, hint: Any) -> Field:
    kind, *notes = get_args(hint) or (hint,)
    columns = [note for note in notes if isinstance(note, Column)]
    if len(columns) != 1:
        raise TypeError(f"{record.__name__}.{name} is not declared as Annotated[type, Column(...)]")
    kinds = [one for one in get_args(kind) if one is not NoneType] if get_origin(kind) is UnionType else [kind]
    items = get_args(kinds[0])
    parts = fields_of(items[0]) if items and is_typeddict(items[0]) else ()
    return Field(name, kinds[0], kind is not kinds[0], columns[0], parts)


def fields_in(groups: Mapping[str, type]) -> tuple[Field, ...]:
    """The fields of all records of a mapping, one record after the other."""
    return tuple(field for record in groups.values() for field in fields_of(record))
