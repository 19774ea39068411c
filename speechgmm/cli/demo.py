"""``speechgmm demo``: the whole job on real recorded speech, by the very commands it prints."""

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
"""Every third speaker of a class is tested on, in the order of their names."""

REAL = """\
Real speech: {n_recordings} recordings of {n_speakers} speakers of the AMI meeting corpus
(CC BY 4.0, AMI Consortium; excerpts from the test data of pyannote.audio 4.0.7)."""

SYNTHETIC = """\
SYNTHETIC voices, no real speech: {n_recordings} utterances of {n_speakers} voices made by a source-filter
synthesiser from published average pitch and formants. They show the commands, not the accuracy."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the subcommand."""
    parser = new_command(
        subparsers, "demo", "train, classify and evaluate on real recorded speech, with nothing to prepare", EXAMPLE
    )
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="FOLDER",
        help="where its files go, replacing those of an earlier run (default: the user's cache folder)",
    )
    parser.add_argument("--synthetic", action="store_true", help="download nothing, use synthetic voices")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prepare recordings, then run each command of the main job and compare the two models."""
    from platformdirs import user_cache_path

    folder = options.folder or user_cache_path("speechgmm") / "demo"
    manifest, introduction = _prepare(folder, options)
    print(f"{introduction}\nEvery third speaker is kept for the test; the others train a model.\nAll files: {folder}")
    model, own, shipped = folder / "model.npz", folder / "own", folder / "shipped"
    tested = _first_test_recordings(manifest)
    quiet = ["--quiet"] if options.quiet else []
    steps: list[tuple[str, list[str | Path]]] = [
        (
            "Train a model on the training speakers",
            ["train", manifest, "-o", model, "--force", "--components", "16"],
        ),
        ("Classify recordings of speakers it has not heard", ["classify", *tested, "--model", model]),
        ("Evaluate it on all of them", ["evaluate", manifest, "--model", model, "-o", own, "--force"]),
        ("Classify the same recordings with the shipped model", ["classify", *tested]),
        ("Evaluate the shipped model on the same speakers", ["evaluate", manifest, "-o", shipped, "--force"]),
    ]
    for number, (title, command) in enumerate(steps, start=1):
        print(f"\n[{number}/{len(steps)}] {title}\n$ speechgmm {shlex.join(map(str, command))}\n", flush=True)
        if (code := _run_command(options, [*map(str, command), *quiet])) != 0:
            return code  # the command has said why
    print("\n" + _comparison(own, shipped))
    return 0


def _run_command(options: argparse.Namespace, arguments: list[str]) -> int:
    """Run another command in this process."""
    step = options.parse(arguments)
    code: int = step.run(step)
    return code


def _prepare(folder: Path, options: argparse.Namespace) -> tuple[Path, str]:
    """Make the recordings and the manifest that splits their speakers; say what they are."""
    from speechgmm.errors import DownloadError

    if not options.synthetic:
        try:
            return _prepare_real(folder, options)
        except DownloadError as error:
            note(options, f"real speech cannot be had: {error}")
            note(options, "going on with synthetic voices instead")
    return _prepare_synthetic(folder)


def _prepare_real(folder: Path, options: argparse.Namespace) -> tuple[Path, str]:
    from speechgmm.demo.ami import download, extract

    note(options, f"fetching 14 MB of recorded speech into {folder}, once; this takes up to a minute")
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
    tested = {speaker for label in corpus.labels for speaker in _speakers(corpus, label)[TEST_EVERY - 1 :: TEST_EVERY]}
    recordings = tuple(replace(each, split="test" if each.speaker in tested else "train") for each in corpus.recordings)
    manifest = folder / f"{name}.csv"
    write_manifest(replace(corpus, recordings=recordings), manifest)
    n_speakers = sum(len(_speakers(corpus, label)) for label in corpus.labels)
    return manifest, introduction.format(n_recordings=len(recordings), n_speakers=n_speakers)


def _speakers(corpus: Corpus, label: str) -> list[str]:
    return sorted({each.speaker for each in corpus.recordings if each.label == label and each.speaker is not None})


def _first_test_recordings(manifest: Path) -> list[Path]:
    """One recording of each test speaker."""
    from speechgmm.corpus import read_manifest

    first: dict[str | None, Path] = {}
    for each in read_manifest(manifest).recordings:
        if each.split == "test":
            first.setdefault(each.speaker, each.file)
    return list(first.values())


def _comparison(own: Path, shipped: Path) -> str:
    """The two models side by side on the same recordings."""
    reports: dict[str, dict[str, Any]] = {
        name: json.loads((folder / "report.json").read_text(encoding="utf-8"))
        for name, folder in (("trained here", own), ("shipped", shipped))
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
    lines.append(f"The reports: {own} and {shipped}. Repeat any step with the command above it.")
    return "\n".join(lines)
