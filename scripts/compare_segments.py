"""Compare `speechgmm segment` with a baseline: a sliding window classified by the same model.

    python scripts/compare_segments.py RECORDINGS REFERENCE [--model MODEL] [--window 2 --hop 0.5]

RECORDINGS is a long recording or a folder of long recordings; REFERENCE is as for ``speechgmm evaluate-segments``.
The baseline classifies windows of a few seconds. Each hop gets the majority label of the windows that contain it if
the energy VAD finds speech in more than a third of its frames, and the label for non-speech otherwise. Gaps shorter
than half a second are closed. Prints the identification error rate of both methods and its parts.
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import speechgmm
from speechgmm import FrontEndOptions, Model, Segment
from speechgmm.audio.reading import read
from speechgmm.audio.samples import Samples
from speechgmm.classifier.decision import UNKNOWN
from speechgmm.corpus import find_audio
from speechgmm.corpus.recording import Recording
from speechgmm.demo.ami_corpus import speaker_label
from speechgmm.features.front_end import stream_stretches
from speechgmm.features.log_mel import log_mel_bands
from speechgmm.features.mel_filters import mel_filters
from speechgmm.features.voice_activity import frame_powers, speech_frames
from speechgmm.segmentation.evaluate_segments import Segmenter, assess_segments
from speechgmm.segmentation.references import read_references
from speechgmm.segmentation.segment import NONSPEECH
from speechgmm.segmentation.segment_recordings import segmenter

GATE = FrontEndOptions()
SPEECH_SHARE = 1 / 3
MAX_GAP_S = 0.5


def sliding_window(model: Model, file: Path, *, window_s: float, hop_s: float) -> Iterator[Segment]:
    """The segments of a recording by the baseline."""
    rate = model.front_end.sampling_rate
    samples = read(file, sampling_rate=rate)
    hop, n_over = round(hop_s * rate), round(window_s / hop_s)
    n_hops = -(-len(samples) // hop)
    windows = [_label(model, samples[hop * at : hop * (at + n_over)]) for at in range(1 - n_over, n_hops)]
    speech = _speech(samples, hop, n_hops)
    labels = [_majority(windows[at : at + n_over]) if speech[at] else NONSPEECH for at in range(n_hops)]
    ends = [min((at + 1) * hop, len(samples)) / rate for at in range(n_hops)]
    start = 0.0
    for label, group in itertools.groupby(zip(labels, ends, strict=True), key=lambda pair: pair[0]):
        end = list(group)[-1][1]
        yield Segment(start=start, end=end, label=label)
        start = end


def _label(model: Model, samples: Samples) -> str:
    return model.decide(model.score_all(stream_stretches([samples], model.front_ends, model.filters))).label


def _majority(labels: list[str]) -> str:
    counts = Counter(label for label in labels if label != UNKNOWN)
    return counts.most_common(1)[0][0] if counts else UNKNOWN


def _speech(samples: Samples, hop: int, n_hops: int) -> list[bool]:
    """Whether each hop is speech by the energy VAD, with short gaps closed."""
    (log_mel,) = log_mel_bands(samples, [GATE], [mel_filters(GATE)])
    keep = speech_frames(log_mel, frame_powers(log_mel), GATE).astype(np.float64)
    edges = np.flatnonzero(keep)
    for left, right in itertools.pairwise(edges):
        if (right - left) * GATE.hop_s < MAX_GAP_S:
            keep[left:right] = 1.0
    per_hop = hop // GATE.hop
    return [bool(keep[at * per_hop : (at + 1) * per_hop].sum() > SPEECH_SHARE * per_hop) for at in range(n_hops)]


def main() -> None:
    """Segment the recordings with both methods and print the error rates."""
    parser = argparse.ArgumentParser(description="Compare speechgmm segment with a sliding window.")
    parser.add_argument("recordings", type=Path, metavar="RECORDINGS")
    parser.add_argument("reference", type=Path, metavar="REFERENCE")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--window", type=float, default=2.0, metavar="S")
    parser.add_argument("--hop", type=float, default=0.5, metavar="S")
    parser.add_argument("--skip-overlap", action="store_true", help="do not score overlapping speech")
    parser.add_argument("--match", default="*", metavar="PATTERN", help="only files that match the pattern")
    arguments = parser.parse_args()
    model = speechgmm.load(arguments.model)
    references = read_references(arguments.reference, classes=model.labels, further=speaker_label)
    files = [file for file in find_audio(arguments.recordings) if file.match(arguments.match)]
    recordings = [Recording(file=file, name=str(file), label="") for file in files]

    def baseline(file: Path) -> Iterator[Segment]:
        return sliding_window(model, file, window_s=arguments.window, hop_s=arguments.hop)

    methods: dict[str, Segmenter] = {"sliding window": baseline, "speechgmm segment": segmenter(model)}
    print(f"{'':20}{'IER':>8}{'missed':>9}{'unknown':>9}{'false':>8}{'confused':>10}")
    for name, method in methods.items():
        errors = assess_segments(method, recordings, references, skip_overlap=arguments.skip_overlap).report.errors
        parts = (errors.rate, *(part / errors.total_s for part in (errors.missed_s, errors.unknown_s)))
        parts += (errors.false_alarm_s / errors.total_s, errors.confused_s / errors.total_s)
        widths = (8, 9, 9, 8, 10)
        print(f"{name:20}" + "".join(f"{part:{width}.1%}" for part, width in zip(parts, widths, strict=True)))


if __name__ == "__main__":
    main()
