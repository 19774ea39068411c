"""Make the report that the README shows: the shipped model on corpora it has not heard.

    python scripts/make_example_report.py CORPORA_ROOT FOLDER [--browser /usr/bin/chromium]

CORPORA_ROOT holds the recordings of corpus_manifest.csv. FOLDER gets what `speechgmm evaluate -o FOLDER` writes, and
the manifest of the corpora that were taken. With Chromium, docs/images/report.png becomes a picture of the page's
beginning.
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
SIZE = "1200,2120"


def main() -> int:
    """Choose, evaluate, take a picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", type=Path, metavar="CORPORA_ROOT")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--browser", metavar="FILE", help="take the picture with this Chromium")
    options = parser.parse_args()
    corpus = read_corpus(PROJECT / "corpus_manifest.csv", root=options.corpora)
    options.folder.mkdir(parents=True, exist_ok=True)
    manifest = options.folder / "manifest.csv"
    write_manifest(corpus.select(lambda one: one.columns["corpus"] in CORPORA), manifest)
    code = speechgmm(
        ["evaluate", str(manifest), "--split", "other", "-o", str(options.folder), "--force", "--by", "corpus"]
    )
    if code == 0 and options.browser:
        PICTURE.parent.mkdir(exist_ok=True)
        page = (options.folder / "report.html").resolve().as_uri()
        flags = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={SIZE}", f"--screenshot={PICTURE}"]
        subprocess.run([options.browser, *flags, page], check=True, stderr=subprocess.DEVNULL)  # it talks a lot
    return code


if __name__ == "__main__":
    sys.exit(main())
