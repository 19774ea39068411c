"""Measure `speechgmm serve` in Chromium: the time from the end of a spoken sentence to its label on the page.

    python scripts/measure_serve.py RECORDING ... [--browser /usr/bin/chromium]

Each recording, a single sentence of one speaker, is played into the microphone of the browser, between silence. Its end
is when the page sends the last samples that are louder than -50 dB of full scale. The label is there when the first
event after these samples, `current` or `segment`, that covers the end and has a label has come to the page.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from playwright.sync_api import Page, sync_playwright

LOUD = 10 ** (-50 / 20)
BEFORE_S, AFTER_S, WAIT_S = 1.0, 8.0, 6.0

RECORD = f"""
window.pieces = [];
window.events = [];
const Plain = window.WebSocket;
window.WebSocket = class extends Plain {{
  constructor(...options) {{
    super(...options);
    this.addEventListener("message", ({{ data }}) => {{
      requestAnimationFrame(() => events.push([performance.now(), JSON.parse(data)]));
    }});
  }}
  send(data) {{
    if (data instanceof ArrayBuffer) {{
      const samples = new Float32Array(data);
      pieces.push([performance.now(), samples.length, samples.some((sample) => Math.abs(sample) > {LOUD})]);
    }}
    super.send(data);
  }}
}};
"""


def main() -> int:
    """Measure each recording and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("recordings", nargs="+", type=Path, metavar="RECORDING")
    parser.add_argument("--browser", default="/usr/bin/chromium")
    options = parser.parse_args()
    command = [sys.executable, "-m", "speechgmm", "serve", "--port", "0"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        delays = []
        for recording in options.recordings:
            microphone = Path(folder, "microphone.wav")
            length_s = write_microphone(microphone, recording)
            delay, event = measured(options.browser, microphone, address, length_s)
            delays.append(delay)
            print(f"{delay:.2f} s  {event['label']:8} {event['probability']:.3f}  {event['type']:8} {recording}")
        server.terminate()
    print(f"median {statistics.median(delays):.2f} s, longest {max(delays):.2f} s of {len(delays)}")
    return 0


def write_microphone(file: Path, recording: Path) -> float:
    """Write what the microphone hears; its length in seconds without the silence after the sentence."""
    samples, rate = soundfile.read(recording)
    silence = [np.zeros(round(seconds * rate)) for seconds in (BEFORE_S, AFTER_S)]
    soundfile.write(file, np.concatenate([silence[0], samples, silence[1]]), rate, subtype="PCM_16")
    return float(BEFORE_S + len(samples) / rate)


def measured(program: str, microphone: Path, address: str, length_s: float) -> tuple[float, dict[str, Any]]:
    """Seconds from the end of the sentence to its label, and the event that had it."""
    arguments = [
        "--no-sandbox",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={microphone}%noloop",
    ]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=arguments)
        page = browser.new_page()
        page.add_init_script(RECORD)
        page.goto(address)
        page.click("#microphone")
        page.wait_for_timeout(1000 * (length_s + WAIT_S))
        found = first_answer(page)
        browser.close()
    return found


def first_answer(page: Page) -> tuple[float, dict[str, Any]]:
    """The first event that covers the end of the sentence and has a label."""
    pieces, events = page.evaluate("[pieces, events]")
    rate = page.evaluate("new AudioContext().sampleRate")
    last = max(index for index, (_, _, is_loud) in enumerate(pieces) if is_loud)
    end_ms, end_s = pieces[last][0], sum(length for _, length, _ in pieces[: last + 1]) / rate
    for time_ms, event in events:
        covers = event["type"] == "current" and event["end"] >= end_s - 0.05
        follows = event["type"] == "segment" and event["end"] >= end_s - 0.3
        if (covers or follows) and event.get("probability") is not None:
            return (time_ms - end_ms) / 1000, event
    raise SystemExit(f"there was no label for the sentence that ended at {end_s:.2f} s")


if __name__ == "__main__":
    raise SystemExit(main())
