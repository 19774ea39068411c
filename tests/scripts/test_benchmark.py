"""The table of the benchmark: ratios of the same round, and the comparison with the last release."""

from __future__ import annotations

from pathlib import Path

import pytest

import benchmark
from benchmark_start import SPEECHGMM

pytestmark = pytest.mark.checkout

FOUND = {
    "work": [(2.0, 10.0), (4.0, 30.0), (9.0, 20.0)],
    "floor": [(1.0, 5.0), (4.0, 5.0), (3.0, 5.0)],
}


def test_a_ratio_is_the_median_over_rounds() -> None:
    """Of work and floor in the same round: 2, 1 and 3. The memory is the largest."""
    row = benchmark.row(benchmark.Measure("work", "floor"), FOUND)
    assert (row["ratio"], row["ms"], row["mib"]) == ("2", "4000.0", "30")


def test_a_slow_down_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table that was kept is read again, and the change is in percent."""
    monkeypatch.setattr(benchmark, "KEPT", tmp_path / "kept.csv")
    assert benchmark.kept_rows() == []
    row = benchmark.row(benchmark.Measure("work", "floor"), FOUND)
    benchmark.keep([{**row, "ratio": "1.6"}])
    text = benchmark.report([row], benchmark.kept_rows())
    assert "1.6    +25%" in text
    assert f"kept: version {row['version']}" in text


def test_what_is_measured_is_compared_with_what_is_measured() -> None:
    """The kept table has every comparison of this script, and no other."""
    kept = {(row["measure"], row["compared_with"]) for row in benchmark.kept_rows()}
    assert {(each.work, each.compared_with) for each in benchmark.MEASURES} <= kept
    assert all(name.startswith("EM, ") for name, _ in kept - {(m.work, m.compared_with) for m in benchmark.MEASURES})


def test_a_command_that_fails_is_not_timed() -> None:
    """A wrong option would be fast."""
    with pytest.raises(SystemExit, match="exit code 2, but 0 was expected"):
        benchmark.command(*SPEECHGMM, "classify", "--wrong")()
