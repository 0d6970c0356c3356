"""The rules of `templates/plausibility.yaml` held against true facts: a rule that rejects them is wrong."""

from pathlib import Path

import pytest

from pipeline.core.settings import load_settings
from pipeline.core.tables import Database
from pipeline.language.templates import load_templates
from pipeline.select.plausibility import IMPOSSIBLE, lay_down_rules, set_pairs
from tests.releases import Built

SHARE = 0.005  # of the true facts of a relation may break its rules: Wikidata has errors of its own
FEW = 1  # or so many, where a relation has few facts

Rejected = dict[str, tuple[int, int]]


def _stage(built: Built, name: str) -> Path:
    (folder,) = built.work.glob(f"{name}-*")
    return folder


@pytest.fixture(scope="module")
def rejected(slice_built: Built, tmp_path_factory: pytest.TempPathFactory) -> Rejected:
    """By relation, how many true facts of the slice the rules call impossible, and how many there are."""
    templates = load_templates()
    ingested, screened = _stage(slice_built, "ingest"), _stage(slice_built, "screening")
    with Database(tmp_path_factory.mktemp("plausible"), load_settings().memory) as database:
        database.view("statements", ingested / "statements")
        database.view("entities", ingested / "entities")
        database.view("past", screened / "past.parquet")
        database.view("triples", screened / "triples.parquet")
        rules, names = templates.plausibility, list(templates.relations)
        lay_down_rules(rules, names, templates.dating, load_settings().screening, database)
        set_pairs(
            "SELECT row_number() OVER () AS pair, subject_id, relation, object_id, object_key "
            "FROM triples WHERE reason IS NULL OR reason = 'implausible'",
            database,
        )
        table = database.table(
            f"SELECT relation, count(*) FILTER (WHERE pair IN ({IMPOSSIBLE})) AS wrong, count(*) AS facts "
            "FROM pairs GROUP BY relation ORDER BY relation"
        )
    return {row["relation"]: (row["wrong"], row["facts"]) for row in table.to_pylist()}


def test_no_rule_rejects_more_than_one_true_fact_in_two_hundred(rejected: Rejected) -> None:
    too_strict = {name: counts for name, counts in rejected.items() if counts[0] > max(FEW, SHARE * counts[1])}
    assert too_strict == {}


def test_the_facts_are_many_and_of_nearly_every_relation_with_rules(rejected: Rejected) -> None:
    ruled = set(load_templates().plausibility.relations)
    assert sum(facts for _, facts in rejected.values()) > 10_000
    assert len(ruled & set(rejected)) >= 35
