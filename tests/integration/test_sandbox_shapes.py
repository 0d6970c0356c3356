"""The sandbox answers as a real Wikibase did: the recorded questions give the recorded answers, field by field."""

import json
import re
from collections.abc import Iterator

import pytest

from pipeline.sandbox import api
from pipeline.sandbox.history import History
from tests import replay
from tests.entities import Json

# What the live source may ask for; the rest of the recording is about other parameters, warnings and rights.
ASKED = {
    "recentchanges": r"all-fv[12]-.*|window-(fv2|newer).*|.*empty.*",
    "revisions": r"batch-.*|only-bad-.*|duplicate.*",
    "wbgetentities": r"batch-.*|missing-fv2.*|deleted-.*|redirect-(fv|with).*|info-only.*|duplicate.*|claims-only.*",
    "history": r"(?!Q131000507).*-base-.*|Q40912-pages.*",
}


@pytest.fixture(scope="module")
def history() -> History:
    replay.key()
    return replay.recorded_history()


def recorded(folder: str) -> Iterator[Json]:
    for line in (replay.RECORDED / folder / "index.jsonl").read_text().splitlines():
        row = json.loads(line)
        if re.fullmatch(ASKED[folder], row["file"]):
            yield row


@pytest.mark.parametrize("folder", ASKED)
def test_the_recorded_questions_give_the_recorded_answers(history: History, folder: str) -> None:
    count = 0
    for row in recorded(folder):
        assert api.answer(history, row["params"]) == replay.read(replay.RECORDED / folder / row["file"]), row["file"]
        count += 1
    assert count > 5


@pytest.mark.parametrize("name", ["malformed-fv2", "too-many-ids-fv2"])
def test_what_it_refuses_it_refuses_alike(history: History, name: str) -> None:
    rows = (replay.RECORDED / "wbgetentities" / "index.jsonl").read_text().splitlines()
    row = next(row for row in map(json.loads, rows) if row["file"].startswith(name))
    answer = replay.read(replay.RECORDED / "wbgetentities" / row["file"])
    assert api.answer(history, row["params"])["error"]["code"] == answer["error"]["code"]
