"""Robust edits: edits of the other categories, with sentences put before their prompts, and short and long forms.

For each attribute a robust edit carries one sentence of either pole. No sentence names the target, the true object, or
either by an alias (decisions 18 to 20).
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import cast

from pipeline.core.edit_record import Edit, Prefix, Probe
from pipeline.core.seeded import draw_key, rotated, shuffled
from pipeline.core.settings import RobustSettings
from pipeline.edits.consistency import find_touched
from pipeline.edits.contexts import context_pair
from pipeline.edits.dropped import Drop, drop_edit
from pipeline.edits.edits import edited_fact
from pipeline.edits.length_forms import length_forms
from pipeline.edits.side_facts import Surroundings, fits_as_prefix, names_of_answers
from pipeline.language.prompts import FactSentences, word_fact
from pipeline.language.relations import Relation
from pipeline.language.subgraph import Subgraph
from pipeline.language.template_parts import VariantGrammar, VariantSentence

_SLOT = re.compile(r"\{(\w+)\}")


def make_variants(
    edits: Sequence[Edit],
    subgraph: Subgraph,
    settings: RobustSettings,
    seed: int,
    split_of_item: Callable[[int], str],
) -> tuple[list[Edit], list[Drop]]:
    """Make robust edits.

    Args:
        edits: Edits of the other categories, with splits and probes.
        subgraph: What they and their surroundings are called.
        settings: How many, and what short and long mean.
        seed: The seed of the run.
        split_of_item: The split of an item, by its number.

    Returns:
        Robust edits, each in the split of the edit it varies, and the edits that could not be varied.
    """
    surroundings = Surroundings(subgraph, find_touched(edits, subgraph), seed, split_of_item)
    made: list[Edit] = []
    drops: list[Drop] = []
    for edit in shuffled(edits, seed, "robust", by=lambda edit: edit["case_id"]):
        robust = "over_quota" if len(made) == settings.size else _robust(edit, surroundings, settings)
        if isinstance(robust, str):
            drops.append(_drop(edit, robust))
        else:
            made.append(robust)
    return sorted(made, key=lambda edit: edit["case_id"]), drops


def _drop(edit: Edit, reason: str) -> Drop:
    return drop_edit(edit, "variants", reason)._replace(category="robust", detail=edit["case_id"])


def _robust(edit: Edit, surroundings: Surroundings, settings: RobustSettings) -> Edit | str:
    """The robust edit, or the reason why there is none."""
    subgraph = surroundings.subgraph
    sentences = word_fact(edited_fact(edit, subgraph), subgraph)
    probe = next((probe for kind in ("Neighborhood", "Relation_Specificity") for probe in _of_kind(edit, kind)), None)
    if sentences is None or probe is None:
        return "no_locality"
    contexts = context_pair(edit, surroundings, settings)
    if contexts is None:
        return "no_context"
    prefixes = [*contexts]
    for grammar in subgraph.templates.variants:
        pair = _prefix_pair(grammar, edit, sentences, surroundings, settings)
        if pair is None:
            return "no_prefix"
        prefixes += pair
    used = {fact["relation_id"] for prefix in contexts for fact in prefix["facts"] if prefix["about"] == "subject"}
    forms = length_forms(edit, sentences, probe, used, surroundings, settings)
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
    surroundings: Surroundings,
    settings: RobustSettings,
) -> list[Prefix] | None:
    """A sentence of either pole: both about the relation or both about nothing, otherwise drawn independently."""
    forbidden, seed = names_of_answers(edit, surroundings.subgraph), surroundings.seed
    about = ["nothing"] if _is_tactless(grammar, sentences.relation) else ["nothing", "relation"]
    pair: list[Prefix] = []
    for pole, lines in grammar.poles.items():
        usable = rotated(
            [line for line in lines if line.about in about], seed, grammar.attribute, pole, edit["case_id"]
        )
        prefixes = (_fill_slots(line, pole, grammar, edit, sentences, seed) for line in usable)
        found = next((prefix for prefix in prefixes if fits_as_prefix(prefix["text"], forbidden, settings)), None)
        if found is None:
            return None
        about = [found["about"]]
        pair.append(found)
    return pair


def _is_tactless(grammar: VariantGrammar, relation: Relation) -> bool:
    """Whether it is in poor taste to dwell on a relation: somebody's religion, or delight in a death."""
    return relation.sensitive or (relation.delicate and grammar.attribute == "sentiment")


def _fill_slots(
    line: VariantSentence, pole: str, grammar: VariantGrammar, edit: Edit, sentences: FactSentences, seed: int
) -> Prefix:
    """A sentence with words in its slots."""

    def word(match: re.Match[str]) -> str:
        slot = match.group(1)
        if slot == "topic":
            return sentences.topic
        words = grammar.slots[slot]
        return words[int(draw_key(seed, grammar.attribute, pole, slot, edit["case_id"])[:8], 16) % len(words)]

    text = _SLOT.sub(word, line.text)
    return {
        "attribute": grammar.attribute,
        "pole": pole,
        "level": line.level,
        "text": text[:-1] if text.endswith("..") else text,  # "Sammy Davis Jr." brings its own full stop
        "about": line.about,
        "facts": [],
    }
