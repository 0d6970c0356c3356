"""Two releases compared case by case."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.core.edit_record import Edit
from pipeline.core.errors import InputError
from pipeline.core.manifest import MANIFEST
from pipeline.publish.compare import Difference, by_category, compare_releases
from pipeline.release.exports.parquet import write_parquet
from tests.manifests import CATEGORIES, make_manifest
from tests.samples import EDITS, changed


def release(folder: Path, edits: Sequence[Edit]) -> Path:
    for category in CATEGORIES:
        write_parquet(edits, category, folder / "data" / category)
    (folder / MANIFEST).write_text(make_manifest(edits).to_json())
    return folder


def sums(new: Path, old: Path, scratch: Path) -> dict[str, tuple[int, int, int, int]]:
    found = by_category(compare_releases(new, old, scratch, "500MB"))
    return {one.category: (one.added, one.removed, one.changed, one.unchanged) for one in found}


def test_equal_releases_do_not_differ(tmp_path: Path) -> None:
    new, old = release(tmp_path / "new", EDITS), release(tmp_path / "old", EDITS)
    found = compare_releases(new, old, tmp_path / "scratch", "500MB")
    assert sum(one.unchanged for one in found) == len(EDITS)
    assert not any(one.added or one.removed or one.changed for one in found)


def test_what_was_added_removed_and_changed(tmp_path: Path) -> None:
    recent = [edit for edit in EDITS if edit["category"] == "recent"]
    others = [edit for edit in EDITS if edit["category"] != "recent"]
    old = release(tmp_path / "old", EDITS)
    new = release(
        tmp_path / "new",
        [*others, *recent[1:-1], changed(recent[-1], target_new="Somewhere"), changed(recent[0], case_id="another")],
    )
    found = sums(new, old, tmp_path / "scratch")
    assert found["recent"] == (1, 1, 1, len(recent) - 2)
    assert found["popular"][:3] == (0, 0, 0)
    relations = compare_releases(new, old, tmp_path / "scratch", "500MB")
    assert relations == sorted(relations, key=lambda one: (one.category, one.relation_id))
    assert isinstance(relations[0], Difference)


def test_signals_and_revisions_do_not_change_an_edit(tmp_path: Path) -> None:
    old = release(tmp_path / "old", EDITS)
    new = release(tmp_path / "new", [changed(edit, page_views=7, frequency=99, head_revision=12) for edit in EDITS])
    assert not [counts for counts in sums(new, old, tmp_path / "scratch").values() if any(counts[:3])]


def test_a_folder_without_a_release_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it has no manifest"):
        compare_releases(release(tmp_path / "new", EDITS), tmp_path, tmp_path / "scratch", "500MB")
