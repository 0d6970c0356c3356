"""Screening of more statements than fit into memory: the same rules, a bucket of subjects at a time.

Rules look at an item's own statements and at its neighbours: who is dead may follow from the dates of kin, and who is a
fit object from its classes. So buckets take turns: each asks for its neighbours, finds who is of the past, judges its
claims, and settles what depends on all buckets, which are small tables: names that several subjects have, and objects
whose own dates are wrong.
"""

import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from pipeline.core import schema
from pipeline.core.memory import for_tables, share_of, size_in_bytes
from pipeline.core.parallel import map_shards
from pipeline.core.settings import ScreeningSettings
from pipeline.core.tables import Database
from pipeline.language.relations import PERSON
from pipeline.language.templates import Templates
from pipeline.select import buckets, current, implausible, past, screening, unasked
from pipeline.select.buckets import Bucket, Run

_TEXTS = {name: pa.field(name, pa.string()) for name in ("relation", "early_reason", "name", "plain")}
_JUDGED = pa.schema(
    [
        *(schema.TRIPLES.field(name) for name in ("subject_id", "relation", "object_key", "object_id", "statement_id")),
        *(schema.TRIPLES.field(name) for name in ("subject_type", "object_type", "object_count", "is_true")),
        *(_TEXTS[name] for name in ("early_reason", "name", "plain")),
        pa.field("is_out_of_time", pa.bool_()),
    ]
)
_FLAGS = (pa.field(name, pa.bool_()) for name in ("differ", "described"))
_NAMESAKES = pa.schema([buckets.NUMBER, _TEXTS["relation"], _TEXTS["name"], *_FLAGS])
_OBJECTS = pa.schema([_TEXTS["relation"], pa.field("id", pa.int64()), pa.field("is_held", pa.bool_())])
_GENERIC = pa.schema([_TEXTS["relation"], pa.field("id", pa.int64())])
_WRONG = pa.schema([_TEXTS["relation"], schema.TRIPLES.field("object_id")])


@dataclass(frozen=True)
class Job:
    """What all buckets share."""

    tables: screening.Ingested
    templates: Templates
    settings: ScreeningSettings
    excluded_ids: tuple[int, ...]
    folder: Path  # where what buckets leave for one another lies
    memory: str  # of one worker
    run_memory: str  # of all together
    latest: tuple[str, str]  # the item that was edited last, and the day of that; NULL if none has a time

    def database(self, name: str) -> Database:
        """A session of one worker."""
        return Database(self.folder / "spill" / name, self.memory, threads=1, run_memory=self.run_memory)

    @property
    def seats(self) -> tuple[frozenset[int], frozenset[int]]:
        """The properties of relations that their inverse confirms, and the inverse ones."""
        relations = self.templates.relations
        confirmed = [relations[name] for name in self.settings.confirmed]
        inverse = (relations[relation.inverse] for relation in confirmed if relation.inverse)
        return frozenset(r.property_id for r in confirmed), frozenset(r.property_id for r in inverse)


@dataclass(frozen=True)
class _Spread:
    job: Job
    run: Run
    group_rows: int


@dataclass(frozen=True)
class _Task:
    job: Job
    bucket: Bucket


def screen(
    tables: screening.Ingested,
    templates: Templates,
    settings: ScreeningSettings,
    excluded_ids: Iterable[int],
    memory: str,
    workers: int,
    pool: Executor,
    out: Path,
    count: int | None = None,
) -> Path:
    """Write TRIPLES, PAST and UNDATED, as `screening.screen` does.

    Args:
        tables: What was read of the newer state.
        templates: The relations, types, dating rules and rules of plausibility.
        settings: Limits and lists of qualifiers.
        excluded_ids: Items that must not be subjects.
        memory: What all workers together may take.
        workers: How many there are.
        pool: Where to run.
        out: A folder; `triples.parquet`, `past.parquet` and `undated.parquet` appear in it.
        count: How many buckets; as many as the memory asks for if that is None.
    """
    share = for_tables(share_of(memory, workers))
    count = count or buckets.bucket_count(tables.statements, size_in_bytes(share))
    with Database(out.parent / "scratch", memory, workers) as database:
        if count == 1:
            return screening.screen(tables, templates, settings, excluded_ids, database, out)
        database.view("entities", tables.entities)
        latest = database.table(_LATEST).to_pylist()[0]
    folder = out / "buckets" / f"{count}-{size_in_bytes(share)}"  # those of another limit are cut elsewhere
    job = Job(
        *(tables, templates, settings, tuple(sorted(excluded_ids)), folder, share, memory),
        latest=(latest["id"], latest["day"]),  # as SQL
    )
    tasks = [_Task(job, bucket) for bucket in buckets.find_buckets(tables.statements, count)]
    _take_turns(job, tasks, workers, pool)
    with Database(out.parent / "scratch", memory, workers) as database:
        for name, kind in (("past", schema.PAST), ("undated", schema.UNDATED), ("triples", schema.TRIPLES)):
            database.view(name, folder / name)
            database.write(f"FROM {name}", out / f"{name}.parquet", kind)  # buckets are in order, and so are their rows
    shutil.rmtree(out / "buckets")
    return out / "triples.parquet"


_LATEST = """
SELECT coalesce(arg_max(id, modified)::VARCHAR, 'NULL') AS id,
    coalesce(date_diff('day', DATE '0001-01-01', max(modified)::DATE)::VARCHAR, 'NULL') AS day
FROM entities
"""


def _take_turns(job: Job, tasks: list[_Task], workers: int, pool: Executor) -> None:
    rows = buckets.run_rows(size_in_bytes(job.memory))
    runs = list(buckets.runs_of([("statements", job.tables.statements), ("entities", job.tables.entities)], rows))
    map_shards(_spread, [_Spread(job, run, buckets.group_rows(rows, len(tasks))) for run in runs], pool)
    map_shards(_ask, tasks, pool)
    _once(job, workers, "neighbours", _find_neighbours)
    map_shards(_find_past, tasks, pool)
    _once(job, workers, "neighbours_past", _find_past_neighbours)
    map_shards(_judge, tasks, pool)
    _once(job, workers, "wrong", _find_shared)
    map_shards(_settle, tasks, pool)


def _once(job: Job, workers: int, last: str, make: Callable[[Job, Database], None]) -> None:
    """Make the small tables that all buckets need, unless the last of them is there."""
    if not (job.folder / f"{last}.parquet").is_file():
        with Database(job.folder / "spill" / last, for_tables(job.run_memory), workers, job.run_memory) as database:
            make(job, database)


def _spread(task: _Spread) -> None:
    """Put the rows of a run in order."""
    job, run = task.job, task.run
    name = f"{run.number:06d}.parquet"
    with job.database(f"run-{run.number}") as database:
        if run.table == "entities":
            if not (job.folder / "entities" / name).is_file():
                database.view("entities", *run.files)
                sql = f"SELECT {', '.join(buckets.LOOKED_AT)} FROM entities ORDER BY id"
                database.write(sql, job.folder / "entities" / name, buckets.ENTITIES, task.group_rows)
            return
        database.view("statements", *run.files)
        links = past.links_sql(job.templates.dating, job.settings, job.latest[1])
        for table, sql in (
            ("links", f"FROM ({links}) ORDER BY object_id"),
            ("statements", "FROM statements ORDER BY subject_id"),
        ):
            if not (job.folder / table / name).is_file():
                database.write(sql, job.folder / table / name, schema.STATEMENTS, task.group_rows)


_ASKED = """
WITH people AS (
    SELECT DISTINCT id FROM (SELECT id, unnest(type_ids) AS class_id FROM every_entities WHERE {holds_id})
    JOIN types USING (class_id) WHERE type = '{person}'
)
SELECT DISTINCT id FROM (
    SELECT object_id AS id FROM every_statements
    WHERE {holds_subject} AND property_id IN ({named}) AND object_id IS NOT NULL
    UNION ALL
    SELECT subject_id FROM links
    WHERE {holds_object} AND (property_id IN ({kin}) OR object_id IN (FROM people))
    UNION ALL SELECT {latest}
) WHERE NOT {holds_id} ORDER BY id
"""

_HELD = """
SELECT DISTINCT CASE WHEN property_id IN ({forward}) THEN subject_id ELSE object_id END AS id FROM every_statements
WHERE {holds_subject} AND property_id IN ({forward}, {inverse}) AND object_id IS NOT NULL ORDER BY id
"""


def _ask(task: _Task) -> None:
    """Write which neighbours a bucket needs, and whose seats."""
    job, bucket = task.job, task.bucket
    if (job.folder / "holders" / bucket.name).is_file():
        return
    holds = {name: bucket.holds(f"{name}_id") for name in ("subject", "object")}
    conditions = {"holds_id": bucket.holds("id"), **{f"holds_{name}": sql for name, sql in holds.items()}}
    named = {relation.property_id for relation in job.templates.relations.values()} | past.asked_properties()
    forward, inverse = map(_listed, job.seats)
    with job.database(f"ask-{bucket.number}") as database:
        for name in ("statements", "entities"):
            database.view(f"every_{name}", job.folder / name)
        database.view("links", job.folder / "links")
        database.view("types", job.tables.types)
        _write_objects(task, database)
        asked = _ASKED.format(
            **conditions,
            person=PERSON,
            named=_listed(named),
            kin=_listed(past.asked_properties()),
            latest=job.latest[0],
        )
        database.write(asked, job.folder / "asked" / bucket.name, schema.NUMBERS)
        held = _HELD.format(forward=forward, inverse=inverse, **conditions)
        database.write(held, job.folder / "holders" / bucket.name, schema.NUMBERS)


# Objects of relations whose objects are looked at together, and whether a claim holds that names one.
_OBJECTS_OF_CLAIMS = """
SELECT relation, object_id AS id, bool_or(form_reason IS NULL) AS is_held FROM claims
WHERE object_id IS NOT NULL GROUP BY ALL ORDER BY ALL
"""


def _write_objects(task: _Task, database: Database) -> None:
    job, bucket, relations = task.job, task.bucket, task.job.templates.relations
    names = {unasked.OCCUPATION, *unasked.generic_relations(relations.values())}
    properties = _listed(relations[name].property_id for name in names)
    database.run(
        f"""CREATE TEMP TABLE statements AS FROM every_statements
        WHERE property_id IN ({properties}) AND {bucket.holds("subject_id")}"""
    )
    database.run(
        f"CREATE TEMP TABLE entities AS SELECT DATE '0001-01-01' + CAST({job.latest[1]} AS INTEGER) AS modified"
    )
    screening.make_claims(job.templates, job.settings, job.excluded_ids, database, "statements")
    database.write(_OBJECTS_OF_CLAIMS, job.folder / "objects" / bucket.name, _OBJECTS)


def _listed(properties: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(properties))) or "0"


_BUCKET_OF_FILE = "parse_filename(filename, true)::INTEGER AS bucket"


def _find_neighbours(job: Job, database: Database) -> None:
    """Write the rows that buckets need of others, in the order of buckets."""
    for name in ("asked", "holders"):
        database.view(name, job.folder / name, with_file=True)
    for name in ("statements", "entities"):
        database.view(name, job.folder / name)
    forward, inverse = map(_listed, job.seats)
    database.run(
        f"""CREATE TEMP TABLE seats AS
        WITH holders AS (SELECT {_BUCKET_OF_FILE}, id FROM holders),
        stated AS (FROM statements WHERE property_id IN ({forward}, {inverse}) AND object_id IS NOT NULL)
        SELECT bucket, s.* FROM stated s JOIN holders h ON h.id = s.subject_id WHERE property_id IN ({forward})
        UNION ALL
        SELECT bucket, s.* FROM stated s JOIN holders h ON h.id = s.object_id WHERE property_id IN ({inverse})"""
    )
    database.run(
        f"""CREATE TEMP TABLE wanted AS SELECT DISTINCT bucket, id FROM (
            SELECT {_BUCKET_OF_FILE}, id FROM asked
            UNION ALL SELECT bucket, subject_id FROM seats UNION ALL SELECT bucket, object_id FROM seats)"""
    )
    database.view("objects", job.folder / "objects")
    database.run(
        f"""CREATE TEMP TABLE occupations AS
        SELECT DISTINCT id FROM objects WHERE relation = '{unasked.OCCUPATION}' AND is_held"""
    )
    generic = ", ".join(f"'{name}'" for name in unasked.generic_relations(job.templates.relations.values())) or "''"
    objects = f"SELECT DISTINCT relation, id FROM objects WHERE relation IN ({generic})"
    files = {
        "generic": (f"FROM ({unasked.generic_sql(objects)}) ORDER BY ALL", _GENERIC),
        "common_entities": ("FROM entities SEMI JOIN occupations USING (id) ORDER BY id", buckets.ENTITIES),
        "common_statements": (_ABOVE.format(levels=job.templates.plausibility.levels), schema.STATEMENTS),
        "seats": ("FROM seats ORDER BY bucket", buckets.NEIGHBOUR_STATEMENTS),
        "neighbours_entities": (
            "SELECT bucket, e.* FROM entities e JOIN wanted USING (id) ORDER BY bucket",
            buckets.NEIGHBOUR_ENTITIES,
        ),
        "neighbours_statements": (
            f"""SELECT bucket, s.* FROM statements s JOIN wanted w ON w.id = s.subject_id
            WHERE property_id IN ({_listed(_looked_up(job.templates))}) ORDER BY bucket""",
            buckets.NEIGHBOUR_STATEMENTS,
        ),
        "neighbours": ("FROM wanted ORDER BY bucket", buckets.NEIGHBOURS),
    }
    for name, (sql, kind) in files.items():
        database.write(sql, job.folder / f"{name}.parquet", kind, _GROUP_ROWS)


# The statements that lead up from occupations to the classes above them.
_ABOVE = """
WITH RECURSIVE stated AS (FROM statements WHERE property_id = 279 AND object_id IS NOT NULL),
above(id, level) AS (
    SELECT id, 0 FROM occupations
    UNION SELECT s.object_id, level + 1 FROM above JOIN stated s ON s.subject_id = above.id WHERE level < {levels}
)
SELECT * FROM stated WHERE subject_id IN (SELECT id FROM above) ORDER BY subject_id, statement_id
"""

_GROUP_ROWS = 10_000  # of tables in the order of buckets


def _looked_up(templates: Templates) -> frozenset[int]:
    """The properties that rules look up of other items than the subject."""
    relations = templates.relations.values()
    filters = {int(r.object_filter.property[1:]) for r in relations if r.object_filter}
    kin = {int(name[1:]) for r in relations for names in r.kin.values() for name in names}
    return templates.dating.properties | filters | kin | {current.COUNTRY}


def _open(task: _Task, database: Database, *others: str) -> None:
    """Make the table `statements` of a bucket and its neighbours, and the table `own` of its own statements.

    Args:
        task: The bucket.
        database: Its session.
        others: The views of the statements of its neighbours.
    """
    job, bucket = task.job, task.bucket
    for name in ("statements", "entities"):
        database.view(f"every_{name}", job.folder / name)
    database.view("types", job.tables.types)
    buckets.view_neighbours(database, "neighbours", job.folder / "neighbours_statements.parquet", bucket, "subject_id")
    buckets.view_neighbours(database, "named", job.folder / "neighbours_entities.parquet", bucket, "id")
    database.run(f"CREATE TEMP TABLE own AS FROM every_statements WHERE {bucket.holds('subject_id')}")
    rest = " UNION ".join(f"FROM {name}" for name in others)
    database.run(f"CREATE TEMP TABLE statements AS FROM own UNION ALL FROM ({rest} UNION FROM neighbours)")


def _find_past(task: _Task) -> None:
    """Write PAST and UNDATED of a bucket."""
    job, bucket = task.job, task.bucket
    if (job.folder / "undated" / bucket.name).is_file():
        return
    with job.database(f"past-{bucket.number}") as database:
        database.view("every_link", job.folder / "links")
        database.run(
            f"""CREATE TEMP VIEW links AS FROM every_link
            WHERE {bucket.holds("object_id")} AND NOT {bucket.holds("subject_id")}"""
        )
        _open(task, database, "links")
        database.run(
            f"""CREATE TEMP TABLE entities AS FROM every_entities WHERE {bucket.holds("id")}
            UNION ALL FROM named WHERE id = {job.latest[0]}"""
        )
        past.make_past(job.templates.dating, job.settings, database)
        for name, kind in (("past", schema.PAST), ("undated", schema.UNDATED)):
            sql = f"SELECT id FROM {name} WHERE {bucket.holds('id')} ORDER BY id"
            database.write(sql, job.folder / name / bucket.name, kind)


def _find_past_neighbours(job: Job, database: Database) -> None:
    database.view("wanted", job.folder / "neighbours.parquet")
    database.view("past", job.folder / "past")
    sql = "SELECT bucket, id FROM wanted SEMI JOIN past USING (id) ORDER BY bucket"
    database.write(sql, job.folder / "neighbours_past.parquet", buckets.NEIGHBOURS, _GROUP_ROWS)


def _judge(task: _Task) -> None:
    """Write the judged claims of a bucket, and which of them break a rule of dates."""
    job, bucket = task.job, task.bucket
    if (job.folder / "judged" / bucket.name).is_file():
        return
    with job.database(f"judge-{bucket.number}") as database:
        buckets.view_neighbours(database, "seats", job.folder / "seats.parquet", bucket, "subject_id")
        for name in ("common_entities", "common_statements", "generic"):
            database.view(name, job.folder / f"{name}.parquet")
        database.run(f"CREATE TEMP VIEW above AS FROM common_statements WHERE NOT {bucket.holds('subject_id')}")
        _open(task, database, "seats", "above")
        database.run(
            f"""CREATE TEMP TABLE entities AS FROM every_entities WHERE {bucket.holds("id")} UNION ALL FROM named
            UNION ALL FROM common_entities WHERE NOT {bucket.holds("id")} AND id NOT IN (SELECT id FROM named)"""
        )
        database.view("own_past", job.folder / "past" / bucket.name)
        buckets.view_neighbours(database, "named_past", job.folder / "neighbours_past.parquet", bucket, "id")
        database.run("CREATE TEMP TABLE past AS FROM own_past UNION ALL FROM named_past")
        database.run(past.TODAY)
        database.run("CREATE TEMP VIEW claimed AS FROM own UNION ALL (SELECT DISTINCT * FROM seats)")
        others = screening.OtherClaims(
            "claimed", bucket.holds("subject_id"), "FROM generic", "SELECT id FROM common_entities"
        )
        screening.judge(job.templates, job.settings, job.excluded_ids, database, others)
        database.run("CREATE TEMP TABLE triples AS FROM judged")
        implausible.find_out_of_time(job.templates, job.settings, database)
        sql = """SELECT t.*, o.row IS NOT NULL AS is_out_of_time
            FROM (SELECT *, rowid AS row FROM triples) t LEFT JOIN out_of_time o USING (row)
            ORDER BY subject_id, relation, object_key, statement_id"""
        database.write(sql, job.folder / "judged" / bucket.name, _JUDGED)


def _find_shared(job: Job, database: Database) -> None:
    """Write the names that several subjects of a relation have, by bucket, and the objects whose dates are wrong."""
    database.view("files", job.folder / "judged", with_file=True)
    database.run(f"CREATE TEMP VIEW every_claim AS SELECT *, {_BUCKET_OF_FILE} FROM files")
    database.run(  # a hash is short, and few names are left for the query that needs them whole
        """CREATE TEMP TABLE repeated AS SELECT hash(relation, name) AS key FROM every_claim
        WHERE is_true AND name IS NOT NULL AND subject_type IS NOT NULL
        GROUP BY key HAVING min(subject_id) <> max(subject_id)"""
    )
    database.run(
        "CREATE TEMP VIEW judged AS FROM every_claim WHERE hash(relation, name) IN (FROM repeated) AND name IS NOT NULL"
    )
    database.run(f"CREATE TEMP TABLE namesakes AS SELECT * FROM ({screening.NAMESAKES}) WHERE differ")
    sql = "SELECT DISTINCT bucket, n.* FROM judged j JOIN namesakes n USING (relation, name) ORDER BY ALL"
    database.write(sql, job.folder / "namesakes.parquet", _NAMESAKES, _GROUP_ROWS)
    database.run("CREATE OR REPLACE TEMP VIEW judged AS FROM every_claim")
    wrong = implausible.wrong_sql(job.templates, database)
    database.write(f"FROM ({wrong}) ORDER BY ALL", job.folder / "wrong.parquet", _WRONG)


def _settle(task: _Task) -> None:
    """Write TRIPLES of a bucket."""
    job, bucket = task.job, task.bucket
    if (job.folder / "triples" / bucket.name).is_file():
        return
    with job.database(f"settle-{bucket.number}") as database:
        database.view("judged", job.folder / "judged" / bucket.name)
        database.view("wrong", job.folder / "wrong.parquet")
        database.view("every_name", job.folder / "namesakes.parquet")
        database.run(f"CREATE TEMP TABLE namesakes AS FROM every_name WHERE bucket = {bucket.number}")
        database.run(f"CREATE TEMP TABLE triples AS {screening.TRIPLES.format(also=' is_out_of_time,')}")
        database.run(
            """CREATE TEMP TABLE implausible AS
            SELECT row FROM (SELECT *, rowid AS row FROM triples WHERE is_out_of_time)
            ANTI JOIN wrong USING (relation, object_id)"""
        )
        sql = f"FROM ({implausible.believed_sql(job.templates)}) {screening.ORDER}"
        database.write(sql, job.folder / "triples" / bucket.name, schema.TRIPLES)
