"""Local executor: results in order and independent of the number of workers; one thread per item."""

from __future__ import annotations

import itertools
import operator
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from speechgmm.errors import AudioError, WorkerError
from speechgmm.workers.local import ordered_map, single_thread, single_threaded, while_wanted


def test_two_processes_give_the_results_of_one() -> None:
    """The results of two processes are those of one, in the same order."""
    items = list(range(40, -40, -1))

    assert list(ordered_map(operator.neg, items, jobs=2)) == list(ordered_map(operator.neg, items, jobs=1))


def test_one_job_runs_in_this_process_and_two_do_not() -> None:
    """Other processes are started for two or more jobs, and then do all of the work."""
    call = operator.methodcaller("__call__")

    assert set(ordered_map(call, [os.getpid] * 2, jobs=1)) == {os.getpid()}
    assert os.getpid() not in set(ordered_map(call, [os.getpid] * 4, jobs=2))


def test_processes_work_in_the_folder_of_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes are reused: after a change of folder, relative names of files still mean the caller's."""
    call = operator.methodcaller("__call__")

    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert set(ordered_map(call, [Path.cwd] * 4, jobs=2)) == {tmp_path / name}


def run_script(script: str, **environment: str) -> str:
    """What a Python script prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_without_semaphores_one_process_does_the_work() -> None:
    """Where joblib finds no semaphores, as without /dev/shm, the results are those of one process."""
    script = """
import operator, os
from speechgmm.workers.local import ordered_map, process_count
print(process_count(2), process_count(-1))
print(set(ordered_map(operator.methodcaller("__call__"), [os.getpid], jobs=2)) == {os.getpid()})
"""
    assert run_script(script, JOBLIB_MULTIPROCESSING="0") == "1 1\nTrue\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_does_its_own_work() -> None:
    """It has no part in the workers of the process that it was forked from, and must not wait for them."""
    script = """
import operator, os, warnings
from speechgmm.workers.local import ordered_map
warnings.simplefilter("ignore")  # that it is forked while there are threads
print(list(ordered_map(operator.neg, range(4), jobs=2)), flush=True)
if child := os.fork():
    os.waitpid(child, 0)
else:
    print(list(ordered_map(operator.neg, range(4), jobs=2)), flush=True)
    os._exit(0)
"""
    assert run_script(script) == "[0, -1, -2, -3]\n" * 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_forked_in_the_middle_of_work_does_not_wait() -> None:
    """A lock that another thread held at the fork is free in the new process."""
    script = """
import os, threading, time, warnings
from speechgmm.workers.local import single_thread
warnings.simplefilter("ignore")
single_thread._lock.acquire()
if child := os.fork():
    print(os.waitpid(child, 0)[1])
else:
    with single_thread:
        os._exit(0)
"""
    assert run_script(script) == "0\n"


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_workers_end_with_their_parent() -> None:
    """When the parent is killed, no worker lives on and holds its stdout, whether it has work or none."""
    script = """
import os, time
from speechgmm.workers.local import ordered_map

def work(item):
    os.write(1, b"ready ")
    time.sleep(60)

list(ordered_map(work, range(2), jobs=3))
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.read(len(b"ready ready ")) == b"ready ready "
        parent.kill()
        assert parent.communicate(timeout=20)[0] == b""


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_ctrl_c_does_not_reach_workers() -> None:
    """A terminal sends it to all processes of a command; the parent ends its workers, which print no traceback."""
    script = """
import os, time
from speechgmm.workers.local import ordered_map

def work(item):
    os.write(1, b"ready ")
    time.sleep(60)

try:
    list(ordered_map(work, range(2), jobs=2))
except KeyboardInterrupt:
    print("interrupted")
"""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.read(len(b"ready ready ")) == b"ready ready "
        os.killpg(parent.pid, signal.SIGINT)
        assert parent.communicate(timeout=20) == (b"interrupted\n", b"")


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="needs signal masks")
def test_workers_start_with_the_signals_of_a_terminal_blocked() -> None:
    """So that not even Python's start in a worker is interrupted; the caller gets the signals as before."""
    script = """
import signal
from speechgmm.workers.local import ordered_map

def blocked(_):
    return {signal.SIGINT, signal.SIGHUP} <= signal.pthread_sigmask(signal.SIG_BLOCK, ())

print(list(ordered_map(blocked, range(4), jobs=2)), blocked(0))
"""
    assert run_script(script) == "[True, True, True, True] False\n"


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_worker_that_starts_later_ignores_them() -> None:
    """A worker that replaces an idle one is started by another thread."""
    script = """
import os, signal
from speechgmm.workers.local import _end_with_parent
_end_with_parent(os.getppid())
os.kill(os.getpid(), signal.SIGINT)
os.kill(os.getpid(), signal.SIGHUP)
print("alive")
"""
    assert run_script(script) == "alive\n"


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_killed_worker_is_an_error() -> None:
    """As where memory is short: the error says so, and the next work has new workers."""
    with pytest.raises(WorkerError, match=r"^a worker process was killed, .*: use fewer jobs, or one$"):
        list(ordered_map(kill_this_process, range(4), jobs=2))
    assert list(ordered_map(operator.neg, range(4), jobs=2)) == [0, -1, -2, -3]


def kill_this_process(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_results_of_threads_come_in_order(jobs: int) -> None:
    """Short tasks do not overtake long ones."""

    def slow(item: int) -> int:
        time.sleep(0.02 if item % 3 == 0 else 0.0)
        return item * item

    assert list(ordered_map(slow, range(12), jobs=jobs, threads=True)) == [item * item for item in range(12)]


def test_threads_run_in_parallel() -> None:
    """Two tasks can wait for each other."""
    barrier = threading.Barrier(2, timeout=20)

    def meet(_: int) -> int:
        return barrier.wait()

    assert sum(ordered_map(meet, range(4), jobs=2, threads=True)) == 2


@pytest.mark.parametrize("threads", [False, True])
def test_one_job_takes_one_item_at_a_time(threads: bool) -> None:
    """With one job, items are taken only for the requested results, so there may be infinitely many."""
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in itertools.count():
            taken.append(item)
            yield item

    results = ordered_map(operator.neg, items(), jobs=1, threads=threads)

    assert taken == []
    assert list(itertools.islice(results, 3)) == [0, -1, -2]
    assert len(taken) <= 4


def test_two_jobs_do_not_take_all_items_at_once() -> None:
    """The first result arrives long before the last item is taken."""
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(400):
            taken.append(item)
            yield item

    def work(item: int) -> int:
        time.sleep(0.002)
        return item

    results = ordered_map(work, items(), jobs=2, threads=True)

    assert next(results) == 0
    assert len(taken) < 100
    assert list(results) == list(range(1, 400))


def test_threads_drop_work_that_is_not_needed() -> None:
    """After the caller stopped, threads finish what they work on and begin at most what was waiting."""
    begun: list[int] = []
    results = ordered_map(begun.append, range(1000), jobs=2, threads=True)

    assert next(results) is None
    assert isinstance(results, Generator)
    results.close()

    assert 1 <= len(begun) <= 4


def test_a_long_task_of_a_thread_ends_when_it_is_dropped() -> None:
    """It looks at each of its parts whether it is still wanted; in the caller's own thread it always is."""
    n_parts: list[int] = []

    def work(item: int) -> int:
        for part in while_wanted(range(100_000 if item else 3)):
            n_parts.append(part)
            time.sleep(0.001 if item else 0.0)
        return item

    results = ordered_map(work, range(2), jobs=2, threads=True)
    assert next(results) == 0
    assert isinstance(results, Generator)
    results.close()

    assert len(n_parts) < 50_000
    assert list(while_wanted(range(3))) == [0, 1, 2]


def test_threads_start_without_joblib(monkeypatch: pytest.MonkeyPatch) -> None:
    """The threads of joblib take tens of milliseconds to start, as long as an E-step on many shards."""
    monkeypatch.delattr("joblib.Parallel")
    assert list(ordered_map(operator.neg, range(3), jobs=2, threads=True)) == [0, -1, -2]


@pytest.mark.parametrize("threads", [False, True])
def test_stopping_early_is_quiet(threads: bool) -> None:
    """A caller that stops after some results gets no warning and does not wait for the other items."""
    start = time.perf_counter()
    results = ordered_map(time.sleep, [0.02] * 2000, jobs=2, threads=threads)

    assert [next(results) for _ in range(3)] == [None] * 3
    assert isinstance(results, Generator)
    results.close()

    assert time.perf_counter() - start < 15
    time.sleep(0.1)  # threads finish their current item


def test_no_items_give_no_results() -> None:
    """An empty list of items is allowed."""
    assert list(ordered_map(operator.neg, [], jobs=1)) == []


@pytest.mark.parametrize("threads", [False, True])
def test_an_error_reaches_the_caller(threads: bool) -> None:
    """An exception of a worker is raised here, after the results of the items before."""

    def work(item: int) -> int:
        if item == 2:
            raise AudioError("noise.wav: it is damaged")
        return item

    results = ordered_map(work, range(5), jobs=1, threads=threads)

    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(AudioError, match=r"^noise.wav: it is damaged$"):
        next(results)


@pytest.mark.parametrize(("jobs", "threads"), [(1, False), (2, True)])
def test_numeric_libraries_have_one_thread(jobs: int, threads: bool) -> None:
    """Linear algebra has one thread during the work, and its former number afterwards."""
    before = sorted((pool["filepath"], pool["num_threads"]) for pool in threadpool_info())

    def threads_of(_: int) -> list[int]:
        np.ones((2, 2)) @ np.ones((2, 2))
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    counts = list(ordered_map(threads_of, range(2), jobs=jobs, threads=threads))

    assert all(count == 1 for item_counts in counts for count in item_counts)
    assert all(counts)
    assert sorted((pool["filepath"], pool["num_threads"]) for pool in threadpool_info()) == before


def blas_threads() -> set[int]:
    """The thread limits of the linear algebra libraries in this process."""
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_a_decorated_function_has_one_thread() -> None:
    """Linear algebra has one thread inside the function, and its former number afterwards."""
    counts = single_thread(blas_threads)

    with threadpool_limits(2):
        assert counts() == {1}
        assert blas_threads() == {2}


def test_the_caller_is_not_limited_between_results() -> None:
    """Between two results, the caller has its former number of threads."""
    with threadpool_limits(2):
        for results in (
            ordered_map(lambda _: blas_threads(), range(2), jobs=1),
            ordered_map(lambda _: blas_threads(), range(2), jobs=2, threads=True),
            single_threaded(blas_threads() for _ in range(2)),
        ):
            assert next(results) == {1}
            time.sleep(0.1)  # a second worker has finished
            assert blas_threads() == {2}
            assert list(results) == [{1}]


def test_the_limit_lasts_until_the_last_thread_leaves() -> None:
    """With two threads inside, the first that leaves does not lift the limit of the other."""
    first_left, second_entered = threading.Event(), threading.Event()
    counts: list[set[int]] = []

    def second() -> None:
        with single_thread:
            second_entered.set()
            first_left.wait(20)
            counts.append(blas_threads())

    with threadpool_limits(2):
        thread = threading.Thread(target=second)
        with single_thread:
            thread.start()
            assert second_entered.wait(20)
        first_left.set()
        thread.join(20)
        assert counts == [{1}]
        assert blas_threads() == {2}
