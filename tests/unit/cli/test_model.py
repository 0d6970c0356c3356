"""Which model a build scores with when none is named."""

import pytest

from pipeline.cli.build import chosen_model
from pipeline.cli.main import make_parser


@pytest.mark.parametrize(
    ("arguments", "model"),
    [
        (["--source", "sample"], "bundled"),
        (["--source", "sample", "--model", "none"], None),
        (["--source", "sample", "--model", "some/model"], "some/model"),
        (["--source", "dump"], None),  # the tiny model knows nothing of a dump
        (["--source", "dump", "--model", "bundled"], "bundled"),
    ],
)
def test_the_sample_has_the_bundled_model_and_a_dump_has_none(arguments: list[str], model: str | None) -> None:
    assert chosen_model(make_parser().parse_args(["build", *arguments])) == model
