"""The action API, as much of it as unmodified pywikibot and the live source ask for.

Answers are made in format version 2, in the shapes of recorded ones, and turned into version 1 when that is asked for.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import cast

from pipeline.core.seeded import fraction
from pipeline.sandbox.history import History, Json

Parameters = Mapping[str, str]

_VALUES = 50  # of one parameter, at most
_ROWS = 500  # of a list, at most
_ALL_PROPS = "info|sitelinks|aliases|labels|descriptions|claims|datatype"
_INFO = ("pageid", "ns", "title", "lastrevid", "modified")
_ID = re.compile(r"[QP][1-9]\d{0,9}")


class Refused(Exception):
    """A request that the API answers with an error."""

    def __init__(self, code: str, info: str) -> None:
        self.code, self.info = code, info
        super().__init__(code, info)


def answer(history: History, parameters: Parameters) -> Json:
    """What the API answers."""
    try:
        action = _ACTIONS.get(parameters.get("action", "help"))
        if action is None:
            raise Refused("badvalue", f'Unrecognized value for parameter "action": {parameters.get("action")}.')
        found = action(history, parameters)
    except Refused as refused:
        found: Json = {"error": refused_as(refused.code, refused.info)}
    modern = parameters.get("formatversion", "1") != "1"
    return found if modern or parameters.get("action") == "wbgetentities" else cast(Json, first_version(found))


def refused_as(code: str, info: str) -> Json:
    """An error as the API writes it."""
    return {"code": code, "info": info, "docref": "This is a sandbox: see `editmill sandbox --help`."}


def first_version(value: object) -> object:
    """An answer as format version 1 has it: what is true is an empty text, what is false is left out."""
    if isinstance(value, dict):
        rows = cast(dict[str, object], value).items()
        return {key: "" if part is True else first_version(part) for key, part in rows if part is not False}
    if isinstance(value, list):
        return [first_version(part) for part in cast(list[object], value)]
    return value


def _query(history: History, parameters: Parameters) -> Json:
    found: Json = {"batchcomplete": True, "query": {}}
    for kind in ("list", "prop", "meta"):
        for name in _values(parameters.get(kind, "")):
            part = _PARTS.get((kind, name))
            if part is not None:
                _merge(found, part(history, parameters))
    if "continue" in found:
        found["continue"]["continue"] = "||" if "prop" in parameters else "-||"
    return found


def _merge(found: Json, part: Json) -> None:
    found["query"] |= part.get("query", {})
    if "continue" in part:
        found.setdefault("continue", {}).update(part["continue"])
        if part.get("cut"):
            found.pop("batchcomplete", None)


def _values(text: str) -> list[str]:
    values = [value for value in text.split("|") if value]
    if len(values) > _VALUES:
        raise Refused("toomanyvalues", f"Too many values supplied. The limit is {_VALUES}.")
    return values


def _siteinfo(history: History, parameters: Parameters) -> Json:
    info = history.meta["siteinfo"]
    wanted = _values(parameters.get("siprop", "general"))
    found = {name: info[name] for name in wanted if name in info}
    if "general" in found:
        found["general"] = found["general"] | {"time": history.now}
    return {"query": found}


def _userinfo(history: History, parameters: Parameters) -> Json:
    del parameters
    return {"query": {"userinfo": history.meta["userinfo"]}}


def _recent_changes(history: History, parameters: Parameters) -> Json:
    """A page of rows, and where the next one begins."""
    newer = parameters.get("rcdir", "older") == "newer"
    low, high = parameters.get("rcstart", ""), parameters.get("rcend", "")
    if not newer:
        low, high = high, low
    spaces = _values(parameters.get("rcnamespace", ""))
    kinds = _values(parameters.get("rctype", "edit|new|log|categorize"))
    rows = [
        row
        for row in history.changes
        if (low or "0") <= row["timestamp"] <= (high or "9")
        and (not spaces or str(row["ns"]) in spaces)
        and row["type"] in kinds
    ]
    rows.sort(key=_place, reverse=not newer)
    if "rccontinue" in parameters:
        stamp, rcid = parameters["rccontinue"].split("|")
        after = (stamp, int(rcid))
        rows = [row for row in rows if (_place(row) >= after if newer else _place(row) <= after)]
    limit = parameters.get("rclimit", "10")
    size = _ROWS if limit == "max" else min(int(limit), _ROWS)
    shown = [_projected(row, parameters) for row in _disordered(rows[:size], history.disorder)]
    found: Json = {"query": {"recentchanges": shown}}
    if len(rows) > size:
        stamp, rcid = _place(rows[size])
        found["continue"] = {"rccontinue": f"{stamp}|{rcid}"}
    return found


_PROJECTED = {
    "title": ("ns", "title"),
    "ids": ("pageid", "revid", "old_revid", "rcid"),
    "user": ("user", "userhidden", "anon"),
    "userid": ("userid",),
    "flags": ("bot", "new", "minor"),
    "sizes": ("oldlen", "newlen"),
    "timestamp": ("timestamp",),
    "comment": ("comment", "commenthidden"),
    "redirect": ("redirect",),
    "loginfo": ("logid", "logtype", "logaction", "logparams"),
    "tags": ("tags",),
}


def _projected(row: Json, parameters: Parameters) -> Json:
    """The parts of a row that were asked for."""
    props = _values(parameters.get("rcprop", "title|timestamp|ids"))
    wanted = {"type", *(name for prop in props for name in _PROJECTED.get(prop, ()))}
    return {name: value for name, value in row.items() if name in wanted}


def _disordered(rows: list[Json], share: float) -> list[Json]:
    """Rows of which some stand twice and some have changed places, as on a wiki whose servers lag."""
    found: list[Json] = []
    for row in rows:
        lot = fraction(0, "disorder", row["rcid"])
        found += [row, row] if lot < share / 2 else [row]
        if len(found) > 1 and share / 2 <= lot < share:
            found[-2:] = reversed(found[-2:])
    return found


def _place(row: Json) -> tuple[str, int]:
    return re.sub(r"\D", "", row["timestamp"]), row["rcid"]


def _revisions(history: History, parameters: Parameters) -> Json:
    if "revids" in parameters:
        return _by_revision(history, parameters)
    titles = _values(parameters.get("titles", ""))
    if len(titles) != 1:
        raise Refused("invalidparammix", "titles may only be used with a single page here.")
    start, end = parameters.get("rvstart", "9"), parameters.get("rvend", "0")
    rows = [row for row in history.revisions.values() if row["title"] == titles[0] and end <= row["timestamp"] <= start]
    rows.sort(key=lambda row: (row["timestamp"], row["revid"]), reverse=True)
    if "rvcontinue" in parameters:
        after = int(parameters["rvcontinue"].split("|")[1])
        places = [place for place, row in enumerate(rows) if row["revid"] == after]
        rows = rows[places[0] :] if places else []
    limit = parameters.get("rvlimit", "max")
    size = _ROWS if limit == "max" else int(limit)
    rows, rest = rows[:size], rows[size:]
    known = any(row["title"] == titles[0] for row in history.revisions.values())
    page: Json = {"ns": 0, "title": titles[0]} | ({} if known else {"missing": True})
    props = _values(parameters.get("rvprop", "ids|timestamp|flags|comment|user"))
    if rows:
        page = {"pageid": rows[0]["pageid"], **page, "revisions": [_shown(row, props) for row in rows]}
    found: Json = {"query": {"pages": [page]}}
    if rest:
        stamp = re.sub(r"\D", "", rest[0]["timestamp"])
        found |= {"continue": {"rvcontinue": f"{stamp}|{rest[0]['revid']}"}, "cut": True}
    return found


def _by_revision(history: History, parameters: Parameters) -> Json:
    """Revisions by id, fewer than asked for when they come to more than an answer may hold."""
    wanted = [int(value) for value in _values(parameters["revids"])]
    props = _values(parameters.get("rvprop", "ids|timestamp|flags|comment|user"))
    there = sorted(set(wanted) & history.revisions.keys() - history.lagging)
    history.lagging -= set(wanted)
    bad = {str(one): {"revid": one, "missing": True} for one in wanted if one not in there}
    begin = int(parameters.get("rvcontinue", 0))
    there, rest = _portion([one for one in there if one >= begin], history)
    pages: dict[str, Json] = {}
    for one in there:
        row = history.revisions[one]
        page = pages.setdefault(row["title"], {"pageid": row["pageid"], "ns": 0, "title": row["title"]})
        page.setdefault("revisions", []).append(_shown(row, props))
    in_order = sorted(pages.values(), key=lambda page: page["pageid"])
    query: Json = ({"badrevids": bad} if bad else {}) | ({"pages": in_order} if in_order else {})
    found: Json = {"query": query}
    return found | ({"continue": {"rvcontinue": str(rest[0])}, "cut": True} if rest else {})


_ANSWER_CHARACTERS = 1_000_000  # of content: Wikidata's answers hold 12 MB


def _portion(ids: list[int], history: History) -> tuple[list[int], list[int]]:
    size = 0
    for place, one in enumerate(ids):
        size += len(history.revisions[one]["slots"]["main"].get("content", ""))
        if size > _ANSWER_CHARACTERS and place:
            return ids[:place], ids[place:]
    return ids, []


_SHOWN = {
    "ids": ("revid", "parentid"),
    "timestamp": ("timestamp",),
    "content": ("slots",),
    "tags": ("tags",),
    "sha1": ("sha1", "sha1hidden"),
    "comment": ("comment", "commenthidden"),
}


def _shown(row: Json, props: Iterable[str]) -> Json:
    names = [name for prop in props for name in _SHOWN.get(prop, ())]
    return {name: row[name] for name in names if name in row}


def _pageprops(history: History, parameters: Parameters) -> Json:
    """The items of pages of the client wiki, redirects followed."""
    titles = _values(parameters.get("titles", ""))
    normal = {title: title.replace("_", " ") for title in titles}
    redirected: dict[str, str] = {}
    pages: dict[str, Json] = {}
    for title in normal.values():
        page = history.pages.get(title)
        target = title
        if page and "redirect" in page and "redirects" in parameters:
            target = redirected[title] = page["redirect"]
            page = history.pages.get(target)
        pages[target] = {"ns": 0, "title": target} | (
            {"pageprops": {"wikibase_item": page["item"]}} if page and "item" in page else {}
        )
        if page is None:
            pages[target]["missing"] = True
    found: Json = {"pages": list(pages.values())}
    changed = [{"fromencoded": False, "from": old, "to": new} for old, new in normal.items() if old != new]
    found |= {"normalized": changed} if changed else {}
    found |= {"redirects": [{"from": old, "to": new} for old, new in redirected.items()]} if redirected else {}
    return {"query": found}


def _paraminfo(history: History, parameters: Parameters) -> Json:
    known = history.meta["paraminfo"]
    found = [known[name] for name in parameters.get("modules", "").split("|") if name in known]
    return {"paraminfo": {"helpformat": "none", "modules": found}}


def _entities(history: History, parameters: Parameters) -> Json:
    wanted = _values(parameters.get("ids", ""))
    for one in wanted:
        if not _ID.fullmatch(one):
            raise Refused("no-such-entity", f'Could not find an entity with the ID "{one}".')
    props = _values(parameters.get("props", _ALL_PROPS))
    found = {one: _entity(history, one, props, parameters) for one in wanted}
    return {"entities": found, "success": 1}


def _entity(history: History, wanted: str, props: list[str], parameters: Parameters) -> Json:
    name = wanted
    if parameters.get("redirects", "yes") == "yes":
        name = history.redirects.get(wanted, wanted)
    entity = history.entities.get(name)
    if entity is None:
        return {"id": wanted, "missing": ""}
    redirected = {"redirects": {"from": wanted, "to": name}} if name != wanted else {}
    shown: Json = {"type": entity["type"], "id": name}
    if "info" in props:
        shown = {key: entity[key] for key in _INFO if key in entity} | redirected | shown
    for key in ("datatype", "labels", "descriptions", "aliases", "claims", "sitelinks"):
        if key in props and key in entity:
            shown[key] = _in_languages(key, entity[key], _values(parameters.get("languages", "")))
    return shown


def _in_languages(key: str, part: Json, languages: list[str]) -> Json:
    if not languages or key not in ("labels", "descriptions", "aliases"):
        return part
    return {language: part[language] for language in languages if language in part}


_Part = Callable[[History, Parameters], Json]
_ACTIONS: dict[str, _Part] = {"query": _query, "paraminfo": _paraminfo, "wbgetentities": _entities}
_PARTS: dict[tuple[str, str], _Part] = {
    ("list", "recentchanges"): _recent_changes,
    ("prop", "revisions"): _revisions,
    ("prop", "pageprops"): _pageprops,
    ("meta", "siteinfo"): _siteinfo,
    ("meta", "userinfo"): _userinfo,
}
