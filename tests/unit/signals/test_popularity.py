"""Views of pages to views of items: junk and spikes are left out, the rest is found by title, summed and ranked."""

from pathlib import Path

import pytest

from pipeline.core import schema
from pipeline.core.parallel import InlineExecutor
from pipeline.core.settings import PageviewsSettings, load_settings
from pipeline.core.tables import Database, read_table, write_rows
from pipeline.signals.popularity import measure_popularity
from pipeline.sources.entities.ingestion import ingest
from pipeline.sources.entities.rows import Wanted
from pipeline.sources.pageviews.files import read_views
from tests.entities import Json, item, write_dump

RECORDED = Path(__file__).parents[2] / "data" / "pageviews"
SETTINGS = load_settings().pageviews

View = tuple[str, str | None, int | None, int, float | None, int | None]


def page(
    title: str, views: int, mobile: float | None = None, hours: int | None = None, project: str = "en.wikipedia"
) -> View:
    return project, title, None, views, mobile, hours


def of_item(item_id: int, views: int) -> View:
    return "wikidata", None, item_id, views, None, None


def measure(
    folder: Path,
    *files: list[View],
    titles: list[tuple[int, str, str]] | None = None,
    settings: PageviewsSettings = SETTINGS,
) -> tuple[dict[str, int], list[Json]]:
    """Counts of pages by fate, and POPULARITY, of these files; each title is that of an item unless told otherwise."""
    pages = dict.fromkeys(title for views in files for _, title, *_ in views if title)
    titles = titles if titles is not None else [(100 + place, "enwiki", title) for place, title in enumerate(pages)]
    for place, views in enumerate(files):
        write_rows(views, folder / "views" / f"{place}.parquet", schema.VIEWS)
    write_rows(titles, folder / "titles" / "0.parquet", schema.TITLES)
    with Database(folder / "scratch", "100MB") as database:
        out = folder / "popularity.parquet"
        counts = measure_popularity(folder / "views", folder / "titles", settings, database, out)
    table = read_table(out)
    assert table.schema.equals(schema.POPULARITY)
    return counts, table.to_pylist()


def fate(folder: Path, *files: list[View], settings: PageviewsSettings = SETTINGS) -> str:
    """What became of the only page in some files."""
    counts, _ = measure(folder, *files, settings=settings)
    ((reason, count),) = counts.items()
    assert count == 1
    return reason


def test_views_of_a_page_are_those_of_the_item_that_links_to_it(tmp_path: Path) -> None:
    titles = [(42, "enwiki", "Douglas Adams"), (42, "dewiki", "Adams"), (7, "dewiki", "Douglas Adams")]
    counts, rows = measure(tmp_path, [page("Douglas Adams", 10), page("Nobody", 5)], titles=titles)
    assert counts == {"kept": 1, "no_item": 1}
    assert rows == [{"id": 42, "page_views": 10, "page_views_percentile": 100.0}]


def test_views_over_files_projects_and_sources_are_summed(tmp_path: Path) -> None:
    titles = [(42, "enwiki", "Douglas Adams"), (42, "simplewiki", "Adams"), (42, "zh_min_nanwiki", "A")]
    other = [page("Adams", 5, project="simple.wikipedia"), page("A", 2, project="zh-min-nan.wikipedia"), of_item(42, 3)]
    _, rows = measure(tmp_path, [page("Douglas Adams", 10)], [page("Douglas Adams", 20), *other], titles=titles)
    assert [(row["id"], row["page_views"]) for row in rows] == [(42, 40)]


def test_titles_must_agree_to_the_letter(tmp_path: Path) -> None:
    counts, _ = measure(tmp_path, [page("douglas adams", 10)], titles=[(42, "enwiki", "Douglas Adams")])
    assert counts == {"no_item": 1}


def test_the_percentile_is_the_share_of_viewed_items_with_no_more_views(tmp_path: Path) -> None:
    views = {1: 10, 2: 20, 3: 20, 4: 500, 5: 7}
    _, rows = measure(tmp_path, [of_item(item_id, count) for item_id, count in views.items()])
    assert [row["id"] for row in rows] == [1, 2, 3, 4, 5]
    assert {row["id"]: row["page_views_percentile"] for row in rows} == {1: 40, 2: 80, 3: 80, 4: 100, 5: 20}


@pytest.mark.parametrize(
    "title",
    [
        "Main Page",
        "-",
        "404.php",
        "Special:Search",
        "Wikipedia:About",
        "User talk:Jimbo",
        "List of films",
        "XXX",
        ".xxx",
        "Deaths in 2017",
    ],
)
def test_titles_that_are_no_articles_are_left_out(title: str, tmp_path: Path) -> None:
    assert fate(tmp_path, [page(title, 10)]) == "not_an_article"


@pytest.mark.parametrize(
    "title", ["Main Page (film)", "Listerine", "Specials", "XXXTentacion", "C++", "2001: A Space Odyssey", "O'Hara"]
)
def test_articles_whose_titles_resemble_them_are_kept(title: str, tmp_path: Path) -> None:
    assert fate(tmp_path, [page(title, 10)]) == "kept"


@pytest.mark.parametrize("setting", ["junk_titles", "junk_prefixes"])
def test_either_list_of_junk_may_be_empty(setting: str, tmp_path: Path) -> None:
    counts, _ = measure(
        tmp_path,
        [page("Main Page", 10), page("Special:Search", 10)],
        settings=SETTINGS.model_copy(update={setting: ()}),
    )
    assert counts == {"kept": 1, "not_an_article": 1}


def test_titles_of_junk_may_hold_any_character(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"junk_titles": ("It's_a_{trap}%",), "junk_prefixes": ("L'",)})
    counts, _ = measure(
        tmp_path, [page("It's a {trap}%", 10), page("L'Avventura", 10), page("M", 1)], settings=settings
    )
    assert counts == {"kept": 1, "not_an_article": 2}


@pytest.mark.parametrize(
    ("views", "mobile", "reason"),
    [
        (34_893_771, 0.0328, "one_access_method"),  # Darth Vader in 2017
        (90_541_383, 0.9753, "one_access_method"),
        (1_000, 0.96, "one_access_method"),
        (1_000, 0.95, "kept"),
        (1_000, 0.05, "kept"),
        (1_000, None, "kept"),
        (999, 1.0, "kept"),
    ],
)
def test_many_views_through_one_access_method_are_a_spike(
    views: int, mobile: float | None, reason: str, tmp_path: Path
) -> None:
    assert fate(tmp_path, [page("Darth Vader", views, mobile)]) == reason


@pytest.mark.parametrize(
    ("views", "hours", "reason"), [(1_000, 2, "few_hours"), (1_000, 3, "kept"), (999, 1, "kept"), (1_000, None, "kept")]
)
def test_many_views_within_few_hours_are_a_spike(views: int, hours: int | None, reason: str, tmp_path: Path) -> None:
    assert fate(tmp_path, [page("Quake", views, 0.5, hours)]) == reason


def test_access_methods_are_judged_over_all_files_by_their_views(tmp_path: Path) -> None:
    assert fate(tmp_path, [page("A", 10_000, 1.0, 24)], [page("A", 400, 0.0, 24)]) == "one_access_method"
    assert fate(tmp_path, [page("A", 10_000, 1.0, 24)], [page("A", 700, 0.0, 24)]) == "kept"


def test_hours_of_several_days_add_up(tmp_path: Path) -> None:
    assert fate(tmp_path, [page("A", 2_000, 0.5, 2)], [page("A", 5, 0.5, 1)]) == "kept"


def test_files_that_tell_nothing_keep_a_page_from_being_suspected(tmp_path: Path) -> None:
    """A year of views in a list without hours, and one hour of them in a file with hours, are not a spike."""
    assert fate(tmp_path, [page("A", 9_000_000)], [page("A", 5, 0.0, 1)]) == "kept"


def test_a_page_left_out_on_one_wiki_counts_on_another(tmp_path: Path) -> None:
    titles = [(42, "enwiki", "A"), (42, "dewiki", "A")]
    views = [page("A", 5_000, 1.0), page("A", 70, 0.5, project="de.wikipedia")]
    counts, rows = measure(tmp_path, views, titles=titles)
    assert counts == {"kept": 1, "one_access_method": 1}
    assert [(row["id"], row["page_views"]) for row in rows] == [(42, 70)]


def test_no_views_give_an_empty_table(tmp_path: Path) -> None:
    assert measure(tmp_path, []) == ({}, [])


def test_all_pages_left_out_give_an_empty_table(tmp_path: Path) -> None:
    assert measure(tmp_path, [page("Main Page", 9)]) == ({"not_an_article": 1}, [])


def test_recorded_views_find_the_items_of_a_dump(tmp_path: Path) -> None:
    """From the files of a day, a year and of items, and a dump, to POPULARITY."""
    links = {
        3884: "C++",
        9715: "AC/DC",
        8676: "Obergesteln",
        12206942: "Darth Vader",
        22686: "Donald Trump",
        42: "Douglas Adams",
    }
    entities = [
        item(number, sitelinks={"enwiki": {"site": "enwiki", "title": title}}) for number, title in links.items()
    ]
    dump = write_dump(tmp_path / "dump.json", entities)
    wanted = Wanted(frozenset(), frozenset({"enwiki"}))
    ingest(dump, tmp_path / "dump", wanted, load_settings().dump, InlineExecutor(), 1)
    for file in ("pageviews-20261001-user.txt", "topviews_en.wikipedia_2017-2018.tsv", "wikitrivia_views.tsv"):
        read_views(RECORDED / file, frozenset(SETTINGS.projects), tmp_path / "views" / f"{file}.parquet")
    with Database(tmp_path / "scratch", "100MB") as database:
        out = tmp_path / "popularity.parquet"
        counts = measure_popularity(tmp_path / "views", tmp_path / "dump" / "titles", SETTINGS, database, out)
    assert counts == {"kept": 12, "no_item": 4, "not_an_article": 5, "one_access_method": 3}
    found = {row["id"]: row["page_views"] for row in read_table(out).to_pylist()}
    assert found[3884] == 2
    assert found[9715] == 10
    assert found[42] == 48826
    assert found[22686] == 29642712
    assert 12206942 not in found
