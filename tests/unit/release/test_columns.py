"""A column of the release is declared once: one line in `core/edit_record.py`, and everything else follows from it."""

import json
from datetime import datetime
from typing import Annotated, TypedDict

import pyarrow as pa
import pytest

from pipeline.core import schema
from pipeline.core.columns import Column, fields_in, fields_of
from pipeline.core.edit_record import COLUMNS, GROUPS, Edit, Provenance
from pipeline.release.card_tables import columns_table, parts_table
from pipeline.release.checks.texts import has_gaps, unsound
from pipeline.release.exports.parquet import with_features
from tests.minikg import Mini
from tests.samples import RECENT_TRAIN


class Vote(TypedDict):
    """A part of the column that the test adds."""

    voter: Annotated[str, Column("Who voted.")]
    weight: Annotated[int, Column("How much the vote counts.", bits=16)]


class Longer(Provenance):
    """The last group of the release with two columns more."""

    mood: Annotated[str, Column("How the fact was received.", "edits")]
    votes: Annotated[list[Vote] | None, Column("Who received it so.", "edits", can_be_empty=True)]


WITH_MOOD = {**GROUPS, "provenance": Longer}
FIELDS = fields_in(WITH_MOOD)


# One line, and it is there


def test_an_added_column_is_in_the_schema() -> None:
    assert schema.record_schema(COLUMNS).equals(schema.RELEASE)
    longer = schema.record_schema(FIELDS)
    assert longer.names == [*schema.RELEASE.names, "mood", "votes"]
    assert longer.field("mood").type == pa.string()
    assert longer.field("votes").type == pa.list_(pa.struct([("voter", pa.string()), ("weight", pa.int16())]))


def test_an_added_column_is_among_the_features_that_the_hub_reads() -> None:
    metadata = with_features(schema.record_schema(FIELDS)).metadata[b"huggingface"]
    features = json.loads(metadata)["info"]["features"]
    assert features["mood"] == {"dtype": "string", "_type": "Value"}
    assert features["votes"]["feature"]["weight"] == {"dtype": "int16", "_type": "Value"}


def test_an_added_column_is_in_the_tables_of_the_card() -> None:
    assert columns_table(WITH_MOOD) == columns_table(GROUPS) + (
        "\n| `mood` | string | How the fact was received. |\n| `votes` | list of structure | Who received it so. |"
    )
    assert parts_table(WITH_MOOD) == parts_table(GROUPS) + (
        "\n| **`votes`** |  |  |\n| `voter` | string | Who voted. |\n| `weight` | int16 | How much the vote counts. |"
    )


WHOLE = {**RECENT_TRAIN, "subject_types": ["Q5"], "path": [{"relation_id": "P108", "object_id": "Q1"}]}
WHOLE |= {"locality": [], "portability": []}


@pytest.mark.parametrize(
    ("added", "faults"),
    [
        ({"mood": "calm", "votes": [{"voter": "Ada", "weight": 0}]}, []),
        ({"mood": "calm", "votes": []}, []),
        ({"mood": "calm", "votes": None}, []),
        ({"mood": ""}, ["mood"]),
        ({"mood": "calm "}, ["mood"]),
        ({"mood": "calm", "votes": [{"voter": "", "weight": 1}]}, ["votes.voter"]),
    ],
)
def test_an_added_column_is_checked_for_what_it_holds(added: dict[str, object], faults: list[str]) -> None:
    row = {**WHOLE, **added}
    assert unsound(row, FIELDS) == faults
    assert not has_gaps(row, FIELDS)


@pytest.mark.parametrize(
    ("added", "faults"),
    [
        ({}, ["mood"]),
        ({"mood": None}, ["mood"]),
        ({"mood": "calm", "votes": [{"voter": "Ada", "weight": None}] * 2}, ["votes.weight"]),
    ],
)
def test_an_added_column_is_checked_for_presence(added: dict[str, object], faults: list[str]) -> None:
    row = {**WHOLE, **added}
    assert unsound(row, FIELDS) == faults
    assert has_gaps(row, FIELDS)


# The declaration itself


def test_an_edit_has_the_columns_of_all_groups() -> None:
    assert fields_of(Edit) == COLUMNS


def test_every_column_says_what_it_means_and_where_it_comes_from() -> None:
    for field in (*COLUMNS, *(part for column in COLUMNS for part in column.parts)):
        assert field.column.about.endswith("."), field.name
        assert "\n" not in field.column.about
    assert [field.name for field in COLUMNS if field.column.source is None] == []


def test_a_field_without_a_column_is_refused() -> None:
    class Bare(TypedDict):
        subject: str
        mood: Annotated[str, "calm"]

    with pytest.raises(TypeError, match=r"Bare\.subject is not declared as Annotated"):
        fields_of(Bare)


def test_a_type_without_a_place_in_arrow_is_refused() -> None:
    class Odd(TypedDict):
        mood: Annotated[complex, Column("Half imaginary.")]

    with pytest.raises(KeyError, match="complex"):
        schema.record_schema(fields_of(Odd))


def test_every_python_type_has_its_arrow_type() -> None:
    class Typed(TypedDict):
        text: Annotated[str, Column("A text.")]
        number: Annotated[int | None, Column("A number.")]
        small: Annotated[int, Column("A small number.", bits=8)]
        share: Annotated[float | None, Column("A share.")]
        sure: Annotated[bool, Column("Whether it is so.")]
        time: Annotated[datetime, Column("A time.")]
        names: Annotated[list[list[str]], Column("Names.")]

    assert [str(field.type) for field in schema.record_schema(fields_of(Typed))] == [
        "string",
        "int64",
        "int8",
        "double",
        "bool",
        "timestamp[ms, tz=UTC]",
        "list<item: list<item: string>>",
    ]


# Sources


@pytest.mark.parametrize(
    ("stage", "later"), [("edits", {"splits", "probes", "variants"}), ("splits", {"probes", "variants"})]
)
def test_a_column_is_empty_before_the_stage_that_fills_it(mini: Mini, stage: str, later: set[str]) -> None:
    rows = mini.rows(stage, "edits.parquet")
    for field in COLUMNS:
        if field.column.source in later:
            assert not any(row[field.name] for row in rows), field.name


@pytest.mark.parametrize("stage", ["splits", "probes", "variants"])
def test_a_stage_fills_the_columns_that_name_it(mini: Mini, stage: str) -> None:
    rows = mini.rows(stage, "edits.parquet")
    for field in COLUMNS:
        if field.column.source == stage:
            assert any(row[field.name] for row in rows), field.name


def test_a_column_of_the_facts_is_copied_as_it_is(mini: Mini) -> None:
    copied = [field.name for field in COLUMNS if field.column.source == "FACTS"]
    assert {"frequency", "statement_id"} <= set(copied)
    facts, edits = (
        {tuple(str(row[name]) for name in copied) for row in rows}
        for rows in (mini.facts, mini.rows("edits", "edits.parquet"))
    )
    assert edits and edits <= facts
