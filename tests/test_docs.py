"""The README and the pages under docs/ are correct: their commands run, and what they name exists."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import importlib
import io
import json
import logging
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from speechgmm.cli import COMMANDS, main
from speechgmm.cli.recipe_arguments import OLD_FOLDS, OLD_OPTIONS
from speechgmm.demo.synthesis import KINDS, write_voices
from speechgmm.segmentation.segment import Segment
from speechgmm.segmentation.writers import FORMATS, SegmentedRecording
from speechgmm.training.recipe import Recipe, SmallData
from tests.builders import RunCommand, free_port, spoken, write_manifest

PROJECT = Path(__file__).resolve().parent.parent
PACKAGE = PROJECT / "speechgmm"
RATE = 16000
RUN_APART = {"README.md", "docs/python.md"}  # whose Python needs files
TUTORIAL = "docs/tutorial/"  # whose Python is that of a notebook, which a test of its own runs

pytestmark = pytest.mark.checkout

REDUCED = {
    # The usual port may be in use.
    "speechgmm serve": "speechgmm serve --port 0",
    # It downloads 14 MB of real speech. The synthetic voices need no network.
    "speechgmm demo": "speechgmm demo --synthetic --folder demo",
    # There is no microphone: the samples come from a file.
    "arecord -f S16_LE -r 16000 -t raw |": "cat interview.raw |",
    # There is not enough speech in the test for so many components.
    "--components 256": "--components 16",
    # Up to 256 components would be compared.
    "--components auto": "--components 2,4",
    # The cluster is on this machine: the port is a free one, and there is no web page.
    "dask scheduler": "dask scheduler --host 127.0.0.1 --port PORT --no-dashboard --no-show --no-jupyter",
    "dask worker tcp://SCHEDULER:8786": "dask worker tcp://127.0.0.1:PORT --host 127.0.0.1 --nthreads 1 --no-nanny "
    "--no-dashboard",
    # An iteration of EM is several messages to the worker: few iterations, in little time.
    "--jobs tcp://SCHEDULER:8786": "--jobs tcp://127.0.0.1:PORT --recipe plain --components 4 "
    "--set em.max_iterations=3",
}
"""Texts in the commands of the pages, and what the tests run instead. All other commands run as they are."""

CHECKED_ONLY = re.compile(
    r"(OMP_NUM_THREADS=1 |systemd-run [-\w= ]+ )?python scripts/"  # need the corpora, and minutes to hours
    r"|scripts/(quickstart|test|docs)\b"  # install the package; run all tests; build the site
    r"|pip install "
    r"|(pipx run|uvx)\b"  # need a release on the package index
    r"|pytest$"
    r"|curl "  # asks the server of the page
)
"""Commands of other programs, which the tests do not run. What they name must exist."""


SUFFIXES = ("csv", "html", "json", "md", "npz", "png", "py", "rttm", "toml")


def pages() -> list[str]:
    """The pages with commands, by their paths in the project; outside a checkout some are not there."""
    files = [*PROJECT.glob("README.md"), *PROJECT.glob("CONTRIBUTING.md"), *sorted((PROJECT / "docs").rglob("*.md"))]
    return [file.relative_to(PROJECT).as_posix() for file in files]


def all_pages() -> list[Path]:
    """Every page a reader may open."""
    return [*PROJECT.glob("*.md"), *sorted((PROJECT / "docs").rglob("*.md")), *(PROJECT / "models").glob("*.md")]


def code_blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in a language."""
    text = (PROJECT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def commands_of(block: str) -> list[str]:
    """The commands of a fenced block, without comments; a line that ends in a backslash goes on in the next one."""
    lines = block.replace("\\\n", " ").splitlines()
    commands = [re.sub(r"\s#.*|^#.*", "", line).strip() for line in lines]
    return [re.sub(r" +", " ", command) for command in commands if command]


def command_blocks() -> list[tuple[str, list[str]]]:
    """Page and commands of each fenced block of commands."""
    return [(page, commands_of(block)) for page in pages() for block in code_blocks(page, "sh")]


def command_names() -> set[str]:
    """The names of the commands of speechgmm."""
    return set(COMMANDS)


def is_speechgmm(command: str) -> bool:
    """Whether a command is speechgmm's, with or without an environment variable and a pipe before it."""
    return re.match(r"(\w+=\S+ )?speechgmm ", command.rpartition("|")[2].strip()) is not None


def is_for_cluster(command: str) -> bool:
    return command.startswith("dask ") or "--jobs tcp:" in command


def runnable_blocks() -> list[tuple[str, list[str]]]:
    """Page and speechgmm's commands of each block that has some, but for the cluster's; the first of equal blocks."""
    blocks = [(page, [command for command in commands if is_speechgmm(command)]) for page, commands in command_blocks()]
    wanted = [(page, commands) for page, commands in blocks if commands and not any(map(is_for_cluster, commands))]
    first = {tuple(commands): page for page, commands in reversed(wanted)}
    return [(page, list(commands)) for commands, page in reversed(first.items())]


def reduced(command: str) -> str:
    """What the tests run for a command of a page."""
    for text, replacement in REDUCED.items():
        if replacement not in command:  # a page may have it as it is run
            command = command.replace(text, replacement)
    return command


def run_command(command: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a command of speechgmm here; a variable or ``cat FILE |`` may be before it, and ``> FILE`` after it."""
    source, _, command = command.rpartition("|")
    if source:
        program, file = shlex.split(source)
        assert program == "cat"
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(Path(file).read_bytes())))
    words = shlex.split(command)
    while "=" in words[0]:  # threads are limited by speechgmm itself
        words.pop(0)
    assert words.pop(0) == "speechgmm"
    if ">" not in words:
        return main(words)
    with Path(words.pop()).open("w", encoding="utf-8") as output, contextlib.redirect_stdout(output):
        return main(words[:-1])


@pytest.fixture(scope="module")
def prepared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recordings, manifests and references that the commands of the pages name; read only."""
    folder = tmp_path_factory.mktemp("user")
    write_voices(folder / "recordings", n_speakers=3, n_files=3, duration_s=6.0, seed=5)
    write_manifest(folder / "corpus.csv", folder / "recordings")
    write_voices(folder / "unheard", n_speakers=2, n_files=1, duration_s=4.0, seed=7)
    write_manifest(folder / "test.csv", folder / "unheard")
    write_programmes(folder)
    write_corpora(folder)
    write_voices(folder / "FOLDER" / "ami", n_speakers=2, n_files=1, duration_s=4.0, seed=8)
    write_manifest(
        folder / "FOLDER" / "manifest.csv", folder / "FOLDER" / "ami", lambda *_: {"corpus": "ami", "split": "other"}
    )
    return folder


@pytest.fixture
def user_folder(prepared_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `prepared_folder`; the commands run in it."""
    folder = tmp_path / "user"
    shutil.copytree(prepared_folder, folder)
    monkeypatch.chdir(folder)
    return folder


def write_programmes(folder: Path) -> None:
    """Write long recordings: a female voice, then a male one; in several formats, and with a reference."""
    rng = np.random.default_rng(6)
    voices = [spoken(kind, 4.0, rng) for kind in KINDS]
    samples = np.concatenate(voices)
    for name in ("interview.wav", "programme.mp3", "archive/one.wav", "archive/two.flac", "programmes/programme.wav"):
        (folder / name).parent.mkdir(exist_ok=True)
        soundfile.write(folder / name, samples, RATE)
    (folder / "interview.raw").write_bytes((samples * 32767).astype("<i2").tobytes())
    turns = [
        f"SPEAKER programme 1 {4.0 * number} 4.0 <NA> <NA> {kind} <NA> <NA>\n" for number, kind in enumerate(KINDS)
    ]
    (folder / "reference.rttm").write_text("".join(turns), encoding="utf-8")
    segments = [Segment(start=0.0, end=4.0, label="Ada"), Segment(start=4.0, end=8.0, label="male")]
    grid = "".join(FORMATS["textgrid"].write(segments, SegmentedRecording(name="interview.wav", duration_s=8.0)))
    (folder / "interview.TextGrid").write_text(grid, encoding="utf-8")


def write_corpora(folder: Path) -> None:
    """Write a corpora folder, its own manifest, and a corpus manifest like the project's.

    One corpus has the splits train, dev and test, others have the split other. As in the project's manifest, the class
    ``none`` has recordings of non-speech, and none of them in the dev split.
    """
    root = folder / "CORPORA_ROOT"
    rows = [["path", "label", "speaker", "corpus", "split"]]
    splits = {"01": "train", "02": "train", "03": "dev", "04": "test"}
    for seed, corpus in enumerate(("speechocean762-adult", "ami", "asterisk-prompts", "ravdess"), start=20):
        n_speakers = 4 if seed == 20 else 1
        write_voices(root / corpus, n_speakers=n_speakers, n_files=2, duration_s=6.0, seed=seed)
        for file in sorted((root / corpus).rglob("*.wav")):
            label, speaker, _ = file.parts[-3:]
            split = splits[speaker[-2:]] if n_speakers == 4 else "other"
            rows.append([str(file.relative_to(root)), label, f"{corpus}-{speaker}", corpus, split])
    rng = np.random.default_rng(9)
    for number, split in enumerate(["train"] * 3 + ["other"]):
        name = f"esc10/{number}.wav"
        (root / name).parent.mkdir(exist_ok=True)
        bursts = np.repeat(rng.uniform(0.001, 0.2, 20), RATE // 10)
        soundfile.write(root / name, bursts * rng.standard_normal(len(bursts)), RATE)
        rows.append([name, "none", "", "esc10", split])
    text = "\n".join(map(",".join, rows)) + "\n"
    (folder / "corpus_manifest.csv").write_text(text, encoding="utf-8")
    (root / "manifest.csv").write_text(text.replace(",split\n", ",use\n"), encoding="utf-8")


def test_commands_are_in_blocks() -> None:
    """No page has a command in an indented block, where the tests below would not find it."""
    for page in pages():
        lines = (PROJECT / page).read_text(encoding="utf-8").splitlines()
        indented = [line for line in lines if re.match(r" {4,}(\w+=\S+ )?(speechgmm|python|pip|dask|scripts)\b", line)]
        assert [line for line in indented if not continues(line, lines)] == [], page


def continues(line: str, lines: list[str]) -> bool:
    return lines[lines.index(line) - 1].endswith("\\")


@pytest.mark.parametrize("page", pages())
def test_every_command_is_run_or_checked(page: str) -> None:
    """Each line of a block of commands is speechgmm's or Dask's, which are run, or one of `CHECKED_ONLY`."""
    for block in code_blocks(page, "sh"):
        for command in commands_of(block):
            assert is_speechgmm(command) or is_for_cluster(command) or CHECKED_ONLY.match(command), command


def test_every_reduction_is_used() -> None:
    """Each text in `REDUCED` is in a command of a page."""
    commands = [command for _, block in command_blocks() for command in block]
    assert [text for text in REDUCED if not any(text in command for command in commands)] == []


def test_the_readme_shows_the_main_commands() -> None:
    """The README shows each command of speechgmm, the most important ones first."""
    shown = [command.split()[1] for page, commands in runnable_blocks() if page == "README.md" for command in commands]
    assert shown[:5] == ["demo", "classify", "segment", "train", "evaluate"]
    assert {*shown} == command_names()


@pytest.fixture
def ending_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ends when it has started."""
    uvicorn = pytest.importorskip("uvicorn", reason="the extra 'web' is not installed")
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_, **__: None)


@pytest.mark.slow
@pytest.mark.usefixtures("ending_server")
@pytest.mark.parametrize(
    ("page", "commands"),
    runnable_blocks(),
    ids=[f"{page}-{number}" for number, (page, _) in enumerate(runnable_blocks(), start=1)],
)
def test_commands_run(
    page: str, commands: list[str], user_folder: Path, tiny_model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands of a block succeed, one after the other, in a folder with the files they name.

    A model that the block does not train is there as well.
    """
    if "-o voices.npz" not in " ".join(commands):
        shutil.copy(tiny_model_file, user_folder / "voices.npz")
    for command in commands:
        assert run_command(reduced(command), monkeypatch) == 0, command
        for output in re.findall(r" (?:-o|--html|--report|>) (\S+)", command):
            assert (user_folder / output).exists(), command
    if page == "README.md" and "-o voices.npz" in " ".join(commands):
        assert (user_folder / "report" / "report.json").is_file()


# distributed's own clean-up leaves sockets and tasks to the garbage collector
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_commands_for_a_cluster_run(user_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler and a worker are started as the page says, and the training that uses them succeeds."""
    pytest.importorskip("distributed", reason="the extra 'dask' is not installed")
    (commands,) = [commands for _, commands in command_blocks() if any(map(is_for_cluster, commands))]
    port = str(free_port())
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    processes = []
    try:
        for command in [reduced(command).replace("PORT", port) for command in commands]:
            if command.startswith("dask "):
                processes.append(subprocess.Popen([sys.executable, "-m", *shlex.split(command)]))
                wait_for_cluster(int(port), n_workers=len(processes) - 1)
            else:
                assert run_command(command, monkeypatch) == 0
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()
    assert len(processes) == 2
    assert (user_folder / "voices.npz").is_file()


def wait_for_cluster(port: int, *, n_workers: int, seconds: float = 60.0) -> None:
    """Wait until the scheduler answers and has so many workers."""
    from distributed import Client

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            answers = probe.connect_ex(("127.0.0.1", port)) == 0
        if answers:
            client_of: Callable[..., Any] = Client  # distributed has no types
            with client_of(f"tcp://127.0.0.1:{port}", set_as_default=False) as client:
                if len(client.nthreads()) == n_workers:
                    return
        time.sleep(0.1)
    pytest.fail(f"no cluster with {n_workers} workers within {seconds} s")


def test_readme_python_runs(user_folder: Path) -> None:
    """The README's Python example runs as it stands."""
    samples, _ = soundfile.read(user_folder / "interview.wav")
    (block,) = code_blocks("README.md", "python")
    exec(block, {"samples": samples})
    assert (user_folder / "voices.npz").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [
        page
        for page in pages()
        if page not in RUN_APART and not page.startswith(TUTORIAL) and code_blocks(page, "python")
    ],
)
def test_python_in_the_pages_runs(page: str, user_folder: Path, tiny_model_file: Path) -> None:
    """The Python examples of a page run, one after the other, in a folder with the files they name and a model."""
    shutil.copy(tiny_model_file, user_folder / "voices.npz")
    names: dict[str, Any] = {"samples": soundfile.read(user_folder / "interview.wav")[0]}
    for block in code_blocks(page, "python"):
        exec(block, names)


@pytest.mark.slow
def test_the_python_of_its_page_runs(user_folder: Path) -> None:
    """The blocks of docs/python.md, one after the other, in a folder with the files that they name."""
    for package in ("pandas", "pyannote.core", "audformat"):
        pytest.importorskip(package)
    level = logging.getLogger("speechgmm").level
    names: dict[str, object] = {}
    try:
        for block in code_blocks("docs/python.md", "python"):
            exec(block, names)
    finally:
        logging.getLogger("speechgmm").setLevel(level)
    assert (user_folder / "interview.rttm").is_file()
    assert (user_folder / "report.html").is_file()


def test_the_two_commands_are_there() -> None:
    """The two commands for a fresh machine are the first the README shows, and can be run."""
    first = code_blocks("README.md", "sh")[0]
    scripts = [line.split()[0] for line in first.splitlines()]
    assert scripts == ["scripts/quickstart", "scripts/test"]
    assert all(os.access(PROJECT / script, os.X_OK) for script in scripts)


def test_commands_of_scripts_are_right() -> None:
    """The script of each command in a block exists and has the options that are given."""
    scripts = [
        (match["script"], match["arguments"])
        for _, block in command_blocks()
        for command in block
        if (match := re.search(r"python (?P<script>scripts/\S+)(?P<arguments>.*)", command))
    ]
    assert len(scripts) >= 8
    for script, arguments in scripts:
        source = (PROJECT / script).read_text(encoding="utf-8")
        for option in re.findall(r"--[a-z][a-z-]*", arguments):
            assert f'"{option}"' in source, f"{script}: {option}"


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: str(page.relative_to(PROJECT)))
def test_options_named_in_the_text_exist(page: Path, run: RunCommand) -> None:
    """Each ``speechgmm COMMAND --option`` in a sentence or a table is in the command's help.

    What the changelog says of a release need not be true of the next one.
    """
    for code in re.findall(r"`([^`]+)`", prose(page).partition("\n## [0.")[0]):
        match = re.match(r"(?:speechgmm )?([\w-]+) .*?--", " ".join(code.split()))
        if match and match[1] in command_names():
            options = run(match[1], "--help").stdout
            for option in re.findall(r"--[a-z][a-z-]*", code):
                assert re.search(rf"{option}\b", options), code


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: str(page.relative_to(PROJECT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page has a target, and its heading is in the target."""
    for target, heading in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name}: {target}"
        if heading:
            assert heading in headings(file), f"{page.name}: {target}#{heading}"


def headings(page: Path) -> set[str]:
    """The headings of a page as they are named in links."""
    lines = re.findall(r"^#+ (.*)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize(
    ("page", "least"),
    [
        ("CONTRIBUTING.md", 15),
        ("docs/em.md", 8),
        ("docs/estimators.md", 8),
        ("docs/glossary.md", 30),
        ("docs/method.md", 8),
        ("docs/segments.md", 2),
    ],
)
def test_pages_name_functions(page: str, least: int) -> None:
    """The pages that explain the code name at least so many of its functions with room and module."""
    assert len(dotted_names(PROJECT / page)) >= least


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: str(page.relative_to(PROJECT)))
def test_functions_named_in_the_pages_exist(page: Path) -> None:
    """Each module, function or class that a page names in backquotes with its room is in the package."""
    for dotted in dotted_names(page):
        assert exists(dotted), f"{page.name}: {dotted}"


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: str(page.relative_to(PROJECT)))
def test_attributes_in_the_pages_exist(page: Path) -> None:
    """Each ``Class.attribute`` that a page names in backquotes is in the package."""
    homes = classes()
    for name, attribute in re.findall(r"`([A-Z][A-Za-z]+)\.([a-z_]+)(?:\(\))?`", page.read_text(encoding="utf-8")):
        assert name in homes, f"{page.name}: {name}"
        home = getattr(importlib.import_module(homes[name]), name)
        assert hasattr(home, attribute) or attribute in getattr(home, "__dataclass_fields__", {}), (
            f"{page.name}: {name}.{attribute}"
        )


def test_the_data_flow_names_what_is_in_its_files() -> None:
    """Each step of the data flow in CONTRIBUTING begins with a file and names functions and classes of that file."""
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    steps = re.findall(r"^\d+\. `(\w+/\w+\.py)`: (.*?)(?=^\d+\. |\n\n)", text, flags=re.MULTILINE | re.DOTALL)
    assert len(steps) == 20
    for path, step in steps:
        source = (PACKAGE / path).read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", step):
            assert re.search(rf"\b{name}\b", source), f"{path}: {name}"


def test_the_table_of_recipes_is_that_of_the_code() -> None:
    """docs/recipes.md names each key of a recipe once, with its values in both recipes."""
    text = (PROJECT / "docs" / "recipes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.]+)` \|[^|]+\|[^|]+\|([^|]*)\|([^|]*)\|$", text, flags=re.MULTILINE)
    plain, robust = recipe_values("plain"), recipe_values("robust")
    assert [key for key, _, _ in rows] == list(dict.fromkeys([*plain, *robust]))
    for key, *cells in rows:
        if not key.startswith("small_data."):  # these have a section of their own
            expected = ["; ".join(map(json.dumps, values[key])) for values in (plain, robust)]
            assert [cell.strip() for cell in cells] == expected, key


def test_the_table_of_old_options_is_that_of_the_code() -> None:
    """docs/recipes.md names each option of earlier versions, and the setting that replaces it."""
    text = (PROJECT / "docs" / "recipes.md").read_text(encoding="utf-8")
    section = text[text.index("## Old options") :]
    found = dict.fromkeys(OLD_FOLDS, "")
    for old, new in re.findall(r"^\| (`--.*?) \| (.*) \|$", section, flags=re.MULTILINE):
        found.update(dict.fromkeys(re.findall(r"`(--[a-z-]+)", old), new))
    assert {*found} == {*OLD_OPTIONS, *OLD_FOLDS, "--dask", "--sizes", "--stream"}
    for name, setting in OLD_OPTIONS.items():
        assert found[name].startswith(f"`--set {setting.partition('{')[0]}"), name


def test_the_table_of_rooms_is_the_map() -> None:
    """CONTRIBUTING says of each room which rooms it may import, as tests/test_architecture.py checks it."""
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*)\|$", text, flags=re.MULTILINE)
    tree = ast.parse((PROJECT / "tests" / "test_architecture.py").read_text(encoding="utf-8"))
    (rooms,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "ROOMS"
    ]
    assert rooms is not None
    expected = eval(ast.unparse(rooms))  # a literal, but for set()
    assert {room: {name for name in re.split(r",\s*", allowed.strip()) if name} for room, allowed in rows} == expected


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: str(page.relative_to(PROJECT)))
def test_files_named_in_the_pages_exist(page: Path) -> None:
    """Each path in backquotes exists, in the project or in the package, and a test that is named with it too."""
    folders = {folder.name for root in (PROJECT, PACKAGE) for folder in root.iterdir() if folder.is_dir()}
    text = page.read_text(encoding="utf-8")
    for path, test in re.findall(r"`(\w+/[\w./-]*)(?:::(\w+))?`", text):
        if path.partition("/")[0] not in folders:
            continue
        assert any((root / path).exists() for root in (PROJECT, PACKAGE)), f"{page.name}: {path}"
        if test:
            assert f"def {test}(" in (PROJECT / path).read_text(encoding="utf-8"), f"{page.name}: {path}::{test}"


def dotted_names(page: Path) -> set[str]:
    """The names ``room.module.function`` in a page, and shorter ones that begin with a room."""
    rooms = {file.parent.name for file in PACKAGE.glob("*/__init__.py")}
    text = page.read_text(encoding="utf-8")
    names = re.findall(r"`(?:speechgmm\.)?((?:[a-z_]+\.)+[A-Za-z_]+)(?:\(\))?`", text)
    found = {name for name in names if name.partition(".")[0] in rooms and not name.endswith(SUFFIXES)}
    return found - {*recipe_values("plain")}


def recipe_values(name: str) -> dict[str, list[Any]]:
    """The keys of a recipe with their values, several for the streams and rules, which are numbered N."""
    document = Recipe.load(name).to_document()
    del document["version"]
    values: dict[str, list[Any]] = {}
    for section, table in document.items():
        place, tables = (f"{section}.N", table) if isinstance(table, list) else (section, [table])
        for each in tables:
            for key, value in each.items():
                values.setdefault(f"{place}.{key}", []).append(value)
    for rule in dataclasses.fields(SmallData):  # a recipe may have none
        values.setdefault(f"small_data.N.{rule.name}", [])
    return values


def exists(dotted: str) -> bool:
    """Whether a name below the package is a module, or something in one."""
    name, place = "speechgmm", importlib.import_module("speechgmm")
    for part in dotted.split("."):
        name += f".{part}"
        try:
            place = getattr(place, part) if hasattr(place, part) else importlib.import_module(name)
        except ImportError:
            return False
    return True


def classes() -> dict[str, str]:
    """The module of each class of the package."""
    return dict(_classes())


def _classes() -> Iterator[tuple[str, str]]:
    for file in PACKAGE.rglob("*.py"):
        module = ".".join(file.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                yield node.name, module
