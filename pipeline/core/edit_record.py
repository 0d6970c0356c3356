"""The release record as Python sees it: one typed dictionary a row, the same names as `schema.RELEASE`.

Above FACTS the rows of a release are few (tens of thousands), and sentences are made one by one; there, and only
there, rows are dictionaries.
"""

from datetime import datetime
from typing import Literal, TypedDict

Category = Literal["recent", "popular", "long_tail", "robust"]
Split = Literal["train", "validation", "test"]
EditKind = Literal["insertion", "modification"]
LocalityKind = Literal["Relation_Specificity", "Forgetfulness", "Neighborhood"]
PortabilityKind = Literal["Reasoning", "Subject_Aliasing", "Logical_Generalization"]


class Step(TypedDict):
    """One hop of a path: the relation walked and where it led."""

    relation_id: str
    object_id: str


class Probe(TypedDict):
    """A question that tests what an edit must keep (locality) or must carry along (portability)."""

    kind: str
    prompt: str
    question: str  # the same, asked; empty when the probe cannot be asked
    ground_truth: list[list[str]]  # one list an answer, preferred label first, then aliases
    subject_id: str
    relation_id: str
    path: list[Step]


class Prefix(TypedDict):
    """A sentence to put before a prompt; attributes come in opposite poles."""

    attribute: str  # length, context, sentiment
    pole: str  # short, long; relevant, irrelevant; positive, negative
    level: int
    text: str


class LengthForm(TypedDict):
    """A short or a long wording of the rephrase and of a locality prompt (decision 19)."""

    pole: str  # short, long
    rephrase: str
    locality_prompt: str
    locality_ground_truth: list[list[str]]
    locality_subject_id: str
    locality_relation_id: str


class Edit(TypedDict):
    """One edit request with everything that a consumer needs to know about it."""

    case_id: str
    category: str
    edit_kind: str
    split: str
    base_case_id: str | None
    subject_id: str
    subject: str
    subject_aliases: list[str]
    subject_description: str | None
    subject_types: list[str]
    domain: str
    relation_id: str
    relation: str
    hops: int
    path: list[Step]
    prompt: str
    question: str
    question_rephrases: list[str]
    target_new: str
    target_new_id: str | None
    target_new_aliases: list[str]
    ground_truth: str
    ground_truth_id: str | None
    answers: list[list[str]]
    rephrases: list[str]
    locality: list[Probe]
    portability: list[Probe]
    prefixes: list[Prefix]
    length_forms: list[LengthForm]
    frequency: int
    statement_count: int
    in_degree: int
    out_degree: int
    page_views: int | None
    page_views_percentile: float | None
    sitelinks: int
    log_likelihood_sum: float | None
    log_likelihood_mean: float | None
    log_likelihood_per_byte: float | None
    log_likelihood_threshold: float | None
    log_likelihood_in_facts: float | None
    log_likelihood_in_facts_threshold: float | None
    log_likelihood_alone: float | None
    lm_token_count: int | None
    lm_model: str | None
    lm_revision: str | None
    lm_dtype: str | None
    lm_tokenizer: str | None
    lt_type: str | None
    statement_id: str
    change_class: str | None
    base_revision: int | None
    head_revision: int | None
    first_seen: datetime | None
    rcids: list[int]  # of a living wiki, sorted
    tags: list[str]
    event_time: str | None
    event_time_precision: str | None
    event_time_calendar: str | None
    source: str
    window_start: datetime | None
    window_end: datetime | None
    template_id: str
    template_version: str
    label_language: str
