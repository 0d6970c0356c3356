"""DROPPED: every row that a stage rejected, with the reason, and the counts that must add up."""

import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from pipeline.core import schema
from pipeline.core.edit_record import Edit
from pipeline.core.manifest import CountRecord
from pipeline.core.seeded import draw_key_sql
from pipeline.core.tables import Database, whole_file, write_rows


class Drop(NamedTuple):
    """A row of DROPPED."""

    category: str | None
    subject_id: str
    relation_id: str
    object_id: str | None
    statement_id: str
    stage: str
    reason: str
    detail: str | None = None


def path_name(middle_relation: str | None, relation: str) -> str:
    """A relation, or two joined by a slash, as DROPPED and `explain` write it."""
    return f"{middle_relation}/{relation}" if middle_relation else relation


def drop_edit(edit: Edit, stage: str, reason: str, detail: str | None = None) -> Drop:
    """An edit as a row of DROPPED."""
    middle_relation = edit["path"][0]["relation_id"] if edit["hops"] == 2 else None
    return Drop(
        edit["category"],
        edit["subject_id"],
        path_name(middle_relation, edit["relation_id"]),
        edit["target_new_id"] or edit["target_new"],
        edit["statement_id"],
        stage,
        reason,
        detail,
    )


_SCREENING = """
SELECT NULL AS category, 'Q' || subject_id AS subject_id, relation AS relation_id, object_key AS object_id,
    statement_id, 'screening' AS stage, reason, NULL AS detail
FROM triples WHERE reason IS NOT NULL ORDER BY triples.subject_id, relation, object_key NULLS FIRST, statement_id
"""

_SELECTION = """
SELECT category, 'Q' || subject_id AS subject_id,
    CASE WHEN middle_relation IS NULL THEN relation ELSE middle_relation || '/' || relation END AS relation_id,
    object_key AS object_id, statement_id, 'selection' AS stage, reason,
    detail
FROM candidates WHERE reason IS NOT NULL
ORDER BY candidates.category, candidates.subject_id, 3, object_key, statement_id
"""


def write_screening_drops(triples: Path, database: Database, out: Path) -> Path:
    """Write what screening rejected, for every category."""
    database.view("triples", triples)
    return database.write(_SCREENING, out, schema.DROPPED)


def write_selection_drops(candidates: Path, database: Database, out: Path) -> Path:
    """Write what the categories considered and did not take."""
    database.view("candidates", candidates)
    return database.write(_SELECTION, out, schema.DROPPED)


# Rows about subjects of the release come first: a user asks about these.
_NEAREST = """
SELECT * FROM drops WHERE reason = '{reason}'
ORDER BY subject_id NOT IN (SELECT id FROM subjects), {draw}, relation_id, object_id, statement_id LIMIT {limit}
"""
_IN_ORDER = "category NULLS FIRST, CAST(substr(subject_id, 2) AS BIGINT), relation_id, object_id, statement_id, reason"
_BY_REASON = "SELECT reason, count(*) AS n FROM drops GROUP BY reason ORDER BY reason"


def write_nearest(drops: Path, subjects: Collection[str], limit: int, seed: int, database: Database, out: Path) -> Path:
    """Write the rejected rows of one stage that a release lists: all, if they are few, else a share of each reason.

    Args:
        drops: What the stage rejected.
        subjects: The subjects of the release, as in "Q23": rows about these are taken first, the others by lot.
        limit: How many rows at most. Rare reasons are listed whole, and the frequent ones share what is left.
        seed: The seed of the run.
        database: A session to work in.
        out: The file to write.
    """
    database.view("drops", drops)
    counts = {str(row["reason"]): int(row["n"]) for row in database.table(_BY_REASON).to_pylist()}
    if sum(counts.values()) <= limit:
        with whole_file(out) as copy:
            shutil.copyfile(drops, copy)
        return out
    database.rows("subjects", pa.table({"id": pa.array(sorted(subjects), pa.string())}))
    draw = draw_key_sql(seed, "'dropped'", "category", "statement_id")
    parts = [
        f"FROM ({_NEAREST.format(reason=reason, draw=draw, limit=share)})"
        for reason, share in _shares(counts, limit).items()
    ]
    return database.write(f"FROM ({' UNION ALL '.join(parts)}) ORDER BY {_IN_ORDER}", out, schema.DROPPED)


def _shares(counts: Mapping[str, int], limit: int) -> dict[str, int]:
    """How many rows of each reason are listed: what rare reasons leave of an equal share goes to the others.

    >>> _shares({"ended": 2, "duplicate": 90, "subject_type": 50}, 12)
    {'ended': 2, 'subject_type': 5, 'duplicate': 5}
    """
    shares: dict[str, int] = {}
    for place, (reason, count) in enumerate(sorted(counts.items(), key=lambda item: item[1])):
        shares[reason] = min(count, (limit - sum(shares.values())) // (len(counts) - place))
    return shares


def write_drops(drops: Iterable[Drop], out: Path) -> Path:
    """Write what a stage above FACTS rejected."""
    rows = sorted(drops, key=lambda drop: tuple(map(str, drop)))
    return write_rows(rows, out, schema.DROPPED)


def count_table(path: Path, stage: str, database: Database) -> list[CountRecord]:
    """The counts of a stage whose table holds kept and rejected rows alike: TRIPLES or CANDIDATES."""
    category = "category" if stage == "selection" else "NULL"
    database.view("counted", path)
    rows = database.table(f"SELECT {category} AS category, reason, count(*) AS n FROM counted GROUP BY ALL").to_pylist()
    records: list[CountRecord] = []
    for name in sorted({row["category"] for row in rows}, key=str):
        counts = {row["reason"]: row["n"] for row in rows if row["category"] == name}
        kept = counts.pop(None, 0)
        dropped = dict(sorted(counts.items()))
        taken_in = sum(row["n"] for row in rows if row["category"] == name)
        records.append(CountRecord(stage=stage, category=name, taken_in=taken_in, kept=kept, dropped=dropped))
    return records


def count_stage(stage: str, taken_in: Counter[str], kept: Counter[str], drops: Iterable[Drop]) -> list[CountRecord]:
    """The counts of a stage above FACTS, by category.

    Args:
        stage: Its name.
        taken_in: Rows that came in, by category.
        kept: Rows that left it.
        drops: Rows that it rejected.
    """
    reasons = Counter((drop.category, drop.reason) for drop in drops)
    return [
        CountRecord(
            stage=stage,
            category=category,
            taken_in=taken_in[category],
            kept=kept[category],
            dropped={reason: count for (name, reason), count in sorted(reasons.items(), key=str) if name == category},
        )
        for category in sorted(taken_in)
    ]
