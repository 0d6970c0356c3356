"""Tiny language models with random weights, saved and loaded offline, and an oracle that scores one text at a time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Gemma2Config,
    GPT2Config,
    LlamaConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

from pipeline.core import schema
from pipeline.lm.scores import Sentence
from tests.scorers import HfScorer, load_scorer

VOCABULARY = 512
POSITIONS = 64  # that the models can read

CORPUS = [
    "Yesterday we spoke at length about the F.C.'s new stadium (GDR).",
    "After a short pause, somebody mentioned my mother and her brothers.",
    "On the way home, I kept thinking about Mara Quellin of Port Ansel, Inc., a company.",
    "The last question concerned Zdeněk Šťastný and 東京タワー, the tower.",
    "At some point the conversation turned to the Netherlands.",
]


def byte_level_tokenizer(normalizer: normalizers.Normalizer | None = None, *, trim_offsets: bool = False) -> Tokenizer:
    """As of GPT-2, Llama 3 and Qwen: bytes, and a space glued to the word after it."""
    tokenizer = Tokenizer(models.BPE())
    if normalizer:
        tokenizer.normalizer = normalizer
    words = pre_tokenizers.Split(Regex(r" ?\w+| ?[^\s\w]+|\s+"), "isolated")  # ".'" is one word, as for the real ones
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, letters])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=trim_offsets)
    return _trained(tokenizer, ["<|endoftext|>", "<|im_end|>"], pre_tokenizers.ByteLevel.alphabet())


def metaspace_tokenizer(extra: Sequence[str] = ()) -> Tokenizer:
    """As of Llama 2 and Gemma: spaces become "▁", unknown characters their bytes, and BOS comes by itself."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    _trained(tokenizer, ["<unk>", "<s>", "</s>", *extra, *(f"<0x{byte:02X}>" for byte in range(256))], [])
    start = ("<s>", tokenizer.token_to_id("<s>"))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[start])
    return tokenizer


def _trained(tokenizer: Tokenizer, specials: list[str], alphabet: list[str]) -> Tokenizer:
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS * 3, trainer)
    return tokenizer


def _qwen2() -> PreTrainedConfig:
    return Qwen2Config(**_SIZES, num_key_value_heads=2, tie_word_embeddings=True, initializer_range=0.3)


def _llama() -> PreTrainedConfig:
    return LlamaConfig(**_SIZES, num_key_value_heads=4, tie_word_embeddings=False, initializer_range=0.3)


def _gpt2() -> PreTrainedConfig:
    return GPT2Config(
        vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=POSITIONS, initializer_range=0.3
    )


def _gemma2() -> PreTrainedConfig:
    # The caps and the window are so small that a score which forgets one of them is far off.
    caps = {"attn_logit_softcapping": 1.0, "final_logit_softcapping": 8.0, "sliding_window": 6}
    return Gemma2Config(**_SIZES, **caps, num_key_value_heads=2, head_dim=8, initializer_range=0.3)


_SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": POSITIONS,
}
CONFIGS: Mapping[str, Callable[[], PreTrainedConfig]] = {
    "qwen2": _qwen2,
    "llama": _llama,
    "gpt2": _gpt2,
    "gemma2": _gemma2,
}
SPECIALS: Mapping[str, Mapping[str, str]] = {  # Qwen has no BOS, and its chat models end a turn with EOS
    "qwen2": {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
    "llama": {"bos_token": "<s>", "eos_token": "</s>"},
    "gpt2": {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"},
    "gemma2": {"bos_token": "<s>", "eos_token": "</s>"},
}
STARTS = {"qwen2": "<|endoftext|>", "llama": "<s>", "gpt2": "<|endoftext|>", "gemma2": "<s>"}


def save_model(folder: Path, family: str, tokenizer: Tokenizer, config: PreTrainedConfig | None = None) -> Path:
    """A model of a family with random weights, whose predictions are as peaked as those of a trained one."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config or CONFIGS[family](), attn_implementation="eager").eval()
    with torch.inference_mode():
        spread = model(torch.arange(POSITIONS).unsqueeze(0)).logits.std()
        norm = model.transformer.ln_f if family == "gpt2" else model.model.norm
        one = 1 if family == "gemma2" else 0  # Gemma keeps the weight of a norm less one
        norm.weight.copy_((norm.weight + one) * 4 / spread - one)
    model.save_pretrained(folder)
    save_tokenizer(folder, tokenizer, SPECIALS[family])
    return folder


def save_tokenizer(folder: Path, tokenizer: Tokenizer, specials: Mapping[str, str]) -> None:
    """Save a tokenizer beside a model, as the libraries find it there."""
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **specials).save_pretrained(folder)


def tokenizer_of(family: str) -> Tokenizer:
    """A tokenizer like that of a family."""
    if family == "qwen2":
        return byte_level_tokenizer(normalizers.NFC(), trim_offsets=True)
    return byte_level_tokenizer() if family == "gpt2" else metaspace_tokenizer()


class Oracle:
    """Scores as the definition says them, one text at a time: every token, the whole vocabulary, in float32."""

    def __init__(self, folder: Path, family: str) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
        self.bos_id = self.tokenizer.convert_tokens_to_ids(STARTS[family])

    def name_tokens(self, sentence: Sentence) -> range:
        """The places of the tokens from the first to the last with a letter, digit or sign of the name."""
        offsets = self.tokenizer(sentence.text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        name = {place for place in range(sentence.start, sentence.end) if not sentence.text[place].isspace()}
        places = [place for place, (start, end) in enumerate(offsets) if not name.isdisjoint(range(start, end))]
        return range(min(places), max(places) + 1)

    def log_likelihoods(self, sentence: Sentence) -> list[float]:
        """Natural logarithms of the probabilities of the name's tokens."""
        ids = self.tokenizer(sentence.text, add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            logits = self.model(torch.tensor([[self.bos_id, *ids]])).logits[0]
        everything = torch.log_softmax(logits.float(), dim=-1)
        # The prediction after BOS and n tokens stands in row n and is about the token in place n.
        return [everything[place, ids[place]].item() for place in self.name_tokens(sentence)]


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A saved model of each family."""
    root = tmp_path_factory.mktemp("models")
    return {family: save_model(root / family, family, tokenizer_of(family)) for family in CONFIGS}


@pytest.fixture(scope="session")
def scorers(folders: Mapping[str, Path]) -> Mapping[str, HfScorer]:
    """A scorer of each family."""
    return {family: load_scorer(str(folder), max_tokens_per_batch=256) for family, folder in folders.items()}


@pytest.fixture(scope="session")
def oracles(folders: Mapping[str, Path]) -> Mapping[str, Oracle]:
    """An oracle of each family."""
    return {family: Oracle(folder, family) for family, folder in folders.items()}


def requests(sentences: Iterable[Sentence]) -> pa.Table:
    """REQUESTS for sentences, with their numbers as ids."""
    rows = [(str(number), *sentence) for number, sentence in enumerate(sentences)]
    columns = list(zip(*rows, strict=True)) or [()] * 4
    return pa.table(
        [pa.array(c, f.type) for c, f in zip(columns, schema.REQUESTS, strict=True)], schema=schema.REQUESTS
    )


def named(text: str, name: str, occurrence: int = 0) -> Sentence:
    """A sentence and where a name stands in it, for the first or a later time."""
    start = -1
    for _ in range(occurrence + 1):
        start = text.index(name, start + 1)
    return Sentence(text, start, start + len(name))
