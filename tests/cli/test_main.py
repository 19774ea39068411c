"""The command line as a whole: help, usage, exit codes, streams."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from speechgmm.cli import COMMANDS, parse
from speechgmm.cli.console import printable

Run = Callable[..., CompletedProcess[str]]

NAMES = [command.__name__.rpartition(".")[2] for command in COMMANDS]
SCRIPT = Path(sys.executable).with_name("speechgmm")


@pytest.mark.parametrize("name", NAMES)
def test_help_of_every_command_ends_with_examples(run: Run, name: str) -> None:
    """``speechgmm COMMAND --help`` is an answer: on stdout, with an example."""
    done = run(name, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert f"\nexample:\n  speechgmm {name}" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_examples_in_help_are_commands(name: str) -> None:
    """What a command's help shows as an example is accepted."""
    example = COMMANDS[NAMES.index(name)].EXAMPLE
    lines = [line[line.index("speechgmm ") :] for line in example.splitlines() if "speechgmm " in line]

    assert lines
    for line in lines:
        arguments = shlex.split(line.partition(" > ")[0])[1:]
        assert parse(arguments).run is COMMANDS[NAMES.index(name)].run


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_does_not_wait_for_numeric_libraries(option: str) -> None:
    """``speechgmm --help`` and ``--version`` import none of the libraries that do the work."""
    script = f"""
import sys
from speechgmm.cli import main
try:
    main([{option!r}])
except SystemExit as exit_:
    assert exit_.code == 0
print(*{{"joblib", "librosa", "numpy", "scipy", "soundfile", "soxr"}} & set(sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "speechgmm" in done.stdout
    assert done.stderr.strip() == ""


@pytest.mark.parametrize("command", [[str(SCRIPT)], [sys.executable, "-m", "speechgmm"]], ids=["script", "module"])
def test_installed_command_exits_with_the_code_of_main(command: list[str]) -> None:
    """The installed script and ``python -m speechgmm`` are the same command line, and its code is theirs."""
    version = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    missing = subprocess.run([*command, "describe", "none.npz"], capture_output=True, text=True, check=False)

    assert (version.returncode, version.stdout) == (0, f"speechgmm {metadata.version('speechgmm')}\n")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr == "speechgmm: error: none.npz: the model cannot be read: No such file or directory\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["clasify"], "invalid choice: 'clasify'"),
        (["classify"], "the following arguments are required: PATH"),
        (["train", "voices"], "the following arguments are required: -o/--output"),
        (["describe", "--loud"], "unrecognized arguments: --loud"),
        (["describe", "-q", "-v"], "not allowed with argument -q"),
        (["classify", "a.wav", "--jobs", "0"], "--jobs: '0' is no whole number from 1 on"),
        (["classify", "a.wav", "--jobs", "many"], "--jobs: 'many' is no whole number from 1 on"),
        (["classify", "a.wav", "--channel", "0"], "--channel: '0' is no whole number from 1 on"),
        (["classify", "a.wav", "--priors", "female"], "--priors: 'female' is not CLASS=PROBABILITY"),
        (["classify", "a.wav", "--priors", "a=.5,a=.5"], "--priors: 'a=.5' is not CLASS=PROBABILITY, once for each"),
        (["evaluate", "voices", "--where", "en"], "--where: 'en' is not COLUMN=VALUE"),
        (["evaluate", "voices", "--resamples", "0"], "--resamples: '0' is no whole number from 1 on"),
        (["evaluate", "voices", "--seed", "-1"], "--seed: '-1' is no whole number from 0 on"),
    ],
)
def test_wrong_usage_is_code_2(run: Run, arguments: list[str], said: str) -> None:
    """What argparse refuses: usage and reason on stderr, nothing on stdout, code 2."""
    done = run(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: speechgmm")
    assert said in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "{voices}", "--components", "0"], "n_components is 0, but it must be 1 to 4096"),
        (["train", "{voices}", "--folds", "1"], "folds is 1, but it must be 2 or more"),
        (["train", "{voices}", "--iterations", "0"], "max_iterations is 0"),
        (["train", "{voices}", "--seed", "-3"], "seed is -3, but it must be 0 or more"),
        (["train", "{voices}", "--front-end", "n_mels"], "'n_mels' is no NAME=VALUE with a name of sampling_rate, "),
        (["train", "{voices}", "--front-end", "colour=red"], "'colour=red' is no NAME=VALUE with a name of"),
        (["train", "{voices}", "--front-end", "n_mels=many"], "n_mels is 'many', but it must be of type int"),
        (["train", "{voices}", "--front-end", "n_mels=1"], "n_mels is 1, but it must be 2 to 256"),
        (["train", "{voices}", "--root", "."], "a root is for the paths in a manifest"),
        (["classify", "{voices}", "--priors", "female=0.5,male=0.6"], "the priors are 0.5, 0.6, but they must be"),
        (["classify", "{voices}", "--priors", "female=1"], "priors are needed for female, male, not for female"),
        (["evaluate", "{voices}", "--by", "age"], "--by age: {voices} has no such column; its further columns: none"),
    ],
)
def test_option_out_of_range_is_code_2(
    run: Run, arguments: list[str], said: str, voices: Path, tiny_model_file: Path, tmp_path: Path
) -> None:
    """Options that argparse cannot judge are refused in one sentence, before any work."""
    more = ["-o", tmp_path / "model.npz"] if arguments[0] == "train" else ["--model", tiny_model_file]

    done = run(*(argument.format(voices=voices) for argument in arguments), *more)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("speechgmm: error: ")
    assert done.stderr.count("\n") == 1
    assert said.format(voices=voices) in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_is_code_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted command says so in a line, without a traceback."""

    def interrupted(file: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("speechgmm.api.load", interrupted)

    done = run("describe")

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "speechgmm: interrupted\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full to be a full disk")
def test_full_disk_behind_stdout_is_said(tiny_model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that cannot be written are an error of one line, code 1, and no traceback at exit."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [SCRIPT, "describe", tiny_model_file], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert (done.returncode, done.stderr) == (1, "speechgmm: error: stdout: No space left on device\n")


def test_closed_streams_are_like_empty_ones(
    run: Run, monkeypatch: pytest.MonkeyPatch, tiny_model_file: Path, tmp_path: Path
) -> None:
    """A process that was started without streams, as some schedulers do, works all the same."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)

    done = run("classify", "-", tmp_path, "--model", tiny_model_file)

    assert done.returncode == 1  # there are no recordings


def test_errors_send_no_codes_to_the_terminal(run: Run) -> None:
    """A file name with control characters is shown with them escaped."""
    done = run("describe", "a\x1b[31mb.npz")

    assert done.returncode == 1
    assert done.stderr.startswith("speechgmm: error: a\\x1b[31mb.npz: the model cannot be read")


def test_printable_keeps_letters_and_escapes_the_rest() -> None:
    """Letters of any script and bytes that are no text stay; line ends, codes and lone surrogates are escaped."""
    assert printable("trñ 名.wav\udcff") == "trñ 名.wav\udcff"
    assert printable("a\nb\tc\x7f\x9b\u202e\ud800") == r"a\nb\tc\x7f\x9b\u202e\ud800"


def test_verbose_says_which_model(run: Run, voices: Path, tiny_model_file: Path) -> None:
    """With -v the model is named on stderr, and stdout is as without."""
    file = next(voices.rglob("*.wav"))

    quiet, verbose = (run("classify", file, "--model", tiny_model_file, flag) for flag in ("-q", "-v"))

    assert (quiet.returncode, quiet.stderr) == (0, "")
    assert (verbose.returncode, verbose.stderr) == (0, f"speechgmm: the model is {tiny_model_file}\n")
    assert verbose.stdout == quiet.stdout
