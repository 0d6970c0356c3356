"""Which model a build scores with, and how the options say it runs."""

import pytest

from pipeline.cli.arguments import model_settings
from pipeline.cli.build import chosen_model
from pipeline.cli.main import make_parser
from pipeline.core.errors import UsageError
from pipeline.core.settings import load_settings


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


FLAGS = "--revision v1 --dtype bfloat16 --device cuda:1 --max-tokens-per-batch 512 --sharing dedup --trust-remote-code"


@pytest.mark.parametrize(
    "command",
    [
        ["build", "--source", "sample", *FLAGS.split(), "--model-workers", "3"],
        ["score", "requests.parquet", "--model", "m", "--out", "o", *FLAGS.split(), "--workers", "3"],
    ],
)
def test_the_options_of_a_build_and_of_score_are_the_same_settings(command: list[str]) -> None:
    overrides = {"model": model_settings(make_parser().parse_args(command))}
    changed = {
        "revision": "v1",
        "dtype": "bfloat16",
        "device": "cuda:1",
        "max_tokens_per_batch": 512,
        "sharing": "dedup",
        "trust_remote_code": True,
        "workers": 3,
    }
    assert load_settings(None, overrides).model == load_settings().model.model_copy(update=changed)


@pytest.mark.parametrize("command", [["build", "--source", "sample"], ["score", "r", "--model", "m", "--out", "o"]])
def test_options_that_are_not_given_leave_the_settings_alone(command: list[str]) -> None:
    assert load_settings(None, {"model": model_settings(make_parser().parse_args(command))}) == load_settings()


@pytest.mark.parametrize(("name", "value"), [("dtype", "int8"), ("device", "tpu"), ("max_tokens_per_batch", 1)])
def test_settings_of_a_model_that_are_not_known_are_refused(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"The setting model.{name} is wrong"):
        load_settings(None, {"model": {name: value}})
