"""A mini world of invented places, people, films and pages in two states a week apart, and what the line makes of it.

Whatever screening, selection, wording, probes, splits and variants must distinguish stands here, and every oddity says
what it is for. `entities` gives the items as either dump holds them; the session's fixture `mini` is a build of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import pytest

from pipeline.core import schema
from pipeline.core.edit_record import Edit
from pipeline.core.progress import Reporter
from pipeline.core.settings import Settings, load_settings
from pipeline.core.tables import read_table
from pipeline.edits.edits import FactRow, Origin, make_edits
from pipeline.jobs.build import Built, Options, Sources, build
from pipeline.language.subgraph import Subgraph
from pipeline.language.subgraph_tables import load_subgraph
from pipeline.language.templates import load_templates
from pipeline.release.assemble import read_release
from tests.entities import NOTHING, UNKNOWN, Json, amount, at, item, statement, to, write_dump

TEMPLATES = load_templates()
OLD_EDIT, NEW_EDIT = "2024-06-01T12:00:00Z", "2024-06-08T12:00:00Z"
ORIGIN = Origin("dump", datetime(2024, 6, 1, 12, tzinfo=UTC), datetime(2024, 6, 8, 12, tzinfo=UTC))

# Classes and sexes as Wikidata numbers them
HUMAN, COUNTRY, CITY, TOWN, CONTINENT, FILM = 5, 6256, 515, 3957, 5107, 11424
SUPERCONTINENT = 55833
LANGUAGE, CURRENCY, PROFESSION, POSITION, AWARD = 34770, 8142, 28640, 4164871, 618779
UNIVERSITY, COMPANY, RELIGION, GENDER, CEMETERY = 3918, 4830453, 9174, 48264, 39614
DISAMBIGUATION_PAGE, DUPLICATED_PAGE = 4167410, 17362920
MALE, FEMALE = 6581097, 6581072

# Classes of our own: a harbour town is a market town, which is a town; market and fair towns are each other's
# subclasses; a mood is of no type that any relation takes.
HARBOUR_TOWN, MARKET_TOWN, FAIR_TOWN, MOOD = 901, 902, 903, 904

MERIDIA, AUSTRALIS, GREAT_MERIDIA = 1001, 1002, 1003
VERDANIA, OSTRAVA, NORRLAND, KELDA = 1101, 1102, 1103, 1104
GREENPORT, SALTHOLM, LOWMERE, REACHHOLM, PORT_ANSEL, KELDA_TOWN, HILL_CEMETERY = range(1201, 1208)
VERDANIAN, OSTRAVAN, CROWN, SHELL_COIN = 1301, 1302, 1311, 1312
WRITER, HYDROLOGIST, PAINTER, AUTHOR, MAYOR, ENVOY, CALM, CODED, STAFF = (
    *(1401, 1402, 1403, 1404),
    *(1411, 1412, 1491, 1492, 1493),
)
LOWMERE_COLLEGE, VERDANIA_UNIVERSITY, HARROW_PRESS, TIDEWATER, ISLES_TRADING, UNNAMED_COMPANY = range(1501, 1507)
SHELL_AWARD, TIDE_PRIZE, TIDISM, REEFISM = 1601, 1602, 1611, 1612
ADA, FINN, IBEN, KOLYA, RUTH = 2001, 2002, 2003, 2004, 2005
EDDA, BRUNO, MARA, OLGA, INTI, VERA, NILS, ANSEL = 2011, 2012, 2013, 2014, 2015, 2016, 2017, 2018
TOVE_OF_VERDANIA, TOVE_OF_OSTRAVA, OLE_THE_ELDER, OLE_THE_YOUNGER = 2021, 2022, 2023, 2024
UNNAMED, NUMBERED, GUEST = 2031, 2032, 2033
GREY_TIDE, RED_HARVEST, LOW_WATER, TIDES = 3001, 3002, 3003, 3004
ANSEL_PAGE, LOWMERE_PAGE = 4001, 4002
NOWHERE = 9999  # stands in neither dump

VIEWS = {
    ADA: 900,
    FINN: 800,
    VERDANIA: 700,
    GREENPORT: 600,
    GREY_TIDE: 500,
    IBEN: 400,
    OSTRAVA: 300,
    INTI: 200,
    KOLYA: 100,
}


def says(prop: str, main: Json, twin: str = "", **more: Any) -> Json:
    """A statement whose id names its property and value, as in P36-1201; a twin says the same under another id."""
    held = main.get("datavalue", {}).get("value", {})
    value = held.get("numeric-id") or held.get("time") or held.get("amount") or main["snaktype"]
    return statement(prop, main, key=f"{prop}-{value}{twin}", **more)


def links(prop: str, *objects: int) -> list[Json]:
    """A plain statement for each object."""
    return [says(prop, to(number)) for number in objects]


def came(now: Json, before: Json | None = None) -> Json:
    """A statement that came within the week, or was another one before."""
    return {**now, "before": before}


def thing(number: int, label: str, kind: int, *claims: Json, about: str = "", aliases: Iterable[str] = ()) -> Json:
    """An item, with a label and perhaps a description and aliases in English."""
    return item(
        number,
        says("P31", to(kind)),
        *claims,
        label=label,
        descriptions={"en": {"language": "en", "value": about}} if about else {},
        aliases={"en": [{"language": "en", "value": alias} for alias in aliases]},
    )


def person(number: int, label: str, gender: int, *claims: Json, about: str = "", aliases: Iterable[str] = ()) -> Json:
    """A human being."""
    return thing(number, label, HUMAN, says("P21", to(gender)), *claims, about=about, aliases=aliases)


def labelled(one: Json, **labels: str) -> Json:
    """An item with labels in these languages and in no other."""
    return {**one, "labels": {code: {"language": code, "value": text} for code, text in labels.items()}}


CLASSES = (
    thing(HARBOUR_TOWN, "harbour town", MOOD, *links("P279", MARKET_TOWN)),
    thing(MARKET_TOWN, "market town", MOOD, *links("P279", TOWN, FAIR_TOWN)),
    thing(FAIR_TOWN, "fair town", MOOD, *links("P279", MARKET_TOWN)),
)

PLACES = (
    thing(MERIDIA, "Meridia", CONTINENT),
    thing(AUSTRALIS, "Australis", CONTINENT),
    thing(GREAT_MERIDIA, "Great Meridia", SUPERCONTINENT),
    thing(
        VERDANIA,
        "Verdania",
        COUNTRY,
        *links("P36", GREENPORT),
        says("P36", to(SALTHOLM), rank="deprecated"),
        came(says("P6", to(EDDA), start=at("2019"), end=at("2024-06-05")), says("P6", to(EDDA), start=at("2019"))),
        came(says("P6", to(BRUNO), start=at("2024-06-05"))),
        says("P35", to(VERA), start=at("2022")),
        *links("P37", VERDANIAN, OSTRAVAN),
        *links("P30", MERIDIA),
        says("P38", to(CROWN), start=at("2002")),
        *links("P155", VERDANIA),  # follows itself
        aliases=[
            *("Republic of\u00a0Verdania", "Land of Two Rivers", "VER", "Verdania  Proper", "[Verdania]"),
            *("L7", "P51", "\u200f"),  # no names: a release must not fail for them
        ],
    ),
    thing(
        OSTRAVA,
        "Ostrava Isles",  # "the Ostrava Isles"
        COUNTRY,
        *links("P36", SALTHOLM),
        says("P35", to(OLGA), start=at("2022")),
        *links("P37", OSTRAVAN),
        *links("P30", AUSTRALIS),
        says("P38", to(SHELL_COIN), start=at("2002")),
    ),
    thing(  # a country of the past
        NORRLAND, "Norrland Reach", COUNTRY, *links("P36", REACHHOLM), *links("P30", MERIDIA), says("P576", at("1999"))
    ),
    thing(
        KELDA,
        "Kelda",
        COUNTRY,
        *links("P35", INTI),
        says("P36", to(KELDA_TOWN), start=at("1990")),
        *links("P30", MERIDIA),
        says("P38", to(CROWN), start=at("2002")),
    ),
    thing(
        GREENPORT,
        "\u200eGreenport",
        CITY,
        *links("P1376", VERDANIA),
        *links("P17", VERDANIA),
        aliases=["City of Greenport", "Puerto Verde"],
    ),
    thing(SALTHOLM, "Saltholm", CITY, *links("P1376", OSTRAVA), *links("P17", OSTRAVA)),
    thing(LOWMERE, "Lowmere", HARBOUR_TOWN, *links("P17", VERDANIA)),
    thing(
        REACHHOLM, "Reachholm", CITY, *links("P17", NORRLAND), *links("P30", GREAT_MERIDIA), *links("P57", INTI)
    ),  # nobody directs a city
    labelled(thing(PORT_ANSEL, "", CITY, *links("P17", OSTRAVA)), mul="Port Ansel"),
    thing(KELDA_TOWN, "Kelda Town", TOWN, *links("P17", KELDA)),  # gives away its country
    thing(HILL_CEMETERY, "Hill Cemetery", CEMETERY, *links("P17", VERDANIA)),
)

KINDS = (
    thing(VERDANIAN, "Verdanian", LANGUAGE),
    thing(OSTRAVAN, "Ostravan", LANGUAGE),
    thing(CROWN, "Verdan crown", CURRENCY),
    thing(SHELL_COIN, "shell coin", CURRENCY),
    thing(WRITER, "writer", PROFESSION),
    thing(HYDROLOGIST, "hydrologist", PROFESSION),
    thing(PAINTER, "painter", PROFESSION),
    thing(AUTHOR, "author", PROFESSION, aliases=["Writer"]),  # no other occupation than that of a writer
    thing(MAYOR, "mayor", POSITION),
    thing(ENVOY, "envoy", POSITION),
    thing(CALM, "calm", MOOD),
    thing(CODED, "Q1492", PROFESSION),  # an id for a label
    thing(STAFF, "harbour staff", PROFESSION),  # many people
    thing(SHELL_AWARD, "Golden Shell Award", AWARD),
    thing(TIDE_PRIZE, "High Tide Prize", AWARD),
    thing(TIDISM, "Tidism", RELIGION),
    thing(REEFISM, "Reefism", RELIGION),
    thing(MALE, "male", GENDER),
    thing(FEMALE, "female", GENDER),
    thing(LOWMERE_COLLEGE, "Tidal College", UNIVERSITY, *links("P17", VERDANIA), *links("P112", ADA)),
    thing(VERDANIA_UNIVERSITY, "University of Verdania", UNIVERSITY, *links("P17", VERDANIA)),
    thing(HARROW_PRESS, "Harrow Press", COMPANY, *links("P17", VERDANIA), *links("P112", EDDA)),
    thing(TIDEWATER, "Tidewater Institute", COMPANY, *links("P17", OSTRAVA), aliases=["TWI", "Tidewater"]),
    thing(ISLES_TRADING, "Ostrava Isles Trading", COMPANY, *links("P17", VERDANIA)),  # is not there
    thing(UNNAMED_COMPANY, "", COMPANY),
)

FAMILY = (
    person(
        ADA,
        "Ada Rooke",
        FEMALE,
        says("P569", at("1970-03-11")),
        *links("P19", LOWMERE),
        *links("P27", VERDANIA),
        *links("P106", WRITER, HYDROLOGIST),
        says("P39", to(MAYOR)),
        says("P39", to(MAYOR), twin="-again"),
        *links("P69", LOWMERE_COLLEGE),
        says("P108", to(HARROW_PRESS)),  # gives way to a preferred statement
        says("P108", to(TIDEWATER), rank="preferred"),
        came(says("P26", to(FINN), end=at("2024-06-03")), says("P26", to(FINN))),
        *links("P40", IBEN, KOLYA),
        says("P1971", amount("+2")),
        *links("P140", TIDISM),  # nobody's business while she lives
        about="Verdanian writer",
        aliases=["Ada W. Rooke", "Ada Winter Rooke"],
    ),
    person(
        FINN,
        "Finn Rooke",
        MALE,
        says("P569", at("1968-05")),
        came(says("P570", at("2024-06-03"))),
        *links("P19", GREENPORT),
        came(says("P20", to(SALTHOLM))),  # dated by his death
        *links("P119", HILL_CEMETERY),
        *links("P27", VERDANIA),
        *links("P106", PAINTER),
        *links("P3373", RUTH),
        *links("P40", IBEN, KOLYA),
        says("P1971", amount("+2", unit=CROWN)),  # two crowns are not a number of children
        *links("P140", TIDISM),
        aliases=["Captain Rooke"],
    ),
    person(
        IBEN,
        "Iben Rooke",
        FEMALE,
        says("P569", at("1999")),
        *links("P22", FINN),
        *links("P25", ADA),
        *links("P3373", KOLYA),
        *links("P27", VERDANIA),
        *links("P106", PAINTER),
        aliases=["Iben Sølvi Rooke", "Captain Rooke"],
    ),
    person(
        KOLYA,
        "Kolya Rooke",
        MALE,
        *links("P22", FINN),
        *links("P25", ADA),
        *links("P3373", IBEN),
        *links("P27", OSTRAVA),
        *links("P106", WRITER),
    ),
    person(
        RUTH,
        "Ruth Rooke",
        FEMALE,
        *links("P3373", FINN),
        *links("P19", GREENPORT),
        says("P22", UNKNOWN),
        says("P40", NOTHING),
    ),
)

PEOPLE = (
    person(
        EDDA,
        "Edda Winter",
        FEMALE,
        says("P569", at("1950s")),  # no year to print
        *links("P19", SALTHOLM),
        *links("P27", VERDANIA),
        *links("P106", AUTHOR),
        says("P39", to(ENVOY), end=at("2001")),
        says("P39", to(MAYOR), qualifiers={"P642": to(LOWMERE)}),  # mayor of what
    ),
    person(
        BRUNO,
        "Bruno Hald",
        MALE,
        says("P569", at("1961")),
        *links("P27", OSTRAVA),
        says("P26", to(VERA), start=at("2018")),
        says("P39", to(ENVOY), start=at("2030")),
        says("P106", to(PAINTER), qualifiers={"P5102": to(CALM)}),  # or so they say
    ),
    person(
        MARA,
        "Mara Quellin",
        FEMALE,
        *links("P27", VERDANIA),
        *links("P106", CALM, CODED, STAFF),
        *links("P19", NOWHERE),
        *links("P108", UNNAMED_COMPANY),
        *links("P69", ANSEL_PAGE),
    ),
    person(
        OLGA, "Olga Sund", FEMALE, *links("P19", SALTHOLM, PORT_ANSEL), *links("P27", OSTRAVA), *links("P103", OSTRAVAN)
    ),
    person(
        INTI,
        "Inti Ñandú",
        MALE,
        *links("P27", OSTRAVA),
        *links("P19", PORT_ANSEL),
        says("P166", to(SHELL_AWARD), twin="-earlier", on=at("2020")),
        came(says("P166", to(SHELL_AWARD), on=at("2024-06-05"))),  # a second time
        came(says("P166", to(TIDE_PRIZE), on=at("2024-06-06"))),
    ),
    person(
        VERA,
        "Vera Ostlund",
        FEMALE,
        *links("P27", VERDANIA),
        says("P26", to(BRUNO), start=at("2018")),
        came(says("P106", to(WRITER))),  # nobody says since when
        came(says("P166", to(SHELL_AWARD), on=at("2011"))),
        came(says("P166", to(TIDE_PRIZE), on=at("2024"))),  # most of the year so far is before the window
    ),
    person(
        NILS, "Nils Vester", MALE, says("P569", at("1850-01-02")), *links("P27", NORRLAND), *links("P103", VERDANIAN)
    ),
    person(ANSEL, "Ansel, Lord of the Reef", MALE, *links("P27", OSTRAVA), *links("P19", SALTHOLM)),
    person(
        TOVE_OF_VERDANIA,
        "Tove Lind",
        FEMALE,
        *links("P27", VERDANIA),
        *links("P106", PAINTER),
        about="landscape painter",
    ),
    person(
        TOVE_OF_OSTRAVA,
        "Tove Lind",
        FEMALE,
        *links("P27", OSTRAVA),
        *links("P106", PAINTER),
        about="Olympic swimmer",
        aliases=["Lind"],
    ),
    person(OLE_THE_ELDER, "Ole Berg", MALE, *links("P27", VERDANIA), about="sailor"),
    person(OLE_THE_YOUNGER, "Ole Berg", MALE, *links("P27", OSTRAVA)),  # no description distinguishes the two
    labelled(person(UNNAMED, "", FEMALE, *links("P27", VERDANIA)), fr="Sans Nom"),
    person(NUMBERED, "1917", MALE, *links("P27", VERDANIA)),
    person(GUEST, "Gull Ross", MALE, *links("P27", VERDANIA)),  # on the list of exclusions
)

WORKS = (
    thing(
        GREY_TIDE,
        "Grey Tide",
        FILM,
        *links("P57", INTI),
        *links("P161", ADA, IBEN),
        *links("P17", VERDANIA),
        *links("P156", RED_HARVEST),
        *links("P179", TIDES),
    ),
    thing(
        RED_HARVEST,
        "Red Harvest",
        FILM,
        *links("P57", FINN),
        *links("P155", GREY_TIDE),
        *links("P17", OSTRAVA),
        *links("P179", TIDES),
    ),
    thing(
        LOW_WATER,
        "Low Water",
        FILM,
        *links("P57", INTI),
        *links("P17", OSTRAVA),
        *links("P155", RED_HARVEST),  # both won a prize, one year after another
        says("P577", at("2024-06-07")),
    ),
)

PAGES = (
    thing(ANSEL_PAGE, "Ansel", DISAMBIGUATION_PAGE, *links("P17", VERDANIA)),
    thing(LOWMERE_PAGE, "Lowmere", DUPLICATED_PAGE, *links("P17", VERDANIA)),
)

ITEMS = (*CLASSES, *PLACES, *KINDS, *FAMILY, *PEOPLE, *WORKS, *PAGES)
NEW_ITEMS = {LOW_WATER}


def entities(*, old: bool = False) -> Iterator[Json]:
    """The items as one of the two dumps holds them."""
    for one in ITEMS:
        if not (old and one["id"] in {f"Q{number}" for number in NEW_ITEMS}):
            stamp = {"lastrevid": 100, "modified": OLD_EDIT} if old else {"lastrevid": 200, "modified": NEW_EDIT}
            claims = {prop: list(_as_of(statements, old)) for prop, statements in one["claims"].items()}
            yield {**one, **stamp, "claims": {prop: held for prop, held in claims.items() if held}}


def _as_of(statements: Iterable[Json], old: bool) -> Iterator[Json]:
    for one in statements:
        now = {key: value for key, value in one.items() if key != "before"}
        held = {**one["before"], "id": one["id"]} if old and one.get("before") else now
        if not old or "before" not in one or one["before"]:
            yield held


@dataclass(frozen=True)
class Mini:
    """A build of the mini world, with its stages."""

    built: Built
    work: Path

    def stage(self, name: str) -> Path:
        """The folder of a stage."""
        (folder,) = self.work.glob(f"{name}-*")
        return folder

    def rows(self, stage: str, table: str) -> list[dict[str, Any]]:
        """The rows of a table of a stage."""
        return read_table(self.stage(stage) / table).to_pylist()

    @property
    def settings(self) -> Settings:
        """What it was built with."""
        return self.built.manifest.settings

    @cached_property
    def subgraph(self) -> Subgraph:
        """SUBGRAPH."""
        return load_subgraph(self.stage("subgraph"), TEMPLATES)

    @cached_property
    def facts(self) -> list[FactRow]:
        """FACTS."""
        return self.rows("selection", "facts.parquet")

    @cached_property
    def edits(self) -> list[Edit]:
        """The edits of the release."""
        return list(read_release(self.built.folder, TEMPLATES.relations).edits)

    def fact(
        self, subject: int, relation: str, held: int | str, middle: tuple[str, int] | None = None, **columns: object
    ) -> FactRow:
        """A triple of the world, or a path of two over a relation and a middle entity, as a long-tail fact.

        Columns that are given take the place of the usual ones.
        """
        key = f"Q{held}" if isinstance(held, int) else held
        holder = middle[1] if middle else subject
        triple = next(one for one in self.subgraph.triples_of(holder, relation) if one.object_key == key)
        return {
            **dict.fromkeys(schema.FACTS.names),
            **asdict(triple),
            "rcids": [],
            "tags": [],
            "category": "long_tail",
            "subject_id": subject,
            "middle_relation": middle[0] if middle else None,
            "middle_id": holder if middle else None,
            "frequency": 0,
            "in_degree": 0,
            "out_degree": 0,
            "pool_rows": 1,
            **columns,
        }

    def change(self, subject: int, relation: str, held: int | str, target: int | str, **columns: Any) -> FactRow:
        """The same as a popular fact, which is changed to a target."""
        key, item_id = (f"Q{target}", target) if isinstance(target, int) else (target, None)
        return self.fact(subject, relation, held, category="popular", target_key=key, target_id=item_id, **columns)

    def edit(self, fact: FactRow, subgraph: Subgraph | None = None, **columns: object) -> Edit:
        """The edit of a fact that can be worded, in the train split; given columns take the place of its own."""
        (made,), _ = make_edits([fact], subgraph or self.subgraph, ORIGIN, self.settings.limits)
        return cast(Edit, {**made, "split": "train", **columns})

    def reason(self, subject: int, relation: str, object_key: str) -> str | None:
        """Why screening rejected a statement; None if it did not."""
        found = [
            row
            for row in self.rows("screening", "triples.parquet")
            if (row["subject_id"], row["relation"]) == (subject, relation)
        ]
        (row,) = (row for row in found if row["object_key"] == object_key)
        return row["reason"]


@pytest.fixture(scope="session")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Mini:
    """The mini world, built once for all tests."""
    folder = tmp_path_factory.mktemp("mini")
    new = write_dump(folder / "new.json", entities())
    old = write_dump(folder / "old.json", entities(old=True))
    views = folder / "views.tsv"
    views.write_text("item\tpage_views\n" + "".join(f"Q{number}\t{count}\n" for number, count in VIEWS.items()))
    exclude = folder / "exclude.txt"
    exclude.write_text(f"Q{GUEST}\n")
    options = Options(folder / "out", folder / "work", workers=1, version="mini")
    built = build(Sources("dump", new, old, views, exclude), load_settings(), options, Reporter("quiet"))
    return Mini(built, folder / "work")
