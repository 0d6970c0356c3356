"""What is new in a release: its edits beside those of another one, case by case."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pipeline.core.manifest import MANIFEST, read_numbers
from pipeline.core.tables import Database

# What an edit says. Its signals, revisions and window move every week without changing it.
_CONTENT = (
    *("edit_kind", "split", "subject", "path", "prompt", "question", "question_rephrases", "target_new"),
    *("target_new_aliases", "ground_truth", "answers", "rephrases", "locality", "portability", "prefixes"),
    "length_forms",
)

_SAID = f"SELECT case_id, category, relation_id, md5(CAST(({', '.join(_CONTENT)}) AS VARCHAR)) AS said"

_SQL = f"""
    WITH new AS ({_SAID} FROM new_edits), old AS ({_SAID} FROM old_edits)
    SELECT coalesce(new.category, old.category) AS category,
           coalesce(new.relation_id, old.relation_id) AS relation_id,
           CAST(count(*) FILTER (old.case_id IS NULL) AS BIGINT) AS added,
           CAST(count(*) FILTER (new.case_id IS NULL) AS BIGINT) AS removed,
           CAST(count(*) FILTER (new.said <> old.said) AS BIGINT) AS changed,
           CAST(count(*) FILTER (new.said = old.said) AS BIGINT) AS unchanged
    FROM new FULL JOIN old USING (case_id)
    GROUP BY ALL
    ORDER BY category, relation_id
"""


@dataclass(frozen=True)
class Difference:
    """How the edits of a category and relation differ between two releases, in numbers of cases."""

    category: str
    relation_id: str
    added: int
    removed: int
    changed: int
    unchanged: int


def compare_releases(new: Path, old: Path, scratch: Path, memory: str) -> list[Difference]:
    """Compare two releases case by case.

    Args:
        new: The folder of the newer release.
        old: The folder of the older one.
        scratch: Where DuckDB may spill.
        memory: How much memory it may take.

    Raises:
        InputError: A folder holds no release.
        StorageError: There is no room.
    """
    for folder in (new, old):
        read_numbers(folder / MANIFEST)
    with Database(scratch, memory) as database:
        for name, folder in (("new_edits", new), ("old_edits", old)):
            database.view(name, folder / "data", deep=True)
        rows = database.table(_SQL).to_pylist()
    return [msgspec.convert(row, Difference) for row in rows]


def by_category(differences: Sequence[Difference]) -> list[Difference]:
    """The differences summed over relations, which then stand as an empty text."""
    names = sorted({one.category for one in differences})
    return [_summed(name, [one for one in differences if one.category == name]) for name in names]


def _summed(category: str, ones: Sequence[Difference]) -> Difference:
    counts = zip(*((one.added, one.removed, one.changed, one.unchanged) for one in ones), strict=True)
    return Difference(category, "", *map(sum, counts))
