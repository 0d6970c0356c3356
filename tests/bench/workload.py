"""What the scoring benchmark scores, and with what: templated sentences about real names, models of real shapes.

The sentences are the relations' own wordings about items of the bundled slice, three a subject, drawn as people use
templates (Zipf, exponent 1.3) and with the name first in 60 % of them, as in CounterFact. The tokenizer is trained on
other text of the slice. Weights are random: speed does not depend on them, and the final norm is scaled so that
predictions are as peaked as those of a trained model.
"""

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import pyarrow as pa
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, PreTrainedModel, Qwen2Config

from pipeline.core import schema
from pipeline.language.templates import load_templates
from pipeline.lm.encoding import Reader
from pipeline.lm.scores import Identity
from pipeline.sources.files.sample import sample_dumps

SENTENCES_PER_SUBJECT = 3
NAME_FIRST = 0.6
ZIPF_EXPONENT = 1.3
TOKENS_OF_TEXT = 8_000  # so that a name takes four or five, as with the tokenizers of large models
LOGIT_SPREAD = 4.0


@dataclass(frozen=True)
class Shape:
    """The sizes of a Qwen2 model."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    inner: int
    vocabulary: int
    tied: bool

    @property
    def body(self) -> int:
        """Parameters that every token goes through."""
        attention = self.hidden**2 * 2 + 2 * self.hidden * self.hidden * self.kv_heads // self.heads
        return self.layers * (attention + 3 * self.hidden * self.inner)

    @property
    def head(self) -> int:
        """Parameters that every prediction goes through."""
        return self.hidden * self.vocabulary


SHAPES = {
    "tiny": Shape(512, 8, 8, 2, 1408, 32_000, True),
    "0.5B": Shape(896, 24, 14, 2, 4864, 151_936, True),
    "1.5B": Shape(1536, 28, 12, 2, 8960, 151_936, True),
    "7B": Shape(3584, 28, 28, 4, 18_944, 152_064, False),
}


def make_network(shape: Shape, dtype: torch.dtype, device: str) -> PreTrainedModel:
    """A model with random weights, made where it will run."""
    torch.manual_seed(0)
    config = Qwen2Config(
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        intermediate_size=shape.inner,
        vocab_size=shape.vocabulary,
        tie_word_embeddings=shape.tied,
        max_position_embeddings=2048,
    )
    with torch.device(device):
        network = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="sdpa").eval()
    with torch.inference_mode():
        network.model.norm.weight.fill_(LOGIT_SPREAD / (config.initializer_range * shape.hidden**0.5))
    return network


def make_reader() -> tuple[Identity, Reader]:
    """A tokenizer trained on labels and descriptions of the slice."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TOKENS_OF_TEXT,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    corpus = [text for _, label, description in _items() for text in (label, description)]
    tokenizer.train_from_iterator([*corpus[::2], *corpus[1::4], *_templates()], trainer)
    identity = Identity("random", "0", "any", "0", tokenizer.token_to_id("<|endoftext|>"))
    return identity, Reader(tokenizer, identity.bos_id, 2048, identity.fingerprint)


def make_requests(count: int) -> pa.Table:
    """REQUESTS, in an order as of a data set that is not sorted for the sake of a benchmark."""
    draw = random.Random(7)
    templates = _templates()
    draw.shuffle(templates)
    first = [template for template in templates if template.startswith("{subject}")]
    later = [template for template in templates if not template.startswith("{subject}")]
    rows: list[tuple[str, str, int, int]] = []
    for _, label, _ in _endlessly(_items()):
        for _ in range(SENTENCES_PER_SUBJECT):
            among = first if draw.random() < NAME_FIRST else later
            template = draw.choices(among, [(place + 1) ** -ZIPF_EXPONENT for place in range(len(among))])[0]
            start = template.index("{subject}")
            rows.append((str(len(rows)), template.replace("{subject}", label), start, start + len(label)))
            if len(rows) == count:
                draw.shuffle(rows)
                columns = list(zip(*rows, strict=True))
                arrays = [pa.array(column, type=f.type) for column, f in zip(columns, schema.REQUESTS, strict=True)]
                return pa.Table.from_arrays(arrays, schema=schema.REQUESTS)
    raise ValueError(count)


def _endlessly(items: Sequence[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    """All items, then pairs of them as names of their own, for more sentences than the slice has names."""
    yield from items
    for step in range(1, len(items)):
        for (one, label, text), (_, other, _) in zip(items, [*items[step:], *items[:step]], strict=True):
            yield one, f"{label.split()[0]} {other.split()[-1]}", text


@cache
def _items() -> list[tuple[str, str, str]]:
    """Id, label and description of the items of the slice, in a drawn order."""
    found = []
    with gzip.open(sample_dumps()[1], "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("{"):
                item = json.loads(line.rstrip().rstrip(","))
                label, text = (item.get(key, {}).get("en", {}).get("value", "") for key in ("labels", "descriptions"))
                if label.strip():
                    found.append((item["id"], label.strip(), text))
    return random.Random(7).sample(sorted(found), len(found))


def _templates() -> list[str]:
    """The relations' prompts and rephrases that name the subject plainly."""
    relations = load_templates().relations.values()
    forms = [form for relation in relations for words in relation.wordings for form in (words, words.several) if form]
    texts = [text for form in forms for text in (form.prompt, *form.rephrases)]
    return sorted({text for text in texts if text.count("{") == 1 and "{subject}" in text})
