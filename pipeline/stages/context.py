"""What every stage is given, and what each leaves about what it counted."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from pipeline.core.manifest import CountRecord
from pipeline.core.progress import Reporter
from pipeline.core.settings import Settings
from pipeline.core.stage_cache import DONE, read_record, stage
from pipeline.core.tables import Database
from pipeline.language.subgraph import Subgraph
from pipeline.language.subgraph_tables import load_subgraph
from pipeline.language.templates import Templates

_COUNT_RECORDS = TypeAdapter(list[CountRecord])

COUNTS = "counts.json"
DROPPED = "dropped.parquet"


@dataclass(frozen=True)
class Input:
    """An input file with its hash, which stands for its content."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class StageContext:
    """What every stage is given."""

    settings: Settings
    templates: Templates
    work: Path
    workers: int
    reporter: Reporter
    _subgraphs: dict[Path, Subgraph] = field(
        default_factory=dict[Path, Subgraph], init=False, repr=False, compare=False
    )

    def stage(self, name: str, depends: Mapping[str, object], make: Callable[[Path], object]) -> Path:
        """A stage's folder, made now unless it was made before."""

        def told(folder: Path) -> None:
            with self.reporter.track(name, 0):
                make(folder)

        return stage(self.work, name, depends, told)

    def database(self) -> Database:
        """A session that spills into the work folder."""
        return Database(self.work / "scratch", self.settings.memory, self.workers)

    def subgraph(self, folder: Path) -> Subgraph:
        """The SUBGRAPH of a folder; the stages that word its facts share it."""
        if folder not in self._subgraphs:
            self._subgraphs[folder] = load_subgraph(folder, self.templates)
        return self._subgraphs[folder]

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.settings.seed


def find_drops(work: Path, name: str, counts: Sequence[CountRecord]) -> Path | None:
    """All rows that a stage of a build rejected, by what it counted; None if its folder is not there any more."""
    for folder in sorted(work.glob(f"{name}-*")):
        if (folder / DONE).is_file() and read_counts(folder) == [*counts]:
            return folder / DROPPED
    return None


def read_counts(folder: Path) -> list[CountRecord]:
    """What came into a stage, was kept and was dropped."""
    return read_record(folder / COUNTS, _COUNT_RECORDS.validate_json)


def write_counts(records: Iterable[CountRecord], out: Path) -> None:
    """Write what a stage took in and gave out."""
    write_json([record.model_dump() for record in records], out / COUNTS)


def write_json(value: object, path: Path) -> None:
    """Write a value as JSON, always alike."""
    path.write_text(json.dumps(value, sort_keys=True) + "\n", encoding="utf-8")
