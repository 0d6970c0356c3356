"""The bundled slice as a wiki with a past: the edits that lead from its older state to its newer one.

Half the changed items come by one edit, the others by several: vandalism that is rolled back, terms that are set in
passing. Items that are gone were merged where another holds all they held, else deleted; some were deleted by mistake
and restored, which recent changes forget. One revision in the middle is hidden.
"""

import gzip
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.core.seeded import fraction
from pipeline.sandbox.history import History, Json
from pipeline.sources.diff.item_statements import has_all_statements
from pipeline.sources.diff.names import terms
from pipeline.sources.files.sample import sample_dumps

START, END = "2015-01-04T21:13:56Z", "2021-07-02T19:34:11Z"  # the last edits of the two states
_NOW = "2021-07-05T00:00:00Z"
_BOT, _EDITOR, _VANDAL = ("ExampleBot", True, False), ("ExampleUser", False, False), ("192.0.2.7", False, True)
_Lines = Mapping[str, bytes]


def slice_history() -> History:
    """The wiki of the bundled slice."""
    return history_between(*sample_dumps())


def history_between(older: Path, newer: Path) -> History:
    """A wiki that went from one dump to another, both of them cut from the slice."""
    old, new = _lines(older), _lines(newer)
    entities = {name: json.loads(line) for name, line in new.items()}
    places = {name: place for place, name in enumerate(sorted(old.keys() | new.keys()), start=1)}
    writer = _Writer(places)
    merged = _merges(old, new)
    for name in sorted(old.keys() | new.keys()):
        before = json.loads(old[name]) if name in old else None
        after = entities.get(name)
        if after is None and before is not None:
            _leave(writer, before, merged.get(name))
        elif before is None or (after is not None and before["lastrevid"] != after["lastrevid"]):
            _change(writer, before, after or {}, [gone for gone, kept in merged.items() if kept == name])
    for name, entity in entities.items():
        entity |= {"pageid": places[name], "ns": 0, "title": name}
    return History(writer.revisions, writer.changes, entities, merged, _pages(entities.values()), _NOW)


def _lines(path: Path) -> _Lines:
    found: dict[str, bytes] = {}
    data = path.read_bytes()
    for row in (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines():
        line = row.rstrip(b",")
        if len(line) > 2:
            found[json.loads(line)["id"]] = line
    return found


def _merges(old: _Lines, new: _Lines) -> dict[str, str]:
    """Items that are gone, with the first item that shares a name with them and holds all that they held."""
    gone = [name for name in sorted(old.keys() - new.keys()) if name.startswith("Q")]
    names: dict[str, list[str]] = {}
    for name in gone:
        for _, term, _ in terms(int(name[1:]), old[name], None):
            names.setdefault(term, []).append(name)
    found: dict[str, str] = {}
    for kept in sorted(new):
        shared = {one for _, term, _ in terms(int(kept[1:]), old.get(kept), new[kept]) for one in names.get(term, ())}
        for name in shared - found.keys():
            if has_all_statements(new[kept], old[name]):
                found[name] = kept
    return found


class _Writer:
    """Takes down revisions and recent changes."""

    def __init__(self, places: Mapping[str, int]) -> None:
        self._places = places
        self.revisions: dict[int, Json] = {}
        self.changes: list[Json] = []

    def revision(self, name: str, number: int, parent: int, moment: str, content: Json | None) -> None:
        """A revision; without content it is hidden."""
        main: Json = {"texthidden": True}
        if content is not None:
            text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
            main = {"contentmodel": "wikibase-item", "contentformat": "application/json", "content": text}
        row: Json = {"revid": number, "parentid": parent, "timestamp": moment, "slots": {"main": main}, "tags": []}
        self.revisions[number] = row | {"title": name, "pageid": self._places[name]}

    def change(
        self,
        name: str,
        number: int,
        parent: int,
        moment: str,
        comment: str,
        by: tuple[str, bool, bool] = _EDITOR,
        tags: Iterable[str] = (),
    ) -> None:
        """A row of recent changes for an edit."""
        row: Json = {"type": "edit" if parent else "new", "ns": 0, "title": name, "pageid": self._places[name]}
        row |= {"revid": number, "old_revid": parent, "rcid": 2 * number, "user": by[0], "userid": 0 if by[2] else 7}
        row |= {"anon": True} if by[2] else {}
        row |= {"bot": by[1], "new": not parent, "minor": False, "oldlen": 0, "newlen": 0, "timestamp": moment}
        self.changes.append(row | {"comment": comment, "redirect": False, "tags": list(tags)})

    def log(self, name: str, number: int, moment: str, action: str) -> None:
        """A row of recent changes for a deletion or a restoration."""
        row: Json = {"type": "log", "ns": 0, "title": name, "pageid": 0, "revid": 0, "old_revid": 0}
        row |= {"rcid": 2 * number + 1, "user": "ExampleUser3", "userid": 1, "bot": False, "new": False, "minor": False}
        row |= {"oldlen": 0, "newlen": 0, "timestamp": moment, "comment": "", "redirect": False, "logid": number}
        self.changes.append(row | {"logtype": "delete", "logaction": action, "logparams": {}, "tags": []})


def _change(writer: _Writer, before: Json | None, after: Json, came_from: list[str]) -> None:
    """The edits that lead from one text of an item to another."""
    name, head, moment = str(after["id"]), int(after["lastrevid"]), str(after["modified"])
    parent = int(before["lastrevid"]) if before else 0
    if before:
        writer.revision(name, parent, 0, str(before["modified"]), storage(before))
    lot = fraction(0, "script", name)
    if before and lot < 0.03:
        _mistaken_deletion(writer, name, parent, head, moment, after)
        return
    if before and lot < 0.5:
        parent = _vandalism(writer, name, parent, head, moment, before, is_hidden=lot < 0.06)
    writer.revision(name, head, parent, moment, storage(after))
    merging = [f"/* wbmergeitems-from:0||{gone} */" for gone in came_from]
    made = "/* wbeditentity-create-item:0| */" if not before else "/* wbeditentity-update:0| */"
    writer.change(name, head, parent, moment, (merging or [made])[0], _BOT)


def _vandalism(writer: _Writer, name: str, parent: int, head: int, moment: str, before: Json, is_hidden: bool) -> int:
    """A wrong label, a statement struck out, a rollback; gives the revision after it."""
    spoilt = json.loads(json.dumps(storage(before)))
    claims: Any = spoilt["claims"]
    if claims:
        claims.pop(sorted(claims)[0])
    steps = [
        (head - 3, "/* wbsetlabel-set:1|en */ Nonsense", _VANDAL, ["mw-reverted"], storage(before)),
        (head - 2, "/* wbremoveclaims-remove:1| */ [[Property:P31]]: [[Q5]]", _VANDAL, ["mw-reverted"], spoilt),
        (head - 1, "Reverted edits by [[Special:Contributions/192.0.2.7]]", _EDITOR, ["mw-rollback"], storage(before)),
    ]
    for number, comment, by, tags, content in steps:
        earlier = _earlier(moment, head - number)
        writer.revision(name, number, parent, earlier, None if is_hidden and number == head - 2 else content)
        writer.change(name, number, parent, earlier, comment, by, tags)
        parent = number
    return parent


def _mistaken_deletion(writer: _Writer, name: str, parent: int, head: int, moment: str, after: Json) -> None:
    """An edit, a deletion, a restoration: only the page's own history lists the edit."""
    writer.revision(name, head, parent, moment, storage(after))
    later = _earlier(moment, -1)
    writer.log(name, head, moment, "delete")
    writer.log(name, head + 1, min(later, END), "restore")


def _leave(writer: _Writer, before: Json, target: str | None) -> None:
    """The end of an item: merged into another, or deleted."""
    name, parent = str(before["id"]), int(before["lastrevid"])
    number, moment = 2_000_000_000 + int(name[1:]), "2018-05-06T07:08:09Z"
    if target is None:
        writer.log(name, number, moment, "delete")
        return
    writer.revision(name, parent, 0, str(before["modified"]), storage(before))
    bare = {"type": "item", "id": name, "labels": [], "descriptions": [], "aliases": [], "claims": [], "sitelinks": []}
    writer.revision(name, number, parent, moment, bare)
    writer.change(name, number, parent, moment, f"/* wbmergeitems-to:0||{target} */")
    writer.revision(name, number + 500_000_000, number, moment, {"entity": name, "redirect": target})
    writer.change(name, number + 500_000_000, number, moment, f"/* wbcreateredirect:0||{name}|{target} */")


def _earlier(moment: str, minutes: int) -> str:
    return f"{datetime.fromisoformat(moment) - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def storage(entity: Json) -> Json:
    """An item as revisions hold it: empty maps are lists, nothing states types, revision or time."""
    kept = {key: value or [] for key, value in entity.items() if key not in ("lastrevid", "modified")}
    claims: dict[str, Any] = entity.get("claims") or {}
    kept["claims"] = {name: [_bare(one) for one in statements] for name, statements in claims.items()} or []
    return kept


def _bare(value: Any) -> Any:
    """A statement without the data types of its snaks."""
    if isinstance(value, dict):
        is_snak = "snaktype" in value
        return {key: _bare(part) for key, part in value.items() if not (is_snak and key == "datatype")}
    return [_bare(part) for part in value] if isinstance(value, list) else value


_TURNED = 20  # of the pages, how many have a second name


def _pages(entities: Iterable[Json]) -> dict[str, Json]:
    """Pages of the client wiki, some with another title that redirects to them."""
    found: dict[str, Json] = {}
    for entity in entities:
        link = (entity.get("sitelinks") or {}).get("enwiki")
        if link:
            found[link["title"]] = {"item": entity["id"]}
            if int(entity["id"][1:]) % _TURNED == 0:
                found[second_title(link["title"])] = {"redirect": link["title"]}
    return found


def second_title(title: str) -> str:
    """The title of a page that redirects to another."""
    return f"{title} (redirect)"
