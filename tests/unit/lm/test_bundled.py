"""The bundled model: small, loadable, and made again by its script with the same bytes."""

from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.core import schema
from pipeline.core.errors import UsageError
from pipeline.core.progress import Reporter
from pipeline.core.settings import load_settings
from pipeline.core.tables import read_table, write_table
from pipeline.lm.bundled import SHOWN_NAME, bundled_model
from pipeline.lm.model_spec import find_model
from pipeline.lm.scoring_process import start_scoring_process
from tests.scorers import load_scorer
from tests.tiny.corpus import corpus
from tests.tiny.train import Recipe, train

MEGABYTE = 1_000_000
SMALL = Recipe(vocabulary=300, hidden=16, layers=1, heads=2, inner=32, epochs=2, batch_tokens=128)
EPOCHS = [
    [f"The {word} of Port Ansel {number} is Bruno Hald {number}." for number in range(40)]
    for word in ("mayor", "founder")
]


def requests() -> pa.Table:
    texts = {"a": "Somebody mentioned France.", "b": "Somebody mentioned Xq'zyv."}
    rows = [{"id": key, "text": text, "start": 19, "end": len(text) - 1} for key, text in texts.items()]
    return pa.Table.from_pylist(rows, schema=schema.REQUESTS)


def test_the_model_takes_at_most_six_megabytes() -> None:
    assert sum(path.stat().st_size for path in bundled_model().iterdir()) <= 6 * MEGABYTE


def test_the_model_comes_with_its_recipe_and_licence() -> None:
    told = (bundled_model() / "README.md").read_text(encoding="utf-8")
    assert all(heading in told for heading in ("## Recipe", "## Licence", "## What it is not"))


def test_the_model_finds_a_country_of_the_slice_likelier_than_a_word_that_nobody_wrote() -> None:
    known, unknown = load_scorer(str(bundled_model()), 2_048).score(requests()).to_pylist()
    assert known["status"] == unknown["status"] == "ok"
    assert known["log_likelihood_sum"] > unknown["log_likelihood_sum"] + 5


def test_training_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    folders = [train(EPOCHS, SMALL, tmp_path / name) for name in ("one", "two")]
    one, two = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert set(one) == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert one == two


def test_what_training_writes_can_be_loaded(tmp_path: Path) -> None:
    scorer = load_scorer(str(train(EPOCHS, SMALL, tmp_path / "model")), 2_048)
    assert set(scorer.score(requests())["status"].to_pylist()) == {"ok"}


def test_a_process_of_its_own_gives_the_same_scores_under_the_name_that_releases_show(tmp_path: Path) -> None:
    here = load_scorer(bundled_model(), 2_048)
    spec = find_model("bundled", load_settings().model)
    path = write_table(requests(), tmp_path / "requests.parquet", schema.REQUESTS)
    with start_scoring_process(spec) as process:
        process.start(path, tmp_path / "scores")  # as a build does, which goes on with something else
        record = process.score(path, tmp_path / "scores", Reporter("quiet"))
    assert (record.name, record.revision, record.dtype) == (SHOWN_NAME, here.revision, "float32")
    assert (record.tokenizer, record.devices, record.sharing) == (here.tokenizer_hash, ("cpu",), ("trie",))
    found = read_table(tmp_path / "scores").to_pylist()
    for ours, theirs in zip(here.score(requests()).to_pylist(), found, strict=True):
        assert ours["id"] == theirs["id"]
        assert abs(ours["log_likelihood_sum"] - theirs["log_likelihood_sum"]) < 1e-4


def test_progress_and_messages_of_the_process_reach_the_reporter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = find_model("bundled", load_settings().model).with_settings(dtype="bfloat16")
    path = write_table(requests(), tmp_path / "requests.parquet", schema.REQUESTS)
    with start_scoring_process(spec) as process:
        record = process.score(path, tmp_path / "scores", Reporter("quiet"))
    assert record.audit is not None
    assert (record.dtype, record.audit.pairs) == ("bfloat16", 2)
    assert "Audit of bfloat16 on 2 of 2 pairs" in capsys.readouterr().err


def test_the_bundled_model_runs_on_one_thread_of_the_cpu_unless_another_device_is_asked_for() -> None:
    settings = load_settings().model
    assert find_model("bundled", settings).settings == settings.model_copy(update={"device": "cpu", "threads": 1})
    on_gpu = find_model("bundled", settings.model_copy(update={"device": "cuda:1", "threads": 2})).settings
    assert (on_gpu.device, on_gpu.threads) == ("cuda:1", 2)
    assert find_model("some/model", settings).settings == settings


def test_a_model_that_cannot_be_loaded_in_the_process_is_reported(tmp_path: Path) -> None:
    spec = find_model(str(tmp_path), load_settings().model)
    with pytest.raises(UsageError, match="cannot be loaded"), start_scoring_process(spec) as process:
        assert process.identity


def test_the_corpus_tells_each_fact_in_other_words_in_every_epoch(tmp_path: Path) -> None:
    first, second = corpus(tmp_path, 2)
    assert len(first) == len(second) > 10_000
    for epoch in (first, second):
        assert [line for line in epoch if "Canada" in line and line.endswith(" North America.")]
    same = sum(one == two for one, two in zip(first, second, strict=True))
    assert same < len(first) / 20  # facts with few wordings
