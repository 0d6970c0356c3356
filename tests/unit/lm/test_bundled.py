"""The bundled model: small, loadable, and made again by its script with the same bytes."""

from pathlib import Path

import pyarrow as pa
import pytest
from pipeline.lm.hf_scorer import load_scorer
from pipeline.lm.subprocess_scorer import Model, scorer_elsewhere

from pipeline.core import schema
from pipeline.core.errors import UsageError
from pipeline.core.settings import load_settings
from pipeline.lm.bundled import SHOWN_NAME, bundled_model
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


def test_a_scorer_elsewhere_gives_the_same_scores_under_the_name_it_is_given() -> None:
    scoring = load_settings().scoring
    here = load_scorer(str(bundled_model()), 2_048, device="cpu", scoring=scoring)
    model = Model(str(bundled_model()), 2_048, scoring, SHOWN_NAME, threads=1, device="cpu")
    with scorer_elsewhere(model) as elsewhere:
        assert elsewhere.name == SHOWN_NAME
        assert (elsewhere.revision, elsewhere.dtype) == (here.revision, here.dtype)
        assert elsewhere.tokenizer_hash == here.tokenizer_hash
        found = elsewhere.score(requests()).to_pylist()
    for ours, theirs in zip(here.score(requests()).to_pylist(), found, strict=True):
        assert abs(ours["log_likelihood_sum"] - theirs["log_likelihood_sum"]) < 1e-4


def test_a_model_that_cannot_be_loaded_elsewhere_is_told(tmp_path: Path) -> None:
    model = Model(str(tmp_path), 2_048, load_settings().scoring)
    with pytest.raises(UsageError, match="cannot be loaded"), scorer_elsewhere(model):
        pass


def test_the_corpus_tells_each_fact_in_other_words_in_every_epoch(tmp_path: Path) -> None:
    first, second = corpus(tmp_path, 2)
    assert len(first) == len(second) > 10_000
    assert "The continent that is home to Canada is called North America." in first
    assert first != second
