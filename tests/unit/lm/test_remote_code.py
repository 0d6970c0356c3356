"""Models that bring their own code: it runs only if the user says so."""

import json
from pathlib import Path

import pytest

from pipeline.core.errors import UsageError
from tests.scorers import load_scorer
from tests.unit.lm.conftest import byte_level_tokenizer, save_model

CODE = """
from pathlib import Path

from transformers import Qwen2Config, Qwen2ForCausalLM


class OwnConfig(Qwen2Config):
    model_type = "own"


class OwnModel(Qwen2ForCausalLM):
    config_class = OwnConfig

    def __init__(self, config):
        super().__init__(config)
        Path(config.trace).write_text("the code ran")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model whose code leaves a trace in `ran` when it runs."""
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = save_model(tmp_path / "own", "qwen2", byte_level_tokenizer())
    config = json.loads((folder / "config.json").read_text())
    own = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    config |= {"model_type": "own", "auto_map": own, "trace": str(tmp_path / "ran"), "architectures": ["OwnModel"]}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(CODE)
    return folder


def test_code_of_a_model_is_not_run_unasked(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be loaded"):
        load_scorer(str(folder), 256)
    assert not (tmp_path / "ran").exists()


def test_code_of_a_model_is_run_when_it_is_trusted(folder: Path, tmp_path: Path) -> None:
    load_scorer(str(folder), 256, trust_remote_code=True)
    assert (tmp_path / "ran").read_text() == "the code ran"
