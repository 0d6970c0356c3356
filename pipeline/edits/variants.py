"""Robust edits: edits of the other categories, with sentences put before their prompts, and short and long forms.

For each attribute a robust edit carries one sentence of either pole, drawn as a pair. No sentence names the target, the
true object, or either by an alias (decisions 18 to 20).
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from pipeline.core.edit_record import Edit, LengthForm, Prefix, Probe
from pipeline.core.seeded import draw_key, rotated, shuffled
from pipeline.core.settings import RobustSettings
from pipeline.edits.edits import Drop, path_name
from pipeline.language.prompts import Ask, ask_edit, ask_triple, names_any
from pipeline.language.subgraph import Subgraph
from pipeline.language.templates import VariantGrammar, VariantSentence

_SLOT = re.compile(r"\{(\w+)\}")


def make_variants(
    edits: Sequence[Edit], subgraph: Subgraph, settings: RobustSettings, seed: int
) -> tuple[list[Edit], list[Drop]]:
    """Make robust edits.

    Args:
        edits: Edits of the other categories, with splits and probes.
        subgraph: What they and their surroundings are called.
        settings: How many, and what short and long mean.
        seed: The seed of the run.

    Returns:
        Robust edits, each in the split of the edit it varies, and the edits that could not be varied.
    """
    made: list[Edit] = []
    drops: list[Drop] = []
    for edit in shuffled(edits, seed, "robust", by=lambda edit: edit["case_id"]):
        robust = "over_quota" if len(made) == settings.size else _robust(edit, subgraph, settings, seed)
        if isinstance(robust, str):
            drops.append(_drop(edit, robust))
        else:
            made.append(robust)
    return sorted(made, key=lambda edit: edit["case_id"]), drops


def _drop(edit: Edit, reason: str) -> Drop:
    middle = edit["path"][0]["relation_id"] if edit["hops"] == 2 else None
    path = path_name(middle, edit["relation_id"])
    target = edit["target_new_id"] or edit["target_new"]
    return Drop("robust", edit["subject_id"], path, target, edit["statement_id"], "variants", reason, edit["case_id"])


def _robust(edit: Edit, subgraph: Subgraph, settings: RobustSettings, seed: int) -> Edit | str:
    """The robust edit, or the reason why there is none."""
    asked = ask_edit(edit, subgraph)
    probe = next((probe for kind in ("Neighborhood", "Relation_Specificity") for probe in _of_kind(edit, kind)), None)
    if asked is None or probe is None:
        return "no_locality"
    prefixes: list[Prefix] = []
    for grammar in subgraph.templates.variants:
        pair = _pair(grammar, edit, asked, settings, seed)
        if pair is None:
            return "no_prefix"
        prefixes += pair
    forms = _length_forms(edit, asked, probe, subgraph, settings, seed)
    if forms is None:
        return "no_length_form"
    return cast(
        Edit,
        {
            **edit,
            "case_id": f"robust-{hashlib.sha256(edit['case_id'].encode()).hexdigest()[:16]}",
            "category": "robust",
            "base_case_id": edit["case_id"],
            "rephrases": [form["rephrase"] for form in forms],
            "prefixes": prefixes,
            "length_forms": forms,
            "rcids": [],  # no edit of a wiki made the variant: its base names those behind the fact
            "tags": [],
        },
    )


def _of_kind(edit: Edit, kind: str) -> Iterator[Probe]:
    return (probe for probe in edit["locality"] if probe["kind"] == kind)


def _pair(grammar: VariantGrammar, edit: Edit, asked: Ask, settings: RobustSettings, seed: int) -> list[Prefix] | None:
    """A sentence of either pole; the two stand in the same place of the grammar and share the words in their slots."""
    key = (grammar.attribute, edit["case_id"])
    taboo = [edit["target_new"], *edit["target_new_aliases"], edit["ground_truth"], *sum(edit["answers"], [])]
    pairs = list(zip(*grammar.poles.values(), strict=True))
    for pair in rotated(pairs, seed, *key):
        if _is_tactless(grammar, asked) and any("topic" in sentence.slots for sentence in pair):
            continue
        texts = [_filled(sentence, grammar, edit, asked, seed) for sentence in pair]
        if all(len(text.split()) <= settings.max_prefix_words and not names_any(text, taboo) for text in texts):
            return [
                {"attribute": grammar.attribute, "pole": pole, "level": sentence.level, "text": text}
                for pole, sentence, text in zip(grammar.poles, pair, texts, strict=True)
            ]
    return None


def _is_tactless(grammar: VariantGrammar, asked: Ask) -> bool:
    """Whether it is in poor taste to dwell on the matter asked: somebody's religion, or delight in a death."""
    return asked.relation.sensitive or (asked.relation.delicate and grammar.attribute == "sentiment")


def _filled(sentence: VariantSentence, grammar: VariantGrammar, edit: Edit, asked: Ask, seed: int) -> str:
    """A sentence with words in its slots."""

    def word(match: re.Match[str]) -> str:
        slot = match.group(1)
        if slot == "subject":
            return _subject_text(edit, asked)
        if slot == "topic":
            return asked.noun.text.removeprefix("one of ")  # "the children of ...", as a matter to speak of
        words = grammar.slots[slot]
        return words[int(draw_key(seed, grammar.attribute, slot, edit["case_id"])[:8], 16) % len(words)]

    text = _SLOT.sub(word, sentence.text)
    return text[:-1] if text.endswith("..") else text  # a name such as "Sammy Davis Jr." brings its own full stop


def _subject_text(edit: Edit, asked: Ask) -> str:
    """The edit's subject in running text: over two hops, the asking's own subject is a phrase about it."""
    if edit["hops"] == 1:
        return asked.subject.text
    article = "the " if f"the {edit['subject']}" in asked.subject.text else ""
    return article + edit["subject"]


def _length_forms(
    edit: Edit, asked: Ask, probe: Probe, subgraph: Subgraph, settings: RobustSettings, seed: int
) -> list[LengthForm] | None:
    """The short and the long form of the rephrase and of one locality prompt (decision 19)."""
    other = _asked_probe(probe, subgraph)
    if other is None:
        return None
    rephrase = _short(asked, edit["rephrases"], settings)
    locality = _short(other, [*other.rephrases, other.prompt], settings)
    if rephrase is None or locality is None:
        return None
    lead_ins = shuffled(subgraph.templates.phrases.lead_ins, seed, "lead-in", edit["case_id"])
    taboo = [
        edit["target_new"],
        *edit["target_new_aliases"],
        *sum(edit["answers"], []),
        *sum(probe["ground_truth"], []),
    ]
    fitting = [lead_in for lead_in in lead_ins if not names_any(lead_in, taboo)][:2]
    longs = [_long(lead_in, ask) for lead_in, ask in zip(fitting, (asked, other), strict=False)]
    if len(longs) < 2 or any(
        _length(text, ask) < settings.long_words for text, ask in zip(longs, (asked, other), strict=True)
    ):
        return None
    return [_form("short", rephrase, locality, probe), _form("long", longs[0], longs[1], probe)]


def _asked_probe(probe: Probe, subgraph: Subgraph) -> Ask | None:
    subject = int(probe["subject_id"][1:])
    triples = subgraph.objects(subject, probe["relation_id"])
    return ask_triple(subgraph, triples[0], subgraph.items[subject]) if triples else None


def _short(asked: Ask, texts: Iterable[str], settings: RobustSettings) -> str | None:
    """The shortest of some sentences, if it is short."""
    shortest = min(texts, key=lambda text: (len(text.split()), text))
    return shortest if _length(shortest, asked) <= settings.short_words else None


def _long(lead_in: str, asked: Ask) -> str:
    """The prompt after a lead-in, in mid-sentence."""
    prompt = asked.prompt
    starts_with_name = prompt.startswith(asked.subject.text)
    return f"{lead_in} {prompt if starts_with_name else prompt[0].lower() + prompt[1:]}"


def _length(text: str, asked: Ask) -> int:
    """Words of a sentence, its subject counted as one."""
    return len(text.split()) - len(asked.subject.text.split()) + 1


def _form(pole: str, rephrase: str, locality: str, probe: Probe) -> LengthForm:
    return {
        "pole": pole,
        "rephrase": rephrase,
        "locality_prompt": locality,
        "locality_ground_truth": probe["ground_truth"],
        "locality_subject_id": probe["subject_id"],
        "locality_relation_id": probe["relation_id"],
    }
