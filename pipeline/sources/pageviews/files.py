"""Page view files to VIEWS. The content of a file shows which of the common formats it has.

- AQS `top`: a JSON object with `items`, each with a project and its `articles`.
- Yearly top lists: TSV with the columns article, views, mobile_percentage and perhaps hours. The file name contains the
  project.
- Views of items: TSV with the columns item, page_views.
- `pageview_complete`: lines "project title page_id access views hours", one per access method.
"""

import csv
import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from pipeline.core import schema
from pipeline.core.errors import InputError
from pipeline.core.foreign import no_file
from pipeline.core.tables import write_batches
from pipeline.sources.entities.model import number
from pipeline.sources.files.compression import DAMAGE, ByteStream, open_dump

View = tuple[str, str | None, int | None, int, float | None, int | None]  # the columns of schema.VIEWS, in order
_Reader = Callable[[Iterator[str], Path, frozenset[str]], Iterator[View]]

_BATCH_ROWS = 100_000
_PEEK_CHARACTERS = 4096
_PEEK_LINES = 5  # the first ones may be odd


def pageview_files(path: Path) -> list[Path]:
    """The files to read: the path itself, or every file below a folder but notes about them and hidden files.

    Raises:
        InputError: There is no such path, nothing in it is a page view file, or something else is.
    """
    if path.is_file():
        _require_format(path)
        return [path]
    if not path.is_dir():
        raise no_file(path, "Check --pageviews.")
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and not _is_note(file.relative_to(path))]
    for file in files:
        if _detect_format(file) is None:
            raise InputError(
                "This file among the page views is not a page view file",
                str(file),
                f"Take it out of the folder. {_KNOWN_FORMATS}",
            )
    if not files:
        raise InputError("No file in the folder is a page view file", str(path), _KNOWN_FORMATS)
    return files


_NOTE = re.compile(
    r"(?:README|LICEN[CS]E|COPYING|NOTICE|CHANGES)\b.*|.*(?:\.md|sums\.txt|\.sha\d+|\.md5)", re.IGNORECASE
)


def _is_note(path: Path) -> bool:
    """Whether a file is hidden, or describes the files beside it."""
    return any(part.startswith(".") for part in path.parts) or bool(_NOTE.fullmatch(path.name))


_REMEDY = "Download the file again, or leave it out."
_KNOWN_FORMATS = (
    "Known formats: AQS `top` JSON, TSV with `article`/`views` or `item`/`page_views`, and `pageview_complete` lines."
)


def read_views(
    path: Path, projects: frozenset[str], out: Path, max_odd_share: float = 0.5, odd: Counter[str] | None = None
) -> Path:
    """Write VIEWS of one file.

    A few lines of `pageview_complete` files have another form, since titles hold what they like: they are passed over.

    Args:
        path: The file.
        projects: The projects to keep ("en.wikipedia"); views of items are always kept.
        out: The file to write.
        max_odd_share: How many lines of these projects may be passed over, of all of them.
        odd: Counts the lines that were passed over, by the name of the file.

    Raises:
        InputError: The format is unknown, or the file is damaged. The message contains the line number.
    """
    reader = _require_format(path)
    if reader is not _read_complete:
        return write_views(_read_file(reader, path, projects), out)
    lines = _ProjectLines(projects, max_odd_share)
    write_views(_read_file(lines.read, path, projects), out)
    if odd is not None and lines.odd:
        odd[path.name] += lines.odd
    return out


def write_views(views: Iterable[View], out: Path) -> Path:
    """Write VIEWS from an iterator, without holding them in memory."""
    return write_batches(_batches(views), out, schema.VIEWS)


def _require_format(path: Path) -> _Reader:
    reader = _detect_format(path)
    if reader is None:
        raise InputError("The form of the page views is unknown", str(path), _KNOWN_FORMATS)
    return reader


def _detect_format(path: Path) -> _Reader | None:
    """The reader for a file, from its first characters; None for an unknown format."""
    with open_dump(path) as stream:
        head = _read_bytes(stream, path, _PEEK_CHARACTERS).decode("utf-8", errors="replace")
    first = head.lstrip().split("\n", 1)[0]
    columns = set(first.rstrip("\r").split("\t"))
    if first.startswith("{") and '"items"' in head:
        return _read_aqs
    if {"item", "page_views"} <= columns:
        return _read_items
    if {"article", "views"} <= columns:
        return _read_yearly
    is_complete = any(_COMPLETE.match(line) for line in head.split("\n")[:_PEEK_LINES])
    return _read_complete if is_complete else None


def _read_bytes(stream: ByteStream, path: Path, size: int) -> bytes:
    data = b""
    try:
        while len(data) < size and (more := stream.read(size - len(data))):
            data += more
        return data
    except DAMAGE as error:
        raise InputError(f"The page views are damaged: {error}", str(path), _REMEDY) from error


def _read_file(reader: _Reader, path: Path, projects: frozenset[str]) -> Iterator[View]:
    """The views of a file; errors contain the line number."""
    lines = _Lines(path, "strict" if reader in _STRICT else "replace")
    try:
        yield from reader(iter(lines), path, projects)
    except (*DAMAGE, ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise InputError(
            f"The page views are damaged: {type(error).__name__}: {error}",
            f"{path}, line {lines.number}",
            _REMEDY,
        ) from error


class _Lines:
    """The lines of a compressed text file, with the number of the last one."""

    def __init__(self, path: Path, errors: str) -> None:
        self._path = path
        self._errors = errors  # what to do with bytes that are not UTF-8
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        with open_dump(self._path) as stream:
            rest = b""
            while data := stream.read(1 << 20):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self.number += 1
                    yield line.decode("utf-8", self._errors)
            if rest:
                self.number += 1
                yield rest.decode("utf-8", self._errors)


def _batches(views: Iterable[View]) -> Iterator[pa.RecordBatch]:
    rows: list[View] = []
    for view in views:
        rows.append(view)
        if len(rows) == _BATCH_ROWS:
            yield _batch(rows)
            rows = []
    yield _batch(rows)


def _batch(rows: list[View]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema.VIEWS)
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema.VIEWS, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema.VIEWS)


def page_title(title: str) -> str:
    """A title in the form of sitelinks: decoded, with spaces, the first letter in upper case."""
    text = unquote(title).replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def _count(text: str | int) -> int:
    count = int(text)
    if not 0 <= count < 2**63:
        raise ValueError(f"{text!r} is not a count")
    return count


def _item(name: str) -> int:
    return number(name if name[:1] == "Q" else f"Q{name}")


def _read_aqs(lines: Iterator[str], path: Path, projects: frozenset[str]) -> Iterator[View]:
    del path
    answer: Mapping[str, Any] = json.loads("\n".join(lines))
    for item in answer["items"]:
        project = item["project"].removesuffix(".org")
        if project in projects:
            share = {"desktop": 0.0, "mobile-web": 1.0, "mobile-app": 1.0}.get(item.get("access", "all-access"))
            for article in item["articles"]:
                yield project, page_title(article["article"]), None, _count(article["views"]), share, None


def _read_yearly(lines: Iterator[str], path: Path, projects: frozenset[str]) -> Iterator[View]:
    found = _PROJECT.search(path.name)
    project = found.group() if found else "en.wikipedia"
    if project in projects:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            mobile = row.get("mobile_percentage") or None
            share = float(mobile) / 100 if mobile else None
            hours = int(row["hours"]) if row.get("hours") else None
            yield project, page_title(row["article"]), None, _count(row["views"]), share, hours


# A language code of two or three letters, perhaps with more after hyphens ("zh-yue"), before the kind of wiki.
_PROJECT = re.compile(r"(?<![a-z])((?:[a-z]{2,3}(?:-[a-z]+)*|simple)\.)?wiki[a-z]+")


def _read_items(lines: Iterator[str], path: Path, projects: frozenset[str]) -> Iterator[View]:
    del path, projects
    for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
        yield "wikidata", None, _item(row["item"]), _count(row["page_views"]), None, None


_STRICT = (_read_aqs, _read_yearly, _read_items)
_COMPLETE = re.compile(r"([a-z0-9_-]+\.[a-z]+) (\S+) (?:(?:\d+|null) )?(desktop|mobile-web|mobile-app) (\d+) (\S+)\s*$")
# "A3" means three views in the first hour. In monthly files a character for the day comes first, not always a letter.
_HOUR = re.compile(r"([^\d\s]+)\d+")


def _read_complete(lines: Iterator[str], path: Path, projects: frozenset[str]) -> Iterator[View]:
    return _ProjectLines(projects, 1).read(lines, path, projects)


class _ProjectLines:
    """The lines of some projects in a `pageview_complete` file, those of another form counted and passed over."""

    def __init__(self, projects: frozenset[str], max_odd_share: float) -> None:
        self._projects = projects
        self._most = max_odd_share
        self._lines = 0
        self.odd = 0
        self._first = ""

    def read(self, lines: Iterator[str], path: Path, projects: frozenset[str]) -> Iterator[View]:
        """The views of the lines that have the form."""
        del path
        yield from complete_views(self._counted(lines), projects, self._pass_over)
        if self.odd > self._most * self._lines:
            raise ValueError(f"{self.odd} of {self._lines} lines are not pageview_complete lines, as {self._first!r}")

    def _counted(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            if line.partition(" ")[0] in self._projects:
                self._lines += 1
                if "\ufffd" in line:  # in place of bytes that are not text
                    self._pass_over(line)
                else:
                    yield line

    def _pass_over(self, line: str) -> None:
        self.odd += 1
        self._first = self._first or line[:80]


def complete_views(
    lines: Iterable[str], projects: frozenset[str], report_invalid: Callable[[str], None]
) -> Iterator[View]:
    """Views of a day or a month. Each access method of a page has its own line, and these lines are adjacent.

    Args:
        lines: The lines of a `pageview_complete` file.
        projects: The projects to keep.
        report_invalid: Called with each line of these projects in another format, which is then skipped.
    """
    for (project, title), group in itertools.groupby(
        _parsed_lines(lines, projects, report_invalid), key=lambda line: line[:2]
    ):
        views = mobile = 0
        hours: set[str] = set()
        for _, _, access, count, hourly in group:
            views += count
            mobile += 0 if access == "desktop" else count
            hours.update(_HOUR.findall(hourly))
        yield project, title, None, views, mobile / views if views else None, len(hours)


def _parsed_lines(
    lines: Iterable[str], projects: frozenset[str], report_invalid: Callable[[str], None]
) -> Iterator[tuple[str, str, str, int, str]]:
    """Project, title, access method, views and hours of each line of these projects."""
    for line in lines:
        if line.partition(" ")[0] in projects:
            match = _COMPLETE.match(line)
            if match is None:
                report_invalid(line)
                continue
            project, title, access, views, hours = match.groups()
            yield project, page_title(title), access, _count(views), hours
