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
from pipeline.edits.dropped import Drop, drop_edit
from pipeline.edits.edits import edited_fact
from pipeline.language.answers import telling_names
from pipeline.language.leaks import mentions_any
from pipeline.language.prompts import FactSentences, word_fact, word_triple
from pipeline.language.relations import Relation
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
    return drop_edit(edit, "variants", reason)._replace(category="robust", detail=edit["case_id"])


def _robust(edit: Edit, subgraph: Subgraph, settings: RobustSettings, seed: int) -> Edit | str:
    """The robust edit, or the reason why there is none."""
    sentences = word_fact(edited_fact(edit, subgraph), subgraph)
    probe = next((probe for kind in ("Neighborhood", "Relation_Specificity") for probe in _of_kind(edit, kind)), None)
    if sentences is None or probe is None:
        return "no_locality"
    prefixes: list[Prefix] = []
    for grammar in subgraph.templates.variants:
        pair = _prefix_pair(grammar, edit, sentences, subgraph, settings, seed)
        if pair is None:
            return "no_prefix"
        prefixes += pair
    forms = _length_forms(edit, sentences, probe, subgraph, settings, seed)
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
            "rcids": [],  # no edit of a wiki made the variant: its base edit lists those behind the fact
            "tags": [],
        },
    )


def _of_kind(edit: Edit, kind: str) -> Iterator[Probe]:
    return (probe for probe in edit["locality"] if probe["kind"] == kind)


def _prefix_pair(
    grammar: VariantGrammar,
    edit: Edit,
    sentences: FactSentences,
    subgraph: Subgraph,
    settings: RobustSettings,
    seed: int,
) -> list[Prefix] | None:
    """A sentence of either pole, from the same line of the grammar and with the same words in their slots."""
    key = (grammar.attribute, edit["case_id"])
    forbidden = [edit["target_new"], *edit["target_new_aliases"], edit["ground_truth"], *sum(edit["answers"], [])]
    forbidden += telling_names((edit["target_new_id"], edit["ground_truth_id"]), subgraph)
    pairs = list(zip(*grammar.poles.values(), strict=True))
    for pair in rotated(pairs, seed, *key):
        if _is_tactless(grammar, sentences.relation) and any("topic" in sentence.slots for sentence in pair):
            continue
        texts = [_fill_slots(sentence, grammar, edit, sentences, seed) for sentence in pair]
        if all(len(text.split()) <= settings.max_prefix_words and not mentions_any(text, forbidden) for text in texts):
            return [
                {"attribute": grammar.attribute, "pole": pole, "level": sentence.level, "text": text}
                for pole, sentence, text in zip(grammar.poles, pair, texts, strict=True)
            ]
    return None


def _is_tactless(grammar: VariantGrammar, relation: Relation) -> bool:
    """Whether it is in poor taste to dwell on a relation: somebody's religion, or delight in a death."""
    return relation.sensitive or (relation.delicate and grammar.attribute == "sentiment")


def _fill_slots(
    sentence: VariantSentence, grammar: VariantGrammar, edit: Edit, sentences: FactSentences, seed: int
) -> str:
    """A sentence with words in its slots."""

    def word(match: re.Match[str]) -> str:
        slot = match.group(1)
        if slot == "subject":
            return sentences.item_name
        if slot == "topic":
            return sentences.topic
        words = grammar.slots[slot]
        return words[int(draw_key(seed, grammar.attribute, slot, edit["case_id"])[:8], 16) % len(words)]

    text = _SLOT.sub(word, sentence.text)
    return text[:-1] if text.endswith("..") else text  # a name such as "Sammy Davis Jr." brings its own full stop


def _length_forms(
    edit: Edit, sentences: FactSentences, probe: Probe, subgraph: Subgraph, settings: RobustSettings, seed: int
) -> list[LengthForm] | None:
    """The short and the long form of the rephrase and of one locality prompt (decision 19)."""
    other = _probe_sentences(probe, subgraph)
    if other is None:
        return None
    rephrase = _shortest(edit["rephrases"], sentences, settings)
    locality = _shortest([*other.rephrases, other.prompt], other, settings)
    if rephrase is None or locality is None:
        return None
    lead_ins = shuffled(subgraph.templates.phrases.lead_ins, seed, "lead-in", edit["case_id"])
    forbidden = [
        edit["target_new"],
        *edit["target_new_aliases"],
        *telling_names((edit["target_new_id"], edit["ground_truth_id"]), subgraph),
        *sum(edit["answers"], []),
        *sum(probe["ground_truth"], []),
    ]
    fitting = [lead_in for lead_in in lead_ins if not mentions_any(lead_in, forbidden)][:2]
    if len(fitting) < 2:
        return None
    long_rephrase, long_locality = sentences.prompt_after(fitting[0]), other.prompt_after(fitting[1])
    if min(_word_count(long_rephrase, sentences), _word_count(long_locality, other)) < settings.long_words:
        return None
    return [_form("short", rephrase, locality, probe), _form("long", long_rephrase, long_locality, probe)]


def _probe_sentences(probe: Probe, subgraph: Subgraph) -> FactSentences | None:
    triples = subgraph.triples_of(int(probe["subject_id"][1:]), probe["relation_id"])
    return word_triple(triples[0], subgraph) if triples else None


def _shortest(texts: Iterable[str], sentences: FactSentences, settings: RobustSettings) -> str | None:
    """The shortest of some sentences, if it is short."""
    shortest = min(texts, key=lambda text: (len(text.split()), text))
    return shortest if _word_count(shortest, sentences) <= settings.short_words else None


def _word_count(text: str, sentences: FactSentences) -> int:
    """Words of a sentence about a fact, its subject counted as one."""
    return len(text.split()) - len(sentences.subject.text.split()) + 1


def _form(pole: str, rephrase: str, locality: str, probe: Probe) -> LengthForm:
    return {
        "pole": pole,
        "rephrase": rephrase,
        "locality_prompt": locality,
        "locality_ground_truth": probe["ground_truth"],
        "locality_subject_id": probe["subject_id"],
        "locality_relation_id": probe["relation_id"],
    }
