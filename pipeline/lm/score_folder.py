"""The files of a folder of scores; `score_file.py` describes them."""

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from pipeline.lm.requests import RequestsFile

WORK = ".work"


@dataclass(frozen=True)
class ScoreFolder:
    """Where each file of a run is.

    Attributes:
        out: The folder.
        requests: The file that is scored.
        shard_rows: Requests of a shard.
    """

    out: Path
    requests: RequestsFile
    shard_rows: int

    @property
    def shards(self) -> range:
        """The numbers of the shards."""
        return range(max(1, -(-self.requests.rows // self.shard_rows)))  # no requests still give a table

    @property
    def work(self) -> Path:
        """What a later run can use."""
        return self.out / WORK

    def scores(self, shard: int) -> Path:
        """SCORES of a shard."""
        return self.out / f"scores-{shard:05d}.parquet"

    def rows(self, shard: int) -> Path:
        """ENCODED of a shard."""
        return self.work / "rows" / self._name(shard)

    def new_pairs(self, shard: int) -> Path:
        """PAIRS that are new in a shard."""
        return self.work / "new_pairs" / self._name(shard)

    def pair_scores(self, keys: "pa.ChunkedArray[Any]") -> Path:
        """Where the scores of these pairs are kept."""
        digest = blake2b(b"".join(cast(list[bytes], keys.to_pylist())), digest_size=16)
        return self.work / "pairs" / f"{digest.hexdigest()}.parquet"

    def all_pair_scores(self) -> list[Path]:
        """PAIR_SCORES of every shard that was ever scored here."""
        return sorted((self.work / "pairs").glob("*.parquet"))

    def _name(self, shard: int) -> str:
        return f"{self.requests.sha256[:16]}-{self.shard_rows}-{shard:05d}.parquet"
