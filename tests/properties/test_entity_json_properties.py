"""Whatever a valid entity looks like, the parser reads it as the plain reading does; and counts are counts."""

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.parallel import InlineExecutor
from pipeline.core.settings import load_settings
from pipeline.core.tables import Database, read_table
from pipeline.signals.degree import measure_degree
from pipeline.signals.frequency import measure_frequency
from pipeline.sources.entities.ingestion import ingest
from pipeline.sources.entities.rows import Rows, Wanted, read_entity
from tests import reference_parser
from tests.entities import NOTHING, UNKNOWN, Json, array, value
from tests.reference_parser import as_reading

PROPERTIES = ["P31", "P39", "P569", "P580", "P582", "P585", "P805", "P1365"]
WANTED = Wanted(frozenset({"P31", "P39", "P569"}), frozenset({"enwiki", "simplewiki"}))
LANGUAGES = ["en", "mul", "de", "en-gb"]

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
item_ids = st.integers(1, 9)


def linked(kind: str, letter: str) -> st.SearchStrategy[Json]:
    """Links to an item or a property, named by id, by number or by both."""
    fields = st.sampled_from([{"id"}, {"numeric-id"}, {"id", "numeric-id"}])

    def named(number: int, keep: set[str]) -> Json:
        both = {"entity-type": kind, "id": f"{letter}{number}", "numeric-id": number}
        return value("wikibase-entityid", {name: both[name] for name in both if name in keep | {"entity-type"}})

    return st.builds(named, item_ids, fields)


signs = st.sampled_from("+-")
times = st.builds(
    "{}{:04d}-{:02d}-{:02d}T00:00:00Z".format, signs, st.integers(1, 10**11), st.integers(0, 12), st.integers(0, 31)
)
calendars = st.sampled_from(["http://www.wikidata.org/entity/Q1985727", "http://www.wikidata.org/entity/Q1985786"])
units = st.one_of(st.just("1"), st.builds("http://www.wikidata.org/entity/Q{}".format, item_ids))
values = st.one_of(
    st.just(UNKNOWN),
    st.just(NOTHING),
    linked("item", "Q"),
    linked("property", "P"),
    st.builds(
        lambda id: value("wikibase-entityid", {"entity-type": "lexeme", "id": id}), st.sampled_from(["L1", "L1-F1"])
    ),
    st.builds(
        lambda time, precision, calendar: value(
            "time", {"time": time, "precision": precision, "calendarmodel": calendar, "before": 0, "after": 0}
        ),
        times,
        st.integers(0, 14),
        calendars,
    ),
    st.builds(
        lambda sign, number, unit: value("quantity", {"amount": f"{sign}{number}", "unit": unit}),
        signs,
        st.decimals(0, 10**9, allow_nan=False, places=2),
        units,
    ),
    st.builds(lambda text: value("string", text), words),
    st.builds(lambda text: value("monolingualtext", {"language": "en", "text": text}), words),
    st.just(value("globecoordinate", {"latitude": 1.5, "longitude": -0.0, "precision": None, "globe": "x"})),
    st.builds(
        lambda kind, content: value(kind, content),
        st.sampled_from(["math", "new"]),
        st.recursive(
            st.none() | words | st.integers(),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
        ),
    ),
)


def maps(of: st.SearchStrategy[Json], properties: list[str]) -> st.SearchStrategy[Json]:
    """Snaks by property; empty ones may be written as a list, and a property may be there without snaks."""
    snaks = st.dictionaries(st.sampled_from(properties), st.lists(of, max_size=2), max_size=3)
    return snaks.map(
        lambda groups: {name: [{**snak, "property": name} for snak in group] for name, group in groups.items()}
    ).flatmap(lambda groups: st.just(groups) if groups else st.sampled_from([{}, []]))


optional = {
    "rank": st.sampled_from(["preferred", "normal", "deprecated"]),
    "qualifiers": maps(values, PROPERTIES),
    "references": st.lists(st.fixed_dictionaries({"snaks": maps(values, ["P248", "P854"])}), max_size=2),
    "type": st.just("statement"),
    "qualifiers-order": st.just([]),
}
statements = st.fixed_dictionaries({"id": st.uuids().map(str), "mainsnak": values}, optional=optional)


def _claims(groups: dict[str, list[Json]]) -> Json:
    return {
        name: [{**one, "mainsnak": {**one["mainsnak"], "property": name}} for one in group]
        for name, group in groups.items()
    }


def _terms(languages: list[str]) -> Json:
    return {language: {"language": language, "value": f"{language} name"} for language in languages}


languages = st.lists(st.sampled_from(LANGUAGES), unique=True)
claims = st.just([]) | st.dictionaries(st.sampled_from(PROPERTIES), st.lists(statements, max_size=3), max_size=3).map(
    _claims
)
fields: dict[str, st.SearchStrategy[Json]] = {
    "type": st.just("item"),
    "labels": st.just([]) | languages.map(_terms),
    "descriptions": st.just([]) | languages.map(_terms),
    "aliases": st.just([])
    | st.dictionaries(
        st.sampled_from(LANGUAGES),
        st.lists(
            st.sampled_from(["en name", "A", "B", "C"]).map(lambda name: {"language": "-", "value": name}), max_size=4
        ),
    ),
    "claims": claims,
    "sitelinks": st.just([])
    | st.dictionaries(
        st.sampled_from(["enwiki", "dewiki", "simplewiki"]),
        words.map(lambda title: {"site": "-", "title": title, "badges": []}),
    ),
    "lastrevid": st.integers(1, 3 * 10**9),
    "modified": st.datetimes().map(lambda moment: moment.replace(microsecond=0).isoformat() + "Z"),
    "pageid": st.integers(1, 10**9),
    "a-field-of-tomorrow": st.just({"x": [1, None]}),
}


def entities(ids: st.SearchStrategy[str]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"id": ids}, optional=fields)


any_ids = st.one_of(item_ids.map("Q{}".format), item_ids.map("P{}".format), st.just("L1"))


@settings(deadline=None, max_examples=200)
@given(st.lists(entities(any_ids), max_size=3), st.booleans())
def test_the_parser_reads_what_the_plain_reading_reads(found: list[Json], escape: bool) -> None:
    lines = [json.dumps(entity, ensure_ascii=escape).encode() for entity in found]
    rows = Rows()
    for line in lines:
        read_entity(line, WANTED, rows)
    assert as_reading(rows) == reference_parser.read(lines, set(WANTED.properties), set(WANTED.wikis))


def graph(owners: list[int], targets: list[list[tuple[int, str, int]]]) -> list[Json]:
    """Items with links to one another: each link has a target, a rank and an item that its reference names."""
    return [
        {
            "id": f"Q{owner}",
            "claims": {
                "P39": [
                    {
                        "id": f"{owner}-{place}",
                        "rank": rank,
                        "mainsnak": {**value("wikibase-entityid", {"id": f"Q{target}"}), "property": "P39"},
                        "references": [
                            {
                                "snaks": {
                                    "P248": [{**value("wikibase-entityid", {"id": f"Q{source}"}), "property": "P248"}]
                                }
                            }
                        ],
                    }
                    for place, (target, rank, source) in enumerate(links)
                ]
            },
            "padding": "x" * 400,
        }
        for owner, links in zip(owners, targets, strict=True)
    ]


links = st.lists(st.tuples(item_ids, st.sampled_from(["preferred", "normal", "deprecated"]), item_ids), max_size=5)
owners = st.lists(item_ids, unique=True, min_size=1)
graphs = owners.flatmap(
    lambda ids: st.lists(links, min_size=len(ids), max_size=len(ids)).map(lambda each: graph(ids, each))
)


def brute_force(found: list[Json]) -> tuple[dict[int, int], dict[int, tuple[int, int]]]:
    """Frequency and (in_degree, out_degree) of every item, by going through all pairs of items and statements."""
    triples = [
        (int(entity["id"][1:]), statement, entity["claims"]["P39"])
        for entity in found
        for statement in entity["claims"]["P39"]
    ]
    frequency = Counter[int]()
    joined = {
        (owner, reference_parser.item_of(statement["mainsnak"]))
        for owner, statement, group in triples
        if reference_parser.is_best(statement, group)
    }
    for owner, statement, _ in triples:
        frequency.update({owner, *map(reference_parser.item_of, reference_parser.all_snaks(statement))})
    degree = {
        one: (
            sum((other, one) in joined for other in range(1, 10) if other != one),
            sum((one, other) in joined for other in range(1, 10) if other != one),
        )
        for one in range(1, 10)
    }
    return dict(frequency), degree


@settings(deadline=None, max_examples=20)
@given(graphs, st.integers(1, 3))
def test_frequency_and_degree_are_what_counting_by_hand_gives(found: list[Json], workers: int) -> None:
    frequency, degree = brute_force(found)
    with TemporaryDirectory() as name, Database(Path(name) / "scratch", "100MB", threads=1) as database:
        folder = Path(name)
        (folder / "dump.json").write_bytes(array(json.dumps(entity).encode() for entity in found))
        small = load_settings().dump.model_copy(update={"shard_bytes": 1024})
        ingest(folder / "dump.json", folder, WANTED, small, InlineExecutor(), workers)
        measure_frequency(folder / "mentions", database, folder / "frequency.parquet")
        measure_degree(folder / "mentions", database, folder / "degree.parquet")
        measured = {row["id"]: row["frequency"] for row in read_table(folder / "frequency.parquet").to_pylist()}
        degrees = {
            row["id"]: (row["in_degree"], row["out_degree"])
            for row in read_table(folder / "degree.parquet").to_pylist()
        }
    assert {item: count for item, count in measured.items() if count} == frequency
    assert {item: degrees.get(item, (0, 0)) for item in range(1, 10)} == degree
