"""The most viewed pages of a month from the file of all pages, served over a real socket."""

import bz2
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.core.errors import ServiceError
from pipeline.core.settings import LiveSettings, load_settings
from pipeline.core.tables import Database, read_table
from pipeline.sandbox.server import Answer, Faults, File, Route, Seen, serve
from pipeline.sources.live.rate_limit import RateLimiter
from pipeline.sources.pageviews.files import read_views
from pipeline.sources.pageviews.monthly_file import MonthlyFiles, needs_monthly_files, rank_month, write_further_pages
from tests.live import CONTACT, quick

MONTH = (2026, 10)
NAME = "/monthly/2026/2026-10/pageviews-202610-user.bz2"
LINES = [
    "aa.wikibooks - null desktop 9 A9",
    "de.wikipedia Berlin 1 desktop 90 A9",
    "de.wikipedia Z%C3%BCrich 1 mobile-web 10 A9",
    "de.wikipedia Zürich 1 desktop 85 A9B1",
    "en.wikipedia 100%25_Wolf 2 desktop 30 A3",
    "en.wikipedia A|B 3 desktop 1000 A3",
    "en.wikipedia Berlin 4 desktop 10 A1",
    "en.wikipedia Berlin 4 mobile-web 40 A1B1C1",
    "en.wikipedia C++ null mobile-app 20 A1",
    "en.wikipedia Cut%0Aoff 4 desktop 1000 A1",
    "en.wikipedia.m Berlin 4 desktop 4000 A1",
    "en.wikipedia Few desktop 1 A1",
    "fr.wikipedia Paris 1 desktop 9000 A9",
]


def settings(**changed: object) -> LiveSettings:
    return load_settings().live.model_copy(update={"view_pages": 1_001, "complete_strange": 0.2} | changed)


def server(lines: Sequence[str]) -> Route:
    body = bz2.compress("".join(f"{line}\n" for line in lines).encode())
    file = File(body, "application/octet-stream")
    return lambda request: file if request.path == NAME else Answer(b"", "text/html", 404)


def ranked(
    folder: Path, lines: Sequence[str] = LINES, faults: Faults | None = None, **changed: object
) -> tuple[list[list[str]], Seen]:
    """What is kept of both projects, without the heads of the lists, and what the server was asked."""
    with serve(server(lines), faults) as (url, seen), Database(folder / "scratch", "200MB") as database:
        limiter = RateLimiter(CONTACT, quick())
        files = MonthlyFiles(
            f"{url}/monthly", limiter, ("de.wikipedia", "en.wikipedia"), settings(**changed), folder / "kept"
        )
        assert rank_month(files, MONTH, database)
        asked = len(seen.requests)
        assert rank_month(files, MONTH, database)  # of what is kept nobody is asked
        assert len(seen.requests) == asked
        kept = [files.ranking(project, MONTH).read_text().splitlines()[1:] for project in files.projects]
    assert not list(folder.rglob("*.parquet"))
    return kept, seen


def test_pages_of_every_project_stand_in_the_order_of_their_views(tmp_path: Path) -> None:
    (german, english), seen = ranked(tmp_path)
    assert german == ["Zürich\t95\t10.53\t2", "Berlin\t90\t0.00\t1"]
    assert english == ["Berlin\t50\t80.00\t3", "100%_Wolf\t30\t0.00\t1", "C++\t20\t100.00\t1", "Few\t1\t0.00\t1"]
    assert len(seen.requests) == 1


def test_no_more_are_kept_than_are_wanted(tmp_path: Path) -> None:
    assert [len(lines) for lines in ranked(tmp_path, view_pages=2)[0]] == [2, 2]


@pytest.mark.parametrize("fault", ["dropped", "truncated", "unavailable", "too_many"])
def test_a_troubled_server_gives_the_same_pages(fault: str, tmp_path: Path) -> None:
    filling = [f"en.wikipedia Page_{place * 7919} 1 desktop {place % 97} A1" for place in range(30_000)]
    lines = sorted([*LINES, *filling])
    calm, _ = ranked(tmp_path / "calm", lines)
    troubled, seen = ranked(tmp_path / "troubled", lines, Faults({fault: 0.6}, seed=4))
    assert troubled == calm
    assert seen.faults[fault] > 0
    assert len(calm[1]) == 1_001


def test_lines_of_unknown_form_are_passed_over_unless_they_are_many(tmp_path: Path) -> None:
    strange = ["en.wikipedia what ever", "en.wikipedia D 1 teletext 5 A5"]
    assert ranked(tmp_path / "few", [*LINES, *strange])[0] == ranked(tmp_path / "none")[0]
    with pytest.raises(ServiceError, match="2 of 12 lines have an unknown format"):
        ranked(tmp_path / "many", [*LINES, *strange], complete_strange=0.1)


def test_a_month_that_has_no_file_yet_is_told_and_asked_for_again(tmp_path: Path) -> None:
    with serve(server(LINES)) as (url, seen), Database(tmp_path / "scratch", "200MB") as database:
        files = MonthlyFiles(url, RateLimiter(CONTACT, quick()), ("en.wikipedia",), settings(), tmp_path / "kept")
        assert not rank_month(files, (2026, 11), database)
        assert not rank_month(files, (2026, 11), database)
    assert len(seen.requests) == 2
    assert not list((tmp_path / "kept").rglob("*.*"))


def test_what_is_beyond_a_top_list_fills_up_to_the_wanted_number(tmp_path: Path) -> None:
    ranking, top = tmp_path / "ranking.tsv", tmp_path / "top.tsv"
    head = "article\tviews\tmobile_percentage"
    ranking.write_text(f"{head}\thours\nA\t9\t50.00\t3\nB\t8\t50.00\t2\nb_c\t7\t0.00\t1\nD\t6\t0.00\t\n")
    top.write_text(f"{head}\nA\t9\t\nB_c\t7\t\n")
    rows = read_table(
        read_views(
            write_further_pages(ranking, top, 3, tmp_path / "complete_en.wikipedia_2026-10.tsv"),
            frozenset({"en.wikipedia"}),
            tmp_path / "views.parquet",
        )
    ).to_pylist()
    assert [(row["title"], row["views"], row["mobile_share"], row["hours"]) for row in rows] == [("B", 8, 0.5, 2)]
    alone = write_further_pages(ranking, None, 3, tmp_path / "alone.tsv").read_text().splitlines()[1:]
    assert [line.split("\t")[0] for line in alone] == ["A", "B", "b_c"]


@pytest.mark.parametrize(
    ("pages", "allowed", "wanted"), [(1_000, True, False), (1_001, True, True), (5_000, False, False)]
)
def test_files_are_read_only_for_pages_that_the_service_does_not_tell(pages: int, allowed: bool, wanted: bool) -> None:
    assert needs_monthly_files(settings(view_pages=pages, complete_views=allowed)) is wanted
