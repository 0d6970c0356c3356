"""The items of the most viewed pages: those that the page view service tells, and more from files of all pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core import schema
from pipeline.core.progress import Reporter
from pipeline.core.settings import Settings
from pipeline.core.tables import Database, write_rows
from pipeline.sources.live.rate_limit import Gate
from pipeline.sources.live.wiki import Wiki
from pipeline.sources.pageviews.complete import MonthlyFiles, beyond, rank_month, wants_complete
from pipeline.sources.pageviews.top import Month, TitleRow, fetch_top, find_items, titles_of


@dataclass(frozen=True)
class PageViews:
    """Whom to ask for page views, and where they go.

    Attributes:
        top: The page view service; without one there is nothing popular.
        dumps: The folder of files of all pages, if they may be read.
        client: The `api.php` of a wiki whose pages are viewed, with a place for the project.
        months: Which.
        state: Where a wiki's state is kept between visits.
        out: The visit: `views/` and `titles.parquet` appear in it.
    """

    top: str | None
    dumps: str | None
    client: str
    months: Sequence[Month]
    state: Path
    out: Path


def find_viewed(
    asked: PageViews, wiki: Wiki, gate: Gate, settings: Settings, database: Database, reporter: Reporter
) -> set[int]:
    """Write the views and the titles of the most viewed pages.

    Args:
        asked: Whom to ask.
        wiki: The repository, which may be the wiki of the pages too.
        gate: What requests go through.
        settings: How many pages, and which are no articles.
        database: A session to work in.
        reporter: Where to tell how far it has come.

    Returns:
        The items that the pages are about.

    Raises:
        ServiceError: A server refuses us or keeps failing.
        BudgetSpent: The run may send no more requests.
    """
    titles: set[TitleRow] = set()
    for project, files in _files(asked, gate, settings, database, reporter).items():
        if not files:
            reporter.warn("no_views", f"The page view service has no month of {project} yet.", project=project)
            continue
        address = asked.client.format(project=project)
        client = wiki if address == wiki.url else Wiki(address, gate, asked.state / "pywikibot")
        titles |= find_items(client, project, titles_of(files, settings.pageviews), settings.live.batch)
    write_rows(sorted(titles), asked.out / "titles.parquet", schema.TITLES)
    return {item for item, _, _ in titles}


def _files(
    asked: PageViews, gate: Gate, settings: Settings, database: Database, reporter: Reporter
) -> Mapping[str, list[Path]]:
    """Lists of the most viewed pages of each project."""
    if asked.top is None:
        return {}
    projects, most = settings.pageviews.projects, settings.live.view_pages
    with gate.session() as session:
        top = {
            project: fetch_top(session, asked.top, project, asked.months, most, asked.out / "views")
            for project in projects
        }
    found = {project: list(months.values()) for project, months in top.items()}
    for month in asked.months if asked.dumps and wants_complete(settings.live) else ():
        files = MonthlyFiles(str(asked.dumps), gate, projects, settings.live, asked.state / "page-views")
        with reporter.track(f"all pages of {month[0]}-{month[1]:02d}", 0):
            is_there = rank_month(files, month, database)
        if not is_there:
            reporter.warn("no_complete_views", "There is no file of all pages of a month.", file=files.address(month))
            continue
        for project in projects:
            ranking = files.ranking(project, month)
            out = asked.out / "views" / f"complete_{project}_{month[0]}-{month[1]:02d}.tsv"
            found[project].append(beyond(ranking, top[project].get(month), most, out))
    return found
