"""The tables that travel between stages, and the release record that consumers read.

A schema is the type of a table: `core/tables.py` casts to it on every write. Ids are int64 between stages ("Q42" is 42)
and strings only in the release record. Times are Wikibase time strings ("+1952-03-11T00:00:00Z") with a precision
(11 day, 10 month, 9 year, 8 decade, 7 century) because years before Christ and unknown days fit no `datetime`.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, get_args, get_origin, is_typeddict

import pyarrow as pa

from pipeline.core.columns import Field
from pipeline.core.edit_record import COLUMNS

SCHEMA_VERSION = 3

_strings = pa.list_(pa.string())
_numbers = pa.list_(pa.int64())
_moment = pa.timestamp("ms", tz="UTC")  # Parquet knows no seconds


def _table(*columns: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns])


def record_schema(fields: Iterable[Field]) -> pa.Schema:
    """The Arrow schema of a record, as its fields declare it."""
    return pa.schema([pa.field(field.name, _arrow_type(field.kind, field)) for field in fields])


def _arrow_type(kind: Any, field: Field) -> pa.DataType:
    if get_origin(kind) is list:
        return pa.list_(_arrow_type(get_args(kind)[0], field))
    if is_typeddict(kind):
        return pa.struct(list(record_schema(field.parts)))
    return _INTEGERS[field.column.bits] if kind is int else _SCALARS[kind]


_INTEGERS = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}
_SCALARS = {str: pa.string(), bool: pa.bool_(), float: pa.float64(), datetime: _moment}

STATEMENTS = _table(
    ("subject_id", pa.int64()),
    ("property_id", pa.int32()),
    ("statement_id", pa.string()),
    ("rank", pa.string()),  # preferred, normal, deprecated
    ("is_best", pa.bool_()),  # preferred if the property has any preferred statement, else normal
    ("value_kind", pa.string()),  # item, time, quantity, string, monolingual, other, somevalue, novalue
    ("object_id", pa.int64()),
    ("text", pa.string()),
    ("amount", pa.string()),
    ("unit_id", pa.int64()),
    ("time", pa.string()),
    ("precision", pa.int8()),
    ("calendar_id", pa.int64()),
    ("start_time", pa.string()),
    ("start_precision", pa.int8()),
    ("end_time", pa.string()),
    ("end_precision", pa.int8()),
    ("point_in_time", pa.string()),
    ("point_precision", pa.int8()),
    ("event_id", pa.int64()),  # qualifier P805, the event that the statement is about
    ("qualifier_ids", pa.list_(pa.int32())),  # properties of all qualifiers, sorted
)
"""One claim of a wanted property, as stored. Literals fill text, amount or time; the rest stays null."""

ENTITIES = _table(
    ("id", pa.int64()),
    ("label", pa.string()),
    ("label_language", pa.string()),  # en, else mul
    ("aliases", _strings),
    ("description", pa.string()),
    ("type_ids", pa.list_(pa.int64())),  # best-rank P31
    ("sitelinks", pa.int32()),
    ("enwiki_title", pa.string()),
    ("statement_count", pa.int32()),
    ("state", pa.int64()),  # differs when the item differs: its revision, else a hash of its line
    ("last_revision", pa.int64()),
    ("modified", _moment),
)
"""One item of the newer state."""

TITLES = _table(("id", pa.int64()), ("wiki", pa.string()), ("title", pa.string()))
"""A page about an item on a wiki that page views are read for."""

REVISIONS = _table(("id", pa.int64()), ("state", pa.int64()), ("last_revision", pa.int64()), ("modified", _moment))
"""One item of a state: just what shows whether it changed."""

NUMBERS = _table(("id", pa.int64()))
"""A set of items."""

LINES = _table(("name", pa.string()), ("last_revision", pa.int64()))
"""A line of a dump about an entity that is not an item, by its id."""

CONTRIBUTIONS = _table(("name", pa.string()), ("mentions", _numbers), ("neighbours", _numbers))
"""What one line of a dump adds to MENTIONS: the items that its statements mention, and its neighbours."""

STALE = _table(("shard", pa.int32()), ("name", pa.string()))
"""A line that does not count, because another one about its entity is newer: the shard of the line, and the entity."""

TEXTS = _table(("id", pa.int64()), ("json", pa.binary()))
"""The stored text of an item whose state differs."""

DIFFERENCES = _table(
    ("subject_id", pa.int64()),
    ("property_id", pa.int32()),  # null: the item as a whole
    ("kind", pa.string()),  # added, removed, swapped, revalued, recreated, rank, qualifier, reference
    ("old_statement_id", pa.string()),
    ("new_statement_id", pa.string()),
    ("old_value", pa.string()),
    ("new_value", pa.string()),
    ("old_object_id", pa.int64()),
    ("new_object_id", pa.int64()),
    ("is_new_value", pa.bool_()),  # the item did not hold this (property, value) before
    ("item_kind", pa.string()),  # added, removed, kept: what became of the item
    ("gains_end", pa.bool_()),  # the newer statement has an end time, the older one has none
    # evidence on a statement that came: dates that it carries, and the event it names
    ("date_property_id", pa.int32()),
    ("date_time", pa.string()),
    ("date_precision", pa.int8()),
    ("date_calendar_id", pa.int64()),
    ("end_time", pa.string()),
    ("end_precision", pa.int8()),
    ("event_id", pa.int64()),
    # the earlier value of the same property that ended when this one started
    ("replaced_statement_id", pa.string()),
    ("replaced_value", pa.string()),
    # the answer of the older state that is none in the newer one, where one went and this one came
    ("former_statement_id", pa.string()),
    ("former_value", pa.string()),
    ("former_way", pa.string()),  # ended, outranked, removed
    ("base_revision", pa.int64()),
    ("head_revision", pa.int64()),
    ("first_seen", _moment),
)
"""One difference between the two texts of an item, with what the item itself says about it."""

TERMS = _table(("id", pa.int64()), ("term", pa.string()), ("is_gone", pa.bool_()))
"""A name of an item that is gone, or of one that changed: by these a merge is recognised."""

RECENT_CHANGES = _table(
    ("rcid", pa.int64()),
    ("item_id", pa.int64()),
    ("kind", pa.string()),  # edit, new, log
    ("revision", pa.int64()),
    ("parent", pa.int64()),  # the revision before it; 0 for a new item
    ("time", _moment),
    ("comment", pa.string()),  # null if it is hidden
    ("tags", _strings),
    ("is_bot", pa.bool_()),
    ("is_anonymous", pa.bool_()),
    ("log_action", pa.string()),  # delete/delete, delete/restore and others
)
"""One row of a wiki's recent changes, about an item."""

SPANS = _table(
    ("item_id", pa.int64()),
    ("base", pa.int64()),  # its last revision before the window; 0 if it was made in the window
    ("head", pa.int64()),  # its last revision in the window
    ("before_merge", pa.int64()),  # its last revision before it was merged away; null if it was not
    ("fate", pa.string()),  # kept, gone, restored
)
"""An item that the window may have changed in its statements."""

REVISION_TEXTS = _table(
    ("revision", pa.int64()),
    ("item_id", pa.int64()),
    ("parent", pa.int64()),
    ("form", pa.string()),  # text, redirect, hidden
    ("target_id", pa.int64()),  # of a redirect
    ("modified", _moment),
    ("json", pa.binary()),  # the item as a line of a dump
)
"""One revision of an item, as it was fetched."""

UNDONE = _table(("subject_id", pa.int64()), ("statement_id", pa.string()), ("reason", pa.string()))
"""A statement that came in the window and was taken back: by a later look at its item, or by the tag of its edits."""

PROVENANCE = _table(
    ("subject_id", pa.int64()),
    ("property_id", pa.int32()),
    ("statement_id", pa.string()),
    ("rcids", _numbers),  # edits of the window that may have made the difference
    ("tags", _strings),  # of these
    ("first_seen", _moment),  # the last of these: the difference was there by then
)
"""Which edits may have made a difference: those whose summaries say so, else those that say nothing."""

CLASS_EDGES = _table(("class_id", pa.int64()), ("parent_id", pa.int64()))
"""A class and one that it is a subclass of; 0 if it is of none."""

MENTIONS = _table(
    ("id", pa.int64()),
    ("mentions", pa.int64()),
    ("in_neighbours", pa.int64()),
    ("out_neighbours", pa.int64()),
)
"""Partial counts of one shard; summing them over shards gives FREQUENCY and DEGREE."""

MERGES = _table(("gone_id", pa.int64()), ("target_id", pa.int64()))
"""An item that is gone because it was merged, and the item it was merged into."""

CHANGES = _table(
    ("subject_id", pa.int64()),
    ("property_id", pa.int32()),  # null: the change is of the item as a whole
    ("change_class", pa.string()),
    ("old_statement_id", pa.string()),
    ("new_statement_id", pa.string()),
    ("old_value", pa.string()),
    ("new_value", pa.string()),
    ("is_new_value", pa.bool_()),  # the item did not hold this (property, value) before
    ("event_time", pa.string()),
    ("event_precision", pa.int8()),
    ("event_calendar_id", pa.int64()),
    ("event_property_id", pa.int32()),  # the property that dates the change
    ("base_revision", pa.int64()),
    ("head_revision", pa.int64()),
    ("first_seen", _moment),
    ("rcids", _numbers),  # edits of a living wiki that may have made it; dumps know of none
    ("tags", _strings),  # of these
    # the answer of the older state that is none in the newer one, where one went and this one came
    ("former_statement_id", pa.string()),
    ("former_value", pa.string()),
    ("former_way", pa.string()),  # ended, outranked, removed
)
"""One difference between two states, classed as CHANGE_CLASSES says."""

NEWS = pa.schema([*CHANGES, pa.field("is_in_window", pa.bool_())])
"""CHANGES with the classes of NEWS_CLASSES, and whether an event dates the statement inside the window."""

CHANGE_CLASSES = {
    "world_change": "a statement came whose date lies after the older state",
    "replaced": "the same, and the earlier value of this single-valued property ended shortly before",
    "new_item": "the item itself is new",
    "late_entry": "a statement came about a fact that is older than the window",
    "added_undated": "a statement came and the two states hold no evidence of when it became true",
    "ended": "the statement received an end time",
    "correction": "a wrong value was put right",
    "merge": "the difference comes from merging two items",
    "removal": "a statement went",
    "item_deleted": "the item is gone",
    "reverted": "a statement came and was taken back later",
    "rank_flip": "only the rank differs",
    "qualifier_edit": "only qualifiers differ",
    "reference_edit": "only references differ",
    "guid_churn": "the same value under a new statement id",
}

NEWS_CLASSES = {
    "world_change": "an event inside the window made the fact true",
    "replaced": "the same, and the fact took the place of another, which is the old answer",
    "new_item": "the item is new to Wikidata, and the fact or the item began inside the window",
}
"""The classes that recent edits may have by default, as selection refines them: each row has its date in the window."""

OTHER_RECENT_CLASSES = {
    "newly_described": "the item is new to Wikidata, but the fact is old or has no date",
    **{name: CHANGE_CLASSES[name] for name in ("late_entry", "added_undated", "correction")},
}
"""The classes that settings can add to these: statements that came, of which no event inside the window is known."""

MODIFYING_CLASSES = frozenset({"replaced", "correction"})
"""Classes of recent edits in which an earlier answer gave way."""

FREQUENCY = _table(("id", pa.int64()), ("frequency", pa.int64()))
"""Statements that mention the item in any position: subject, value, qualifier or reference (decision 8)."""

DEGREE = _table(("id", pa.int64()), ("in_degree", pa.int64()), ("out_degree", pa.int64()))
"""Distinct item neighbours over best-rank item-valued statements of all properties (decision 9)."""

VIEWS = _table(
    ("project", pa.string()),  # en.wikipedia
    ("title", pa.string()),  # with spaces; null if the source names the item itself
    ("id", pa.int64()),
    ("views", pa.int64()),
    ("mobile_share", pa.float64()),  # of these views; null if the source does not say
    ("hours", pa.int32()),  # in which there were views; null if the source does not say
)
"""Page views of one page in one file."""

POPULARITY = _table(("id", pa.int64()), ("page_views", pa.int64()), ("page_views_percentile", pa.float64()))
"""Page views over the window and the share of viewed items with no more views, in percent."""

TYPES = _table(("class_id", pa.int64()), ("type", pa.string()))
"""A class and a type of `templates/types.yaml` that it falls under by P279."""

TRIPLES = _table(
    ("subject_id", pa.int64()),
    ("relation", pa.string()),
    ("object_key", pa.string()),  # "Q60", a time with its precision, or a number: the object's identity
    ("object_id", pa.int64()),  # null for literals
    ("statement_id", pa.string()),
    ("subject_type", pa.string()),
    ("object_type", pa.string()),
    ("object_count", pa.int32()),  # objects true of (subject, relation) in the newer state
    ("is_homonym", pa.bool_()),  # another subject of this relation has the same label and other objects
    ("is_true", pa.bool_()),  # best rank, a value, and not over: it counts as an answer
    ("reason", pa.string()),  # the first rule that rejects it; null if it is eligible
)
"""One statement of a relation, screened."""

PAST = _table(("id", pa.int64()))
"""An item that has died or been dissolved: it is spoken of in the past tense."""

UNDATED = _table(("id", pa.int64()))
"""A person of whom the state does not say whether they live: no sentence about them depends on it."""

CANDIDATES = _table(
    ("category", pa.string()),
    ("subject_id", pa.int64()),
    ("middle_relation", pa.string()),  # two hops: subject -middle_relation-> middle_id -relation-> object
    ("middle_id", pa.int64()),
    ("relation", pa.string()),
    ("object_key", pa.string()),
    ("object_id", pa.int64()),
    ("statement_id", pa.string()),
    ("object_count", pa.int32()),
    ("lt_type", pa.string()),  # long_tail: statistical, semantic or both
    ("pool_rows", pa.int64()),  # facts of the same relations and stratum that the category could take
    ("detail", pa.string()),  # recent: the class of the change; two hops: the middle item
    ("reason", pa.string()),  # why the category does not take it; null if it is a fact
)
"""A triple, or a path of two, that a category considered, and what became of it."""

RELEASE = record_schema(COLUMNS)
"""One edit request, as `core/edit_record.py` declares it. Consumer formats are projections of this record."""

FACTS = _table(
    ("subject_id", pa.int64()),
    ("middle_relation", pa.string()),
    ("middle_id", pa.int64()),
    ("relation", pa.string()),
    ("object_key", pa.string()),
    ("object_id", pa.int64()),
    ("object_count", pa.int32()),
    # the counterfactual object that a popular fact is changed to
    ("target_key", pa.string()),
    ("target_id", pa.int64()),
    # how a recent fact came
    ("old_value", pa.string()),
    ("event_precision", pa.int8()),
    ("event_calendar_id", pa.int64()),
    *((field.name, RELEASE.field(field.name).type) for field in COLUMNS if field.column.source == "FACTS"),
)
"""A chosen triple, or path of two, with what is known of it. The release copies the last columns as they are."""

SUBGRAPH_ITEMS = _table(
    ("id", pa.int64()),
    ("label", pa.string()),
    ("label_language", pa.string()),
    ("aliases", _strings),  # those that a reader accepts as answers
    ("codes", _strings),
    ("other_names", _strings),  # the other aliases
    ("description", pa.string()),
    ("type_ids", pa.list_(pa.int64())),
    ("types", _strings),
    ("sitelinks", pa.int32()),
    ("statement_count", pa.int32()),
    ("tense", pa.string()),  # in which sentences speak of it: past, present, or unknown
    ("is_outshone", pa.bool_()),  # another item with the same label has more sitelinks: a bare label means that one
)
"""An item that an edit or a probe may name."""

SUBGRAPH_TRIPLES = _table(
    ("subject_id", pa.int64()),
    ("relation", pa.string()),
    ("object_key", pa.string()),
    ("object_id", pa.int64()),
    ("statement_id", pa.string()),
    ("object_count", pa.int32()),
    ("is_homonym", pa.bool_()),
    ("is_eligible", pa.bool_()),  # fit to be asked about; a true triple that is not still counts as an answer
    ("start_time", pa.string()),  # since when it holds, if the statement says so
)
"""A triple of the newer state that an edit or a probe may rest on."""

_claim = pa.struct(
    [
        ("relation", pa.string()),
        ("subject_type", pa.string()),
        ("object_key", pa.string()),
        ("object_count", pa.int32()),
        ("tense", pa.string()),  # past where the item has died or been dissolved, present, or unknown
    ]
)

HEADS = _table(("id", pa.int64()), ("label", pa.string()), ("types", _strings), ("claims", pa.list_(_claim)))
"""An item whose name a language model is to score: its types of `templates/types.yaml`, and relations to open with."""

REQUESTS = _table(
    ("id", pa.string()),
    ("text", pa.string()),
    ("start", pa.int32()),  # in code points of the text, end not included
    ("end", pa.int32()),
)
"""A sentence and the span in it, the name, that a language model is to score."""

SCORES = _table(
    ("id", pa.string()),
    ("score_key", pa.binary(16)),  # of model and tokens: equal keys are one pair, scored once; null without tokens
    ("log_likelihood_sum", pa.float64()),  # nats, over the tokens of the name
    ("token_count", pa.int16()),
    ("byte_count", pa.int32()),  # of the span in UTF-8: the length that does not depend on the tokenizer
    ("first_log_likelihood", pa.float32()),  # nats, of the first token of the name
    ("min_log_likelihood", pa.float32()),  # nats, of its least likely token
    ("token_log_likelihoods", pa.list_(pa.float32())),  # nats; they add up to the sum
    ("first_rank", pa.int32()),  # of the first token among all tokens, 1 for the most likely
    ("max_rank", pa.int32()),  # of the token that ranks worst
    ("is_greedy", pa.bool_()),  # every token ranks first: greedy decoding would write the name
    ("context_token_count", pa.int16()),  # before the name, BOS not counted
    ("is_left_merged", pa.bool_()),  # the first token of the name begins before the span
    ("is_right_merged", pa.bool_()),  # the last token of the name ends after the span
    ("status", pa.string()),  # ok, too_long, no_tokens, bad_span, not_finite
)
"""What a language model makes of one request; unless the status is ok, only id and status are filled, and the key if
the model was asked."""

ENCODED = _table(
    *((name, SCORES.field(name).type) for name in ("id", "score_key", "token_count", "byte_count")),
    *((name, SCORES.field(name).type) for name in ("context_token_count", "is_left_merged", "is_right_merged")),
    ("status", pa.string()),
)
"""What a tokenizer makes of one request: the part of SCORES that needs no model."""

PAIRS = _table(
    ("score_key", pa.binary(16)),
    ("ids", pa.list_(pa.int32())),  # BOS, then all tokens up to the end of the name
    ("scored", pa.int16()),  # so many of the last ids are the name
)
"""A name and the tokens before it, as a model reads them; requests that differ only after the name share one."""

PAIR_SCORES = _table(
    *((name, SCORES.field(name).type) for name in ("score_key", "log_likelihood_sum", "first_log_likelihood")),
    *((name, SCORES.field(name).type) for name in ("min_log_likelihood", "token_log_likelihoods", "first_rank")),
    *((name, SCORES.field(name).type) for name in ("max_rank", "is_greedy")),
)
"""What a model makes of one pair; all but the key is null where its numbers are not finite."""

LIKELIHOOD = _table(
    ("id", pa.int64()),
    ("carrier", pa.string()),  # the sentence: its class, and which one of the class
    ("status", pa.string()),  # as in SCORES
    ("log_likelihood_sum", pa.float64()),  # nats
    ("token_count", pa.int32()),
    ("byte_count", pa.int32()),
    ("token_log_likelihoods", pa.list_(pa.float32())),
    ("first_rank", pa.int32()),
    ("is_left_merged", pa.bool_()),
    ("is_right_merged", pa.bool_()),
    ("model", pa.string()),
    ("revision", pa.string()),
    ("dtype", pa.string()),
    ("tokenizer", pa.string()),  # a hash of it
)
"""How likely a language model finds an item's name in one sentence; numbers as in SCORES, rounded."""

MODELS = _table(*((name, pa.string()) for name in ("model", "revision", "dtype", "tokenizer")))
"""The language model that scored; one row."""

NAMES = _table(
    ("id", pa.int64()),
    ("carrier_class", pa.string()),  # neutral, fact, alone
    ("carriers", pa.int32()),
    ("log_likelihood_sum", pa.float64()),  # nats, mean over carriers
    ("log_likelihood_mean", pa.float64()),  # nats per token, mean over carriers (decisions 12, 14)
    ("log_likelihood_per_byte", pa.float64()),  # nats per byte, mean over carriers
    ("token_count", pa.int32()),  # the most in any carrier
    ("byte_count", pa.int32()),
)
"""How likely a language model finds an item's name in sentences of one class."""

THRESHOLDS = _table(
    ("measure", pa.string()),
    ("carrier_class", pa.string()),  # of likelihood; null for measures that need no sentence
    ("min_bytes", pa.int32()),  # names of this stratum, by their length in UTF-8; null if length does not matter
    ("max_bytes", pa.int32()),  # null also where the stratum has no upper end
    ("heads", pa.int64()),
    ("threshold", pa.float64()),  # null if nothing was measured
    ("share", pa.float64()),  # of the heads, at or below the threshold
)
"""What counts as long tail by one measure, for likelihood within one stratum."""

LIKELIHOOD_AUC = _table(
    ("heads", pa.string()),
    ("carrier_class", pa.string()),
    ("measured", pa.int64()),
    ("popular", pa.int64()),
    ("long_tail", pa.int64()),
    ("auc", pa.float64()),  # null if there are no pairs
    ("auc_in_strata", pa.float64()),
    ("rho_degree", pa.float64()),
    ("rho_degree_in_strata", pa.float64()),
)
"""How well likelihood separates popular heads from long-tail ones in sentences of one class."""

DROPPED = _table(
    ("category", pa.string()),  # null: rejected for every category
    ("subject_id", pa.string()),
    ("relation_id", pa.string()),
    ("object_id", pa.string()),
    ("statement_id", pa.string()),
    ("stage", pa.string()),
    ("reason", pa.string()),
    ("detail", pa.string()),
)
"""A rejected row: what it was, which stage rejected it, and why (a code of `reasons.py`)."""

EVIDENCE = _table(
    ("subject_id", pa.string()),
    ("relation_id", pa.string()),
    ("object_id", pa.string()),  # or the literal
    ("object", pa.string()),  # its name; null if it has none and so stands in no answer
    ("statement_id", pa.string()),
    ("start_time", pa.string()),  # since when it holds, if the statement says so
)
"""A true triple of the newer state that an answer of the release rests on."""
