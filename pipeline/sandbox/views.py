"""Page views as Wikimedia serves them: the most viewed pages of a month by its service, all pages in a file.

The service counts views of all devices, or of desktops; the file has them by device and hour.
"""

import bz2
import csv
import functools
import gzip
import re
from collections.abc import Mapping
from urllib.parse import quote

from pipeline.core.seeded import fraction
from pipeline.sandbox.server import Answer, File, as_json
from pipeline.sandbox.slice import second_title
from pipeline.sources.files.sample import sample_pageviews

_PATH = re.compile(r".*/top/([a-z.-]+)/(all-access|desktop)/(\d{4})/(\d\d)/all-days")
_FILE = re.compile(r".*/(\d{4})/\1-(\d\d)/pageviews-\1\2-user\.bz2")
_MOST = 1_000
_JUNK = {"Main_Page": 9_000_000, "Special:Search": 4_000_000, "-": 1_000_000, "Wikipedia:About": 700_000}
_SPIKE = {"Made_by_a_machine": 800_000}  # which no desktop asked for


# In no top list, and in the file of every third month: a page that was asked for within two hours.
_RUSH = {"Asked_for_at_once": 60_000}
_HOURS = "".join(f"{day}{hour}1" for day in "ABCDEFG" for hour in "KLMNOP")


def answer(path: str, views: Mapping[str, int]) -> Answer:
    """What the service answers, or the server of files."""
    if file := _FILE.fullmatch(path):
        rush = _RUSH if int(file[2]) % 3 == 0 else {}
        return File(all_pages(tuple(sorted({**views, **_JUNK, **rush}.items()))), "application/octet-stream")
    match = _PATH.fullmatch(path)
    if match is None or match[1] != "en.wikipedia":
        return as_json({"type": "about:blank", "title": "Not found.", "status": 404}, 404)
    project, access, year, month = match.groups()
    pages = dict(views) | _JUNK | (_SPIKE if access == "all-access" else {})
    if access == "desktop":
        pages = {title: count * 2 // 5 for title, count in pages.items()}
    ranked = sorted(pages.items(), key=lambda page: (-page[1], page[0]))[:_MOST]
    articles = [{"article": title, "views": count, "rank": place} for place, (title, count) in enumerate(ranked, 1)]
    item = {"project": project, "access": access, "year": year, "month": month, "day": "all-days"}
    return as_json({"items": [item | {"articles": articles}]})


@functools.cache
def all_pages(views: tuple[tuple[str, int], ...]) -> bytes:
    """A month of all pages, packed: the lines of a page by its ways, pages by title within projects."""
    lines = ["de.wikipedia Berlin 1 desktop 70000 AK70000", "de.wikipedia Berlin 1 mobile-web 90000 AL90000"]
    for title, count in views:
        hours = "AK30000AL30000" if title in _RUSH else _HOURS
        desktop = count * 2 // 5
        # A title with a sign that addresses write in another way comes under both spellings.
        other = quote(title, safe="/:(),!-._~*'")
        pieces = [("desktop", title, desktop), ("mobile-web", other, count - desktop)]
        lines += [f"en.wikipedia {name} {len(title)} {way} {seen} {hours}" for way, name, seen in pieces]
    lines += [f"en.wikipedia {title} null mobile-web {count} {_HOURS}" for title, count in _SPIKE.items()]
    lines.append("fr.wikipedia Paris 1 desktop 80000 AK80000")
    return bz2.compress("".join(f"{line}\n" for line in lines).encode())


def slice_views() -> dict[str, int]:
    """Views of the pages about the slice's items, a part of them under a title that redirects."""
    text = gzip.decompress((sample_pageviews() / "wikitrivia_views.tsv.gz").read_bytes()).decode()
    found: dict[str, int] = {}
    for row in csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        title = row["enwiki_title"]
        if title:
            is_redirected = int(row["item"][1:]) % 20 == 0 and fraction(0, "views", title) < 0.5
            found[(second_title(title) if is_redirected else title).replace(" ", "_")] = int(row["page_views"])
    return found
