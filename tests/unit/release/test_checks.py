"""Checks: a clean release passes them all, and each of them catches every fault that is planted for it."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from pipeline.core.edit_record import COLUMNS, Edit, Probe
from pipeline.core.manifest import FileRecord, Manifest, digest_of
from pipeline.release.assemble import read_release
from pipeline.release.audit.faults import load_faults
from pipeline.release.audit.rates import summarize
from pipeline.release.audit.verdicts import VerdictFile, VerdictRow, held_by, words_hash
from pipeline.release.checks import CHECKS, CheckResult, Contents, run_checks, written
from tests.minikg import TEMPLATES, Mini

Spoil = Callable[[Contents], Contents]
Change = Callable[[dict[str, Any]], None]
Row = dict[str, Any]


@pytest.fixture(scope="module")
def clean(mini: Mini) -> Contents:
    """The release of the mini world."""
    return read_release(mini.built.folder, TEMPLATES.relations)


def always(_: Row) -> bool:
    return True


def row(change: Change, where: Callable[[Row], bool] = always) -> Spoil:
    """Change the first edit of its kind."""

    def spoil(contents: Contents) -> Contents:
        edits = deepcopy(list(contents.edits))
        change(cast(Row, next(edit for edit in edits if where(cast(Row, edit)))))
        return replace(contents, edits=edits)

    return spoil


def is_(**columns: object) -> Callable[[Row], bool]:
    """Edits with these values."""
    return lambda edit: all(edit[name] == value for name, value in columns.items())


def put(**columns: object) -> Change:
    """Put values into columns; a function makes a value from the edit."""

    def change(edit: Row) -> None:
        for name, value in columns.items():
            edit[name] = value(edit) if callable(value) else value

    return change


def judged(contents: Contents, *faults: str) -> list[VerdictFile]:
    """Verdicts on the first three rows, the same on all."""
    rows = [VerdictRow(edit["case_id"], words_hash(edit), list(faults)) for edit in contents.edits[:3]]
    return [VerdictFile("mini", rows, "a person")]


def audited(change: Callable[[Contents], dict[str, Any]] = lambda _: {}) -> Spoil:
    """Add verdicts with their rates, then change what is wanted."""

    def spoil(contents: Contents) -> Contents:
        verdicts = judged(contents)
        summary = summarize(contents.edits, held_by(contents.edits, verdicts).verdicts, load_faults())
        manifest = contents.manifest.model_copy(update={"audit": summary})
        whole = replace(contents, verdicts=verdicts, manifest=manifest)
        assert list(CHECKS["audit_agrees"].run(whole)) == []
        return replace(whole, **change(whole))

    return spoil


def without_audit(manifest: Manifest) -> Manifest:
    return manifest.model_copy(update={"audit": None})


NEW_TARGET = put(target_new="Nowhere")


def probe(kind: str, change: Change, where: Callable[[Row], bool] = always) -> Spoil:
    """Change the first probe of a kind."""

    def found(edit: Row) -> list[Row]:
        probes = (*edit["locality"], *edit["portability"])
        return [one for one in probes if one["kind"] == kind and where({**one, "edit": edit})]

    return row(lambda edit: change(found(edit)[0]), lambda edit: bool(found(edit)))


def prefix(**fields: object) -> Spoil:
    """Change the first prefix of the first robust edit."""
    return row(lambda edit: put(**fields)(edit["prefixes"][0]), is_(category="robust"))


def form(**fields: object) -> Spoil:
    """Change the first length form of the first robust edit."""
    return row(lambda edit: put(**fields)(edit["length_forms"][0]), is_(category="robust"))


def context(edit: Row, place: int) -> Row:
    """The relevant or the irrelevant context of a robust edit."""
    return [one for one in edit["prefixes"] if one["attribute"] == "context"][place]


def stated(**fields: object) -> Spoil:
    """Change the fact that the irrelevant context of the first robust edit states."""
    return row(lambda edit: context(edit, 1)["facts"][0].update(fields), is_(category="robust"))


def state_a_probe(edit: Row) -> None:
    """Let a context state what a probe asks."""
    asked = edit["locality"][0]
    context(edit, 1)["facts"] = [{"subject_id": asked["subject_id"], **asked["path"][0]}]


def state_itself(edit: Row) -> None:
    """Let an irrelevant context state a fact about the subject."""
    context(edit, 1)["facts"][0].update(subject_id=edit["subject_id"])


def contradicted(contents: Contents) -> Contents:
    """Add an edit that changes what a context states."""
    robust = cast(Row, next(edit for edit in contents.edits if edit["category"] == "robust"))
    fact = context(robust, 1)["facts"][0]
    step = {"relation_id": fact["relation_id"], "object_id": fact["object_id"]}
    change = {"category": "popular", "base_case_id": None, "edit_kind": "modification", "hops": 1, "path": [step]}
    other = {**robust, **change, "case_id": "popular-0", **step, "subject_id": fact["subject_id"], "prefixes": []}
    return replace(contents, edits=[*contents.edits, cast(Edit, {**other, "length_forms": []})])


def naming(column: str) -> Spoil:
    """Let a prefix of DAFSet's file name what stands in another field of its record."""

    def spoil(contents: Contents) -> Contents:
        first = contents.exports["dafset/robust.json"][0]
        return exported("dafset/robust.json", prefix=[f"So much for {first[column]}."])(contents)

    return spoil


def added(make: Callable[[Row], Row], where: Callable[[Row], bool] = always) -> Spoil:
    """Add an altered copy of the first edit of its kind."""

    def spoil(contents: Contents) -> Contents:
        original = next(edit for edit in contents.edits if where(cast(Row, edit)))
        return replace(contents, edits=[*contents.edits, cast(Edit, make(deepcopy(cast(Row, original))))])

    return spoil


def exported(path: str, **fields: object) -> Spoil:
    """Put values into the first record of an export."""

    def spoil(contents: Contents) -> Contents:
        first, *rest = contents.exports[path]
        return replace(contents, exports={**contents.exports, path: [{**first, **fields}, *rest]})

    return spoil


def without_exports(*paths: str) -> Spoil:
    """Empty some exports."""
    return lambda contents: replace(contents, exports={**contents.exports, **dict.fromkeys(paths, ())})


def manifested(change: Callable[[Any], Mapping[str, object]]) -> Spoil:
    """Put values into the manifest."""
    return lambda contents: replace(contents, manifest=contents.manifest.model_copy(update=change(contents.manifest)))


def counted_wrong(manifest: Any) -> Mapping[str, object]:
    first, *rest = manifest.counts
    return {"counts": (first.model_copy(update={"kept": first.kept + 1}), *rest)}


def later_window(manifest: Any) -> Mapping[str, object]:
    return {"window_end": manifest.window_end + timedelta(days=1)}


def settings_of(manifest: Any, **values: object) -> Mapping[str, object]:
    return {"settings": manifest.settings.model_copy(update=values)}


def settings_with(section: str, **values: object) -> Callable[[Any], Mapping[str, object]]:
    """Put values into a section of the settings."""
    return lambda m: settings_of(m, **{section: getattr(m.settings, section).model_copy(update=values)})


def other_seed(manifest: Any) -> Mapping[str, object]:
    """Another seed wherever the manifest has it."""
    return {"seed": manifest.seed + 1, **settings_of(manifest, seed=manifest.seed + 1)}


def sealed_otherwise(manifest: Any, **fields: object) -> Mapping[str, object]:
    """Other values with a digest that fits them, as somebody who covers up their tracks."""
    return {**fields, "digest": digest_of(manifest.model_copy(update=fields))}


def counts_other_records(manifest: Any) -> Mapping[str, object]:
    path, record = next(iter(manifest.exports.items()))
    return {"exports": {**manifest.exports, path: record.model_copy(update={"records": record.records + 1})}}


def evidenced(more: Mapping[tuple[str, str], Mapping[str, str]]) -> Spoil:
    """Add evidence."""
    return lambda contents: replace(contents, evidence={**contents.evidence, **more})


def re_exported(path: str, change: Callable[[Sequence[Any]], Sequence[Any]]) -> Spoil:
    """Change the records of an export."""

    def spoil(contents: Contents) -> Contents:
        return replace(contents, exports={**contents.exports, path: change(contents.exports.get(path, []))})

    return spoil


def contradicting(*, in_other_words: bool) -> Spoil:
    """Add an edit of what a locality probe asks to the rows and to the file that the probe is in."""

    def spoil(contents: Contents) -> Contents:
        path = "dafset/popular.json"
        first = contents.exports[path][0]
        edit = contents.by_case[str(first["case_id"])]
        asked = next(probe for probe in edit["locality"] if probe["prompt"] == first["locality_prompt"])
        prompt = "In other words, it is" if in_other_words else f"{asked['prompt'].upper()}:"
        step = {"relation_id": "P36", "object_id": "Q10"}
        elsewhere: Row = {"subject_id": "Q9", "relation_id": "P36", "path": [step]}
        there = {name: cast(Row, asked)[name] for name in elsewhere} if in_other_words else elsewhere
        fields: Row = {"case_id": "popular-f", "hops": 1, "target_new_id": "Q10", "ground_truth_id": "Q11", **there}
        rival = cast(Edit, {**edit, **fields})
        record = {**first, "case_id": "popular-f", "prompt": prompt, "locality_prompt": rival["locality"][0]["prompt"]}
        exports = {**contents.exports, path: [*contents.exports[path], record]}
        return replace(contents, edits=[*contents.edits, rival], exports=exports)

    return spoil


def asked_of_today(since: str | None, verb: str = "is") -> Spoil:
    """Ask for the head of government of a country, who started at some time."""

    def spoil(contents: Contents) -> Contents:
        step = {"relation_id": "P6", "object_id": "Q8"}
        asked = {"kind": "Neighborhood", "prompt": f"The name of the head of government of Lowland {verb}"}
        more = {"question": "", "ground_truth": [["Ida"]], "subject_id": "Q9", "relation_id": "P6", "path": [step]}
        asking = row(lambda edit: edit["locality"].append({**asked, **more}))(contents)
        evidence = {**contents.evidence, ("Q9", "P6"): {"Q8": "Ida"}}
        return replace(
            asking, evidence=evidence, starts={**contents.starts, **({("Q9", "P6", "Q8"): since} if since else {})}
        )

    return spoil


def swapped(contents: Contents) -> Contents:
    """The first two rows of a category and split, the other way round."""
    edits = list(contents.edits)
    place = next(
        n
        for n in range(len(edits))
        if is_(category=edits[n]["category"], split=edits[n]["split"])(cast(Row, edits[n + 1]))
    )
    edits[place], edits[place + 1] = edits[place + 1], edits[place]
    return replace(contents, edits=edits)


def also_popular(contents: Contents) -> Contents:
    """A popular edit about the subject of a long-tail one."""
    rare = next(edit for edit in contents.edits if edit["category"] == "long_tail")
    return row(put(subject_id=rare["subject_id"]), is_(category="popular"))(contents)


def narrowed(section: str, **values: object) -> Spoil:
    """Put values into a section of the manifest's settings."""

    def change(manifest: Any) -> Mapping[str, object]:
        changed = getattr(manifest.settings, section).model_copy(update=values)
        return {"settings": manifest.settings.model_copy(update={section: changed})}

    return manifested(change)


def paired(categories: set[str], *, same_relation: bool) -> Spoil:
    """Make partners of two edits that have none."""

    def spoil(contents: Contents) -> Contents:
        edits = deepcopy(list(contents.edits))
        one, other = next(
            (one, other)
            for one in edits
            for other in edits
            if one["case_id"] != other["case_id"]
            and {one["category"], other["category"]} == categories
            and not (one["pair_id"] or other["pair_id"])
            and (one["relation_id"] == other["relation_id"]) == same_relation
        )
        one["pair_id"], other["pair_id"] = other["case_id"], one["case_id"]
        return replace(contents, edits=edits)

    return spoil


def otherwise_split(edit: Row) -> str:
    return "test" if edit["split"] == "train" else "train"


def leads_before(found: Row) -> bool:
    return found["subject_id"] != found["edit"]["subject_id"]


def several_answers(found: Row) -> bool:
    return len(found["ground_truth"]) > 1


def asks_for_an_item(found: Row) -> bool:
    return found["path"][-1]["object_id"].startswith("Q")


def about_an_item(edit: Row) -> bool:
    return edit["target_new_id"] is not None


def hop_after(middle: Callable[[Row], str]) -> Spoil:
    """Add a Reasoning probe that goes on from an entity and has a false answer."""

    def change(edit: Row) -> None:
        steps = ((edit["relation_id"], middle(edit)), ("P17", "Q9"))
        edit["portability"].append(
            {
                "kind": "Reasoning",
                "prompt": f"The country behind {edit['subject']} is",
                "question": f"Which country is behind {edit['subject']}?",
                "ground_truth": [["Nowhere"]],
                "subject_id": edit["subject_id"],
                "relation_id": "P17",
                "path": [{"relation_id": relation, "object_id": item} for relation, item in steps],
            }
        )

    return row(change, lambda edit: edit["hops"] == 1 and edit["target_new_id"])


TWO_HOPS = is_(hops=2)
RECENT = is_(category="recent")
POPULAR = is_(category="popular", hops=1)
ROBUST = is_(category="robust")
INSERTION = is_(edit_kind="insertion", hops=1)
ODD_FILE = {"odd.txt": FileRecord(bytes=1, sha256="0" * 64)}


def inserts_item(edit: Row) -> bool:
    return INSERTION(edit) and edit["target_new_id"] is not None


FEW_WORDS, MANY_WORDS = {"rephrase": "Too short is"}, {"rephrase": " ".join(["word"] * 60)}
FALSE = {"subject_id": "Q9", "relation_id": "P19", "object_id": "Q8"}


class Plant(NamedTuple):
    """A fault and the check that must catch it."""

    check: str
    fault: str
    spoil: Spoil


PLANTS = [
    Plant(
        "files_intact",
        "a file that is not as it was",
        lambda contents: replace(contents, damaged=["README.md: changed"]),
    ),
    Plant("manifest_intact", "another seed", manifested(lambda m: {"seed": m.seed + 1})),
    Plant("manifest_intact", "another end of the window", manifested(later_window)),
    Plant("manifest_intact", "another setting", manifested(settings_with("popular", heads=7))),
    Plant("manifest_intact", "another count", manifested(counted_wrong)),
    Plant("manifest_intact", "another hash of a file", manifested(lambda m: {"files": {**m.files, **ODD_FILE}})),
    Plant("manifest_intact", "no digest", manifested(lambda _: {"digest": ""})),
    Plant("manifest_intact", "a digest made again", manifested(lambda m: sealed_otherwise(m, seed=m.seed + 1))),
    Plant("manifest_intact", "a card without the digest", lambda contents: replace(contents, card="Mine.")),
    Plant("subject_in_prompt", "a prompt without its subject", row(put(prompt="It is"))),
    Plant("subject_in_prompt", "a subject in other letters", row(put(prompt=lambda e: e["prompt"].upper()))),
    Plant(
        "subject_in_prompt", "a subject that stands twice", row(put(prompt=lambda e: f"{e['subject']}: {e['prompt']}"))
    ),
    Plant("subject_in_prompt", "a question without its subject", row(put(question="What is it?"))),
    Plant("subject_in_prompt", "a rephrase without its subject", row(lambda e: e["rephrases"].append("It is called"))),
    Plant("target_not_in_prompt", "in a prompt", row(put(prompt=lambda e: f"{e['target_new']} {e['prompt']}"))),
    Plant("target_not_in_prompt", "in capitals", row(put(prompt=lambda e: f"{e['target_new'].upper()} {e['prompt']}"))),
    Plant("target_not_in_prompt", "in a question", row(put(question=lambda e: f"Is it {e['target_new']}?"))),
    Plant("target_not_in_prompt", "in a rephrase", row(lambda e: e["rephrases"].append(f"{e['target_new']} is"))),
    Plant(
        "target_not_in_prompt",
        "in a question rephrase",
        row(lambda e: e["question_rephrases"].append(f"Is it {e['target_new']}?")),
    ),
    Plant("texts_sound", "an empty target", row(put(target_new=""))),
    Plant("texts_sound", "an empty true object", row(put(ground_truth=""))),
    Plant("texts_sound", "a space after a prompt", row(put(prompt=lambda e: e["prompt"] + " "))),
    Plant("texts_sound", "no rephrases", row(put(rephrases=[]))),
    Plant("texts_sound", "no answers", row(put(answers=[]))),
    Plant("texts_sound", "an answer without names", row(put(answers=[[]]))),
    Plant("texts_sound", "a probe without prompt", probe("Relation_Specificity", put(prompt=""))),
    Plant("texts_sound", "a probe without answers", probe("Reasoning", put(ground_truth=[]))),
    Plant("texts_sound", "a probe without kind", probe("Reasoning", put(kind=None))),
    Plant("texts_sound", "a prefix without text", prefix(text="")),
    *(
        Plant("texts_sound", f"no {field.name}", row(put(**{field.name: None})))
        for field in COLUMNS
        if not field.can_be_null
    ),
    Plant("answers_unique", "an answer twice", row(put(answers=lambda e: e["answers"] * 2))),
    Plant("answers_unique", "a name twice", row(put(answers=lambda e: [names * 2 for names in e["answers"]]))),
    Plant(
        "answers_unique",
        "an answer of a probe twice",
        probe("Neighborhood", put(ground_truth=lambda p: p["ground_truth"] * 2)),
    ),
    Plant("names_fit", "an id for a target", row(put(target_new="Q42"), about_an_item)),
    Plant("names_fit", "an id for an alias", row(put(target_new_aliases=["P31"]), about_an_item)),
    Plant("names_fit", "an id for an answer", probe("Neighborhood", put(ground_truth=[["L7"]]), asks_for_an_item)),
    Plant("names_fit", "an id for an alias of the subject", row(put(subject_aliases=["L7"]))),
    Plant("names_fit", "a name with an id in it", row(put(target_new_aliases=["Audi Q5"]), about_an_item)),
    Plant("names_fit", "a name that is too long", row(put(target_new_aliases=["x" * 81]), about_an_item)),
    Plant("names_fit", "an address", row(put(target_new_aliases=["www.verdania.org"]), about_an_item)),
    Plant("names_fit", "figures alone", row(put(target_new_aliases=["1917"]), about_an_item)),
    Plant("names_fit", "a code", row(put(target_new_aliases=["DE"]), about_an_item)),
    Plant("names_fit", "a letter among answers", row(lambda e: e["answers"][0].append("m"), about_an_item)),
    Plant("names_fit", "a mark of direction in a target", row(put(target_new="Norrland\u200e"), about_an_item)),
    Plant("names_fit", "a no-break space in a prompt", row(put(prompt="The capital of\u00a0Verdania is"))),
    Plant("names_fit", "a combining accent", row(put(subject_aliases=["Jose\u0301"]))),
    Plant("no_unresolved_ids", "an id in a prompt", row(put(prompt="The capital of Q42 is"))),
    Plant("no_unresolved_ids", "an id in a rephrase", row(lambda e: e["rephrases"].append("Q42 has its capital in"))),
    Plant("no_unresolved_ids", "an id in a probe", probe("Reasoning", put(prompt="The P36 of it is"))),
    Plant("no_unresolved_ids", "an id in the question of a probe", probe("Reasoning", put(question="What is Q5?"))),
    Plant("no_unresolved_ids", "an id in a prefix", prefix(text="Somebody spoke about Q42.")),
    Plant("no_unresolved_ids", "an id in a length form", form(locality_prompt="The gender of Q42 is")),
    Plant("rephrases_differ", "a rephrase that is the prompt", row(lambda e: e["rephrases"].append(e["prompt"]))),
    Plant(
        "rephrases_differ",
        "but for case and a full stop",
        row(lambda e: e["rephrases"].append(f"{e['prompt'].upper()}.")),
    ),
    Plant("rephrases_differ", "two rephrases alike", row(lambda e: e["rephrases"].append(e["rephrases"][0]))),
    Plant("rephrases_differ", "one rephrase alone", row(put(rephrases=lambda e: e["rephrases"][:1]))),
    Plant(
        "number_fits",
        "the one of several",
        row(put(template_id=lambda e: e["template_id"].replace("several", "one")), lambda e: len(e["answers"]) > 1),
    ),
    Plant(
        "number_fits",
        "the one occupation",
        row(put(prompt=lambda e: f"The occupation of {e['subject']} is"), is_(relation_id="P106", hops=1)),
    ),
    Plant(
        "tense_fits",
        "somebody who has died",
        row(
            put(subject_description="poet (1931–1955)"),
            lambda e: e["hops"] == 1 and e["domain"] == "person" and " is that of" in e["prompt"],
        ),
    ),
    Plant("objects_fit", "people for a religion", row(put(relation_id="P140", target_new="Lapsed Catholic"))),
    Plant(
        "bridges_asked",
        "a head of state over two hops",
        row(lambda e: e["path"][1].update(relation_id="P35"), TWO_HOPS),
    ),
    Plant(
        "bridges_asked",
        "a head of state in a probe",
        probe("Reasoning", lambda p: p["path"][1].update(relation_id="P35")),
    ),
    Plant(
        "answers_true",
        "an answer too few",
        row(put(answers=lambda e: e["answers"][1:]), lambda e: len(e["answers"]) > 1),
    ),
    Plant("answers_true", "an answer that is not true", row(lambda e: e["answers"].append(["Nowhere"]))),
    Plant(
        "answers_true", "an insertion that is not true", row(put(target_new="Nowhere", target_new_id="Q9"), INSERTION)
    ),
    Plant("answers_true", "answers of the subject over two hops", row(put(hops=1), is_(hops=2, relation_id="P17"))),
    Plant("counterfactuals_false", "a true target", row(put(target_new=lambda e: e["ground_truth"]), POPULAR)),
    Plant("counterfactuals_false", "in capitals", row(put(target_new=lambda e: e["ground_truth"].upper()), POPULAR)),
    Plant(
        "counterfactuals_false",
        "under another name",
        row(put(target_new_aliases=lambda e: e["answers"][0][-1:]), POPULAR),
    ),
    Plant("counterfactuals_false", "an insertion", row(put(edit_kind="insertion"), POPULAR)),
    Plant("recent_is_news", "no date", row(put(event_time=None), RECENT)),
    Plant("recent_is_news", "no property that dates it", row(put(event_property_id=None), RECENT)),
    Plant("recent_is_news", "a birth of long ago", row(put(event_time="+1935-06-01T00:00:00Z"), RECENT)),
    Plant("recent_is_news", "a day after the window", row(put(event_time="+2024-06-09T00:00:00Z"), RECENT)),
    Plant("recent_is_news", "a year that says too little", row(put(event_time_precision="year"), RECENT)),
    Plant("recent_is_news", "a century", row(put(event_time_precision="century"), RECENT)),
    Plant("recent_is_news", "a class that is left out", row(put(change_class="newly_described"), RECENT)),
    Plant(
        "recent_is_news", "a window that does not hold its rows", manifested(lambda m: {"window_start": m.window_end})
    ),
    Plant("recent_is_news", "no window", manifested(lambda _: {"window_start": None})),
    Plant(
        "recent_is_news",
        "an old answer that is true",
        row(put(ground_truth=lambda e: e["answers"][0][0]), is_(category="recent", edit_kind="modification")),
    ),
    Plant(
        "recent_is_news",
        "an old answer of a class that has none",
        row(put(change_class="world_change"), is_(category="recent", edit_kind="modification")),
    ),
    Plant("locality_true", "a false answer", probe("Relation_Specificity", put(ground_truth=[["Nowhere"]]))),
    Plant(
        "locality_true",
        "an answer too few",
        probe("Relation_Specificity", put(ground_truth=lambda p: p["ground_truth"][1:]), several_answers),
    ),
    Plant("locality_true", "a false neighbour", probe("Neighborhood", put(ground_truth=[["Nowhere"]]))),
    Plant("locality_true", "a false memory", probe("Forgetfulness", put(ground_truth=[["Nowhere"]]))),
    Plant(
        "locality_untouched",
        "a question of the edit itself",
        row(
            lambda e: e["locality"][0].update(subject_id=e["subject_id"], relation_id=e["relation_id"]),
            is_(category="recent"),
        ),
    ),
    Plant(
        "locality_untouched",
        "a question that the edit may change",
        row(
            lambda e: e["locality"][0].update(subject_id=e["subject_id"], relation_id="P19"),
            is_(relation_id="P27", hops=1),
        ),
    ),
    Plant(
        "locality_untouched",
        "a neighbour with the target",
        row(
            lambda e: next(p for p in e["locality"] if p["kind"] == "Neighborhood").update(
                ground_truth=[[e["target_new"]]]
            ),
            lambda e: any(p["kind"] == "Neighborhood" for p in e["locality"]),
        ),
    ),
    Plant("probes_current", "a head of government since nobody knows when", asked_of_today(None)),
    Plant("probes_current", "a head of government since long ago", asked_of_today("+2019-06-01T00:00:00Z")),
    Plant(
        "portability_follows",
        "an alias with another answer",
        probe("Subject_Aliasing", put(ground_truth=[["Nowhere"]])),
    ),
    Plant(
        "portability_follows",
        "a hop on with another answer",
        hop_after(lambda e: e["target_new_id"]),
    ),
    Plant(
        "portability_follows",
        "a hop on from elsewhere",
        hop_after(lambda _: "Q9"),
    ),
    Plant(
        "portability_follows",
        "a hop before with another answer",
        probe("Reasoning", put(ground_truth=[["Nowhere"]]), leads_before),
    ),
    Plant(
        "portability_follows",
        "a hop before from elsewhere",
        probe("Reasoning", put(subject_id="Q9"), leads_before),
    ),
    Plant(
        "portability_follows",
        "a conclusion with two answers",
        probe("Logical_Generalization", lambda p: p["ground_truth"].append(["Nowhere"])),
    ),
    Plant("portability_follows", "a conclusion about nothing", probe("Logical_Generalization", put(path=[]))),
    Plant("no_duplicates", "a case twice", added(lambda e: e)),
    Plant("no_duplicates", "a prompt twice", added(lambda e: {**e, "case_id": "popular-0"})),
    Plant(
        "splits_disjoint",
        "a subject in two splits",
        row(put(split=otherwise_split), lambda e: e["category"] != "robust" and e["split"] == "train"),
    ),
    Plant(
        "splits_disjoint",
        "a middle entity in two splits",
        added(lambda e: {**e, "subject_id": "Q9", "split": otherwise_split(e), **NEW}, TWO_HOPS),
    ),
    Plant(
        "splits_disjoint",
        "a prompt in two splits",
        added(lambda e: {**e, "subject_id": "Q9", "split": otherwise_split(e), **NEW, "prompt": e["prompt"]}),
    ),
    Plant(
        "splits_disjoint",
        "a question in two splits",
        added(lambda e: {**e, "subject_id": "Q9", "split": otherwise_split(e), **NEW, "question": e["question"]}),
    ),
    Plant(
        "splits_disjoint",
        "a rephrase in two splits",
        added(lambda e: {**e, "subject_id": "Q9", "split": otherwise_split(e), **NEW, "rephrases": e["rephrases"]}),
    ),
    Plant("no_contradictions", "two targets of one question", added(lambda e: {**e, "target_new": "Nowhere"})),
    Plant(
        "no_contradictions",
        "two dates of one event",
        added(lambda e: {**e, "target_new": "1 May 1700"}, is_(target_new_id=None)),
    ),
    Plant(
        "no_contradictions",
        "two targets at the end of a path",
        added(lambda e: {**e, "target_new": "Nowhere"}, TWO_HOPS),
    ),
    Plant(
        "probes_uncontradicted",
        "another edit decides what a locality probe asks",
        added(
            lambda e: {
                **e,
                "subject_id": e["locality"][0]["subject_id"],
                "path": e["locality"][0]["path"],
                "relation_id": e["locality"][0]["relation_id"],
                "hops": 1,
                **NEW,
            },
            lambda e: bool(e["locality"]) and e["base_case_id"] is None,
        ),
    ),
    Plant(
        "groups_independent",
        "two edits of one fact in one group",
        added(lambda e: {**e, "case_id": "popular-0"}, lambda e: e["base_case_id"] is None),
    ),
    Plant("groups_independent", "a variant in another group", row(put(independent_group=99), ROBUST)),
    Plant("variants_opposite", "no base edit", row(put(base_case_id="popular-0"), ROBUST)),
    Plant("variants_opposite", "no base edit at all", row(put(base_case_id=None), ROBUST)),
    Plant("variants_opposite", "a base edit in another split", row(put(split=otherwise_split), ROBUST)),
    Plant("variants_opposite", "a base edit with another target", row(put(target_new="Nowhere"), ROBUST)),
    Plant("variants_opposite", "a pole too few", row(put(prefixes=lambda e: e["prefixes"][1:]), ROBUST)),
    Plant("variants_opposite", "an unknown pole", prefix(pole="middling")),
    Plant("variants_opposite", "a sentence that a loader would cut", prefix(text="rain " * 30 + "fell.")),
    Plant("variants_opposite", "a sentence without full stop", prefix(text="It rained")),
    Plant(
        "variants_opposite",
        "a sentence that names the target",
        row(lambda e: e["prefixes"][0].update(text=f"It is {e['target_new']}."), ROBUST),
    ),
    Plant(
        "variants_opposite",
        "a sentence that names an answer",
        row(lambda e: e["prefixes"][0].update(text=f"It is {e['answers'][-1][-1]}."), ROBUST),
    ),
    Plant("variants_opposite", "two long forms", form(pole="long")),
    Plant("variants_opposite", "no forms", row(put(length_forms=[]), ROBUST)),
    Plant("lengths_kept", "a long form of few words", row(lambda e: e["length_forms"][1].update(FEW_WORDS), ROBUST)),
    Plant("lengths_kept", "a short form of many words", row(lambda e: e["length_forms"][0].update(MANY_WORDS), ROBUST)),
    Plant("side_facts_true", "a fact that is not true", stated(object_id="Q9")),
    Plant("side_facts_true", "a fact of an item without evidence", stated(subject_id="Q9")),
    Plant("side_facts_true", "a fact beside a short form that is not true", form(facts=[FALSE])),
    Plant("side_facts_true", "a fact that another edit changes", contradicted),
    Plant("side_facts_true", "a fact that a probe of the edit asks", row(state_a_probe, ROBUST)),
    Plant("contexts_fit", "a relevant context about nobody", row(lambda e: context(e, 0).update(text="Yes."), ROBUST)),
    Plant("contexts_fit", "a relevant context without a fact", row(lambda e: context(e, 0).update(facts=[]), ROBUST)),
    Plant(
        "contexts_fit", "an irrelevant context without a fact", row(lambda e: context(e, 1).update(facts=[]), ROBUST)
    ),
    Plant("contexts_fit", "an irrelevant context about the subject", row(state_itself, ROBUST)),
    Plant("training_prefixes_fit", "a prefix that names the subject", naming("subject")),
    Plant("training_prefixes_fit", "a prefix that names the answer of the locality", naming("locality_ground_truth")),
    Plant("popular_not_long_tail", "a subject in both categories", also_popular),
    Plant("popular_not_long_tail", "much viewed", row(put(page_views_percentile=99.0), is_(category="long_tail"))),
    Plant("quotas_and_caps_kept", "more rows than the quota", narrowed("long_tail", size=1)),
    Plant("quotas_and_caps_kept", "more rows of a subject", narrowed("long_tail", per_subject=0)),
    Plant("quotas_and_caps_kept", "more rows of a relation", narrowed("balance", min_relation_rows=0)),
    Plant("quotas_and_caps_kept", "more rows with a target", narrowed("balance", min_target_rows=0)),
    Plant("neighbours_spared", "neighbours of more edits than allowed", narrowed("probes", neighbour_uses=0)),
    Plant("weights_add_up", "another weight", row(put(sampling_weight=0.5))),
    Plant("weights_add_up", "another weight of a variant", row(put(sampling_weight=0.5), ROBUST)),
    Plant("weights_add_up", "fewer facts than rows", row(put(pool_rows=0))),
    Plant("pairs_matched", "a partner that does not exist", row(put(pair_id="popular-0"))),
    Plant("pairs_matched", "a partner that has none", row(put(pair_id=lambda e: e["base_case_id"]), ROBUST)),
    Plant("pairs_matched", "partners of two relations", paired({"popular", "long_tail"}, same_relation=False)),
    Plant("pairs_matched", "partners of one category", paired({"long_tail"}, same_relation=True)),
    Plant("splits_drawn", "another seed", manifested(other_seed)),
    Plant("splits_drawn", "a seed that the settings do not have", manifested(lambda m: {"seed": m.seed + 1})),
    Plant("splits_drawn", "other shares", manifested(settings_with("splits", train=0.0, validation=0.0, test=1.0))),
    Plant("splits_drawn", "a row of another split", row(put(split=otherwise_split))),
    Plant("evidence_agrees", "a step that leads elsewhere", row(lambda e: e["path"][0].update(object_id="Q9"))),
    Plant("evidence_agrees", "another statement", row(put(statement_id="Q9$0"))),
    Plant("evidence_agrees", "another name of the true object", row(put(ground_truth="Nowhere"), POPULAR)),
    Plant("evidence_agrees", "another name of what is inserted", row(put(target_new="Nowhere"), inserts_item)),
    Plant("evidence_agrees", "other answers of a length form", form(locality_ground_truth=[["Nowhere"]])),
    Plant("evidence_agrees", "evidence that no row asks for", evidenced({("Q9", "P36"): {"Q10": "Nowhere"}})),
    Plant("evidence_agrees", "no evidence", lambda contents: replace(contents, evidence={})),
    Plant("manifest_agrees", "another start of the window", manifested(lambda _: {"window_start": None})),
    Plant("manifest_agrees", "another end of the window", manifested(later_window)),
    Plant("manifest_agrees", "another end of the window in a row", row(put(window_end=None))),
    Plant("manifest_agrees", "another source", manifested(lambda _: {"source": "live"})),
    Plant("manifest_agrees", "another model", row(put(lm_model="somebody/else"))),
    Plant("manifest_agrees", "a relation too many", manifested(lambda m: {"relations": {**m.relations, "odd": {}}})),
    Plant("manifest_agrees", "other domains", manifested(lambda _: {"domains": {}})),
    Plant("manifest_agrees", "another empty part", manifested(lambda m: {"empty": (*m.empty, "data/odd")})),
    Plant("manifest_agrees", "a class that was not selected", manifested(settings_with("recent", classes=()))),
    Plant("manifest_agrees", "more rows than the settings allow", manifested(settings_with("long_tail", size=1))),
    Plant("manifest_agrees", "more robust rows than the settings allow", manifested(settings_with("robust", size=1))),
    Plant(
        "manifest_agrees", "more about a subject than allowed", manifested(settings_with("long_tail", per_subject=0))
    ),
    Plant("manifest_agrees", "a category that the settings lack", manifested(lambda m: settings_of(m, categories=()))),
    Plant("manifest_agrees", "an exported file that is not there", manifested(lambda m: {"files": ODD_FILE})),
    Plant("exports_agree", "another target", exported("dafset/popular.json", target_new="Nowhere")),
    Plant("exports_agree", "a field too many", exported("zsre/zsre_mend_train.json", split="train")),
    Plant("exports_agree", "a record too few", re_exported("dafset/robust.json", lambda records: records[1:])),
    Plant("exports_agree", "a record twice", re_exported("dafset/popular.json", lambda r: [r[0], *r])),
    Plant("exports_agree", "another order", re_exported("dafset/popular.json", lambda r: list(reversed(r)))),
    Plant("exports_agree", "a file of no format", re_exported("dafset/odd.json", lambda _: [])),
    Plant("exports_agree", "another count", manifested(counts_other_records)),
    Plant("exports_agree", "a row that no file has", added(lambda e: {**e, "case_id": "popular-f"}, POPULAR)),
    Plant("exports_uncontradicted", "another record decides what a probe asks", contradicting(in_other_words=True)),
    Plant("exports_uncontradicted", "another record states what a probe asks", contradicting(in_other_words=False)),
    Plant("exports_uncontradicted", "a probe of no row", exported("dafset/popular.json", locality_prompt="It is")),
    Plant("exports_uncontradicted", "a record of no row", exported("dafset/popular.json", case_id="popular-f")),
    Plant("exports_sound", "an empty text", exported("dafset/popular.json", target_new="")),
    Plant("exports_sound", "a null", exported("dafset/popular.json", rephrase_prompt=None)),
    Plant(
        "exports_sound",
        "an empty list",
        exported("knowedit/wiki_recent/recent_train.json", locality={"Relation_Specificity": []}),
    ),
    Plant("exports_sound", "a prompt without its subject", exported("dafset/popular.json", subject="Nobody")),
    Plant("exports_sound", "a question without its subject", exported("zsre/zsre_mend_train.json", subject="Nobody")),
    Plant("training_groups_filled", "no robust records", without_exports("dafset/robust.json")),
    Plant("training_groups_filled", "no counterfactual records", without_exports("dafset/cf_train.json")),
    Plant(
        "training_groups_filled",
        "nothing beside them",
        without_exports(*(f"dafset/{name}.json" for name in ("zsre_train", "recent", "popular", "long_tail"))),
    ),
    Plant("rows_sorted", "two rows the wrong way round", swapped),
    Plant("counts_add_up", "a row that a stage lost", manifested(counted_wrong)),
    Plant("counts_add_up", "a row that the manifest does not know", added(lambda e: {**e, "case_id": "recent-f"})),
    Plant("counts_add_up", "a category without rows", manifested(lambda m: {"rows": {**m.rows, "odd": {"train": 1}}})),
    Plant("audit_agrees", "rates without verdicts", audited(lambda contents: {"verdicts": ()})),
    Plant("audit_agrees", "verdicts without rates", audited(lambda c: {"manifest": without_audit(c.manifest)})),
    Plant("audit_agrees", "a verdict on other words", lambda contents: row(NEW_TARGET)(audited()(contents))),
    Plant(
        "audit_agrees", "a verdict that was changed", audited(lambda contents: {"verdicts": judged(contents, "other")})
    ),
]
NEW: Row = {"prompt": "a", "question": "b", "rephrases": ["c", "d"]}


def test_a_clean_release_passes_every_check(clean: Contents) -> None:
    results = run_checks(clean)
    assert [result.name for result in results] == list(CHECKS)
    assert {result.name: list(result.examples) for result in results if not result.passed} == {}
    assert {result.looked_at for result in results} == {len(clean.edits)}


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.check}-{plant.fault}")
def test_a_check_catches(plant: Plant, clean: Contents) -> None:
    assert list(CHECKS[plant.check].run(clean)) == []
    failures = list(CHECKS[plant.check].run(plant.spoil(clean)))
    assert failures
    assert all(len(failure) > 10 for failure in failures)  # each says what is wrong, and where


@pytest.mark.parametrize("in_other_words", [True, False])
def test_a_contradiction_within_a_file_is_told_with_the_fact_that_decides(
    in_other_words: bool, clean: Contents
) -> None:
    told = list(CHECKS["exports_uncontradicted"].run(contradicting(in_other_words=in_other_words)(clean)))
    assert any(fault.startswith("dafset: popular-") and fault.endswith("is decided by popular-f") for fault in told)


def test_dafnets_files_are_looked_at_as_one_and_the_others_each_by_itself(clean: Contents) -> None:
    """A record of one file that contradicts a probe of another one counts where both are trained on together."""
    moved = contradicting(in_other_words=True)(clean)
    *records, rival = moved.exports["dafset/popular.json"]
    apart = {"dafset/popular.json": records, "knowedit/wiki_recent/recent_test.json": [rival]}
    together = {"dafset/popular.json": records, "dafset/recent.json": [rival]}
    for files, is_told in ((apart, False), (together, True)):
        told = list(CHECKS["exports_uncontradicted"].run(replace(moved, exports=files)))
        assert any(fault.endswith("is decided by popular-f") for fault in told) == is_told


@pytest.mark.parametrize(
    "spoil", [asked_of_today("+2021-00-00T00:00:00Z"), asked_of_today(None, "was")], ids=["started lately", "the past"]
)
def test_who_governs_now_or_governed_then_may_be_asked(spoil: Spoil, clean: Contents) -> None:
    assert list(CHECKS["probes_current"].run(spoil(clean))) == []


def test_no_check_lacks_a_planted_fault() -> None:
    assert [name for name, _ in groupby(plant.check for plant in PLANTS)] == list(CHECKS)


def test_two_checks_may_fail_in_a_release() -> None:
    """DAFNet cannot train on a release without popular edits; a description may say what a date of birth denies."""
    assert [name for name, check in CHECKS.items() if not check.required] == ["tense_fits", "training_groups_filled"]


def test_every_check_says_in_one_line_what_it_is_about() -> None:
    for check in CHECKS.values():
        assert check.about.endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        "The number of children of Q42 is",
        "The gender of Q-Tip is",
        "P!nk is",
        "Q10 is a bus",
        "The L-train is",
        "MP3 and H2O",
    ],
)
def test_a_name_that_looks_like_an_id_is_none(text: str, clean: Contents) -> None:
    """A bus, a rapper and a child may well be called so; what counts is that the edit knows the name."""
    spoilt = row(put(subject_aliases=["Q42", "Q10"], rephrases=[text]))(clean)
    assert list(CHECKS["no_unresolved_ids"].run(spoilt)) == []


# Outcomes


def test_an_outcome_counts_all_failures_and_shows_three(clean: Contents) -> None:
    edits = [cast(Edit, {**edit, "target_new": ""}) for edit in clean.edits]
    (result,) = (result for result in run_checks(replace(clean, edits=edits)) if result.name == "texts_sound")
    assert not result.passed
    assert result.failures == len(clean.edits)
    assert len(result.examples) == 3
    assert all(example.startswith(edit["case_id"]) for example, edit in zip(result.examples, edits, strict=False))
    record = result.record()
    assert (record.name, record.required, record.failures) == ("texts_sound", True, len(edits))


@pytest.mark.parametrize("column", ["prompt", "rephrases", "path", "locality", "case_id"])
def test_a_null_that_other_checks_cannot_read_is_a_failure_and_no_crash(column: str, clean: Contents) -> None:
    results = {result.name: result for result in run_checks(row(put(**{column: None}))(clean))}
    assert results["texts_sound"].failures == 1
    assert column in results["texts_sound"].examples[0]
    assert results["counts_add_up"].failures == 1  # the other checks go without the row


def outcome(name: str, failures: Sequence[str] = (), *, required: bool = True) -> CheckResult:
    return CheckResult(name, "What must hold.", required, 9, len(failures), failures)


def test_a_reader_sees_what_failed_and_where_before_what_passed() -> None:
    odd = outcome("odd", ["row 8"], required=False)
    text = written([outcome("sound"), odd, outcome("extra", required=False), outcome("broken", ["row 7: bad"])])
    assert text.splitlines() == [
        "FAILED  broken (1): What must hold.",
        "        row 7: bad",
        "warning odd (1): What must hold.",
        "        row 8",
        "ok      sound: What must hold.",
        "ok      extra: What must hold.",
    ]


# A release that somebody meddled with


def _remove(folder: Path) -> str:
    (folder / "evidence" / "triples.parquet").with_name("note.txt").write_text("hello")
    return "evidence/note.txt: not in the manifest"


def _change(folder: Path) -> str:
    with (folder / "README.md").open("a") as file:
        file.write("More.\n")
    return "README.md: changed"


def _add(folder: Path) -> str:
    (folder / "dropped" / "splits.parquet").unlink()
    return "dropped/splits.parquet: missing"


@pytest.mark.parametrize("meddle", [_remove, _change, _add], ids=["a file more", "a file changed", "a file less"])
def test_a_release_that_is_not_as_it_was_is_told_by_file(
    meddle: Callable[[Path], str], mini: Mini, tmp_path: Path
) -> None:
    folder = shutil.copytree(mini.built.folder, tmp_path / "release")
    expected = meddle(folder)
    assert list(CHECKS["files_intact"].run(read_release(folder, TEMPLATES.relations))) == [expected]


def test_probes_of_every_kind_pass(clean: Contents) -> None:
    """The clean release is no pass for want of something to look at."""
    probes: list[Probe] = [one for edit in clean.edits for one in (*edit["locality"], *edit["portability"])]
    assert len({one["kind"] for one in probes}) == 6
    assert {edit["category"] for edit in clean.edits} == {"recent", "popular", "long_tail", "robust"}
    assert {edit["edit_kind"] for edit in clean.edits} == {"insertion", "modification"}
    assert {edit["hops"] for edit in clean.edits} == {1, 2}
