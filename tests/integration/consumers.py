"""What the consumers' loaders do with a record, re-enacted: which fields they touch, and how they fail.

Only field accesses are here, no tensors. Where a loader draws at random, every possible draw is made. A record that
stops the real loader stops these functions with the same kind of error; a record that the real loader takes while
training on, or scoring, something that the record does not say raises `SilentFault`, which no loader does.

Read in DAFNet's utils/data.py and rome.py, EasyEdit's dataset classes, editors/utils.py, rome_main.py and
run_knowedit_llama2.py, and ROME's dsets/zsre.py. The code is our own.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Record = dict[str, Any]  # as json.load gives it; the loaders ask for no more


class SilentFault(Exception):
    """The loader goes on, but not with what the record says."""


def read(path: Path) -> Any:
    """A file as the loaders open it in the least able of locales."""
    with path.open(encoding="ascii") as file:
        return json.load(file)


# DAFNet, utils/data.py: training


def train_dafnet(folder: Path, datasets: str = "zsre-cf-long_tail-popular-recent-robust") -> None:
    """Every record that DAFNet's training can draw, with every prefix that it can draw.

    Args:
        folder: Where the files are.
        datasets: What its option --datasets names; other files are not read.
    """
    names = datasets.split("-")
    files = {name: read(folder / f"{_DAFNET.get(name, name)}.json") for name in names}
    robust, counterfact = files.get("robust", []), files.get("cf", [])
    zsre_group = [record for name in files if name not in ("cf", "robust") for record in files[name]]
    if "zsre" not in files:
        raise NameError("the list that the others are appended to is not there")
    if not all((counterfact, zsre_group, robust)):
        raise ZeroDivisionError("a drawn index is taken modulo the size of a group of files")
    for record in (*counterfact, *zsre_group):
        draw_plain(record)
    for record in robust:
        draw_robust(record)


_DAFNET = {"zsre": "zsre_train", "cf": "cf_train"}


def draw_plain(record: Record) -> None:
    """One record of a file without prefixes."""
    _join(record["prompt"], record["target_new"])
    _join(record["rephrase_prompt"], record["target_new"])
    _join(record["locality_prompt"], record["locality_ground_truth"])


def draw_robust(record: Record) -> None:
    """One record with prefixes: the edit goes without, the rephrase and the locality prompt with one drawn each."""
    _join(record["prompt"], record["target_new"])
    prefixes = record["prefix"]
    if len(prefixes) == 0:
        raise ValueError("a must be a positive integer unless no samples are taken")  # numpy's choice
    if isinstance(prefixes, str):
        raise SilentFault("each letter of the text is taken for a prefix")
    for prefix in prefixes:
        start = _cut(prefix)
        _join(start + record["rephrase_prompt"], record["target_new"])
        _join(start + record["locality_prompt"], record["locality_ground_truth"])


def _cut(prefix: str) -> str:
    cut = " ".join(prefix.split(" ")[:30])
    if cut[-1] != ".":
        raise SilentFault("the prefix is cut or ended in another way than it is written")
    return cut + " "


def _join(prompt: str, target: str) -> None:
    """Prompt and target as one text, of which the target's tokens are trained on or scored."""
    space = "" if target[0] == " " else " "
    _tokenize(prompt + (space + target))
    if not prompt:
        raise SilentFault("there is nothing to answer, and only the last token counts")
    if prompt.endswith(" "):
        raise SilentFault("two spaces part prompt and target, and tokens may not part there")
    if target.isspace():
        raise SilentFault("the target says nothing")


def _tokenize(text: object) -> None:
    if not isinstance(text, str):
        raise TypeError("text input must be of type `str`")


# DAFNet, utils/data.py: evaluation


def evaluate_dafnet_zsre(records: Iterable[Record]) -> None:
    """DAFNet's ZSRE evaluation, with ROME as one of its editors."""
    for record in records:
        _join(record["src"], record["alt"])
        _join(record["rephrase"], record["alt"])
        _join(record["loc"], record["loc_ans"])
        _one_text(record["answers"])
        _edit_with_dafnets_rome(record["src"], record["subject"])


def evaluate_dafnet_counterfact(records: Iterable[Record]) -> None:
    """DAFNet's CF and CF+ evaluation, with ROME as one of its editors."""
    for record in records:
        _tokenize(record["ground_truth"])
        draw_plain(record)
        _join(
            f"{record['prompt']} {record['target_new']}. " + record["locality_prompt"], record["locality_ground_truth"]
        )
        _edit_with_dafnets_rome(record["prompt"], record["subject"])


def _edit_with_dafnets_rome(prompt: str, subject: str) -> None:
    template = _template(prompt, subject)
    _one_place(template)
    template.format(subject)


# ROME as EasyEdit has it, models/rome


def edit_with_rome(prompt: str, subject: str) -> None:
    """The prompt becomes a format string with one place, the subject's; it is printed before the places are counted."""
    template = _template(prompt, subject)
    template.format(subject)
    _one_place(template)


def _template(prompt: str, subject: str) -> str:
    if "{}" in prompt:
        return prompt
    assert subject in prompt, "the subject does not stand in the prompt"
    return prompt.replace(subject, "{}")


def _one_place(template: str) -> None:
    assert template.count("{}") == 1, "there may be one place for the subject"


# ROME and MEMIT, dsets/zsre.py


def load_mend_qa(records: Iterable[Record]) -> None:
    """MENDQADataset: edits towards the first answer and asks `loc` with a question mark of its own."""
    for record in records:
        assert "nq question: " in record["loc"]
        _tokenize(" " + record["loc_ans"])
        if (record["loc"] + "?").endswith("??"):
            raise SilentFault("the locality question gets a second question mark")
        _one_text(record["answers"])
        edit_with_rome(record["src"], record["subject"])
        _tokenize(record["rephrase"])


def _one_text(answers: Any) -> str:
    if not answers[0]:
        raise SilentFault("the answer is empty")
    if isinstance(answers, str):
        raise SilentFault("the first letter of the text is taken for the answer")
    return answers[0]


# EasyEdit, dataset/zsre.py and dataset/counterfact.py


def load_zsre(records: Iterable[Record]) -> None:
    """ZsreDataset and its batches."""
    for record in records:
        assert "nq question: " in record["loc"], "Neighborhood prompt missing `nq question:`"
        if record["alt"] == "":
            raise SilentFault("the record is skipped")
        _tokenize(f"{_one_text(record['answers'])} >> {record['alt']} || {record['src']}")
        _batch(record["src"], record["alt"], record["rephrase"], record["loc"], record["loc_ans"])


def load_counterfact(records: Iterable[Record]) -> None:
    """CounterFactDataset, which reads nothing until a batch is made."""
    for record in records:
        _tokenize(f"{record['ground_truth']} >> {record['target_new']} || {record['prompt']}")
        locality = record["locality_prompt"], record["locality_ground_truth"]
        _batch(record["prompt"], record["target_new"], record["rephrase_prompt"], *locality)


def _batch(prompt: str, target: str, rephrase: str, locality_prompt: str, locality_answer: str) -> None:
    for text, answer in ((prompt, target), (rephrase, target), (locality_prompt, locality_answer)):
        _tokenize(text + " " + answer)
        _tokenize(answer)
        if not text.strip() or not answer.strip() or text.endswith(" "):
            raise SilentFault("a prompt or an answer says nothing, or two spaces part them")


# EasyEdit, dataset/wiki_recent.py


def load_wiki_recent(records: Iterable[Record]) -> None:
    """WikiRecentDataset, with every locality item and every name of every answer that it can draw."""
    for record in records:
        if record["target_new"] == "":
            raise SilentFault("the record is skipped")
        _tokenize(record["subject"])
        rephrase = record.get("rephrase", record["prompt"])
        for item in _drawn(record["locality"]["Relation_Specificity"]):
            for names in _drawn(item["ground_truth"]):
                for name in _drawn(names):
                    _batch(record["prompt"], record["target_new"], rephrase, item["prompt"], name)


def _drawn(items: Any) -> Any:
    if len(items) == 0:
        raise IndexError("Cannot choose from an empty sequence")
    if isinstance(items, str):
        raise SilentFault("a letter of the text is drawn")
    return items


# EasyEdit, dataset/knowedit.py and examples/run_knowedit_llama2.py

_PORTABILITY = {"Reasoning", "Subject_Aliasing", "Logical_Generalization"}
_LOCALITY = {"Relation_Specificity", "Forgetfulness"}


def load_knowedit(records: Iterable[Record]) -> list[Record]:
    """KnowEditDataset: the records as it hands them on."""
    data: list[Record] = []
    for record in records:
        portability = record.get("portability", {})
        data.append(
            {
                "subject": record["subject"] if "subject" in record else record["concept"],
                "prompt": record["prompt"] if "prompt" in record else record["text"],
                "target_new": record["target_new"] if "target_new" in record else record["labels"],
                "portability": {kind: portability[kind] for kind in _PORTABILITY if kind in portability},
                "locality": {kind: record["locality"][kind] for kind in _LOCALITY if kind in record["locality"]},
            }
        )
        if unknown := {*portability, *record["locality"]} - _PORTABILITY - _LOCALITY:
            raise SilentFault(f"{unknown} are not looked at")
    return data


def batch_knowedit(data: Iterable[Record]) -> None:
    """KnowEditDataset's two ways to make a batch: of the first item of the first locality kind there is."""
    for record in data:
        items = record["locality"].get("Relation_Specificity")
        items = items if items is not None else record["locality"].get("Forgetfulness")
        item = items[0]
        first = item["ground_truth"][0]
        if isinstance(item["ground_truth"], str):
            raise SilentFault("the first letter of the text is taken for the answer")
        answer = first if isinstance(first, str) else first[0]
        prompt = item["prompt"] if isinstance(item["prompt"], str) else item["prompt"][0]
        _batch(record["prompt"], record["target_new"], record["prompt"], prompt, answer)


def run_knowedit(data: Iterable[Record]) -> None:
    """run_knowedit_llama2.py: every item of every kind is scored, then ROME edits."""
    for record in data:
        assert record["subject"] in record["prompt"], "the subject does not stand in the prompt"
        for items in (*record["portability"].values(), *record["locality"].values()):
            _score(items)
        _batch(record["prompt"], record["target_new"], record["prompt"], record["prompt"], record["target_new"])
        edit_with_rome(record["prompt"], record["subject"])


def _score(items: Iterable[Record]) -> None:
    pairs = [(item["prompt"], _innermost(item["ground_truth"])) for item in items]
    scored = [(prompt, answer) for prompt, answer in pairs if answer.strip()]
    if not scored:
        raise ValueError("the tokenizer is given nothing")
    if len(scored) < len(pairs):
        raise SilentFault("items with empty answers are not scored")
    for prompt, answer in scored:
        _tokenize(prompt + " " + answer)


def _innermost(answers: Any) -> Any:
    while isinstance(answers, list):
        answers = answers[0]
    return answers
