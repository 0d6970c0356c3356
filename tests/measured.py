"""Measured heads made by hand: the tables that selection reads, a row for each value that a test gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.core import schema
from pipeline.core.settings import Settings, load_settings
from pipeline.core.tables import Database, read_table, write_records
from pipeline.select.selection import Measured, open_views
from pipeline.select.thresholds import find_thresholds
from tests.minikg import TEMPLATES

Row = dict[str, Any]
DEFAULTS = load_settings(overrides={"balance": {"reserve": 1}})  # so that sizes are what tests say


def triple(subject: int, relation: str = "P27", held: int = 1, **columns: object) -> Row:
    """An eligible triple; its statement is known by subject, relation and object."""
    return {
        "subject_id": subject,
        "relation": relation,
        "object_key": f"Q{held}",
        "object_id": held,
        "statement_id": f"Q{subject}${relation}-{held}",
        "object_count": 1,
        "is_homonym": False,
        "is_true": True,
        "subject_type": "person",
        **columns,
    }


@dataclass
class Tables:
    """What selection reads, as rows; what is not given is empty."""

    triples: Sequence[Row]
    news: Sequence[Row] = ()
    views: Mapping[int, int] = field(default_factory=dict)
    frequency: Mapping[int, int] = field(default_factory=dict)
    degree: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    likelihood: Mapping[int, float] = field(default_factory=dict)  # in neutral sentences
    in_facts: Mapping[int, float] = field(default_factory=dict)
    sizes: Mapping[int, int] = field(default_factory=dict)  # bytes of names; 10 unless told

    def write(self, folder: Path) -> Measured:
        """The tables as files."""
        rows: dict[str, tuple[Sequence[Row], pa.Schema]] = {
            "triples": (self.triples, schema.TRIPLES),
            "news": (self.news, schema.NEWS),
            "popularity": ([{"id": n, "page_views": v} for n, v in self.views.items()], schema.POPULARITY),
            "frequency": ([{"id": n, "frequency": v} for n, v in self.frequency.items()], schema.FREQUENCY),
            "degree": (
                [{"id": n, "in_degree": i, "out_degree": o} for n, (i, o) in self.degree.items()],
                schema.DEGREE,
            ),
            "names": (self._names(), schema.NAMES),
            "models": ((), schema.MODELS),
        }
        return Measured(
            **{name: write_records(given, folder / f"{name}.parquet", kind) for name, (given, kind) in rows.items()}
        )

    def _names(self) -> list[Row]:
        """NAMES; the mean and the sum are nonsense, to show that nothing is selected by them."""
        return [
            {
                "id": item,
                "carrier_class": name,
                "log_likelihood_sum": -value,
                "log_likelihood_mean": -value,
                "log_likelihood_per_byte": value,
                "byte_count": self.sizes.get(item, 10),
            }
            for name, values in (("neutral", self.likelihood), ("fact", self.in_facts), ("alone", self.likelihood))
            for item, value in values.items()
        ]


def with_section(name: str, seed: int = DEFAULTS.seed, **changed: object) -> Settings:
    section = getattr(DEFAULTS, name).model_copy(update=changed)
    return DEFAULTS.model_copy(update={name: section, "seed": seed})


def thresholds(tables: Tables, folder: Path, settings: Settings) -> list[Row]:
    """THRESHOLDS."""
    with Database(folder / "scratch", "200MB") as database:
        open_views(database, tables.write(folder), TEMPLATES.hops)
        return read_table(find_thresholds(database, settings, folder / "thresholds.parquet")).to_pylist()
