"""The action API of a MediaWiki through pywikibot. No other module imports pywikibot.

pywikibot sends through the rate limiter and never waits or retries by itself. All its settings are made here: its
folder holds an empty configuration, so that it reads none of the user's files and writes nowhere else.
"""

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from pipeline.core.errors import ServiceError, UsageError
from pipeline.core.seeded import draw_key
from pipeline.sources.live.rate_limit import RateLimiter

Answer = Mapping[str, Any]


class Wiki:
    """A client of one wiki.

    Args:
        url: Its `api.php`.
        limiter: The rate limiter of all requests.
        folder: Where pywikibot may keep its files.
    """

    def __init__(self, url: str, limiter: RateLimiter, folder: Path) -> None:
        self.url = url
        self._limiter = limiter
        self._site: Any = _open_site(url, limiter, folder)

    def request(self, **parameters: object) -> Answer:
        """Send one request to the API, in format version 2.

        Raises:
            ServiceError: The API refuses the request, or the server keeps failing.
        """
        from pywikibot.exceptions import Error

        try:
            request = self._site.simple_request(formatversion=2, **parameters)
            return cast(Answer, request.submit())
        except Error as error:
            raise self._service_error(error) from error

    def query(self, **parameters: object) -> Iterator[Answer]:
        """The `query` parts of all pages of an answer, by following `continue`."""
        more: Mapping[str, object] = {}
        while True:
            answer = self.request(action="query", **{**parameters, **more})
            yield answer.get("query", {})
            more = answer.get("continue", {})
            if not more:
                return

    def entities(self, names: Sequence[str], props: str, **parameters: object) -> Mapping[str, Answer]:
        """Items as they are now, by requested id; an item that does not exist has the key `missing`.

        Raises:
            ServiceError: The answer leaves out items, or the server keeps failing.
        """
        answer = self.request(action="wbgetentities", ids="|".join(names), props=props, **parameters)
        found = cast(Mapping[str, Answer], answer.get("entities", {}))
        if left := set(names) - found.keys():
            raise ServiceError(f"The wiki left out {len(left)} of {len(names)} items, such as {min(left)}", self.url)
        return found

    def recent_changes(self, start: datetime, end: datetime) -> Iterator[Answer]:
        """Rows of recent changes of items, oldest first, including both ends.

        Raises:
            ServiceError: The server keeps failing.
        """
        import pywikibot
        from pywikibot.exceptions import Error

        try:
            yield from self._site.recentchanges(
                start=pywikibot.Timestamp.fromtimestampformat(f"{start:%Y%m%d%H%M%S}"),
                end=pywikibot.Timestamp.fromtimestampformat(f"{end:%Y%m%d%H%M%S}"),
                reverse=True,
                namespaces=self._item_namespace[0],
                changetype="edit|new|log",
            )
        except Error as error:
            raise self._service_error(error) from error

    def item_title(self, item: int) -> str:
        """The title of an item's page."""
        name = self._item_namespace[1]
        return f"{name}:Q{item}" if name else f"Q{item}"

    @functools.cached_property
    def _item_namespace(self) -> tuple[int, str]:
        """Number and name of the namespace of items: the main one on Wikidata, elsewhere often `Item:`."""
        spaces = cast(Mapping[str, Answer], self._site.siteinfo["namespaces"])
        found = [space for space in spaces.values() if space.get("defaultcontentmodel") == "wikibase-item"]
        return (int(found[0]["id"]), str(found[0].get("name", ""))) if found else (0, "")

    @functools.cached_property
    def name(self) -> str:
        """The server name that the wiki gives, such as "www.wikidata.org"; it does not depend on the URL we use."""
        return str(self._site.siteinfo["servername"])

    @functools.cached_property
    def clock(self) -> datetime:
        """The current time of the wiki. It is always requested, because pywikibot caches site information for a month.

        Raises:
            ServiceError: The server keeps failing.
        """
        from pywikibot.exceptions import Error

        try:
            return datetime.fromisoformat(str(self._site.siteinfo.get("time", expiry=True)))
        except Error as error:
            raise self._service_error(error) from error

    def _service_error(self, error: Exception) -> ServiceError:
        """The error behind an error of pywikibot."""
        if self._limiter.fatal_error is not None:
            return self._limiter.fatal_error
        text = " ".join(str(error).split())[:300]
        return ServiceError(
            f"The wiki refuses a request: {text}", self.url, "This should not happen: please report it."
        )


def _open_site(url: str, limiter: RateLimiter, folder: Path) -> Any:
    """A site of pywikibot whose requests all go through the rate limiter."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or not parts.path.endswith(".php"):
        raise UsageError("This is not the address of an API", url, "Give the full URL, such as https://HOST/w/api.php.")
    pywikibot = _import_pywikibot(folder)
    from pywikibot import config, family
    from pywikibot.comms import http

    http.session = limiter.session()
    http.session.cookies = cast(Any, http.cookie_jar)
    config.read_maxlag = (
        30  # seconds; Wikidata counts the lag of its query service, so a lower limit blocks us for hours
    )

    def constant(value: str) -> Any:
        def method(self: object, code: str) -> str:  # pywikibot checks the names of these arguments
            del self, code
            return value

        return method

    # pywikibot requires a class for each wiki. This one contains the address and nothing else.
    kind = type(
        "Family",
        (family.Family,),
        {
            "name": f"wiki{draw_key(0, url)[:8]}",  # pywikibot caches open sites by this name
            "langs": {"en": parts.netloc},
            "hostname": constant(parts.netloc),
            "protocol": constant(parts.scheme),
            "apipath": constant(parts.path),
            "scriptpath": constant(parts.path.rpartition("/")[0]),
            "path": constant(parts.path.rpartition("/")[0] + "/index.php"),
        },
    )
    return pywikibot.Site(code="en", fam=cast(Any, kind)(), user=None)


def _import_pywikibot(folder: Path) -> Any:
    """pywikibot, imported with our configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("user-config.py", "throttle.ctrl"):  # empty: pywikibot looks for both
        (folder / name).touch(mode=0o600)
    os.environ["PYWIKIBOT_DIR"] = str(folder)  # read during the import
    os.environ["PYWIKIBOT_NO_USER_CONFIG"] = "2"
    import pywikibot
    from pywikibot import config
    from pywikibot.bot import set_interface

    config.base_dir = str(folder)
    config.minthrottle = config.put_throttle = 0  # the rate limiter does this
    config.max_retries = 0  # and this
    set_interface("buffer")  # no output of its own on our streams: we report its errors
    config.socket_timeout = None
    return pywikibot
