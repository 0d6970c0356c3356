"""A release in short: a few lines for the terminal, its selection funnel as a table, and numbers in words."""

from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import pandas as pd

from pipeline.core.edit_record import Category
from pipeline.core.manifest import CARD, ExportRecord, Manifest
from pipeline.edits.splits import SPLITS

EVERY_CATEGORY = "every category"
"""The name of the category of stages that work on all categories at once."""

_COLUMNS = ["category", "stage", "taken_in", "kept", "reason", "dropped"]


def summary(manifest: Manifest, folder: Path) -> str:
    """What `editmill build` prints at its end: where the release is, its rows, its checks and its size.

    Args:
        manifest: The manifest of the finished release.
        folder: Where it is.
    """
    size = sum(file.bytes for file in manifest.files.values())
    head = f"Release {manifest.release} is in {folder} ({len(manifest.files)} files, {in_bytes(size)})."
    lines = [head, "", *_rows(manifest), "", *_empty(manifest), *_checks(manifest)]
    return "\n".join([*lines, f"Read {folder / CARD} first."])


def _rows(manifest: Manifest) -> list[str]:
    """The rows of each category and split, with sums, in columns."""
    order = [name for name in get_args(Category) if name in manifest.rows]  # a manifest read from a file is sorted
    rows = {name: {split: manifest.rows[name].get(split, 0) for split in SPLITS} for name in order}
    counts = pd.DataFrame.from_dict(rows, orient="index")
    counts["total"] = counts.sum(axis="columns")
    counts.loc["total"] = counts.sum()
    lines = [["category", *map(str, counts.columns)]]
    lines += [[str(name), *(f"{int(cell):,}" for cell in cells)] for name, *cells in counts.itertuples()]
    first, *others = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join([name.ljust(first), *(cell.rjust(width) for cell, width in zip(cells, others, strict=True))])
        for name, *cells in lines
    ]


def _empty(manifest: Manifest) -> Iterable[str]:
    """The parts without rows, with what was left out of an exported file."""
    if not manifest.empty:
        return
    yield "Not written, because nothing would be in it:"
    for part in manifest.empty:
        record = manifest.exports.get(part.removeprefix("exports/"))
        yield f"  {part}{left_out_of(record)}"
    yield ""


def left_out_of(record: ExportRecord | None) -> str:
    """Why edits were left out of an exported file, in brackets; empty if none was.

    >>> left_out_of(ExportRecord(records=0, left_out={"answer_kept": 1_200, "no_rephrase": 3}))
    ' (edits left out: answer kept 1,200, no rephrase 3)'
    """
    reasons = [f"{in_words(reason).lower()} {count:,}" for reason, count in record.left_out.items()] if record else []
    return f" (edits left out: {', '.join(reasons)})" if reasons else ""


def _checks(manifest: Manifest) -> Iterable[str]:
    failed = [check for check in manifest.checks if check.failures]
    yield f"Checks: {len(manifest.checks) - len(failed)} of {len(manifest.checks)} passed."
    for check in failed:
        kind = "required" if check.required else "not required"
        yield f"  {check.name} ({kind}): {failures(check.failures)}"


def failures(count: int) -> str:
    """A number of failures in words.

    >>> failures(1), failures(1_200)
    ('1 failure', '1,200 failures')
    """
    return f"{count:,} failure{'s' if count != 1 else ''}"


def funnel(manifest: Manifest) -> pd.DataFrame:
    """The selection funnel: a row for each category, stage and reason, the most frequent reason first.

    A stage that dropped nothing has one row, without a reason. Screening works on all categories at once; its
    category is `EVERY_CATEGORY`.
    """
    order = [None, *get_args(Category)]
    rows: list[tuple[str, str, int, int, str, int]] = []
    for count in sorted(manifest.counts, key=lambda count: order.index(count.category)):
        start = (count.category or EVERY_CATEGORY, count.stage, count.taken_in, count.kept)
        reasons = sorted(count.dropped.items(), key=lambda item: (-item[1], item[0])) or [("", 0)]
        rows += [(*start, reason, dropped) for reason, dropped in reasons]
    return pd.DataFrame(rows, columns=_COLUMNS)


def in_bytes(size: int) -> str:
    """A number of bytes as people read it.

    >>> in_bytes(65_091), in_bytes(13_972_851), in_bytes(0)
    ('65.1 kB', '14.0 MB', '0 bytes')
    """
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def in_percent(part: float, whole: float) -> str:
    """A share in percent; 0% and 100% mean just that.

    >>> in_percent(1, 3), in_percent(1, 4000), in_percent(3999, 4000), in_percent(0, 0)
    ('33%', 'under 1%', 'over 99%', '0%')
    """
    percent = 100 * part / whole if whole else 0.0
    if 0 < percent < 1:
        return "under 1%"
    return "over 99%" if 99 < percent < 100 else f"{percent:.0f}%"


def in_words(code: str) -> str:
    """A code as words.

    >>> in_words("long_tail")
    'Long tail'
    """
    words = code.replace("_", " ")
    return words[:1].upper() + words[1:]
