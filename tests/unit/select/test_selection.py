"""Selection: what each category considers, and which rows it takes, in small tables made by hand."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from pipeline.core import reasons, schema
from pipeline.core.seeded import draw_key
from pipeline.core.settings import Settings
from pipeline.core.tables import Database, read_table, write_records
from pipeline.language.plausibility import Spared
from pipeline.select.categories import CATEGORIES
from pipeline.select.selection import Measured, find_heads, open_views, select
from pipeline.select.thresholds import find_thresholds
from tests.measured import DEFAULTS, Row, Tables, triple, with_section
from tests.minikg import ADA, CITY, LOWMERE, TEMPLATES, TOWN, VERDANIA, Mini


def considered(tables: Tables, category: str, folder: Path, settings: Settings = DEFAULTS) -> list[Row]:
    """CANDIDATES of a category."""
    with Database(folder / "scratch", "200MB") as database:
        open_views(database, tables.write(folder), TEMPLATES.hops)
        find_thresholds(database, settings, folder / "thresholds.parquet")
        return read_table(select(CATEGORIES[category], settings, database, folder / "out.parquet")).to_pylist()


def taken(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row["reason"] is None]


def why(rows: Iterable[Row]) -> Counter[str | None]:
    return Counter(row["reason"] for row in rows)


# Taking: one object a question, a few facts a subject, relation by relation in turn


def test_one_object_is_taken_for_each_question(tmp_path: Path) -> None:
    rows = [triple(1, "P106", held, object_count=5) for held in range(1, 6)]
    assert why(considered(Tables(rows), "long_tail", tmp_path)) == {None: 1, "same_question": 4}


def test_a_subject_gives_a_few_facts(tmp_path: Path) -> None:
    rows = [triple(1, relation) for relation in ("P19", "P20", "P27", "P69", "P106")]
    found = considered(Tables(rows), "long_tail", tmp_path, with_section("long_tail", per_subject=2))
    assert why(found) == {None: 2, "subject_quota": 3}


def test_objects_beyond_the_first_do_not_use_up_the_subject(tmp_path: Path) -> None:
    rows = [triple(1, "P106", held) for held in range(9)] + [triple(1, "P27"), triple(1, "P19")]
    found = considered(Tables(rows), "long_tail", tmp_path, with_section("long_tail", per_subject=3))
    assert {row["relation"] for row in taken(found)} == {"P106", "P27", "P19"}


def test_a_full_category_takes_no_more(tmp_path: Path) -> None:
    rows = [triple(number) for number in range(1, 21)]
    found = considered(Tables(rows), "long_tail", tmp_path, with_section("long_tail", size=5))
    assert why(found) == {None: 5, "over_quota": 15}


@pytest.mark.parametrize(
    ("size", "counts"),
    [
        (3, {"P19": 1, "P27": 1, "P106": 1}),
        (6, {"P19": 1, "P27": 2, "P106": 3}),
        (9, {"P19": 1, "P27": 2, "P106": 6}),
    ],
)
def test_relations_take_turns_until_they_have_no_more(size: int, counts: dict[str, int], tmp_path: Path) -> None:
    held = {"P106": range(1, 31), "P27": range(31, 33), "P19": range(33, 34)}
    rows = [triple(number, relation) for relation, numbers in held.items() for number in numbers]
    found = considered(Tables(rows), "long_tail", tmp_path, with_section("long_tail", size=size))
    assert Counter(row["relation"] for row in taken(found)) == counts


def test_every_row_considered_is_told_once(tmp_path: Path) -> None:
    rows = [triple(number, relation) for number in range(1, 8) for relation in ("P19", "P20", "P27", "P69")]
    found = considered(Tables(rows), "long_tail", tmp_path, with_section("long_tail", size=3, per_subject=2))
    assert sorted(row["statement_id"] for row in found) == sorted(row["statement_id"] for row in rows)


def test_rejected_triples_are_not_considered(tmp_path: Path) -> None:
    assert considered(Tables([triple(1, reason="ended"), triple(2)]), "long_tail", tmp_path)[0]["subject_id"] == 2


def test_there_are_more_candidates_than_places(tmp_path: Path) -> None:
    """What later stages lose is made up from a reserve, of a category and of a subject."""
    rows = [triple(number, relation) for number in range(1, 9) for relation in ("P19", "P20", "P27", "P69", "P106")]
    settings = with_section("long_tail", size=20, per_subject=2)
    doubled = settings.model_copy(update={"balance": settings.balance.model_copy(update={"reserve": 2})})
    assert why(considered(Tables(rows), "long_tail", tmp_path / "a", settings))[None] == 16
    found = why(considered(Tables(rows), "long_tail", tmp_path / "b", doubled))
    assert found == {None: 32, "subject_quota": 8}


def test_a_row_tells_of_how_many_facts_it_was_drawn(tmp_path: Path) -> None:
    """Rows beyond a quota count, other objects of the same question do not."""
    rows = [triple(1, "P106", held) for held in range(5)] + [triple(2, "P106"), triple(1, "P27")]
    found = taken(considered(Tables(rows), "long_tail", tmp_path, with_section("long_tail", size=2)))
    assert {row["relation"]: row["pool_rows"] for row in found} == {"P106": 2, "P27": 1}


# Stability


MANY = [triple(number, relation) for number in range(1, 61) for relation in ("P19", "P27", "P106")]
SMALL = with_section("long_tail", size=40, per_subject=1)


def keys(rows: Iterable[Row]) -> set[tuple[int, str]]:
    return {(row["subject_id"], row["relation"]) for row in taken(rows)}


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    shuffled = list(MANY)
    Random(1).shuffle(shuffled)
    first = considered(Tables(MANY), "long_tail", tmp_path / "a", SMALL)
    assert considered(Tables(shuffled), "long_tail", tmp_path / "b", SMALL) == first


def test_another_seed_takes_others(tmp_path: Path) -> None:
    drawn = [
        keys(considered(Tables(MANY), "long_tail", tmp_path / str(seed), with_section("long_tail", seed, size=20)))
        for seed in (1, 2, 1)
    ]
    assert drawn[0] == drawn[2] != drawn[1]


def test_a_new_subject_takes_at_most_its_own_places(tmp_path: Path) -> None:
    more = [*MANY, *(triple(100 + number, "P27") for number in range(5))]
    before = keys(considered(Tables(MANY), "long_tail", tmp_path / "a", SMALL))
    after = keys(considered(Tables(more), "long_tail", tmp_path / "b", SMALL))
    newcomers = {key for key in after if key[0] > 100}
    assert newcomers
    assert len(before - after) <= len(newcomers)


def test_while_there_is_room_a_new_subject_moves_nobody(tmp_path: Path) -> None:
    roomy = with_section("long_tail", size=1000, per_subject=1)
    more = [*MANY, *(triple(100 + number, "P27") for number in range(5))]
    before = keys(considered(Tables(MANY), "long_tail", tmp_path / "a", roomy))
    assert before < keys(considered(Tables(more), "long_tail", tmp_path / "b", roomy))


# Recent


def change(of: Row, change_class: str = "world_change", *, is_new_value: bool = True, is_in_window: bool = True) -> Row:
    return {
        "new_statement_id": of["statement_id"],
        "change_class": change_class,
        "is_new_value": is_new_value,
        "is_in_window": is_in_window,
    }


@pytest.mark.parametrize(
    ("change_class", "is_new_value", "reason"),
    [
        ("world_change", True, None),
        ("replaced", True, None),
        ("new_item", True, None),
        ("late_entry", True, "class_not_selected"),
        ("added_undated", True, "class_not_selected"),
        ("newly_described", True, "class_not_selected"),
        ("correction", True, "class_not_selected"),
        ("rank_flip", False, "class_not_selected"),
        ("world_change", False, "value_not_new"),
    ],
)
def test_recent_takes_new_values_of_the_classes_it_is_told_to(
    change_class: str, is_new_value: bool, reason: str | None, tmp_path: Path
) -> None:
    row = triple(1)
    (found,) = considered(Tables([row], [change(row, change_class, is_new_value=is_new_value)]), "recent", tmp_path)
    assert (found["reason"], found["detail"]) == (reason, change_class)


@pytest.mark.parametrize("name", schema.OTHER_RECENT_CLASSES)
def test_other_classes_can_be_selected(name: str, tmp_path: Path) -> None:
    row = triple(1)
    settings = with_section("recent", classes=(name,))
    (found,) = considered(Tables([row], [change(row, name, is_in_window=False)]), "recent", tmp_path, settings)
    assert found["reason"] is None


@pytest.mark.parametrize("name", schema.NEWS_CLASSES)
def test_no_news_is_dated_outside_the_window(name: str, tmp_path: Path) -> None:
    row = triple(1)
    (found,) = considered(Tables([row], [change(row, name, is_in_window=False)]), "recent", tmp_path)
    assert found["reason"] == "outside_window"


def test_facts_with_an_old_answer_are_drawn_first(tmp_path: Path) -> None:
    rows = [triple(number) for number in range(1, 41)]
    news = [change(row, "replaced" if row["subject_id"] % 10 == 0 else "world_change") for row in rows]
    found = considered(Tables(rows, news), "recent", tmp_path, with_section("recent", size=4))
    assert {row["detail"] for row in taken(found)} == {"replaced"}


def test_of_one_question_the_fact_with_an_old_answer_is_taken(tmp_path: Path) -> None:
    rows = [triple(1, held=number, object_count=9) for number in range(1, 10)]
    news = [change(row, "replaced" if row["object_id"] == 5 else "world_change") for row in rows]
    assert [row["object_id"] for row in taken(considered(Tables(rows, news), "recent", tmp_path))] == [5]


def test_recent_finds_its_statements_whatever_the_case_of_their_ids(tmp_path: Path) -> None:
    row = triple(1, statement_id="q1$ABCD")
    same = change(triple(1, statement_id="Q1$abcd"))
    assert len(taken(considered(Tables([row], [same]), "recent", tmp_path))) == 1


def test_recent_considers_no_triple_that_did_not_change(tmp_path: Path) -> None:
    rows = [triple(1), triple(2), triple(3, reason="ended")]
    found = considered(Tables(rows, [change(rows[0]), change(rows[2])]), "recent", tmp_path)
    assert [row["subject_id"] for row in found] == [1]


# Popular


def test_popular_considers_the_most_viewed_heads_alone(tmp_path: Path) -> None:
    rows = [triple(number) for number in range(1, 5)]
    settings = with_section("popular", heads=2)
    found = considered(Tables(rows, views={1: 10, 2: 40, 3: 30}), "popular", tmp_path, settings)
    assert [row["subject_id"] for row in found] == [2, 3]


def test_popular_walks_on_from_the_one_object_of_a_head(tmp_path: Path) -> None:
    rows = [triple(1, "P19", 2), triple(2, "P17", 3), triple(2, "P30", 4, reason="object_type")]
    found = considered(Tables(rows, views={1: 9}), "popular", tmp_path)
    paths = {
        (row["subject_id"], row["middle_relation"], row["middle_id"], row["relation"], row["object_id"])
        for row in found
    }
    assert paths == {(1, None, None, "P19", 2), (1, "P19", 2, "P17", 3)}


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([triple(1, "P19", 2, object_count=2), triple(2, "P17", 3)], id="from one object of several"),
        pytest.param([triple(1, "P22", 2), triple(2, "P22", 3)], id="by the same relation again"),
        pytest.param([triple(1, "P36", 2), triple(2, "P1376", 3)], id="by the inverse"),
        pytest.param([triple(1, "P155", 2), triple(2, "P156", 3)], id="by the inverse, the other way round"),
        pytest.param([triple(1, "P27", 2), triple(2, "P35", 3)], id="where nobody asks"),
        pytest.param(
            [triple(1, "P17", 2, subject_type="film"), triple(2, "P36", 3)], id="from another kind of subject"
        ),
        pytest.param([triple(1, "P7", 2), triple(2, "P3373", 3)], id="from a brother to a sibling"),
        pytest.param([triple(1, "P19", 2, reason="ended"), triple(2, "P17", 3)], id="along what is not fit"),
    ],
)
def test_popular_does_not_walk(rows: list[Row], tmp_path: Path) -> None:
    found = considered(Tables(rows, views={1: 9}), "popular", tmp_path)
    assert not any(row["middle_id"] for row in found)


@pytest.mark.parametrize("end", [1, 2], ids=["to the head", "in place"])
def test_a_path_may_not_return(end: int, tmp_path: Path) -> None:
    rows = [triple(1, "P22", 2), triple(2, "P26", end)]
    found = considered(Tables(rows, views={1: 9}), "popular", tmp_path)
    assert [row["reason"] for row in found if row["middle_id"]] == ["path_returns"]


def test_of_a_person_nothing_harmful_is_made_up_over_one_hop_or_two(tmp_path: Path) -> None:
    """A religion, say, of the head itself or of the father; a country may be given another one."""
    rows = [
        triple(1, "P140", 5),
        *(triple(1, "P22", 2), triple(2, "P140", 3)),
        *(triple(1, "P27", 4), triple(4, "P140", 3, subject_type="country")),
    ]
    hops = [("P22", "person", "P140"), ("P27", "person", "P140")]
    with Database(tmp_path / "scratch", "200MB") as database:
        spared = [Spared("P140", "person", "harmful", if_several=False)]
        open_views(database, Tables(rows, views={1: 9}).write(tmp_path), hops, spared)
        popular = read_table(select(CATEGORIES["popular"], DEFAULTS, database, tmp_path / "out.parquet")).to_pylist()
    assert {(row["middle_relation"], row["relation"]): row["reason"] for row in popular} == {
        (None, "P140"): "harmful",
        (None, "P22"): None,
        (None, "P27"): None,
        ("P22", "P140"): "harmful",
        ("P27", "P140"): None,
    }


ONE_AND_TWO_HOPS = Tables(
    [
        *(triple(number, "P27", 1000) for number in range(1, 31)),
        *(triple(number, "P19", 2000 + number) for number in range(31, 61)),
        *(triple(2000 + number, "P17", 3000) for number in range(31, 61)),
    ],
    views={number: 9 for number in range(1, 61)},
)


@pytest.mark.parametrize(
    ("share", "two_hops"), [(0.0, 0), (0.4, 8), (0.5, 10), (1.0, 20)], ids=["none", "two fifths", "half", "all"]
)
def test_two_hops_have_their_share(share: float, two_hops: int, tmp_path: Path) -> None:
    settings = with_section("popular", size=20, two_hop_share=share)
    found = taken(considered(ONE_AND_TWO_HOPS, "popular", tmp_path, settings))
    assert len(found) == 20
    assert sum(row["middle_id"] is not None for row in found) == two_hops


def test_few_paths_end_with_the_same_step(tmp_path: Path) -> None:
    """Of thirty people born in one town, each asked for its country, only one edit could be kept."""
    tables = Tables(
        [*(triple(n, "P19", 1000) for n in range(1, 31)), triple(1000, "P17", 7000)],
        views=dict.fromkeys(range(1, 31), 8),
    )
    found = [row for row in considered(tables, "popular", tmp_path) if row["middle_id"] is not None]
    assert why(found) == {None: 3, "same_step": 27}


def test_other_objects_of_one_question_do_not_use_up_its_last_step(tmp_path: Path) -> None:
    """A town in a disputed region has five countries; each of three people born there is asked for one."""
    tables = Tables(
        [
            *(triple(number, "P19", 1000) for number in (1, 2, 3)),
            *(triple(1000, "P17", country, object_count=5) for country in range(7000, 7005)),
        ],
        views=dict.fromkeys((1, 2, 3), 8),
    )
    found = [row for row in considered(tables, "popular", tmp_path) if row["middle_id"] is not None]
    assert why(found) == {None: 3, "same_question": 12}


def test_where_two_hops_are_too_few_one_hop_fills_their_places(tmp_path: Path) -> None:
    tables = Tables(
        [*(triple(n, "P19", 1000) for n in range(1, 31)), triple(1000, "P17", 7)],
        views={1: 9, **dict.fromkeys(range(2, 31), 8)},
    )
    settings = with_section("popular", size=200, two_hop_share=0.9, per_subject=1)
    found = taken(considered(tables, "popular", tmp_path, settings))
    assert len(found) == 30


# Long tail


@pytest.mark.parametrize(
    ("frequency", "degree", "likelihood", "lt_type"),
    [
        (1, 1, -9.0, "both"),
        (1, 1, -1.0, "statistical"),
        (1, 9, -9.0, "semantic"),
        (9, 1, -9.0, "semantic"),
        (1, 9, -1.0, None),
        (9, 1, -1.0, None),
        (9, 9, -1.0, None),
        (1, 1, None, "statistical"),
        (9, 1, None, None),
    ],
)
def test_long_tail_is_rare_by_frequency_and_degree_or_unlikely(
    frequency: int, degree: int, likelihood: float | None, lt_type: str | None, tmp_path: Path
) -> None:
    """Nine other heads set the thresholds at 5, 5 and -5."""
    others = range(2, 11)
    tables = Tables(
        [triple(number) for number in (1, *others)],
        frequency={1: frequency, **dict.fromkeys(others, 5)},
        degree={1: (degree - 1, 1), **dict.fromkeys(others, (4, 1))},
        likelihood={**({1: likelihood} if likelihood is not None else {}), **dict.fromkeys(others, -5.0)},
        in_facts={**({1: likelihood} if likelihood is not None else {}), **dict.fromkeys(others, -5.0)},
    )
    settings = with_section("long_tail", percentile=50)
    row = next(row for row in considered(tables, "long_tail", tmp_path, settings) if row["subject_id"] == 1)
    assert (row["lt_type"], row["reason"]) == (lt_type, None if lt_type else "above_threshold")


@pytest.mark.parametrize(
    ("neutral", "in_facts", "lt_type"),
    [(-9.0, -9.0, "semantic"), (-9.0, -1.0, None), (-1.0, -9.0, None), (-9.0, None, "semantic")],
)
def test_a_name_must_be_unlikely_in_each_class_of_sentences_that_it_was_scored_in(
    neutral: float, in_facts: float | None, lt_type: str | None, tmp_path: Path
) -> None:
    others = range(2, 11)
    tables = Tables(
        [triple(number) for number in (1, *others)],
        frequency={1: 9, **dict.fromkeys(others, 5)},
        likelihood={1: neutral, **dict.fromkeys(others, -5.0)},
        in_facts={**({1: in_facts} if in_facts is not None else {}), **dict.fromkeys(others, -5.0)},
    )
    rows = considered(tables, "long_tail", tmp_path, with_section("long_tail", percentile=50))
    assert next(row["lt_type"] for row in rows if row["subject_id"] == 1) == lt_type


def test_a_name_is_held_against_names_of_its_own_length(tmp_path: Path) -> None:
    """The long name of item 1 scores below every short one, and is the likeliest of the long ones."""
    short, long = range(2, 12), range(12, 22)
    tables = Tables(
        [triple(number) for number in (1, *short, *long)],
        frequency=dict.fromkeys(range(1, 22), 1) | {1: 9},
        likelihood={1: -3.0, **dict.fromkeys(short, -1.0), **dict.fromkeys(long, -4.0)},
        sizes={1: 40, **dict.fromkeys(short, 6), **dict.fromkeys(long, 40)},
    )
    settings = with_section("likelihood", stratum_heads=10)
    rows = considered(tables, "long_tail", tmp_path, settings)
    assert next(row["lt_type"] for row in rows if row["subject_id"] == 1) is None
    merged = considered(tables, "long_tail", tmp_path, with_section("likelihood", stratum_heads=100))
    assert next(row["lt_type"] for row in merged if row["subject_id"] == 1) == "semantic"


@pytest.mark.parametrize(
    ("heads", "percentile", "reason"),
    [(1, 50, "much_viewed"), (0, 50, None), (0, 40, "much_viewed"), (0, 100, None)],
    ids=["among the most viewed", "viewed like most", "viewed more than allowed", "whatever its views"],
)
def test_views_count_against_the_long_tail(heads: int, percentile: float, reason: str | None, tmp_path: Path) -> None:
    tables = Tables([triple(1), triple(2)], views={1: 9})
    measured = tables.write(tmp_path)
    views = [{"id": 1, "page_views": 9, "page_views_percentile": 50.0}]
    measured = replace(measured, popularity=write_records(views, tmp_path / "views.parquet", schema.POPULARITY))
    settings = DEFAULTS.model_copy(
        update={
            "popular": DEFAULTS.popular.model_copy(update={"heads": heads}),
            "long_tail": DEFAULTS.long_tail.model_copy(update={"max_views_percentile": percentile}),
        }
    )
    with Database(tmp_path / "scratch", "200MB") as database:
        open_views(database, measured, TEMPLATES.hops)
        find_thresholds(database, settings, tmp_path / "thresholds.parquet")
        found = read_table(select(CATEGORIES["long_tail"], settings, database, tmp_path / "out.parquet")).to_pylist()
    assert {row["subject_id"]: row["reason"] for row in found} == {1: reason, 2: None}


def test_no_subject_is_popular_and_long_tail(tmp_path: Path) -> None:
    tables = Tables([triple(number) for number in range(1, 9)], views={1: 9, 2: 3})
    sides = [{row["subject_id"] for row in taken(considered(tables, name, tmp_path / name))} for name in CATEGORIES]
    assert sides == [set(), {1, 2}, set(range(3, 9))]


def test_statistical_and_semantic_long_tail_share_the_category(tmp_path: Path) -> None:
    rare, unlikely = range(1, 41), range(41, 81)
    tables = Tables(
        [triple(number) for number in (*rare, *unlikely)],
        frequency={**dict.fromkeys(rare, 1), **dict.fromkeys(unlikely, 9)},
        likelihood={**dict.fromkeys(rare, -1.0), **dict.fromkeys(unlikely, -9.0)},
    )
    settings = with_section("long_tail", size=20, percentile=50)
    found = taken(considered(tables, "long_tail", tmp_path, settings))
    assert Counter(row["lt_type"] for row in found) == {"statistical": 10, "semantic": 10}


# The mini world


def test_the_candidate_heads_are_the_subjects_of_eligible_triples_with_their_types(mini: Mini, tmp_path: Path) -> None:
    with Database(tmp_path / "scratch", "200MB") as database:
        path = find_heads(
            mini.stage("screening"), mini.stage("ingest") / "entities", DEFAULTS, database, tmp_path / "heads.parquet"
        )
    heads = {row["id"]: row for row in read_table(path).to_pylist()}
    eligible = {row["subject_id"] for row in mini.rows("screening", "triples.parquet") if row["reason"] is None}
    assert set(heads) == eligible
    assert (heads[ADA]["label"], heads[ADA]["types"]) == ("Ada Rooke", ["person"])
    assert "country" in heads[VERDANIA]["types"]


def test_a_head_of_two_classes_of_a_type_has_it_once(mini: Mini, tmp_path: Path) -> None:
    """Many a town is a city, too."""
    entities = read_table(mini.stage("ingest") / "entities").to_pylist()
    for row in entities:
        row["type_ids"] = [TOWN, CITY] if row["id"] == LOWMERE else row["type_ids"]
    path = write_records(entities, tmp_path / "entities" / "000000.parquet", schema.ENTITIES).parent
    with Database(tmp_path / "scratch", "200MB") as database:
        found = find_heads(mini.stage("screening"), path, DEFAULTS, database, tmp_path / "heads.parquet")
    (types,) = (row["types"] for row in read_table(found).to_pylist() if row["id"] == LOWMERE)
    assert types == sorted(set(types))
    assert "settlement" in types


def drawn_heads(mini: Mini, folder: Path, **likelihood: object) -> list[Row]:
    """HEADS of the mini world."""
    screened, entities = mini.stage("screening"), mini.stage("ingest") / "entities"
    with Database(folder / "scratch", "200MB") as database:
        found = find_heads(
            screened, entities, with_section("likelihood", **likelihood), database, folder / "heads.parquet"
        )
    return read_table(found).to_pylist()


def test_beyond_the_limit_the_smallest_tickets_are_scored(mini: Mini, tmp_path: Path) -> None:
    everyone = [row["id"] for row in drawn_heads(mini, tmp_path)]
    assert len(everyone) == len(set(everyone))  # once each, however many facts they have
    for limit in (0, 3, 8, 1_000):
        drawn = [row["id"] for row in drawn_heads(mini, tmp_path, max_heads=limit)]
        assert drawn == sorted(sorted(everyone, key=lambda item: draw_key(DEFAULTS.seed, "head", item))[:limit])


def test_a_head_has_a_few_relations_to_open_with_each_once(mini: Mini, tmp_path: Path) -> None:
    held = {row["id"]: [claim["relation"] for claim in row["claims"]] for row in drawn_heads(mini, tmp_path, facts=3)}
    assert len(held[ADA]) == len(set(held[ADA])) == 3
    fewer = {row["id"]: [claim["relation"] for claim in row["claims"]] for row in drawn_heads(mini, tmp_path, facts=1)}
    assert all(fewer[item] == relations[:1] for item, relations in held.items())
    bare = drawn_heads(mini, tmp_path, facts=0)
    assert {row["id"] for row in bare} == set(held)
    assert all(row["claims"] == [] for row in bare)


def test_every_reason_of_selection_is_met_in_the_mini_world(mini: Mini, tmp_path: Path) -> None:
    stages = {name: mini.stage(name) for name in ("screening", "news", "popularity", "mentions")}
    measured = Measured(
        triples=stages["screening"] / "triples.parquet",
        news=stages["news"] / "news.parquet",
        popularity=stages["popularity"] / "popularity.parquet",
        frequency=stages["mentions"] / "frequency.parquet",
        degree=stages["mentions"] / "degree.parquet",
        names=None,
        models=None,
    )
    settings = with_section("long_tail", size=10)
    found: Counter[str | None] = Counter()
    with Database(tmp_path / "scratch", "200MB") as database:
        types = {name: relation.subject_types for name, relation in TEMPLATES.relations.items()}
        open_views(database, measured, TEMPLATES.hops, TEMPLATES.plausibility.spared(types))
        find_thresholds(database, settings, tmp_path / "thresholds.parquet")
        for name, category in CATEGORIES.items():
            found += why(read_table(select(category, settings, database, tmp_path / f"{name}.parquet")).to_pylist())
    assert set(found) == {*reasons.SELECTION, None} - {"same_step"}  # too few paths end alike for this one


def test_without_an_older_state_or_page_views_categories_are_empty(tmp_path: Path) -> None:
    written = Tables([triple(1)]).write(tmp_path)
    bare = Measured(written.triples, None, None, written.frequency, written.degree, None, None)
    with Database(tmp_path / "scratch", "200MB") as database:
        open_views(database, bare, TEMPLATES.hops)
        for name in ("recent", "popular"):
            assert read_table(select(CATEGORIES[name], DEFAULTS, database, tmp_path / f"{name}.parquet")).num_rows == 0


def test_the_facts_that_open_a_sentence_are_of_the_past_where_their_subject_is(mini: Mini, tmp_path: Path) -> None:
    gone = {row["id"] for row in mini.rows("screening", "past.parquet")}
    heads = [row for row in drawn_heads(mini, tmp_path) if row["claims"]]
    assert {row["id"] in gone for row in heads} == {True, False}
    undated = {row["id"] for row in mini.rows("screening", "undated.parquet")}
    for row in heads:
        tense = "past" if row["id"] in gone else "unknown" if row["id"] in undated else "present"
        assert {claim["tense"] for claim in row["claims"]} <= {tense}
