"""Commands that are killed at any moment: outputs are whole, and the next run succeeds; `fuzzing.kills` does the work.

`scripts/fuzz.py --kills N` does the same with more kills.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = [
    pytest.mark.checkout,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's"),
]

IN_PLACE = """
import speechgmm.output.files

def replace(file, old, parts):
    content = b"".join(parts)
    file.write_bytes(b"")
    for begin in range(0, len(content), 20):
        with open(file, "ab") as stream:
            stream.write(content[begin : begin + 20])

speechgmm.output.files._replace = replace
"""


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("segment -o", signal.SIGTERM),
        ("evaluate -o", signal.SIGKILL),
        ("classify > file", signal.SIGTERM),
        ("train", signal.SIGKILL),
    ],
)
def test_outputs_are_whole(name: str, number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a kill each output is old, new or absent; the next run gives the same, and leaves nothing else."""
    from fuzzing import kills

    monkeypatch.setattr(kills, "TIME_SHARE", 0.0)  # after a time, a fast command may have ended
    killed, rng = kills.Kills(name, tmp_path), np.random.default_rng(2)

    end, faults = killed.kill(number, rng)

    assert faults == []
    if name != "classify > file":  # which may end before it is seen that it has printed
        assert end == number.name


def test_outputs_that_are_written_in_place_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that does not write to a temporary file first leaves a part."""
    from fuzzing import kills

    monkeypatch.setattr(
        kills, "_RUN", kills._RUN.replace("from speechgmm.cli import", f"{IN_PLACE}\nfrom speechgmm.cli import")
    )
    killed, rng = kills.Kills("segment -o", tmp_path), np.random.default_rng(0)

    faults = [fault for _ in range(3) for fault in killed.kill(signal.SIGKILL, rng)[1]]

    assert any("is a part" in fault for fault in faults)
