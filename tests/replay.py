"""A real Wikibase, recorded: its answers in the shared folder as a history that the sandbox's server can play."""

import gzip
import json
import os
from pathlib import Path

import pytest

from pipeline.sandbox.history import History, Json, recorded_meta

SHARED = Path(os.environ.get("EDITMILL_SHARED", Path(__file__).parents[2] / "shared"))
RECORDED = SHARED / "data" / "api" / "wikibase"


def read(path: Path) -> Json:
    """A recorded answer."""
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


def key() -> list[Json]:
    """The answer key; the test is skipped where the recording is not."""
    if not RECORDED.is_dir():
        pytest.skip(f"the recorded answers of a Wikibase are not here: {RECORDED}")
    return [json.loads(row) for row in (RECORDED / "history-key.jsonl").read_text().splitlines()]


def recorded_history() -> History:
    """The recorded wiki: every revision that can be seen, every recent change, every item at its end."""
    revisions: dict[int, Json] = {}
    for path in sorted((RECORDED / "revisions").glob("batch-*")):
        for page in read(path)["query"]["pages"]:
            for row in page["revisions"]:
                revisions[row["revid"]] = row | {"title": page["title"], "pageid": page["pageid"]}
    changes = [
        row
        for path in sorted((RECORDED / "recentchanges").glob("all-fv2-*"))
        for row in read(path)["query"]["recentchanges"]
    ]
    entities: Json = {}
    for path in sorted((RECORDED / "wbgetentities").glob("batch-*")) + sorted(
        (RECORDED / "wbgetentities").glob("properties-*")
    ):
        entities |= {name: one for name, one in read(path)["entities"].items() if "missing" not in one}
    redirected = {name: one["redirects"]["to"] for name, one in entities.items() if "redirects" in one}
    meta = recorded_meta()
    now = meta["siteinfo"]["general"]["time"]
    return History(revisions, changes, entities, redirected, now=now, meta=meta)
