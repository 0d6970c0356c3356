"""What reading a dump will take, from its beginning."""

import time
from pathlib import Path

import pytest

from pipeline.core.settings import load_operations, load_settings
from pipeline.jobs.plan import plan_dump
from tests.bench.generate import write_dump


@pytest.mark.parametrize("beyond", [-1, 0, 100])
def test_a_last_shard_of_a_few_bytes_does_not_stand_for_all(beyond: int, tmp_path: Path) -> None:
    path = tmp_path / "dump.json"
    write_dump(path, 300)
    settings = load_settings()
    cut = settings.dump.model_copy(update={"shard_bytes": path.stat().st_size - beyond})
    started = time.perf_counter()
    sample = plan_dump(path, settings.model_copy(update={"dump": cut}), load_operations().plan, 2).sample
    elapsed = time.perf_counter() - started
    assert sample.items == 300
    assert sample.content == path.stat().st_size
    assert 0 < sample.decode_seconds + sample.parse_seconds + sample.scan_seconds <= 2 * elapsed
