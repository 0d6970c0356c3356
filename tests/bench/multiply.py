"""Tables of any size with the shape of the slice's: its items again and again, under new ids.

What many items name (classes, countries, occupations) is one item in every size, as in Wikidata. All other items come
once a copy, and a copy's items name one another; its labels end in a word of their own, so that namesakes are as
frequent as in the slice. Ids of copies are interleaved: nothing in a dump orders its lines by id.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.core import schema
from pipeline.core.tables import Database, row_count

_HUB = 12  # statements of the slice that name an item, from which on it is one item in every size
_FIRST = 1_000_000_000  # above the ids of the slice
_COPIES_A_FILE = 10
_NEWS_EVERY = 10  # changed items are a few in a hundred in a week, and a third of the slice

_SETUP = f"""
CREATE TEMP TABLE shared AS
SELECT object_id AS id FROM statements WHERE property_id IN (31, 279) AND object_id IS NOT NULL
UNION SELECT subject_id FROM statements WHERE property_id = 279
UNION SELECT object_id FROM statements WHERE object_id IS NOT NULL GROUP BY ALL HAVING count(*) >= {_HUB};
CREATE MACRO new_id(item, is_shared, k) AS
    CASE WHEN item IS NULL OR is_shared THEN item ELSE CAST({_FIRST} + item * {{copies}} + k AS BIGINT) END;
CREATE MACRO letter(k) AS chr(CAST(97 + k % 26 AS INTEGER));
CREATE MACRO word(k) AS ' K' || letter(k) || letter(k // 26) || letter(k // 676);
CREATE MACRO with_word(text, is_shared, k) AS CASE WHEN is_shared THEN text ELSE text || word(k) END;
"""

_STATEMENTS = """
SELECT s.* REPLACE (
    new_id(subject_id, of_shared, k) AS subject_id,
    CASE WHEN of_shared THEN statement_id ELSE statement_id || '-' || k END AS statement_id,
    new_id(object_id, o.id IS NOT NULL, k) AS object_id,
    new_id(event_id, e.id IS NOT NULL, k) AS event_id)
FROM (SELECT *, subject_id IN (FROM shared) AS of_shared FROM statements) s
JOIN {copies} ON k = 0 OR NOT of_shared
LEFT JOIN shared o ON o.id = object_id LEFT JOIN shared e ON e.id = event_id
ORDER BY k, subject_id, statement_id
"""

_ENTITIES = """
SELECT s.* REPLACE (
    new_id(id, is_shared, k) AS id, with_word(label, is_shared, k) AS label,
    list_transform(aliases, lambda name: with_word(name, is_shared, k)) AS aliases,
    with_word(enwiki_title, is_shared, k) AS enwiki_title)
FROM (SELECT *, id IN (FROM shared) AS is_shared FROM entities) s JOIN {copies} ON k = 0 OR NOT is_shared
ORDER BY k, id
"""

_BY_ITEM = """
SELECT s.* REPLACE (new_id(id, is_shared, k) AS id)
FROM (SELECT *, id IN (FROM shared) AS is_shared FROM {table}) s JOIN {copies} ON k = 0 OR NOT is_shared
ORDER BY k, id
"""

_NEWS = """
SELECT s.* REPLACE (new_id(subject_id, is_shared, k) AS subject_id,
    CASE WHEN is_shared THEN new_statement_id ELSE new_statement_id || '-' || k END AS new_statement_id)
FROM (SELECT *, subject_id IN (FROM shared) AS is_shared FROM news) s JOIN {copies} ON k = 0 OR NOT is_shared
ORDER BY k, subject_id, property_id, new_statement_id, old_statement_id, change_class
"""

_TABLES = {
    "statements": (_STATEMENTS, schema.STATEMENTS),
    "entities": (_ENTITIES, schema.ENTITIES),
    "mentions": (_BY_ITEM.replace("{table}", "mentions"), schema.MENTIONS),
}
_FILES = {
    "news": (_NEWS, schema.NEWS, _NEWS_EVERY),
    "popularity": (_BY_ITEM.replace("{table}", "popularity"), schema.POPULARITY, 1),
}


@dataclass(frozen=True)
class Slice:
    """The tables that are multiplied."""

    statements: Path
    entities: Path
    mentions: Path
    news: Path
    popularity: Path


def multiply(source: Slice, items: int, database: Database, out: Path) -> int:
    """Write STATEMENTS, ENTITIES and MENTIONS in folders of these names, NEWS and POPULARITY as files.

    Args:
        source: The slice.
        items: About how many items.
        database: A session to work in.
        out: The folder to write.

    Returns:
        How many items there are.
    """
    for name, path in vars(source).items():
        database.view(name, path)
    copies = max(1, round(items / row_count(source.entities)))
    database.run(_SETUP.format(copies=copies))
    for place, span in enumerate(_spans(copies)):
        for name, (sql, kind) in _TABLES.items():
            database.write(sql.format(copies=span), out / name / f"{place:06d}.parquet", kind)
    for name, (sql, kind, step) in _FILES.items():
        query = sql.format(copies=f"range(0, {copies}, {step}) AS c(k)")
        database.write(query, out / f"{name}.parquet", kind)
    return row_count(out / "entities")


def _spans(copies: int) -> Iterator[str]:
    """The copies of each file, as a table of their numbers."""
    for first in range(0, copies, _COPIES_A_FILE):
        yield f"range({first}, {min(first + _COPIES_A_FILE, copies)}) AS c(k)"
