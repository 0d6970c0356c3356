"""Differences and recent changes to PROVENANCE: which edits of a window made each difference, as their summaries tell.

A summary names the edit's deed and its property, and its value if that is an item or a string; other values are written
for people, in the wiki's language, and are not compared. Where several edits may have made a difference, those count
whose summaries say most: deed, property and value; deed and property; nothing, as summaries of batches, merges and
undoings do. The difference was there by the last of them.
"""

from pathlib import Path

from pipeline.core import schema
from pipeline.core.tables import Database
from pipeline.sources.live.recent_changes import NAMES_PROPERTY, NO_STATEMENT

# Both sides of a difference: a statement that went as another came is a difference of its own.
_TOUCHED = """
SELECT subject_id, property_id, kind, new_statement_id AS statement_id, new_object_id AS object_id, new_value AS value
FROM differences WHERE property_id IS NOT NULL AND new_statement_id IS NOT NULL
UNION ALL
SELECT subject_id, property_id, 'removed', old_statement_id, old_object_id, old_value
FROM differences WHERE property_id IS NOT NULL AND kind IN ('removed', 'swapped')
"""

_EDITS = rf"""
SELECT rcid, item_id, time, tags, comment, regexp_extract(comment, '^/\* (wb[a-z-]+):', 1) AS deed,
    try_cast(regexp_extract(comment, '\[\[Property:P(\d+)\]\]', 1) AS BIGINT) AS named_id,
    regexp_matches(comment, '{NAMES_PROPERTY}') AS names_property
FROM changes WHERE kind IN ('edit', 'new') AND (comment IS NULL OR NOT regexp_matches(comment, '{NO_STATEMENT}'))
"""

# Whether a deed is one that makes a difference of this kind. Summaries about qualifiers name the property of these.
_FITS = """
CASE t.kind
    WHEN 'removed' THEN starts_with(deed, 'wbremoveclaims') AND named_id = property_id
    WHEN 'rank' THEN deed IN ('wbsetclaim-update', 'wbsetclaim-update-rank') AND named_id = property_id
    WHEN 'reference' THEN named_id = property_id AND (
        deed IN ('wbsetclaim-update', 'wbsetclaim-update-references')
        OR starts_with(deed, 'wbsetreference') OR starts_with(deed, 'wbremovereferences'))
    WHEN 'qualifier' THEN starts_with(deed, 'wbsetqualifier') OR starts_with(deed, 'wbremovequalifiers')
        OR (deed IN ('wbsetclaim-update', 'wbsetclaim-update-qualifiers') AND named_id = property_id)
    WHEN 'revalued' THEN deed IN ('wbsetclaimvalue', 'wbsetclaim-update') AND named_id = property_id
    ELSE named_id = property_id AND (deed IN ('wbsetclaimvalue', 'wbsetclaim-update')
        OR starts_with(deed, 'wbcreateclaim') OR starts_with(deed, 'wbsetclaim-create'))
END
"""
_NAMES_VALUE = """
CASE WHEN object_id IS NOT NULL
        THEN contains(comment, '[[Q' || object_id || ']]') OR contains(comment, ':Q' || object_id || ']]')
    ELSE contains(comment || ',', ']]: ' || value || ',') END
"""
# The lower the grade, the more the summary says; an update of a statement that came is rarely what brought it.
_GRADED = f"""
SELECT t.*, e.*, CASE
    WHEN fits AND names_value THEN CASE WHEN is_afterthought THEN 2 ELSE 1 END
    WHEN comment IS NULL THEN 3
    WHEN fits AND (object_id IS NULL OR NOT contains(comment, ']]: [['))
        THEN CASE WHEN is_afterthought THEN 4 ELSE 3 END
    WHEN NOT names_property AND starts_with(deed, 'wb') AND NOT starts_with(deed, 'wbremove') THEN 5
    WHEN NOT names_property AND (deed = '' OR kind = 'removed') THEN 6
END AS grade
FROM touched t JOIN edits e ON e.item_id = t.subject_id,
    LATERAL (SELECT {_FITS} AS fits, {_NAMES_VALUE} AS names_value,
        deed = 'wbsetclaim-update' AND kind IN ('added', 'swapped', 'recreated') AS is_afterthought)
"""
_PROVENANCE = """
SELECT subject_id, property_id, statement_id, list_sort(list_distinct(list(rcid))) AS rcids,
    list_sort(list_distinct(flatten(list(tags)))) AS tags, max(time) AS first_seen
FROM (
    SELECT * FROM graded WHERE grade IS NOT NULL
    QUALIFY grade = min(grade) OVER (PARTITION BY subject_id, property_id, statement_id, kind)
)
GROUP BY subject_id, property_id, statement_id ORDER BY subject_id, statement_id, property_id
"""


def find_provenance(database: Database, out: Path) -> Path:
    """Write PROVENANCE of the differences.

    Args:
        database: A session with the views `differences` and `changes`, as `recent_changes.open_changes` opens these.
        out: The file to write.
    """
    for name, sql in (("touched", _TOUCHED), ("edits", _EDITS), ("graded", _GRADED)):
        database.run(f"CREATE OR REPLACE TEMP VIEW {name} AS {sql}")
    return database.write(_PROVENANCE, out, schema.PROVENANCE)
