"""Screening: which statements are fit, the one reason why each other is not, and who is spoken of in the past."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.core import reasons
from pipeline.core.parallel import InlineExecutor
from pipeline.core.settings import load_settings
from pipeline.core.tables import Database, read_table
from pipeline.language.lifespans import lifespan
from pipeline.language.template_parts import FalseStatement, KnownError
from pipeline.language.templates import Templates
from pipeline.select.screening import Ingested, make_types, screen
from pipeline.sources.entities import ingestion
from pipeline.sources.entities.rows import Wanted
from tests.entities import NOTHING, UNKNOWN, Json, amount, at, item, moment, statement, to, write_dump
from tests.minikg import (
    ADA,
    ANSEL_PAGE,
    BRUNO,
    CALM,
    CITY,
    CODED,
    COMPANY,
    COUNTRY,
    CROWN,
    DISAMBIGUATION_PAGE,
    EDDA,
    ENVOY,
    FAIR_TOWN,
    FILM,
    FINN,
    GREAT_MERIDIA,
    GREENPORT,
    GUEST,
    HARBOUR_TOWN,
    HARROW_PRESS,
    HUMAN,
    IBEN,
    INTI,
    KELDA,
    KOLYA,
    LOW_WATER,
    LOWMERE,
    LOWMERE_PAGE,
    MARA,
    MARKET_TOWN,
    MAYOR,
    MOOD,
    NEW_EDIT,
    NILS,
    NORRLAND,
    NOWHERE,
    NUMBERED,
    OLE_THE_ELDER,
    OLGA,
    OSTRAVA,
    PAINTER,
    PORT_ANSEL,
    REACHHOLM,
    RED_HARVEST,
    RUTH,
    SALTHOLM,
    STAFF,
    TEMPLATES,
    TIDE_PRIZE,
    TIDISM,
    TOVE_OF_OSTRAVA,
    UNNAMED,
    UNNAMED_COMPANY,
    VERDANIA,
    VERDANIA_UNIVERSITY,
    Mini,
    labelled,
    thing,
)

Row = dict[str, Any]

# One statement of the mini world for each reason

REJECTED: dict[str, tuple[int, str, str | None]] = {
    "deprecated": (VERDANIA, "P36", f"Q{SALTHOLM}"),
    "not_best_rank": (ADA, "P108", f"Q{HARROW_PRESS}"),
    "no_value": (RUTH, "P22", None),
    "ended": (ADA, "P26", f"Q{FINN}"),
    "not_started": (BRUNO, "P39", f"Q{ENVOY}"),
    "restricted": (EDDA, "P39", f"Q{MAYOR}"),
    "doubtful": (BRUNO, "P106", f"Q{PAINTER}"),
    "precision": (EDDA, "P569", "+1950-00-00T00:00:00Z/8"),
    "self_reference": (VERDANIA, "P155", f"Q{VERDANIA}"),
    "subject_unlabelled": (UNNAMED, "P27", f"Q{VERDANIA}"),
    "subject_label_unfit": (NUMBERED, "P27", f"Q{VERDANIA}"),
    "subject_meta": (ANSEL_PAGE, "P17", f"Q{VERDANIA}"),
    "subject_type": (REACHHOLM, "P57", f"Q{INTI}"),
    "object_missing": (MARA, "P19", f"Q{NOWHERE}"),
    "object_unlabelled": (MARA, "P108", f"Q{UNNAMED_COMPANY}"),
    "object_label_unfit": (MARA, "P106", f"Q{CODED}"),
    "object_meta": (MARA, "P69", f"Q{ANSEL_PAGE}"),
    "object_type": (MARA, "P106", f"Q{CALM}"),
    "object_unworded": (MARA, "P106", f"Q{STAFF}"),
    "label_leak": (VERDANIA_UNIVERSITY, "P17", f"Q{VERDANIA}"),
    "several_values": (OLGA, "P19", f"Q{SALTHOLM}"),
    "sensitive_living": (ADA, "P140", f"Q{TIDISM}"),
    "may_be_over": (KELDA, "P35", f"Q{INTI}"),
    "uncounted": (ADA, "P1971", "2"),  # she lives, and may have more children
    "coarse": (REACHHOLM, "P30", f"Q{GREAT_MERIDIA}"),
    "unrelated": (LOW_WATER, "P155", f"Q{RED_HARVEST}"),
    "homonym": (OLE_THE_ELDER, "P27", f"Q{VERDANIA}"),
    "excluded": (GUEST, "P27", f"Q{VERDANIA}"),
}


@pytest.mark.parametrize(("reason", "triple"), REJECTED.items(), ids=REJECTED)
def test_a_statement_is_rejected_for_its_reason(reason: str, triple: tuple[int, str, str | None], mini: Mini) -> None:
    subject, relation, object_key = triple
    (row,) = (row for row in triples_of(mini, subject, relation) if row["object_key"] == object_key)
    assert row["reason"] == reason


def test_a_second_statement_of_the_same_is_a_duplicate(mini: Mini) -> None:
    assert [row["reason"] for row in triples_of(mini, ADA, "P39")] == [None, "duplicate"]


def test_every_reason_has_its_statement() -> None:
    elsewhere = {
        "duplicate",
        "never_true",
        "known_error",
        "implausible",
        "footage",
        "unlisted",
    }  # test_implausible.py, test_unasked.py
    assert {*REJECTED, *elsewhere} == set(reasons.SCREENING)


@pytest.mark.parametrize(
    ("subject", "relation", "object_key"),
    [
        (VERDANIA, "P36", f"Q{GREENPORT}"),
        (ADA, "P19", f"Q{LOWMERE}"),  # a town by class path
        (ADA, "P569", "+1970-03-11T00:00:00Z/11"),
        (FINN, "P569", "+1968-05-00T00:00:00Z/10"),
        (FINN, "P140", f"Q{TIDISM}"),  # he has died
        (IBEN, "P569", "+1999-00-00T00:00:00Z/9"),
        (INTI, "P19", f"Q{PORT_ANSEL}"),  # labelled in "mul" alone
        (INTI, "P166", f"Q{TIDE_PRIZE}"),
        (TOVE_OF_OSTRAVA, "P27", f"Q{OSTRAVA}"),  # a namesake with a description of her own
    ],
)
def test_what_is_fit_has_no_reason(subject: int, relation: str, object_key: str, mini: Mini) -> None:
    assert mini.reason(subject, relation, object_key) is None


def triples_of(mini: Mini, subject: int, relation: str) -> list[Row]:
    rows = mini.rows("screening", "triples.parquet")
    return [row for row in rows if (row["subject_id"], row["relation"]) == (subject, relation)]


# What counts as true


def test_what_is_true_but_not_fit_to_be_asked_still_counts_as_an_object(mini: Mini) -> None:
    rows = {row["object_key"]: row for row in triples_of(mini, OLGA, "P19")}
    assert {row["is_true"] for row in rows.values()} == {True}
    assert {row["object_count"] for row in rows.values()} == {2}


@pytest.mark.parametrize("reason", ["deprecated", "not_best_rank", "no_value", "ended", "not_started", "restricted"])
def test_what_does_not_hold_plainly_now_is_no_object(reason: str, mini: Mini) -> None:
    rows = [row for row in mini.rows("screening", "triples.parquet") if row["reason"] == reason]
    assert rows
    assert not any(row["is_true"] for row in rows)


def test_an_object_held_twice_is_counted_once(mini: Mini) -> None:
    assert {row["object_count"] for row in triples_of(mini, ADA, "P39")} == {1}
    assert {row["object_count"] for row in triples_of(mini, ADA, "P106")} == {2}


def test_brothers_and_sisters_are_read_off_siblings_by_their_sex(mini: Mini) -> None:
    siblings = {relation: triples_of(mini, IBEN, relation) for relation in ("P3373", "P7", "P9")}
    assert {name: [row["object_id"] for row in rows] for name, rows in siblings.items()} == {
        "P3373": [KOLYA],
        "P7": [KOLYA],
        "P9": [],
    }


def test_namesakes_are_marked_where_their_objects_differ(mini: Mini) -> None:
    assert [row["is_homonym"] for row in triples_of(mini, TOVE_OF_OSTRAVA, "P27")] == [True]
    assert [row["is_homonym"] for row in triples_of(mini, TOVE_OF_OSTRAVA, "P106")] == [False]


def test_rows_stand_in_order_so_that_the_same_input_gives_the_same_bytes(mini: Mini) -> None:
    keys = [
        (row["subject_id"], row["relation"], row["object_key"] or "", row["statement_id"])
        for row in mini.rows("screening", "triples.parquet")
    ]
    assert keys == sorted(keys)


# Settings


def screened(
    mini: Mini, folder: Path, excluded: Iterable[int] = (), templates: Templates = TEMPLATES, **changed: object
) -> dict[Any, str | None]:
    """The reasons of the mini world's statements under other settings or templates."""
    tables = mini.stage("ingest")
    settings = mini.settings.screening.model_copy(update=changed)
    with Database(folder / "scratch", "200MB") as database:
        ingested = Ingested(tables / "statements", tables / "entities", mini.stage("screening") / "types.parquet")
        path = screen(ingested, templates, settings, excluded, database, folder)
    return {
        (row["subject_id"], row["relation"], row["object_key"]): row["reason"] for row in read_table(path).to_pylist()
    }


@pytest.mark.parametrize(
    ("changed", "triple"),
    [
        ({"allow_sensitive_living": True}, (ADA, "P140", f"Q{TIDISM}")),
        ({"ending": ()}, (EDDA, "P39", f"Q{ENVOY}")),
        ({"restricting": ()}, (EDDA, "P39", f"Q{MAYOR}")),
        ({"doubting": ()}, (BRUNO, "P106", f"Q{PAINTER}")),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_rules_can_be_lifted(
    changed: dict[str, object], triple: tuple[int, str, str], mini: Mini, tmp_path: Path
) -> None:
    assert mini.reason(*triple) is not None
    assert screened(mini, tmp_path, **changed)[triple] is None


def test_the_end_of_an_object_ends_what_must_hold_now(mini: Mini, tmp_path: Path) -> None:
    """Ada's husband has died, and the country around Reachholm is no more, whatever the qualifiers say."""
    found = screened(mini, tmp_path, ending=())
    assert found[ADA, "P26", f"Q{FINN}"] == "ended"
    assert found[REACHHOLM, "P17", f"Q{NORRLAND}"] == "ended"
    assert found[NILS, "P27", f"Q{NORRLAND}"] is None  # he is as dead as his country
    assert found[IBEN, "P22", f"Q{FINN}"] is None  # he stays her father


def test_limits_on_labels_can_be_moved(mini: Mini, tmp_path: Path) -> None:
    found = screened(mini, tmp_path, max_label_characters=len("Verdania"))
    assert found[ADA, "P27", f"Q{VERDANIA}"] == "subject_label_unfit"
    assert found[VERDANIA, "P36", f"Q{GREENPORT}"] == "object_label_unfit"
    assert found[LOWMERE, "P17", f"Q{VERDANIA}"] is None


def test_the_old_are_taken_for_dead_only_if_the_settings_say_so(mini: Mini, tmp_path: Path) -> None:
    screened(mini, tmp_path, assume_dead_after_years=200)
    assert NILS not in past(tmp_path)
    assert NILS in past(mini.stage("screening"))


def test_other_exclusions_exclude_others(mini: Mini, tmp_path: Path) -> None:
    found = screened(mini, tmp_path, [ADA])
    assert found[ADA, "P27", f"Q{VERDANIA}"] == "excluded"
    assert found[GUEST, "P27", f"Q{VERDANIA}"] is None
    assert found[IBEN, "P25", f"Q{ADA}"] is None  # she may still be an object


def test_statements_known_to_be_false_are_left_out(mini: Mini, tmp_path: Path) -> None:
    """An item and a number; what is not stated, or stated of somebody else, matches nothing."""
    errors = {
        "P27": (KnownError(subject=f"Q{ADA}", object=f"Q{VERDANIA}", why="she left"),),
        "P1971": (
            KnownError(subject=f"Q{ADA}", object="2", why="three"),
            KnownError(subject=f"Q{FINN}", object="77", why="not stated"),
        ),
    }
    templates = TEMPLATES.model_copy(update={"known_errors": errors})
    plain, found = screened(mini, tmp_path / "plain"), screened(mini, tmp_path / "known", templates=templates)
    changed = {key for key in plain if plain[key] != found[key]}
    (inverse,) = TEMPLATES.model_copy(update={"known_errors": {"P36": errors["P27"]}}).false_statements - {
        FalseStatement(ADA, "P36", f"Q{VERDANIA}")
    }
    assert inverse == FalseStatement(VERDANIA, "P1376", f"Q{ADA}")
    assert {key: found[key] for key in changed} == dict.fromkeys(
        [(ADA, "P27", f"Q{VERDANIA}"), (ADA, "P1971", "2")], "known_error"
    )
    (known,) = (tmp_path / "known").rglob("triples.parquet")
    assert not any(row["is_true"] for row in read_table(known).to_pylist() if row["reason"] == "known_error")


def past(folder: Path) -> set[int]:
    return {row["id"] for row in read_table(folder / "past.parquet").to_pylist()}


# Types


def test_types_are_found_along_class_paths_even_in_a_loop(mini: Mini) -> None:
    found = {(row["class_id"], row["type"]) for row in mini.rows("screening", "types.parquet")}
    assert {(number, "settlement") for number in (HARBOUR_TOWN, MARKET_TOWN)} <= found
    assert (FAIR_TOWN, "settlement") in found  # through the loop with market towns
    assert not any(number == MOOD for number, _ in found)


@pytest.mark.parametrize(
    ("depth", "reached"), [(0, set()), (1, {MARKET_TOWN}), (2, {MARKET_TOWN, HARBOUR_TOWN, FAIR_TOWN})]
)
def test_class_paths_are_followed_so_many_steps(depth: int, reached: set[int], mini: Mini, tmp_path: Path) -> None:
    with Database(tmp_path / "scratch", "200MB") as database:
        path = make_types(mini.stage("ingest") / "statements", TEMPLATES, depth, database, tmp_path / "types.parquet")
    found = {row["class_id"] for row in read_table(path).to_pylist() if row["type"] == "settlement"}
    assert found & {MARKET_TOWN, HARBOUR_TOWN, FAIR_TOWN} == reached


def test_pages_are_told_by_their_class(mini: Mini) -> None:
    assert mini.reason(ANSEL_PAGE, "P17", f"Q{VERDANIA}") == "subject_meta"
    assert mini.reason(LOWMERE_PAGE, "P17", f"Q{VERDANIA}") == "subject_meta"


# A dump of statements with two faults, of odd labels, dates and numbers; each judges the statement of that key


def judged(prop: str, main: Json, **more: Any) -> Json:
    return statement(prop, main, key="judged", **more)


def being(number: int, label: str, *claims: Json, about: str = "") -> Json:
    return thing(number, label, HUMAN, *claims, about=about)


ORIENTATION, HETERO, ACE = 17888, 5108, 5109
HOME, FIRM, GUILD, BLANK, PAGE, NUMERAL, GLOOM = 5101, 5102, 5103, 5104, 5105, 5106, 5107
BYGONE_HOME, FOREBEAR, GRANDMOTHER, CHILD, LATE, MAKER, YOUNG = 5110, 5111, 5112, 5114, 5115, 5116, 5118
OBJECTS = [
    thing(HOME, "Home", COUNTRY),
    thing(FIRM, "Firm", COMPANY),
    being(CHILD, "Child", statement("P569", at("1903"))),
    being(LATE, "Late", statement("P570", at("1902"))),
    being(MAKER, "Maker"),
    being(YOUNG, "Young", statement("P569", at("1966")), statement("P2031", at("1700"))),
    thing(5117, "Old Work", FILM, statement("P57", to(MAKER)), statement("P577", at("1903"))),
    thing(GUILD, "Guild", COMPANY),
    labelled(thing(BLANK, "", MOOD)),
    thing(PAGE, "1905", DISAMBIGUATION_PAGE),
    thing(NUMERAL, "1906", MOOD),
    thing(GLOOM, "gloom", MOOD),
    thing(BYGONE_HOME, "Bygone Home", COUNTRY, statement("P576", at("1903"))),
    thing(FOREBEAR, "Forebear", HUMAN, statement("P569", at("1803")), statement("P22", to(5113))),
    thing(5113, "Father of Forebear", HUMAN),
    thing(GRANDMOTHER, "Grandmother", HUMAN, statement("P569", at("1905"))),
]

PART = {"P518": to(HOME)}
TWO_FAULTS: dict[tuple[str, str], Json] = {
    ("deprecated", "no_value"): being(5001, "Ann 1", judged("P22", UNKNOWN, rank="deprecated")),
    ("not_best_rank", "ended"): being(
        5002, "Ann 2", judged("P108", to(FIRM), end=at("1990")), statement("P108", to(GUILD), "other", rank="preferred")
    ),
    ("no_value", "ended"): being(5003, "Ann 3", judged("P22", UNKNOWN, end=at("1990"))),
    ("ended", "not_started"): being(5004, "Ann 4", judged("P27", to(HOME), start=at("2040"), end=at("2050"))),
    ("not_started", "restricted"): being(5005, "Ann 5", judged("P27", to(HOME), start=at("2040"), qualifiers=PART)),
    ("restricted", "doubtful"): being(5006, "Ann 6", judged("P27", to(HOME), qualifiers={**PART, "P1480": to(HOME)})),
    ("doubtful", "self_reference"): being(5007, "Ann 7", judged("P26", to(5007), qualifiers={"P1480": to(HOME)})),
    ("self_reference", "subject_type"): thing(5008, "Ann 8", MOOD, judged("P26", to(5008))),
    ("precision", "excluded"): being(5009, "Ann 9", judged("P569", at("1950s"))),
    ("excluded", "subject_unlabelled"): labelled(being(5010, "", judged("P27", to(HOME)))),
    ("subject_unlabelled", "subject_meta"): labelled(thing(5011, "", DISAMBIGUATION_PAGE, judged("P17", to(HOME)))),
    ("subject_meta", "subject_label_unfit"): thing(5012, "1912", DISAMBIGUATION_PAGE, judged("P17", to(HOME))),
    ("subject_label_unfit", "subject_type"): thing(5013, "1913", MOOD, judged("P17", to(HOME))),
    ("subject_type", "object_missing"): thing(5014, "Ann 14", MOOD, judged("P17", to(NOWHERE))),
    ("object_unlabelled", "object_type"): being(5015, "Ann 15", judged("P27", to(BLANK))),
    ("object_meta", "object_label_unfit"): being(5016, "Ann 16", judged("P27", to(PAGE))),
    ("object_label_unfit", "object_type"): being(5017, "Ann 17", judged("P27", to(NUMERAL))),
    ("object_type", "label_leak"): being(5018, "Ann of Gloom", judged("P27", to(GLOOM))),
    ("label_leak", "several_values"): being(
        5019, "Ann of Home", judged("P19", to(HOME)), statement("P19", to(FIRM), "other")
    ),
    ("several_values", "sensitive_living"): being(
        5020, "Ann 20", judged("P91", to(HETERO)), statement("P91", to(ACE), "other")
    ),
}
EXCLUDED = [5009, 5010]

LABELS = {
    "Al": None,
    "A": "subject_label_unfit",
    "x" * 80: None,
    "x" * 81: "subject_label_unfit",
    "1917": "subject_label_unfit",
    "1917 (film)": "subject_label_unfit",
    "1917 (The Film)": None,
    "List of bridges in Amsterdam": "subject_label_unfit",
    "List of Honour": None,
    "!!!": "subject_label_unfit",
    "Q42": "subject_label_unfit",
    "P31": "subject_label_unfit",
    "L7": "subject_label_unfit",
    "Q42b": None,
    "{name}": "subject_label_unfit",
    "a [sic] name": "subject_label_unfit",
    "name|other": "subject_label_unfit",
    "two\nlines": None,  # read as two words
    " spaced": None,
    "two  spaces": None,
    "Audi Q5": "subject_label_unfit",
    "P51": "subject_label_unfit",
    "www.example.org": "subject_label_unfit",
    "P-51 Mustang": None,
    "On the sea and what lives in it.": "subject_label_unfit",
    "Who's Afraid?": None,
    "Mamma Mia!": None,
    "Everton F.C.": None,
    "大阪": None,
}
DATES = {
    "a day": (moment("+1952-03-11T00:00:00Z", 11), None),
    "a second": (moment("+1952-03-11T10:11:12Z", 14), None),
    "a month": (moment("+1952-03-00T00:00:00Z", 10), None),
    "a month as its first day": (moment("+1952-03-01T00:00:00Z", 10), None),
    "a year": (moment("+1952-00-00T00:00:00Z", 9), None),
    "a year before Christ": (moment("-0044-00-00T00:00:00Z", 9), None),
    "a decade": (moment("+1950-00-00T00:00:00Z", 8), "precision"),
    "a century": (moment("+1900-00-00T00:00:00Z", 7), "precision"),
    "a day without its number": (moment("+1952-03-00T00:00:00Z", 11), "precision"),
    "a month without its number": (moment("+1952-00-00T00:00:00Z", 10), "precision"),
    "no time at all": (moment("soon", 11), "precision"),
    "an unknown time": (UNKNOWN, "no_value"),
    "a number": (amount("+1952"), "no_value"),
}
RUSSIAN_EMPIRE, SOVIET_UNION, WALES = 34266, 15180, 25
OLD_STYLE = {  # a day of birth, and the state of whoever was born then
    "a day of the Julian calendar, or of ours": ("1904-02-08", RUSSIAN_EMPIRE, "precision"),
    "also where a later state is named": ("1904-02-08", SOVIET_UNION, "precision"),
    "a day of ours": ("1918-02-15", SOVIET_UNION, None),
    "another state": ("1904-02-08", HOME, None),
}
NUMBERS = {
    "none": (amount("+0"), "uncounted"),  # but one is listed
    "three": (amount("+3"), None),
    "three without a sign": (amount("3"), None),
    "less than none": (amount("-1"), "no_value"),
    "two and a half": (amount("+2.5"), "no_value"),
    "three crowns": (amount("+3", unit=CROWN), "no_value"),
}
PARENT = (statement("P570", at("2001")), statement("P40", to(HOME)))
DEATHS = {
    "a date of death": (statement("P570", at("2001")), True),
    "an unknown date of death": (statement("P570", UNKNOWN), True),
    "no date of death": (statement("P570", NOTHING), False),
    "a deprecated date of death": (statement("P570", at("2001"), rank="deprecated"), False),
    "a place of burial": (statement("P119", to(HOME)), True),
    "a cause of death": (statement("P509", to(HOME)), True),
    "a dissolution": (statement("P576", at("1999")), True),
    "a birth 121 years ago": (statement("P569", at("1903")), True),
    "a birth 119 years ago": (statement("P569", at("1905")), False),
    "a birth 99 years ago": (statement("P569", at("1925")), False),
    "a birth some decade long ago": (statement("P569", at("1890s")), True),
    "a deprecated birth long ago": (statement("P569", at("1803"), rank="deprecated"), False),
    "a home": (statement("P27", to(HOME)), False),
    "a home that was dissolved 121 years ago": (statement("P27", to(BYGONE_HOME)), True),
    "a job in a home that was dissolved 121 years ago": (statement("P108", to(BYGONE_HOME)), False),
    "a baptism 121 years ago": (statement("P1636", at("1903")), True),
    "work 121 years ago": (statement("P1317", at("1903")), True),
    "work 90 years ago": (statement("P2032", at("1934")), False),
    "an office held 121 years ago": (statement("P39", to(HOME), qualifiers={"P582": at("1903")}), True),
    "an office held 90 years ago": (statement("P39", to(HOME), qualifiers={"P580": at("1934")}), False),
    "a child born 121 years ago": (statement("P40", to(CHILD)), True),
    "a spouse born 121 years ago": (statement("P26", to(CHILD)), False),  # they may have been born much later
    "a mother who died 122 years ago": (statement("P25", to(LATE)), True),
    "a spouse who died 122 years ago": (statement("P26", to(LATE)), True),
    "a mother born 221 years ago": (statement("P25", to(FOREBEAR)), True),
    "a mother born 119 years ago": (statement("P25", to(GRANDMOTHER)), False),
}
ABOUT = {
    "British statesman (1874–1965)": True,
    "painter (c. 1490 - 1557)": True,
    "queen who stepped down (1972–2024)": False,
    "emperor of Brazil (1822–1831)": True,
    "poet (1915–1970)": True,
    "American actor (1931–1955)": True,
    "American actor (8 February 1931 – 30 September 1955)": True,
    "American actress, 1903–1984": True,
    "king (1915–1970)": True,  # 55 years are more than a reign
    "president (1916–1970)": False,  # these may be those of a term
    "band leader (active 1940–1999)": False,
    "singer (1998–2008)": False,  # nobody lives ten years and sings
    "Italian painter (died 1712)": True,
    "18th-century French philosopher": True,
    "English 17th- and 18th-century composer": True,
    "20th-century composer": False,
    "historian of 18th-century art": False,
    "historian of the Weimar Republic (1919–1933)": False,
    "politician, historian and writer (1920–2003)": True,
    "Greek philosopher (4th century BC)": True,
    "ancient Greek playwright": True,
    "ancient historian": False,
    "premier (1893–1903)": True,  # 121 years before the newer state
    "premier (1894–1904)": False,
    "American actor (born 1949)": False,
    "1874–1965": False,
}


def bare(number: int, label: str) -> Json:
    """An item of which nothing is said but its label."""
    return item(number, label=label)


STATES = {
    "a historical country": (thing(5801, "Oldland", 3024240), True),
    "a city that was a country": (thing(5802, "Oldtown", CITY, statement("P31", to(3024240), "also")), False),
    "with its years": (thing(5803, "Midland", COUNTRY, about="monarchy between 1804 and 1867"), True),
    "with its years in brackets": (thing(5804, "Sovland", COUNTRY, about="federal state (1922–1991)"), True),
    "with its years, and a firm besides": (
        thing(5807, "Twoland", COUNTRY, statement("P31", to(COMPANY), "also"), about="colony (1822–1891)"),
        True,
    ),
    "since a year": (thing(5805, "Newland", COUNTRY, about="sovereign state since 1991"), False),
    "no state at all": (thing(5806, "Old Firm", COMPANY, about="shipyard (1922–1991)"), False),
}
THINGS = {
    "a former firm": (thing(5901, "Oldwave", COMPANY, about="former record company"), True),
    "a defunct one": (thing(5902, "Oldwire", COMPANY, about="American defunct airline"), True),
    "one that was": (thing(5903, "Oldpress", COMPANY, about="was a publisher of maps"), True),
    "a historical province": (thing(5904, "Oldshire", COMPANY, about="historical province of the north"), True),
    "a former subsidiary": (thing(5905, "Newwave", COMPANY, about="former subsidiary of a firm"), False),
    "a former home": (thing(5906, "The Hall", COMPANY, about="former royal home of the governors"), False),
    "a historical drama": (thing(5907, "The Oath", FILM, about="historical drama film"), False),
    "a former capital": (thing(5908, "Oldburg", CITY, about="former municipality in the north"), False),
    "a former president": (thing(5909, "Ole Sund", HUMAN, about="former president of a firm"), False),
    "a firm with formerly in it": (thing(5910, "Newpress", COMPANY, about="publisher, formerly of maps"), False),
    "a name alone": (bare(5911, "Kingdom of Norrland"), True),
    "the name of a dynasty": (bare(5912, "Salt dynasty"), True),
    "another name alone": (bare(5913, "Newland"), False),
    "a name with a class": (thing(5914, "Kingdom of Newland", COUNTRY), False),
    "a name with a description": (
        {**bare(5915, "Kingdom of Midland"), "descriptions": {"en": {"language": "en", "value": "country"}}},
        False,
    ),
}
NAMESAKES = {
    "with descriptions, whatever the case": ([("Twin", "a sailor", FIRM), ("twin", "a painter", GUILD)], None),
    "with one description for both": ([("Pair", "a sailor", FIRM), ("Pair", "A Sailor", GUILD)], "homonym"),
    "one of them without description": ([("Lone", "a sailor", FIRM), ("Lone", "", GUILD)], "homonym"),
    "told apart by an aside alone": ([("Side", "a sailor (1)", FIRM), ("Side", "a sailor (2)", GUILD)], "homonym"),
    "with an id for a description": ([("Code", "see Q42", FIRM), ("Code", "a painter", GUILD)], "homonym"),
    "with the same object": ([("Like", "", FIRM), ("Like", "", FIRM)], None),
}


def _numbered(start: int, names: Iterable[str]) -> dict[str, int]:
    return {name: start + place for place, name in enumerate(names)}


LABEL_IDS, DATE_IDS, NUMBER_IDS = _numbered(5200, LABELS), _numbered(5300, DATES), _numbered(5400, NUMBERS)
DEATH_IDS, ABOUT_IDS = _numbered(5500, DEATHS), _numbered(5700, ABOUT)
NAMESAKE_IDS = {name: 5600 + 10 * place for place, name in enumerate(NAMESAKES)}


OLD_STYLE_IDS, A_CITIZEN_OF_WALES = _numbered(6200, OLD_STYLE), 6300


def _all_items() -> Iterator[Json]:
    yield from (*OBJECTS, thing(HETERO, "heterosexuality", ORIENTATION), thing(ACE, "asexuality", ORIENTATION))
    yield from TWO_FAULTS.values()
    yield from (being(number, label, judged("P27", to(HOME))) for label, number in LABEL_IDS.items())
    yield from (being(number, f"Born {number}", judged("P569", DATES[name][0])) for name, number in DATE_IDS.items())
    for name, number in OLD_STYLE_IDS.items():
        day, state, _ = OLD_STYLE[name]
        born = judged("P569", moment(f"+{day}T00:00:00Z", 11))
        yield being(number, f"Old {number}", born, statement("P27", to(state)))
    yield being(A_CITIZEN_OF_WALES, "Idris", judged("P27", to(WALES)))
    yield from (
        being(number, f"Kin {number}", judged("P1971", NUMBERS[n][0]), *PARENT) for n, number in NUMBER_IDS.items()
    )
    yield from (being(number, f"Late {number}", DEATHS[name][0]) for name, number in DEATH_IDS.items())
    yield from (being(number, f"Known {number}", about=text) for text, number in ABOUT_IDS.items())
    yield from (one for one, _ in (*STATES.values(), *THINGS.values()))
    for name, number in NAMESAKE_IDS.items():
        for place, (label, about, employer) in enumerate(NAMESAKES[name][0]):
            yield being(number + place, label, judged("P108", to(employer)), about=about)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TRIPLES and PAST of these items."""
    folder = tmp_path_factory.mktemp("faulty")
    path = write_dump(folder / "new.json", ({**one, "modified": NEW_EDIT} for one in _all_items()))
    settings = load_settings()
    relations = {relation.source_property for relation in TEMPLATES.relations.values()}
    dates = {f"P{number}" for number in TEMPLATES.dating.properties}
    wanted = Wanted(frozenset({"P31", "P279"} | relations | dates), frozenset())
    ingestion.ingest(path, folder / "in", wanted, settings.dump, InlineExecutor(), 1)
    with Database(folder / "scratch", "200MB") as database:
        types = make_types(folder / "in" / "statements", TEMPLATES, 3, database, folder / "types.parquet")
        ingested = Ingested(folder / "in" / "statements", folder / "in" / "entities", types)
        screen(ingested, TEMPLATES, settings.screening, EXCLUDED, database, folder)
    return folder


@pytest.fixture(scope="module")
def reasons_of(faulty: Path) -> dict[int, str | None]:
    """The reason of the judged statement of each item."""
    rows = read_table(faulty / "triples.parquet").to_pylist()
    return {row["subject_id"]: row["reason"] for row in rows if row["statement_id"].endswith("$judged")}


@pytest.mark.parametrize("faults", TWO_FAULTS, ids="-before-".join)
def test_of_two_faults_the_first_is_told(faults: tuple[str, str], reasons_of: dict[int, str | None]) -> None:
    number = int(TWO_FAULTS[faults]["id"][1:])
    assert reasons_of[number] == faults[0]


@pytest.mark.parametrize(("label", "reason"), LABELS.items(), ids=lambda value: str(value)[:20])
def test_a_label_must_be_a_name(label: str, reason: str | None, reasons_of: dict[int, str | None]) -> None:
    assert reasons_of[LABEL_IDS[label]] == reason


@pytest.mark.parametrize("name", DATES)
def test_a_date_must_be_as_precise_as_it_says(name: str, reasons_of: dict[int, str | None]) -> None:
    assert reasons_of[DATE_IDS[name]] == DATES[name][1]


@pytest.mark.parametrize("name", OLD_STYLE)
def test_a_day_that_may_be_of_the_old_calendar_is_none(name: str, reasons_of: dict[int, str | None]) -> None:
    assert reasons_of[OLD_STYLE_IDS[name]] == OLD_STYLE[name][2]


def test_what_no_relation_ever_holds_of_is_never_true(reasons_of: dict[int, str | None]) -> None:
    assert reasons_of[A_CITIZEN_OF_WALES] == "never_true"


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_must_be_a_bare_figure(name: str, reasons_of: dict[int, str | None]) -> None:
    assert reasons_of[NUMBER_IDS[name]] == NUMBERS[name][1]


@pytest.mark.parametrize("name", DEATHS)
def test_the_dead_and_the_dissolved_are_of_the_past(name: str, faulty: Path) -> None:
    assert (DEATH_IDS[name] in past(faulty)) is DEATHS[name][1]


@pytest.mark.parametrize("text", ABOUT)
def test_a_description_may_tell_that_somebody_has_died(text: str, faulty: Path) -> None:
    assert (ABOUT_IDS[text] in past(faulty)) is ABOUT[text]


@pytest.mark.parametrize("text", ABOUT)
def test_python_reads_a_description_as_the_tables_do(text: str) -> None:
    words, screening = TEMPLATES.dating.descriptions, load_settings().screening
    oldest, life = screening.assume_dead_after_years, screening.years_of_a_life
    assert lifespan(text, words, 2024, oldest=oldest, life=life).has_died is ABOUT[text]


def test_a_late_birth_says_more_than_early_work(faulty: Path) -> None:
    """Wikidata has an actress of 1966 at work since 1700."""
    assert YOUNG not in past(faulty)


def test_the_maker_of_an_old_work_has_died(faulty: Path) -> None:
    assert MAKER in past(faulty)


@pytest.mark.parametrize(
    ("name", "is_undated"),
    [
        (DEATH_IDS["a birth 119 years ago"], True),  # nobody entered a death, and nobody need have
        (DEATH_IDS["a home"], True),
        (DEATH_IDS["a birth 99 years ago"], False),
        (DEATH_IDS["a date of death"], False),
        (ABOUT_IDS["American actor (born 1949)"], False),
        (ABOUT_IDS["president (1916–1970)"], True),
        (HOME, False),  # no person
    ],
)
def test_of_people_without_dates_nobody_knows_whether_they_live(name: int, is_undated: bool, faulty: Path) -> None:
    undated = {row["id"] for row in read_table(faulty / "undated.parquet").to_pylist()}
    assert (name in undated) is is_undated
    assert undated.isdisjoint(past(faulty))


@pytest.mark.parametrize("name", STATES)
def test_states_of_the_past_are_told_by_class_or_years(name: str, faulty: Path) -> None:
    one, is_past = STATES[name]
    assert (int(one["id"][1:]) in past(faulty)) is is_past


@pytest.mark.parametrize("name", THINGS)
def test_things_of_the_past_are_told_by_their_description_or_name(name: str, faulty: Path) -> None:
    one, is_past = THINGS[name]
    assert (int(one["id"][1:]) in past(faulty)) is is_past


def test_the_next_of_kin_of_the_long_dead_are_dead_either_way(faulty: Path) -> None:
    assert {FOREBEAR, 5113} <= past(faulty)


@pytest.mark.parametrize("name", NAMESAKES)
def test_namesakes_stay_if_their_descriptions_tell_them_apart(name: str, reasons_of: dict[int, str | None]) -> None:
    people, reason = NAMESAKES[name]
    assert [reasons_of[NAMESAKE_IDS[name] + place] for place in range(len(people))] == [reason] * len(people)
