"""Lines of a dump as rows: all real entities against a plain reading, then each trap of the format on its own."""

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.core.resources import sample_folder
from pipeline.sources.entities.model import UNREADABLE, number, old_name, state
from pipeline.sources.entities.rows import Rows, Wanted, read_entity
from tests import reference_parser
from tests.entities import (
    NOTHING,
    UNKNOWN,
    Json,
    amount,
    at,
    item,
    line,
    moment,
    said,
    statement,
    text,
    to,
    value,
)
from tests.reference_parser import as_reading

SHARED = Path(__file__).parents[5] / "shared" / "data" / "wikidata"
PROPERTIES = {"P31", "P279", "P569", "P570", "P571", "P577", "P585", "P19", "P20", "P26", "P27", "P36", "P39", "P54"}
PROPERTIES |= {"P69", "P106", "P108", "P166", "P1082", "P1448", "P17", "P131", "P150", "P463", "P625", "P18", "P856"}


def entity_lines(path: Path) -> Iterator[bytes]:
    """The entities of a dump with the framing of the array taken off, as the format's description says."""
    for row in gzip.decompress(path.read_bytes()).splitlines():
        entity = row.strip().rstrip(b",")
        if entity not in (b"", b"[", b"]"):
            yield entity


def read(*lines: bytes, properties: set[str] = PROPERTIES, wikis: frozenset[str] = frozenset({"enwiki"})) -> Rows:
    rows = Rows()
    for entity in lines:
        read_entity(entity, Wanted(frozenset(properties), wikis), rows)
    return rows


def only_statement(*statements: Json) -> dict[str, object]:
    """The row of the first of an item's statements."""
    reading = as_reading(read(line(item(1, *statements)), properties={"P39"}))
    return reading.statements[0]


def only_entity(**fields: object) -> dict[str, object]:
    reading = as_reading(read(line(item(1, **fields))))
    return reading.entities[0]


def mentions(*statements: Json, subject: int = 1) -> dict[int, int]:
    return dict(as_reading(read(line(item(subject, *statements)))).mentions)


def neighbours(*statements: Json) -> set[int]:
    """The items that Q1 has as neighbours."""
    return set(read(line(item(1, *statements))).neighbours)


# Real entities


def assert_both_read_the_same(lines: list[bytes]) -> None:
    """Compare the readings a few hundred entities at a time, to show where they differ."""
    wikis = frozenset({"enwiki", "commonswiki"})
    for start in range(0, len(lines), 500):
        batch = lines[start : start + 500]
        expected = vars(reference_parser.read(batch, PROPERTIES, set(wikis)))
        got = vars(as_reading(read(*batch, wikis=wikis)))
        for name, of_reference in expected.items():
            assert got[name] == of_reference, f"{name} of entities {start} to {start + 500}"


def bundled_lines() -> dict[bytes, None]:
    """The distinct lines of both states of the bundled slice."""
    files = [sample_folder() / f"core-{state}.json.gz" for state in ("old", "new")]
    return dict.fromkeys(row for file in files for row in entity_lines(file))


def test_the_bundled_slice_reads_the_same_in_both_parsers() -> None:
    lines = list(bundled_lines())
    assert len(lines) > 6633  # as many as the newer state has, and those of the older one that differ
    assert_both_read_the_same(lines)


def test_the_whole_sample_reads_the_same_in_both_parsers() -> None:
    files = [SHARED / f"sample-{state}.json.gz" for state in ("old", "new")]
    for file in files:
        if not file.is_file():
            pytest.skip(f"the large sample is not here: {file}")
    lines = dict.fromkeys(row for file in files for row in entity_lines(file))
    assert len(lines) > 31770
    assert_both_read_the_same(list(lines.keys() - bundled_lines().keys()))


# Values


@pytest.mark.parametrize(
    ("main", "columns"),
    [
        (to(11696), {"value_kind": "item", "object_id": 11696}),
        (text("Hubble"), {"value_kind": "string", "text": "Hubble"}),
        (said("fr", "Bonheur"), {"value_kind": "monolingual", "text": "Bonheur"}),
        (amount("+8.5", unit=11573), {"value_kind": "quantity", "amount": "+8.5", "unit_id": 11573}),
        (amount("-40"), {"value_kind": "quantity", "amount": "-40", "unit_id": None}),
        (UNKNOWN, {"value_kind": "somevalue"}),
        (NOTHING, {"value_kind": "novalue"}),
    ],
    ids=["item", "string", "monolingual", "quantity", "quantity of unit 1", "somevalue", "novalue"],
)
def test_a_value_fills_the_columns_of_its_kind_and_no_others(main: Json, columns: dict[str, object]) -> None:
    row = only_statement(statement("P39", main))
    filled = {name: row[name] for name in ("value_kind", "object_id", "text", "amount", "unit_id", "time", "precision")}
    assert filled == dict.fromkeys(filled) | columns


@pytest.mark.parametrize(
    ("main", "time", "precision", "calendar"),
    [
        (at("1952-03-11"), "+1952-03-11T00:00:00Z", 11, 1985727),
        (at("1952-03"), "+1952-03-00T00:00:00Z", 10, 1985727),
        (at("-0044", "http://www.wikidata.org/entity/Q1985786"), "-0044-00-00T00:00:00Z", 9, 1985786),
        (moment("-13798000000-00-00T00:00:00Z", 3), "-13798000000-00-00T00:00:00Z", 3, 1985727),
        (moment("+00000001952-03-11T00:00:00Z", 11), "+00000001952-03-11T00:00:00Z", 11, 1985727),
    ],
    ids=["day", "month", "44 BC, Julian", "the age of the universe", "as dumps before 2016 write years"],
)
def test_a_time_is_kept_as_stored(main: Json, time: str, precision: int, calendar: int) -> None:
    row = only_statement(statement("P39", main))
    assert (row["value_kind"], row["time"], row["precision"], row["calendar_id"]) == ("time", time, precision, calendar)


@pytest.mark.parametrize(
    ("named", "kind", "object_id"),
    [
        ({"entity-type": "item", "id": "Q42"}, "item", 42),
        ({"entity-type": "item", "numeric-id": 42}, "item", 42),
        ({"entity-type": "property", "id": "P31", "numeric-id": 31}, "other", None),
        ({"entity-type": "property", "numeric-id": 31}, "other", None),
        ({"entity-type": "lexeme", "id": "L7"}, "other", None),
        ({"entity-type": "form", "id": "L7-F1"}, "other", None),
    ],
    ids=["no numeric-id", "no id, before 2017", "property", "property with no id", "lexeme", "form"],
)
def test_only_items_count_as_objects_whichever_way_they_are_named(
    named: Json, kind: str, object_id: int | None
) -> None:
    row = only_statement(statement("P39", value("wikibase-entityid", named)))
    assert (row["value_kind"], row["object_id"]) == (kind, object_id)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("globecoordinate", {"latitude": 52.5, "longitude": 13.4, "precision": None, "globe": "http://x/Q2"}),
        ("a-type-of-tomorrow", {"deep": [1, {"er": None}]}),
        ("another", 7),
    ],
)
def test_an_unknown_type_passes_as_other(kind: str, content: object) -> None:
    row = only_statement(statement("P39", value(kind, content)))
    assert (row["value_kind"], row["text"], row["amount"]) == ("other", None, None)


def test_a_value_that_is_announced_and_missing_passes_as_other() -> None:
    assert only_statement(statement("P39", {"snaktype": "value"}))["value_kind"] == "other"


# Statements


def test_a_statement_keeps_the_case_of_its_id() -> None:
    entity = item(60)
    entity["claims"] = {"P39": [{**statement("P39", to(1)), "id": "q60$eda5f1cd-0f55-4f4c-9b6f-b9a0e4f4b0f0"}]}
    assert read(line(entity)).statements[0][2] == "q60$eda5f1cd-0f55-4f4c-9b6f-b9a0e4f4b0f0"


@pytest.mark.parametrize(
    ("ranks", "best"),
    [
        (("normal", "normal"), (True, True)),
        (("normal", "preferred"), (False, True)),
        (("preferred", "preferred"), (True, True)),
        (("normal", "deprecated"), (True, False)),
        (("deprecated", "deprecated"), (False, False)),
        (("deprecated", "preferred"), (False, True)),
    ],
)
def test_preferred_statements_are_best_else_normal_ones_and_deprecated_ones_never(
    ranks: tuple[str, str], best: tuple[bool, bool]
) -> None:
    statements = [statement("P39", to(10 + place), f"P39-{place}", rank) for place, rank in enumerate(ranks)]
    reading = as_reading(read(line(item(1, *statements))))
    assert tuple(row["is_best"] for row in reading.statements) == best
    assert {neighbour for _, neighbour in reading.neighbours} == {10 + place for place in (0, 1) if best[place]}


def test_a_rank_is_best_within_its_own_property_only() -> None:
    reading = as_reading(read(line(item(1, statement("P39", to(2), rank="preferred"), statement("P69", to(3))))))
    assert all(row["is_best"] for row in reading.statements)


def test_the_times_and_the_event_of_a_statement_come_from_its_qualifiers() -> None:
    row = only_statement(
        statement("P39", to(2), start=at("2009-01-20"), end=at("2017"), on=at("2010s"), event=to(900)),
    )
    assert (row["start_time"], row["start_precision"]) == ("+2009-01-20T00:00:00Z", 11)
    assert (row["end_time"], row["end_precision"]) == ("+2017-00-00T00:00:00Z", 9)
    assert (row["point_in_time"], row["point_precision"]) == ("+2010-00-00T00:00:00Z", 8)
    assert row["event_id"] == 900
    assert row["qualifier_ids"] == [580, 582, 585, 805]


def test_an_end_of_unknown_date_shows_only_among_the_qualifiers() -> None:
    row = only_statement(statement("P39", to(2), end=UNKNOWN))
    assert (row["end_time"], row["qualifier_ids"]) == (None, [582])


def test_the_first_date_of_several_counts() -> None:
    row = only_statement(statement("P39", to(2), qualifiers={"P580": [UNKNOWN, at("2009"), at("2010")]}))
    assert row["start_time"] == "+2009-00-00T00:00:00Z"


def test_an_event_of_unknown_identity_is_none() -> None:
    assert only_statement(statement("P39", to(2), event=UNKNOWN))["event_id"] is None


def test_statements_of_other_properties_are_counted_but_not_kept() -> None:
    rows = read(line(item(1, statement("P7", to(2)), statement("P39", to(3)))), properties={"P39"})
    assert [row[1] for row in rows.statements] == [39]
    assert as_reading(rows).entities[0]["statement_count"] == 2
    assert as_reading(rows).neighbours == {(1, 2), (1, 3)}


def test_empty_maps_may_be_lists() -> None:
    bare = {"type": "item", "id": "Q1", "labels": [], "descriptions": [], "aliases": [], "claims": [], "sitelinks": []}
    row = as_reading(read(line(bare))).entities[0]
    assert (row["label"], row["aliases"], row["type_ids"], row["sitelinks"]) == (None, [], [], 0)
    bare["claims"] = {"P39": [{**statement("P39", to(2)), "qualifiers": [], "references": [{"snaks": []}]}]}
    assert as_reading(read(line(bare))).statements[0]["qualifier_ids"] == []


# Mentions and neighbours


def test_a_statement_mentions_its_subject_and_its_object() -> None:
    assert mentions(statement("P39", to(2)), statement("P69", text("a school"))) == {1: 2, 2: 1}


def test_qualifiers_and_references_mention_items_too() -> None:
    assert mentions(
        statement("P39", to(2), qualifiers={"P2937": [to(3), to(4)]}, references=[{"P248": to(5)}, {"P143": to(6)}])
    ) == dict.fromkeys(range(1, 7), 1)


def test_an_item_in_several_places_of_one_statement_is_mentioned_once() -> None:
    assert mentions(
        statement("P39", to(2), qualifiers={"P1365": to(2), "P1366": to(2)}, references=[{"P248": to(2)}])
    ) == {1: 1, 2: 1}


def test_an_item_that_names_itself_is_mentioned_once() -> None:
    assert mentions(statement("P460", to(1))) == {1: 1}
    assert mentions(statement("P460", to(1), references=[{"P248": to(1)}])) == {1: 1}


def test_a_deprecated_statement_still_mentions() -> None:
    assert mentions(statement("P39", to(2), rank="deprecated")) == {1: 1, 2: 1}


def test_two_statements_mention_an_item_twice_but_make_one_neighbour() -> None:
    both = statement("P39", to(2)), statement("P69", to(2))
    assert mentions(*both) == {1: 2, 2: 2}
    assert read(line(item(1, *both))).neighbours == [2]


def test_neighbours_are_values_of_best_statements_and_never_the_item_itself() -> None:
    assert neighbours(
        statement("P39", to(2), "a"),
        statement("P39", to(3), "b", rank="deprecated"),
        statement("P69", to(4), "c", rank="preferred"),
        statement("P69", to(5), "d"),
        statement("P460", to(1)),
        statement("P19", UNKNOWN),
        statement("P27", to(6), qualifiers={"P2937": to(7)}),
    ) == {2, 4, 6}


# Entities


@pytest.mark.parametrize(
    ("labels", "label", "language"),
    [
        ({"en": "universe", "mul": "Universum"}, "universe", "en"),
        ({"mul": "Beyoncé", "de": "Beyoncé Knowles"}, "Beyoncé", "mul"),
        ({"de": "Universum", "en-gb": "universe"}, None, None),
        ({}, None, None),
    ],
    ids=["English", "for all languages", "neither", "none"],
)
def test_a_label_is_english_or_for_all_languages_never_another(
    labels: dict[str, str], label: str | None, language: str | None
) -> None:
    row = only_entity(labels={name: {"language": name, "value": words} for name, words in labels.items()})
    assert (row["label"], row["label_language"]) == (label, language)


def test_aliases_are_english_then_for_all_languages_without_label_and_repeats() -> None:
    def terms(language: str, *words: str) -> list[Json]:
        return [{"language": language, "value": one} for one in words]

    row = only_entity(
        labels={"en": {"language": "en", "value": "Ali"}},
        aliases={"mul": terms("mul", "M. Ali", "Clay"), "en": terms("en", "Cassius Clay", "Ali", "Clay"), "de": []},
    )
    assert row["aliases"] == ["Cassius Clay", "Clay", "M. Ali"]


def test_texts_are_read_as_a_reader_sees_them() -> None:
    def terms(*words: str) -> list[Json]:
        return [{"language": "en", "value": one} for one in words]

    row = only_entity(
        labels={"en": {"language": "en", "value": "\u200eMuhammad\u00a0Ali "}},
        aliases={"en": terms("Muhammad  Ali", "The\tGreatest", "\u200b", "Jose\u0301", "José")},
        descriptions={"en": {"language": "en", "value": "American\u202fboxer\u00ad"}},
    )
    assert row["label"] == "Muhammad Ali"
    assert row["aliases"] == ["The Greatest", "José"]
    assert row["description"] == "American boxer"


def test_a_label_of_invisible_characters_is_none() -> None:
    row = only_entity(
        labels={"en": {"language": "en", "value": "\u200f"}, "mul": {"language": "mul", "value": "Ali"}},
        descriptions={"en": {"language": "en", "value": "\u00a0"}},
    )
    assert (row["label"], row["label_language"], row["description"]) == ("Ali", "mul", None)


def test_a_description_is_english() -> None:
    row = only_entity(
        descriptions={"en": {"language": "en", "value": "boxer"}, "mul": {"language": "mul", "value": "x"}}
    )
    assert row["description"] == "boxer"
    assert only_entity(descriptions={"mul": {"language": "mul", "value": "x"}})["description"] is None


def test_types_are_the_best_values_of_instance_of() -> None:
    rows = read(
        line(
            item(
                1,
                statement("P31", to(5), "a"),
                statement("P31", to(6), "b", rank="deprecated"),
                statement("P31", UNKNOWN, "c"),
            )
        )
    )
    assert as_reading(rows).entities[0]["type_ids"] == [5]


def test_sitelinks_are_counted_and_titles_kept_of_wanted_wikis_in_a_fixed_order() -> None:
    links = {wiki: {"site": wiki, "title": f"Title on {wiki}", "badges": []} for wiki in ("zhwiki", "dewiki", "enwiki")}
    rows = read(line(item(1, sitelinks=links)), wikis=frozenset({"enwiki", "zhwiki", "dewiki", "eowiki"}))
    assert rows.titles == [(1, wiki, f"Title on {wiki}") for wiki in ("dewiki", "enwiki", "zhwiki")]
    assert (rows.entities[0][6], rows.entities[0][7]) == (3, "Title on enwiki")


def test_revision_and_time_of_the_last_edit_are_kept() -> None:
    row = only_entity(lastrevid=152495002, modified="2014-08-19T04:13:40Z")
    assert row["last_revision"] == 152495002
    assert row["modified"] == datetime(2014, 8, 19, 4, 13, 40, tzinfo=UTC)


def test_the_state_is_the_revision_or_where_dumps_hold_none_a_hash_of_the_line() -> None:
    first, second = line(item(1)), line(item(1, label="one"))
    assert read(line(item(1, lastrevid=7))).entities[0][9] == 7
    assert read(first).entities[0][9] == state(None, first) != state(None, second)
    assert -(2**63) <= state(None, first) < 2**63


# Other lines


def test_a_property_mentions_items_but_is_no_item() -> None:
    rows = read(
        line({**item(1), "id": "P19", "type": "property", "claims": item(1, statement("P31", to(2)))["claims"]})
    )
    assert (rows.entities, rows.statements, rows.neighbours) == ([], [], [])
    assert as_reading(rows).mentions == {2: 1}


def test_a_lexeme_mentions_items_but_is_no_item() -> None:
    lexeme = {"type": "lexeme", "id": "L7", "lemmas": {}, "language": "Q1860", "claims": [], "forms": [], "senses": []}
    rows = read(line(lexeme), line({**lexeme, "claims": item(1, statement("P5185", to(9)))["claims"]}))
    assert (rows.entities, rows.statements, rows.neighbours) == ([], [], [])
    assert as_reading(rows).mentions == {9: 1}


@pytest.mark.parametrize(
    "bad",
    [
        b'{"entity":"Q1","redirect":"Q2"}',
        b"7",
        b'"Q1"',
        b"<html>",
        b'{"id":"Q1","claims":{"P39":[',
        b'{"id":"Q"}',
        b'{"id":"Q0"}',
        b'{"id":"Q9999999999999999999999"}',
        b'{"id":"Q1","lastrevid":9999999999999999999999}',
        b'{"id":"Q1","modified":"last week"}',
        b'{"id":"Q1","sitelinks":{"enwiki":{"site":"enwiki"}}}',
        line(item(1, statement("P39", value("wikibase-entityid", {"id": "Q9999999999999999999999"})))),
        line(item(1, statement("P39", value("wikibase-entityid", {"id": ""})))),
        line(item(1, statement("P39", value("wikibase-entityid", "Q5")))),
        line(item(1, statement("P39", value("time", {"time": 2015, "precision": 9})))),
        line(item(1, statement("P39", value("time", {"time": "+2015-00-00T00:00:00Z", "precision": 900})))),
        line(item(1, statement("P39", value("quantity", {"amount": 5, "unit": "1"})))),
        line(item(1, statement("P39", value("string", {"not": "a string"})))),
        line(item(1, statement("P39", value("monolingualtext", {"language": "en"})))),
        line(item(1, statement("P39", to(2), qualifiers={"P99999999999": to(3)}))),
        line(item(1, statement("P39", to(2), start=value("time", {"time": "+2015-00-00T00:00:00Z"})))),
    ],
)
def test_a_line_of_unexpected_form_is_unreadable(bad: bytes) -> None:
    with pytest.raises(UNREADABLE):
        read(bad)


def test_an_entity_that_turns_out_unreadable_half_way_can_be_cut_off_without_a_trace() -> None:
    sound = item(1, statement("P39", to(2)), sitelinks={"enwiki": {"site": "enwiki", "title": "One"}})
    rows = read(line(sound))
    before, lengths = as_reading(rows), rows.lengths()
    half = item(3, statement("P39", to(4)), statement("P69", value("wikibase-entityid", {"id": "Qx"})))
    with pytest.raises(UNREADABLE):
        read_entity(line(half), Wanted(frozenset({"P39"}), frozenset({"enwiki"})), rows)
    assert rows.lengths() > lengths
    rows.cut(lengths)
    assert as_reading(rows) == before


def test_ids_are_numbers_that_fit_the_tables() -> None:
    assert number("Q42") == number("P42") == 42
    assert number(f"Q{2**63 - 1}") == 2**63 - 1
    for wrong in ("Q0", "Q-1", "Q", "Qx", f"Q{2**63}"):
        with pytest.raises(ValueError, match=r"is not an id|invalid literal"):
            number(wrong)


def test_old_links_name_an_entity_by_type_and_number() -> None:
    assert (old_name("item", 42), old_name("property", 31), old_name("lexeme", 3)) == ("Q42", "P31", "3")
    with pytest.raises(ValueError, match="names no entity"):
        old_name("item", None)
