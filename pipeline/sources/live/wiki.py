"""A MediaWiki's action API through pywikibot, which knows its ways; the only module that imports it.

pywikibot sends through the gate and never waits or retries by itself. Its settings come from here alone: the folder
that it is given holds an empty configuration, so that none of the user's is read, and it writes nowhere else.
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
from pipeline.sources.live.rate_limit import Gate

Answer = Mapping[str, Any]


class Wiki:
    """An open wiki.

    Args:
        url: Its `api.php`.
        gate: What every request goes through.
        folder: Where pywikibot may keep its files.
    """

    def __init__(self, url: str, gate: Gate, folder: Path) -> None:
        self.url = url
        self._gate = gate
        self._site: Any = _site(url, gate, folder)

    def ask(self, **parameters: object) -> Answer:
        """One request to the API and its answer, in the second format version.

        Raises:
            ServiceError: The API refuses the request, or the server keeps failing.
        """
        from pywikibot.exceptions import Error

        try:
            request = self._site.simple_request(formatversion=2, **parameters)
            return cast(Answer, request.submit())
        except Error as error:
            raise self._told(error) from error

    def query(self, **parameters: object) -> Iterator[Answer]:
        """The `query` parts of all answers to one question, `continue` followed to its end."""
        more: Mapping[str, object] = {}
        while True:
            answer = self.ask(action="query", **{**parameters, **more})
            yield answer.get("query", {})
            more = answer.get("continue", {})
            if not more:
                return

    def entities(self, names: Sequence[str], props: str, **parameters: object) -> Mapping[str, Answer]:
        """Items as they are now, by the id that was asked for; what is not there says `missing`.

        Raises:
            ServiceError: The answer is not about all of them, or the server keeps failing.
        """
        answer = self.ask(action="wbgetentities", ids="|".join(names), props=props, **parameters)
        found = cast(Mapping[str, Answer], answer.get("entities", {}))
        if set(names) - found.keys():
            raise ServiceError(f"The wiki passed over items, such as {min(set(names) - found.keys())}", self.url)
        return found

    def recent_changes(self, start: datetime, end: datetime) -> Iterator[Answer]:
        """Rows of recent changes of items, oldest first, both ends counted in.

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
                namespaces=self._item_space[0],
                changetype="edit|new|log",
            )
        except Error as error:
            raise self._told(error) from error

    def title(self, item: int) -> str:
        """The title of an item's page."""
        name = self._item_space[1]
        return f"{name}:Q{item}" if name else f"Q{item}"

    @functools.cached_property
    def _item_space(self) -> tuple[int, str]:
        """Number and name of the namespace that items live in: the main one on Wikidata, elsewhere often `Item:`."""
        spaces = cast(Mapping[str, Answer], self._site.siteinfo["namespaces"])
        found = [space for space in spaces.values() if space.get("defaultcontentmodel") == "wikibase-item"]
        return (int(found[0]["id"]), str(found[0].get("name", ""))) if found else (0, "")

    @functools.cached_property
    def name(self) -> str:
        """What the wiki calls itself, as in "www.wikidata.org": the same wherever it is asked."""
        return str(self._site.siteinfo["servername"])

    @functools.cached_property
    def clock(self) -> datetime:
        """What time it is for the wiki; asked anew, because pywikibot remembers for a month what a wiki says of itself.

        Raises:
            ServiceError: The server keeps failing.
        """
        from pywikibot.exceptions import Error

        try:
            return datetime.fromisoformat(str(self._site.siteinfo.get("time", expiry=True)))
        except Error as error:
            raise self._told(error) from error

    def _told(self, error: Exception) -> ServiceError:
        """The reason behind an error of pywikibot."""
        if self._gate.failure is not None:
            return self._gate.failure
        text = " ".join(str(error).split())[:300]
        return ServiceError(f"The wiki refuses a request: {text}", self.url, "This should not happen: please tell us.")


def _site(url: str, gate: Gate, folder: Path) -> Any:
    """A site of pywikibot whose every request goes through the gate."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or not parts.path.endswith(".php"):
        raise UsageError("This is no address of an API", url, "Give the whole of it, as in https://HOST/w/api.php.")
    pywikibot = _configured(folder)
    from pywikibot import config, family
    from pywikibot.comms import http

    http.session = gate.session()
    http.session.cookies = cast(Any, http.cookie_jar)
    config.read_maxlag = 30  # seconds; less starves whenever the query service lags, which Wikidata counts in

    def fixed(value: str) -> Any:
        def told(self: object, code: str) -> str:  # pywikibot looks at the names of these arguments
            del self, code
            return value

        return told

    # pywikibot wants a class a wiki; this one knows nothing but the address.
    kind = type(
        "Family",
        (family.Family,),
        {
            "name": f"wiki{draw_key(0, url)[:8]}",  # pywikibot keeps open sites by this name
            "langs": {"en": parts.netloc},
            "hostname": fixed(parts.netloc),
            "protocol": fixed(parts.scheme),
            "apipath": fixed(parts.path),
            "scriptpath": fixed(parts.path.rpartition("/")[0]),
            "path": fixed(parts.path.rpartition("/")[0] + "/index.php"),
        },
    )
    return pywikibot.Site(code="en", fam=cast(Any, kind)(), user=None)


def _configured(folder: Path) -> Any:
    """pywikibot, imported with a configuration of ours."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("user-config.py", "throttle.ctrl"):  # empty: it looks for both
        (folder / name).touch(mode=0o600)
    os.environ["PYWIKIBOT_DIR"] = str(folder)  # read while it is imported
    os.environ["PYWIKIBOT_NO_USER_CONFIG"] = "2"
    import pywikibot
    from pywikibot import config
    from pywikibot.bot import set_interface

    config.base_dir = str(folder)
    config.minthrottle = config.put_throttle = 0  # the gate keeps the rate
    config.max_retries = 0  # and the patience
    set_interface("buffer")  # nothing of its own on our streams: what goes wrong is told by us
    config.socket_timeout = None
    return pywikibot
