"""EVIDENCE: the true triples that the answers of a release rest on, so that the release proves each of its answers."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from pipeline.core import schema
from pipeline.core.edit_record import Edit, Probe
from pipeline.core.tables import read_table, write_rows
from pipeline.edits.consistency import probe_slots
from pipeline.edits.edit_parts import holder_of, probes_of
from pipeline.language.answers import object_names
from pipeline.language.subgraph import Subgraph

Question = tuple[str, str]  # subject and relation
Evidence = Mapping[Question, Mapping[str, str | None]]  # the objects true of it: id or literal, and name
Starts = Mapping[tuple[str, str, str], str]  # since when: by subject, relation, and the id or literal of the object


def questions(edit: Edit) -> set[Question]:
    """Every subject and relation whose objects an edit, one of its probes or a sentence beside it names."""
    found = {(holder_of(edit), edit["relation_id"]), (edit["subject_id"], edit["path"][0]["relation_id"])}
    for probe in probes_of(edit):
        found |= _asked(probe)
    for stating in (*edit["prefixes"], *edit["length_forms"]):
        found |= {(fact["subject_id"], fact["relation_id"]) for fact in stating["facts"]}
    return found | {(form["locality_subject_id"], form["locality_relation_id"]) for form in edit["length_forms"]}


def _asked(probe: Probe) -> set[Question]:
    """The questions along the path of a probe."""
    return {(probe["subject_id"], probe["relation_id"]), *probe_slots(probe)}


def write_evidence(edits: Iterable[Edit], subgraph: Subgraph, out: Path) -> Path:
    """Write EVIDENCE for some edits."""
    asked = set[Question]().union(*map(questions, edits))
    rows = [
        (
            *(f"Q{triple.subject_id}", triple.relation, triple.object_key),
            *(next(iter(names), None), triple.statement_id, triple.start_time),
        )
        for triple in subgraph.triples
        if (f"Q{triple.subject_id}", triple.relation) in asked
        for names in [object_names(triple.object_key, triple.object_id, subgraph)]
    ]
    return write_rows(sorted(set(rows), key=lambda row: tuple(map(str, row))), out, schema.EVIDENCE)


def read_evidence(path: Path) -> tuple[Evidence, Starts, frozenset[str]]:
    """The evidence of a release by subject and relation, since when it holds, and the ids of its statements."""
    found: dict[Question, dict[str, str | None]] = {}
    starts: dict[tuple[str, str, str], str] = {}
    statements = set[str]()
    for row in read_table(path, schema.EVIDENCE.names).cast(schema.EVIDENCE).to_pylist():
        found.setdefault((row["subject_id"], row["relation_id"]), {})[row["object_id"]] = row["object"]
        if row["start_time"]:
            held = (row["subject_id"], row["relation_id"], row["object_id"])
            starts[held] = max(row["start_time"], starts.get(held, ""))
        statements.add(row["statement_id"])
    return found, starts, frozenset(statements)
