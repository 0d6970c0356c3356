"""The release record: every column declared once, and each row as a typed dictionary.

This is the one declaration of the release. `schema.RELEASE`, the features that the Hub reads, the tables of the card
and the check `texts_sound` are derived from it. To add a column, add its line to the group where it belongs, and make
the stage that it names as its source fill it; a column with the source FACTS is copied by itself.

Above FACTS the rows of a release are few (tens of thousands), and sentences are made one by one; there, and only
there, rows are dictionaries.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, TypedDict

from pipeline.core.columns import Column, fields_in

Category = Literal["recent", "popular", "long_tail", "robust"]
Split = Literal["train", "validation", "test"]
EditKind = Literal["insertion", "modification"]
LocalityKind = Literal["Relation_Specificity", "Forgetfulness", "Neighborhood"]
PortabilityKind = Literal["Reasoning", "Subject_Aliasing", "Logical_Generalization"]


class Step(TypedDict):
    """One hop of a path."""

    relation_id: Annotated[str, Column("The relation walked.")]
    object_id: Annotated[
        str, Column("Where it leads. At the last step this is the true object, for dates and numbers the value.")
    ]


class Probe(TypedDict):
    """A question that tests what an edit must leave alone (locality) or must change too (portability)."""

    kind: Annotated[str, Column("Which test it is. See “What the fields mean”.")]
    prompt: Annotated[str, Column("A sentence to complete.")]
    question: Annotated[str, Column("The same, asked; empty if it cannot be asked.", can_be_empty=True)]
    ground_truth: Annotated[
        list[list[str]], Column("The right answers, one list of names an object, preferred name first.")
    ]
    subject_id: Annotated[str, Column("What it asks about.")]
    relation_id: Annotated[str, Column("The relation it asks for; of the second one where there are two hops.")]
    path: Annotated[list[Step], Column("The relations walked, with where each one leads.")]


class StatedFact(TypedDict):
    """A true fact that a sentence of a robust edit states on the way."""

    subject_id: Annotated[str, Column("The subject of the fact.")]
    relation_id: Annotated[str, Column("Its relation.")]
    object_id: Annotated[str, Column("Its object; for dates and numbers the value.")]


class Prefix(TypedDict):
    """A sentence to put before a prompt; attributes come in opposite poles."""

    attribute: Annotated[str, Column("What it varies, `length`, `context` or `sentiment`.")]
    pole: Annotated[str, Column("Which way: `short` or `long`, `relevant` or `irrelevant`, `positive` or `negative`.")]
    level: Annotated[int, Column("How far it goes towards the pole; the higher, the further.", bits=8)]
    text: Annotated[str, Column("The sentence.")]
    about: Annotated[
        str,
        Column(
            "`subject` or `relation` of the edit, `another` item, or `nothing`. The last two fit any prompt, such as a "
            "locality prompt about another subject."
        ),
    ]
    facts: Annotated[list[StatedFact], Column("The true facts that the sentence states, if any.", can_be_empty=True)]


class LengthForm(TypedDict):
    """A short or a long wording of the rephrase and of a locality prompt (decision 19)."""

    pole: Annotated[str, Column("`short` or `long`.")]
    rephrase: Annotated[str, Column("A paraphrase of `prompt` of that length.")]
    locality_prompt: Annotated[str, Column("A locality prompt of that length.")]
    locality_ground_truth: Annotated[list[list[str]], Column("Its right answers.")]
    locality_subject_id: Annotated[str, Column("What it asks about.")]
    locality_relation_id: Annotated[str, Column("The relation it asks for.")]
    facts: Annotated[
        list[StatedFact], Column("The true facts that both prompts state on the way, if any.", can_be_empty=True)
    ]


class Identity(TypedDict):
    """Which edit a row is."""

    case_id: Annotated[str, Column("Name of the edit. The same edit has the same `case_id` in every release.", "edits")]
    category: Annotated[str, Column("The category, which is also the name of the configuration.", "FACTS")]
    edit_kind: Annotated[
        str,
        Column(
            "`insertion` if `target_new` is true, or nothing is known to have been true before; `modification` if it "
            "takes the place of `ground_truth`.",
            "edits",
        ),
    ]
    split: Annotated[str, Column("`train`, `validation` or `test`.", "splits")]
    base_case_id: Annotated[
        str | None,
        Column("Of a robust edit, the `case_id` of the edit that it varies; null in the other categories.", "variants"),
    ]


class Placement(TypedDict):
    """What a row is to the other rows of the release."""

    pair_id: Annotated[
        str | None, Column("Of a popular edit, the `case_id` of its long-tail partner, and vice versa.", "placement")
    ]
    independent_group: Annotated[
        int,
        Column(
            "Edits of train and validation, or of test, that have the same number can go into one model together: none "
            "touches a fact that another one touches, or that a probe of another one asks.",
            "placement",
        ),
    ]
    pool_rows: Annotated[
        int, Column("Facts of its category, relations and kind (`semantic` is one) that could be drawn.", "FACTS")
    ]
    sampling_weight: Annotated[
        float,
        Column(
            "`pool_rows` over the rows that the release has of them; of a robust edit, that of its base.", "placement"
        ),
    ]


class Triple(TypedDict):
    """The fact that an edit is about."""

    subject_id: Annotated[str, Column("Wikidata id of the subject.", "edits")]
    subject: Annotated[str, Column("Its label. It stands in `prompt` exactly once, exactly as here.", "SUBGRAPH")]
    subject_aliases: Annotated[list[str], Column("Its other English names.", "SUBGRAPH", can_be_empty=True)]
    subject_description: Annotated[
        str | None,
        Column(
            "Its English description, which distinguishes namesakes; null if it has none, or a wrong one.", "SUBGRAPH"
        ),
    ]
    subject_types: Annotated[list[str], Column("Wikidata ids of the classes that it is an instance of.", "SUBGRAPH")]
    domain: Annotated[
        str, Column("What kind of thing the subject is, such as person or film. It picks the wording.", "templates")
    ]
    relation_id: Annotated[
        str, Column("Wikidata id of the relation; of the second one where there are two hops.", "edits")
    ]
    relation: Annotated[str, Column("Its name.", "templates")]
    hops: Annotated[
        int,
        Column(
            "How many relations lead from the subject to the object. With two, the prompt asks for a relation of the "
            "object of another relation.",
            "edits",
            bits=8,
        ),
    ]
    path: Annotated[
        list[Step],
        Column("The relations walked from the subject to the true object, with where each one leads.", "edits"),
    ]


class Request(TypedDict):
    """What the edited model is asked and should say."""

    prompt: Annotated[
        str, Column("The sentence to complete. It ends right before the target, without a space.", "templates")
    ]
    question: Annotated[str, Column("The same, asked.", "templates")]
    question_rephrases: Annotated[list[str], Column("Other ways to ask.", "templates", can_be_empty=True)]
    target_new: Annotated[str, Column("What the edited model should say.", "SUBGRAPH")]
    target_new_id: Annotated[str | None, Column("Its Wikidata id; null for dates and numbers.", "edits")]
    target_new_aliases: Annotated[
        list[str], Column("Its other names, any of which is as good an answer.", "SUBGRAPH", can_be_empty=True)
    ]
    target_new_codes: Annotated[
        list[str],
        Column(
            "Its codes and short acronyms (“DE”, “m”), which are not answers to a sentence; for lenient scoring.",
            "SUBGRAPH",
            can_be_empty=True,
        ),
    ]
    ground_truth: Annotated[
        str,
        Column(
            "What was true before the edit; equal to `target_new` where that is simply to be learnt. See “What the "
            "fields mean”.",
            "SUBGRAPH",
        ),
    ]
    ground_truth_id: Annotated[str | None, Column("Its Wikidata id; null for dates and numbers.", "edits")]
    answers: Annotated[
        list[list[str]],
        Column(
            "Everything that is true in the newer state, one list of names an object, preferred name first.", "SUBGRAPH"
        ),
    ]


class Generality(TypedDict):
    """Other wordings of the request."""

    rephrases: Annotated[
        list[str],
        Column(
            "Paraphrases of `prompt` that end right before the target too. Robust edits have a short and a long one.",
            "templates",
        ),
    ]


class Probes(TypedDict):
    """What the edit must leave alone, and what must follow from it."""

    locality: Annotated[
        list[Probe], Column("Questions whose answers the edit must leave alone.", "probes", can_be_empty=True)
    ]
    portability: Annotated[
        list[Probe], Column("Questions whose answers must follow the edit.", "probes", can_be_empty=True)
    ]


class Robustness(TypedDict):
    """What varies a robust edit."""

    prefixes: Annotated[
        list[Prefix],
        Column(
            "Sentences to put before a prompt, in opposite pairs; empty in the other categories.",
            "variants",
            can_be_empty=True,
        ),
    ]
    length_forms: Annotated[
        list[LengthForm],
        Column(
            "A short and a long wording of a rephrase and of a locality prompt; empty in the other categories.",
            "variants",
            can_be_empty=True,
        ),
    ]


class Signals(TypedDict):
    """How often the subject is mentioned, linked, read, and expected by a language model."""

    frequency: Annotated[
        int, Column("Statements that mention it anywhere, as subject, value, qualifier or reference.", "FACTS")
    ]
    statement_count: Annotated[int, Column("Statements about it.", "SUBGRAPH", bits=32)]
    in_degree: Annotated[
        int, Column("Distinct items that lead to it by a best-ranked statement of any property.", "FACTS")
    ]
    out_degree: Annotated[int, Column("Distinct items that it leads to.", "FACTS")]
    page_views: Annotated[
        int | None, Column("Views of its page over the files read; null if none were counted.", "FACTS")
    ]
    page_views_percentile: Annotated[
        float | None,
        Column(
            "Share of the viewed items that have no more views, in percent; null if no views were counted.", "FACTS"
        ),
    ]
    sitelinks: Annotated[int, Column("Pages about it on all Wikimedia wikis.", "SUBGRAPH", bits=32)]
    log_likelihood_sum: Annotated[
        float | None,
        Column("Log-likelihood of its name in nats, mean over neutral sentences; null if it was not scored.", "FACTS"),
    ]
    log_likelihood_mean: Annotated[float | None, Column("The same for each token of the name.", "FACTS")]
    log_likelihood_per_byte: Annotated[float | None, Column("The same for each byte of the name in UTF-8.", "FACTS")]
    log_likelihood_threshold: Annotated[
        float | None,
        Column(
            "What was held against it among names of about this length, for the measure named under “How it was made”.",
            "FACTS",
        ),
    ]
    log_likelihood_in_facts: Annotated[
        float | None, Column("That measure in openings of facts about the subject.", "FACTS")
    ]
    log_likelihood_in_facts_threshold: Annotated[float | None, Column("What that was held against.", "FACTS")]
    log_likelihood_alone: Annotated[
        float | None, Column("Log-likelihood of the name in nats with nothing before it.", "FACTS")
    ]
    lm_token_count: Annotated[int | None, Column("Tokens of the name.", "FACTS", bits=32)]
    lm_model: Annotated[str | None, Column("The language model that scored it.", "FACTS")]
    lm_revision: Annotated[str | None, Column("The exact version of that model.", "FACTS")]
    lm_dtype: Annotated[str | None, Column("The number type it computed in.", "FACTS")]
    lm_tokenizer: Annotated[str | None, Column("A hash of its tokenizer.", "FACTS")]
    lt_type: Annotated[
        str | None,
        Column(
            "Why a long-tail subject counts as such: `statistical`, `semantic` or `both`; null in the other "
            "categories.",
            "FACTS",
        ),
    ]


class Provenance(TypedDict):
    """Where the fact and its wording come from."""

    statement_id: Annotated[
        str,
        Column("The Wikidata statement behind the fact; of a counterfactual edit, behind the true object.", "FACTS"),
    ]
    change_class: Annotated[
        str | None,
        Column(
            "How the fact became news, one of the classes of recent edits above; these and their variants only.",
            "FACTS",
        ),
    ]
    base_revision: Annotated[
        int | None, Column("Revision of the subject in the older state; null if it was not there.", "FACTS")
    ]
    head_revision: Annotated[int | None, Column("Revision of the subject in the newer state.", "FACTS")]
    first_seen: Annotated[
        datetime | None,
        Column(
            "The statement was there by then. Of a living wiki, the last of the edits of `rcids`; else when the "
            "subject was last edited in the newer state.",
            "FACTS",
        ),
    ]
    rcids: Annotated[
        list[int],
        Column(
            "Of a recent edit from a living wiki, the numbers of the recent changes that brought the statement, as "
            "far as their summaries say; where these say nothing, all that may have. Empty otherwise.",
            "FACTS",
            can_be_empty=True,
        ),
    ]
    tags: Annotated[
        list[str],
        Column(
            "What the wiki tagged those changes with, such as the tool; empty otherwise.", "FACTS", can_be_empty=True
        ),
    ]
    event_time: Annotated[
        str | None, Column("When the fact became true, as a Wikidata time, if the two states say.", "FACTS")
    ]
    event_property_id: Annotated[
        str | None,
        Column(
            "The property that gives `event_time`: a qualifier of the statement such as `P580`, the relation itself, "
            "or a date of the subject, the object or a named event such as `P570`.",
            "FACTS",
        ),
    ]
    event_time_precision: Annotated[
        str | None, Column("How exact that is, such as `day` or `year`. Read no more out of `event_time`.", "edits")
    ]
    event_time_calendar: Annotated[str | None, Column("`gregorian` or `julian`.", "edits")]
    source: Annotated[str, Column("Where the statements come from, `dump`, `live` or `sample`.", "origin")]
    window_start: Annotated[
        datetime | None,
        Column("The last edit in the older state; null without one, and where that state has no times.", "origin"),
    ]
    window_end: Annotated[
        datetime | None, Column("The last edit in the newer state; null where that state has no times.", "origin")
    ]
    template_id: Annotated[
        str, Column("The wording used, by relation, place in its file, and grammatical number.", "templates")
    ]
    template_version: Annotated[str, Column("Version of that wording.", "templates")]
    label_language: Annotated[
        str, Column("Language of `subject`, English (`en`) or for all languages (`mul`).", "SUBGRAPH")
    ]


class Edit(Identity, Placement, Triple, Request, Generality, Probes, Robustness, Signals, Provenance):
    """One edit request: a row of the release."""


GROUPS: Mapping[str, type] = {
    "identity": Identity,
    "place in the release": Placement,
    "triple": Triple,
    "request": Request,
    "generality": Generality,
    "locality and portability": Probes,
    "robustness": Robustness,
    "signals of the subject": Signals,
    "provenance": Provenance,
}
"""The groups of columns in their order, under their headings in the card; `Edit` has the columns of all of them."""

COLUMNS = fields_in(GROUPS)
"""Every column of the release, in its order there."""
