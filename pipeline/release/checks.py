"""Checks: what must be true of a release before it is put in place, and of one that somebody looks at later.

A check reads the release alone: its rows, its evidence, its exports and its manifest. It yields one text for each row
that is wrong. To add one, write a function and its line in CHECKS, and plant a bad row that it must catch.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from pipeline.core.edit_record import Edit, Probe
from pipeline.core.manifest import CheckRecord, Manifest
from pipeline.edits.exclusions import normalised
from pipeline.language.leaks import contains_name, mentions_any
from pipeline.language.relations import Relation
from pipeline.release.evidence import Evidence
from pipeline.release.exports.projection import is_sound

Failures = Iterator[str]

_ID = re.compile(r"(?<!\w)[QPL][1-9]\d*(?!\w)")
_OPPOSITES = {("length", "short", "long"), ("context", "relevant", "irrelevant"), ("sentiment", "positive", "negative")}


@dataclass(frozen=True)
class Contents:
    """What a release holds, as checks read it."""

    edits: Sequence[Edit]
    evidence: Evidence
    exports: Mapping[str, Sequence[Mapping[str, object]]]
    manifest: Manifest
    relations: Mapping[str, Relation]
    damaged: Sequence[str] = ()  # files that are missing, unknown, or not as the manifest says

    @cached_property
    def by_case(self) -> Mapping[str, Edit]:
        """Edits by their `case_id`."""
        return {edit["case_id"]: edit for edit in self.edits}

    @cached_property
    def base(self) -> Sequence[Edit]:
        """Edits that are no variants."""
        return [edit for edit in self.edits if edit["category"] != "robust"]


@dataclass(frozen=True)
class CheckResult:
    """The outcome of a check, with the first rows that fail it."""

    name: str
    about: str
    required: bool
    looked_at: int
    failures: int
    examples: Sequence[str]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return self.failures == 0

    def record(self) -> CheckRecord:
        """The outcome as the manifest keeps it."""
        return CheckRecord(name=self.name, required=self.required, looked_at=self.looked_at, failures=self.failures)


def _probes(edit: Edit) -> Iterable[Probe]:
    return chain(edit["locality"], edit["portability"])


def _sentences(edit: Edit) -> Iterator[str]:
    """Every sentence of an edit that a model reads."""
    yield from (edit["prompt"], edit["question"], *edit["rephrases"], *edit["question_rephrases"])
    for probe in _probes(edit):
        yield probe["prompt"]
        yield probe["question"]
    yield from (prefix["text"] for prefix in edit["prefixes"])
    for form in edit["length_forms"]:
        yield from (form["rephrase"], form["locality_prompt"])


def _names(edit: Edit) -> Iterator[str]:
    """Every name that an edit or its probes give as an answer."""
    yield from (edit["target_new"], edit["ground_truth"], *edit["target_new_aliases"])
    for names in chain(edit["answers"], *(probe["ground_truth"] for probe in _probes(edit))):
        yield from names


def subject_in_prompt(contents: Contents) -> Failures:
    """The prompt and the question hold the subject, as it is written, exactly once; every rephrase holds it."""
    for edit in contents.edits:
        subject = edit["subject"]
        if edit["prompt"].count(subject) != 1 or edit["question"].count(subject) != 1:
            yield f"{edit['case_id']}: {subject!r} does not stand once in {edit['prompt']!r}"
        for text in edit["rephrases"]:
            if subject not in text:
                yield f"{edit['case_id']}: {subject!r} does not stand in {text!r}"


def target_not_in_prompt(contents: Contents) -> Failures:
    """Neither prompt, question nor any rephrase holds the target, whatever the case."""
    for edit in contents.edits:
        for text in (edit["prompt"], edit["question"], *edit["rephrases"], *edit["question_rephrases"]):
            if contains_name(text, edit["target_new"]):
                yield f"{edit['case_id']}: {edit['target_new']!r} stands in {text!r}"


def texts_sound(contents: Contents) -> Failures:
    """No text is empty or has space at an end, and no list of answers is empty."""
    for edit in contents.edits:
        required = (edit["prompt"], edit["question"], edit["target_new"], edit["ground_truth"], edit["subject"])
        lists = (edit["rephrases"], edit["answers"], *(probe["ground_truth"] for probe in _probes(edit)))
        prompts = [probe["prompt"] for probe in _probes(edit)]
        if not all(map(is_sound, (*required, *lists, *prompts))):
            yield f"{edit['case_id']}: an empty text or list"


def answers_unique(contents: Contents) -> Failures:
    """No answer is given twice, and no name twice within an answer."""
    for edit in contents.edits:
        for answers in (edit["answers"], *(probe["ground_truth"] for probe in _probes(edit))):
            if len({tuple(names) for names in answers}) < len(answers) or any(len(set(n)) < len(n) for n in answers):
                yield f"{edit['case_id']}: repeated answers {answers}"


def no_unresolved_ids(contents: Contents) -> Failures:
    """No sentence holds an id of Wikidata, apart from the names it speaks of, and no name is one."""
    for edit in contents.edits:
        for name in _names(edit):
            if re.fullmatch(r"[QPL][1-9]\d*", name):
                yield f"{edit['case_id']}: the name {name!r} is an id"
        known = sorted({*_names(edit), edit["subject"], *edit["subject_aliases"]}, key=len, reverse=True)
        for text in _sentences(edit):
            if _ID.search(text) and _ID.search(_without(text, known)):
                yield f"{edit['case_id']}: an id stands in {text!r}"


def _without(text: str, names: Iterable[str]) -> str:
    for name in names:
        text = text.replace(name, "")
    return text


def rephrases_differ(contents: Contents) -> Failures:
    """Rephrases differ from the prompt and from each other, whatever case, spacing and punctuation."""
    for edit in contents.edits:
        texts = [normalised(text) for text in (edit["prompt"], *edit["rephrases"])]
        if len(set(texts)) < len(texts):
            yield f"{edit['case_id']}: a rephrase repeats {edit['prompt']!r}"
        if len(edit["rephrases"]) < 2:
            yield f"{edit['case_id']}: fewer than two rephrases"


def answers_true(contents: Contents) -> Failures:
    """The answers of an edit are all objects true of its subject and relation; so is the target of an insertion."""
    for edit in contents.edits:
        holder = edit["subject_id"] if edit["hops"] == 1 else edit["path"][0]["object_id"]
        true = contents.evidence.get((holder, edit["relation_id"]), {})
        if {names[0] for names in edit["answers"]} != {name for name in true.values() if name}:
            yield f"{edit['case_id']}: the answers are not the true objects"
        known = edit["target_new_id"] or edit["target_new"]
        if edit["edit_kind"] == "insertion" and known not in true and edit["target_new"] not in true.values():
            yield f"{edit['case_id']}: the inserted {edit['target_new']!r} is not true"


def counterfactuals_false(contents: Contents) -> Failures:
    """The target of a popular edit is true of its subject under no name."""
    for edit in contents.edits:
        if edit["category"] == "popular":
            true_names = {name.casefold() for names in edit["answers"] for name in names}
            names = {name.casefold() for name in (edit["target_new"], *edit["target_new_aliases"])}
            if names & true_names or edit["edit_kind"] != "modification":
                yield f"{edit['case_id']}: {edit['target_new']!r} is true"


def locality_true(contents: Contents) -> Failures:
    """Every locality answer is true in the newer state; specificity and neighbourhood give all true objects."""
    for edit in contents.edits:
        for probe in edit["locality"]:
            true = contents.evidence.get((probe["subject_id"], probe["relation_id"]), {})
            expected = {name for name in true.values() if name}
            given = {names[0] for names in probe["ground_truth"]}
            if not given <= expected or (probe["kind"] != "Forgetfulness" and given != expected):
                yield f"{edit['case_id']}: {probe['prompt']!r} has the answers {sorted(given)}, not {sorted(expected)}"


def locality_untouched(contents: Contents) -> Failures:
    """No locality probe asks for what the edit changes or may change."""
    for edit in contents.edits:
        steps = [step["relation_id"] for step in edit["path"]]
        touched = frozenset[str]().union(*(contents.relations[name].touches for name in steps))
        for probe in edit["locality"]:
            same = probe["subject_id"] == edit["subject_id"]
            is_other = probe["kind"] == "Forgetfulness"
            if same and probe["relation_id"] in touched and not is_other:
                yield f"{edit['case_id']}: the edit touches {probe['prompt']!r}"
            if any(names[0] == edit["target_new"] for names in probe["ground_truth"]) and (is_other or not same):
                yield f"{edit['case_id']}: {probe['prompt']!r} is answered by the target"


def portability_follows(contents: Contents) -> Failures:
    """Every portability probe rests on the target, or on evidence about it, along its path."""
    for edit in contents.edits:
        for probe in edit["portability"]:
            if not _follows(edit, probe, contents.evidence):
                yield f"{edit['case_id']}: {probe['prompt']!r} does not follow"


def _follows(edit: Edit, probe: Probe, evidence: Evidence) -> bool:
    given = {names[0] for names in probe["ground_truth"]}
    path = probe["path"]
    if probe["kind"] == "Subject_Aliasing" or (
        probe["kind"] == "Reasoning" and path[-1]["relation_id"] == edit["relation_id"]
    ):
        leads = len(path) == 1 or path[0]["object_id"] in evidence.get(
            (probe["subject_id"], path[0]["relation_id"]), {}
        )
        return given == {edit["target_new"]} and (leads or probe["kind"] == "Subject_Aliasing")
    if probe["kind"] == "Reasoning":
        true = evidence.get((path[0]["object_id"], path[1]["relation_id"]), {})
        return path[0]["object_id"] == edit["target_new_id"] and given == {name for name in true.values() if name}
    return len(path) == 1 and path[0]["relation_id"] == probe["relation_id"] and len(given) == 1


def no_duplicates(contents: Contents) -> Failures:
    """No `case_id` stands twice; no two edits that are no variants share a prompt."""
    seen: set[str] = set()
    for edit in contents.edits:
        if edit["case_id"] in seen:
            yield f"{edit['case_id']}: stands twice"
        seen.add(edit["case_id"])
    prompts: set[str] = set()
    for edit in contents.base:
        if edit["prompt"] in prompts:
            yield f"{edit['case_id']}: the prompt {edit['prompt']!r} stands twice"
        prompts.add(edit["prompt"])


def splits_disjoint(contents: Contents) -> Failures:
    """No subject, no entity between hops, no prompt and no rephrase stands in two splits."""
    places: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for edit in contents.edits:
        items = [edit["subject_id"], *(step["object_id"] for step in edit["path"][:-1])]
        texts = [edit["prompt"], edit["question"], *edit["rephrases"]]
        for key in [*(("item", item) for item in items), *(("text", text) for text in texts)]:
            places[key].add(edit["split"])
    for (kind, what), splits in sorted(places.items()):
        if len(splits) > 1:
            yield f"the {kind} {what!r} stands in {sorted(splits)}"


def no_contradictions(contents: Contents) -> Failures:
    """Within a split, one subject and relation have one target."""
    targets: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for edit in contents.edits:
        path = "/".join(step["relation_id"] for step in edit["path"])
        targets[edit["split"], edit["subject_id"], path].add(edit["target_new"])
    for (split, subject, path), found in sorted(targets.items()):
        if len(found) > 1:
            yield f"{subject} {path} has several targets in {split}: {sorted(found)}"


def variants_opposite(contents: Contents) -> Failures:
    """A robust edit varies an edit of its split, by both poles of every attribute, naming no answer."""
    most = contents.manifest.settings.robust.max_prefix_words
    for edit in contents.edits:
        if edit["category"] != "robust":
            continue
        base = contents.by_case.get(edit["base_case_id"] or "")
        if base is None or base["split"] != edit["split"] or base["target_new"] != edit["target_new"]:
            yield f"{edit['case_id']}: its base edit is not in its split"
        poles = {(p["attribute"], p["pole"]) for p in edit["prefixes"]}
        if poles != {(attribute, pole) for attribute, *pair in _OPPOSITES for pole in pair}:
            yield f"{edit['case_id']}: its prefixes are not in opposite pairs"
        taboo = [edit["target_new"], edit["ground_truth"], *edit["target_new_aliases"], *chain(*edit["answers"])]
        for prefix in edit["prefixes"]:
            if len(prefix["text"].split()) > most or not prefix["text"].endswith("."):
                yield f"{edit['case_id']}: a loader would cut {prefix['text']!r}"
            if mentions_any(prefix["text"], taboo):
                yield f"{edit['case_id']}: {prefix['text']!r} names an answer"
        if [form["pole"] for form in edit["length_forms"]] != ["short", "long"]:
            yield f"{edit['case_id']}: its length forms are not a short and a long one"


def exports_sound(contents: Contents) -> Failures:
    """Exported records hold no empty text or list and no null, and every prompt holds its subject."""
    for path, records in sorted(contents.exports.items()):
        for place, record in enumerate(records):
            if not is_sound(record):
                yield f"{path}, record {place}: an empty text or list"
            prompt, subject = record.get("prompt", record.get("src")), record.get("subject")
            if isinstance(prompt, str) and isinstance(subject, str) and subject not in prompt:
                yield f"{path}, record {place}: {subject!r} does not stand in {prompt!r}"


def training_groups_filled(contents: Contents) -> Failures:
    """DAFNet's three groups of training files have records: it divides by their sizes."""
    groups = {
        "counterfact": ["cf_train"],
        "robust": ["robust"],
        "zsre": ["zsre_train", "recent", "popular", "long_tail"],
    }
    for group, names in groups.items():
        if not any(contents.exports.get(f"dafset/{name}.json") for name in names):
            yield f"the group {group} is empty"


def rows_sorted(contents: Contents) -> Failures:
    """The rows of each category and split stand in the order of their `case_id`."""
    last: dict[tuple[str, str], str] = {}
    for edit in contents.edits:
        key = edit["category"], edit["split"]
        if last.get(key, "") > edit["case_id"]:
            yield f"{edit['case_id']}: stands after {last[key]}"
        last[key] = edit["case_id"]


def counts_add_up(contents: Contents) -> Failures:
    """What came into a stage was kept or dropped with a reason, and the rows are as many as the manifest says."""
    for count in contents.manifest.counts:
        if count.taken_in != count.kept + sum(count.dropped.values()):
            place = f"{count.stage} of {count.category}" if count.category else count.stage
            yield f"{place}: {count.taken_in} came in, {count.kept} were kept, {sum(count.dropped.values())} dropped"
    rows: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for edit in contents.edits:
        rows[edit["category"]][edit["split"]] += 1
    for category, splits in contents.manifest.rows.items():
        for split, told in splits.items():
            if rows[category][split] != told:
                yield f"{category} has {rows[category][split]} rows in {split}, not {told}"


def files_intact(contents: Contents) -> Failures:
    """Every file is as the manifest says, and there is no other."""
    yield from contents.damaged


@dataclass(frozen=True)
class Check:
    """A check and whether a release may fail it."""

    run: Callable[[Contents], Failures]
    required: bool = True


CHECKS: Mapping[str, Check] = {
    check.run.__name__: check
    for check in (
        Check(subject_in_prompt),
        Check(target_not_in_prompt),
        Check(texts_sound),
        Check(answers_unique),
        Check(no_unresolved_ids),
        Check(rephrases_differ),
        Check(answers_true),
        Check(counterfactuals_false),
        Check(locality_true),
        Check(locality_untouched),
        Check(portability_follows),
        Check(no_duplicates),
        Check(splits_disjoint),
        Check(no_contradictions),
        Check(variants_opposite),
        Check(exports_sound),
        Check(training_groups_filled, required=False),
        Check(rows_sorted),
        Check(counts_add_up),
        Check(files_intact),
    )
}
"""Every check under its name, in the order in which they run."""

_EXAMPLES = 3


def run_checks(contents: Contents) -> list[CheckResult]:
    """Run all checks on a release."""
    results: list[CheckResult] = []
    for name, check in CHECKS.items():
        failures = list(check.run(contents))
        about = (check.run.__doc__ or "").strip()
        results.append(
            CheckResult(name, about, check.required, len(contents.edits), len(failures), failures[:_EXAMPLES])
        )
    return results


def written(results: Sequence[CheckResult]) -> str:
    """The outcome of checks for a reader: a line each, with the first rows that fail."""
    lines: list[str] = []
    for result in results:
        mark = "ok" if result.passed else "FAILED" if result.required else "warning"
        count = "" if result.passed else f" ({result.failures})"
        lines.append(f"{mark:8}{result.name}{count}: {result.about.splitlines()[0]}")
        lines += [f"        {example}" for example in result.examples]
    return "\n".join(lines)
