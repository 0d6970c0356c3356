"""Page views that belong to other items than the dump's, or to another wiki."""

from pathlib import Path

from pipeline.core.manifest import read_manifest
from tests.integration.command import shown, succeed
from tests.integration.dumps import States


def test_page_views_of_another_wiki_are_told_and_the_other_categories_are_built(
    states: States, work: Path, tmp_path: Path
) -> None:
    views = tmp_path / "pageviews-20210601-user"
    views.write_text("de.wikipedia Berlin 3354 desktop 4000 A2000M2000\n", encoding="utf-8")
    dumps = ("--source", "dump", "--old", states.old, "--new", states.new)

    run = succeed("build", *dumps, "--pageviews", views, "--out", tmp_path / "out", "--work", work)

    assert "Not one page view is of an item of the dump" in run.err
    assert "en.wikipedia" in run.err
    (release,) = shown(tmp_path / "out")
    rows = read_manifest(tmp_path / "out" / release).rows
    assert sum(rows.get("popular", {}).values()) == 0
    assert sum(rows["long_tail"].values()) > 0
