"""The garbage collector is calm during a build, and afterwards as it was."""

import gc

import pytest

from pipeline.core.garbage import rare_garbage_collection


def test_collections_are_rare_inside_the_block_only() -> None:
    before = gc.get_threshold()
    with rare_garbage_collection():
        assert gc.get_threshold()[0] > 100 * before[0]
        assert gc.isenabled()
    assert gc.get_threshold() == before


def test_the_threshold_returns_after_an_error() -> None:
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="stop"), rare_garbage_collection():
        raise ValueError("stop")
    assert gc.get_threshold() == before
