"""Dask executor, on a cluster of processes on this machine: the same model, even if a worker dies."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from subprocess import Popen
from typing import TypeVar

import pytest

from speechgmm.classifier.model_file import save
from speechgmm.corpus import read_corpus
from speechgmm.errors import ClusterError
from speechgmm.training.recipe import Recipe
from speechgmm.training.run_context import Run
from speechgmm.training.train import train
from speechgmm.workers.dask import connected
from tests.builders import RunCommand, free_port

pytest.importorskip("distributed", reason="the extra 'dask' is not installed")

T = TypeVar("T")

ADDRESS = eval(
    "lambda _: __import__('distributed').get_worker().address"
)  # sent by value: workers do not have this module

OPTIONS = Recipe(n_components=4)

# distributed leaves sockets and tasks to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def start(*arguments: str, folder: Path, environment: dict[str, str] | None = None) -> Popen[bytes]:
    log = (folder / f"{arguments[0]}-{time.monotonic_ns()}.log").open("wb")
    command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
    return Popen(command, cwd=folder, stdout=log, stderr=log, env={**os.environ, **(environment or {})})


class Cluster:
    """A scheduler and its workers, each one a process."""

    def __init__(self, folder: Path, environment: dict[str, str] | None = None) -> None:
        self.folder, self.workers = folder, list[Popen[bytes]]()
        port = free_port()
        self.address = f"tcp://127.0.0.1:{port}"
        options = ("--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-show", "--no-jupyter")
        self.scheduler = start("scheduler", *options, folder=folder, environment=environment)
        wait_until(lambda: is_open(port))

    def add_worker(self, environment: dict[str, str] | None = None) -> None:
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        local = ("--local-directory", str(self.folder / f"worker-{len(self.workers)}"))
        self.workers.append(
            start("worker", self.address, *options, *local, folder=self.folder, environment=environment)
        )
        wait_until(lambda: self.n_workers() == len(self.workers))

    def n_workers(self) -> int:
        from distributed import Client

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Mismatched versions")  # some tests cause it
            with Client(self.address, set_as_default=False) as client:  # type: ignore[no-untyped-call]  # not annotated
                return len(client.nthreads())

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "timeout"
        time.sleep(0.05)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler and two workers."""
    cluster = Cluster(tmp_path)
    try:
        cluster.add_worker()
        cluster.add_worker()
        yield cluster
    finally:
        cluster.stop()


@pytest.mark.slow
def test_the_command_gives_the_same_bytes(
    cluster: Cluster, run: RunCommand, voices: Path, tiny_model_file: Path, tmp_path: Path
) -> None:
    """`--jobs ADDRESS` writes the same model as a training on this machine, and both workers take part."""
    model, features = tmp_path / "model.npz", tmp_path / "features"
    arguments = ("train", voices, "-o", model, "--recipe", "plain", "--components", "4", "--features", features)
    done = run(*arguments, "--jobs", cluster.address)
    assert done.returncode == 0, done.stderr
    assert model.read_bytes() == tiny_model_file.read_bytes()
    with connected(cluster.address) as workers:
        assert len(set(workers.read(ADDRESS, list(range(20))))) == 2


def test_work_is_sent_to_the_features(cluster: Cluster, voices: Path, tmp_path: Path) -> None:
    """Work on features is sent to the worker that extracted them. Results are in the order of the items."""
    from speechgmm.features.extraction import Utterance
    from speechgmm.features.options import FrontEndOptions
    from speechgmm.training.feature_store import FeatureStore
    from speechgmm.training.pooling import Piece, PooledShard

    recordings = read_corpus(voices).recordings
    fetch = FeatureStore(folder=tmp_path / "features", front_end=FrontEndOptions()).fetch
    with connected(cluster.address) as workers:
        utterances = [result for result in workers.read(fetch, recordings) if isinstance(result, Utterance)]
        assert [utterance.recording for utterance in utterances] == list(recordings)
        owners = [utterance.worker for utterance in utterances]
        assert len(set(owners)) == 2
        shards = [PooledShard((Piece(own.storage, 0, own.n_speech, None, 1.0, own.worker),)) for own in utterances]
        addresses = [address for shard in shards for address in workers.compute(ADDRESS, [shard])]
    assert addresses == [shard.worker for shard in shards]


@pytest.mark.slow
def test_a_dead_worker_is_replaced_by_the_other(
    cluster: Cluster, voices: Path, tiny_model_file: Path, tmp_path: Path
) -> None:
    """One of two workers is killed during the EM iterations: the model has the same bytes."""
    killed = threading.Event()

    def progress(items: Iterable[T], *, total: int | None, what: str) -> Iterator[T]:
        for item in items:
            yield item
            if what == "fitting mixtures" and not killed.is_set():
                # The second class is fitted next. Kill the worker after it has started.
                killed.set()
                threading.Timer(0.3, cluster.workers[0].send_signal, (signal.SIGKILL,)).start()

    with connected(cluster.address) as workers:
        trained = train(
            read_corpus(voices),
            Run(recipe=OPTIONS, executor=workers, feature_folder=tmp_path / "features", progress=progress),
        )
    assert killed.is_set()
    assert cluster.workers[0].wait(timeout=10) == -signal.SIGKILL
    save(trained.model, tmp_path / "model.npz")
    assert (tmp_path / "model.npz").read_bytes() == tiny_model_file.read_bytes()


def test_an_address_without_scheduler(
    run: RunCommand, voices: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error gives the address and the command that starts a scheduler."""
    monkeypatch.setattr("speechgmm.workers.dask.CONNECT_S", 0.5)
    address = f"tcp://127.0.0.1:{free_port()}"
    arguments = ("train", voices, "-o", tmp_path / "model.npz", "--features", tmp_path / "features")
    done = run(*arguments, "--jobs", address)
    assert done.returncode == 1
    assert done.stderr.endswith(
        f"speechgmm: error: {address}: no Dask scheduler answers within 0.5 s: start one with 'dask scheduler', or "
        "correct the address\n"
    )


@pytest.mark.parametrize("address", ["nonsense://here", "tcp://"])
def test_an_invalid_address(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a `ClusterError`, not an exception of Dask."""
    monkeypatch.setattr("speechgmm.workers.dask.CONNECT_S", 0.5)
    with pytest.raises(ClusterError, match="no Dask scheduler answers"), connected(address):
        pass


def test_a_failed_client_is_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Collected later, it could close while another client starts, and both would wait forever."""
    from distributed import Client

    monkeypatch.setattr("speechgmm.workers.dask.CONNECT_S", 0.2)
    gc.collect()
    n_before = sum(type(item) is Client for item in gc.get_objects())
    gc.disable()
    try:
        with pytest.raises(ClusterError), connected(f"tcp://127.0.0.1:{free_port()}"):
            pass
        assert sum(type(item) is Client for item in gc.get_objects()) == n_before
    finally:
        gc.enable()


def test_a_scheduler_without_workers(tmp_path: Path) -> None:
    """The error gives the command that starts a worker."""
    cluster = Cluster(tmp_path)
    try:
        text = rf"^{cluster.address}: the scheduler has no workers: start some with"
        with pytest.raises(ClusterError, match=text), connected(cluster.address):
            pass
    finally:
        cluster.stop()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            (
                "metadata.version = lambda name, known=metadata.version: "
                "(_ for _ in ()).throw(metadata.PackageNotFoundError(name)) if name == 'speechgmm' else known(name)"
            ),
            (
                r"^tcp://127\.0\.0\.1:\d+: {place} has no speechgmm: "
                r"install speechgmm [\w.+]+ on every machine of the cluster$"
            ),
        ),
        (
            "metadata.version = lambda name, known=metadata.version: '0.0.7' if name == 'numpy' else known(name)",
            (
                r"^tcp://127\.0\.0\.1:\d+: {place} has numpy 0\.0\.7, "
                r"but this machine has [\d.]+: install the same version$"
            ),
        ),
    ],
)
@pytest.mark.parametrize("place", ["the scheduler", "a worker"])
def test_a_cluster_with_wrong_packages_is_refused(code: str, text: str, place: str, tmp_path: Path) -> None:
    """The error names the part of the cluster that lacks the package or has another version."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(f"from importlib import metadata\n{code}\n")
    environment = {"PYTHONPATH": str(tmp_path / "site")}
    cluster = Cluster(tmp_path, environment if place == "the scheduler" else None)
    try:
        cluster.add_worker(environment if place == "a worker" else None)
        with pytest.raises(ClusterError, match=text.format(place=place)), connected(cluster.address):
            pass
    finally:
        cluster.stop()


def test_a_cluster_needs_a_folder_for_features(run: RunCommand, voices: Path, tmp_path: Path) -> None:
    """Without --features the workers have no folder for the features that they extract."""
    done = run("train", voices, "-o", tmp_path / "model.npz", "--jobs", "tcp://127.0.0.1:1")
    assert done.returncode == 2
    assert "--jobs tcp://127.0.0.1:1 needs --features: a folder in which the workers of the cluster keep" in done.stderr
