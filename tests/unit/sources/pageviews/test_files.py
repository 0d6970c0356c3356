"""Page views in their four forms, told apart by what is in a file and not by what it is called."""

import bz2
import gzip
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.core.errors import InputError
from pipeline.core.schema import VIEWS
from pipeline.core.tables import read_table
from pipeline.sources.files.sample import sample_pageviews
from pipeline.sources.pageviews.files import pageview_files, read_views
from tests.entities import Json

RECORDED = Path(__file__).parents[3] / "data" / "pageviews"
AQS = RECORDED / "top-en.wikipedia-all-access-2026-10.json"
YEARLY = RECORDED / "topviews_en.wikipedia_2017-2018.tsv"
ITEMS = RECORDED / "wikitrivia_views.tsv"
COMPLETE = RECORDED / "pageviews-20261001-user.txt"
DAY = RECORDED / "pageviews-20230324-user.bz2"
ENGLISH = frozenset({"en.wikipedia"})

HEAD_YEARLY = "year\trank\tarticle\tviews\tmobile_percentage\n"
HEAD_ITEMS = "item\tpage_views\tenwiki_title\n"


def views(path: Path, folder: Path, projects: frozenset[str] = ENGLISH) -> list[Json]:
    return read_table(read_views(path, projects, folder / "views.parquet")).to_pylist()


def written(content: str | bytes, folder: Path, name: str = "views") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# The four forms


def test_an_answer_of_the_pageviews_service_gives_titles_as_sitelinks_write_them(tmp_path: Path) -> None:
    found = views(AQS, tmp_path)
    assert {row["title"]: row["views"] for row in found} == {
        "Main Page": 198320419,
        "Special:Search": 41007233,
        "-": 9201338,
        "Douglas Adams": 48826,
        "C++": 31007,
    }
    assert {(row["project"], row["id"], row["mobile_share"], row["hours"]) for row in found} == {
        ("en.wikipedia", None, None, None)
    }


@pytest.mark.parametrize(
    ("access", "share"), [("all-access", None), ("desktop", 0.0), ("mobile-web", 1.0), ("mobile-app", 1.0)]
)
def test_an_answer_for_one_access_method_tells_the_share_of_mobile_views(
    access: str, share: float | None, tmp_path: Path
) -> None:
    answer = json.loads(AQS.read_text())
    answer["items"][0]["access"] = access
    assert {row["mobile_share"] for row in views(written(json.dumps(answer), tmp_path), tmp_path)} == {share}


def test_an_answer_may_be_indented_and_name_the_project_in_full(tmp_path: Path) -> None:
    answer = json.loads(AQS.read_text())
    answer["items"][0]["project"] = "en.wikipedia.org"
    path = written(json.dumps(answer, indent=2), tmp_path)
    assert [row["title"] for row in views(path, tmp_path)] == [row["title"] for row in views(AQS, tmp_path)]


def test_yearly_lists_give_a_row_a_year_with_the_share_of_mobile_views(tmp_path: Path) -> None:
    found = views(YEARLY, tmp_path)
    assert len(found) == 12
    assert [(row["views"], row["mobile_share"]) for row in found if row["title"] == "XHamster"] == [
        (90541383, pytest.approx(0.9753)),
        (75912767, pytest.approx(0.9721)),
    ]


@pytest.mark.parametrize(
    ("name", "project"),
    [
        ("topviews_en.wikipedia_2017-2024.tsv.gz", "en.wikipedia"),
        ("topviews_zh-min-nan.wikipedia_2017.tsv", "zh-min-nan.wikipedia"),
        ("topviews_simple.wikipedia_2017-2024.tsv", "simple.wikipedia"),
        ("topviews_wikidata_2017-2024.tsv", "wikidata"),
        ("yearly.tsv", "en.wikipedia"),
    ],
)
def test_the_project_of_a_yearly_list_is_in_its_name(name: str, project: str, tmp_path: Path) -> None:
    path = written(YEARLY.read_bytes(), tmp_path, name)
    assert {row["project"] for row in views(path, tmp_path, frozenset({project}))} == {project}
    assert views(path, tmp_path, frozenset({"de.wikipedia"})) == []


def test_views_of_items_need_no_title_and_no_project(tmp_path: Path) -> None:
    found = views(ITEMS, tmp_path, frozenset())
    assert {row["id"]: row["views"] for row in found}[42] == 48826
    assert {(row["project"], row["title"], row["mobile_share"]) for row in found} == {("wikidata", None, None)}


def test_columns_may_stand_in_any_order_beside_others_and_lines_may_end_in_crlf(tmp_path: Path) -> None:
    path = written("note\tpage_views\titem\r\n\t48826\tQ42\r\n\t5\t43\r\n", tmp_path)
    assert {row["id"]: row["views"] for row in views(path, tmp_path)} == {42: 48826, 43: 5}


def test_lines_of_a_day_give_one_row_a_page_over_all_access_methods(tmp_path: Path) -> None:
    found = {row["title"]: (row["views"], row["mobile_share"], row["hours"]) for row in views(COMPLETE, tmp_path)}
    assert found == {
        "-": (7, 0.0, 3),
        "AC/DC": (10, 0.7, 4),  # hours A, B, C and D, whatever the access method
        "C++": (2, 0.5, 1),  # written in two ways
        "Don't Look Up (2021 film)": (2, 1.0, 2),  # a row of five columns, without a page id
        "Obergesteln": (2, 0.0, 2),
        "IPhone": (4, 0.0, 4),  # no page id; titles begin with a capital
    }


def test_a_recorded_day_is_read_for_every_project_asked_for(tmp_path: Path) -> None:
    found = views(DAY, tmp_path, frozenset({"de.wikipedia", "de.wikivoyage"}))
    assert {(row["project"], row["title"]): (row["views"], row["mobile_share"], row["hours"]) for row in found} == {
        ("de.wikipedia", "Datei:Hohle Lärche Obergesteln.jpg"): (1, 0.0, 1),
        ("de.wikipedia", "Obergesteln"): (8, 0.5, 7),  # L, P, Q, T and N, O, T, U: T counts once
        ("de.wikivoyage", "Obergesteln"): (2, 1.0, 2),
    }


def test_lines_of_other_projects_are_not_looked_at(tmp_path: Path) -> None:
    path = written(
        "aa.wikibooks - null desktop 1 A1\naa.wikibooks what ever\nen.wikipedia A 1 desktop 2 A2\n", tmp_path
    )
    assert [row["title"] for row in views(path, tmp_path)] == ["A"]


@pytest.mark.parametrize(
    "packing", [gzip.compress, bz2.compress, lambda data: gzip.compress(data[:30]) + gzip.compress(data[30:])]
)
@pytest.mark.parametrize("path", [AQS, YEARLY, ITEMS, COMPLETE], ids=lambda path: path.name)
def test_the_form_is_told_from_the_content_whatever_a_file_is_called_and_packed_with(
    path: Path, packing: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    packed = written(packing(path.read_bytes()), tmp_path, "downloaded")
    assert views(packed, tmp_path) == views(path, tmp_path)


@pytest.mark.parametrize(
    "content",
    [HEAD_YEARLY, HEAD_ITEMS, '{"items":[]}', "fr.wikipedia Paris 1 desktop 1 A1\n"],
    ids=["yearly", "items", "service", "complete"],
)
def test_a_file_without_views_gives_an_empty_table(content: str, tmp_path: Path) -> None:
    path = written(content, tmp_path)
    assert views(path, tmp_path) == []
    assert read_table(tmp_path / "views.parquet").schema.names == VIEWS.names


def test_more_views_than_a_batch_holds_are_all_read(tmp_path: Path) -> None:
    path = written(HEAD_ITEMS + "".join(f"Q{number}\t{number}\t\n" for number in range(1, 100_005)), tmp_path)
    table = read_table(read_views(path, ENGLISH, tmp_path / "views.parquet"))
    assert table.column("id").to_pylist() == list(range(1, 100_005))


def test_the_bundled_files_are_read_whole(tmp_path: Path) -> None:
    rows = [len(views(file, tmp_path)) for file in pageview_files(sample_pageviews())]
    assert rows == [4000, 16931]


# Which files


def test_a_folder_is_searched_for_files_of_known_form(tmp_path: Path) -> None:
    folder = tmp_path / "views" / "2026" / "10"
    folder.mkdir(parents=True)
    for file in (AQS, YEARLY, DAY):
        shutil.copy(file, folder)
    notes = {"README.md": b"# Views\n", "LICENSE": b"CC0", ".DS_Store": b"\0", "pageviews-sha1sums.txt": b"0  x\n"}
    for name, content in notes.items():
        written(content, folder, name)
    assert pageview_files(tmp_path) == sorted(folder / file.name for file in (AQS, YEARLY, DAY))
    assert pageview_files(folder / YEARLY.name) == [folder / YEARLY.name]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("picture.png", b"\x89PNG\r\n\x1a\n\0\0"),
        ("dump.json", b'[\n{"id":"Q1"}\n]\n'),
        ("empty", b""),
        ("empty.bz2", bz2.compress(b"")),
        ("qrank.csv", b"Entity,QRank\nQ866,1\n"),
        ("notes.txt", b"none yet\n"),
    ],
)
def test_another_file_in_a_folder_is_an_error(name: str, content: bytes, tmp_path: Path) -> None:
    shutil.copy(YEARLY, tmp_path)
    written(content, tmp_path, name)
    with pytest.raises(InputError, match="is not a page view file") as caught:
        pageview_files(tmp_path)
    assert caught.value.where == str(tmp_path / name)
    assert caught.value.remedy.startswith("Take it out of the folder.")


def test_odd_lines_of_a_day_are_passed_over_and_counted(tmp_path: Path) -> None:
    odd = Counter[str]()
    path = Path(__file__).parents[5] / "shared" / "data" / "cases" / "pageviews-nbsp.txt"
    found = read_table(read_views(path, ENGLISH, tmp_path / "views.parquet", odd=odd)).to_pylist()
    assert [(row["title"], row["views"]) for row in found] == [("Foo", 3)]
    assert odd == {path.name: 1}


def test_lines_with_odd_bytes_are_passed_over_and_counted(tmp_path: Path) -> None:
    odd = Counter[str]()
    lines = [
        b"en.wikipedia Foo 1 desktop 3 A3",
        b"en.wikipedia B\xff 1 desktop 3 A3",
        b"en.wikipedia Bar 1 desktop 2 A2",
    ]
    path = written(b"\n".join([lines[1], *lines, b"de.wikipedia \xff\xff", b"de.wikipedia odd"]), tmp_path)
    found = read_table(read_views(path, ENGLISH, tmp_path / "views.parquet", odd=odd)).to_pylist()
    assert [row["title"] for row in found] == ["Foo", "Bar"]
    assert odd == {path.name: 2}
    with pytest.raises(InputError, match="2 of 4 lines are not pageview_complete lines"):
        read_views(path, ENGLISH, tmp_path / "views.parquet", max_odd_share=0.4)


def test_a_path_to_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file \(.*nowhere\)\. Check --pageviews"):
        pageview_files(tmp_path / "nowhere")


def test_a_folder_with_foreign_files_alone_is_refused_and_the_known_forms_are_told(tmp_path: Path) -> None:
    shutil.copy(RECORDED / "README.md", tmp_path)
    with pytest.raises(InputError, match="No file in the folder is a page view file") as caught:
        pageview_files(tmp_path)
    assert caught.value.where == str(tmp_path)
    assert "pageview_complete" in caught.value.remedy


@pytest.mark.parametrize(
    "content", [b"", b"# Views\n", b'{"error":"not found"}', b"item,page_views\nQ42,5\n", b"\xff\xfe\0"]
)
def test_a_file_of_unknown_form_is_refused_and_the_known_forms_are_told(content: bytes, tmp_path: Path) -> None:
    path = written(content, tmp_path)
    for attempt in (lambda: pageview_files(path), lambda: views(path, tmp_path)):
        with pytest.raises(InputError, match="form of the page views is unknown") as caught:
            attempt()
        assert caught.value.where == str(path)
        assert "`item`/`page_views`" in caught.value.remedy


# Damaged files


DAMAGED = {
    "the start of a gz": (gzip.compress(YEARLY.read_bytes())[:9], ""),
    "the start of a bz2": (DAY.read_bytes()[:20], ""),
    "a gz without its end": (gzip.compress(ITEMS.read_bytes() * 9000)[:-1], ""),
    "a bz2 with a flipped bit": (DAY.read_bytes()[:99] + b"\0" + DAY.read_bytes()[100:], ""),
    "half an answer": (AQS.read_bytes()[:200], "JSONDecodeError"),
    "an answer without projects": (b'{"items":[{"articles":[]}]}', "KeyError"),
    "an answer with a strange project": (b'{"items":[{"project":7}]}', "AttributeError"),
    "an answer with a strange article": (b'{"items":[{"project":"en.wikipedia","articles":[7]}]}', "TypeError"),
    "a yearly list cut off": ((HEAD_YEARLY + "2017\t1\tA\t5\t\n2017\t2\tMain P").encode(), "line 3"),
    "a yearly list with words for views": ((HEAD_YEARLY + "2017\t1\tA\tmany\t\n").encode(), "line 2"),
    "a list of items cut off": ((HEAD_ITEMS + "Q42\t5\t\nQ43").encode(), "line 3"),
    "a list of items with a strange id": ((HEAD_ITEMS + "Q42\t5\t\nmain\t6\t\n").encode(), "line 3"),
    "a row with too few cells": (b"n\titem\tpage_views\n7\n", "line 2"),
    "fewer views than none": ((HEAD_ITEMS + "Q42\t-5\t\n").encode(), "'-5' is not a count"),
    "more views than a column holds": ((HEAD_ITEMS + f"Q42\t{2**63}\t\n").encode(), f"'{2**63}' is not a count"),
    "an id that no column holds": ((HEAD_ITEMS + f"Q{2**63}\t5\t\n").encode(), "is not an id"),
    "bytes that are not UTF-8": (HEAD_ITEMS.encode() + b"Q42\t5\t\xff\n", "line 2"),
    "mostly lines of another form": (COMPLETE.read_bytes() + b"en.wikipedia Half_a_li\n" * 99, "99 of"),
    "an id with other digits": ((HEAD_ITEMS + "Q\u0664\t5\t\n").encode(), "line 2"),
    "a cell without end": ((HEAD_ITEMS + "Q42\t" + "5" * 200_000).encode(), "field larger"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_file_is_refused_with_its_place(case: str, tmp_path: Path) -> None:
    content, told = DAMAGED[case]
    path = written(content, tmp_path)
    with pytest.raises(InputError, match="damaged") as caught:
        views(path, tmp_path)
    assert str(path) in caught.value.where
    assert told in str(caught.value)
    assert caught.value.remedy.startswith("Download")
    assert list(tmp_path.iterdir()) == [path]  # no table, whole or half


def test_a_damaged_file_in_a_folder_is_not_passed_over(tmp_path: Path) -> None:
    shutil.copy(YEARLY, tmp_path)
    written(DAY.read_bytes()[:20], tmp_path, "pageviews-20230324-user.bz2")
    with pytest.raises(InputError, match="damaged"):
        pageview_files(tmp_path)
