"""Whatever a description says, the tables read from it what `lifespan` reads."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core import schema
from pipeline.core.settings import load_settings
from pipeline.core.tables import Database
from pipeline.language.lifespans import lifespan
from pipeline.language.templates import load_templates
from pipeline.select.past import make_past

DATING, SCREENING, THIS_YEAR = load_templates().dating, load_settings().screening, 2021

years = st.integers(100, 2100).map(str)
spans = st.tuples(years, st.sampled_from(["–", "-", " – ", " — ", "-c. "]), years).map("".join)
centuries = st.tuples(st.integers(1, 21).map(str), st.sampled_from(["th", "st"]), st.sampled_from(["-", " "])).map(
    "".join
)
pieces = st.one_of(
    spans,
    spans.map("({})".format),
    years.map("(born {})".format),
    years.map("died {}".format),
    centuries.map("{}century".format),
    centuries.map("of the {}century".format),
    st.sampled_from(["(", ")", ", ", "c. ", "BC", "3rd century BC", "(fl. ", "r. "]),
    st.sampled_from([*DATING.descriptions.offices, *DATING.descriptions.students]),
    st.sampled_from([*DATING.descriptions.activities, *DATING.descriptions.ages]),
    st.sampled_from(["American", "actor", "and", "the", "of", "Italian"]),
)
descriptions = st.lists(pieces, min_size=1, max_size=6).map(" ".join)


@settings(max_examples=10, deadline=None)
@given(st.lists(descriptions, min_size=30, max_size=60))
def test_the_tables_read_what_python_reads(texts: list[str]) -> None:
    expected = {
        number
        for number, text in enumerate(texts)
        if lifespan(
            text,
            DATING.descriptions,
            THIS_YEAR,
            oldest=SCREENING.assume_dead_after_years,
            life=SCREENING.years_of_a_life,
        ).has_died
    }
    assert _past(texts) == expected


def _past(texts: list[str]) -> set[int]:
    rows = [
        {name: None for name in schema.ENTITIES.names}
        | {"id": number, "description": text, "type_ids": [5], "modified": datetime(THIS_YEAR, 7, 2, tzinfo=UTC)}
        for number, text in enumerate(texts)
    ]
    with tempfile.TemporaryDirectory() as folder, Database(Path(folder) / "scratch", "200MB") as database:
        database.rows("entities", pa.Table.from_pylist(rows, schema.ENTITIES))
        database.rows("statements", schema.STATEMENTS.empty_table())
        database.rows("types", pa.table({"class_id": [5], "type": ["person"]}, schema.TYPES))
        make_past(DATING, SCREENING, database)
        path = database.write("SELECT id FROM past ORDER BY id", Path(folder) / "past.parquet", schema.PAST)
        return set(pa.parquet.read_table(path)["id"].to_pylist())
