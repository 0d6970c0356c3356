"""What the tests of several folders share."""

import pytest

from tests.minikg import mini
from tests.releases import slice_built, small, states

__all__ = ["mini", "slice_built", "small", "states"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make golden` write what the tests of golden files otherwise compare with."""
    parser.addoption("--rewrite-golden", action="store_true", help="rewrite the golden files")
