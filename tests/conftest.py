"""What the tests of several folders share."""

import signal

import pytest

from tests.minikg import mini
from tests.releases import slice_built, small, states, unchanged

__all__ = ["mini", "slice_built", "small", "states", "unchanged"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make golden` write what the tests of golden files otherwise compare with."""
    parser.addoption("--rewrite-golden", action="store_true", help="rewrite the golden files")


def pytest_configure() -> None:
    """Let commands hear Ctrl-C: tests in the background of a script ignore it, and so would the commands they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
