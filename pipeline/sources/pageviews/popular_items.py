"""The items of the most viewed pages, from the page view service and from monthly files of all pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core import schema
from pipeline.core.progress import Reporter
from pipeline.core.settings import Settings
from pipeline.core.tables import Database, write_rows
from pipeline.sources.live.rate_limit import RateLimiter
from pipeline.sources.live.wiki import Wiki
from pipeline.sources.pageviews.monthly_file import (
    MonthlyFiles,
    needs_monthly_files,
    rank_month,
    write_further_pages,
)
from pipeline.sources.pageviews.top_pages import Month, TitleRow, article_titles, fetch_page_items, fetch_top_pages


@dataclass(frozen=True)
class PageViewRequest:
    """Which page views to fetch, and where to write them.

    Attributes:
        service_url: The page view service; without one there are no popular items.
        dumps_url: The folder of the monthly files; None if they must not be read.
        client_api: The `api.php` of the wikis whose pages are viewed, with a placeholder for the project.
        months: Years and months.
        state: The state folder of the repository, where rankings are kept.
        out: The folder for `views/` and `titles.parquet`.
    """

    service_url: str | None
    dumps_url: str | None
    client_api: str
    months: Sequence[Month]
    state: Path
    out: Path


def fetch_popular_items(
    request: PageViewRequest,
    wiki: Wiki,
    limiter: RateLimiter,
    settings: Settings,
    database: Database,
    reporter: Reporter,
) -> set[int]:
    """Fetch the views of the most viewed pages and their items, and write TITLES.

    Args:
        request: The services and the months.
        wiki: The repository, which may also be the wiki of the pages.
        limiter: The rate limiter of all requests.
        settings: The number of pages, and which pages are not articles.
        database: A session to work in.
        reporter: Reports progress.

    Returns:
        The items that the pages are about.

    Raises:
        ServiceError: A server refuses us or keeps failing.
        BudgetSpent: The run has used its budget of requests.
    """
    titles: set[TitleRow] = set()
    for project, files in _fetch_lists(request, limiter, settings, database, reporter).items():
        if not files:
            reporter.warn("no_views", f"The page view service has no month of {project} yet.", project=project)
            continue
        url = request.client_api.format(project=project)
        client = wiki if url == wiki.url else Wiki(url, limiter, request.state / "pywikibot")
        titles |= fetch_page_items(client, project, article_titles(files, settings.pageviews), settings.live.batch)
    write_rows(sorted(titles), request.out / "titles.parquet", schema.TITLES)
    return {item for item, _, _ in titles}


def _fetch_lists(
    request: PageViewRequest, limiter: RateLimiter, settings: Settings, database: Database, reporter: Reporter
) -> Mapping[str, list[Path]]:
    """The lists of the most viewed pages of each project."""
    if request.service_url is None:
        return {}
    views, most = request.out / "views", settings.live.view_pages
    with limiter.session() as session:
        top = {
            project: fetch_top_pages(session, request.service_url, project, request.months, most, views)
            for project in settings.pageviews.projects
        }
    found = {project: list(months.values()) for project, months in top.items()}
    if request.dumps_url and needs_monthly_files(settings.live):
        store = request.state / "page-views"
        monthly = MonthlyFiles(request.dumps_url, limiter, settings.pageviews.projects, settings.live, store)
        for month in request.months:
            for project, ranking in _fetch_rankings(monthly, month, database, reporter).items():
                out = views / f"complete_{project}_{month[0]}-{month[1]:02d}.tsv"
                found[project].append(write_further_pages(ranking, top[project].get(month), most, out))
    return found


def _fetch_rankings(files: MonthlyFiles, month: Month, database: Database, reporter: Reporter) -> Mapping[str, Path]:
    """The ranking of a month for each project; a warning and nothing if the file of the month does not exist."""
    with reporter.track(f"all pages of {month[0]}-{month[1]:02d}", 0):
        exists = rank_month(files, month, database)
    if not exists:
        reporter.warn("no_complete_views", "There is no file of all pages of a month.", file=files.url_of(month))
        return {}
    return {project: files.ranking(project, month) for project in files.projects}
