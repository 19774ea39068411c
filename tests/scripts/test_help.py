"""Every script runs with `--help`."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
FILES = sorted(SCRIPTS.rglob("*.py"))
RUNNABLE = [file for file in FILES if "__main__" in file.read_text(encoding="utf-8")]

pytestmark = pytest.mark.checkout


@pytest.mark.parametrize("script", RUNNABLE, ids=lambda file: str(file.relative_to(SCRIPTS)))
def test_help(script: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The script finds all its imports with only its own folder on the path, and exits with 0."""
    for file in FILES:
        monkeypatch.delitem(sys.modules, file.stem, raising=False)
    others = [entry for entry in sys.path if Path(entry or ".").resolve() not in (SCRIPTS, SCRIPTS.parent)]
    monkeypatch.setattr(sys, "path", [str(script.parent), *others])
    monkeypatch.setattr(sys, "argv", [str(script), "--help"])
    with pytest.raises(SystemExit) as exit_:
        runpy.run_path(str(script), run_name="__main__")
    assert exit_.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: {script.name} ")
