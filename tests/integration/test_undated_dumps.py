"""Dumps that hold neither revisions nor times of their items, as those of before 2016."""

import json
import re
from pathlib import Path

from pipeline.core.manifest import read_manifest
from tests.integration.command import succeed
from tests.integration.conftest import Built
from tests.integration.dumps import States

_STAMPS = re.compile(rb'"lastrevid":\d+,?|"modified":"[^"]*",?')


def _without_stamps(path: Path) -> None:
    lines = [_STAMPS.sub(b"", line).replace(b",}", b"}") for line in path.read_bytes().splitlines()]
    path.write_bytes(b"\n".join(lines) + b"\n")
    assert all("modified" not in item for item in json.loads(path.read_bytes()))


def test_without_times_only_new_items_are_recent_which_is_told(my_states: States, tmp_path: Path) -> None:
    _without_stamps(my_states.old)
    _without_stamps(my_states.new)

    run = succeed("build", *my_states.arguments, "--out", tmp_path / "out", "--workers", 1)

    assert "No item of the older dump says when it was edited" in run.err
    (release,) = (tmp_path / "out").glob("undated-*")
    manifest = read_manifest(release)
    assert (manifest.window_start, manifest.window_end) == (None, None)
    assert manifest.changes["new_item"] > 0
    assert not {"world_change", "replaced", "late_entry"} & set(manifest.changes)
    assert manifest.changes["added_undated"] > 0


def test_without_times_in_the_newer_dump_the_release_is_named_after_its_content(
    my_states: States, small: Built, tmp_path: Path
) -> None:
    _without_stamps(my_states.new)

    succeed("build", *my_states.arguments, "--out", tmp_path / "out", "--workers", 1)

    (release,) = (tmp_path / "out").glob("undated-*")
    manifest, usual = read_manifest(release), read_manifest(small.release)
    assert manifest.window_start == usual.window_start
    assert manifest.changes == usual.changes
