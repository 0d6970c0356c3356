"""The optional packages: which extra of pyproject.toml brings them, and what an error says where they are missing.

Modules that import an optional package are imported late, by the command that uses them: every command starts without.
"""

import importlib.util
from typing import NamedTuple

from pipeline.core.errors import UsageError


class Extra(NamedTuple):
    """What an extra is for.

    Attributes:
        use: What requires it, as the subject of a sentence.
        packages: The import names of its packages.
    """

    use: str
    packages: tuple[str, ...]


EXTRAS = {
    "lm": Extra("A language model", ("torch", "transformers", "tokenizers", "safetensors")),
    "hub": Extra("The Hugging Face Hub", ("huggingface_hub", "httpx2")),
    "live": Extra("A living wiki", ("pywikibot", "SPARQLWrapper", "requests")),
    "sandbox": Extra("The sandbox", ("pyoxigraph",)),
    "dask": Extra("A Dask cluster", ("distributed",)),
    "remote": Extra(
        "A dump at an address", ("fsspec", "aiohttp", "botocore")
    ),  # fsspec itself reports that s3fs is missing
}


def require(extra: str, where: str, instead: str = "") -> None:
    """Check that the packages of an extra are installed, without importing them.

    Args:
        extra: A key of `EXTRAS`.
        where: The option, command or address that requires it.
        instead: What works without it, as a sentence.

    Raises:
        UsageError: A package is missing.
    """
    use, packages = EXTRAS[extra]
    if missing := [name for name in packages if importlib.util.find_spec(name) is None]:
        raise missing_extra(
            extra, f"{use} requires packages that are not installed: {', '.join(missing)}", where, instead
        )


def missing_extra(extra: str, what: str, where: str, instead: str = "") -> UsageError:
    """The error for a missing package: what went wrong, where, and how to install the extra."""
    return UsageError(what, where, f"Run `pip install 'editmill[{extra}]'`. {instead}".rstrip())
