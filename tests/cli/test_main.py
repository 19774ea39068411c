"""The command line as a whole: help, usage, exit codes, streams."""

from __future__ import annotations

import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from speechgmm.cli import COMMANDS, parse
from tests.builders import RunCommand

NAMES = [command.__name__.rpartition(".")[2].replace("_", "-") for command in COMMANDS]
SCRIPT = Path(sys.executable).with_name("speechgmm")


@pytest.mark.parametrize("name", NAMES)
def test_help_of_every_command_ends_with_examples(run: RunCommand, name: str) -> None:
    """``speechgmm COMMAND --help`` prints to stdout, with an example, and exits with 0."""
    done = run(name, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert f"\nexample:\n  speechgmm {name}" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_examples_in_help_are_commands(name: str) -> None:
    """The examples in a command's help are accepted by the parser."""
    example = COMMANDS[NAMES.index(name)].EXAMPLE
    lines = [line[line.index("speechgmm ") :] for line in example.splitlines() if "speechgmm " in line]

    assert lines
    for line in lines:
        arguments = shlex.split(line.partition(" > ")[0])[1:]
        assert parse(arguments).run is COMMANDS[NAMES.index(name)].run


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_imports_no_numeric_libraries(option: str) -> None:
    """``speechgmm --help`` and ``--version`` import neither numeric nor audio libraries."""
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
    """The installed script and ``python -m speechgmm`` run `main` and exit with its code."""
    version = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    missing = subprocess.run([*command, "describe", "none.npz"], capture_output=True, text=True, check=False)

    assert (version.returncode, version.stdout) == (0, f"speechgmm {metadata.version('speechgmm')}\n")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr == "speechgmm: error: none.npz: the model cannot be read: No such file or directory\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["clasify"], "invalid choice: 'clasify'"),
        (["classify"], "the following arguments are required: PATH"),
        (["train", "voices"], "the following arguments are required: -o/--output"),
        (["describe", "--loud"], "unrecognized arguments: --loud"),
        (["describe", "-q", "-v"], "not allowed with argument -q"),
        (["classify", "a.wav", "--jobs", "0"], "--jobs: '0' is not a whole number of at least 1"),
        (["classify", "a.wav", "--jobs", "many"], "--jobs: 'many' is not a whole number of at least 1"),
        (["classify", "a.wav", "--channel", "0"], "--channel: '0' is not a whole number of at least 1"),
        (
            ["classify", "a.wav", "--priors", "female"],
            "'female' is not CLASS=P; expected for example female=0.4,male=0.6",
        ),
        (["classify", "a.wav", "--priors", "a=.5,a=.5"], "--priors: the class 'a' has two probabilities, expected one"),
        (["evaluate", "voices", "--where", "en"], "--where: 'en' is not COLUMN=VALUE"),
        (["evaluate-segments", "a.wav", "a.rttm", "--speaker", "eve"], "--speaker: 'eve' is not NAME=CLASS"),
        (["evaluate", "voices", "--resamples", "0"], "--resamples: '0' is not a whole number of at least 1"),
        (["evaluate", "voices", "--seed", "-1"], "--seed: '-1' is not a whole number of at least 0"),
    ],
)
def test_wrong_usage_exits_with_2(run: RunCommand, arguments: list[str], message: str) -> None:
    """Errors found by argparse: the reason and the command's help in one line on stderr, exit code 2."""
    done = run(*arguments)

    program = f"speechgmm {arguments[0]}" if arguments and arguments[0] in NAMES else "speechgmm"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("speechgmm: error: ")
    assert message in done.stderr
    assert done.stderr.endswith(f" (see {program} -h)\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.wav", "b.wav", "-x.wav", "--format", "csv"],
        ["--format", "csv", "--", "a.wav", "b.wav", "-x.wav"],
        ["a.wav", "b.wav", "--format", "csv", "-x.wav"],
    ],
)
def test_names_that_begin_with_a_dash_follow_two_dashes(run: RunCommand, arguments: list[str]) -> None:
    """After ``--`` every argument is a path; before it, one that begins with a dash is an unknown option."""
    if "--" in arguments:
        options = parse(["classify", *arguments])
        assert (options.paths, options.format) == (["a.wav", "b.wav", "-x.wav"], "csv")
    else:
        assert "unrecognized arguments: -x.wav (see speechgmm classify -h)" in run("classify", *arguments).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--format", "csv", "a.wav", "b.wav"],
        ["a.wav", "--format", "csv", "b.wav"],
        ["a.wav", "--quiet", "b.wav", "--format=csv"],
    ],
)
def test_options_stand_anywhere_among_paths(arguments: list[str]) -> None:
    """The order of options and paths has no effect."""
    options = parse(["classify", *arguments])

    assert (options.paths, options.format) == (["a.wav", "b.wav"], "csv")


@pytest.mark.parametrize(
    ("command", "option", "name"),
    [
        ("evaluate", "-o", "-o/--output"),
        ("segment", "--html", "--html"),
        ("classify", "--model", "--model"),
        ("train", "--report", "--report"),
    ],
)
def test_an_option_given_twice_is_refused(run: RunCommand, command: str, option: str, name: str) -> None:
    """The first value would be lost silently, even if both are the same."""
    done = run(command, "x", option, "a", option, "a")

    assert (done.returncode, done.stdout) == (2, "")
    message = f"argument {name}: given twice, expected once (see speechgmm {command} -h)"
    assert done.stderr == f"speechgmm: error: {message}\n"


def test_options_that_can_be_repeated_are_collected() -> None:
    """``--by`` and ``--where`` take several values."""
    options = parse(["evaluate", "x", "--by", "a", "--by", "b", "--where", "a=1", "--where", "b=2"])

    assert (options.by, options.where) == (["a", "b"], [("a", "1"), ("b", "2")])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["train", "{voices}", "--components", "0"],
            "the settings: training.components is 0, but it must be 1 to 4096",
        ),
        (
            ["train", "{voices}", "--set", "calibration.folds=1"],
            "the settings: calibration.folds is 1, but it must be 2 or more",
        ),
        (["train", "{voices}", "--set", "em.max_iterations=0"], "the settings: em.max_iterations is 0"),
        (["train", "{voices}", "--seed", "-3"], "the settings: training.seed is -3, but it must be 0 or more"),
        (["train", "{voices}", "--set", "streams.1.n_mels"], "'streams.1.n_mels' is not SECTION.NAME=VALUE"),
        (
            ["train", "{voices}", "--set", "streams.1.colour=red"],
            "there is no streams.1.colour, expected sampling_rate",
        ),
        (["train", "{voices}", "--set", "streams.1.n_mels=many"], "n_mels is 'many', expected a whole number"),
        (["train", "{voices}", "--set", "streams.1.n_mels=1"], "n_mels is 1, but it must be 2 to 256"),
        (
            ["train", "{voices}", "--seed", "3", "--set", "training.seed=4"],
            "--seed 3 and --set training.seed=4 contradict",
        ),
        (["train", "{voices}", "--root", "."], "a root is for the paths in a manifest"),
        (["classify", "{voices}", "--priors", "female=0.5,male=0.6"], "the priors are 0.5, 0.6, but they must be"),
        (
            ["classify", "{voices}", "--priors", "female=1"],
            "the priors are for female, expected one for each of female, male",
        ),
        (["evaluate", "{voices}", "--by", "age"], "--by age: {voices} has no such column; its further columns: none"),
    ],
)
def test_option_out_of_range_exits_with_2(
    run: RunCommand, arguments: list[str], message: str, voices: Path, tiny_model_file: Path, tmp_path: Path
) -> None:
    """Option values that argparse does not check are refused in one line, before anything is written."""
    model = ["-o", tmp_path / "model.npz"] if arguments[0] == "train" else ["--model", tiny_model_file]

    done = run(*(argument.format(voices=voices) for argument in arguments), *model)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("speechgmm: error: ")
    assert done.stderr.count("\n") == 1
    assert message.format(voices=voices) in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_exits_with_130(run: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted command prints one line, without a traceback."""

    def interrupted(file: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("speechgmm.api.load", interrupted)

    done = run("describe")

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "speechgmm: interrupted\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to simulate a full disk")
def test_full_disk_behind_stdout_is_reported(tiny_model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If stdout cannot be written: one line on stderr, exit code 1, no traceback at exit."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [SCRIPT, "describe", tiny_model_file], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert (done.returncode, done.stderr) == (1, "speechgmm: error: stdout: No space left on device\n")


def test_closed_streams_behave_like_empty_ones(
    run: RunCommand, monkeypatch: pytest.MonkeyPatch, tiny_model_file: Path, tmp_path: Path
) -> None:
    """The command works in a process started without standard streams, as by some schedulers."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)

    done = run("classify", "-", tmp_path, "--model", tiny_model_file)

    assert done.returncode == 1  # there are no recordings


def test_errors_escape_control_characters(run: RunCommand) -> None:
    """Control characters in a file name are escaped in the error."""
    done = run("describe", "a\x1b[31mb.npz")

    assert done.returncode == 1
    assert done.stderr.startswith("speechgmm: error: a\\x1b[31mb.npz: the model cannot be read")


def test_verbose_prints_the_model_file(run: RunCommand, voices: Path, tiny_model_file: Path) -> None:
    """With -v the model file is printed to stderr; stdout is the same as with -q."""
    file = next(voices.rglob("*.wav"))

    quiet, verbose = (run("classify", file, "--model", tiny_model_file, flag) for flag in ("-q", "-v"))

    assert (quiet.returncode, quiet.stderr) == (0, "")
    assert (verbose.returncode, verbose.stderr) == (0, f"speechgmm: model: {tiny_model_file}\n")
    assert verbose.stdout == quiet.stdout
