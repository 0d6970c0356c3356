"""What a harvest is requested for: the services of a wiki, the window, and the state folder."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

WIKIDATA = "https://www.wikidata.org/w/api.php"
QUERY_SERVICE = "https://query.wikidata.org/sparql"
PAGE_VIEWS = "https://wikimedia.org/api/rest_v1/metrics/pageviews"
PAGE_VIEW_DUMPS = "https://dumps.wikimedia.org/other/pageview_complete/monthly"
CLIENT_WIKI = "https://{project}.org/w/api.php"


@dataclass(frozen=True)
class ServiceUrls:
    """The URLs of a wiki's services.

    Attributes:
        api: The `api.php` of the repository.
        sparql: The query service. Without one, degrees count only the links between fetched items.
        pageviews: The page view service. Without one there is no popular category.
        client_api: The `api.php` of the wikis whose pages are viewed, with a placeholder for the project.
        pageview_dumps: The monthly files of all pages. Without them, each month has its 1,000 most viewed pages.
    """

    api: str = WIKIDATA
    sparql: str | None = QUERY_SERVICE
    pageviews: str | None = PAGE_VIEWS
    client_api: str = CLIENT_WIKI
    pageview_dumps: str | None = PAGE_VIEW_DUMPS


@dataclass(frozen=True)
class HarvestRequest:
    """What to harvest.

    Attributes:
        urls: The services.
        contact: The operator's mail address or web page.
        state: The state folder of the wiki.
        start: The start of the window; None if it follows from `days`.
        end: The end of the window; None for the latest time that is settled.
        days: The length of a window without a start. It is longer if the last harvest ended earlier.
        properties: Numbers of the properties whose values are fetched too.
        class_depth: The largest number of subclass steps to fetch.
    """

    urls: ServiceUrls
    contact: str | None
    state: Path
    start: datetime | None = None
    end: datetime | None = None
    days: int = 7
    properties: frozenset[int] = frozenset()
    class_depth: int = 12
