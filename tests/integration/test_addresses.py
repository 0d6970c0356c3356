"""Dumps at addresses: from a server of HTTP that breaks off, and from one of S3, the tables are those of the file."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from pipeline.sandbox.server import Faults, File, Request, serve
from tests.bench.generate import write_dump
from tests.integration.command import editmill, files, half_written, process, shown, succeed, well

ITEMS = 300
BUCKET = "dumps"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dumps")
    write_dump(folder / "old.json.gz", ITEMS)
    write_dump(folder / "new.json.gz", ITEMS, changed=0.05)
    return folder


@pytest.fixture(scope="module")
def ingested(folder: Path) -> dict[str, bytes]:
    """What comes of the newer dump as a file."""
    succeed("ingest", folder / "new.json.gz", "--out", folder / "ingested", "--workers", 1)
    return tables(folder / "ingested")


def tables(out: Path) -> dict[str, bytes]:
    assert half_written(out) == []
    return {name: content for name, content in files(out).items() if name.endswith(".parquet")}


def route(folder: Path) -> Any:
    """A server of the files of a folder."""
    return lambda request: File((folder / Path(request.path).name).read_bytes(), "application/gzip")


@pytest.fixture(scope="module")
def bucket(folder: Path) -> Iterator[Mapping[str, str]]:
    """An S3 server with both dumps; the variables by which a user's command finds it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "mine",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    client = boto3.client(
        "s3",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        aws_access_key_id="mine",
        aws_secret_access_key="secret",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=BUCKET)
    for name in ("old.json.gz", "new.json.gz"):
        client.put_object(Bucket=BUCKET, Key=name, Body=(folder / name).read_bytes())
    client.close()
    yield variables
    server.stop()


@pytest.mark.parametrize("breaks", [{}, {2: "dropped"}, {2: "dropped", 4: "unavailable", 6: "lost"}], ids=str)
@pytest.mark.parametrize("workers", [1, 2])
def test_http_gives_the_tables_of_the_file(
    workers: int, breaks: Mapping[int, str], folder: Path, ingested: dict[str, bytes], tmp_path: Path
) -> None:
    with serve(route(folder), Faults(at=breaks)) as (url, seen):
        succeed("ingest", f"{url}/new.json.gz", "--out", tmp_path / "out", "--workers", workers)
    assert tables(tmp_path / "out") == ingested
    assert [seen.faults[fault] for fault in breaks.values()] == [1] * len(breaks)
    assert seen.parts


def test_http_that_keeps_breaking_leaves_nothing_and_a_second_run_reads_it(
    folder: Path, ingested: dict[str, bytes], tmp_path: Path
) -> None:
    def broken(request: Request) -> File | None:
        return route(folder)(request) if request.method == "HEAD" else None

    with serve(broken) as (url, _):
        run = editmill("ingest", f"{url}/new.json.gz", "--out", tmp_path / "out")
    assert (run.code, run.out) == (3, "")
    assert run.err.startswith("editmill: The address could not be read beyond byte 0, 6 times in a row: ")
    assert url in run.err
    assert run.err.count("\n") == 1
    assert shown(tmp_path / "out") == []
    with serve(route(folder)) as (url, _):
        succeed("ingest", f"{url}/new.json.gz", "--out", tmp_path / "out")
    assert tables(tmp_path / "out") == ingested


def test_s3_gives_the_tables_of_the_file(bucket: Mapping[str, str], ingested: dict[str, bytes], tmp_path: Path) -> None:
    well(process("ingest", f"s3://{BUCKET}/new.json.gz", "--out", tmp_path / "out", "--workers", 2, env=bucket))
    assert tables(tmp_path / "out") == ingested


def test_a_dump_from_http_is_compared_with_one_from_s3(bucket: Mapping[str, str], folder: Path, tmp_path: Path) -> None:
    succeed("diff", folder / "old.json.gz", folder / "new.json.gz", "--out", tmp_path / "files", "--workers", 1)
    with serve(route(folder)) as (url, _):
        addresses = (f"{url}/old.json.gz", f"s3://{BUCKET}/new.json.gz")
        well(process("diff", *addresses, "--out", tmp_path / "addresses", "--workers", 1, env=bucket))
    changes = (tmp_path / "addresses" / "changes.parquet").read_bytes()
    assert changes == (tmp_path / "files" / "changes.parquet").read_bytes()


@pytest.mark.parametrize(
    "name", [f"s3://{BUCKET}/other.json.gz", "s3://nowhere/new.json.gz", f"s3://{BUCKET}", "s3://"]
)
def test_what_s3_does_not_hold_is_told(name: str, bucket: Mapping[str, str], tmp_path: Path) -> None:
    assert_refused(name, tmp_path, bucket)


def test_s3_without_a_key_is_told(bucket: Mapping[str, str], tmp_path: Path) -> None:
    assert "AWS_ACCESS_KEY_ID" not in os.environ
    without_key = {"AWS_ENDPOINT_URL": bucket["AWS_ENDPOINT_URL"], "AWS_EC2_METADATA_DISABLED": "true"}
    assert_refused(f"s3://{BUCKET}/new.json.gz", tmp_path, without_key | {"HOME": str(tmp_path)})


def assert_refused(name: str, folder: Path, env: Mapping[str, str]) -> None:
    run = process("ingest", name, "--out", folder / "out", env=env)
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith("editmill: The address cannot be opened: ")
    assert name in run.err
    assert run.err.count("\n") == 1
