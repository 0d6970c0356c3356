"""Step 4, fetch: page views and items of the most viewed pages, from the page view service and from monthly files."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.core import schema
from pipeline.core.tables import write_rows
from pipeline.sources.live.context import HarvestContext
from pipeline.sources.live.wiki import Wiki
from pipeline.sources.pageviews.monthly_file import (
    MonthlyFiles,
    needs_monthly_files,
    rank_month,
    write_further_pages,
)
from pipeline.sources.pageviews.top_pages import Month, article_titles, fetch_top_pages, last_months

_TitleRow = tuple[int, str, str]  # the columns of schema.TITLES, in order


def fetch_popular_items(context: HarvestContext, folder: Path) -> set[int]:
    """Fetch the views of the most viewed pages into `views/`, and write the items of these pages as `titles.parquet`.

    Args:
        context: What every step is given.
        folder: The folder of the harvest.

    Returns:
        The items that the pages are about.

    Raises:
        ServiceError: A server refuses us or keeps failing.
        BudgetSpent: The run has used its budget of requests.
    """
    wiki, settings = context.wiki, context.settings
    titles: set[_TitleRow] = set()
    for project, files in _fetch_lists(context, folder / "views").items():
        if not files:
            context.reporter.warn("no_views", f"The page view service has no month of {project} yet.", project=project)
            continue
        url = context.request.urls.client_api.format(project=project)
        client = wiki if url == wiki.url else Wiki(url, context.limiter, context.state / "pywikibot")
        titles |= _fetch_page_items(client, project, article_titles(files, settings.pageviews), settings.live.batch)
    write_rows(sorted(titles), folder / "titles.parquet", schema.TITLES)
    return {item for item, _, _ in titles}


def _fetch_lists(context: HarvestContext, views: Path) -> Mapping[str, list[Path]]:
    """The lists of the most viewed pages of each project."""
    urls, settings = context.request.urls, context.settings
    if urls.pageviews is None:
        return {}
    most, months = settings.live.view_pages, last_months(context.window.end, settings.live.view_months)
    with context.limiter.session() as session:
        top = {
            project: fetch_top_pages(session, urls.pageviews, project, months, most, views)
            for project in settings.pageviews.projects
        }
    found = {project: list(files.values()) for project, files in top.items()}
    if urls.pageview_dumps and needs_monthly_files(settings.live):
        for month in months:
            for project, ranking in _fetch_rankings(context, urls.pageview_dumps, month).items():
                out = views / f"complete_{project}_{month[0]}-{month[1]:02d}.tsv"
                found[project].append(write_further_pages(ranking, top[project].get(month), most, out))
    return found


def _fetch_rankings(context: HarvestContext, url: str, month: Month) -> Mapping[str, Path]:
    """The ranking of a month for each project; a warning and nothing if the file of the month does not exist."""
    projects, reporter = context.settings.pageviews.projects, context.reporter
    files = MonthlyFiles(url, context.limiter, projects, context.settings.live, context.state / "page-views")
    with context.database() as database, reporter.track(f"all pages of {month[0]}-{month[1]:02d}", 0):
        exists = rank_month(files, month, database)
    if not exists:
        reporter.warn("no_complete_views", "There is no file of all pages of a month.", file=files.url_of(month))
        return {}
    return {project: files.ranking(project, month) for project in projects}


def _fetch_page_items(wiki: Wiki, project: str, titles: list[str], batch: int) -> set[_TitleRow]:
    """Fetch the items that pages are about, and follow redirects.

    Args:
        wiki: The wiki that the pages are on.
        project: Its name in page views, such as "en.wikipedia".
        titles: Titles of pages, with underscores.
        batch: Titles per request.

    Returns:
        Rows of TITLES.
    """
    found: dict[str, int] = {}
    for start in range(0, len(titles), batch):
        batch_titles = "|".join(titles[start : start + batch])
        for part in wiki.query(prop="pageprops", ppprop="wikibase_item", redirects=1, titles=batch_titles):
            for page in part.get("pages", ()):
                item = str(page.get("pageprops", {}).get("wikibase_item", ""))
                if item[:1] == "Q" and page.get("ns") == 0:
                    found[page["title"]] = int(item[1:])
            redirects = [(one["from"], one["to"]) for one in part.get("redirects", ())]
            found |= {old: found[new] for old, new in redirects if new in found}
    name = project.partition(".")[0].replace("-", "_") + "wiki"
    return {(item, name, title) for title, item in found.items()}
