"""Work in parts: results in order, failures told, finished work kept, changed input noticed, one run at a time."""

import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from pipeline.core import stage_cache
from pipeline.core.errors import InputError, PipelineError, StorageError, UsageError
from pipeline.core.parallel import InlineExecutor, executor, map_shards
from pipeline.core.stage_cache import DONE, code_version, locked, stage, waiting_for_locks

# What the processes run must be importable by them.


def double(number: int) -> int:
    return 2 * number


def double_late(number: int) -> int:
    """The first tasks take longest."""
    time.sleep(0.05 / (number + 1))
    return 2 * number


def fail_at_three(number: int) -> int:
    if number == 3:
        raise InputError("It is three", f"task {number}", "Take another.")
    return number


def die(number: int) -> int:
    os._exit(number)


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    with executor(2) as processes:
        yield processes


# Executors


def test_one_worker_runs_where_it_stands_and_several_in_processes_of_their_own(pool: Executor) -> None:
    for workers in (0, 1):
        with executor(workers) as single:
            assert isinstance(single, InlineExecutor)
            assert single.submit(os.getpid).result() == os.getpid()
    assert isinstance(pool, ProcessPoolExecutor)
    assert pool.submit(os.getpid).result() != os.getpid()


def test_an_error_of_ours_waits_in_the_future_and_a_bug_is_raised_where_it_happens() -> None:
    future = InlineExecutor().submit(fail_at_three, 3)
    assert isinstance(future.exception(), InputError)
    with pytest.raises(TypeError):
        InlineExecutor().submit(double, None)  # type: ignore[arg-type]


def test_a_failed_run_does_not_wait_for_work_that_is_wanted_no_more() -> None:
    begun = time.monotonic()
    with pytest.raises(InputError, match="on purpose"), executor(2) as busy:
        for _ in range(4):
            busy.submit(time.sleep, 60)
        raise InputError("on purpose")
    assert time.monotonic() - begun < 30


def is_running(process: int) -> bool:
    """Whether a process is there and not just waiting to be buried."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are watched through /proc")
def test_workers_end_when_the_main_process_is_killed(tmp_path: Path) -> None:
    """Else they would go on writing beside the next run."""
    script = tmp_path / "run.py"
    script.write_text(
        "import os, time\n"
        "from pipeline.core.parallel import executor\n"
        "if __name__ == '__main__':\n"
        "    with executor(2) as pool:\n"
        "        workers = {pool.submit(os.getpid).result() for _ in range(20)}\n"
        "        for _ in workers:\n"
        "            pool.submit(time.sleep, 60)\n"
        "        print(*workers, flush=True)\n"
        "        time.sleep(60)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        workers = [int(process) for process in run.stdout.readline().split()]
        assert workers
        assert all(map(is_running, workers))
        run.kill()
    patience = time.monotonic() + 20
    while any(map(is_running, workers)) and time.monotonic() < patience:
        time.sleep(0.05)
    assert not any(map(is_running, workers))


# Mapping


@pytest.mark.parametrize("count", [0, 1, 7])
def test_results_come_in_the_order_of_the_tasks(count: int, pool: Executor) -> None:
    expected = [2 * number for number in range(count)]
    with ThreadPoolExecutor(4) as threads:
        for one in (InlineExecutor(), threads, pool):
            assert map_shards(double_late, range(count), one) == expected


def test_each_finished_task_is_told(pool: Executor) -> None:
    for one in (InlineExecutor(), pool):
        told: list[int] = []
        map_shards(double_late, [5, 6, 7], one, told.append)
        assert sorted(told) == [5, 6, 7]


def test_a_task_that_fails_fails_the_whole_with_its_own_message(pool: Executor) -> None:
    for one in (InlineExecutor(), pool):
        with pytest.raises(InputError) as caught:
            map_shards(fail_at_three, range(6), one)
        assert str(caught.value) == "It is three (task 3). Take another."
    assert map_shards(double, [1], pool) == [2]  # the pool goes on


def test_after_a_failure_waiting_tasks_are_given_up() -> None:
    begun: list[int] = []
    first_waits = Event()

    def task(number: int) -> int:
        begun.append(number)
        if number == 0:
            raise InputError("at once")
        first_waits.wait(10)
        return number

    with ThreadPoolExecutor(1) as threads:
        threads.submit(first_waits.wait, 0.2)
        with pytest.raises(InputError, match="at once"):
            map_shards(task, range(100), threads)
        first_waits.set()
    assert len(begun) < 5


def test_a_bug_in_a_process_comes_back_as_it_is(pool: Executor) -> None:
    with pytest.raises(TypeError):
        map_shards(double, [None], pool)  # type: ignore[list-item]


def test_a_worker_that_dies_is_told_with_a_remedy() -> None:
    with executor(2) as dying, pytest.raises(PipelineError, match="A worker process died") as caught:
        map_shards(die, [1, 1, 1], dying)
    assert "fewer --workers" in caught.value.remedy


def test_a_pool_that_broke_before_is_told_likewise() -> None:
    """A worker may be killed between two stages; then handing out tasks fails, not running them."""
    with executor(2) as broken:
        assert broken.submit(die, 1).exception() is not None
        with pytest.raises(PipelineError, match="A worker process died"):
            map_shards(double, [1, 2], broken)


def test_an_executor_that_is_not_ours_will_do() -> None:
    """The seam is the standard library's interface: `submit` is all that is asked for."""

    class Backwards(Executor):
        """Finishes the last task first, as a cluster may."""

        def __init__(self) -> None:
            self.waiting: list[tuple[Future[int], Callable[[], int]]] = []

        def submit(self, fn: Callable[..., int], /, *args: object, **kwargs: object) -> "Future[int]":
            """Keep a task until three are there."""
            self.waiting.append((Future(), lambda: fn(*args, **kwargs)))
            future = self.waiting[-1][0]
            while len(self.waiting) == 3:
                for waiting, call in reversed(self.waiting):
                    waiting.set_result(call())
                self.waiting = []
            return future

    assert map_shards(double, [1, 2, 3], Backwards()) == [2, 4, 6]


# Stages


def maker(made: list[Path], content: str = "content") -> Callable[[Path], None]:
    """A stage that notes where it was run."""

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "table").write_text(content)

    return make


def test_a_stage_is_made_once_and_skipped_from_then_on(tmp_path: Path) -> None:
    made: list[Path] = []
    first = stage(tmp_path, "ingest", {"new": "abc"}, maker(made))
    assert stage(tmp_path, "ingest", {"new": "abc"}, maker(made, "other")) == first
    assert len(made) == 1
    assert (first / "table").read_text() == "content"
    assert list(tmp_path.iterdir()) == [first]


def test_a_stage_folder_appears_whole(tmp_path: Path) -> None:
    def make(folder: Path) -> None:
        assert [path.name.startswith(".") for path in tmp_path.iterdir()] == [True]
        (folder / "table").write_text("content")

    folder = stage(tmp_path, "ingest", {}, make)
    assert sorted(path.name for path in folder.iterdir()) == [DONE, "table"]


def test_the_marker_tells_what_a_stage_depends_on(tmp_path: Path) -> None:
    folder = stage(tmp_path, "ingest", {"new": "abc", "settings": {"b": 1, "a": 2}}, maker([]))
    told = json.loads((folder / DONE).read_text())
    assert told["stage"] == "ingest"
    assert told["code"] == code_version()
    assert told["depends"] == {"new": "abc", "settings": {"a": 2, "b": 1}}


def test_the_order_of_what_a_stage_depends_on_does_not_matter(tmp_path: Path) -> None:
    first = stage(tmp_path, "ingest", {"a": 1, "b": {"x": 1, "y": 2}}, maker([]))
    assert stage(tmp_path, "ingest", {"b": {"y": 2, "x": 1}, "a": 1}, maker([])) == first


@pytest.mark.parametrize(
    "change", [{"new": "abd"}, {"settings": {"size": 2}}, {"more": None}], ids=["input", "setting", "more"]
)
def test_a_changed_input_gives_a_new_folder_beside_the_old_one(change: dict[str, object], tmp_path: Path) -> None:
    depends: dict[str, object] = {"new": "abc", "settings": {"size": 1}}
    first = stage(tmp_path, "ingest", depends, maker([], "first"))
    second = stage(tmp_path, "ingest", depends | change, maker([], "second"))
    assert first != second
    assert [(folder / "table").read_text() for folder in (first, second)] == ["first", "second"]


def test_changed_code_and_a_changed_schema_give_new_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = {stage(tmp_path, "ingest", {}, maker([]))}
    monkeypatch.setattr(stage_cache.schema, "SCHEMA_VERSION", -1)
    folders.add(stage(tmp_path, "ingest", {}, maker([])))
    monkeypatch.setattr(stage_cache, "code_version", lambda: "another")
    folders.add(stage(tmp_path, "ingest", {}, maker([])))
    assert len(folders) == 3


def test_the_version_of_the_code_changes_with_any_file_and_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / "one.py", tmp_path / "two.py"]
    monkeypatch.setattr(stage_cache, "source_files", lambda: sorted(tmp_path.iterdir()))
    versions = []
    for contents in (["", "x"], ["x", ""], ["x", "y"]):
        for file, content in zip(files, contents, strict=True):
            file.write_text(content)
        versions.append(code_version.__wrapped__())
    files[0].rename(tmp_path / "0.py")
    versions.append(code_version.__wrapped__())
    assert len(set(versions)) == 4
    assert code_version.__wrapped__() == versions[-1]


def test_a_stage_depends_on_earlier_ones_by_their_names_wherever_they_lie(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    names = {stage(work, "next", {"ingested": work / "ingest-0123"}, maker([])).name for work in (here, there)}
    assert len(names) == 1
    assert stage(here, "next", {"ingested": here / "ingest-4567"}, maker([])).name not in names


def test_a_stage_that_fails_half_way_keeps_its_finished_files_and_completes_them(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "first").write_text("finished")
        raise InputError("half-way")

    def resume(folder: Path) -> None:
        assert (folder / "first").read_text() == "finished"
        (folder / "second").write_text("content")

    with pytest.raises(InputError, match="half-way"):
        stage(tmp_path, "ingest", {"new": "abc"}, fail)
    assert not [path for path in tmp_path.iterdir() if not path.name.startswith(".")]
    folder = stage(tmp_path, "ingest", {"new": "abc"}, resume)
    assert sorted(path.name for path in folder.iterdir()) == [DONE, "first", "second"]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_half_filled_folder_is_not_used_for_another_input(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "first").write_text("of abc")
        raise InputError("half-way")

    with pytest.raises(InputError):
        stage(tmp_path, "ingest", {"new": "abc"}, fail)
    folder = stage(tmp_path, "ingest", {"new": "abd"}, maker([]))
    assert not (folder / "first").exists()


def test_a_full_disk_fails_a_stage_and_the_next_run_completes_it(tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / "table").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match=r"No space left on device \(.*ingest-.*Free some space"):
        stage(tmp_path, "ingest", {}, fill)
    assert (stage(tmp_path, "ingest", {}, maker([])) / "table").read_text() == "content"


def test_other_errors_of_the_system_come_as_they_are(tmp_path: Path) -> None:
    def look(folder: Path) -> None:
        (folder / "nowhere").read_text()

    with pytest.raises(FileNotFoundError):
        stage(tmp_path, "ingest", {}, look)


def test_a_finished_stage_can_be_moved_away_and_is_made_again(tmp_path: Path) -> None:
    folder = stage(tmp_path, "ingest", {}, maker([]))
    folder.rename(tmp_path / "kept")
    assert stage(tmp_path, "ingest", {}, maker([])) == folder


def test_a_stage_folder_without_its_marker_is_not_trusted(tmp_path: Path) -> None:
    folder = stage(tmp_path, "ingest", {}, maker([], "whole"))
    (folder / DONE).unlink()
    (folder / "table").write_text("copied in p")
    assert stage(tmp_path, "ingest", {}, maker([], "whole")) == folder
    assert (folder / "table").read_text() == "whole"
    assert (folder / DONE).is_file()


# One run at a time


def test_a_second_run_is_kept_out_and_let_in_afterwards(tmp_path: Path) -> None:
    work = tmp_path / "new" / "work"
    with locked(work):
        with pytest.raises(UsageError) as caught, locked(work):
            pytest.fail("two runs in one work folder")
        assert caught.value.where == str(work)
        assert "another --work" in caught.value.remedy
        assert f"process {os.getpid()}" in caught.value.what
    with locked(work):
        pass


def test_a_run_can_wait_for_the_one_in_its_folder(tmp_path: Path) -> None:
    told, order = list[str](), list[str]()

    def second() -> None:
        with waiting_for_locks(told.append), locked(tmp_path):
            order.append("second")

    thread = threading.Thread(target=second)
    with locked(tmp_path):
        thread.start()
        while not told:
            time.sleep(0.01)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert told == [f"Another run is using this work folder, process {os.getpid()} ({tmp_path}): this one waits."]


def test_a_run_that_fails_gives_the_folder_free(tmp_path: Path) -> None:
    with pytest.raises(InputError), locked(tmp_path):
        raise InputError("on purpose")
    with locked(tmp_path):
        pass


def test_a_run_in_another_process_is_kept_out_too(tmp_path: Path, pool: Executor) -> None:
    with locked(tmp_path):
        assert isinstance(pool.submit(_lock, tmp_path).exception(), UsageError)
    assert pool.submit(_lock, tmp_path).exception() is None


def _lock(work: Path) -> None:
    with locked(work):
        pass


def test_different_work_folders_do_not_hinder_each_other(tmp_path: Path) -> None:
    with locked(tmp_path / "one"), locked(tmp_path / "two"):
        assert (tmp_path / "one" / "lock").exists()
