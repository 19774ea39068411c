"""Work on a Dask cluster of real processes on this machine: the same model to the last byte, whoever dies."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess, Popen

import pytest

from speechgmm.classifier.model_file import save
from speechgmm.corpus import read_corpus
from speechgmm.errors import ClusterError
from speechgmm.training.options import TrainingOptions
from speechgmm.training.train import train
from speechgmm.workers.dask import connected

pytest.importorskip("distributed", reason="the extra 'dask' is not installed")

Run = Callable[..., CompletedProcess[str]]

ADDRESS = eval("lambda _: __import__('distributed').get_worker().address")  # sent as it is: workers lack this module

OPTIONS = TrainingOptions(n_components=4)

# distributed's own clean-up leaves sockets and tasks to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def start(*arguments: str, folder: Path, environment: dict[str, str] | None = None) -> Popen[bytes]:
    log = (folder / f"{arguments[0]}-{time.monotonic_ns()}.log").open("wb")
    command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
    return Popen(command, cwd=folder, stdout=log, stderr=log, env={**os.environ, **(environment or {})})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Cluster:
    """A scheduler and its workers, each a process."""

    def __init__(self, folder: Path, environment: dict[str, str] | None = None) -> None:
        self.folder, self.workers = folder, list[Popen[bytes]]()
        port = free_port()
        self.address = f"tcp://127.0.0.1:{port}"
        options = ("--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--no-show", "--no-jupyter")
        self.scheduler = start("scheduler", *options, folder=folder, environment=environment)
        until(lambda: answers(port))

    def add_worker(self, environment: dict[str, str] | None = None) -> None:
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        local = ("--local-directory", str(self.folder / f"worker-{len(self.workers)}"))
        self.workers.append(
            start("worker", self.address, *options, *local, folder=self.folder, environment=environment)
        )
        until(lambda: self.n_workers() == len(self.workers))

    def n_workers(self) -> int:
        from distributed import Client

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Mismatched versions")  # it may be what a test is about
            with Client(self.address, set_as_default=False) as client:
                return len(client.nthreads())

    def stop(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler and two workers."""
    made = Cluster(tmp_path)
    try:
        made.add_worker()
        made.add_worker()
        yield made
    finally:
        made.stop()


def test_the_command_gives_the_same_bytes(
    cluster: Cluster, run: Run, voices: Path, tiny_model_file: Path, tmp_path: Path
) -> None:
    """`--dask` writes the model that is trained on this machine, and both workers had a part in it."""
    model, features = tmp_path / "model.npz", tmp_path / "features"
    arguments = ("train", voices, "-o", model, "--components", "4", "--dask", cluster.address, "--features", features)
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    assert model.read_bytes() == tiny_model_file.read_bytes()
    with connected(cluster.address) as workers:
        assert len(set(workers.read(ADDRESS, list(range(20))))) == 2


def test_work_goes_where_the_features_are(cluster: Cluster, voices: Path, tmp_path: Path) -> None:
    """What a worker extracted is worked on there, though all workers are free; the order is that of the items."""
    from speechgmm.features.extraction import Utterance
    from speechgmm.features.options import FrontEndOptions
    from speechgmm.training.feature_store import FeatureStore
    from speechgmm.training.pooling import Piece, PooledShard

    recordings = read_corpus(voices).recordings
    fetch = FeatureStore(folder=tmp_path / "features", front_end=FrontEndOptions()).fetch
    with connected(cluster.address) as workers:
        utterances = [each for each in workers.read(fetch, recordings) if isinstance(each, Utterance)]
        assert [each.recording for each in utterances] == list(recordings)
        homes = [each.home for each in utterances]
        assert len(set(homes)) == 2
        shards = [PooledShard((Piece(each.kept, 0, each.n_speech, None, 1.0, each.home),)) for each in utterances]
        found = [place for shard in shards for place in workers.compute(ADDRESS, [shard])]
    assert found == [each.home for each in shards]


def test_a_worker_that_dies_is_replaced_by_the_other(
    cluster: Cluster, voices: Path, tiny_model_file: Path, tmp_path: Path
) -> None:
    """One of two workers is killed in the midst of the iterations: the training ends with the same bytes."""
    n_updates, killed = [], threading.Event()

    def progress(items, *, total, what):
        for item in items:
            yield item
            n_updates.append(what)
            if what == "fitting mixtures" and not killed.is_set():
                # The second class is fitted next: let it begin, then kill.
                killed.set()
                threading.Timer(0.3, cluster.workers[0].send_signal, (signal.SIGKILL,)).start()

    with connected(cluster.address) as workers:
        trained = train(
            read_corpus(voices), options=OPTIONS, workers=workers, features=tmp_path / "features", progress=progress
        )
    assert killed.is_set()
    assert cluster.workers[0].wait(timeout=10) == -signal.SIGKILL
    save(trained.model, tmp_path / "model.npz")
    assert (tmp_path / "model.npz").read_bytes() == tiny_model_file.read_bytes()


def test_an_address_where_nobody_answers(run: Run, voices: Path, tmp_path: Path, monkeypatch) -> None:
    """The error names the address and says how to start a scheduler."""
    monkeypatch.setattr("speechgmm.workers.dask.CONNECT_S", 0.5)
    address = f"tcp://127.0.0.1:{free_port()}"
    arguments = ("train", voices, "-o", tmp_path / "model.npz", "--features", tmp_path / "features")
    done = run(*arguments, "--dask", address)
    assert done.returncode == 1
    assert done.stderr.endswith(
        f"speechgmm: error: {address}: no Dask scheduler answers within 0.5 s: start one with 'dask scheduler', or "
        "mend the address\n"
    )


@pytest.mark.parametrize("address", ["nonsense://here", "tcp://"])
def test_an_address_that_is_none(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error of ours, not a traceback of Dask's."""
    monkeypatch.setattr("speechgmm.workers.dask.CONNECT_S", 0.5)
    with pytest.raises(ClusterError, match="no Dask scheduler answers"), connected(address):
        pass


def test_nothing_is_left_of_a_client_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Left to the garbage collector it would close while another one starts, and both would wait for ever."""
    from distributed import Client

    monkeypatch.setattr("speechgmm.workers.dask.CONNECT_S", 0.2)
    gc.collect()
    before = sum(type(each) is Client for each in gc.get_objects())
    gc.disable()
    try:
        with pytest.raises(ClusterError), connected(f"tcp://127.0.0.1:{free_port()}"):
            pass
        assert sum(type(each) is Client for each in gc.get_objects()) == before
    finally:
        gc.enable()


def test_a_scheduler_without_workers(tmp_path: Path) -> None:
    """The error says how to start one."""
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
            "metadata.version = lambda name, known=metadata.version: "
            "(_ for _ in ()).throw(metadata.PackageNotFoundError(name)) if name == 'speechgmm' else known(name)",
            r"^tcp://127\.0\.0\.1:\d+: {place} has no speechgmm: install speechgmm [\w.]+ wherever the cluster runs$",
        ),
        (
            "metadata.version = lambda name, known=metadata.version: '0.0.7' if name == 'numpy' else known(name)",
            r"^tcp://127\.0\.0\.1:\d+: {place} has numpy 0\.0\.7, but [\d.]+ is expected, as here$",
        ),
    ],
)
@pytest.mark.parametrize("place", ["the scheduler", "a worker"])
def test_a_cluster_that_is_not_fit_for_the_work(code: str, text: str, place: str, tmp_path: Path) -> None:
    """A part of it without the package, or with another version of what the numbers depend on, is named."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(f"from importlib import metadata\n{code}\n")
    unfit = {"PYTHONPATH": str(tmp_path / "site")}
    cluster = Cluster(tmp_path, unfit if place == "the scheduler" else None)
    try:
        cluster.add_worker(unfit if place == "a worker" else None)
        with pytest.raises(ClusterError, match=text.format(place=place)), connected(cluster.address):
            pass
    finally:
        cluster.stop()


def test_a_cluster_needs_a_folder_for_features(run: Run, voices: Path, tmp_path: Path) -> None:
    """Without --features there is nowhere for the workers to keep what they extract."""
    done = run("train", voices, "-o", tmp_path / "model.npz", "--dask", "tcp://127.0.0.1:1")
    assert done.returncode == 2
    assert "--dask needs --features: a folder in which the workers keep what they extract" in done.stderr
