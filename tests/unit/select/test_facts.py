"""Facts: what was chosen, with its signals and provenance, and for popular facts an object that is not true."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.core import schema
from pipeline.core.settings import load_settings
from pipeline.core.tables import Database, read_table, write_records
from pipeline.language.answers import answers, object_names
from pipeline.select.facts import FactSources, collect_facts
from pipeline.select.selection import Measured, open_views
from pipeline.select.targets import same_date
from pipeline.select.thresholds import find_thresholds
from tests.minikg import (
    ADA,
    AUTHOR,
    BRUNO,
    EDDA,
    FINN,
    GREENPORT,
    HYDROLOGIST,
    IBEN,
    INTI,
    ISLES_TRADING,
    KOLYA,
    LOWMERE,
    NORRLAND,
    OSTRAVA,
    PAINTER,
    RUTH,
    TEMPLATES,
    TIDE_PRIZE,
    VERDANIA,
    VERDANIAN,
    VIEWS,
    WRITER,
    Mini,
)

Row = dict[str, Any]


class Bench:
    """The mini world's tables, from which facts are collected for chosen candidates."""

    def __init__(self, mini: Mini, folder: Path) -> None:
        self._mini, self._folder = mini, folder
        self._database = Database(folder / "scratch", "200MB")
        stages = {name: mini.stage(name) for name in ("screening", "news", "popularity", "mentions")}
        self.measured = Measured(
            triples=stages["screening"] / "triples.parquet",
            news=stages["news"] / "news.parquet",
            popularity=stages["popularity"] / "popularity.parquet",
            frequency=stages["mentions"] / "frequency.parquet",
            degree=stages["mentions"] / "degree.parquet",
            names=None,
            models=None,
        )
        open_views(self._database, self.measured, TEMPLATES.hops)
        find_thresholds(self._database, load_settings(), folder / "thresholds.parquet")
        self._triples = {
            (row["subject_id"], row["relation"], row["object_key"]): row
            for row in mini.rows("screening", "triples.parquet")
        }

    def candidate(
        self, category: str, subject: int, relation: str, held: int | str, middle: tuple[str, int] | None = None
    ) -> Row:
        """A chosen triple of the mini world, or a path of two over a relation and a middle entity."""
        holder = middle[1] if middle else subject
        found = self._triples[holder, relation, f"Q{held}" if isinstance(held, int) else held]
        path = dict(zip(("middle_relation", "middle_id"), middle or (), strict=False))
        return {**found, "reason": None, "category": category, "subject_id": subject, **path}

    def collect(self, *candidates: Row, seed: int = 1, pool: int = 200) -> list[Row]:
        """FACTS of these candidates."""
        chosen = write_records(candidates, self._folder / "candidates.parquet", schema.CANDIDATES)
        popular = self._mini.settings.popular.model_copy(update={"target_pool": pool})
        settings = self._mini.settings.model_copy(update={"seed": seed, "popular": popular})
        ingested = self._mini.stage("ingest")
        past = self._mini.stage("screening") / "past.parquet"
        sources = FactSources(ingested / "statements", ingested / "entities", past)
        return read_table(
            collect_facts(chosen, sources, TEMPLATES, settings, self._database, self._folder / "facts.parquet")
        ).to_pylist()

    def close(self) -> None:
        """Let go of the database."""
        self._database.__exit__()


@pytest.fixture(scope="module")
def bench(mini: Mini, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = Bench(mini, tmp_path_factory.mktemp("facts"))
    yield made
    made.close()


# Targets that are not true


class Case(NamedTuple):
    """A chosen triple and the targets that some seeds draw for it."""

    subject: int
    relation: str
    held: int | str
    targets: set[int | str | None]
    middle: tuple[str, int] | None = None


CASES = {
    "an occupation that others have": Case(IBEN, "P106", PAINTER, {WRITER, HYDROLOGIST, AUTHOR}),
    "none that she has herself": Case(ADA, "P106", WRITER, {PAINTER}),  # hydrologist; "Writer" is an author, too
    "no city in which only younger people were born": Case(FINN, "P19", GREENPORT, {None}),
    "no city for a harbour town": Case(ADA, "P19", LOWMERE, {None}),
    "no sibling who is a parent": Case(KOLYA, "P3373", IBEN, {None}),
    "no true object of the middle entity": Case(KOLYA, "P106", WRITER, {PAINTER}, middle=("P25", ADA)),
    "no sibling who is a child": Case(IBEN, "P3373", RUTH, {None}, middle=("P22", FINN)),
    "none that is part of the name": Case(ISLES_TRADING, "P17", VERDANIA, {None}),
    "no year so far from the true one": Case(IBEN, "P569", "+1999-00-00T00:00:00Z/9", {None}),
    "no month, for there is no other": Case(FINN, "P569", "+1968-05-00T00:00:00Z/10", {None}),
    "no day of another century": Case(ADA, "P569", "+1970-03-11T00:00:00Z/11", {None}),
    "no number, for there is no other": Case(ADA, "P1971", "2", {None}),
}


@pytest.fixture(scope="module")
def drawn(bench: Bench) -> dict[str, set[str | None]]:
    """The targets of each case over fifteen seeds."""
    candidates = {name: bench.candidate("popular", *case[:3], case.middle) for name, case in CASES.items()}
    found: dict[str, set[str | None]] = {name: set() for name in CASES}
    for seed in range(15):
        facts = {question(row): row["target_key"] for row in bench.collect(*candidates.values(), seed=seed)}
        for name, candidate in candidates.items():
            found[name].add(facts[question(candidate)])
    return found


def question(row: Row) -> tuple[object, ...]:
    return row["category"], row["subject_id"], row.get("middle_relation"), row["relation"]


@pytest.mark.parametrize("name", CASES)
def test_a_target_is(name: str, drawn: dict[str, set[str | None]]) -> None:
    expected = {f"Q{target}" if isinstance(target, int) else target for target in CASES[name].targets}
    assert drawn[name] == expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("+1881-00-00T00:00:00Z/9", "+1881-01-01T00:00:00Z/9", True),
        ("+1881-00-00T00:00:00Z/9", "+1881-05-19T00:00:00Z/11", True),
        ("+1881-05-00T00:00:00Z/10", "+1881-05-19T00:00:00Z/11", True),
        ("+1881-05-00T00:00:00Z/10", "+1881-06-19T00:00:00Z/11", False),
        ("+1881-05-18T00:00:00Z/11", "+1881-05-19T00:00:00Z/11", False),
        ("+1881-00-00T00:00:00Z/9", "-1881-00-00T00:00:00Z/9", False),
        ("+1881-00-00T00:00:00Z/9", "+1882-00-00T00:00:00Z/9", False),
        ("Q1881", "Q1881", False),
    ],
)
def test_a_date_is_the_same_as_far_as_the_coarser_of_two_says(one: str, other: str, same: bool, tmp_path: Path) -> None:
    with Database(tmp_path, "200MB") as database:
        for pair in ((one, other), (other, one)):
            sql = same_date(*(f"'{key}'" for key in pair))
            assert database.table(f"SELECT {sql} AS same").to_pylist() == [{"same": same}]


def test_only_popular_facts_are_changed(bench: Bench) -> None:
    candidates = [bench.candidate(category, IBEN, "P106", PAINTER) for category in ("recent", "long_tail", "popular")]
    assert {row["category"] for row in bench.collect(*candidates) if row["target_key"]} == {"popular"}


def test_every_popular_fact_of_the_mini_world_has_a_false_target_or_none(mini: Mini) -> None:
    popular = [fact for fact in mini.facts if fact["category"] == "popular"]
    assert any(fact["target_key"] for fact in popular)
    for fact in popular:
        triples = mini.subgraph.triples_of(fact["middle_id"] or fact["subject_id"], fact["relation"])
        if fact["target_key"]:
            names = {name.lower() for name in object_names(fact["target_key"], fact["target_id"], mini.subgraph)}
            assert names.isdisjoint(name.lower() for answer in answers(triples, mini.subgraph) for name in answer)


# How they are drawn


def test_the_same_seed_draws_the_same_target_whatever_else_is_chosen(bench: Bench) -> None:
    alone = bench.candidate("popular", IBEN, "P106", PAINTER)
    others = [bench.candidate("popular", FINN, "P19", GREENPORT), bench.candidate("long_tail", IBEN, "P106", PAINTER)]
    for seed in range(5):
        (only,) = bench.collect(alone, seed=seed)
        among = bench.collect(*others, alone, seed=seed)
        assert [row for row in among if (row["category"], row["relation"]) == ("popular", "P106")] == [only]


def test_a_newcomer_to_the_pool_moves_a_target_only_to_itself(bench: Bench) -> None:
    candidate = bench.candidate("popular", IBEN, "P106", PAINTER)
    for seed in range(4):
        offered: list[str | None] = []
        for pool in (1, 2, 3, 4):
            (row,) = bench.collect(candidate, seed=seed, pool=pool)
            assert row["target_key"] not in offered[:-1]  # never back to one that had lost
            offered = list(dict.fromkeys([*offered, row["target_key"]]))
        assert offered[-1] is not None


# Signals and provenance


def test_a_fact_carries_the_signals_of_its_subject(bench: Bench, mini: Mini) -> None:
    (fact,) = bench.collect(bench.candidate("popular", VERDANIA, "P36", GREENPORT))
    measured = {
        name: {row["id"]: row for row in mini.rows("mentions", f"{name}.parquet")}[VERDANIA]
        for name in ("frequency", "degree")
    }
    assert fact["frequency"] == measured["frequency"]["frequency"] > 10
    assert (fact["in_degree"], fact["out_degree"]) == (
        measured["degree"]["in_degree"],
        measured["degree"]["out_degree"],
    )
    assert fact["page_views"] == VIEWS[VERDANIA]
    rank = sorted(VIEWS.values()).index(VIEWS[VERDANIA]) + 1
    assert fact["page_views_percentile"] == pytest.approx(100 * rank / len(VIEWS))


def test_what_was_not_measured_is_null_and_not_zero(bench: Bench) -> None:
    (fact,) = bench.collect(bench.candidate("long_tail", BRUNO, "P27", OSTRAVA))
    assert (fact["page_views"], fact["page_views_percentile"], fact["log_likelihood_mean"]) == (None, None, None)


def test_a_recent_fact_tells_what_changed_and_when(bench: Bench) -> None:
    (fact,) = bench.collect(bench.candidate("recent", INTI, "P166", TIDE_PRIZE))
    expected: Mapping[str, object] = {
        "change_class": "world_change",
        "old_value": None,
        "base_revision": 100,
        "head_revision": 200,
        "rcids": [],  # dumps know of no edits
        "tags": [],
        "event_time": "+2024-06-06T00:00:00Z",
        "event_precision": 11,
        "event_calendar_id": 1985727,
    }
    assert {name: fact[name] for name in expected} == expected


def test_a_replaced_fact_keeps_the_value_that_gave_way(bench: Bench) -> None:
    (fact,) = bench.collect(bench.candidate("recent", VERDANIA, "P6", BRUNO))
    assert (fact["change_class"], fact["old_value"]) == ("replaced", f"Q{EDDA}")


def test_other_categories_say_nothing_of_changes(bench: Bench) -> None:
    (fact,) = bench.collect(bench.candidate("long_tail", INTI, "P166", TIDE_PRIZE))
    assert (fact["change_class"], fact["first_seen"], fact["event_time"]) == (None, None, None)
    assert (fact["rcids"], fact["tags"]) == ([], [])


def test_facts_stand_in_order_and_once(mini: Mini) -> None:
    keys = [
        (fact["category"], fact["subject_id"], fact["middle_relation"] or "", fact["relation"]) for fact in mini.facts
    ]
    assert keys == sorted(set(keys))
    assert {NORRLAND, VERDANIAN}.isdisjoint(fact["subject_id"] for fact in mini.facts if fact["category"] == "popular")


def test_a_fact_carries_the_likelihoods_of_each_class_of_sentences(mini: Mini, tmp_path: Path) -> None:
    """Neutral ones give its scores, openings of facts one more, and of the name alone only the sum is kept."""
    bench = Bench(mini, tmp_path)
    rows = [
        {"id": VERDANIA, "carrier_class": name, "byte_count": 8, "token_count": tokens}
        | {"log_likelihood_sum": 8 * value, "log_likelihood_mean": 2 * value, "log_likelihood_per_byte": value}
        for name, tokens, value in (("neutral", 4, -1.0), ("fact", 5, -2.0), ("alone", 6, -3.0))
    ]
    model = {"model": "m", "revision": "r", "dtype": "float32", "tokenizer": "t"}
    bench._database.view("names", write_records(rows, tmp_path / "names.parquet", schema.NAMES))
    bench._database.view("models", write_records([model], tmp_path / "models.parquet", schema.MODELS))
    find_thresholds(bench._database, load_settings(), tmp_path / "thresholds.parquet")
    chosen = [
        bench.candidate("popular", VERDANIA, "P36", GREENPORT),
        bench.candidate("long_tail", IBEN, "P106", PAINTER),
    ]
    other, fact = bench.collect(*chosen)
    bench.close()
    expected = {
        **{"log_likelihood_sum": -8.0, "log_likelihood_mean": -2.0, "log_likelihood_per_byte": -1.0},
        **{"log_likelihood_threshold": -1.0, "log_likelihood_in_facts": -2.0},
        **{"log_likelihood_in_facts_threshold": -2.0, "log_likelihood_alone": -24.0, "lm_token_count": 4},
        **{"lm_model": "m", "lm_revision": "r", "lm_dtype": "float32", "lm_tokenizer": "t"},
    }
    assert {name: fact[name] for name in expected} == expected
    assert {other[name] for name in expected} == {None}  # a subject that was not scored


def test_a_pool_of_one_offers_one_target_and_an_empty_one_none(bench: Bench) -> None:
    candidate = bench.candidate("popular", IBEN, "P106", PAINTER)
    for pool, offers in ((0, False), (1, True)):
        found = {row["target_key"] for seed in range(6) for row in bench.collect(candidate, seed=seed, pool=pool)}
        assert (found - {None} != set()) is offers
