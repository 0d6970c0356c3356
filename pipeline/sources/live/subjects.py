"""Which items to fetch for the changes of a window: the subjects, and the items whose dates may date a new fact."""

from collections.abc import Collection
from typing import cast

from pipeline.core.seeded import shuffled
from pipeline.core.tables import Database


def changed_subjects(database: Database, properties: Collection[int], most: int, seed: int) -> list[int]:
    """Items with a new statement of one of these properties; a random draw if there are too many.

    Args:
        database: A session with the view `differences`.
        properties: Numbers of properties.
        most: The largest number of subjects.
        seed: The seed of the draw.
    """
    sql = f"SELECT DISTINCT subject_id FROM differences WHERE {_is_new(properties)}"
    items = cast(list[int], database.table(sql).column(0).to_pylist())
    return sorted(shuffled(items, seed, "changed")[:most])


def dating_items(database: Database, properties: Collection[int]) -> list[int]:
    """Values and events of new statements of these properties: their own dates may date the statement."""
    sql = f"SELECT DISTINCT unnest([new_object_id, event_id]) AS id FROM differences WHERE {_is_new(properties)}"
    items = cast(list[int | None], database.table(sql).column(0).to_pylist())
    return sorted(item for item in items if item)


def _is_new(properties: Collection[int]) -> str:
    numbers = ", ".join(map(str, sorted(properties))) or "NULL"
    return f"is_new_value AND item_kind <> 'removed' AND property_id IN ({numbers})"
