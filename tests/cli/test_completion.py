"""``speechgmm --completion``: scripts with which a shell completes commands, options and names of files."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from speechgmm.cli import COMMANDS
from speechgmm.cli.completion import SHELLS
from tests.builders import RunCommand


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_names_every_command_and_its_options(run: RunCommand, shell: str) -> None:
    """It is on stdout, and the exit code is 0."""
    done = run("--completion", shell)

    assert (done.returncode, done.stderr) == (0, "")
    for word in (*COMMANDS, "min-probability", "textgrid", "skip-overlap"):
        assert word in done.stdout


def test_another_shell_is_refused(run: RunCommand) -> None:
    """The message names the option and those that there are."""
    done = run("--completion", "tcsh")

    assert (done.returncode, done.stdout) == (2, "")
    assert "--completion: invalid choice: 'tcsh'" in done.stderr
    assert all(shell in done.stderr for shell in SHELLS)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["cla"], {"classify"}),
        (["evaluate"], {"evaluate", "evaluate-segments"}),
        (["classify", "--min"], {"--min-probability"}),
        (["segment", "--format", "text"], {"textgrid"}),
        (["classify", "a."], {"a.wav"}),
        (["train", "recordings", "--features", "fe"], {"features"}),
        (["--completion", "f"], {"fish"}),
    ],
)
def test_bash_completes(run: RunCommand, tmp_path: Path, words: list[str], found: set[str]) -> None:
    """Commands, options, their choices, names of files, and folders where a folder is wanted."""
    (tmp_path / "a.wav").touch()
    (tmp_path / "features").mkdir()
    (tmp_path / "few.csv").touch()
    script = tmp_path / "completion.bash"
    script.write_text(run("--completion", "bash").stdout, encoding="utf-8")
    line = f"""
source {script}
COMP_WORDS=(speechgmm {" ".join(words)})
COMP_CWORD={len(words)}
_shtab_speechgmm
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=tmp_path, check=False)

    assert done.stderr == ""
    assert {each.rstrip(" /") for each in done.stdout.splitlines()} == found
