"""The process that runs the cases. It is killed where a case hangs, and another one takes its place."""

from __future__ import annotations

import io
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fuzzing.trials import CRASH, HANG, Case, Limits, Target, Verdict, attempt, generator

Factory = Callable[[Path], Target]

ADDRESS_SPACE = 8 << 30
"""Bytes that the process may ask for, so that a runaway case does not take the machine with it."""

START_S, END_S = 300.0, 20.0


class Worker:
    """Runs numbered cases.

    Parameters
    ----------
    factories : mapping of str to callable
        Each makes a target in the process from a folder, when its first case is run; defined at the top of a module.
        With seed and number, the name of the target determines a case.
    seed : int
    folder : Path
        For files of the targets and the input of the case.
    limits : Limits
    """

    def __init__(self, factories: Mapping[str, Factory], seed: int, folder: Path, limits: Limits) -> None:
        self._arguments = (dict(factories), seed, folder, limits)
        self._limits, self._folder = limits, folder
        self._start()

    def run(self, name: str, number: int) -> tuple[str, Verdict]:
        """Run a case of a target; give its mutation and the verdict. Its input is in `input` afterwards."""
        self._pipe.send((name, number))
        mutation = ""
        try:
            mutation = self._received(START_S)
            verdict: Verdict = self._received(self._limits.seconds)
        except TimeoutError:
            self._process.kill()
            self._restart()
            return mutation, Verdict(kind=HANG, detail=f"no answer within {self._limits.seconds:g} s")
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            self._restart()
            return mutation, Verdict(kind=CRASH, detail=f"the process ended, exit code {code}")
        return mutation, verdict

    @property
    def input(self) -> Path:
        """The input of the last case."""
        return next(input_folder(self._folder).iterdir())

    def stop(self) -> None:
        """End the process."""
        self._pipe.close()  # which it notices
        self._process.join(END_S)
        self._process.kill()
        self._process.join()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, *self._arguments), daemon=True)
        self._process.start()
        theirs.close()

    def _restart(self) -> None:
        self.stop()
        self._start()

    def _received(self, seconds: float) -> Any:
        if not self._pipe.poll(seconds):
            raise TimeoutError
        return self._pipe.recv()


def input_folder(folder: Path) -> Path:
    """Where the input of a case is."""
    return folder / "input"


def _serve(pipe: Connection, factories: Mapping[str, Factory], seed: int, folder: Path, limits: Limits) -> None:
    with suppress(ImportError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, resource.getrlimit(resource.RLIMIT_AS)[1]))
    targets: dict[str, Target] = {}
    with suppress(EOFError, BrokenPipeError):
        while True:
            name, number = pipe.recv()
            if name not in targets:
                targets[name] = _made(factories[name], folder / name)
            case = targets[name].case(generator(seed, name, number))
            file = _written(folder, case)
            pipe.send(case.mutation)
            with _silence():
                verdict = attempt(targets[name], file, case, limits)
            pipe.send(verdict)


def _made(factory: Factory, folder: Path) -> Target:
    folder.mkdir(exist_ok=True)
    return factory(folder)


@contextmanager
def _silence() -> Iterator[None]:
    """Discard what is printed, also by libraries in C."""
    streams, handle, null = (sys.stdout, sys.stderr), os.dup(2), os.open(os.devnull, os.O_WRONLY)
    sys.stdout = sys.stderr = io.StringIO()
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(handle, 2)
        os.close(handle)
        os.close(null)
        sys.stdout, sys.stderr = streams


def _written(folder: Path, case: Case) -> Path:
    inputs = input_folder(folder)
    inputs.mkdir(exist_ok=True)
    for old in inputs.iterdir():
        old.unlink()
    file = inputs / case.name
    file.write_bytes(case.content)
    return file
