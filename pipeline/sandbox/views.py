"""Page views as Wikimedia's service gives them: the most viewed pages of a month, through all ways or from desktops."""

import csv
import gzip
import re
from collections.abc import Mapping

from pipeline.choice import fraction
from pipeline.sandbox.server import Answer, as_json
from pipeline.sandbox.slice import second_title
from pipeline.sources.sample import sample_pageviews

_PATH = re.compile(r".*/top/([a-z.-]+)/(all-access|desktop)/(\d{4})/(\d\d)/all-days")
_MOST = 1_000
_JUNK = {"Main_Page": 9_000_000, "Special:Search": 4_000_000, "-": 1_000_000, "Wikipedia:About": 700_000}
_SPIKE = {"Made_by_a_machine": 800_000}  # which no desktop asked for


def answer(path: str, views: Mapping[str, int]) -> Answer:
    """What the service answers."""
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


def slice_views() -> dict[str, int]:
    """Views of the pages about the slice's items, a part of them under a title that redirects."""
    text = gzip.decompress((sample_pageviews() / "wikitrivia_views.tsv.gz").read_bytes()).decode()
    found: dict[str, int] = {}
    for row in csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        title = row["enwiki_title"]
        if title:
            turned = int(row["item"][1:]) % 20 == 0 and fraction(0, "views", title) < 0.5
            found[(second_title(title) if turned else title).replace(" ", "_")] = int(row["page_views"])
    return found
