"""Cases, targets and verdicts: one mutated input, what reads it, and what came of it."""

from __future__ import annotations

import traceback
import warnings
import zlib
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechgmm.errors import SpeechGmmError

ANSWER, ERROR = "answer", "error"
TRACEBACK, CRASH, HANG, GROWTH, WRONG = "traceback", "crash", "hang", "growth", "wrong answer"
KINDS = (ANSWER, ERROR, TRACEBACK, CRASH, HANG, GROWTH, WRONG)
FAULTS = KINDS[2:]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A mutated input.

    Attributes
    ----------
    name : str
        File name of the input.
    content : bytes
    mutation : str
        The valid input that was mutated, and how.
    least_s : float
        Seconds that an answer without a warning must have heard; 0 where the mutation leaves that open.
    flagged : bool
        Whether only an error or a warning is right.
    same : bool
        Whether an answer must be that to the valid input.
    """

    name: str
    content: bytes
    mutation: str
    least_s: float = 0.0
    flagged: bool = False
    same: bool = False


class Target(ABC):
    """A kind of input, and the entry point of the package that reads it. Its constructor takes a folder for files."""

    @abstractmethod
    def case(self, rng: np.random.Generator) -> Case:
        """Draw a mutated input."""

    @abstractmethod
    def run(self, file: Path, case: Case) -> str:
        """Read the input, which is in this file.

        Returns
        -------
        str
            What is wrong with the answer; empty if nothing is. An error of the package is raised, as is any other.
        """


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of a case.

    Attributes
    ----------
    seconds : float
        After which it hangs.
    megabytes : int
        By which the memory of the process may grow for a while.
    """

    seconds: float = 60.0
    megabytes: int = 400


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a case ended in: one of `KINDS`, with the message or the traceback."""

    kind: str
    detail: str = ""


def generator(seed: int, target: str, number: int) -> np.random.Generator:
    """The random numbers of a case."""
    return np.random.default_rng([seed, zlib.crc32(target.encode()), number])


def attempt(target: Target, file: Path, case: Case, limits: Limits) -> Verdict:
    """Run a case in this process. A Python warning of a library counts as a traceback: users would see it."""
    before = _memory_mb("VmRSS")
    _forget_peak()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fault = target.run(file, case)
        verdict = Verdict(kind=WRONG, detail=fault) if fault else Verdict(kind=ANSWER)
    except SpeechGmmError as error:
        verdict = Verdict(kind=ERROR, detail=str(error))
    except MemoryError:
        return Verdict(kind=GROWTH, detail=traceback.format_exc())
    except Exception:  # noqa: BLE001  # finding these is the task
        return Verdict(kind=TRACEBACK, detail=traceback.format_exc())
    grown = _memory_mb("VmHWM") - before
    if grown > limits.megabytes and verdict.kind != WRONG:
        return Verdict(kind=GROWTH, detail=f"the memory grew by {grown:.0f} MB")
    return verdict


def _memory_mb(field: str) -> float:
    """Memory of this process; 0 where the system does not tell it as Linux does."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _forget_peak() -> None:
    """Let the peak of the memory (VmHWM) be that of what follows."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
