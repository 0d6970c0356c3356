"""POPULARITY: page views of items over the window, and their rank among all viewed items (decision 5).

Pages that are not articles, and views that no crowd of readers makes, are left out.
"""

from pathlib import Path

from pipeline.core import schema
from pipeline.core.settings import PageviewsSettings
from pipeline.core.tables import Database

# What a page's views came through, and when, is known only if every file with views of it says so.
_PAGES = """
SELECT project, title, id, sum(views)::BIGINT AS views,
    CASE WHEN count(mobile_share) = count(*) THEN sum(views * mobile_share) / sum(views) END AS mobile_share,
    CASE WHEN count(hours) = count(*) THEN sum(hours) END AS hours
FROM views GROUP BY project, title, id
"""

_JUDGED = """
SELECT p.*, coalesce(p.id, t.id) AS item_id,
    CASE
        WHEN {junk} THEN 'not_an_article'
        WHEN views >= {spike_views} AND greatest(mobile_share, 1 - mobile_share) > {share} THEN 'one_access_method'
        WHEN views >= {spike_views} AND hours < {hours} THEN 'few_hours'
        WHEN coalesce(p.id, t.id) IS NULL THEN 'no_item'
    END AS reason
FROM pages p
LEFT JOIN titles t ON t.title = p.title AND t.wiki = replace(split_part(p.project, '.wikipedia', 1), '-', '_') || 'wiki'
"""


def measure_popularity(
    views: Path, titles: Path, settings: PageviewsSettings, database: Database, out: Path
) -> dict[str, int]:
    """Find the items of pages, drop junk and spikes, and rank what is left.

    Args:
        views: VIEWS, a Parquet file a source file.
        titles: TITLES of the newer state.
        settings: What counts as junk and as a spike.
        database: A session to work in.
        out: The POPULARITY file to write.

    Returns:
        How many pages were kept, and how many were left out for each reason.
    """
    database.view("views", views)
    database.view("titles", titles)
    database.run(f"CREATE TEMP TABLE pages AS {_PAGES}")
    judged = _JUDGED.format(
        junk=_junk(settings),
        spike_views=settings.spike_views,
        share=settings.max_access_share,
        hours=settings.min_hours,
    )
    database.run(f"CREATE TEMP TABLE judged AS {judged}")
    sql = """
        SELECT item_id AS id, views AS page_views, 100 * cume_dist() OVER (ORDER BY views) AS page_views_percentile
        FROM (SELECT item_id, sum(views)::BIGINT AS views FROM judged WHERE reason IS NULL GROUP BY item_id)
        ORDER BY id"""
    database.write(sql, out, schema.POPULARITY)
    counts = database.table(
        "SELECT coalesce(reason, 'kept') AS reason, count(*) AS pages FROM judged GROUP BY 1 ORDER BY 1"
    )
    return {str(row["reason"]): int(row["pages"]) for row in counts.to_pylist()}


def _junk(settings: PageviewsSettings) -> str:
    """The SQL condition for titles that are not articles."""
    titles = [f"p.title = {_quoted(title)}" for title in settings.junk_titles]
    prefixes = [f"starts_with(p.title, {_quoted(prefix)})" for prefix in settings.junk_prefixes]
    return f"({' OR '.join((*titles, *prefixes, 'false'))})"


def _quoted(text: str) -> str:
    """A title as an SQL string, with spaces for underscores as in VIEWS."""
    return "'" + text.replace("_", " ").replace("'", "''") + "'"
