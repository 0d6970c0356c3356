"""The most viewed pages of a month from Wikimedia's monthly file of all pages, for more pages than a top list has.

A file is read as it is downloaded, for all projects at once. The ranking that is kept of a month is small, and each
file is downloaded only once.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import ServiceError
from pipeline.core.seeded import draw_key
from pipeline.core.settings import LiveSettings
from pipeline.core.tables import Database, whole_file
from pipeline.sources.files.resumable import NotFound, read_with_restarts, stream_bzip2
from pipeline.sources.live.rate_limit import RateLimiter
from pipeline.sources.pageviews.files import View, complete_views, page_title, write_views
from pipeline.sources.pageviews.top_pages import TOP_PAGES_LIMIT, Month, read_titles

_COLUMNS = "article\tviews\tmobile_percentage\thours\n"
_INVALID_TITLE = re.compile(r"[#<>\[\]|{}\x00-\x1f\x7f-\x9f\u2028\u2029\ufffd]")  # characters that titles cannot have


@dataclass(frozen=True)
class MonthlyFiles:
    """Where the monthly files are, and where their rankings are kept.

    Attributes:
        url: The URL of the folder with a folder for each year.
        limiter: The rate limiter of all requests.
        projects: Projects, such as "en.wikipedia".
        settings: The number of pages, and when to retry or stop.
        store: The folder of the rankings of earlier runs.
    """

    url: str
    limiter: RateLimiter
    projects: tuple[str, ...]
    settings: LiveSettings
    store: Path

    def url_of(self, month: Month) -> str:
        """The URL of the file of a month."""
        year, number = month
        return f"{self.url}/{year}/{year}-{number:02d}/pageviews-{year}{number:02d}-user.bz2"

    def ranking(self, project: str, month: Month) -> Path:
        """The file with the most viewed pages of a project."""
        year, number = month
        server = draw_key(0, self.url)[:8]  # other servers may have other numbers
        return self.store / server / f"complete_{project}_{year}-{number:02d}_{self.settings.view_pages}.tsv"


def needs_monthly_files(settings: LiveSettings) -> bool:
    """Whether the settings ask for more pages than the page view service lists."""
    return settings.complete_views and settings.view_pages > TOP_PAGES_LIMIT


def rank_month(files: MonthlyFiles, month: Month, database: Database) -> bool:
    """Write the rankings of a month for all projects, unless they exist.

    Args:
        files: Where the files are, and where rankings are kept.
        month: The month.
        database: A session to work in.

    Returns:
        Whether the file of the month exists. It is published some days after the end of the month.

    Raises:
        ServiceError: The server refuses us or keeps failing, or the file has another format.
        BudgetSpent: The run has used its budget of requests.
    """
    missing = [project for project in files.projects if not files.ranking(project, month).is_file()]
    if not missing:
        return True
    views = files.ranking(missing[0], month).with_suffix(".parquet")
    url = files.url_of(month)
    try:
        read_with_restarts(
            lambda: _read_month(files, url, frozenset(missing), views), files.settings.complete_attempts, url
        )
        database.view("month", views)
        rows = database.table(_RANKED.format(most=files.settings.view_pages)).to_pylist()
    except NotFound:
        return False
    finally:
        views.unlink(missing_ok=True)
    for project in missing:
        lines = (_line(row) for row in rows if row["project"] == project)
        with whole_file(files.ranking(project, month)) as part:
            part.write_text(_COLUMNS + "".join(lines), encoding="utf-8")
    return True


# A title may be encoded in several ways, each on its own lines. The hours of the usual encoding are kept for all.
_RANKED = """
SELECT project, title, sum(views)::BIGINT AS views, sum(views * mobile_share) / sum(views) AS mobile_share,
    max(hours) AS hours
FROM month WHERE views > 0 GROUP BY project, title
QUALIFY row_number() OVER (PARTITION BY project ORDER BY sum(views) DESC, title) <= {most}
ORDER BY project, sum(views) DESC, title
"""


def _line(row: Mapping[str, object]) -> str:
    title = str(row["title"]).replace(" ", "_")
    return f"{title}\t{row['views']}\t{100 * float(str(row['mobile_share'])):.2f}\t{row['hours']}\n"


def _read_month(files: MonthlyFiles, url: str, projects: frozenset[str], out: Path) -> None:
    """Write VIEWS of a monthly file."""
    counts = Counter[str]()

    def count_invalid(line: str) -> None:
        del line
        counts["invalid"] += 1

    def lines() -> Iterator[str]:
        for line in project_lines(stream_bzip2(files.limiter, url), projects):
            counts["all"] += 1
            yield line

    views = complete_views(lines(), projects, count_invalid)
    write_views((view for view in views if _has_title(view)), out)
    if counts["invalid"] > files.settings.complete_strange * counts["all"]:
        raise ServiceError(
            f"{counts['invalid']} of {counts['all']} lines have an unknown format",
            url,
            "Check --pageview-dumps, or set live.complete_views = false to use the first 1,000 pages of a month alone.",
        )


def _has_title(view: View) -> bool:
    return view[1] is not None and not _INVALID_TITLE.search(view[1])


def project_lines(blocks: Iterable[bytes], projects: Collection[str]) -> Iterator[str]:
    r"""The lines of some projects. The other lines, nearly all, are skipped without parsing.

    >>> list(project_lines([b"de.wikipedia A 1 desktop 1 A1\nen.wiki", b"pedia B 2 desktop 3 B3\n"], ["en.wikipedia"]))
    ['en.wikipedia B 2 desktop 3 B3']
    """
    names = b"|".join(re.escape(project.encode()) for project in sorted(projects))
    wanted = re.compile(rb"^(?:%s) .*$" % names, re.MULTILINE)
    rest = b""
    for block in blocks:
        head, newline, tail = block.rpartition(b"\n")
        if not newline:
            rest += tail
            continue
        yield from (match.group().decode("utf-8", errors="replace") for match in wanted.finditer(rest + head))
        rest = tail
    yield from (match.group().decode("utf-8", errors="replace") for match in wanted.finditer(rest))


def write_further_pages(ranking: Path, top: Path | None, most: int, out: Path) -> Path:
    """Write the pages of a ranking that are not in a top list, so that both together have a number of pages.

    Args:
        ranking: A ranking from `rank_month`.
        top: The top list of the page view service for that month; None if there is none.
        most: The number of pages of the month.
        out: The file to write, in the form of yearly top lists.
    """
    known = {page_title(title) for title in read_titles(top)} if top else set[str]()
    lines = ranking.read_text(encoding="utf-8").split("\n")[1:-1]
    others = [line for title, line in zip(read_titles(ranking), lines, strict=True) if page_title(title) not in known]
    with whole_file(out) as part:
        part.write_text(_COLUMNS + "".join(f"{line}\n" for line in others[: most - len(known)]), encoding="utf-8")
    return out
