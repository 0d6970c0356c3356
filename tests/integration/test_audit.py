"""`editmill audit`: rows are read in a real browser or as text; verdicts come back as rates, also in the card."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.manifest import read_manifest
from tests.browser import CHROMIUM, Page, browser
from tests.integration.command import editmill, shown, succeed, wait_until
from tests.integration.dumps import States
from tests.releases import Built

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
ROWS = 4


@pytest.fixture(scope="module")
def page(small: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a small release."""
    out = tmp_path_factory.mktemp("audit") / "page.html"
    run = succeed("audit", small.release, "--rows", ROWS, "--out", out)
    assert run.err == ""
    assert run.out.endswith(f"are in {out}. Open it in a browser; it works without a network.\n")
    return out


@pytest.fixture
def read(page: Path, tmp_path: Path) -> Iterator[Page]:
    """That page, opened in a browser."""
    with browser(tmp_path / "profile") as opened:
        opened.open(page.as_uri(), tmp_path)
        yield opened


def heading(read: Page) -> str:
    """What the browser shows above everything else."""
    return read.ask("document.querySelector('article:not([hidden]) h2').innerText")


def verdicts(folder: Path) -> dict[str, Any]:
    """What the browser saved."""
    (saved,) = folder.glob("*-verdicts.json")
    return json.loads(saved.read_text(encoding="utf-8"))


@needs_browser
def test_three_rows_are_judged_by_key_and_the_saved_file_gives_rates(read: Page, small: Built, tmp_path: Path) -> None:
    cases = read.ask("[...document.querySelectorAll('article[data-case]')].map((row) => row.dataset.case)")
    first = heading(read)
    read.press("f")
    assert heading(read) != first
    read.press("7", shift=True)
    read.press("8", shift=True)
    read.press("8", shift=True)  # and not, after all
    read.press("n")
    read.write("“is” for f, who died: </script>")
    read.press("Escape")
    read.press("ArrowRight")
    read.press("1")
    read.press("2")
    read.press("u")  # which takes the last one back
    read.press("s")

    assert wait_until(lambda: bool(list(tmp_path.glob("*-verdicts.json"))), 30)
    saved = verdicts(tmp_path)
    assert (saved["release"], saved["reader"]) == (small.release.name, "a person")
    assert [(row["case_id"], row["faults"], row.get("note")) for row in saved["verdicts"]] == [
        (cases[0], [], None),
        (cases[1], ["wrong_tense"], "“is” for f, who died: </script>"),
        (cases[2], ["false"], None),
    ]
    run = succeed("audit", small.release, "--verdicts", *tmp_path.glob("*-verdicts.json"), "--json")
    found = json.loads(run.out)
    assert found["readers"] == {"a person": 3}
    assert found["categories"][0]["hard"]["rows"] == 2
    assert [row["case_id"] for row in found["faulty"]] == sorted(cases[1:3])
    assert read.complaints == []
    assert read.asked_for[1:] == []  # the page itself, and nothing else


@needs_browser
def test_what_was_judged_is_there_when_the_page_is_opened_again(read: Page, page: Path, tmp_path: Path) -> None:
    for key in "f1f":
        read.press(key)
    now = heading(read)
    read.open(page.as_uri(), tmp_path)
    assert heading(read) == now
    assert read.ask("document.querySelector('.part .count').innerText") == f"3 / {ROWS}"
    read.press("k")
    read.press("k")
    assert read.ask("document.querySelector('[data-kind=false]').getAttribute('aria-pressed')") == "true"


@needs_browser
def test_after_the_last_row_stands_what_was_found(read: Page) -> None:
    rows = read.ask("document.querySelectorAll('article[data-case]').length")
    for number in range(rows):
        read.press("9" if number == 0 else "f")
    assert heading(read) == "That was the last row."
    assert f"{rows} of {rows} rows are judged: {rows - 1} fine, 1 with a fault." in read.ask("document.body.innerText")
    read.press("k")
    assert heading(read) != "That was the last row."


@needs_browser
@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_fits_its_window(read: Page, width: int, tmp_path: Path) -> None:
    read.picture(tmp_path / "page.png", width, 800)
    assert read.ask("document.documentElement.scrollWidth") <= width
    places = read.ask("[...document.querySelectorAll('aside button')].map((one) => one.getBoundingClientRect().bottom)")
    assert max(places) <= 800  # every key is in sight


# Without a browser


@pytest.fixture
def judged(small: Built, tmp_path: Path) -> Path:
    """Verdicts of somebody who read on a terminal: every fourth row has a fault."""
    path = tmp_path / "verdicts.json"
    succeed("audit", small.release, "--rows", ROWS, "--text", "--blank", path)
    file = json.loads(path.read_text(encoding="utf-8"))
    for place, row in enumerate(file["verdicts"]):
        row["faults"] = ["bad_alias"] if place % ROWS == 1 else []
    path.write_text(json.dumps(file | {"reader": "Ada"}), encoding="utf-8")
    return path


def test_rows_can_be_read_as_text(small: Built, tmp_path: Path) -> None:
    run = succeed("audit", small.release, "--rows", 2, "--text")
    heads = [line.split(" === ") for line in run.out.splitlines() if line.startswith("=== ")]
    assert heads
    assert run.out == succeed("audit", small.release, "--rows", 2, "--text").out
    assert run.out != succeed("audit", small.release, "--rows", 2, "--seed", 5, "--text").out
    succeed("audit", small.release, "--rows", 2, "--text", "--out", tmp_path / "rows.txt")
    assert (tmp_path / "rows.txt").read_text(encoding="utf-8") == run.out


def test_rows_that_were_judged_can_be_left_out(small: Built, judged: Path) -> None:
    run = succeed("audit", small.release, "--rows", ROWS, "--text", "--skip", judged)
    assert "===" not in run.out


def test_rates_are_printed_as_a_table(small: Built, judged: Path) -> None:
    run = succeed("audit", small.release, "--verdicts", judged)
    rows = len(json.loads(judged.read_text())["verdicts"])
    assert run.err == f"Verdicts: {rows} on rows of {small.release.name}, word for word.\n"
    lines = [line.split() for line in run.out.splitlines()]
    assert lines[0][:3] == ["category", "read", "of"]
    assert {line[0] for line in lines[1:5]} <= {"recent", "popular", "long_tail", "robust"}


def test_a_build_counts_verdicts_and_its_card_shows_them(
    states: States, judged: Path, work: Path, tmp_path: Path
) -> None:
    out = tmp_path / "releases"
    command = ("build", *states.arguments, "--out", out, "--work", work, "--workers", 1)
    run = succeed(*command, "--verdicts", judged)
    (name,) = shown(out)
    assert f"on rows of {name}, word for word." in run.err
    audit = read_manifest(out / name).audit
    assert audit is not None
    assert set(audit.readers) == {"Ada"}
    assert all(one.any.rows == 1 and one.hard.rows == 0 for one in audit.categories if one.read > 1)
    card = (out / name / "README.md").read_text(encoding="utf-8")
    assert f"Readers judged {sum(one.read for one in audit.categories)} rows one by one: Ada (" in card
    assert "| Bad alias: An answer or other name that a reader would not accept" in card
    assert editmill("check", out / name).code == 0

    # The verdicts that stand in the release give the same rates again.
    run = editmill("audit", out / name, "--verdicts", out / name / "verdicts.json", "--json")
    assert json.loads(run.out)["categories"] == [one.model_dump() for one in audit.categories]


def test_verdicts_on_other_words_are_told_and_count_nowhere(small: Built, judged: Path) -> None:
    file = json.loads(judged.read_text(encoding="utf-8"))
    file["verdicts"][0]["words"] = "0" * 16
    file["verdicts"][1]["case_id"] = "recent-0"
    judged.write_text(json.dumps(file), encoding="utf-8")
    run = succeed("audit", small.release, "--verdicts", judged)
    assert "1 on rows with other words; 1 on rows that it does not have." in run.err
    for row in file["verdicts"]:
        row["words"] = "0" * 16
    judged.write_text(json.dumps(file), encoding="utf-8")
    refused = editmill("audit", small.release, "--verdicts", judged)
    assert (refused.code, refused.out) == (2, "")
    assert "Give verdicts of this release" in refused.err


def test_rates_as_json_need_verdicts(small: Built) -> None:
    run = editmill("audit", small.release, "--json")
    assert (run.code, run.out) == (2, "")
    assert "Give --verdicts FILE." in run.err
