"""The most viewed pages of the last months, from Wikimedia's page view service, with the items that they are about."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import requests

from pipeline.core.errors import ServiceError
from pipeline.core.settings import PageviewsSettings
from pipeline.core.tables import whole_file
from pipeline.sources.live.wiki import Wiki

_Pages = list[tuple[str, int]]  # title with underscores, views
Month = tuple[int, int]
TitleRow = tuple[int, str, str]  # the columns of schema.TITLES, in order

MOST = 1_000  # pages of a month: the service tells no more


def fetch_top(
    session: requests.Session, url: str, project: str, months: Iterable[Month], most: int, out: Path
) -> dict[Month, Path]:
    """Write the most viewed pages of months, in the form of yearly top lists.

    Views through all access methods are what counts; those from desktops alone tell which pages only one kind of
    device asks for, which people do not do.

    Args:
        session: Sends through the gate.
        url: The service, up to and with `pageviews`.
        project: A project, as in "en.wikipedia".
        months: Years and months.
        most: How many pages of a month.
        out: A folder; a file a month appears in it, unless the service has nothing of it yet.

    Returns:
        These files.

    Raises:
        ServiceError: The service refuses, or its answer is not whole.
    """
    files: dict[Month, Path] = {}
    for year, month in months:
        path = out / f"top_{project}_{year}-{month:02d}.tsv"
        if not path.is_file():
            everywhere = _ask(session, f"{url}/top/{project}/all-access/{year}/{month:02d}/all-days")[:most]
            if not everywhere:
                continue
            desktop = _ask(session, f"{url}/top/{project}/desktop/{year}/{month:02d}/all-days")
            with whole_file(path) as part:
                part.write_text("".join(_lines(everywhere, desktop)), encoding="utf-8")
        files[year, month] = path
    return files


def _ask(session: requests.Session, url: str) -> _Pages:
    """Pages with their views, most viewed first; none if the service has none of that time."""
    response = session.get(url)
    if response.status_code == 404:
        return []
    try:
        response.raise_for_status()
        answer = cast(Mapping[str, Any], json.loads(response.content))
        return [(str(one["article"]), int(one["views"])) for item in answer["items"] for one in item["articles"]]
    except (requests.HTTPError, ValueError, KeyError, TypeError) as error:
        raise ServiceError(f"The page view service gives no list: {error}", url, "Is --pageviews right?") from error


def _lines(everywhere: _Pages, desktop: _Pages) -> Iterator[str]:
    yield "article\tviews\tmobile_percentage\n"
    known = dict(desktop)
    below = min(known.values(), default=None)  # a page that is not listed has fewer views than this
    for title, views in everywhere:
        least = known.get(title, below)
        share = "" if least is None or not views else f"{max(0.0, 100 * (1 - least / views)):.2f}"
        if title not in known and least is not None and 100 * (1 - least / max(views, 1)) < 95:
            share = ""  # it may be as many as that: nothing is known
        yield f"{title}\t{views}\t{share}\n"


def months_before(end: datetime, count: int) -> list[Month]:
    """The last months that are over, the earliest first.

    >>> months_before(datetime(2026, 2, 3), 3)
    [(2025, 11), (2025, 12), (2026, 1)]
    """
    last = end.year * 12 + end.month - 2
    return [((last - back) // 12, (last - back) % 12 + 1) for back in range(count - 1, -1, -1)]


def titles_of(files: Iterable[Path], settings: PageviewsSettings) -> list[str]:
    """The titles of pages that may be articles."""
    junk, prefixes = set(settings.junk_titles), tuple(settings.junk_prefixes)
    rows = (title for path in files for title in listed(path))
    return sorted({title for title in rows if title not in junk and not title.startswith(prefixes)})


def listed(path: Path) -> Iterator[str]:
    """The titles of a top list."""
    lines = path.read_text(encoding="utf-8").split("\n")  # a title may hold other signs that end a line somewhere
    return (line.split("\t")[0] for line in lines[1:] if line)


def find_items(wiki: Wiki, project: str, titles: list[str], batch: int) -> set[TitleRow]:
    """Find the items that pages are about, redirects followed.

    Args:
        wiki: The wiki that the pages are on.
        project: As page views name it.
        titles: Pages, with underscores.
        batch: How many to ask for at a time.

    Returns:
        Rows of TITLES.
    """
    found: dict[str, int] = {}
    for start in range(0, len(titles), batch):
        asked = "|".join(titles[start : start + batch])
        for part in wiki.query(prop="pageprops", ppprop="wikibase_item", redirects=1, titles=asked):
            for page in part.get("pages", ()):
                item = str(page.get("pageprops", {}).get("wikibase_item", ""))
                if item[:1] == "Q" and page.get("ns") == 0:
                    found[page["title"]] = int(item[1:])
            rotated = [(one["from"], one["to"]) for one in part.get("redirects", ())]
            found |= {old: found[new] for old, new in rotated if new in found}
    name = project.partition(".")[0].replace("-", "_") + "wiki"
    return {(item, name, title) for title, item in found.items()}
