"""``speechgmm demo``: train, classify and evaluate on real recordings, with the commands it prints."""

from __future__ import annotations

import argparse
import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechgmm.cli.arguments import Subparsers, new_command
from speechgmm.cli.console import note

if TYPE_CHECKING:
    from speechgmm.corpus.recording import Corpus

EXAMPLE = """\
  speechgmm demo
  speechgmm demo --synthetic --folder /tmp/demo"""

TEST_EVERY = 3
"""Every third speaker of each class, in the order of their names, is in the test split."""

REAL = """\
Real speech: {n_recordings} recordings of {n_speakers} speakers of the AMI meeting corpus
(CC BY 4.0, AMI Consortium; excerpts from the test data of pyannote.audio 4.0.7)."""

SYNTHETIC = """\
SYNTHETIC voices, no real speech: {n_recordings} utterances of {n_speakers} voices from a source-filter
synthesiser with published mean pitch and formants. They demonstrate the commands, not the accuracy."""


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

    from speechgmm.output.files import make_folder

    folder = options.folder or user_cache_path("speechgmm") / "demo"
    make_folder(folder)
    manifest, introduction = _prepare(folder, options)
    print(f"{introduction}\nEvery third speaker is a test speaker; the others train a model.\nAll files: {folder}")
    model, trained, shipped = folder / "model.npz", folder / "own", folder / "shipped"
    test_files = _first_test_recordings(manifest)
    quiet = ["--quiet"] if options.quiet else []
    steps: list[tuple[str, list[str | Path]]] = [
        (
            "Train a model on the training speakers",
            ["train", manifest, "-o", model, "--force", "--recipe", "plain", "--components", "16"],
        ),
        ("Classify one recording of each test speaker", ["classify", *test_files, "--model", model]),
        (
            "Evaluate the model on all recordings of the test speakers",
            ["evaluate", manifest, "--model", model, "-o", trained, "--force"],
        ),
        ("Classify the same recordings with the shipped model", ["classify", *test_files]),
        ("Evaluate the shipped model on the same speakers", ["evaluate", manifest, "-o", shipped, "--force"]),
    ]
    for number, (title, command) in enumerate(steps, start=1):
        print(f"\n[{number}/{len(steps)}] {title}\n$ speechgmm {shlex.join(map(str, command))}\n", flush=True)
        if (code := _run_command(options, [*map(str, command), *quiet])) != 0:
            return code  # the command has printed the reason
    print("\n" + _side_by_side(trained, shipped))
    return 0


def _run_command(options: argparse.Namespace, arguments: list[str]) -> int:
    """Run another command in this process."""
    command_options = options.parse(arguments)
    code: int = command_options.run(command_options)
    return code


def _prepare(folder: Path, options: argparse.Namespace) -> tuple[Path, str]:
    """Prepare the recordings; return a manifest with a train and a test split, and a description of them."""
    from speechgmm.errors import DownloadError

    if not options.synthetic:
        try:
            return _prepare_real(folder, options)
        except DownloadError as error:
            note(options, f"real speech is not available: {error}")
            note(options, "continuing with synthetic voices")
    return _prepare_synthetic(folder)


def _prepare_real(folder: Path, options: argparse.Namespace) -> tuple[Path, str]:
    from speechgmm.demo.ami_corpus import download, extract

    note(options, f"downloading 14 MB of recorded speech to {folder}; needed once, takes up to a minute")
    archive = download(folder)
    extract(archive, folder / "ami")
    return _split_speakers(folder, "ami", REAL)


def _prepare_synthetic(folder: Path) -> tuple[Path, str]:
    from speechgmm.demo.synthesis import write_voices

    write_voices(folder / "synthetic", n_speakers=9, n_files=3, duration_s=4.0, seed=1)
    return _split_speakers(folder, "synthetic", SYNTHETIC)


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


def _first_test_recordings(manifest: Path) -> list[Path]:
    """One recording of each test speaker."""
    from speechgmm.corpus import read_manifest

    first: dict[str | None, Path] = {}
    for recording in read_manifest(manifest).recordings:
        if recording.split == "test":
            first.setdefault(recording.speaker, recording.file)
    return list(first.values())


def _side_by_side(trained: Path, shipped: Path) -> str:
    """A table of both models' results on the same recordings."""
    reports: dict[str, dict[str, Any]] = {
        name: json.loads((folder / "report.json").read_text(encoding="utf-8"))
        for name, folder in (("trained here", trained), ("shipped", shipped))
    }
    lines = [f"{'Side by side':16}{'UAR':>7}{'95 % interval':>18}{'correct':>10}{'unknown':>9}{'Cllr':>8}"]
    for name, report in reports.items():
        interval = report["uar_bootstrap"]
        correct = f"{report['n_correct']}/{report['n_utterances']}"
        cllr = "" if report["cllr"] is None else f"{report['cllr']:.3f}"
        lines.append(
            f"{name:16}{report['uar']:7.3f}{interval['low']:9.3f} to {interval['high']:.3f}"
            f"{correct:>10}{report['n_unknown']:9}{cllr:>8}"
        )
    lines.append(f"Reports: {trained} and {shipped}. Each step can be repeated with the command printed above it.")
    return "\n".join(lines)
