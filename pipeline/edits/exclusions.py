"""Exclusions: subjects and prompts of known evaluation sets, kept out of every split (decision 22).

The file holds one Q-id, subject or prompt a line, or is a JSON file of any export format, from which everything under
a key that names a subject or a prompt is taken, at any depth.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import InputError

_ID = re.compile(r"Q[1-9]\d*")
_SUBJECT_KEYS = {"subject", "subject_id", "concept", "ent"}
_PROMPT_KEYS = {"prompt", "src", "question", "update", "text", "rephrase", "rephrase_prompt"}


@dataclass(frozen=True)
class Exclusions:
    """What must not be edited.

    Attributes:
        ids: Numbers of items.
        texts: Subjects and prompts, normalised; a text of a plain list may be either.
    """

    ids: frozenset[int] = frozenset()
    texts: frozenset[str] = frozenset()

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
        InputError: It cannot be read, or starts like JSON and is none.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors of some systems put a mark before the first line
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The exclusions cannot be read: {error}", str(path), "Check --exclude.") from error
    if text.lstrip()[:1] in ("[", "{"):
        try:
            entries = _texts_in(json.loads(text))
        except json.JSONDecodeError as error:
            raise InputError(f"The exclusions are not JSON: {error}", str(path), "Mend the file.") from error
    else:
        entries = [line.strip() for line in text.splitlines()]
    ids = frozenset(int(entry[1:]) for entry in entries if _ID.fullmatch(entry))
    return Exclusions(ids, frozenset(normalised(entry) for entry in entries if entry and not _ID.fullmatch(entry)))


def _texts_in(value: object) -> list[str]:
    """Every text under a key that names a subject or a prompt."""
    if isinstance(value, list):
        return [text for element in value for text in _texts_in(element)]
    if not isinstance(value, dict):
        return []
    found: list[str] = []
    for key, below in value.items():
        if isinstance(below, str) and key in _SUBJECT_KEYS | _PROMPT_KEYS:
            found.append(below)
        elif isinstance(below, list | dict):
            found += _texts_in(below)
    return found
