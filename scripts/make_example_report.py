"""Make the report shown in the README: the shipped model on corpora that are not in its training data.

    python scripts/make_example_report.py CORPORA_ROOT FOLDER [--browser /usr/bin/chromium]

CORPORA_ROOT holds the recordings of corpus_manifest.csv. FOLDER gets the output of `speechgmm evaluate -o FOLDER` and
the manifest of the selected corpora. With --browser, a screenshot of the top of the page is written to
docs/images/report.png.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from speechgmm.cli import main as speechgmm
from speechgmm.corpus import read_corpus
from speechgmm.corpus.manifest import write_manifest

PROJECT = Path(__file__).resolve().parent.parent
CORPORA = ("ami", "asterisk-prompts", "ravdess")
PICTURE = PROJECT / "docs" / "images" / "report.png"
SIZE = "1200,2050"


def main() -> int:
    """Select the corpora, evaluate, take the screenshot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--browser", metavar="FILE", help="Chromium executable that takes the screenshot")
    options = parser.parse_args()
    corpus = read_corpus(PROJECT / "corpus_manifest.csv", root=options.corpora)
    options.folder.mkdir(parents=True, exist_ok=True)
    manifest = options.folder / "manifest.csv"
    write_manifest(corpus.select(lambda recording: recording.columns["corpus"] in CORPORA), manifest)
    code = speechgmm(
        ["evaluate", str(manifest), "--split", "other", "-o", str(options.folder), "--force", "--by", "corpus"]
    )
    if code == 0 and options.browser:
        PICTURE.parent.mkdir(exist_ok=True)
        page = (options.folder / "report.html").resolve().as_uri()
        flags = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={SIZE}", f"--screenshot={PICTURE}"]
        subprocess.run([options.browser, *flags, page], check=True, stderr=subprocess.DEVNULL)  # Chromium logs a lot
    return code


if __name__ == "__main__":
    sys.exit(main())
