"""The names of an item in two states. They show a merge: an item that is gone left its names to another."""

from collections.abc import Iterator
from typing import Any

import msgspec

from pipeline.core.plain_text import plain_text
from pipeline.sources.diff.item_statements import read_text
from pipeline.sources.entities.model import AliasTerms, Sitelink, Term, Terms

TermRow = tuple[int, str, bool]  # the columns of schema.TERMS, in order


class _Names(msgspec.Struct, gc=False):
    """Every name of an item, in any language."""

    labels: dict[str, Term] | list[Any] = []
    aliases: dict[str, list[Term]] | list[Any] = []
    sitelinks: dict[str, Sitelink] | list[Any] = []


_decode_names = msgspec.json.Decoder(_Names).decode


class _MainNames(msgspec.Struct, gc=False):
    """The names in English or for all languages."""

    labels: Terms | list[Any] = []
    aliases: AliasTerms | list[Any] = []


_decode_main_names = msgspec.json.Decoder(_MainNames).decode


def terms(item: int, old: bytes | None, new: bytes | None) -> Iterator[TermRow]:
    """The names by which a merge is recognised.

    For an item that is gone, all names; for one that stayed, those in English or for all languages, and all new ones.
    """
    if old is not None and new is None:
        yield from ((item, term, True) for term in sorted(_all_names(old)))
    elif new is not None:
        is_same = old is not None and read_text(old).names == read_text(new).names
        gained = _all_names(new) - _all_names(old) if old is not None and not is_same else set[str]()
        yield from ((item, term, False) for term in sorted(gained | _main_names(new)))


def _all_names(text: bytes) -> set[str]:
    names = _decode_names(text)
    found: set[str] = set()
    if isinstance(names.labels, dict):
        found.update(plain_text(term.value) for term in names.labels.values())
    if isinstance(names.aliases, dict):
        found.update(plain_text(term.value) for group in names.aliases.values() for term in group)
    if isinstance(names.sitelinks, dict):
        found.update(f"{wiki}:{link.title}" for wiki, link in names.sitelinks.items())
    return found - {""}


def _main_names(text: bytes) -> set[str]:
    names = _decode_main_names(text)
    labels = (names.labels.en, names.labels.mul) if isinstance(names.labels, Terms) else ()
    aliases = (*names.aliases.en, *names.aliases.mul) if isinstance(names.aliases, AliasTerms) else ()
    return {plain_text(term.value) for term in (*labels, *aliases) if term} - {""}
