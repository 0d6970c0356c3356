"""Exclusions: subjects and prompts of known evaluation sets, kept out of every split (decision 22).

A file may be a list with an id, an address, a subject or a prompt on each line; a table (CSV or TSV) with a header
that names its columns, or with an id in each row; or JSON: an array, a record a line, or any export format. Of JSON
records and tables, what stands under a key that names a subject or a prompt is taken, in records at any depth. Where
an id tells who is meant, it alone counts. An entry that nothing is understood of is an error, so no exclusion is lost.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pipeline.core.errors import InputError
from pipeline.sources.entities.model import MAX_ITEM

_ID = re.compile(r"Q[1-9][0-9]{0,18}", re.IGNORECASE)
_ADDRESS = re.compile(
    r"<?(?:https?://(?:www\.|m\.)?wikidata\.org/(?:entity|wiki)/(?:Special:EntityData/|Item:)?|wdt?:)"
    r"(Q[1-9][0-9]{0,18})(?:\.[a-z]+)?(?:[?#]\S*)?>?",
    re.IGNORECASE,
)
_MISSPELT = re.compile(r"Q\s*[0-9]+|https?://\S*", re.IGNORECASE | re.ASCII)  # looks like an id or an address
_ID_KEYS = {"id", "ids", "item", "items", "qid", "qids", "entity", "entity_id", "wikidata", "wikidata_id", "uri", "url"}
_SUBJECT_KEYS = {"subject", "subjects", "subject_id", "subject_qid", "concept", "ent", "subj", "s_uri", "label", "name"}
_DEEP_KEYS = {"subject", "subject_id", "concept", "ent", "subj", "s_uri"}
_PROMPT_KEYS = {
    *("prompt", "prompts", "src", "question", "questions", "update", "text", "rephrase", "rephrase_prompt", "cloze"),
}
_TRIPLES = "edit_triples"  # of MQuAKE: subject, relation and object by their ids
_SHOWN = 60  # characters of an entry in a message


@dataclass(frozen=True)
class Exclusions:
    """What must not be edited.

    Attributes:
        ids: Numbers of items.
        texts: Subjects and prompts, normalised; a text of a plain list may be either.
        entries: How many lines, rows or records of the file were understood.
    """

    ids: frozenset[int] = frozenset()
    texts: frozenset[str] = frozenset()
    entries: int = 0

    def holds(self, text: str) -> bool:
        """Whether a subject or a prompt is excluded, whatever its case and spacing."""
        return normalised(text) in self.texts


def normalised(text: str) -> str:
    """A text without regard to case, spacing and final punctuation.

    >>> normalised("  The capital of  France is: ")
    'the capital of france is'
    """
    return " ".join(text.casefold().split()).rstrip(" .:?!")


def read_exclusions(path: Path) -> Exclusions:
    """Read a file of exclusions.

    Raises:
        InputError: It cannot be read, starts like JSON and is not JSON, or nothing of it or of an entry is understood.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors of some systems put a mark before the first line
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The exclusions cannot be read: {error}", str(path), "Check --exclude.") from error
    try:
        entries = list(_json_entries(text, path) if text.lstrip()[:1] in ("[", "{") else _line_entries(text, path))
    except csv.Error as error:
        raise InputError(f"The exclusions cannot be read: {error}", str(path), _FORMS) from error
    if not entries:
        raise InputError("The exclusions are empty", str(path), _FORMS)
    for where, found in entries:
        if not found:
            raise InputError("Nothing is understood of an entry of the exclusions", f"{path}, {where}", _FORMS)
    ids = frozenset(one for _, found in entries for one in found if isinstance(one, int))
    texts = frozenset(normalised(one) for _, found in entries for one in found if isinstance(one, str))
    return Exclusions(ids, texts - {""}, len(entries))


_FORMS = (
    "Known are an id, an address, a subject or a prompt on each line, CSV or TSV with a header such as item or "
    "subject, and JSON with keys such as subject, subj, s_uri or prompt."
)
_Found = list[int | str]  # what an entry names: items by number, subjects and prompts as they are
_Entry = tuple[str, _Found]  # where it is, and what it names


def _item(text: str) -> int | None:
    """The item that an id or an address names."""
    cell = text.strip().strip("\"'").strip()
    match = _ADDRESS.fullmatch(cell)
    name = match[1] if match else cell if _ID.fullmatch(cell) else None
    return int(name[1:]) if name and int(name[1:]) <= MAX_ITEM else None


def _named(text: str) -> _Found:
    """The item, or the subject or prompt, that a text names; nothing if it looks like an id and is not one."""
    if (item := _item(text)) is not None:
        return [item]
    bare = text.strip()
    if bare.startswith(("'", '"')) and bare.endswith(bare[0]):
        bare = bare[1:-1].strip()
    return [bare] if bare and not _MISSPELT.fullmatch(bare) else []


# Lists and tables


def _line_entries(text: str, path: Path) -> Iterator[_Entry]:
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    separator = next((one for one in _SEPARATORS if one in first), _NO_SEPARATOR)
    header = _header(first, separator)
    if header:
        yield from _table_entries(lines, separator, header, path)
        return
    filled = [line for line in lines if line.strip()]
    is_table = len(filled) > 1 and all("\t" in line for line in filled)  # whose columns nobody named
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield from ((f"line {number}", found) for found in _plain(line) or [[] if is_table else _named(line)])


_SEPARATORS = "\t;,"
_NO_SEPARATOR = "\x1f"  # a table of one column: its cells may hold commas


def _plain(line: str) -> list[_Found]:
    """The items of a line without a header above it: all that it holds if it holds nothing else, or that of a row."""
    for separator in _SEPARATORS:
        cells = [cell for cell in next(csv.reader([line], delimiter=separator)) if cell.strip()]
        named = [item for cell in cells if (item := _item(cell)) is not None]
        if named and (len(named) == len(cells) or separator == "\t" or _item(cells[0]) is not None):
            return [[item] for item in (named if len(named) == len(cells) else named[:1])]
    words = [_item(word) for word in line.split()]
    if None not in words:
        return [[item] for item in words if item is not None]
    return []


def _header(line: str, separator: str) -> list[str] | None:
    """The columns of a table, if the line is a header: one of its cells is a known key, and none an id."""
    cells = [_key(cell) for cell in next(csv.reader([line], delimiter=separator), [])]
    known = _ID_KEYS | _SUBJECT_KEYS | _PROMPT_KEYS
    return cells if known & set(cells) and all(_item(cell) is None for cell in cells) else None


def _key(text: str) -> str:
    """A key or the name of a column, whatever its case."""
    return text.strip().strip("\"'").strip().lower().replace(" ", "_")


def _table_entries(lines: list[str], separator: str, header: list[str], path: Path) -> Iterator[_Entry]:
    rows = csv.reader(lines, delimiter=separator)
    for row in rows:
        if not any(cell.strip() for cell in row) or [_key(cell) for cell in row] == header:
            continue
        where = f"line {rows.line_num}"
        if len(row) > len(header):
            raise InputError("A row of the exclusions has more cells than the header", f"{path}, {where}", "Mend it.")
        yield where, _of_record(dict(zip(header, row, strict=False)))


def _of_record(cells: Mapping[str, str]) -> _Found:
    """What a row of a table names: its item, else its subject and prompts."""
    for key in (*_ID_KEYS, *_SUBJECT_KEYS):
        if (item := _item(cells.get(key, ""))) is not None:
            return [item]
    return [one for key, cell in cells.items() if key in _SUBJECT_KEYS | _PROMPT_KEYS for one in _named(cell)]


# JSON


def _json_entries(text: str, path: Path) -> Iterator[_Entry]:
    try:
        whole = json.loads(text)
    except json.JSONDecodeError as error:
        yield from _json_lines(text, path, error)
        return
    records = cast("list[object]", whole) if isinstance(whole, list) else [whole]
    if isinstance(whole, dict) and all(isinstance(value, dict) for value in cast("dict[str, object]", whole).values()):
        records = list(cast("dict[str, object]", whole).values())  # by their own ids
    for number, record in enumerate(records, 1):
        yield f"entry {number}", _in_value(record, is_top=True)


def _json_lines(text: str, path: Path, error: json.JSONDecodeError) -> Iterator[_Entry]:
    """A value a line; if the first is not one, the file is not JSON at all."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                value = json.loads(line.strip().rstrip(","))
            except json.JSONDecodeError:
                raise InputError(f"The exclusions are not JSON: {error}", str(path), "Mend the file.") from error
            yield f"line {number}", _in_value(value, is_top=True)


def _in_value(value: object, is_top: bool = False) -> _Found:
    if isinstance(value, str):
        return _named(value) if is_top else []
    if isinstance(value, list):
        return [one for element in cast("list[object]", value) for one in _in_value(element, is_top)]
    return _in_record(cast("dict[str, object]", value), is_top) if isinstance(value, dict) else []


def _in_record(record: Mapping[str, object], is_top: bool) -> _Found:
    """What a record names: at its top every known key counts, below only those that cannot mean an answer."""
    ids = _ID_KEYS if is_top else set[str]()
    has_id = any(_item(text) for key, text in record.items() if _key(key) in ids and isinstance(text, str))
    known = (_SUBJECT_KEYS if is_top and not has_id else _DEEP_KEYS) | _PROMPT_KEYS
    found: _Found = []
    for key, value in record.items():
        name = _key(key)
        texts = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
        if name == _TRIPLES:
            found += _subjects(value)
        elif name in known:
            found += [one for text in texts for one in _named(text)]
        elif name in ids:
            found += [item for text in texts if (item := _item(text)) is not None]
        if not texts:
            found += _in_value(value)
    return found


def _subjects(triples: object) -> list[int]:
    rows = cast("list[object]", triples) if isinstance(triples, list) else []
    heads = (cast("list[object]", row)[0] for row in rows if isinstance(row, list) and row)
    return [item for head in heads if isinstance(head, str) and (item := _item(head)) is not None]
