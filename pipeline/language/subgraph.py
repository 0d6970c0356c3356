"""SUBGRAPH: the part of the newer state that edits and probes may speak of, small enough to hold in memory.

It holds every fact's subject, middle entity, object and target with all their true triples, and for the objects and
subjects a few subjects that point to them, so that a probe can go one hop before an edit or beside it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.core import schema, times
from pipeline.core.seeded import draw_key_sql
from pipeline.core.tables import Database, read_table
from pipeline.language.grammar import Name, is_name, name
from pipeline.language.templates import Templates

_SEEDS = """
CREATE TEMP TABLE seeds AS
SELECT DISTINCT unnest([subject_id, middle_id, object_id, target_id, old_id]) AS id FROM (
    SELECT *, try_cast(regexp_extract(old_value, '^Q([0-9]+)$', 1) AS BIGINT) AS old_id FROM facts)
"""

# Triples of the seeds; triples that lead to a subject or an object; neighbours of the same relation.
_TRIPLES = """
CREATE TEMP TABLE near AS
WITH asked AS (SELECT DISTINCT relation FROM facts),
ends AS (SELECT DISTINCT unnest([subject_id, object_id]) AS id FROM facts),
fit AS (SELECT * FROM triples WHERE reason IS NULL AND object_count = 1)
SELECT * FROM triples WHERE is_true AND subject_id IN (FROM seeds)
UNION ALL
(SELECT f.* FROM fit f JOIN ends ON ends.id = f.object_id
 QUALIFY row_number() OVER (PARTITION BY f.relation, f.object_id ORDER BY {leading}) <= {pool})
UNION ALL
(SELECT f.* FROM fit f JOIN asked USING (relation)
 QUALIFY row_number() OVER (PARTITION BY f.relation ORDER BY {beside}) <= {pool})
"""

_WRITTEN_TRIPLES = """
SELECT DISTINCT subject_id, relation, object_key, object_id, statement_id, object_count, is_homonym,
    reason IS NULL AS is_eligible
FROM near ORDER BY subject_id, relation, object_key, statement_id
"""

_WRITTEN_ITEMS = """
SELECT e.id, e.label, e.label_language, e.aliases, e.description, e.type_ids,
    coalesce(t.types, []) AS types, e.sitelinks, e.statement_count, p.id IS NOT NULL AS is_past
FROM entities e
LEFT JOIN (
    SELECT id, list(DISTINCT type ORDER BY type) AS types
    FROM (SELECT id, unnest(type_ids) AS class_id FROM entities WHERE id IN (FROM named)) JOIN types USING (class_id)
    GROUP BY id
) t ON t.id = e.id
LEFT JOIN past p ON p.id = e.id
WHERE e.id IN (FROM named) AND e.label IS NOT NULL
ORDER BY e.id
"""


@dataclass(frozen=True)
class SubgraphSource:
    """The tables that a subgraph is cut from."""

    facts: Path
    triples: Path
    entities: Path
    types: Path
    past: Path


def make_subgraph(source: SubgraphSource, pool: int, seed: int, database: Database, out: Path) -> Path:
    """Write WORLD_ITEMS and WORLD_TRIPLES as `items.parquet` and `triples.parquet`.

    Args:
        source: Where from.
        pool: How many triples to keep that lead to an item, and how many of a relation.
        seed: The seed of the run.
        database: A session to work in.
        out: The folder to write.
    """
    for view in ("facts", "triples", "entities", "types", "past"):
        database.view(view, getattr(source, view))
    database.run(_SEEDS)
    leading = draw_key_sql(seed, "'leading'", "f.relation", "f.subject_id", "f.object_key")
    beside = draw_key_sql(seed, "'beside'", "f.relation", "f.subject_id", "f.object_key")
    database.run(_TRIPLES.format(leading=leading, beside=beside, pool=pool))
    database.run(
        """
        CREATE TEMP TABLE named AS
        SELECT id FROM seeds UNION SELECT subject_id FROM near UNION SELECT object_id FROM near"""
    )
    database.write(_WRITTEN_TRIPLES, out / "triples.parquet", schema.SUBGRAPH_TRIPLES)
    database.write(_WRITTEN_ITEMS, out / "items.parquet", schema.SUBGRAPH_ITEMS)
    return out


@dataclass(frozen=True)
class Item:
    """An item with its names."""

    id: int
    label: str
    label_language: str
    aliases: tuple[str, ...]
    description: str | None
    type_ids: tuple[int, ...]
    types: frozenset[str]
    sitelinks: int
    statement_count: int
    is_past: bool

    @property
    def names(self) -> list[str]:
        """Its label, then its aliases."""
        return [self.label, *self.aliases]


@dataclass(frozen=True)
class Triple:
    """A true triple of the newer state."""

    subject_id: int
    relation: str
    object_key: str
    object_id: int | None
    statement_id: str
    object_count: int
    is_homonym: bool
    is_eligible: bool


@dataclass(frozen=True)
class Subgraph:
    """Items and triples, looked up by id."""

    items: Mapping[int, Item]
    triples: Sequence[Triple]
    templates: Templates

    @cached_property
    def _by_subject(self) -> Mapping[int, Mapping[str, list[Triple]]]:
        found: defaultdict[int, defaultdict[str, list[Triple]]] = defaultdict(lambda: defaultdict(list))
        for triple in self.triples:
            found[triple.subject_id][triple.relation].append(triple)
        return found

    @cached_property
    def _by_object(self) -> Mapping[int, Mapping[str, list[Triple]]]:
        found: defaultdict[int, defaultdict[str, list[Triple]]] = defaultdict(lambda: defaultdict(list))
        for triple in self.triples:
            if triple.object_id is not None and triple.is_eligible:
                found[triple.object_id][triple.relation].append(triple)
        return found

    @cached_property
    def _by_only_object(self) -> Mapping[int, list[Triple]]:
        found: defaultdict[int, list[Triple]] = defaultdict(list)
        for triple in self.triples:
            if triple.object_id is not None and triple.is_eligible and triple.object_count == 1:
                found[triple.object_id].append(triple)
        return found

    @cached_property
    def _by_relation(self) -> Mapping[str, list[Triple]]:
        found: defaultdict[str, list[Triple]] = defaultdict(list)
        for triple in self.triples:
            found[triple.relation].append(triple)
        return found

    def relations_of(self, subject_id: int) -> Mapping[str, Sequence[Triple]]:
        """The triples of a subject by relation; empty if the subgraph does not hold it."""
        return self._by_subject.get(subject_id, {})

    def objects(self, subject_id: int, relation: str) -> Sequence[Triple]:
        """The true triples of a subject and a relation."""
        return self.relations_of(subject_id).get(relation, ())

    def count(self, subject_id: int, relation: str) -> int:
        """How many objects are true of a subject and a relation; one that two statements name counts once."""
        return len({triple.object_key for triple in self.objects(subject_id, relation)})

    def leading_to(self, object_id: int, relation: str) -> Sequence[Triple]:
        """Some eligible triples of a relation whose object an item is."""
        return self._by_object.get(object_id, {}).get(relation, ())

    def leading_only_to(self, object_id: int) -> Sequence[Triple]:
        """Some eligible triples, of any relation, whose one object an item is."""
        return self._by_only_object.get(object_id, ())

    def beside(self, relation: str) -> Sequence[Triple]:
        """Some triples of a relation."""
        return self._by_relation.get(relation, ())

    def texts(self, object_key: str, object_id: int | None) -> list[str]:
        """All names of an object, the preferred one first; empty if it has none."""
        if object_id is not None:
            item = self.items.get(object_id)
            return item.names if item else []
        if "/" in object_key:
            time, _, precision = object_key.rpartition("/")
            words = times.english(time, int(precision))
            return [words, *times.english_alternatives(time, int(precision))] if words else []
        return [object_key]

    def answers(self, triples: Iterable[Triple]) -> list[list[str]]:
        """One list of names for each object, in the order of the objects' keys.

        Objects without a name are left out; objects with the same label, which no reader could tell apart, are one.
        """
        found: dict[str, dict[str, None]] = {}
        for triple in sorted(triples, key=lambda triple: triple.object_key):
            names = self.texts(triple.object_key, triple.object_id)
            if names:
                found.setdefault(names[0], {}).update(dict.fromkeys(names))
        return [list(names) for names in found.values()]

    @cached_property
    def _bearers(self) -> Counter[str]:
        return Counter(text.casefold() for item in self.items.values() for text in {item.label, *item.aliases})

    def is_shared(self, name: str) -> bool:
        """Whether more than one item bears a name, whatever the case."""
        return self._bearers[name.casefold()] > 1

    def name(self, item: Item, *, told_apart: bool = False, alias: str | None = None) -> Name:
        """The name of an item in running text.

        Args:
            item: The item.
            told_apart: Whether a namesake makes its description necessary.
            alias: Another of its names to use instead of the label.
        """
        description = item.description if told_apart else None
        return name(alias or item.label, item.types, self.templates.names, description)


def load_subgraph(folder: Path, templates: Templates) -> Subgraph:
    """Read a subgraph into memory."""
    items = [_item(row) for row in read_table(folder / "items.parquet").to_pylist()]
    triples = [Triple(**row) for row in read_table(folder / "triples.parquet").to_pylist()]
    return Subgraph({item.id: item for item in items}, triples, templates)


def _item(row: Mapping[str, Any]) -> Item:
    is_person = not {"person", "character"}.isdisjoint(row["types"])
    return Item(
        id=row["id"],
        label=row["label"],
        label_language=row["label_language"],
        aliases=tuple(alias for alias in row["aliases"] if is_name(alias, row["label"], is_person=is_person)),
        description=row["description"],
        type_ids=tuple(row["type_ids"]),
        types=frozenset(row["types"]),
        sitelinks=row["sitelinks"],
        statement_count=row["statement_count"],
        is_past=row["is_past"],
    )
