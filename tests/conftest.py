"""What the tests of several folders share."""

from tests.minikg import mini

__all__ = ["mini"]
