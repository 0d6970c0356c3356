"""Sentences from templates: possessives, tense and capitals.

A template contains `{subject}` or `{subject's}` once, and `[present|past]` where the tense of the subject matters.
"""

import re

from pipeline.language.names import Name

_TENSE = re.compile(r"\[([^\[\]|]*)\|([^\[\]|]*)\]")
_MARK_TOO_MANY = re.compile(r"(?<=\?)\?$")  # "Who wrote Who Goes There??"
_PLURAL = re.compile(r"[tT]he .*[^isu]s")
_SUBJECT = re.compile(r"\{subject('s)?\}")


def possessive(text: str) -> str:
    """The possessive of a name; with its article, one that ends in a single "s" is taken for a plural.

    >>> possessive("Tom Hanks"), possessive("the Netherlands"), possessive("The Beatles"), possessive("the Congress")
    ("Tom Hanks's", "the Netherlands'", "The Beatles'", "the Congress's")
    """
    return f"{text}'" if _PLURAL.fullmatch(text) else f"{text}'s"


def can_fill(template: str, subject: Name) -> bool:
    """Whether a template suits a name: noun phrases take no possessive."""
    return not (subject.is_phrase and "{subject's}" in template)


def fill(template: str, subject: Name, *, past: bool = False) -> str:
    """A sentence from a template.

    The first letter is raised unless the sentence starts with a name, which keeps its own spelling.

    >>> fill("The capital of {subject} [is|was]", Name("the Ottoman Empire"), past=True)
    'The capital of the Ottoman Empire was'
    >>> fill("{subject} [has|had] its capital in", Name("the Netherlands"))
    'The Netherlands has its capital in'
    >>> fill("{subject's} founder is", Name("eBay"))
    "eBay's founder is"
    """
    tensed = _TENSE.sub(lambda mark: mark.group(2 if past else 1), template)
    text = _SUBJECT.sub(lambda mark: possessive(subject.text) if mark.group(1) else subject.text, tensed)
    text = _MARK_TOO_MANY.sub("", text)
    starts_with_name = _SUBJECT.match(tensed) and not subject.text.startswith(("the ", "one of "))
    return text if starts_with_name else text[:1].upper() + text[1:]
