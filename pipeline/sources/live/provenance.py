"""Differences and recent changes to PROVENANCE: which edits of a window made each difference, from their summaries.

A summary names the action of the edit and its property. It also names the value if that is an item or a string. Other
values are written for readers, in the language of the wiki, and are not compared. If several edits may have made a
difference, those with the most specific summaries count: action, property and value; action and property; nothing, as
in summaries of batches, merges and undos. The statement was there after the last of them.
"""

from pathlib import Path

from pipeline.core import schema
from pipeline.core.tables import Database
from pipeline.sources.live.edit_summaries import NAMES_PROPERTY, NO_STATEMENT

# Both sides of a difference: a statement that was removed when another was added is a difference of its own.
_TOUCHED = """
SELECT subject_id, property_id, kind, new_statement_id AS statement_id, new_object_id AS object_id, new_value AS value
FROM differences WHERE property_id IS NOT NULL AND new_statement_id IS NOT NULL
UNION ALL
SELECT subject_id, property_id, 'removed', old_statement_id, old_object_id, old_value
FROM differences WHERE property_id IS NOT NULL AND kind IN ('removed', 'swapped')
"""

_EDITS = rf"""
SELECT rcid, item_id, time, tags, comment, regexp_extract(comment, '^/\* (wb[a-z-]+):', 1) AS action,
    try_cast(regexp_extract(comment, '\[\[Property:P(\d+)\]\]', 1) AS BIGINT) AS named_id,
    regexp_matches(comment, '{NAMES_PROPERTY}') AS names_property
FROM changes WHERE kind IN ('edit', 'new') AND (comment IS NULL OR NOT regexp_matches(comment, '{NO_STATEMENT}'))
"""

# Whether an action makes a difference of this kind. Summaries about qualifiers name the property of the qualifier.
_FITS = """
CASE t.kind
    WHEN 'removed' THEN starts_with(action, 'wbremoveclaims') AND named_id = property_id
    WHEN 'rank' THEN action IN ('wbsetclaim-update', 'wbsetclaim-update-rank') AND named_id = property_id
    WHEN 'reference' THEN named_id = property_id AND (
        action IN ('wbsetclaim-update', 'wbsetclaim-update-references')
        OR starts_with(action, 'wbsetreference') OR starts_with(action, 'wbremovereferences'))
    WHEN 'qualifier' THEN starts_with(action, 'wbsetqualifier') OR starts_with(action, 'wbremovequalifiers')
        OR (action IN ('wbsetclaim-update', 'wbsetclaim-update-qualifiers') AND named_id = property_id)
    WHEN 'revalued' THEN action IN ('wbsetclaimvalue', 'wbsetclaim-update') AND named_id = property_id
    ELSE named_id = property_id AND (action IN ('wbsetclaimvalue', 'wbsetclaim-update')
        OR starts_with(action, 'wbcreateclaim') OR starts_with(action, 'wbsetclaim-create'))
END
"""
_NAMES_VALUE = """
CASE WHEN object_id IS NOT NULL
        THEN contains(comment, '[[Q' || object_id || ']]') OR contains(comment, ':Q' || object_id || ']]')
    ELSE contains(comment || ',', ']]: ' || value || ',') END
"""
# A lower grade is a more specific summary. An update of a new statement is rarely the edit that added it.
_GRADED = f"""
SELECT t.*, e.*, CASE
    WHEN fits AND names_value THEN CASE WHEN is_update_of_new THEN 2 ELSE 1 END
    WHEN comment IS NULL THEN 3
    WHEN fits AND (object_id IS NULL OR NOT contains(comment, ']]: [['))
        THEN CASE WHEN is_update_of_new THEN 4 ELSE 3 END
    WHEN NOT names_property AND starts_with(action, 'wb') AND NOT starts_with(action, 'wbremove') THEN 5
    WHEN NOT names_property AND (action = '' OR kind = 'removed') THEN 6
END AS grade
FROM touched t JOIN edits e ON e.item_id = t.subject_id,
    LATERAL (SELECT {_FITS} AS fits, {_NAMES_VALUE} AS names_value,
        action = 'wbsetclaim-update' AND kind IN ('added', 'swapped', 'recreated') AS is_update_of_new)
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
    """Write PROVENANCE of all differences.

    Args:
        database: A session with the view `differences` and the table `changes` of `revision_spans.open_changes`.
        out: The file to write.
    """
    for name, sql in (("touched", _TOUCHED), ("edits", _EDITS), ("graded", _GRADED)):
        database.run(f"CREATE OR REPLACE TEMP VIEW {name} AS {sql}")
    return database.write(_PROVENANCE, out, schema.PROVENANCE)
