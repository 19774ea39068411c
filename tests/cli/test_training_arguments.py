"""The options of the commands that train, besides the recipe."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from speechgmm.cli import parse
from speechgmm.cli.console import detailed_progress_for
from speechgmm.cli.training_arguments import check_workers
from tests.builders import RunCommand

ADDRESS = "tcp://host:8786"


@pytest.mark.parametrize("command", [("train", "-o", "m.npz"), ("crossvalidate",), ("audit",)])
def test_jobs_is_a_number_or_an_address(command: tuple[str, ...]) -> None:
    """Of workers on this machine, or of a Dask scheduler."""
    for text, jobs in (("3", 3), ("all", -1), (ADDRESS, ADDRESS)):
        assert parse([*command, "recordings", "--jobs", text]).jobs == jobs


def test_jobs_that_are_neither_are_refused(run: RunCommand) -> None:
    """An address has a protocol."""
    done = run("train", "recordings", "-o", "m.npz", "--jobs", "host:8786")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--jobs: 'host:8786' is not a whole number of at least 1" in done.stderr


def test_the_old_option_of_a_cluster_is_the_new_one(capsys: pytest.CaptureFixture[str]) -> None:
    """With a note."""
    options = parse(["train", "recordings", "-o", "m.npz", "--features", "features", "--dask", ADDRESS])
    check_workers(options)
    assert options.jobs == ADDRESS
    assert capsys.readouterr().err == (
        f"speechgmm: --dask {ADDRESS} is now --jobs {ADDRESS}; the old option will be removed in 0.3.0\n"
    )


def test_progress_is_in_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """With --verbose: one for each tenth of the work. Every item is passed on."""
    options = argparse.Namespace(quiet=False, verbose=True)
    passed = list(detailed_progress_for(options)(range(25), total=25, what="reading"))
    assert passed == [*range(25)]
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"speechgmm: reading: {n} of 25" for n in (3, 5, 8, 10, 13, 15, 18, 20, 23, 25)]
    assert list(detailed_progress_for(options)(range(2), total=None, what="reading")) == [0, 1]
    quiet = argparse.Namespace(quiet=False, verbose=False)
    assert list(detailed_progress_for(quiet)(range(2), total=2, what="reading")) == [0, 1]
    assert capsys.readouterr().err == ""


def test_features_that_were_damaged_are_noted(run: RunCommand, voices: Path, tmp_path: Path) -> None:
    """They are extracted again, and the model is the same; with -q there is no note."""
    arguments = ("train", voices, "--recipe", "plain", "--components", "2", "--features", tmp_path / "features")
    assert run(*arguments, "-o", tmp_path / "first.npz").returncode == 0
    for quiet, name in ((False, "second.npz"), (True, "third.npz")):
        array = next((tmp_path / "features").rglob("*.npy"))
        array.write_bytes(array.read_bytes()[:128])

        done = run(*arguments, "-o", tmp_path / name, *(["-q"] if quiet else []))

        note = f"speechgmm: {array}: the features are damaged ("
        assert done.returncode == 0
        assert (note in done.stderr) == (not quiet)
        assert (tmp_path / name).read_bytes() == (tmp_path / "first.npz").read_bytes()
