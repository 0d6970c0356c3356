"""Answers: what the objects of a fact are called."""

from collections.abc import Iterable

from pipeline.language.dates import date_names, is_date
from pipeline.language.names import is_clean_description, is_sound_description, name_in_text, plain_description
from pipeline.language.subgraph import Item, Subgraph, Triple


def object_names(object_key: str, object_id: int | None, subgraph: Subgraph) -> list[str]:
    """All names of an object, the preferred one first; empty if it has none."""
    if object_id is not None:
        item = subgraph.items.get(object_id)
        return item.names if item else []
    return date_names(object_key) if is_date(object_key) else [object_key]


def codes_of(object_id: int | None, subgraph: Subgraph) -> list[str]:
    """The codes of an object, which are no answers; none for a date or a number."""
    item = subgraph.items.get(object_id) if object_id is not None else None
    return list(item.codes) if item else []


def telling_names(object_ids: Iterable[str | None], subgraph: Subgraph) -> list[str]:
    """Everything that gives an object away in a sentence: also codes, and aliases that are no answers.

    Args:
        object_ids: Q-ids of objects; None and dates are skipped.
        subgraph: What they are called.
    """
    numbers = [int(name[1:]) for name in object_ids if name and name[:1] == "Q"]
    return [name for number in numbers if number in subgraph.items for name in subgraph.items[number].all_names]


def answers(triples: Iterable[Triple], subgraph: Subgraph) -> list[list[str]]:
    """One list of names for each object, in the order of the objects' keys.

    Objects without a name are left out. Objects with the same label, which no reader could distinguish, are one answer.
    """
    found: dict[str, dict[str, None]] = {}
    for triple in sorted(triples, key=lambda triple: triple.object_key):
        names = object_names(triple.object_key, triple.object_id, subgraph)
        if names:
            found.setdefault(names[0], {}).update(dict.fromkeys(names))
    return [list(names) for names in found.values()]


def item_in_text(item: Item, subgraph: Subgraph) -> str:
    """An item in running text: by its label, with the article that it takes ("the Netherlands")."""
    return name_in_text(item.label, item.types, subgraph.templates.names).text


def shown_description(description: str | None) -> str | None:
    """The description of an item for a column; None if it has none, or one that is wrong on its face."""
    return description if description and is_sound_description(description) else None


def description_in_text(description: str | None) -> str | None:
    """The description of an item in running text; None if it has none that is short, plain and clean English."""
    plain = plain_description(description) if description and is_sound_description(description) else None
    return plain if plain and is_clean_description(plain) else None
