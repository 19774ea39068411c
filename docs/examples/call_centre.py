"""Speaking time in telephone calls of two channels, as JSON lines: one line per call.

Usage: python call_centre.py CALLS_FOLDER > calls.jsonl

The agent is on channel 1 and the customer on channel 2. A call that cannot be read is a line with the reason. The label
describes how a voice sounds; use sums over many calls, and decide nothing about a single person by it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import speechgmm

ROLES = {"agent": 1, "customer": 2}


def speaking_times(segments: speechgmm.Segments) -> dict[str, float]:
    """Seconds of each label, without non-speech."""
    labels = sorted({segment.label for segment in segments} - {"nonspeech"})
    return {
        label: round(sum(segment.duration_s for segment in segments if segment.label == label), 2) for label in labels
    }


def described(call: Path, model: speechgmm.Model) -> dict[str, object]:
    """What is known of a call."""
    try:
        channels = {role: speechgmm.segment(call, model=model, channel=number) for role, number in ROLES.items()}
    except speechgmm.SpeechGmmError as error:
        return {"call": call.name, "error": str(error)}
    return {
        "call": call.name,
        "duration_s": round(max(segments.end_s for segments in channels.values()), 2),
        **{role: speaking_times(segments) for role, segments in channels.items()},
    }


def lines(folder: Path) -> Iterator[str]:
    """A line of JSON for each call in a folder. Two calls at a time are read."""
    model = speechgmm.load()
    with ThreadPoolExecutor(2) as threads:
        for call in threads.map(lambda file: described(file, model), sorted(folder.glob("*.wav"))):
            yield json.dumps(call)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("usage: python call_centre.py CALLS_FOLDER, a folder of WAV files")
    for line in lines(Path(sys.argv[1])):
        print(line, flush=True)
