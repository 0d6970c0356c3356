"""True statements that are not asked about: the answers that Wikidata lists are not all, or the object says too little.

Each function makes a table that screening joins. What is left out stays true, and an answer to what else is asked.
"""

from collections.abc import Iterable

import pyarrow as pa

from pipeline.core.tables import Database
from pipeline.language.plausibility import Footage, Plausibility
from pipeline.language.relations import Relation

OCCUPATION, _CITIZENSHIP = "P106", "P27"
_INSTANCE, _SUBCLASS, _PART = 31, 279, 361
_DEMONYMS = pa.schema([("id", pa.int64()), ("word", pa.string())])

# What follows one of these words in a description is not said of the subject itself.
_BESIDE_THE_POINT = "of|for|who|whose|known|by|based|son|daughter|wife|husband|brother|sister|mother|father|widow|to"

_HELD = """
CREATE OR REPLACE TEMP TABLE held AS
SELECT DISTINCT subject_id AS id, object_id FROM claims
WHERE relation = '{relation}' AND form_reason IS NULL AND object_id IS NOT NULL
"""

_ALL_HELD = "SELECT object_id FROM held"

# Rows of up to three words that stand in the description of a subject.
_SAID = r"""
CREATE OR REPLACE TEMP TABLE said AS
WITH openings AS (
    SELECT id, regexp_extract_all(regexp_replace(lower(description), '\b({beside})\b.*', ''), '{word}') AS words
    FROM entities WHERE id IN (SELECT id FROM held) AND description IS NOT NULL
),
starts AS (SELECT id, words, unnest(range(1, len(words) + 1)) AS place FROM openings)
SELECT DISTINCT id, array_to_string(words[place:place + more], ' ') AS words
FROM starts, (VALUES (0), (1), (2)) AS lengths(more)
"""

# An occupation that is said is listed under that name, with a word before it, or as a kind of it: a film actor acts.
_UNLISTED_OCCUPATIONS = f"""
WITH RECURSIVE names AS (
    SELECT id, lower(unnest(list_append(aliases, label))) AS name FROM entities
    WHERE id IN ({{occupations}}) AND label IS NOT NULL
),
meant AS (
    SELECT id, words FROM said WHERE length(words) >= {{short}} AND words IN (SELECT name FROM names)
),
above(id, other, level) AS (
    SELECT DISTINCT object_id, object_id, 0 FROM held
    UNION
    SELECT a.id, s.object_id, level + 1 FROM above a JOIN statements s ON s.subject_id = a.other
    WHERE s.property_id = {_SUBCLASS} AND s.rank <> 'deprecated' AND s.object_id IS NOT NULL AND level < {{levels}}
),
listed AS (
    SELECT m.id, m.words FROM meant m JOIN held h USING (id) JOIN names n ON n.id = h.object_id
    WHERE n.name = m.words OR ends_with(n.name, ' ' || m.words)
    UNION
    SELECT m.id, m.words FROM meant m JOIN held h USING (id) JOIN above a ON a.id = h.object_id
    JOIN names n ON n.id = a.other AND n.name = m.words
)
SELECT DISTINCT id AS subject_id, '{OCCUPATION}' AS relation FROM meant ANTI JOIN listed USING (id, words)
"""

# Of a state without a demonym nobody knows whose it is.
_UNLISTED_STATES = f"""
WITH demonyms AS (FROM demonyms_of_states),
known AS (
    SELECT id FROM held GROUP BY id HAVING bool_and(object_id IN (SELECT id FROM demonyms))
),
meant AS (
    SELECT id, words FROM said SEMI JOIN known USING (id) WHERE words IN (SELECT word FROM demonyms)
),
listed AS (
    SELECT m.id, m.words FROM meant m JOIN held h USING (id) JOIN demonyms d ON d.id = h.object_id AND d.word = m.words
)
SELECT DISTINCT id AS subject_id, '{_CITIZENSHIP}' AS relation FROM meant ANTI JOIN listed USING (id, words)
"""

_FOOTAGE = """
CREATE OR REPLACE TEMP TABLE footage AS
SELECT c.statement_id FROM claims c
LEFT JOIN entities s ON s.id = c.subject_id LEFT JOIN entities o ON o.id = c.object_id
WHERE c.relation = '{relation}' AND (
    regexp_matches(lower(s.description), '{works}')
    OR regexp_matches(lower(o.description), '{people}') AND NOT regexp_matches(lower(o.description), '{performers}'))
"""

# One that is an instance of another shows it; a grade may stand under one order, so that of these it takes two.
_GENERIC = f"""
WITH objects AS ({{objects}}),
steps AS MATERIALIZED (  -- few: pairs of objects would be very many
    SELECT property_id, subject_id, object_id FROM statements
    WHERE property_id IN ({_INSTANCE}, {_SUBCLASS}, {_PART}) AND rank <> 'deprecated' AND object_id <> subject_id
        AND subject_id IN (SELECT id FROM objects) AND object_id IN (SELECT id FROM objects)
)
SELECT a.relation, b.id FROM steps s JOIN objects a ON a.id = s.subject_id
JOIN objects b ON b.id = s.object_id AND b.relation = a.relation
GROUP BY ALL HAVING bool_or(s.property_id = {_INSTANCE}) OR count(DISTINCT a.id) > 1
"""


def make_unlisted(rules: Plausibility, database: Database, occupations: str | None = None) -> None:
    """Make the table `unlisted`: subjects and relations of which the description names an answer that no statement has.

    Args:
        rules: Demonyms, and how far names and classes are followed.
        database: A session with `claims`, `entities` and `statements`.
        occupations: The query for the ids of all occupations, if `claims` are not all.
    """
    held = {"short": rules.short_name, "levels": rules.levels, "occupations": occupations or _ALL_HELD}
    words = [{"id": item, "word": word} for item, found in rules.demonyms.items() for word in found]
    database.rows("demonyms_of_states", pa.Table.from_pylist(words, _DEMONYMS))
    database.run("CREATE OR REPLACE TEMP TABLE unlisted (subject_id BIGINT, relation VARCHAR)")
    for relation, word, unlisted in (
        (OCCUPATION, r"[\p{L}''’&-]+", _UNLISTED_OCCUPATIONS.format(**held)),
        (_CITIZENSHIP, r"\p{L}+", _UNLISTED_STATES),
    ):
        database.run(_HELD.format(relation=relation))
        database.run(_SAID.format(beside=_BESIDE_THE_POINT, word=word))
        database.run(f"INSERT INTO unlisted {unlisted}")


def make_footage(footage: Footage, database: Database) -> None:
    """Make the table `footage`: statements of a cast whose work or whose object plays no role."""
    patterns = {name: _any_of(words) for name, words in footage.words.items()}
    database.run(_FOOTAGE.format(relation=footage.relation, **patterns))


def add_generic(relations: Iterable[Relation], database: Database, generic: str | None = None) -> None:
    """Add to the table `coarse` the objects of which others are kinds, where the relation takes none such.

    Args:
        relations: All of them.
        database: A session with `claims`, `coarse` and `statements`.
        generic: The query for these objects, if `claims` are not all.
    """
    if names := generic_relations(relations):
        listed = ", ".join(f"'{name}'" for name in names)
        objects = f"SELECT DISTINCT relation, object_id AS id FROM claims WHERE relation IN ({listed})"
        database.run(f"INSERT INTO coarse FROM ({generic or generic_sql(objects)}) EXCEPT FROM coarse")


def generic_relations(relations: Iterable[Relation]) -> list[str]:
    """The relations that take no object of which others are kinds."""
    return [relation.id for relation in relations if relation.no_generic]


def generic_sql(objects: str) -> str:
    """The query for the objects of which others are kinds, by relation, from the view `statements`.

    Args:
        objects: The query for all objects of these relations, `relation` and `id`.
    """
    return _GENERIC.format(objects=objects)


def _any_of(words: Iterable[str]) -> str:
    return r"\b(" + "|".join(words) + ")"
