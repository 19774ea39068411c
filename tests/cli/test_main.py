"""The command line as a whole: help, usage, exit codes, streams."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from speechgmm.cli import COMMANDS, command_module, parse
from speechgmm.cli.termination import Terminated
from tests.builders import RunCommand

SCRIPT = Path(sys.executable).with_name("speechgmm")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_ends_with_examples(run: RunCommand, name: str) -> None:
    """``speechgmm COMMAND --help`` prints to stdout, with an example, and exits with 0."""
    done = run(name, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert f"\nexample:\n  speechgmm {name}" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_in_help_are_commands(name: str) -> None:
    """The examples in a command's help are accepted by the parser."""
    example = command_module(name).EXAMPLE
    lines = [line[line.index("speechgmm ") :] for line in example.splitlines() if "speechgmm " in line]

    assert lines
    for line in lines:
        arguments = shlex.split(line.partition(" > ")[0])[1:]
        assert parse(arguments).run is command_module(name).run


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
        (["--quiet"], "the following arguments are required: COMMAND"),
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

    program = f"speechgmm {arguments[0]}" if arguments and arguments[0] in COMMANDS else "speechgmm"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("speechgmm: error: ")
    assert message in done.stderr
    assert done.stderr.endswith(f" (see {program} -h)\n")
    assert done.stderr.count("\n") == 1


def test_without_arguments_the_help_is_shown(run: RunCommand) -> None:
    """On stderr, because it is no result, and with the exit code of wrong usage."""
    done = run()

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == run("--help").stdout


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
        (["classify", "{voices}", "--priors", "female=1"], "--priors: the prior of female is 1.0, but it must be in"),
        (
            ["classify", "{voices}", "--priors", "femal=0.9"],
            "--priors: the priors are for femal, expected one for each of female, male",
        ),
        (["classify", "{voices}", "--min-probability", "1.5"], "--min-probability: min_probability is 1.5, but it"),
        (["classify", "{voices}", "-o", "answers"], "--output answers: its name ends in none of .txt, .csv, .json"),
        (["classify", "{voices}", "-o", "answers.xlsx"], ".json, .jsonl: choose one, or give --format"),
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

    monkeypatch.setattr("speechgmm.classifier.model_file.load", interrupted)

    done = run("describe")

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "speechgmm: interrupted\n")


SLEEP = """
import sys, time
import speechgmm.api
from speechgmm.cli import main

def load(file):
    print("ready", flush=True)
    time.sleep(60)

speechgmm.classifier.model_file.load = load
sys.exit(main(["describe"]))
"""


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize(
    ("number", "code", "message"),
    [("SIGTERM", 143, "terminated"), ("SIGHUP", 129, "terminated"), ("SIGINT", 130, "interrupted")],
)
def test_signals_end_a_command_in_order(number: str, code: int, message: str) -> None:
    """SIGTERM and SIGHUP end a command as Ctrl-C does: one line, no traceback, the exit code of the signal."""
    with subprocess.Popen(
        [sys.executable, "-c", SLEEP], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(getattr(signal, number))
        assert process.communicate(timeout=20) == ("", f"speechgmm: {message}\n")
        assert process.returncode == code


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_sigterm_leaves_nothing_half_written(tmp_path: Path) -> None:
    """The temporary file of an output is deleted."""
    script = """
import os, sys, time
from speechgmm.cli import main

def fsync(handle):
    print("ready", flush=True)
    time.sleep(60)

os.fsync = fsync
sys.exit(main(["demo", "--synthetic", "--folder", sys.argv[1]]))
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "demo")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        assert process.returncode == 143
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["synthetic"]


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize(("number", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_waits_for_the_end_of_an_import(tmp_path: Path, number: str, code: int) -> None:
    """An extension in C++ that is interrupted by an exception in its import would abort the process."""
    (tmp_path / "slow_extension.py").write_text(
        f"import os, signal\nos.kill(os.getpid(), signal.{number})\nprint('imported', flush=True)\n"
    )
    script = """
import time
import speechgmm.api
from speechgmm.cli import main

def load(file):
    import slow_extension
    time.sleep(60)

speechgmm.classifier.model_file.load = load
raise SystemExit(main(["describe"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=50
    )

    assert (done.returncode, done.stdout) == (code, "imported\n")
    assert done.stderr.count("\n") == 1


def test_an_error_that_a_signal_caused_is_that_signal(run: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that is interrupted may raise another error."""

    def interrupted(file: Path) -> None:
        try:
            raise Terminated(signal.SIGTERM)
        finally:
            raise UnboundLocalError("a variable")

    monkeypatch.setattr("speechgmm.classifier.model_file.load", interrupted)

    done = run("describe")

    assert (done.returncode, done.stdout, done.stderr) == (143, "", "speechgmm: terminated\n")


def test_an_error_of_the_program_is_raised(run: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not hidden."""

    def faulty(file: Path) -> None:
        raise UnboundLocalError("a variable")

    monkeypatch.setattr("speechgmm.classifier.model_file.load", faulty)
    with pytest.raises(UnboundLocalError):
        run("describe")


@pytest.mark.parametrize(
    ("arguments", "shown"), [(("--jobs", "2"), "2"), (("--jobs", "all"), "all"), ((), ""), (("-q", "--jobs", "2"), "")]
)
def test_one_process_is_noted(voices: Path, tiny_model_file: Path, arguments: tuple[str, ...], shown: str) -> None:
    """Where the system has no semaphores, --jobs has no effect; joblib's own warning is not shown."""
    file = next(voices.rglob("*.wav"))
    command = [sys.executable, "-m", "speechgmm", "segment", str(file), "--model", str(tiny_model_file), *arguments]
    done = subprocess.run(
        command, env={**os.environ, "JOBLIB_MULTIPROCESSING": "0"}, capture_output=True, text=True, check=False
    )

    reason = "this system has no semaphores for worker processes, which need a writable /dev/shm"
    note = f"speechgmm: --jobs {shown}: {reason}: one process does all of the work\n"
    assert (done.returncode, done.stderr) == (0, note if shown else "")
    assert str(file) in done.stdout


def test_two_threads_need_no_semaphores(voices: Path, tiny_model_file: Path) -> None:
    """Two jobs of `classify` are threads, which work where processes cannot: no note."""
    command = [sys.executable, "-m", "speechgmm", "classify", str(voices), "--model", str(tiny_model_file)]
    done = subprocess.run(
        [*command, "--jobs", "2"],
        env={**os.environ, "JOBLIB_MULTIPROCESSING": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_signal_that_is_ignored_stays_ignored(run: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by nohup; after the command, the handlers are those from before."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    handlers = []

    def load(_: Path) -> None:
        handlers.append(signal.getsignal(signal.SIGTERM))

    monkeypatch.setattr("speechgmm.classifier.model_file.load", load)
    try:
        with pytest.raises(AttributeError):  # there is no model
            run("describe")
        assert handlers == [signal.getsignal(signal.SIGTERM)] == [signal.SIG_IGN]
    finally:
        signal.signal(signal.SIGTERM, before)


def run_redirected(command: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command with a redirection, by a shell."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        f"{shlex.quote(str(SCRIPT))} {command}",
        shell=True,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to simulate a full disk")
@pytest.mark.parametrize("arguments", ["describe", "--help", "--version", "classify --help"])
@pytest.mark.parametrize(
    ("redirection", "reason"), [(">/dev/full", "No space left on device"), (">&-", "it is closed")]
)
def test_full_or_closed_stdout_is_reported(arguments: str, redirection: str, reason: str) -> None:
    """If stdout cannot be written: one line on stderr, exit code 1, no traceback at exit."""
    done = run_redirected(f"{arguments} {redirection}")

    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"speechgmm: error: stdout: {reason}\n")


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
@pytest.mark.parametrize("arguments", ["classify -", "segment -", "segment - --raw s16le --rate 16000"])
def test_closed_stdin_is_wrong_usage(arguments: str) -> None:
    """Where stdin is needed: one line, exit code 2, nothing on stdout."""
    done = run_redirected(f"{arguments} <&-")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("speechgmm: error: -: standard input is closed: redirect it from a file or a pipe\n")


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_stdin_that_cannot_be_read_is_wrong_usage(tmp_path: Path) -> None:
    """It was opened for writing."""
    done = run_redirected(f"classify - 0>{shlex.quote(str(tmp_path / 'names'))}")

    assert done.returncode == 2
    assert done.stderr == "speechgmm: error: -: standard input cannot be read: Bad file descriptor\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to simulate a full disk")
@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_no_result_is_lost_with_stderr(voices: Path, tiny_model_file: Path, redirection: str) -> None:
    """If stderr cannot be written, the results are those of any other run, and so is the exit code."""
    file = next(voices.rglob("*.wav"))
    done = run_redirected(f"classify none.wav {file} --model {tiny_model_file} --format jsonl {redirection}")

    assert (done.returncode, done.stderr) == (1, "")
    assert str(file) in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_no_standard_streams_at_all(voices: Path, tiny_model_file: Path, tmp_path: Path) -> None:
    """A process that some scheduler started without them writes its files, which take none of their numbers."""
    report = tmp_path / "report"
    done = run_redirected(f"evaluate {voices} --model {tiny_model_file} -o {report} <&- >&- 2>&-")

    assert done.returncode == 1  # stdout
    assert json.loads((report / "report.json").read_text())["n_utterances"] == 24


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
def test_no_file_takes_the_number_of_a_standard_stream() -> None:
    """What a library prints, or a worker process, would end up in it."""
    script = "import os; from speechgmm import cli; cli.main = lambda: os.open(os.devnull, 0); cli.entry_point()"
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(script)} <&- >&- 2>&-"

    assert subprocess.run(command, shell=True, check=False).returncode > 2


def test_errors_escape_control_characters(run: RunCommand) -> None:
    """Control characters in a file name are escaped in the error."""
    done = run("describe", "a\x1b[31mb.npz")

    assert done.returncode == 1
    assert done.stderr.startswith("speechgmm: error: a\\x1b[31mb.npz: the model cannot be read")


@pytest.mark.parametrize("arguments", [["describe", "x" * 100_000], ["train", "v", "-o", "m", "--seed", "x" * 100_000]])
def test_errors_quote_no_long_value(run: RunCommand, arguments: list[str]) -> None:
    """A very long argument loses its middle, in the errors of a command and of the parser."""
    done = run(*arguments)

    assert "characters left out" in done.stderr
    assert len(done.stderr) < 1100


def test_verbose_prints_the_model_file(run: RunCommand, voices: Path, tiny_model_file: Path) -> None:
    """With -v the model file is printed to stderr; stdout is the same as with -q."""
    file = next(voices.rglob("*.wav"))

    quiet, verbose = (run("classify", file, "--model", tiny_model_file, flag) for flag in ("-q", "-v"))

    assert (quiet.returncode, quiet.stderr) == (0, "")
    assert (verbose.returncode, verbose.stderr) == (0, f"speechgmm: model: {tiny_model_file}\n")
    assert verbose.stdout == quiet.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            ["segment", "x.wav", option, text]
            for option in ("--start", "--end")
            for text in ("1_5", "٣", "inf", "1e400")
        ),
        *(["classify", "x.wav", option, "1_0"] for option in ("--jobs", "--channel", "--min-probability")),
        ["classify", "x.wav", "--min-probability", "nan"],
        ["classify", "x.wav", "--priors", "a=0.5,b=0_5"],
        ["classify", "x.wav", "--priors", "b=0.5,a=nan"],
        ["evaluate-segments", "x.wav", "x.rttm", "--collar", "0_5"],
        ["evaluate", "x", "--resamples", "1_0"],
        ["audit", "x", "--min-odds", "1_0"],
        ["train", "x", "-o", "m.npz", "--components", "1_6"],
        ["train", "x", "-o", "m.npz", "--components", "16,٣"],
        ["train", "x", "-o", "m.npz", "--seed", "1_0"],
        ["crossvalidate", "x", "--folds", "٣"],
        ["recipe", "--set", "em.tolerance=1_5"],
        ["recipe", "--set", "training.components = 1_6"],
        ["train", "x", "-o", "m.npz", "--map", "1_6.5"],
    ],
    ids=" ".join,
)
def test_numbers_have_plain_digits(run: RunCommand, arguments: list[str]) -> None:
    """What only Python reads as a finite number is wrong usage."""
    done = run(*arguments)

    assert done.returncode == 2
    assert " is n" in done.stderr
    assert re.split("[,=]", arguments[-1])[-1].strip() in done.stderr
