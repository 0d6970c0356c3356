"""A dozen invented edits, one or more for each category and split, as the stages before the exports would make them.

`EDITS` is a small release, `changed` makes an altered copy of one of its edits, and `spoilt_releases` draws releases in
which anything may be empty, blank, missing or out of form.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple, cast

from hypothesis import strategies as st

from pipeline.core.edit_record import Category, Edit, LengthForm, Prefix, Probe, Split, StatedFact


class Wording(NamedTuple):
    """How one relation is said; a subject goes in place of each {}."""

    relation_id: str
    relation: str
    prompt: str
    rephrases: tuple[str, ...]
    question: str
    question_rephrases: tuple[str, ...]


EMPLOYER = Wording(
    "P108",
    "employer",
    "The employer of {} is",
    ("{} works for", "The organisation that pays the wages of {} is"),
    "Who is the employer of {}?",
    ("Which organisation does {} work for?", "Who employs {}?"),
)
BIRTHPLACE = Wording(
    "P19",
    "place of birth",
    "The place of birth of {} is",
    ("{} was born in", "The town where {} came into the world is"),
    "Where was {} born?",
    ("What is the place of birth of {}?",),
)
CAPITAL = Wording(
    "P36",
    "capital",
    "The capital of {} is",
    ("{} has its capital in", "The city that serves as the capital of {} is"),
    "What is the capital of {}?",
    ("Which city is the capital of {}?",),
)
LANGUAGE = Wording(
    "P37",
    "official language",
    "The official language of {} is",
    ("The law of {} is written in",),
    "What is the official language of {}?",
    ("In which language is the law of {} written?",),
)
MAYOR = Wording(
    "P6",
    "head of government",
    "The head of government of {} is",
    ("{} is governed by",),
    "Who is the head of government of {}?",
    ("Who governs {}?",),
)
CHILD = Wording(
    "P40",
    "child",
    "One of the children of {} is",
    ("{} is a parent of",),
    "Who are the children of {}?",
    ("Whose parent is {}?",),
)
HOME_CAPITAL = Wording(
    "P36",
    "capital",
    "The capital of the country of citizenship of {} is",
    ("The country of which {} is a citizen has its capital in",),
    "What is the capital of the country of citizenship of {}?",
    ("Which city is the capital of the country that {} is a citizen of?",),
)


def probe(kind: str, wording: Wording, subject: str, *answers: list[str]) -> Probe:
    """A locality or portability probe that uses a relation's wording."""
    return {
        "kind": kind,
        "prompt": wording.prompt.format(subject),
        "question": wording.question.format(subject),
        "ground_truth": list(answers),
        "subject_id": "Q900000100",
        "relation_id": wording.relation_id,
        "path": [],
    }


def edit(category: Category, split: Split, number: int, subject: str, wording: Wording, **columns: object) -> Edit:
    """An edit of a subject in a relation's wording; columns that are not given are filled alike for all samples."""
    ground_truth = str(columns.get("ground_truth", columns["target_new"]))
    record: dict[str, object] = {
        "case_id": f"{category}-{number:04d}",
        "category": category,
        "edit_kind": "insertion",
        "split": split,
        "base_case_id": None,
        "pair_id": None,
        "independent_group": 0,
        "pool_rows": 1,
        "sampling_weight": 1.0,
        "subject_id": f"Q9000000{number:02d}",
        "subject": subject,
        "subject_aliases": [],
        "subject_description": None,
        "subject_types": ["person"],
        "domain": "person",
        "relation_id": wording.relation_id,
        "relation": wording.relation,
        "hops": 1,
        "path": [{"relation_id": wording.relation_id, "object_id": "Q900000200"}],
        "prompt": wording.prompt.format(subject),
        "question": wording.question.format(subject),
        "question_rephrases": [text.format(subject) for text in wording.question_rephrases],
        "target_new_id": "Q900000200",
        "target_new_aliases": [],
        "target_new_codes": [],
        "ground_truth": ground_truth,
        "ground_truth_id": "Q900000200",
        "answers": [[ground_truth]],
        "rephrases": [text.format(subject) for text in wording.rephrases],
        "locality": [],
        "portability": [],
        "prefixes": [],
        "length_forms": [],
        **_SIGNALS,
        **_PROVENANCE,
        **columns,
    }
    return cast(Edit, record)


def changed(original: Edit, **columns: object) -> Edit:
    """A copy of an edit with other values in some columns."""
    return cast(Edit, {**original, **columns})


def changed_probe(original: Probe, **fields: object) -> Probe:
    """A copy of a probe with other values in some fields."""
    return cast(Probe, {**original, **fields})


_SIGNALS: dict[str, object] = {
    "frequency": 12,
    "statement_count": 9,
    "in_degree": 2,
    "out_degree": 5,
    "page_views": 340,
    "page_views_percentile": 41.5,
    "sitelinks": 3,
    "log_likelihood_sum": -18.25,
    "log_likelihood_mean": -4.5625,
    "log_likelihood_per_byte": -1.5,
    "log_likelihood_threshold": -1.25,
    "log_likelihood_in_facts": -1.0,
    "log_likelihood_in_facts_threshold": -0.75,
    "log_likelihood_alone": -20.5,
    "lm_token_count": 4,
    "lm_model": "fake",
    "lm_revision": "0",
    "lm_dtype": "float32",
    "lm_tokenizer": "0",
    "lt_type": None,
}

_PROVENANCE: dict[str, object] = {
    "statement_id": "Q900000001$0D9A1D8E-0000-4000-8000-000000000001",
    "change_class": "world_change",
    "base_revision": 2300000001,
    "head_revision": 2300000009,
    "first_seen": datetime(2026, 9, 14, 8, 30, tzinfo=UTC),
    "rcids": [2400000007],
    "tags": ["wikidata-ui"],
    "event_time": "+2026-09-10T00:00:00Z",
    "event_time_precision": "day",
    "event_time_calendar": "Gregorian",
    "source": "sample",
    "window_start": datetime(2026, 9, 7, tzinfo=UTC),
    "window_end": datetime(2026, 9, 14, tzinfo=UTC),
    "template_id": "P108/0",
    "template_version": "0123456789ab",
    "label_language": "en",
}


def _prefix(attribute: str, pole: str, level: int, text: str, about: str = "nothing", **fact: str) -> Prefix:
    facts = [cast(StatedFact, fact)] if fact else []
    return {"attribute": attribute, "pole": pole, "level": level, "text": text, "about": about, "facts": facts}


_BORN = {"subject_id": "Q900000110", "relation_id": "P19", "object_id": "Q900000302"}
_CALLED = {"subject_id": "Q900000109", "relation_id": "P106", "object_id": "Q900000402"}
_PREFIXES: list[Prefix] = [
    _prefix("length", "short", 1, "It rained."),
    _prefix("length", "long", 1, "All through the grey afternoon a thin rain fell."),
    _prefix("context", "relevant", 1, "Iben Sølvi was born in Lowmere.", "subject", **_BORN),
    _prefix("context", "irrelevant", 1, "Basil was a painter.", "another", **_CALLED),
    _prefix("sentiment", "positive", 2, "What a splendid day this has been."),
    _prefix("sentiment", "negative", 2, "What a dreadful day this has been."),
]

_LENGTH_FORMS: list[LengthForm] = [
    {
        "pole": "short",
        "rephrase": "Iben Sølvi works for",
        "locality_prompt": "Ada Rooke works for",
        "locality_ground_truth": [["Harrow Press", "Harrow"]],
        "locality_subject_id": "Q900000101",
        "locality_relation_id": "P108",
        "facts": [],
    },
    {
        "pole": "long",
        "rephrase": "The organisation that pays the wages of Iben Sølvi at the end of every month is",
        "locality_prompt": "The organisation that pays the wages of Ada Rooke at the end of every month is",
        "locality_ground_truth": [["Harrow Press", "Harrow"]],
        "locality_subject_id": "Q900000101",
        "locality_relation_id": "P108",
        "facts": [],
    },
]

RECENT_TRAIN = edit(
    "recent",
    "train",
    1,
    "Mara Quellin",
    EMPLOYER,
    target_new="Tidewater Institute",
    answers=[["Tidewater Institute", "TWI"]],
    locality=[
        probe("Relation_Specificity", BIRTHPLACE, "Mara Quellin", ["Lowmere"]),
        probe("Neighborhood", EMPLOYER, "Ada Rooke", ["Harrow Press", "Harrow"]),
    ],
    portability=[
        probe("Reasoning", CAPITAL, "the country of Mara Quellin", ["Port Ansel"]),
        probe("Subject_Aliasing", EMPLOYER, "M. Quellin", ["Tidewater Institute", "TWI"]),
    ],
)
RECENT_VALIDATION = edit(
    "recent",
    "validation",
    2,
    "Port Ansel",
    MAYOR,
    domain="settlement",
    edit_kind="modification",
    target_new="Bruno Hald",
    ground_truth="Edda Winter",
    answers=[["Bruno Hald"]],
    locality=[
        probe("Relation_Specificity", LANGUAGE, "Port Ansel", ["Ansellic"]),
        probe("Neighborhood", MAYOR, "Lowmere", ["Tove Lind"]),
    ],
)
RECENT_TEST = edit(
    "recent",
    "test",
    3,
    "Zoë Ñandú",
    CHILD,
    target_new="Inti Ñandú",
    answers=[["Inti Ñandú"], ["Kolya Ñandú"]],
    locality=[
        probe("Relation_Specificity", BIRTHPLACE, "Zoë Ñandú", ["Quillota"]),
        probe("Relation_Specificity", EMPLOYER, "Zoë Ñandú", ["Harrow Press"], ["Tidewater Institute", "TWI"]),
        probe("Forgetfulness", CHILD, "Zoë Ñandú, other than Inti Ñandú,", ["Kolya Ñandú"]),
        probe("Neighborhood", CHILD, "Ada Rooke", ["Finn Rooke"]),
    ],
    portability=[probe("Logical_Generalization", CHILD, "the mother of Inti Ñandú", ["Inti Ñandú"])],
)
POPULAR_TRAIN = edit(
    "popular",
    "train",
    4,
    "Verdania",
    CAPITAL,
    domain="country",
    edit_kind="modification",
    target_new="Lowmere",
    ground_truth="Greenport",
    answers=[["Greenport", "Green Port", "Puerto Verde"]],
    locality=[
        probe("Neighborhood", CAPITAL, "Ostrava Isles", ["Saltholm"]),
        probe("Relation_Specificity", LANGUAGE, "Verdania", ["Verdanian"]),
    ],
    portability=[probe("Subject_Aliasing", CAPITAL, "the Republic of Verdania", ["Lowmere"])],
)
POPULAR_TWO_HOPS = edit(
    "popular",
    "train",
    5,
    "Tove Lind",
    HOME_CAPITAL,
    edit_kind="modification",
    hops=2,
    target_new="Lowmere",
    ground_truth="Greenport",
    answers=[["Greenport"]],
    locality=[
        probe("Relation_Specificity", BIRTHPLACE, "Tove Lind", ["Lowmere"]),
        probe("Neighborhood", HOME_CAPITAL, "Ada Rooke", ["Saltholm"]),
    ],
)
POPULAR_VALIDATION = edit(
    "popular",
    "validation",
    6,
    "Ostrava Isles",
    LANGUAGE,
    domain="country",
    edit_kind="modification",
    target_new="Verdanian",
    ground_truth="Ostravan",
    answers=[["Ostravan"]],
    locality=[
        probe("Neighborhood", LANGUAGE, "Norrland Reach", ["Reachish"]),
        probe("Relation_Specificity", CAPITAL, "Ostrava Isles", ["Saltholm"]),
    ],
)
POPULAR_TEST = edit(
    "popular",
    "test",
    7,
    "Finn Rooke",
    BIRTHPLACE,
    edit_kind="modification",
    target_new="Saltholm",
    ground_truth="Greenport",
    answers=[["Greenport", "Green Port"]],
    locality=[
        probe("Neighborhood", BIRTHPLACE, "Mara Quellin", ["Lowmere"]),
        probe("Relation_Specificity", EMPLOYER, "Finn Rooke", ["Harrow Press"]),
    ],
    portability=[probe("Reasoning", LANGUAGE, "the town of birth of Finn Rooke", ["Ostravan"])],
)
LONG_TAIL_TRAIN = edit(
    "long_tail",
    "train",
    8,
    "Kolya Brandt",
    EMPLOYER,
    target_new="Harrow Press",
    answers=[["Harrow Press", "Harrow"]],
    lt_type="statistical",
    locality=[probe("Relation_Specificity", BIRTHPLACE, "Kolya Brandt", ["Quillota"])],
)
LONG_TAIL_TEST = edit(
    "long_tail",
    "test",
    9,
    "Edda Winter",
    BIRTHPLACE,
    target_new="Lowmere",
    lt_type="semantic",
    locality=[
        probe("Relation_Specificity", EMPLOYER, "Edda Winter", ["City of Port Ansel"]),
        probe("Neighborhood", BIRTHPLACE, "Bruno Hald", ["Port Ansel"]),
    ],
)
ROBUST_TRAIN = edit(
    "robust",
    "train",
    10,
    "Iben Sølvi",
    EMPLOYER,
    base_case_id="long_tail-0011",
    target_new="Tidewater Institute",
    locality=[probe("Neighborhood", EMPLOYER, "Ada Rooke", ["Harrow Press", "Harrow"])],
    prefixes=_PREFIXES,
    length_forms=_LENGTH_FORMS,
)
ROBUST_WITHOUT_LENGTHS = edit(
    "robust",
    "train",
    11,
    "Verdania",
    CAPITAL,
    domain="country",
    edit_kind="modification",
    base_case_id="popular-0004",
    target_new="Lowmere",
    ground_truth="Greenport",
    answers=[["Greenport"]],
    locality=[probe("Neighborhood", CAPITAL, "Ostrava Isles", ["Saltholm"])],
    prefixes=_PREFIXES[4:],
)
ROBUST_TEST = edit(
    "robust",
    "test",
    12,
    "Finn Rooke",
    BIRTHPLACE,
    base_case_id="popular-0007",
    target_new="Saltholm",
    locality=[probe("Neighborhood", BIRTHPLACE, "Mara Quellin", ["Lowmere"])],
    prefixes=_PREFIXES[:2],
)

EDITS: tuple[Edit, ...] = (
    RECENT_TRAIN,
    RECENT_VALIDATION,
    RECENT_TEST,
    POPULAR_TRAIN,
    POPULAR_TWO_HOPS,
    POPULAR_VALIDATION,
    POPULAR_TEST,
    LONG_TAIL_TRAIN,
    LONG_TAIL_TEST,
    ROBUST_TRAIN,
    ROBUST_WITHOUT_LENGTHS,
    ROBUST_TEST,
)

_texts = st.sampled_from(
    [
        "",
        " ",
        "Lowmere ",
        " Lowmere",
        "Lowmere",
        "{}",
        "{x}",
        "It rained",
        "It rained.",
        "Zoë Ñandú, Zoë Ñandú",
        "\u00a0",
    ]
) | st.text(alphabet="aé {}?.", max_size=4)
_answers = st.lists(st.lists(_texts, max_size=2), max_size=2)

_probes = st.builds(
    changed_probe,
    st.just(probe("Neighborhood", BIRTHPLACE, "Mara Quellin", ["Lowmere"])),
    kind=st.sampled_from(["Neighborhood", "Relation_Specificity", "Forgetfulness", "Reasoning", "Misspelt"]),
    prompt=st.just("The capital of Verdania is") | _texts,
    question=st.just("What is the capital of Verdania?") | _texts,
    ground_truth=st.just([["Greenport"]]) | _answers,
)
_prefixes = st.builds(
    Prefix,
    attribute=st.just("length"),
    pole=st.just("long"),
    level=st.integers(0, 3),
    text=_texts | st.integers(28, 32).map(lambda words: " ".join(["rain"] * words) + "."),
    about=st.sampled_from(["subject", "relation", "another", "nothing"]),
    facts=st.just([]),
)
_length_forms = st.builds(
    LengthForm,
    pole=st.sampled_from(["short", "long"]),
    rephrase=_texts,
    locality_prompt=_texts,
    locality_ground_truth=_answers,
    locality_subject_id=st.just("Q900000101"),
    locality_relation_id=st.just("P108"),
    facts=st.just([]),
)
_spoilt_columns: st.SearchStrategy[dict[str, object]] = st.fixed_dictionaries(
    {},
    optional={
        "subject": _texts,
        "prompt": _texts,
        "question": _texts,
        "question_rephrases": st.lists(_texts, max_size=2),
        "target_new": _texts,
        "ground_truth": _texts,
        "answers": _answers,
        "rephrases": st.lists(_texts, max_size=2),
        "locality": st.lists(_probes, max_size=3),
        "portability": st.lists(_probes, max_size=3),
        "prefixes": st.lists(_prefixes, max_size=3),
        "length_forms": st.lists(_length_forms, max_size=2),
    },
)


def _release(drawn: Sequence[tuple[Edit, dict[str, object]]]) -> list[Edit]:
    return [
        changed(original, **columns, case_id=f"{original['case_id']}-{number}")
        for number, (original, columns) in enumerate(drawn)
    ]


spoilt_releases: st.SearchStrategy[list[Edit]] = st.lists(
    st.tuples(st.sampled_from(EDITS), _spoilt_columns), min_size=1, max_size=4
).map(_release)
"""Releases of sample edits with any of the columns that the exports read replaced by what may be unfit for them."""
