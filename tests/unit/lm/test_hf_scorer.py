"""Scores of real networks, tiny and random: against an oracle, and against the traps of the trade one by one.

The oracle reads one text at a time and as a whole, so that batching, cutting and choosing positions are all put to the
test by agreeing with it. Agreement is asked for within 1e-4 nats a sum, in float32.
"""

import dataclasses
import json
import re
import shutil
import unicodedata
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import cast

import pytest
import torch
from tokenizers import normalizers
from transformers import (
    BertConfig,
    BertLMHeadModel,
    ByT5Tokenizer,
    Gemma2PreTrainedModel,
    LlamaModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from pipeline.core import schema
from pipeline.core.errors import UsageError
from pipeline.lm.scores import Sentence
from tests.scorers import HfScorer, Scorer, load_scorer
from tests.unit.lm.conftest import (
    CONFIGS,
    POSITIONS,
    Oracle,
    byte_level_tokenizer,
    metaspace_tokenizer,
    named,
    requests,
    save_model,
    save_tokenizer,
)

TOLERANCE = 1e-4
LONG = "At some point " * 3 + "the conversation turned to the Netherlands and my mother, after a short pause."
SENTENCES = [
    named("On the way home, I kept thinking about Mara Quellin.", "Mara Quellin"),
    named("Mara Quellin mentioned my mother.", "Mara Quellin"),
    named("After a pause, somebody mentioned the F.C.'s stadium.", "F.C."),
    named("The last question concerned Port Ansel, Inc., a company.", "Port Ansel, Inc."),
    named("They spoke about the stadium (GDR).", "GDR"),
    named("The last question concerned Zdeněk Šťastný.", "Zdeněk Šťastný"),
    named("She met Łódź 😀👩‍🚀!", "😀👩‍🚀"),
    named("We spoke about 東京タワー, the tower.", "東京タワー"),
    named("The last question concerned 猫 and 犬.", "猫 and 犬"),
    named("Yesterday we spoke at length about Yesterday.", "Yesterday", occurrence=1),
    named("There was  a  double  space.", "double  space"),
    named("X", "X"),
    named(LONG, "Netherlands"),
    named(LONG, LONG),
]
Families = pytest.mark.parametrize("family", CONFIGS)


def score(scorer: Scorer, *asked: Sentence) -> list[dict[str, object]]:
    return scorer.score(requests(asked)).to_pylist()


def loaded(folder: Path) -> HfScorer:
    return cast(HfScorer, load_scorer(str(folder), max_tokens_per_batch=256))


def total(scorer: HfScorer, sentence: Sentence) -> float:
    return cast(float, score(scorer, sentence)[0]["log_likelihood_sum"])


class Watched:
    """A network that keeps what it was asked."""

    def __init__(self, network: PreTrainedModel) -> None:
        self.network, self.config, self.device = network, network.config, network.device
        self.calls: list[Mapping[str, object]] = []

    def __call__(self, **arguments: object) -> object:
        """Answer as the network does."""
        self.calls.append(arguments)
        return self.network(**arguments)

    @property
    def inputs(self) -> list[list[int]]:
        """All rows that were read."""
        return [row for call in self.calls for row in cast(torch.Tensor, call["input_ids"]).tolist()]


def watched(scorer: HfScorer) -> tuple[HfScorer, Watched]:
    """A scorer that reads each sentence in a row of its own, and what its network is asked."""
    network = Watched(scorer.network)
    return dataclasses.replace(scorer, network=cast(PreTrainedModel, network), sharing="dedup"), network


# The definition


@Families
def test_scores_agree_with_one_by_one(
    family: str, scorers: Mapping[str, HfScorer], oracles: Mapping[str, Oracle]
) -> None:
    table = scorers[family].score(requests(SENTENCES))
    assert table.schema.equals(schema.SCORES)
    assert table["id"].to_pylist() == [str(number) for number in range(len(SENTENCES))]
    for sentence, row in zip(SENTENCES, table.to_pylist(), strict=True):
        expected = oracles[family].log_likelihoods(sentence)
        assert row["status"] == "ok"
        assert row["token_count"] == len(expected)
        assert row["token_log_likelihoods"] == pytest.approx(expected, abs=TOLERANCE)
        assert row["log_likelihood_sum"] == pytest.approx(sum(expected), abs=TOLERANCE)
        assert row["log_likelihood_sum"] == pytest.approx(sum(row["token_log_likelihoods"]), abs=1e-9)
        assert row["byte_count"] == len(sentence.name.encode())
        assert row["context_token_count"] == oracles[family].name_tokens(sentence).start


def test_the_oracle_is_not_trivial(oracles: Mapping[str, Oracle]) -> None:
    """Random networks can be so flat that every token is as likely as any other; then nothing would be tested."""
    for oracle in oracles.values():
        tokens = [token for sentence in SENTENCES for token in oracle.log_likelihoods(sentence)]
        assert max(tokens) - min(tokens) > 8


@Families
def test_the_score_of_a_whole_text_is_the_loss_that_the_model_itself_computes(
    family: str, scorers: Mapping[str, HfScorer], oracles: Mapping[str, Oracle]
) -> None:
    oracle = oracles[family]
    ids = [oracle.bos_id, *oracle.tokenizer(LONG, add_special_tokens=False)["input_ids"]]
    with torch.inference_mode():
        loss = oracle.model(torch.tensor([ids]), labels=torch.tensor([ids])).loss.item()
    assert total(scorers[family], named(LONG, LONG)) == pytest.approx(-loss * (len(ids) - 1), abs=TOLERANCE)


@Families
def test_text_after_the_name_changes_nothing(family: str, scorers: Mapping[str, HfScorer]) -> None:
    tails = (" again.", " again and again, but nobody knew why.", " 東京!")
    texts = [named(f"We spoke about Mara Quellin{tail}", "Mara Quellin") for tail in tails]
    sums = [row["log_likelihood_sum"] for row in score(scorers[family], *texts)]
    assert len(set(sums)) == 1  # to the bit: the model never sees it


# How a model is asked


@Families
def test_batches_have_one_length_and_neither_padding_nor_mask(family: str, scorers: Mapping[str, HfScorer]) -> None:
    """Left padding shifts absolute positions, by up to 33 nats; a mask of ones turns fast attention off."""
    scorer, network = watched(scorers[family])
    score(scorer, *SENTENCES)
    lengths = [len(row) for row in network.inputs]
    assert lengths == sorted(lengths, reverse=True)
    assert sorted(lengths) == sorted(
        row["context_token_count"] + row["token_count"] for row in score(scorers[family], *SENTENCES)
    )
    for call in network.calls:
        assert set(call) == {"input_ids", "use_cache", "logits_to_keep"}
        assert call["use_cache"] is False
        rows, length = cast(torch.Tensor, call["input_ids"]).shape
        assert rows == 1 or rows * length <= scorer.max_tokens_per_batch


@Families
def test_a_score_does_not_depend_on_its_neighbours(family: str, scorers: Mapping[str, HfScorer]) -> None:
    together = score(scorers[family], *SENTENCES)
    for row, sentence in zip(together, SENTENCES, strict=True):
        assert row["log_likelihood_sum"] == pytest.approx(total(scorers[family], sentence), abs=TOLERANCE)


@Families
def test_what_reads_the_same_is_read_once(family: str, scorers: Mapping[str, HfScorer]) -> None:
    scorer, network = watched(scorers[family])
    asked = [
        *SENTENCES,
        *reversed(SENTENCES),
        named("On the way home, I kept thinking about Mara Quellin", "Mara Quellin"),
    ]
    sums = [row["log_likelihood_sum"] for row in score(scorer, *asked)]
    assert len(network.inputs) == len(SENTENCES)
    assert sums[: len(SENTENCES)] == sums[-2 : -2 - len(SENTENCES) : -1]
    assert sums[0] == sums[-1]


def test_the_number_of_tokens_at_once_changes_nothing(folders: Mapping[str, Path]) -> None:
    sums = [
        [row["log_likelihood_sum"] for row in score(load_scorer(str(folders["gpt2"]), limit), *SENTENCES)]
        for limit in (1, 64, 10_000)
    ]
    assert sums[1] == pytest.approx(sums[0], abs=TOLERANCE)
    assert sums[2] == pytest.approx(sums[0], abs=TOLERANCE)


def test_the_same_requests_give_the_same_bits(scorers: Mapping[str, HfScorer]) -> None:
    for scorer in scorers.values():
        assert scorer.score(requests(SENTENCES)).equals(scorer.score(requests(SENTENCES)))


def test_no_requests_give_no_scores(scorers: Mapping[str, HfScorer]) -> None:
    assert scorers["gpt2"].score(schema.REQUESTS.empty_table()).equals(schema.SCORES.empty_table())


# Trap: the start of a text


@Families
def test_one_start_token_and_only_one(family: str, scorers: Mapping[str, HfScorer]) -> None:
    """The Llama-like tokenizer adds BOS by itself when it is asked for special tokens."""
    scorer, network = watched(scorers[family])
    score(scorer, *SENTENCES)
    assert {row[0] for row in network.inputs} == {scorer.bos_id}
    assert all(scorer.bos_id not in row[1:] for row in network.inputs)


@pytest.mark.parametrize(
    ("specials", "start"),
    [
        ({"bos_token": "<s>", "eos_token": "</s>"}, "<s>"),
        ({"eos_token": "</s>"}, "<|endoftext|>"),  # Qwen: EOS ends a turn of a chat
        ({}, "<|endoftext|>"),
    ],
)
def test_the_start_token_is_bos_or_else_end_of_text(specials: Mapping[str, str], start: str, tmp_path: Path) -> None:
    folder = save_model(tmp_path, "llama", metaspace_tokenizer(extra=["<|endoftext|>"]))
    save_tokenizer(folder, metaspace_tokenizer(extra=["<|endoftext|>"]), specials)
    scorer = loaded(folder)
    assert scorer.bos_id == scorer.tokenizer.token_to_id(start)


def test_without_either_the_start_token_is_eos(tmp_path: Path) -> None:
    folder = save_model(tmp_path, "llama", metaspace_tokenizer())
    save_tokenizer(folder, metaspace_tokenizer(), {"eos_token": "</s>"})
    scorer = loaded(folder)
    assert scorer.bos_id == scorer.tokenizer.token_to_id("</s>")


def test_a_name_at_the_start_of_a_text_is_scored_after_the_start_token(scorers: Mapping[str, HfScorer]) -> None:
    for scorer in scorers.values():
        (row,) = score(scorer, named("Mara Quellin mentioned my mother.", "Mara Quellin"))
        assert row["context_token_count"] == 0
        assert row["token_count"] == len(row["token_log_likelihoods"]) > 0


# Traps: where a name is


def test_a_token_that_reaches_over_the_end_of_a_name_counts_and_is_told(
    scorers: Mapping[str, HfScorer], oracles: Mapping[str, Oracle]
) -> None:
    sentence = named("After a pause, somebody mentioned the F.C.'s stadium.", "F.C.")
    tokenizer = oracles["gpt2"].tokenizer
    # A tokenizer that sees the name alone makes other tokens of it, which the sentence does not hold.
    assert tokenizer.tokenize(" F.C.")[-1] == "."
    assert ".'" in tokenizer.tokenize(sentence.text)
    (row,) = score(scorers["gpt2"], sentence)
    assert row["log_likelihood_sum"] == pytest.approx(sum(oracles["gpt2"].log_likelihoods(sentence)), abs=TOLERANCE)
    assert (row["is_left_merged"], row["is_right_merged"]) == (False, True)


def test_a_token_that_reaches_over_both_ends(scorers: Mapping[str, HfScorer]) -> None:
    (row,) = score(scorers["llama"], named("They spoke about the stadium (GDR).", "GDR"))
    assert (row["is_left_merged"], row["is_right_merged"]) == (True, True)
    (row,) = score(scorers["llama"], named("I kept thinking about Mara Quellin.", "Mara Quellin"))
    assert (row["is_left_merged"], row["is_right_merged"]) == (False, False)


@pytest.mark.parametrize("trim_offsets", [True, False])
def test_the_space_before_a_name_is_no_part_of_it_and_belongs_to_its_first_token(
    trim_offsets: bool, folders: Mapping[str, Path], scorers: Mapping[str, HfScorer]
) -> None:
    tokenizer = byte_level_tokenizer(trim_offsets=trim_offsets)
    sentence = named("On the way home, I kept thinking about my mother and home.", "mother")
    start, end = next(span for span in tokenizer.encode(sentence.text).offsets if span[1] == sentence.end)
    assert sentence.text[start:end] == ("mother" if trim_offsets else " mother")
    scorer = dataclasses.replace(scorers["gpt2"], tokenizer=tokenizer)
    (row,) = score(scorer, sentence)
    assert (row["token_count"], row["is_left_merged"]) == (1, False)
    assert row["log_likelihood_sum"] == total(scorers["gpt2"], sentence)


def test_every_token_of_a_last_character_counts(scorers: Mapping[str, HfScorer], oracles: Mapping[str, Oracle]) -> None:
    sentence = named("We spoke about the Łódź 😀.", "Łódź 😀")
    tokens = oracles["gpt2"].tokenizer(sentence.text)
    last_piece = tokens.char_to_token(sentence.end - 1)  # the first piece of the last character, in fact
    (row,) = score(scorers["gpt2"], sentence)
    assert row["context_token_count"] + row["token_count"] == last_piece + 4


@pytest.mark.parametrize("name", ["東京タワー", "猫", "😀👩‍🚀", "👨‍👩‍👧", "Ａｄａ", "ﷺ", "नमस्ते", "e\u0301"])
def test_names_in_any_script(name: str, scorers: Mapping[str, HfScorer], oracles: Mapping[str, Oracle]) -> None:
    sentence = named(f"😀 We spoke about {name}, then left.", name)
    for family, scorer in scorers.items():
        assert total(scorer, sentence) == pytest.approx(sum(oracles[family].log_likelihoods(sentence)), abs=TOLERANCE)


def test_offsets_of_a_normalising_tokenizer_refer_to_the_text_as_given(scorers: Mapping[str, HfScorer]) -> None:
    """Eight combining marks stand before the name, so that offsets into the NFC form would miss it by far."""
    scorer = dataclasses.replace(scorers["gpt2"], tokenizer=byte_level_tokenizer(normalizers.NFC()))
    composed = "Zdeněk Šťastný, Łódź and Zdeněk Šťastný mentioned Mara Quellin."
    decomposed = unicodedata.normalize("NFD", composed)
    assert len(decomposed) >= len(composed) + 8
    (one, other) = score(scorer, named(composed, "Mara Quellin"), named(decomposed, "Mara Quellin"))
    assert one | {"id": ""} == other | {"id": ""}
    name = unicodedata.normalize("NFD", "Zdeněk Šťastný")
    (one, other) = score(scorer, named(composed, "Zdeněk Šťastný"), named(decomposed, name))
    assert one["log_likelihood_sum"] == other["log_likelihood_sum"]
    assert one["byte_count"] < other["byte_count"]  # of the text as given, too


def test_compatibility_forms_that_fall_into_several_characters(scorers: Mapping[str, HfScorer]) -> None:
    scorer = dataclasses.replace(scorers["gpt2"], tokenizer=byte_level_tokenizer(normalizers.NFKC(), trim_offsets=True))
    (ligature, letters) = score(scorer, named("my ﬁne ﷺ mother", "ﬁne"), named("my fine ﷺ mother", "fine"))
    assert ligature["log_likelihood_sum"] == letters["log_likelihood_sum"]
    assert score(scorer, named("my ﬁne ﷺ mother", "ﷺ"))[0]["token_count"] > 10  # four words come of one character
    assert score(scorer, named("my ﬁne ﷺ mother", "mother"))[0]["token_count"] == 1


def test_a_name_that_occurs_twice_is_scored_where_the_request_says(
    scorers: Mapping[str, HfScorer], oracles: Mapping[str, Oracle]
) -> None:
    text = "Yesterday we spoke at length about Yesterday and Yesterday."
    asked = [named(text, "Yesterday", occurrence=number) for number in range(3)]
    sums = [cast(float, row["log_likelihood_sum"]) for row in score(scorers["llama"], *asked)]
    assert sums == pytest.approx([sum(oracles["llama"].log_likelihoods(it)) for it in asked], abs=TOLERANCE)
    assert len({round(one, 3) for one in sums}) == 3


def test_special_tokens_in_a_name_are_text(scorers: Mapping[str, HfScorer]) -> None:
    for family, token in (("llama", "</s>"), ("gpt2", "<|endoftext|>")):
        scorer, network = watched(scorers[family])
        (row,) = score(scorer, named(f"We spoke about {token}.", token))
        assert row["token_count"] > 1
        assert scorer.tokenizer.token_to_id(token) not in [id for row in network.inputs for id in row[1:]]


# Statuses


def test_spans_that_cannot_be_scored(scorers: Mapping[str, HfScorer]) -> None:
    asked = [Sentence("my mother", 3, 10), Sentence("my mother", 4, 4), Sentence("my   mother", 2, 5), SENTENCES[0]]
    rows = score(scorers["llama"], *asked)
    assert [row["status"] for row in rows] == ["bad_span", "bad_span", "no_tokens", "ok"]
    for row in rows[:3]:
        assert {key for key, value in row.items() if value is not None} == {"id", "status"}


def test_a_name_that_ends_beyond_what_the_model_can_read_is_no_score(
    scorers: Mapping[str, HfScorer], oracles: Mapping[str, Oracle]
) -> None:
    """The last token of the name is predicted and not read, so that BOS and the rest may fill the model."""
    for family in ("gpt2", "llama"):  # learned positions would break, rotary ones would go on unseen
        fitting = named(text_of(oracles[family].tokenizer, POSITIONS), "mother")
        beyond = named(text_of(oracles[family].tokenizer, POSITIONS + 1), "mother")
        long_after = Sentence(f"{fitting.text} and{beyond.text}", fitting.start, fitting.end)
        rows = score(scorers[family], fitting, beyond, long_after, SENTENCES[0])
        assert [row["status"] for row in rows] == ["ok", "too_long", "ok", "ok"]
        assert rows[0]["context_token_count"] + rows[0]["token_count"] == POSITIONS
        # The oracle of GPT-2 cannot read one token more than fits, so it gets what the model gets.
        assert rows[0]["log_likelihood_sum"] == rows[2]["log_likelihood_sum"]


def text_of(tokenizer: PreTrainedTokenizerFast, count: int) -> str:
    """A text of so many tokens that ends in the name."""
    for words in range(count):
        text = "At" + " and" * words + " my mother"
        if len(tokenizer(text, add_special_tokens=False)["input_ids"]) == count:
            return text
    raise ValueError(count)


def test_truncation_and_padding_that_a_tokenizer_brings_along_are_off(
    scorers: Mapping[str, HfScorer], folders: Mapping[str, Path], tmp_path: Path
) -> None:
    folder = save_model(tmp_path, "llama", metaspace_tokenizer())
    settings = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    settings["truncation"] = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    settings["padding"] = {"strategy": {"Fixed": 70}, "direction": "Left", "pad_to_multiple_of": None}
    settings["padding"] |= {"pad_id": 0, "pad_type_id": 0, "pad_token": "<unk>"}
    (folder / "tokenizer.json").write_text(json.dumps(settings), encoding="utf-8")
    brought, plain = (scorer.score(requests(SENTENCES)) for scorer in (loaded(folder), scorers["llama"]))
    # The files differ, and with them the revision, which is part of the key.
    assert brought.drop_columns(["score_key"]).equals(plain.drop_columns(["score_key"]))


def test_a_number_that_is_none_is_a_status_and_spoils_no_neighbour(scorers: Mapping[str, HfScorer]) -> None:
    network = deepcopy(scorers["llama"].network)
    mother = scorers["llama"].tokenizer.token_to_id("▁mother")
    with torch.inference_mode():
        network.get_input_embeddings().weight[mother] = float("nan")
    asked = [named("After my mother Mara", "Mara"), named("After my brothers Mara", "Mara"), SENTENCES[0]]
    rows = score(dataclasses.replace(scorers["llama"], network=network), *asked)
    assert [row["status"] for row in rows] == ["not_finite", "ok", "ok"]
    assert rows[1]["log_likelihood_sum"] == total(scorers["llama"], asked[1])
    assert rows[0]["log_likelihood_sum"] is None


def test_a_probability_of_nothing_is_a_status(scorers: Mapping[str, HfScorer]) -> None:
    class NeverMara(Watched):
        def __call__(self, **arguments: object) -> object:
            output = self.network(**arguments)
            output.logits[..., mara] = float("-inf")
            return output

    mara = scorers["gpt2"].tokenizer.token_to_id("ĠMara")
    network = cast(PreTrainedModel, NeverMara(scorers["gpt2"].network))
    rows = score(dataclasses.replace(scorers["gpt2"], network=network), SENTENCES[0], SENTENCES[2])
    assert [row["status"] for row in rows] == ["not_finite", "ok"]


# Traps: numbers


def test_log_likelihoods_are_taken_in_float32_of_whatever_the_model_computes_in(folders: Mapping[str, Path]) -> None:
    scorer, network = watched(load_scorer(str(folders["llama"]), max_tokens_per_batch=256, dtype="bfloat16"))
    assert scorer.dtype == "bfloat16"
    sentence = SENTENCES[0]
    (row,) = score(scorer, sentence)
    ids = torch.tensor(scorer.tokenizer.encode(sentence.text, add_special_tokens=False).ids)
    with torch.inference_mode():
        logits = network.network(**network.calls[0]).logits[0]
    assert logits.dtype == torch.bfloat16
    target = ids[row["context_token_count"] :][: row["token_count"], None]
    in_float32 = logits.double().log_softmax(-1).gather(-1, target).squeeze(-1)
    in_bfloat16 = logits.log_softmax(-1).gather(-1, target).squeeze(-1).double()
    assert (in_float32 - in_bfloat16).abs().max() > 100 * TOLERANCE
    assert row["token_log_likelihoods"] == pytest.approx(in_float32.tolist(), abs=TOLERANCE)


@pytest.mark.parametrize("cap", ["attn_logit_softcapping", "final_logit_softcapping"])
def test_soft_caps_are_left_to_the_model(cap: str, scorers: Mapping[str, HfScorer]) -> None:
    """The oracle has the caps; this shows that it would notice if one were forgotten."""
    network = deepcopy(scorers["gemma2"].network)
    setattr(network.config, cap, None)
    for layer in network.model.layers:
        setattr(layer.self_attn, cap, None)
    uncapped = total(dataclasses.replace(scorers["gemma2"], network=network), SENTENCES[0])
    assert abs(total(scorers["gemma2"], SENTENCES[0]) - uncapped) > 100 * TOLERANCE


def test_a_soft_cap_of_attention_is_given_to_code_that_applies_it(
    folders: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions of the library have offered a kernel that cannot cap to models that need one."""
    monkeypatch.setattr(Gemma2PreTrainedModel, "_supports_sdpa", True)
    assert loaded(folders["gemma2"]).network.config._attn_implementation == "eager"
    assert loaded(folders["qwen2"]).network.config._attn_implementation == "sdpa"


@Families
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_near(
    dtype: str, family: str, folders: Mapping[str, Path], scorers: Mapping[str, HfScorer]
) -> None:
    half = load_scorer(str(folders[family]), max_tokens_per_batch=256, dtype=dtype)
    for row, exact in zip(score(half, *SENTENCES), score(scorers[family], *SENTENCES), strict=True):
        assert row["log_likelihood_sum"] == pytest.approx(exact["log_likelihood_sum"], abs=0.5 * exact["token_count"])


# Loading


def test_a_folder_is_known_by_its_name_and_a_hash_of_what_it_holds(folders: Mapping[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(folders["llama"], tmp_path / "mine")
    first = loaded(folder)
    assert (first.name, first.dtype) == ("mine", "float32")
    assert re.fullmatch(r"sha256:[0-9a-f]{16}", first.revision)
    assert first.revision == loaded(folders["llama"]).revision
    (folder / "README.md").write_text("Not the model.")
    assert loaded(folder).revision == first.revision
    with (folder / "tokenizer.json").open("a") as file:
        file.write("\n")
    assert loaded(folder).revision != first.revision


def test_other_weights_are_another_revision(folders: Mapping[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(folders["llama"], tmp_path / "llama")
    network = deepcopy(loaded(folder).network)
    with torch.inference_mode():
        network.get_output_embeddings().weight[7, 7] += 1
    network.save_pretrained(folder)
    assert loaded(folder).revision != loaded(folders["llama"]).revision


COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_a_model_of_the_hub_is_known_by_its_commit(
    folders: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline, from a cache as `huggingface_hub` lays it out."""
    cache = tmp_path / "models--editmill--tiny"
    shutil.copytree(folders["llama"], cache / "snapshots" / COMMIT)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(COMMIT)
    (cache / "refs" / "v1").write_text(COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for revision in ("main", "v1", COMMIT):
        scorer = load_scorer("editmill/tiny", max_tokens_per_batch=256, revision=revision)
        assert (scorer.name, scorer.revision) == ("editmill/tiny", COMMIT)
    assert total(cast(HfScorer, scorer), SENTENCES[0]) == total(loaded(folders["llama"]), SENTENCES[0])
    with pytest.raises(UsageError, match="editmill/absent.*Hub id.*cache"):
        load_scorer("editmill/absent", max_tokens_per_batch=256)


def _rewrite(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


def _encoder(folder: Path) -> None:
    config = BertConfig(
        vocab_size=512, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64
    )
    BertLMHeadModel(config).save_pretrained(folder)


def _bytes_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    ByT5Tokenizer().save_pretrained(folder)


def _other_tokenizer(folder: Path) -> None:
    save_tokenizer(folder, metaspace_tokenizer(extra=[f"[{number}]" for number in range(512)]), {"bos_token": "<s>"})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "cannot be loaded: .*config.json"),
        (_rewrite("config.json", "{"), "cannot be loaded: .*not a valid JSON"),
        (_rewrite("config.json", '{"model_type": "no_such"}'), "cannot be loaded: .*no_such"),
        (_rewrite("config.json", '{"model_type": "t5"}'), "cannot be loaded: .*AutoModelForCausalLM"),
        (lambda folder: (folder / "model.safetensors").unlink(), "cannot be loaded: .*safetensors"),
        (_rewrite("model.safetensors", "cut short"), "cannot be loaded: .*header"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "cannot be loaded: .*tokenizer"),
        (lambda folder: LlamaModel(CONFIGS["llama"]()).save_pretrained(folder), "lacks 1 weights, such as lm_head"),
        (_encoder, "not causal"),
        (_bytes_tokenizer, "no offsets"),
        (_other_tokenizer, r"tokenizer has \d+ tokens, the model knows 512"),
        (lambda folder: save_tokenizer(folder, metaspace_tokenizer(), {}), "no token for the start"),
    ],
)
def test_what_cannot_score_is_refused_with_the_folder_and_a_remedy(
    spoil: Callable[[Path], object], message: str, folders: Mapping[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(folders["llama"], tmp_path / "spoilt")
    spoil(folder)
    with pytest.raises(UsageError, match=message) as caught:
        loaded(folder)
    assert caught.value.where == str(folder)
    assert caught.value.remedy
