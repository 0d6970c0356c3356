"""Arrays whose entities have no lines of their own, as `json.dump` writes them: read as if each had one.

A dump has an entity a line. In an array on one line, or one with indented entities, a newline is put behind each
entity, and newlines inside it become blanks, while the content is read from front to back. Everything behind sees a
dump of lines.
"""

import re
from typing import Protocol

_READ_BYTES = 1 << 20
_BLANK = b" \t\r\xef\xbb\xbf"  # and the byte order mark
# Up to the next bracket outside of texts; nothing is matched if a text is not complete.
_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+([{}\[\]])', re.DOTALL)


class _Stream(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class LineReader:
    """Content with an entity a line, whatever the content is that it is made from.

    Args:
        content: What a dump holds, from its beginning.
        most: How many bytes of it to look at for the end of the first entity.
    """

    def __init__(self, content: _Stream, most: int) -> None:
        self._content = content
        self._most = most
        self._left, self.is_made = _look(content, most)
        self._depth = 0

    def read(self, size: int = -1) -> bytes:
        """Some bytes, or nothing at the end."""
        if not self.is_made:
            left, self._left = self._left, b""
            return left or self._content.read(size)
        while True:
            data = self._content.read(_READ_BYTES)
            made = self._cut(self._left + data)
            if made or not data or len(self._left) > self._most:  # a text without an end
                return made or self._rest()

    def _rest(self) -> bytes:
        left, self._left = self._left, b""
        return left

    def _cut(self, data: bytes) -> bytes:
        """The data as lines, up to its last bracket; what is behind that is kept for later."""
        parts: list[bytes] = []
        start = at = 0
        while match := _BRACKET.match(data, at):
            at = match.end()
            self._depth += 1 if match[1] in b"{[" else -1
            if self._depth == 1 and match[1] == b"}":
                parts.append(data[start:at].replace(b"\n", b" "))
                start = at
        parts.append(data[start:at].replace(b"\n", b" "))
        self._left = data[at:]
        return b"\n".join(parts)


def _look(content: _Stream, most: int) -> tuple[bytes, bool]:
    """The bytes that were looked at, and whether the content is an array without a line an entity."""
    data = content.read(_READ_BYTES)
    first = data.lstrip(_BLANK + b"\n")[:1]
    while first == b"[" and len(data) < most:
        found = _is_run_on(data)
        if found is not None:
            return data, found
        more = content.read(_READ_BYTES)
        if not more:
            break
        data += more
    return data, False


def _is_run_on(data: bytes) -> bool | None:
    r"""Whether the first entity of an array holds a newline or shares its line with the next; None if it is cut off.

    >>> [_is_run_on(text) for text in (b'[{"a": {}}, {', b'[{"a":{}},\n', b'[\n {\n "a": 1}', b'[\n{"a"')]
    [True, False, True, None]
    """
    depth = at = start = 0
    while match := _BRACKET.match(data, at):
        at = match.end()
        depth += 1 if match[1] in b"{[" else -1
        if depth == 2 and match[1] == b"{":
            start = at
        if depth == 1 and match[1] == b"}":
            if b"\n" in data[start:at]:
                return True
            behind = data[at:].lstrip(_BLANK + b",")
            return behind[:1] == b"{" if behind else None
        if depth == 0:
            return False
    return None
