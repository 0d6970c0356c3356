"""The sandbox's Hub keeps content by hash, moves refs whole, and merges like git, file by file."""

from pathlib import Path

import pytest

from pipeline.sandbox.hub import Faults
from pipeline.sandbox.hub_store import (
    Commit,
    Conflict,
    Discussion,
    Missing,
    Repo,
    content,
    history,
    large,
    make_repo,
    merge,
    put,
    read_commit,
    read_repo,
    regular,
    resolve,
    write_commit,
)

DATE = "2026-11-16T06:00:00.000Z"


def commit(store: Path, parent: str, **texts: str) -> str:
    """A commit that changes files; an empty text removes one."""
    files = dict(read_commit(store, parent).files)
    for path, text in texts.items():
        if text:
            files[path] = regular(store, text.encode())
        else:
            del files[path]
    return write_commit(store, Commit("change", "", DATE, (parent,), files))


def pulled(store: Path, ours: str, theirs: str, repo: Repo) -> Repo:
    repo.branches["main"], repo.pulls["refs/pr/1"] = ours, theirs
    repo.discussions.append(Discussion(1, "Release", "open", True, DATE))
    return repo


def texts(store: Path, oid: str) -> dict[str, str]:
    files = read_commit(store, oid).files
    return {path: content(store, file.sha256).read_text() for path, file in files.items() if not path.startswith(".")}


def test_a_merge_takes_what_either_side_changed(tmp_path: Path) -> None:
    repo = make_repo(tmp_path, "mill/edits", False, DATE)
    base = commit(tmp_path, repo.branches["main"], a="1", b="1", c="1")
    ours, theirs = commit(tmp_path, base, a="2"), commit(tmp_path, base, b="2", c="", d="1")
    oid = merge(tmp_path, pulled(tmp_path, ours, theirs, repo), 1, DATE)
    assert texts(tmp_path, oid) == {"a": "2", "b": "2", "d": "1"}
    assert set(history(tmp_path, oid)) >= {oid, ours, theirs, base}


def test_two_changes_of_one_file_conflict(tmp_path: Path) -> None:
    repo = make_repo(tmp_path, "mill/edits", False, DATE)
    base = commit(tmp_path, repo.branches["main"], a="1")
    ours, theirs = commit(tmp_path, base, a="2"), commit(tmp_path, base, a="3")
    with pytest.raises(Conflict):
        merge(tmp_path, pulled(tmp_path, ours, theirs, repo), 1, DATE)


def test_hashes_are_those_of_git_and_of_the_content(tmp_path: Path) -> None:
    assert regular(tmp_path, b"hello\n").oid == "ce013625030ba8dba906f756967f9e9ca394464a"
    sha256, size = put(tmp_path, [b"hel", b"lo\n"])
    assert (size, content(tmp_path, sha256).read_bytes()) == (6, b"hello\n")
    assert large(tmp_path, sha256).sha256 == sha256
    with pytest.raises(Missing):
        large(tmp_path, "0" * 64)


def test_refs_and_ids_resolve_and_others_do_not(tmp_path: Path) -> None:
    repo = make_repo(tmp_path, "mill/edits", True, DATE)
    main = repo.branches["main"]
    assert read_repo(tmp_path, "mill/edits") == repo
    assert resolve(tmp_path, repo, "main") == resolve(tmp_path, repo, main) == main
    for revision in ("v1", "refs/pr/1", "../repos/mill"):
        with pytest.raises(Missing):
            resolve(tmp_path, repo, revision)
    with pytest.raises(Missing):
        read_repo(tmp_path, "mill/other")


def test_trouble_falls_on_its_share_of_requests_and_on_the_same_ones_again() -> None:
    faults = Faults(share={"busy": 0.1, "dropped": 0.2}, at={1: "lost"}, seed=5)
    met = [faults.of(number) for number in range(1, 2_001)]
    assert met == [faults.of(number) for number in range(1, 2_001)]
    assert met[0] == "lost"
    assert 150 < met.count("busy") < 250
    assert 330 < met.count("dropped") < 470
