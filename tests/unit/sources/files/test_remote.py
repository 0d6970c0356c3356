"""Files at addresses, over real sockets that break: every byte once and in order, or an error, never half a file."""

import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.core.errors import InputError, PipelineError, ServiceError
from pipeline.core.seeded import draw_key
from pipeline.sandbox.server import Answer, Faults, File, Request, Route, serve
from pipeline.sources.files import remote
from pipeline.sources.files.remote import RemoteFile

CONTENT = b"".join(f"{draw_key(0, place)}\n".encode() for place in range(60_000))
BLOCK = 1 << 17
CHUNK = 50_000


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(remote, "_BLOCK_BYTES", BLOCK)


def file_of(*bodies: bytes) -> Route:
    """A server with one file, which it gives in one version after the other, the last one for ever."""
    left = list(bodies)
    return lambda _: File(left.pop(0) if len(left) > 1 else left[0], "application/octet-stream")


def chunks(name: str) -> Iterator[bytes]:
    file = RemoteFile(name)
    try:
        while data := file.read(CHUNK):
            yield data
    finally:
        file.close()


def read(url: str) -> bytes:
    return b"".join(chunks(f"{url}/all.json"))


def test_a_file_is_read_by_parts() -> None:
    with serve(file_of(CONTENT)) as (url, seen):
        assert read(url) == CONTENT
    starts = [int(part.removeprefix("bytes=").partition("-")[0]) for part in seen.parts]
    assert len(starts) > 2
    assert starts == sorted(set(starts))  # nothing twice


@pytest.mark.parametrize("fault", ["dropped", "lost", "unavailable", "too_many"])
@pytest.mark.parametrize("seed", range(3))
def test_what_breaks_off_is_gone_on_with(fault: str, seed: int) -> None:
    """The first two requests look at the file and begin it: an address that does not answer is no address."""
    faults = Faults({fault: 0.25}, seed, at={1: "none", 2: "none"})
    with serve(file_of(CONTENT), faults) as (url, seen):
        assert read(url) == CONTENT
    assert seen.faults[fault] >= 1


def test_a_part_that_is_shorter_than_was_asked_for_is_not_the_end() -> None:
    def short(request: Request) -> Answer:
        file = File(CONTENT, "application/octet-stream")
        if request.method == "HEAD":
            return file
        part = file.part(request.headers)
        first = int(request.headers["Range"].removeprefix("bytes=").partition("-")[0])
        body = part.body[: max(len(part.body) * 2 // 3, 1)]
        place = f"bytes {first}-{first + len(body) - 1}/{len(CONTENT)}"
        return Answer(body, part.kind, 206, {**part.headers, "Content-Range": place})

    with serve(short) as (url, _):
        assert read(url) == CONTENT


def test_each_attempt_asks_for_less() -> None:
    """A connection that carries less than a block at a time still gets to the end."""
    most = BLOCK // 8

    def narrow(request: Request) -> Answer | None:
        first, _, last = request.headers.get("Range", "").removeprefix("bytes=").partition("-")
        is_wide = request.method == "GET" and int(last) - int(first) >= most
        return None if is_wide else File(CONTENT[: 2 * BLOCK], "application/octet-stream")

    with serve(narrow) as (url, _):
        assert read(url) == CONTENT[: 2 * BLOCK]


@pytest.mark.parametrize("keeps_length", [True, False])
def test_a_file_that_changes_meanwhile_is_refused(keeps_length: bool) -> None:
    newer = CONTENT[::-1] if keeps_length else CONTENT[1:]

    class Changing:
        """Gives the older file until its second part is asked for."""

        is_newer = False

        def __call__(self, request: Request) -> Answer | None:
            if not self.is_newer and not request.headers.get("Range", "bytes=0-").startswith("bytes=0-"):
                self.is_newer = True
                return None
            return File(newer if self.is_newer else CONTENT, "application/octet-stream")

    with serve(Changing()) as (url, _), pytest.raises(InputError, match="The file changed while it was read") as told:
        read(url)
    assert "/all.json" in told.value.where


def test_a_server_that_keeps_failing_is_told_with_the_place() -> None:
    def half(request: Request) -> Answer | None:
        is_first = request.headers.get("Range", "bytes=0-").startswith("bytes=0-")
        return File(CONTENT, "application/octet-stream") if request.method == "HEAD" or is_first else None

    with serve(half) as (url, seen), pytest.raises(ServiceError) as told:
        read(url)
    assert told.value.what.startswith("The address could not be read beyond byte 131072, 6 times in a row: ")
    assert told.value.where == f"{url}/all.json"
    assert told.value.remedy == "Run again later, or download the file first."
    assert len(seen.requests) < 30


@pytest.mark.parametrize("status", [403, 404, 500])
def test_an_address_that_is_refused_is_told(status: int) -> None:
    with serve(lambda _: Answer(b"", "text/html", status)) as (url, _), pytest.raises(InputError) as told:
        read(url)
    assert told.value.what.startswith(f"The address cannot be opened: {status}")
    assert told.value.where == f"{url}/all.json"


# Servers that know no parts of files


class _Quiet(SimpleHTTPRequestHandler):
    breaks: list[int] = []  # the bytes after which the next answers break off

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def copyfile(self, source, outputfile) -> None:  # type: ignore[no-untyped-def]
        if not self.breaks:
            super().copyfile(source, outputfile)
            return
        outputfile.write(source.read(self.breaks.pop(0)))
        outputfile.flush()
        self.connection.shutdown(2)


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """The server of the standard library, which ignores the header `Range`, with one file."""
    servers: list[ThreadingHTTPServer] = []

    def start(breaks: Sequence[int] = ()) -> str:
        (tmp_path / "all.json").write_bytes(CONTENT)

        class Handler(_Quiet):
            pass

        Handler.breaks = list(breaks)
        server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *args: Handler(*args, directory=str(tmp_path)))
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_without_parts_it_is_read_in_one_stream(plain: Callable[..., str]) -> None:
    assert read(plain()) == CONTENT


@pytest.mark.parametrize("breaks", [[200_000], [150_000, 700_000], [100, 200, 300]])
def test_without_parts_what_was_read_is_skipped(breaks: list[int], plain: Callable[..., str]) -> None:
    assert read(plain(breaks)) == CONTENT


# Other addresses


def test_a_file_by_its_address_is_itself(tmp_path: Path) -> None:
    (tmp_path / "all.json").write_bytes(CONTENT)
    assert b"".join(chunks(f"file://{tmp_path}/all.json")) == CONTENT


@pytest.mark.parametrize(
    "name",
    [
        "http://127.0.0.1:9/all.json",
        "bogus://x",
        "file:///nowhere/all.json",
        "http://[::bad/x",
        "http://",
        "memory://x",
    ],
)
def test_an_address_that_leads_nowhere_is_told(name: str) -> None:
    with pytest.raises(PipelineError) as told:
        RemoteFile(name)
    assert told.value.what.startswith("The address cannot be opened: ")
    assert told.value.where == name
    assert "\n" not in str(told.value)
