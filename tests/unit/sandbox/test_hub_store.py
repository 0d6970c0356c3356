"""The sandbox's Hub keeps content by hash, moves refs whole, and merges like git, file by file."""

import pytest

from pipeline.sandbox.hub_store import (
    Commit,
    Conflict,
    Missing,
    PullRequest,
    Repo,
    Store,
    add_commit,
    history,
    large,
    make_repo,
    merge,
    move,
    put,
    regular,
    resolve,
)

DATE = "2026-11-16T06:00:00.000Z"


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def repo(store: Store) -> Repo:
    return make_repo(store, "mill/edits", True, DATE)


def commit(store: Store, parent: str, **texts: str) -> str:
    """A commit that changes files; an empty text removes one."""
    files = dict(store.commits[parent].files)
    for path, text in texts.items():
        if text:
            files[path] = regular(store, text.encode())
        else:
            del files[path]
    return add_commit(store, Commit("change", DATE, (parent,), files))


def pulled(ours: str, theirs: str, repo: Repo) -> PullRequest:
    repo.main = ours
    repo.pulls.append(PullRequest(1, "Release", theirs, DATE, "open"))
    return repo.pulls[0]


def texts(store: Store, oid: str) -> dict[str, str]:
    files = store.commits[oid].files
    return {path: store.contents[file.sha256].decode() for path, file in files.items() if not path.startswith(".")}


def test_a_merge_takes_what_either_side_changed(store: Store, repo: Repo) -> None:
    base = commit(store, repo.main, a="1", b="1", c="1")
    ours, theirs = commit(store, base, a="2"), commit(store, base, b="2", c="", d="1")
    pull = pulled(ours, theirs, repo)
    merge(store, repo, pull)
    assert texts(store, repo.main) == {"a": "2", "b": "2", "d": "1"}
    assert set(history(store, repo.main)) >= {repo.main, ours, theirs, base}
    assert (pull.status, pull.merge_commit) == ("merged", repo.main)


@pytest.mark.parametrize("theirs", ["3", ""])
def test_two_changes_of_one_file_conflict(theirs: str, store: Store, repo: Repo) -> None:
    base = commit(store, repo.main, a="1")
    ours = commit(store, base, a="2")
    with pytest.raises(Conflict):
        merge(store, repo, pulled(ours, commit(store, base, a=theirs), repo))
    assert repo.main == ours


def test_the_same_change_on_both_sides_is_no_conflict(store: Store, repo: Repo) -> None:
    base = commit(store, repo.main, a="1")
    merge(store, repo, pulled(commit(store, base, a="2", b="1"), commit(store, base, a="2"), repo))
    assert texts(store, repo.main) == {"a": "2", "b": "1"}


def test_hashes_are_those_of_git_and_of_the_content(store: Store) -> None:
    assert regular(store, b"hello\n").oid == "ce013625030ba8dba906f756967f9e9ca394464a"
    sha256 = put(store, b"hello\n")
    assert (large(store, sha256).size, large(store, sha256).etag) == (6, sha256)
    with pytest.raises(Missing):
        large(store, "0" * 64)


def test_main_pull_requests_tags_and_ids_resolve_and_others_do_not(store: Store, repo: Repo) -> None:
    first = repo.main
    repo.tags["v1"] = first
    pulled(first, first, repo)
    for revision in ("main", "v1", "refs/pr/1", first):
        assert resolve(store, repo, revision) == first
    with pytest.raises(Missing):
        resolve(store, repo, "refs/pr/2")


def test_main_and_pull_requests_move_and_tags_stay(store: Store, repo: Repo) -> None:
    repo.tags["v1"] = repo.main
    pull = pulled(repo.main, repo.main, repo)
    later = commit(store, repo.main, a="1")
    for revision in ("main", "refs/pr/1"):
        move(repo, revision, later)
    assert (repo.main, pull.head) == (later, later)
    with pytest.raises(Missing):
        move(repo, "v1", later)
