"""The closed list of reasons for which a row is dropped, by the stage that drops it."""

SCREENING = {
    "deprecated": "the statement has the deprecated rank",
    "not_best_rank": "another statement of the property has the preferred rank",
    "no_value": "the value is unknown, absent, or of a kind the relation does not take",
    "ended": "a qualifier says that the statement is over, or its object is dead or dissolved",
    "not_started": "the statement starts after the newer state",
    "restricted": "a qualifier narrows what the statement says",
    "doubtful": "a qualifier says that the statement is uncertain or disputed",
    "precision": "the date is coarser than a year, malformed, New Year's Day, or a late day of the Julian calendar",
    "self_reference": "subject and object are the same item",
    "subject_unlabelled": "the subject has no English and no general label",
    "subject_label_unfit": "the subject's label is not a name: too short, too long, digits only, or an id",
    "subject_meta": "the subject is a Wikimedia page or a name",
    "subject_type": "the subject is of no type that the relation takes",
    "object_missing": "the object is not in the newer state",
    "object_unlabelled": "the object has no English and no general label",
    "object_label_unfit": "the object's label is not a name",
    "object_meta": "the object is a Wikimedia page or a name",
    "object_type": "the object is of no type that the relation takes",
    "object_unworded": "the object's label reads badly in the sentences of the relation",
    "label_leak": "the object's label is part of the subject's label",
    "several_values": "the relation takes one object, and the item holds several",
    "sensitive_living": "the relation is sensitive and the subject is not known to have died",
    "known_error": "readers found the statement to be false, as `templates/known_errors.yaml` says",
    "implausible": "its dates cannot be true: a child older than the parent, a citizen of a state that was gone",
    "may_be_over": "such values change, and nothing shows that this one holds today",
    "uncounted": "no child is listed, or more are than it counts, more may be born, or so many are an estimate",
    "coarse": "the object is larger than an answer should be: a country for a grave, Eurasia for Europe, the Oscars",
    "footage": "the work is a documentary, or shows a statesman: who appears in it plays no role",
    "unlisted": "the subject's description names another answer, so that the list of answers is not complete",
    "unrelated": "subject and object share no maker, no series and no word of their titles",
    "homonym": "a namesake holds the relation too, and no description distinguishes the two",
    "duplicate": "another statement of the item says the same",
    "excluded": "the subject is on the list of exclusions",
}

ALIASES = {
    "answer": "a reader accepts it",
    "code": "it is a code or an acronym that the label does not explain; kept in a column of its own",
    "no_name": "it is an id, an address, a note, a number or a sentence",
    "foreign_or_note": "it is in another script, inverted, in small letters, or carries marks of a note",
    "shared": "another item has this name that is as well known or of the same kind",
    "misspelling": "it is a name of the item with a few letters wrong, or with its words in another order",
    "other_words": "its words do not show that it names the same thing, and no statement says so",
}

SELECTION = {
    "class_not_selected": "the change is of a class that the settings leave out",
    "value_not_new": "the item held this value before",
    "outside_window": "its date does not show that it became true inside the window",
    "harmful": "the counterfactual would give a real person another gender, religion, ethnic group or orientation",
    "open_list": "subjects of this type hold more values than Wikidata knows: a counterfactual may be true",
    "path_returns": "the second hop leads back to the subject",
    "above_threshold": "the subject is not long tail by any measure",
    "much_viewed": "the subject is among the most viewed, or viewed too much for the long tail",
    "same_question": "another object of the same subject and relation was taken",
    "same_step": "enough other paths of two hops end with the same step",
    "subject_quota": "the subject has given as many facts as it may",
    "over_quota": "the category is full",
}

EDITS = {
    "no_target": "no counterfactual target of the same kind exists",
    "no_wording": "no wording serves the subject and the object",
    "subject_not_once": "the prompt or the question does not hold the subject's label exactly once",
    "target_in_prompt": "the target is part of the prompt or of a rephrase",
    "too_long": "prompt and target are longer than loaders take",
    "few_rephrases": "fewer than two rephrases are left",
}

DRAW = {
    "subject_quota": "the subject has given as many facts as it may",
    "relation_cap": "the relation has as large a share of the category as it may",
    "target_cap": "the target has as large a share of the category as it may",
    "over_quota": "the category is full",
}

SPLITS = {
    "excluded": "the subject's name or a prompt is on the list of exclusions",
    "middle_in_other_split": "the entity between two hops belongs to another split",
    "duplicate_prompt": "another edit has the same prompt, question or rephrase",
    "conflict": "another edit used with it decides the same subject and relation, or contradicts it",
    **DRAW,
}

PROBES = {
    "no_locality": "no locality probe is left that no other edit of the split changes or states",
    **DRAW,
}

VARIANTS = {
    "no_locality": "there is no locality prompt to vary",
    "no_context": "no other true fact about the subject is left to put before the prompt",
    "no_prefix": "no sentence of a pole fits",
    "no_length_form": "no short or no long form exists",
    "over_quota": "the category is full",
}

BY_STAGE = {
    "screening": SCREENING,
    "selection": SELECTION,
    "edits": EDITS,
    "splits": SPLITS,
    "probes": PROBES,
    "variants": VARIANTS,
}
