"""The most viewed pages of a month from Wikimedia's page view service."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import requests

from pipeline.core.errors import ServiceError
from pipeline.core.settings import PageviewsSettings
from pipeline.core.tables import whole_file

_Pages = list[tuple[str, int]]  # title with underscores, views
Month = tuple[int, int]

TOP_PAGES_LIMIT = 1_000
"""Pages that the service lists for a month."""


def fetch_top_pages(
    session: requests.Session, url: str, project: str, months: Iterable[Month], most: int, out: Path
) -> dict[Month, Path]:
    """Fetch the most viewed pages of months into files in the form of yearly top lists.

    The views of all access methods are kept, with the share of mobile views. That share follows from the list for
    desktops. Pages that only one kind of device requests are viewed by programs rather than people.

    Args:
        session: A rate limited session.
        url: The URL of the service, up to and including `pageviews`.
        project: The project, such as "en.wikipedia".
        months: Years and months.
        most: The largest number of pages of a month.
        out: The folder of the files, one per month. There is no file of a month that the service does not list yet.

    Returns:
        The files by month.

    Raises:
        ServiceError: The service rejects the request, or its answer is incomplete.
        BudgetSpent: The run has used its budget of requests.
    """
    files: dict[Month, Path] = {}
    for year, month in months:
        path = out / f"top_{project}_{year}-{month:02d}.tsv"
        if not path.is_file():
            all_access = _fetch_list(session, f"{url}/top/{project}/all-access/{year}/{month:02d}/all-days")[:most]
            if not all_access:
                continue
            desktop = _fetch_list(session, f"{url}/top/{project}/desktop/{year}/{month:02d}/all-days")
            with whole_file(path) as part:
                part.write_text("".join(_lines(all_access, desktop)), encoding="utf-8")
        files[year, month] = path
    return files


def _fetch_list(session: requests.Session, url: str) -> _Pages:
    """Pages with their views, most viewed first; an empty list if the service has none for that month."""
    response = session.get(url)
    if response.status_code == 404:
        return []
    try:
        response.raise_for_status()
        answer = cast(Mapping[str, Any], json.loads(response.content))
        return [(str(one["article"]), int(one["views"])) for item in answer["items"] for one in item["articles"]]
    except (requests.HTTPError, ValueError, KeyError, TypeError) as error:
        raise ServiceError(f"The page view service returns no list: {error}", url, "Check --pageviews.") from error


def _lines(all_access: _Pages, desktop: _Pages) -> Iterator[str]:
    yield "article\tviews\tmobile_percentage\n"
    known = dict(desktop)
    lowest = min(known.values(), default=None)  # a page that is not in the list has at most this many views
    for title, views in all_access:
        most_desktop = known.get(title, lowest)
        share = "" if most_desktop is None or not views else f"{max(0.0, 100 * (1 - most_desktop / views)):.2f}"
        if title not in known and most_desktop is not None and 100 * (1 - most_desktop / max(views, 1)) < 95:
            share = ""  # unknown: the page may have up to this many desktop views
        yield f"{title}\t{views}\t{share}\n"


def last_months(end: datetime, count: int) -> list[Month]:
    """The last full months before a time, the earliest first.

    >>> last_months(datetime(2026, 2, 3), 3)
    [(2025, 11), (2025, 12), (2026, 1)]
    """
    last = end.year * 12 + end.month - 2
    return [((last - back) // 12, (last - back) % 12 + 1) for back in range(count - 1, -1, -1)]


def article_titles(files: Iterable[Path], settings: PageviewsSettings) -> list[str]:
    """The titles in top lists, without pages that are not articles by the settings."""
    junk, prefixes = set(settings.junk_titles), tuple(settings.junk_prefixes)
    rows = (title for path in files for title in read_titles(path))
    return sorted({title for title in rows if title not in junk and not title.startswith(prefixes)})


def read_titles(path: Path) -> Iterator[str]:
    """The titles of a top list, in order."""
    lines = path.read_text(encoding="utf-8").split("\n")  # not splitlines: titles may contain other line separators
    return (line.split("\t")[0] for line in lines[1:] if line)
