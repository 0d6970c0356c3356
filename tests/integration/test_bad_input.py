"""Bad input, bad usage and bad disks: a clear message, exit code 2, nothing half-written, and a second run goes on."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from signal import SIGCONT, SIGINT, SIGSTOP

import pytest

from tests.integration.command import (
    PATIENCE,
    REPO,
    Moment,
    Run,
    editmill,
    environment,
    files,
    finish,
    half_written,
    living,
    process,
    shown,
    start,
    stopped,
    succeed,
    wait_until,
)
from tests.integration.conftest import Write
from tests.integration.dumps import States, as_bzip2, as_gzip, as_zstandard, dump, read_lines
from tests.integration.test_build_command import manifest
from tests.releases import Built

Spoil = Callable[[States], States]


def assert_refused(run: Run, *said: str) -> None:
    """The run ended with exit code 2 and one message, which says all of this."""
    assert run.code == 2, run.err
    assert run.out == ""
    assert run.err.startswith("editmill: ")
    assert run.err.count("\n") == 1, run.err
    for text in said:
        assert text in run.err


def assert_misused(run: Run, *said: str) -> None:
    """The command line was refused, with the usage and one message, which says all of this."""
    assert run.code == 2
    assert run.out == ""
    assert run.err.startswith("usage: editmill ")
    for text in said:
        assert text in run.err.splitlines()[-1]


def build(states: States, work: Path, *options: object, workers: int = 1) -> Run:
    out = work.parent / "out"
    return editmill("build", *states.arguments, "--out", out, "--work", work, "--workers", workers, *options)


# Dumps and page views that are damaged


def packed(which: str, ending: str, compress: Callable[[bytes], bytes], damage: Callable[[bytes], bytes]) -> Spoil:
    """Compresses an input and damages the file."""

    def spoil(states: States) -> States:
        plain: Path = getattr(states, which)
        path = plain.with_name(f"{plain.name}.{ending}")
        path.write_bytes(damage(compress(plain.read_bytes())))
        return replace(states, **{which: path})

    return spoil


def cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def flipped(data: bytes) -> bytes:
    place = len(data) // 2
    return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]


def as_is(data: bytes) -> bytes:
    return data


def written(which: str, content: bytes) -> Spoil:
    """Overwrites an input."""

    def spoil(states: States) -> States:
        getattr(states, which).write_bytes(content)
        return states

    return spoil


def swapped(states: States) -> States:
    return replace(states, old=states.new, new=states.old)


DOWNLOAD = "Download it again; check its checksum."
DAMAGED = "The dump is damaged or cut off: "
FORMS = "The form of the page views is unknown"
TWO_VIEWS = b"item\tpage_views\nQ42\t48826\n"

SPOILT: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    "gzip cut off": (packed("new", "gz", as_gzip, cut), (DAMAGED, "new.json.gz, after byte ", DOWNLOAD)),
    "gzip flipped": (packed("new", "gz", as_gzip, flipped), (DAMAGED, "new.json.gz, after byte ", DOWNLOAD)),
    "older gzip cut off": (packed("old", "gz", as_gzip, cut), (DAMAGED, "old.json.gz, after byte ", DOWNLOAD)),
    "older gzip flipped": (packed("old", "gz", as_gzip, flipped), (DAMAGED, "old.json.gz, after byte ", DOWNLOAD)),
    "bzip2 cut off": (packed("new", "bz2", as_bzip2, cut), (DAMAGED, "new.json.bz2, after byte ", DOWNLOAD)),
    "bzip2 flipped": (packed("new", "bz2", as_bzip2, flipped), (DAMAGED, "new.json.bz2, after byte ", DOWNLOAD)),
    "zstandard cut off": (packed("new", "zst", as_zstandard, cut), (DAMAGED, "new.json.zst, after byte ", DOWNLOAD)),
    "plain cut off": (
        packed("new", "txt", as_is, cut),
        ("The dump ends before its closing bracket", "new.json.txt, after byte ", DOWNLOAD),
    ),
    "nothing": (written("new", b""), ("The dump is empty", "new.json", DOWNLOAD)),
    "nothing, older": (written("old", b"\n"), ("The dump is empty", "old.json", DOWNLOAD)),
    "no items": (
        written("new", b"[\n]\n"),
        ("The dump contains no items", "new.json", "Is this a Wikidata JSON dump?"),
    ),
    "a web page": (
        written("new", b"<html>\n<h1>404</h1>\n</html>\n"),
        ("The dump contains no items", "new.json", "Is this a Wikidata JSON dump?"),
    ),
    "a long text": (
        written("new", b"It is a truth universally acknowledged\n" * 200),
        ("More than 100 lines are not entities; the first ones: byte 0: ", "new.json", "raise dump.max_bad_lines"),
    ),
    "random bytes": (
        written("old", bytes(range(256)) * 400),
        ("More than 100 lines are not entities; the first ones: byte 0: ", "old.json", "raise dump.max_bad_lines"),
    ),
    "dumps the wrong way round": (swapped, ("older", "--old", "--new")),
    "foreign page views": (written("pageviews", b"dear diary,\n"), (FORMS, "views.tsv", "pageview_complete")),
    "page views without rows": (written("pageviews", b""), (FORMS, "views.tsv", "pageview_complete")),
    "page views that are not numbers": (
        written("pageviews", TWO_VIEWS + b"Q5\tmany\n"),
        ("The page views are damaged", "'many'", "views.tsv, line 3", "leave it out"),
    ),
    "page views in another encoding": (
        written("pageviews", TWO_VIEWS + b"Q\xe9\t5\n"),
        ("The page views are damaged", "views.tsv, line 3", "leave it out"),
    ),
    "page views flipped": (
        packed("pageviews", "gz", as_gzip, lambda data: data[:-6] + b"\0\0\0\0\0\0"),
        ("The page views are damaged", "views.tsv.gz", "leave it out"),
    ),
    "page views cut off": (
        packed("pageviews", "gz", lambda data: as_gzip(data, 1), cut),
        ("The page views are damaged", "views.tsv.gz", "Download"),
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_damaged_input_is_told_with_its_place_and_a_remedy(name: str, my_states: States, tmp_path: Path) -> None:
    spoil, said = SPOILT[name]
    assert_refused(build(spoil(my_states), tmp_path / "work"), *said)
    assert shown(tmp_path / "out") == []
    assert half_written(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("name", "workers"),
    [("gzip cut off", 1), ("older gzip flipped", 2), ("a long text", 2), ("page views that are not numbers", 1)],
)
def test_with_the_input_mended_a_second_run_works(
    name: str, workers: int, states: States, small: Built, my_states: States, work: Path
) -> None:
    spoil, said = SPOILT[name]
    assert_refused(build(spoil(my_states), work, workers=workers), *said)
    assert build(states, work).code == 0
    assert files(work.parent / "out" / small.release.name) == files(small.release)


# Files that are not there


@pytest.mark.parametrize("option", ["old", "new", "pageviews", "exclude", "config"])
def test_a_file_that_is_not_there_is_told_by_its_option(option: str, states: States, tmp_path: Path) -> None:
    run = build(states, tmp_path / "work", f"--{option}", "/no/such/file")
    assert_refused(run, "/no/such/file", f"Check --{option}.")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("old", "This folder holds no complete set of shards"),
        ("new", "This folder holds no complete set of shards"),
        ("exclude", "This is a folder, not a file"),
    ],
)
def test_a_folder_is_no_file(option: str, said: str, states: States, tmp_path: Path) -> None:
    run = build(states, tmp_path / "work", f"--{option}", tmp_path)
    assert_refused(run, said, str(tmp_path))
    assert not (tmp_path / "out").exists()


def test_a_folder_without_page_views_is_told(states: States, tmp_path: Path) -> None:
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "README.txt").write_text("none yet\n")
    run = build(states, tmp_path / "work", "--pageviews", tmp_path / "views")
    assert_refused(run, "No file in the folder is a page view file", str(tmp_path / "views"), "pageview_complete")


def test_exclusions_that_begin_like_json_must_be_json(states: States, tmp_path: Path, write: Write) -> None:
    run = build(states, tmp_path / "work", "--exclude", write("known.json", '[{"subject": "Bern"'))
    assert_refused(run, "The exclusions are not JSON", "known.json", "Mend the file.")


# Bad usage


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[dump]\nshard_byte = 5\n", ("The setting dump.shard_byte is wrong: extra inputs are not permitted",)),
        ("[dumps]\nshard_bytes = 5\n", ("The setting dumps is wrong: extra inputs are not permitted",)),
        ("seed = 'seven'\n", ("The setting seed is wrong: input should be a valid integer",)),
        ("recent = 5\n", ("The setting recent is wrong: input should be",)),
        ("[splits]\ntrain = 0.9\n", ("The setting splits is wrong", "train, validation and test must add up to 1")),
        ("categories = ['recent', 'rare']\n", ("The setting categories.1 is wrong", "'recent', 'popular'")),
        ("[dump\n", ("The configuration is not TOML", "line 1", "Mend the file.")),
        ("memory = 'plenty'\n", ("DuckDB refused the settings", "Check `memory`.")),
    ],
)
def test_a_bad_configuration_is_told_by_its_key(
    text: str, said: Sequence[str], states: States, tmp_path: Path, write: Write
) -> None:
    run = build(states, tmp_path / "work", "--config", write("my.toml", text))
    assert_refused(run, *said)
    assert shown(tmp_path / "out") == []


def test_a_bad_configuration_is_told_by_its_file(states: States, tmp_path: Path, write: Write) -> None:
    config = write("my.toml", "sead = 5\n")
    run = build(states, tmp_path / "work", "--config", config)
    assert_refused(run, str(config), "pipeline/defaults.toml lists every setting with its meaning.")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--categories", "recent,rare"), ("--categories", "unknown: rare", "recent, popular, long_tail, robust")),
        (("--workers", "0"), ("--workers", "0 is not a whole number above 0")),
        (("--workers", "many"), ("--workers", "many is not a whole number above 0")),
        (("--seed", "odd"), ("--seed", "invalid int value")),
        (("--source", "web"), ("--source", "sample", "dump")),
        (("--depth", "3"), ("unrecognized arguments: --depth 3",)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_bad_option_is_told_with_the_usage(
    options: Sequence[str], said: Sequence[str], states: States, tmp_path: Path
) -> None:
    assert_misused(build(states, tmp_path / "work", *options), *said)
    assert not (tmp_path / "out").exists()


def test_a_source_is_required(tmp_path: Path) -> None:
    assert_misused(editmill("build", "--out", tmp_path / "out"), "--source")


def test_dumps_need_the_newer_one(states: States, tmp_path: Path) -> None:
    run = editmill("build", "--source", "dump", "--old", states.old, "--out", tmp_path / "out")
    assert_refused(run, "No dump was given", "--new", "Name the newer dump")


def test_the_slice_takes_no_dumps(states: States, tmp_path: Path) -> None:
    run = editmill("build", "--source", "sample", "--new", states.new, "--out", tmp_path / "out")
    assert_refused(run, "The bundled slice brings its own dumps", "--source sample", "Use --source dump.")


@pytest.mark.parametrize(
    "options", [("--categories", "recent"), ("--categories", "popular,robust"), ("--categories", "robust")]
)
def test_some_category_must_be_left(options: Sequence[str], states: States, tmp_path: Path) -> None:
    run = editmill("build", "--source", "dump", "--new", states.new, "--out", tmp_path / "out", *options)
    assert run.code == 2
    assert run.err.endswith(
        "editmill: No category is left to build (--categories). Give --old, --pageviews or other categories.\n"
    )


def test_a_model_that_is_not_there_is_told(states: States, work: Path) -> None:
    run = build(states, work, "--model", work / "no-model")
    assert_refused(run, str(work / "no-model"))
    assert shown(work.parent / "out") == []


# Lines that are odd but right, and lines that are wrong


def with_lines(states: States, *lines: bytes) -> States:
    """The states with more lines in the newer dump."""
    known = read_lines(states.new).values()
    states.new.write_bytes(dump([*known, *lines]))
    return states


def odd_item(number: int, **fields: object) -> bytes:
    """An item with nothing but a name and these fields."""
    empty: dict[str, object] = {"descriptions": {}, "aliases": [], "sitelinks": {}}
    head = {"type": "item", "id": f"Q{number}", "labels": {"en": {"language": "en", "value": f"Odd {number}"}}}
    return json.dumps(head | empty | fields).encode()


def of_type(datatype: str, value: object) -> dict[str, object]:
    """Claims with one statement whose value is of some type."""
    snak = {"snaktype": "value", "property": "P106", "datatype": datatype, "datavalue": value}
    return {"P106": [{"type": "statement", "id": f"odd${datatype}", "rank": "normal", "mainsnak": snak}]}


ODD = (
    odd_item(990000001),  # without claims
    odd_item(990000002, claims=[]),  # without claims as PHP writes it
    odd_item(990000004, claims={}, notes="x" * 3_000_000),
    odd_item(990000005, claims=of_type("entity-schema", {"type": "wikibase-entityid", "value": {"id": "E10"}})),
    odd_item(990000006, claims=of_type("martian", {"type": "martian", "value": ["zork"]})),
    odd_item(990000007, claims=of_type("wikibase-item", {"type": "string", "value": "no item"})),
    b'{"type":"lexeme","id":"L1","lemmas":{},"claims":[]}',
    b'{"type":"property","datatype":"martian","id":"P99999","labels":[],"claims":[]}',
)


def test_odd_lines_are_read(small: Built, my_states: States, work: Path) -> None:
    run = build(with_lines(my_states, *ODD), work)
    assert run.code == 0, run.err
    told, known = (manifest(release)["dump"] for release in (work.parent / "out" / small.release.name, small.release))
    assert told["unreadable"] == 0
    assert told["lines"] == known["lines"] + len(ODD)
    assert told["items"] == known["items"] + 6


BREAK = b",\n"
BAD = (b'{"type":"item","id":"Q42","labels":{"en":', b"null", b'{"type":"item"}', b'{"type":"item","id":"Q42b"}')


def test_few_bad_lines_are_counted_and_reported_with_their_places(small: Built, my_states: States, work: Path) -> None:
    spoilt = with_lines(my_states, *BAD)
    whole = spoilt.new.read_bytes()
    run = build(spoilt, work)
    assert run.code == 0, run.err
    release = work.parent / "out" / small.release.name
    told = manifest(release)["dump"]
    assert told["unreadable"] == len(BAD)
    assert told["items"] == manifest(small.release)["dump"]["items"]
    assert [sample.partition(":")[0] for sample in told["samples"]] == [
        f"byte {whole.index(BREAK + line) + 2}" for line in BAD
    ]
    assert f"{len(BAD)} lines could not be read" in (release / "README.md").read_text(encoding="utf-8")
    assert apart_from_inputs(release) == apart_from_inputs(small.release)


def apart_from_inputs(release: Path) -> dict[str, bytes]:
    """The files that say nothing of the inputs."""
    return {path: content for path, content in files(release).items() if path not in ("README.md", "manifest.json")}


@pytest.mark.parametrize("which", ["old", "new"])
def test_more_bad_lines_than_the_limit_stop_the_run(
    which: str, my_states: States, tmp_path: Path, write: Write
) -> None:
    path: Path = getattr(my_states, which)
    path.write_bytes(dump([*read_lines(path).values(), *BAD]))
    limit = write("my.toml", f"[dump]\nmax_bad_lines = {len(BAD) - 1}\n")
    run = build(my_states, tmp_path / "work", "--config", limit)
    place = f"byte {path.read_bytes().index(BAD[0])}: "
    assert_refused(run, f"More than {len(BAD) - 1} lines are not entities", place, str(path), "dump.max_bad_lines")
    assert shown(tmp_path / "out") == []


def test_a_line_longer_than_the_limit_stops_the_run(my_states: States, tmp_path: Path, write: Write) -> None:
    limit = write("my.toml", "[dump]\nshard_bytes = 100_000\nmax_line_bytes = 1_000_000\n")
    run = build(with_lines(my_states, *ODD), tmp_path / "work", "--config", limit)
    assert_refused(run, "A line is longer than 1000000 bytes", "new.json, byte ", "raise dump.max_line_bytes")


# Disks


def test_an_out_folder_that_is_a_file_is_told_at_once(states: States, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    run = build(states, tmp_path / "work")
    assert_refused(run, "The disk refused a write", str(tmp_path / "out"), "choose another --out or --work")
    assert (tmp_path / "out").read_text() == "mine"
    assert not (tmp_path / "work").exists()


def test_a_work_folder_below_a_file_is_told(states: States, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    run = editmill("build", *states.arguments, "--out", tmp_path / "out", "--work", tmp_path / "file" / "work")
    assert_refused(run, "The disk refused a write: Not a directory", "choose another --out or --work")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a disk with some options, or changes those it has; only root can."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("needs the right to mount a disk")
        return folder

    yield mount
    while folder.is_mount():
        subprocess.run(["umount", str(folder)], check=True)


def test_a_folder_that_cannot_be_written_to_is_told_at_once(
    states: States, tmp_path: Path, disk: Callable[[str], Path]
) -> None:
    out = disk("size=1m,ro")
    run = editmill("build", *states.arguments, "--out", out, "--work", tmp_path / "work")
    assert_refused(run, "The disk refused a write: Read-only file system", str(out), "choose another --out or --work")
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("megabytes", [1, 3])
def test_a_full_disk_is_told_and_with_more_room_a_second_run_goes_on(
    megabytes: int, states: States, small: Built, disk: Callable[[str], Path]
) -> None:
    out = disk(f"size={megabytes}m") / "out"
    command = ("build", *states.arguments, "--out", out, "--workers", 1)
    assert_refused(editmill(*command), "No space left on device", str(out), "Free some space")
    assert shown(out) == []
    disk("remount,size=200m")
    succeed(*command)
    assert files(out / small.release.name) == files(small.release)
    assert half_written(out) == []


def test_a_disk_that_fills_up_under_the_release_leaves_none(
    states: States, work: Path, disk: Callable[[str], Path]
) -> None:
    out = disk("size=1m")
    run = editmill("build", *states.arguments, "--out", out, "--work", work, "--workers", 1)
    assert_refused(run, "The disk refused a write: No space left on device", str(out), "Free some space")
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kilobytes", [20, 120])
def test_files_that_may_not_grow_are_told_and_a_second_run_goes_on(
    kilobytes: int, workers: int, states: States, small: Built, tmp_path: Path
) -> None:
    """A quota that needs no rights to set: the system refuses with EFBIG."""

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1000, kilobytes * 1000))

    out = tmp_path / "out"
    command = ("build", *states.arguments, "--out", out, "--workers", workers)
    run = process(*command, preexec_fn=bound)
    assert_refused(run, "The disk refused a write: File too large", str(out), "Free some space")
    assert shown(out) == []
    if workers == 1:
        succeed(*command)
        assert files(out / small.release.name) == files(small.release)


# Runs that meet


def test_a_second_run_in_the_same_work_folder_is_refused_and_the_first_goes_on(
    states: States, small: Built, tmp_path: Path
) -> None:
    command = ("build", *states.arguments, "--out", tmp_path / "out", "--workers", 1)
    first = start(*command, at=Moment(r"^mkdir .*/\.screening-", SIGSTOP))
    try:
        assert wait_until(lambda: state(first.pid) == "T")
        assert_refused(
            editmill(*command),
            "Another run is using this work folder",
            str(tmp_path / "out" / ".work"),
            "Wait for it, or give another --work or --out.",
        )
    finally:
        os.killpg(first.pid, SIGCONT)
    assert finish(first).code == 0
    assert files(tmp_path / "out" / small.release.name) == files(small.release)


def state(pid: int) -> str:
    """R for running, S for waiting, T for stopped, and so on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


# Ctrl-C

INTERRUPTED = "editmill: Interrupted. Run the same command again to go on from here.\n"


MOMENTS = {  # in the order of the line: what is finished is not done again
    1: (
        r"^mkdir .*/\.ingest-",
        r"/counts/000000\.json$",
        r"/\.changes-.*/older/",
        r"^rename .*/\.selection-",
        r"/\.v[^/]+/exports/",
        r"^rename .*/v[^/]+$",
    ),
    2: (r"/counts/000000\.json$", r"/\.changes-.*/older/"),
}


@pytest.mark.parametrize("workers", MOMENTS)
def test_ctrl_c_ends_a_run_quietly_and_a_second_run_goes_on(
    workers: int, states: States, small: Built, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ("build", *states.arguments, "--out", out, "--workers", workers)
    for before in MOMENTS[workers]:
        run = stopped(*command, at=Moment(before, SIGINT))
        assert (run.code, run.out, run.err) == (130, "", INTERRUPTED)
        assert shown(out) == []
        assert list(out.glob(".v*")) == []
    succeed(*command)
    assert files(out / small.release.name) == files(small.release)


def test_ctrl_c_sent_to_the_command_alone_ends_its_workers_too(states: States, tmp_path: Path) -> None:
    command = ("build", *states.arguments, "--out", tmp_path / "out", "--workers", 2)
    started = start(*command, at=Moment(r"/counts/000000\.json$", SIGINT, "parent"))
    run = finish(started)
    assert (run.code, run.out, run.err) == (130, "", INTERRUPTED)
    assert wait_until(lambda: not living(started.pid))  # on a busy machine they need a moment


QUERY = """
import os, signal, sys, threading
from pathlib import Path
from pipeline.cli import main as cli
from pipeline.cli.arguments import Command
from pipeline.core import tables

SLOW = "SELECT count(*) AS n FROM range(200_000) a(x), range(1_000_000) b(y) WHERE x * y % 7 = 3"

def ask(*_):
    with tables.Database(Path(sys.argv[1]), "100MB") as database:
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        {
            "run": lambda: database.run(SLOW),
            "table": lambda: database.table(SLOW),
            "write": lambda: database.write(SLOW, Path(sys.argv[1]) / "n.parquet", None),
        }[sys.argv[2]]()

cli.COMMANDS = (Command("ask", "", lambda parser: None, ask),)
sys.exit(cli.main(["ask"]))
"""


@pytest.mark.parametrize("query", ["run", "table", "write"])
def test_ctrl_c_amid_a_long_query_is_heard(query: str, tmp_path: Path) -> None:
    """The query would take a minute or more; DuckDB itself may be deaf to the signal for all of it."""
    command = [sys.executable, "-c", QUERY, str(tmp_path), query]
    run = subprocess.run(
        command, env=environment(), cwd=REPO, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert (run.returncode, run.stdout, run.stderr) == (130, "", INTERRUPTED)
    assert list(tmp_path.iterdir()) == []
