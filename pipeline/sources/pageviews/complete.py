"""The most viewed pages of a month beyond those that the page view service tells, from the file of all pages.

The file is read as it arrives, for all projects at once; what is kept of a month is small and asked for only once.
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
from pipeline.sources.live.rate_limit import Gate
from pipeline.sources.pageviews.files import View, complete_views, page_title, write_views
from pipeline.sources.pageviews.top import MOST, Month, listed

_COLUMNS = "article\tviews\tmobile_percentage\thours\n"
_NO_TITLE = re.compile(r"[#<>\[\]|{}\x00-\x1f\x7f-\x9f\u2028\u2029\ufffd]")  # which no page's title has


@dataclass(frozen=True)
class MonthlyFiles:
    """Where files of all pages are, and what is kept of them.

    Attributes:
        url: The folder of the years.
        gate: What requests go through.
        projects: As in "en.wikipedia".
        settings: How many pages, and how patiently.
        kept: A folder of what was read before.
    """

    url: str
    gate: Gate
    projects: tuple[str, ...]
    settings: LiveSettings
    kept: Path

    def address(self, month: Month) -> str:
        """Where the file of a month is."""
        year, number = month
        return f"{self.url}/{year}/{year}-{number:02d}/pageviews-{year}{number:02d}-user.bz2"

    def ranking(self, project: str, month: Month) -> Path:
        """Where the most viewed pages of a project are kept."""
        year, number = month
        place = draw_key(0, self.url)[:8]  # another server may have other numbers
        return self.kept / place / f"complete_{project}_{year}-{number:02d}_{self.settings.view_pages}.tsv"


def wants_complete(settings: LiveSettings) -> bool:
    """Whether more pages are wanted than the page view service tells."""
    return settings.complete_views and settings.view_pages > MOST


def rank_month(files: MonthlyFiles, month: Month, database: Database) -> bool:
    """Keep the most viewed pages of a month, unless they are kept already.

    Args:
        files: Where from and where to.
        month: Which.
        database: A session to work in.

    Returns:
        Whether there is anything of that month: a file appears some days after its month is over.

    Raises:
        ServiceError: The server refuses us or keeps failing, or what it gives is no file of page views.
    """
    missing = [project for project in files.projects if not files.ranking(project, month).is_file()]
    if not missing:
        return True
    views = files.ranking(missing[0], month).with_suffix(".parquet")
    url = files.address(month)
    try:
        read_with_restarts(lambda: _read(files, url, frozenset(missing), views), files.settings.complete_attempts, url)
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


# A title may be spelt in several ways, each with lines of its own; the hours of the usual one stand for all.
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


def _read(files: MonthlyFiles, url: str, projects: frozenset[str], out: Path) -> None:
    """Write VIEWS of a file of all pages."""
    counts = Counter[str]()

    def strange(line: str) -> None:
        del line
        counts["strange"] += 1

    def counted() -> Iterator[str]:
        for line in lines_of(stream_bzip2(files.gate, url), projects):
            counts["lines"] += 1
            yield line

    views = complete_views(counted(), projects, strange)
    write_views((view for view in views if _is_title(view)), out)
    if counts["strange"] > files.settings.complete_strange * counts["lines"]:
        raise ServiceError(
            f"{counts['strange']} of {counts['lines']} lines have no form of page views",
            url,
            "Is --pageview-dumps right? Without page views past the first thousand: live.complete_views = false.",
        )


def _is_title(view: View) -> bool:
    return view[1] is not None and not _NO_TITLE.search(view[1])


def lines_of(blocks: Iterable[bytes], projects: Collection[str]) -> Iterator[str]:
    r"""The lines of some projects: the others, nearly all, are passed over without a look at what they say.

    >>> list(lines_of([b"de.wikipedia A 1 desktop 1 A1\nen.wiki", b"pedia B 2 desktop 3 B3\n"], ["en.wikipedia"]))
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


def beyond(ranking: Path, top: Path | None, most: int, out: Path) -> Path:
    """Write the pages of a ranking that a top list has not, as many as both are to have together.

    Args:
        ranking: What `rank_month` kept.
        top: What the page view service gives of that month; None if it gives nothing.
        most: How many pages of a month.
        out: The file to write, in the form of yearly top lists.
    """
    told = {page_title(title) for title in listed(top)} if top else set[str]()
    lines = ranking.read_text(encoding="utf-8").split("\n")[1:-1]
    others = [line for title, line in zip(listed(ranking), lines, strict=True) if page_title(title) not in told]
    with whole_file(out) as part:
        part.write_text(_COLUMNS + "".join(f"{line}\n" for line in others[: most - len(told)]), encoding="utf-8")
    return out
