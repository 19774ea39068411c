"""The fuzzer: it finds nothing in a short run, and finds a planted fault of each kind."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

import fuzz
from fuzzing import kills
from fuzzing.campaign import Counts, Finding, Plan, run, table
from fuzzing.kept_files import KeptFeatures
from fuzzing.sound_files import SoundFiles
from fuzzing.trials import CRASH, GROWTH, HANG, TRACEBACK, WRONG, Limits, Target
from fuzzing.worker import Factory
from speechgmm.audio import reading
from speechgmm.audio.byte_source import Source
from speechgmm.audio.extent import Extent, Part
from speechgmm.audio.survey import survey as right_survey
from speechgmm.training import feature_store

pytestmark = [pytest.mark.checkout, pytest.mark.slow]

Survey = Callable[[Path, Source], Extent]


def planted(survey: Callable[[Survey], Survey], folder: Path) -> Target:
    """The target of WAV files with a fault in the package; called in the process of the fuzzer only."""
    target = SoundFiles(folder, "wav")
    setattr(reading, "survey", survey(right_survey))  # noqa: B010  # it is imported there
    return target


def with_traceback(folder: Path) -> Target:
    def fault(right: Survey) -> Survey:
        def survey(file: Path, source: Source) -> NoReturn:
            extent = right(file, source)
            raise KeyError(len(extent.parts))

        return survey

    return planted(fault, folder)


def without_survey(folder: Path) -> Target:
    """Files are read as far as libsndfile reads them."""

    def survey(file: Path, source: Source) -> Extent:
        return Extent(parts=(Part(kind="wav", begin=0, end=source.size),), size=source.size)

    return planted(lambda right: survey, folder)


def without_end(folder: Path) -> Target:
    def survey(file: Path, source: Source) -> NoReturn:
        while True:
            time.sleep(1)

    return planted(lambda right: survey, folder)


def with_growth(folder: Path) -> Target:
    def fault(right: Survey) -> Survey:
        def survey(file: Path, source: Source) -> Extent:
            np.ones(1 << 25)
            return right(file, source)

        return survey

    return planted(fault, folder)


def with_crash(folder: Path) -> Target:
    def survey(file: Path, source: Source) -> NoReturn:
        os._exit(9)

    return planted(lambda right: survey, folder)


def found(factory: Factory, plan: Plan) -> tuple[list[Finding], Counts]:
    """The findings in WAV files, and the counts."""
    counts: Counts = {}
    return list(run({"wav": factory}, plan, counts)), counts


def test_nothing_is_found() -> None:
    """A few cases of every target."""
    counts: Counts = {}

    findings = list(run(fuzz.factories(), Plan(seed=5, n_cases=3), counts))

    assert findings == []
    assert {name: count.total() for name, count in counts.items()} == dict.fromkeys(fuzz.factories(), 3)
    assert table(counts).splitlines()[-1].startswith(f"| all | {3 * len(counts)} |")


@pytest.mark.parametrize(
    ("factory", "kind", "n_cases", "detail"),
    [
        (with_traceback, TRACEBACK, 4, "KeyError: 1"),
        (without_survey, WRONG, 40, " s were heard of "),
        (without_end, HANG, 1, "no answer within 3 s"),
        (with_growth, GROWTH, 2, "the memory grew by "),
        (with_crash, CRASH, 1, "the process ended, exit code 9"),
    ],
)
def test_planted_faults_are_found(factory: Factory, kind: str, n_cases: int, detail: str, tmp_path: Path) -> None:
    """Each is of its kind, is counted, and its input is kept with what is known of it."""
    if kind == GROWTH and not Path("/proc/self/clear_refs").exists():
        pytest.skip("the peak of the memory is known on Linux only")
    plan = Plan(seed=1, n_cases=n_cases, keep=tmp_path / "kept", limits=Limits(seconds=3.0, megabytes=200))

    findings, counts = found(factory, plan)

    assert {finding.verdict.kind for finding in findings} == {kind}
    assert counts["wav"][kind] == len(findings) > 0
    assert any(detail in finding.verdict.detail for finding in findings)
    assert len(list((tmp_path / "kept").iterdir())) == 2 * len(findings)
    for finding in findings:
        (note,) = (tmp_path / "kept").glob(f"wav-{finding.number}-*.txt")
        assert note.read_text(encoding="utf-8").startswith(finding.mutation)


def test_the_seed_determines_the_cases() -> None:
    """A case can be repeated by its number alone."""
    plan = Plan(seed=1, n_cases=12)
    findings, _ = found(without_survey, plan)
    last = findings[-1]

    again, _ = found(without_survey, Plan(seed=1, n_cases=1, first=last.number))

    assert again == [last]


def without_digest(folder: Path) -> Target:
    """Kept features whose digests say nothing."""
    feature_store._digest = lambda stretches, frames: ""
    return KeptFeatures(folder)


def test_a_changed_state_is_found() -> None:
    """What was read is compared with what was written."""
    findings = list(run({"features": without_digest}, Plan(seed=1, n_cases=12), {}))

    assert "other features than those of the recording" in {finding.verdict.detail for finding in findings}


def test_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The table is printed, and the exit code is 0 without findings."""
    monkeypatch.setattr("sys.argv", ["fuzz.py", "--targets", "recipe", "scores", "--cases", "2", "--seed", "3"])

    assert fuzz.main() == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("| all | 4 | ")

    monkeypatch.setattr("sys.argv", ["fuzz.py", "--targets", "wave"])
    with pytest.raises(SystemExit):
        fuzz.main()
    assert "there is no target 'wave', expected some of wav, rf64, flac" in capsys.readouterr().err


@pytest.mark.parametrize(("faults", "code"), [([], 0), (["SIGKILL at access 3, exit code -9: out/a.csv is a part"], 1)])
def test_kills_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], faults: list[str], code: int
) -> None:
    """A table, and faults on stderr; tests/cli/test_kills.py has kills."""
    asked: list[tuple[int, int]] = []

    def kill_all(n_kills: int, seed: int, folder: Path) -> Iterator[tuple[str, Counter[str], list[str]]]:
        asked.append((n_kills, seed))
        yield "train", Counter({"SIGKILL": 3, "SIGTERM": 2, kills.DONE: 1}), faults

    monkeypatch.setattr(kills, "kill_all", kill_all)
    monkeypatch.setattr("sys.argv", ["fuzz.py", "--kills", "6", "--seed", "4"])

    assert fuzz.main() == code
    output, errors = capsys.readouterr()
    assert asked == [(6, 4)]
    assert f"\n| `train` | 6 | 3 | 2 | 1 | {len(faults)} |\n" in output
    assert errors == "".join(f"train, {fault}\n" for fault in faults)
