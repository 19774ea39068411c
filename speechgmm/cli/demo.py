"""``speechgmm demo``: train, classify and evaluate on real recordings, with the commands it prints."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from speechgmm.cli.arguments import Subparsers, new_command
from speechgmm.cli.console import note, tell

if TYPE_CHECKING:
    from speechgmm.corpus.recording import Corpus

EXAMPLE = """\
  speechgmm demo
  speechgmm demo --synthetic --folder /tmp/demo"""

TEST_EVERY = 3
"""Every third speaker of each class, in the order of their names, is in the test split."""

REAL = """\
Real speech: {n_recordings} recordings of {n_speakers} speakers of the AMI meeting corpus (CC BY 4.0, AMI Consortium;
excerpts from the test data of pyannote.audio 4.0.7). Every third speaker is a test speaker."""

SYNTHETIC = """\
SYNTHETIC voices, no real speech: {n_recordings} utterances of {n_speakers} voices from a source-filter synthesiser;
they demonstrate the commands, not the accuracy. Every third voice is a test speaker."""

HEARD_REAL = (
    "Neither model has heard the test speakers. The one trained here has heard others in the same rooms; the shipped "
    "one has heard none of this corpus, but many speakers of others."
)
HEARD_SYNTHETIC = (
    "Neither model has heard the test voices. The one trained here has heard other synthetic voices and nothing else; "
    "the shipped one has heard real speech only."
)


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    summary = "download a small corpus, then train, classify and evaluate on it"
    parser = new_command(subparsers, "demo", summary, EXAMPLE)
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="FOLDER",
        help="output folder; files of an earlier run are replaced (default: in the user's cache folder)",
    )
    parser.add_argument("--synthetic", action="store_true", help="use synthetic voices, without a download")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prepare recordings, run the main commands on them, and compare the trained with the shipped model."""
    from platformdirs import user_cache_path

    from speechgmm.cli.demo_summary import to_text
    from speechgmm.output.files import make_folder

    folder = (options.folder or user_cache_path("speechgmm") / "demo").absolute()
    make_folder(folder)
    manifest, introduction, heard = _prepare(folder, options)
    tell(options, f"{introduction}\nThe files are in {folder}, where these commands can be repeated:\n")
    model, trained, shipped = "model.npz", "own", "shipped"
    training = ["--force", "--recipe", "plain", "--components", "16"]
    commands = [
        ["train", manifest.name, "-o", model, *training],
        ["classify", *_one_test_recording_per_class(manifest), "--model", model],
        ["evaluate", manifest.name, "--model", model, "-o", trained, "--force"],
        ["evaluate", manifest.name, "-o", shipped, "--force"],
    ]
    with _working_in(folder):
        for command in commands:
            tell(options, f"$ speechgmm {shlex.join(command)}")
            sys.stdout.flush()
            if (code := _run_command(options, command)) != 0:
                return code  # the command has printed the reason
    print("\n" + to_text(folder, trained, shipped, heard=heard))
    further = ["speechgmm", "compare", *(f"{name}/scores.csv" for name in (trained, shipped))]
    tell(options, f"More: {trained}/report.html, {shipped}/report.html, and: {shlex.join(further)}")
    return 0


def _run_command(options: argparse.Namespace, arguments: list[str]) -> int:
    """Run another command in this process; what it writes to files is printed with --verbose only."""
    command_options = options.parse([*arguments, *([] if options.verbose else ["--quiet"])])
    code: int = command_options.run(command_options)
    return code


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    """Commands find their files in this folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _prepare(folder: Path, options: argparse.Namespace) -> tuple[Path, str, str]:
    """Prepare the recordings: their manifest with splits, their description, and what the models have heard."""
    from speechgmm.errors import DownloadError

    if not options.synthetic:
        try:
            return _prepare_real(folder, options)
        except DownloadError as error:
            note(options, f"real speech is not available: {error}")
            note(options, "continuing with synthetic voices")
    return _prepare_synthetic(folder)


def _prepare_real(folder: Path, options: argparse.Namespace) -> tuple[Path, str, str]:
    from speechgmm.demo.ami_corpus import download, extract

    note(options, f"downloading 14 MB of recorded speech to {folder}; needed once, takes up to a minute")
    archive = download(folder)
    extract(archive, folder / "ami")
    return *_split_speakers(folder, "ami", REAL), HEARD_REAL


def _prepare_synthetic(folder: Path) -> tuple[Path, str, str]:
    from speechgmm.demo.synthesis import write_voices

    write_voices(folder / "synthetic", n_speakers=9, n_files=3, duration_s=4.0, seed=1)
    return *_split_speakers(folder, "synthetic", SYNTHETIC), HEARD_SYNTHETIC


def _split_speakers(folder: Path, name: str, introduction: str) -> tuple[Path, str]:
    """Write a manifest with every third speaker of each class in the test split."""
    from speechgmm.corpus import scan_folder, write_manifest

    corpus = scan_folder(folder / name)
    test_speakers = {
        speaker for label in corpus.labels for speaker in _speakers(corpus, label)[TEST_EVERY - 1 :: TEST_EVERY]
    }
    recordings = tuple(
        replace(recording, split="test" if recording.speaker in test_speakers else "train")
        for recording in corpus.recordings
    )
    manifest = folder / f"{name}.csv"
    write_manifest(replace(corpus, recordings=recordings), manifest)
    n_speakers = sum(len(_speakers(corpus, label)) for label in corpus.labels)
    return manifest, introduction.format(n_recordings=len(recordings), n_speakers=n_speakers)


def _speakers(corpus: Corpus, label: str) -> list[str]:
    return sorted({item.speaker for item in corpus.recordings if item.label == label and item.speaker is not None})


def _one_test_recording_per_class(manifest: Path) -> list[str]:
    """Their paths below the folder of the manifest."""
    from speechgmm.corpus import read_manifest

    first: dict[str, str] = {}
    for recording in read_manifest(manifest).recordings:
        if recording.split == "test":
            first.setdefault(recording.label, recording.file.relative_to(manifest.parent).as_posix())
    return list(first.values())
